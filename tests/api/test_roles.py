"""Roles and rights over the API."""

from typing import Any

import httpx

from domain.identity.rights import Assignment
from domain.identity.roles import Role
from services.db.tables import User
from services.db.work import begin
from services.identity.assignments import assign_roles
from tests.api.doors import V1, Door, all_pages, refused
from tests.factories import Floor, Make

ROLES = f"{V1}/roles/"


def planner(**fields: object) -> dict[str, object]:
    """Return the body of a new role."""
    return {"key": "planner", "name": "Planner", "grants": ["production.order.*"], **fields}


async def permissions(client: httpx.AsyncClient, user_id: object) -> dict[str, Any]:
    """Return what a user may, by permission."""
    answer = (await client.get(f"{V1}/users/{user_id}/permissions")).json()
    return {one["permission"]: one for one in answer["permissions"]}


class TestRoles:
    async def test_are_made_edited_and_removed(self, admin: httpx.AsyncClient) -> None:
        made = await admin.post(ROLES, json=planner())
        assert made.status_code == 201, made.text
        role = made.json()
        assert role["permissions"] == ["production.order.edit", "production.order.read"]

        edited = await admin.patch(f"{ROLES}planner", json={"version": role["version"], "name": "Dispatcher"})
        assert (edited.status_code, edited.json()["name"]) == (200, "Dispatcher")
        stale = await admin.patch(f"{ROLES}planner", json={"version": role["version"], "name": "Late"})
        assert refused(stale, 409, "conflict")
        granted = await admin.put(
            f"{ROLES}planner/grants", json={"version": edited.json()["version"], "grants": ["plant.*.read"]}
        )
        assert granted.json()["grants"] == ["plant.*.read"]
        assert (await admin.get(f"{ROLES}planner")).json() == granted.json()

        removed = await admin.post(f"{ROLES}planner/remove", json={"version": granted.json()["version"]})
        assert removed.json() == {"key": "planner"}
        assert refused(await admin.get(f"{ROLES}planner"), 404, "not_found")

    async def test_are_listed_with_the_built_in_ones_in_pages(self, admin: httpx.AsyncClient) -> None:
        await admin.post(ROLES, json=planner())

        roles = await all_pages(admin, "roles/", limit="2")

        assert [role["key"] for role in roles] == ["admin", "operator", "supervisor", "terminal", "viewer", "planner"]
        assert [role["is_built_in"] for role in roles] == [True] * 5 + [False]

    async def test_can_be_copied_and_built_in_ones_stay(self, admin: httpx.AsyncClient) -> None:
        copy = await admin.post(ROLES, json={"key": "setter", "name": "Setter", "copy_of": "operator"})

        assert copy.status_code == 201
        assert copy.json()["permissions"] == (await admin.get(f"{ROLES}operator")).json()["permissions"]
        change = {"version": 1, "name": "Mine"}
        assert refused(await admin.patch(f"{ROLES}operator", json=change), 409, "role_is_built_in")

    async def test_are_refused_with_a_sentence_where_they_make_no_sense(self, admin: httpx.AsyncClient) -> None:
        for body, status, code in (
            (planner(grants=["production.order.raed"]), 422, "invalid_grant"),
            (planner(grants=["platform.*.*"]), 422, "invalid_grant"),
            (planner(key="admin"), 409, "role_key_taken"),
            (planner(name="  "), 422, "invalid_text"),
        ):
            assert refused(await admin.post(ROLES, json=body), status, code), body

    async def test_cannot_give_more_than_their_maker_has(self, door: Door, floor: Floor) -> None:
        admin = await door.caller(floor)
        await admin.post(ROLES, json=planner(key="clerk", grants=["identity.role.*"]))
        async with begin(floor.scope) as work:
            user = await work.session.get_one(User, floor.user_ids[Role.VIEWER])
            await assign_roles(work, user_id=user.id, assignments=[Assignment("clerk")], version=user.version)
        clerk = await door.caller(floor, Role.VIEWER)

        assert refused(await clerk.post(ROLES, json=planner()), 403, "rights_lacked")
        roles = {"version": 2, "roles": [{"role": "admin"}]}
        own = f"{V1}/users/{floor.user_ids[Role.VIEWER]}/roles"
        assert refused(await clerk.put(own, json=roles), 403, "rights_lacked")


class TestUserRoles:
    async def test_are_given_in_some_plants_and_explained(
        self, admin: httpx.AsyncClient, door: Door, floor: Floor
    ) -> None:
        path = f"{V1}/users/{floor.user_ids[Role.VIEWER]}/roles"
        before = (await admin.get(path)).json()
        assert before["roles"] == [{"role": "viewer", "plant_ids": None}]

        wanted = [{"role": "supervisor", "plant_ids": [str(floor.plant_id)]}, {"role": "viewer", "plant_ids": None}]
        answer = await admin.put(path, json={"version": before["version"], "roles": wanted})

        assert answer.json()["roles"] == wanted
        explained = await permissions(admin, floor.user_ids[Role.VIEWER])
        report = explained["production.log.report"]
        assert (report["is_held"], report["plant_ids"]) == (True, [str(floor.plant_id)])
        assert [one["pattern"] for one in report["through"]] == ["production.log.*"]
        assert not explained["identity.user.edit"]["is_held"]
        me = (await (await door.caller(floor, Role.VIEWER)).get(f"{V1}/auth/me")).json()
        assert me["roles"] == ["supervisor", "viewer"]

    async def test_are_explained_in_the_callers_language(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        admin.headers["accept-language"] = "de"

        explained = await permissions(admin, floor.user_ids[Role.VIEWER])

        assert explained["andon.call.raise"]["sentence"] == "Hilfe rufen"

    async def test_keep_the_last_admin(self, admin: httpx.AsyncClient, floor: Floor) -> None:
        path = f"{V1}/users/{floor.user_ids[Role.ADMIN]}/roles"

        answer = await admin.put(path, json={"version": 1, "roles": []})

        assert refused(answer, 409, "last_admin")


class TestPlantLimits:
    async def test_hold_on_every_route(self, door: Door, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            far = await make.machine(work)
            user = await work.session.get_one(User, floor.user_ids[Role.VIEWER])
            assignments = [
                Assignment("supervisor", frozenset({floor.plant_id})), Assignment("viewer", frozenset({far.plant_id})),
            ]  # fmt: skip
            await assign_roles(work, user_id=user.id, assignments=assignments, version=user.version)
        caller = await door.caller(floor, Role.VIEWER)

        seen = {machine["id"] for machine in await all_pages(caller, "machines/", limit="50")}
        near = await caller.post(f"{V1}/machines/{floor.machine_id}/states", json={"state": "running"})
        there = await caller.post(f"{V1}/machines/{far.id}/states", json={"state": "running"})

        assert {str(floor.machine_id), str(far.id)} <= seen
        assert near.status_code in {200, 201}, near.text
        assert refused(there, 403, "not_in_your_plants")
