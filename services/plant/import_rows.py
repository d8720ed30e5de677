"""What becomes of each row of an imported table: something new, or a change of what is there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Any, ClassVar, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Result, select

from domain.errors import Invalid, marked
from domain.plant.shifts import ShiftHours, WallInterval, Weekday
from domain.production.orders import LOCKED, DeadlineKind, OrderState
from services.custom_fields.columns import CustomColumns
from services.db.tables import (
    Crew,
    Department,
    Lane,
    Machine,
    Material,
    Plant,
    Reason,
    ShiftTemplateRow,
    WorkOrder,
)
from services.db.work import Work
from services.plant.machines import edit_machine
from services.plant.plant_exports import WEEKDAYS, TableKind
from services.plant.plant_models import (
    add_department,
    add_lane,
    add_machine,
    add_plant,
    edit_department,
    edit_lane,
    edit_plant,
)
from services.plant.plant_tables import TableRow
from services.plant.reasons import add_reason, edit_reason
from services.plant.shift_templates import add_template, edit_template
from services.production.materials import add_material, edit_material
from services.production.work_orders import edit_order, plan_order


class UnknownCode(Invalid):
    """A cell that names nothing."""

    code: ClassVar[str] = "unknown_code"
    sentence: ClassVar[str] = marked("There is no {what} “{named}”.")


class InvalidWeekdays(Invalid):
    """A cell that names no weekdays."""

    code: ClassVar[str] = "invalid_weekdays"
    sentence: ClassVar[str] = marked("Write weekdays as mon-fri or as mon tue sat.")


class InvalidHours(Invalid):
    """A cell that holds no time."""

    code: ClassVar[str] = "invalid_hours"
    sentence: ClassVar[str] = marked("Write times as 06:00, and breaks as 10:00-10:15 12:30-13:00.")


class InvalidDay(Invalid):
    """A cell that holds no day."""

    code: ClassVar[str] = "invalid_day"
    sentence: ClassVar[str] = marked("Write days as 2026-03-01.")


@dataclass
class Known:
    """What exists while a table is imported, by how its rows name it."""

    custom: CustomColumns
    """The columns of custom fields."""
    ids: dict[tuple[str, ...], UUID] = field(default_factory=dict)

    def find(self, what: str, *names: str) -> UUID:
        """Return the id of what a row names.

        Raises:
            UnknownCode: nothing is called so.
        """
        found = self.ids.get((what, *names))
        if found is None:
            raise UnknownCode(field=what, what=what, named=names[-1])
        return found


Write: TypeAlias = Callable[[Work, Known, TableRow], Awaitable[bool]]
"""Imports a row and tells whether it added something."""


@dataclass(frozen=True)
class RowFormat:
    """How the rows of a kind of table are read."""

    required: tuple[str, ...]
    key: tuple[str, ...]
    """The columns that name what a row is about."""
    write: Write


async def load_known(work: Work, custom: CustomColumns) -> Known:
    """Return what exists, by how rows name it."""
    known = Known(custom)
    for what, statement in NAMED.items():
        rows: Result[Any] = await work.session.execute(statement)
        for row in rows:
            known.ids[(what, *row[:-1])] = row[-1]
    return known


NAMED = {
    "plant": select(Plant.code, Plant.id),
    "department": select(Department.code, Department.id),
    "lane": select(Lane.code, Lane.id),
    "machine": select(Machine.code, Machine.id),
    "reason": select(Reason.kind, Reason.code, Reason.id),
    "crew": select(Plant.code, Crew.name, Crew.id).join(Plant, Plant.id == Crew.plant_id).where(Crew.is_active),
    "crew of lane": select(Lane.code, Crew.name, Crew.id)
    .join(Lane, Lane.plant_id == Crew.plant_id)
    .where(Crew.is_active),
    "shift": select(Lane.code, ShiftTemplateRow.name, ShiftTemplateRow.id).join(
        Lane, Lane.id == ShiftTemplateRow.lane_id
    ),
    "material": select(Material.number, Material.id),
    "order": select(WorkOrder.number, WorkOrder.id),
}


async def _department(work: Work, known: Known, row: TableRow) -> bool:
    plant_id, code = known.find("plant", row.text("plant")), row.text("code")
    existing = known.ids.get(("department", code))
    if existing is not None:
        department = await work.session.get_one(Department, existing)
        await edit_department(
            work, department_id=existing, version=department.version, name=row.text("name"),
            custom=known.custom.given(row, is_new=False),
        )  # fmt: skip
        return False
    new = await add_department(
        work, plant_id=plant_id, code=code, name=row.text("name"), custom=known.custom.given(row, is_new=True)
    )
    known.ids[("department", code)] = new.id
    return True


async def _lane(work: Work, known: Known, row: TableRow) -> bool:
    department_id, code = known.find("department", row.text("department")), row.text("code")
    position = row.whole_number_in("position")
    existing = known.ids.get(("lane", code))
    if existing is not None:
        lane = await work.session.get_one(Lane, existing)
        await edit_lane(
            work, lane_id=existing, version=lane.version, name=row.text("name"), position=position,
            custom=known.custom.given(row, is_new=False),
        )  # fmt: skip
        return False
    new = await add_lane(
        work, department_id=department_id, code=code, name=row.text("name"), position=position or 0,
        custom=known.custom.given(row, is_new=True),
    )  # fmt: skip
    known.ids[("lane", code)] = new.id
    return True


async def _machine(work: Work, known: Known, row: TableRow) -> bool:
    lane_id, code = known.find("lane", row.text("lane")), row.text("code")
    existing = known.ids.get(("machine", code))
    machine_id = existing
    if machine_id is None:
        custom = known.custom.given(row, is_new=True)
        machine_id = (await add_machine(work, lane_id=lane_id, code=code, name=row.text("name"), custom=custom)).id
        await work.session.flush()
    machine = await work.session.get_one(Machine, machine_id)
    changed = await edit_machine(
        work,
        machine_id=machine_id,
        version=machine.version,
        name=row.text("name"),
        lane_id=lane_id,
        position=row.whole_number_in("position"),
        micro_stop_s=row.number_in("micro_stop_s"),
        counting_source=row.given("counting_source"),
        counter_modulus=row.number_in("counter_modulus"),
        allows_parallel=row.yes_in("allows_parallel"),
        is_active=row.yes_in("is_active"),
        custom=known.custom.given(row, is_new=False),
    )
    known.ids[("machine", code)] = changed.id
    return existing is None


async def _reason(work: Work, known: Known, row: TableRow) -> bool:
    kind, code = row.text("kind"), row.text("code")
    parent = row.given("parent")
    parent_id: UUID | None = None
    if parent is not None:
        parent_id = known.ids.get(("reason", kind, parent))
        if parent_id is None:
            raise UnknownCode(field="parent", what="reason", named=parent)
    existing = known.ids.get(("reason", kind, code))
    if existing is not None:
        reason = await work.session.get_one(Reason, existing)
        await edit_reason(
            work,
            reason_id=existing,
            version=reason.version,
            label=row.text("label"),
            loss_category=row.given("loss_category"),
            parent_id=parent_id,
            position=row.whole_number_in("position"),
            is_active=row.yes_in("is_active"),
            custom=known.custom.given(row, is_new=False),
        )
        return False
    new = await add_reason(
        work,
        kind=kind,
        code=code,
        label=row.text("label"),
        loss_category=row.given("loss_category"),
        position=row.whole_number_in("position") or 0,
        parent_id=parent_id,
        custom=known.custom.given(row, is_new=True),
    )
    if row.yes_in("is_active") is False:
        await edit_reason(work, reason_id=new.id, version=new.version, is_active=False)
    known.ids[("reason", kind, code)] = new.id
    return True


async def _shift(work: Work, known: Known, row: TableRow) -> bool:
    lane, name, crew = row.text("lane"), row.text("name"), row.given("crew")
    lane_id = known.find("lane", lane)
    crew_id = None if crew is None else known.ids.get(("crew of lane", lane, crew))
    if crew is not None and crew_id is None:
        raise UnknownCode(field="crew", what="crew", named=crew)
    weekdays = weekdays_of(row.text("weekdays"))
    hours = ShiftHours(_time(row, "starts"), _time(row, "ends"), _breaks(row))
    existing = known.ids.get(("shift", lane, name))
    if existing is not None:
        template = await work.session.get_one(ShiftTemplateRow, existing)
        await edit_template(
            work, template_id=existing, version=template.version, weekdays=weekdays, hours=hours, crew_id=crew_id
        )
        return False
    new = await add_template(work, lane_id=lane_id, name=name, weekdays=weekdays, hours=hours, crew_id=crew_id)
    known.ids[("shift", lane, name)] = new.id
    return True


async def _material(work: Work, known: Known, row: TableRow) -> bool:
    number = row.text("number")
    existing = known.ids.get(("material", number))
    if existing is None:
        new = await add_material(
            work, number=number, unit=row.text("unit"), description=row.text("description"),
            custom=known.custom.given(row, is_new=True),
        )  # fmt: skip
        known.ids[("material", number)] = new.id
    material = await work.session.get_one(Material, known.ids[("material", number)])
    await edit_material(
        work,
        material_id=material.id,
        version=material.version,
        unit=row.text("unit"),
        description=row.cells.get("description"),
        is_active=row.yes_in("is_active"),
        custom=known.custom.given(row, is_new=False),
    )
    return existing is None


async def _plant(work: Work, known: Known, row: TableRow) -> bool:
    code = row.text("code")
    existing = known.ids.get(("plant", code))
    if existing is not None:
        plant = await work.session.get_one(Plant, existing)
        await edit_plant(
            work, plant_id=existing, version=plant.version, name=row.text("name"), time_zone=row.given("time_zone"),
            custom=known.custom.given(row, is_new=False),
        )  # fmt: skip
        return False
    new = await add_plant(
        work, code=code, name=row.text("name"), time_zone=row.text("time_zone"),
        custom=known.custom.given(row, is_new=True),
    )  # fmt: skip
    known.ids[("plant", code)] = new.id
    return True


async def _order(work: Work, known: Known, row: TableRow) -> bool:
    number = row.text("number")
    plant_id = known.find("plant", row.text("plant"))
    plant = await work.session.get_one(Plant, plant_id)
    existing = known.ids.get(("order", number))
    quantity = row.number_in("quantity") or Decimal(0)
    due_at = _day_end(row, "due", plant.time_zone)
    priority = row.whole_number_in("priority")
    if existing is not None:
        order = await work.session.get_one(WorkOrder, existing)
        if OrderState(order.state) in LOCKED and _says_the_same(order, row, known.custom):
            return False
        await edit_order(
            work, order_id=existing, version=order.version, quantity=quantity, due_at=due_at,
            deadline_kind=_deadline(order, due_at, has_column="due" in row.cells), priority=priority,
            note=row.cells.get("note"), custom=known.custom.given(row, is_new=False),
        )  # fmt: skip
        return False
    new = await plan_order(
        work, plant_id=plant_id, material_id=known.find("material", row.text("material")), quantity=quantity,
        number=number, due_at=due_at, priority=500 if priority is None else priority, note=row.text("note"),
        custom=known.custom.given(row, is_new=True),
    )  # fmt: skip
    known.ids[("order", number)] = new.id
    return True


def _says_the_same(order: WorkOrder, row: TableRow, custom: CustomColumns) -> bool:
    """Tell whether a row changes nothing of an order that is over, as a table that was only exported."""
    return (
        row.number_in("quantity") == order.quantity
        and row.whole_number_in("priority") in {None, order.priority}
        and row.cells.get("note", order.note) == order.note
        and custom.is_unchanged(row, order.custom)
    )


def _deadline(order: WorkOrder, due_at: datetime | None, *, has_column: bool) -> DeadlineKind | None:
    """Return what the deadline of an order becomes: an empty cell takes the date away."""
    return DeadlineKind.NONE if has_column and due_at is None and order.due_at is not None else None


def _day_end(row: TableRow, column: str, zone: str) -> datetime | None:
    cell = row.text(column)
    if not cell:
        return None
    try:
        day = datetime.strptime(cell, "%Y-%m-%d").replace(tzinfo=ZoneInfo(zone))
    except ValueError as error:
        raise InvalidDay(field=column) from error
    return day.replace(hour=23, minute=59)


def weekdays_of(cell: str) -> tuple[Weekday, ...]:
    """Return the weekdays that a cell names: mon-fri, or mon tue sat.

    Raises:
        InvalidWeekdays: it names none, or something else.
    """
    found: set[int] = set()
    for part in cell.casefold().replace(",", " ").split():
        first, is_range, last = part.partition("-")
        if first not in WEEKDAYS or (is_range and last not in WEEKDAYS):
            raise InvalidWeekdays(field="weekdays")
        begin, length = WEEKDAYS.index(first), 1
        if is_range:
            length = (WEEKDAYS.index(last) - begin) % 7 + 1
        found |= {(begin + number) % 7 for number in range(length)}
    if not found:
        raise InvalidWeekdays(field="weekdays")
    return tuple(Weekday(day) for day in sorted(found))


def _time(row: TableRow, column: str) -> time:
    return _wall_clock(row.text(column), column)


def _wall_clock(cell: str, column: str) -> time:
    hours, _, minutes = cell.strip().partition(":")
    if not (hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and int(hours) < 24 and int(minutes) < 60):
        raise InvalidHours(field=column)
    return time(int(hours), int(minutes))


def _breaks(row: TableRow) -> tuple[WallInterval, ...]:
    pairs = (part.partition("-") for part in row.text("breaks").split())
    return tuple(WallInterval(_wall_clock(starts, "breaks"), _wall_clock(ends, "breaks")) for starts, _, ends in pairs)


FORMATS: dict[TableKind, RowFormat] = {
    TableKind.PLANTS: RowFormat(("code", "name", "time_zone"), ("code",), _plant),
    TableKind.DEPARTMENTS: RowFormat(("plant", "code", "name"), ("code",), _department),
    TableKind.LANES: RowFormat(("department", "code", "name"), ("code",), _lane),
    TableKind.MACHINES: RowFormat(("lane", "code", "name"), ("code",), _machine),
    TableKind.REASONS: RowFormat(("kind", "code", "label"), ("kind", "code"), _reason),
    TableKind.SHIFTS: RowFormat(("lane", "name", "weekdays", "starts", "ends"), ("lane", "name"), _shift),
    TableKind.MATERIALS: RowFormat(("number", "unit"), ("number",), _material),
    TableKind.ORDERS: RowFormat(("plant", "number", "material", "quantity"), ("number",), _order),
}
