"""Hourly facts: what a machine's time went into and what it made, added up again whenever an hour gets dirty.

A month's report reads facts, not rows, and those of whole shifts (`shift_facts`). Whatever tells the time or the pieces
of an hour otherwise marks it dirty in the same transaction (triggers of revision 0008), so that late and corrected rows
end in the same facts as rows that came in time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound, Unavailable
from domain.events import HourlyFactsChanged
from domain.plant.periods import Period
from domain.plant.shift_accounts import (
    ExplainedTime,
    TimeCause,
    explain_shift,
    explained_within,
    time_account,
    work_unit_repairs,
)
from domain.plant.shifts import ShiftOccurrence
from domain.plant.timelines import StateChange
from domain.scope import Scope
from services.db.work import Work, begin
from services.jobs.registry import Job, does_for_system
from services.plant.machine_time import MadeItem, load_changes, load_pieces, output_of
from services.plant.shift_calendar import NO_SHIFT, LaneShift, shifts_of_lane
from services.plant.shift_facts import CAUSES, NUMBERS, add_up_shifts

log = structlog.get_logger(__name__)

HOUR = timedelta(hours=1)
LONGEST_LOAD = timedelta(days=7)
"""Hours that follow each other are added up together, a week at a time."""
HOURS_AT_ONCE = 24 * 7
COLUMNS = ("org_id", "plant_id", "lane_id", "machine_id", "hour_at", "shift_id", "day", "is_planned", *NUMBERS)

# Held until the transaction ends: whoever comes second reads what the first one's readers could not see yet.
ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('hourly_facts:' || $1::uuid, 0))"
MACHINE = """
SELECT machines.plant_id, machines.lane_id, machines.micro_stop_s, plants.time_zone,
       ARRAY(SELECT since FROM machine_places AS places WHERE places.machine_id = machines.id ORDER BY since) AS since,
       ARRAY(SELECT places.lane_id FROM machine_places AS places WHERE places.machine_id = machines.id ORDER BY since)
         AS lane_ids
FROM machines JOIN plants ON plants.org_id = machines.org_id AND plants.id = machines.plant_id
WHERE machines.id = $1
"""
CLEAN = "DELETE FROM dirty_hours WHERE machine_id = $1 AND hour_at = ANY ($2::timestamptz[])"
WRITE = f"""
WITH fresh AS MATERIALIZED (SELECT * FROM jsonb_populate_recordset(NULL::hourly_facts, $1::jsonb)),
gone AS (
  DELETE FROM hourly_facts AS facts WHERE facts.machine_id = $2 AND facts.hour_at = ANY ($3::timestamptz[])
    AND NOT EXISTS (SELECT FROM fresh WHERE fresh.hour_at = facts.hour_at AND fresh.shift_id = facts.shift_id
                                        AND fresh.day = facts.day)
  RETURNING facts.day
), written AS (
  INSERT INTO hourly_facts ({", ".join(COLUMNS)}) SELECT {", ".join(COLUMNS)} FROM fresh
  ON CONFLICT ON CONSTRAINT hourly_facts_pk DO UPDATE SET
    plant_id = excluded.plant_id, lane_id = excluded.lane_id, is_planned = excluded.is_planned,
    {", ".join(f"{name} = excluded.{name}" for name in NUMBERS)}
  RETURNING day
)
SELECT day FROM gone UNION SELECT day FROM written
"""
# The hour that is going on changes with every piece: it waits until it has been dirty for a while, so that those who
# report are not held up by those who add up. Screens of the shift calculate it themselves.
IS_DUE = "(hour_at < date_trunc('hour', now(), 'UTC') OR marked_at < now() - interval '30 seconds')"
TAKE = f"""
SELECT machine_id, hour_at FROM dirty_hours
WHERE {IS_DUE} AND machine_id = (
  SELECT machine_id FROM dirty_hours WHERE {IS_DUE} ORDER BY marked_at LIMIT 1 FOR UPDATE SKIP LOCKED)
ORDER BY hour_at LIMIT $1
"""
# Time passes without anybody reporting it. From the newest hour that was added up, which may not have been over then,
# and from the beginning of a stop that may have been a micro-stop until now. A machine whose log was imported or
# replayed tells of another time, in which only its reports let time pass.
MARK_PASSED_TIME = """
SELECT count(app.mark_dirty_hours(machines.id, greatest(least(facts.hour_at, stop.since),
                                                        now() - interval '35 days'), now()))
FROM machines
LEFT JOIN LATERAL (
  SELECT coalesce(max(hour_at), now() - interval '1 hour') AS hour_at FROM hourly_facts
  WHERE hourly_facts.machine_id = machines.id
) AS facts ON true
JOIN machine_status AS status ON status.org_id = machines.org_id AND status.machine_id = machines.id
LEFT JOIN LATERAL (
  SELECT status.since WHERE status.state = 'unplanned_stop' AND status.reason_id IS NULL
    AND status.since > now() - interval '4 hours'
) AS stop ON true
WHERE machines.is_active AND (status.last_report_at < status.heard_at - interval '1 day') IS NOT TRUE
"""
DIRTY_ORGANIZATIONS = text("SELECT app.organizations_with_dirty_hours()")
ORGANIZATIONS = text("SELECT app.organizations()")


class RefreshHourlyFacts(Job):
    """Add up the hours that got dirty."""

    name = "plant.hourly_facts.refresh"


class MarkPassedHours(Job):
    """Mark the hours that passed since they were last added up."""

    name = "plant.hourly_facts.mark_passed"


@dataclass(frozen=True)
class _Unit:
    id: UUID
    plant_id: UUID
    lane_id: UUID
    zone: ZoneInfo
    micro_stop_s: Decimal
    places: tuple[tuple[datetime, UUID], ...]

    def lane_at(self, instant: datetime) -> UUID:
        """Return the lane that the machine stood in; before its first known place, that one."""
        lanes = [lane_id for since, lane_id in self.places if since <= instant]
        if lanes:
            return lanes[-1]
        return self.places[0][1] if self.places else self.lane_id


@dataclass(frozen=True)
class _Slice:
    """The part of one hour that lies in one shift, or in none."""

    hour_at: datetime
    lane_id: UUID
    shift: LaneShift
    is_planned: bool
    periods: tuple[Period, ...]


async def recompute_hours(work: Work, *, machine_id: UUID, hours: Iterable[datetime]) -> None:
    """Add up hours of a machine from its timeline and its log, and take their marks away.

    `hours` are their beginnings in UTC. Time in the future is not accounted: the present hour counts up to now.

    Raises:
        NotFound: there is no such machine in this scope.
    """
    wanted = sorted({hour for hour in hours if hour < work.now})
    await work.fetch(ALONE, machine_id)
    await work.fetch(CLEAN, machine_id, wanted)
    unit = await _load_unit(work, machine_id)
    facts = [fact for together in _together(unit, wanted) for fact in await _facts_of(work, unit, together)]
    written = await work.fetch(WRITE, orjson.dumps(facts, default=str).decode(), machine_id, wanted)
    await add_up_shifts(work, machine_id=machine_id, days=[row["day"] for row in written], hours=wanted)
    changed = HourlyFactsChanged(plant_id=unit.plant_id)
    if changed not in work.events:
        work.emit(changed)


async def refresh_next_machine(work: Work) -> bool:
    """Add up the dirty hours of the machine that has waited longest; False when none waits."""
    rows = await work.fetch(TAKE, HOURS_AT_ONCE)
    if not rows:
        return False
    await recompute_hours(work, machine_id=rows[0]["machine_id"], hours=[row["hour_at"] for row in rows])
    return True


async def mark_passed_hours(work: Work) -> None:
    """Mark the hours of every active machine that passed since they were last added up, with the present one.

    Those of machines whose newest report spoke of a day before it was heard, or earlier, stay as their log told them.
    """
    await work.fetch(MARK_PASSED_TIME)


@does_for_system(RefreshHourlyFacts, every_s=3)
async def refresh_hourly_facts(connection: AsyncConnection, _: RefreshHourlyFacts) -> None:
    """Add up what is dirty, machine by machine, each in a transaction of its own."""
    for org_id in list((await connection.execute(DIRTY_ORGANIZATIONS)).scalars()):
        is_waiting = True
        while is_waiting:
            try:
                async with begin(Scope(org_id, request_id=RefreshHourlyFacts.name)) as work:
                    is_waiting = await refresh_next_machine(work)
            except Unavailable:
                log.info("dirty hours wait for the next round", org_id=org_id)
                break


@does_for_system(MarkPassedHours, every_s=300)
async def mark_passed_hours_everywhere(connection: AsyncConnection, _: MarkPassedHours) -> None:
    """Let time pass in every organization."""
    for org_id in list((await connection.execute(ORGANIZATIONS)).scalars()):
        async with begin(Scope(org_id, request_id=MarkPassedHours.name)) as work:
            await mark_passed_hours(work)


async def _load_unit(work: Work, machine_id: UUID) -> _Unit:
    rows = await work.fetch(MACHINE, machine_id)
    if not rows:
        raise NotFound(what="machine")
    row = rows[0]
    places = tuple(zip(row["since"], row["lane_ids"], strict=True))
    return _Unit(machine_id, row["plant_id"], row["lane_id"], ZoneInfo(row["time_zone"]), row["micro_stop_s"], places)


def _together(unit: _Unit, hours: Sequence[datetime]) -> Iterator[tuple[datetime, ...]]:
    """Cut hours into runs that lie close to each other, in one lane."""
    run: list[datetime] = []
    for hour in hours:
        is_near = bool(run) and hour - run[-1] <= timedelta(days=1) and hour - run[0] < LONGEST_LOAD
        if run and not (is_near and unit.lane_at(hour) == unit.lane_at(run[0])):
            yield tuple(run)
            run = []
        run.append(hour)
    if run:
        yield tuple(run)


async def _facts_of(work: Work, unit: _Unit, hours: Sequence[datetime]) -> list[dict[str, object]]:
    lane_id = unit.lane_at(hours[0])
    around = Period(hours[0], hours[-1] + HOUR)
    shifts = await shifts_of_lane(work, lane_id=lane_id, period=around)
    # A failure counts where it begins, and whether it does is seen from the beginning of its shift.
    since = min([around.starts_at, *(shift.occurrence.period.starts_at for shift in shifts)])
    changes = (await load_changes(work, machine_ids=[unit.id], period=Period(since, around.ends_at)))[unit.id]
    slices = _slices(unit, lane_id, shifts, hours)
    pieces = [(unit.id, period) for each in slices for period in each.periods]
    made = iter(await load_pieces(work, pieces))
    facts: list[dict[str, object]] = []
    for shift, of_shift in groupby(slices, key=lambda each: (each.shift, each.is_planned)):
        own = list(of_shift)
        explained = _explained(shift[0].occurrence, changes, unit, own, until=work.now)
        for each in own:
            items = tuple(item for _ in each.periods for item in next(made))
            facts.append(_fact(work.scope.org_id, unit, each, explained, items))
    return facts


def _slices(unit: _Unit, lane_id: UUID, shifts: Sequence[LaneShift], hours: Sequence[datetime]) -> list[_Slice]:
    """Return the time of the hours by shift, and what lies between shifts by day, in the order of shifts."""
    planned: list[_Slice] = []
    free: dict[tuple[datetime, date], list[Period]] = {}
    for hour in hours:
        whole = Period(hour, hour + HOUR)
        inside = [(shift, shift.occurrence.period.within(whole)) for shift in shifts]
        taken = [(shift, period) for shift, period in inside if period.length_s]
        planned += [_Slice(hour, lane_id, shift, True, (period,)) for shift, period in taken]
        ends = [hour, *(period.ends_at for _, period in taken)]
        starts = [*(period.starts_at for _, period in taken), whole.ends_at]
        for starts_at, ends_at in zip(ends, starts, strict=True):
            if starts_at < ends_at:
                free.setdefault((hour, starts_at.astimezone(unit.zone).date()), []).append(Period(starts_at, ends_at))
    planned.sort(key=lambda each: (each.shift.occurrence.period, each.hour_at))
    between = [
        _Slice(hour, lane_id, _no_shift(lane_id, day, periods), False, tuple(periods))
        for (hour, day), periods in free.items()
    ]
    return planned + between


def _no_shift(lane_id: UUID, day: date, periods: Sequence[Period]) -> LaneShift:
    whole = Period(periods[0].starts_at, periods[-1].ends_at)
    return LaneShift(NO_SHIFT, ShiftOccurrence(lane_id, None, day, "", "", whole))


def _explained(
    shift: ShiftOccurrence, changes: Sequence[StateChange], unit: _Unit, slices: Sequence[_Slice], *, until: datetime
) -> tuple[ExplainedTime, ...]:
    ends_at = max(period.ends_at for each in slices for period in each.periods)
    observed = replace(shift, period=Period(shift.period.starts_at, min(shift.period.ends_at, ends_at)))
    return explain_shift(observed, changes, until=until, micro_stop_s=unit.micro_stop_s)


def _fact(
    org_id: UUID, unit: _Unit, each: _Slice, explained: Sequence[ExplainedTime], items: Sequence[MadeItem]
) -> dict[str, object]:
    own = tuple(part for period in each.periods for part in explained_within(explained, period))
    account = time_account(own)
    as_corrected, as_reported = output_of(items), output_of(items, corrected=False)
    repairs = work_unit_repairs(own) if each.is_planned else None
    return {
        "org_id": org_id, "plant_id": unit.plant_id, "lane_id": each.lane_id, "machine_id": unit.id,
        "hour_at": each.hour_at, "shift_id": each.shift.id, "day": each.shift.occurrence.day,
        "is_planned": each.is_planned,
        **{CAUSES[cause]: spent_s for cause, spent_s in account.by_cause_s.items()},
        "good": as_corrected.good, "scrap": as_corrected.scrap, "rework": as_corrected.rework,
        "good_reported": as_reported.good, "scrap_reported": as_reported.scrap,
        "rework_reported": as_reported.rework,
        "planned_run_s": as_corrected.planned_run_s, "planned_run_reported_s": as_reported.planned_run_s,
        "failures": _failures(explained, each) if each.is_planned else 0,
        "corrective_s": 0 if repairs is None else repairs.corrective_s,
        "preventive_s": 0 if repairs is None else repairs.preventive_s,
    }  # fmt: skip


def _failures(explained: Sequence[ExplainedTime], each: _Slice) -> int:
    """Return how many failures of the shift began in a slice: those up to its end, less those up to its beginning."""
    begins_at = explained[0].period.starts_at if explained else each.periods[0].starts_at
    edges = [max(begins_at, edge) for edge in (each.periods[0].starts_at, each.periods[-1].ends_at)]
    if not any(part.cause is TimeCause.BREAKDOWN for part in explained):
        return 0
    up_to = [work_unit_repairs(explained_within(explained, Period(begins_at, edge))).failures for edge in edges]
    return next(later - earlier for earlier, later in pairwise(up_to))
