"""Who stands behind a valid token."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from domain.events import PlantModelChanged, SessionRevoked, UserChanged
from domain.identity.roles import Permission, Role
from services.auth.attempts import SignInAttempts
from services.auth.tokens import Claims, NotSignedIn, TokenIssuer
from services.db.keys import new_id
from services.db.tables import SignInSession, User, UserRole
from services.db.work import begin
from services.events.hub import Hub
from services.identity import sessions as sessions_module
from services.identity.sessions import Sessions
from services.identity.sign_ins import Device, end_session, sign_in
from tests.factories import PASSWORD, Floor

ISSUER = TokenIssuer("k" * 40, access_lifetime=timedelta(minutes=30), refresh_lifetime=timedelta(days=7))


@pytest.fixture
async def claims(floor: Floor) -> Claims:
    """The claims of the floor's operator, signed in."""
    tokens = await sign_in(
        ISSUER, SignInAttempts(10), email=floor.emails[Role.OPERATOR], password=PASSWORD, device=Device("192.0.2.1")
    )
    return tokens.access_claims


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every look-up in the database, as it happens."""
    seen: list[object] = []
    real = sessions_module.look_up

    async def counted(**who: object) -> object:
        seen.append(who)
        return await real(**who)  # type: ignore[arg-type]

    monkeypatch.setattr(sessions_module, "look_up", counted)
    return seen


class TestViewer:
    async def test_knows_the_user_their_organization_and_their_rights(self, floor: Floor, claims: Claims) -> None:
        viewer = await Sessions().viewer(claims)

        assert (viewer.email, viewer.organization, viewer.roles) == (
            floor.emails[Role.OPERATOR], "Test works", frozenset({Role.OPERATOR}),
        )  # fmt: skip
        assert (viewer.scope.org_id, viewer.scope.actor_kind) == (floor.scope.org_id, "user")
        assert (viewer.scope.user_id, viewer.scope.session_id) == (claims.user_id, claims.session_id)
        assert viewer.scope.may(Permission.REPORT_PRODUCTION)
        assert not viewer.scope.may(Permission.EDIT_USERS)

    async def test_limits_the_scope_to_the_users_plants(self, floor: Floor, claims: Claims) -> None:
        async with begin(floor.scope) as work:
            (await work.session.get_one(User, claims.user_id)).plant_ids = [floor.plant_id]

        assert (await Sessions().viewer(claims)).scope.plant_ids == frozenset({floor.plant_id})

    async def test_is_remembered(self, claims: Claims, looked_up: list[object]) -> None:
        sessions = Sessions()

        viewers = [await sessions.viewer(claims) for _ in range(3)]

        assert len(looked_up) == 1
        assert await sessions.again(viewers[0]) == viewers[0]

    async def test_is_looked_up_again_after_a_while(
        self, claims: Claims, looked_up: list[object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sessions_module, "REMEMBER_S", 0.0)
        sessions = Sessions()

        for _ in range(3):
            await sessions.viewer(claims)

        assert len(looked_up) == 3

    async def test_never_fills_the_memory(self, claims: Claims, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sessions_module, "MOST_REMEMBERED", 1)
        sessions = Sessions()

        await sessions.viewer(claims)
        sessions._known[new_id()] = sessions._known[claims.session_id]
        sessions._known.pop(claims.session_id)
        await sessions.viewer(claims)

        assert list(sessions._known) == [claims.session_id]

    async def test_is_nobody_after_the_session_ended_or_expired(self, floor: Floor, claims: Claims) -> None:
        async with begin(floor.scope) as work:
            await work.session.execute(update(SignInSession).values(expires_at=work.now))
        with pytest.raises(NotSignedIn):
            await Sessions().viewer(claims)

        async with begin(floor.scope) as work:
            await work.session.execute(update(SignInSession).values(expires_at=work.now + timedelta(days=1)))
            await end_session(work, session_id=claims.session_id)
        with pytest.raises(NotSignedIn):
            await Sessions().viewer(claims)

    async def test_is_nobody_when_the_user_is_not_active(self, floor: Floor, claims: Claims) -> None:
        async with begin(floor.scope) as work:
            (await work.session.get_one(User, claims.user_id)).is_active = False

        with pytest.raises(NotSignedIn):
            await Sessions().viewer(claims)

    async def test_is_nobody_for_a_token_that_mixes_what_does_not_belong_together(
        self, floor: Floor, other: Floor, claims: Claims
    ) -> None:
        mixtures = (
            Claims(claims.user_id, other.scope.org_id, claims.session_id, claims.token_id, claims.expires_at),
            Claims(floor.user_ids[Role.ADMIN], claims.org_id, claims.session_id, claims.token_id, claims.expires_at),
            Claims(claims.user_id, claims.org_id, new_id(), claims.token_id, claims.expires_at),
        )
        sessions = Sessions()
        await sessions.viewer(claims)

        for mixture in mixtures:
            with pytest.raises(NotSignedIn):
                await sessions.viewer(mixture)


class TestHear:
    async def test_forgets_a_revoked_session(self, floor: Floor, claims: Claims) -> None:
        sessions = Sessions()
        await sessions.viewer(claims)
        async with begin(floor.scope) as work:
            await end_session(work, session_id=claims.session_id)

        sessions.hear(floor.scope.org_id, SessionRevoked(session_id=claims.session_id))

        with pytest.raises(NotSignedIn):
            await sessions.viewer(claims)

    async def test_forgets_what_it_knew_of_a_changed_user(self, floor: Floor, claims: Claims) -> None:
        sessions = Sessions()
        await sessions.viewer(claims)
        async with begin(floor.scope) as work:
            work.session.add(UserRole(org_id=claims.org_id, user_id=claims.user_id, role="supervisor"))

        sessions.hear(floor.scope.org_id, UserChanged(user_id=claims.user_id))

        assert Role.SUPERVISOR in (await sessions.viewer(claims)).roles

    async def test_keeps_what_other_events_leave_true(self, claims: Claims, looked_up: list[object]) -> None:
        sessions = Sessions()
        await sessions.viewer(claims)

        sessions.hear(claims.org_id, SessionRevoked(session_id=new_id()))
        sessions.hear(claims.org_id, UserChanged(user_id=new_id()))
        sessions.hear(claims.org_id, PlantModelChanged(plant_id=new_id()))
        await sessions.viewer(claims)

        assert len(looked_up) == 1

    async def test_forgets_everything_when_events_were_missed(self, claims: Claims, looked_up: list[object]) -> None:
        sessions, hub = Sessions(), Hub()
        hub.on_any_event(sessions.hear)
        await sessions.viewer(claims)

        hub.resync()
        await sessions.viewer(claims)

        assert len(looked_up) == 2

    async def test_does_not_remember_a_session_that_ended_while_it_was_looked_up(
        self, floor: Floor, claims: Claims, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sessions, real = Sessions(), sessions_module.look_up

        async def overtaken(**who: object) -> object:
            viewer = await real(**who)  # type: ignore[arg-type]
            async with begin(floor.scope) as work:
                await end_session(work, session_id=claims.session_id)
            sessions.hear(claims.org_id, SessionRevoked(session_id=claims.session_id))
            return viewer

        monkeypatch.setattr(sessions_module, "look_up", overtaken)
        await sessions.viewer(claims)
        monkeypatch.setattr(sessions_module, "look_up", real)

        with pytest.raises(NotSignedIn):
            await sessions.viewer(claims)

    async def test_reaches_another_process_through_the_queue(self, floor: Floor, claims: Claims, hub: Hub) -> None:
        sessions, heard = Sessions(), asyncio.Event()
        hub.on_any_event(sessions.hear)
        hub.on_any_event(lambda _, event: heard.set() if isinstance(event, SessionRevoked) else None)
        await sessions.viewer(claims)

        async with begin(floor.scope) as work:
            await end_session(work, session_id=claims.session_id)

        await asyncio.wait_for(heard.wait(), 2)
        with pytest.raises(NotSignedIn):
            await sessions.viewer(claims)
