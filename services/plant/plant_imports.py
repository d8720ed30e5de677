"""Importing the plant model, reasons, shifts and materials from tables, all or nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Any, ClassVar, TypeAlias
from uuid import UUID

from sqlalchemy import Result, select

from domain.errors import Invalid, UnisonError, marked
from domain.plant.shifts import ShiftHours, WallInterval, Weekday
from services.db.tables import Crew, Department, Lane, Machine, Material, Plant, Reason, ShiftTemplateRow
from services.db.work import Work
from services.plant.machines import edit_machine
from services.plant.plant_exports import COLUMNS, PERMISSIONS, WEEKDAYS, TableKind
from services.plant.plant_models import (
    add_department,
    add_lane,
    add_machine,
    edit_department,
    edit_lane,
)
from services.plant.plant_tables import TableRow, read_table
from services.plant.reasons import add_reason, edit_reason
from services.plant.shift_templates import add_template, edit_template
from services.production.materials import add_material, edit_material


class UnknownCode(Invalid):
    """A cell that names nothing."""

    code: ClassVar[str] = "unknown_code"
    sentence: ClassVar[str] = marked("There is no {what} “{named}”.")


class RowRepeated(Invalid):
    """Two rows about one thing."""

    code: ClassVar[str] = "row_repeated"
    sentence: ClassVar[str] = marked("Row {row} is about the same.")


class InvalidWeekdays(Invalid):
    """A cell that names no weekdays."""

    code: ClassVar[str] = "invalid_weekdays"
    sentence: ClassVar[str] = marked("Write weekdays as mon-fri or as mon tue sat.")


class InvalidHours(Invalid):
    """A cell that holds no time."""

    code: ClassVar[str] = "invalid_hours"
    sentence: ClassVar[str] = marked("Write times as 06:00, and breaks as 10:00-10:15 12:30-13:00.")


@dataclass(frozen=True)
class RowProblem:
    """Why a row cannot be imported."""

    row: int
    """Its line in the file; the header is 1."""
    column: str
    """Empty where the whole row is at fault."""
    error: UnisonError


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would do."""

    kind: TableKind
    added: int
    updated: int
    problems: tuple[RowProblem, ...]
    """By row. With any, nothing was imported."""
    is_applied: bool


@dataclass
class _Known:
    """What exists while a table is imported, by how its rows name it."""

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


Write: TypeAlias = Callable[[Work, _Known, TableRow], Awaitable[bool]]
"""Imports a row and tells whether it added something."""


@dataclass(frozen=True)
class _Format:
    required: tuple[str, ...]
    key: tuple[str, ...]
    """The columns that name what a row is about."""
    write: Write


async def import_table(work: Work, *, kind: TableKind, text: str, dry_run: bool) -> ImportReport:
    """Add what a table has new and change what it has otherwise; with a problem in any row, nothing.

    Rows may come in any order. With `dry_run` everything is tried and nothing kept.

    Raises:
        Forbidden: the actor may not edit this.
        UnreadableTable, TableTooLong, WrongColumns: the table as a whole cannot be read.
    """
    form = FORMATS[kind]
    await work.permit(PERMISSIONS[kind])
    rows, misshapen = read_table(text, columns=COLUMNS[kind], required=form.required)
    problems = [RowProblem(number, "", error) for number, error in misshapen]
    rows, repeated = _once(rows, form.key)
    problems += repeated
    events = len(work.events)
    savepoint = await work.session.begin_nested()
    added, updated, refused = await _import_rows(work, form.write, rows)
    problems = sorted([*problems, *refused], key=lambda problem: problem.row)
    is_applied = not problems and not dry_run
    if is_applied:
        await savepoint.commit()
    else:
        await savepoint.rollback()
        del work.events[events:]
    return ImportReport(kind, added, updated, tuple(problems), is_applied)


def _once(rows: Sequence[TableRow], key: Sequence[str]) -> tuple[list[TableRow], list[RowProblem]]:
    first: dict[tuple[str, ...], TableRow] = {}
    problems: list[RowProblem] = []
    for row in rows:
        name = tuple(row.text(column) for column in key)
        if name in first:
            problems.append(RowProblem(row.number, key[-1], RowRepeated(row=first[name].number)))
        else:
            first[name] = row
    return list(first.values()), problems


async def _import_rows(work: Work, write: Write, rows: list[TableRow]) -> tuple[int, int, list[RowProblem]]:
    """Import rows, those that are refused again after the others: what they wait for may stand below them."""
    known = await _load_known(work)
    added = updated = 0
    waiting = rows
    while waiting:
        refused: list[tuple[TableRow, UnisonError]] = []
        for row in waiting:
            try:
                async with work.session.begin_nested():
                    is_new = await write(work, known, row)
                    await work.session.flush()
            except UnisonError as error:
                refused.append((row, error))
            else:
                added, updated = added + is_new, updated + (not is_new)
        if len(refused) == len(waiting):
            return added, updated, [_problem(row, error) for row, error in refused]
        waiting = [row for row, _ in refused]
    return added, updated, []


def _problem(row: TableRow, error: UnisonError) -> RowProblem:
    column = str(error.fields.get("field", "")).removesuffix("_id")
    return RowProblem(row.number, column if column in row.cells else "", error)


async def _load_known(work: Work) -> _Known:
    known = _Known()
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
}


async def _department(work: Work, known: _Known, row: TableRow) -> bool:
    plant_id, code = known.find("plant", row.text("plant")), row.text("code")
    existing = known.ids.get(("department", code))
    if existing is not None:
        department = await work.session.get_one(Department, existing)
        await edit_department(work, department_id=existing, version=department.version, name=row.text("name"))
        return False
    new = await add_department(work, plant_id=plant_id, code=code, name=row.text("name"))
    known.ids[("department", code)] = new.id
    return True


async def _lane(work: Work, known: _Known, row: TableRow) -> bool:
    department_id, code = known.find("department", row.text("department")), row.text("code")
    position = row.whole_number_in("position")
    existing = known.ids.get(("lane", code))
    if existing is not None:
        lane = await work.session.get_one(Lane, existing)
        await edit_lane(work, lane_id=existing, version=lane.version, name=row.text("name"), position=position)
        return False
    new = await add_lane(work, department_id=department_id, code=code, name=row.text("name"), position=position or 0)
    known.ids[("lane", code)] = new.id
    return True


async def _machine(work: Work, known: _Known, row: TableRow) -> bool:
    lane_id, code = known.find("lane", row.text("lane")), row.text("code")
    existing = known.ids.get(("machine", code))
    machine_id = existing
    if machine_id is None:
        machine_id = (await add_machine(work, lane_id=lane_id, code=code, name=row.text("name"))).id
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
    )
    known.ids[("machine", code)] = changed.id
    return existing is None


async def _reason(work: Work, known: _Known, row: TableRow) -> bool:
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
    )
    if row.yes_in("is_active") is False:
        await edit_reason(work, reason_id=new.id, version=new.version, is_active=False)
    known.ids[("reason", kind, code)] = new.id
    return True


async def _shift(work: Work, known: _Known, row: TableRow) -> bool:
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


async def _material(work: Work, known: _Known, row: TableRow) -> bool:
    number = row.text("number")
    existing = known.ids.get(("material", number))
    if existing is None:
        new = await add_material(work, number=number, unit=row.text("unit"), description=row.text("description"))
        known.ids[("material", number)] = new.id
    material = await work.session.get_one(Material, known.ids[("material", number)])
    await edit_material(
        work,
        material_id=material.id,
        version=material.version,
        unit=row.text("unit"),
        description=row.cells.get("description"),
        is_active=row.yes_in("is_active"),
    )
    return existing is None


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


FORMATS: dict[TableKind, _Format] = {
    TableKind.DEPARTMENTS: _Format(("plant", "code", "name"), ("code",), _department),
    TableKind.LANES: _Format(("department", "code", "name"), ("code",), _lane),
    TableKind.MACHINES: _Format(("lane", "code", "name"), ("code",), _machine),
    TableKind.REASONS: _Format(("kind", "code", "label"), ("kind", "code"), _reason),
    TableKind.SHIFTS: _Format(("lane", "name", "weekdays", "starts", "ends"), ("lane", "name"), _shift),
    TableKind.MATERIALS: _Format(("number", "unit"), ("number",), _material),
}
