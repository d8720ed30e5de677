"""The platform: what its people do to organizations, and that they see nothing of them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import select, text

from domain.errors import Conflict, Forbidden, NotFound
from domain.events import OrganizationEdited
from domain.identity.accounts import InvalidHost, InvalidSlug
from domain.identity.roles import PLATFORM, Permission, Role
from domain.scope import Scope
from services.auth.attempts import SignInAttempts
from services.auth.permissions import permissions_of
from services.auth.tokens import NotSignedIn, TokenIssuer
from services.db.keys import new_id
from services.db.tables import AuditEntry, Machine, Organization, Plant, User, UserRole
from services.db.work import begin, read
from services.events.hub import Hub
from services.identity.api_keys import make_api_key
from services.identity.assignments import PlatformRole
from services.identity.invitations import InvitationOver, accept_invitation, find_invited, invite_user
from services.identity.key_holders import KeyHolders
from services.identity.organizations import OrganizationAddress, organization_of_address
from services.identity.platform import (
    AddressTaken,
    AlreadyEntered,
    OrganizationFacts,
    PlatformStays,
    add_organization,
    edit_organization,
    find_platform,
    found_platform,
    get_organization,
    invite_first_admin,
    list_organizations,
    resume_organization,
    suspend_organization,
)
from services.identity.sessions import Sessions
from services.identity.sign_ins import Device, OrganizationSuspended, refresh, sign_in
from services.identity.users import SlugTaken, add_user
from services.jobs import worker
from services.jobs.registry import REGISTRY, Job, Registered, enqueue
from tests.factories import PASSWORD, Connection, Floor, Platform, enter

ISSUER = TokenIssuer("k" * 40, access_lifetime=timedelta(minutes=30), refresh_lifetime=timedelta(days=7))
BASE = "https://mes.example"
EVERYTHING = permissions_of(frozenset({Role.ADMIN, PLATFORM}))


async def facts_of(platform: Platform, organization_id: UUID) -> OrganizationFacts:
    """Return what the platform knows of an organization."""
    async with read(platform.acting()) as work:
        return await get_organization(work, organization_id)


async def suspended(platform: Platform, floor: Floor) -> None:
    """Commit the suspension of a floor's organization."""
    async with begin(platform.acting()) as work:
        known = await get_organization(work, floor.scope.org_id)
        await suspend_organization(work, organization_id=known.id, version=known.version)


async def resumed(platform: Platform, floor: Floor) -> None:
    """Commit its end."""
    async with begin(platform.acting()) as work:
        known = await get_organization(work, floor.scope.org_id)
        await resume_organization(work, organization_id=known.id, version=known.version)


class TestListOrganizations:
    async def test_tells_names_and_counts_of_all(self, platform: Platform, floor: Floor, other: Floor) -> None:
        seen: dict[UUID, OrganizationFacts] = {}
        after: str | None = None
        async with read(platform.acting()) as work:
            while True:
                page = await list_organizations(work, after=after, limit=50)
                seen |= {one.id: one for one in page.items}
                if not page.has_more:
                    break
                after = page.items[-1].slug

        assert {floor.scope.org_id, other.scope.org_id, platform.scope.org_id} <= set(seen)
        one = seen[floor.scope.org_id]
        assert (one.users, one.plants, one.machines) == (len(Role), 1, 1)
        assert (one.is_active, one.is_platform) == (True, False)
        assert seen[platform.scope.org_id].is_platform

    async def test_leaves_the_transaction_where_it_was(self, platform: Platform, floor: Floor) -> None:
        async with read(platform.acting()) as work:
            await get_organization(work, floor.scope.org_id)

            assert (await work.session.execute(select(Organization.id))).scalars().all() == [platform.scope.org_id]
            assert (await work.session.execute(select(Machine))).all() == []

    @pytest.mark.parametrize("role", Role)
    async def test_refuses_every_role_of_an_organization(self, role: Role, floor: Floor) -> None:
        async with read(floor.acting_as(role)) as work:
            with pytest.raises(Forbidden):
                await list_organizations(work)
            with pytest.raises(Forbidden):
                await get_organization(work, floor.scope.org_id)

    async def test_refuses_an_organization_that_claims_the_rights(self, floor: Floor, other: Floor) -> None:
        claimed = replace(floor.acting_as(Role.ADMIN), permissions=EVERYTHING)
        for scope in (claimed, floor.scope):
            async with begin(scope) as work:
                for refused in (
                    list_organizations(work),
                    get_organization(work, other.scope.org_id),
                    add_organization(
                        work, slug="own", name="Own", admin_email="a@b.example", admin_name="A", base_url=BASE
                    ),
                    edit_organization(work, organization_id=other.scope.org_id, version=1, name="Mine"),
                    suspend_organization(work, organization_id=other.scope.org_id, version=1),
                    resume_organization(work, organization_id=other.scope.org_id, version=1),
                ):
                    with pytest.raises(Forbidden):
                        await refused


class TestPlatform:
    """An attack of its admin on an organization, as the runtime role."""

    async def test_reads_no_row_of_an_organization(self, platform: Platform, floor: Floor) -> None:
        async with read(platform.acting()) as work:
            for table in (User, Plant, Machine, UserRole, AuditEntry):
                statement = select(table).where(table.org_id == floor.scope.org_id)
                assert (await work.session.execute(statement)).all() == [], table

    async def test_counts_and_nothing_else_come_out_of_its_functions(
        self, platform: Platform, floor: Floor, app_connection: Connection
    ) -> None:
        async with app_connection.transaction():
            await enter(app_connection, platform.scope)
            row = await app_connection.fetchrow("SELECT * FROM app.organization_facts($1)", [floor.scope.org_id])

        assert row is not None
        assert set(row.keys()) == {
            "id", "slug", "name", "host", "is_active", "is_platform", "created_at", "version", "users", "plants",
            "machines", "is_entered",
        }  # fmt: skip

    @pytest.mark.parametrize(
        "call",
        [
            "SELECT app.organization_ids('', 10)",
            "SELECT app.organization_facts(ARRAY[app.current_org()])",
            "SELECT app.edit_organization(app.current_org(), 1, 'x1', 'X', NULL, false)",
            "UPDATE organizations SET is_platform = true",
            "UPDATE organizations SET is_active = false",
            "INSERT INTO user_roles (org_id, user_id, role) SELECT org_id, id, 'platform' FROM users LIMIT 1",
            "UPDATE user_roles SET role = 'platform' WHERE role = 'viewer'",
        ],
    )
    async def test_cannot_be_played_by_another_organization(
        self, platform: Platform, floor: Floor, app_connection: Connection, call: str
    ) -> None:
        transaction = app_connection.transaction()
        await transaction.start()
        await enter(app_connection, floor.scope)

        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app_connection.execute(call)

        await transaction.rollback()

    async def test_is_founded_once(self, platform: Platform) -> None:
        async with begin(Scope(new_id())) as work:
            assert not await found_platform(work, slug="second", name="Second")
            assert (await work.session.execute(select(Organization))).all() == []

        assert await find_platform() == platform.scope.org_id

    async def test_gives_its_role_to_nobody_else(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            with pytest.raises(PlatformRole):
                await add_user(work, email="x@y.example", display_name="X", roles={PLATFORM})

    async def test_has_an_area_that_no_other_pattern_reaches(self) -> None:
        assert Permission.READ_ORGANIZATIONS not in permissions_of(frozenset(Role))
        assert Permission.READ_ORGANIZATIONS in permissions_of(frozenset({PLATFORM}))


class TestAddOrganization:
    async def test_makes_it_with_its_first_admin(self, platform: Platform) -> None:
        slug = f"new-{new_id().hex[:20]}"

        async with begin(platform.acting()) as work:
            added = await add_organization(
                work, slug=slug, name="New works", admin_email="Ada@New.example", admin_name="Ada", base_url=BASE
            )
            assert work.scope.org_id == platform.scope.org_id
            assert (await work.session.execute(select(Organization.id))).scalars().all() == [platform.scope.org_id]

        assert added.invitation_link is not None
        async with read(Scope(added.id)) as work:
            admin = (await work.session.execute(select(User))).scalar_one()
            assert (admin.email, admin.password_hash) == ("ada@new.example", None)
            assert (await work.session.execute(select(UserRole.role))).scalars().all() == ["admin"]
            made = (
                await work.session.execute(select(AuditEntry).where(AuditEntry.table_name == "organizations"))
            ).scalar_one()
            assert made.user_id == platform.user_id

    async def test_makes_nothing_when_the_admin_cannot_be(self, platform: Platform) -> None:
        slug = f"new-{new_id().hex[:20]}"

        with pytest.raises(Exception, match="e-mail"):
            async with begin(platform.acting()) as work:
                await add_organization(
                    work, slug=slug, name="New", admin_email="nobody", admin_name="Ada", base_url=BASE
                )

        assert await organization_of_address(slug=slug, host="") is None

    async def test_refuses_a_short_name_that_is_taken(self, platform: Platform, floor: Floor) -> None:
        async with begin(platform.acting()) as work:
            with pytest.raises(SlugTaken):
                await add_organization(
                    work, slug=floor.slug, name="N", admin_email="a@b.example", admin_name="A", base_url=BASE
                )
            with pytest.raises(InvalidSlug):
                await add_organization(
                    work, slug="No", name="N", admin_email="a@b.example", admin_name="A", base_url=BASE
                )

    async def test_by_two_at_once_makes_one(self, platform: Platform) -> None:
        slug = f"new-{new_id().hex[:20]}"

        async def add() -> object:
            async with begin(platform.acting()) as work:
                return await add_organization(
                    work, slug=slug, name="N", admin_email="a@b.example", admin_name="A", base_url=BASE
                )

        results = await asyncio.gather(add(), add(), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["AddedOrganization", "SlugTaken"]


class TestInviteFirstAdmin:
    async def test_replaces_the_link_until_somebody_came_in(self, platform: Platform) -> None:
        slug = f"new-{new_id().hex[:20]}"
        async with begin(platform.acting()) as work:
            wish = {"slug": slug, "name": "N", "admin_email": f"a@{slug}.example", "admin_name": "A"}
            first = await add_organization(work, **wish, base_url=BASE)
        async with begin(platform.acting()) as work:
            second = await invite_first_admin(work, organization_id=first.id, base_url=BASE)
        tokens = [str(link).partition("token=")[2] for link in (first.invitation_link, second.invitation_link)]

        with pytest.raises(InvitationOver):
            await find_invited(tokens[0])
        assert not (await facts_of(platform, first.id)).is_entered
        await accept_invitation(ISSUER, token=tokens[1], password="a long password", device=Device("192.0.2.1"))

        assert (await facts_of(platform, first.id)).is_entered
        async with begin(platform.acting()) as work:
            with pytest.raises(AlreadyEntered):
                await invite_first_admin(work, organization_id=first.id, base_url=BASE)

    async def test_never_takes_an_organization_from_who_comes_in_at_that_moment(self, platform: Platform) -> None:
        for _ in range(5):
            slug = f"new-{new_id().hex[:20]}"
            async with begin(platform.acting()) as work:
                wish = {"slug": slug, "name": "N", "admin_email": f"a@{slug}.example", "admin_name": "A"}
                added = await add_organization(work, **wish, base_url=BASE)
            token = str(added.invitation_link).partition("token=")[2]

            async def again(organization_id: UUID = added.id) -> str:
                await asyncio.sleep(0.2)  # about as long as the other one hashes the password
                async with begin(platform.acting()) as work:
                    link = (
                        await invite_first_admin(work, organization_id=organization_id, base_url=BASE)
                    ).invitation_link
                    return str(link).partition("token=")[2]

            came, link = await asyncio.gather(
                accept_invitation(ISSUER, token=token, password="a long password", device=Device("192.0.2.1")),
                again(),
                return_exceptions=True,
            )

            if isinstance(came, InvitationOver):
                assert await find_invited(str(link))
            else:
                assert isinstance(link, AlreadyEntered), link

    async def test_opens_no_organization_that_people_use(self, platform: Platform, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await invite_user(work, user_id=floor.user_ids[Role.ADMIN], base_url=BASE)
        async with begin(platform.acting()) as work:
            with pytest.raises(AlreadyEntered):
                await invite_first_admin(work, organization_id=floor.scope.org_id, base_url=BASE)
            with pytest.raises(NotFound):
                await invite_first_admin(work, organization_id=new_id(), base_url=BASE)

    async def test_refuses_everybody_else(self, floor: Floor, other: Floor) -> None:
        claimed = replace(floor.acting_as(Role.ADMIN), permissions=EVERYTHING)
        for scope in (floor.acting_as(Role.ADMIN), claimed):
            async with begin(scope) as work:
                with pytest.raises(Forbidden):
                    await invite_first_admin(work, organization_id=other.scope.org_id, base_url=BASE)


class TestEditOrganization:
    async def test_renames_it(self, platform: Platform, floor: Floor) -> None:
        host = f"{new_id().hex}.example"
        async with begin(platform.acting()) as work:
            await edit_organization(
                work, organization_id=floor.scope.org_id, version=1, name=" Better works ", host=host.upper()
            )
            assert work.events == [OrganizationEdited(organization_id=floor.scope.org_id)]

        known = await facts_of(platform, floor.scope.org_id)
        assert (known.name, known.slug, known.host, known.version) == ("Better works", floor.slug, host, 2)
        async with read(floor.scope) as work:
            entry = (
                await work.session.execute(
                    select(AuditEntry).where(AuditEntry.table_name == "organizations", AuditEntry.action == "update")
                )
            ).scalar_one()
        assert entry.user_id == platform.user_id

    async def test_refuses_what_was_changed_meanwhile_or_is_taken(
        self, platform: Platform, floor: Floor, other: Floor
    ) -> None:
        async with begin(platform.acting()) as work:
            with pytest.raises(Conflict):
                await edit_organization(work, organization_id=floor.scope.org_id, version=7, name="X")
            with pytest.raises(AddressTaken):
                await edit_organization(work, organization_id=floor.scope.org_id, version=1, slug=other.slug)
            with pytest.raises(NotFound):
                await edit_organization(work, organization_id=new_id(), version=1, name="X")
            for host in ("https://mes.example", "localhost", "a b.example", "mes.example/x", "-a.example", "x" * 300):
                with pytest.raises(InvalidHost):
                    await edit_organization(work, organization_id=floor.scope.org_id, version=1, host=host)
            await edit_organization(work, organization_id=floor.scope.org_id, version=1, name="Still works")

        assert (await facts_of(platform, floor.scope.org_id)).name == "Still works"


class TestSuspendOrganization:
    async def test_lets_nobody_in_until_it_is_resumed(self, platform: Platform, floor: Floor) -> None:
        who = {"email": floor.emails[Role.ADMIN], "password": PASSWORD, "device": Device("192.0.2.1")}
        tokens = await sign_in(ISSUER, SignInAttempts(10), **who)  # type: ignore[arg-type]
        await suspended(platform, floor)

        with pytest.raises(NotSignedIn):
            await Sessions().viewer(tokens.access_claims)
        with pytest.raises(NotSignedIn):
            await refresh(ISSUER, refresh_token=tokens.refresh)
        with pytest.raises(OrganizationSuspended):
            await sign_in(ISSUER, SignInAttempts(10), **who)  # type: ignore[arg-type]

        await resumed(platform, floor)

        assert (await Sessions().viewer(tokens.access_claims)).user_id == floor.user_ids[Role.ADMIN]

    async def test_does_not_say_so_to_who_knows_no_password(self, platform: Platform, floor: Floor) -> None:
        await suspended(platform, floor)

        with pytest.raises(Exception, match="wrong"):
            await sign_in(
                ISSUER, SignInAttempts(10), email=floor.emails[Role.ADMIN], password="x", device=Device("192.0.2.1")
            )

    async def test_ends_keys_and_sessions_of_other_processes_within_a_second(
        self, platform: Platform, floor: Floor, hub: Hub
    ) -> None:
        tokens = await sign_in(
            ISSUER, SignInAttempts(10), email=floor.emails[Role.ADMIN], password=PASSWORD, device=Device("192.0.2.1")
        )
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            expires_at = work.now + timedelta(days=1)
            key = await make_api_key(work, name="ERP", scopes=["*.*.read"], expires_at=expires_at)
        sessions, holders = Sessions(), KeyHolders()
        hub.on_any_event(sessions.hear)
        hub.on_any_event(holders.hear)
        await sessions.viewer(tokens.access_claims)
        await holders.holder(key.key)

        await suspended(platform, floor)

        async with asyncio.timeout(1):
            while sessions._known or holders.remembered(key.key):  # noqa: ASYNC110 - the hub tells its own listeners only
                await asyncio.sleep(0.01)
        with pytest.raises(NotSignedIn):
            await holders.holder(key.key)

    async def test_refuses_the_platforms_own(self, platform: Platform) -> None:
        async with begin(platform.acting()) as work:
            with pytest.raises(PlatformStays):
                await suspend_organization(work, organization_id=platform.scope.org_id, version=1)

    async def test_lets_jobs_wait_without_wearing_them_out(
        self, platform: Platform, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Wave(Job):
            """Wave."""

            name = "test.hand.wave"

        done: list[UUID] = []

        async def wave(work: object, _: Job) -> None:
            done.append(floor.scope.org_id)

        monkeypatch.setitem(REGISTRY, Wave.name, Registered(Wave, for_tenant=wave))
        await suspended(platform, floor)
        async with begin(floor.scope) as work:
            await enqueue(work, Wave())
        asked = text("SELECT msg_id, read_ct, vt > now() AS waits FROM pgmq.q_jobs WHERE message ->> 'org' = :org")
        org = {"org": str(floor.scope.org_id)}

        while await worker.work_once():
            pass
        async with read(floor.scope) as work:
            rows = (await work.session.execute(asked, org)).all()
        assert (done, [(row.read_ct, row.waits) for row in rows]) == ([], [(0, True)])

        await resumed(platform, floor)
        async with begin(floor.scope) as work:
            await work.session.execute(
                text("UPDATE pgmq.q_jobs SET vt = now() - interval '1 second' WHERE message ->> 'org' = :org"), org
            )
        while await worker.work_once():
            pass
        assert done == [floor.scope.org_id]


class TestOrganizationOfAddress:
    async def test_tells_public_facts_by_host_first_and_then_by_short_name(
        self, platform: Platform, floor: Floor, other: Floor
    ) -> None:
        host = f"{new_id().hex}.example"
        async with begin(platform.acting()) as work:
            await edit_organization(work, organization_id=floor.scope.org_id, version=1, host=host)
        own = OrganizationAddress(id=floor.scope.org_id, slug=floor.slug, name="Test works")

        assert await organization_of_address(slug=floor.slug, host="") == own
        assert await organization_of_address(slug="", host=host.upper()) == own
        assert await organization_of_address(slug=other.slug, host=host) == own
        assert (await organization_of_address(slug=other.slug, host="mes.test")) is not None

    @pytest.mark.parametrize("slug", ["", "nowhere", "\x00", "' OR true --", "x" * 5000, "\ud800"])
    async def test_knows_nothing_of_what_is_not_there(self, slug: str, floor: Floor) -> None:
        assert await organization_of_address(slug=slug, host="nowhere.example") is None

    async def test_hides_a_suspended_organization(self, platform: Platform, floor: Floor) -> None:
        await suspended(platform, floor)

        assert await organization_of_address(slug=floor.slug, host="") is None
