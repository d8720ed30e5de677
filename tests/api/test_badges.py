"""Badges and PINs as programs meet them."""

import asyncio
from hashlib import sha256

import httpx
import pytest
from sqlalchemy import select

from domain.identity.badges import BadgeKind
from domain.identity.roles import Role
from services.auth.attempts import KioskAttempts
from services.db.keys import new_id
from services.db.tables import IdempotencyKey
from services.db.work import begin, read
from services.identity.badges import BadgeKey
from services.identity.kiosks import NotRecognized, identify
from tests.api.doors import KEY, V1, Door, refused
from tests.factories import Floor

PIN = {"kind": "pin", "value": "2580"}
BADGE = {"kind": "badge", "value": "UM-10442"}


@pytest.fixture
async def admin(door: Door, floor: Floor) -> httpx.AsyncClient:
    """The floor's admin."""
    return await door.caller(floor)


def badges(floor: Floor, role: Role = Role.OPERATOR) -> str:
    """Return where somebody's badge and PIN are set."""
    return f"{V1}/users/{floor.user_ids[role]}/badges"


async def identified(floor: Floor, asked: dict[str, str]) -> object:
    """Return whom a kiosk takes for who shows this."""
    async with read(floor.acting_as(Role.TERMINAL)) as work:
        return await identify(
            work, key=BadgeKey.of(KEY), kind=BadgeKind(asked["kind"]), value=asked["value"], plant_id=floor.plant_id,
            device_id=floor.user_ids[Role.TERMINAL], attempts=KioskAttempts(10),
        )  # fmt: skip


class TestBadges:
    async def test_are_given_and_known_at_kiosks(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        for asked in (PIN, BADGE):
            assert (await admin.post(badges(floor), json=asked)).status_code == 200

        listed = (await admin.get(f"{V1}/badges/", params={"search": "operator"})).json()["items"]
        assert [(one["name"], one["roles"], one["has_badge"], one["has_pin"]) for one in listed] == [
            ("The operator", ["operator"], True, True)
        ]
        for asked in (PIN, BADGE):
            assert await identified(floor, asked) == floor.user_ids[Role.OPERATOR]

    async def test_are_never_shown(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        answers = [await admin.post(badges(floor), json=asked) for asked in (PIN, BADGE)]
        answers.append(await admin.get(f"{V1}/badges/"))
        refusals = [
            await admin.post(badges(floor, Role.SUPERVISOR), json=PIN),
            await admin.post(badges(floor), json={"kind": "pin", "value": "4321"}),
        ]

        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert refused(refusals[0], 409, "pin_taken")
        assert refused(refusals[1], 422, "weak_pin")
        for answer in (*answers, *refusals):
            body = answer.text.replace(answer.json().get("request_id", ""), "")
            assert "UM-10442" not in body
            assert not {'"2580"', '"4321"', "4321."} & set(body.split(":")), body

    async def test_are_taken_away(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        await admin.post(badges(floor), json=PIN)

        for _ in range(2):
            answer = await admin.post(f"{badges(floor)}/pin/remove")
            assert (answer.status_code, answer.json()["has_pin"]) == (200, False)

        with pytest.raises(NotRecognized):
            await identified(floor, PIN)

    async def test_name_one_person_of_the_organization(
        self, door: Door, admin: httpx.AsyncClient, floor: Floor, other: Floor
    ) -> None:
        await admin.post(badges(floor), json=BADGE)

        again = await admin.post(badges(floor, Role.SUPERVISOR), json=BADGE)
        elsewhere = await (await door.caller(other)).post(badges(other), json=BADGE)

        assert refused(again, 409, "badge_taken")
        assert "This badge belongs to The operator." in again.json()["detail"]
        assert elsewhere.status_code == 200

    async def test_of_nobody_are_not_set(self, admin: httpx.AsyncClient) -> None:
        nobody = f"{V1}/users/{new_id()}/badges"

        assert refused(await admin.post(nobody, json=PIN), 404, "not_found")
        assert refused(await admin.post(f"{nobody}/pin/remove"), 404, "not_found")


class TestPermission:
    @pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.OPERATOR, Role.VIEWER, Role.TERMINAL])
    async def test_to_give_belongs_to_admins(self, door: Door, floor: Floor, role: Role) -> None:
        caller = await door.caller(floor, role)

        assert refused(await caller.post(badges(floor), json=PIN), 403, "forbidden")
        assert refused(await caller.post(f"{badges(floor)}/pin/remove"), 403, "forbidden")

    async def test_to_look_belongs_to_who_reads_users(self, door: Door, floor: Floor) -> None:
        statuses = {role: (await (await door.caller(floor, role)).get(f"{V1}/badges/")).status_code for role in Role}

        assert {role for role, status in statuses.items() if status == 200} == {Role.ADMIN, Role.SUPERVISOR}
        assert set(statuses.values()) == {200, 403}


class TestIdempotencyKey:
    async def test_gives_once_and_answers_the_same(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        key = {"Idempotency-Key": new_id().hex}

        answers = await asyncio.gather(*(admin.post(badges(floor), json=PIN, headers=key) for _ in range(4)))
        await admin.post(f"{badges(floor)}/pin/remove")
        late = await admin.post(badges(floor), json=PIN, headers=key)

        assert all(answer.json() == answers[0].json() for answer in (*answers, late))
        assert sum("idempotency-replayed" in answer.headers for answer in (*answers, late)) == 4
        with pytest.raises(NotRecognized):
            await identified(floor, PIN)

    async def test_is_refused_for_another_pin(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        key = {"Idempotency-Key": new_id().hex}
        await admin.post(badges(floor), json=PIN, headers=key)

        other_pin = await admin.post(badges(floor), json={**PIN, "value": "3691"}, headers=key)

        assert refused(other_pin, 422, "idempotency_key_reused")

    async def test_keeps_no_fingerprint_by_which_the_pin_can_be_found(
        self, admin: httpx.AsyncClient, floor: Floor
    ) -> None:
        answer = await admin.post(badges(floor), json=PIN, headers={"Idempotency-Key": new_id().hex})

        async with begin(floor.scope) as work:
            (kept,) = (await work.session.execute(select(IdempotencyKey.fingerprint))).scalars()
        sent = (b"POST", badges(floor).encode(), answer.request.content)
        inside = (b"POST", badges(floor).removeprefix(V1).encode(), answer.request.content)
        assert kept not in {sha256(b"\n".join(parts)).digest() for parts in (sent, inside)}
