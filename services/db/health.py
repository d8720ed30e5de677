"""Whether Postgres answers, and what waits in its queues."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from domain.errors import Unavailable
from services.db.engine import without_tenant

PATIENCE_S = 2.0
JOBS = text("""
SELECT (SELECT count(*) FROM pgmq.q_jobs) AS waiting, (SELECT count(*) FROM pgmq.a_jobs) AS archived,
       coalesce((SELECT extract(epoch FROM now() - min(enqueued_at)) FROM pgmq.q_jobs), 0) AS oldest_s
""")

QUEUES = text("""
SELECT name, depth, oldest_at, coalesce(extract(epoch FROM clock_timestamp() - oldest_at), 0) AS oldest_s,
       coalesce(extract(epoch FROM clock_timestamp() - due_since), 0) AS late_s, archived
FROM app.queues() ORDER BY name LIKE 'live%', name
""")


@dataclass(frozen=True)
class QueueDepth:
    """What one queue holds."""

    name: str
    depth: int
    """Messages, also those that are for later or being worked on."""
    oldest_at: datetime | None
    """Since when the oldest message lies there, aware UTC; None where there is none."""
    oldest_s: float
    """Its age in seconds; 0 where there is none."""
    late_s: float
    """For how many seconds the first one that is due has been waiting for somebody; 0 where none is due."""
    archived: int
    """Messages that were put aside: of the jobs those that failed for good, the dead letters."""


@dataclass(frozen=True)
class JobQueue:
    """What the job queue holds."""

    waiting: int
    """Jobs that are waiting or being done."""
    archived: int
    """Jobs that failed for good."""
    oldest_s: float
    """Age of the oldest job in seconds; 0 when there is none."""


async def database_answers() -> bool:
    """Tell whether Postgres answers a query within two seconds."""
    try:
        async with asyncio.timeout(PATIENCE_S), without_tenant() as connection:
            await connection.execute(text("SELECT 1"))
    except (Unavailable, TimeoutError):
        return False
    return True


async def job_queue() -> JobQueue:
    """Return what the job queue holds now.

    Raises:
        Unavailable: Postgres does not answer.
    """
    async with without_tenant() as connection:
        row = (await connection.execute(JOBS)).one()
    return JobQueue(waiting=row.waiting, archived=row.archived, oldest_s=float(row.oldest_s))


async def queues() -> tuple[QueueDepth, ...]:
    """Return every queue of the installation, those of server processes last.

    Raises:
        Unavailable: Postgres does not answer.
    """
    async with without_tenant() as connection:
        rows = await connection.execute(QUEUES)
    return tuple(
        QueueDepth(row.name, row.depth, row.oldest_at, float(row.oldest_s), float(row.late_s), row.archived)
        for row in rows
    )
