"""What planners read about materials."""

from dataclasses import replace

import pytest

from domain.errors import Forbidden, NotFound
from domain.identity.roles import Role
from domain.production.routings import RoutingState, RoutingStep
from domain.scope import Scope
from services.db.keys import new_id
from services.db.tables import Material
from services.db.work import Work, begin, read
from services.production.material_queries import (
    find_material,
    list_material_numbers,
    list_work_centres,
    load_material,
)
from services.production.material_tables import MaterialOrder, list_material_rows
from services.production.materials import add_material, edit_material
from services.production.routings import activate_routing, draft_routing, revise_routing
from tests.factories import Floor, Make


def nobody(floor: Floor) -> Scope:
    """Return the scope of somebody without a role."""
    return replace(floor.acting_as(Role.VIEWER), permissions=frozenset())


class TestMaterialNumbers:
    async def test_finds_every_word_in_number_or_description(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await add_material(work, number="KS-100", unit="pcs", description="Cable set, front door")
            await add_material(work, number="KS-200", unit="pcs", description="Cable set, rear door")
            await add_material(work, number="100-KS", unit="m", description="Wire 50 % tin")

        async with read(floor.acting_as(Role.VIEWER)) as work:
            door = await list_material_numbers(work, words="DOOR ks front")
            starting = await list_material_numbers(work, words="ks")
            percent = await list_material_numbers(work, words="%")
            first = await list_material_numbers(work, limit=1)

        assert [(one.number, one.unit) for one in door] == [("KS-100", "pcs")]
        assert [one.number for one in starting] == ["KS-100", "KS-200", "100-KS"]
        assert [one.number for one in percent] == ["100-KS"]
        assert [one.number for one in first] == ["100-KS"]

    async def test_leaves_out_what_is_not_made_any_more(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            old = await add_material(work, number="OLD-1", unit="pcs")
            await edit_material(work, material_id=old.id, version=old.version, is_active=False)

        async with read(floor.scope) as work:
            assert await list_material_numbers(work, words="OLD") == ()
            assert not (await find_material(work, number=" OLD-1 ")).is_active

    async def test_hides_those_of_another_organization(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.scope) as work:
            await add_material(work, number="KS-100", unit="pcs")

        async with read(other.acting_as(Role.ADMIN)) as work:
            assert await list_material_numbers(work) == ()
            with pytest.raises(NotFound):
                await find_material(work, number="KS-100")

    async def test_are_for_those_who_read_orders(self, floor: Floor) -> None:
        async with read(nobody(floor)) as work:
            with pytest.raises(Forbidden):
                await list_material_numbers(work)
            with pytest.raises(Forbidden):
                await find_material(work, number="KS-100")


async def routed(work: Work, floor: Floor, number: str, *, operations: int = 1) -> Material:
    """Add a material that the floor's plant can make at its machine."""
    material = await add_material(work, number=number, unit="pcs", description=f"Part {number}")
    steps = [
        RoutingStep(10 * place, f"Step {place}", machine_id=floor.machine_id) for place in range(1, operations + 1)
    ]
    routing = await draft_routing(work, plant_id=floor.plant_id, material_id=material.id, operations=steps)
    await activate_routing(work, routing_id=routing.id)
    return material


class TestMaterialRows:
    async def test_tell_what_the_plant_can_make(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            await routed(work, floor, "KS-100", operations=3)
            drafted = await add_material(work, number="KS-200", unit="m")
            step = RoutingStep(10, "Cut", machine_id=floor.machine_id)
            await draft_routing(work, plant_id=floor.plant_id, material_id=drafted.id, operations=[step])
            elsewhere = await make.plant(work)

        async with read(floor.acting_as(Role.VIEWER)) as work:
            here = await list_material_rows(work, plant_id=floor.plant_id)
            there = await list_material_rows(work, plant_id=elsewhere.id)

        shown = [(row.number, row.unit, row.has_routing, row.operations) for row in here.rows]
        assert shown == [("KS-100", "pcs", True, 3), ("KS-200", "m", False, 0)]
        assert [row.has_routing for row in there.rows] == [False, False]

    async def test_come_page_by_page_in_the_order_that_is_wanted(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            for number in range(7):
                await add_material(work, number=f"M-{number}", unit="pcs", description=f"Bolt {9 - number}")
            await routed(work, floor, "N-1")

        async with read(floor.scope) as work:
            second = await list_material_rows(work, plant_id=floor.plant_id, words="bolt", offset=5, limit=5)
            beyond = await list_material_rows(work, plant_id=floor.plant_id, words="bolt", offset=50)
            last = await list_material_rows(work, plant_id=floor.plant_id, is_descending=True, limit=1)
            described = await list_material_rows(
                work, plant_id=floor.plant_id, words="bolt", order=MaterialOrder.DESCRIPTION, limit=1
            )
            made = await list_material_rows(
                work, plant_id=floor.plant_id, order=MaterialOrder.ROUTING, is_descending=True, limit=1
            )

        assert (second.total, [row.number for row in second.rows]) == (7, ["M-5", "M-6"])
        assert (beyond.total, beyond.rows) == (7, ())
        assert [row.number for row in (*last.rows, *described.rows, *made.rows)] == ["N-1", "M-6", "N-1"]

    async def test_hide_those_of_another_organization(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.scope) as work:
            await routed(work, floor, "KS-100")

        async with read(other.acting_as(Role.ADMIN)) as work:
            assert (await list_material_rows(work, plant_id=floor.plant_id)).total == 0

    async def test_are_for_those_who_read_orders(self, floor: Floor) -> None:
        async with read(nobody(floor)) as work:
            with pytest.raises(Forbidden):
                await list_material_rows(work, plant_id=floor.plant_id)


class TestMaterialView:
    async def test_has_the_active_revision_first_and_drafts_before_the_past(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            material = await routed(work, floor, "KS-100", operations=2)
            first = (await load_material(work, key="KS-100")).revisions[0]
            second = await revise_routing(work, routing_id=first.id)
            await revise_routing(work, routing_id=first.id)
            await activate_routing(work, routing_id=second.id)

        async with read(floor.acting_as(Role.VIEWER)) as work:
            view = await load_material(work, key=str(material.id))

        assert (view.number, view.description) == ("KS-100", "Part KS-100")
        assert [(one.revision, one.state) for one in view.revisions] == [
            (2, RoutingState.ACTIVE),
            (3, RoutingState.DRAFT),
            (1, RoutingState.RETIRED),
        ]
        steps = view.revisions[0].steps
        assert [(one.step.name, one.step.predecessors, one.place_code) for one in steps] == [
            ("Step 1", (), floor.machine_code),
            ("Step 2", (10,), floor.machine_code),
        ]

    async def test_leaves_out_the_plants_out_of_reach(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await routed(work, floor, "KS-100")

        async with read(floor.acting_as(Role.ADMIN, plant_ids=frozenset({new_id()}))) as work:
            assert (await load_material(work, key="KS-100")).revisions == ()

    async def test_is_not_there_for_another_organization(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.scope) as work:
            material = await routed(work, floor, "KS-100")

        async with read(other.acting_as(Role.ADMIN)) as work:
            for key in ("KS-100", str(material.id)):
                with pytest.raises(NotFound):
                    await load_material(work, key=key)

    async def test_is_for_those_who_read_orders(self, floor: Floor) -> None:
        async with read(nobody(floor)) as work:
            with pytest.raises(Forbidden):
                await load_material(work, key="KS-100")


class TestWorkCentres:
    async def test_are_each_lane_with_its_machines_behind_it(self, floor: Floor, other: Floor) -> None:
        async with read(floor.acting_as(Role.VIEWER)) as work:
            centres = await list_work_centres(work)

        assert [(one.id, one.is_lane) for one in centres] == [(floor.lane_id, True), (floor.machine_id, False)]
        assert {one.plant_id for one in centres} == {floor.plant_id}

    async def test_are_for_those_who_read_the_plant(self, floor: Floor) -> None:
        async with read(nobody(floor)) as work:
            with pytest.raises(Forbidden):
                await list_work_centres(work)
