"""The page of keys for programs."""

from datetime import timedelta

from nicegui import ui
from nicegui.testing import User

from domain.identity.api_keys import is_well_formed
from domain.identity.roles import Role
from services.db.work import begin, read
from services.identity.api_keys import list_api_keys, make_api_key
from tests.factories import Floor
from tests.ui.conftest import SignIn, sees

PAGE = "/admin/api-keys"


class TestAdminApiKeys:
    async def test_makes_a_key_and_shows_it_once(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(PAGE)
        await sees(admin, "There are no keys yet.")

        admin.find(marker="add-key").click()
        admin.find(marker="field-name").type("ERP")
        admin.find(marker="save").click()
        await sees(admin, "Choose what the key may do")
        with admin:
            (scopes,) = admin.find(marker="field-scopes").elements
            assert isinstance(scopes, ui.select)
            scopes.set_value(["production.order.read"])
        admin.find(marker="save").click()
        await sees(admin, "It is shown this once and kept nowhere.")

        (shown,) = admin.find(marker="shown-once").elements
        assert isinstance(shown, ui.input)
        assert is_well_formed(str(shown.value))
        await sees(admin, "Valid")

    async def test_tells_what_a_key_may_do_and_revokes_it(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            expires_at = work.now + timedelta(days=1)
            await make_api_key(work, name="ERP", scopes=["production.order.*"], expires_at=expires_at)
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(PAGE)
        await sees(admin, "Never")

        admin.find(marker="show-rights").click()
        await sees(admin, "Plan, release and end orders, and write materials and routings; See orders")
        admin.find(marker="revoke-key").click()
        admin.find(marker="save").click()

        await sees(admin, "Revoked")
        async with read(floor.acting_as(Role.ADMIN)) as work:
            assert [key.state for key in (await list_api_keys(work)).items] == ["revoked"]

    async def test_lets_who_may_only_read_look(self, floor: Floor, supervisor: User) -> None:
        await supervisor.open(PAGE)

        await sees(supervisor, "There are no keys yet.")
        await supervisor.should_not_see(marker="add-key")
