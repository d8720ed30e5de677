"""Recurring jobs that keep the installation healthy."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.jobs.registry import Job, does_for_system

SILENT_FOR = timedelta(seconds=60)
"""A process without a heartbeat for this long is dead."""
ANSWERS_KEPT_FOR = timedelta(days=1)
"""How long the answer to a write can be had again under its Idempotency-Key."""
SIGN_INS_KEPT_FOR = timedelta(days=30)
"""How long a session that has ended can still be looked at."""
RUNS_KEPT_FOR = timedelta(days=1)
"""How long the list of jobs shows what is done."""
HOUR_S = 3600


class MakeMonthsAhead(Job):
    """Make the partitions of the coming three months."""

    name = "upkeep.months.make"


class ReapLiveQueues(Job):
    """Unbind, then drop, the live queues of dead server processes."""

    name = "upkeep.live_queues.reap"


class PurgeIdempotencyKeys(Job):
    """Forget the answers of writes that nobody repeats any more."""

    name = "upkeep.idempotency_keys.purge"


class PurgeSignIns(Job):
    """Forget sessions and refresh tokens that ended long ago."""

    name = "upkeep.sign_ins.purge"


class PurgeSignInAttempts(Job):
    """Forget failed sign-ins that lock nobody any more."""

    name = "upkeep.sign_in_attempts.purge"


class PurgeJobRuns(Job):
    """Forget jobs that ended a day ago."""

    name = "upkeep.job_runs.purge"


@does_for_system(PurgeJobRuns, every_s=HOUR_S)
async def purge_job_runs(connection: AsyncConnection, _: PurgeJobRuns) -> None:
    """Keep the list of what was done lately short."""
    await connection.execute(text("SELECT app.purge_job_runs(:older)"), {"older": RUNS_KEPT_FOR})


@does_for_system(PurgeSignInAttempts, every_s=HOUR_S)
async def purge_sign_in_attempts(connection: AsyncConnection, _: PurgeSignInAttempts) -> None:
    """Let nothing grow that strangers can write."""
    await connection.execute(text("SELECT app.purge_sign_in_attempts()"))


@does_for_system(MakeMonthsAhead, every_s=12 * HOUR_S)
async def make_months_ahead(connection: AsyncConnection, _: MakeMonthsAhead) -> None:
    """Make partitions well before anything is written to them."""
    await connection.execute(text("SELECT app.ensure_months(now(), now() + interval '3 months')"))


@does_for_system(ReapLiveQueues, every_s=30)
async def reap_live_queues(connection: AsyncConnection, _: ReapLiveQueues) -> None:
    """Free the queues that nobody reads any more."""
    await connection.execute(text("SELECT app.reap_live_queues(:silent)"), {"silent": SILENT_FOR})
    await connection.execute(text("SELECT app.forget_silent_workers(:silent)"), {"silent": SILENT_FOR})


@does_for_system(PurgeIdempotencyKeys, every_s=HOUR_S)
async def purge_idempotency_keys(connection: AsyncConnection, _: PurgeIdempotencyKeys) -> None:
    """Keep the table as small as a day's writes."""
    await connection.execute(text("SELECT app.purge_idempotency_keys(:older)"), {"older": ANSWERS_KEPT_FOR})


@does_for_system(PurgeSignIns, every_s=6 * HOUR_S)
async def purge_sign_ins(connection: AsyncConnection, _: PurgeSignIns) -> None:
    """Keep the look-up of every request's session small."""
    await connection.execute(text("SELECT app.purge_sign_ins(:older)"), {"older": SIGN_INS_KEPT_FOR})
