"""Tables with an organization's own columns, filters and order, all of which stand in the address."""

from decimal import Decimal
from uuid import UUID

from nicegui import ui
from nicegui.testing import User

from domain.custom_fields.fields import Choice, FieldDefinition, FieldPlace, FieldType
from domain.identity.roles import Role
from services.custom_fields.fields import FieldChanges, add_field, edit_field
from services.db.work import begin
from services.production.materials import add_material
from services.production.work_orders import plan_order
from tests.factories import Floor
from tests.ui.conftest import SignIn, sees, until
from tests.ui.test_admin import saved, typed

SHOWN = frozenset({FieldPlace.FORM, FieldPlace.LIST, FieldPlace.FILTER, FieldPlace.API})
WEIGHT = FieldDefinition(
    key="weight", type=FieldType.NUMBER, labels={"en": "Weight", "de": "Gewicht"}, unit="kg", shown_in=SHOWN
)
COLOUR = FieldDefinition(
    key="colour",
    type=FieldType.CHOICE,
    labels={"en": "Colour", "de": "Farbe"},
    choices=(Choice("red", {"en": "Red", "de": "Rot"}), Choice("blue", {"en": "Blue", "de": "Blau"})),
    shown_in=SHOWN,
)


async def stocked(floor: Floor) -> list[UUID]:
    """Commit two fields and three materials."""
    async with begin(floor.scope) as work:
        ids = [(await add_field(work, entity="material", field=field)).id for field in (WEIGHT, COLOUR)]
        for number, custom in (("A", {"weight": 1.5, "colour": "red"}), ("B", {"weight": 20, "colour": "blue"})):
            await add_material(work, number=number, unit="pcs", custom=custom)
        await add_material(work, number="C", unit="pcs")
    return ids


def table(user: User) -> ui.table:
    (found,) = user.find(kind=ui.table).elements
    assert isinstance(found, ui.table)
    return found


def rows(user: User) -> list[str]:
    return [row["number"] for row in table(user).rows]


def columns(user: User) -> list[str]:
    return [column["label"] for column in table(user).columns]


class TestMaterials:
    async def test_show_the_fields_as_columns(self, floor: Floor, supervisor: User) -> None:
        await stocked(floor)

        await supervisor.open("/materials")

        assert columns(supervisor)[-2:] == ["Weight", "Colour"]
        assert [(row["custom.weight"], row["custom.colour"]) for row in table(supervisor).rows] == [
            ("1.5 kg", "Red"), ("20 kg", "Blue"), ("", ""),
        ]  # fmt: skip

    async def test_open_as_their_address_says(self, floor: Floor, supervisor: User) -> None:
        await stocked(floor)

        await supervisor.open("/materials?sort=custom.weight&down=1&hide=custom.colour,unit")

        assert rows(supervisor) == ["B", "A", "C"]
        assert "Colour" not in columns(supervisor)
        assert "Unit" not in columns(supervisor)

    async def test_are_filtered_and_keep_it_in_the_address(self, floor: Floor, supervisor: User) -> None:
        await stocked(floor)
        await supervisor.open("/materials")

        supervisor.find(marker="filter").click()
        await supervisor.should_see(marker="field-custom.weight.min", retries=60)
        typed(supervisor, **{"custom.weight.min": "1", "custom.colour": ["blue"]})
        await saved(supervisor)

        await until(lambda: rows(supervisor) == ["B"])
        await sees(supervisor, "Weight: ≥ 1 kg")
        supervisor.find(marker="filter-on-custom.colour").click()
        await until(lambda: rows(supervisor) == ["A", "B"])

    async def test_lose_every_filter_that_is_taken_away_at_once(self, floor: Floor, supervisor: User) -> None:
        await stocked(floor)
        await supervisor.open("/materials?custom.weight.min=1&custom.colour=blue")
        assert rows(supervisor) == ["B"]

        for name in ("weight", "colour"):
            supervisor.find(marker=f"filter-on-custom.{name}").click()

        await until(lambda: rows(supervisor) == ["A", "B", "C"])

    async def test_leave_filters_as_they_are_drawn_when_something_else_changes(
        self, floor: Floor, supervisor: User
    ) -> None:
        await stocked(floor)
        await supervisor.open("/materials?custom.weight.min=1")
        chips = supervisor.find(marker="filter-on-custom.weight").elements

        supervisor.find(marker="material-search").type("B")

        await until(lambda: rows(supervisor) == ["B"])
        assert supervisor.find(marker="filter-on-custom.weight").elements == chips

    async def test_say_at_the_field_what_cannot_be_filtered_by(self, floor: Floor, supervisor: User) -> None:
        await stocked(floor)
        await supervisor.open("/materials")
        supervisor.find(marker="filter").click()
        await supervisor.should_see(marker="field-custom.weight.min", retries=60)

        typed(supervisor, **{"custom.weight.min": "heavy"})
        supervisor.find(marker="save").click()

        await sees(supervisor, "must be a number of at most 15 digits")

    async def test_open_with_filters_of_their_address_and_forget_those_that_mean_nothing(
        self, floor: Floor, supervisor: User
    ) -> None:
        await stocked(floor)

        await supervisor.open("/materials?custom.colour=red&custom.gone=1")
        assert rows(supervisor) == ["A"]

        await supervisor.open("/materials?custom.colour=nonsense&sort=custom.nothing&page=x")
        assert rows(supervisor) == ["A", "B", "C"]

    async def test_lose_a_column_when_its_field_is_taken_out_of_use(self, floor: Floor, supervisor: User) -> None:
        (weight_id, _) = await stocked(floor)
        await supervisor.open("/materials?sort=custom.weight&custom.weight.min=1")
        assert rows(supervisor) == ["A", "B"]

        async with begin(floor.scope) as work:
            await edit_field(work, field_id=weight_id, version=1, changes=FieldChanges(is_active=False))

        await until(lambda: "Weight" not in columns(supervisor))
        assert rows(supervisor) == ["A", "B", "C"]

    async def test_hide_a_column_that_nobody_wants(self, floor: Floor, supervisor: User) -> None:
        await stocked(floor)
        await supervisor.open("/materials")

        (box,) = supervisor.find(marker="column-custom.weight").elements
        assert isinstance(box, ui.checkbox)
        box.set_value(False)

        await until(lambda: "Weight" not in columns(supervisor))


class TestOrders:
    async def test_are_sorted_filtered_and_shown_with_their_fields(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            for field in (WEIGHT, COLOUR):
                await add_field(work, entity="work_order", field=field)
            material = await add_material(work, number="KS-1", unit="pcs")
            for number, weight in (("WO-A", 3), ("WO-B", 12)):
                await plan_order(
                    work, plant_id=floor.plant_id, material_id=material.id, quantity=Decimal(1), number=number,
                    custom={"weight": weight},
                )  # fmt: skip
        supervisor = await sign_in(floor, Role.SUPERVISOR)

        await supervisor.open("/orders?view=table&sort=custom.weight&down=1")
        assert rows(supervisor) == ["WO-B", "WO-A"]

        await supervisor.open("/orders?view=table&custom.weight.max=5&state=draft")
        assert rows(supervisor) == ["WO-A"]
        assert "Weight" in columns(supervisor)


class TestReferences:
    async def test_are_called_by_name_where_they_filter(self, floor: Floor, sign_in: SignIn) -> None:
        made_on = FieldDefinition(
            key="made_on", type=FieldType.REFERENCE, labels={"en": "Made on"}, reference="machine", shown_in=SHOWN
        )
        async with begin(floor.scope) as work:
            await add_field(work, entity="material", field=made_on)
            await add_material(work, number="A", unit="pcs", custom={"made_on": floor.machine_id})
            await add_material(work, number="B", unit="pcs")
        viewer = await sign_in(floor, Role.VIEWER)

        await viewer.open(f"/materials?custom.made_on={floor.machine_id}")

        assert rows(viewer) == ["A"]
        await sees(viewer, f"Made on: {floor.machine_code} · Machine")
