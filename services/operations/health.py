"""How the installation is: facts for whoever runs it, and nothing of any other organization's data."""

import asyncio
import platform
import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib.metadata import version

from sqlalchemy import text

from domain.errors import Unavailable, UnisonError
from domain.identity.roles import Permission
from domain.scope import Scope
from services.db.engine import current_database, without_tenant
from services.db.health import JobQueue, job_queue
from services.db.migrate import missing_revisions
from services.db.work import read
from services.file_store import current_file_store

STALE_JOBS_S = 300.0
"""A job that has waited this long has no worker."""
SILENT_S = 30.0
CHECK_S = 5.0
PROBE = "health/probe"
PARTS = ("nicegui", "fastapi", "sqlalchemy", "asyncpg", "pgmq")

FACTS = text("""
SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes,
       current_setting('max_connections')::integer AS most_connections,
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections
""")
PROCESSES = text("""
SELECT count(*) FILTER (WHERE closed_at IS NULL AND seen_at > now() - make_interval(secs => :silent)) AS living
FROM app.server_processes
""")
WORKERS = text("""
SELECT host, pid, started_at, seen_at, running FROM app.workers
WHERE seen_at > now() - make_interval(secs => :silent) ORDER BY started_at, id
""")
DEAD = "SELECT count(*) FROM app.organization_dead_letters()"
FILES = "SELECT count(*) AS files, coalesce(sum(size), 0)::bigint AS bytes FROM files"


class Condition(StrEnum):
    """How a part of the installation is."""

    GOOD = "good"
    WORTH_A_LOOK = "worth_a_look"
    BROKEN = "broken"


@dataclass(frozen=True)
class WorkerLife:
    """A worker that lives."""

    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    running: int
    """Jobs that it was doing when it was seen."""


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
    own_dead_letters: int
    """The organization's jobs that failed for good."""
    work: Condition
    workers: tuple[WorkerLife, ...]
    processes: int
    """Server processes that hear of changes."""
    storage: Condition
    own_files: int
    own_bytes: int
    """What the organization's files take, counted once per file."""
    schema: Condition
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
        processes = await connection.scalar(PROCESSES, {"silent": SILENT_S}) or 0
        workers = tuple(WorkerLife(*row) for row in await connection.execute(WORKERS, {"silent": SILENT_S}))
    jobs, missing = await job_queue(), await missing_revisions(current_database())
    async with read(scope) as work:
        own_dead = int((await work.fetch(DEAD))[0][0])
        files = (await work.fetch(FILES))[0]
        now = work.now
    is_crowded = facts.connections > 0.9 * facts.most_connections
    return Health(
        database=Condition.WORTH_A_LOOK if is_crowded else Condition.GOOD,
        answer_ms=answer_ms,
        database_version=facts.version,
        database_bytes=facts.bytes,
        connections=facts.connections,
        most_connections=facts.most_connections,
        queue=Condition.WORTH_A_LOOK if jobs.oldest_s > STALE_JOBS_S or own_dead else Condition.GOOD,
        jobs=jobs,
        own_dead_letters=own_dead,
        work=Condition.GOOD if workers else Condition.BROKEN,
        workers=workers,
        processes=processes,
        storage=await _storage(),
        own_files=files["files"],
        own_bytes=files["bytes"],
        schema=Condition.WORTH_A_LOOK if missing else Condition.GOOD,
        missing=tuple(missing),
        versions=_versions(facts.version),
        at=now,
    )


async def _storage() -> Condition:
    store = current_file_store()
    try:
        async with asyncio.timeout(CHECK_S):
            await store.put(PROBE, b"ok")
            return Condition.GOOD if await store.get(PROBE) == b"ok" else Condition.BROKEN
    except (UnisonError, Unavailable, TimeoutError):
        return Condition.BROKEN


def _versions(postgres: str) -> tuple[tuple[str, str], ...]:
    return (
        ("python", platform.python_version()),
        ("postgres", postgres),
        *((part, version(part)) for part in PARTS),
    )
