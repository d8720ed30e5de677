"""What people meet in an organization in which nobody has set anything up."""

from collections.abc import Awaitable, Callable

import pytest
from nicegui import ui
from nicegui.testing import User

from domain.identity.roles import Role
from domain.scope import Scope
from services.db.work import begin
from tests.api.doors import Door
from tests.factories import Make
from tests.ui.conftest import browser, sees
from ui.api.browser_session import ACCESS_COOKIE
from ui.kit.process import Process

Come = Callable[[Role], Awaitable[User]]


@pytest.fixture
def come(process: Process, scope: Scope, make: Make, visitor: User) -> Come:
    """Hires somebody into an organization that has nothing, and signs them in."""
    door = Door(process.settings, issuer=process.issuer, sessions=process.sessions)

    async def come(role: Role) -> User:
        async with begin(scope) as work:
            person = await make.user(work, role=role)
        user = User(browser())
        user.http_client.cookies.set(ACCESS_COOKIE, (await door.tokens_of(scope.org_id, person.id)).access)
        return user

    return come


class TestHome:
    async def test_leads_who_can_set_up_to_the_checklist(self, come: Come) -> None:
        for role, start in ((Role.ADMIN, "/admin"), (Role.SUPERVISOR, "/plant"), (Role.OPERATOR, "/terminal")):
            person = await come(role)

            answer = await person.http_client.get("/")

            assert answer.headers["location"] == start


class TestPages:
    @pytest.mark.parametrize(
        "path", ["/plant", "/orders", "/materials", "/kpis", "/shift", "/wall", "/terminal", "/admin/andon"]
    )
    async def test_lead_an_admin_to_what_is_missing(self, come: Come, path: str) -> None:
        admin = await come(Role.ADMIN)

        await admin.open(path)

        await sees(admin, "yet")
        (button,) = admin.find("Set up plants and machines").elements
        assert isinstance(button, ui.button)
        assert button.props["href"] == "/admin/plants"

    async def test_tell_others_who_can_help(self, come: Come) -> None:
        viewer = await come(Role.VIEWER)

        await viewer.open("/plant")

        await sees(viewer, "as soon as an admin has set it up")
        await viewer.should_not_see("Set up plants and machines")
