"""What people do with an operation at a machine: start, set up, pause, finish."""

from typing import ClassVar
from uuid import UUID

from domain.checks import checked_text
from domain.errors import Conflict, Invalid, marked
from domain.identity.roles import Permission
from domain.plant.machine_states import MachineState
from domain.production.operations import (
    OperationAction,
    OperationState,
    StartFacts,
    check_start,
    follow_operation,
)
from domain.production.orders import OrderAction, OrderState, check_open
from domain.production.routings import RequiredReport
from services.db.tables import Material, Operation
from services.db.work import Work
from services.plant.machine_floor import MachineOnFloor
from services.plant.machine_states import LONGEST_DETAIL, enter_state
from services.production.order_floor import (
    OrderOnFloor,
    after,
    emit_operation,
    emit_order,
    find_operation,
    follow,
    lock_order,
    make_ready,
    predecessors_of,
    running_on,
    stop_working,
)
from services.production.production_runs import end_run, is_run_open, resume_run, start_run


class MachineMissing(Invalid):
    """A start at a work centre of several machines that names none of them."""

    code: ClassVar[str] = "machine_missing"
    sentence: ClassVar[str] = marked("Say at which machine of the line this operation starts.")


class WrongMachine(Conflict):
    """A start at a machine that the operation is not planned for."""

    code: ClassVar[str] = "wrong_machine"
    sentence: ClassVar[str] = marked("This operation is not planned for machine {machine}.")


class NotInSetup(Conflict):
    """The end of a setup that nobody began."""

    code: ClassVar[str] = "not_in_setup"
    sentence: ClassVar[str] = marked("This operation is not being set up. Look at it again.")


class ReportsMissing(Conflict):
    """The end of an operation of which something required was not reported; `missing` holds all of it."""

    code: ClassVar[str] = "reports_missing"
    sentence: ClassVar[str] = marked("Report first what this operation requires: {reports}.")

    def __init__(self, missing: tuple[RequiredReport, ...]) -> None:
        self.missing = missing
        super().__init__(reports=", ".join(report.value for report in missing))


async def start_operation(
    work: Work, *, operation_id: UUID, machine_id: UUID | None = None, setup: bool = False, detail: str = ""
) -> Operation:
    """Begin or resume an operation at a machine, in setup or making pieces, and let its run be the machine's.

    `machine_id` is needed where the work centre is a lane and the operation was not begun before. The machine's state
    becomes setup or running, with `detail`, unless the machine tells its states itself.

    Raises:
        Forbidden: the actor may not work operations.
        NotFound: there is no such operation or machine.
        MachineMissing: the work centre is a lane, and no machine was given.
        WrongMachine: the operation is not planned for this machine.
        StartRefused: something keeps it from starting; with everything at once.
        InvalidText: the detail cannot be kept.
    """
    await work.permit(Permission.WORK_OPERATIONS)
    planned = await find_operation(work, operation_id)
    at_machine = machine_id or planned.machine_id or planned.worked_machine_id
    if at_machine is None:
        raise MachineMissing(field="machine_id")
    detail = checked_text(detail, field="detail", longest=LONGEST_DETAIL, may_be_empty=True)
    floor = await lock_order(work, planned.work_order_id, also=[at_machine])
    operation, machine = floor.operation(operation_id), floor.machines[at_machine]
    if machine.id != operation.machine_id and machine.lane_id != operation.lane_id:
        raise WrongMachine(machine=machine.code)
    others = [one for one in await running_on(work, machine.id) if one.id != operation.id]
    check_start(_facts(floor, operation, machine, others))
    if operation.state == OperationState.WAITING:
        operation.state = follow_operation(OperationState.WAITING, OperationAction.MAKE_READY).value
    operation.state = follow_operation(OperationState(operation.state), OperationAction.START).value
    operation.in_setup, operation.had_setup = setup, setup or operation.had_setup
    operation.started_at = operation.started_at or work.now
    if floor.order.state == OrderState.RELEASED:
        follow(floor.order, OrderAction.START)
        floor.order.started_at = work.now
    await _run_on(work, floor, operation, machine)
    await _attend(work, machine, in_setup=setup, others=others, detail=detail)
    await work.session.flush()
    emit_operation(work, operation)
    emit_order(work, floor.order)
    return operation


async def finish_setup(work: Work, *, operation_id: UUID) -> Operation:
    """Say that an operation is set up and makes pieces from now on.

    Raises:
        Forbidden: the actor may not work operations.
        NotFound: there is no such operation.
        NotInSetup: it is not being set up.
    """
    floor, operation = await _lock(work, operation_id)
    if not operation.in_setup or operation.worked_machine_id is None:
        raise NotInSetup
    operation.in_setup = False
    machine = floor.machines[operation.worked_machine_id]
    others = [one for one in await running_on(work, machine.id) if one.id != operation.id]
    await _attend(work, machine, in_setup=False, others=others)
    await work.session.flush()
    emit_operation(work, operation)
    return operation


async def pause_operation(work: Work, *, operation_id: UUID) -> Operation:
    """Let a running operation and its run stand still; the machine is idle when nothing else runs on it.

    Raises:
        Forbidden: the actor may not work operations.
        NotFound: there is no such operation.
        OperationMovedOn: it is not running.
    """
    floor, operation = await _lock(work, operation_id)
    await stop_working(work, floor, operation, OperationAction.PAUSE)
    await work.session.flush()
    return operation


async def finish_operation(work: Work, *, operation_id: UUID) -> Operation:
    """End an operation and its run; what waited for it becomes ready.

    Raises:
        Forbidden: the actor may not work operations.
        NotFound: there is no such operation.
        OperationMovedOn: it is neither running nor paused.
        OrderNotOpen: the order is on hold.
        ReportsMissing: something that it requires was not reported.
    """
    floor, operation = await _lock(work, operation_id)
    follow_operation(OperationState(operation.state), OperationAction.FINISH)
    check_open(floor.status)
    missing = _missing_reports(operation)
    if missing:
        raise ReportsMissing(missing)
    await stop_working(work, floor, operation, OperationAction.FINISH)
    make_ready(work, floor.operations)
    await work.session.flush()
    emit_order(work, floor.order)
    return operation


async def _lock(work: Work, operation_id: UUID) -> tuple[OrderOnFloor, Operation]:
    await work.permit(Permission.WORK_OPERATIONS)
    floor = await lock_order(work, (await find_operation(work, operation_id)).work_order_id)
    return floor, floor.operation(operation_id)


def _facts(floor: OrderOnFloor, operation: Operation, machine: MachineOnFloor, others: list[Operation]) -> StartFacts:
    return StartFacts(
        operation_state=OperationState(operation.state),
        order_state=OrderState(floor.order.state),
        good=operation.good,
        predecessors=predecessors_of(operation, floor.operations),
        machine_state=machine.state,
        running_on_machine=tuple(one.name for one in others),
        allows_parallel=machine.allows_parallel,
    )


async def _run_on(work: Work, floor: OrderOnFloor, operation: Operation, machine: MachineOnFloor) -> None:
    """Resume the operation's run on this machine, or end the one on another machine and begin one here."""
    at = after(work, machine)
    before = operation.worked_machine_id
    operation.worked_machine_id = machine.id
    if operation.run_id is not None and before == machine.id and await is_run_open(work, operation.run_id):
        await work.session.flush()
        await resume_run(work, machine, run_id=operation.run_id, at=at)
        return
    if operation.run_id is not None and before is not None:
        await end_run(work, floor.machines[before], run_id=operation.run_id, outcome="completed", at=work.now)
    material = await work.session.get_one(Material, floor.order.material_id)
    await work.session.flush()
    operation.run_id = await start_run(
        work,
        machine,
        run_key=f"operation:{operation.id}@{at.isoformat()}",
        order_number=floor.order.number,
        part_number=material.number,
        target=operation.quantity,
        at=at if machine.last_report_at is None else max(at, machine.last_report_at),
        operation_id=operation.id,
    )


async def _attend(
    work: Work, machine: MachineOnFloor, *, in_setup: bool, others: list[Operation], detail: str = ""
) -> None:
    """Let the machine be in setup while any operation on it is, else run."""
    if machine.counting_source == "machine":
        return
    is_set_up = in_setup or any(one.in_setup for one in others)
    state = MachineState.SETUP if is_set_up else MachineState.RUNNING
    await enter_state(work, machine, state=state, at=after(work, machine), detail=detail)


def _missing_reports(operation: Operation) -> tuple[RequiredReport, ...]:
    reported = {
        RequiredReport.SETUP: operation.had_setup,
        RequiredReport.QUANTITY: operation.good + operation.scrap + operation.rework > 0,
    }
    return tuple(report for report in RequiredReport if report in operation.required_reports and not reported[report])
