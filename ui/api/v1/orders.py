"""Work orders from the plan to the end."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter

from domain.production.orders import DeadlineKind, OrderAction, OrderSource, OrderState
from services.db.tables import WorkOrder as OrderRow
from services.db.work import Work, read
from services.production import order_queries as queries
from services.production.order_fields import LARGEST_PRIORITY
from services.production.order_tables import list_sorted_orders
from services.production.work_orders import (
    cancel_order,
    close_order,
    complete_order,
    edit_order,
    hold_order,
    plan_order,
    release_order,
    resume_order,
    split_order,
)
from ui.api.v1.callers import Caller, Words
from ui.api.v1.custom_filters import AskedOfFields, CustomPaging, listed_at, offset_in
from ui.api.v1.custom_values import CustomAnswer, GivenCustom, given_custom, list_with_custom, with_custom
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Instant, Quantity, RequestBody, ShownQuantity, Version, spoken
from ui.api.v1.lists import Cursors, Listed
from ui.api.v1.operations import Operation
from ui.api.v1.writes import Done, Write

router = APIRouter(prefix="/work-orders", tags=["orders"], route_class=ExactJsonRoute)

ORDERS = Cursors("work-orders", TypeAdapter(tuple[Instant, UUID]))
Number = Annotated[str, StringConstraints(min_length=1, max_length=60)]
Note = Annotated[str, StringConstraints(max_length=2000)]
Priority = Annotated[int, Field(strict=True, ge=1, le=LARGEST_PRIORITY, description="1 is first.")]
Act = Callable[[Work], Awaitable[OrderRow]]


class WorkOrder(CustomAnswer):
    """An order to make a quantity of a material."""

    id: UUID
    plant_id: UUID
    number: str
    material_id: UUID
    material_number: str
    material_description: str
    routing_id: UUID | None
    quantity: ShownQuantity
    unit: str
    overproduction_allowance: ShownQuantity = Field(description="Share of the quantity that may be made on top.")
    good: ShownQuantity
    scrap: ShownQuantity
    remaining: ShownQuantity
    deadline_kind: DeadlineKind
    due_at: datetime | None
    priority: int
    state: OrderState
    hold_reason: str
    note: str
    source: OrderSource
    source_key: str | None
    split_from_id: UUID | None
    created_at: datetime
    released_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    version: int
    actions: list[OrderAction]


class WorkOrderWithOperations(WorkOrder):
    """An order and its steps."""

    operations: list[Operation]


class NewWorkOrder(RequestBody):
    """A planned order."""

    plant_id: UUID
    material_id: UUID
    quantity: Quantity
    number: Number | None = Field(default=None, description="The next of the series where missing.")
    due_at: Instant | None = None
    deadline_kind: DeadlineKind | None = Field(default=None, description="soft with a due date, else none.")
    priority: Priority = 500
    overproduction_allowance: Quantity = Decimal(0)
    note: Note = ""
    source: OrderSource = OrderSource.MANUAL
    source_key: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        default=None, description="The order's name at its source: a name that is known gets the order that stands."
    )
    custom: GivenCustom = {}


class WorkOrderChange(RequestBody):
    """What changes of an order; what is missing stays."""

    version: Version
    quantity: Quantity | None = None
    due_at: Instant | None = None
    deadline_kind: DeadlineKind | None = Field(default=None, description="asap and none drop the due date.")
    priority: Priority | None = None
    overproduction_allowance: Quantity | None = None
    note: Note | None = None
    custom: GivenCustom | None = None


class Hold(RequestBody):
    """Why an order is held."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Split(RequestBody):
    """The part of an order that becomes one of its own."""

    quantity: Quantity
    number: Number | None = None


class WorkOrderFilter(CustomPaging):
    """Filters of orders."""

    plant_id: UUID | None = None
    lane_id: UUID | None = None
    machine_id: UUID | None = None
    material_id: UUID | None = None
    state: OrderState | None = None
    search: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")] = ""
    due_since: Instant | None = None
    due_until: Instant | None = None


@router.get("/", operation_id="listWorkOrders", summary="Work orders, newest first", responses=READING)
async def list_work_orders(
    caller: Caller, asked: Annotated[WorkOrderFilter, Query()], custom: AskedOfFields
) -> Listed[WorkOrder]:
    """Return the orders that are due in `[due_since, due_until)`; those of a lane have an operation there.

    Custom fields filter by `custom.key=value` (repeated for one of several; of a text, a part of it), `custom.key.min`,
    `custom.key.max` and `custom.key.empty=yes`.
    """
    async with read(caller) as work:
        filters, sort = await custom.read(work, "work_order", asked.sort)
        if sort is not None:
            offset = offset_in(asked.cursor, "work-orders")
            sorted_page = await list_sorted_orders(
                work,
                sort=sort,
                plant_id=asked.plant_id,
                lane_id=asked.lane_id,
                machine_id=asked.machine_id,
                material_id=asked.material_id,
                states=() if asked.state is None else (asked.state,),
                words=asked.search,
                due_since=asked.due_since,
                due_until=asked.due_until,
                filters=filters,
                offset=offset,
                limit=asked.limit,
            )
            return await list_with_custom(work, "work_order", listed_at(sorted_page, WorkOrder, "work-orders", offset))
        page = await queries.list_orders(
            work,
            plant_id=asked.plant_id,
            lane_id=asked.lane_id,
            machine_id=asked.machine_id,
            material_id=asked.material_id,
            states=() if asked.state is None else (asked.state,),
            search=asked.search,
            due_since=asked.due_since,
            due_until=asked.due_until,
            filters=filters,
            before=ORDERS.read(asked.cursor),
            limit=asked.limit,
        )
        listed = ORDERS.listed(page, WorkOrder, lambda order: (order.created_at, order.id))
        return await list_with_custom(work, "work_order", listed)


@router.get("/{order_id}", operation_id="getWorkOrder", summary="A work order", responses=READING)
async def get_work_order(caller: Caller, words: Words, order_id: UUID) -> WorkOrderWithOperations:
    """Return one order with its operations and what keeps them from starting."""
    async with read(caller) as work:
        view = await queries.load_order(work, order_id=order_id)
        order = await with_custom(work, "work_order", WorkOrder.model_validate(view.order))
    steps = [spoken(Operation, operation, words) for operation in view.operations]
    return WorkOrderWithOperations(**dict(order), operations=steps)


@router.post(
    "/",
    operation_id="planWorkOrder",
    summary="Plan a work order",
    status_code=201,
    response_model=WorkOrder,
    responses=WRITING,
)
async def post_work_order(body: NewWorkOrder, write: Write) -> Response:
    """Plan an order as a draft."""

    async def plan(work: Work) -> OrderRow:
        return await plan_order(
            work,
            plant_id=body.plant_id,
            material_id=body.material_id,
            quantity=body.quantity,
            number=body.number,
            due_at=body.due_at,
            deadline_kind=body.deadline_kind,
            priority=body.priority,
            overproduction_allowance=body.overproduction_allowance,
            note=body.note,
            source=body.source,
            source_key=body.source_key,
            custom=await given_custom(work, "work_order", body.custom),
        )

    return await _act(write, plan, status=201)


@router.patch(
    "/{order_id}",
    operation_id="editWorkOrder",
    summary="Edit a work order",
    response_model=WorkOrder,
    responses=WRITING,
)
async def patch_work_order(order_id: UUID, body: WorkOrderChange, write: Write) -> Response:
    """Change what is given; refused when somebody changed the order since `version`, and when it is over."""

    async def edit(work: Work) -> OrderRow:
        return await edit_order(
            work,
            order_id=order_id,
            version=body.version,
            quantity=body.quantity,
            due_at=body.due_at,
            deadline_kind=body.deadline_kind,
            priority=body.priority,
            overproduction_allowance=body.overproduction_allowance,
            note=body.note,
            custom=await given_custom(work, "work_order", body.custom),
        )

    return await _act(write, edit)


@router.post(
    "/{order_id}/release",
    operation_id="releaseWorkOrder",
    summary="Release a work order",
    response_model=WorkOrder,
    responses=WRITING,
)
async def post_release(order_id: UUID, write: Write) -> Response:
    """Give an order to the floor with its own copy of the active routing."""
    return await _act(write, lambda work: release_order(work, order_id=order_id))


@router.post(
    "/{order_id}/hold",
    operation_id="holdWorkOrder",
    summary="Hold a work order",
    response_model=WorkOrder,
    responses=WRITING,
)
async def post_hold(order_id: UUID, body: Hold, write: Write) -> Response:
    """Put an order on hold, and pause whatever of it is running."""
    return await _act(write, lambda work: hold_order(work, order_id=order_id, reason=body.reason))


@router.post(
    "/{order_id}/resume",
    operation_id="resumeWorkOrder",
    summary="Resume a work order",
    response_model=WorkOrder,
    responses=WRITING,
)
async def post_resume(order_id: UUID, write: Write) -> Response:
    """Lift the hold of an order."""
    return await _act(write, lambda work: resume_order(work, order_id=order_id))


@router.post(
    "/{order_id}/complete",
    operation_id="completeWorkOrder",
    summary="Complete a work order",
    response_model=WorkOrder,
    responses=WRITING,
)
async def post_complete(order_id: UUID, write: Write) -> Response:
    """Say that the floor is done with an order; what was never begun is cancelled."""
    return await _act(write, lambda work: complete_order(work, order_id=order_id))


@router.post(
    "/{order_id}/close",
    operation_id="closeWorkOrder",
    summary="Close a work order",
    response_model=WorkOrder,
    responses=WRITING,
)
async def post_close(order_id: UUID, write: Write) -> Response:
    """Put a completed order away."""
    return await _act(write, lambda work: close_order(work, order_id=order_id))


@router.post(
    "/{order_id}/cancel",
    operation_id="cancelWorkOrder",
    summary="Cancel a work order",
    response_model=WorkOrder,
    responses=WRITING,
)
async def post_cancel(order_id: UUID, write: Write) -> Response:
    """Give an order up that is not in progress."""
    return await _act(write, lambda work: cancel_order(work, order_id=order_id))


@router.post(
    "/{order_id}/split",
    operation_id="splitWorkOrder",
    summary="Split a work order",
    status_code=201,
    response_model=WorkOrder,
    responses=WRITING,
)
async def post_split(order_id: UUID, body: Split, write: Write) -> Response:
    """Make a draft of its own of a part of an order, and return it."""
    return await _act(
        write,
        lambda work: split_order(work, order_id=order_id, quantity=body.quantity, number=body.number),
        status=201,
    )


async def _act(write: Write, act: Act, *, status: int = 200) -> Response:
    async def acting(work: Work) -> Done:
        order = await act(work)
        shown = WorkOrder.model_validate(await queries.get_order(work, order_id=order.id))
        return Done(await with_custom(work, "work_order", shown), status)

    return await write.once(acting)
