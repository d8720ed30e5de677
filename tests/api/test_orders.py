"""Orders and operations as programs meet them."""

from typing import Any

import httpx
import pytest

from domain.identity.roles import Role
from services.db.keys import new_id
from tests.api.doors import V1, Door, refused, report
from tests.factories import Floor


@pytest.fixture
async def supervisor(door: Door, floor: Floor) -> httpx.AsyncClient:
    """The floor's supervisor."""
    return await door.caller(floor, Role.SUPERVISOR)


async def done(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON of an answer that is no refusal."""
    assert answer.status_code in {200, 201}, answer.text
    content: dict[str, Any] = answer.json()
    return content


async def planned(client: httpx.AsyncClient, floor: Floor, **fields: object) -> dict[str, Any]:
    """Plan an order of a saw and a check at the floor's machine, along a routing of its own."""
    number = f"SH-{new_id().hex[-8:]}"
    material = await done(await client.post(f"{V1}/materials/", json={"number": number, "unit": "pcs"}))
    place = {"plant_id": str(floor.plant_id), "material_id": material["id"]}
    steps = [
        {"sequence": 10, "name": "Saw", "machine_id": str(floor.machine_id), "run_time_s": "12.5"},
        {"sequence": 20, "name": "Check", "lane_id": str(floor.lane_id), "required_reports": ["quantity"]},
    ]
    routing = await done(await client.post(f"{V1}/routings/", json={**place, "operations": steps}))
    await done(await client.post(f"{V1}/routings/{routing['id']}/activate"))
    return await done(await client.post(f"{V1}/work-orders/", json={**place, "quantity": 10, **fields}))


class TestMaterialsAndRoutings:
    async def test_live_in_versions(self, supervisor: httpx.AsyncClient, floor: Floor) -> None:
        order = await planned(supervisor, floor)
        path = f"{V1}/materials/{order['material_id']}"

        edited = await done(await supervisor.patch(path, json={"version": 1, "description": "Shaft"}))

        assert (edited["description"], edited["version"]) == ("Shaft", 2)
        assert refused(await supervisor.patch(path, json={"version": 1, "unit": "kg"}), 409, "conflict")
        found = await done(await supervisor.get(f"{V1}/materials/", params={"search": "shaf"}))
        assert [item["id"] for item in found["items"]] == [order["material_id"]]
        assert await done(await supervisor.get(path)) == edited
        routing = (await done(await supervisor.get(f"{V1}/routings/?state=active")))["items"][0]
        assert [step["predecessors"] for step in routing["operations"]] == [[], [10]]
        assert routing["operations"][0]["run_time_s"] == 12.5
        assert await done(await supervisor.get(f"{V1}/routings/{routing['id']}")) == routing
        draft = await done(await supervisor.post(f"{V1}/routings/{routing['id']}/revise"))
        body = {"version": draft["version"], "operations": routing["operations"][:1]}
        changed = await done(await supervisor.patch(f"{V1}/routings/{draft['id']}", json=body))
        assert (changed["revision"], len(changed["operations"])) == (2, 1)


class TestWorkOrders:
    async def test_go_from_the_plan_to_the_end(self, supervisor: httpx.AsyncClient, floor: Floor) -> None:
        order = await planned(supervisor, floor, due_at="2030-01-01T00:00:00Z", overproduction_allowance="0.1")
        path = f"{V1}/work-orders/{order['id']}"
        assert (order["state"], order["deadline_kind"], order["remaining"]) == ("draft", "soft", 10)

        edited = await done(await supervisor.patch(path, json={"version": order["version"], "quantity": 12}))
        split = await done(await supervisor.post(f"{path}/split", json={"quantity": 2}))
        states = [
            (await done(await supervisor.post(f"{path}/{verb}", json={"reason": "r"} if verb == "hold" else None)))[
                "state"
            ]
            for verb in ("release", "hold", "resume", "hold", "cancel")
        ]

        assert (edited["quantity"], split["quantity"], split["split_from_id"]) == (12, 2, order["id"])
        assert states == ["released", "on_hold", "released", "on_hold", "cancelled"]
        assert refused(await supervisor.post(f"{path}/release"), 409, "order_moved_on")
        shown = await done(await supervisor.get(path))
        assert [step["state"] for step in shown["operations"]] == ["cancelled", "cancelled"]

    async def test_are_filtered(self, supervisor: httpx.AsyncClient, floor: Floor) -> None:
        order = await planned(supervisor, floor, due_at="2030-01-01T00:00:00Z")
        await done(await supervisor.post(f"{V1}/work-orders/{order['id']}/release"))
        await planned(supervisor, floor)
        for query, count in (
            ("", 2), (f"plant_id={floor.plant_id}", 2), ("state=released", 1), (f"search={order['number']}", 1),
            ("search=%25", 0), (f"lane_id={floor.lane_id}", 1), (f"machine_id={floor.machine_id}", 1),
            (f"material_id={order['material_id']}", 1), ("due_since=2030-01-01T00:00:00Z", 1),
            ("due_until=2030-01-01T00:00:00Z", 0), (f"plant_id={new_id()}", 0),
        ):  # fmt: skip
            found = await done(await supervisor.get(f"{V1}/work-orders/?{query}"))
            assert len(found["items"]) == count, query
        first = await done(await supervisor.get(f"{V1}/work-orders/?limit=1"))
        second = await done(await supervisor.get(f"{V1}/work-orders/?limit=1&cursor={first['next_cursor']}"))
        assert second["items"][0]["id"] == order["id"]


class TestOperations:
    async def test_are_worked_and_say_why_not(self, door: Door, supervisor: httpx.AsyncClient, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        order = await planned(supervisor, floor)
        await done(await supervisor.post(f"{V1}/work-orders/{order['id']}/release"))
        saw, check = (await done(await operator.get(f"{V1}/work-orders/{order['id']}")))["operations"]
        at_machine = {"machine_id": str(floor.machine_id)}

        started = await done(await operator.post(f"{V1}/operations/{saw['id']}/start", json={"setup": True}))
        refusal = await operator.post(f"{V1}/operations/{check['id']}/start", json=at_machine)

        assert (started["state"], started["in_setup"]) == ("running", True)
        assert refused(refusal, 409, "start_refused")
        obstacles = refusal.json()["obstacles"]
        assert [(one["kind"], one["fields"]) for one in obstacles] == [
            ("predecessor_not_done", {"name": "Saw"}), ("machine_busy", {"name": "Saw"})
        ]  # fmt: skip
        why = await done(await operator.get(f"{V1}/operations/{check['id']}/obstacles", params=at_machine))
        assert why["items"] == obstacles
        german = {"Accept-Language": "de-AT, en;q=0.5"}
        told = [
            await operator.post(f"{V1}/operations/{check['id']}/start", json=at_machine, headers=german),
            await operator.get(f"{V1}/operations/{check['id']}/obstacles", params=at_machine, headers=german),
            await operator.get(f"{V1}/operations/{check['id']}", headers=german),
            await operator.get(f"{V1}/operations/", headers=german),
            await operator.get(f"{V1}/work-orders/{order['id']}", headers=german),
            await operator.get(f"{V1}/machines/{floor.machine_id}/dispatch-list", headers=german),
        ]
        for said in told:
            assert "Zuerst muss „Saw“ erledigt sein." in said.text, said.text
            assert "must be done first" not in said.text
        listed = (await done(await operator.get(f"{V1}/machines/{floor.machine_id}/dispatch-list")))["items"]
        assert [(one["name"], one["actions"]) for one in listed] == [("Saw", ["pause", "finish"]), ("Check", [])]
        for verb, state in (("finish-setup", "running"), ("pause", "paused"), ("start", "running"), ("finish", "done")):
            answer = await done(await operator.post(f"{V1}/operations/{saw['id']}/{verb}"))
            assert answer["state"] == state
        assert refused(await operator.post(f"{V1}/operations/{saw['id']}/finish"), 409, "operation_moved_on")
        for query, count in (("", 2), ("state=done", 1), (f"lane_id={floor.lane_id}", 2), (f"plant_id={new_id()}", 0)):
            found = await done(await operator.get(f"{V1}/operations/?{query}"))
            assert len(found["items"]) == count, query
        only = (await done(await operator.get(f"{V1}/operations/", params=at_machine)))["items"]
        assert only == [await done(await operator.get(f"{V1}/operations/{saw['id']}"))]

    async def test_take_reports_and_give_them_back(
        self, door: Door, supervisor: httpx.AsyncClient, floor: Floor
    ) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        order = await planned(supervisor, floor)
        await done(await supervisor.post(f"{V1}/work-orders/{order['id']}/release"))
        saw = (await done(await operator.get(f"{V1}/work-orders/{order['id']}")))["operations"][0]
        await done(await operator.post(f"{V1}/operations/{saw['id']}/start"))
        body = report(floor, operation_id=saw["id"], made_ago_s=30)

        booked = await done(await operator.post(f"{V1}/production-logs/", json=body))

        assert refused(await operator.post(f"{V1}/production-logs/", json=report(floor)), 409, "more_than_ordered")
        path, key = f"{V1}/production-logs/{booked['entry_ids'][0]}/reversal", {"client_key": str(new_id())}
        first, again = await operator.post(path, json=key), await operator.post(path, json=key)
        assert (first.status_code, again.status_code, first.json()["good"]) == (201, 200, -8)
        assert refused(await operator.post(path), 409, "already_reversed")
        for query in (f"operation_id={saw['id']}", f"work_order_id={order['id']}"):
            items = (await done(await operator.get(f"{V1}/production-logs/?{query}")))["items"]
            assert sorted(item["quantity"] for item in items) == [-8, 8]
        assert (await done(await operator.get(f"{V1}/production-logs/?shift_id={new_id()}")))["items"] == []

    async def test_have_wrong_reports_corrected(self, door: Door, supervisor: httpx.AsyncClient, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        order = await planned(supervisor, floor)
        await done(await supervisor.post(f"{V1}/work-orders/{order['id']}/release"))
        saw = (await done(await operator.get(f"{V1}/work-orders/{order['id']}")))["operations"][0]
        await done(await operator.post(f"{V1}/operations/{saw['id']}/start"))
        booked = await done(await operator.post(f"{V1}/production-logs/", json=report(floor)))
        path = f"{V1}/production-logs/reports/{booked['client_key']}/correction"
        scrap = {"scrap": 3, "scrap_reason_id": str(floor.scrap_reason_id)}
        body = {"client_key": str(new_id()), "good": 7, **scrap}

        assert refused(await operator.post(path, json={**body, "good": 8}), 409, "more_than_ordered")
        first, again = await operator.post(path, json=body), await operator.post(path, json=body)

        assert (first.status_code, again.status_code) == (201, 200)
        assert [first.json()[name] for name in ("good", "scrap", "at")] == [7, 3, booked["at"]]
        assert first.json()["entry_ids"] == again.json()["entry_ids"]
        shown = await done(await operator.get(f"{V1}/operations/{saw['id']}"))
        assert [shown["good"], shown["scrap"]] == [7, 3]
        assert refused(await operator.post(path, json={"good": 1}), 409, "already_reversed")
