"""Importing a report log of the past: everything that the system would know if it had been there.

docs/production_log.md says what becomes of a row. One transaction holds the whole log, so that nothing is half
imported; the same row is never imported twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select

from domain.checks import EARLIEST
from domain.errors import Invalid, NotFound, marked
from domain.events import PlantModelChanged
from domain.identity.roles import Permission
from domain.production.past_reports import PastReport, machine_code, report_keys, span_of
from domain.scope import Scope
from services.db.keys import new_id
from services.db.tables import Department, Lane, Machine, MachinePlace, MachineStatus, Plant
from services.db.unique import unique_or
from services.db.work import Work, begin, read
from services.plant.hourly_facts import recompute_hours
from services.plant.machine_floor import lock_machines
from services.plant.plant_models import CodeTaken, UnknownTimeZone
from services.production.history_bookings import ImportStep, LogBooking, Progress, book_reports
from services.production.history_orders import LogOrder

LONGEST_CODE = 40
BEHIND_LIVE_LANES = 900
ZERO = Decimal(0)
# One import of an organization at a time: two of them would add the same machines and orders.
ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('history_imports:' || $1::uuid, 0))"
ENSURE_MONTHS = "SELECT app.ensure_months($1, $2)"
CLAIM = """
INSERT INTO booking_keys (org_id, plant_id, machine_id, client_key, at)
SELECT $1, $2, machine_id, client_key, at FROM unnest($3::uuid[], $4::uuid[], $5::timestamptz[])
  AS new (machine_id, client_key, at)
ON CONFLICT DO NOTHING RETURNING client_key
"""
DIRTY = """
SELECT machine_id, array_agg(hour_at) AS hours FROM dirty_hours WHERE machine_id = ANY ($1::uuid[])
GROUP BY machine_id ORDER BY machine_id
"""


class LogZoneMissing(Invalid):
    """Nobody says which zone the times of a log, or its new plant, are in."""

    code: ClassVar[str] = "log_zone_missing"
    sentence: ClassVar[str] = marked("Say with --time-zone in which time zone the log was written, as Europe/Berlin.")


@dataclass(frozen=True)
class LogPlace:
    """Where the machines of a log stand."""

    plant_code: str
    plant_name: str
    time_zone: str | None
    """IANA name of the zone of a plant that has to be added; None where nobody said."""
    is_given: bool
    """Whether the plant must exist; otherwise it is added when it is missing."""
    unit: str
    """Unit of the quantities."""


@dataclass(frozen=True)
class ImportedHistory:
    """What an import added."""

    added: int
    """Reports."""
    known: int
    """Reports that had been imported before."""
    orders: int
    machines: int
    good: Decimal
    scrap: Decimal
    rework: Decimal
    machine_ids: tuple[UUID, ...]
    """The machines whose past has changed."""


async def import_log(
    scope: Scope, *, reports: Sequence[PastReport], place: LogPlace, on_progress: Progress, is_trial: bool = False
) -> ImportedHistory:
    """Import a log in one transaction and add its hours up; a trial does all but that, and leaves nothing behind.

    Raises:
        As `import_history`.
    """
    async with begin(scope) as work:
        await ensure_history_months(work, reports=reports)
    try:
        async with begin(scope) as work:
            imported = await import_history(work, reports=reports, place=place, on_progress=on_progress)
            if is_trial:
                raise _TrialOver(imported)
            await add_up_history(work, machine_ids=imported.machine_ids, on_progress=on_progress)
    except _TrialOver as over:
        return over.imported
    return imported


async def zone_of_log(scope: Scope, *, place: LogPlace) -> tuple[ZoneInfo, datetime]:
    """Return the zone of times without an offset: the place's, else its plant's; and the time it is now.

    Raises:
        Forbidden: the actor may not import production.
        NotFound: the plant must exist, and does not.
        LogZoneMissing, UnknownTimeZone: nobody says which zone it is, or there is none of that name.
    """
    async with read(scope) as work:
        await work.permit(Permission.IMPORT_PRODUCTION)
        plant = await _find_plant(work, place)
        return _zone(place.time_zone or (plant.time_zone if plant else None)), work.now


async def ensure_history_months(work: Work, *, reports: Sequence[PastReport]) -> None:
    """Make the months that reports lie in, in a transaction of its own: while it is open, nobody adds a machine.

    Raises:
        Forbidden: the actor may not import production.
    """
    await work.permit(Permission.IMPORT_PRODUCTION)
    await work.fetch(ENSURE_MONTHS, *span_of(reports))


async def import_history(
    work: Work, *, reports: Sequence[PastReport], place: LogPlace, on_progress: Progress
) -> ImportedHistory:
    """Book the reports that are not booked yet, with the machines, orders and operations that they speak of.

    The months of the reports exist; the hours that the reports make dirty are added up by `add_up_history`.

    Raises:
        Forbidden: the actor may not import production.
        NotFound: the plant must exist, and does not.
        LogZoneMissing, UnknownTimeZone: a plant has to be added, and its zone is not known.
        CodeTaken: the code of the plant, or of the lane of its imported machines, belongs to something else.
        OrdersTaken: an order of the log exists and comes from somewhere else.
        TimelineTaken: a machine's timeline says already what it did at the time of a report.
    """
    await work.permit(Permission.IMPORT_PRODUCTION)
    await work.fetch(ALONE, work.scope.org_id)
    plant = await _find_plant(work, place) or await _add_plant(work, place)
    machines, added_machines = await _machines_of(work, plant, reports)
    floor = await lock_machines(work, set(machines.values()))
    keys = report_keys(reports, namespace=plant.id)
    claimed = await work.fetch(
        CLAIM, work.scope.org_id, plant.id, [machines[report.machine] for report in reports], keys,
        [report.ends_at for report in reports],
    )  # fmt: skip
    fresh = {row["client_key"] for row in claimed}
    new = {key: report for key, report in zip(keys, reports, strict=True) if key in fresh}
    orders: dict[str, LogOrder] = {}
    if new:
        booking = LogBooking(plant.id, plant.code, place.unit, new, machines, floor)
        orders = await book_reports(work, booking, on_progress=on_progress)
    touched = sorted({machines[report.machine] for report in new.values()})
    return ImportedHistory(
        added=len(new),
        known=len(reports) - len(new),
        orders=sum(order.is_new for order in orders.values()),
        machines=added_machines,
        good=sum((report.good for report in new.values()), ZERO),
        scrap=sum((report.scrap for report in new.values()), ZERO),
        rework=sum((report.rework for report in new.values()), ZERO),
        machine_ids=tuple(touched),
    )


async def add_up_history(work: Work, *, machine_ids: Iterable[UUID], on_progress: Progress) -> None:
    """Add up every dirty hour of machines, so that their KPIs are there.

    Raises:
        Forbidden: the actor may not import production.
    """
    await work.permit(Permission.IMPORT_PRODUCTION)
    dirty = await work.fetch(DIRTY, list(machine_ids))
    for done, row in enumerate(dirty, start=1):
        await recompute_hours(work, machine_id=row["machine_id"], hours=row["hours"])
        on_progress(ImportStep.FACTS, done, len(dirty))


class _TrialOver(Exception):
    """No error: how the transaction of a trial ends."""

    def __init__(self, imported: ImportedHistory) -> None:
        super().__init__()
        self.imported = imported


async def _find_plant(work: Work, place: LogPlace) -> Plant | None:
    found = await work.session.execute(select(Plant).where(Plant.code == place.plant_code))
    plant = found.scalar_one_or_none()
    if plant is None and (place.is_given or work.scope.plants_of(Permission.IMPORT_PRODUCTION) is not None):
        raise NotFound(what="plant")
    return plant


async def _add_plant(work: Work, place: LogPlace) -> Plant:
    zone = _zone(place.time_zone)
    plant = Plant(org_id=work.scope.org_id, code=place.plant_code, name=place.plant_name, time_zone=zone.key)
    async with unique_or(work, CodeTaken(code=plant.code)):
        work.session.add(plant)
    work.emit(PlantModelChanged(plant_id=plant.id))
    return plant


def _zone(name: str | None) -> ZoneInfo:
    if name is None:
        raise LogZoneMissing(field="time_zone")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a part of a name is a folder and no zone
        raise UnknownTimeZone(time_zone=name) from error


async def _machines_of(work: Work, plant: Plant, reports: Sequence[PastReport]) -> tuple[dict[str, UUID], int]:
    """Return the machine that each name of the log means, and how many had to be added."""
    known = list((await work.session.execute(select(Machine).order_by(Machine.code))).scalars())
    by_name = {machine.name: machine.id for machine in reversed(known) if machine.plant_id == plant.id}
    by_name |= {machine.code: machine.id for machine in known if machine.plant_id == plant.id}
    names = list(dict.fromkeys(report.machine for report in reports))
    missing = [name for name in names if name not in by_name]
    if missing:
        lane = await _lane_of(work, plant)
        taken = {machine.code for machine in known}
        for machine in await _add_machines(work, lane, names=missing, prefix=plant.code, taken=taken):
            by_name[machine.name] = machine.id
        work.emit(PlantModelChanged(plant_id=plant.id))
    return {name: by_name[name] for name in names}, len(missing)


async def _lane_of(work: Work, plant: Plant) -> Lane:
    code = f"{plant.code}-IMPORT"[:LONGEST_CODE]
    lane = (
        await work.session.execute(select(Lane).where(Lane.code == code, Lane.plant_id == plant.id))
    ).scalar_one_or_none()
    if lane is not None:
        return lane
    of_plant = {"org_id": plant.org_id, "plant_id": plant.id}
    department = Department(**of_plant, id=new_id(), code=code, name=plant.name)
    lane = Lane(
        **of_plant, id=new_id(), department_id=department.id, code=code, name=plant.name, position=BEHIND_LIVE_LANES
    )
    async with unique_or(work, CodeTaken(code=code)):
        work.session.add(department)
        await work.session.flush()
        work.session.add(lane)
    return lane


async def _add_machines(work: Work, lane: Lane, *, names: Sequence[str], prefix: str, taken: set[str]) -> list[Machine]:
    """Add machines at which several operations may go on at once, as they do in logs."""
    of_plant = {"org_id": lane.org_id, "plant_id": lane.plant_id}
    machines: list[Machine] = []
    for position, name in enumerate(names):
        code = machine_code(name, prefix=prefix, taken=taken, longest=LONGEST_CODE)
        taken.add(code)
        machines.append(
            Machine(
                **of_plant, id=new_id(), lane_id=lane.id, code=code, name=name, position=position, allows_parallel=True
            )
        )
    async with unique_or(work, CodeTaken(code=f"{prefix}-...")):
        work.session.add_all(machines)
    for machine in machines:
        of_machine = {**of_plant, "machine_id": machine.id}
        work.session.add_all([MachineStatus(**of_machine), MachinePlace(**of_machine, lane_id=lane.id, since=EARLIEST)])
    await work.session.flush()
    return machines
