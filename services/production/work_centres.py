"""Giving an operation to another work centre."""

from typing import ClassVar
from uuid import UUID

from domain.errors import Conflict, NotFound, marked
from domain.identity.roles import Permission
from domain.production.operations import OperationState
from domain.production.orders import check_editable
from services.db.tables import Lane, Machine, Operation
from services.db.work import Work
from services.production.order_floor import emit_operation, emit_order, find_operation, lock_order

MOVABLE = frozenset({OperationState.WAITING, OperationState.READY})


class OperationBegun(Conflict):
    """Another work centre for an operation that was begun."""

    code: ClassVar[str] = "operation_begun"
    sentence: ClassVar[str] = marked("“{name}” was begun already and stays where it is.")


class OtherPlant(Conflict):
    """A work centre of another plant than the order's."""

    code: ClassVar[str] = "other_plant"
    sentence: ClassVar[str] = marked("The work centre belongs to another plant than the order.")


async def assign_operation(work: Work, *, operation_id: UUID, work_centre_id: UUID) -> Operation:
    """Give an operation that was not begun to another work centre: a lane, or one machine.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such operation, or no such lane or machine.
        OrderLocked: the order is over.
        OperationBegun: it is running, paused, done or cancelled.
        OtherPlant: the work centre belongs to another plant.
    """
    await work.permit(Permission.EDIT_ORDERS)
    planned = await find_operation(work, operation_id)
    floor = await lock_order(work, planned.work_order_id)
    operation = floor.operation(operation_id)
    check_editable(floor.status)
    if OperationState(operation.state) not in MOVABLE:
        raise OperationBegun(name=operation.name)
    lane = await work.session.get(Lane, work_centre_id)
    machine = None if lane is not None else await work.session.get(Machine, work_centre_id)
    centre = lane or machine
    if centre is None:
        raise NotFound(what="work centre")
    if centre.plant_id != floor.order.plant_id:
        raise OtherPlant
    operation.lane_id = None if lane is None else lane.id
    operation.machine_id = None if machine is None else machine.id
    await work.session.flush()
    emit_operation(work, operation)
    emit_order(work, floor.order)
    return operation
