"""Who may import whom, and what a file may be called."""

import ast
import subprocess
import sys

from tests.architecture.sources import ROOT, project_files, sources

TOP = frozenset({"domain", "services", "ui", "migrations", "assets", "tests", "docs", "deploy", ".ci", ".github"})
LONGEST_FILE = 400
NAMES_THAT_SAY_NOTHING = frozenset(
    {"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "misc.py", "core.py"}
)
WORDS_THAT_SAY_NOTHING = ("Manager", "Helper", "Util")


class TestImports:
    def test_keep_the_contracts(self) -> None:
        linted = subprocess.run(
            [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip

        assert linted.returncode == 0, linted.stdout + linted.stderr
        assert " 0 broken." in linted.stdout

    def test_of_revisions_are_the_policies_only(self) -> None:
        imported = {
            (path.name, name)
            for path, module in sources("migrations")
            if path.parent.name == "versions"
            for name in _imported_by(module)
            if name != "migrations.policies"
        }

        assert imported == set()

    def test_never_name_our_ui_package_by_its_bare_name(self) -> None:
        bare = [
            str(path)
            for path, module in sources("domain", "services", "ui", "main.py")
            for node in ast.walk(module)
            if isinstance(node, ast.Import) and any(alias.name == "ui" for alias in node.names)
        ]

        assert bare == []

    def test_are_never_relative(self) -> None:
        relative = [
            str(path)
            for path, module in sources("domain", "services", "ui", "migrations", "tests")
            for node in ast.walk(module)
            if isinstance(node, ast.ImportFrom) and node.level
        ]

        assert relative == []


class TestFiles:
    def test_lie_in_a_room_of_the_design(self) -> None:
        assert {path.parts[0] for path in project_files() if len(path.parts) > 1} - TOP == set()

    def test_are_named_after_something_on_the_floor(self) -> None:
        assert [str(path) for path in project_files() if path.name in NAMES_THAT_SAY_NOTHING] == []

    def test_are_short_enough_to_read(self) -> None:
        long = {
            str(path): lines
            for path, _ in sources("domain", "services", "ui", "main.py")
            if (lines := len((ROOT / path).read_text().splitlines())) >= LONGEST_FILE
        }

        assert long == {}

    def test_say_what_they_are_about(self) -> None:
        silent = [
            str(path)
            for path, module in sources("domain", "services", "ui", "migrations", "main.py")
            if module.body and ast.get_docstring(module) is None
        ]

        assert silent == []


class TestNames:
    def test_of_classes_say_what_they_are(self) -> None:
        empty = [
            f"{path}: {node.name}"
            for path, module in sources("domain", "services", "ui", "main.py")
            for node in ast.walk(module)
            if isinstance(node, ast.ClassDef) and node.name.endswith(WORDS_THAT_SAY_NOTHING)
        ]

        assert empty == []


def _imported_by(module: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names
