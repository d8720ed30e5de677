"""An admin sets up a lane from nothing, click by click."""

from nicegui import ui
from nicegui.testing import User

from domain.identity.roles import Role
from services.db.work import begin, read
from services.plant.crews import list_crews
from services.plant.machines import edit_machine
from services.plant.queries import list_departments, list_lanes, list_machines, list_plants, list_reasons
from services.plant.shift_queries import list_exceptions, list_shifts, list_templates
from tests.factories import Floor
from tests.ui.conftest import SignIn, sees, until


def typed(user: User, **values: object) -> None:
    """Fill fields of the open dialog, the newest one where a page has several with the name."""
    for name, value in values.items():
        field = max(user.find(marker=f"field-{name}").elements, key=lambda element: element.id)
        field.set_value(value)  # type: ignore[attr-defined]


def error_at(user: User, name: str) -> str | None:
    """Return the sentence at a field."""
    field = max(user.find(marker=f"field-{name}").elements, key=lambda element: element.id)
    assert isinstance(field, ui.input | ui.select)
    return field.error


async def saved(user: User) -> None:
    """Save the open dialog and wait until it is gone."""
    user.find(marker="save").click()
    await user.should_not_see(marker="save", retries=60)


class TestPlantsPage:
    async def test_builds_a_lane_from_nothing(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/plants")

        admin.find(marker="add-plant").click()
        typed(admin, code="BER", name="Berlin", time_zone="Europe/Berlin")
        await saved(admin)

        async with read(floor.scope) as work:
            plants = {plant.code: plant for plant in (await list_plants(work)).items}
        assert plants["BER"].time_zone == "Europe/Berlin"

    async def test_keeps_what_was_typed_and_says_what_is_wrong_at_the_field(
        self, floor: Floor, sign_in: SignIn
    ) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/plants")
        admin.find(marker="add-machine").click()
        typed(admin, code=floor.machine_code, name="Twin", position="x")

        admin.find(marker="save").click()
        await until(lambda: error_at(admin, "position") == "“Place on the lane” must be a number.")
        typed(admin, position="2")
        admin.find(marker="save").click()
        await until(lambda: error_at(admin, "code") == f"The code “{floor.machine_code}” is already in use.")
        typed(admin, code="M-NEW")
        await saved(admin)

        async with read(floor.scope) as work:
            machines = (await list_machines(work)).items
        assert {(machine.code, machine.name) for machine in machines} >= {("M-NEW", "Twin")}

    async def test_adds_departments_and_lanes(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/plants")

        for button, code in (("add-department", "DEP-2"), ("add-lane", "LANE-2")):
            admin.find(marker=button).click()
            typed(admin, code=code, name=code)
            await saved(admin)

        async with read(floor.scope) as work:
            assert "DEP-2" in {one.code for one in (await list_departments(work)).items}
            assert "LANE-2" in {one.code for one in (await list_lanes(work)).items}


class TestReasonsPage:
    async def test_asks_for_a_loss_category_at_its_field(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/reasons")

        admin.find(marker="add-reason-stop").click()
        typed(admin, code="jam", label="Jam")
        admin.find(marker="save").click()
        await until(lambda: error_at(admin, "loss_category") is not None)
        typed(admin, loss_category="minor")
        await saved(admin)
        await sees(admin, "Minor stop")

        async with read(floor.scope) as work:
            assert "jam" in {one.code for one in (await list_reasons(work, kind="stop")).items}


class TestShiftsPage:
    async def test_plans_a_shift_and_a_holiday(self, floor: Floor, sign_in: SignIn) -> None:
        supervisor = await sign_in(floor, Role.SUPERVISOR)
        await supervisor.open("/admin/shifts")
        await sees(supervisor, "This lane has no shifts")

        supervisor.find(marker="add-shift").click()
        typed(supervisor, name="Early", break_0="10:00", weekdays=list(range(7)))
        supervisor.find(marker="save").click()
        await until(lambda: error_at(supervisor, "break_until_0") is not None)
        typed(supervisor, break_until_0="10:30")
        await saved(supervisor)
        await supervisor.should_see(marker="shift-bar", retries=60)

        async with read(floor.scope) as work:
            (template,) = (await list_templates(work, lane_id=floor.lane_id)).items
            day = (await list_shifts(work, lane_id=floor.lane_id)).items[5].day
        assert len(template.hours.breaks) == 1
        supervisor.find(marker="add-exception").click()
        typed(supervisor, day=day.isoformat(), name="Works outing")
        await saved(supervisor)
        await sees(supervisor, "No shift · Works outing")

        async with read(floor.scope) as work:
            assert [one.day for one in (await list_exceptions(work, lane_id=floor.lane_id)).items] == [day]
            assert day not in {one.day for one in (await list_shifts(work, lane_id=floor.lane_id)).items}


class TestCrewsPage:
    async def test_adds_a_crew_with_duties(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        operator = floor.user_ids[Role.OPERATOR]
        await admin.open("/admin/crews")

        admin.find(marker="add-crew").click()
        typed(admin, name="Red", members=[operator])
        typed(admin, duties=["machine"])
        await saved(admin)
        await admin.should_see(marker="crew", retries=60)

        async with read(floor.scope) as work:
            (crew,) = (await list_crews(work)).items
        assert [(member.user_id, member.duties) for member in crew.members] == [(operator, ("machine",))]


class TestChecklist:
    async def test_says_what_is_missing(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)

        await admin.open("/admin")

        await sees(admin, "Without shifts, working around the clock: Lane")
        await sees(admin, "Lanes: 1, machines: 1")

    async def test_leads_there_from_the_rail_for_planners_only(self, floor: Floor, sign_in: SignIn) -> None:
        viewer = await sign_in(floor, Role.VIEWER)

        await viewer.open("/plant")

        await viewer.should_not_see("Set-up")


class TestMachinesPage:
    async def test_refuses_an_edit_that_somebody_else_overtook(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/machines")
        admin.find(marker="edit-machine").click()
        async with begin(floor.scope) as work:
            await edit_machine(work, machine_id=floor.machine_id, version=1, name="Overtaken")
        typed(admin, name="Late")

        admin.find(marker="save").click()

        await sees(admin, "changed by someone else")
