"""An organization's own jobs in the queue: what waits, runs or failed; tried again, taken back, replayed.

The queue knows no row security. Everything here goes through `app.organization_jobs()` and its sibling, which show one
organization's messages only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

import asyncpg
import orjson
from sqlalchemy import select

from domain.errors import Conflict, NotFound, marked
from domain.identity.roles import Permission
from services.db.tables import JobRun
from services.db.work import Work
from services.jobs.registry import QUEUE
from services.jobs.runs import JobOutcome, tell

MOST_SHOWN = 200
MOST_DONE = 100
DONE_SHOWN_FOR = timedelta(days=1)
LONGEST_ERROR = 500
# Whoever changes a job holds its message, as a worker does that takes it.
HOLD = """
SELECT message ->> 'job' AS name FROM pgmq.q_jobs
WHERE msg_id = $1 AND message ->> 'org' = app.current_org()::text FOR UPDATE
"""
JOBS = f"""
SELECT id, attempts, enqueued_at, due_at, message ->> 'job' AS name, error, is_running, due_at <= now() AS is_due
FROM app.organization_jobs() ORDER BY id DESC LIMIT {MOST_SHOWN}
"""
ONE = "SELECT is_running FROM app.organization_jobs() WHERE id = $1"
DEAD = f"""
SELECT id, attempts, enqueued_at, archived_at, message ->> 'job' AS name, error
FROM app.organization_dead_letters() ORDER BY archived_at DESC, id DESC LIMIT {MOST_SHOWN}
"""
TAKE_DEAD = """
DELETE FROM pgmq.a_jobs WHERE msg_id = $1 AND message ->> 'org' = app.current_org()::text RETURNING message::text
"""


class JobState(StrEnum):
    """What a job of the queue is doing."""

    WAITING = "waiting"  # for a worker
    LATER = "later"  # for its time
    RUNNING = "running"
    RETRYING = "retrying"  # failed, and will be tried again


class JobRuns(Conflict):
    """A worker is doing it at this moment."""

    code: ClassVar[str] = "job_runs"
    sentence: ClassVar[str] = marked("A worker is doing this job at this moment. Look again in a while.")


@dataclass(frozen=True)
class QueuedJob:
    """A job that waits, runs, or will be tried again."""

    id: int
    name: str
    state: JobState
    attempts: int
    enqueued_at: datetime
    due_at: datetime
    """When it is, or was, to be taken next; aware UTC."""
    error: str
    """What went wrong the last time; empty where nothing did."""


@dataclass(frozen=True)
class DoneJob:
    """A job that ended lately."""

    id: int
    name: str
    outcome: JobOutcome
    attempts: int
    started_at: datetime
    """When its last attempt began, aware UTC."""
    ended_at: datetime
    error: str
    """What went wrong, of one that failed for good."""

    @property
    def duration_s(self) -> float:
        """How long the last attempt took, in seconds."""
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True)
class DeadLetter:
    """A job that failed for good."""

    id: int
    name: str
    attempts: int
    enqueued_at: datetime
    failed_at: datetime
    error: str


async def list_jobs(work: Work) -> tuple[QueuedJob, ...]:
    """Return the newest jobs of the organization that are not done yet.

    Raises:
        Forbidden: the actor may not inspect the system.
    """
    await work.permit(Permission.INSPECT_SYSTEM)
    return tuple(_job(row) for row in await work.fetch(JOBS))


async def list_done_jobs(work: Work) -> tuple[DoneJob, ...]:
    """Return the organization's jobs that ended within a day, the newest first and at most a hundred.

    Raises:
        Forbidden: the actor may not inspect the system.
    """
    await work.permit(Permission.INSPECT_SYSTEM)
    lately = (
        select(JobRun)
        .where(JobRun.ended_at > work.now - DONE_SHOWN_FOR)
        .order_by(JobRun.ended_at.desc(), JobRun.id.desc())
        .limit(MOST_DONE)
    )
    return tuple(
        DoneJob(row.job_id, row.name, JobOutcome(row.outcome), row.attempts, row.started_at, row.ended_at, row.error)
        for row in (await work.session.execute(lately)).scalars()
    )


async def list_dead_letters(work: Work) -> tuple[DeadLetter, ...]:
    """Return the organization's jobs that failed for good, the newest first.

    Raises:
        Forbidden: the actor may not inspect the system.
    """
    await work.permit(Permission.INSPECT_SYSTEM)
    return tuple(
        DeadLetter(row["id"], row["name"], row["attempts"], row["enqueued_at"], row["archived_at"], _error(row))
        for row in await work.fetch(DEAD)
    )


async def retry_job(work: Work, *, job_id: int) -> None:
    """Have a job that waits for its time, or for another attempt, taken at once; once more changes nothing.

    Raises:
        Forbidden: the actor may not edit jobs.
        NotFound: there is no such job.
        JobRuns: a worker is doing it.
    """
    await _hold(work, job_id)
    await work.fetch("SELECT msg_id FROM pgmq.set_vt($1::text, $2::bigint, 0)", QUEUE, job_id)


async def cancel_job(work: Work, *, job_id: int) -> None:
    """Take a job back that nobody is doing.

    Raises:
        As `retry_job`.
    """
    await _hold(work, job_id)
    await work.fetch("SELECT pgmq.delete($1::text, $2::bigint)", QUEUE, job_id)


async def replay_dead_letter(work: Work, *, job_id: int) -> int:
    """Queue a job again that failed for good, and return its new number. Of two who do so at once, one does.

    Raises:
        Forbidden: the actor may not edit jobs.
        NotFound: there is no such dead letter, or somebody was faster.
    """
    message = await _taken(work, job_id)
    return int((await work.fetch("SELECT pgmq.send($1::text, $2::text::jsonb, 0)", QUEUE, message))[0][0])


async def discard_dead_letter(work: Work, *, job_id: int) -> None:
    """Forget a job that failed for good.

    Raises:
        As `replay_dead_letter`.
    """
    await _taken(work, job_id)


async def _hold(work: Work, job_id: int) -> None:
    await work.permit(Permission.EDIT_JOBS)
    held = await work.fetch(HOLD, job_id)
    if not held:
        raise NotFound(what="job")
    if (await work.fetch(ONE, job_id))[0]["is_running"]:
        raise JobRuns
    tell(work, held[0]["name"])


async def _taken(work: Work, job_id: int) -> str:
    await work.permit(Permission.EDIT_JOBS)
    rows = await work.fetch(TAKE_DEAD, job_id)
    if not rows:
        raise NotFound(what="dead letter")
    message: str = rows[0]["message"]
    tell(work, orjson.loads(message)["job"])
    return message


def _job(row: "asyncpg.Record") -> QueuedJob:
    if row["is_running"]:
        state = JobState.RUNNING
    elif row["error"] is not None and not row["is_due"]:
        state = JobState.RETRYING
    else:
        state = JobState.WAITING if row["is_due"] else JobState.LATER
    return QueuedJob(row["id"], row["name"], state, row["attempts"], row["enqueued_at"], row["due_at"], _error(row))


def _error(row: "asyncpg.Record") -> str:
    return str(row["error"] or "")[:LONGEST_ERROR]
