"""The figures of an Andon wall that follow from hourly facts: OEE of the running shift, targets and pace.

They are no part of the wall's own query, which answers every change: facts of the hour that is going on are added up
twice a minute, so asking more often would tell nothing new.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

import asyncpg

from domain.plant.periods import Period
from domain.plant.shift_accounts import NOT_PLANNED_BUSY, TimeCause
from domain.production.kpis import Ratio, WorkUnitOutput, WorkUnitTimes, output_together, times_together, work_unit_kpis
from domain.production.targets import PlannedHour, Target, hour_targets, pace, targets_together
from services.db.work import Work
from services.plant.shift_calendar import LaneShift, shifts_of_lane
from services.production.boards import OTHER_TIME, Snapshot

ZERO = Decimal(0)
HOUR = timedelta(hours=1)
HOURS = 12
"""How many hours the wall shows, the running one among them."""

# The lane's own time: that of its machines where the logs of all of them are being replayed.
INSTANT = f"""
SELECT CASE WHEN bool_and(coalesce(status.last_report_at < status.heard_at - {OTHER_TIME}, false))
            THEN max(status.last_report_at) ELSE now() END AS instant
FROM machines
JOIN machine_status AS status ON status.org_id = machines.org_id AND status.machine_id = machines.id
WHERE machines.lane_id = $1 AND machines.is_active
"""
FACTS = f"""
SELECT machine_id, hour_at, shift_id, day, running_s, changeover_s, good, scrap, rework, planned_run_s,
       {" + ".join(f"{cause.value}_s" for cause in TimeCause)} AS gone_s,
       {" + ".join(f"{cause.value}_s" for cause in TimeCause if cause not in NOT_PLANNED_BUSY)} AS planned_busy_s
FROM hourly_facts
WHERE lane_id = $1 AND hour_at >= $2::timestamptz AND hour_at <= $3::timestamptz AND is_planned
  AND day BETWEEN ($2::timestamptz AT TIME ZONE 'UTC')::date - 2 AND ($3::timestamptz AT TIME ZONE 'UTC')::date + 1
"""


@dataclass(frozen=True)
class _Slice:
    """The part of a clock hour that belongs to one shift."""

    hour_at: datetime
    shift: LaneShift
    period: Period


async def load_wall_figures(work: Work, *, lane_id: UUID) -> Snapshot:
    """Return what an Andon wall says of its running shift, of each machine in it, and the targets of the last hours.

    Raises:
        NotFound: there is no such lane in this scope.
    """
    instant: datetime = (await work.fetch(INSTANT, lane_id))[0]["instant"]
    this_hour = _full_hour(instant)
    shown = Period(this_hour - (HOURS - 1) * HOUR, this_hour + HOUR)
    shifts = await shifts_of_lane(work, lane_id=lane_id, period=shown)
    running = next((shift for shift in shifts if shift.occurrence.period.contains(instant)), None)
    since = shown.starts_at if running is None else min(shown.starts_at, running.occurrence.period.starts_at)
    slices = _slices(shifts, Period(_full_hour(since), shown.ends_at))
    by_machine: dict[UUID, dict[tuple[datetime, object, object], asyncpg.Record]] = {}
    for row in await work.fetch(FACTS, lane_id, _full_hour(since), instant):
        by_machine.setdefault(row["machine_id"], {})[row["hour_at"], row["shift_id"], row["day"]] = row
    machines = [_Machine(machine_id, rows, slices, instant) for machine_id, rows in by_machine.items()]
    figures: Snapshot = {"targets": _targets(machines, slices, shown)}
    if running is not None:
        figures["shift"] = _shift_figures(machines, running)
        figures["figures"] = {str(machine.id): machine.figures(running) for machine in machines}
    return figures


class _Machine:
    """A machine's hours, with what they should have made."""

    def __init__(
        self,
        machine_id: UUID,
        rows: "Mapping[tuple[datetime, object, object], asyncpg.Record]",
        slices: Sequence[_Slice],
        instant: datetime,
    ) -> None:
        self.id = machine_id
        known: list[tuple[_Slice, asyncpg.Record | None]] = []
        for each in slices:
            row = rows.get((each.hour_at, each.shift.id, each.shift.occurrence.day))
            if row is not None or each.period.contains(instant):
                known.append((each, row))
        hours = [_planned_hour(each, row) for each, row in known]
        self.targets = {
            (each.hour_at, each.shift.key): target for (each, _), target in zip(known, hour_targets(hours), strict=True)
        }
        self._rows = [(each.shift.key, row) for each, row in known if row is not None]
        self.known_until = max((_gone(each, row).ends_at for each, row in known if row is not None), default=None)
        """How far its facts reach."""

    def target(self, shift: LaneShift) -> Target:
        """Return the target of a shift."""
        return targets_together(target for (_, key), target in self.targets.items() if key == shift.key)

    def times(self, shift: LaneShift) -> WorkUnitTimes:
        """Return where the time of a shift went."""
        rows = self._of(shift)
        return WorkUnitTimes(
            planned_busy_s=sum((row["planned_busy_s"] for row in rows), ZERO),
            production_s=sum((row["running_s"] for row in rows), ZERO),
            setup_s=sum((row["changeover_s"] for row in rows), ZERO),
            down_s=ZERO,
        )

    def output(self, shift: LaneShift) -> WorkUnitOutput:
        """Return what was made in a shift."""
        return output_together(_output(row) for row in self._of(shift))

    def figures(self, shift: LaneShift) -> Snapshot:
        """Return what the machine's tile says of the shift."""
        output = self.output(shift)
        oee = work_unit_kpis(self.times(shift), output).oee
        target = self.target(shift)
        return _known(
            oee=_rounded_ratio(oee), target=_whole(target.so_far), pace=_whole(pace(output.good, target))
        )  # fmt: skip

    def _of(self, shift: LaneShift) -> "list[asyncpg.Record]":
        return [row for key, row in self._rows if key == shift.key]


def _slices(shifts: Sequence[LaneShift], period: Period) -> tuple[_Slice, ...]:
    slices: list[_Slice] = []
    hour_at = period.starts_at
    while hour_at < period.ends_at:
        inside = [(shift, shift.occurrence.period.within(Period(hour_at, hour_at + HOUR))) for shift in shifts]
        slices += [_Slice(hour_at, shift, part) for shift, part in inside if part.length_s]
        hour_at += HOUR
    return tuple(slices)


def _planned_hour(each: _Slice, row: "asyncpg.Record | None") -> PlannedHour:
    breaks = each.shift.occurrence.breaks
    if row is None:
        return PlannedHour(each.period.without_s(breaks), ZERO)
    output = _output(row)
    gone_s: Decimal = row["planned_busy_s"]
    to_come = Period(_gone(each, row).ends_at, each.period.ends_at)
    return PlannedHour(gone_s + to_come.without_s(breaks), gone_s, output.good, output.produced, output.planned_run_s)


def _gone(each: _Slice, row: "asyncpg.Record") -> Period:
    starts_at = each.period.starts_at
    return Period(starts_at, starts_at + timedelta(seconds=float(row["gone_s"]))).within(each.period)


def _output(row: "asyncpg.Record") -> WorkUnitOutput:
    return WorkUnitOutput(row["good"], row["scrap"], row["rework"], row["planned_run_s"])


def _targets(machines: Iterable[_Machine], slices: Sequence[_Slice], shown: Period) -> Snapshot:
    """Return the whole target of each hour that is shown, keyed by its start in epoch milliseconds."""
    every = tuple(machines)
    targets: Snapshot = {}
    for each in slices:
        if each.hour_at < shown.starts_at:
            continue
        keys = [(other.hour_at, other.shift.key) for other in slices if other.hour_at == each.hour_at]
        together = targets_together(machine.targets[key] for machine in every for key in keys if key in machine.targets)
        whole = _whole(together.whole)
        if whole not in {None, "0"}:  # in an hour of breaks or without data nothing was to be made
            targets[str(_ms(each.hour_at))] = whole
    return targets


def _shift_figures(machines: Sequence[_Machine], shift: LaneShift) -> Snapshot:
    occurrence = shift.occurrence
    output = output_together(machine.output(shift) for machine in machines)
    target = targets_together(machine.target(shift) for machine in machines)
    kpis = work_unit_kpis(times_together(machine.times(shift) for machine in machines), output)
    known_until = [machine.known_until for machine in machines if machine.known_until is not None]
    return _known(
        name=occurrence.name or None,
        at=_ms(max(known_until)) if known_until else None,
        starts=_ms(occurrence.period.starts_at),
        ends=_ms(occurrence.period.ends_at),
        oee=_rounded_ratio(kpis.oee),
        good=_whole(output.good),
        target=_whole(target.so_far),
        pace=_whole(pace(output.good, target)),
    )


def _known(**values: str | int | None) -> Snapshot:
    return {name: value for name, value in values.items() if value is not None}


def _rounded_ratio(value: Ratio) -> str | None:
    """Return a ratio to whole percents, so that a wall is not repainted for what nobody can read."""
    return None if value is None else str(value.quantize(Decimal("0.01"), ROUND_HALF_UP))


def _whole(value: Decimal | None) -> str | None:
    return None if value is None else str(int(value.to_integral_value(ROUND_HALF_UP)))


def _full_hour(at: datetime) -> datetime:
    """Return the beginning of an instant's hour of UTC, as hourly facts count them."""
    return at.replace(minute=0, second=0, microsecond=0)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
