"""What a change makes of a board is what loading all of it would make of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from domain.errors import Forbidden, NotFound
from domain.events import MachineStateChanged, OperationChanged, PlantModelChanged, WorkOrderChanged
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from domain.production.operations import Transfer
from domain.production.routings import RoutingStep
from services.db.keys import new_id
from services.db.tables import Machine, Operation, WorkOrder
from services.db.work import Work, begin, read
from services.plant.machine_states import change_machine_state
from services.plant.plant_models import add_machine
from services.production.boards import Snapshot
from services.production.operations import finish_operation, finish_setup, pause_operation, start_operation
from services.production.order_boards import load_order_board, load_order_changes
from services.production.production_logs import Pieces, report_production
from services.production.reversals import reverse_report
from services.production.work_centres import assign_operation
from services.production.work_orders import (
    cancel_order,
    close_order,
    complete_order,
    edit_order,
    hold_order,
    plan_order,
    release_order,
    resume_order,
    set_priority,
    split_order,
)
from tests.factories import Floor, Make

CONCERNING = (WorkOrderChanged, OperationChanged, MachineStateChanged, PlantModelChanged)


@dataclass
class Shop:
    """A lane of two machines, of which the second tells its states itself, and orders in each way of waiting."""

    work: Work
    first: Machine
    second: Machine
    running: WorkOrder
    """At the first machine."""
    behind: WorkOrder
    """Waits for the first machine."""
    ready: WorkOrder
    """Can start at the second machine."""
    paused: WorkOrder
    """At the lane, begun on the second machine."""
    chain: WorkOrder
    """At the lane, then at the second machine with the first good piece."""
    draft: WorkOrder

    async def board(self) -> Snapshot:
        return await load_order_board(self.work, plant_id=self.first.plant_id)

    async def operations(self, order: WorkOrder) -> list[Operation]:
        return await Make("").operations(self.work, order)

    async def operation(self, order: WorkOrder) -> Operation:
        return (await self.operations(order))[0]

    async def version(self, order: WorkOrder) -> int:
        await self.work.session.refresh(order)
        return order.version


@pytest.fixture
async def shop(work: Work, make: Make) -> Shop:
    lane = await make.lane(work)
    first, second = [await make.machine(work, lane=lane) for _ in range(2)]
    second.counting_source = "machine"
    await work.session.flush()
    at_lane = RoutingStep(10, "Saw", lane_id=lane.id, transfer=Transfer.PARTIAL)
    orders = {
        "running": await make.order(work, machine=first),
        "behind": await make.order(work, machine=first),
        "ready": await make.order(work, machine=second),
        "paused": await make.order(work, machine=first, steps=(at_lane,)),
        "chain": await make.order(work, machine=first, steps=(at_lane, RoutingStep(20, "Mill", machine_id=second.id))),
        "draft": await make.order(work, machine=first, is_released=False),
    }
    shop = Shop(work, first, second, **orders)
    await start_operation(work, operation_id=(await shop.operation(shop.running)).id)
    begun = await shop.operation(shop.paused)
    await start_operation(work, operation_id=begun.id, machine_id=second.id)
    await pause_operation(work, operation_id=begun.id)
    return shop


Act = Callable[[Shop], Awaitable[object]]


async def plan(shop: Shop) -> None:
    await plan_order(shop.work, plant_id=shop.first.plant_id, material_id=shop.draft.material_id, quantity=Decimal(3))


async def edit(shop: Shop) -> None:
    version = await shop.version(shop.draft)
    await edit_order(shop.work, order_id=shop.draft.id, version=version, quantity=Decimal(80), note="new")


async def split(shop: Shop) -> None:
    await split_order(shop.work, order_id=shop.draft.id, quantity=Decimal(5))


async def cancel(shop: Shop) -> None:
    await cancel_order(shop.work, order_id=shop.draft.id)


async def release(shop: Shop) -> None:
    await release_order(shop.work, order_id=shop.draft.id)


async def prioritize(shop: Shop) -> None:
    await set_priority(shop.work, order_id=shop.behind.id, priority=7)


async def hold(shop: Shop) -> None:
    await hold_order(shop.work, order_id=shop.running.id, reason="Drawing is wrong")


async def resume(shop: Shop) -> None:
    await resume_order(shop.work, order_id=shop.running.id)


async def complete(shop: Shop) -> None:
    await complete_order(shop.work, order_id=shop.running.id)


async def close(shop: Shop) -> None:
    await close_order(shop.work, order_id=shop.running.id)


async def pause(shop: Shop) -> None:
    await pause_operation(shop.work, operation_id=(await shop.operation(shop.running)).id)


async def start_at_the_second(shop: Shop) -> None:
    await start_operation(
        shop.work, operation_id=(await shop.operation(shop.chain)).id, machine_id=shop.second.id, setup=True
    )


async def end_setup(shop: Shop) -> None:
    await finish_setup(shop.work, operation_id=(await shop.operation(shop.chain)).id)


async def report(shop: Shop) -> None:
    await report_production(
        shop.work, machine_id=shop.second.id, pieces=Pieces(good=Decimal(4)), client_key=shop.chain.id,
        operation_id=(await shop.operation(shop.chain)).id,
    )  # fmt: skip


async def take_back(shop: Shop) -> None:
    await reverse_report(shop.work, client_key=shop.chain.id, reversal_key=new_id())


async def pause_the_chain(shop: Shop) -> None:
    await pause_operation(shop.work, operation_id=(await shop.operation(shop.chain)).id)


async def finish(shop: Shop) -> None:
    await finish_operation(shop.work, operation_id=(await shop.operation(shop.chain)).id)


async def start_the_next(shop: Shop) -> None:
    await start_operation(shop.work, operation_id=(await shop.operations(shop.chain))[1].id)


async def go_on_at_the_first(shop: Shop) -> None:
    await start_operation(shop.work, operation_id=(await shop.operation(shop.paused)).id, machine_id=shop.first.id)


def becomes(machine: str, state: MachineState) -> Act:
    async def act(shop: Shop) -> None:
        await change_machine_state(shop.work, machine_id=getattr(shop, machine).id, state=state)

    return act


def assign(to: str) -> Act:
    async def act(shop: Shop) -> None:
        centre = shop.first.lane_id if to == "lane" else getattr(shop, to).id
        operation = await shop.operation(shop.ready)
        await assign_operation(shop.work, operation_id=operation.id, work_centre_id=centre)

    return act


SCRIPTS: dict[str, tuple[Act, ...]] = {
    "an order in the office": (plan, edit, split, release, prioritize),
    "an order that is given up": (cancel,),
    "an order on hold": (hold, resume, hold),
    "an order to its end": (pause, complete, close),
    "work at a lane": (start_at_the_second, end_setup, report, take_back, report, pause_the_chain),
    "work that is handed on": (start_at_the_second, report, finish, start_the_next),
    "work that moves": (pause, go_on_at_the_first, becomes("first", MachineState.UNPLANNED_STOP)),
    "a machine": (
        becomes("first", MachineState.UNPLANNED_STOP), becomes("second", MachineState.MAINTENANCE),
        becomes("first", MachineState.RUNNING), becomes("second", MachineState.IDLE),
    ),
    "another work centre": (assign("lane"), assign("first"), assign("second")),
}  # fmt: skip


class TestLoadOrderChanges:
    @pytest.mark.parametrize("script", list(SCRIPTS))
    async def test_is_what_loading_all_of_it_would_be(self, shop: Shop, script: str) -> None:
        shown: Snapshot | None = await shop.board()
        for act in SCRIPTS[script]:
            shop.work.events.clear()
            assert shown is not None
            before = shown

            await act(shop)
            events = [event for event in shop.work.events if isinstance(event, CONCERNING)]
            shown = await load_order_changes(shop.work, before, events, plant_id=shop.first.plant_id)

            assert shown == await shop.board(), act

    async def test_of_several_events_is_one_load(self, shop: Shop) -> None:
        before = await shop.board()
        shop.work.events.clear()
        for act in (*SCRIPTS["an order in the office"], *SCRIPTS["work that is handed on"], hold):
            await act(shop)

        events = [event for event in shop.work.events if isinstance(event, CONCERNING)]
        shown = await load_order_changes(shop.work, before, events, plant_id=shop.first.plant_id)

        assert shown == await shop.board()

    async def test_leaves_a_change_of_the_plant_to_a_whole_load(self, shop: Shop) -> None:
        before = await shop.board()
        shop.work.events.clear()

        await add_machine(shop.work, lane_id=shop.first.lane_id, code="NEW", name="New")

        assert await load_order_changes(shop.work, before, shop.work.events, plant_id=shop.first.plant_id) is None

    async def test_asks_for_the_permission_and_the_organization(self, floor: Floor, other: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            order = await make.order(work, machine=machine)
        events = [WorkOrderChanged(plant_id=floor.plant_id, work_order_id=order.id)]
        empty: dict[str, Any] = {"orders": {}, "centres": {}}

        async with read(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound, match="plant"):
                await load_order_changes(work, empty, events, plant_id=floor.plant_id)
            shown = await load_order_changes(work, empty, events, plant_id=other.plant_id)
            assert shown is not None
            assert shown["orders"] == {}
        async with read(floor.acting_as(Role.ADMIN, plant_ids=frozenset())) as work:
            with pytest.raises(NotFound):
                await load_order_changes(work, empty, events, plant_id=floor.plant_id)
        nobody = floor.acting_as(Role.VIEWER)
        async with read(type(nobody)(nobody.org_id, actor_kind="user", user_id=nobody.user_id)) as work:
            for load in (
                load_order_board(work, plant_id=floor.plant_id),
                load_order_changes(work, empty, events, plant_id=floor.plant_id),
            ):
                with pytest.raises(Forbidden):
                    await load
