"""Does the jobs of the queue: at least once, with growing pauses between attempts, and an archive for lost causes."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
import structlog
from pydantic import BaseModel
from sqlalchemy import text

from domain.errors import Unavailable
from domain.scope import Scope
from services.db.engine import without_tenant
from services.db.keys import new_id
from services.db.work import Work, begin
from services.jobs.registry import QUEUE, REGISTRY, Registered, enqueue_for_system
from services.jobs.runs import JobOutcome, note_end, tell, tell_start

log = structlog.get_logger(__name__)

VISIBILITY_S = 60
"""How long a job belongs to the worker that took it; a dead worker's jobs return after that."""
MAX_ATTEMPTS = 8
FIRST_PAUSE_S = 5
LONGEST_PAUSE_S = 3600
REST_S = 60
"""How long a job of a suspended organization waits before it looks again; such a look counts as no attempt."""
IDLE_S = 1.0
HEARTBEAT_S = 10.0
TELL_AFTER_S = 0.3
AT_ONCE = 4
LONGEST_NAME = 100

READ = text("SELECT msg_id, read_ct, message, clock_timestamp() AS at FROM pgmq.read(:queue, :vt, :qty)")
DELETE = text("SELECT pgmq.delete(CAST(:queue AS text), CAST(:id AS bigint))")
POSTPONE = text("SELECT msg_id FROM pgmq.set_vt(CAST(:queue AS text), CAST(:id AS bigint), CAST(:vt AS integer))")
NOTE_ERROR = text(
    "UPDATE pgmq.q_jobs SET headers = jsonb_build_object('error', CAST(:error AS text), 'runs', false)"
    " WHERE msg_id = :id"
)
NOTE_RUNNING = text("""
UPDATE pgmq.q_jobs SET headers = coalesce(headers, '{}') || '{"runs": true}' WHERE msg_id = :id
""")
HEARTBEAT = text("""
INSERT INTO app.workers AS known (id, host, pid, jobs) VALUES (:id, :host, :pid, CAST(:jobs AS jsonb))
ON CONFLICT ON CONSTRAINT workers_pk DO UPDATE SET seen_at = now(), jobs = excluded.jobs
""")
FAREWELL = text("DELETE FROM app.workers WHERE id = :id")
ARCHIVE = text("SELECT pgmq.archive(CAST(:queue AS text), CAST(:id AS bigint))")
MAY_WORK = text("SELECT is_active FROM organizations")
REST = text("""
UPDATE pgmq.q_jobs SET vt = clock_timestamp() + make_interval(secs => :rest_s), read_ct = greatest(read_ct - 1, 0)
WHERE msg_id = :id
""")
LEARN_SCHEDULE = text(
    "INSERT INTO app.schedules (name) VALUES (:name) ON CONFLICT ON CONSTRAINT schedules_pk DO NOTHING"
)
TAKE_DUE = text(
    "UPDATE app.schedules SET due_at = now() + make_interval(secs => :every) WHERE name = :name AND due_at <= now()"
    " RETURNING name"
)


@dataclass(frozen=True)
class Taken:
    """A job message that this worker holds."""

    id: int
    attempt: int
    message: object
    """As it lay in the queue; nobody has looked at it yet."""
    at: datetime
    """When it was taken, aware UTC."""

    @property
    def name(self) -> str:
        """What it calls itself, whether or not anybody knows such a job."""
        return str(self.message.get("job", "?"))[:LONGEST_NAME] if isinstance(self.message, dict) else "?"

    @property
    def org_id(self) -> UUID | None:
        """Whose it is; None where it is nobody's or nobody can tell."""
        with suppress(ValueError):
            return UUID(str(self.message.get("org"))) if isinstance(self.message, dict) else None
        return None


class _Message(BaseModel):
    job: str
    org: UUID | None
    user: UUID | None
    payload: dict[str, object]


def pause_after(attempt: int) -> int:
    """Return the seconds to wait after a failed attempt: 5, 10, 20, ... up to an hour."""
    return min(FIRST_PAUSE_S << (attempt - 1), LONGEST_PAUSE_S)


async def work_forever() -> None:
    """Do jobs until cancelled; waits while Postgres is away, and outlives whatever goes wrong.

    A long job holds up no other: whoever is done makes room for the next, and of a job that comes again and again only
    one is under way.
    """
    under_way: dict[asyncio.Task[None], Taken] = {}
    recurring: set[str] = set()
    me = _Heart()
    look_at = 0.0
    try:
        while True:
            try:
                if time.monotonic() >= look_at:
                    await queue_due_schedules()
                    await me.beat(tuple(under_way.values()))
                    look_at = time.monotonic() + IDLE_S
                taken = await _take(AT_ONCE - len(under_way))
                under_way |= {asyncio.create_task(_do(job, recurring)): job for job in taken}
                for ended in await _first_ended(under_way):
                    del under_way[ended]
                    await ended
            except Unavailable:
                await asyncio.sleep(IDLE_S)
            except Exception:
                log.exception("the worker had trouble that nobody foresaw; it goes on")
                await asyncio.sleep(IDLE_S)
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        with suppress(Unavailable):
            await me.stop()


class _Heart:
    """Tells that this worker lives, every few seconds, and when it begins or ends a job."""

    def __init__(self) -> None:
        self._id = new_id()
        self._beaten_at, self._told = 0.0, "?"

    async def beat(self, running: tuple[Taken, ...]) -> None:
        jobs = orjson.dumps([{"name": taken.name, "since": taken.at} for taken in running]).decode()
        if jobs == self._told and time.monotonic() < self._beaten_at + HEARTBEAT_S:
            return
        who = {"id": self._id, "host": socket.gethostname()[:100], "pid": os.getpid(), "jobs": jobs}
        async with without_tenant() as connection:
            await connection.execute(HEARTBEAT, who)
        self._beaten_at, self._told = time.monotonic(), jobs

    async def stop(self) -> None:
        async with without_tenant() as connection:
            await connection.execute(FAREWELL, {"id": self._id})


async def work_once() -> int:
    """Take what is visible now, do it, and return how many jobs were taken.

    Raises:
        Unavailable: Postgres does not answer.
    """
    taken = await _take(AT_ONCE)
    recurring: set[str] = set()
    await asyncio.gather(*(_do(job, recurring) for job in taken))
    return len(taken)


async def queue_due_schedules() -> None:
    """Queue every recurring job whose time has come; among several workers, one takes each.

    Raises:
        Unavailable: Postgres does not answer.
    """
    async with without_tenant() as connection:
        for name, registered in REGISTRY.items():
            if registered.every_s is None:
                continue
            await connection.execute(LEARN_SCHEDULE, {"name": name})
            due = await connection.execute(TAKE_DUE, {"name": name, "every": registered.every_s})
            if due.first() is not None:
                await enqueue_for_system(connection, registered.kind())


async def _take(most: int) -> list[Taken]:
    if not most:
        return []
    async with without_tenant() as connection:
        rows = await connection.execute(READ, {"queue": QUEUE, "vt": VISIBILITY_S, "qty": most})
        return [Taken(row.msg_id, row.read_ct, row.message, row.at) for row in rows]


async def _first_ended(under_way: Collection[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """Wait until a job ends, but no longer than until the queue is to be looked at again."""
    if not under_way:
        await asyncio.sleep(IDLE_S)
        return set()
    ended, _ = await asyncio.wait(under_way, timeout=IDLE_S, return_when=asyncio.FIRST_COMPLETED)
    return ended


async def _do(taken: Taken, recurring: set[str]) -> None:
    beside = [asyncio.create_task(_hold(taken)), asyncio.create_task(_tell_when_long(taken))]
    try:
        message = _Message.model_validate(taken.message)
        if taken.attempt > 1:
            async with without_tenant() as connection:
                await connection.execute(NOTE_RUNNING, {"id": taken.id})
        await _run(message, taken, recurring)
    except Unavailable:
        log.warning("job waits for the database", job=taken.name, id=taken.id)
    except Exception as error:  # noqa: BLE001 - the boundary of every job: log once, try again later or archive
        await _failed(taken, error)
    finally:
        for task in beside:
            task.cancel()


async def _run(message: _Message, taken: Taken, recurring: set[str]) -> None:
    registered = REGISTRY.get(message.job)
    if registered is None:
        raise LookupError(f"no handler for the job “{message.job}”")
    job = registered.kind.model_validate(message.payload)
    if registered.for_system is not None:
        async with _alone(registered, recurring) as is_alone, without_tenant() as connection:
            if is_alone:
                await registered.for_system(connection, job)
            await connection.execute(DELETE, {"queue": QUEUE, "id": taken.id})
        return
    if registered.for_system_at_length is not None:
        await registered.for_system_at_length(job)
        await _delete(taken)
        return
    if message.org is None:
        raise LookupError(f"the job “{message.job}” has no organization")
    scope = Scope(org_id=message.org, user_id=message.user, request_id=f"job-{taken.id}")
    if registered.for_scope is not None:
        async with begin(scope) as work:
            if not await work.session.scalar(MAY_WORK):
                await work.session.execute(REST, {"id": taken.id, "rest_s": REST_S})
                return
        await registered.for_scope(scope, job)
        async with begin(scope) as work:
            await _end(work, taken)
        return
    if registered.for_tenant is None:
        raise LookupError(f"the job “{message.job}” has no handler")
    async with begin(scope) as work:
        if not await work.session.scalar(MAY_WORK):
            await work.session.execute(REST, {"id": taken.id, "rest_s": REST_S})
            return
        await registered.for_tenant(work, job)
        await _end(work, taken)


async def _end(work: Work, taken: Taken) -> None:
    """Take a job that was done out of the queue, in the transaction that says so."""
    await work.session.execute(DELETE, {"queue": QUEUE, "id": taken.id})
    await note_end(
        work, job_id=taken.id, name=taken.name, attempts=taken.attempt, started_at=taken.at, outcome=JobOutcome.DONE
    )


async def _delete(taken: Taken) -> None:
    async with without_tenant() as connection:
        await connection.execute(DELETE, {"queue": QUEUE, "id": taken.id})


@asynccontextmanager
async def _alone(registered: Registered, recurring: set[str]) -> AsyncIterator[bool]:
    """Tell whether a job is the only one of its kind under way here; one that does not recur always is."""
    name = registered.kind.name
    if registered.every_s is None or name in recurring:
        yield registered.every_s is None
        return
    recurring.add(name)
    try:
        yield True
    finally:
        recurring.discard(name)


async def _failed(taken: Taken, error: Exception) -> None:
    is_over = taken.attempt >= MAX_ATTEMPTS
    log.error("job failed", job=taken.name, id=taken.id, attempt=taken.attempt, archived=is_over, exc_info=error)
    try:
        async with without_tenant() as connection:
            await connection.execute(NOTE_ERROR, {"id": taken.id, "error": repr(error)[:2000]})
            if is_over:
                await connection.execute(ARCHIVE, {"queue": QUEUE, "id": taken.id})
            else:
                parameters = {"queue": QUEUE, "id": taken.id, "vt": pause_after(taken.attempt)}
                await connection.execute(POSTPONE, parameters)
        if taken.org_id is not None:
            await _note_failure(Scope(taken.org_id, request_id=f"job-{taken.id}"), taken, error, is_over=is_over)
    except Unavailable:
        log.warning("job will be tried again when its visibility ends", job=taken.name, id=taken.id)


async def _note_failure(scope: Scope, taken: Taken, error: Exception, *, is_over: bool) -> None:
    async with begin(scope) as work:
        if not is_over:
            tell(work, taken.name)
            return
        await note_end(
            work, job_id=taken.id, name=taken.name, attempts=taken.attempt, started_at=taken.at,
            outcome=JobOutcome.FAILED, error=repr(error),
        )  # fmt: skip


async def _tell_when_long(taken: Taken) -> None:
    """Tell pages of a job that runs long enough to be seen; telling of all would double what short ones do."""
    if taken.org_id is None:
        return
    await asyncio.sleep(TELL_AFTER_S)
    with suppress(Unavailable):
        await tell_start(Scope(taken.org_id, request_id=f"job-{taken.id}"), taken.name)


async def _hold(taken: Taken) -> None:
    """Keep a long job ours while it runs."""
    while True:
        await asyncio.sleep(VISIBILITY_S / 3)
        try:
            async with without_tenant() as connection:
                await connection.execute(POSTPONE, {"queue": QUEUE, "id": taken.id, "vt": VISIBILITY_S})
        except Unavailable:
            log.warning("could not prolong a job", id=taken.id)
