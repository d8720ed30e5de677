"""What became of jobs: written down when they end, told to open pages, forgotten after a day."""

from datetime import datetime
from enum import StrEnum

from domain.events import JobMoved
from domain.scope import Scope
from services.db.keys import new_id
from services.db.work import Work, begin

LONGEST_ERROR = 500
# Read from the organization's own row: of one that is gone meanwhile, nothing is written down.
NOTE = """
INSERT INTO job_runs (id, org_id, job_id, name, outcome, attempts, started_at, ended_at, error)
SELECT $1, organizations.id, $2, $3, $4, $5, $6, greatest(clock_timestamp(), $6), $7 FROM organizations
"""


class JobOutcome(StrEnum):
    """How a job ended."""

    DONE = "done"
    FAILED = "failed"  # for good: it lies among the dead letters


async def note_end(
    work: Work, *, job_id: int, name: str, attempts: int, started_at: datetime, outcome: JobOutcome, error: str = ""
) -> None:
    """Write down that a job of the organization ended, if, and only if, the work commits.

    `started_at` is when its last attempt began.
    """
    await work.fetch(NOTE, new_id(), job_id, name, outcome.value, attempts, started_at, error[:LONGEST_ERROR])
    tell(work, name)


def tell(work: Work, name: str) -> None:
    """Tell open pages that something happened to a job of that name."""
    work.emit(JobMoved(job=name))


async def tell_start(scope: Scope, name: str) -> None:
    """Tell open pages that a job has begun.

    Raises:
        Unavailable: Postgres does not answer.
    """
    async with begin(scope) as work:
        tell(work, name)
