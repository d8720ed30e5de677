"""The orders of an imported log: what they made, their operations, and what came of them.

Domain rules for live orders do not apply to the past: the orders are written as they ended.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from domain.errors import Conflict, marked
from domain.events import WorkOrderChanged
from domain.production.past_reports import PastReport, span_of
from services.db.keys import new_id
from services.db.work import Work

SEQUENCE_STEP = 10
NAMES_SHOWN = 10
ADD_MATERIALS = """
INSERT INTO materials (id, org_id, number, description, unit)
SELECT id, $1, number, description, $2 FROM unnest($3::uuid[], $4::text[], $5::text[]) AS new (id, number, description)
ON CONFLICT ON CONSTRAINT materials_number_uq DO NOTHING
"""
FIND_MATERIALS = "SELECT id, number FROM materials WHERE number = ANY ($1::text[])"
FIND_ORDERS = """
SELECT work_orders.id, work_orders.number, work_orders.plant_id, work_orders.source, materials.number AS part
FROM work_orders JOIN materials ON materials.org_id = work_orders.org_id AND materials.id = work_orders.material_id
WHERE work_orders.number = ANY ($1::text[]) ORDER BY work_orders.id FOR UPDATE OF work_orders
"""
# The quantity is set with the sums; here it only has to be one.
ADD_ORDERS = """
INSERT INTO work_orders (id, org_id, plant_id, number, material_id, quantity, unit, deadline_kind, state, source,
                         source_key, created_at, released_at, started_at, ended_at)
SELECT id, $1, $2, number, material_id, 1, $3, 'none', 'closed', 'import', number, started_at, started_at, started_at,
       ended_at
FROM unnest($4::uuid[], $5::text[], $6::uuid[], $7::timestamptz[], $8::timestamptz[])
  AS new (id, number, material_id, started_at, ended_at)
ON CONFLICT DO NOTHING RETURNING number
"""
FIND_OPERATIONS = """
SELECT id, work_order_id, sequence, name FROM operations WHERE work_order_id = ANY ($1::uuid[])
ORDER BY work_order_id, sequence FOR UPDATE
"""
ADD_OPERATIONS = """
INSERT INTO operations (id, org_id, plant_id, work_order_id, sequence, name, machine_id, transfer, quantity, is_last,
                        state)
SELECT id, $1, $2, order_id, sequence, name, machine_id, 'partial', 1, false, 'done'
FROM unnest($3::uuid[], $4::uuid[], $5::integer[], $6::text[], $7::uuid[])
  AS new (id, order_id, sequence, name, machine_id)
"""
SUM_UP = """
WITH made AS MATERIALIZED (
  SELECT log.operation_id, coalesce(sum(log.quantity) FILTER (WHERE log.kind = 'good'), 0) AS good,
         coalesce(sum(log.quantity) FILTER (WHERE log.kind = 'scrap'), 0) AS scrap,
         coalesce(sum(log.quantity) FILTER (WHERE log.kind = 'rework'), 0) AS rework
  FROM operations JOIN production_log AS log ON log.org_id = operations.org_id AND log.operation_id = operations.id
  WHERE operations.work_order_id = ANY ($1::uuid[]) GROUP BY log.operation_id
), worked AS MATERIALIZED (
  SELECT runs.operation_id, min(runs.started_at) AS started_at, max(runs.ended_at) AS ended_at,
         bool_or(starts_with(runs.run_key, $4)) AS had_setup,
         (array_agg(runs.id ORDER BY runs.ended_at DESC, runs.id))[1] AS run_id,
         (array_agg(runs.machine_id ORDER BY runs.ended_at DESC, runs.id))[1] AS machine_id
  FROM operations JOIN production_runs AS runs ON runs.org_id = operations.org_id AND runs.operation_id = operations.id
  WHERE operations.work_order_id = ANY ($1) GROUP BY runs.operation_id
), counted AS MATERIALIZED (
  SELECT operations.id, operations.work_order_id, coalesce(made.good, 0) AS good, coalesce(made.scrap, 0) AS scrap,
         coalesce(made.rework, 0) AS rework, worked.started_at, worked.ended_at, worked.had_setup, worked.run_id,
         worked.machine_id,
         row_number() OVER (PARTITION BY operations.work_order_id
                            ORDER BY worked.started_at DESC, operations.sequence DESC) = 1 AS is_last
  FROM operations JOIN worked ON worked.operation_id = operations.id LEFT JOIN made ON made.operation_id = operations.id
), summed AS (
  SELECT work_order_id, sum(good) FILTER (WHERE is_last) AS good, sum(scrap) AS scrap,
         min(started_at) AS started_at, max(ended_at) AS ended_at
  FROM counted GROUP BY work_order_id
), orders AS (
  UPDATE work_orders SET good = summed.good, scrap = summed.scrap, started_at = summed.started_at,
         released_at = least(released_at, summed.started_at), created_at = least(created_at, summed.started_at),
         ended_at = summed.ended_at, quantity = coalesce(asked.quantity, greatest(summed.good, 1)),
         state = 'closed', version = version + 1
  FROM summed JOIN unnest($2::uuid[], $3::numeric[]) AS asked (order_id, quantity)
    ON asked.order_id = summed.work_order_id
  WHERE work_orders.id = summed.work_order_id
  RETURNING work_orders.id, work_orders.quantity
)
UPDATE operations SET good = counted.good, scrap = counted.scrap, rework = counted.rework, is_last = counted.is_last,
       quantity = orders.quantity, had_setup = counted.had_setup, run_id = counted.run_id,
       worked_machine_id = counted.machine_id, started_at = counted.started_at, ended_at = counted.ended_at,
       version = operations.version + 1
FROM counted JOIN orders ON orders.id = counted.work_order_id
WHERE operations.id = counted.id
"""
"""Sums of the operations and orders from their log entries and runs; the order's good pieces are those of the
operation that was begun last."""


class OrdersTaken(Conflict):
    """Orders of the log that exist already, and are others."""

    code: ClassVar[str] = "orders_taken"
    sentence: ClassVar[str] = marked(
        "Nothing was imported: orders with the same numbers exist and do not come from this log: {numbers}."
    )


@dataclass(frozen=True)
class LogOrder:
    """An order of the log, as it stands in the database."""

    id: UUID
    part: str
    """Number of its material."""
    operations: dict[str, UUID]
    """The operation of each task."""
    is_new: bool


async def add_log_orders(
    work: Work, *, plant_id: UUID, reports: Sequence[PastReport], machines: Mapping[str, UUID], unit: str, unnamed: str
) -> dict[str, LogOrder]:
    """Lock or add the orders of reports with their operations; `unnamed` is the material of those without a part.

    Raises:
        OrdersTaken: an order with such a number was not imported into this plant.
    """
    by_order: dict[str, list[PastReport]] = {}
    for report in reports:
        by_order.setdefault(report.order, []).append(report)
    found = {row["number"]: row for row in await work.fetch(FIND_ORDERS, list(by_order))}
    others = [number for number, row in found.items() if (row["source"], row["plant_id"]) != ("import", plant_id)]
    if others:
        raise _taken(others)
    new = {number: told for number, told in by_order.items() if number not in found}
    parts = {number: _first(report.part for report in told) or unnamed for number, told in new.items()}
    ids = {number: new_id() for number in new}
    if new:
        await _add_orders(work, plant_id=plant_id, ids=ids, parts=parts, told=new, unit=unit, unnamed=unnamed)
    ids |= {number: row["id"] for number, row in found.items()}
    parts |= {number: row["part"] for number, row in found.items()}
    operations = await _add_operations(work, plant_id=plant_id, ids=ids, told=by_order, machines=machines)
    return {
        number: LogOrder(ids[number], parts[number], operations[number], is_new=number in new) for number in by_order
    }


async def sum_up_orders(
    work: Work, *, plant_id: UUID, orders: Mapping[str, LogOrder], reports: Iterable[PastReport], setup_runs: str
) -> None:
    """Write what came of orders once their reports are booked; `setup_runs` is how the keys of setup runs begin."""
    ordered: dict[str, Decimal] = {}
    for report in reports:
        if report.ordered is not None:
            ordered.setdefault(report.order, report.ordered)
    ids = [order.id for order in orders.values()]
    await work.fetch(SUM_UP, ids, ids, [ordered.get(number) for number in orders], setup_runs)
    for order_id in ids:
        work.emit(WorkOrderChanged(plant_id=plant_id, work_order_id=order_id))


async def _add_orders(
    work: Work, *, plant_id: UUID, ids: Mapping[str, UUID], parts: Mapping[str, str],
    told: Mapping[str, Sequence[PastReport]], unit: str, unnamed: str,
) -> None:  # fmt: skip
    numbers = sorted(set(parts.values()))
    descriptions = ["Not named in the imported log" if number == unnamed else number for number in numbers]
    await work.fetch(ADD_MATERIALS, work.scope.org_id, unit, [new_id() for _ in numbers], numbers, descriptions)
    materials = {row["number"]: row["id"] for row in await work.fetch(FIND_MATERIALS, numbers)}
    spans = [span_of(reports) for reports in told.values()]
    added = await work.fetch(
        ADD_ORDERS, work.scope.org_id, plant_id, unit, [ids[number] for number in told], list(told),
        [materials[parts[number]] for number in told], [since for since, _ in spans], [until for _, until in spans],
    )  # fmt: skip
    if len(added) < len(told):
        raise _taken(sorted(set(told) - {row["number"] for row in added}))


async def _add_operations(
    work: Work, *, plant_id: UUID, ids: Mapping[str, UUID], told: Mapping[str, Sequence[PastReport]],
    machines: Mapping[str, UUID],
) -> dict[str, dict[str, UUID]]:  # fmt: skip
    numbers = {order_id: number for number, order_id in ids.items()}
    operations: dict[str, dict[str, UUID]] = {number: {} for number in ids}
    last = dict.fromkeys(ids, 0)
    for row in await work.fetch(FIND_OPERATIONS, list(numbers)):
        number = numbers[row["work_order_id"]]
        operations[number][row["name"]] = row["id"]
        last[number] = row["sequence"]
    added: list[tuple[UUID, UUID, int, str, UUID]] = []
    for number, reports in told.items():
        for report in sorted(reports, key=lambda report: report.starts_at):
            if report.task not in operations[number]:
                operations[number][report.task] = new_id()
                last[number] += SEQUENCE_STEP
                added.append(
                    (operations[number][report.task], ids[number], last[number], report.task, machines[report.machine])
                )
    if added:
        columns = [list(column) for column in zip(*added, strict=True)]
        await work.fetch(ADD_OPERATIONS, work.scope.org_id, plant_id, *columns)
    return operations


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")


def _taken(numbers: Sequence[str]) -> OrdersTaken:
    more = "" if len(numbers) <= NAMES_SHOWN else f" (+{len(numbers) - NAMES_SHOWN})"
    return OrdersTaken(numbers=", ".join(sorted(numbers)[:NAMES_SHOWN]) + more)
