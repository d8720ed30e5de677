"""What can be read, by whom, page by page."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import httpx
import pytest

from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from services.db.keys import new_id
from services.db.tables import Machine
from services.db.work import begin
from services.plant.machine_states import change_machine_state
from tests.api.doors import V1, Door, all_pages, refused, report
from tests.factories import Floor, Make

LISTS = [
    "organizations", "plants", "departments", "lanes", "machines", "reasons", "production-logs", "andon-calls",
    "materials", "routings", "work-orders", "operations",
]  # fmt: skip

MADE_UP = ["x", "%00", "e30", "W10", "W251bGwsbnVsbF0", "%F0%9F%98%80", "a" * 900, "WyJwbGFudHMiLFsiXHUwMDAwIl1d"]


async def ids(client: httpx.AsyncClient, path: str, **params: object) -> list[str]:
    """Return the ids of a list's first page."""
    answer = await client.get(f"{V1}/{path}", params={name: str(value) for name, value in params.items()})
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


class TestLists:
    @pytest.mark.parametrize("role", list(Role))
    @pytest.mark.parametrize("name", LISTS)
    async def test_are_open_to_every_role(self, door: Door, floor: Floor, name: str, role: Role) -> None:
        client = await door.caller(floor, role)

        answer = await client.get(f"{V1}/{name}/")

        assert answer.status_code == 200
        assert answer.json() == (await client.get(f"{V1}/{name}")).json()

    async def test_show_the_plant_model(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        assert await ids(admin, "organizations/") == [str(floor.scope.org_id)]
        assert await ids(admin, "plants/") == [str(floor.plant_id)]
        assert await ids(admin, "departments/", plant_id=floor.plant_id) == [str(floor.department_id)]
        assert await ids(admin, "lanes/", department_id=floor.department_id) == [str(floor.lane_id)]
        assert await ids(admin, "machines/", lane_id=floor.lane_id, plant_id=floor.plant_id) == [str(floor.machine_id)]
        assert await ids(admin, "reasons/", kind="scrap") == [str(floor.scrap_reason_id)]
        assert len(await ids(admin, "reasons/")) == 3
        for path in ("departments/", "lanes/", "machines/"):
            assert await ids(admin, path, plant_id=new_id()) == []

    @pytest.mark.parametrize("name", LISTS[1:])
    async def test_are_empty_for_another_organization(
        self, stranger: httpx.AsyncClient, door: Door, floor: Floor, other: Floor, make: Make, name: str
    ) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        await operator.post(f"{V1}/production-logs/", json=report(floor))
        await operator.post(f"{V1}/andon-calls/", json={"machine_id": str(floor.machine_id), "category": "help"})
        async with begin(floor.scope) as work:
            order = await make.order(work, machine=await work.session.get_one(Machine, floor.machine_id))
        places = {"plant_id": floor.plant_id, "lane_id": floor.lane_id, "machine_id": floor.machine_id}
        filters = {**places, "material_id": order.material_id, "work_order_id": order.id}
        allowed = {
            "departments": ["plant_id"], "lanes": ["plant_id"], "machines": ["plant_id", "lane_id"],
            "production-logs": [*places, "work_order_id"], "andon-calls": list(places),
            "routings": ["plant_id", "material_id"], "work-orders": [*places, "material_id"],
            "operations": [*places, "work_order_id"],
        }.get(name, [])  # fmt: skip

        for item_filter in allowed:
            assert await ids(stranger, f"{name}/", **{item_filter: filters[item_filter]}) == []
        theirs, ours = await ids(stranger, f"{name}/", limit=500), await ids(operator, f"{name}/", limit=500)

        assert ours
        assert not set(theirs) & set(ours)

    async def test_are_limited_to_the_users_plants(self, door: Door, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            hidden = await make.machine(work)
            user = await make.user(work, role=Role.VIEWER, plant_ids=[floor.plant_id])
        floor.user_ids[Role.VIEWER] = user.id
        client = await door.caller(floor, Role.VIEWER)

        assert await ids(client, "machines/") == [str(floor.machine_id)]
        assert await ids(client, "plants/") == [str(floor.plant_id)]
        assert refused(await client.get(f"{V1}/machines/{hidden.id}"), 404, "not_found")

    async def test_refuse_filters_they_do_not_know(self, admin: httpx.AsyncClient) -> None:
        for query in ("machineid=1", "plant_id=x", "limit=0", "limit=501", "limit=x", f"limit={'9' * 30}", "limit=1.5"):
            assert refused(await admin.get(f"{V1}/machines/?{query}"), 422, "invalid_request")
        for query in ("since=2025", "since=1e10", "since=2025-01-01T00:00:00", "until=9999-01-01T00:00:00Z",
                      "since=0001-01-01T00:00:00%2B14:00", "kind=x", "machine_id=%00", "since=%ED%A0%80"):  # fmt: skip
            assert refused(await admin.get(f"{V1}/production-logs/?{query}"), 422, "invalid_request")

    async def test_of_orders_refuse_filters_they_do_not_know(self, admin: httpx.AsyncClient) -> None:
        for name, queries in {
            "materials": ("search=%00", f"search={'a' * 101}", "is_active=x", "plant_id=x", "limit=0"),
            "routings": ("state=x", "material_id=x", "plant_id=%00", "search=a", "limit=1e3"),
            "work-orders": ("state=x", "search=%00", f"search={'a' * 101}", "due_since=2025", "due_until=1e10",
                            "lane_id=%ED%A0%80", "material_id=1", "limit=501"),
            "operations": ("state=x", "work_order_id=x", "machine_id=%00", "kind=good", "limit=-1"),
        }.items():  # fmt: skip
            for query in queries:
                assert refused(await admin.get(f"{V1}/{name}/?{query}"), 422, "invalid_request"), (name, query)


class TestMachine:
    async def test_shows_its_state(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        before = (await admin.get(f"{V1}/machines/{floor.machine_id}")).json()

        await admin.post(f"{V1}/machines/{floor.machine_id}/states", json={"state": "running"})

        after = (await admin.get(f"{V1}/machines/{floor.machine_id}")).json()
        assert (before["state"], before["since"], after["state"]) == ("no_data", None, "running")
        assert after["code"] == floor.machine_code

    @pytest.mark.parametrize("suffix", ["", "/states"])
    async def test_of_others_does_not_exist(
        self, stranger: httpx.AsyncClient, floor: Floor, other: Floor, suffix: str
    ) -> None:
        foreign = await stranger.get(f"{V1}/machines/{floor.machine_id}{suffix}")
        unknown = await stranger.get(f"{V1}/machines/{new_id()}{suffix}")

        assert refused(foreign, 404, "not_found")
        assert foreign.json()["detail"] == unknown.json()["detail"]

    @pytest.mark.parametrize("given", ["x", "1", "%00", "%ed%a0%80", "a" * 5000])
    async def test_needs_an_id(self, admin: httpx.AsyncClient, given: str) -> None:
        assert refused(await admin.get(f"{V1}/machines/{given}"), 422, "invalid_request")
        assert refused(await admin.get(f"{V1}/machines/{given}/states"), 422, "invalid_request")


class TestOrders:
    async def test_of_others_do_not_exist(
        self, door: Door, stranger: httpx.AsyncClient, floor: Floor, other: Floor, make: Make
    ) -> None:
        admin = await door.caller(floor)
        async with begin(floor.scope) as work:
            order = await make.order(work, machine=await work.session.get_one(Machine, floor.machine_id))
            operation = (await make.operations(work, order))[0]
        ids = {
            "/work-orders/{}": order.id, "/operations/{}": operation.id, "/operations/{}/obstacles": operation.id,
            "/routings/{}": order.routing_id, "/materials/{}": order.material_id,
            "/machines/{}/dispatch-list": floor.machine_id,
        }  # fmt: skip

        for path, own in ids.items():
            assert (await admin.get(V1 + path.format(own))).status_code == 200, path
            foreign, unknown = [await stranger.get(V1 + path.format(one)) for one in (own, new_id())]
            assert refused(foreign, 404, "not_found"), path
            assert foreign.json()["detail"] == unknown.json()["detail"]
            for given in ("x", "1", "%00", "%ed%a0%80"):
                assert refused(await admin.get(V1 + path.format(given)), 422, "invalid_request"), path


class TestTimeline:
    async def test_shows_what_lasted_in_the_period(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            start = work.now.replace(microsecond=0) - timedelta(hours=4)
            for hours, state in enumerate(map(MachineState, ("running", "idle", "setup", "running"))):
                await change_machine_state(
                    work,
                    machine_id=floor.machine_id,
                    state=state,
                    started_at=start + timedelta(hours=hours),
                )
        path = f"machines/{floor.machine_id}/states"
        since, until = (start + timedelta(hours=hours) for hours in (1.5, 3))

        items = await all_pages(admin, path, limit="1", since=since.isoformat(), until=until.isoformat())
        everything = await all_pages(admin, path, limit="2")

        assert [item["state"] for item in items] == ["setup", "idle"]
        assert [item["state"] for item in everything] == ["running", "setup", "idle", "running"]
        assert everything[0]["ended_at"] is None
        assert [item["ended_at"] for item in everything[1:]] == [item["started_at"] for item in everything[:-1]]


class TestProductionLog:
    async def test_pages_are_complete_while_others_book(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        scrap = {"scrap": "0.25", "scrap_reason_id": str(floor.scrap_reason_id)}
        for _ in range(5):
            assert (await operator.post(f"{V1}/production-logs/", json=report(floor, **scrap))).status_code == 201
        expected = [(item["at"], item["id"]) for item in await all_pages(operator, "production-logs/", limit="500")]

        seen, cursor = [], ""
        while cursor is not None:
            query = f"?limit=3&cursor={cursor}" if cursor else "?limit=3"
            content = (await operator.get(f"{V1}/production-logs/{query}")).json()
            seen += [(item["at"], item["id"]) for item in content["items"]]
            cursor = content["next_cursor"]
            await operator.post(f"{V1}/production-logs/", json=report(floor))

        assert seen == expected
        assert expected == sorted(expected, reverse=True)
        assert len(expected) == 10

    async def test_is_filtered(self, door: Door, floor: Floor, make: Make) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        async with begin(floor.scope) as work:
            elsewhere = await make.machine(work)
        await operator.post(f"{V1}/production-logs/", json=report(floor, machine_id=str(elsewhere.id)))
        booked = (
            await operator.post(
                f"{V1}/production-logs/",
                json=report(floor, rework=2, rework_reason_id=str(floor.rework_reason_id), device="tablet 7"),
            )
        ).json()
        later = quote(booked["at"].replace("Z", "+00:00"))

        for query in (f"machine_id={floor.machine_id}", f"lane_id={floor.lane_id}", f"plant_id={floor.plant_id}"):
            found = (await operator.get(f"{V1}/production-logs/?{query}")).json()["items"]
            assert {item["id"] for item in found} == set(booked["entry_ids"])
        reworked = (await operator.get(f"{V1}/production-logs/?kind=rework")).json()["items"]
        assert [(item["quantity"], item["device"]) for item in reworked] == [(2, "tablet 7")]
        assert len(await ids(operator, "production-logs/")) == 3
        assert len((await operator.get(f"{V1}/production-logs/?until={later}")).json()["items"]) == 1
        assert len((await operator.get(f"{V1}/production-logs/?since={later}")).json()["items"]) == 2

    async def test_adds_up_exactly(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        for quantity in ('"0.1"', "0.2", "999999999.999999", "1e3", "1.000000", '"0.000001"'):
            body = f'{{"machine_id": "{floor.machine_id}", "client_key": "{new_id()}", "good": {quantity}}}'
            answer = await operator.post(
                f"{V1}/production-logs/", content=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 201, answer.text

        items = await all_pages(operator, "production-logs/", limit="4")

        shown = [Decimal(str(item["quantity"])) for item in reversed(items)]
        assert shown == [Decimal(text) for text in ("0.1", "0.2", "999999999.999999", "1000", "1", "0.000001")]


class TestCursor:
    @pytest.mark.parametrize("name", LISTS)
    @pytest.mark.parametrize(
        "cursor",
        ["x", "%00", "e30", "W10", "W251bGwsbnVsbF0", "%F0%9F%98%80", "a" * 900, "WyJwbGFudHMiLFsiXHUwMDAwIl1d"],
    )
    async def test_that_was_made_up_is_refused(self, admin: httpx.AsyncClient, name: str, cursor: str) -> None:
        assert refused(await admin.get(f"{V1}/{name}/?cursor={cursor}"), 422, "invalid_cursor")

    async def test_of_another_list_is_refused(self, door: Door, floor: Floor, make: Make) -> None:
        admin = await door.caller(floor)
        async with begin(floor.scope) as work:
            await make.machine(work)
        cursor = (await admin.get(f"{V1}/plants/?limit=1")).json()["next_cursor"]

        assert refused(await admin.get(f"{V1}/machines/?cursor={cursor}"), 422, "invalid_cursor")
        assert len((await admin.get(f"{V1}/plants/?limit=1&cursor={cursor}")).json()["items"]) == 1

    async def test_pages_every_list(self, door: Door, floor: Floor, make: Make) -> None:
        admin = await door.caller(floor)
        async with begin(floor.scope) as work:
            for _ in range(4):
                machine = await make.machine(work)
                await make.reason(work, kind="scrap")
                await make.call(work, machine_id=machine.id)
                await make.order(work, machine=machine)

        for name in LISTS[1:]:
            if name == "production-logs":
                continue  # its pages are read while others book
            paged = [item["id"] for item in await all_pages(admin, f"{name}/", limit="2")]
            assert paged == await ids(admin, f"{name}/", limit=500)
            assert len(paged) >= 4
