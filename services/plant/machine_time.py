"""What machines did and made in a period, loaded whole: as much of the timeline as its time needs to be explained."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from domain.plant.machine_states import MachineState
from domain.plant.periods import Period
from domain.plant.reasons import LossCategory
from domain.plant.timelines import StateChange, StopReason
from domain.production.kpis import WorkUnitOutput, planned_run_time_s
from services.db.work import Work

ZERO = Decimal(0)
UNSORTED = LossCategory.ORGANIZATION
"""The bucket of a reason that has no loss category, nor any reason above it: nobody decided where it belongs."""

REASONS = """
WITH RECURSIVE sorted AS (
  SELECT id, app.spoken(label, translations) AS label, loss_category
  FROM reasons WHERE kind = 'stop' AND parent_id IS NULL
  UNION ALL
  SELECT reasons.id, app.spoken(reasons.label, reasons.translations),
         coalesce(reasons.loss_category, sorted.loss_category)
  FROM reasons JOIN sorted ON reasons.parent_id = sorted.id
)"""
# A stop is a micro-stop or not as a whole: the stay in the first state is loaded from its beginning, and that in the
# last one to its end, however it was split. OFFSET 0 keeps the planner from joining the timeline as a whole, of which
# it would read every month.
CHANGES = f"""
{REASONS}
SELECT changes.machine_id, changes.started_at, changes.state, changes.reason_id, sorted.loss_category
FROM unnest($1::uuid[]) AS machine (id)
LEFT JOIN LATERAL (
  SELECT started_at, state FROM machine_state_changes AS earlier
  WHERE earlier.machine_id = machine.id AND earlier.started_at <= $2 ORDER BY earlier.started_at DESC LIMIT 1
) AS first ON true
LEFT JOIN LATERAL (
  SELECT started_at FROM machine_state_changes AS earlier
  WHERE earlier.machine_id = machine.id AND earlier.started_at < first.started_at AND earlier.state <> first.state
  ORDER BY earlier.started_at DESC LIMIT 1
) AS other ON true
LEFT JOIN LATERAL (
  SELECT started_at, state FROM machine_state_changes AS later
  WHERE later.machine_id = machine.id AND later.started_at < $3 ORDER BY later.started_at DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
  SELECT started_at FROM machine_state_changes AS later
  WHERE later.machine_id = machine.id AND later.started_at >= $3 AND later.state IS DISTINCT FROM last.state
  ORDER BY later.started_at LIMIT 1
) AS following ON true
CROSS JOIN LATERAL (
  SELECT coalesce(other.started_at, '-infinity') AS since, coalesce(following.started_at, 'infinity') AS until OFFSET 0
) AS wanted
JOIN LATERAL (
  SELECT started_at, state, reason_id, machine_id FROM machine_state_changes AS inside
  WHERE inside.machine_id = machine.id AND inside.started_at > wanted.since AND inside.started_at <= wanted.until
  OFFSET 0
) AS changes ON true
LEFT JOIN sorted ON sorted.id = changes.reason_id
ORDER BY changes.machine_id, changes.started_at
"""
# Each slice reads its own stretch of the log and no more, however long the log is: what is added up in a lateral
# subquery cannot be joined as a whole.
PIECES = """
SELECT slice.number, made.good, made.scrap, made.rework, made.good_reported, made.scrap_reported, made.rework_reported,
       coalesce(
         (SELECT coalesce(cycle_times.cycle_time_s, operations.run_time_s)
          FROM operations
          JOIN work_orders ON work_orders.org_id = operations.org_id AND work_orders.id = operations.work_order_id
          LEFT JOIN cycle_times ON cycle_times.org_id = operations.org_id AND cycle_times.machine_id = slice.machine_id
            AND cycle_times.material_id = work_orders.material_id
          WHERE operations.id = coalesce(
            made.operation_id,
            (SELECT runs.operation_id FROM production_runs AS runs WHERE runs.id = made.own_run_id))),
         (SELECT cycle_times.cycle_time_s
          FROM production_runs AS runs
          JOIN materials ON materials.org_id = runs.org_id AND materials.number = runs.part_number
          JOIN cycle_times ON cycle_times.org_id = runs.org_id AND cycle_times.machine_id = slice.machine_id
            AND cycle_times.material_id = materials.id
          WHERE runs.id = made.own_run_id)
       ) AS planned_run_per_item_s
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY
  AS slice (machine_id, starts_at, ends_at, number)
CROSS JOIN LATERAL (
  SELECT log.operation_id, CASE WHEN log.operation_id IS NULL THEN log.run_id END AS own_run_id,
         coalesce(sum(quantity) FILTER (WHERE kind = 'good'), 0) AS good,
         coalesce(sum(quantity) FILTER (WHERE kind = 'scrap'), 0) AS scrap,
         coalesce(sum(quantity) FILTER (WHERE kind = 'rework'), 0) AS rework,
         coalesce(sum(quantity) FILTER (WHERE kind = 'good' AND NOT is_correction), 0) AS good_reported,
         coalesce(sum(quantity) FILTER (WHERE kind = 'scrap' AND NOT is_correction), 0) AS scrap_reported,
         coalesce(sum(quantity) FILTER (WHERE kind = 'rework' AND NOT is_correction), 0) AS rework_reported
  FROM production_log AS log
  WHERE log.machine_id = slice.machine_id AND log.at >= slice.starts_at AND log.at < slice.ends_at
  GROUP BY log.operation_id, own_run_id
) AS made
"""


@dataclass(frozen=True)
class MadeItem:
    """What was made of one operation in a slice of time."""

    planned_run_per_item_s: Decimal | None
    """PRI: of the material on the machine, else of the operation; None where neither is planned. The material is the
    order's, or without an order that whose number the machine named as its part. What a run made beyond its operation
    is planned as the operation is."""
    good: Decimal
    scrap: Decimal
    rework: Decimal
    good_reported: Decimal
    scrap_reported: Decimal
    rework_reported: Decimal


async def load_changes(
    work: Work, *, machine_ids: Sequence[UUID], period: Period
) -> dict[UUID, tuple[StateChange, ...]]:
    """Return the changes that explain a period of each machine, as `segments` and `is_micro_stop` need them."""
    rows = await work.fetch(CHANGES, list(machine_ids), period.starts_at, period.ends_at)
    changes: dict[UUID, list[StateChange]] = {machine_id: [] for machine_id in machine_ids}
    for row in rows:
        changes[row["machine_id"]].append(_change(row))
    return {machine_id: tuple(of_machine) for machine_id, of_machine in changes.items()}


async def load_pieces(work: Work, slices: Sequence[tuple[UUID, Period]]) -> tuple[tuple[MadeItem, ...], ...]:
    """Return what was made in each slice of a machine's time, in the order of the slices."""
    made: list[list[MadeItem]] = [[] for _ in slices]
    if slices:
        rows = await work.fetch(
            PIECES,
            [machine_id for machine_id, _ in slices],
            [period.starts_at for _, period in slices],
            [period.ends_at for _, period in slices],
        )
        for row in rows:
            made[row["number"] - 1].append(
                MadeItem(
                    row["planned_run_per_item_s"], row["good"], row["scrap"], row["rework"], row["good_reported"],
                    row["scrap_reported"], row["rework_reported"],
                )
            )  # fmt: skip
    return tuple(tuple(items) for items in made)


def output_of(items: Sequence[MadeItem], *, corrected: bool = True) -> WorkUnitOutput:
    """Add up what was made, as corrected or as it was reported."""
    if corrected:
        counted = [(item.planned_run_per_item_s, item.good, item.scrap, item.rework) for item in items]
    else:
        counted = [
            (item.planned_run_per_item_s, item.good_reported, item.scrap_reported, item.rework_reported)
            for item in items
        ]
    # What was taken back altogether was not made, and needs no plan.
    planned = [(pri, good + scrap + rework) for pri, good, scrap, rework in counted if good or scrap or rework]
    return WorkUnitOutput(
        good=sum((good for _, good, _, _ in counted), ZERO),
        scrap=sum((scrap for _, _, scrap, _ in counted), ZERO),
        rework=sum((rework for _, _, _, rework in counted), ZERO),
        planned_run_s=planned_run_time_s(planned),
    )


def category_of(value: str | None) -> LossCategory:
    """Return the loss category of a reason as the tree of reasons gives it."""
    return UNSORTED if value is None else LossCategory(value)


def _change(row: "asyncpg.Record") -> StateChange:
    reason_id: UUID | None = row["reason_id"]
    reason = None if reason_id is None else StopReason(reason_id, category_of(row["loss_category"]))
    at: datetime = row["started_at"]
    return StateChange(at, MachineState(row["state"]), reason)
