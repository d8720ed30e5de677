"""Booking the reports of an imported log: runs, log entries, and what is summed from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from uuid import UUID

from domain.events import MachineStateChanged, ProductionReported
from domain.plant.wall_clocks import instant_of
from domain.production.past_reports import PastReport, ReportKind
from services.db.keys import new_id
from services.db.work import Work
from services.plant.machine_floor import MachineOnFloor
from services.production.history_orders import LogOrder, add_log_orders, sum_up_orders
from services.production.history_timelines import RUN_KEYS, write_timelines

DAY = timedelta(days=1)
MIDNIGHT = time(0)
ADD_RUNS = """
INSERT INTO production_runs (id, org_id, plant_id, machine_id, run_key, order_number, part_number, state, started_at,
                             ended_at, note, operation_id)
SELECT id, $1, $2, machine_id, run_key, order_number, part_number, 'completed', started_at, ended_at, note, operation_id
FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[],
            $10::text[], $11::uuid[])
  AS new (id, machine_id, run_key, order_number, part_number, started_at, ended_at, note, operation_id)
"""
BOOK = """
WITH made AS MATERIALIZED (
  SELECT * FROM unnest($5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::text[], $10::numeric[], $11::uuid[],
                       $12::timestamptz[], $13::uuid[])
    AS made (id, machine_id, run_id, operation_id, kind, quantity, reason_id, at, client_key)
), entries AS (
  INSERT INTO production_log (id, org_id, plant_id, machine_id, run_id, operation_id, kind, quantity, reason_id, at,
                              client_key, actor_kind, user_id, shift_id)
  SELECT made.id, $1, $2, made.machine_id, run_id, operation_id, kind, quantity, reason_id, at, client_key, $3, $4,
         (SELECT CASE WHEN ends_at > made.at THEN shifts.id END FROM shift_occurrences AS shifts
          WHERE shifts.lane_id = machines.lane_id AND starts_at <= made.at ORDER BY starts_at DESC LIMIT 1)
  FROM made JOIN machines ON machines.id = made.machine_id
), totals AS (
  INSERT INTO run_totals (org_id, plant_id, run_id, good, scrap, rework)
  SELECT $1, $2, run_id, coalesce(sum(quantity) FILTER (WHERE kind = 'good'), 0),
         coalesce(sum(quantity) FILTER (WHERE kind = 'scrap'), 0),
         coalesce(sum(quantity) FILTER (WHERE kind = 'rework'), 0)
  FROM made GROUP BY run_id
)
INSERT INTO machine_hours (org_id, plant_id, machine_id, hour_at, good, scrap, rework)
SELECT $1, $2, machine_id, date_trunc('hour', at, 'UTC'), coalesce(sum(quantity) FILTER (WHERE kind = 'good'), 0),
       coalesce(sum(quantity) FILTER (WHERE kind = 'scrap'), 0),
       coalesce(sum(quantity) FILTER (WHERE kind = 'rework'), 0)
FROM made GROUP BY machine_id, date_trunc('hour', at, 'UTC')
ON CONFLICT ON CONSTRAINT machine_hours_pk DO UPDATE SET good = machine_hours.good + excluded.good,
  scrap = machine_hours.scrap + excluded.scrap, rework = machine_hours.rework + excluded.rework
"""
SET_STATUS = """
UPDATE machine_status SET heard_at = $1, last_report_at = greatest(last_report_at, last.at),
       day = greatest(machine_status.day, last.day),
       good_today = CASE WHEN machine_status.day > last.day THEN good_today ELSE made.good END,
       scrap_today = CASE WHEN machine_status.day > last.day THEN scrap_today ELSE made.scrap END
FROM unnest($2::uuid[], $3::timestamptz[], $4::date[], $5::timestamptz[], $6::timestamptz[])
       AS last (machine_id, at, day, since, until),
     LATERAL (SELECT coalesce(sum(quantity) FILTER (WHERE kind = 'good'), 0) AS good,
                     coalesce(sum(quantity) FILTER (WHERE kind = 'scrap'), 0) AS scrap
              FROM production_log AS log
              WHERE log.machine_id = last.machine_id AND log.at >= last.since AND log.at < last.until) AS made
WHERE machine_status.machine_id = last.machine_id
"""
ADD_REASONS = """
INSERT INTO reasons (id, org_id, kind, code, label, loss_category, is_active)
SELECT id, $1, kind, code, label, loss_category, false
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[]) AS new (id, kind, code, label, loss_category)
ON CONFLICT ON CONSTRAINT reasons_code_uq DO NOTHING
"""
FIND_REASONS = "SELECT kind, id FROM reasons WHERE code = ANY ($1::text[])"
REASONS = (
    ("stop", "IMPORT-BREAKDOWN", "Breakdown in an imported log", "breakdown"),
    ("scrap", "IMPORT-SCRAP", "Rejected in an imported log", "quality"),
    ("rework", "IMPORT-REWORK", "Held for rework or review in an imported log", "quality"),
)
"""Kind, code, label and loss category of what a log tells no reason for; retired, so that no terminal offers them."""


class ImportStep(StrEnum):
    """What an import is doing."""

    ORDERS = "orders"
    REPORTS = "reports"
    TIMELINES = "timelines"
    FACTS = "facts"


Progress = Callable[[ImportStep, int, int], None]
"""Hears which step has begun, how much of it is done, and of how much."""


@dataclass(frozen=True)
class LogBooking:
    """The reports of a log that are to be booked, and where."""

    plant_id: UUID
    plant_code: str
    unit: str
    """Unit of the quantities."""
    reports: Mapping[UUID, PastReport]
    """By client key; none of them is booked yet."""
    machines: Mapping[str, UUID]
    """The machine that each name of the log means."""
    floor: Mapping[UUID, MachineOnFloor]
    """The locked machines."""


async def book_reports(work: Work, booking: LogBooking, *, on_progress: Progress) -> dict[str, LogOrder]:
    """Book reports of the past on locked machines, and return the orders that they speak of.

    Raises:
        OrdersTaken: an order of the log exists and comes from somewhere else.
        TimelineTaken: a machine's timeline says already what it did at the time of a report.
    """
    count = len(booking.reports)
    reports = list(booking.reports.values())
    on_progress(ImportStep.ORDERS, 0, count)
    orders = await add_log_orders(
        work, plant_id=booking.plant_id, reports=reports, machines=booking.machines, unit=booking.unit,
        unnamed=f"{booking.plant_code}-PART",
    )  # fmt: skip
    reasons = await _reasons(work)
    on_progress(ImportStep.REPORTS, 0, count)
    runs = await _add_runs(work, booking, orders)
    await _book_pieces(work, booking, orders, runs, reasons)
    setup_runs = f"{RUN_KEYS}{ReportKind.SETUP}/"
    await sum_up_orders(work, plant_id=booking.plant_id, orders=orders, reports=reports, setup_runs=setup_runs)
    on_progress(ImportStep.TIMELINES, 0, count)
    names = {booking.machines[report.machine]: report.machine for report in reports}
    new_runs = [_run_key(key, report) for key, report in booking.reports.items()]
    await write_timelines(
        work, plant_id=booking.plant_id, machines=names, new_runs=new_runs, breakdown_id=reasons["stop"]
    )
    await _set_status(work, booking)
    for machine_id in sorted(names):
        place = {"plant_id": booking.plant_id, "lane_id": booking.floor[machine_id].lane_id, "machine_id": machine_id}
        work.emit(MachineStateChanged(**place))
        work.emit(ProductionReported(**place))
    return orders


async def _reasons(work: Work) -> dict[str, UUID]:
    """Return the reason of each kind, added where it is missing."""
    kinds, codes, labels, categories = (list(column) for column in zip(*REASONS, strict=True))
    await work.fetch(ADD_REASONS, work.scope.org_id, [new_id() for _ in REASONS], kinds, codes, labels, categories)
    return {row["kind"]: row["id"] for row in await work.fetch(FIND_REASONS, codes)}


async def _add_runs(work: Work, booking: LogBooking, orders: Mapping[str, LogOrder]) -> dict[UUID, UUID]:
    """Add one run per report, and return it by the report's client key."""
    ids = {key: new_id() for key in booking.reports}
    rows = [
        (
            ids[key], booking.machines[report.machine], _run_key(key, report), report.order,
            orders[report.order].part, report.starts_at, report.ends_at, _note(report),
            orders[report.order].operations[report.task],
        )
        for key, report in booking.reports.items()
    ]  # fmt: skip
    columns = [list(column) for column in zip(*rows, strict=True)]
    await work.fetch(ADD_RUNS, work.scope.org_id, booking.plant_id, *columns)
    return ids


async def _book_pieces(
    work: Work, booking: LogBooking, orders: Mapping[str, LogOrder], runs: Mapping[UUID, UUID],
    reasons: Mapping[str, UUID],
) -> None:  # fmt: skip
    rows = [
        (
            new_id(), booking.machines[report.machine], runs[key], orders[report.order].operations[report.task], kind,
            quantity, reasons.get(kind), report.ends_at, key,
        )
        for key, report in booking.reports.items()
        for kind, quantity in (("good", report.good), ("scrap", report.scrap), ("rework", report.rework))
        if quantity
    ]  # fmt: skip
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        actor = (work.scope.actor_kind, work.scope.user_id)
        await work.fetch(BOOK, work.scope.org_id, booking.plant_id, *actor, *columns)


async def _set_status(work: Work, booking: LogBooking) -> None:
    """Keep the newest point of the log: its instant, and what was made on its day."""
    last: dict[UUID, datetime] = {}
    for report in booking.reports.values():
        machine_id = booking.machines[report.machine]
        last[machine_id] = max(last.get(machine_id, report.ends_at), report.ends_at)
    rows = []
    for machine_id, at in last.items():
        machine = booking.floor[machine_id]
        day = machine.day_of(at)
        days = (instant_of(day, MIDNIGHT, machine.zone), instant_of(day + DAY, MIDNIGHT, machine.zone))
        rows.append((machine_id, at, day, *days))
    columns = [list(column) for column in zip(*rows, strict=True)]
    await work.fetch(SET_STATUS, work.now, *columns)


def _run_key(key: UUID, report: PastReport) -> str:
    return f"{RUN_KEYS}{report.kind}/{key}"


def _note(report: PastReport) -> str:
    return ", ".join(word for word in (report.worker, "rework" if report.is_rework else "") if word)
