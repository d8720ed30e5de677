"""The page of sign-in providers, and their buttons on the sign-in page."""

import pytest
from nicegui.testing import User

from domain.identity.roles import Role
from services.db.work import begin, read
from services.identity.sign_in_providers import add_provider, list_providers
from tests.factories import Floor
from tests.ui.conftest import SignIn, sees
from ui.kit.process import Process

PAGE = "/admin/sign-in-providers"


@pytest.fixture
async def admin(floor: Floor, sign_in: SignIn) -> User:
    """The admin of the floor."""
    return await sign_in(floor, Role.ADMIN)


async def added(floor: Floor, process: Process, *, secret: str = "") -> None:
    """Commit a provider of the floor."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        await add_provider(
            work, box=process.provider_door.secrets, label="Works account", issuer="https://id.invalid",
            client_id="unison", client_secret=secret,
        )  # fmt: skip


class TestAdminSignInProviders:
    async def test_adds_a_provider_whose_button_shows_at_once(self, admin: User, floor: Floor, visitor: User) -> None:
        await admin.open(PAGE)
        await sees(admin, "There is no provider yet")
        await admin.should_see("http://mes.test/sign-in/callback")

        admin.find(marker="add-provider").click()
        admin.find(marker="field-label").type("Sign in with Acme")
        admin.find(marker="field-issuer").type("http://id.example")
        admin.find(marker="field-client_id").type("unison")
        admin.find(marker="field-client_secret").type("s3cret")
        admin.find(marker="save").click()
        await sees(admin, "begins with https://")
        admin.find(marker="field-issuer").clear().type("https://id.example")
        admin.find(marker="save").click()
        await sees(admin, "Lets in people who are users already")

        await visitor.open(f"/sign-in?org={floor.slug}")
        await visitor.should_see("Sign in with Acme")
        await visitor.open("/sign-in")
        await visitor.should_not_see("Sign in with Acme")

    async def test_edits_one_without_showing_its_secret(self, admin: User, floor: Floor, process: Process) -> None:
        await added(floor, process, secret="s3cret")
        await admin.open(PAGE)
        await sees(admin, "Works account")

        admin.find(marker="edit-provider").click()
        (secret,) = admin.find(marker="field-client_secret").elements
        assert (secret.props["hint"], secret.props["type"]) == ("Kept; empty leaves it as it is.", "password")
        await admin.should_not_see("s3cret")
        admin.find(marker="field-email_domains").type("works.example")
        admin.find(marker="save").click()

        await sees(admin, "Lets in people who are users already (works.example)")
        async with read(floor.acting_as(Role.ADMIN)) as work:
            assert [provider.has_secret for provider in await list_providers(work)] == [True]

    async def test_checks_one_and_says_what_is_wrong(self, admin: User, floor: Floor, process: Process) -> None:
        await added(floor, process)
        await admin.open(PAGE)
        await sees(admin, "Works account")

        admin.find(marker="check-provider").click()

        await sees(admin, "The sign-in provider cannot be reached right now.")

    async def test_lets_who_may_only_read_look(self, supervisor: User) -> None:
        await supervisor.open(PAGE)

        await sees(supervisor, "There is no provider yet")
        await supervisor.should_not_see(marker="add-provider")


class TestSignInPage:
    @pytest.mark.parametrize(
        ("problem", "sentence"),
        [
            ("provider_away", "The sign-in provider cannot be reached right now."),
            ("provider_refused", "did not confirm who you are"),
            ("provider_misconfigured", "is not set up correctly"),
            ("secret_lost", "is not set up correctly"),
            ("not_found", "is not set up correctly"),
            ("sign_in_over", "This sign-in is over or was used already."),
            ("mail_not_confirmed", "has not confirmed your e-mail address"),
            ("no_account", "You have no account here."),
            ("organization_suspended", "Your organization is suspended."),
        ],
    )
    async def test_says_what_went_wrong_at_a_provider(self, visitor: User, problem: str, sentence: str) -> None:
        await visitor.open(f"/sign-in?problem={problem}")

        await visitor.should_see(sentence)
