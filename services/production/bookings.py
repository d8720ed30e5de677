"""Writing log entries, and everything that is summed from them, in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.events import OperationChanged, ProductionReported
from services.db.keys import new_id
from services.db.work import Work
from services.plant.machine_floor import MachineOnFloor

STATEMENT = """
WITH claimed AS (
  INSERT INTO booking_keys (org_id, plant_id, machine_id, client_key, at)
  SELECT $1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::timestamptz WHERE $6::boolean
  ON CONFLICT DO NOTHING RETURNING client_key
), made AS (
  SELECT * FROM unnest($7::uuid[], $8::text[], $9::numeric[], $10::uuid[]{more_arrays})
                AS made (id, kind, quantity, reason_id{more_names})
  WHERE EXISTS (SELECT FROM claimed) OR NOT $6
), summed AS (
  SELECT coalesce(sum(quantity) FILTER (WHERE kind = 'good'), 0) AS good,
         coalesce(sum(quantity) FILTER (WHERE kind = 'scrap'), 0) AS scrap,
         coalesce(sum(quantity) FILTER (WHERE kind = 'rework'), 0) AS rework
  FROM made HAVING count(*) > 0
), entries AS (
  INSERT INTO production_log (id, org_id, plant_id, machine_id, run_id, kind, quantity, reason_id, at, device_at,
                              device, actor_kind, user_id, client_key, shift_id{more_columns})
  SELECT id, $1, $2, $3, $11::uuid, kind, quantity, reason_id, $5, $12::timestamptz, $13::text, $14::text, $15::uuid,
         $4, {shift}{more_values}
  FROM made
), totals AS (
  INSERT INTO run_totals (org_id, plant_id, run_id, good, scrap, rework)
  SELECT $1, $2, $11, good, scrap, rework FROM summed WHERE $11 IS NOT NULL
  ON CONFLICT ON CONSTRAINT run_totals_pk DO UPDATE SET good = run_totals.good + excluded.good,
    scrap = run_totals.scrap + excluded.scrap, rework = run_totals.rework + excluded.rework
), hours AS (
  INSERT INTO machine_hours (org_id, plant_id, machine_id, hour_at, good, scrap, rework)
  SELECT $1, $2, $3, date_trunc('hour', $5, 'UTC'), good, scrap, rework FROM summed
  ON CONFLICT ON CONSTRAINT machine_hours_pk DO UPDATE SET good = machine_hours.good + excluded.good,
    scrap = machine_hours.scrap + excluded.scrap, rework = machine_hours.rework + excluded.rework
), status AS (
  UPDATE machine_status SET
    good_today = CASE WHEN day = $17::date THEN good_today WHEN day > $17 THEN good_today - summed.good ELSE 0 END
                 + summed.good,
    scrap_today = CASE WHEN day = $17 THEN scrap_today WHEN day > $17 THEN scrap_today - summed.scrap ELSE 0 END
                  + summed.scrap,
    day = greatest(day, $17), last_report_at = greatest(last_report_at, $5), heard_at = $18::timestamptz
  FROM summed WHERE machine_id = $3
){more_sums}
SELECT FROM made
"""
# Shifts of a lane never overlap, so the one that began last is the one, unless it is over.
SHIFT = """(SELECT CASE WHEN ends_at > $5 THEN id END FROM shift_occurrences
             WHERE lane_id = $16::uuid AND starts_at <= $5 ORDER BY starts_at DESC LIMIT 1)"""
BOOK = STATEMENT.format(more_arrays="", more_names="", more_columns="", more_values="", more_sums="", shift=SHIFT)
"""Pieces that belong to no operation."""
BOOK_IN_FULL = STATEMENT.format(
    more_arrays=", $19::uuid[], $20::uuid[], $25::boolean[]",
    more_names=", reverses_id, shift_id, is_surplus",
    more_columns=", operation_id, reverses_id, is_correction",
    more_values=", CASE WHEN NOT is_surplus THEN $21::uuid END, reverses_id, $22::boolean",
    shift=f"CASE WHEN reverses_id IS NULL THEN {SHIFT} ELSE made.shift_id END",
    more_sums=""", taken_back AS (
  INSERT INTO reversals (org_id, plant_id, reversed_id, reversal_id, at)
  SELECT $1, $2, reverses_id, id, $5 FROM made WHERE reverses_id IS NOT NULL
), taken AS (
  SELECT coalesce(sum(quantity) FILTER (WHERE kind = 'good'), 0) AS good,
         coalesce(sum(quantity) FILTER (WHERE kind = 'scrap'), 0) AS scrap,
         coalesce(sum(quantity) FILTER (WHERE kind = 'rework'), 0) AS rework
  FROM made WHERE NOT is_surplus HAVING count(*) > 0
), operation AS (
  UPDATE operations SET good = operations.good + taken.good, scrap = operations.scrap + taken.scrap,
         rework = operations.rework + taken.rework
  FROM taken WHERE operations.id = $21
), ordered AS (
  UPDATE work_orders SET good = work_orders.good + CASE WHEN $23::boolean THEN taken.good ELSE 0 END,
         scrap = work_orders.scrap + taken.scrap
  FROM taken WHERE work_orders.id = $24::uuid AND (taken.scrap <> 0 OR ($23 AND taken.good <> 0))
)""",
)
"""Pieces of an operation, reversals and corrections."""


@dataclass(frozen=True)
class Line:
    """One log entry to be written."""

    kind: str
    """good, scrap or rework."""
    quantity: Decimal
    """Pieces; negative in a reversal."""
    reason_id: UUID | None = None
    reverses_id: UUID | None = None
    """The entry that this one takes back."""
    shift_id: UUID | None = None
    """The shift of that entry; other entries belong to the shift of their instant."""
    is_surplus: bool = False
    """Whether the operation does not take these pieces: they are the machine's and its run's, not the operation's."""


@dataclass(frozen=True)
class OfOperation:
    """The locked operation that pieces belong to."""

    id: UUID
    work_order_id: UUID
    plant_id: UUID
    is_last: bool
    """Whether its good pieces are the order's."""


async def write_lines(
    work: Work,
    machine: MachineOnFloor,
    *,
    lines: Sequence[Line],
    client_key: UUID,
    at: datetime,
    run_id: UUID | None,
    device: str = "",
    device_at: datetime | None = None,
    claims: bool = True,
    of: OfOperation | None = None,
    is_correction: bool = False,
) -> tuple[UUID, ...] | None:
    """Claim the key where the caller has not, write the entries and return their ids; None when the key was taken.

    What is summed from them follows: the run, the hour, the day, the operation and the order. The caller has seen to
    it that the month of `at` exists.
    """
    ids = [new_id() for _ in lines]
    values = [
        work.scope.org_id,
        machine.plant_id,
        machine.id,
        client_key,
        at,
        claims,
        ids,
        [line.kind for line in lines],
        [line.quantity for line in lines],
        [line.reason_id for line in lines],
        run_id,
        device_at,
        device,
        work.scope.actor_kind,
        work.scope.user_id,
        machine.lane_id,
        machine.day_of(at),
        work.now,
    ]
    if of is None and not is_correction:
        written = await work.fetch(BOOK, *values)
    else:
        reverses, shifts = [line.reverses_id for line in lines], [line.shift_id for line in lines]
        operation = (None, False, None) if of is None else (of.id, of.is_last, of.work_order_id)
        written = await work.fetch(
            BOOK_IN_FULL, *values, reverses, shifts, operation[0], is_correction, operation[1], operation[2],
            [line.is_surplus for line in lines],
        )  # fmt: skip
    if not written:
        return None
    work.emit(ProductionReported(plant_id=machine.plant_id, lane_id=machine.lane_id, machine_id=machine.id))
    if of is not None:
        work.emit(OperationChanged(plant_id=of.plant_id, work_order_id=of.work_order_id, operation_id=of.id))
    return tuple(ids)
