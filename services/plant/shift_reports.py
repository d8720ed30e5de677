"""A shift of a lane, every minute of it explained, straight from the timelines and the log: exact now."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.plant.losses import ParetoBar, WaterfallStep, loss_waterfall, pareto
from domain.plant.periods import Period, total_s
from domain.plant.shift_accounts import (
    NOT_PLANNED_BUSY,
    ExplainedTime,
    TimeAccount,
    TimeCause,
    accounts_together,
    explain_shift,
    seconds_by_reason,
    time_account,
    work_unit_repairs,
    work_unit_times,
)
from domain.production.kpis import (
    WorkUnitKpis,
    WorkUnitOutput,
    WorkUnitRepairs,
    WorkUnitTimes,
    output_together,
    times_together,
    work_unit_kpis,
)
from domain.production.targets import PlannedHour, hour_targets
from services.db.work import Work
from services.plant.machine_time import MadeItem, load_changes, load_pieces, output_of
from services.plant.shift_calendar import LaneShift, ShiftInSequence, find_shift

ZERO = Decimal(0)
HOUR = timedelta(hours=1)

MACHINES = """
SELECT id, code, name, micro_stop_s FROM machines
WHERE lane_id = $1 AND is_active ORDER BY position, code
"""
MACHINE = "SELECT id, code, name, micro_stop_s, lane_id FROM machines WHERE id = $1"
REASON_LABELS = "SELECT id, app.spoken(label, translations) AS label FROM reasons WHERE id = ANY ($1::uuid[])"


@dataclass(frozen=True)
class ShiftFigures:
    """What KPIs of one or several machines are calculated from, and the KPIs."""

    account: TimeAccount
    times: WorkUnitTimes
    output: WorkUnitOutput
    repairs: WorkUnitRepairs
    lost_by_reason_s: dict[UUID | None, Decimal]
    """Planned busy seconds that each reason cost; None collects the unexplained stops."""

    @property
    def kpis(self) -> WorkUnitKpis:
        """The KPIs of ISO 22400-2 that follow."""
        return work_unit_kpis(self.times, self.output, repairs=self.repairs)

    @property
    def waterfall(self) -> tuple[WaterfallStep, ...]:
        """The way from the length of the shift down to the time that good pieces needed."""
        return loss_waterfall(self.account, self.output)

    @property
    def pareto(self) -> tuple[ParetoBar[UUID | None], ...]:
        """The reasons by what they cost."""
        return pareto(self.lost_by_reason_s)


@dataclass(frozen=True)
class ShiftHour:
    """One clock hour of a machine's shift."""

    period: Period
    good: Decimal
    not_good: Decimal
    target: Decimal | None
    """What the planned cycle time makes of the hour's planned busy time (PBT); None where no cycle time is known."""


@dataclass(frozen=True)
class MachineShift:
    """One machine's shift."""

    id: UUID
    code: str
    name: str
    explained: tuple[ExplainedTime, ...]
    """Up to now, in pieces that follow each other and fill it exactly."""
    hours: tuple[ShiftHour, ...]
    figures: ShiftFigures
    asks_at: datetime | None
    """When the stop that goes on and may be a micro-stop will be none any more, and ask for a reason; else None."""


@dataclass(frozen=True)
class ShiftReport:
    """A lane's shift and the machines in it."""

    lane_id: UUID
    sequence: ShiftInSequence
    now: datetime
    machines: tuple[MachineShift, ...]
    figures: ShiftFigures
    """Of all machines together."""
    reason_labels: Mapping[UUID, str]
    """Of every reason in the shift, retired ones too."""

    @property
    def asks_next_at(self) -> datetime | None:
        """When the next stop will ask for a reason without anything else happening."""
        return min((machine.asks_at for machine in self.machines if machine.asks_at is not None), default=None)

    @property
    def shift(self) -> LaneShift:
        """The shift itself."""
        return self.sequence.shift


@dataclass(frozen=True)
class _Unit:
    id: UUID
    code: str
    name: str
    micro_stop_s: Decimal


async def load_shift_report(work: Work, *, lane_id: UUID, key: str = "", corrected: bool = True) -> ShiftReport:
    """Return a shift of a lane with the explained time and the pieces of its machines.

    `key` is a `LaneShift.key`; without it the present shift. With `corrected` false it counts what was reported first.

    Raises:
        Forbidden: the actor may not read metrics.
        NotFound: there is no such lane or shift in this scope.
    """
    await work.permit(Permission.READ_METRICS)
    sequence = await find_shift(work, lane_id=lane_id, key=key)
    units = [_Unit(*row.values()) for row in await work.fetch(MACHINES, lane_id)]
    return await _report(work, lane_id, sequence, units, corrected=corrected)


async def load_machine_shift(work: Work, *, machine_id: UUID, key: str = "", corrected: bool = True) -> ShiftReport:
    """Return a shift as `load_shift_report` does, with one machine of the lane only.

    Raises:
        Forbidden: the actor may not read metrics.
        NotFound: there is no such machine or shift in this scope.
    """
    await work.permit(Permission.READ_METRICS)
    rows = await work.fetch(MACHINE, machine_id)
    if not rows:
        raise NotFound(what="machine")
    *unit, lane_id = rows[0].values()
    sequence = await find_shift(work, lane_id=lane_id, key=key)
    return await _report(work, lane_id, sequence, [_Unit(*unit)], corrected=corrected)


def figures_together(figures: Sequence[ShiftFigures]) -> ShiftFigures:
    """Add up the figures of several machines or shifts."""
    lost: dict[UUID | None, Decimal] = {}
    for one in figures:
        for reason_id, lost_s in one.lost_by_reason_s.items():
            lost[reason_id] = lost.get(reason_id, ZERO) + lost_s
    repairs = [one.repairs for one in figures]
    return ShiftFigures(
        account=accounts_together(one.account for one in figures),
        times=times_together(one.times for one in figures),
        output=output_together(one.output for one in figures),
        repairs=WorkUnitRepairs(
            failures=sum(one.failures for one in repairs),
            operating_s=sum((one.operating_s for one in repairs), ZERO),
            repair_s=sum((one.repair_s for one in repairs), ZERO),
            corrective_s=sum((one.corrective_s for one in repairs), ZERO),
            preventive_s=sum((one.preventive_s for one in repairs), ZERO),
        ),
        lost_by_reason_s=lost,
    )


async def _report(
    work: Work, lane_id: UUID, sequence: ShiftInSequence, units: Sequence[_Unit], *, corrected: bool
) -> ShiftReport:
    occurrence = sequence.shift.occurrence
    changes = await load_changes(work, machine_ids=[unit.id for unit in units], period=occurrence.period)
    hours = _clock_hours(occurrence.period)
    made = iter(await load_pieces(work, [(unit.id, hour) for unit in units for hour in hours]))
    machines: list[MachineShift] = []
    for unit in units:
        explained = explain_shift(occurrence, changes[unit.id], until=work.now, micro_stop_s=unit.micro_stop_s)
        by_hour = [next(made) for _ in hours]
        shown = _hours(hours, by_hour, explained, sequence.shift, now=work.now, corrected=corrected)
        machines.append(
            MachineShift(
                unit.id,
                unit.code,
                unit.name,
                explained,
                shown,
                _figures(explained, by_hour, corrected=corrected),
                _asks_at(explained, unit, now=work.now),
            )
        )
    together = figures_together([machine.figures for machine in machines])
    reasons = {part.reason.id for one in machines for part in one.explained if part.reason is not None}
    labels = await _labels(work, reasons)
    return ShiftReport(lane_id, sequence, work.now, tuple(machines), together, labels)


async def _labels(work: Work, reason_ids: Set[UUID]) -> Mapping[UUID, str]:
    rows = await work.fetch(REASON_LABELS, list(reason_ids)) if reason_ids else []
    return {row["id"]: row["label"] for row in rows}


def _asks_at(explained: Sequence[ExplainedTime], unit: _Unit, *, now: datetime) -> datetime | None:
    if not explained or explained[-1].cause is not TimeCause.MINOR or explained[-1].period.ends_at < now:
        return None
    stretch = explained[-1].segment.stretch
    if stretch.stay_ends_at is not None:
        return None
    return stretch.stay_starts_at + timedelta(seconds=float(unit.micro_stop_s))


def _figures(
    explained: Sequence[ExplainedTime], by_hour: Sequence[Sequence[MadeItem]], *, corrected: bool
) -> ShiftFigures:
    account = time_account(explained)
    return ShiftFigures(
        account=account,
        times=work_unit_times(account, calendar_s=account.total_s),
        output=output_of([item for items in by_hour for item in items], corrected=corrected),
        repairs=work_unit_repairs(explained),
        lost_by_reason_s=seconds_by_reason(explained),
    )


def _hours(
    hours: Sequence[Period],
    by_hour: Sequence[Sequence[MadeItem]],
    explained: Sequence[ExplainedTime],
    shift: LaneShift,
    *,
    now: datetime,
    corrected: bool,
) -> tuple[ShiftHour, ...]:
    outputs = [output_of(items, corrected=corrected) for items in by_hour]
    planned = [
        _planned_hour(period, output, explained, shift.occurrence.breaks, now=now)
        for period, output in zip(hours, outputs, strict=True)
    ]
    return tuple(
        ShiftHour(period, output.good, output.scrap + output.rework, target.whole)
        for period, output, target in zip(hours, outputs, hour_targets(planned), strict=True)
    )


def _planned_hour(
    period: Period,
    output: WorkUnitOutput,
    explained: Sequence[ExplainedTime],
    breaks: Sequence[Period],
    *,
    now: datetime,
) -> PlannedHour:
    gone_s = total_s(part.period.within(period) for part in explained if part.cause not in NOT_PLANNED_BUSY)
    ahead = Period(now, max(now, period.ends_at)).within(period)
    return PlannedHour(gone_s + ahead.without_s(breaks), gone_s, output.good, output.produced, output.planned_run_s)


def _clock_hours(period: Period) -> list[Period]:
    """Return a period cut at full hours of UTC, which are those of almost every zone."""
    begins_at = period.starts_at.replace(minute=0, second=0, microsecond=0)
    hours: list[Period] = []
    while begins_at < period.ends_at:
        hours.append(Period(begins_at, begins_at + HOUR).within(period))
        begins_at += HOUR
    return hours
