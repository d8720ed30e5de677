"""An inspector searches the audit, opens entries and verifies the chain, click by click."""

from collections.abc import Callable

import pytest
from nicegui import ui
from nicegui.testing import User

from domain.identity.roles import Role
from services.audit import chain
from services.audit.chain import seal_now
from services.db.tables import Machine
from services.db.work import begin
from services.identity.people import invite_person
from services.identity.roles import add_role
from services.plant.machines import edit_machine
from tests.factories import Connection, Floor
from tests.ui.conftest import SignIn, sees, until


def texts(user: User) -> str:
    return " ".join(label.text for label in user.find(kind=ui.label).elements)


async def renamed(floor: Floor, name: str) -> None:
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        machine = await work.session.get_one(Machine, floor.machine_id)
        await edit_machine(work, machine_id=machine.id, version=machine.version, name=name)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Wait less for what other tests are still writing: transactions of the whole server are in each other's way."""
    return lambda: monkeypatch.setattr(chain, "PATIENCE_S", 2.0)


class TestAuditPage:
    async def test_shows_changes_with_their_names(self, floor: Floor, sign_in: SignIn) -> None:
        await renamed(floor, "Press 4")
        admin = await sign_in(floor, Role.ADMIN)

        await admin.open("/admin/audit?table=machines&action=update")

        await sees(admin, f"Machine {floor.machine_code} changed")
        assert "Press 4" in texts(admin)
        assert len(admin.find(marker="entry").elements) == 1

    async def test_says_whom_an_invitation_is_for_and_what_a_role_grants(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await add_role(work, key="clerk", name="Clerk", grants=["production.order.edit"])
            await invite_person(
                work, email=f"vera@{floor.slug}.example", display_name="Vera", roles=["viewer"], base_url="http://mes"
            )
        admin = await sign_in(floor, Role.ADMIN)

        await admin.open("/admin/audit")

        await sees(admin, "Invitation Vera added")
        assert "Permission Plan, release and end orders, and write materials and routings added" in texts(admin)

    async def test_searches_and_keeps_the_filters_in_the_address(self, floor: Floor, sign_in: SignIn) -> None:
        await renamed(floor, "Press 4")
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/audit")
        await admin.should_see(marker="entry", retries=60)

        admin.find(marker="filter-words").type("Press 4")

        await until(lambda: len(admin.find(marker="entry").elements) == 1)
        (link,) = admin.find(marker="export-csv").elements
        assert link.props["href"] == "/api/v1/audit/export?search=Press+4&format=csv"

    async def test_shows_what_was_refused_in_words(self, floor: Floor, sign_in: SignIn) -> None:
        operator = await sign_in(floor, Role.OPERATOR)
        await operator.open("/admin/audit")
        await sees(operator, "You may not do this.")
        admin = await sign_in(floor, Role.ADMIN)

        async def listed() -> bool:
            await admin.open("/admin/audit?action=refused")
            return "Refused: See who changed" in texts(admin)

        for _ in range(20):
            if await listed():
                break
        assert "The operator" in texts(admin)

    async def test_verifies_the_chain(self, floor: Floor, sign_in: SignIn, impatient: Callable[[], None]) -> None:
        impatient()
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/audit")

        admin.find(marker="verify-chain").click()

        await until(lambda: "entries fit" in texts(admin))
        assert "Altered" not in texts(admin)

    async def test_names_the_first_altered_entry(
        self, floor: Floor, sign_in: SignIn, impatient: Callable[[], None], superuser_connection: Connection
    ) -> None:
        await seal_now(floor.scope)
        impatient()
        await superuser_connection.execute(
            "UPDATE audit_log SET user_id = $3 WHERE org_id = $1 AND row_id = $2",
            floor.scope.org_id, floor.machine_id, floor.user_ids[Role.OPERATOR],
        )  # fmt: skip
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/audit")

        admin.find(marker="verify-chain").click()

        await until(lambda: "Altered:" in texts(admin))
        assert f"Machine {floor.machine_id}" in texts(admin)
        assert "The entry was changed." in texts(admin)

    async def test_verifies_against_a_link_that_was_noted_down(
        self, floor: Floor, sign_in: SignIn, impatient: Callable[[], None]
    ) -> None:
        impatient()
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/audit")

        admin.find(marker="field-anchor").type(f"1:{'0' * 64}")
        admin.find(marker="verify-chain").click()

        await until(lambda: "does not stand in the chain" in texts(admin))
