"""Changing the type of a field: first a report, then every value or none."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.custom_fields.conversions import (
    ConversionMovedOn,
    ConversionUnderWay,
    Leftovers,
    LeftoversUndecided,
    SameType,
)
from domain.custom_fields.fields import Choice, FieldDefinition, FieldPlace, FieldRules, FieldType
from domain.errors import Forbidden, NotFound
from domain.events import CustomFieldsChanged
from domain.identity.roles import Role
from services.custom_fields.conversions import (
    CheckConversion,
    RunConversion,
    check_conversion,
    check_values,
    convert_values,
    drop_conversion,
    get_conversion,
    open_conversions,
    run_conversion,
)
from services.custom_fields.fields import FieldChanges, add_field, edit_field, get_field, list_fields
from services.db.tables import CustomConversion, CustomKey, Material
from services.db.work import begin, read
from services.production.materials import add_material, edit_material
from tests.factories import Floor

SIZE = FieldDefinition(
    key="size",
    type=FieldType.TEXT,
    labels={"en": "Size", "de": "Größe"},
    shown_in=frozenset({FieldPlace.FORM, FieldPlace.API, FieldPlace.FILTER}),
)
NUMBER = replace(SIZE, type=FieldType.NUMBER, unit="mm", rules=FieldRules(decimals=1))
VALUES = {"A": "12", "B": "7,5", "C": "large", "D": "3"}


async def stocked(floor: Floor, field: FieldDefinition = SIZE, values: dict[str, object] | None = None) -> UUID:
    async with begin(floor.scope) as work:
        row = await add_field(work, entity="material", field=field)
        for number, value in (VALUES if values is None else values).items():
            await add_material(work, number=number, unit="pcs", custom={field.key: value})
        await add_material(work, number="Z", unit="pcs")
    return row.id


async def checked(floor: Floor, field_id: UUID, to: FieldDefinition = NUMBER) -> CustomConversion:
    """Begin a change of type and do the job that looks at the values."""
    async with begin(floor.scope) as work:
        begun = await check_conversion(work, field_id=field_id, version=1, to=to)
    async with begin(floor.scope) as work:
        await check_values(work, CheckConversion(conversion_id=begun.id))
    async with read(floor.scope) as work:
        return await get_conversion(work, conversion_id=begun.id)


async def ran(floor: Floor, conversion: CustomConversion, leftovers: Leftovers | None = None) -> CustomConversion:
    """Confirm a change of type and do the job that changes the values."""
    async with begin(floor.scope) as work:
        await run_conversion(work, conversion_id=conversion.id, leftovers=leftovers)
    async with begin(floor.scope) as work:
        await convert_values(work, RunConversion(conversion_id=conversion.id))
    async with read(floor.scope) as work:
        return await get_conversion(work, conversion_id=conversion.id)


async def held(floor: Floor) -> dict[str, dict[str, object]]:
    async with read(floor.scope) as work:
        rows = (await work.session.execute(select(Material).execution_options(populate_existing=True))).scalars()
        return {row.number: row.custom for row in rows}


class TestCheck:
    async def test_reports_what_cannot_be_converted_and_changes_nothing(self, floor: Floor) -> None:
        field_id = await stocked(floor)

        report = await checked(floor, field_id)

        assert (report.state, report.total, report.seen, report.leftover) == ("checked", 4, 4, 1)
        assert [(one["thing"], one["value"], one["code"]) for one in report.samples] == [
            ("C", "large", "value_not_a_number")
        ]
        assert (await held(floor))["A"] == {"size": "12"}
        async with read(floor.scope) as work:
            assert (await get_field(work, field_id=field_id)).type == "text"

    async def test_refuses_a_second_change_of_the_same_field(self, floor: Floor) -> None:
        field_id = await stocked(floor)
        await checked(floor, field_id)

        async with begin(floor.scope) as work:
            with pytest.raises(ConversionUnderWay):
                await check_conversion(work, field_id=field_id, version=1, to=NUMBER)
            (open_one,) = await open_conversions(work, entity="material")
            await drop_conversion(work, conversion_id=open_one.id)
            assert await open_conversions(work, entity="material") == ()

    async def test_refuses_the_type_that_the_field_has(self, floor: Floor) -> None:
        field_id = await stocked(floor)

        async with begin(floor.scope) as work:
            with pytest.raises(SameType):
                await check_conversion(work, field_id=field_id, version=1, to=SIZE)

    async def test_is_for_those_who_edit_fields_of_their_own_organization(self, floor: Floor, other: Floor) -> None:
        field_id = await stocked(floor)
        begun = await checked(floor, field_id)

        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            with pytest.raises(Forbidden):
                await check_conversion(work, field_id=field_id, version=1, to=NUMBER)
        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await check_conversion(work, field_id=field_id, version=1, to=NUMBER)
            for do in (get_conversion, run_conversion, drop_conversion):
                with pytest.raises(NotFound):
                    await do(work, conversion_id=begun.id)


class TestRun:
    async def test_needs_a_decision_about_what_cannot_be_converted(self, floor: Floor) -> None:
        report = await checked(floor, await stocked(floor))

        async with begin(floor.scope) as work:
            with pytest.raises(LeftoversUndecided, match="1"):
                await run_conversion(work, conversion_id=report.id)

        assert (await held(floor))["A"] == {"size": "12"}

    async def test_changes_every_value_and_clears_the_rest_where_told_to(self, floor: Floor) -> None:
        field_id = await stocked(floor)
        report = await checked(floor, field_id)

        done = await ran(floor, report, Leftovers.CLEAR)

        assert (done.state, done.seen, done.leftover) == ("done", 4, 1)
        assert await held(floor) == {"A": {"size": 12}, "B": {"size": 7.5}, "C": {}, "D": {"size": 3}, "Z": {}}
        async with read(floor.scope) as work:
            field = await get_field(work, field_id=field_id)
            keys = (await work.session.execute(select(CustomKey.key).order_by(CustomKey.key))).scalars().all()
        assert (field.type, field.unit, field.version) == ("number", "mm", 2)
        assert keys[:3] == ["1000000000003.000000", "1000000000007.500000", "1000000000012.000000"]

    async def test_keeps_the_rest_in_a_field_out_of_use_where_told_to(self, floor: Floor) -> None:
        report = await checked(floor, await stocked(floor))

        await ran(floor, report, Leftovers.ARCHIVE)

        assert (await held(floor))["C"] == {"size_before_1": "large"}
        async with read(floor.scope) as work:
            archive = next(row for row in await list_fields(work, entity="material") if row.key == "size_before_1")
        assert (archive.type, archive.is_active, archive.labels["en"]) == ("text", False, "Size (before)")

    async def test_changes_nothing_when_something_else_came_in_that_cannot_be_converted(self, floor: Floor) -> None:
        field_id = await stocked(floor, values={"A": "1"})
        report = await checked(floor, field_id)
        async with begin(floor.scope) as work:
            await add_material(work, number="B", unit="pcs", custom={"size": "huge"})

        again = await ran(floor, report)

        assert (again.state, again.leftover) == ("checked", 1)
        assert (await held(floor))["A"] == {"size": "1"}

    async def test_is_dropped_when_the_field_was_changed_meanwhile(self, floor: Floor) -> None:
        field_id = await stocked(floor)
        report = await checked(floor, field_id)
        async with begin(floor.scope) as work:
            await edit_field(work, field_id=field_id, version=1, changes=FieldChanges(labels={"en": "Width"}))

        done = await ran(floor, report, Leftovers.CLEAR)

        assert done.state == "dropped"
        assert (await held(floor))["A"] == {"size": "12"}

    async def test_tells_everybody(self, floor: Floor) -> None:
        report = await checked(floor, await stocked(floor))
        async with begin(floor.scope) as work:
            await run_conversion(work, conversion_id=report.id, leftovers=Leftovers.CLEAR)

        async with begin(floor.scope) as work:
            await convert_values(work, RunConversion(conversion_id=report.id))

            assert CustomFieldsChanged(entity="material") in work.events

    async def test_happens_once_even_when_its_job_runs_twice(self, floor: Floor) -> None:
        report = await checked(floor, await stocked(floor))
        await ran(floor, report, Leftovers.CLEAR)

        async with begin(floor.scope) as work:
            await convert_values(work, RunConversion(conversion_id=report.id))
            with pytest.raises(ConversionMovedOn):
                await run_conversion(work, conversion_id=report.id, leftovers=Leftovers.CLEAR)

        assert (await held(floor))["A"] == {"size": 12}

    async def test_lets_nobody_write_a_value_of_the_old_type_meanwhile(self, floor: Floor) -> None:
        field_id = await stocked(floor, values={"A": "1"})
        report = await checked(floor, field_id)
        async with begin(floor.scope) as work:
            await run_conversion(work, conversion_id=report.id)
            material = (await work.session.execute(select(Material).where(Material.number == "Z"))).scalar_one()

        async def write() -> str:
            await asyncio.sleep(0.02)
            async with begin(floor.scope) as work:
                await edit_material(work, material_id=material.id, version=1, custom={"size": "wide"})
            return "written"

        async def convert() -> str:
            async with begin(floor.scope) as work:
                await convert_values(work, RunConversion(conversion_id=report.id))
                await asyncio.sleep(0.2)
            return "converted"

        wrote, _ = await asyncio.gather(write(), convert(), return_exceptions=True)

        assert wrote != "written"
        assert (await held(floor))["A"] == {"size": 1}
        assert (await held(floor))["Z"] == {}


class TestTypes:
    @pytest.mark.parametrize(
        ("before", "value", "after", "becomes"),
        [
            (FieldType.NUMBER, 1.5, FieldType.TEXT, "1.5"),
            (FieldType.BOOLEAN, True, FieldType.TEXT, "yes"),
            (FieldType.TEXT, "Ja", FieldType.BOOLEAN, True),
            (FieldType.TEXT, "2026-03-01", FieldType.DATE, "2026-03-01"),
            (FieldType.DATE, "2026-03-01", FieldType.DATETIME, "2026-03-01T00:00:00Z"),
            (FieldType.DATETIME, "2026-03-01T22:00:00Z", FieldType.DATE, "2026-03-01"),
            (FieldType.TEXT, "Rot", FieldType.CHOICE, "red"),
            (FieldType.CHOICE, "red", FieldType.MULTI_CHOICE, ["red"]),
            (FieldType.MULTI_CHOICE, ["red"], FieldType.CHOICE, "red"),
            (FieldType.CHOICE, "red", FieldType.TEXT, "Red"),
        ],
    )
    async def test_become_each_other(
        self, before: FieldType, value: object, after: FieldType, becomes: object, floor: Floor
    ) -> None:
        def of(kind: FieldType) -> FieldDefinition:
            with_choices = kind in {FieldType.CHOICE, FieldType.MULTI_CHOICE}
            choices = (Choice("red", {"en": "Red", "de": "Rot"}),) if with_choices else ()
            return FieldDefinition(key="one", type=kind, labels={"en": "One"}, choices=choices)

        field_id = await stocked(floor, of(before), {"A": value})

        await ran(floor, await checked(floor, field_id, of(after)))

        assert (await held(floor))["A"] == {"one": becomes}

    async def test_find_things_by_their_code(self, floor: Floor) -> None:
        field_id = await stocked(floor, values={"A": floor.machine_code, "B": "nowhere"})
        to = replace(SIZE, type=FieldType.REFERENCE, reference="machine")

        report = await checked(floor, field_id, to)
        await ran(floor, report, Leftovers.CLEAR)

        assert report.leftover == 1
        assert (await held(floor))["A"] == {"size": str(floor.machine_id)}


async def test_a_report_counts_more_than_it_shows(floor: Floor) -> None:
    many = {f"M{number}": f"not {number}" for number in range(120)}
    report = await checked(floor, await stocked(floor, values=dict(many)))

    assert (report.leftover, len(report.samples)) == (120, 100)
