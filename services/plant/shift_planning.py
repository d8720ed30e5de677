"""From templates and exceptions to occurrences: the shifts of a lane in real time, planned ahead.

What has begun is history and stays as it is. What lies ahead follows the templates at once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound
from domain.events import ShiftsChanged
from domain.identity.roles import Permission
from domain.plant.periods import Period
from domain.plant.shifts import (
    ShiftException,
    ShiftHours,
    ShiftOccurrence,
    ShiftsOverlap,
    ShiftTemplate,
    WallInterval,
    Weekday,
    occurrences,
)
from domain.plant.wall_clocks import DAY
from services.db.keys import new_id
from services.db.tables import ShiftExceptionRow, ShiftOccurrenceRow, ShiftTemplateRow
from services.db.work import Work
from services.jobs.registry import Job, does, does_for_system, enqueue_for_organizations

PLANNED_AHEAD = timedelta(days=60)
HALF_A_DAY_S = 12 * 3600

# Shares the lane with everybody who only refers to it. In the order of their ids, so that two planners of several
# lanes never wait for each other in a ring.
LANES = """
SELECT lanes.id, lanes.plant_id, plants.time_zone
FROM lanes JOIN plants ON plants.org_id = lanes.org_id AND plants.id = lanes.plant_id
{where}
ORDER BY lanes.id FOR NO KEY UPDATE OF lanes
"""
ONE_LANE = LANES.format(where="WHERE lanes.id = $1")
LANES_OF_PLANT = LANES.format(where="WHERE lanes.plant_id = $1")
LANES_WITH_SHIFTS = LANES.format(
    where="WHERE EXISTS (SELECT FROM shift_templates WHERE shift_templates.org_id = lanes.org_id"
    " AND shift_templates.lane_id = lanes.id)"
)
MARK_DIRTY = """
SELECT count(app.mark_dirty_hours(machines.id, begun.since, begun.until))
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS begun (lane_id, since, until)
JOIN machines ON machines.lane_id = begun.lane_id
"""


class PlanShiftsAhead(Job):
    """Let every organization plan its shifts ahead."""

    name = "plant.shifts.plan_ahead"


class PlanShifts(Job):
    """Plan the shifts of an organization's lanes as far ahead as usual."""

    name = "plant.shifts.plan"


@dataclass(frozen=True)
class LockedLane:
    """A lane whose shifts this transaction alone may plan."""

    id: UUID
    plant_id: UUID
    zone: ZoneInfo
    """The plant's time zone."""


async def plan_occurrences(
    work: Work, *, lane_id: UUID, since_day: date | None = None, until_day: date | None = None
) -> None:
    """Plan a lane's shifts up to a day, that one included; 60 days ahead where none is given.

    Doing it again changes nothing. The shift that has begun today is added where nothing overlaps it. With `since_day`
    so are those of earlier days, from that one on: for work that was done before anybody planned.

    Raises:
        Forbidden: the actor may not edit shifts.
        NotFound: there is no such lane.
        ShiftsOverlap: exceptions put two shifts into the same time.
    """
    await work.permit(Permission.EDIT_SHIFTS)
    await plan_lanes(work, [await lock_lane(work, lane_id)], since_day=since_day, until_day=until_day)


async def plan_again(work: Work, *, plant_id: UUID) -> None:
    """Plan the shifts of a plant's lanes again after its time zone changed; for those who changed it.

    Raises:
        ShiftsOverlap: a shift would overlap one that has begun.
    """
    await plan_lanes(work, await _lanes(work, LANES_OF_PLANT, plant_id))


async def lock_lane(work: Work, lane_id: UUID) -> LockedLane:
    """Lock a lane for everybody else who plans its shifts.

    Raises:
        NotFound: there is no such lane.
    """
    lanes = await _lanes(work, ONE_LANE, lane_id)
    if not lanes:
        raise NotFound(what="lane")
    return lanes[0]


@does_for_system(PlanShiftsAhead, every_s=HALF_A_DAY_S)
async def plan_shifts_ahead(connection: AsyncConnection, _: PlanShiftsAhead) -> None:
    """Queue the planning of each organization, since the system itself sees none of their lanes."""
    await enqueue_for_organizations(connection, PlanShifts())


@does(PlanShifts)
async def plan_shifts(work: Work, _: PlanShifts) -> None:
    """Keep 60 days of shifts planned on every lane that has templates."""
    await plan_lanes(work, await _lanes(work, LANES_WITH_SHIFTS))


async def plan_lanes(
    work: Work, lanes: Sequence[LockedLane], *, since_day: date | None = None, until_day: date | None = None
) -> None:
    """Bring the occurrences of locked lanes in line with their templates and exceptions.

    Raises:
        ShiftsOverlap: exceptions put two shifts of a lane into the same time.
    """
    if not lanes:
        return
    of_lanes = [lane.id for lane in lanes]
    yesterday = work.now.date() - 2 * DAY  # in whichever zone
    from_day = yesterday if since_day is None else min(yesterday, since_day - DAY)
    planned = await load_planned(work, of_lanes, from_day=from_day)
    templates = await load_templates(work, of_lanes)
    exceptions = await load_exceptions(work, of_lanes, from_day=from_day)
    gone: list[UUID] = []
    added: list[ShiftOccurrence] = []
    for lane in lanes:
        gone_here, added_here = _changes(
            work, lane, planned[lane.id], templates[lane.id], exceptions[lane.id], since_day, until_day
        )
        gone += gone_here
        added += added_here
        if gone_here or added_here:
            work.emit(ShiftsChanged(plant_id=lane.plant_id, lane_id=lane.id))
    if gone:
        await work.session.execute(delete(ShiftOccurrenceRow).where(ShiftOccurrenceRow.id.in_(gone)))
    if added:
        plants = {lane.id: lane.plant_id for lane in lanes}
        await work.session.execute(insert(ShiftOccurrenceRow), [_row_of(work, plants, one) for one in added])
    begun = [one for one in added if one.period.starts_at <= work.now]
    if begun:
        await work.fetch(
            MARK_DIRTY,
            [one.lane_id for one in begun],
            [one.period.starts_at for one in begun],
            [min(one.period.ends_at, work.now) for one in begun],
        )


def template_of(row: ShiftTemplateRow) -> ShiftTemplate:
    """Return the value of a template; its crew is named by its id."""
    hours = hours_of(row.starts, row.ends, row.break_starts, row.break_ends)
    return ShiftTemplate(
        row.id, row.lane_id, row.name, _crew(row.crew_id), frozenset(map(Weekday, row.weekdays)), hours
    )


def hours_of(starts: time, ends: time, break_starts: Iterable[time], break_ends: Iterable[time]) -> ShiftHours:
    """Return hours as rows keep them."""
    breaks = (WallInterval(*rest) for rest in zip(break_starts, break_ends, strict=True))
    return ShiftHours(starts, ends, tuple(breaks))


async def load_templates(work: Work, lane_ids: Collection[UUID]) -> dict[UUID, list[ShiftTemplate]]:
    """Return the templates of lanes."""
    statement = select(ShiftTemplateRow).where(ShiftTemplateRow.lane_id.in_(lane_ids)).order_by(ShiftTemplateRow.id)
    found: dict[UUID, list[ShiftTemplate]] = defaultdict(list)
    for row in (await work.session.execute(statement)).scalars():
        found[row.lane_id].append(template_of(row))
    return found


async def load_exceptions(
    work: Work, lane_ids: Collection[UUID], *, from_day: date
) -> dict[UUID, list[ShiftException]]:
    """Return the exceptions of lanes from a day on."""
    statement = select(ShiftExceptionRow).where(
        ShiftExceptionRow.lane_id.in_(lane_ids), ShiftExceptionRow.day >= from_day
    )
    found: dict[UUID, list[ShiftException]] = defaultdict(list)
    for row in (await work.session.execute(statement.order_by(ShiftExceptionRow.id))).scalars():
        hours = (
            None
            if row.starts is None or row.ends is None
            else hours_of(row.starts, row.ends, row.break_starts, row.break_ends)
        )
        found[row.lane_id].append(
            ShiftException(row.lane_id, row.day, row.template_id, hours, row.name, _crew(row.crew_id))
        )
    return found


async def load_planned(
    work: Work, lane_ids: Collection[UUID], *, from_day: date
) -> dict[UUID, dict[UUID, ShiftOccurrence]]:
    """Return the occurrences of lanes from a day on, by lane and id."""
    statement = select(ShiftOccurrenceRow).where(
        ShiftOccurrenceRow.lane_id.in_(lane_ids), ShiftOccurrenceRow.day >= from_day
    )
    found: dict[UUID, dict[UUID, ShiftOccurrence]] = defaultdict(dict)
    for row in (await work.session.execute(statement.execution_options(populate_existing=True))).scalars():
        breaks = tuple(Period(*rest) for rest in zip(row.break_starts, row.break_ends, strict=True))
        found[row.lane_id][row.id] = ShiftOccurrence(
            row.lane_id, row.template_id, row.day, row.name, _crew(row.crew_id), Period(row.starts_at, row.ends_at),
            breaks,
        )  # fmt: skip
    return found


def _changes(
    work: Work,
    lane: LockedLane,
    planned: dict[UUID, ShiftOccurrence],
    templates: list[ShiftTemplate],
    exceptions: list[ShiftException],
    since_day: date | None,
    until_day: date | None,
) -> tuple[list[UUID], list[ShiftOccurrence]]:
    """Return which planned occurrences of a lane go, and which come."""
    today = work.now.astimezone(lane.zone).date()
    first_day = min(today, since_day or today)
    last_day = max([until_day or today + PLANNED_AHEAD, *(one.day for one in planned.values())])
    begun = [one for one in planned.values() if one.period.starts_at <= work.now]
    ahead = {one: key for key, one in planned.items() if one.period.starts_at > work.now}
    try:
        wanted = occurrences(
            templates, zone=lane.zone, first_day=first_day - DAY, before_day=last_day + DAY, exceptions=exceptions
        )
    except ShiftsOverlap as overlap:
        at = overlap.fields["at"]
        shown = at.astimezone(lane.zone).strftime("%Y-%m-%d %H:%M") if isinstance(at, datetime) else at
        raise ShiftsOverlap(**{**overlap.fields, "at": shown}) from overlap
    fitting = {
        fitted
        for one in wanted
        if (one.day >= first_day or one.period.ends_at > work.now)
        and (fitted := _fitted(one, begun, work.now)) is not None
    }
    gone = [key for one, key in ahead.items() if one not in fitting]
    return gone, sorted(fitting - set(ahead), key=lambda one: one.period)


def _fitted(shift: ShiftOccurrence, begun: Iterable[ShiftOccurrence], now: datetime) -> ShiftOccurrence | None:
    """Return a shift beside those that have begun, which stay: one that would begin before they end waits for them.

    None where it has begun already, as it was planned then, and where nothing is left of it.
    """
    in_the_way: list[ShiftOccurrence] = []
    for other in begun:
        is_same = other.name == shift.name or (other.template_id is not None and other.template_id == shift.template_id)
        if other.day == shift.day and is_same:
            return None
        if other.period.overlaps(shift.period):
            in_the_way.append(other)
    if not in_the_way:
        return shift
    starts_at = max(other.period.ends_at for other in in_the_way)
    if not now < starts_at < shift.period.ends_at:
        return None
    period = Period(starts_at, shift.period.ends_at)
    breaks = tuple(rest.within(period) for rest in shift.breaks if rest.overlaps(period))
    return replace(shift, period=period, breaks=breaks)


async def _lanes(work: Work, sql: str, *values: object) -> list[LockedLane]:
    rows: list[asyncpg.Record] = await work.fetch(sql, *values)
    return [LockedLane(row["id"], row["plant_id"], ZoneInfo(row["time_zone"])) for row in rows]


def _row_of(work: Work, plants: dict[UUID, UUID], one: ShiftOccurrence) -> dict[str, object]:
    return {
        "id": new_id(),
        "org_id": work.scope.org_id,
        "plant_id": plants[one.lane_id],
        "lane_id": one.lane_id,
        "template_id": one.template_id,
        "day": one.day,
        "name": one.name,
        "crew_id": UUID(one.crew) if one.crew else None,
        "starts_at": one.period.starts_at,
        "ends_at": one.period.ends_at,
        "break_starts": [rest.starts_at for rest in one.breaks],
        "break_ends": [rest.ends_at for rest in one.breaks],
    }


def _crew(crew_id: UUID | None) -> str:
    return "" if crew_id is None else str(crew_id)
