"""Andon calls, ladders and rules, for programs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.identity.roles import Role
from services.db.work import begin
from tests.api.doors import V1, Door, all_pages, refused
from tests.factories import Floor, Make

CALLS, LADDERS, RULES = f"{V1}/andon-calls/", f"{V1}/andon-ladders/", f"{V1}/andon-rules/"
STEP = {"after_s": 60, "recipient": "role", "whom": "supervisor", "channels": ["screen", "sound"]}


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


async def raised(client: httpx.AsyncClient, floor: Floor, **fields: object) -> dict[str, Any]:
    body = {"machine_id": str(floor.machine_id), "category": "quality", **fields}
    answer = await client.post(CALLS, json=body)
    assert answer.status_code == 201, answer.text
    call: dict[str, Any] = answer.json()
    return call


class TestCalls:
    async def test_are_filtered(self, admin: httpx.AsyncClient, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            elsewhere = await make.machine(work)
            await make.call(work, machine_id=elsewhere.id)
        call = await raised(admin, floor, category="safety")

        for query in (
            {"plant_id": str(floor.plant_id)}, {"lane_id": str(floor.lane_id)}, {"machine_id": str(floor.machine_id)},
            {"category": "safety"}, {"state": "raised", "since": str(call["raised_at"])},
        ):  # fmt: skip
            found = (await admin.get(CALLS, params=query)).json()["items"]
            assert [one["id"] for one in found] == [call["id"]], query
        assert (await admin.get(CALLS, params={"until": call["raised_at"], "category": "safety"})).json()["items"] == []

    async def test_say_what_the_trouble_was(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        call = await raised(admin, floor)

        answer = await admin.post(f"{CALLS}{call['id']}/resolve", json={"resolution": "worn insert"})

        assert (answer.json()["state"], answer.json()["resolution"]) == ("resolved", "worn insert")
        assert refused(
            await admin.post(f"{CALLS}{call['id']}/shelve", json={"until": in_hours(1), "reason": "x"}),
            409,
            "call_moved_on",
        )

    async def test_are_shelved_and_taken_back(self, door: Door, floor: Floor) -> None:
        supervisor, operator = await door.caller(floor, Role.SUPERVISOR), await door.caller(floor, Role.OPERATOR)
        path = f"{CALLS}{(await raised(operator, floor))['id']}"
        wish = {"until": in_hours(1), "reason": "no spare part"}

        assert refused(await operator.post(f"{path}/shelve", json=wish), 403, "forbidden")
        assert refused(
            await supervisor.post(f"{path}/shelve", json={**wish, "until": in_hours(9)}), 422, "invalid_shelving"
        )
        shelved = (await supervisor.post(f"{path}/shelve", json=wish)).json()
        taken = (await supervisor.post(f"{path}/unshelve")).json()

        assert (shelved["state"], shelved["shelve_reason"]) == ("raised", "no spare part")
        assert taken["shelved_until"] < shelved["shelved_until"]

    async def test_have_statistics(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        call = await raised(admin, floor)
        await admin.post(f"{CALLS}{call['id']}/acknowledge")
        period = {"plant_id": str(floor.plant_id), "since": in_hours(-1), "until": in_hours(1)}

        found = (await admin.get(f"{CALLS}statistics", params=period)).json()

        assert (found["total"]["count"], len(found["by_hour"]), sum(found["by_hour"])) == (1, 24, 1)
        assert [one["category"] for one in found["by_category"]] == ["quality"]
        assert [one["machine_code"] for one in found["by_machine"]] == [floor.machine_code]
        assert refused(
            await admin.get(f"{CALLS}statistics", params={**period, "until": in_hours(-2)}), 422, "invalid_period"
        )


class TestLadders:
    async def test_are_set_edited_and_removed(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        wish = {"plant_id": str(floor.plant_id), "category": "machine", "steps": [STEP], "response_target_s": 300}

        first = await admin.post(LADDERS, json=wish)
        stale = await admin.post(LADDERS, json=wish)
        second = await admin.post(LADDERS, json={**wish, "steps": [], "seen_version": first.json()["version"]})

        assert first.json()["steps"] == [STEP]
        assert refused(stale, 409, "ladder_moved_on")
        assert (await admin.get(LADDERS)).json()["items"] == [second.json()]
        removal = f"{LADDERS}{first.json()['id']}/remove"
        assert refused(await admin.post(removal, json={"seen_version": 1}), 409, "ladder_moved_on")
        assert (await admin.post(removal, json={"seen_version": second.json()["version"]})).status_code == 200
        assert (await admin.get(LADDERS)).json()["items"] == []

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"steps": [STEP, STEP]}, "invalid_ladder"),
            ({"steps": [{**STEP, "whom": "janitor"}]}, "invalid_choice"),
            ({"steps": [{**STEP, "channels": ["mail"]}]}, "no_mailer"),
            ({"steps": [{**STEP, "channels": []}]}, "invalid_request"),
        ],
    )
    async def test_say_what_cannot_be_climbed(
        self, admin: httpx.AsyncClient, floor: Floor, change: dict[str, object], code: str
    ) -> None:
        wish = {"plant_id": str(floor.plant_id), "category": "machine", "steps": [STEP]}

        assert refused(await admin.post(LADDERS, json={**wish, **change}), 422, code)

    async def test_come_in_pages(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        for category in ("safety", "quality", "help"):
            await admin.post(LADDERS, json={"plant_id": str(floor.plant_id), "category": category, "steps": [STEP]})

        shown = await all_pages(admin, "andon-ladders/", limit="2")

        assert [ladder["category"] for ladder in shown] == ["help", "quality", "safety"]


class TestRules:
    async def test_come_in_pages(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        rule = {"state": "idle", "category": "machine", "plant_id": str(floor.plant_id)}
        for after_s in (300, 60, 60):
            await admin.post(RULES, json={**rule, "after_s": after_s})

        shown = await all_pages(admin, "andon-rules/", limit="1")

        assert [each["after_s"] for each in shown] == [60, 60, 300]
        assert len({each["id"] for each in shown}) == 3

    async def test_are_added_edited_and_let_rest(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        rule = {"state": "unplanned_stop", "after_s": 300, "category": "machine", "severity": "critical"}
        added = await admin.post(RULES, json={**rule, "plant_id": str(floor.plant_id), "lane_id": str(floor.lane_id)})

        edited = await admin.post(
            f"{RULES}{added.json()['id']}", json={**rule, "after_s": 600, "is_active": False, "seen_version": 1}
        )

        assert (added.status_code, added.json()["lane_id"]) == (201, str(floor.lane_id))
        (listed,) = (await admin.get(RULES, params={"plant_id": str(floor.plant_id)})).json()["items"]
        assert listed == edited.json()
        assert (listed["after_s"], listed["is_active"], listed["version"]) == (600, False, 2)
        assert refused(
            await admin.post(f"{RULES}{listed['id']}", json={**rule, "seen_version": 1}), 409, "ladder_moved_on"
        )
