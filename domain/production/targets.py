"""What a shift should have made: targets from planned cycle times, hour by hour, and the pace against them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True)
class PlannedHour:
    """A machine's part of one clock hour of a shift."""

    planned_s: Decimal
    """Planned busy time (PBT) of what is over of it, and of the rest without its planned breaks, in seconds."""
    gone_s: Decimal
    """PBT of what is over of it, in seconds: without breaks, planned stops and time without data."""
    good: Decimal = ZERO
    produced: Decimal = ZERO
    """PQ: good, scrap and rework."""
    planned_run_s: Decimal | None = ZERO
    """PRI x PQ of what was made; None where a planned cycle time is missing."""


@dataclass(frozen=True)
class Target:
    """Good pieces to make in some time; None where no planned cycle time is known."""

    whole: Decimal | None
    """In all of the time."""
    so_far: Decimal | None
    """In what is over of it."""
    is_missing: bool = False
    """Whether pieces were made that nobody planned a cycle time for."""


def hour_targets(hours: Sequence[PlannedHour]) -> tuple[Target, ...]:
    """Return the targets of the hours of a machine's shift, given in order.

    The planned cycle time of an hour is that of what was made in it, else of what was made last before, else of what
    was made first after: a machine that stands still in its first hour missed pieces as well.
    """
    known = [_cycle_s(hour) for hour in hours]
    present_s = next((cycle_s for cycle_s in known if cycle_s is not None), None)
    targets: list[Target] = []
    for hour, cycle_s in zip(hours, known, strict=True):
        if hour.produced > 0:
            present_s = cycle_s
        if present_s is None:
            targets.append(Target(None, None, is_missing=hour.produced > 0))
        else:
            targets.append(Target(hour.planned_s / present_s, hour.gone_s / present_s))
    return tuple(targets)


def targets_together(targets: Iterable[Target]) -> Target:
    """Add up targets of several machines or hours; pieces without one leave the sum unknown, idle machines do not."""
    every = tuple(targets)
    known = [target for target in every if target.whole is not None and target.so_far is not None]
    if not known or any(target.is_missing for target in every):
        return Target(None, None, is_missing=any(target.is_missing for target in every))
    return Target(
        sum((target.whole or ZERO for target in known), ZERO), sum((target.so_far or ZERO for target in known), ZERO)
    )


def pace(good: Decimal, target: Target) -> Decimal | None:
    """Return by how many good pieces somebody is ahead of the target so far, negative when behind it."""
    return None if target.so_far is None else good - target.so_far


def _cycle_s(hour: PlannedHour) -> Decimal | None:
    if not hour.planned_run_s or hour.produced <= 0:
        return None
    return hour.planned_run_s / hour.produced
