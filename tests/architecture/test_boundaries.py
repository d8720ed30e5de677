"""Where errors may be caught wholesale, and what live screens never do."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import sources

BOUNDARIES = {
    "services/events/hub.py:_tell": "a listener that fails must not keep the others from hearing",
    "services/events/pump.py:run": "a pump that ended would leave every screen standing still",
    "services/jobs/worker.py:work_forever": "a worker that ended would leave every job undone",
    "services/jobs/worker.py:_do": "the boundary of every job: logged once, tried again or archived",
    "services/tasks/tasks.py:_run": "the boundary of every task: logged once, shown with a reference",
    "services/webhooks/courier.py:_outliving": "a courier that ended would leave every webhook untold",
    "services/webhooks/deliveries.py:deliver": "the boundary of every message: logged once, tried again with a pause",
    "ui/api/request_log.py:_answer": "the boundary of every request: logged once, answered with a reference",
    "services/audit/notes.py:_write": "nobody waits for a note any more: logged once",
    "ui/kit/enter.py:enter": "the boundary of every page: logged once, shown with a reference",
    "ui/kit/live_page.py:follow": "the boundary of every live page: logged once, loaded again at the next event",
    "ui/kit/act.py:act": "the boundary of every click: logged once, shown with a reference",
}
"""Functions that may catch every exception, each with the reason."""

ROOMS = ("domain", "services", "ui", "migrations", "main.py")


class TestCatchingEverything:
    def test_happens_at_listed_boundaries_only(self) -> None:
        assert {place for place, handler in _catching_everything() if not _passes_on(handler)} == set(BOUNDARIES)


class TestLiveScreens:
    def test_never_poll(self) -> None:
        polling = [
            str(path)
            for path, module in sources("ui")
            for node in ast.walk(module)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "timer"
            and not any(keyword.arg == "once" for keyword in node.keywords)
        ]

        assert polling == []

    def test_never_share_a_refreshable_because_it_repaints_every_client_of_every_tenant(self) -> None:
        shared = [
            f"{path}: {function.name}"
            for path, module in sources("ui")
            for function in module.body
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            and any("refreshable" in ast.unparse(decorator) for decorator in function.decorator_list)
        ]

        assert shared == []


class TestTasks:
    def test_are_kept_because_the_loop_forgets_those_that_nobody_holds(self) -> None:
        forgotten = [
            f"{path}:{node.lineno}"
            for path, module in sources(*ROOMS)
            for node in ast.walk(module)
            if isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func).endswith(("create_task", "ensure_future"))
            and not ast.unparse(node.value.func).startswith(("group.", "tasks."))
        ]

        assert forgotten == []


class TestClocks:
    def test_are_read_by_the_transaction_and_not_by_use_cases(self) -> None:
        reading = [
            f"{path}:{node.lineno}"
            for path, module in sources("domain", "services")
            for node in ast.walk(module)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func) in {"datetime.now", "datetime.utcnow", "date.today", "datetime.today"}
            and path.parts[:2] not in {("services", "adapters")}
        ]

        assert reading == []


def _catching_everything() -> Iterator[tuple[str, ast.ExceptHandler]]:
    for path, module in sources(*ROOMS):
        yield from ((f"{path.as_posix()}:{name}", handler) for name, handler in _handlers(module, "the module itself"))


def _handlers(node: ast.AST, function: str) -> Iterator[tuple[str, ast.ExceptHandler]]:
    """Yield every handler of everything below a node, with the innermost function around it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ExceptHandler) and (
            child.type is None or {"Exception", "BaseException"} & set(ast.unparse(child.type).strip("()").split(", "))
        ):
            yield function, child
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield from _handlers(child, inside)


def _passes_on(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler only tidies up and lets the error go on."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
