"""What can be read about orders: the list, one order with all that belongs to it, and operations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, literal, or_, select, text, tuple_

from domain.custom_fields.filters import FieldFilter
from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.production.orders import OrderAction, OrderState, order_actions
from services.custom_fields.fields import load_fields
from services.custom_fields.searches import holding, words_of
from services.custom_fields.tables import clause_of, conditions_of
from services.db.paging import Page, page_of
from services.db.tables import Machine, Material, Operation, WorkOrder
from services.db.work import Work
from services.production.operation_queries import OperationInfo, load_operations
from services.production.order_floor import status_of

ENTRIES = text("""
SELECT log.id, log.at, operations.sequence, operations.name AS operation, machines.code AS machine, log.kind,
       log.quantity, app.spoken(reasons.label, reasons.translations) AS reason,
       users.display_name AS operator, log.client_key,
       log.reverses_id IS NOT NULL AS is_reversal, log.is_correction, reversals.reversal_id IS NOT NULL AS is_reversed
FROM production_log AS log
JOIN operations ON operations.org_id = log.org_id AND operations.id = log.operation_id
JOIN machines ON machines.org_id = log.org_id AND machines.id = log.machine_id
LEFT JOIN reasons ON reasons.org_id = log.org_id AND reasons.id = log.reason_id
LEFT JOIN users ON users.org_id = log.org_id AND users.id = log.user_id
LEFT JOIN reversals ON reversals.org_id = log.org_id AND reversals.reversed_id = log.id
WHERE operations.work_order_id = :order_id AND log.operation_id = ANY(CAST(:ids AS uuid[])) AND log.at >= :since
ORDER BY log.at DESC, log.id DESC LIMIT 200
""")


@dataclass(frozen=True)
class OrderInfo:
    """A work order."""

    id: UUID
    plant_id: UUID
    number: str
    material_id: UUID
    material_number: str
    material_description: str
    routing_id: UUID | None
    """The routing that was copied at release; None before."""
    quantity: Decimal
    """Asked for, in `unit`."""
    unit: str
    overproduction_allowance: Decimal
    """The share of the quantity that may be made on top of it."""
    good: Decimal
    scrap: Decimal
    remaining: Decimal
    """The quantity less what is good; below zero after overproduction."""
    deadline_kind: str
    due_at: datetime | None
    priority: int
    """1 is first, 999 last."""
    state: OrderState
    held_from: str | None
    hold_reason: str
    note: str
    source: str
    source_key: str | None
    """The order's name where it came from."""
    split_from_id: UUID | None
    created_at: datetime
    released_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    version: int
    """To be handed back when the order is edited."""
    actions: tuple[OrderAction, ...]
    """What its state allows."""
    custom: Mapping[str, object]
    """Values of custom fields as they are stored, also of those out of use."""


@dataclass(frozen=True)
class OrderEntry:
    """A log entry of an order."""

    id: UUID
    at: datetime
    sequence: int
    operation: str
    machine: str
    """Code."""
    kind: str
    quantity: Decimal
    """Negative in a reversal."""
    reason: str | None
    operator: str | None
    client_key: UUID
    is_reversal: bool
    is_correction: bool
    is_reversed: bool


@dataclass(frozen=True)
class OrderView:
    """Everything about one order."""

    order: OrderInfo
    operations: tuple[OperationInfo, ...]
    """By sequence."""
    entries: tuple[OrderEntry, ...]
    """The newest 200, newest first."""


async def list_orders(
    work: Work,
    *,
    plant_id: UUID | None = None,
    states: tuple[OrderState, ...] = (),
    material_id: UUID | None = None,
    search: str = "",
    lane_id: UUID | None = None,
    machine_id: UUID | None = None,
    due_since: datetime | None = None,
    due_until: datetime | None = None,
    filters: Sequence[FieldFilter] = (),
    before: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> Page[OrderInfo]:
    """Return the orders that the filters leave, newest first by (created_at, id); `before` continues below such a pair.

    `search` are words that stand in the order's number, in its material's number and description, or in a field for
    searches. An order is of a lane when an operation
    of it is planned there or at one of its machines.

    Raises:
        Forbidden: the actor may not read orders.
    """
    await work.permit(Permission.READ_ORDERS)
    statement = _orders().order_by(WorkOrder.created_at.desc(), WorkOrder.id.desc())
    if plant_id is not None:
        statement = statement.where(WorkOrder.plant_id == plant_id)
    if states:
        statement = statement.where(WorkOrder.state.in_([state.value for state in states]))
    if material_id is not None:
        statement = statement.where(WorkOrder.material_id == material_id)
    words = words_of(search)
    fields = await load_fields(work, "work_order") if words else ()
    columns = "(work_orders.number || ' ' || materials.number || ' ' || materials.description)"
    conditions = holding(words, fields, columns=columns, table="work_orders") + conditions_of(filters, "work_orders")
    for number, condition in enumerate(conditions):
        statement = statement.where(clause_of(condition, number))
    planned = select(literal(1)).where(Operation.org_id == WorkOrder.org_id, Operation.work_order_id == WorkOrder.id)
    if machine_id is not None:
        statement = statement.where(planned.where(Operation.machine_id == machine_id).exists())
    if lane_id is not None:
        machines = select(Machine.id).where(Machine.lane_id == lane_id)
        at_lane = or_(Operation.lane_id == lane_id, Operation.machine_id.in_(machines))
        statement = statement.where(planned.where(at_lane).exists())
    if due_since is not None:
        statement = statement.where(WorkOrder.due_at >= due_since)
    if due_until is not None:
        statement = statement.where(WorkOrder.due_at < due_until)
    if before is not None:
        statement = statement.where(tuple_(WorkOrder.created_at, WorkOrder.id) < before)
    rows = (await work.session.execute(statement.limit(literal(limit + 1, literal_execute=True)))).all()
    return page_of([_order(row) for row in rows], limit)


async def orders_in_order(work: Work, order_ids: Sequence[UUID]) -> tuple[OrderInfo, ...]:
    """Return orders in the order of their ids; those that are out of reach are missing.

    Raises:
        Forbidden: the actor may not read orders.
    """
    await work.permit(Permission.READ_ORDERS)
    rows = (await work.session.execute(_orders().where(WorkOrder.id.in_(order_ids)))).all() if order_ids else []
    found = {row[0].id: _order(row) for row in rows}
    return tuple(found[order_id] for order_id in order_ids if order_id in found)


async def get_order(work: Work, *, order_id: UUID) -> OrderInfo:
    """Return one order.

    Raises:
        Forbidden: the actor may not read orders.
        NotFound: there is no such order in this scope.
    """
    await work.permit(Permission.READ_ORDERS)
    row = (await work.session.execute(_orders().where(WorkOrder.id == order_id))).one_or_none()
    if row is None:
        raise NotFound(what="order")
    return _order(row)


async def load_order(work: Work, *, order_id: UUID) -> OrderView:
    """Return an order with its operations and its newest log entries.

    Raises:
        Forbidden: the actor may not read orders.
        NotFound: there is no such order in this scope.
    """
    order = await get_order(work, order_id=order_id)
    operations = await load_operations(work, order_id=order_id)
    ids = [operation.id for operation in operations]
    since = {"since": order.released_at or order.created_at}
    entries = await work.session.execute(ENTRIES, {"order_id": order_id, **since, "ids": ids})
    return OrderView(
        order=order,
        operations=operations,
        entries=tuple(OrderEntry(**row) for row in entries.mappings()),
    )


def _orders() -> Select[*tuple[Any, ...]]:
    return select(WorkOrder, Material.number, Material.description).join(
        Material, (Material.org_id == WorkOrder.org_id) & (Material.id == WorkOrder.material_id)
    )


def _order(row: Row[*tuple[Any, ...]]) -> OrderInfo:
    order: WorkOrder = row[0]
    return OrderInfo(
        id=order.id,
        plant_id=order.plant_id,
        number=order.number,
        material_id=order.material_id,
        material_number=row[1],
        material_description=row[2],
        routing_id=order.routing_id,
        quantity=order.quantity,
        unit=order.unit,
        overproduction_allowance=order.overproduction_allowance,
        good=order.good,
        scrap=order.scrap,
        remaining=order.quantity - order.good,
        deadline_kind=order.deadline_kind,
        due_at=order.due_at,
        priority=order.priority,
        state=OrderState(order.state),
        held_from=order.held_from,
        hold_reason=order.hold_reason,
        note=order.note,
        source=order.source,
        source_key=order.source_key,
        split_from_id=order.split_from_id,
        created_at=order.created_at,
        released_at=order.released_at,
        started_at=order.started_at,
        ended_at=order.ended_at,
        version=order.version,
        actions=order_actions(status_of(order)),
        custom=order.custom,
    )
