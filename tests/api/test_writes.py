"""What can be written, by whom."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from domain.identity.roles import Role
from services.db.keys import new_id
from tests.api.doors import V1, Door, refused, report
from tests.factories import Floor

LOGS = f"{V1}/production-logs/"
CALLS = f"{V1}/andon-calls/"


def states(floor: Floor) -> str:
    """Return the address of the floor's machine's timeline."""
    return f"{V1}/machines/{floor.machine_id}/states"


def call(floor: Floor, **fields: object) -> dict[str, object]:
    """Return the JSON of a call for help."""
    return {"machine_id": str(floor.machine_id), "category": "quality", **fields}


class TestReportProduction:
    async def test_books_all_kinds_at_once(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        asked = report(
            floor, good="8.5", scrap=2, scrap_reason_id=str(floor.scrap_reason_id), rework=1,
            rework_reason_id=str(floor.rework_reason_id), device="tablet", device_at="2025-02-03T04:05:06+01:00",
        )  # fmt: skip

        answer = await operator.post(LOGS, json=asked)

        booked = answer.json()
        assert answer.status_code == 201
        assert (booked["good"], booked["scrap"], booked["rework"], booked["is_repeat"]) == (8.5, 2, 1, False)
        assert len(booked["entry_ids"]) == 3
        entry = (await operator.get(LOGS)).json()["items"][0]
        assert (entry["actor_kind"], entry["user_id"]) == ("user", str(floor.user_ids[Role.OPERATOR]))
        assert entry["device_at"] == "2025-02-03T03:05:06Z"

    async def test_books_a_client_key_once(self, door: Door, floor: Floor) -> None:
        operator, supervisor = await door.caller(floor, Role.OPERATOR), await door.caller(floor, Role.SUPERVISOR)
        asked = report(floor)

        answers = await asyncio.gather(*(client.post(LOGS, json=asked) for client in [operator, supervisor] * 4))

        assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
        assert len({tuple(answer.json()["entry_ids"]) for answer in answers}) == 1
        assert len((await operator.get(LOGS)).json()["items"]) == 1
        assert refused(await operator.post(LOGS, json={**asked, "good": 9}), 409, "client_key_used")

    async def test_makes_a_client_key_for_whoever_brings_none(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        asked = {"machine_id": str(floor.machine_id), "good": 1}

        first, second = await operator.post(LOGS, json=asked), await operator.post(LOGS, json=asked)

        assert [first.status_code, second.status_code] == [201, 201]
        assert first.json()["client_key"] != second.json()["client_key"]

    async def test_says_what_is_missing(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)

        nothing = await operator.post(LOGS, json=report(floor, good=0))
        no_reason = await operator.post(LOGS, json=report(floor, scrap=1))
        wrong_reason = await operator.post(
            LOGS, json=report(floor, scrap=1, scrap_reason_id=str(floor.rework_reason_id))
        )

        assert refused(nothing, 422, "nothing_to_book")
        assert refused(no_reason, 422, "reason_missing")
        assert no_reason.json()["fields"] == {"field": "scrap_reason_id"}
        assert refused(wrong_reason, 404, "not_found")


class TestChangeMachineState:
    async def test_enters_and_explains_a_stop(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        stopped = await operator.post(states(floor), json={"state": "unplanned_stop", "detail": "belt"})
        reason = {"state": "unplanned_stop", "reason_id": str(floor.stop_reason_id)}

        explained = await operator.post(states(floor), json={**reason, "seen_since": stopped.json()["started_at"]})
        again = await operator.post(states(floor), json={**reason, "detail": "belt"})

        assert [answer.status_code for answer in (stopped, explained, again)] == [201, 201, 200]
        assert explained.json()["started_at"] == stopped.json()["started_at"]
        assert (explained.json()["detail"], again.json()["changed"]) == ("belt", False)
        items = (await operator.get(states(floor))).json()["items"]
        assert [(item["state"], item["reason_id"]) for item in items] == [("unplanned_stop", str(floor.stop_reason_id))]

    async def test_refuses_what_was_seen_too_long_ago(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        first = (await operator.post(states(floor), json={"state": "running"})).json()["started_at"]
        await operator.post(states(floor), json={"state": "idle"})

        stale = await operator.post(states(floor), json={"state": "setup", "seen_since": first})

        assert refused(stale, 409, "stale_state")

    async def test_refuses_what_does_not_fit(self, door: Door, floor: Floor, other: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()

        not_a_stop = {"state": "running", "reason_id": str(floor.stop_reason_id)}
        foreign = {"state": "planned_stop", "reason_id": str(other.stop_reason_id)}

        assert refused(await operator.post(states(floor), json=not_a_stop), 422, "reason_does_not_fit")
        assert refused(await operator.post(states(floor), json=foreign), 404, "not_found")
        for instant in (tomorrow, "1999-12-31T00:00:00Z"):
            asked = {"state": "running", "started_at": instant}
            assert refused(await operator.post(states(floor), json=asked), 422, "invalid_instant")


class TestAndonCalls:
    async def test_live_from_raised_to_closed(self, door: Door, floor: Floor) -> None:
        supervisor = await door.caller(floor, Role.SUPERVISOR)
        raised = await supervisor.post(CALLS, json=call(floor, note="Hilfe, schnell"))
        joined = await supervisor.post(CALLS, json=call(floor, severity="critical"))
        path = f"{CALLS}{raised.json()['id']}"

        assert (raised.status_code, joined.status_code) == (201, 200)
        assert joined.json()["id"] == raised.json()["id"]
        assert (joined.json()["severity"], joined.json()["joined"]) == ("critical", 1)
        for verb, state in (("acknowledge", "acknowledged"), ("resolve", "resolved"), ("close", "closed")):
            answer = await supervisor.post(f"{path}/{verb}")
            assert (answer.status_code, answer.json()["state"]) == (200, state)
            assert answer.json()[f"{state}_by"] == str(floor.user_ids[Role.SUPERVISOR])
            assert refused(await supervisor.post(f"{path}/{verb}"), 409, "call_moved_on")
        assert [item["state"] for item in (await supervisor.get(f"{CALLS}?state=closed")).json()["items"]] == ["closed"]
        assert (await supervisor.get(f"{CALLS}?state=raised")).json()["items"] == []

    async def test_are_joined_when_raised_at_once(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)

        answers = await asyncio.gather(*(operator.post(CALLS, json=call(floor)) for _ in range(5)))

        assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
        assert len({answer.json()["id"] for answer in answers}) == 1


class TestRights:
    @pytest.mark.parametrize(
        ("role", "reports", "changes", "raises", "answers"),
        [
            (Role.ADMIN, 201, 201, 201, 200),
            (Role.SUPERVISOR, 201, 201, 201, 200),
            (Role.OPERATOR, 201, 201, 201, 403),
            (Role.VIEWER, 403, 403, 403, 403),
        ],
    )
    async def test_follow_the_role(
        self, door: Door, floor: Floor, role: Role, reports: int, changes: int, raises: int, answers: int
    ) -> None:
        client, admin = await door.caller(floor, role), await door.caller(floor, Role.ADMIN)
        open_call = (await admin.post(CALLS, json=call(floor, category="material"))).json()["id"]

        answered = [
            await client.post(LOGS, json=report(floor)),
            await client.post(states(floor), json={"state": "running"}),
            await client.post(CALLS, json=call(floor)),
            await client.post(f"{CALLS}{open_call}/acknowledge"),
        ]

        assert [answer.status_code for answer in answered] == [reports, changes, raises, answers]
        for answer in answered:
            assert answer.status_code != 403 or refused(answer, 403, "forbidden")

    async def test_end_at_the_organization(
        self, stranger: httpx.AsyncClient, door: Door, floor: Floor, other: Floor
    ) -> None:
        admin = await door.caller(floor)
        open_call = (await admin.post(CALLS, json=call(floor))).json()["id"]
        attacks = [
            (LOGS, report(floor)),
            (LOGS, report(other, scrap=1, scrap_reason_id=str(floor.scrap_reason_id))),
            (states(floor), {"state": "running"}),
            (CALLS, call(floor)),
            (f"{CALLS}{open_call}/acknowledge", None),
            (f"{CALLS}{new_id()}/acknowledge", None),
            (f"{V1}/machines/{new_id()}/states", {"state": "running"}),
        ]

        for path, body in attacks:
            assert refused(await stranger.post(path, json=body), 404, "not_found")
        assert (await admin.get(LOGS)).json()["items"] == []
        assert (await admin.get(f"{V1}/machines/{floor.machine_id}")).json()["state"] == "no_data"
