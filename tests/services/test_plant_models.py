"""Building the plant model."""

import asyncio

import pytest
from sqlalchemy import select

from domain.checks import InvalidChoice, InvalidText
from domain.errors import Forbidden, NotFound
from domain.events import PlantModelChanged
from domain.identity.roles import Role
from domain.plant.reasons import LossCategory, ReasonKind
from services.db.keys import new_id
from services.db.tables import Lane, MachineStatus, Plant
from services.db.work import Work, begin, read
from services.plant.plant_models import (
    CodeTaken,
    UnknownTimeZone,
    add_department,
    add_lane,
    add_machine,
    add_plant,
)
from services.plant.reasons import add_reason
from tests.factories import Floor, Make


class TestAddPlant:
    async def test_adds_a_plant_and_says_so(self, work: Work) -> None:
        plant = await add_plant(work, code=" BER ", name="Berlin", time_zone="Europe/Berlin")

        assert (plant.org_id, plant.code, plant.name) == (work.scope.org_id, "BER", "Berlin")
        assert work.events == [PlantModelChanged(plant_id=plant.id)]

    @pytest.mark.parametrize(
        "zone", ["", "Berlin", "Europe/", "Europe", "../../etc/passwd", "/etc/localtime", "\x00", "\ud800", "x" * 5000]
    )
    async def test_refuses_what_is_no_time_zone(self, work: Work, zone: str) -> None:
        with pytest.raises(UnknownTimeZone):
            await add_plant(work, code="BER", name="Berlin", time_zone=zone)

    async def test_refuses_a_second_plant_with_the_code_and_goes_on(self, work: Work) -> None:
        await add_plant(work, code="BER", name="Berlin", time_zone="Europe/Berlin")

        with pytest.raises(CodeTaken, match="BER"):
            await add_plant(work, code="BER", name="Bergen", time_zone="Europe/Oslo")

        await add_plant(work, code="BGO", name="Bergen", time_zone="Europe/Oslo")
        assert (await work.session.execute(select(Plant.code).order_by(Plant.code))).scalars().all() == ["BER", "BGO"]

    @pytest.mark.parametrize("code", ["", "  ", "x" * 41, "a\x00b"])
    async def test_refuses_a_code_that_cannot_be_kept(self, work: Work, code: str) -> None:
        with pytest.raises(InvalidText):
            await add_plant(work, code=code, name="Berlin", time_zone="Europe/Berlin")

    async def test_lets_another_organization_use_the_same_code(self, work: Work, other: Floor) -> None:
        plant = await add_plant(work, code="SAME", name="Ours", time_zone="UTC")

        async with begin(other.scope) as theirs:
            assert (await add_plant(theirs, code="SAME", name="Theirs", time_zone="UTC")).id != plant.id

    async def test_lets_one_of_two_at_once_have_the_code(self, floor: Floor) -> None:
        async def add() -> None:
            async with begin(floor.scope) as work:
                await add_plant(work, code="RACE", name="Race", time_zone="UTC")
                await asyncio.sleep(0.02)

        results = await asyncio.gather(add(), add(), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["CodeTaken", "NoneType"]


class TestAddDepartmentLaneAndMachine:
    async def test_place_each_below_the_other_in_one_plant(self, work: Work, make: Make) -> None:
        plant = await make.plant(work)

        department = await add_department(work, plant_id=plant.id, code="D", name="Assembly")
        lane = await add_lane(work, department_id=department.id, code="L", name="Lane", position=2)
        machine = await add_machine(work, lane_id=lane.id, code="M", name="Press")

        assert {department.plant_id, lane.plant_id, machine.plant_id} == {plant.id}
        assert (lane.department_id, machine.lane_id) == (department.id, lane.id)

    async def test_give_a_machine_an_unknown_state(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)

        status = await work.session.get_one(MachineStatus, (work.scope.org_id, machine.id))
        assert (status.state, status.since, status.plant_id) == ("no_data", None, machine.plant_id)

    async def test_find_nothing_of_another_organization(self, work: Work, other: Floor) -> None:
        with pytest.raises(NotFound, match="plant"):
            await add_department(work, plant_id=other.plant_id, code="D", name="D")
        with pytest.raises(NotFound, match="department"):
            await add_lane(work, department_id=other.department_id, code="L", name="L")
        with pytest.raises(NotFound, match="lane"):
            await add_machine(work, lane_id=other.lane_id, code="M", name="M")

    async def test_find_nothing_that_does_not_exist(self, work: Work) -> None:
        with pytest.raises(NotFound):
            await add_department(work, plant_id=new_id(), code="D", name="D")

    async def test_find_nothing_of_a_plant_outside_the_scope(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            elsewhere = await make.plant(work)

        async with begin(floor.acting_as(Role.ADMIN, plant_ids=frozenset({elsewhere.id}))) as work:
            with pytest.raises(NotFound):
                await add_machine(work, lane_id=floor.lane_id, code="M", name="M")
            await make.department(work, plant=elsewhere)

    async def test_refuse_a_code_that_is_in_use(self, work: Work, make: Make) -> None:
        plant = await make.plant(work)
        department = await make.department(work, plant=plant, code="D")
        lane = await make.lane(work, department=department, code="L")
        await make.machine(work, lane=lane, code="M")

        with pytest.raises(CodeTaken):
            await make.department(work, plant=plant, code="D")
        with pytest.raises(CodeTaken):
            await make.lane(work, department=department, code="L")
        with pytest.raises(CodeTaken):
            await make.machine(work, lane=lane, code="M")

    async def test_take_effect_only_with_the_commit(self, floor: Floor) -> None:
        async def add_both() -> None:
            async with begin(floor.scope) as work:
                await add_lane(work, department_id=floor.department_id, code="GONE", name="Gone")
                await add_machine(work, lane_id=floor.lane_id, code=floor.machine_code, name="Twice")

        with pytest.raises(CodeTaken):
            await add_both()

        async with read(floor.scope) as work:
            assert (await work.session.execute(select(Lane).where(Lane.code == "GONE"))).first() is None


class TestAddReason:
    async def test_adds_a_reason_with_its_loss_category(self, work: Work) -> None:
        reason = await add_reason(
            work, kind=ReasonKind.STOP, code="jam", label="Jam", loss_category=LossCategory.BREAKDOWN
        )

        assert (reason.kind, reason.loss_category, reason.is_active) == ("stop", "breakdown", True)

    async def test_lets_each_kind_have_the_code_once(self, work: Work) -> None:
        for kind in ReasonKind:
            await add_reason(work, kind=kind, code="burr", label="Burr", loss_category="quality")

        with pytest.raises(CodeTaken):
            await add_reason(work, kind=ReasonKind.SCRAP, code="burr", label="Again")

    async def test_refuses_what_explains_nothing(self, work: Work) -> None:
        with pytest.raises(InvalidChoice, match="stop, scrap, rework"):
            await add_reason(work, kind="mood", code="burr", label="Burr")
        with pytest.raises(InvalidChoice):
            await add_reason(work, kind="stop", code="burr", label="Burr", loss_category="fate")


class TestPermission:
    @pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.OPERATOR, Role.VIEWER])
    async def test_to_edit_is_needed_for_everything(self, floor: Floor, role: Role) -> None:
        async with begin(floor.acting_as(role)) as work:
            with pytest.raises(Forbidden):
                await add_plant(work, code="X", name="X", time_zone="UTC")
            with pytest.raises(Forbidden):
                await add_department(work, plant_id=floor.plant_id, code="X", name="X")
            with pytest.raises(Forbidden):
                await add_lane(work, department_id=floor.department_id, code="X", name="X")
            with pytest.raises(Forbidden):
                await add_machine(work, lane_id=floor.lane_id, code="X", name="X")
            with pytest.raises(Forbidden):
                await add_reason(work, kind=ReasonKind.STOP, code="X", label="X")
