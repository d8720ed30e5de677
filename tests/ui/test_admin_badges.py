"""An admin gives badges and PINs, click by click."""

from nicegui.testing import User

from domain.identity.badges import BadgeKind
from domain.identity.roles import Role
from services.db.work import begin, read
from services.identity.badges import set_badge
from services.identity.queries import BadgeHolder, get_badge_holder
from services.plant.queries import list_plants
from tests.factories import Floor
from tests.ui.conftest import SignIn, sees, until
from tests.ui.test_admin import error_at, saved, typed
from ui.components.pin_pad import PinPad
from ui.components.scanner import Scanner
from ui.kit.process import Process


async def held(floor: Floor, role: Role = Role.OPERATOR) -> BadgeHolder:
    async with read(floor.acting_as(Role.ADMIN)) as work:
        return await get_badge_holder(work, floor.user_ids[role])


async def asks_for(user: User, button: str, name: str) -> None:
    """Search for somebody, so that one row is left, and press a button of it."""
    user.find(marker="search").clear().type(name)
    await until(lambda: len(user.find(marker="person").elements) == 1)
    user.find(marker=button).click()


class TestBadgesPage:
    async def test_gives_a_badge_that_opens_the_kiosk(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/badges")
        await sees(admin, "The operator")

        await asks_for(admin, "edit-badge", "operator")
        typed(admin, badge="UM-10442")
        admin.find(marker="field-badge").trigger("keydown.enter")
        await admin.should_not_see(marker="save", retries=60)

        assert ((await held(floor)).has_badge, (await held(floor)).has_pin) == (True, False)
        tablet = await sign_in(floor, Role.TERMINAL)
        await tablet.open(f"/terminal/{floor.machine_code}")
        tablet.find(kind=Scanner).trigger("scan", {"value": "UM-10442"})
        await sees(tablet, "Call for help")

    async def test_resets_a_pin(self, floor: Floor, sign_in: SignIn, process: Process) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            user_id = floor.user_ids[Role.OPERATOR]
            await set_badge(work, key=process.badge_key, user_id=user_id, kind=BadgeKind.PIN, value="2580")
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/badges")

        await asks_for(admin, "edit-pin", "operator")
        await admin.should_not_see("2580")
        typed(admin, pin="3691")
        await saved(admin)

        tablet = await sign_in(floor, Role.TERMINAL)
        await tablet.open(f"/terminal/{floor.machine_code}")
        tablet.find(kind=PinPad).trigger("pin", {"value": "2580"})
        await sees(tablet, "This badge or PIN is not known here.")
        tablet.find(kind=PinPad).trigger("pin", {"value": "3691"})
        await sees(tablet, "Call for help")

    async def test_says_at_the_field_what_is_wrong(self, floor: Floor, sign_in: SignIn, process: Process) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            user_id = floor.user_ids[Role.SUPERVISOR]
            await set_badge(work, key=process.badge_key, user_id=user_id, kind=BadgeKind.BADGE, value="UM-10007")
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/badges")

        await asks_for(admin, "edit-badge", "operator")
        typed(admin, badge="UM-10007")
        admin.find(marker="save").click()

        await until(lambda: str(error_at(admin, "badge")).startswith("This badge belongs to The supervisor."))
        assert not (await held(floor)).has_badge

    async def test_refuses_a_pin_that_is_easy_to_guess(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/badges")

        await asks_for(admin, "edit-pin", "operator")
        typed(admin, pin="1234")
        admin.find(marker="save").click()

        await until(lambda: error_at(admin, "pin") == "This PIN is too easy to guess. Choose another one.")

    async def test_takes_a_badge_away_and_sends_its_holder_from_the_kiosk(
        self, floor: Floor, sign_in: SignIn, process: Process
    ) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            user_id = floor.user_ids[Role.OPERATOR]
            await set_badge(work, key=process.badge_key, user_id=user_id, kind=BadgeKind.BADGE, value="UM-10442")
        tablet = await sign_in(floor, Role.TERMINAL)
        await tablet.open(f"/terminal/{floor.machine_code}")
        tablet.find(kind=Scanner).trigger("scan", {"value": "UM-10442"})
        await sees(tablet, "Call for help")
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/badges")

        await asks_for(admin, "edit-badge", "operator")
        admin.find(marker="remove").click()
        await sees(admin, "Really?")
        admin.find(marker="remove").click()

        await sees(admin, "Taken away")
        await sees(tablet, "Scan your badge or enter your PIN")
        assert not (await held(floor)).has_badge


class TestPlantsPage:
    async def test_sets_the_times_to_undo_and_to_sign_out(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/plants")

        admin.find(marker="edit-plant").click()
        typed(admin, undo_within_s="120", idle_sign_out_s="45")
        await saved(admin)

        async with read(floor.scope) as work:
            (plant,) = (await list_plants(work)).items
        assert (plant.undo_within_s, plant.idle_sign_out_s) == (120, 45)

    async def test_refuses_times_that_cannot_be(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/plants")

        admin.find(marker="edit-plant").click()
        typed(admin, undo_within_s="-1")
        admin.find(marker="save").click()
        await until(lambda: error_at(admin, "undo_within_s") is not None)
        typed(admin, undo_within_s="60", idle_sign_out_s="soon")
        admin.find(marker="save").click()

        await until(lambda: error_at(admin, "idle_sign_out_s") is not None)
