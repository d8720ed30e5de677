"""The pages of roles and of what people may."""

import asyncio

from nicegui import ui
from nicegui.testing import User

from domain.identity.rights import Assignment
from domain.identity.roles import Role
from services.db.tables import Machine
from services.db.tables import User as UserRow
from services.db.work import begin, read
from services.identity.assignments import assign_roles
from services.identity.role_queries import explain_rights, get_role
from services.identity.roles import add_role, set_grants
from tests.factories import Floor, Make
from tests.ui.conftest import SignIn, sees, until

PAGE = "/admin/roles"


def switch(user: User, marker: str) -> ui.switch:
    """Return a switch of the open dialog."""
    (found,) = user.find(marker=marker).elements
    assert isinstance(found, ui.switch)
    return found


async def given(floor: Floor, role: Role, *assignments: Assignment) -> None:
    """Commit the roles of the floor's user who began with `role`."""
    async with begin(floor.scope) as work:
        version = (await work.session.get_one(UserRow, floor.user_ids[role])).version
        await assign_roles(work, user_id=floor.user_ids[role], assignments=assignments, version=version)


class TestAdminRoles:
    async def test_makes_a_role_and_says_what_it_grants(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(PAGE)
        await sees(admin, "Supervisor")

        admin.find(marker="add-role").click()
        admin.find(marker="field-name").type("Planner")
        admin.find(marker="field-key").type("planner")
        admin.find(marker="save").click()
        await sees(admin, "What Planner may do")
        with admin:
            switch(admin, "field-production.order.edit").set_value(True)
            (areas,) = admin.find(marker="field-grants").elements
            assert isinstance(areas, ui.select)
            areas.set_value(["plant.*.read"])
            assert not switch(admin, "field-plant.model.read").enabled
        admin.find(kind=ui.button, marker="save").click()

        async def grants() -> tuple[str, ...]:
            async with read(floor.scope) as work:
                return (await get_role(work, "planner")).grants

        async with asyncio.timeout(3):
            while await grants() != ("plant.*.read", "production.order.edit"):  # noqa: ASYNC110 - of the database
                await asyncio.sleep(0.02)

    async def test_copies_a_built_in_role(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(PAGE)
        await sees(admin, "Operator")

        admin.find(marker="copy-admin").click()
        await sees(admin, "Copy Admin")
        admin.find(marker="save").click()
        await sees(admin, "What Admin (copy) may do")

        async with read(floor.scope) as work:
            assert (await get_role(work, "admin-2")).grants == ("*.*.*",)

    async def test_tells_who_may_do_something(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(PAGE)
        await sees(admin, "Make roles and say what they grant")

        admin.find(marker="who-identity.role.edit").click()

        await sees(admin, "The admin")

    async def test_lets_who_may_only_read_look(self, floor: Floor, supervisor: User) -> None:
        await supervisor.open(PAGE)

        await sees(supervisor, "Built in")
        await supervisor.should_not_see(marker="add-role")
        await supervisor.should_not_see(marker="copy-admin")

    async def test_speaks_german(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        admin.http_client.headers["accept-language"] = "de"
        await admin.open(PAGE)

        await sees(admin, "Wer was darf")
        await sees(admin, "Schichtleiter")


class TestAdminRights:
    async def test_explains_what_somebody_may_and_what_not(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)

        await admin.open(f"/admin/users/{floor.user_ids[Role.OPERATOR]}/rights")

        await sees(admin, "What they may not do")
        await admin.should_see(marker="held-production.log.report")
        await admin.should_see(marker="lacking-plant.model.edit")
        await sees(admin, "By Operator")

    async def test_gives_another_role_in_one_plant(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        user_id = floor.user_ids[Role.VIEWER]
        await admin.open(f"/admin/users/{user_id}/rights")
        await sees(admin, "What they may not do")

        admin.find(marker="assign-roles").click()
        await sees(admin, "Roles of The viewer")
        with admin:
            switch(admin, "field-role-operator").set_value(True)
            (plants,) = admin.find(marker="field-plants-operator").elements
            assert isinstance(plants, ui.select)
            plants.set_value([str(floor.plant_id)])
        admin.find(kind=ui.button, marker="save").click()
        await sees(admin, "By Operator (")

        async with read(floor.scope) as work:
            rights = await explain_rights(work, user_id=user_id)
        assert set(rights.assignments) == {
            Assignment("viewer"), Assignment("operator", frozenset({floor.plant_id})),
        }  # fmt: skip

    async def test_refuses_to_take_the_last_admin_away(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(f"/admin/users/{floor.user_ids[Role.ADMIN]}/rights")
        await sees(admin, "What they may do")

        admin.find(marker="assign-roles").click()
        await sees(admin, "Roles of The admin")
        with admin:
            switch(admin, "field-role-admin").set_value(False)
        admin.find(kind=ui.button, marker="save").click()

        await sees(admin, "Somebody must stay admin")


class TestHome:
    async def test_leads_by_what_somebody_may(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            await add_role(work, key="reporter", name="R", grants=["production.log.*", "plant.*.read"])
            await add_role(work, key="clerk", name="C", grants=["identity.role.read"])
        for assignments, start in (
            ([Assignment("reporter")], "/terminal"),
            ([Assignment("reporter"), Assignment("supervisor")], "/plant"),
            ([Assignment("clerk")], "/admin/roles"),
        ):
            await given(floor, Role.VIEWER, *assignments)
            user = await sign_in(floor, Role.VIEWER)

            answer = await user.http_client.get("/")

            assert answer.headers["location"] == start


class TestPlantLimits:
    async def test_hold_on_every_click(self, floor: Floor, make: Make, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            theirs = await make.order(work)
            seen = await make.order(work, machine=await work.session.get_one(Machine, floor.machine_id))
        await given(
            floor, Role.VIEWER,
            Assignment("supervisor", frozenset({theirs.plant_id})), Assignment("viewer", frozenset({floor.plant_id})),
        )  # fmt: skip
        user = await sign_in(floor, Role.VIEWER)

        for order, may in ((theirs, True), (seen, False)):
            await user.open(f"/orders/{order.number}")
            await sees(user, order.number)
            if may:
                await user.should_see(marker="order-edit")
            else:
                await user.should_not_see(marker="order-edit")


class TestOpenScreens:
    async def test_leave_when_a_role_grants_less(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            role = await add_role(work, key="clerk", name="C", grants=["identity.role.read"])
        await given(floor, Role.VIEWER, Assignment("clerk"))
        user = await sign_in(floor, Role.VIEWER)
        await user.open(PAGE)
        await sees(user, "Who may do what")
        client = user.client
        assert client is not None

        async with begin(floor.scope) as work:
            await set_grants(work, key="clerk", version=role.version, grants=[])

        async with asyncio.timeout(3):
            while not client.is_deleted:  # noqa: ASYNC110 - as the browser finds out
                await asyncio.sleep(0.02)

    async def test_are_deleted_once_when_the_browser_left_first(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            role = await add_role(work, key="clerk", name="C", grants=["identity.role.read"])
        await given(floor, Role.VIEWER, Assignment("clerk"))
        user = await sign_in(floor, Role.VIEWER)
        await user.open(PAGE)
        await sees(user, "Who may do what")
        client = user.client
        assert client is not None

        async with begin(floor.scope) as work:
            await set_grants(work, key="clerk", version=role.version, grants=[])
        client.handle_disconnect(next(iter(client._socket_to_document_id)))

        await until(lambda: client.is_deleted)
        assert not client._delete_tasks
