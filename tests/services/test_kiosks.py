"""Who stands at a kiosk, and what they may do there."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

import main
from domain.errors import Forbidden
from domain.events import SessionRevoked, UserChanged
from domain.identity.badges import BadgeKind
from domain.identity.roles import Permission, Role
from services.auth.attempts import KioskAttempts, TooManyAttempts
from services.auth.tokens import NotSignedIn
from services.config import Settings
from services.db.keys import new_id
from services.db.tables import SignInSession, User
from services.db.work import begin, read
from services.identity.badges import BadgeKey, remove_badge, set_badge
from services.identity.kiosks import NotOfThisPlant, NotRecognized, identify
from services.identity.policies import PolicyMemory
from services.identity.sessions import NotIdentified, Sessions, Viewer, look_up
from services.identity.sign_ins import end_session
from tests.factories import Connection, Floor, Make

KEY = BadgeKey.of("k" * 40)


@pytest.fixture
async def kiosk(floor: Floor) -> Floor:
    """The floor, whose operator has a PIN and a badge."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        for kind, value in ((BadgeKind.PIN, "2580"), (BadgeKind.BADGE, "UM-10442")):
            await set_badge(work, key=KEY, user_id=floor.user_ids[Role.OPERATOR], kind=kind, value=value)
    return floor


async def said(
    floor: Floor,
    value: str,
    kind: BadgeKind = BadgeKind.PIN,
    *,
    attempts: KioskAttempts | None = None,
    at: UUID | None = None,
    role: Role = Role.TERMINAL,
) -> UUID:
    async with read(floor.acting_as(role)) as work:
        return await identify(
            work, key=KEY, kind=kind, value=value, device_id=floor.user_ids[role], plant_id=at or floor.plant_id,
            attempts=attempts or KioskAttempts(10),
        )  # fmt: skip


async def signed_in(floor: Floor, role: Role = Role.TERMINAL) -> Viewer:
    """Sign a device in, without a password."""
    org_id, user_id = floor.scope.org_id, floor.user_ids[role]
    async with begin(floor.scope) as work:
        session = SignInSession(org_id=org_id, user_id=user_id, expires_at=work.now + timedelta(days=1))
        work.session.add(session)
        await work.session.flush()
        session_id = session.id
    return await look_up(policies=PolicyMemory(), org_id=org_id, user_id=user_id, session_id=session_id)


async def limited_to(floor: Floor, role: Role, plant_ids: list[UUID] | None) -> None:
    async with begin(floor.scope) as work:
        await work.session.execute(update(User).where(User.id == floor.user_ids[role]).values(plant_ids=plant_ids))


class TestIdentify:
    async def test_knows_a_person_by_pin_and_by_badge(self, kiosk: Floor) -> None:
        assert await said(kiosk, "2580") == kiosk.user_ids[Role.OPERATOR]
        assert await said(kiosk, "UM-10442\r\n", BadgeKind.BADGE) == kiosk.user_ids[Role.OPERATOR]

    @pytest.mark.parametrize("value", ["", "2581", "1111", "UM-10442", "x" * 10_000, "\ud800", "2580\x01"])
    async def test_says_the_same_of_everything_else(self, kiosk: Floor, value: str) -> None:
        with pytest.raises(NotRecognized):
            await said(kiosk, value)

    async def test_says_the_same_of_somebody_who_is_no_longer_active(self, kiosk: Floor) -> None:
        async with begin(kiosk.scope) as work:
            (await work.session.get_one(User, kiosk.user_ids[Role.OPERATOR])).is_active = False

        with pytest.raises(NotRecognized):
            await said(kiosk, "2580")

    async def test_sends_away_who_works_in_another_plant(self, kiosk: Floor) -> None:
        await limited_to(kiosk, Role.OPERATOR, [new_id()])

        with pytest.raises(NotOfThisPlant):
            await said(kiosk, "2580")

    async def test_stops_a_device_after_too_many_wrong_ones(self, kiosk: Floor) -> None:
        attempts = KioskAttempts(3)
        for _ in range(3):
            with pytest.raises(NotRecognized):
                await said(kiosk, "9999", attempts=attempts)

        with pytest.raises(TooManyAttempts):
            await said(kiosk, "2580", attempts=attempts)

    async def test_a_right_one_between_gives_no_more_guesses(self, kiosk: Floor) -> None:
        attempts = KioskAttempts(2)
        with pytest.raises(NotRecognized):
            await said(kiosk, "9999", attempts=attempts)
        for _ in range(5):
            await said(kiosk, "2580", attempts=attempts)
        with pytest.raises(NotRecognized):
            await said(kiosk, "9998", attempts=attempts)

        with pytest.raises(TooManyAttempts):
            await said(kiosk, "2580", attempts=attempts)

    async def test_counts_guesses_that_come_all_at_once(self, kiosk: Floor) -> None:
        attempts = KioskAttempts(3)

        results = await asyncio.gather(
            *(said(kiosk, f"90{number:02}", attempts=attempts) for number in range(12)), return_exceptions=True
        )

        assert sum(isinstance(result, NotRecognized) for result in results) == 3
        assert sum(isinstance(result, TooManyAttempts) for result in results) == 9

    async def test_counts_at_every_server_process_together_also_when_one_starts_anew(self, kiosk: Floor) -> None:
        settings = Settings(_env_file=None, secret_key="k" * 40, sign_in_attempts=3)
        first, second = main.make_process(settings), main.make_process(settings)
        for process in (first, second, first):
            with pytest.raises(NotRecognized):
                await said(kiosk, "9999", attempts=process.kiosk_attempts)

        for process in (first, second, main.make_process(settings)):
            with pytest.raises(TooManyAttempts):
                await said(kiosk, "2580", attempts=process.kiosk_attempts)

    async def test_stops_the_device_that_failed_and_no_other(self, kiosk: Floor, other: Floor) -> None:
        attempts = KioskAttempts(1)
        with pytest.raises(NotRecognized):
            await said(kiosk, "9999", attempts=attempts)

        with pytest.raises(NotRecognized):
            await said(other, "2580", attempts=attempts)

    async def test_lets_a_device_on_when_its_time_is_over(self, kiosk: Floor, superuser_connection: Connection) -> None:
        attempts = KioskAttempts(1)
        with pytest.raises(NotRecognized):
            await said(kiosk, "9999", attempts=attempts)
        await superuser_connection.execute(
            "UPDATE app.sign_in_attempts SET since = since - interval '16 min' WHERE failures > 0"
        )

        assert await said(kiosk, "2580", attempts=attempts) == kiosk.user_ids[Role.OPERATOR]

    async def test_belongs_to_kiosks(self, kiosk: Floor) -> None:
        for role in (Role.OPERATOR, Role.SUPERVISOR, Role.VIEWER):
            with pytest.raises(Forbidden):
                await said(kiosk, "2580", role=role)

    async def test_knows_nobody_of_another_organization(self, kiosk: Floor, other: Floor) -> None:
        with pytest.raises(NotRecognized):
            await said(other, "2580")


class TestAtKiosk:
    async def test_acts_with_the_persons_rights_and_the_devices_session(self, kiosk: Floor) -> None:
        device = await signed_in(kiosk)

        person = await Sessions().at_kiosk(device, kiosk.user_ids[Role.OPERATOR])

        assert device.is_kiosk
        assert not person.is_kiosk
        assert person.display_name == "The operator"
        assert (person.scope.user_id, person.scope.session_id) == (kiosk.user_ids[Role.OPERATOR], device.session_id)
        assert person.scope.may(Permission.REPORT_PRODUCTION)
        assert not person.scope.may(Permission.USE_KIOSK)
        assert person.device == device

    async def test_stays_in_the_plants_of_both(self, kiosk: Floor, make: Make) -> None:
        async with begin(kiosk.scope) as work:
            second = await make.plant(work)
        await limited_to(kiosk, Role.OPERATOR, [kiosk.plant_id, second.id])
        await limited_to(kiosk, Role.TERMINAL, [kiosk.plant_id])
        device = await signed_in(kiosk)

        person = await Sessions().at_kiosk(device, kiosk.user_ids[Role.OPERATOR])

        assert person.scope.plant_ids == frozenset({kiosk.plant_id})

    async def test_is_over_at_once_when_the_person_is_deactivated(self, kiosk: Floor) -> None:
        sessions, device = Sessions(), await signed_in(kiosk)
        person = await sessions.at_kiosk(device, kiosk.user_ids[Role.OPERATOR])
        async with begin(kiosk.scope) as work:
            (await work.session.get_one(User, person.user_id)).is_active = False

        sessions.hear(None, UserChanged(user_id=person.user_id))

        with pytest.raises(NotIdentified):
            await sessions.again(person)

    async def test_is_over_when_badge_and_pin_are_taken_away(self, kiosk: Floor) -> None:
        sessions, device = Sessions(), await signed_in(kiosk)
        person = await sessions.at_kiosk(device, kiosk.user_ids[Role.OPERATOR])
        for kind in BadgeKind:
            assert await sessions.again(person) == person
            async with begin(kiosk.acting_as(Role.ADMIN)) as work:
                await remove_badge(work, user_id=person.user_id, kind=kind)
            sessions.hear(None, UserChanged(user_id=person.user_id))

        with pytest.raises(NotIdentified):
            await sessions.again(person)

    async def test_is_over_at_once_when_the_device_is_revoked(self, kiosk: Floor) -> None:
        sessions, device = Sessions(), await signed_in(kiosk)
        person = await sessions.at_kiosk(device, kiosk.user_ids[Role.OPERATOR])
        async with begin(kiosk.scope) as work:
            await end_session(work, session_id=device.session_id, because="revoked")

        sessions.hear(None, SessionRevoked(session_id=device.session_id))

        with pytest.raises(NotSignedIn):
            await sessions.again(person)

    async def test_needs_a_kiosk(self, kiosk: Floor) -> None:
        supervisor = await signed_in(kiosk, Role.SUPERVISOR)

        with pytest.raises(NotIdentified):
            await Sessions().at_kiosk(supervisor, kiosk.user_ids[Role.OPERATOR])

    async def test_knows_nobody_of_another_organization(self, kiosk: Floor, other: Floor) -> None:
        device, sessions = await signed_in(other), Sessions()
        await sessions.at_kiosk(await signed_in(kiosk), kiosk.user_ids[Role.OPERATOR])

        with pytest.raises(NotIdentified):
            await sessions.at_kiosk(device, kiosk.user_ids[Role.OPERATOR])
