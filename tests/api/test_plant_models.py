"""The plant model, shifts and crews as programs meet them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.identity.roles import Role
from tests.api.doors import V1, Door, refused
from tests.factories import Floor

EARLY = {"starts": "06:00", "ends": "14:00", "breaks": [{"starts": "10:00", "ends": "10:30"}]}


async def done(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON of an answer that is no refusal."""
    assert answer.status_code in {200, 201}, answer.text
    content: dict[str, Any] = answer.json()
    return content


class TestPlantModel:
    async def test_is_built_from_nothing(self, admin: httpx.AsyncClient) -> None:
        plant = await done(
            await admin.post(f"{V1}/plants/", json={"code": "BER", "name": "Berlin", "time_zone": "Europe/Berlin"})
        )
        department = await done(
            await admin.post(f"{V1}/departments/", json={"plant_id": plant["id"], "code": "D", "name": "Saws"})
        )
        lane = await done(
            await admin.post(f"{V1}/lanes/", json={"department_id": department["id"], "code": "S", "name": "Saws"})
        )
        machine = await done(
            await admin.post(f"{V1}/machines/", json={"lane_id": lane["id"], "code": "S-1", "name": "Saw"})
        )

        assert (machine["state"], machine["counting_source"], machine["is_active"]) == ("no_data", "operator", True)
        assert await done(await admin.get(f"{V1}/machines/{machine['id']}")) == machine

    async def test_changes_what_is_given_of_what_was_seen(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        path = f"{V1}/machines/{floor.machine_id}"

        changed = await done(
            await admin.patch(path, json={"version": 1, "counting_source": "counter", "counter_modulus": "10000"})
        )
        kept = await done(await admin.patch(path, json={"version": 2, "name": "Press"}))
        cleared = await done(await admin.patch(path, json={"version": 3, "counter_modulus": None}))

        assert (changed["counting_source"], changed["counter_modulus"], changed["version"]) == ("counter", 10000, 2)
        assert (kept["name"], kept["counter_modulus"]) == ("Press", 10000)
        assert cleared["counter_modulus"] is None
        assert refused(await admin.patch(path, json={"version": 1, "name": "Late"}), 409, "conflict")

    async def test_names_the_field_that_is_wrong(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        plant = f"{V1}/plants/{floor.plant_id}"

        zone = await admin.patch(plant, json={"version": 1, "time_zone": "Nowhere"})
        idle = await admin.patch(plant, json={"version": 1, "idle_sign_out_s": 1})

        assert refused(zone, 422, "unknown_time_zone")
        assert refused(idle, 422, "invalid_whole_number")
        assert idle.json()["fields"]["field"] == "idle_sign_out_s"

    async def test_holds_reasons_in_a_tree(self, admin: httpx.AsyncClient) -> None:
        tool = {"kind": "stop", "code": "tool", "label": "Tool", "loss_category": "breakdown"}
        above = await done(await admin.post(f"{V1}/reasons/", json=tool))
        below = await done(
            await admin.post(
                f"{V1}/reasons/", json={"kind": "stop", "code": "t1", "label": "T1", "parent_id": above["id"]}
            )
        )

        cycle = await admin.patch(f"{V1}/reasons/{above['id']}", json={"version": 1, "parent_id": below["id"]})
        bare = await admin.patch(f"{V1}/reasons/{below['id']}", json={"version": 1, "parent_id": None})

        assert refused(cycle, 409, "reason_cycle")
        assert refused(bare, 422, "loss_category_missing")


class TestShifts:
    async def test_follow_their_templates(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        lane = {"lane_id": str(floor.lane_id)}
        body = {**lane, "name": "Early", "weekdays": list(range(7)), "hours": EARLY}
        template = await done(await admin.post(f"{V1}/shift-templates/", json=body))
        day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
        exception = await done(await admin.post(f"{V1}/shift-exceptions/", json={**lane, "day": day}))

        first = await done(await admin.get(f"{V1}/shifts/", params={**lane, "limit": 5}))
        rest = await done(
            await admin.get(f"{V1}/shifts/", params={**lane, "limit": 500, "cursor": first["next_cursor"]})
        )

        days = [shift["day"] for shift in first["items"] + rest["items"]]
        assert len(days) == len(set(days)) >= 59
        assert day not in days
        assert len(first["items"][0]["breaks"]) == 1
        assert (await done(await admin.get(f"{V1}/shift-templates/", params=lane)))["items"] == [template]
        assert (await done(await admin.get(f"{V1}/shift-exceptions/", params=lane)))["items"] == [exception]
        gone = f"{V1}/shift-exceptions/{exception['id']}/remove"
        assert await done(await admin.post(gone, json={"version": 1})) == {"is_removed": True}
        assert refused(await admin.post(gone, json={"version": 1}), 404, "not_found")

    @pytest.mark.parametrize(
        "hours",
        [
            {"starts": "24:00", "ends": "06:00"},
            {"starts": "6:00", "ends": "14:00"},
            {"starts": "06:00", "ends": "14:00", "breaks": [{"starts": "15:00", "ends": "16:00"}]},
            {"starts": "06:00"},
        ],
    )
    async def test_refuse_hours_that_nobody_can_work(
        self, admin: httpx.AsyncClient, floor: Floor, hours: dict[str, Any]
    ) -> None:
        body = {"lane_id": str(floor.lane_id), "name": "X", "weekdays": [0], "hours": hours}

        assert (await admin.post(f"{V1}/shift-templates/", json=body)).status_code == 422

    async def test_say_which_overlap(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        body = {"lane_id": str(floor.lane_id), "weekdays": [0], "hours": EARLY}

        answers = await asyncio.gather(
            *(admin.post(f"{V1}/shift-templates/", json={**body, "name": name}) for name in ("A", "B"))
        )

        refusal = next(answer for answer in answers if answer.status_code != 201)
        assert refused(refusal, 409, "shifts_overlap")

    async def test_have_crews(self, door: Door, floor: Floor) -> None:
        supervisor = await door.caller(floor, Role.SUPERVISOR)
        person = {"user_id": str(floor.user_ids[Role.OPERATOR]), "duties": ["maintenance"]}

        crew = await done(
            await supervisor.post(
                f"{V1}/crews/", json={"plant_id": str(floor.plant_id), "name": "Red", "members": [person]}
            )
        )
        changed = await done(
            await supervisor.patch(f"{V1}/crews/{crew['id']}", json={"version": crew["version"], "members": []})
        )

        assert crew["members"] == [{**person, "name": "The operator"}]
        assert changed["members"] == []
        assert (await done(await supervisor.get(f"{V1}/crews/")))["items"] == [changed]

    async def test_lose_a_crew_that_nobody_needs(self, door: Door, floor: Floor) -> None:
        supervisor = await door.caller(floor, Role.SUPERVISOR)
        body = {"plant_id": str(floor.plant_id), "name": "Red"}
        crew = await done(await supervisor.post(f"{V1}/crews/", json=body))
        removal = f"{V1}/crews/{crew['id']}/remove"

        stale = await supervisor.post(removal, json={"version": 7})
        removed = await done(await supervisor.post(removal, json={"version": crew["version"]}))

        assert refused(stale, 409, "conflict")
        assert removed == {"id": crew["id"]}
        assert (await done(await supervisor.get(f"{V1}/crews/")))["items"] == []
