"""Fields that an organization adds to its things, and what the things hold in them."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.checks import InvalidChoice
from domain.custom_fields.fields import (
    Choice,
    FieldDefinition,
    FieldPlace,
    FieldRules,
    FieldType,
    KeyTaken,
    UnknownField,
)
from domain.custom_fields.values import ValueMissing, ValueNotANumber, ValueNotThere
from domain.errors import Conflict, Forbidden, NotFound
from domain.events import CustomFieldsChanged
from domain.identity.roles import Role
from services.custom_fields.entities import ENTITIES
from services.custom_fields.fields import (
    FieldChanges,
    add_field,
    definition_of,
    edit_field,
    get_field,
    list_fields,
    load_fields,
    order_fields,
)
from services.custom_fields.keys import MakeCustomKeys, make_keys
from services.custom_fields.shown import shown_values
from services.db.keys import new_id
from services.db.tables import CustomField, CustomKey, Material, Row
from services.db.work import Work, begin, read
from services.plant.machines import edit_machine
from services.production.materials import add_material, edit_material
from services.production.work_orders import edit_order, split_order
from tests.factories import Floor, Make

WEIGHT = FieldDefinition(key="weight", type=FieldType.NUMBER, labels={"en": "Weight", "de": "Gewicht"}, unit="kg")
COLOUR = FieldDefinition(
    key="colour",
    type=FieldType.CHOICE,
    labels={"en": "Colour"},
    choices=(Choice("red", {"en": "Red"}), Choice("blue", {"en": "Blue"})),
    shown_in=frozenset({FieldPlace.FORM, FieldPlace.FILTER}),
)


async def keys_of(work: Work, field: CustomField) -> dict[UUID, list[str | None]]:
    statement = select(CustomKey).where(CustomKey.field_id == field.id).order_by(CustomKey.place)
    found: dict[UUID, list[str | None]] = {}
    for row in (await work.session.execute(statement.execution_options(populate_existing=True))).scalars():
        found.setdefault(row.row_id, []).append(row.key)
    return found


class TestAddField:
    async def test_keeps_everything_about_it(self, work: Work) -> None:
        wanted = replace(
            WEIGHT,
            is_required=True,
            default="2.50",
            rules=FieldRules(least=Decimal("0.1"), most=Decimal(100), decimals=2),
            section={"en": "Logistics"},
            shown_in=frozenset({FieldPlace.FORM, FieldPlace.API, FieldPlace.LABEL}),
        )

        row = await add_field(work, entity="material", field=wanted)

        kept = definition_of(await get_field(work, field_id=row.id))
        assert kept == replace(wanted, default=2.5, id=row.id)
        assert work.events[-1:] == [CustomFieldsChanged(entity="material")]

    async def test_puts_it_behind_the_others_of_its_kind(self, work: Work) -> None:
        await add_field(work, entity="material", field=WEIGHT)
        await add_field(work, entity="material", field=COLOUR)

        assert [one.key for one in await load_fields(work, "material")] == ["weight", "colour"]
        assert await load_fields(work, "machine") == ()

    async def test_refuses_a_key_twice_even_of_a_field_out_of_use(self, work: Work) -> None:
        row = await add_field(work, entity="material", field=WEIGHT)
        await edit_field(work, field_id=row.id, version=1, changes=FieldChanges(is_active=False))

        with pytest.raises(KeyTaken, match="weight"):
            await add_field(work, entity="material", field=WEIGHT)

    async def test_refuses_what_does_not_exist(self, work: Work) -> None:
        reference = FieldDefinition(key="x", type=FieldType.REFERENCE, labels={"en": "X"}, reference="unicorn")

        for entity, field in (("unicorn", WEIGHT), ("material", reference)):
            with pytest.raises(InvalidChoice):
                await add_field(work, entity=entity, field=field)

    async def test_names_the_default_when_it_breaks_a_rule(self, work: Work) -> None:
        with pytest.raises(ValueNotANumber) as refusal:
            await add_field(work, entity="material", field=replace(WEIGHT, default="heavy"))

        assert refusal.value.fields["field"] == "default"

    async def test_needs_the_right_to(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            with pytest.raises(Forbidden):
                await add_field(work, entity="material", field=WEIGHT)


class TestEditField:
    async def test_at_once_by_two_admins_is_won_by_one(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            field_id = (await add_field(work, entity="material", field=WEIGHT)).id

        async def rename(words: str) -> str:
            async with begin(floor.acting_as(Role.ADMIN)) as work:
                changes = FieldChanges(labels={"en": words})
                return (await edit_field(work, field_id=field_id, version=1, changes=changes)).labels["en"]

        results = await asyncio.gather(rename("Mass"), rename("Net weight"), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["Conflict", "str"]

    async def test_of_another_organization_finds_nothing(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.scope) as work:
            field_id = (await add_field(work, entity="material", field=WEIGHT)).id

        async with begin(other.acting_as(Role.ADMIN)) as work:
            assert await list_fields(work) == ()
            with pytest.raises(NotFound):
                await edit_field(work, field_id=field_id, version=1, changes=FieldChanges(is_active=False))
            with pytest.raises(NotFound):
                await order_fields(work, entity="material", field_ids=[field_id])
            with pytest.raises(NotFound):
                await get_field(work, field_id=field_id)

    async def test_adds_by_two_admins_at_once_get_places_of_their_own(self, floor: Floor) -> None:
        async def add(key: str) -> int:
            async with begin(floor.acting_as(Role.ADMIN)) as work:
                return (await add_field(work, entity="material", field=replace(WEIGHT, key=key))).position

        assert sorted(await asyncio.gather(*map(add, ("a", "b", "c", "d")))) == [1, 2, 3, 4]


class TestOrderFields:
    async def test_puts_them_into_the_order_that_is_given(self, work: Work) -> None:
        ids = [(await add_field(work, entity="material", field=replace(WEIGHT, key=key))).id for key in "abc"]

        await order_fields(work, entity="material", field_ids=[ids[2], ids[0], ids[1]])

        assert [one.key for one in await load_fields(work, "material")] == ["c", "a", "b"]

    async def test_refuses_fields_of_other_things(self, work: Work) -> None:
        row = await add_field(work, entity="machine", field=WEIGHT)

        with pytest.raises(NotFound):
            await order_fields(work, entity="material", field_ids=[row.id])


class TestValues:
    async def test_are_kept_exactly(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await add_field(work, entity="material", field=WEIGHT)
            material = await add_material(work, number="A", unit="pcs", custom={"weight": Decimal("123456789.012345")})

        async with read(floor.scope) as work:
            kept = await work.session.get_one(Material, material.id, populate_existing=True)
            exact = await work.fetch("SELECT (custom ->> 'weight')::numeric AS n FROM materials WHERE number = 'A'")
        assert (kept.custom, exact[0]["n"]) == ({"weight": 123456789.012345}, Decimal("123456789.012345"))

    async def test_begin_with_the_default_and_stay_when_nothing_is_said(self, work: Work) -> None:
        await add_field(work, entity="material", field=replace(WEIGHT, default=5))
        material = await add_material(work, number="A", unit="pcs")

        edited = await edit_material(work, material_id=material.id, version=1, unit="kg")

        assert edited.custom == {"weight": 5}

    async def test_of_a_field_that_is_required_now_are_asked_for_when_people_save_values(self, work: Work) -> None:
        material = await add_material(work, number="A", unit="pcs")
        await add_field(work, entity="material", field=replace(WEIGHT, is_required=True))

        edited = await edit_material(work, material_id=material.id, version=1, unit="kg")
        with pytest.raises(ValueMissing) as refusal:
            await edit_material(work, material_id=material.id, version=edited.version, custom={})

        assert refusal.value.fields["field"] == "custom.weight"

    async def test_of_a_field_out_of_use_stay_and_come_back(self, work: Work) -> None:
        row = await add_field(work, entity="material", field=WEIGHT)
        material = await add_material(work, number="A", unit="pcs", custom={"weight": 1})
        await edit_field(work, field_id=row.id, version=1, changes=FieldChanges(is_active=False))

        with pytest.raises(UnknownField):
            await edit_material(work, material_id=material.id, version=1, custom={"weight": 2})
        edited = await edit_material(work, material_id=material.id, version=1, unit="kg", custom={})

        assert edited.custom == {"weight": 1}
        await edit_field(work, field_id=row.id, version=2, changes=FieldChanges(is_active=True))
        assert [one.key for one in await load_fields(work, "material")] == ["weight"]

    async def test_refer_to_things_of_the_same_organization_only(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.scope) as work:
            made_on = FieldDefinition(
                key="made_on", type=FieldType.REFERENCE, labels={"en": "Made on"}, reference="machine"
            )
            await add_field(work, entity="material", field=made_on)
            await add_material(work, number="A", unit="pcs", custom={"made_on": str(floor.machine_id)})
            for stranger in (other.machine_id, new_id()):
                with pytest.raises(ValueNotThere):
                    await add_material(work, number="B", unit="pcs", custom={"made_on": str(stranger)})

    async def test_of_an_order_stay_with_both_parts_of_a_split(self, work: Work, make: Make) -> None:
        await add_field(work, entity="work_order", field=WEIGHT)
        order = await make.order(work, is_released=False, custom={"weight": 7})
        await edit_order(work, order_id=order.id, version=order.version, custom={"weight": 8})

        part = await split_order(work, order_id=order.id, quantity=Decimal(10))

        assert part.custom == {"weight": 8}

    async def test_are_refused_for_machines_like_for_everything(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await add_field(work, entity="machine", field=WEIGHT)
            with pytest.raises(ValueNotANumber):
                await edit_machine(work, machine_id=floor.machine_id, version=1, custom={"weight": "x"})


class TestKeys:
    async def test_of_new_and_changed_things_are_kept_at_once(self, work: Work, make: Make) -> None:
        field = await add_field(work, entity="material", field=COLOUR)
        red = await add_material(work, number="A", unit="pcs", custom={"colour": "red"})
        none = await make.material(work)
        await edit_material(work, material_id=red.id, version=1, custom={"colour": "blue"})

        assert await keys_of(work, field) == {red.id: ["blue"], none.id: [None]}

    async def test_of_things_that_were_there_are_made_by_a_job(self, work: Work) -> None:
        hidden = replace(COLOUR, shown_in=frozenset({FieldPlace.FORM}))
        field = await add_field(work, entity="material", field=hidden)
        red = await add_material(work, number="A", unit="pcs", custom={"colour": "red"})
        assert await keys_of(work, field) == {}
        filtered = FieldChanges(shown_in=COLOUR.shown_in)
        await edit_field(work, field_id=field.id, version=1, changes=filtered)

        await make_keys(work, MakeCustomKeys(field_id=field.id))
        await make_keys(work, MakeCustomKeys(field_id=field.id, after=red.id))

        assert await keys_of(work, field) == {red.id: ["red"]}
        assert (await get_field(work, field_id=field.id)).has_keys

    async def test_go_when_nobody_filters_any_more(self, work: Work) -> None:
        field = await add_field(work, entity="material", field=COLOUR)
        await add_material(work, number="A", unit="pcs", custom={"colour": "red"})

        shown = FieldChanges(shown_in=frozenset({FieldPlace.FORM}))
        await edit_field(work, field_id=field.id, version=1, changes=shown)

        assert await keys_of(work, field) == {}

    async def test_of_numbers_sort_as_numbers_do(self, work: Work) -> None:
        field = await add_field(work, entity="material", field=replace(WEIGHT, shown_in=frozenset({FieldPlace.FILTER})))
        numbers = [-2, "-1.5", 0, "0.000001", 3, 20, 100, "999999999999"]
        for number in numbers:
            await add_material(work, number=f"N{number}", unit="pcs", custom={"weight": number})

        keys = await keys_of(work, field)

        names = {row.id: row.number for row in (await work.session.execute(select(Material))).scalars()}
        assert [names[row] for row in sorted(keys, key=lambda row: str(keys[row][0]))] == [f"N{n}" for n in numbers]

    async def test_are_those_of_the_newest_value_whoever_comes_first(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            hidden = replace(COLOUR, shown_in=frozenset({FieldPlace.FORM}))
            field = await add_field(work, entity="material", field=hidden)
            red = await add_material(work, number="A", unit="pcs", custom={"colour": "red"})
        async with begin(floor.scope) as work:
            await edit_field(work, field_id=field.id, version=1, changes=FieldChanges(shown_in=COLOUR.shown_in))

        async def change() -> None:
            async with begin(floor.scope) as work:
                await edit_material(work, material_id=red.id, version=1, custom={"colour": "blue"})
                await asyncio.sleep(0.1)

        async def make() -> None:
            await asyncio.sleep(0.03)
            async with begin(floor.scope) as work:
                await make_keys(work, MakeCustomKeys(field_id=field.id))

        await asyncio.gather(change(), make())

        async with read(floor.scope) as work:
            assert await keys_of(work, field) == {red.id: ["blue"]}


class TestEntities:
    async def test_have_a_column_a_code_and_triggers(self, work: Work) -> None:
        for entity in ENTITIES.values():
            table = Row.metadata.tables[entity.table]
            assert {"custom", entity.code, entity.title} <= set(table.columns.keys())
            triggers = await work.fetch(
                "SELECT encode(tgargs, 'escape') AS named FROM pg_trigger"
                " WHERE tgrelid = $1::text::regclass AND tgname LIKE 'custom%'",
                entity.table,
            )
            assert {row["named"] for row in triggers} == {f"{entity.key}\\000"}
            assert len(triggers) == 3

    async def test_are_all_that_have_the_column(self) -> None:
        with_column = {name for name, table in Row.metadata.tables.items() if "custom" in table.columns}

        assert with_column == {entity.table for entity in ENTITIES.values()}


async def test_a_version_that_was_seen_before_is_refused(work: Work) -> None:
    row = await add_field(work, entity="material", field=WEIGHT)
    await edit_field(work, field_id=row.id, version=1, changes=FieldChanges(unit="g"))

    with pytest.raises(Conflict):
        await edit_field(work, field_id=row.id, version=1, changes=FieldChanges(unit="t"))


class TestShownValues:
    async def test_are_those_of_a_place_in_the_readers_language(self, floor: Floor) -> None:
        printed = replace(WEIGHT, shown_in=frozenset({FieldPlace.FORM, FieldPlace.LABEL}))
        async with begin(floor.scope) as work:
            await add_field(work, entity="material", field=printed)
            await add_field(work, entity="material", field=COLOUR)
            material = await add_material(work, number="A", unit="pcs", custom={"weight": "1234.5", "colour": "red"})

        async with read(floor.acting_as(Role.VIEWER)) as work:
            shown = await shown_values(work, "material", [material.id], where=FieldPlace.LABEL, language="de")
            report = await shown_values(work, "material", [material.id], where=FieldPlace.REPORT, language="de")

        assert [(one.label, one.text) for one in shown[material.id]] == [("Gewicht", "1.234,5 kg")]
        assert report == {}

    async def test_of_another_organization_are_not_shown(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.scope) as work:
            await add_field(work, entity="machine", field=WEIGHT)
            await edit_machine(work, machine_id=floor.machine_id, version=1, custom={"weight": 1})
        async with begin(other.scope) as work:
            await add_field(work, entity="machine", field=WEIGHT)

        async with read(other.acting_as(Role.ADMIN)) as work:
            found = await shown_values(work, "machine", [floor.machine_id], where=FieldPlace.LIST, language="en")

        assert found == {}
