"""Long work: started in a request, done by a worker, followed on screens, cancelled while it runs.

A task is a row beside its job. Progress and the wish to cancel travel in transactions of their own, so that everybody
sees them at once. A worker that dies leaves its job to the next one, which begins again: what a task does must be
repeatable.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import orjson
import structlog
from sqlalchemy import Select, select, update

from domain.errors import NotFound, Unavailable, UnisonError
from domain.events import TaskMoved
from domain.identity.roles import Permission
from domain.operations.tasks import TaskIsOver, TaskState, TaskUnderWay
from domain.scope import Scope
from services.db.tables import Task, User
from services.db.work import Work, begin, read
from services.jobs.registry import Job, does_at_length, enqueue

log = structlog.get_logger(__name__)

OPEN = (TaskState.QUEUED.value, TaskState.RUNNING.value)
MESSAGE = """
SELECT msg_id FROM pgmq.q_jobs
WHERE message ->> 'org' = app.current_org()::text AND message -> 'payload' ->> 'task_id' = $1
"""
DELETE_WAITING = """
DELETE FROM pgmq.q_jobs WHERE message ->> 'org' = app.current_org()::text AND message -> 'payload' ->> 'task_id' = $1
"""


class TaskJob(Job):
    """The job of a task; each kind is a class below it."""

    name = "system.task.run"
    task_id: UUID


J = TypeVar("J", bound=TaskJob)
Handler = Callable[["RunningTask", J], Awaitable[dict[str, object]]]
"""Does a task and returns its result, as JSON values."""


GivenUp = Callable[[Work, UUID], Awaitable[None]]
"""What else becomes of a task, by its id, that was cancelled or failed."""
GIVEN_UP: dict[str, GivenUp] = {}


class TaskCancelled(Exception):
    """Somebody cancelled the task; raised where it asks, so that its transaction is undone."""


@dataclass(frozen=True)
class RunningTask:
    """A task that a worker is doing."""

    id: UUID
    kind: str
    scope: Scope

    async def report(self, done: int, total: int | None = None) -> None:
        """Tell how far it is; shown at once.

        Raises:
            TaskCancelled: somebody wants it to stop.
        """
        async with begin(self.scope) as work:
            values: dict[str, object] = {"done": done} if total is None else {"done": done, "total": total}
            wish = await work.session.execute(
                update(Task).where(Task.id == self.id).values(**values).returning(Task.cancel_requested)
            )
            work.emit(TaskMoved(task_id=self.id, kind=self.kind))
            is_cancelled = wish.scalar_one_or_none()
        if is_cancelled is not False:  # also where the organization is gone
            raise TaskCancelled

    async def keep(self, work: Work, result: dict[str, object]) -> None:
        """Keep what it brought, together with what `work` does: a worker that begins again finds it with `kept`."""
        await work.session.execute(update(Task).where(Task.id == self.id).values(result=result))

    async def kept(self) -> dict[str, object]:
        """Return what a worker kept that died before it could say that the task is done; empty for nothing."""
        async with read(self.scope) as work:
            kept: dict[str, object] | None = await work.session.scalar(select(Task.result).where(Task.id == self.id))
        return kept or {}


@dataclass(frozen=True)
class TaskInfo:
    """A task, as screens and programs see it."""

    id: UUID
    kind: str
    state: TaskState
    done: int
    total: int | None
    """None where nobody knows yet."""
    result: dict[str, object]
    error: str
    cancel_requested: bool
    requested_by: str
    """The name of who started it; empty for the system."""
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


def does_task(kind: type[J]) -> Callable[["Handler[J]"], "Handler[J]"]:
    """Register the function that does a task. It opens its own units of work from the task's scope."""

    def register(handler: "Handler[J]") -> "Handler[J]":
        async def run(scope: Scope, job: J) -> None:
            await _run(scope, handler, job)

        does_at_length(kind)(run)
        return handler

    return register


def when_given_up(*kinds: type[TaskJob]) -> Callable[[GivenUp], GivenUp]:
    """Register what else happens when a task of these kinds is cancelled or fails, in the same transaction."""

    def register(handler: GivenUp) -> GivenUp:
        GIVEN_UP.update({kind.name: handler for kind in kinds})
        return handler

    return register


async def start_task(work: Work, job: TaskJob, *, alone: bool = True) -> UUID:
    """Queue a task and its job; it exists if, and only if, the work commits. The use case asks for the right.

    `alone`: no other task of the kind may be under way in the organization.

    Raises:
        TaskUnderWay: one is.
    """
    if alone:
        await work.fetch(
            "SELECT pg_advisory_xact_lock(hashtextextended('task:' || app.current_org() || $1, 0))", job.name
        )
        under_way = select(Task.id).where(Task.kind == job.name, Task.state.in_(OPEN))
        if (await work.session.execute(under_way.limit(1))).first() is not None:
            raise TaskUnderWay
    work.session.add(
        Task(
            id=job.task_id,
            org_id=work.scope.org_id,
            kind=job.name,
            requested_by=work.scope.user_id,
            requested_at=work.now,
        )
    )
    await work.session.flush()
    await enqueue(work, job)
    work.emit(TaskMoved(task_id=job.task_id, kind=job.name))
    return job.task_id


async def cancel_task(work: Work, *, task_id: UUID) -> TaskInfo:
    """Take a waiting task back, or have a running one stop at its next step.

    Raises:
        Forbidden: the actor neither started it nor may edit jobs.
        NotFound: there is no such task.
        TaskIsOver: it is done, failed or cancelled.
    """
    task = await work.session.get(Task, task_id, with_for_update=True, populate_existing=True)
    if task is None or task.requested_by is None or task.requested_by != work.scope.user_id:
        await work.permit(Permission.EDIT_JOBS)
    if task is None:
        raise NotFound(what="task")
    if TaskState(task.state).is_over:
        raise TaskIsOver
    await _stop(work, task)
    return await get_task(work, task_id)


async def stop_task(work: Work, *, task_id: UUID) -> None:
    """Do what `cancel_task` does, for a use case that has asked for its own right; nothing where the task is over."""
    task = await work.session.get(Task, task_id, with_for_update=True, populate_existing=True)
    if task is not None and not TaskState(task.state).is_over:
        await _stop(work, task)


async def _stop(work: Work, task: Task) -> None:
    task.cancel_requested = True
    is_orphan = not await work.fetch(MESSAGE, str(task.id))  # its job was taken back, or failed for good
    if task.state == TaskState.QUEUED or is_orphan:
        await work.fetch(DELETE_WAITING, str(task.id))
        task.state, task.ended_at = TaskState.CANCELLED.value, work.now
        await _give_up(work, task)
    await work.session.flush()
    work.emit(TaskMoved(task_id=task.id, kind=task.kind))


async def _give_up(work: Work, task: Task) -> None:
    if task.kind in GIVEN_UP:
        await work.session.flush()
        await GIVEN_UP[task.kind](work, task.id)


async def get_task(work: Work, task_id: UUID) -> TaskInfo:
    """Return a task.

    Raises:
        Forbidden: the actor neither started it nor may inspect the system.
        NotFound: there is no such task.
    """
    row = (await work.session.execute(_shown().where(Task.id == task_id))).one_or_none()
    if row is None or row.Task.requested_by is None or row.Task.requested_by != work.scope.user_id:
        await work.permit(Permission.INSPECT_SYSTEM)
    if row is None:
        raise NotFound(what="task")
    return _info(row.Task, row.display_name)


async def list_tasks(work: Work, *, kind: str = "", limit: int = 50) -> tuple[TaskInfo, ...]:
    """Return the newest tasks; of a kind where given. Whoever may not inspect the system sees their own."""
    statement = _shown().order_by(Task.requested_at.desc(), Task.id).limit(limit)
    if kind:
        statement = statement.where(Task.kind == kind)
    if not work.scope.may(Permission.INSPECT_SYSTEM):
        statement = statement.where(Task.requested_by == work.scope.user_id)
    return tuple(_info(row.Task, row.display_name) for row in await work.session.execute(statement))


async def _run(scope: Scope, handler: "Handler[J]", job: J) -> None:
    running = RunningTask(job.task_id, job.name, scope)
    async with begin(scope) as work:
        task = await work.session.get(Task, job.task_id, with_for_update=True)
        if task is None or TaskState(task.state).is_over:
            return  # done by a worker that died before it could say so, or taken back
        task.state, task.started_at, task.error = TaskState.RUNNING.value, task.started_at or work.now, ""
        work.emit(TaskMoved(task_id=running.id, kind=running.kind))
    try:
        result = await handler(running, job)
    except TaskCancelled:
        await _end(running, TaskState.CANCELLED)
    except Unavailable:
        raise  # tried again by the queue
    except UnisonError as error:
        await _end(running, TaskState.FAILED, error=str(error))
    except Exception:
        log.exception("a task failed", task=str(running.id), kind=running.kind)
        await _end(running, TaskState.FAILED, error=f"fault {running.scope.request_id}")
    else:
        await _end(running, TaskState.DONE, result=result)


async def _end(
    running: RunningTask, state: TaskState, *, result: dict[str, object] | None = None, error: str = ""
) -> None:
    async with begin(running.scope) as work:
        task = await work.session.get(Task, running.id, with_for_update=True, populate_existing=True)
        if task is None:
            return
        task.state, task.ended_at, task.error = state.value, work.now, error
        task.result = orjson.loads(orjson.dumps(result or {}, default=str))
        if state is not TaskState.DONE:
            await _give_up(work, task)
        work.emit(TaskMoved(task_id=running.id, kind=running.kind))


def _shown() -> "Select[Task, str]":
    return select(Task, User.display_name).outerjoin(
        User, (User.org_id == Task.org_id) & (User.id == Task.requested_by)
    )


def _info(task: Task, name: str | None) -> TaskInfo:
    return TaskInfo(
        id=task.id,
        kind=task.kind,
        state=TaskState(task.state),
        done=task.done,
        total=task.total,
        result=task.result,
        error=task.error,
        cancel_requested=task.cancel_requested,
        requested_by=name or "",
        requested_at=task.requested_at,
        started_at=task.started_at,
        ended_at=task.ended_at,
    )
