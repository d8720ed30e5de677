"""The order as use cases find it: locked after its machines, with all its operations."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from domain.checks import plain
from domain.errors import Conflict, NotFound
from domain.events import OperationChanged, WorkOrderChanged
from domain.plant.machine_states import MachineState
from domain.production.machine_reports import RunOutcome
from domain.production.operations import (
    OperationAction,
    OperationState,
    Predecessor,
    Transfer,
    follow_operation,
    is_ready,
)
from domain.production.orders import OrderAction, OrderQuantities, OrderState, OrderStatus, follow_order
from services.db.tables import Operation, WorkOrder
from services.db.work import Work
from services.plant.machine_floor import MachineOnFloor, lock_machines
from services.plant.machine_states import enter_state
from services.production.production_runs import end_run, pause_run

BEGUN = (OperationState.RUNNING.value, OperationState.PAUSED.value)
ATTENDED = frozenset({MachineState.RUNNING, MachineState.SETUP})
"""States that end when nobody works at the machine any more; a stop goes on, and waits for its reason."""


@dataclass(frozen=True)
class OrderOnFloor:
    """An order that this transaction alone may change, with its operations and the machines that work on it."""

    order: WorkOrder
    operations: tuple[Operation, ...]
    """All of them, by sequence."""
    machines: dict[UUID, MachineOnFloor] = field(default_factory=dict)
    """The machines that were locked, among them all that an operation was begun on."""

    @property
    def status(self) -> OrderStatus:
        """Where the order is."""
        return status_of(self.order)

    def operation(self, operation_id: UUID) -> Operation:
        """Return one of the operations."""
        return next(one for one in self.operations if one.id == operation_id)


def predecessors_of(operation: Operation, operations: Sequence[Operation]) -> tuple[Predecessor, ...]:
    """Return what an operation waits for, among all operations of its order."""
    return tuple(
        Predecessor(one.name, OperationState(one.state), plain(one.good), Transfer(one.transfer))
        for one in operations
        if one.sequence in operation.predecessors
    )


def status_of(order: WorkOrder) -> OrderStatus:
    """Return where an order is."""
    return OrderStatus(OrderState(order.state), None if order.held_from is None else OrderState(order.held_from))


def quantities_of(order: WorkOrder) -> OrderQuantities:
    """Return what an order asks for and what came of it."""
    return OrderQuantities(plain(order.quantity), plain(order.good), plain(order.scrap), order.overproduction_allowance)


def follow(order: WorkOrder, action: OrderAction) -> None:
    """Let an action happen to an order.

    Raises:
        OrderMovedOn: it is not possible in the present state.
    """
    then = follow_order(status_of(order), action)
    order.state, order.held_from = then.state.value, None if then.held_from is None else then.held_from.value


async def lock_order_alone(work: Work, order_id: UUID) -> WorkOrder:
    """Lock an order without its operations.

    Raises:
        NotFound: there is no such order, or it is not visible in this scope.
    """
    order = await work.session.get(WorkOrder, order_id, with_for_update={"key_share": True}, populate_existing=True)
    if order is None:
        raise NotFound(what="order")
    return order


async def lock_order(work: Work, order_id: UUID, *, also: Iterable[UUID] = ()) -> OrderOnFloor:
    """Lock the machines on which an order was begun and those in `also`, then the order and its operations.

    Raises:
        NotFound: there is no such order or machine.
        Conflict: an operation was begun elsewhere in the meantime.
    """
    begun = select(Operation.worked_machine_id).where(
        Operation.work_order_id == order_id, Operation.state.in_(BEGUN), Operation.worked_machine_id.is_not(None)
    )
    found = {machine_id for machine_id in (await work.session.execute(begun)).scalars() if machine_id is not None}
    machines = await lock_machines(work, {*found, *also})
    order = await lock_order_alone(work, order_id)
    operations = await operations_of(work, order_id)
    if any(one.state in BEGUN and one.worked_machine_id not in machines for one in operations):
        raise Conflict
    return OrderOnFloor(order, operations, machines)


async def operations_of(work: Work, order_id: UUID) -> tuple[Operation, ...]:
    """Lock the operations of a locked order, by sequence."""
    statement = (
        select(Operation)
        .where(Operation.work_order_id == order_id)
        .order_by(Operation.sequence)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return tuple((await work.session.execute(statement)).scalars())


async def find_operation(work: Work, operation_id: UUID) -> Operation:
    """Return an operation, unlocked.

    Raises:
        NotFound: there is no such operation, or it is not visible in this scope.
    """
    operation = await work.session.get(Operation, operation_id)
    if operation is None:
        raise NotFound(what="operation")
    return operation


def make_ready(work: Work, operations: Sequence[Operation]) -> None:
    """Let every waiting operation of an order become ready whose predecessors allow it now."""
    for operation in operations:
        if operation.state == OperationState.WAITING and is_ready(predecessors_of(operation, operations)):
            operation.state = follow_operation(OperationState.WAITING, OperationAction.MAKE_READY).value
            emit_operation(work, operation)


async def stop_working(work: Work, floor: OrderOnFloor, operation: Operation, action: OperationAction) -> None:
    """Pause, finish or cancel an operation, and its run with it; an attended machine without another one is idle.

    Raises:
        OperationMovedOn: it is not possible in the present state.
    """
    was = OperationState(operation.state)
    operation.state = follow_operation(was, action).value
    operation.in_setup = False
    if action is not OperationAction.PAUSE:
        operation.ended_at = work.now
    emit_operation(work, operation)
    if operation.worked_machine_id is None or was not in {OperationState.RUNNING, OperationState.PAUSED}:
        return
    machine = floor.machines[operation.worked_machine_id]
    if operation.run_id is not None:
        if action is OperationAction.PAUSE:
            await pause_run(work, machine, run_id=operation.run_id, at=work.now)
        else:
            outcome: RunOutcome = "completed" if action is OperationAction.FINISH else "aborted"
            await end_run(work, machine, run_id=operation.run_id, outcome=outcome, at=work.now)
    if was is OperationState.RUNNING and machine.state in ATTENDED:
        await leave_machine(work, machine, operation)


async def leave_machine(work: Work, machine: MachineOnFloor, operation: Operation) -> None:
    """Let a machine be idle after the last operation on it, unless it tells its states itself."""
    others = [one for one in await running_on(work, machine.id) if one.id != operation.id]
    if machine.counting_source == "machine":
        return
    if not others:
        await enter_state(work, machine, state=MachineState.IDLE, at=after(work, machine))
    elif machine.state is MachineState.SETUP and not any(one.in_setup for one in others):
        await enter_state(work, machine, state=MachineState.RUNNING, at=after(work, machine))


async def running_on(work: Work, machine_id: UUID) -> list[Operation]:
    """Return the operations that run on a machine; nobody else changes which while it is locked."""
    statement = select(Operation).where(
        Operation.worked_machine_id == machine_id, Operation.state == OperationState.RUNNING.value
    )
    return list((await work.session.execute(statement)).scalars())


def after(work: Work, machine: MachineOnFloor) -> datetime:
    """Return now, or the first instant after the machine's present state when that began later: a transaction that
    waited for another one can be older than it."""
    return work.now if machine.since is None else max(work.now, machine.since + timedelta(microseconds=1))


def emit_operation(work: Work, operation: Operation) -> None:
    """Say that an operation changed."""
    work.emit(
        OperationChanged(plant_id=operation.plant_id, work_order_id=operation.work_order_id, operation_id=operation.id)
    )


def emit_order(work: Work, order: WorkOrder) -> None:
    """Say that an order changed."""
    work.emit(WorkOrderChanged(plant_id=order.plant_id, work_order_id=order.id))


def open_operations(floor: OrderOnFloor) -> Iterator[Operation]:
    """Return the operations that are not over."""
    for operation in floor.operations:
        if operation.state not in {OperationState.DONE, OperationState.CANCELLED}:
            yield operation
