"""A whole organization over the API: exported, deleted, kept; nobody else's."""

import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO

import httpx
import pytest

from domain.identity.roles import Role
from services.jobs.worker import work_once
from tests.api.doors import V1, Door, refused
from tests.factories import PASSWORD, Connection, Floor, Platform


@pytest.fixture(autouse=True)
async def empty_queue(superuser_connection: Connection) -> None:
    """No job of another test."""
    await superuser_connection.execute("DELETE FROM pgmq.q_jobs")


@pytest.fixture
async def admin(door: Door, floor: Floor) -> httpx.AsyncClient:
    """The admin of the floor's organization."""
    return await door.caller(floor, Role.ADMIN)


def where(floor: Floor, rest: str) -> str:
    """Return an address about the floor's organization."""
    return f"{V1}/organizations/{floor.scope.org_id}/{rest}"


class TestExports:
    async def test_are_started_followed_fetched_and_discarded(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        task = (await admin.post(where(floor, "exports"))).json()
        assert refused(await admin.post(where(floor, "exports")), 409, "task_under_way")
        await work_once()
        done = (await admin.get(f"{V1}/tasks/{task['id']}")).json()
        (export,) = (await admin.get(where(floor, "exports"))).json()["items"]
        content = await admin.get(f"{V1}/files/{export['file_id']}/content")
        discarded = await admin.post(where(floor, f"exports/{export['file_id']}/discard"))

        assert (done["state"], done["result"]["file_id"]) == ("done", export["file_id"])
        assert done["done"] == done["total"] > 0
        assert content.headers["Cache-Control"] == "no-store"
        assert "manifest.json" in zipfile.ZipFile(BytesIO(content.content)).namelist()
        assert discarded.json() == {"file_id": export["file_id"]}
        assert (await admin.get(where(floor, "exports"))).json() == {"items": []}

    async def test_of_another_organization_do_not_exist(
        self, admin: httpx.AsyncClient, floor: Floor, other: Floor, door: Door
    ) -> None:
        await admin.post(where(floor, "exports"))
        await work_once()
        (export,) = (await admin.get(where(floor, "exports"))).json()["items"]
        stranger = await door.caller(other, Role.ADMIN)

        assert refused(await stranger.get(where(floor, "exports")), 404, "not_found")
        assert refused(await stranger.post(where(floor, "exports")), 404, "not_found")
        assert refused(await stranger.get(f"{V1}/files/{export['file_id']}/content"), 404, "not_found")
        for address in (where(floor, ""), where(other, "")):
            answer = await stranger.post(f"{address}exports/{export['file_id']}/discard")
            assert refused(answer, 404, "not_found")


class TestDeletion:
    async def test_is_planned_seen_and_taken_back(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        wish = {"slug": floor.slug, "password": PASSWORD, "after_days": 30}
        assert refused(await admin.get(where(floor, "deletion")), 404, "not_found")
        assert refused(
            await admin.post(where(floor, "deletion"), json={**wish, "password": "x"}), 422, "not_your_password"
        )
        assert refused(
            await admin.post(where(floor, "deletion"), json={**wish, "slug": "x"}), 422, "not_its_short_name"
        )

        planned = await admin.post(where(floor, "deletion"), json=wish)
        again = await admin.post(where(floor, "deletion"), json=wish)
        seen = await admin.get(where(floor, "deletion"))
        kept = await admin.post(where(floor, "keep"))

        assert (planned.status_code, planned.json()["state"], planned.json()["by_platform"]) == (201, "planned", False)
        assert refused(again, 409, "deletion_planned")
        assert seen.json() == planned.json()
        assert kept.json() == {"organization_id": str(floor.scope.org_id)}
        assert refused(await admin.post(where(floor, "keep")), 409, "no_deletion_planned")

    async def test_at_once_ends_everything_and_the_platform_sees_it(
        self, admin: httpx.AsyncClient, floor: Floor, platform: Platform, door: Door
    ) -> None:
        pat = door.client(bearer=(await door.tokens_of(platform.scope.org_id, platform.user_id)).access)
        await admin.post(where(floor, "deletion"), json={"slug": floor.slug, "password": PASSWORD, "after_days": 0})
        await work_once()
        ends = (await pat.get(f"{V1}/organizations/deletions/")).json()["items"]

        (end,) = [one for one in ends if one["organization_id"] == str(floor.scope.org_id)]
        assert (end["state"], end["done"]) == ("done", end["total"])
        assert refused(await pat.get(f"{V1}/organizations/{floor.scope.org_id}"), 404, "not_found")

    async def test_is_refused_to_a_program_with_a_key(self, admin: httpx.AsyncClient, floor: Floor, door: Door) -> None:
        body = {
            "name": "ERP",
            "scopes": ["system.organization.delete"],
            "expires_at": (datetime.now(UTC) + timedelta(days=9)).isoformat(),
        }
        made = await admin.post(f"{V1}/api-keys/", json=body)
        program = door.client(bearer=made.json()["key"])
        wish = {"slug": floor.slug, "password": PASSWORD}

        assert refused(await program.post(where(floor, "deletion"), json=wish), 403, "only_yourself")

    async def test_of_another_organization_is_refused(self, floor: Floor, other: Floor, door: Door) -> None:
        stranger = await door.caller(other, Role.ADMIN)
        wish = {"slug": floor.slug, "password": PASSWORD}

        assert refused(await stranger.post(where(floor, "deletion"), json=wish), 403, "forbidden")
        assert refused(await stranger.get(where(floor, "deletion")), 403, "forbidden")
        assert refused(await stranger.post(where(floor, "keep")), 403, "forbidden")
