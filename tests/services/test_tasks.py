"""Long tasks: followed while they run, cancelled, begun again after a worker died, and nobody else's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import pytest

from domain.errors import Forbidden, NotFound, Unavailable
from domain.identity.roles import Role
from domain.operations.tasks import TaskIsOver, TaskState, TaskUnderWay
from domain.scope import Scope
from services.db.keys import new_id
from services.db.work import begin, read
from services.jobs.registry import REGISTRY
from services.jobs.worker import work_once
from services.tasks.tasks import (
    RunningTask,
    TaskInfo,
    TaskJob,
    cancel_task,
    does_task,
    get_task,
    list_tasks,
    start_task,
)
from tests.factories import Connection, Floor

Do = Callable[[RunningTask], Awaitable[dict[str, object]]]


class CountSheep(TaskJob):
    """Count as far as the test wants."""

    name = "test.sheep.count"


class Shepherd:
    """What the task of a test does."""

    do: Do


@pytest.fixture(autouse=True)
async def shepherd(superuser_connection: Connection) -> AsyncIterator[Shepherd]:
    """An empty queue, and a task that exists for these tests only."""
    await superuser_connection.execute("DELETE FROM pgmq.q_jobs; DELETE FROM pgmq.a_jobs")
    known, shepherd = dict(REGISTRY), Shepherd()

    @does_task(CountSheep)
    async def count(running: RunningTask, _: CountSheep) -> dict[str, object]:
        return await shepherd.do(running)

    yield shepherd
    REGISTRY.clear()
    REGISTRY.update(known)


async def started(scope: Scope) -> UUID:
    """Start the task."""
    async with begin(scope) as work:
        return await start_task(work, CountSheep(task_id=new_id()))


async def seen(scope: Scope, task_id: UUID) -> TaskInfo:
    """Return the task as its owner sees it."""
    async with read(scope) as work:
        return await get_task(work, task_id)


class TestTask:
    async def test_shows_how_far_it_is_while_it_runs_and_what_it_brought(
        self, floor: Floor, shepherd: Shepherd
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        task_id = await started(admin)
        half: list[TaskInfo] = []

        async def count(running: RunningTask) -> dict[str, object]:
            await running.report(5, total=10)
            half.append(await seen(admin, task_id))
            return {"sheep": 10}

        shepherd.do = count
        waiting = await seen(admin, task_id)
        await work_once()
        done = await seen(admin, task_id)

        assert (waiting.state, waiting.requested_by) == (TaskState.QUEUED, "The admin")
        assert [(one.state, one.done, one.total) for one in half] == [(TaskState.RUNNING, 5, 10)]
        assert (done.state, done.result, done.error) == (TaskState.DONE, {"sheep": 10}, "")
        assert done.ended_at is not None

    async def test_runs_alone_where_two_start_it_at_once(self, floor: Floor) -> None:
        admin = floor.acting_as(Role.ADMIN)

        both = await asyncio.gather(started(admin), started(admin), return_exceptions=True)

        assert sorted(type(one).__name__ for one in both) == ["TaskUnderWay", "UUID"]
        assert any(isinstance(one, TaskUnderWay) for one in both)

    async def test_stops_at_its_next_step_when_it_is_cancelled(self, floor: Floor, shepherd: Shepherd) -> None:
        admin = floor.acting_as(Role.ADMIN)
        task_id = await started(admin)
        steps: list[int] = []

        async def count(running: RunningTask) -> dict[str, object]:
            for step in range(10):
                await running.report(step)
                steps.append(step)
                if step == 2:
                    async with begin(admin) as work:
                        await cancel_task(work, task_id=task_id)
            return {}

        shepherd.do = count
        await work_once()

        assert steps == [0, 1, 2]
        assert (await seen(admin, task_id)).state is TaskState.CANCELLED
        async with begin(admin) as work:
            with pytest.raises(TaskIsOver):
                await cancel_task(work, task_id=task_id)

    async def test_ends_when_it_is_cancelled_after_its_job_was_taken_back(
        self, floor: Floor, shepherd: Shepherd, superuser_connection: Connection
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        task_id = await started(admin)

        async def lose(_: RunningTask) -> dict[str, object]:
            raise Unavailable

        shepherd.do = lose
        await work_once()
        await superuser_connection.execute("DELETE FROM pgmq.q_jobs")
        async with begin(admin) as work:
            cancelled = await cancel_task(work, task_id=task_id)

        assert cancelled.state is TaskState.CANCELLED
        await started(admin)

    async def test_never_begins_when_it_is_cancelled_before(self, floor: Floor, shepherd: Shepherd) -> None:
        admin = floor.acting_as(Role.ADMIN)
        task_id = await started(admin)

        async with begin(admin) as work:
            cancelled = await cancel_task(work, task_id=task_id)

        assert (cancelled.state, await work_once()) == (TaskState.CANCELLED, 0)

    async def test_begins_again_when_its_worker_was_killed(
        self, floor: Floor, shepherd: Shepherd, superuser_connection: Connection
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        task_id = await started(admin)
        begun = asyncio.Event()

        async def hang(running: RunningTask) -> dict[str, object]:
            await running.report(1)
            begun.set()
            await asyncio.Event().wait()
            return {}

        shepherd.do = hang
        killed = asyncio.create_task(work_once())
        await asyncio.wait_for(begun.wait(), 10)
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
        between = await seen(admin, task_id)

        async def count(running: RunningTask) -> dict[str, object]:
            await running.report(10)
            return {"sheep": 10}

        shepherd.do = count
        await superuser_connection.execute("UPDATE pgmq.q_jobs SET vt = now()")  # as if its visibility were over
        await work_once()

        assert between.state is TaskState.RUNNING
        assert ((await seen(admin, task_id)).state, await work_once()) == (TaskState.DONE, 0)

    async def test_says_why_it_failed_in_a_sentence_or_a_number(self, floor: Floor, shepherd: Shepherd) -> None:
        admin = floor.acting_as(Role.ADMIN)

        async def refuse(_: RunningTask) -> dict[str, object]:
            raise NotFound(what="sheep")

        async def break_down(_: RunningTask) -> dict[str, object]:
            raise LookupError("black sheep")

        errors = []
        for do in (refuse, break_down):
            shepherd.do = do
            task_id = await started(admin)
            await work_once()
            failed = await seen(admin, task_id)
            assert failed.state is TaskState.FAILED
            errors.append(failed.error)

        assert errors[0] == "There is no sheep with this id."
        assert errors[1].startswith("fault job-")
        assert "black sheep" not in errors[1]

    async def test_waits_while_the_database_is_away(self, floor: Floor, shepherd: Shepherd) -> None:
        admin = floor.acting_as(Role.ADMIN)
        task_id = await started(admin)

        async def lose(_: RunningTask) -> dict[str, object]:
            raise Unavailable

        shepherd.do = lose
        await work_once()

        assert (await seen(admin, task_id)).state is TaskState.RUNNING

    async def test_is_seen_and_cancelled_by_who_started_it_and_by_who_runs_the_system(self, floor: Floor) -> None:
        operator = floor.acting_as(Role.OPERATOR)
        task_id = await started(operator)

        assert (await seen(operator, task_id)).id == task_id
        for role in (Role.SUPERVISOR, Role.VIEWER):
            with pytest.raises(Forbidden):
                await seen(floor.acting_as(role), task_id)
            async with begin(floor.acting_as(role)) as work:
                assert await list_tasks(work) == ()
                with pytest.raises(Forbidden):
                    await cancel_task(work, task_id=task_id)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            assert [one.id for one in await list_tasks(work, kind=CountSheep.name)] == [task_id]
            assert (await cancel_task(work, task_id=task_id)).state is TaskState.CANCELLED

    async def test_does_not_exist_for_another_organization(self, floor: Floor, other: Floor) -> None:
        task_id = await started(floor.acting_as(Role.ADMIN))
        stranger = replace(other.acting_as(Role.ADMIN))

        async with begin(stranger) as work:
            assert await list_tasks(work) == ()
            with pytest.raises(NotFound):
                await get_task(work, task_id)
            with pytest.raises(NotFound):
                await cancel_task(work, task_id=task_id)
