"""Tables of the plant model, reasons, shifts and materials, and exporting them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select

from domain.identity.roles import Permission
from services.custom_fields.columns import CustomColumns
from services.db.tables import Crew, Department, Lane, Machine, Material, Plant, Reason, ShiftTemplateRow, WorkOrder
from services.db.work import Work
from services.plant.plant_tables import write_table

Exported: TypeAlias = tuple[Sequence[object], Mapping[str, object]]
"""The cells of a row, and what its thing holds in custom fields."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class TableKind(StrEnum):
    """What a table holds."""

    PLANTS = "plants"
    DEPARTMENTS = "departments"
    LANES = "lanes"
    MACHINES = "machines"
    REASONS = "reasons"
    SHIFTS = "shifts"
    MATERIALS = "materials"
    ORDERS = "orders"


COLUMNS: dict[TableKind, tuple[str, ...]] = {
    TableKind.PLANTS: ("code", "name", "time_zone"),
    TableKind.DEPARTMENTS: ("plant", "code", "name"),
    TableKind.LANES: ("department", "code", "name", "position"),
    TableKind.MACHINES: (
        "lane", "code", "name", "position", "micro_stop_s", "counting_source", "counter_modulus", "allows_parallel",
        "is_active",
    ),
    TableKind.REASONS: ("kind", "code", "label", "parent", "loss_category", "position", "is_active"),
    TableKind.SHIFTS: ("lane", "name", "crew", "weekdays", "starts", "ends", "breaks"),
    TableKind.MATERIALS: ("number", "description", "unit", "is_active"),
    TableKind.ORDERS: ("plant", "number", "material", "quantity", "due", "priority", "note"),
}  # fmt: skip
PERMISSIONS: dict[TableKind, Permission] = {
    TableKind.PLANTS: Permission.EDIT_PLANT,
    TableKind.DEPARTMENTS: Permission.EDIT_PLANT,
    TableKind.LANES: Permission.EDIT_PLANT,
    TableKind.MACHINES: Permission.EDIT_PLANT,
    TableKind.REASONS: Permission.EDIT_PLANT,
    TableKind.SHIFTS: Permission.EDIT_SHIFTS,
    TableKind.MATERIALS: Permission.EDIT_ORDERS,
    TableKind.ORDERS: Permission.EDIT_ORDERS,
}
ENTITIES_OF: dict[TableKind, str] = {
    TableKind.PLANTS: "plant",
    TableKind.DEPARTMENTS: "department",
    TableKind.LANES: "lane",
    TableKind.MACHINES: "machine",
    TableKind.REASONS: "reason",
    TableKind.MATERIALS: "material",
    TableKind.ORDERS: "work_order",
}
"""The tables whose things have custom fields, each a column `custom.key`."""


async def export_table(work: Work, *, kind: TableKind) -> str:
    """Return, as CSV, what `import_table` would take to make everything as it is.

    Raises:
        Forbidden: the actor may not edit this.
    """
    columns, rows = await export_cells(work, kind=kind)
    return write_table(columns, rows)


async def export_cells(work: Work, *, kind: TableKind) -> tuple[tuple[str, ...], list[Sequence[object]]]:
    """Return the columns of a table and its rows, values as they are.

    Raises:
        Forbidden: the actor may not edit this.
    """
    await work.permit(PERMISSIONS[kind])
    rows = await EXPORTS[kind](work)
    entity = ENTITIES_OF.get(kind)
    if entity is None:
        return COLUMNS[kind], [cells for cells, _ in rows]
    custom = await CustomColumns.of(work, entity)
    cells = await custom.cells(work, [values for _, values in rows])
    written: list[Sequence[object]] = [(*own, *more) for (own, _), more in zip(rows, cells, strict=True)]
    return (*COLUMNS[kind], *custom.names), written


async def _plants(work: Work) -> list[Exported]:
    statement = select(Plant.code, Plant.name, Plant.time_zone, Plant.custom).order_by(Plant.code)
    return _split(await work.session.execute(statement))


async def _orders(work: Work) -> list[Exported]:
    statement = (
        select(WorkOrder, Plant.code, Plant.time_zone, Material.number)
        .join(Plant, Plant.id == WorkOrder.plant_id)
        .join(Material, Material.id == WorkOrder.material_id)
        .order_by(WorkOrder.number)
    )
    return [
        (
            (
                plant, order.number, material, order.quantity,
                None if order.due_at is None else order.due_at.astimezone(ZoneInfo(zone)).date(), order.priority,
                order.note,
            ),
            order.custom,
        )
        for order, plant, zone, material in await work.session.execute(statement)
    ]  # fmt: skip


def _split(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[Exported]:
    """Return rows whose last column holds the values of custom fields."""
    return [(tuple(row)[:-1], row[-1]) for row in rows]


async def _departments(work: Work) -> list[Exported]:
    statement = select(Plant.code, Department.code, Department.name, Department.custom).join(
        Plant, Plant.id == Department.plant_id
    )
    return _split(await work.session.execute(statement.order_by(Plant.code, Department.code)))


async def _lanes(work: Work) -> list[Exported]:
    statement = select(Department.code, Lane.code, Lane.name, Lane.position, Lane.custom).join(
        Department, Department.id == Lane.department_id
    )
    return _split(await work.session.execute(statement.order_by(Department.code, Lane.code)))


async def _machines(work: Work) -> list[Exported]:
    statement = select(
        Lane.code, Machine.code, Machine.name, Machine.position, Machine.micro_stop_s, Machine.counting_source,
        Machine.counter_modulus, Machine.allows_parallel, Machine.is_active, Machine.custom,
    ).join(Lane, Lane.id == Machine.lane_id)  # fmt: skip
    return _split(await work.session.execute(statement.order_by(Lane.code, Machine.code)))


async def _reasons(work: Work) -> list[Exported]:
    rows = (await work.session.execute(select(Reason).order_by(Reason.kind, Reason.position, Reason.code))).scalars()
    reasons = {row.id: row for row in rows}
    return [
        (
            (
                row.kind, row.code, row.label, reasons[row.parent_id].code if row.parent_id else "",
                row.loss_category, row.position, row.is_active,
            ),
            row.custom,
        )
        for row in reasons.values()
    ]  # fmt: skip


async def _shifts(work: Work) -> list[Exported]:
    statement = (
        select(ShiftTemplateRow, Lane.code, Crew.name)
        .join(Lane, Lane.id == ShiftTemplateRow.lane_id)
        .outerjoin(Crew, Crew.id == ShiftTemplateRow.crew_id)
        .order_by(Lane.code, ShiftTemplateRow.id)
    )
    return [
        (
            (
                lane, row.name, crew, " ".join(WEEKDAYS[day] for day in row.weekdays), f"{row.starts:%H:%M}",
                f"{row.ends:%H:%M}",
                " ".join(f"{one:%H:%M}-{end:%H:%M}" for one, end in zip(row.break_starts, row.break_ends, strict=True)),
            ),
            {},
        )
        for row, lane, crew in await work.session.execute(statement)
    ]  # fmt: skip


async def _materials(work: Work) -> list[Exported]:
    statement = select(Material.number, Material.description, Material.unit, Material.is_active, Material.custom)
    return _split(await work.session.execute(statement.order_by(Material.number)))


EXPORTS: dict[TableKind, Callable[[Work], Awaitable[list[Exported]]]] = {
    TableKind.PLANTS: _plants,
    TableKind.DEPARTMENTS: _departments,
    TableKind.LANES: _lanes,
    TableKind.MACHINES: _machines,
    TableKind.REASONS: _reasons,
    TableKind.SHIFTS: _shifts,
    TableKind.MATERIALS: _materials,
    TableKind.ORDERS: _orders,
}
