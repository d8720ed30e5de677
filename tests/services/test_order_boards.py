"""The board of open orders, and giving their operations to other work centres."""

import asyncio
from typing import Any

import pytest

from domain.errors import Conflict, Forbidden, NotFound
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from services.db.tables import Machine, WorkOrder
from services.db.work import Work, begin, read
from services.plant.machine_states import change_machine_state
from services.production.operations import pause_operation, start_operation
from services.production.order_boards import load_order_board
from services.production.work_centres import OperationBegun, OtherPlant, assign_operation
from services.production.work_orders import complete_order, hold_order
from tests.factories import Floor, Make


async def board(work: Work, floor: Floor) -> dict[str, Any]:
    return await load_order_board(work, plant_id=floor.plant_id)


async def ordered(work: Work, make: Make, floor: Floor, quantity: int = 100) -> WorkOrder:
    """Release an order of one operation at the floor's machine."""
    return await make.order(work, machine=await work.session.get_one(Machine, floor.machine_id), quantity=quantity)


class TestOrderBoard:
    async def test_shows_an_order_with_the_operation_that_comes_next(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            order = await ordered(work, make, floor, quantity=100)

        async with read(floor.acting_as(Role.VIEWER)) as work:
            shown = await board(work, floor)

        card = shown["orders"][str(order.id)]
        assert (card["number"], card["state"], card["quantity"], card["good"]) == (order.number, "released", "100", "0")
        assert card["operations"][card["step"]]["state"] == "ready"
        assert card["centre"] == str(floor.machine_id)
        assert shown["centres"][card["centre"]]["code"] == floor.machine_code
        assert "obstacles" not in card

    async def test_tells_everything_that_keeps_it_from_starting(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            order = await ordered(work, make, floor)
            await hold_order(work, order_id=order.id, reason="Drawing is wrong")
            await change_machine_state(work, machine_id=floor.machine_id, state=MachineState.UNPLANNED_STOP)

        async with read(floor.scope) as work:
            card = (await board(work, floor))["orders"][str(order.id)]

        assert [one["kind"] for one in card["obstacles"]] == ["order_on_hold", "machine_down"]
        assert card["hold_reason"] == "Drawing is wrong"

    async def test_names_what_runs_on_the_machine_that_an_operation_waits_for(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            running, waiting = [await ordered(work, make, floor) for _ in range(2)]
            operation = (await make.operations(work, running))[0]
            await start_operation(work, operation_id=operation.id)

        async with read(floor.scope) as work:
            orders = (await board(work, floor))["orders"]

        assert orders[str(waiting.id)]["obstacles"] == [{"kind": "machine_busy", "name": operation.name}]
        assert "obstacles" not in orders[str(running.id)]

    async def test_keeps_a_completed_order_for_a_day(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            order = await ordered(work, make, floor)
            operation = (await make.operations(work, order))[0]
            await start_operation(work, operation_id=operation.id)
            await pause_operation(work, operation_id=operation.id)
            await complete_order(work, order_id=order.id)

        async with read(floor.scope) as work:
            card = (await board(work, floor))["orders"][str(order.id)]
            assert card["state"] == "completed"

    async def test_shows_another_organization_nothing(self, floor: Floor, other: Floor) -> None:
        async with read(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await board(work, floor)


class TestAssignOperation:
    async def test_moves_it_to_a_lane_where_every_machine_finds_it(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            order = await ordered(work, make, floor)
            operation = (await make.operations(work, order))[0]

        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            moved = await assign_operation(work, operation_id=operation.id, work_centre_id=floor.lane_id)

        assert (moved.lane_id, moved.machine_id) == (floor.lane_id, None)

    async def test_leaves_one_that_was_begun_where_it_is(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            order = await ordered(work, make, floor)
            operation = (await make.operations(work, order))[0]
            await start_operation(work, operation_id=operation.id)

            with pytest.raises(OperationBegun):
                await assign_operation(work, operation_id=operation.id, work_centre_id=floor.lane_id)

    async def test_that_races_a_start_is_refused_or_comes_first(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            order = await ordered(work, make, floor)
            operation = (await make.operations(work, order))[0]

        async def start() -> object:
            async with begin(floor.scope) as work:
                return await start_operation(work, operation_id=operation.id, machine_id=floor.machine_id)

        async def move() -> object:
            async with begin(floor.scope) as work:
                return await assign_operation(work, operation_id=operation.id, work_centre_id=floor.lane_id)

        started, moved = await asyncio.gather(start(), move(), return_exceptions=True)

        assert not isinstance(started, BaseException)
        assert not isinstance(moved, BaseException) or isinstance(moved, Conflict)

    async def test_refuses_another_plants_work_centre(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            order = await ordered(work, make, floor)
            operation = (await make.operations(work, order))[0]
            elsewhere = await make.machine(work)

            with pytest.raises(OtherPlant):
                await assign_operation(work, operation_id=operation.id, work_centre_id=elsewhere.id)

    async def test_asks_for_the_permission_and_the_organization(self, floor: Floor, other: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            order = await ordered(work, make, floor)
            operation = (await make.operations(work, order))[0]

        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(Forbidden):
                await assign_operation(work, operation_id=operation.id, work_centre_id=floor.lane_id)
        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await assign_operation(work, operation_id=operation.id, work_centre_id=other.lane_id)
