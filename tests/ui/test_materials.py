"""Materials at a planner's desk: found, added, and written down how they are made."""

from decimal import Decimal

from nicegui import ui
from nicegui.testing import User

from domain.identity.roles import Role
from domain.production.operations import Transfer
from domain.production.routings import RequiredReport, RoutingState, RoutingStep
from services.db.tables import Material
from services.db.work import begin, read
from services.production.material_queries import MaterialView, load_material
from services.production.materials import add_material, edit_material
from services.production.routings import activate_routing, draft_routing, edit_routing
from tests.factories import Floor
from tests.ui.conftest import SignIn, sees, until

SAW, MILL = "Saw to length", "Mill"


async def added(floor: Floor, number: str = "KS-100", *, is_routed: bool = False) -> Material:
    """Add a material, with an active routing of two operations if wanted."""
    async with begin(floor.scope) as work:
        material = await add_material(work, number=number, unit="pcs", description="Cable set")
        if is_routed:
            steps = [
                RoutingStep(
                    10, SAW, machine_id=floor.machine_id, setup_time_s=Decimal(900), instructions="Mind the burr"
                ),
                RoutingStep(20, MILL, lane_id=floor.lane_id, run_time_s=Decimal("7.5"), transfer=Transfer.PARTIAL),
            ]
            routing = await draft_routing(work, plant_id=floor.plant_id, material_id=material.id, operations=steps)
            await activate_routing(work, routing_id=routing.id)
    return material


async def view(floor: Floor, number: str = "KS-100") -> MaterialView:
    async with read(floor.scope) as work:
        return await load_material(work, key=number)


def numbers(user: User) -> list[str]:
    """Return the numbers in the list, from top to bottom."""
    (table,) = user.find(kind=ui.table).elements
    return [row["number"] for row in table.rows]


class TestList:
    async def test_says_what_to_do_first(self, floor: Floor, supervisor: User) -> None:
        await supervisor.open("/materials")

        await sees(supervisor, "There is no material yet")
        await supervisor.should_see(marker="new-material")

    async def test_tells_whether_the_plant_can_make_it(self, floor: Floor, supervisor: User) -> None:
        await added(floor, "KS-100", is_routed=True)
        await added(floor, "KS-200")

        await supervisor.open("/materials")

        (table,) = supervisor.find(kind=ui.table).elements
        assert [(row["number"], row["routing"]) for row in table.rows] == [
            ("KS-100", "2 operations"),
            ("KS-200", "No active routing"),
        ]
        assert table.rows[0]["href"] == "/materials/KS-100"

    async def test_is_searched_as_one_types(self, floor: Floor, supervisor: User) -> None:
        await added(floor, "KS-100")
        await added(floor, "ZX-1")
        await supervisor.open("/materials")

        supervisor.find(marker="material-search").clear().type("zx")

        await until(lambda: numbers(supervisor) == ["ZX-1"])

    async def test_opens_at_the_search_and_page_of_its_address(self, floor: Floor, supervisor: User) -> None:
        async with begin(floor.scope) as work:
            for number in range(55):
                await add_material(work, number=f"KS-{number:03}", unit="pcs")
            await add_material(work, number="ZX-1", unit="pcs")

        await supervisor.open("/materials?q=ks&sort=number&down=1&page=2")

        assert numbers(supervisor) == [f"KS-{number:03}" for number in range(4, -1, -1)]
        (table,) = supervisor.find(kind=ui.table).elements
        assert table.pagination["rowsNumber"] == 55

    async def test_shows_the_last_page_where_the_address_asks_for_more(self, floor: Floor, supervisor: User) -> None:
        await added(floor)

        await supervisor.open("/materials?page=7")

        assert numbers(supervisor) == ["KS-100"]

    async def test_adds_a_material_and_opens_it(self, floor: Floor, supervisor: User) -> None:
        await supervisor.open("/materials")
        supervisor.find(marker="new-material").click()
        await supervisor.should_see(marker="field-number")
        supervisor.find(marker="field-number").type("KS-900")
        supervisor.find(marker="field-description").type("Cable set")

        supervisor.find(marker="save").click()

        await until(lambda: supervisor.back_history[-1] == "/materials/KS-900")
        await sees(supervisor, "Nobody has written down yet how this plant makes it.")
        assert (await view(floor, "KS-900")).description == "Cable set"

    async def test_lets_viewers_read_only(self, floor: Floor, sign_in: SignIn) -> None:
        await added(floor, is_routed=True)
        viewer = await sign_in(floor, Role.VIEWER)

        await viewer.open("/materials")
        await viewer.should_not_see(marker="new-material")
        await viewer.open("/materials/KS-100")

        await sees(viewer, SAW)
        for marker in ("edit-material", "new-routing", "revise-routing"):
            await viewer.should_not_see(marker=marker)


class TestMaterial:
    async def test_shows_its_operations(self, floor: Floor, supervisor: User) -> None:
        await added(floor, is_routed=True)

        await supervisor.open("/materials/KS-100")

        for words in ("Revision 1 · Active", SAW, MILL, "15 min", "7.5 s", "10 Saw to length", "Mind the burr"):
            await sees(supervisor, words)

    async def test_is_found_by_id_where_its_number_cannot_stand_in_an_address(
        self, floor: Floor, supervisor: User
    ) -> None:
        material = await added(floor, "KS/100")
        await supervisor.open("/materials")
        (table,) = supervisor.find(kind=ui.table).elements
        assert table.rows[0]["href"] == f"/materials/{material.id}"

        await supervisor.open(table.rows[0]["href"])

        await sees(supervisor, "KS/100")

    async def test_is_not_edited_over_what_somebody_else_changed(self, floor: Floor, supervisor: User) -> None:
        material = await added(floor)
        await supervisor.open("/materials/KS-100")
        supervisor.find(marker="edit-material").click()
        await supervisor.should_see(marker="field-description")
        async with begin(floor.scope) as work:
            await edit_material(work, material_id=material.id, version=material.version, description="Theirs")

        supervisor.find(marker="field-description").clear().type("Mine")
        supervisor.find(marker="save").click()

        await sees(supervisor, "This was changed by someone else in the meantime.")
        assert (await view(floor)).description == "Theirs"

    async def test_belongs_to_its_organization(self, floor: Floor, other: Floor, sign_in: SignIn) -> None:
        await added(floor)
        stranger = await sign_in(other, Role.ADMIN)

        await stranger.open("/materials/KS-100")

        await sees(stranger, "There is no material with this id.")


class TestRoutingEditor:
    async def test_writes_a_first_routing_and_activates_it(self, floor: Floor, supervisor: User) -> None:
        await added(floor)
        await supervisor.open("/materials/KS-100")
        supervisor.find(marker="new-routing").click()
        await supervisor.should_see(marker="field-name-1")
        supervisor.find(marker="field-name-1").type("Cut")
        supervisor.find(marker="field-setup-1").type("1.5")
        supervisor.find(marker="field-run-1").type("12")
        (place,) = supervisor.find(marker="field-place-1").elements
        assert isinstance(place, ui.select)
        place.value = floor.machine_id
        (reports,) = supervisor.find(marker="field-reports-1").elements
        assert isinstance(reports, ui.select)
        reports.value = ["quantity"]

        supervisor.find(marker="save-and-activate").click()

        await sees(supervisor, "Revision 1 · Active")
        (revision,) = (await view(floor)).revisions
        step = revision.steps[0].step
        assert (step.sequence, step.name, step.machine_id) == (10, "Cut", floor.machine_id)
        assert (step.setup_time_s, step.run_time_s) == (Decimal(90), Decimal(12))
        assert step.required_reports == {RequiredReport.QUANTITY}

    async def test_says_what_is_wrong_at_its_row_and_keeps_what_was_typed(self, floor: Floor, supervisor: User) -> None:
        await added(floor)
        await supervisor.open("/materials/KS-100")
        supervisor.find(marker="new-routing").click()
        await supervisor.should_see(marker="field-name-1")
        supervisor.find(marker="field-name-1").type("Cut")
        (place,) = supervisor.find(marker="field-place-1").elements

        supervisor.find(marker="save-draft").click()
        await sees(supervisor, "Choose the lane or machine where this is done.")
        assert isinstance(place, ui.select)
        assert place.error
        place.value = floor.lane_id
        supervisor.find(marker="field-run-1").type("soon")
        supervisor.find(marker="save-draft").click()
        await sees(supervisor, "“Run time per piece” must be a number.")

        (name,) = supervisor.find(marker="field-name-1").elements
        assert isinstance(name, ui.input)
        assert name.value == "Cut"
        assert (await view(floor)).revisions == ()

    async def test_drafts_a_copy_in_which_operations_change_places(self, floor: Floor, supervisor: User) -> None:
        await added(floor, is_routed=True)
        await supervisor.open("/materials/KS-100")
        supervisor.find(marker="revise-routing").click()
        await sees(supervisor, "Add an operation")

        await supervisor.should_see(marker="field-name-2")
        supervisor.find(marker="move-down-1").click()
        supervisor.find(marker="save-draft").click()

        await sees(supervisor, "Draft saved")
        active, draft = (await view(floor)).revisions
        assert [one.step.name for one in active.steps] == [SAW, MILL]
        assert [(one.step.sequence, one.step.name, one.step.predecessors) for one in draft.steps] == [
            (10, MILL, ()),
            (20, SAW, (10,)),
        ]
        saw = draft.steps[1].step
        assert (saw.setup_time_s, saw.run_time_s, saw.instructions) == (Decimal(900), None, "Mind the burr")
        assert draft.steps[0].step.run_time_s == Decimal("7.5")

    async def test_refuses_an_operation_that_waits_for_a_later_one_at_its_row(
        self, floor: Floor, supervisor: User
    ) -> None:
        await added(floor, is_routed=True)
        await supervisor.open("/materials/KS-100")
        supervisor.find(marker="revise-routing").click()
        await supervisor.should_see(marker="field-waits-1")
        (waits_for,) = supervisor.find(marker="field-waits-1").elements
        assert isinstance(waits_for, ui.select)
        waits_for.value = "certain"
        await supervisor.should_see(marker="field-certain-1")
        (certain,) = supervisor.find(marker="field-certain-1").elements
        assert isinstance(certain, ui.select)
        certain.value = [2]

        supervisor.find(marker="save-draft").click()

        await sees(supervisor, "Operation 10 cannot wait for 20: there is no such one before.")
        assert certain.error

    async def test_adds_and_removes_operations(self, floor: Floor, supervisor: User) -> None:
        await added(floor, is_routed=True)
        await supervisor.open("/materials/KS-100")
        supervisor.find(marker="revise-routing").click()
        await supervisor.should_see(marker="add-operation")
        supervisor.find(marker="add-operation").click()
        await supervisor.should_see(marker="field-name-3")
        supervisor.find(marker="field-name-3").type("Pack")
        (place,) = supervisor.find(marker="field-place-3").elements
        assert isinstance(place, ui.select)
        place.value = floor.lane_id
        supervisor.find(marker="remove-operation-1").click()

        supervisor.find(marker="save-draft").click()

        await sees(supervisor, "Draft saved")
        draft = (await view(floor)).revisions[1]
        assert [(one.step.sequence, one.step.name, one.step.predecessors) for one in draft.steps] == [
            (20, MILL, ()),
            (30, "Pack", (20,)),
        ]

    async def test_says_what_happens_to_the_present_revision_and_activates_a_draft(
        self, floor: Floor, supervisor: User
    ) -> None:
        material = await added(floor, is_routed=True)
        async with begin(floor.scope) as work:
            step = RoutingStep(10, "Cut", machine_id=floor.machine_id)
            await draft_routing(work, plant_id=floor.plant_id, material_id=material.id, operations=[step])
        await supervisor.open("/materials/KS-100")

        supervisor.find(marker="activate-routing").click()
        await sees(supervisor, "revision 1 retires")
        supervisor.find(marker="confirm-activation").click()

        await sees(supervisor, "Revision 2 · Active")
        found = await view(floor)
        assert [(one.revision, one.state) for one in found.revisions] == [
            (2, RoutingState.ACTIVE),
            (1, RoutingState.RETIRED),
        ]

    async def test_leaves_a_draft_that_somebody_else_saved_meanwhile(self, floor: Floor, supervisor: User) -> None:
        await added(floor, is_routed=True)
        await supervisor.open("/materials/KS-100")
        supervisor.find(marker="revise-routing").click()
        await supervisor.should_see(marker="field-name-1")
        draft = (await view(floor)).revisions[1]
        async with begin(floor.scope) as work:
            step = RoutingStep(10, "Theirs", machine_id=floor.machine_id)
            await edit_routing(work, routing_id=draft.id, version=draft.version, operations=[step])

        supervisor.find(marker="save-draft").click()

        await sees(supervisor, "This was changed by someone else in the meantime.")
        assert [one.step.name for one in (await view(floor)).revisions[1].steps] == ["Theirs"]
