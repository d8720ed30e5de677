"""The table of materials: searched, filtered and sorted, also by custom fields, page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.custom_fields.filters import FieldFilter, FieldSort
from domain.identity.roles import Permission
from services.custom_fields.entities import ENTITIES
from services.custom_fields.fields import load_fields
from services.custom_fields.searches import holding, words_of
from services.custom_fields.tables import TableQuestion, find_rows
from services.db.work import Work

ROUTINGS = (
    "LEFT JOIN routings ON routings.org_id = thing.org_id AND routings.material_id = thing.id"
    " AND routings.plant_id = '{plant_id}'::uuid AND routings.state = 'active'"
)
# The operations are counted for the materials of the page alone.
ROWS = """
SELECT materials.id, materials.number, materials.description, materials.unit, materials.is_active,
       routings.id IS NOT NULL AS has_routing,
       (SELECT count(*) FROM routing_operations AS operations
        WHERE operations.org_id = routings.org_id AND operations.routing_id = routings.id) AS operations,
       materials.custom
FROM unnest($1::uuid[]) WITH ORDINALITY AS page (id, place)
JOIN materials ON materials.id = page.id
LEFT JOIN routings ON routings.org_id = materials.org_id AND routings.material_id = materials.id
                  AND routings.plant_id = $2 AND routings.state = 'active'
ORDER BY page.place
"""


class MaterialOrder(StrEnum):
    """What a list of materials can be sorted by."""

    NUMBER = "number"
    DESCRIPTION = "description"
    UNIT = "unit"
    ACTIVE = "active"
    ROUTING = "routing"  # those that a plant cannot make yet come first


ORDERS: dict[MaterialOrder, str] = {
    MaterialOrder.NUMBER: "thing.number",
    MaterialOrder.DESCRIPTION: "lower(thing.description)",
    MaterialOrder.UNIT: "thing.unit",
    MaterialOrder.ACTIVE: "NOT thing.is_active",
    MaterialOrder.ROUTING: "routings.id IS NOT NULL",
}


@dataclass(frozen=True)
class MaterialRow:
    """A material in a list, and whether one plant can make it."""

    id: UUID
    number: str
    description: str
    unit: str
    is_active: bool
    has_routing: bool
    """Whether a routing is active in the plant."""
    operations: int
    """How many operations that routing has."""
    custom: Mapping[str, object]
    """Values of custom fields as they are stored, also of those out of use."""


@dataclass(frozen=True)
class MaterialRows:
    """Some of the materials that a search found."""

    total: int
    """How many it found, ten thousand at most."""
    has_more: bool
    """Whether there are more than that."""
    rows: tuple[MaterialRow, ...]


async def list_material_rows(
    work: Work,
    *,
    plant_id: UUID,
    words: str = "",
    filters: Sequence[FieldFilter] = (),
    order: MaterialOrder | FieldSort = MaterialOrder.NUMBER,
    is_descending: bool = False,
    offset: int = 0,
    limit: int = 50,
) -> MaterialRows:
    """Return the materials that hold every word in number, description or a field for searches, from the `offset`th on.

    Raises:
        Forbidden: the actor may not read orders.
    """
    await work.permit(Permission.READ_ORDERS)
    wanted = words_of(words)
    fields = await load_fields(work, "material") if wanted else ()
    columns = "(thing.number || ' ' || thing.description)"
    direction = "DESC" if is_descending else "ASC"
    by_field = order if isinstance(order, FieldSort) else None
    page = await find_rows(
        work,
        TableQuestion(
            entity=ENTITIES["material"],
            filters=filters,
            conditions=holding(wanted, fields, columns=columns, table="thing"),
            joins=ROUTINGS.format(plant_id=plant_id) if order is MaterialOrder.ROUTING else "",
            sort=() if by_field is None else (by_field,),
            order="thing.number" if isinstance(order, FieldSort) else f"{ORDERS[order]} {direction}, thing.number",
            offset=offset,
            limit=limit,
        ),
    )
    rows = await work.fetch(ROWS, list(page.ids), plant_id)
    return MaterialRows(page.total, page.has_more, tuple(MaterialRow(**row) for row in rows))
