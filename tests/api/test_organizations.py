"""Organizations over the API: everybody's own, and what the platform does to all."""

import asyncio

import httpx
import pytest

from domain.identity.roles import Role
from services.db.keys import new_id
from services.events.hub import Hub
from tests.api.doors import V1, Door, make_door, refused
from tests.factories import Floor, Platform

ORGANIZATIONS = f"{V1}/organizations/"


@pytest.fixture
async def pat(door: Door, platform: Platform) -> httpx.AsyncClient:
    """An admin of the platform."""
    return door.client(bearer=(await door.tokens_of(platform.scope.org_id, platform.user_id)).access)


def wish(**fields: str) -> dict[str, str]:
    """Return the JSON of a fresh organization."""
    slug = f"new-{new_id().hex[:20]}"
    return {"slug": slug, "name": "New works", "admin_email": "ada@new.example", "admin_name": "Ada", **fields}


class TestPlatform:
    async def test_makes_organizations_once(self, pat: httpx.AsyncClient) -> None:
        body, headers = wish(), {"Idempotency-Key": new_id().hex}

        first = await pat.post(ORGANIZATIONS, json=body, headers=headers)
        again = await pat.post(ORGANIZATIONS, json=body, headers=headers)

        assert (first.status_code, first.json()["users"], first.json()["is_active"]) == (201, 1, True)
        assert first.json()["invitation_link"].startswith("http://mes.test/invitation?token=")
        assert again.json() == {**first.json(), "invitation_link": None}
        assert refused(await pat.post(ORGANIZATIONS, json=body), 409, "slug_taken")

    async def test_pages_through_all_of_them(self, pat: httpx.AsyncClient, floor: Floor) -> None:
        seen: list[str] = []
        cursor: str | None = None
        while True:
            params = {"limit": "20"} | ({} if cursor is None else {"cursor": cursor})
            content = (await pat.get(ORGANIZATIONS, params=params)).json()
            seen += [one["slug"] for one in content["items"]]
            cursor = content["next_cursor"]
            if cursor is None:
                break

        assert floor.slug in seen
        assert seen == sorted(set(seen))

    async def test_renames_suspends_and_resumes(
        self, pat: httpx.AsyncClient, door: Door, floor: Floor, hub: Hub
    ) -> None:
        elsewhere = make_door()
        for one in (door, elsewhere):
            hub.on_any_event(one.sessions.hear)
        token = (await door.tokens(floor, Role.ADMIN)).access
        admins = [one.client(bearer=token) for one in (door, elsewhere)]
        assert [(await admin.get(f"{V1}/auth/me")).status_code for admin in admins] == [200, 200]
        where = f"{ORGANIZATIONS}{floor.scope.org_id}"

        renamed = await pat.patch(where, json={"version": 1, "name": "Better works"})
        suspended = await pat.post(f"{where}/suspend", json={"version": 2})

        assert (renamed.json()["name"], suspended.json()["is_active"]) == ("Better works", False)
        async with asyncio.timeout(1):
            while {(await admin.get(f"{V1}/auth/me")).status_code for admin in admins} != {401}:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert refused(await pat.post(f"{where}/suspend", json={"version": 2}), 409, "conflict")
        assert (await pat.post(f"{where}/resume", json={"version": 3})).json()["is_active"] is True
        assert (await admins[0].get(f"{V1}/auth/me")).json()["organization"]["name"] == "Better works"

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"slug": "No"}, "invalid_slug"),
            ({"slug": "x"}, "invalid_request"),
            ({"name": "\u0007"}, "invalid_text"),
            ({"admin_email": "nobody"}, "invalid_email"),
            ({"admin_name": " "}, "invalid_text"),
        ],
    )
    async def test_is_told_what_cannot_be_used(self, pat: httpx.AsyncClient, fields: dict[str, str], code: str) -> None:
        assert refused(await pat.post(ORGANIZATIONS, json=wish(**fields)), 422, code)

    async def test_finds_nothing_of_an_organization_anywhere(self, pat: httpx.AsyncClient, floor: Floor) -> None:
        assert refused(await pat.get(f"{V1}/machines/{floor.machine_id}"), 404, "not_found")
        for path in ("plants/", "machines/", "badges/", "api-keys/", "work-orders/", "andon-calls/"):
            content = (await pat.get(f"{V1}/{path}")).json()
            assert str(floor.plant_id) not in str(content), path
            assert floor.machine_code not in str(content), path


class TestOthers:
    async def test_see_their_own_only(self, admin: httpx.AsyncClient, floor: Floor, other: Floor) -> None:
        content = (await admin.get(ORGANIZATIONS)).json()

        assert [one["slug"] for one in content["items"]] == [floor.slug]
        assert content["items"][0]["users"] is None
        assert refused(await admin.get(f"{ORGANIZATIONS}{floor.scope.org_id}"), 403, "forbidden")

    @pytest.mark.parametrize("role", Role)
    async def test_make_and_suspend_none(self, door: Door, floor: Floor, other: Floor, role: Role) -> None:
        caller = await door.caller(floor, role)

        assert refused(await caller.post(ORGANIZATIONS, json=wish()), 403, "forbidden")
        for organization in (floor, other):
            where = f"{ORGANIZATIONS}{organization.scope.org_id}"
            assert refused(await caller.patch(where, json={"version": 1, "name": "Mine"}), 403, "forbidden")
            for what in ("suspend", "resume"):
                assert refused(await caller.post(f"{where}/{what}", json={"version": 1}), 403, "forbidden")

    async def test_reach_no_platform_with_a_key(self, door: Door, admin: httpx.AsyncClient) -> None:
        body = {"name": "x", "scopes": ["platform.organization.read"], "expires_at": "2027-01-01T00:00:00Z"}

        assert refused(await admin.post(f"{V1}/api-keys/", json=body), 403, "scope_beyond_rights")


class TestSignInAddress:
    async def test_of_an_organization_leads_to_its_own_sign_in_page(self, door: Door, floor: Floor) -> None:
        answer = await door.client().get(f"/o/{floor.slug}")

        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?org={floor.slug}")

    async def test_leads_the_same_way_where_there_is_none(self, door: Door) -> None:
        for slug in ("nowhere", "%00", "x" * 500, "a%2Fb%3Fnext%3D"):
            assert (await door.client().get(f"/o/{slug}")).status_code in {303, 404}
