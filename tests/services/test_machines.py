"""Changing machines."""

import asyncio
from decimal import Decimal

import pytest
from sqlalchemy import select

from domain.checks import EARLIEST, InvalidChoice, InvalidQuantity
from domain.errors import Conflict, Forbidden, NotFound
from domain.events import JobMoved, PlantModelChanged
from domain.identity.roles import Role
from services.db.tables import CycleTime, MachinePlace
from services.db.work import Work, begin
from services.plant.cycle_times import InvalidCycleTime, remove_cycle_time, set_cycle_time
from services.plant.machines import InvalidModulus, LaneOfAnotherPlant, MachineBusy, edit_machine
from services.plant.places import list_machine_places
from services.production.boards import load_andon_wall, load_plant_board
from tests.factories import Floor, Make


class TestEditMachine:
    async def test_changes_what_is_given(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        work.events.clear()

        await edit_machine(
            work, machine_id=machine.id, version=1, name="Press 2", micro_stop_s=Decimal(30),
            counting_source="counter", counter_modulus=Decimal(10000), allows_parallel=True,
        )  # fmt: skip
        await edit_machine(work, machine_id=machine.id, version=2, position=4)

        assert (machine.name, machine.position, machine.micro_stop_s) == ("Press 2", 4, Decimal(30))
        assert machine.counting_source == "counter"
        assert machine.counter_modulus == 10_000
        assert machine.allows_parallel
        told = [event for event in work.events if not isinstance(event, JobMoved)]
        assert told == [PlantModelChanged(plant_id=machine.plant_id)] * 2

    async def test_takes_a_modulus_away(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        await edit_machine(work, machine_id=machine.id, version=1, counter_modulus=Decimal(100))

        await edit_machine(work, machine_id=machine.id, version=2, counter_modulus=None)

        assert machine.counter_modulus is None

    async def test_refuses_what_cannot_be(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)

        with pytest.raises(InvalidQuantity):
            await edit_machine(work, machine_id=machine.id, version=1, micro_stop_s=Decimal(-1))
        with pytest.raises(InvalidChoice):
            await edit_machine(work, machine_id=machine.id, version=1, counting_source="guess")
        with pytest.raises(InvalidModulus):
            await edit_machine(work, machine_id=machine.id, version=1, counter_modulus=Decimal(0))

    async def test_lets_one_of_two_editors_win(self, floor: Floor) -> None:
        async def rename(name: str) -> None:
            async with begin(floor.scope) as work:
                await edit_machine(work, machine_id=floor.machine_id, version=1, name=name)
                await asyncio.sleep(0.02)

        results = await asyncio.gather(rename("One"), rename("Two"), return_exceptions=True)

        assert [type(result) for result in results if result is not None] == [Conflict]


class TestMovingAMachine:
    async def test_keeps_where_it_stood(self, work: Work, make: Make) -> None:
        department = await make.department(work)
        machine = await make.machine(work, lane=await make.lane(work, department=department))
        lane, first = await make.lane(work, department=department), machine.lane_id

        await edit_machine(work, machine_id=machine.id, version=1, lane_id=lane.id)

        statement = select(MachinePlace.lane_id, MachinePlace.since).where(MachinePlace.machine_id == machine.id)
        places = (await work.session.execute(statement.order_by(MachinePlace.since))).all()
        assert [tuple(place) for place in places] == [(first, EARLIEST), (lane.id, work.now)]
        assert machine.lane_id == lane.id

    async def test_is_refused_while_an_operation_runs(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        await make.running_operation(work, machine=machine)
        lane = await make.lane(work)

        with pytest.raises(MachineBusy):
            await edit_machine(work, machine_id=machine.id, version=1, lane_id=lane.id)
        with pytest.raises(MachineBusy):
            await edit_machine(work, machine_id=machine.id, version=1, is_active=False)

    async def test_is_refused_to_another_plant(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)

        with pytest.raises(LaneOfAnotherPlant):
            await edit_machine(work, machine_id=machine.id, version=1, lane_id=(await make.lane(work)).id)


class TestInactiveMachine:
    async def test_leaves_boards_walls_and_terminals(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)

        await edit_machine(work, machine_id=machine.id, version=1, is_active=False)

        assert (await load_andon_wall(work, lane_id=machine.lane_id))["machines"] == {}
        board = await load_plant_board(work, plant_id=machine.plant_id)
        assert [lane["machines"] for lane in board["lanes"].values()] == [{}]  # type: ignore[union-attr, call-overload, index]
        assert machine.code not in {place.code for place in await list_machine_places(work)}


class TestCycleTimes:
    async def test_are_set_changed_and_removed(self, work: Work, make: Make) -> None:
        machine, material = await make.machine(work), await make.material(work)
        key = {"machine_id": machine.id, "material_id": material.id}

        await set_cycle_time(work, **key, cycle_time_s=Decimal(30))
        await set_cycle_time(work, **key, cycle_time_s=Decimal("28.5"))

        assert (await work.session.execute(select(CycleTime.cycle_time_s))).scalars().all() == [Decimal("28.5")]
        await remove_cycle_time(work, **key)
        with pytest.raises(NotFound, match="cycle time"):
            await remove_cycle_time(work, **key)

    @pytest.mark.parametrize(("value", "refusal"), [("0", InvalidCycleTime), ("-1", InvalidQuantity)])
    async def test_take_more_than_no_time(self, work: Work, make: Make, value: str, refusal: type[Exception]) -> None:
        machine, material = await make.machine(work), await make.material(work)

        with pytest.raises(refusal):
            await set_cycle_time(work, machine_id=machine.id, material_id=material.id, cycle_time_s=Decimal(value))


class TestAccess:
    @pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.OPERATOR])
    async def test_needs_the_right_to_edit_the_plant_model(self, floor: Floor, role: Role) -> None:
        async with begin(floor.acting_as(role)) as work:
            with pytest.raises(Forbidden):
                await edit_machine(work, machine_id=floor.machine_id, version=1)
            with pytest.raises(Forbidden):
                await set_cycle_time(
                    work, machine_id=floor.machine_id, material_id=floor.machine_id, cycle_time_s=Decimal(1)
                )
            with pytest.raises(Forbidden):
                await remove_cycle_time(work, machine_id=floor.machine_id, material_id=floor.machine_id)

    async def test_finds_nothing_of_another_organization(self, work: Work, make: Make, other: Floor) -> None:
        machine, material = await make.machine(work), await make.material(work)
        async with begin(other.scope) as theirs:
            foreign = await make.material(theirs)

        with pytest.raises(NotFound, match="machine"):
            await edit_machine(work, machine_id=other.machine_id, version=1)
        with pytest.raises(NotFound, match="lane"):
            await edit_machine(work, machine_id=machine.id, version=1, lane_id=other.lane_id)
        with pytest.raises(NotFound, match="machine"):
            await set_cycle_time(work, machine_id=other.machine_id, material_id=material.id, cycle_time_s=Decimal(1))
        with pytest.raises(NotFound, match="material"):
            await set_cycle_time(work, machine_id=machine.id, material_id=foreign.id, cycle_time_s=Decimal(1))
        with pytest.raises(NotFound, match="machine"):
            await remove_cycle_time(work, machine_id=other.machine_id, material_id=material.id)
