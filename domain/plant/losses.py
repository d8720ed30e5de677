"""Losses as people look at them: a waterfall from the shift to the time that made good pieces, and a Pareto chart."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

from domain.plant.shift_accounts import TimeAccount, TimeCause, work_unit_times
from domain.production.kpis import WorkUnitOutput, ratio

ZERO = Decimal(0)

K = TypeVar("K")


class PieceLoss(StrEnum):
    """Time that was lost while the machine ran."""

    SPEED = "speed"  # slower than planned; below zero when faster
    REJECTS = "rejects"  # spent on pieces that are not good


@dataclass(frozen=True)
class WaterfallStep:
    """One step down from the length of the shift. Seconds."""

    cause: TimeCause | PieceLoss
    lost_s: Decimal
    left_s: Decimal
    """What is left below this step."""


@dataclass(frozen=True)
class ParetoBar(Generic[K]):
    """One bar of a Pareto chart."""

    key: K
    lost_s: Decimal
    share: Decimal
    """Of all bars together."""
    cumulative_share: Decimal
    """Of this bar and all before it."""


def loss_waterfall(account: TimeAccount, output: WorkUnitOutput) -> tuple[WaterfallStep, ...]:
    """Return the steps from planned operation time (POT) down to the time that good pieces needed as planned.

    After no data stands planned busy time (PBT), after starved the production time (APT); what is left at the end is
    OEE x PBT. Without a target the steps end at APT, for nobody knows what speed and rejects cost.
    """
    steps: list[WaterfallStep] = []
    left_s = account.total_s
    for cause in TimeCause:
        if cause is not TimeCause.RUNNING:
            left_s -= account.by_cause_s[cause]
            steps.append(WaterfallStep(cause, account.by_cause_s[cause], left_s))
    target_s = output.target_run_s
    if target_s is None:
        return tuple(steps)
    speed_s = work_unit_times(account).production_s - target_s
    rejects_s = (ratio(output.produced - output.good, output.produced) or ZERO) * target_s
    steps.append(WaterfallStep(PieceLoss.SPEED, speed_s, target_s))
    steps.append(WaterfallStep(PieceLoss.REJECTS, rejects_s, target_s - rejects_s))
    return tuple(steps)


def pareto(losses_s: Mapping[K, Decimal]) -> tuple[ParetoBar[K], ...]:
    """Return losses from the longest to the shortest with their shares; equals keep their order, empty ones are out."""
    ordered = sorted(((key, lost_s) for key, lost_s in losses_s.items() if lost_s > 0), key=lambda loss: -loss[1])
    total_s = sum((lost_s for _, lost_s in ordered), ZERO)
    bars: list[ParetoBar[K]] = []
    so_far_s = ZERO
    for key, lost_s in ordered:
        so_far_s += lost_s
        bars.append(ParetoBar(key, lost_s, lost_s / total_s, so_far_s / total_s))
    return tuple(bars)
