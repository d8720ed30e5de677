"""What is made, in versions that nobody overwrites."""

import asyncio

import pytest

from domain.checks import InvalidText
from domain.errors import Conflict, Forbidden, NotFound
from domain.identity.roles import Role
from services.db.work import Work, begin
from services.production.materials import MaterialInactive, MaterialNumberTaken, add_material, edit_material
from services.production.number_series import next_number
from services.production.routings import draft_routing
from tests.factories import Floor, Make


class TestAddMaterial:
    async def test_keeps_number_description_and_unit(self, work: Work) -> None:
        material = await add_material(work, number=" SH-1 ", unit="pcs", description="Shaft")

        assert (material.number, material.unit, material.description, material.version) == ("SH-1", "pcs", "Shaft", 1)

    async def test_refuses_a_number_twice(self, work: Work, make: Make) -> None:
        await make.material(work, number="SH-1")

        with pytest.raises(MaterialNumberTaken, match="SH-1"):
            await make.material(work, number="SH-1")

    async def test_refuses_what_cannot_be_read(self, work: Work) -> None:
        for number, unit in (("", "pcs"), ("x" * 61, "pcs"), ("a\x00", "pcs"), ("A", "")):
            with pytest.raises(InvalidText):
                await add_material(work, number=number, unit=unit)


class TestEditMaterial:
    async def test_changes_what_is_given(self, work: Work, make: Make) -> None:
        material = await make.material(work, number="SH-1")

        edited = await edit_material(work, material_id=material.id, version=1, description="Shaft", is_active=False)

        assert (edited.number, edited.description, edited.is_active, edited.version) == ("SH-1", "Shaft", False, 2)

    async def test_refuses_what_was_seen_before_a_change(self, work: Work, make: Make) -> None:
        material = await make.material(work)
        await edit_material(work, material_id=material.id, version=1, unit="kg")

        with pytest.raises(Conflict, match="someone else"):
            await edit_material(work, material_id=material.id, version=1, unit="m")

    async def test_at_once_by_two_people_is_won_by_one(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            material = await make.material(work)

        async def edit(unit: str) -> str:
            async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
                return (await edit_material(work, material_id=material.id, version=1, unit=unit)).unit

        results = await asyncio.gather(*(edit(unit) for unit in ("kg", "m", "l")), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["Conflict", "Conflict", "str"]

    async def test_refuses_the_number_of_another(self, work: Work, make: Make) -> None:
        await make.material(work, number="SH-1")
        second = await make.material(work)

        with pytest.raises(MaterialNumberTaken):
            await edit_material(work, material_id=second.id, version=1, number="SH-1")

    async def test_of_one_that_is_not_made_any_more_plans_nothing(self, work: Work, make: Make) -> None:
        plant, material = await make.plant(work), await make.material(work)
        await edit_material(work, material_id=material.id, version=1, is_active=False)

        with pytest.raises(MaterialInactive):
            await draft_routing(work, plant_id=plant.id, material_id=material.id, operations=[])


class TestRights:
    async def test_to_edit_are_the_supervisors(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            material = await make.material(work)

        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(Forbidden):
                await add_material(work, number="X", unit="pcs")
            with pytest.raises(Forbidden):
                await edit_material(work, material_id=material.id, version=1)

    async def test_end_at_the_organization(self, floor: Floor, other: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            material = await make.material(work, number="SH-1")

        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound, match="material"):
                await edit_material(work, material_id=material.id, version=1)
            assert (await make.material(work, number="SH-1")).number == "SH-1"


class TestNumberSeries:
    async def test_counts_per_series_and_year(self, work: Work) -> None:
        wanted = [("WO", 2026), ("WO", 2026), ("WO", 2027), ("MO", 2026)]

        numbers = [await next_number(work, series=series, year=year) for series, year in wanted]

        assert numbers == ["WO-2026-000001", "WO-2026-000002", "WO-2027-000001", "MO-2026-000001"]

    async def test_gives_twenty_writers_at_once_twenty_numbers_without_a_gap(self, floor: Floor) -> None:
        async def number(fails: bool) -> str:
            async with begin(floor.scope) as work:
                given = await next_number(work, series="WO", year=2026)
                if fails:
                    raise Conflict
                return given

        given = await asyncio.gather(*(number(n % 4 == 3) for n in range(20)), return_exceptions=True)

        numbers = sorted(one for one in given if isinstance(one, str))
        assert numbers == [f"WO-2026-{n:06d}" for n in range(1, 16)]

    async def test_is_an_organizations_own(self, floor: Floor, other: Floor) -> None:
        for scope in (floor.scope, other.scope):
            async with begin(scope) as work:
                assert await next_number(work, series="WO", year=2026) == "WO-2026-000001"
