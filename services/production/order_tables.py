"""The table of orders: searched, filtered and sorted, also by custom fields, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.custom_fields.filters import FieldFilter, FieldSort
from domain.identity.roles import Permission
from domain.production.orders import OrderState
from services.custom_fields.entities import ENTITIES
from services.custom_fields.fields import load_fields
from services.custom_fields.searches import holding, words_of
from services.custom_fields.tables import Condition, TableQuestion, find_rows
from services.db.work import Work
from services.production.order_queries import OrderInfo, orders_in_order

MATERIALS = "JOIN materials AS material ON material.org_id = thing.org_id AND material.id = thing.material_id"


class OrderSort(StrEnum):
    """What a list of orders can be sorted by."""

    CREATED = "created"
    NUMBER = "number"
    MATERIAL = "material"
    STATE = "state"
    QUANTITY = "quantity"
    GOOD = "good"
    SCRAP = "scrap"
    DUE = "due"
    PRIORITY = "priority"


SORTS: dict[OrderSort, str] = {
    OrderSort.CREATED: "thing.created_at",
    OrderSort.NUMBER: "thing.number",
    OrderSort.MATERIAL: "material.number",
    OrderSort.STATE: "array_position(ARRAY['draft','released','in_progress','on_hold','completed','closed',"
    "'cancelled'], thing.state)",
    OrderSort.QUANTITY: "thing.quantity",
    OrderSort.GOOD: "thing.good",
    OrderSort.SCRAP: "thing.scrap",
    OrderSort.DUE: "thing.due_at",
    OrderSort.PRIORITY: "thing.priority",
}


@dataclass(frozen=True)
class OrderRows:
    """Some of the orders that a search found."""

    total: int
    """How many it found, ten thousand at most."""
    has_more: bool
    """Whether there are more than that."""
    rows: tuple[OrderInfo, ...]


async def list_order_rows(
    work: Work,
    *,
    plant_id: UUID | None = None,
    states: tuple[OrderState, ...] = (),
    words: str = "",
    filters: Sequence[FieldFilter] = (),
    order: OrderSort | FieldSort = OrderSort.CREATED,
    is_descending: bool = True,
    offset: int = 0,
    limit: int = 50,
) -> OrderRows:
    """Return the orders that hold every word in their number, their material or a field for searches, from the
    `offset`th on.

    Raises:
        Forbidden: the actor may not read orders.
    """
    await work.permit(Permission.READ_ORDERS)
    wanted = words_of(words)
    fields = await load_fields(work, "work_order") if wanted else ()
    columns = "(thing.number || ' ' || material.number || ' ' || material.description)"
    conditions = holding(wanted, fields, columns=columns, table="thing")
    if plant_id is not None:
        conditions.insert(0, Condition("thing.plant_id = {}", (plant_id,)))
    if states:
        conditions.append(Condition("thing.state = ANY ({}::text[])", ([state.value for state in states],)))
    direction = "DESC NULLS LAST" if is_descending else "ASC NULLS LAST"
    by_field = order if isinstance(order, FieldSort) else None
    page = await find_rows(
        work,
        TableQuestion(
            entity=ENTITIES["work_order"],
            filters=filters,
            conditions=conditions,
            joins=MATERIALS if wanted or order is OrderSort.MATERIAL else "",
            sort=() if by_field is None else (by_field,),
            order="thing.created_at DESC, thing.id"
            if isinstance(order, FieldSort)
            else f"{SORTS[order]} {direction}, thing.id",
            offset=offset,
            limit=limit,
        ),
    )
    return OrderRows(page.total, page.has_more, await orders_in_order(work, page.ids))
