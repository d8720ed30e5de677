"""An organization's jobs, dead letters and health, seen and mended by itself alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from domain.errors import Forbidden, NotFound
from domain.events import JobMoved
from domain.files.purposes import FilePurpose
from domain.identity.roles import Role
from domain.integration.webhooks import InvalidTopics, checked_topics
from domain.scope import Scope
from services.config import Settings
from services.db.engine import without_tenant
from services.db.migrate import known_revisions
from services.db.work import Work, begin, read
from services.events.hub import Hub
from services.events.pump import Pump
from services.files.kept_files import keep_file
from services.jobs.registry import REGISTRY, Job, does, enqueue
from services.jobs.runs import JobOutcome
from services.jobs.upkeep import PurgeJobRuns, purge_job_runs
from services.jobs.worker import MAX_ATTEMPTS, work_forever, work_once
from services.operations.health import Condition, RunningJob, check_health
from services.operations.jobs import (
    JobRuns,
    JobState,
    QueuedJob,
    cancel_job,
    discard_dead_letter,
    list_dead_letters,
    list_done_jobs,
    list_jobs,
    replay_dead_letter,
    retry_job,
)
from services.operations.settings_in_force import NOT_SET, SET, Origin, settings_in_force
from tests.factories import Connection, Floor


class Stumble(Job):
    """Fail as often as the test wants."""

    name = "test.job.stumble"


class Path:
    """What the job does."""

    is_clear = False
    done = 0
    hold: "asyncio.Event | None" = None
    entered: "asyncio.Event | None" = None


@pytest.fixture(autouse=True)
async def path(superuser_connection: Connection) -> AsyncIterator[Path]:
    """An empty queue, and a job that exists for these tests only."""
    await superuser_connection.execute("DELETE FROM pgmq.q_jobs; DELETE FROM pgmq.a_jobs")
    known, path = dict(REGISTRY), Path()

    @does(Stumble)
    async def stumble(work: Work, _: Stumble) -> None:
        if path.hold is not None and path.entered is not None:
            path.entered.set()
            await path.hold.wait()
        if not path.is_clear:
            raise LookupError("a stone")
        path.done += 1

    yield path
    REGISTRY.clear()
    REGISTRY.update(known)


async def queued(scope: Scope, *, delay_s: int = 0) -> QueuedJob:
    """Queue the job and return it as it is listed."""
    async with begin(scope) as work:
        await enqueue(work, Stumble(), delay_s=delay_s)
    return (await jobs_of(scope))[0]


async def jobs_of(scope: Scope) -> tuple[QueuedJob, ...]:
    """Return the organization's jobs."""
    async with read(scope) as work:
        return await list_jobs(work)


async def buried(scope: Scope, connection: Connection) -> int:
    """Let the job fail for good; returns its number."""
    job = await queued(scope)
    await connection.execute("UPDATE pgmq.q_jobs SET read_ct = $1", MAX_ATTEMPTS - 1)
    await work_once()
    return job.id


class TestJobs:
    async def test_show_what_waits_what_is_for_later_and_what_will_be_tried_again(self, floor: Floor) -> None:
        admin = floor.acting_as(Role.ADMIN)
        waiting = await queued(admin)
        later = await queued(admin, delay_s=60)
        await work_once()
        failed = next(job for job in await jobs_of(admin) if job.id == waiting.id)

        assert (waiting.state, later.state) == (JobState.WAITING, JobState.LATER)
        assert (failed.state, failed.attempts) == (JobState.RETRYING, 1)
        assert "a stone" in failed.error

    async def test_are_done_at_once_when_somebody_says_so_however_often(self, floor: Floor, path: Path) -> None:
        admin = floor.acting_as(Role.ADMIN)
        job = await queued(admin)
        await work_once()
        path.is_clear = True

        assert await work_once() == 0
        for _ in range(2):
            async with begin(admin) as work:
                await retry_job(work, job_id=job.id)
        await asyncio.gather(work_once(), work_once())

        assert (path.done, await jobs_of(admin)) == (1, ())

    async def test_are_left_alone_while_a_worker_does_them(self, floor: Floor, path: Path) -> None:
        admin = floor.acting_as(Role.ADMIN)
        path.is_clear, path.hold, path.entered = True, asyncio.Event(), asyncio.Event()
        job = await queued(admin)
        working = asyncio.create_task(work_once())
        await asyncio.wait_for(path.entered.wait(), 10)

        running = (await jobs_of(admin))[0]
        for mend in (retry_job, cancel_job):
            with pytest.raises(JobRuns):
                async with begin(admin) as work:
                    await mend(work, job_id=job.id)
        path.hold.set()
        await working

        assert running.state is JobState.RUNNING
        assert path.done == 1

    async def test_are_taken_back(self, floor: Floor, path: Path) -> None:
        admin, path.is_clear = floor.acting_as(Role.ADMIN), True
        job = await queued(admin)

        async with begin(admin) as work:
            await cancel_job(work, job_id=job.id)

        assert (await work_once(), path.done) == (0, 0)

    async def test_are_seen_and_mended_by_no_other_organization(
        self, floor: Floor, other: Floor, superuser_connection: Connection
    ) -> None:
        stranger = other.acting_as(Role.ADMIN)
        dead = await buried(floor.acting_as(Role.ADMIN), superuser_connection)
        job = await queued(floor.acting_as(Role.ADMIN))

        async with read(stranger) as work:
            assert await list_jobs(work) == ()
            assert await list_dead_letters(work) == ()
        attacks: list[tuple[Any, int]] = [
            (retry_job, job.id), (cancel_job, job.id), (replay_dead_letter, dead), (discard_dead_letter, dead),
        ]  # fmt: skip
        for attack, job_id in attacks:
            with pytest.raises(NotFound):
                async with begin(stranger) as work:
                    await attack(work, job_id=job_id)
        assert len(await jobs_of(floor.acting_as(Role.ADMIN))) == 1

    async def test_are_for_whoever_runs_the_system(self, floor: Floor) -> None:
        job = await queued(floor.acting_as(Role.ADMIN))

        for role in set(Role) - {Role.ADMIN}:
            with pytest.raises(Forbidden):
                await jobs_of(floor.acting_as(role))
            with pytest.raises(Forbidden):
                async with begin(floor.acting_as(role)) as work:
                    await cancel_job(work, job_id=job.id)


class TestDoneJobs:
    async def test_are_listed_with_how_and_how_long(
        self, floor: Floor, other: Floor, path: Path, superuser_connection: Connection
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        dead = await buried(admin, superuser_connection)
        path.is_clear = True
        job = await queued(admin)
        await work_once()

        async with read(admin) as work:
            done, failed = await list_done_jobs(work)
        async with read(other.acting_as(Role.ADMIN)) as work:
            assert await list_done_jobs(work) == ()

        assert (done.id, done.name, done.outcome, done.error) == (job.id, Stumble.name, JobOutcome.DONE, "")
        assert (failed.id, failed.outcome, failed.attempts) == (dead, JobOutcome.FAILED, MAX_ATTEMPTS)
        assert "a stone" in failed.error
        assert (done.started_at <= done.ended_at, done.duration_s >= 0) == (True, True)

    async def test_are_not_those_that_will_be_tried_again(self, floor: Floor) -> None:
        await queued(floor.acting_as(Role.ADMIN))
        await work_once()

        async with read(floor.acting_as(Role.ADMIN)) as work:
            assert await list_done_jobs(work) == ()

    async def test_are_forgotten_after_a_day(self, floor: Floor, path: Path, superuser_connection: Connection) -> None:
        admin, path.is_clear = floor.acting_as(Role.ADMIN), True
        for _ in range(2):
            await queued(admin)
            await work_once()
        await superuser_connection.execute(
            "UPDATE job_runs SET started_at = started_at - interval '25 h', ended_at = ended_at - interval '25 h'"
            " WHERE id = (SELECT min(id::text)::uuid FROM job_runs WHERE org_id = $1)", floor.scope.org_id,
        )  # fmt: skip

        async with without_tenant() as connection:
            await purge_job_runs(connection, PurgeJobRuns())

        kept = await superuser_connection.fetchval(
            "SELECT count(*) FROM job_runs WHERE org_id = $1", floor.scope.org_id
        )
        assert kept == 1

    async def test_are_for_whoever_runs_the_system(self, floor: Floor) -> None:
        for role in set(Role) - {Role.ADMIN}:
            async with read(floor.acting_as(role)) as work:
                with pytest.raises(Forbidden):
                    await list_done_jobs(work)


class TestEvents:
    async def test_tell_when_a_job_is_queued_tried_again_and_ended(
        self, floor: Floor, path: Path, superuser_connection: Connection
    ) -> None:
        admin, queue = floor.acting_as(Role.ADMIN), "live_" + "3" * 12
        await superuser_connection.execute("SELECT app.open_live_queue($1, '{system.job.#}')", queue)

        async def heard() -> list[dict[str, object]]:
            rows = await superuser_connection.fetch("SELECT message FROM pgmq.pop($1, 100)", queue)
            messages = [orjson.loads(row["message"]) for row in rows]
            return [message["event"] for message in messages if message["org"] == str(admin.org_id)]

        job = await queued(admin)
        waiting = await heard()
        await work_once()
        failing = await heard()
        path.is_clear = True
        async with begin(admin) as work:
            await retry_job(work, job_id=job.id)
        retried = await heard()
        await work_once()
        done = await heard()
        await superuser_connection.execute("SELECT app.close_live_queue($1)", queue)

        assert [waiting, failing, retried, done] == [[{"job": Stumble.name}]] * 4

    async def test_tell_that_a_job_has_begun_when_it_takes_a_while(
        self, floor: Floor, path: Path, app_url: str
    ) -> None:
        admin, hub, begun = floor.acting_as(Role.ADMIN), Hub(), asyncio.Event()
        await queued(admin)
        path.is_clear, path.hold, path.entered = True, asyncio.Event(), asyncio.Event()
        pump = asyncio.create_task(Pump(app_url, hub).run())
        live = asyncio.Event()
        hub.on_source(lambda is_live: live.set() if is_live else live.clear())
        await asyncio.wait_for(live.wait(), 10)
        hub.subscribe(admin.org_id, lambda event: begun.set() if isinstance(event, JobMoved) else None)
        working = asyncio.create_task(work_once())
        await asyncio.wait_for(path.entered.wait(), 10)

        await asyncio.wait_for(begun.wait(), 10)  # nothing but the beginning has happened: the job is held

        path.hold.set()
        await working
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)

    async def test_are_never_told_to_webhooks_whose_deliveries_are_jobs_themselves(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        await superuser_connection.execute("DELETE FROM pgmq.q_webhook_events")
        await superuser_connection.execute("SELECT pgmq.bind_topic('#', 'webhook_events')")

        await queued(floor.acting_as(Role.ADMIN))

        told = await superuser_connection.fetchval("SELECT count(*) FROM pgmq.q_webhook_events")
        await superuser_connection.execute("DELETE FROM pgmq.topic_bindings WHERE queue_name = 'webhook_events'")
        assert told == 0
        with pytest.raises(InvalidTopics):
            checked_topics([JobMoved.topic])


class TestDeadLetters:
    async def test_are_replayed_once_by_two_who_press_at_once(
        self, floor: Floor, path: Path, superuser_connection: Connection
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        dead = await buried(admin, superuser_connection)
        path.is_clear = True

        async def replay() -> int:
            async with begin(admin) as work:
                return await replay_dead_letter(work, job_id=dead)

        async with read(admin) as work:
            letters = await list_dead_letters(work)
        both = await asyncio.gather(replay(), replay(), return_exceptions=True)
        await work_once()

        assert [(letter.id, letter.attempts) for letter in letters] == [(dead, MAX_ATTEMPTS)]
        assert "a stone" in letters[0].error
        assert sorted(type(one).__name__ for one in both) == ["NotFound", "int"]
        assert path.done == 1

    async def test_are_discarded(self, floor: Floor, superuser_connection: Connection) -> None:
        admin = floor.acting_as(Role.ADMIN)
        dead = await buried(admin, superuser_connection)

        async with begin(admin) as work:
            await discard_dead_letter(work, job_id=dead)

        async with read(admin) as work:
            assert await list_dead_letters(work) == ()


class TestHealth:
    async def test_tells_how_every_part_is(self, floor: Floor, superuser_connection: Connection) -> None:
        await superuser_connection.execute("DELETE FROM app.workers")
        admin = floor.acting_as(Role.ADMIN)
        await buried(admin, superuser_connection)

        health = await check_health(admin)

        assert (health.database, health.schema, health.missing) == (Condition.GOOD, Condition.GOOD, ())
        assert (health.work, health.workers) == (Condition.BROKEN, ())
        assert (health.queue, health.own_dead_letters) == (Condition.WORTH_A_LOOK, 1)
        assert dict(health.versions)["postgres"] == health.database_version
        assert health.revision == known_revisions()[-1]

    async def test_tells_of_every_queue_in_the_catalogue_how_much_lies_there_since_when(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        admin, live = floor.acting_as(Role.ADMIN), "live_" + "7" * 12
        await superuser_connection.execute("SELECT app.open_live_queue($1, '{nothing.at.all}')", live)
        await superuser_connection.execute("DELETE FROM pgmq.q_webhook_events")
        await superuser_connection.execute("SELECT pgmq.send('webhook_events', '{}')")
        await superuser_connection.execute(
            "UPDATE pgmq.q_webhook_events SET enqueued_at = now() - interval '1 hour', vt = now() - interval '2 min'"
        )
        await buried(admin, superuser_connection)
        await queued(admin, delay_s=60)

        depths = {queue.name: queue for queue in (await check_health(admin)).queues}
        await superuser_connection.execute("DELETE FROM pgmq.q_webhook_events")
        await superuser_connection.execute("SELECT app.close_live_queue($1)", live)

        catalogue = {row["queue_name"] for row in await superuser_connection.fetch("SELECT queue_name FROM pgmq.meta")}
        assert set(depths) <= catalogue
        assert {"jobs", "webhook_events", live} <= set(depths)
        assert (depths["jobs"].depth, depths["jobs"].archived, depths["jobs"].late_s) == (1, 1, 0)
        assert (depths[live].depth, depths[live].oldest_at, depths[live].oldest_s) == (0, None, 0)
        events = depths["webhook_events"]
        assert (events.depth, round(events.oldest_s / 60), round(events.late_s / 60)) == (1, 60, 2)

    async def test_counts_screens_files_and_what_else_the_installation_has(
        self, floor: Floor, other: Floor, superuser_connection: Connection
    ) -> None:
        admin, live = floor.acting_as(Role.ADMIN), "live_" + "8" * 12
        before = await check_health(admin)
        await superuser_connection.execute("SELECT app.open_live_queue($1, '{nothing.at.all}')", live)
        await superuser_connection.execute("UPDATE app.server_processes SET screens = 3 WHERE queue = $1", live)
        for one in (floor, other):
            async with begin(one.acting_as(Role.ADMIN)) as work:
                await keep_file(
                    work, purpose=FilePurpose.CUSTOM_FIELD, name="a.txt", media_type="text/plain", content=b"ten bytes!"
                )

        health = await check_health(admin)
        await superuser_connection.execute("SELECT app.close_live_queue($1)", live)

        assert health.screens == before.screens + 3
        assert (health.own_files, health.own_bytes) == (1, 10)
        assert (health.stored_files, health.stored_bytes) == (before.stored_files + 2, before.stored_bytes + 20)
        assert (health.backend, health.free_bytes is not None) == ("folder", True)
        assert {"unison-mes", "python", "postgres", "nicegui", "postgres/btree_gist"} <= set(dict(health.versions))

    async def test_names_the_jobs_that_workers_do_and_since_when(
        self, floor: Floor, path: Path, superuser_connection: Connection
    ) -> None:
        await superuser_connection.execute("DELETE FROM app.workers")
        admin, path.is_clear = floor.acting_as(Role.ADMIN), True
        path.hold, path.entered = asyncio.Event(), asyncio.Event()
        job = await queued(admin)
        working = asyncio.create_task(work_forever())
        await asyncio.wait_for(path.entered.wait(), 10)

        async def stumbling() -> list[RunningJob]:
            workers = (await check_health(admin)).workers
            return [each for worker in workers for each in worker.jobs if each.name == Stumble.name]

        async with asyncio.timeout(10):
            while not (jobs := await stumbling()):  # noqa: ASYNC110 - another process would have nothing but the row
                await asyncio.sleep(0.05)
        path.hold.set()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

        assert [each.since >= job.enqueued_at for each in jobs] == [True]

    async def test_counts_what_is_ones_own(self, floor: Floor, other: Floor, superuser_connection: Connection) -> None:
        await buried(other.acting_as(Role.ADMIN), superuser_connection)

        assert (await check_health(floor.acting_as(Role.ADMIN))).own_dead_letters == 0

    async def test_is_for_whoever_runs_the_system(self, floor: Floor) -> None:
        with pytest.raises(Forbidden):
            await check_health(floor.acting_as(Role.SUPERVISOR))


class TestSettingsInForce:
    def test_show_no_secret_and_where_values_came_from(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UNISON_PORT", "8123")
        settings = Settings(
            _env_file=None, secret_key="s" * 40, host="127.0.0.2", allowed_origins=("https://erp.example",)
        )

        shown = {one.name: one for one in settings_in_force(floor.acting_as(Role.ADMIN), settings)}

        assert set(shown) == {f"UNISON_{name.upper()}" for name in Settings.model_fields}
        assert (shown["UNISON_PORT"].value, shown["UNISON_PORT"].origin) == ("8123", Origin.ENVIRONMENT)
        assert (shown["UNISON_HOST"].origin, shown["UNISON_LOG_LEVEL"].origin) == (Origin.COMMAND, Origin.DEFAULT)
        assert (shown["UNISON_SECRET_KEY"].value, shown["UNISON_DATABASE_URL"].value) == (SET, NOT_SET)
        assert shown["UNISON_ALLOWED_ORIGINS"].value == '["https://erp.example"]'  # as it would be written
        assert "ssss" not in str(shown)
        assert all(one.meaning for one in shown.values())

    def test_are_for_whoever_runs_the_system(self, floor: Floor) -> None:
        with pytest.raises(Forbidden):
            settings_in_force(floor.acting_as(Role.SUPERVISOR), Settings(_env_file=None, secret_key="s" * 40))
