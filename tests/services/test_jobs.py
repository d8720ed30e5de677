"""Background jobs: at least once, with growing pauses, an archive for lost causes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Unavailable
from domain.events import PlantModelChanged
from domain.identity.roles import Role
from domain.scope import Scope
from services.db.engine import without_tenant
from services.db.tables import AuditEntry, Plant
from services.db.work import Work, begin, read
from services.jobs import worker
from services.jobs.registry import REGISTRY, Job, does, does_for_system, enqueue, enqueue_for_system
from services.jobs.worker import MAX_ATTEMPTS, pause_after, queue_due_schedules, work_forever, work_once
from services.plant.plant_models import add_plant
from tests.factories import Connection, Floor


class AddPlant(Job):
    """Add a plant, as often as it takes."""

    name = "test.plant.add"
    code: str
    fail: str = ""


class Tick(Job):
    """Count that the time has come."""

    name = "test.clock.tick"


done: list[Scope] = []
ticks: list[str] = []


@pytest.fixture(autouse=True)
async def _jobs(superuser_connection: Connection) -> AsyncIterator[None]:
    """An empty queue, and two jobs that exist for these tests only."""
    await superuser_connection.execute("DELETE FROM pgmq.q_jobs; DELETE FROM pgmq.a_jobs; DELETE FROM app.schedules")
    known = dict(REGISTRY)
    REGISTRY.clear()
    done.clear()
    ticks.clear()

    @does(AddPlant)
    async def add(work: Work, job: AddPlant) -> None:
        done.append(work.scope)
        await add_plant(work, code=job.code, name=job.code, time_zone="UTC")
        if job.fail:
            raise LookupError(job.fail)

    @does_for_system(Tick, every_s=3600)
    async def tick(connection: AsyncConnection, _: Tick) -> None:
        ticks.append(str(await connection.scalar(text("SELECT current_user"))))

    yield
    REGISTRY.clear()
    REGISTRY.update(known)


async def queued(connection: Connection) -> list[dict[str, object]]:
    rows = await connection.fetch("SELECT msg_id, read_ct, vt, headers, message FROM pgmq.q_jobs ORDER BY msg_id")
    return [dict(row) for row in rows]


async def make_visible(connection: Connection) -> None:
    """Let the pause before the next attempt pass."""
    await connection.execute("UPDATE pgmq.q_jobs SET vt = now() - interval '1 second'")


async def plants(scope: Scope) -> list[str]:
    async with read(scope) as work:
        return list((await work.session.execute(select(Plant.code).order_by(Plant.code))).scalars())


@asynccontextmanager
async def working() -> AsyncIterator[None]:
    """A worker that works for the time of the block."""
    task = asyncio.create_task(work_forever())
    yield
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def until_there_are(codes: list[str], scope: Scope) -> None:
    """Wait until there are these plants, as another process would."""
    async with asyncio.timeout(10):
        while await plants(scope) != codes:  # noqa: ASYNC110 - another process would have nothing but the rows
            await asyncio.sleep(0.05)


class TestEnqueue:
    async def test_exists_if_and_only_if_the_work_commits(self, scope: Scope, superuser_connection: Connection) -> None:
        async def fail() -> None:
            async with begin(scope) as work:
                await enqueue(work, AddPlant(code="NEVER"))
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        async with begin(scope) as work:
            await enqueue(work, AddPlant(code="A"))
            assert await queued(superuser_connection) == []

        assert len(await queued(superuser_connection)) == 1

    async def test_waits_as_long_as_it_is_told(self, scope: Scope) -> None:
        async with begin(scope) as work:
            await enqueue(work, AddPlant(code="A"), delay_s=3600)

        assert await work_once() == 0


class TestTenantJob:
    async def test_runs_in_its_own_organization_for_whoever_asked(self, floor: Floor) -> None:
        asked = replace(floor.acting_as(Role.SUPERVISOR, plant_ids=frozenset()), request_id="r-1")
        async with begin(asked) as work:
            await enqueue(work, AddPlant(code="BY-JOB"))

        assert await work_once() == 1

        assert "BY-JOB" in await plants(floor.scope)
        assert [(scope.org_id, scope.user_id) for scope in done] == [
            (floor.scope.org_id, floor.user_ids[Role.SUPERVISOR])
        ]

    async def test_never_touches_another_organization(self, floor: Floor, other: Floor) -> None:
        for owner in (floor, other):
            async with begin(owner.scope) as work:
                await enqueue(work, AddPlant(code=f"OF-{owner.slug[-6:]}"))

        assert await work_once() == 2

        for owner in (floor, other):
            assert [code for code in await plants(owner.scope) if code.startswith("OF-")] == [f"OF-{owner.slug[-6:]}"]

    async def test_says_in_the_audit_which_job_did_it(self, floor: Floor, superuser_connection: Connection) -> None:
        async with begin(floor.scope) as work:
            await enqueue(work, AddPlant(code="A"))
        number = (await queued(superuser_connection))[0]["msg_id"]
        await work_once()

        async with read(floor.scope) as work:
            entry = (
                await work.session.execute(select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(1))
            ).scalar_one()
        assert entry.request_id == f"job-{number}"

    async def test_commits_together_with_its_removal(self, scope: Scope, superuser_connection: Connection) -> None:
        async with begin(scope) as work:
            await enqueue(work, AddPlant(code="A", fail="not yet"))
        await work_once()
        assert (await plants(scope), len(await queued(superuser_connection))) == ([], 1)

        await superuser_connection.execute(
            "UPDATE pgmq.q_jobs SET message = jsonb_set(message, '{payload,fail}', '\"\"')"
        )
        await make_visible(superuser_connection)
        await work_once()

        assert (await plants(scope), len(await queued(superuser_connection))) == (["A"], 0)

    async def test_sends_its_events_when_it_commits(self, floor: Floor, superuser_connection: Connection) -> None:
        async with begin(floor.scope) as work:
            await enqueue(work, AddPlant(code="A"))
        queue = "live_" + "0" * 12
        await superuser_connection.execute("SELECT app.open_live_queue($1, '{plant.#}')", queue)

        await work_once()

        message = await superuser_connection.fetchval("SELECT message FROM pgmq.pop($1)", queue)
        await superuser_connection.execute("SELECT app.close_live_queue($1)", queue)
        assert orjson.loads(message)["topic"] == PlantModelChanged.topic
        assert orjson.loads(message)["org"] == str(floor.scope.org_id)


class TestFailure:
    async def test_waits_longer_after_each_attempt(self, scope: Scope, superuser_connection: Connection) -> None:
        async with begin(scope) as work:
            await enqueue(work, AddPlant(code="A", fail="the printer is on fire"))
        pauses = []
        for _ in range(3):
            await make_visible(superuser_connection)
            await work_once()
            job = (await queued(superuser_connection))[0]
            assert isinstance(job["vt"], datetime)
            pauses.append(round((job["vt"] - datetime.now(UTC)).total_seconds()))

        assert pauses == [pytest.approx(expected, abs=1) for expected in (5, 10, 20)]
        assert "the printer is on fire" in str(job["headers"])

    async def test_is_put_into_the_archive_when_there_is_no_hope(
        self, scope: Scope, superuser_connection: Connection
    ) -> None:
        async with begin(scope) as work:
            await enqueue(work, AddPlant(code="A", fail="never"))
        for _ in range(MAX_ATTEMPTS):
            await make_visible(superuser_connection)
            assert await work_once() == 1

        assert await queued(superuser_connection) == []
        archived = await superuser_connection.fetchrow("SELECT read_ct, headers FROM pgmq.a_jobs")
        assert archived is not None
        assert archived["read_ct"] == MAX_ATTEMPTS
        assert "never" in archived["headers"]
        assert await plants(scope) == []

    async def test_does_not_hold_up_the_others(self, scope: Scope) -> None:
        for code in ("A", "B", "C"):
            async with begin(scope) as work:
                await enqueue(work, AddPlant(code=code, fail="no" if code == "B" else ""))

        assert await work_once() == 3

        assert await plants(scope) == ["A", "C"]

    @pytest.mark.parametrize(
        "message",
        [
            '{"job": "test.plant.forgotten", "org": null, "user": null, "request": "", "payload": {}}',
            '{"job": "test.plant.add", "org": null, "user": null, "request": "", "payload": {"code": "A"}}',
            '{"job": "test.plant.add", "org": "x", "user": null, "request": "", "payload": {"code": "A"}}',
            '{"job": "test.plant.add", "org": null, "user": null, "request": "", "payload": {"nonsense": 1}}',
            '{"something": "else"}',
            "[1]",
            '"x"',
            "null",
        ],
    )
    async def test_of_a_job_that_nobody_understands_stops_no_worker(
        self, scope: Scope, superuser_connection: Connection, message: str
    ) -> None:
        await superuser_connection.execute("SELECT pgmq.send('jobs', $1::jsonb)", message)
        async with begin(scope) as work:
            await enqueue(work, AddPlant(code="A"))

        assert await work_once() == 2

        assert await plants(scope) == ["A"]
        assert len(await queued(superuser_connection)) == 1

    async def test_of_the_database_leaves_the_job_for_later(
        self, scope: Scope, superuser_connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with begin(scope) as work:
            await enqueue(work, AddPlant(code="A"))

        async def away(*_: object) -> None:
            raise Unavailable

        monkeypatch.setattr(worker, "_run", away)
        await work_once()
        assert len(await queued(superuser_connection)) == 1

        monkeypatch.undo()
        await make_visible(superuser_connection)
        await work_once()
        assert await plants(scope) == ["A"]


class TestPauseAfter:
    def test_doubles_up_to_an_hour(self) -> None:
        assert [pause_after(attempt) for attempt in (1, 2, 3, 4, 10, 11, 50)] == [5, 10, 20, 40, 2560, 3600, 3600]


class TestWorkers:
    async def test_at_once_do_no_job_twice(self, scope: Scope) -> None:
        async with begin(scope) as work:
            for number in range(12):
                await enqueue(work, AddPlant(code=f"P{number:02}"))

        taken = 0
        while batch := sum(await asyncio.gather(*(work_once() for _ in range(4)))):
            taken += batch

        assert taken == len(done) == 12
        assert await plants(scope) == [f"P{number:02}" for number in range(12)]

    async def test_that_die_leave_their_job_to_others(self, scope: Scope, superuser_connection: Connection) -> None:
        async with begin(scope) as work:
            await enqueue(work, AddPlant(code="A"))
        async with without_tenant() as connection:
            await connection.execute(text("SELECT pgmq.read('jobs', 60, 1)"))
        assert await work_once() == 0

        await make_visible(superuser_connection)

        assert await work_once() == 1
        assert await plants(scope) == ["A"]

    async def test_keep_a_long_job_theirs(self, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(worker, "VISIBILITY_S", 1)

        @does(AddPlant)
        async def slowly(work: Work, job: AddPlant) -> None:
            done.append(work.scope)
            await asyncio.sleep(2)

        async with begin(scope) as work:
            await enqueue(work, AddPlant(code="A"))

        async def later() -> int:
            await asyncio.sleep(1.5)
            return await work_once()

        assert list(await asyncio.gather(work_once(), later())) == [1, 0]
        assert len(done) == 1

    async def test_go_on_until_they_are_stopped(self, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(worker, "IDLE_S", 0.02)
        task = asyncio.create_task(work_forever())
        async with begin(scope) as work:
            await enqueue(work, AddPlant(code="A"))
        async with asyncio.timeout(5):
            while await plants(scope) != ["A"]:  # noqa: ASYNC110 - another process would have nothing but the row
                await asyncio.sleep(0.05)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    @pytest.mark.parametrize("error", [Unavailable(), RuntimeError("unforeseen")])
    async def test_go_on_after_trouble(self, scope: Scope, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        monkeypatch.setattr(worker, "IDLE_S", 0.02)
        calls = []
        real = worker.queue_due_schedules

        async def troubled() -> None:
            calls.append(1)
            if len(calls) < 3:
                raise error
            await real()

        monkeypatch.setattr(worker, "queue_due_schedules", troubled)
        task = asyncio.create_task(work_forever())
        async with begin(scope) as work:
            await enqueue(work, AddPlant(code="A"))
        async with asyncio.timeout(5):
            while await plants(scope) != ["A"] and not task.done():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)

        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_let_a_long_job_hold_up_no_other(self, scope: Scope) -> None:
        begun, may_end = asyncio.Event(), asyncio.Event()

        @does_for_system(Tick)
        async def wait(connection: AsyncConnection, _: Tick) -> None:
            begun.set()
            await may_end.wait()

        async with without_tenant() as connection:
            await enqueue_for_system(connection, Tick())
        async with working():
            await begun.wait()
            async with begin(scope) as work:
                await enqueue(work, AddPlant(code="A"))

            await until_there_are(["A"], scope)

    async def test_do_one_of_a_recurring_job_at_a_time(self, scope: Scope, superuser_connection: Connection) -> None:
        may_end = asyncio.Event()

        @does_for_system(Tick, every_s=3600)
        async def wait(connection: AsyncConnection, _: Tick) -> None:
            ticks.append("begun")
            await may_end.wait()

        async with without_tenant() as connection:
            for _ in range(2 * worker.AT_ONCE):
                await enqueue_for_system(connection, Tick())
        async with begin(scope) as work:
            await enqueue(work, AddPlant(code="A"))
        async with working():
            await until_there_are(["A"], scope)

            assert ticks == ["begun"]
            may_end.set()
            async with asyncio.timeout(5):
                while await queued(superuser_connection):  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.05)


class TestSystemJob:
    async def test_runs_under_no_organization(self, superuser_connection: Connection) -> None:
        async with without_tenant() as connection:
            await enqueue_for_system(connection, Tick())

        await work_once()

        assert ticks == ["unison_app"]
        assert await queued(superuser_connection) == []


class TestSchedule:
    async def test_is_taken_by_one_of_many_workers(self, database: object, superuser_connection: Connection) -> None:
        await asyncio.gather(*(queue_due_schedules() for _ in range(6)))

        assert len(await queued(superuser_connection)) == 1

    async def test_comes_again_when_its_time_has_come(self, database: object, superuser_connection: Connection) -> None:
        await queue_due_schedules()
        await queue_due_schedules()
        due = await superuser_connection.fetchval("SELECT due_at FROM app.schedules WHERE name = 'test.clock.tick'")
        await superuser_connection.execute("UPDATE app.schedules SET due_at = now() - interval '1 second'")
        await queue_due_schedules()

        assert due - datetime.now(UTC) == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=30))
        assert len(await queued(superuser_connection)) == 2
