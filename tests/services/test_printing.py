"""Travellers and labels: real PDF files, in the look of the organization, with what its fields say."""

import re

import pytest

from domain.branding.brands import AssetKind
from domain.checks import InvalidWholeNumber
from domain.custom_fields.fields import FieldDefinition, FieldPlace, FieldType
from domain.errors import Forbidden, NotFound
from domain.identity.roles import Role
from services.branding.brands import edit_branding, set_brand_asset
from services.custom_fields.fields import add_field
from services.db.tables import Machine, WorkOrder
from services.db.work import Work, begin, read
from services.printing.codes import qr_code
from services.printing.labels import print_material_labels, print_order_labels
from services.printing.travellers import print_traveller
from services.printing.typesetting import NotSet, typeset
from tests.factories import Floor, Make
from tests.services.test_branding import SVG


@pytest.fixture
async def order(floor: Floor, make: Make) -> WorkOrder:
    """A released order of one operation, committed."""
    async with begin(floor.scope) as work:
        machine = await work.session.get_one(Machine, floor.machine_id)
        return await make.order(work, machine=machine, quantity=1250, note="Mind the #edge [1] *now* $x$ \\ end")


def pages(content: bytes) -> int:
    """Return how many pages a PDF says it has."""
    found = re.search(rb"/Count (\d+)", content)
    assert found is not None
    return int(found[1])


class TestTypeset:
    def test_makes_pdf_files(self) -> None:
        content = typeset("#json(bytes(sys.inputs.data)).words", data={"words": "#panic() *x*"})

        assert content.startswith(b"%PDF-1.")

    def test_says_what_is_wrong(self) -> None:
        with pytest.raises(NotSet, match="unknown variable"):
            typeset("#nonsense")

    def test_reads_no_file_of_this_machine(self) -> None:
        with pytest.raises(NotSet):
            typeset('#read("/etc/passwd")')


class TestQrCode:
    def test_is_a_vector_picture(self) -> None:
        assert qr_code("WO-2026-000001").startswith(b"<svg")


class TestPrintTraveller:
    async def test_holds_the_order_and_its_operations(self, floor: Floor, order: WorkOrder) -> None:
        async with read(floor.acting_as(Role.OPERATOR)) as work:
            printout = await print_traveller(work, order_id=order.id, language="de")

        assert printout.name == f"{order.number}.pdf"
        assert printout.data["note"] == "Mind the #edge [1] *now* $x$ \\ end"
        assert {"label": "Menge", "text": "1.250 pcs"} in list(printout.data["facts"])  # type: ignore[call-overload]
        (operation,) = list(printout.data["operations"])  # type: ignore[call-overload]
        assert (operation["sequence"], operation["name"]) == (10, "Mill")
        content = await printout.pdf()
        assert content.startswith(b"%PDF-1.")
        assert pages(content) == 1

    async def test_wears_the_organizations_look(self, floor: Floor, order: WorkOrder) -> None:
        async with begin(floor.scope) as work:
            await edit_branding(work, version=1, texts={"name": "Acme", "pdf_text": "Acme\nBerlin"})
            await set_brand_asset(work, version=2, kind=AssetKind.LOGO, name="x.svg", content=SVG)

        async with read(floor.scope) as work:
            printout = await print_traveller(work, order_id=order.id, language="en")

        head = printout.data["head"]
        assert head == {"name": "Acme", "text": "Acme\nBerlin", "color": "#1c5fc4", "logo": "logo.svg"}
        assert set(printout.files) == {"logo.svg", "code.svg"}
        assert (await printout.pdf()).startswith(b"%PDF-1.")

    async def test_belongs_to_its_organization(self, order: WorkOrder, other: Floor) -> None:
        async with read(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await print_traveller(work, order_id=order.id, language="en")


class TestCustomFields:
    async def test_stand_on_what_they_are_marked_for(self, work: Work, make: Make) -> None:
        for key, places in (("customer", {FieldPlace.REPORT}), ("batch", {FieldPlace.LABEL}), ("secret", set())):
            definition = FieldDefinition(
                key=key, type=FieldType.TEXT, labels={"en": key.title()}, shown_in=frozenset(places)
            )
            await add_field(work, entity="work_order", field=definition)
        given = {"customer": "ACME", "batch": "B-7", "secret": "xyz"}
        order = await make.order(work, quantity=5, custom=given)

        traveller = await print_traveller(work, order_id=order.id, language="en")
        labels = await print_order_labels(work, order_id=order.id, copies=1, language="en")

        assert {"label": "Customer", "text": "ACME"} in list(traveller.data["facts"])  # type: ignore[call-overload]
        assert {"label": "Batch", "text": "B-7"} in list(labels.data["facts"])  # type: ignore[call-overload]
        for printout in (traveller, labels):
            assert "xyz" not in str(printout.data)
        assert "B-7" not in str(traveller.data)


class TestPrintLabels:
    async def test_of_an_order_are_as_many_pages_as_copies(self, floor: Floor, order: WorkOrder) -> None:
        async with read(floor.acting_as(Role.VIEWER)) as work:
            printout = await print_order_labels(work, order_id=order.id, copies=3, language="en")

        assert pages(await printout.pdf()) == 3

    @pytest.mark.parametrize("copies", [0, -1, 201, 10**9])
    async def test_are_a_reasonable_number(self, copies: int, floor: Floor, order: WorkOrder) -> None:
        async with read(floor.scope) as work:
            with pytest.raises(InvalidWholeNumber):
                await print_order_labels(work, order_id=order.id, copies=copies, language="en")

    async def test_of_a_material_with_the_longest_texts_stay_on_one_page(self, work: Work, make: Make) -> None:
        material = await make.material(work, number="M" * 40)
        material.description = "Wide description " * 11
        await work.session.flush()

        printout = await print_material_labels(work, key=str(material.id), copies=1, language="de")

        assert pages(await printout.pdf()) == 1

    async def test_are_not_for_who_may_not_read_materials(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            material = await make.material(work)
        nobody = floor.acting_as(Role.VIEWER)
        async with read(type(nobody)(nobody.org_id, actor_kind="user", user_id=nobody.user_id)) as work:
            with pytest.raises(Forbidden):
                await print_material_labels(work, key=str(material.id), copies=1, language="en")
