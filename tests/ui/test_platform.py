"""The platform's page, and whose the sign-in page is."""

from dataclasses import replace

import pytest
from nicegui.testing import User

from domain.identity.roles import Role
from services.auth.attempts import SignInAttempts
from services.db.keys import new_id
from services.db.work import begin, read
from services.identity.organizations import organization_of_address
from services.identity.platform import get_organization, suspend_organization
from services.jobs.worker import work_once
from services.organizations.deletions import plan_deletion
from tests.api.doors import Door
from tests.factories import PASSWORD, Connection, Floor, Platform
from tests.ui.conftest import SignIn, sees, until

PAGE = "/platform/organizations"


class TestPlatformOrganizations:
    async def test_is_where_the_platforms_people_start(self, pat: User) -> None:
        assert (await pat.http_client.get("/")).headers["location"] == PAGE

    async def test_makes_an_organization(self, pat: User) -> None:
        slug = f"aa-{new_id().hex[:20]}"
        await pat.open(PAGE)
        await sees(pat, "You see names and counts.")

        pat.find(marker="add-organization").click()
        pat.find(marker="field-name").type("Acme works")
        pat.find(marker="field-slug").type(slug)
        pat.find(marker="field-admin_name").type("Ada Admin")
        pat.find(marker="field-email").type("nobody")
        pat.find(marker="save").click()
        await sees(pat, "must be an e-mail address")
        pat.find(marker="field-email").clear().type(f"ada@{slug}.example")
        pat.find(marker="save").click()

        await sees(pat, "Hand this link to the first admin")
        assert await organization_of_address(slug=slug, host="") is not None

    async def test_suspends_and_its_open_pages_leave(
        self, pat: User, platform: Platform, floor: Floor, sign_in: SignIn
    ) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/badges")
        client = admin.client
        assert client is not None

        async with begin(platform.acting()) as work:
            await suspend_organization(work, organization_id=floor.scope.org_id, version=1)

        await until(lambda: client.is_deleted)
        answer = await admin.http_client.get("/admin/badges")
        assert answer.headers["location"].startswith("/sign-in")
        async with read(platform.acting()) as work:
            assert not (await get_organization(work, floor.scope.org_id)).is_active

    async def test_shows_an_end_as_it_happens_and_what_is_left_of_it(
        self, pat: User, floor: Floor, door: Door, superuser_connection: Connection
    ) -> None:
        await superuser_connection.execute("DELETE FROM pgmq.q_jobs")
        tokens = await door.tokens(floor, Role.ADMIN)
        admin = replace(floor.acting_as(Role.ADMIN), session_id=tokens.access_claims.session_id)
        await pat.open(PAGE)
        async with begin(admin) as work:
            await plan_deletion(
                work, SignInAttempts(10), organization_id=floor.scope.org_id, slug=floor.slug, password=PASSWORD,
                after_days=0,
            )  # fmt: skip

        await work_once()

        await pat.should_see(marker="gone-organization", retries=60)
        await sees(pat, floor.slug)

    @pytest.mark.parametrize("role", Role)
    async def test_is_closed_to_everybody_else(self, role: Role, floor: Floor, sign_in: SignIn) -> None:
        user = await sign_in(floor, role)

        await user.open(PAGE)

        await user.should_see("You may not do this.")
        await user.should_not_see("Make an organization")


class TestSignInPage:
    async def test_says_whose_it_is(self, visitor: User, floor: Floor) -> None:
        await visitor.open(f"/sign-in?org={floor.slug}")

        await visitor.should_see("Test works")

    async def test_of_an_unknown_organization_is_everybodys(self, visitor: User) -> None:
        texts = []
        for address in ("/sign-in", "/sign-in?org=nowhere"):
            answer = await visitor.http_client.get(address)
            texts.append(answer.text)

        assert "nowhere" not in texts[1]
        assert all("Unison MES" in text for text in texts)

    async def test_lets_in_the_organizations_own_people_only(self, visitor: User, floor: Floor, other: Floor) -> None:
        form = {"email": floor.emails[Role.ADMIN], "password": "correct horse battery staple"}

        refused = await visitor.http_client.post("/sign-in", data={**form, "organization": other.slug})
        opened = await visitor.http_client.post("/sign-in", data={**form, "organization": floor.slug})

        assert refused.headers["location"] == f"/sign-in?problem=wrong_password&next=%2F&org={other.slug}"
        assert opened.headers["location"] == "/"
