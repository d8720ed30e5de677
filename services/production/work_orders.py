"""Work orders: planned, released to the floor with their own copy of the routing, held, split and ended."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from domain.checks import checked_text
from domain.errors import Conflict, NotFound, marked
from domain.identity.roles import Permission
from domain.production.operations import OperationAction, OperationState
from domain.production.orders import (
    DeadlineKind,
    OrderAction,
    OrderSource,
    check_editable,
    split_off,
    with_quantity,
)
from services.custom_fields.values import Given, custom_of_edited, custom_of_new
from services.db.keys import new_id
from services.db.tables import Operation, Plant, WorkOrder
from services.db.work import Work
from services.production.materials import material_for_use
from services.production.order_fields import (
    DUE_KINDS,
    OrderNumberTaken,
    add_numbered,
    change_quantity,
    checked_note,
    checked_priority,
    checked_quantities,
    find_of_source,
    order_quantity,
    set_deadline,
)
from services.production.order_floor import (
    emit_order,
    follow,
    lock_order,
    lock_order_alone,
    make_ready,
    open_operations,
    quantities_of,
    status_of,
    stop_working,
)
from services.production.routings import find_active_routing, routing_operations


class NoActiveRouting(Conflict):
    """A release of an order for which nobody has said how it is made."""

    code: ClassVar[str] = "no_active_routing"
    sentence: ClassVar[str] = marked("There is no active routing for “{material}” in this plant. Activate one first.")


class OperationsRunning(Conflict):
    """The end of an order somebody still works on."""

    code: ClassVar[str] = "operations_running"
    sentence: ClassVar[str] = marked("Somebody still works on {operations}. Finish or pause that first.")


async def plan_order(
    work: Work,
    *,
    plant_id: UUID,
    material_id: UUID,
    quantity: Decimal,
    number: str | None = None,
    due_at: datetime | None = None,
    deadline_kind: DeadlineKind | None = None,
    priority: int = 500,
    overproduction_allowance: Decimal = Decimal(0),
    note: str = "",
    source: OrderSource = OrderSource.MANUAL,
    source_key: str | None = None,
    custom: Given | None = None,
) -> WorkOrder:
    """Plan an order as a draft; with a `source_key` that is known already, the order that stands is returned.

    Without a number it gets the next of its series. Without a kind of deadline, a due date is a soft one.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such plant or material.
        MaterialInactive: the material is not made any more.
        InvalidOrderQuantity, InvalidAllowance, InvalidQuantity, InvalidPriority, InvalidText, DueMissing: a value
            cannot be used.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        OrderNumberTaken: another order has this number.
    """
    await work.permit(Permission.EDIT_ORDERS)
    plant = await work.session.get(Plant, plant_id)
    if plant is None:
        raise NotFound(what="plant")
    material = await material_for_use(work, material_id)
    if source_key is not None:
        source_key = checked_text(source_key, field="source_key")
        known = await find_of_source(work, source, source_key)
        if known is not None:
            return known
    order = WorkOrder(
        org_id=work.scope.org_id,
        plant_id=plant.id,
        material_id=material.id,
        quantity=checked_quantities(quantity, overproduction_allowance).quantity,
        unit=material.unit,
        overproduction_allowance=overproduction_allowance,
        priority=checked_priority(priority),
        note=checked_note(note),
        source=source.value,
        source_key=source_key,
        created_at=work.now,
        custom=await custom_of_new(work, "work_order", custom),
    )
    set_deadline(order, deadline_kind or (DeadlineKind.NONE if due_at is None else DeadlineKind.SOFT), due_at)
    try:
        await add_numbered(work, order, number, zone=plant.time_zone)
    except OrderNumberTaken:
        known = None if source_key is None else await find_of_source(work, source, source_key)
        if known is None:
            raise
        return known
    emit_order(work, order)
    return order


async def edit_order(
    work: Work,
    *,
    order_id: UUID,
    version: int,
    quantity: Decimal | None = None,
    due_at: datetime | None = None,
    deadline_kind: DeadlineKind | None = None,
    priority: int | None = None,
    overproduction_allowance: Decimal | None = None,
    note: str | None = None,
    custom: Given | None = None,
) -> WorkOrder:
    """Change what is given of an order that is not over; asap and none drop the due date unless one is given.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such order.
        Conflict: somebody changed it since `version`.
        OrderLocked: it is completed, closed or cancelled.
        QuantityBelowGood: the quantity would be less than what is good already.
        InvalidOrderQuantity, InvalidAllowance, InvalidQuantity, InvalidPriority, InvalidText, DueMissing: a value
            cannot be used.
        Invalid, UnknownField: a value of a custom field cannot be kept.
    """
    await work.permit(Permission.EDIT_ORDERS)
    floor = await lock_order(work, order_id)
    order = floor.order
    if order.version != version:
        raise Conflict
    check_editable(floor.status)
    order.custom = await custom_of_edited(work, "work_order", custom, order.custom)
    if overproduction_allowance is not None:
        order.overproduction_allowance = checked_quantities(
            order.quantity, overproduction_allowance
        ).overproduction_allowance
    if quantity is not None:
        await change_quantity(work, floor, with_quantity(quantities_of(order), order_quantity(quantity)).quantity)
    if deadline_kind is not None or due_at is not None:
        kind = deadline_kind or DeadlineKind(order.deadline_kind)
        if deadline_kind is None and kind not in DUE_KINDS:
            kind = DeadlineKind.SOFT
        set_deadline(order, kind, due_at or (order.due_at if kind in DUE_KINDS else None))
    if priority is not None:
        order.priority = checked_priority(priority)
    if note is not None:
        order.note = checked_note(note)
    await work.session.flush()
    emit_order(work, order)
    return order


async def set_priority(work: Work, *, order_id: UUID, priority: int) -> WorkOrder:
    """Move an order before or behind others; 1 is first, 999 last.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such order.
        OrderLocked: it is completed, closed or cancelled.
        InvalidPriority: the priority is out of range.
    """
    await work.permit(Permission.EDIT_ORDERS)
    order = await lock_order_alone(work, order_id)
    check_editable(status_of(order))
    order.priority = checked_priority(priority)
    await work.session.flush()
    emit_order(work, order)
    return order


async def release_order(work: Work, *, order_id: UUID) -> WorkOrder:
    """Give an order to the floor with its own copy of the active routing; its first operations become ready.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such order.
        OrderMovedOn: it is no draft.
        NoActiveRouting: nobody has said how the plant makes the material.
    """
    await work.permit(Permission.EDIT_ORDERS)
    order = await lock_order_alone(work, order_id)
    follow(order, OrderAction.RELEASE)
    material = await material_for_use(work, order.material_id)
    routing = await find_active_routing(work, plant_id=order.plant_id, material_id=order.material_id)
    if routing is None:
        raise NoActiveRouting(material=material.number)
    steps = await routing_operations(work, routing.id)
    operations = tuple(
        Operation(
            id=new_id(),
            org_id=order.org_id,
            plant_id=order.plant_id,
            work_order_id=order.id,
            sequence=step.sequence,
            name=step.name,
            lane_id=step.lane_id,
            machine_id=step.machine_id,
            setup_time_s=step.setup_time_s,
            run_time_s=step.run_time_s,
            predecessors=list(step.predecessors),
            transfer=step.transfer,
            instructions=step.instructions,
            required_reports=list(step.required_reports),
            quantity=order.quantity,
            is_last=step is steps[-1],
            state=OperationState.WAITING.value,
            good=Decimal(0),
        )
        for step in steps
    )
    make_ready(work, operations)
    order.routing_id, order.released_at = routing.id, work.now
    work.session.add_all(operations)
    await work.session.flush()
    emit_order(work, order)
    return order


async def hold_order(work: Work, *, order_id: UUID, reason: str) -> WorkOrder:
    """Put an order on hold, and pause whatever of it is running.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such order.
        OrderMovedOn: it is neither released nor in progress.
        InvalidText: the reason is missing or cannot be kept.
        Conflict: an operation was begun in the meantime.
    """
    await work.permit(Permission.EDIT_ORDERS)
    floor = await lock_order(work, order_id)
    follow(floor.order, OrderAction.HOLD)
    floor.order.hold_reason = checked_text(reason, field="reason", longest=500)
    for operation in floor.operations:
        if operation.state == OperationState.RUNNING:
            await stop_working(work, floor, operation, OperationAction.PAUSE)
    await work.session.flush()
    emit_order(work, floor.order)
    return floor.order


async def resume_order(work: Work, *, order_id: UUID) -> WorkOrder:
    """Lift the hold of an order, which goes back to where it was held; paused operations wait for people.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such order.
        OrderMovedOn: it is not on hold.
    """
    await work.permit(Permission.EDIT_ORDERS)
    order = await lock_order_alone(work, order_id)
    follow(order, OrderAction.RESUME)
    order.hold_reason = ""
    await work.session.flush()
    emit_order(work, order)
    return order


async def complete_order(work: Work, *, order_id: UUID) -> WorkOrder:
    """Say that the floor is done with an order: paused operations are finished, those never begun cancelled.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such order.
        OrderMovedOn: it is not in progress.
        OperationsRunning: somebody still works on it.
    """
    await work.permit(Permission.EDIT_ORDERS)
    floor = await lock_order(work, order_id)
    follow(floor.order, OrderAction.COMPLETE)
    running = [operation.name for operation in floor.operations if operation.state == OperationState.RUNNING]
    if running:
        raise OperationsRunning(operations=", ".join(f"“{name}”" for name in running))
    for operation in open_operations(floor):
        paused = operation.state == OperationState.PAUSED
        await stop_working(work, floor, operation, OperationAction.FINISH if paused else OperationAction.CANCEL)
    floor.order.ended_at = work.now
    await work.session.flush()
    emit_order(work, floor.order)
    return floor.order


async def close_order(work: Work, *, order_id: UUID) -> WorkOrder:
    """Put a completed order away.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such order.
        OrderMovedOn: it is not completed.
    """
    await work.permit(Permission.EDIT_ORDERS)
    order = await lock_order_alone(work, order_id)
    follow(order, OrderAction.CLOSE)
    await work.session.flush()
    emit_order(work, order)
    return order


async def cancel_order(work: Work, *, order_id: UUID) -> WorkOrder:
    """Give an order up, with every operation that is not over.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such order.
        OrderMovedOn: it is over, or in progress and not on hold.
    """
    await work.permit(Permission.EDIT_ORDERS)
    floor = await lock_order(work, order_id)
    follow(floor.order, OrderAction.CANCEL)
    for operation in open_operations(floor):
        await stop_working(work, floor, operation, OperationAction.CANCEL)
    floor.order.ended_at = work.now
    await work.session.flush()
    emit_order(work, floor.order)
    return floor.order


async def split_order(work: Work, *, order_id: UUID, quantity: Decimal, number: str | None = None) -> WorkOrder:
    """Make a draft of its own of a part of an order, and return it; what was booked stays with the first.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such order.
        OrderLocked: it is completed, closed or cancelled.
        InvalidOrderQuantity, QuantityBelowGood: the part or what is left is too small.
        OrderNumberTaken: another order has this number.
    """
    await work.permit(Permission.EDIT_ORDERS)
    floor = await lock_order(work, order_id)
    first = floor.order
    check_editable(floor.status)
    kept, split = split_off(quantities_of(first), order_quantity(quantity))
    second = WorkOrder(
        org_id=first.org_id,
        plant_id=first.plant_id,
        material_id=first.material_id,
        quantity=split.quantity,
        unit=first.unit,
        overproduction_allowance=first.overproduction_allowance,
        deadline_kind=first.deadline_kind,
        due_at=first.due_at,
        priority=first.priority,
        note=first.note,
        source=OrderSource.MANUAL.value,
        split_from_id=first.id,
        created_at=work.now,
        custom=first.custom,
    )
    plant = await work.session.get_one(Plant, first.plant_id)
    await change_quantity(work, floor, kept.quantity)
    await add_numbered(work, second, number, zone=plant.time_zone)
    emit_order(work, first)
    emit_order(work, second)
    return second
