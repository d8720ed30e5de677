"""What a kiosk sends in the name of who stands, or stood, at it."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select

from domain.identity.badges import BadgeKind
from domain.identity.roles import Role
from services.auth.tokens import OPERATOR_LIFETIME
from services.db.keys import new_id
from services.db.tables import ProductionLogEntry, User
from services.db.work import begin, read
from services.identity.badges import BadgeKey, set_badge
from tests.api.doors import KEY, V1, Door, refused, report
from tests.factories import Floor

LOGS = f"{V1}/production-logs/"


@pytest.fixture
async def kiosk(door: Door, floor: Floor) -> httpx.AsyncClient:
    """A tablet that is signed in, at which the operator can identify themself."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        key, user_id = BadgeKey.of(KEY), floor.user_ids[Role.OPERATOR]
        await set_badge(work, key=key, user_id=user_id, kind=BadgeKind.PIN, value="2580")
    return await door.caller(floor, Role.TERMINAL)


def token(door: Door, floor: Floor, *, ago: timedelta = timedelta(0), role: Role = Role.OPERATOR) -> dict[str, str]:
    """Return the header that the page of a kiosk gets for who identified themself."""
    issued, _ = door.issuer.issue(
        "operator",
        user_id=floor.user_ids[role],
        org_id=floor.scope.org_id,
        session_id=new_id(),
        now=datetime.now(UTC) - ago,
    )
    return {"Operator-Token": issued}


async def reporters(floor: Floor) -> list[object]:
    async with read(floor.scope) as work:
        return list((await work.session.execute(select(ProductionLogEntry.user_id))).scalars())


class TestOperatorToken:
    async def test_books_in_the_persons_name(self, door: Door, floor: Floor, kiosk: httpx.AsyncClient) -> None:
        answer = await kiosk.post(LOGS, json=report(floor), headers=token(door, floor))

        assert answer.status_code == 201
        assert await reporters(floor) == [floor.user_ids[Role.OPERATOR]]

    async def test_books_once_and_when_it_was_made(self, door: Door, floor: Floor, kiosk: httpx.AsyncClient) -> None:
        asked = report(floor, made_ago_s="90.5", device="Tablet 1")

        first = await kiosk.post(LOGS, json=asked, headers=token(door, floor))
        second = await kiosk.post(LOGS, json={**asked, "made_ago_s": "300"}, headers=token(door, floor))

        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json()["at"] == second.json()["at"]
        ago = datetime.now(UTC) - datetime.fromisoformat(first.json()["at"])
        assert timedelta(seconds=90) < ago < timedelta(seconds=100)

    async def test_is_needed_to_book_anything(self, floor: Floor, kiosk: httpx.AsyncClient) -> None:
        assert refused(await kiosk.post(LOGS, json=report(floor)), 403, "forbidden")

    async def test_is_over_after_a_day(self, door: Door, floor: Floor, kiosk: httpx.AsyncClient) -> None:
        old = token(door, floor, ago=OPERATOR_LIFETIME + timedelta(seconds=5))

        assert refused(await kiosk.post(LOGS, json=report(floor), headers=old), 403, "not_identified")

    async def test_is_nothing_without_the_kiosks_own_sign_in(self, door: Door, floor: Floor) -> None:
        headers = token(door, floor)

        assert refused(await door.client().post(LOGS, json=report(floor), headers=headers), 401, "not_signed_in")
        bearer = door.client(bearer=headers["Operator-Token"])
        assert refused(await bearer.post(LOGS, json=report(floor)), 401, "not_signed_in")

    async def test_is_no_use_to_somebody_who_is_no_kiosk(
        self, door: Door, floor: Floor, kiosk: httpx.AsyncClient
    ) -> None:
        for role in (Role.VIEWER, Role.SUPERVISOR, Role.ADMIN):
            other = await door.caller(floor, role)
            answer = await other.post(LOGS, json=report(floor), headers=token(door, floor))
            assert refused(answer, 403, "not_identified")

    async def test_names_nobody_without_badge_and_pin(self, door: Door, floor: Floor, kiosk: httpx.AsyncClient) -> None:
        headers = token(door, floor, role=Role.SUPERVISOR)

        assert refused(await kiosk.post(LOGS, json=report(floor), headers=headers), 403, "not_identified")

    async def test_is_over_when_the_person_is_deactivated(
        self, door: Door, floor: Floor, kiosk: httpx.AsyncClient
    ) -> None:
        async with begin(floor.scope) as work:
            (await work.session.get_one(User, floor.user_ids[Role.OPERATOR])).is_active = False

        answer = await kiosk.post(LOGS, json=report(floor), headers=token(door, floor))

        assert refused(answer, 403, "not_identified")

    async def test_of_another_organization_is_nobody_here(
        self, door: Door, floor: Floor, other: Floor, kiosk: httpx.AsyncClient
    ) -> None:
        answer = await kiosk.post(LOGS, json=report(floor), headers=token(door, other))

        assert refused(answer, 403, "not_identified")

    async def test_is_no_token_that_somebody_made_up(self, floor: Floor, kiosk: httpx.AsyncClient) -> None:
        answer = await kiosk.post(LOGS, json=report(floor), headers={"Operator-Token": "made.up.token"})

        assert refused(answer, 403, "not_identified")


class TestLanguage:
    async def test_of_a_refusal_is_the_one_that_was_asked_for(
        self, door: Door, floor: Floor, kiosk: httpx.AsyncClient
    ) -> None:
        headers = {**token(door, floor), "Accept-Language": "de"}

        answer = await kiosk.post(LOGS, json=report(floor, good=0), headers=headers)

        assert refused(answer, 422, "nothing_to_book")
        assert answer.json()["detail"] == "Geben Sie mindestens ein Teil ein."
