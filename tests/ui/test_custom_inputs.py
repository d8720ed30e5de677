"""An organization's own fields in forms, whatever happens to them while a form is open."""

from dataclasses import replace
from uuid import UUID

from nicegui import ui
from nicegui.testing import User
from sqlalchemy import select

from domain.custom_fields.fields import Choice, FieldDefinition, FieldType
from domain.identity.roles import Role
from services.custom_fields.fields import FieldChanges, add_field, edit_field
from services.db.tables import Machine, Material
from services.db.work import begin, read
from services.production.materials import add_material
from tests.factories import Floor
from tests.ui.conftest import SignIn, sees, until
from tests.ui.test_admin import error_at, saved, typed

WEIGHT = FieldDefinition(key="weight", type=FieldType.NUMBER, labels={"en": "Weight", "de": "Gewicht"}, unit="kg")
COLOUR = FieldDefinition(
    key="colour",
    type=FieldType.CHOICE,
    labels={"en": "Colour", "de": "Farbe"},
    choices=(Choice("red", {"en": "Red", "de": "Rot"}), Choice("blue", {"en": "Blue", "de": "Blau"})),
    section={"en": "Looks", "de": "Aussehen"},
)


async def give(floor: Floor, entity: str, *fields: FieldDefinition) -> list[UUID]:
    """Commit custom fields of the floor's organization."""
    async with begin(floor.scope) as work:
        return [(await add_field(work, entity=entity, field=field)).id for field in fields]


async def opened(sign_in: SignIn, floor: Floor, *, marker: str = "field-custom.weight") -> User:
    """Return an admin in front of the form of a new material, with its custom fields."""
    admin = await sign_in(floor, Role.ADMIN)
    await admin.open("/materials")
    admin.find(marker="new-material").click()
    await admin.should_see(marker=marker, retries=60)
    return admin


async def material(floor: Floor, number: str) -> Material | None:
    async with read(floor.scope) as work:
        return (await work.session.execute(select(Material).where(Material.number == number))).scalar_one_or_none()


class TestCustomInputs:
    async def test_are_filled_in_and_saved_with_the_rest(self, floor: Floor, sign_in: SignIn) -> None:
        await give(floor, "material", WEIGHT, COLOUR)
        admin = await opened(sign_in, floor)
        await admin.should_see("Looks")

        typed(admin, number="K-1", **{"custom.weight": "1.5", "custom.colour": "blue"})
        await saved(admin)

        kept = await material(floor, "K-1")
        assert kept is not None
        assert kept.custom == {"weight": 1.5, "colour": "blue"}

    async def test_say_at_the_field_what_is_wrong(self, floor: Floor, sign_in: SignIn) -> None:
        await give(floor, "material", replace(WEIGHT, is_required=True))
        admin = await opened(sign_in, floor)
        typed(admin, number="K-1")

        admin.find(marker="save").click()
        await until(lambda: error_at(admin, "custom.weight") == "“Weight *” must be filled in.")
        typed(admin, **{"custom.weight": "x"})
        admin.find(marker="save").click()
        await until(lambda: error_at(admin, "custom.weight") == "“Weight *” must be a number.")

    async def test_of_a_field_taken_out_of_use_keep_what_was_typed_in_a_note(
        self, floor: Floor, sign_in: SignIn
    ) -> None:
        (weight_id, _) = await give(floor, "material", WEIGHT, COLOUR)
        admin = await opened(sign_in, floor)
        typed(admin, number="K-1", **{"custom.weight": "12.75", "custom.colour": "red"})

        async with begin(floor.scope) as work:
            await edit_field(work, field_id=weight_id, version=1, changes=FieldChanges(is_active=False))

        await sees(admin, "“Weight” was taken out of use while this form was open.")
        await admin.should_see("12.75")
        await admin.should_see(marker="copy-lost")
        await saved(admin)
        kept = await material(floor, "K-1")
        assert kept is not None
        assert kept.custom == {"colour": "red"}

    async def test_of_a_required_field_added_meanwhile_are_asked_for_there(self, floor: Floor, sign_in: SignIn) -> None:
        await give(floor, "material", WEIGHT)
        admin = await opened(sign_in, floor)
        typed(admin, number="K-1", **{"custom.weight": "3"})

        await give(floor, "material", replace(COLOUR, is_required=True))
        admin.find(marker="save").click()

        await admin.should_see(marker="field-custom.colour", retries=60)
        await until(lambda: error_at(admin, "custom.colour") == "“Colour *” must be filled in.")
        typed(admin, **{"custom.colour": "red"})
        await saved(admin)
        kept = await material(floor, "K-1")
        assert kept is not None
        assert kept.custom == {"weight": 3, "colour": "red"}

    async def test_follow_new_words_and_keep_what_was_typed(self, floor: Floor, sign_in: SignIn) -> None:
        (weight_id,) = await give(floor, "material", WEIGHT)
        admin = await opened(sign_in, floor)
        typed(admin, number="K-1", **{"custom.weight": "3"})

        async with begin(floor.scope) as work:
            await edit_field(work, field_id=weight_id, version=1, changes=FieldChanges(labels={"en": "Mass"}))

        await sees(admin, "Mass")
        (field,) = admin.find(marker="field-custom.weight").elements
        assert isinstance(field, ui.input)
        assert field.value == "3"

    async def test_of_another_organization_do_not_show(self, floor: Floor, other: Floor, sign_in: SignIn) -> None:
        await give(other, "material", COLOUR)
        await give(floor, "material", WEIGHT)

        admin = await opened(sign_in, floor)

        await admin.should_not_see(marker="field-custom.colour")

    async def test_lead_to_things_by_their_code(self, floor: Floor, sign_in: SignIn) -> None:
        of_material = FieldDefinition(
            key="spare", type=FieldType.REFERENCE, labels={"en": "Spare part"}, reference="material"
        )
        await give(floor, "machine", of_material)
        async with begin(floor.scope) as work:
            spare = await add_material(work, number="SP-7", unit="pcs", description="Bearing")
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/machines")
        admin.find(marker="edit-machine").click()
        await admin.should_see(marker="field-custom.spare", retries=60)
        (field,) = admin.find(marker="field-custom.spare").elements
        assert isinstance(field, ui.select)

        admin.find(marker="field-custom.spare").trigger("popupShow")
        await until(lambda: field.options == {str(spare.id): "SP-7 · Bearing"})
        field.set_value(str(spare.id))
        await saved(admin)

        async with read(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
        assert machine.custom == {"spare": str(spare.id)}


class TestCustomFacts:
    async def test_show_what_a_material_holds_until_its_field_is_out_of_use(
        self, floor: Floor, sign_in: SignIn
    ) -> None:
        (weight_id, _) = await give(floor, "material", WEIGHT, COLOUR)
        async with begin(floor.scope) as work:
            await add_material(work, number="K-1", unit="pcs", custom={"weight": "2.5", "colour": "red"})
        viewer = await sign_in(floor, Role.VIEWER)

        await viewer.open("/materials/K-1")
        await sees(viewer, "2.5 kg")
        shown = facts(viewer)
        async with begin(floor.scope) as work:
            await edit_field(work, field_id=weight_id, version=1, changes=FieldChanges(is_active=False))
        await until(lambda: "2.5 kg" not in facts(viewer))

        assert {"2.5 kg", "Red"} <= shown
        assert "Red" in facts(viewer)


def facts(user: User) -> set[str]:
    """Return what stands among the facts of a thing; its history below tells of earlier values too."""
    (place,) = user.find(marker="custom-facts").elements
    return {element.text for element in place.descendants() if isinstance(element, ui.label)}
