"""Tables of the plant model, reasons, shifts and materials, and exporting them."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

from sqlalchemy import select

from domain.identity.roles import Permission
from services.db.tables import Crew, Department, Lane, Machine, Material, Plant, Reason, ShiftTemplateRow
from services.db.work import Work
from services.plant.plant_tables import write_table

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class TableKind(StrEnum):
    """What a table holds."""

    DEPARTMENTS = "departments"
    LANES = "lanes"
    MACHINES = "machines"
    REASONS = "reasons"
    SHIFTS = "shifts"
    MATERIALS = "materials"


COLUMNS: dict[TableKind, tuple[str, ...]] = {
    TableKind.DEPARTMENTS: ("plant", "code", "name"),
    TableKind.LANES: ("department", "code", "name", "position"),
    TableKind.MACHINES: (
        "lane", "code", "name", "position", "micro_stop_s", "counting_source", "counter_modulus", "allows_parallel",
        "is_active",
    ),
    TableKind.REASONS: ("kind", "code", "label", "parent", "loss_category", "position", "is_active"),
    TableKind.SHIFTS: ("lane", "name", "crew", "weekdays", "starts", "ends", "breaks"),
    TableKind.MATERIALS: ("number", "description", "unit", "is_active"),
}  # fmt: skip
PERMISSIONS: dict[TableKind, Permission] = {
    TableKind.DEPARTMENTS: Permission.EDIT_PLANT,
    TableKind.LANES: Permission.EDIT_PLANT,
    TableKind.MACHINES: Permission.EDIT_PLANT,
    TableKind.REASONS: Permission.EDIT_PLANT,
    TableKind.SHIFTS: Permission.EDIT_SHIFTS,
    TableKind.MATERIALS: Permission.EDIT_ORDERS,
}


async def export_table(work: Work, *, kind: TableKind) -> str:
    """Return what `import_table` would take to make everything as it is.

    Raises:
        Forbidden: the actor may not edit this.
    """
    await work.permit(PERMISSIONS[kind])
    return write_table(COLUMNS[kind], await EXPORTS[kind](work))


async def _departments(work: Work) -> list[Sequence[object]]:
    statement = select(Plant.code, Department.code, Department.name).join(Plant, Plant.id == Department.plant_id)
    return [tuple(row) for row in await work.session.execute(statement.order_by(Plant.code, Department.code))]


async def _lanes(work: Work) -> list[Sequence[object]]:
    statement = select(Department.code, Lane.code, Lane.name, Lane.position).join(
        Department, Department.id == Lane.department_id
    )
    return [tuple(row) for row in await work.session.execute(statement.order_by(Department.code, Lane.code))]


async def _machines(work: Work) -> list[Sequence[object]]:
    statement = select(
        Lane.code, Machine.code, Machine.name, Machine.position, Machine.micro_stop_s, Machine.counting_source,
        Machine.counter_modulus, Machine.allows_parallel, Machine.is_active,
    ).join(Lane, Lane.id == Machine.lane_id)  # fmt: skip
    return [tuple(row) for row in await work.session.execute(statement.order_by(Lane.code, Machine.code))]


async def _reasons(work: Work) -> list[Sequence[object]]:
    rows = (await work.session.execute(select(Reason).order_by(Reason.kind, Reason.position, Reason.code))).scalars()
    reasons = {row.id: row for row in rows}
    return [
        (
            row.kind, row.code, row.label, reasons[row.parent_id].code if row.parent_id else "", row.loss_category,
            row.position, row.is_active,
        )
        for row in reasons.values()
    ]  # fmt: skip


async def _shifts(work: Work) -> list[Sequence[object]]:
    statement = (
        select(ShiftTemplateRow, Lane.code, Crew.name)
        .join(Lane, Lane.id == ShiftTemplateRow.lane_id)
        .outerjoin(Crew, Crew.id == ShiftTemplateRow.crew_id)
        .order_by(Lane.code, ShiftTemplateRow.id)
    )
    return [
        (
            lane, row.name, crew, " ".join(WEEKDAYS[day] for day in row.weekdays), f"{row.starts:%H:%M}",
            f"{row.ends:%H:%M}",
            " ".join(f"{one:%H:%M}-{end:%H:%M}" for one, end in zip(row.break_starts, row.break_ends, strict=True)),
        )
        for row, lane, crew in await work.session.execute(statement)
    ]  # fmt: skip


async def _materials(work: Work) -> list[Sequence[object]]:
    statement = select(Material.number, Material.description, Material.unit, Material.is_active)
    return [tuple(row) for row in await work.session.execute(statement.order_by(Material.number))]


EXPORTS: dict[TableKind, Callable[[Work], Awaitable[list[Sequence[object]]]]] = {
    TableKind.DEPARTMENTS: _departments,
    TableKind.LANES: _lanes,
    TableKind.MACHINES: _machines,
    TableKind.REASONS: _reasons,
    TableKind.SHIFTS: _shifts,
    TableKind.MATERIALS: _materials,
}
