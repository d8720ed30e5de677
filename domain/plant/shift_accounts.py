"""Where the time of a shift went: every minute has exactly one cause.

How a piece of time finds its cause, in this order:
1. The machine ran: running, also in a break. People took turns, and what was made then needs the time it took.
2. A planned break: break, whatever the machine's state, unless it was being set up.
3. No data: no data, whatever anybody says; it enters no loss bucket.
4. Blocked and starved are told apart from losses of this machine and from each other, whatever the reason.
5. A reason that a person or the machine gave: its loss category.
6. An unplanned stop: minor where the whole stop is shorter than the machine's threshold, else unexplained.
7. Other states speak for themselves: setup is changeover, maintenance is breakdown (a planned one has a reason of the
   category planned), a planned stop is planned, idle is idle.

The times of ISO 22400-2 follow from the causes:
POT = all of it; PBT = POT less break, planned and no data; APT = running; AUST = changeover; ADET = breakdown, minor,
material, organization, quality and unexplained. Idle, blocked and starved are in PBT, and so they cost availability,
but not in ADET: the machine had no work, or its neighbours held it up. Time without data is taken out of PBT, because
there it would count as a loss that nobody saw. Worked breaks stay in PBT, so that APT never exceeds it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.errors import Invalid, marked
from domain.plant.machine_states import MachineState
from domain.plant.periods import Period
from domain.plant.reasons import LossCategory
from domain.plant.shifts import ShiftOccurrence
from domain.plant.timelines import Segment, StateChange, StopReason, is_micro_stop, segments
from domain.production.kpis import WorkUnitRepairs, WorkUnitTimes

ZERO = Decimal(0)


class TimeCause(StrEnum):
    """What a piece of a shift's time was; the loss categories keep their values."""

    RUNNING = "running"
    BREAK = "break"  # planned by the shift
    PLANNED = LossCategory.PLANNED.value
    NO_DATA = "no_data"  # nobody knows; enters no loss bucket
    BREAKDOWN = LossCategory.BREAKDOWN.value
    CHANGEOVER = LossCategory.CHANGEOVER.value
    MINOR = LossCategory.MINOR.value
    MATERIAL = LossCategory.MATERIAL.value
    ORGANIZATION = LossCategory.ORGANIZATION.value
    QUALITY = LossCategory.QUALITY.value
    UNEXPLAINED = "unexplained"  # a stop that asks for attention
    IDLE = "idle"  # nothing to do
    BLOCKED = "blocked"  # held up by what follows
    STARVED = "starved"  # held up by what comes before


NOT_PLANNED_BUSY = frozenset({TimeCause.BREAK, TimeCause.PLANNED, TimeCause.NO_DATA})
"""Causes outside planned busy time (PBT)."""

WORKED_OR_NOT_PLANNED = NOT_PLANNED_BUSY | {TimeCause.RUNNING}
"""Causes that cost nothing."""

DOWN = frozenset(
    {
        TimeCause.BREAKDOWN,
        TimeCause.MINOR,
        TimeCause.MATERIAL,
        TimeCause.ORGANIZATION,
        TimeCause.QUALITY,
        TimeCause.UNEXPLAINED,
    }
)
"""Causes that make up actual down time (ADET)."""

OF_STATE = {
    MachineState.SETUP: TimeCause.CHANGEOVER,
    MachineState.MAINTENANCE: TimeCause.BREAKDOWN,
    MachineState.PLANNED_STOP: TimeCause.PLANNED,
    MachineState.IDLE: TimeCause.IDLE,
}
"""What states say for themselves, without a reason."""


class InvalidThreshold(Invalid):
    """A micro-stop threshold below zero."""

    code: ClassVar[str] = "invalid_micro_stop_threshold"
    sentence: ClassVar[str] = marked("The micro-stop threshold must be zero or more seconds.")


@dataclass(frozen=True)
class ExplainedTime:
    """A piece of a shift's time and its one cause."""

    period: Period
    cause: TimeCause
    segment: Segment
    """The state and reason that it comes from."""

    @property
    def state(self) -> MachineState:
        """What the machine was doing."""
        return self.segment.state

    @property
    def reason(self) -> StopReason | None:
        """The reason that somebody gave."""
        return self.segment.reason


@dataclass(frozen=True)
class TimeAccount:
    """Seconds of a shift, an hour or a month, added up; accounts of several machines or periods add up again."""

    by_cause_s: Mapping[TimeCause, Decimal]
    """Every cause, in the order of the enumeration."""
    by_state_s: Mapping[MachineState, Decimal]
    """Every state, in the order of the enumeration."""

    @property
    def total_s(self) -> Decimal:
        """All the time that the account explains."""
        return sum(self.by_cause_s.values(), ZERO)


def explain_shift(
    shift: ShiftOccurrence, changes: Iterable[StateChange], *, until: datetime, micro_stop_s: Decimal
) -> tuple[ExplainedTime, ...]:
    """Return the shift's time up to `until`, in pieces that follow each other and fill it exactly, with their causes.

    `changes` as `segments` takes them; `until` is now, or later than the shift when it is over.

    Raises:
        InvalidThreshold: the threshold is below zero.
    """
    if micro_stop_s < 0:
        raise InvalidThreshold(field="micro_stop_s")
    observed = Period(shift.period.starts_at, max(shift.period.starts_at, min(shift.period.ends_at, until)))
    edges = sorted({edge for rest in shift.breaks for edge in (rest.starts_at, rest.ends_at)})
    return tuple(
        ExplainedTime(
            piece, _cause(segment, shift=shift, at=piece.starts_at, until=until, micro_stop_s=micro_stop_s), segment
        )
        for segment in segments(changes, observed)
        for piece in _cut(segment.period, edges)
    )


def explained_within(explained: Iterable[ExplainedTime], period: Period) -> tuple[ExplainedTime, ...]:
    """Return the part of explained time that lies in a period, such as one hour of the shift."""
    clipped = (ExplainedTime(part.period.within(period), part.cause, part.segment) for part in explained)
    return tuple(part for part in clipped if part.period.length_s)


def time_account(explained: Iterable[ExplainedTime]) -> TimeAccount:
    """Add up explained time by cause and by state."""
    by_cause, by_state = dict.fromkeys(TimeCause, ZERO), dict.fromkeys(MachineState, ZERO)
    for part in explained:
        by_cause[part.cause] += part.period.length_s
        by_state[part.state] += part.period.length_s
    return TimeAccount(by_cause, by_state)


def accounts_together(accounts: Iterable[TimeAccount]) -> TimeAccount:
    """Add up the accounts of several machines or periods."""
    every = tuple(accounts)
    return TimeAccount(
        {cause: sum((one.by_cause_s.get(cause, ZERO) for one in every), ZERO) for cause in TimeCause},
        {state: sum((one.by_state_s.get(state, ZERO) for one in every), ZERO) for state in MachineState},
    )


def work_unit_times(account: TimeAccount, *, calendar_s: Decimal | None = None) -> WorkUnitTimes:
    """Return the times of ISO 22400-2 that follow from an account, by the rules at the top of this file."""
    spent = account.by_cause_s
    return WorkUnitTimes(
        planned_busy_s=account.total_s - sum((spent[cause] for cause in NOT_PLANNED_BUSY), ZERO),
        production_s=spent[TimeCause.RUNNING],
        setup_s=spent[TimeCause.CHANGEOVER],
        down_s=sum((spent[cause] for cause in DOWN), ZERO),
        calendar_s=calendar_s,
        planned_operation_s=account.total_s,
    )


def work_unit_repairs(explained: Iterable[ExplainedTime]) -> WorkUnitRepairs:
    """Return how often a machine failed in explained time, and what repairing it took.

    A breakdown and the maintenance that follows it are one failure, also across a break, whose time is no repair
    time. A failure counts where it begins; one that was already going on at the start adds repair time only.
    Maintenance that the plan foresaw (reason of the category planned) is preventive, all other corrective.
    """
    every = tuple(explained)
    without_breaks = [part for part in every if part.cause is not TimeCause.BREAK]
    causes_before = [None, *(part.cause for part in without_breaks)]
    begun = [
        part
        for part, before in zip(without_breaks, causes_before, strict=False)
        if part.cause is TimeCause.BREAKDOWN and before is not TimeCause.BREAKDOWN
    ]
    return WorkUnitRepairs(
        failures=sum(part.segment.stretch.starts_at >= every[0].period.starts_at for part in begun),
        operating_s=_spent(every, TimeCause.RUNNING),
        repair_s=_spent(every, TimeCause.BREAKDOWN),
        corrective_s=_spent(every, TimeCause.BREAKDOWN, MachineState.MAINTENANCE),
        preventive_s=_spent(every, TimeCause.PLANNED, MachineState.MAINTENANCE),
    )


def seconds_by_reason(explained: Iterable[ExplainedTime]) -> dict[UUID | None, Decimal]:
    """Return the planned busy seconds that each reason cost; None collects the unexplained stops."""
    lost: dict[UUID | None, Decimal] = {}
    for part in explained:
        if part.cause in WORKED_OR_NOT_PLANNED or (part.reason is None and part.cause is not TimeCause.UNEXPLAINED):
            continue
        key = None if part.reason is None else part.reason.id
        lost[key] = lost.get(key, ZERO) + part.period.length_s
    return lost


def _cause(
    segment: Segment, *, shift: ShiftOccurrence, at: datetime, until: datetime, micro_stop_s: Decimal
) -> TimeCause:
    state, reason = segment.state, segment.reason
    if state is MachineState.RUNNING:
        return TimeCause.RUNNING
    if state is not MachineState.SETUP and any(rest.contains(at) for rest in shift.breaks):
        return TimeCause.BREAK
    if state in {MachineState.NO_DATA, MachineState.BLOCKED, MachineState.STARVED}:
        return TimeCause(state.value)
    if reason is not None:
        return TimeCause(reason.category.value)
    if state is MachineState.UNPLANNED_STOP:
        is_micro = is_micro_stop(segment.stretch, threshold_s=micro_stop_s, until=until)
        return TimeCause.MINOR if is_micro else TimeCause.UNEXPLAINED
    return OF_STATE[state]


def _cut(period: Period, edges: Iterable[datetime]) -> list[Period]:
    starts = [period.starts_at, *(edge for edge in edges if period.starts_at < edge < period.ends_at)]
    return [Period(start, end) for start, end in zip(starts, [*starts[1:], period.ends_at], strict=True)]


def _spent(explained: Iterable[ExplainedTime], cause: TimeCause, state: MachineState | None = None) -> Decimal:
    parts = (part for part in explained if part.cause is cause and state in (None, part.state))
    return sum((part.period.length_s for part in parts), ZERO)
