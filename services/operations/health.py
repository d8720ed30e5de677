"""How the installation is: facts for whoever runs it, and nothing of any other organization's data."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, text

from domain.errors import UnisonError
from domain.identity.roles import Permission
from domain.scope import Scope
from services.db.engine import current_database, without_tenant
from services.db.health import JobQueue, QueueDepth, job_queue, queues
from services.db.migrate import known_revisions, missing_revisions
from services.db.work import read
from services.file_store import current_file_store
from services.jobs.registry import QUEUE
from services.operations.versions import versions_of
from services.ports import StoreRoom

STALE_JOBS_S = 300.0
"""A job that was due this long ago has no worker."""
LITTLE_ROOM_BYTES = 1_000_000_000
"""With less room than this a day's files may not fit any more."""
SILENT_S = 30.0
CHECK_S = 5.0
PROBE = "health/probe"

FACTS = text("""
SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes,
       current_setting('max_connections')::integer AS most_connections,
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections
""")
PROCESSES = text("""
SELECT count(*) AS processes, coalesce(sum(screens), 0) AS screens FROM app.server_processes
WHERE closed_at IS NULL AND seen_at > now() - make_interval(secs => :silent)
""")
WORKERS = text("""
SELECT host, pid, started_at, seen_at, jobs FROM app.workers
WHERE seen_at > now() - make_interval(secs => :silent) ORDER BY started_at, id
""")
DEAD = "SELECT count(*) FROM app.organization_dead_letters()"
KEPT = text("SELECT files, bytes FROM app.kept_files()")
FILES = "SELECT count(*) AS files, coalesce(sum(size), 0)::bigint AS bytes FROM files"


class Condition(StrEnum):
    """How a part of the installation is."""

    GOOD = "good"
    WORTH_A_LOOK = "worth_a_look"
    BROKEN = "broken"


@dataclass(frozen=True)
class RunningJob:
    """What a worker is doing."""

    name: str
    since: datetime
    """When it took the job, aware UTC."""


@dataclass(frozen=True)
class WorkerLife:
    """A worker that lives."""

    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    jobs: tuple[RunningJob, ...]
    """What it was doing when it was seen."""

    @property
    def running(self) -> int:
        """How many jobs it was doing."""
        return len(self.jobs)


@dataclass(frozen=True)
class Health:
    """Everything at one moment."""

    database: Condition
    answer_ms: float
    database_version: str
    database_bytes: int
    connections: int
    most_connections: int
    queue: Condition
    jobs: JobQueue
    queues: tuple[QueueDepth, ...]
    """Every queue of the installation."""
    own_dead_letters: int
    """The organization's jobs that failed for good."""
    work: Condition
    workers: tuple[WorkerLife, ...]
    processes: int
    """Server processes that hear of changes."""
    screens: int
    """Pages that people of all organizations have open, as the processes told lately."""
    storage: Condition
    backend: str
    """What keeps files: a `folder` or `s3`."""
    free_bytes: int | None
    """How much still goes into it; None where nothing limits it."""
    stored_files: int
    stored_bytes: int
    """What the files of all organizations take, counted once per file."""
    own_files: int
    own_bytes: int
    """What the organization's files take, counted once per file."""
    schema: Condition
    revision: str
    """The newest revision that the database has; empty where it has none."""
    missing: tuple[str, ...]
    """Revisions that the database lacks."""
    versions: tuple[tuple[str, str], ...]
    """Parts and their versions."""
    at: datetime


async def check_health(scope: Scope) -> Health:
    """Look at every part; opens its own work.

    Raises:
        Forbidden: the actor may not inspect the system.
        Unavailable: Postgres does not answer.
    """
    scope.require(Permission.INSPECT_SYSTEM)
    began = time.perf_counter()
    async with without_tenant() as connection:
        facts = (await connection.execute(FACTS)).one()
        answer_ms = 1000 * (time.perf_counter() - began)
        serving = (await connection.execute(PROCESSES, {"silent": SILENT_S})).one()
        workers = tuple(_worker(row) for row in await connection.execute(WORKERS, {"silent": SILENT_S}))
        kept = (await connection.execute(KEPT)).one()
        versions = await versions_of(connection, facts.version)
    jobs, every_queue, missing = await job_queue(), await queues(), await missing_revisions(current_database())
    async with read(scope) as work:
        own_dead = int((await work.fetch(DEAD))[0][0])
        files = (await work.fetch(FILES))[0]
        now = work.now
    storage, room = await _storage()
    is_late = any(queue.late_s > STALE_JOBS_S for queue in every_queue if queue.name == QUEUE)
    is_crowded = facts.connections > 0.9 * facts.most_connections
    return Health(
        database=Condition.WORTH_A_LOOK if is_crowded else Condition.GOOD,
        answer_ms=answer_ms,
        database_version=facts.version,
        database_bytes=facts.bytes,
        connections=facts.connections,
        most_connections=facts.most_connections,
        queue=Condition.WORTH_A_LOOK if is_late or own_dead else Condition.GOOD,
        jobs=jobs,
        queues=every_queue,
        own_dead_letters=own_dead,
        work=Condition.GOOD if workers else Condition.BROKEN,
        workers=workers,
        processes=serving.processes,
        screens=serving.screens,
        storage=storage,
        backend=room.backend,
        free_bytes=room.free_bytes,
        stored_files=kept.files,
        stored_bytes=kept.bytes,
        own_files=files["files"],
        own_bytes=files["bytes"],
        schema=Condition.WORTH_A_LOOK if missing else Condition.GOOD,
        revision=max((one for one in known_revisions() if one not in missing), default=""),
        missing=tuple(missing),
        versions=versions,
        at=now,
    )


async def _storage() -> tuple[Condition, StoreRoom]:
    store, room = current_file_store(), StoreRoom("", None)
    try:
        async with asyncio.timeout(CHECK_S):
            room = await store.room()
            await store.put(PROBE, b"ok")
            if await store.get(PROBE) != b"ok":
                return Condition.BROKEN, room
    except (UnisonError, TimeoutError):
        return Condition.BROKEN, room
    has_room = room.free_bytes is None or room.free_bytes >= LITTLE_ROOM_BYTES
    return Condition.GOOD if has_room else Condition.WORTH_A_LOOK, room


def _worker(row: "Row[Any]") -> WorkerLife:
    jobs = tuple(RunningJob(job["name"], datetime.fromisoformat(job["since"])) for job in row.jobs)
    return WorkerLife(row.host, row.pid, row.started_at, row.seen_at, jobs)
