"""What can be read about materials and routings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, literal, select

from domain.custom_fields.filters import FieldFilter, FieldSort
from domain.errors import NotFound
from domain.identity.roles import Permission
from services.custom_fields.entities import ENTITIES
from services.custom_fields.fields import load_fields
from services.custom_fields.searches import holding, words_of
from services.custom_fields.tables import Condition, TableQuestion, clause_of, conditions_of, find_rows
from services.db.paging import Page, page_of
from services.db.tables import Material, Routing, RoutingOperation
from services.db.work import Work


@dataclass(frozen=True)
class MaterialInfo:
    """A material."""

    id: UUID
    number: str
    description: str
    unit: str
    is_active: bool
    version: int
    """To be handed back when the material is edited."""
    custom: Mapping[str, object]
    """Values of custom fields as they are stored, also of those out of use."""


@dataclass(frozen=True)
class RoutingStepInfo:
    """An operation of a routing."""

    sequence: int
    name: str
    lane_id: UUID | None
    machine_id: UUID | None
    setup_time_s: Decimal
    run_time_s: Decimal | None
    """Planned per piece."""
    predecessors: tuple[int, ...]
    """Sequences that it waits for."""
    transfer: str
    instructions: str
    required_reports: tuple[str, ...]


@dataclass(frozen=True)
class RoutingInfo:
    """A revision of a routing."""

    id: UUID
    plant_id: UUID
    material_id: UUID
    revision: int
    state: str
    version: int
    """To be handed back when the draft is edited."""
    operations: tuple[RoutingStepInfo, ...]
    """By sequence."""


MATERIAL: Select[*tuple[Any, ...]] = select(
    Material.id,
    Material.number,
    Material.description,
    Material.unit,
    Material.is_active,
    Material.version,
    Material.custom,
)


async def list_materials(
    work: Work,
    *,
    search: str = "",
    is_active: bool | None = None,
    filters: Sequence[FieldFilter] = (),
    after: str | None = None,
    limit: int = 100,
) -> Page[MaterialInfo]:
    """Return the materials by number; `after` continues behind a number.

    `search` are words that stand in number, description or a field for searches.

    Raises:
        Forbidden: the actor may not read orders.
    """
    await work.permit(Permission.READ_ORDERS)
    statement = MATERIAL.order_by(Material.number)
    for number, condition in enumerate(await _conditions(work, search, is_active, filters, "materials")):
        statement = statement.where(clause_of(condition, number))
    if after is not None:
        statement = statement.where(Material.number > after)
    rows = await work.session.execute(statement.limit(literal(limit + 1, literal_execute=True)))
    return page_of([MaterialInfo(*row) for row in rows], limit)


async def list_sorted_materials(
    work: Work,
    *,
    sort: FieldSort,
    search: str = "",
    is_active: bool | None = None,
    filters: Sequence[FieldFilter] = (),
    offset: int = 0,
    limit: int = 100,
) -> Page[MaterialInfo]:
    """Return the materials in the order of a custom field, from the `offset`th on.

    Raises:
        Forbidden: the actor may not read orders.
    """
    await work.permit(Permission.READ_ORDERS)
    page = await find_rows(
        work,
        TableQuestion(
            entity=ENTITIES["material"],
            filters=filters,
            conditions=await _conditions(work, search, is_active, (), "thing"),
            sort=(sort,),
            order="thing.number",
            offset=offset,
            limit=limit + 1,
        ),
    )
    rows = (await work.session.execute(MATERIAL.where(Material.id.in_(page.ids)))).all()
    found = {row.id: MaterialInfo(*row) for row in rows}
    return page_of([found[one] for one in page.ids if one in found], limit)


async def _conditions(
    work: Work, search: str, is_active: bool | None, filters: Sequence[FieldFilter], table: str
) -> list[Condition]:
    words = words_of(search)
    fields = await load_fields(work, "material") if words else ()
    conditions = holding(words, fields, columns=f"({table}.number || ' ' || {table}.description)", table=table)
    if is_active is not None:
        conditions.append(Condition(f"{table}.is_active = {{}}", (is_active,)))
    return conditions + conditions_of(filters, table)


async def get_material(work: Work, *, material_id: UUID) -> MaterialInfo:
    """Return one material.

    Raises:
        Forbidden: the actor may not read orders.
        NotFound: there is no such material in this scope.
    """
    await work.permit(Permission.READ_ORDERS)
    row = (await work.session.execute(MATERIAL.where(Material.id == material_id))).one_or_none()
    if row is None:
        raise NotFound(what="material")
    return MaterialInfo(*row)


async def list_routings(
    work: Work,
    *,
    plant_id: UUID | None = None,
    material_id: UUID | None = None,
    state: str | None = None,
    before: UUID | None = None,
    limit: int = 100,
) -> Page[RoutingInfo]:
    """Return the revisions of routings, newest first; `before` continues below one.

    Raises:
        Forbidden: the actor may not read orders.
    """
    await work.permit(Permission.READ_ORDERS)
    page = select(Routing).order_by(Routing.id.desc()).limit(literal(limit + 1, literal_execute=True))
    equal = {Routing.plant_id: plant_id, Routing.material_id: material_id, Routing.state: state}
    for column, value in equal.items():
        if value is not None:
            page = page.where(column == value)
    if before is not None:
        page = page.where(Routing.id < before)
    routings = page.subquery("page")
    statement = _with_steps(routings.c).order_by(routings.c.id.desc(), RoutingOperation.sequence)
    return page_of(_gathered((await work.session.execute(statement)).all()), limit)


async def get_routing(work: Work, *, routing_id: UUID) -> RoutingInfo:
    """Return one revision of a routing.

    Raises:
        Forbidden: the actor may not read orders.
        NotFound: there is no such routing in this scope.
    """
    await work.permit(Permission.READ_ORDERS)
    routings = select(Routing).where(Routing.id == routing_id).subquery("page")
    found = _gathered((await work.session.execute(_with_steps(routings.c).order_by(RoutingOperation.sequence))).all())
    if not found:
        raise NotFound(what="routing")
    return found[0]


def _with_steps(routings: Any) -> Select[*tuple[Any, ...]]:
    return select(
        routings.id, routings.plant_id, routings.material_id, routings.revision, routings.state, routings.version,
        RoutingOperation,
    ).join(
        RoutingOperation,
        (RoutingOperation.org_id == routings.org_id) & (RoutingOperation.routing_id == routings.id),
    )  # fmt: skip


def _gathered(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[RoutingInfo]:
    """Return the routings of rows that hold one operation each, in the order in which they come."""
    steps: dict[UUID, list[RoutingStepInfo]] = {}
    heads = {row[0]: row for row in rows}
    for row in rows:
        steps.setdefault(row[0], []).append(_step(row[6]))
    return [
        RoutingInfo(row[0], row[1], row[2], row[3], row[4], row[5], tuple(steps[key])) for key, row in heads.items()
    ]


def _step(row: RoutingOperation) -> RoutingStepInfo:
    return RoutingStepInfo(
        sequence=row.sequence,
        name=row.name,
        lane_id=row.lane_id,
        machine_id=row.machine_id,
        setup_time_s=row.setup_time_s,
        run_time_s=row.run_time_s,
        predecessors=tuple(row.predecessors),
        transfer=row.transfer,
        instructions=row.instructions,
        required_reports=tuple(row.required_reports),
    )
