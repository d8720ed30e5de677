"""People are invited, edited, deactivated and let in again."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.errors import Conflict, Forbidden, NotFound, UnisonError
from domain.events import SessionRevoked, UserChanged
from domain.identity.preferences import InvalidLanguage, InvalidTimeZone
from domain.identity.roles import Role
from domain.scope import Scope
from services.audit.notes import NOTES
from services.auth.attempts import SignInAttempts
from services.auth.tokens import NotSignedIn, TokenIssuer
from services.db.keys import new_id
from services.db.tables import SignInSession
from services.db.work import begin, read
from services.identity.assignments import LastAdmin, RightsLacked
from services.identity.invitations import InvitationOver, accept_invitation, find_invited
from services.identity.own_account import NotYourPassword, OnlyYourself, change_password, set_preferences
from services.identity.people import (
    NothingToWithdraw,
    NotYourself,
    deactivate_user,
    edit_user,
    invite_person,
    reactivate_user,
    withdraw_invitation,
)
from services.identity.session_lists import list_sessions, revoke_session, revoke_sessions
from services.identity.sessions import Sessions
from services.identity.sign_ins import Device, Tokens, open_session, sign_in
from services.identity.user_queries import (
    UserFilter,
    UserSort,
    UserState,
    export_user_rows,
    get_user,
    list_user_rows,
    list_users,
)
from tests.factories import PASSWORD, Connection, Floor, Make
from tests.services.test_audit import trail

ISSUER = TokenIssuer("k" * 40, access_lifetime=timedelta(minutes=30), refresh_lifetime=timedelta(days=7))
HERE = Device("192.0.2.7", "pytest")
BASE = "https://mes.example"


async def signed_in(floor: Floor, role: Role) -> Tokens:
    async with begin(floor.scope) as work:
        return await open_session(work, ISSUER, user_id=floor.user_ids[role], device=HERE)


async def themself(floor: Floor, role: Role) -> Scope:
    """Return the scope of somebody who has signed in."""
    tokens = await signed_in(floor, role)
    return replace(floor.acting_as(role), session_id=tokens.access_claims.session_id)


async def invited(floor: Floor, email: str = "new@test.example") -> tuple[UUID, str]:
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        user_id, link = await invite_person(
            work, email=email, display_name="New", roles=[Role.VIEWER], base_url=BASE, language="de"
        )
    assert link is not None
    return user_id, link.partition("token=")[2]


async def state_of(floor: Floor, user_id: UUID) -> UserState:
    async with read(floor.acting_as(Role.ADMIN)) as work:
        return (await get_user(work, user_id)).state


class TestInvitePerson:
    async def test_is_invited_until_they_chose_a_password(self, floor: Floor) -> None:
        user_id, token = await invited(floor)
        before = await state_of(floor, user_id)

        await accept_invitation(ISSUER, token=token, password="a long enough one", device=HERE)

        assert (before, await state_of(floor, user_id)) == (UserState.INVITED, UserState.ACTIVE)

    async def test_opens_one_session_when_it_is_accepted_twice_at_once(self, floor: Floor) -> None:
        user_id, token = await invited(floor)

        results = await asyncio.gather(
            *(
                accept_invitation(ISSUER, token=token, password=f"a long enough one {number}", device=HERE)
                for number in range(2)
            ),
            return_exceptions=True,
        )

        assert [type(one) for one in results if isinstance(one, Exception)] == [InvitationOver]
        async with read(floor.scope) as work:
            opened = await work.session.scalars(select(SignInSession.id).where(SignInSession.user_id == user_id))
            assert len(opened.all()) == 1

    async def test_refuses_a_language_that_is_not_translated(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(InvalidLanguage):
                await invite_person(
                    work, email="x@test.example", display_name="X", roles=[], base_url=BASE, language="fr"
                )

    async def test_opens_nothing_once_it_is_withdrawn(self, floor: Floor) -> None:
        user_id, token = await invited(floor)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await withdraw_invitation(work, user_id=user_id, version=1)

        with pytest.raises(InvitationOver):
            await find_invited(token)
        assert await state_of(floor, user_id) is UserState.DEACTIVATED
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NothingToWithdraw):
                await withdraw_invitation(work, user_id=user_id, version=2)


class TestEditUser:
    async def test_changes_what_is_given(self, floor: Floor) -> None:
        operator = floor.user_ids[Role.OPERATOR]
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await edit_user(work, user_id=operator, version=1, display_name="Ada", plant_ids=[floor.plant_id])

        async with read(floor.acting_as(Role.ADMIN)) as work:
            user = await get_user(work, operator)
        assert (user.display_name, user.plant_ids, user.version) == ("Ada", (floor.plant_id,), 2)

    @pytest.mark.parametrize("plant", ["unknown", "foreign", "none"])
    async def test_refuses_plants_that_are_not_there(self, floor: Floor, other: Floor, plant: str) -> None:
        plants = {"unknown": [new_id()], "foreign": [other.plant_id], "none": list[UUID]()}[plant]
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await edit_user(work, user_id=floor.user_ids[Role.OPERATOR], version=1, plant_ids=plants)

    async def test_refuses_who_saw_something_older(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(Conflict):
                await edit_user(work, user_id=floor.user_ids[Role.OPERATOR], version=7, display_name="Ada")

    async def test_keeps_an_admin_of_all_plants(self, floor: Floor) -> None:
        with pytest.raises(LastAdmin):
            async with begin(floor.acting_as(Role.ADMIN)) as work:
                await edit_user(work, user_id=floor.user_ids[Role.ADMIN], version=1, plant_ids=[floor.plant_id])

    async def test_gives_no_rights_that_the_actor_lacks(self, floor: Floor) -> None:
        here = frozenset({floor.plant_id})
        operator = floor.user_ids[Role.OPERATOR]
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await edit_user(work, user_id=operator, version=1, plant_ids=[floor.plant_id])
        with pytest.raises(RightsLacked):
            async with begin(floor.acting_as(Role.ADMIN, plant_ids=here)) as work:
                await edit_user(work, user_id=operator, version=2, plant_ids=None)


class TestDeactivateUser:
    async def test_ends_every_session_at_once(self, floor: Floor) -> None:
        tokens = [await signed_in(floor, Role.OPERATOR) for _ in range(2)]
        operator = floor.user_ids[Role.OPERATOR]
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await deactivate_user(work, user_id=operator, version=1)
            events = list(work.events)

        assert {one.session_id for one in events if isinstance(one, SessionRevoked)} == {
            one.access_claims.session_id for one in tokens
        }
        assert UserChanged(user_id=operator) in events
        with pytest.raises(NotSignedIn):
            await Sessions().viewer(tokens[0].access_claims)
        assert await state_of(floor, operator) is UserState.DEACTIVATED

    async def test_can_be_taken_back(self, floor: Floor) -> None:
        operator = floor.user_ids[Role.OPERATOR]
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await reactivate_user(
                work, user_id=operator, version=await deactivate_user(work, user_id=operator, version=1)
            )

        assert await signs_in(floor, Role.OPERATOR)

    async def test_refuses_the_actor_themself(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotYourself):
                await deactivate_user(work, user_id=floor.user_ids[Role.ADMIN], version=1)

    async def test_keeps_one_of_two_admins_who_deactivate_each_other(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            second = await make.user(work, role=Role.ADMIN)
        admins = [floor.user_ids[Role.ADMIN], second.id]

        async def deactivate(actor: UUID, target: UUID) -> None:
            async with begin(replace(floor.acting_as(Role.ADMIN), user_id=actor)) as work:
                await deactivate_user(work, user_id=target, version=1)

        results = await asyncio.gather(deactivate(*admins), deactivate(*reversed(admins)), return_exceptions=True)

        assert sum(isinstance(one, UnisonError) for one in results) == 1

    async def test_does_not_exist_for_another_organization(self, floor: Floor, other: Floor) -> None:
        operator = other.user_ids[Role.OPERATOR]
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            for change in (deactivate_user, reactivate_user, withdraw_invitation, edit_user):
                with pytest.raises(NotFound):
                    await change(work, user_id=operator, version=1)

    @pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.OPERATOR, Role.VIEWER, Role.TERMINAL])
    async def test_is_refused_to_who_may_not_edit_users(self, floor: Floor, role: Role) -> None:
        async with begin(floor.acting_as(role)) as work:
            for change in (deactivate_user, reactivate_user, withdraw_invitation, edit_user):
                with pytest.raises(Forbidden):
                    await change(work, user_id=floor.user_ids[Role.VIEWER], version=1)


class TestSessionsOfSomebody:
    async def test_are_seen_and_ended_by_themself(self, floor: Floor) -> None:
        old = await signed_in(floor, Role.OPERATOR)
        scope = await themself(floor, Role.OPERATOR)
        operator = floor.user_ids[Role.OPERATOR]

        async with begin(scope) as work:
            listed = (await list_sessions(work, user_id=operator)).items
            ended = await revoke_sessions(work, user_id=operator)

        assert [(one.is_this, one.address) for one in listed] == [(True, HERE.address), (False, HERE.address)]
        assert ended == 1
        with pytest.raises(NotSignedIn):
            await Sessions().viewer(old.access_claims)

    async def test_are_ended_by_an_admin(self, floor: Floor) -> None:
        tokens = await signed_in(floor, Role.OPERATOR)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            assert (
                await revoke_session(work, session_id=tokens.access_claims.session_id) == floor.user_ids[Role.OPERATOR]
            )

        with pytest.raises(NotSignedIn):
            await Sessions().viewer(tokens.access_claims)

    async def test_are_not_seen_by_others(self, floor: Floor, other: Floor) -> None:
        tokens = await signed_in(floor, Role.OPERATOR)
        session_id = tokens.access_claims.session_id
        async with begin(await themself(floor, Role.VIEWER)) as work:
            with pytest.raises(Forbidden):
                await list_sessions(work, user_id=floor.user_ids[Role.OPERATOR])
            with pytest.raises(Forbidden):
                await revoke_session(work, session_id=session_id)
        async with begin(other.acting_as(Role.ADMIN)) as work:
            for refused in (
                list_sessions(work, user_id=floor.user_ids[Role.OPERATOR]),
                revoke_sessions(work, user_id=floor.user_ids[Role.OPERATOR]),
                revoke_session(work, session_id=session_id),
            ):
                with pytest.raises(NotFound):
                    await refused

    async def test_are_nobodys_own_at_a_kiosk(self, floor: Floor) -> None:
        device = await signed_in(floor, Role.TERMINAL)
        at_kiosk = replace(floor.acting_as(Role.OPERATOR), session_id=device.access_claims.session_id)
        async with begin(at_kiosk) as work:
            with pytest.raises(Forbidden):
                await list_sessions(work, user_id=floor.user_ids[Role.OPERATOR])
            with pytest.raises(OnlyYourself):
                await set_preferences(work, version=1, language="de")


class TestChangePassword:
    async def test_ends_the_other_sessions(self, floor: Floor) -> None:
        old = await signed_in(floor, Role.OPERATOR)
        scope = await themself(floor, Role.OPERATOR)
        async with begin(scope) as work:
            await change_password(work, SignInAttempts(10), present=PASSWORD, new="another long password")

        with pytest.raises(NotSignedIn):
            await Sessions().viewer(old.access_claims)
        assert await signs_in(floor, Role.OPERATOR, password="another long password")
        async with read(floor.scope) as work:
            session = await work.session.get_one(SignInSession, scope.session_id)
            assert session.revoked_at is None

    async def test_refuses_a_wrong_present_password(self, floor: Floor) -> None:
        async with begin(await themself(floor, Role.OPERATOR)) as work:
            with pytest.raises(NotYourPassword):
                await change_password(work, SignInAttempts(10), present="wrong", new="another long password")


class TestSetPreferences:
    async def test_reach_the_persons_screens(self, floor: Floor) -> None:
        scope = await themself(floor, Role.VIEWER)
        async with begin(scope) as work:
            await set_preferences(work, version=1, language="de", time_zone="America/New_York", number_format="space")

        async with read(scope) as work:
            user = await get_user(work, floor.user_ids[Role.VIEWER])
        assert (user.language, user.time_zone, user.number_format) == ("de", "America/New_York", "space")

    @pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe", "\x00"])
    async def test_refuse_what_is_no_zone(self, floor: Floor, zone: str) -> None:
        async with begin(await themself(floor, Role.VIEWER)) as work:
            with pytest.raises(InvalidTimeZone):
                await set_preferences(work, version=1, time_zone=zone)


class TestListUsers:
    async def test_filters_and_sorts(self, floor: Floor) -> None:
        user_id, _token = await invited(floor)
        async with read(floor.acting_as(Role.ADMIN)) as work:
            by_state = await list_user_rows(work, wanted=UserFilter(state=UserState.INVITED))
            by_role = await list_user_rows(work, wanted=UserFilter(role="operator", plant_id=floor.plant_id))
            by_word = await list_users(work, wanted=UserFilter(words="new@test"))
            last = await list_user_rows(work, wanted=UserFilter(), order=UserSort.EMAIL, is_descending=True)

        assert [one.id for one in by_state.rows] == [user_id]
        assert [one.roles for one in by_role.rows] == [("operator",)]
        assert [one.id for one in by_word.items] == [user_id]
        assert [one.email for one in last.rows] == sorted((one.email for one in last.rows), reverse=True)

    async def test_pages_by_name(self, floor: Floor) -> None:
        async with read(floor.acting_as(Role.ADMIN)) as work:
            everybody = await list_users(work, wanted=UserFilter())
            first = await list_users(work, wanted=UserFilter(), limit=2)
            last = first.items[-1]
            rest = await list_users(work, wanted=UserFilter(), after=(last.display_name, last.id))

        assert first.has_more
        assert first.items + rest.items == everybody.items

    async def test_is_refused_to_who_may_not_read_users(self, floor: Floor) -> None:
        async with read(floor.acting_as(Role.OPERATOR)) as work:
            for refused in (list_users(work, wanted=UserFilter()), list_user_rows(work, wanted=UserFilter())):
                with pytest.raises(Forbidden):
                    await refused

    async def test_shows_nobody_of_another_organization(self, floor: Floor, other: Floor) -> None:
        async with read(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await get_user(work, other.user_ids[Role.OPERATOR])


async def signs_in(floor: Floor, role: Role, password: str = PASSWORD) -> bool:
    tokens = await sign_in(ISSUER, SignInAttempts(10), email=floor.emails[role], password=password, device=HERE)
    return bool(tokens.access)


class TestExport:
    async def test_holds_everybody_however_many(
        self, floor: Floor, other: Floor, superuser_connection: Connection
    ) -> None:
        async with superuser_connection.transaction():
            await superuser_connection.execute("SET LOCAL session_replication_role = replica")  # no audit of a crowd
            await superuser_connection.execute(
                "INSERT INTO users (id, org_id, email, display_name) SELECT gen_random_uuid(), $1,"
                " n || '@crowd.example', 'Crowd ' || n FROM generate_series(1, 10050) AS n", floor.scope.org_id,
            )  # fmt: skip

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            people = await export_user_rows(work, wanted=UserFilter(words="crowd"), order=UserSort.EMAIL)
        async with begin(other.acting_as(Role.ADMIN)) as work:
            assert await export_user_rows(work, wanted=UserFilter(words="crowd")) == ()

        assert len(people) == 10_050
        assert [one.email for one in people] == sorted(one.email for one in people)
        await NOTES.written()
        async with read(floor.scope) as work:
            (entry,) = await trail(work, action="read")
        assert (entry.table_name, entry.after) == ("identity.users.export", {"people": 10_050, "times": 1})

    async def test_is_for_who_may_read_users(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(Forbidden):
                await export_user_rows(work, wanted=UserFilter())
