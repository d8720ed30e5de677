"""What people do with an operation at a machine."""

import asyncio
from decimal import Decimal
from uuid import UUID

import pytest

from domain.errors import Forbidden, NotFound
from domain.events import MachineStateChanged, OperationChanged, ProductionRunChanged, WorkOrderChanged
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from domain.production.operations import ObstacleKind, OperationMovedOn, StartRefused, Transfer
from domain.production.orders import OrderNotOpen
from domain.production.routings import RequiredReport, RoutingStep
from services.db.keys import new_id
from services.db.tables import Machine, MachineStatus, Operation, ProductionRun, WorkOrder
from services.db.work import Work, begin, read
from services.plant.machine_states import change_machine_state
from services.production.operations import (
    MachineMissing,
    NotInSetup,
    ReportsMissing,
    WrongMachine,
    finish_operation,
    finish_setup,
    pause_operation,
    start_operation,
)
from services.production.work_orders import hold_order
from tests.factories import Floor, Make

ACTS = (start_operation, finish_setup, pause_operation, finish_operation)


async def status(work: Work, machine: Machine) -> MachineStatus:
    return await work.session.get_one(MachineStatus, (work.scope.org_id, machine.id), populate_existing=True)


async def run_of(work: Work, operation: Operation) -> ProductionRun:
    return await work.session.get_one(ProductionRun, operation.run_id, populate_existing=True)


class TestStartOperation:
    async def test_works_on_the_order_at_the_machine(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        order = await make.order(work, machine=machine, quantity=40)
        ready = (await make.operations(work, order))[0]
        work.events.clear()

        operation = await start_operation(work, operation_id=ready.id)

        now, run = await status(work, machine), await run_of(work, operation)
        assert (operation.state, operation.worked_machine_id, operation.started_at) == ("running", machine.id, work.now)
        assert (now.state, now.run_id, now.operation_id) == ("running", run.id, operation.id)
        assert (run.order_number, run.target, run.operation_id) == (order.number, Decimal(40), operation.id)
        assert order.state == "in_progress"
        place = {"plant_id": machine.plant_id, "lane_id": machine.lane_id, "machine_id": machine.id}
        assert work.events == [
            ProductionRunChanged(**place),
            MachineStateChanged(**place),
            OperationChanged(plant_id=machine.plant_id, work_order_id=order.id, operation_id=operation.id),
            WorkOrderChanged(plant_id=machine.plant_id, work_order_id=order.id),
        ]

    async def test_keeps_setup_apart_from_making_pieces(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        ready = (await make.operations(work, await make.order(work, machine=machine)))[0]

        operation = await start_operation(work, operation_id=ready.id, setup=True, detail="new tool")

        now = await status(work, machine)
        assert (now.state, now.detail, operation.in_setup, operation.had_setup) == ("setup", "new tool", True, True)
        await finish_setup(work, operation_id=operation.id)
        assert ((await status(work, machine)).state, operation.in_setup, operation.had_setup) == (
            "running",
            False,
            True,
        )
        with pytest.raises(NotInSetup):
            await finish_setup(work, operation_id=operation.id)

    async def test_resumes_the_run_that_it_paused(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        operation = await make.running_operation(work, machine=machine)
        run_id = operation.run_id
        await pause_operation(work, operation_id=operation.id)

        await start_operation(work, operation_id=operation.id)

        run = await run_of(work, operation)
        assert (run.id, run.state, (await status(work, machine)).run_id) == (run_id, "running", run_id)

    async def test_goes_on_at_another_machine_of_the_lane(self, work: Work, make: Make) -> None:
        lane = await make.lane(work)
        one, two = await make.machine(work, lane=lane), await make.machine(work, lane=lane)
        order = await make.order(work, machine=one, steps=(RoutingStep(10, "Mill", lane_id=lane.id),))
        ready = (await make.operations(work, order))[0]
        with pytest.raises(MachineMissing):
            await start_operation(work, operation_id=ready.id)
        operation = await start_operation(work, operation_id=ready.id, machine_id=one.id)
        first = await run_of(work, operation)
        await pause_operation(work, operation_id=operation.id)

        await start_operation(work, operation_id=operation.id, machine_id=two.id)

        assert ((await status(work, one)).run_id, (await status(work, two)).run_id) == (None, operation.run_id)
        await work.session.refresh(first)
        assert (first.state, operation.worked_machine_id) == ("completed", two.id)

    async def test_refuses_a_machine_that_it_is_not_planned_for(self, work: Work, make: Make) -> None:
        ready = (await make.operations(work, await make.order(work)))[0]
        elsewhere = await make.machine(work)

        with pytest.raises(WrongMachine, match=elsewhere.code):
            await start_operation(work, operation_id=ready.id, machine_id=elsewhere.id)

    async def test_says_everything_that_is_in_the_way_at_once(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        await make.running_operation(work, machine=machine)
        steps = (RoutingStep(10, "Saw", machine_id=machine.id), RoutingStep(20, "Check", machine_id=machine.id))
        order = await make.order(work, machine=machine, steps=steps)
        check = (await make.operations(work, order))[1]
        await hold_order(work, order_id=order.id, reason="r")
        await change_machine_state(work, machine_id=machine.id, state=MachineState.MAINTENANCE)

        with pytest.raises(StartRefused) as refused:
            await start_operation(work, operation_id=check.id)

        assert [obstacle.kind for obstacle in refused.value.obstacles] == [
            ObstacleKind.ORDER_ON_HOLD,
            ObstacleKind.PREDECESSOR_NOT_DONE,
            ObstacleKind.MACHINE_UNDER_MAINTENANCE,
            ObstacleKind.MACHINE_BUSY,
        ]

    async def test_leaves_the_state_to_a_machine_that_tells_it_itself(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        machine.counting_source = "machine"
        await work.session.flush()

        operation = await make.running_operation(work, machine=machine)
        await pause_operation(work, operation_id=operation.id)

        assert ((await status(work, machine)).state, operation.state) == ("no_data", "paused")

    async def test_at_once_of_two_on_one_machine_is_won_by_one(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            ready = [(await make.operations(work, await make.order(work, machine=machine)))[0] for _ in range(3)]

        async def start(operation_id: UUID) -> None:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                await start_operation(work, operation_id=operation_id)

        results = await asyncio.gather(*(start(one.id) for one in ready), return_exceptions=True)

        refusals = [result for result in results if isinstance(result, StartRefused)]
        assert len(refusals) == 2
        assert results.count(None) == 1
        assert {refusal.obstacles[0].kind for refusal in refusals} == {ObstacleKind.MACHINE_BUSY}

    async def test_runs_several_where_the_machine_allows_it(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        machine.allows_parallel = True
        await work.session.flush()
        first = await make.running_operation(work, machine=machine)
        second = await make.running_operation(work, machine=machine)

        await pause_operation(work, operation_id=first.id)
        assert (await status(work, machine)).state == "running"
        await finish_operation(work, operation_id=second.id)

        assert (await status(work, machine)).state == "idle"


class TestPauseOperation:
    async def test_stands_still_with_its_run(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        operation = await make.running_operation(work, machine=machine)

        paused = await pause_operation(work, operation_id=operation.id)

        assert (paused.state, (await run_of(work, paused)).state) == ("paused", "paused")
        assert (await status(work, machine)).state == "idle"
        with pytest.raises(OperationMovedOn, match="paused"):
            await pause_operation(work, operation_id=operation.id)

    async def test_leaves_a_stop_unexplained_until_somebody_explains_it(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        operation = await make.running_operation(work, machine=machine)
        await change_machine_state(work, machine_id=machine.id, state=MachineState.UNPLANNED_STOP, started_at=work.now)
        stopped = (await status(work, machine)).state

        await pause_operation(work, operation_id=operation.id)

        assert (await status(work, machine)).state == stopped


class TestFinishOperation:
    async def test_hands_on_to_the_next(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        steps = (
            RoutingStep(10, "Saw", machine_id=machine.id),
            RoutingStep(20, "Mill", machine_id=machine.id, transfer=Transfer.PARTIAL),
            RoutingStep(30, "Check", machine_id=machine.id, predecessors=(10, 20)),
        )
        order = await make.order(work, machine=machine, steps=steps)
        saw, mill, check = await make.operations(work, order)
        await start_operation(work, operation_id=saw.id)

        await finish_operation(work, operation_id=saw.id)

        assert (saw.state, saw.ended_at, mill.state, check.state) == ("done", work.now, "ready", "waiting")
        now, run = await status(work, machine), await run_of(work, saw)
        assert (now.state, now.run_id, now.operation_id, run.state) == ("idle", None, None, "completed")

    async def test_names_every_report_that_is_missing(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        step = RoutingStep(10, "Mill", machine_id=machine.id, required_reports=frozenset(RequiredReport))
        order = await make.order(work, machine=machine, steps=(step,))
        operation = (await make.operations(work, order))[0]
        await start_operation(work, operation_id=operation.id)

        with pytest.raises(ReportsMissing) as refused:
            await finish_operation(work, operation_id=operation.id)

        assert refused.value.missing == (RequiredReport.SETUP, RequiredReport.QUANTITY)
        operation.had_setup, operation.good = True, Decimal(1)
        assert (await finish_operation(work, operation_id=operation.id)).state == "done"

    async def test_waits_for_the_end_of_a_hold(self, work: Work, make: Make) -> None:
        operation = await make.running_operation(work)
        await hold_order(work, order_id=operation.work_order_id, reason="r")

        with pytest.raises(OrderNotOpen):
            await finish_operation(work, operation_id=operation.id)

    async def test_at_once_by_two_terminals_is_won_by_one(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            operation = await make.running_operation(work, machine=machine)

        async def finish() -> str:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                return (await finish_operation(work, operation_id=operation.id)).state

        results = await asyncio.gather(*(finish() for _ in range(4)), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["OperationMovedOn"] * 3 + ["str"]
        async with read(floor.scope) as work:
            assert (await work.session.get_one(WorkOrder, operation.work_order_id)).state == "in_progress"


class TestRights:
    async def test_to_work_are_the_operators(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            operation = await make.running_operation(work, machine=machine)

        async with begin(floor.acting_as(Role.VIEWER)) as work:
            for act in ACTS:
                with pytest.raises(Forbidden):
                    await act(work, operation_id=operation.id)
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            assert (await pause_operation(work, operation_id=operation.id)).state == "paused"

    async def test_end_at_the_organization(self, floor: Floor, other: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            operation = await make.running_operation(work, machine=machine)
        async with begin(other.scope) as work:
            own = (await make.operations(work, await make.order(work)))[0]

        async with begin(other.acting_as(Role.ADMIN)) as work:
            for act in ACTS:
                for operation_id in (operation.id, new_id()):
                    with pytest.raises(NotFound, match="operation"):
                        await act(work, operation_id=operation_id)
            with pytest.raises(NotFound, match="machine"):
                await start_operation(work, operation_id=own.id, machine_id=floor.machine_id)
