"""Programs that come with an API key."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import Request
from sqlalchemy import update

from domain.events import UserChanged
from domain.identity.roles import Role
from services.db.keys import new_id
from services.db.tables import User
from services.db.work import begin
from services.events.hub import Hub
from tests.api.doors import BASE, V1, Door, make_door, refused, report
from tests.factories import Floor
from ui.api.browser_session import ACCESS_COOKIE

ME = f"{V1}/auth/me"
KEYS = f"{V1}/api-keys/"


def wish(*scopes: str, **fields: object) -> dict[str, object]:
    """Return the JSON that asks for a key."""
    expires_at = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    return {"name": "ERP", "scopes": scopes or ["production.order.read"], "expires_at": expires_at, **fields}


async def made(admin: httpx.AsyncClient, *scopes: str, **fields: object) -> dict[str, Any]:
    """Make a key and return the answer."""
    answer = await admin.post(KEYS, json=wish(*scopes, **fields))
    assert answer.status_code == 201, answer.text
    content: dict[str, Any] = answer.json()
    return content


class TestKeys:
    async def test_open_the_api_in_their_owners_name(self, door: Door, admin: httpx.AsyncClient, floor: Floor) -> None:
        key = await made(admin, "production.*.*", "plant.model.read")

        program = door.client(bearer=key["key"])
        me = (await program.get(ME)).json()

        assert me["email"] == floor.emails[Role.ADMIN]
        assert me["api_key"] == {"name": "ERP", "prefix": key["prefix"]}
        assert "production.log.report" in me["permissions"]
        assert "identity.user.edit" not in me["permissions"]
        assert (await program.post(f"{V1}/production-logs/", json=report(floor))).status_code == 201
        assert refused(await program.get(KEYS), 403, "forbidden")
        assert (await admin.get(ME)).json()["api_key"] is None

    async def test_tell_when_they_were_used_last(self, door: Door, admin: httpx.AsyncClient) -> None:
        key = await made(admin)
        before = (await admin.get(KEYS + key["id"])).json()

        await door.client(bearer=key["key"], address="192.0.2.7").get(ME)

        after = (await admin.get(KEYS + key["id"])).json()
        assert (before["last_used_at"], after["last_address"]) == (None, "192.0.2.7")
        assert after["last_used_at"] is not None

    async def test_are_shown_once(self, admin: httpx.AsyncClient) -> None:
        headers = {"Idempotency-Key": new_id().hex}
        body = wish()

        first = await admin.post(KEYS, json=body, headers=headers)
        again = await admin.post(KEYS, json=body, headers=headers)

        assert first.json()["key"].startswith("unison_")
        assert again.json() == {**first.json(), "key": None}
        assert "key" not in (await admin.get(KEYS)).json()["items"][0]

    async def test_end_at_once_here_and_within_a_second_elsewhere(
        self, admin: httpx.AsyncClient, door: Door, hub: Hub
    ) -> None:
        elsewhere = make_door()
        hub.on_any_event(elsewhere.key_holders.hear)
        hub.on_any_event(door.key_holders.hear)
        key = await made(admin)
        here, there = door.client(bearer=key["key"]), elsewhere.client(bearer=key["key"])
        assert [(await program.get(ME)).status_code for program in (here, there)] == [200, 200]

        assert (await admin.post(f"{KEYS}{key['id']}/revoke")).json()["state"] == "revoked"

        async with asyncio.timeout(1):
            while {(await program.get(ME)).status_code for program in (here, there)} != {401}:  # noqa: ASYNC110 - the hub tells its own listeners only
                await asyncio.sleep(0.02)

    async def test_end_with_their_owner(self, door: Door, admin: httpx.AsyncClient, floor: Floor, hub: Hub) -> None:
        hub.on_any_event(door.key_holders.hear)
        program = door.client(bearer=(await made(admin))["key"])
        assert (await program.get(ME)).status_code == 200

        async with begin(floor.scope) as work:
            await work.session.execute(update(User).values(is_active=False))
            for user_id in floor.user_ids.values():
                work.emit(UserChanged(user_id=user_id))

        async with asyncio.timeout(1):
            while (await program.get(ME)).status_code != 401:  # noqa: ASYNC110 - the hub tells its own listeners only
                await asyncio.sleep(0.02)

    async def test_book_nothing_after_they_were_revoked_while_used(
        self, door: Door, admin: httpx.AsyncClient, floor: Floor, hub: Hub
    ) -> None:
        hub.on_any_event(door.key_holders.hear)
        key = await made(admin, "production.log.*")
        program = door.client(bearer=key["key"])

        async def book() -> list[int]:
            answers = [await program.post(f"{V1}/production-logs/", json=report(floor)) for _ in range(20)]
            return [answer.status_code for answer in answers]

        booking = asyncio.create_task(book())
        await asyncio.sleep(0.05)
        await admin.post(f"{KEYS}{key['id']}/revoke")
        async with asyncio.timeout(1):
            while door.key_holders.remembered(key["key"]) is not None:  # noqa: ASYNC110 - the hub tells its own listeners only
                await asyncio.sleep(0.01)
        statuses = await booking

        assert set(statuses) <= {201, 401}
        assert statuses == sorted(statuses)
        assert refused(await program.post(f"{V1}/production-logs/", json=report(floor)), 401, "not_signed_in")

    async def test_neither_sign_out_nor_act_at_kiosks(self, door: Door, admin: httpx.AsyncClient) -> None:
        program = door.client(bearer=(await made(admin, "*.*.*"))["key"])

        assert refused(await program.post(f"{V1}/auth/logout"), 401, "not_signed_in")
        assert refused(await program.get(ME, headers={"Operator-Token": "x"}), 403, "key_at_kiosk")

    async def test_make_and_revoke_no_keys(self, door: Door, admin: httpx.AsyncClient) -> None:
        key = await made(admin, "*.*.*")
        program = door.client(bearer=key["key"])

        assert refused(await program.post(KEYS, json=wish()), 403, "key_made_by_key")
        assert refused(await program.post(f"{KEYS}{key['id']}/revoke"), 403, "key_made_by_key")

    async def test_open_no_page_no_live_connection_and_set_no_cookie(self, admin: httpx.AsyncClient) -> None:
        door = make_door()

        @door.app.get("/page")
        @door.app.get("/_nicegui_ws/socket.io/")
        async def page(request: Request) -> dict[str, bool]:
            return {"is_somebody": request.scope["state"]["viewer"] is not None}

        key = (await made(admin))["key"]
        program = door.client(bearer=key, Accept="text/html")

        for path in ("/page", "/_nicegui_ws/socket.io/"):
            assert (await program.get(path)).json() == {"is_somebody": False}
        assert "set-cookie" not in (await program.get(ME)).headers
        program = door.client(Accept="text/html")
        program.cookies.set(ACCESS_COOKIE, key, domain="mes.test")
        assert (await program.get("/page")).json() == {"is_somebody": False}
        assert refused(await program.get(ME, headers={"Origin": BASE}), 401, "not_signed_in")

    @pytest.mark.parametrize(
        "key",
        ["unison_", "unison_" + "a" * 46, "unison_ä", "unison_" + "0" * 5000],
        ids=["short", "wrong_sum", "letters", "long"],
    )
    async def test_that_are_none_are_refused(self, door: Door, key: str) -> None:
        headers = [(b"authorization", b"Bearer " + key.encode())]

        answer = await door.client().get(ME, headers=headers)

        assert refused(answer, 401, "not_signed_in")

    async def test_have_a_limit_of_their_own(self, admin: httpx.AsyncClient) -> None:
        door = make_door()
        few, many = await made(admin, requests_per_minute=2), await made(admin)
        slow, fast = door.client(bearer=few["key"]), door.client(bearer=many["key"])

        statuses = [(await slow.get(ME)).status_code for _ in range(3)]

        assert statuses == [200, 200, 429]
        assert (await fast.get(ME)).status_code == 200

    async def test_guessed_at_use_up_the_minute_of_their_address(self) -> None:
        door = make_door(requests_per_minute=10)

        answers = [await door.client(bearer=f"unison_{number}").get(ME) for number in range(11)]

        assert [answer.status_code for answer in answers] == [401] * 10 + [429]

    async def test_do_not_get_the_answers_that_their_owner_got(
        self, door: Door, admin: httpx.AsyncClient, floor: Floor
    ) -> None:
        body, headers = report(floor), {"Idempotency-Key": new_id().hex}
        await admin.post(f"{V1}/production-logs/", json=body, headers=headers)
        program = door.client(bearer=(await made(admin, "plant.model.read"))["key"])

        answer = await program.post(f"{V1}/production-logs/", json=body, headers=headers)

        assert refused(answer, 422, "idempotency_key_reused")


class TestMakeApiKey:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"scopes": []}, "invalid_request"),
            ({"scopes": ["x.y.z"]}, "invalid_scope"),
            ({"name": " "}, "invalid_text"),
            ({"expires_at": "2026-01-01T00:00:00Z"}, "invalid_expiry"),
            ({"expires_at": "2199-01-01T00:00:00Z"}, "invalid_expiry"),
            ({"requests_per_minute": 0}, "invalid_request"),
            ({"plant_ids": []}, "invalid_request"),
        ],
    )
    async def test_refuses_what_cannot_be_used(
        self, admin: httpx.AsyncClient, fields: dict[str, object], code: str
    ) -> None:
        assert refused(await admin.post(KEYS, json={**wish(), **fields}), 422, code)

    async def test_refuses_plants_of_others(self, admin: httpx.AsyncClient, other: Floor) -> None:
        answer = await admin.post(KEYS, json=wish(plant_ids=[str(other.plant_id)]))

        assert refused(answer, 404, "not_found")


class TestOtherOrganizations:
    async def test_see_and_end_no_keys(self, admin: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
        key = await made(admin)

        assert (await stranger.get(KEYS)).json()["items"] == []
        assert refused(await stranger.get(KEYS + key["id"]), 404, "not_found")
        assert refused(await stranger.post(f"{KEYS}{key['id']}/revoke"), 404, "not_found")

    async def test_are_out_of_reach_for_a_key(self, door: Door, admin: httpx.AsyncClient, other: Floor) -> None:
        program = door.client(bearer=(await made(admin, "*.*.*"))["key"])

        assert refused(await program.get(f"{V1}/machines/{other.machine_id}"), 404, "not_found")
        assert refused(await program.post(f"{V1}/production-logs/", json=report(other)), 404, "not_found")
