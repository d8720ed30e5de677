"""Whether Postgres answers, and what waits in its queues."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import text

from domain.errors import Unavailable
from services.db.engine import without_tenant

PATIENCE_S = 2.0
JOBS = text("""
SELECT (SELECT count(*) FROM pgmq.q_jobs) AS waiting, (SELECT count(*) FROM pgmq.a_jobs) AS archived,
       coalesce((SELECT extract(epoch FROM now() - min(enqueued_at)) FROM pgmq.q_jobs), 0) AS oldest_s
""")


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
