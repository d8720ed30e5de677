"""What is to be done at a machine."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.errors import Forbidden, NotFound
from domain.identity.roles import Role
from domain.production.operations import ObstacleKind, OperationAction, Transfer
from domain.production.routings import RoutingStep
from services.db.keys import new_id
from services.db.tables import Machine
from services.db.work import Work, begin, read
from services.production.dispatching import load_dispatch_list
from services.production.operations import pause_operation, start_operation
from services.production.work_orders import hold_order
from tests.factories import Floor, Make

START, PAUSE, FINISH = OperationAction.START, OperationAction.PAUSE, OperationAction.FINISH


class TestDispatchList:
    async def test_is_ordered_by_what_is_under_way_then_priority_then_due(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        machine.allows_parallel = True
        await work.session.flush()
        soon, later = work.now + timedelta(hours=1), work.now + timedelta(days=1)
        orders = [
            await make.order(work, machine=machine, priority=priority, due_at=due)
            for priority, due in ((2, later), (2, soon), (1, later), (9, None), (5, None))
        ]
        operations = [(await make.operations(work, order))[0] for order in orders]
        for operation in operations[3:]:
            await start_operation(work, operation_id=operation.id)
        await pause_operation(work, operation_id=operations[4].id)

        entries = await load_dispatch_list(work, machine_id=machine.id)

        expected = [orders[n].number for n in (3, 4, 2, 1, 0)]
        assert [entry.order_number for entry in entries] == expected
        assert [entry.actions for entry in entries] == [(PAUSE, FINISH), (START, FINISH), (START,), (START,), (START,)]
        assert all(entry.obstacles == () for entry in entries)

    async def test_shows_what_stands_in_the_way(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        steps = (
            RoutingStep(10, "Saw", machine_id=machine.id, transfer=Transfer.PARTIAL),
            RoutingStep(20, "Mill", machine_id=machine.id, instructions="Wear gloves"),
        )
        order = await make.order(work, machine=machine, steps=steps, quantity=7)
        await hold_order(work, order_id=order.id, reason="crack")
        running = await make.running_operation(work, machine=machine)

        first, saw, mill = await load_dispatch_list(work, machine_id=machine.id)

        busy, on_hold = ObstacleKind.MACHINE_BUSY, ObstacleKind.ORDER_ON_HOLD
        assert (first.operation_id, first.obstacles, first.is_late) == (running.id, (), False)
        assert [obstacle.kind for obstacle in saw.obstacles] == [on_hold, busy]
        assert [obstacle.kind for obstacle in mill.obstacles] == [on_hold, ObstacleKind.NOTHING_HANDED_ON, busy]
        assert (saw.actions, saw.hold_reason, mill.instructions) == ((), "crack", "Wear gloves")
        assert (mill.quantity, mill.remaining, mill.unit) == (Decimal(7), Decimal(7), "pcs")

    async def test_holds_the_lanes_work_until_another_machine_runs_it(self, work: Work, make: Make) -> None:
        lane = await make.lane(work)
        one, two = await make.machine(work, lane=lane), await make.machine(work, lane=lane)
        elsewhere = await make.machine(work)
        order = await make.order(work, machine=one, steps=(RoutingStep(10, "Mill", lane_id=lane.id),))
        operation = (await make.operations(work, order))[0]

        for machine, count in ((one, 1), (two, 1), (elsewhere, 0)):
            assert len(await load_dispatch_list(work, machine_id=machine.id)) == count
        await start_operation(work, operation_id=operation.id, machine_id=one.id)
        assert [len(await load_dispatch_list(work, machine_id=machine.id)) for machine in (one, two)] == [1, 0]
        await pause_operation(work, operation_id=operation.id)
        assert len(await load_dispatch_list(work, machine_id=two.id)) == 1

    async def test_says_what_is_late(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        await make.order(work, machine=machine, due_at=work.now - timedelta(seconds=1))

        assert [entry.is_late for entry in await load_dispatch_list(work, machine_id=machine.id)] == [True]

    async def test_leaves_drafts_in_the_office(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        await make.order(work, machine=machine, is_released=False)

        assert await load_dispatch_list(work, machine_id=machine.id) == ()


class TestRights:
    async def test_to_read_are_everybodys(self, floor: Floor) -> None:
        async with read(floor.acting_as(Role.VIEWER)) as work:
            assert await load_dispatch_list(work, machine_id=floor.machine_id) == ()
        async with read(replace(floor.acting_as(Role.VIEWER), permissions=frozenset())) as work:
            with pytest.raises(Forbidden):
                await load_dispatch_list(work, machine_id=floor.machine_id)

    async def test_end_at_the_organization(self, floor: Floor, other: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            await make.order(work, machine=await work.session.get_one(Machine, floor.machine_id))

        async with read(other.acting_as(Role.ADMIN)) as work:
            for machine_id in (floor.machine_id, new_id()):
                with pytest.raises(NotFound, match="machine"):
                    await load_dispatch_list(work, machine_id=machine_id)
