"""How calls were answered in a period: how many, how fast, and how often a ladder had to be climbed."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.plant.periods import Period
from services.db.work import Work

# A call that was resolved without having been acknowledged was answered then. One that nobody has answered yet counts,
# and has missed its target when that is over; its times enter no percentile before they are known.
ANSWERED = """
SELECT calls.category, calls.machine_id, calls.joined, calls.raised_at,
       extract(epoch FROM coalesce(calls.acknowledged_at, calls.resolved_at) - calls.raised_at) AS response_s,
       extract(epoch FROM calls.resolved_at - calls.raised_at) AS resolution_s,
       CASE WHEN calls.state <> 'raised' OR now() - calls.raised_at > make_interval(secs => calls.response_target_s)
            THEN coalesce(calls.acknowledged_at, calls.resolved_at, now()) - calls.raised_at
                 <= make_interval(secs => calls.response_target_s) END AS responded_in_time,
       CASE WHEN calls.resolved_at IS NOT NULL
              OR now() - calls.raised_at > make_interval(secs => calls.resolution_target_s)
            THEN coalesce(calls.resolved_at, now()) - calls.raised_at
                 <= make_interval(secs => calls.resolution_target_s) END AS resolved_in_time,
       EXISTS (SELECT FROM andon_notifications AS fired
               WHERE fired.org_id = calls.org_id AND fired.call_id = calls.id AND fired.step > 0) AS is_escalated
FROM andon_calls AS calls
WHERE calls.plant_id = $1 AND calls.raised_at >= $2 AND calls.raised_at < $3
"""
BY_SUBJECT = f"""
SELECT answered.category, machines.code AS machine_code, machines.name AS machine_name,
       count(*) AS count, sum(joined) AS joined,
       percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY response_s) AS response_s,
       percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY resolution_s) AS resolution_s,
       avg(responded_in_time::integer) AS responded_in_time, avg(resolved_in_time::integer) AS resolved_in_time,
       avg(is_escalated::integer) AS escalated
FROM ({ANSWERED}) AS answered JOIN machines ON machines.id = answered.machine_id
GROUP BY GROUPING SETS ((), (answered.category), (machines.code, machines.name))
ORDER BY count(*) DESC, answered.category, machines.code
"""
BY_HOUR = """
SELECT extract(hour FROM calls.raised_at AT TIME ZONE plants.time_zone)::integer AS hour, count(*) AS count
FROM andon_calls AS calls
JOIN plants ON plants.org_id = calls.org_id AND plants.id = calls.plant_id
WHERE calls.plant_id = $1 AND calls.raised_at >= $2 AND calls.raised_at < $3
GROUP BY 1
"""


@dataclass(frozen=True)
class CallFigures:
    """Calls of one category, of one machine, or all of them; every share lies between 0 and 1."""

    category: str | None
    """None where the figures are of a machine, or of everything."""
    machine_code: str | None
    machine_name: str | None
    count: int
    joined: int
    """How often calls were raised again while they were open."""
    response_median_s: Decimal | None
    """From raised to answered; None while nobody has answered any."""
    response_p90_s: Decimal | None
    resolution_median_s: Decimal | None
    """From raised to resolved."""
    resolution_p90_s: Decimal | None
    responded_in_time: Decimal | None
    """Share of the calls with a target that were answered within it; None where none had one."""
    resolved_in_time: Decimal | None
    escalated: Decimal
    """Share of the calls of which a second step was told."""


@dataclass(frozen=True)
class CallStatistics:
    """How a plant's calls of a period were answered."""

    period: Period
    total: CallFigures | None
    """None without any call."""
    by_category: tuple[CallFigures, ...]
    """Most calls first."""
    by_machine: tuple[CallFigures, ...]
    """Most calls first."""
    by_hour: tuple[int, ...]
    """Calls per hour of the plant's day in which they were raised, 24 numbers."""


async def load_call_statistics(work: Work, *, plant_id: UUID, since: datetime, until: datetime) -> CallStatistics:
    """Return how the calls were answered that were raised in a plant in `[since, until)`.

    Raises:
        Forbidden: the actor may not read calls.
        NotFound: there is no such plant in this scope.
        InvalidPeriod: `until` lies before `since`.
    """
    await work.permit(Permission.READ_ANDON)
    period = Period(since, until)
    if not await work.fetch("SELECT FROM plants WHERE id = $1", plant_id):
        raise NotFound(what="plant")
    subjects = await work.fetch(BY_SUBJECT, plant_id, since, until)
    hours = {row["hour"]: row["count"] for row in await work.fetch(BY_HOUR, plant_id, since, until)}
    figures = [
        CallFigures(
            category=row["category"],
            machine_code=row["machine_code"],
            machine_name=row["machine_name"],
            count=row["count"],
            joined=row["joined"],
            response_median_s=_seconds(row["response_s"], 0),
            response_p90_s=_seconds(row["response_s"], 1),
            resolution_median_s=_seconds(row["resolution_s"], 0),
            resolution_p90_s=_seconds(row["resolution_s"], 1),
            responded_in_time=row["responded_in_time"],
            resolved_in_time=row["resolved_in_time"],
            escalated=row["escalated"],
        )
        for row in subjects
        if row["count"]
    ]
    return CallStatistics(
        period=period,
        total=next((one for one in figures if one.category is None and one.machine_code is None), None),
        by_category=tuple(one for one in figures if one.category is not None),
        by_machine=tuple(one for one in figures if one.machine_code is not None),
        by_hour=tuple(hours.get(hour, 0) for hour in range(24)),
    )


def _seconds(percentiles: list[float | None] | None, which: int) -> Decimal | None:
    value = None if percentiles is None else percentiles[which]
    return None if value is None else round(Decimal(value), 3)
