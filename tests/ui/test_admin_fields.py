"""An admin adds fields, orders them, takes them out of use and changes their type, without code or a restart."""

import asyncio
from dataclasses import replace

from nicegui import ui
from nicegui.testing import User
from sqlalchemy import select

from domain.custom_fields.fields import Choice, FieldDefinition, FieldType
from domain.identity.roles import Role
from services.custom_fields.conversion_tasks import CheckConversion, RunConversion
from services.custom_fields.fields import FieldChanges, add_field, definition_of, edit_field, list_fields, load_fields
from services.db.tables import CustomConversion, Material
from services.db.work import begin, read
from services.plant.machines import edit_machine
from services.production.materials import add_material
from tests.factories import Floor, as_worker
from tests.ui.conftest import SignIn, sees, until
from tests.ui.test_admin import error_at, saved, typed

WEIGHT = FieldDefinition(key="weight", type=FieldType.TEXT, labels={"en": "Weight", "de": "Gewicht"})
COLOUR = FieldDefinition(
    key="colour", type=FieldType.CHOICE, labels={"en": "Colour", "de": "Farbe"},
    choices=(Choice("red", {"en": "Red", "de": "Rot"}),),
)  # fmt: skip


async def opened(sign_in: SignIn, floor: Floor) -> User:
    admin = await sign_in(floor, Role.ADMIN)
    await admin.open("/admin/fields/material")
    return admin


async def fields(floor: Floor) -> list[FieldDefinition]:
    async with read(floor.scope) as work:
        return [definition_of(row) for row in await list_fields(work, entity="material")]


class TestFieldsPage:
    async def test_adds_a_field_with_choices(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await opened(sign_in, floor)
        await sees(admin, "There is no field yet")

        admin.find(marker="add-field").click()
        typed(admin, type=FieldType.CHOICE, label_en="Paint colour", label_de="Farbe")
        (key,) = admin.find(marker="choice-key").elements
        assert isinstance(key, ui.input)
        key.set_value("red")
        (label,) = admin.find(marker="choice-en").elements
        assert isinstance(label, ui.input)
        label.set_value("Red")
        await saved(admin)

        (made,) = await fields(floor)
        assert (made.key, made.type, made.labels) == (
            "paint_colour", FieldType.CHOICE, {"en": "Paint colour", "de": "Farbe"},
        )  # fmt: skip
        assert [(one.key, one.labels) for one in made.choices] == [("red", {"en": "Red"})]
        await sees(admin, "Paint colour")

    async def test_says_at_the_field_what_is_wrong(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await opened(sign_in, floor)
        admin.find(marker="add-field").click()
        typed(admin, type=FieldType.NUMBER, key="weight", label_en="Weight", least="5", most="2")

        admin.find(marker="save").click()

        await until(lambda: error_at(admin, "least") == "The least value is above the largest.")
        typed(admin, most="9", default="x")
        admin.find(marker="save").click()
        await until(lambda: "must be a number" in (error_at(admin, "default") or ""))

    async def test_shows_the_form_in_the_language_that_is_chosen(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            await add_field(work, entity="material", field=WEIGHT)
        admin = await opened(sign_in, floor)
        await sees(admin, "Weight")

        (toggle,) = admin.find(marker="preview-language").elements
        assert isinstance(toggle, ui.toggle)
        toggle.set_value("de")

        await sees(admin, "Gewicht")

    async def test_follows_what_another_admin_does(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await opened(sign_in, floor)

        async with begin(floor.scope) as work:
            await add_field(work, entity="material", field=WEIGHT)

        await sees(admin, "Weight")

    async def test_puts_fields_into_another_order(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            for field in (WEIGHT, COLOUR):
                await add_field(work, entity="material", field=field)
        admin = await opened(sign_in, floor)

        (dragged,) = admin.find(marker="field-list").elements
        moved = {"item_id": dragged.id, "from_id": dragged.id, "to_id": dragged.id, "old_index": 1, "new_index": 0}
        admin.find(marker="field-list").trigger("sortend", moved)

        async def keys() -> list[str]:
            return [one.key for one in await fields(floor)]

        async with asyncio.timeout(10):
            while await keys() != ["colour", "weight"]:  # noqa: ASYNC110 - the page announces nothing
                await asyncio.sleep(0.02)

    async def test_takes_a_field_out_of_use_and_back(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            await add_field(work, entity="material", field=WEIGHT)
        admin = await opened(sign_in, floor)

        admin.find(marker="retire-field").click()
        await admin.should_see(marker="retired-field", retries=60)
        assert not (await fields(floor))[0].is_active
        admin.find(marker="reuse-field").click()
        await admin.should_not_see(marker="retired-field", retries=60)

        assert (await fields(floor))[0].is_active

    async def test_refuses_an_edit_that_another_admin_overtook(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            row = await add_field(work, entity="material", field=WEIGHT)
        admin = await opened(sign_in, floor)
        admin.find(marker="edit-field").click()
        await admin.should_see(marker="field-label_en", retries=60)
        async with begin(floor.scope) as work:
            await edit_field(work, field_id=row.id, version=1, changes=FieldChanges(labels={"en": "Mass"}))
        typed(admin, label_en="Net weight")

        admin.find(marker="save").click()

        await sees(admin, "changed by someone else")


class TestConversion:
    async def test_shows_what_would_be_left_over_before_anything_changes(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            await add_field(work, entity="material", field=replace(WEIGHT))
            for number, weight in (("A", "2.5"), ("B", "heavy")):
                await add_material(work, number=number, unit="pcs", custom={"weight": weight})
        admin = await opened(sign_in, floor)

        admin.find(marker="convert-field").click()
        await admin.should_see(marker="field-type", retries=60)
        typed(admin, type=FieldType.NUMBER, unit="kg")
        admin.find(marker="save").click()
        await sees(admin, "values are being looked at")
        async with begin(floor.scope) as work:
            begun = (await work.session.execute(select(CustomConversion))).scalar_one()
        assert begun.task_id is not None
        await as_worker(floor.scope, CheckConversion(task_id=begun.task_id, conversion_id=begun.id))
        await sees(admin, "1 values can be converted, 1 cannot.")
        await admin.should_see("heavy")
        (run,) = admin.find(marker="run-conversion").elements
        assert isinstance(run, ui.button)
        assert not run.enabled

        (choice,) = admin.find(marker="leftovers").elements
        assert isinstance(choice, ui.radio)
        choice.set_value("archive")
        await until(lambda: run.enabled)
        admin.find(marker="run-conversion").click()
        await sees(admin, "values are being changed")
        async with begin(floor.scope) as work:
            running = (await work.session.execute(select(CustomConversion))).scalar_one()
        assert running.task_id is not None
        await as_worker(floor.scope, RunConversion(task_id=running.task_id, conversion_id=running.id))
        await sees(admin, "1 are kept in a field that is out of use.")

        async with read(floor.scope) as work:
            rows = (await work.session.execute(select(Material).order_by(Material.number))).scalars().all()
            (field,) = await load_fields(work, "material")
        assert [row.custom for row in rows] == [{"weight": 2.5}, {"weight_before_1": "heavy"}]
        assert (field.type, field.unit) == (FieldType.NUMBER, "kg")


class TestMachinesPage:
    async def test_shows_and_searches_the_fields_of_machines(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            await add_field(work, entity="machine", field=COLOUR)
            await edit_machine(work, machine_id=floor.machine_id, version=1, custom={"colour": "red"})
        admin = await sign_in(floor, Role.ADMIN)

        await admin.open("/admin/machines")

        await sees(admin, "Colour")
        await admin.should_see("Red")
