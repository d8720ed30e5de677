"""The end of an organization: planned and taken back, and then nothing of it is left and everything of the others."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import func, select, text

from domain.checks import InvalidWholeNumber
from domain.errors import Conflict, Forbidden, NotFound
from domain.events import DeletionMoved, OrganizationEdited
from domain.files.purposes import FilePurpose
from domain.identity.roles import PLATFORM, Permission, Role
from domain.operations.deletions import (
    DeletionPlanned,
    DeletionState,
    NoDeletionPlanned,
    NotItsShortName,
    StillActive,
)
from domain.scope import Scope
from services.auth.attempts import SignInAttempts, TooManyAttempts
from services.auth.permissions import permissions_of
from services.auth.tokens import NotSignedIn, TokenIssuer
from services.db.engine import without_tenant
from services.db.keys import new_id
from services.db.tables import AuditEntry, Material, Organization, SignInSession, User
from services.db.work import NotInEveryPlant, begin, read
from services.file_store import current_file_store
from services.files.kept_files import keep_file
from services.identity.own_account import NotYourPassword, OnlyYourself, SignInAgain
from services.identity.platform import PlatformStays, get_organization, resume_organization, suspend_organization
from services.identity.sessions import Sessions
from services.identity.sign_ins import Device, WrongPassword, sign_in
from services.identity.users import add_user, found_organization
from services.jobs.worker import work_once
from services.organizations import deletion_jobs
from services.organizations.deletion_jobs import (
    DeleteDueOrganizations,
    DeleteOrganization,
    delete_due_organizations,
    delete_organization,
)
from services.organizations.deletions import (
    Deletion,
    find_deletion,
    keep_organization,
    list_deletions,
    plan_deletion,
)
from tests.architecture.furnished import furnish
from tests.architecture.schema import read_tables
from tests.factories import PASSWORD, Connection, Floor, Platform

ISSUER = TokenIssuer("k" * 40, access_lifetime=timedelta(minutes=30), refresh_lifetime=timedelta(days=7))
HERE = Device("192.0.2.1")


@pytest.fixture(autouse=True)
async def empty_queue(superuser_connection: Connection) -> None:
    """No job of another test."""
    await superuser_connection.execute("DELETE FROM pgmq.q_jobs; DELETE FROM pgmq.a_jobs")


async def signed_in(floor: Floor, role: Role = Role.ADMIN) -> Scope:
    """Sign somebody of the floor in, and return their scope."""
    tokens = await sign_in(ISSUER, SignInAttempts(10), email=floor.emails[role], password=PASSWORD, device=HERE)
    claims = tokens.access_claims
    return replace(floor.acting_as(role), user_id=claims.user_id, session_id=claims.session_id)


async def planned(
    scope: Scope, floor: Floor, *, days: int = 0, password: str = PASSWORD, slug: str | None = None
) -> Deletion:
    """Plan the end of a floor's organization."""
    async with begin(scope) as work:
        return await plan_deletion(
            work, SignInAttempts(10), organization_id=floor.scope.org_id, slug=slug or floor.slug, password=password,
            after_days=days,
        )  # fmt: skip


async def rows_of(connection: Connection, org_id: UUID) -> dict[str, int]:
    """Count the rows of an organization in every table, as somebody who sees all of them."""
    counts = {}
    for table in await read_tables(connection):
        if table.schema == "public" and table.org_column in table.columns and not table.is_partition:
            counts[table.name] = await connection.fetchval(
                f"SELECT count(*) FROM {table.name} WHERE {table.org_column} = $1", org_id
            )
    return counts


async def files_of(org_id: UUID) -> list[str]:
    """Return what the file store holds of an organization."""
    return [key async for key in current_file_store().keys(f"{org_id}/")]


async def gone(floor: Floor) -> None:
    """Delete a floor's organization at once, as its admin and a worker do."""
    await planned(await signed_in(floor), floor)
    await work_once()


class TestDeleteOrganization:
    async def test_leaves_nothing_of_it_and_everything_of_another(
        self, floor: Floor, other: Floor, superuser_connection: Connection
    ) -> None:
        for one in (floor, other):
            await furnish(one)
            async with begin(one.scope) as work:
                await keep_file(
                    work, purpose=FilePurpose.BRANDING, name="a.png", media_type="image/png", content=b"picture"
                )
        before, files = await rows_of(superuser_connection, other.scope.org_id), await files_of(other.scope.org_id)
        mine = await rows_of(superuser_connection, floor.scope.org_id)
        assert [name for name, count in mine.items() if not count] == []
        assert await files_of(floor.scope.org_id)
        await gone(floor)

        left = await rows_of(superuser_connection, floor.scope.org_id)
        assert {name: count for name, count in left.items() if count} == {}
        assert await files_of(floor.scope.org_id) == []
        assert await rows_of(superuser_connection, other.scope.org_id) == before
        assert await files_of(other.scope.org_id) == files

    async def test_leaves_no_message_in_any_queue(self, floor: Floor, superuser_connection: Connection) -> None:
        await furnish(floor)
        await gone(floor)
        queues = [row["queue_name"] for row in await superuser_connection.fetch("SELECT queue_name FROM pgmq.meta")]
        assert "jobs" in queues
        for queue in queues:
            for kind in "qa":
                left = await superuser_connection.fetchval(
                    f"SELECT count(*) FROM pgmq.{kind}_{queue} WHERE message ->> 'org' = $1", str(floor.scope.org_id)
                )
                assert left == 0, queue

    async def test_ends_every_session_first(self, floor: Floor) -> None:
        tokens = await sign_in(
            ISSUER, SignInAttempts(10), email=floor.emails[Role.ADMIN], password=PASSWORD, device=HERE
        )
        await gone(floor)

        with pytest.raises(NotSignedIn):
            await Sessions().viewer(tokens.access_claims)
        with pytest.raises(WrongPassword):
            await signed_in(floor)

    async def test_waits_until_its_day(self, floor: Floor, superuser_connection: Connection) -> None:
        deletion = await planned(await signed_in(floor), floor, days=14)
        await delete_organization(DeleteOrganization(organization_id=floor.scope.org_id))

        assert deletion.state is DeletionState.PLANNED
        assert deletion.due_at - deletion.asked_at == timedelta(days=14)
        assert (await rows_of(superuser_connection, floor.scope.org_id))["organizations"] == 1

    async def test_begins_by_itself_on_its_day(self, floor: Floor, superuser_connection: Connection) -> None:
        await planned(await signed_in(floor), floor, days=14)
        await superuser_connection.execute(
            "UPDATE app.deletions SET due_at = now() WHERE organization = $1", floor.scope.org_id
        )
        for _ in range(2):  # queued once, however often it is looked for
            async with without_tenant() as connection:
                await delete_due_organizations(connection, DeleteDueOrganizations())
        queued = await superuser_connection.fetchval(
            "SELECT count(*) FROM pgmq.q_jobs WHERE message ->> 'job' = $1", DeleteOrganization.name
        )
        await work_once()

        assert queued == 1
        assert (await rows_of(superuser_connection, floor.scope.org_id))["organizations"] == 0

    async def test_goes_on_after_a_worker_died(
        self, floor: Floor, superuser_connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Died(Exception):
            pass

        await furnish(floor)
        await planned(await signed_in(floor), floor)
        job = DeleteOrganization(organization_id=floor.scope.org_id)
        with monkeypatch.context() as dying:
            steps = iter(range(40))

            async def die(_self: object, _count: int) -> None:
                if next(steps, None) is None:
                    raise Died

            dying.setattr(deletion_jobs._Deletion, "_add", die)
            with pytest.raises(Died):
                await delete_organization(job)
        half = await rows_of(superuser_connection, floor.scope.org_id)
        await delete_organization(job)

        assert sum(half.values()) > 0
        assert sum((await rows_of(superuser_connection, floor.scope.org_id)).values()) == 0

    async def test_takes_along_what_somebody_still_wrote(
        self, floor: Floor, superuser_connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A job of the organization that had begun before sees no door close."""
        await planned(await signed_in(floor), floor)
        ended = deletion_jobs._Deletion._end
        written: list[bool] = []

        async def write_first(deletion: deletion_jobs._Deletion) -> bool:
            if not written:
                async with begin(floor.scope) as work:
                    work.session.add(Material(org_id=floor.scope.org_id, number="LATE", description="", unit="pcs"))
                written.append(await ended(deletion))
                return written[0]
            return await ended(deletion)

        monkeypatch.setattr(deletion_jobs._Deletion, "_end", write_first)
        await work_once()

        assert written == [False]
        assert sum((await rows_of(superuser_connection, floor.scope.org_id)).values()) == 0

    async def test_tells_the_platform_how_far_it_is_and_what_is_left_to_know(
        self, floor: Floor, platform: Platform
    ) -> None:
        await furnish(floor)
        await gone(floor)
        async with read(platform.acting()) as work:
            deletion = next(one for one in await list_deletions(work) if one.organization_id == floor.scope.org_id)

        assert (deletion.state, deletion.slug, deletion.by_platform) == (DeletionState.DONE, floor.slug, False)
        assert deletion.done == deletion.total > 50
        assert deletion.asked_by == ""

    async def test_frees_its_short_name_and_id(self, floor: Floor, superuser_connection: Connection) -> None:
        await gone(floor)
        async with begin(floor.scope) as work:
            await found_organization(work, slug=floor.slug, name="The next one")
            admin = await add_user(work, email="a@next.example", display_name="A", roles={Role.ADMIN})
            due = work.now + timedelta(days=1)
            await work.fetch("SELECT app.plan_deletion($1, 1, $2, $3)", floor.scope.org_id, due, admin.id)
        async with read(floor.acting_as(Role.ADMIN)) as work:
            deletion = await find_deletion(work, floor.scope.org_id)

        assert deletion is not None
        assert (deletion.state, deletion.name, deletion.done) == (DeletionState.PLANNED, "The next one", 0)


class TestPlanDeletion:
    @pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
    async def test_refuses_every_role_but_admins(self, role: Role, floor: Floor) -> None:
        with pytest.raises(Forbidden):
            await planned(await signed_in(floor, role), floor)

    async def test_refuses_who_may_in_some_plants_only(self, floor: Floor) -> None:
        admin = await signed_in(floor)
        with pytest.raises(NotInEveryPlant):
            await planned(
                replace(admin, plant_limits={Permission.DELETE_ORGANIZATION: frozenset({floor.plant_id})}), floor
            )

    async def test_wants_the_short_name_and_the_password(self, floor: Floor) -> None:
        admin = await signed_in(floor)
        with pytest.raises(NotItsShortName):
            await planned(admin, floor, slug="another")
        with pytest.raises(NotYourPassword):
            await planned(admin, floor, password="wrong")
        with pytest.raises(InvalidWholeNumber):
            await planned(admin, floor, days=91)

    async def test_counts_wrong_passwords(self, floor: Floor) -> None:
        admin, attempts = await signed_in(floor), SignInAttempts(3)
        refusals: list[type[Exception]] = []
        for _ in range(4):
            try:
                async with begin(admin) as work:
                    await plan_deletion(
                        work, attempts, organization_id=floor.scope.org_id, slug=floor.slug, password="wrong",
                        after_days=1,
                    )  # fmt: skip
            except (NotYourPassword, TooManyAttempts) as error:
                refusals.append(type(error))

        assert refusals == [NotYourPassword] * 3 + [TooManyAttempts]

    async def test_refuses_programs_and_who_has_not_signed_in(self, floor: Floor) -> None:
        admin = await signed_in(floor)
        for scope in (replace(admin, api_key_id=new_id()), replace(admin, session_id=None)):
            with pytest.raises(OnlyYourself):
                await planned(scope, floor)

    async def test_takes_a_fresh_sign_in_where_there_is_no_password(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        admin = await signed_in(floor)
        async with begin(floor.scope) as work:
            user = await work.session.get(User, admin.user_id)
            session = await work.session.get(SignInSession, admin.session_id)
            assert user is not None
            assert session is not None
            user.password_hash = None
            session.created_at -= timedelta(minutes=11)
        with pytest.raises(SignInAgain):
            await planned(admin, floor, days=3)

        async with begin(floor.scope) as work:
            await work.session.execute(text("UPDATE sign_in_sessions SET created_at = now()"))
        assert (await planned(admin, floor, days=3)).state is DeletionState.PLANNED

    async def test_is_audited_and_told(self, floor: Floor) -> None:
        admin = await signed_in(floor)
        async with begin(admin) as work:
            await plan_deletion(
                work, SignInAttempts(10), organization_id=floor.scope.org_id, slug=floor.slug, password=PASSWORD,
                after_days=14,
            )  # fmt: skip
            told = list(work.events)
        async with read(floor.scope) as work:
            (entry,) = await work.fetch(
                "SELECT before ->> 'delete_at' AS before, after ->> 'delete_at' AS after, user_id FROM audit_log"
                " WHERE table_name = 'organizations' AND action = 'update'"
            )

        assert entry["before"] is None
        assert entry["after"] is not None
        assert entry["user_id"] == admin.user_id
        assert told == [
            OrganizationEdited(organization_id=floor.scope.org_id), DeletionMoved(organization_id=floor.scope.org_id)
        ]  # fmt: skip

    async def test_is_planned_once_where_two_want_it_at_once(self, floor: Floor) -> None:
        admin = await signed_in(floor)
        both = await asyncio.gather(
            planned(admin, floor, days=1), planned(admin, floor, days=2), return_exceptions=True
        )
        refused = [one for one in both if isinstance(one, Exception)]

        assert len(refused) == 1
        assert isinstance(refused[0], DeletionPlanned | Conflict)


class TestKeepOrganization:
    async def test_takes_it_back(self, floor: Floor, superuser_connection: Connection) -> None:
        admin = await signed_in(floor)
        await planned(admin, floor, days=1)
        async with begin(admin) as work:
            await keep_organization(work, organization_id=floor.scope.org_id)
            assert await find_deletion(work, floor.scope.org_id) is None
        await superuser_connection.execute("UPDATE app.deletions SET due_at = now()")
        await delete_organization(DeleteOrganization(organization_id=floor.scope.org_id))

        assert (await rows_of(superuser_connection, floor.scope.org_id))["organizations"] == 1

    async def test_refuses_where_nothing_is_planned_or_it_has_begun(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        admin = await signed_in(floor)
        for has_begun in (False, True):
            if has_begun:
                await planned(admin, floor)
                await superuser_connection.execute("UPDATE app.deletions SET started_at = now()")
            async with begin(admin) as work:
                with pytest.raises(NoDeletionPlanned):
                    await keep_organization(work, organization_id=floor.scope.org_id)

    async def test_and_its_beginning_leave_one_winner(self, floor: Floor, superuser_connection: Connection) -> None:
        admin = await signed_in(floor)
        await planned(admin, floor)

        async def keep() -> str:
            try:
                async with begin(admin) as work:
                    await keep_organization(work, organization_id=floor.scope.org_id)
            except NoDeletionPlanned:
                return "gone"
            return "kept"

        outcome, _ = await asyncio.gather(
            keep(), delete_organization(DeleteOrganization(organization_id=floor.scope.org_id))
        )

        left = (await rows_of(superuser_connection, floor.scope.org_id))["organizations"]
        assert left == (1 if outcome == "kept" else 0)


class TestPlatform:
    async def acting(self, platform: Platform) -> Scope:
        """Sign the platform's admin in."""
        tokens = await sign_in(ISSUER, SignInAttempts(10), email=platform.email, password=PASSWORD, device=HERE)
        return replace(platform.acting(), session_id=tokens.access_claims.session_id)

    async def test_deletes_what_it_has_suspended_only(
        self, platform: Platform, floor: Floor, superuser_connection: Connection
    ) -> None:
        scope = await self.acting(platform)
        with pytest.raises(StillActive):
            await planned(scope, floor)
        async with begin(scope) as work:
            known = await get_organization(work, floor.scope.org_id)
            await suspend_organization(work, organization_id=known.id, version=known.version)
        assert (await planned(scope, floor)).by_platform
        await work_once()

        assert sum((await rows_of(superuser_connection, floor.scope.org_id)).values()) == 0

    async def test_cannot_resume_what_is_being_deleted(
        self, platform: Platform, floor: Floor, superuser_connection: Connection
    ) -> None:
        scope = await self.acting(platform)
        await planned(await signed_in(floor), floor)
        await superuser_connection.execute("SELECT app.begin_deletion($1)", floor.scope.org_id)
        async with begin(scope) as work:
            known = await get_organization(work, floor.scope.org_id)
            with pytest.raises(Conflict):
                await resume_organization(work, organization_id=known.id, version=known.version)

    async def test_stays_itself(self, platform: Platform) -> None:
        scope = await self.acting(platform)
        async with begin(scope) as work:
            slug = await work.session.scalar(select(Organization.slug))
            with pytest.raises(PlatformStays):
                await plan_deletion(
                    work, SignInAttempts(10), organization_id=scope.org_id, slug=str(slug), password=PASSWORD,
                    after_days=0,
                )  # fmt: skip

    async def test_alone_sees_the_ends_of_others(self, platform: Platform, floor: Floor, other: Floor) -> None:
        await planned(await signed_in(floor), floor, days=3)
        claimed = replace(other.acting_as(Role.ADMIN), permissions=permissions_of(frozenset({Role.ADMIN, PLATFORM})))
        async with begin(claimed) as work:
            with pytest.raises(Forbidden):
                await list_deletions(work)
            with pytest.raises(Forbidden):
                await find_deletion(work, floor.scope.org_id)
            with pytest.raises(Forbidden):
                await keep_organization(work, organization_id=floor.scope.org_id)
            seen = await work.fetch("SELECT organization FROM app.deletions_seen()")
        assert [row for row in seen if row["organization"] == floor.scope.org_id] == []

        async with read(platform.acting()) as work:
            assert (await find_deletion(work, floor.scope.org_id)) is not None
            with pytest.raises(NotFound):
                await get_organization(work, new_id())


class TestDatabase:
    """What the runtime role cannot do, whatever the code above it says."""

    async def test_deletes_nothing_whose_end_has_not_begun(self, floor: Floor, app_connection: Connection) -> None:
        await planned(await signed_in(floor), floor, days=1)
        for statement in (
            "SELECT app.delete_rows($1, 'users', 10)",
            "SELECT app.empty_references($1, 'reasons_parent_fk', 10)",
            "SELECT app.note_deletion($1, 1, 1)",
            "SELECT app.end_deletion($1)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app_connection.execute(statement, floor.scope.org_id)
        assert await app_connection.fetchval("SELECT app.begin_deletion($1)", floor.scope.org_id) is False

    async def test_plans_the_end_of_no_other_organization(self, floor: Floor, other: Floor) -> None:
        async with begin(other.scope) as work:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await work.fetch("SELECT app.plan_deletion($1, NULL, now(), NULL)", floor.scope.org_id)

    async def test_lets_nobody_set_the_day_past_the_functions(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            with pytest.raises(Exception, match="decide this"):
                await work.session.execute(text("UPDATE organizations SET delete_at = now()"))
            await work.session.rollback()

    async def test_believes_no_session_that_claims_to_delete(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await work.fetch("SELECT set_config('app.deleting', $1, true)", str(floor.scope.org_id))
            work.session.add(Material(org_id=floor.scope.org_id, number="M", description="", unit="pcs"))
        async with read(floor.scope) as work:
            noted = await work.session.scalar(
                select(func.count()).where(AuditEntry.table_name == "materials", AuditEntry.action == "insert")
            )
        assert noted == 1
