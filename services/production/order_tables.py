"""The table of orders: searched, filtered and sorted, also by custom fields, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.custom_fields.filters import FieldFilter, FieldSort
from domain.identity.roles import Permission
from domain.production.orders import OrderState
from services.custom_fields.entities import ENTITIES
from services.custom_fields.fields import load_fields
from services.custom_fields.searches import holding, words_of
from services.custom_fields.tables import Condition, TableQuestion, find_rows
from services.db.paging import Page, page_of
from services.db.work import Work
from services.production.order_queries import OrderInfo, orders_in_order

AT_MACHINE = """
EXISTS (SELECT FROM operations AS planned
        WHERE planned.org_id = thing.org_id AND planned.work_order_id = thing.id AND planned.machine_id = {})
"""
AT_LANE = """
EXISTS (SELECT FROM operations AS planned
        LEFT JOIN machines AS at ON at.org_id = planned.org_id AND at.id = planned.machine_id
        WHERE planned.org_id = thing.org_id AND planned.work_order_id = thing.id
          AND coalesce(planned.lane_id, at.lane_id) = {})
"""
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
    conditions = await _conditions(work, plant_id, states, words)
    direction = "DESC NULLS LAST" if is_descending else "ASC NULLS LAST"
    by_field = order if isinstance(order, FieldSort) else None
    page = await find_rows(
        work,
        TableQuestion(
            entity=ENTITIES["work_order"],
            filters=filters,
            conditions=conditions,
            joins=MATERIALS if words.strip() or order is OrderSort.MATERIAL else "",
            sort=() if by_field is None else (by_field,),
            order="thing.created_at DESC, thing.id"
            if isinstance(order, FieldSort)
            else f"{SORTS[order]} {direction}, thing.id",
            offset=offset,
            limit=limit,
        ),
    )
    return OrderRows(page.total, page.has_more, await orders_in_order(work, page.ids))


async def list_sorted_orders(
    work: Work,
    *,
    sort: FieldSort,
    plant_id: UUID | None = None,
    states: tuple[OrderState, ...] = (),
    material_id: UUID | None = None,
    words: str = "",
    lane_id: UUID | None = None,
    machine_id: UUID | None = None,
    due_since: datetime | None = None,
    due_until: datetime | None = None,
    filters: Sequence[FieldFilter] = (),
    offset: int = 0,
    limit: int = 100,
) -> Page[OrderInfo]:
    """Return the orders that `list_orders` would, in the order of a custom field, from the `offset`th on.

    Raises:
        Forbidden: the actor may not read orders.
    """
    await work.permit(Permission.READ_ORDERS)
    conditions = await _conditions(work, plant_id, states, words)
    for sql, value in (
        ("thing.material_id = {}", material_id),
        (AT_MACHINE, machine_id),
        (AT_LANE, lane_id),
        ("thing.due_at >= {}", due_since),
        ("thing.due_at < {}", due_until),
    ):
        if value is not None:
            conditions.append(Condition(sql, (value,)))
    page = await find_rows(
        work,
        TableQuestion(
            entity=ENTITIES["work_order"],
            filters=filters,
            conditions=conditions,
            joins=MATERIALS if words.strip() else "",
            sort=(sort,),
            order="thing.created_at DESC, thing.id",
            offset=offset,
            limit=limit + 1,
        ),
    )
    return page_of(await orders_in_order(work, page.ids), limit)


async def _conditions(work: Work, plant_id: UUID | None, states: tuple[OrderState, ...], words: str) -> list[Condition]:
    wanted = words_of(words)
    fields = await load_fields(work, "work_order") if wanted else ()
    columns = "(thing.number || ' ' || material.number || ' ' || material.description)"
    conditions = holding(wanted, fields, columns=columns, table="thing")
    if plant_id is not None:
        conditions.insert(0, Condition("thing.plant_id = {}", (plant_id,)))
    if states:
        conditions.append(Condition("thing.state = ANY ({}::text[])", ([state.value for state in states],)))
    return conditions
