"""KPIs of an order, from the runs and the log of its operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.plant.periods import Period
from domain.plant.shift_accounts import explain_shift, time_account, work_unit_times
from domain.plant.shifts import ShiftOccurrence
from domain.production.kpis import (
    WorkUnitKpis,
    WorkUnitOutput,
    WorkUnitTimes,
    planned_run_time_s,
    times_together,
    work_unit_kpis,
)
from services.db.work import Work
from services.plant.machine_time import load_changes

ZERO = Decimal(0)

ORDER = """
SELECT orders.number, orders.started_at, orders.ended_at, operations.id, operations.sequence, operations.is_last,
       runs.id AS run_id, runs.machine_id, runs.started_at AS run_started_at, runs.ended_at AS run_ended_at,
       machines.micro_stop_s, coalesce(cycle_times.cycle_time_s, operations.run_time_s) AS planned_run_per_item_s,
       coalesce(made.good, 0) AS good, coalesce(made.scrap, 0) AS scrap, coalesce(made.rework, 0) AS rework
FROM work_orders AS orders
LEFT JOIN operations ON operations.org_id = orders.org_id AND operations.work_order_id = orders.id
LEFT JOIN production_runs AS runs ON runs.org_id = operations.org_id AND runs.operation_id = operations.id
LEFT JOIN machines ON machines.org_id = runs.org_id AND machines.id = runs.machine_id
LEFT JOIN cycle_times ON cycle_times.org_id = runs.org_id AND cycle_times.machine_id = runs.machine_id
  AND cycle_times.material_id = orders.material_id
LEFT JOIN LATERAL (
  SELECT sum(log.quantity) FILTER (WHERE log.kind = 'good') AS good,
         sum(log.quantity) FILTER (WHERE log.kind = 'scrap') AS scrap,
         sum(log.quantity) FILTER (WHERE log.kind = 'rework') AS rework
  FROM production_log AS log
  WHERE log.operation_id = operations.id AND log.run_id IS NOT DISTINCT FROM runs.id AND {counted}
) AS made ON true
WHERE orders.id = $1
ORDER BY operations.sequence, runs.started_at
"""


@dataclass(frozen=True)
class OrderKpis:
    """What an order's work adds up to, over all its operations."""

    work_order_id: UUID
    number: str
    output: WorkUnitOutput
    times: WorkUnitTimes
    started_at: datetime | None
    ended_at: datetime | None
    """None while somebody works on it."""

    @property
    def kpis(self) -> WorkUnitKpis:
        """Those KPIs that an order has: rates, ratios, setup and effectiveness; the others are None."""
        return work_unit_kpis(self.times, self.output)


async def load_order_kpis(work: Work, *, work_order_id: UUID, corrected: bool = True) -> OrderKpis:
    """Return what an order's work adds up to, from the runs and the log of its operations.

    Good pieces are those of the last operation, everything else is added up over all of them. Order execution time
    (AOET) goes from the first start to the last end, or to now while work goes on.

    Raises:
        Forbidden: the actor may not read metrics.
        NotFound: there is no such order in this scope.
    """
    await work.permit(Permission.READ_METRICS)
    rows = await work.fetch(ORDER.format(counted="true" if corrected else "NOT log.is_correction"), work_order_id)
    if not rows:
        raise NotFound(what="order")
    return _order_kpis(work_order_id, rows, await _times_of_runs(work, rows), now=work.now)


async def _times_of_runs(work: Work, rows: Sequence["asyncpg.Record"]) -> WorkUnitTimes:
    """Return what happened to the time of the order's runs, by the rules of shifts, without breaks."""
    runs = [
        (row["machine_id"], row["micro_stop_s"], Period(row["run_started_at"], row["run_ended_at"] or work.now))
        for row in rows
        if row["run_started_at"] is not None and row["run_started_at"] <= (row["run_ended_at"] or work.now)
    ]
    if not runs:
        return work_unit_times(time_account(()))
    whole = Period(min(run.starts_at for _, _, run in runs), max(run.ends_at for _, _, run in runs))
    changes = await load_changes(work, machine_ids=list({machine_id for machine_id, _, _ in runs}), period=whole)
    return times_together(
        work_unit_times(
            time_account(
                explain_shift(
                    ShiftOccurrence(machine_id, None, run.starts_at.date(), "", "", run),
                    changes[machine_id],
                    until=work.now,
                    micro_stop_s=micro_stop_s,
                )
            )
        )
        for machine_id, micro_stop_s, run in runs
    )


def _order_kpis(
    work_order_id: UUID, rows: Sequence["asyncpg.Record"], times: WorkUnitTimes, *, now: datetime
) -> OrderKpis:
    produced = [(row["planned_run_per_item_s"], row["good"] + row["scrap"] + row["rework"]) for row in rows]
    first = min((row["sequence"] for row in rows if row["sequence"] is not None), default=None)
    starts = [row["run_started_at"] for row in rows if row["run_started_at"] is not None]
    is_going_on = any(row["run_id"] is not None and row["run_ended_at"] is None for row in rows)
    ends = [row["run_ended_at"] for row in rows if row["run_ended_at"] is not None]
    started_at = min(starts, default=None)
    ended_at = None if is_going_on else max(ends, default=None)
    execution_s = None if started_at is None else Period(started_at, max(started_at, ended_at or now)).length_s
    output = WorkUnitOutput(
        good=sum((row["good"] for row in rows if row["is_last"]), ZERO),
        scrap=sum((row["scrap"] for row in rows), ZERO),
        rework=sum((row["rework"] for row in rows), ZERO),
        planned_run_s=planned_run_time_s((pri, quantity) for pri, quantity in produced if quantity),
        first_operation_produced=sum(
            (quantity for row, (_, quantity) in zip(rows, produced, strict=True) if row["sequence"] == first), ZERO
        ),
        order_execution_s=execution_s,
    )
    return OrderKpis(work_order_id, rows[0]["number"], output, times, started_at, ended_at)
