"""Orders from the plan to the end."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from domain.checks import InvalidQuantity, InvalidText
from domain.errors import Conflict, Forbidden, NotFound, UnisonError
from domain.events import OperationChanged, WorkOrderChanged
from domain.identity.roles import Role
from domain.production.operations import StartRefused, Transfer
from domain.production.orders import (
    DeadlineKind,
    InvalidOrderQuantity,
    OrderLocked,
    OrderMovedOn,
    OrderSource,
    QuantityBelowGood,
)
from domain.production.routings import RoutingStep
from services.db.keys import new_id
from services.db.tables import Machine, MachineStatus, Operation, ProductionRun, WorkOrder
from services.db.work import Work, begin, read
from services.production.operations import finish_operation, pause_operation, start_operation
from services.production.order_fields import DueMissing, InvalidPriority, OrderNumberTaken
from services.production.routings import activate_routing, draft_routing
from services.production.work_orders import (
    NoActiveRouting,
    OperationsRunning,
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


def chain(machine: Machine) -> tuple[RoutingStep, ...]:
    """Return a saw that hands on piece by piece, a mill and a check."""
    return (
        RoutingStep(10, "Saw", machine_id=machine.id, transfer=Transfer.PARTIAL),
        RoutingStep(20, "Mill", machine_id=machine.id),
        RoutingStep(30, "Check", machine_id=machine.id, predecessors=(10,)),
    )


async def hold(work: Work, *, order_id: UUID) -> WorkOrder:
    return await hold_order(work, order_id=order_id, reason="drawing is wrong")


ENDS: dict[str, Callable[..., Awaitable[WorkOrder]]] = {
    "release": release_order, "hold": hold, "resume": resume_order, "complete": complete_order, "close": close_order,
    "cancel": cancel_order,
}  # fmt: skip


class TestPlanOrder:
    async def test_is_a_draft_with_the_next_number(self, work: Work, make: Make) -> None:
        plant, material = await make.plant(work), await make.material(work, unit="kg")
        due = work.now + timedelta(days=3)
        work.events.clear()

        order = await plan_order(
            work, plant_id=plant.id, material_id=material.id, quantity=Decimal("12.5"), due_at=due, priority=7,
            overproduction_allowance=Decimal("0.05"), note=" urgent ",
        )  # fmt: skip

        assert order.number == f"WO-{work.now.year}-000001"
        assert (order.state, order.quantity, order.unit, order.due_at) == ("draft", Decimal("12.5"), "kg", due)
        assert (order.deadline_kind, order.priority, order.note, order.source) == ("soft", 7, "urgent", "manual")
        assert work.events == [WorkOrderChanged(plant_id=plant.id, work_order_id=order.id)]

    async def test_passes_over_numbers_that_people_gave(self, work: Work, make: Make) -> None:
        plant, material = await make.plant(work), await make.material(work)
        wanted: dict[str, Any] = {"plant_id": plant.id, "material_id": material.id, "quantity": Decimal(1)}
        await plan_order(work, **wanted, number=f"WO-{work.now.year}-000001")

        assert (await plan_order(work, **wanted)).number == f"WO-{work.now.year}-000002"
        with pytest.raises(OrderNumberTaken):
            await plan_order(work, **wanted, number=f"WO-{work.now.year}-000002")

    async def test_of_an_erp_is_planned_once_even_at_once(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            material = await make.material(work)

        async def plan() -> UUID:
            async with begin(floor.scope) as work:
                order = await plan_order(
                    work, plant_id=floor.plant_id, material_id=material.id, quantity=Decimal(5),
                    source=OrderSource.ERP, source_key="4711/10",
                )  # fmt: skip
                return order.id

        ids = await asyncio.gather(*(plan() for _ in range(5)))

        assert len(set(ids)) == 1
        async with read(floor.scope) as work:
            assert (await work.session.execute(select(func.count(WorkOrder.id)))).scalar_one() == 1

    @pytest.mark.parametrize(
        ("fields", "refusal"),
        [
            ({"quantity": Decimal(0)}, InvalidOrderQuantity),
            ({"quantity": Decimal("NaN")}, InvalidQuantity),
            ({"quantity": Decimal(-1)}, InvalidQuantity),
            ({"overproduction_allowance": Decimal(-1)}, InvalidQuantity),
            ({"priority": 0}, InvalidPriority),
            ({"priority": 1000}, InvalidPriority),
            ({"number": ""}, InvalidText),
            ({"deadline_kind": DeadlineKind.HARD}, DueMissing),
        ],
    )
    async def test_refuses_what_cannot_be(
        self, work: Work, make: Make, fields: dict[str, Any], refusal: type[UnisonError]
    ) -> None:
        plant, material = await make.plant(work), await make.material(work)
        wanted: dict[str, Any] = {"plant_id": plant.id, "material_id": material.id, "quantity": Decimal(1)}

        with pytest.raises(refusal):
            await plan_order(work, **(wanted | fields))


class TestReleaseOrder:
    async def test_copies_the_active_routing_and_readies_what_can_begin(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        order = await make.order(work, machine=machine, steps=chain(machine), is_released=False)
        work.events.clear()

        released = await release_order(work, order_id=order.id)

        operations = await make.operations(work, released)
        assert (released.state, released.released_at) == ("released", work.now)
        assert [(one.name, one.state, one.is_last) for one in operations] == [
            ("Saw", "ready", False), ("Mill", "waiting", False), ("Check", "waiting", True)
        ]  # fmt: skip
        assert (
            OperationChanged(plant_id=machine.plant_id, work_order_id=order.id, operation_id=operations[0].id)
            in work.events
        )

    async def test_is_not_changed_by_what_the_routing_becomes(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        order = await make.order(work, machine=machine)
        step = RoutingStep(10, "Laser", machine_id=machine.id)
        newer = await draft_routing(work, plant_id=machine.plant_id, material_id=order.material_id, operations=[step])
        await activate_routing(work, routing_id=newer.id)

        assert [one.name for one in await make.operations(work, order)] == ["Mill"]

    async def test_needs_an_active_routing(self, work: Work, make: Make) -> None:
        plant, material = await make.plant(work), await make.material(work, number="SH-1")
        order = await plan_order(work, plant_id=plant.id, material_id=material.id, quantity=Decimal(1))

        with pytest.raises(NoActiveRouting, match="SH-1"):
            await release_order(work, order_id=order.id)

    async def test_at_once_happens_once(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            order = await make.order(work, machine=machine, is_released=False)

        async def release() -> None:
            async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
                await release_order(work, order_id=order.id)

        results = await asyncio.gather(*(release() for _ in range(4)), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["NoneType"] + ["OrderMovedOn"] * 3
        async with read(floor.scope) as work:
            assert len(await make.operations(work, order)) == 1


class TestEditOrder:
    async def test_changes_what_is_given_and_what_the_floor_sees(self, work: Work, make: Make) -> None:
        operation = await make.running_operation(work, target=100)
        order = await work.session.get_one(WorkOrder, operation.work_order_id)

        edited = await edit_order(
            work, order_id=order.id, version=order.version, quantity=Decimal(80), due_at=work.now, note="n"
        )

        assert (edited.quantity, edited.deadline_kind, edited.note) == (Decimal(80), "soft", "n")
        assert operation.quantity == 80
        run = await work.session.get_one(ProductionRun, operation.run_id, populate_existing=True)
        assert run.target == 80
        dropped = await edit_order(work, order_id=order.id, version=edited.version, deadline_kind=DeadlineKind.ASAP)
        assert dropped.due_at is None

    async def test_refuses_what_was_seen_before_a_change(self, work: Work, make: Make) -> None:
        order = await make.order(work, is_released=False)
        await edit_order(work, order_id=order.id, version=1, priority=1)

        with pytest.raises(Conflict, match="someone else"):
            await edit_order(work, order_id=order.id, version=1, priority=2)

    async def test_never_goes_below_what_is_good(self, work: Work, make: Make) -> None:
        order = await make.order(work, is_released=False)
        order.good = Decimal(30)
        await work.session.flush()

        with pytest.raises(QuantityBelowGood, match="30 are good"):
            await edit_order(work, order_id=order.id, version=order.version, quantity=Decimal(29))
        with pytest.raises(QuantityBelowGood):
            await split_order(work, order_id=order.id, quantity=Decimal(71))

    async def test_of_an_order_that_is_over_is_refused(self, work: Work, make: Make) -> None:
        order = await cancel_order(work, order_id=(await make.order(work)).id)

        with pytest.raises(OrderLocked):
            await edit_order(work, order_id=order.id, version=order.version, priority=1)
        with pytest.raises(OrderLocked):
            await set_priority(work, order_id=order.id, priority=1)
        with pytest.raises(OrderLocked):
            await split_order(work, order_id=order.id, quantity=Decimal(1))


class TestHoldOrder:
    async def test_pauses_what_runs_and_goes_back_to_where_it_was(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        operation = await make.running_operation(work, machine=machine)

        held = await hold_order(work, order_id=operation.work_order_id, reason="drawing is wrong")

        status = await work.session.get_one(MachineStatus, (work.scope.org_id, machine.id), populate_existing=True)
        run = await work.session.get_one(ProductionRun, operation.run_id, populate_existing=True)
        assert (held.state, held.held_from, held.hold_reason) == ("on_hold", "in_progress", "drawing is wrong")
        assert (operation.state, run.state, status.state) == ("paused", "paused", "idle")
        with pytest.raises(StartRefused, match="on hold"):
            await start_operation(work, operation_id=operation.id)
        resumed = await resume_order(work, order_id=held.id)
        assert (resumed.state, resumed.held_from, operation.state) == ("in_progress", None, "paused")
        assert (await start_operation(work, operation_id=operation.id)).state == "running"

    async def test_against_a_start_at_once_leaves_nothing_running(self, floor: Floor, make: Make) -> None:
        for _ in range(4):
            async with begin(floor.scope) as work:
                machine = await make.machine(work)
                order = await make.order(work, machine=machine)
                operation = (await make.operations(work, order))[0]

            async def start(operation_id: UUID) -> None:
                async with begin(floor.acting_as(Role.OPERATOR)) as work:
                    await start_operation(work, operation_id=operation_id)

            async def put_on_hold(order_id: UUID) -> None:
                async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
                    await hold_order(work, order_id=order_id, reason="stop")

            results = await asyncio.gather(start(operation.id), put_on_hold(order.id), return_exceptions=True)

            async with read(floor.scope) as work:
                state = (await work.session.get_one(Operation, operation.id)).state
                order_state = (await work.session.get_one(WorkOrder, order.id)).state
            assert all(result is None or isinstance(result, Conflict) for result in results), results
            assert (order_state, state) in {("on_hold", "ready"), ("on_hold", "paused"), ("in_progress", "running")}


class TestEnding:
    async def test_completes_and_closes(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        order = await make.order(work, machine=machine, steps=chain(machine))
        saw = (await make.operations(work, order))[0]
        await start_operation(work, operation_id=saw.id)
        with pytest.raises(OperationsRunning, match="Saw"):
            await complete_order(work, order_id=order.id)

    async def test_completes_what_was_begun_and_cancels_the_rest(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        order = await make.order(work, machine=machine, steps=chain(machine))
        saw = (await make.operations(work, order))[0]
        await start_operation(work, operation_id=saw.id)
        await pause_operation(work, operation_id=saw.id)

        completed = await complete_order(work, order_id=order.id)

        assert (completed.state, completed.ended_at) == ("completed", work.now)
        assert [one.state for one in await make.operations(work, order)] == ["done", "cancelled", "cancelled"]
        run = await work.session.get_one(ProductionRun, saw.run_id, populate_existing=True)
        assert run.state == "completed"
        assert (await close_order(work, order_id=order.id)).state == "closed"

    async def test_cancels_a_held_order_with_its_run(self, work: Work, make: Make) -> None:
        operation = await make.running_operation(work)
        with pytest.raises(OrderMovedOn):
            await cancel_order(work, order_id=operation.work_order_id)
        await hold_order(work, order_id=operation.work_order_id, reason="r")

        cancelled = await cancel_order(work, order_id=operation.work_order_id)

        run = await work.session.get_one(ProductionRun, operation.run_id, populate_existing=True)
        assert (cancelled.state, operation.state, run.state) == ("cancelled", "cancelled", "aborted")

    @pytest.mark.parametrize("end", ["release", "resume", "complete", "close"])
    async def test_refuses_what_a_released_order_cannot_do(self, work: Work, make: Make, end: str) -> None:
        order = await make.order(work)

        with pytest.raises(OrderMovedOn, match="released"):
            await ENDS[end](work, order_id=order.id)

    async def test_at_once_with_the_finish_of_its_operation_agrees(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            operation = await make.running_operation(work, machine=machine)

        async def finish() -> None:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                await finish_operation(work, operation_id=operation.id)

        async def complete() -> None:
            async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
                await complete_order(work, order_id=operation.work_order_id)

        results = await asyncio.gather(finish(), complete(), return_exceptions=True)

        assert results[0] is None
        assert results[1] is None or isinstance(results[1], OperationsRunning)


class TestSplitOrder:
    async def test_makes_a_draft_of_a_part(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        first = await make.order(work, machine=machine, quantity=100, priority=3)

        second = await split_order(work, order_id=first.id, quantity=Decimal(40))

        assert (first.quantity, first.state, second.quantity, second.state) == (
            Decimal(60),
            "released",
            Decimal(40),
            "draft",
        )
        assert (second.split_from_id, second.priority, second.material_id) == (first.id, 3, first.material_id)
        assert second.number != first.number
        assert [one.quantity for one in await make.operations(work, first)] == [60]
        await release_order(work, order_id=second.id)
        assert [one.quantity for one in await make.operations(work, second)] == [40]

    async def test_refuses_parts_of_nothing(self, work: Work, make: Make) -> None:
        order = await make.order(work, quantity=100)

        for quantity in (0, 100, 101):
            with pytest.raises(InvalidOrderQuantity):
                await split_order(work, order_id=order.id, quantity=Decimal(quantity))

    async def test_at_once_never_gives_away_more_than_there_is(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            order = await make.order(work, machine=await work.session.get_one(Machine, floor.machine_id), quantity=100)

        async def split() -> Decimal:
            async with begin(floor.scope) as work:
                return (await split_order(work, order_id=order.id, quantity=Decimal(40))).quantity

        results = await asyncio.gather(*(split() for _ in range(4)), return_exceptions=True)

        assert sorted(type(one).__name__ for one in results) == ["Decimal"] * 2 + ["InvalidOrderQuantity"] * 2
        async with read(floor.scope) as work:
            assert (await work.session.execute(select(func.sum(WorkOrder.quantity)))).scalar_one() == 100


class TestRights:
    async def test_to_plan_are_the_supervisors(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            order = await make.order(work, machine=await work.session.get_one(Machine, floor.machine_id))

        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            for end in ENDS.values():
                with pytest.raises(Forbidden):
                    await end(work, order_id=order.id)
            with pytest.raises(Forbidden):
                await set_priority(work, order_id=order.id, priority=1)
            with pytest.raises(Forbidden):
                await edit_order(work, order_id=order.id, version=1)
            with pytest.raises(Forbidden):
                await split_order(work, order_id=order.id, quantity=Decimal(1))
            with pytest.raises(Forbidden):
                await plan_order(work, plant_id=floor.plant_id, material_id=order.material_id, quantity=Decimal(1))

    async def test_end_at_the_organization(self, floor: Floor, other: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            order = await make.order(work, machine=await work.session.get_one(Machine, floor.machine_id))

        async with begin(other.acting_as(Role.ADMIN)) as work:
            for end in ENDS.values():
                with pytest.raises(NotFound, match="order"):
                    await end(work, order_id=order.id)
            with pytest.raises(NotFound, match="order"):
                await set_priority(work, order_id=order.id, priority=1)
            with pytest.raises(NotFound, match="order"):
                await edit_order(work, order_id=order.id, version=1)
            with pytest.raises(NotFound, match="order"):
                await split_order(work, order_id=order.id, quantity=Decimal(1))
            with pytest.raises(NotFound, match="material"):
                await plan_order(work, plant_id=other.plant_id, material_id=order.material_id, quantity=Decimal(1))
            with pytest.raises(NotFound, match="order"):
                await cancel_order(work, order_id=new_id())
