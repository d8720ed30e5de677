"""Counting the past again when its rules change: what a micro-stop is, and what a reason's time is lost to.

The figures as corrected follow the rules of now. A job marks the hours that a change tells otherwise, so that whoever
changes a rule does not wait for years of history; the hours are then added up like all that are dirty.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from services.db.work import Work
from services.jobs.registry import Job, does, enqueue

REACH = timedelta(days=31)
"""How much of the timeline one job looks through; it queues the next one for what lies before."""

# The threshold decides between minor and unexplained stops only.
MARK_STOPS_OF_MACHINE = """
SELECT count(app.mark_dirty_hours(machine_id, hour_at, hour_at)) FROM (
  SELECT DISTINCT machine_id, hour_at FROM hourly_facts
  WHERE machine_id = $1 AND (minor_s > 0 OR unexplained_s > 0)
) AS told
"""
# With the reasons below them that take their category.
HEIRS = """
WITH RECURSIVE heirs AS (
  SELECT id FROM reasons WHERE id = $1
  UNION ALL
  SELECT reasons.id FROM reasons JOIN heirs ON reasons.parent_id = heirs.id WHERE reasons.loss_category IS NULL
)
SELECT id FROM heirs
"""
MARK_STOPS_OF_REASONS = """
SELECT count(app.mark_dirty_hours(changes.machine_id, changes.started_at,
                                  least(coalesce(following.started_at, now()), now())))
FROM machine_state_changes AS changes
LEFT JOIN LATERAL (
  SELECT later.started_at FROM machine_state_changes AS later
  WHERE later.machine_id = changes.machine_id AND later.started_at > changes.started_at
  ORDER BY later.started_at LIMIT 1
) AS following ON true
WHERE changes.started_at >= $1 AND changes.started_at < $2 AND changes.reason_id = ANY ($3::uuid[])
"""
NEWEST_BEFORE = """
SELECT max(started_at) AS started_at FROM machine_state_changes WHERE started_at < $1 AND reason_id = ANY ($2::uuid[])
"""
MICROSECOND = timedelta(microseconds=1)


class RecountMachine(Job):
    """Mark the hours of a machine that a new micro-stop threshold tells otherwise."""

    name = "plant.recount.machine"
    machine_id: UUID


class RecountReasons(Job):
    """Mark the hours of stops that have one of these reasons and began before an instant."""

    name = "plant.recount.reasons"
    reason_ids: tuple[UUID, ...]
    before: datetime


async def recount_machine(work: Work, *, machine_id: UUID) -> None:
    """Let a machine's past be counted with the micro-stop threshold that it has now."""
    await enqueue(work, RecountMachine(machine_id=machine_id))


async def recount_reason(work: Work, *, reason_id: UUID) -> None:
    """Let the past stops of a reason, and of those that take its loss category, be counted as what they are now."""
    heirs = tuple(row["id"] for row in await work.fetch(HEIRS, reason_id))
    await enqueue(work, RecountReasons(reason_ids=heirs, before=work.now + MICROSECOND))


@does(RecountMachine)
async def mark_machine(work: Work, job: RecountMachine) -> None:
    """Mark the hours in which the machine stopped without a reason."""
    await work.fetch(MARK_STOPS_OF_MACHINE, job.machine_id)


@does(RecountReasons)
async def mark_reasons(work: Work, job: RecountReasons) -> None:
    """Mark the hours of the newest month of stops, and queue the months before."""
    newest = await _newest(work, job.reason_ids, before=job.before)
    if newest is None:
        return
    since = newest - REACH
    await work.fetch(MARK_STOPS_OF_REASONS, since, job.before, list(job.reason_ids))
    await enqueue(work, RecountReasons(reason_ids=job.reason_ids, before=since))


async def _newest(work: Work, reason_ids: Collection[UUID], *, before: datetime) -> datetime | None:
    rows = await work.fetch(NEWEST_BEFORE, before, list(reason_ids))
    newest: datetime | None = rows[0]["started_at"]
    return newest
