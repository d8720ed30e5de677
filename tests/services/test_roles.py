"""Roles of an organization's own, and who has them."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from domain.errors import Conflict, Forbidden, NotFound, UnisonError
from domain.events import RolesChanged, UserChanged
from domain.identity.rights import Assignment
from domain.identity.roles import InvalidGrant, InvalidRoleKey, Permission, Role
from domain.scope import Scope
from services.db.tables import AuditEntry, User, UserRole
from services.db.work import begin, read
from services.identity.assignments import (
    LastAdmin,
    NoPlantChosen,
    PlatformRole,
    RightsLacked,
    RoleTwice,
    assign_roles,
    refuse_stronger,
)
from services.identity.role_queries import RoleInfo, explain_rights, get_role, list_holders, list_roles
from services.identity.roles import (
    RoleIsBuiltIn,
    RoleIsHeld,
    RoleKeyTaken,
    add_role,
    copy_role,
    edit_role,
    remove_role,
    set_grants,
)
from services.identity.users import add_user
from tests.factories import Floor, Make


def holding(floor: Floor, *permissions: Permission, limits: dict[str, frozenset[UUID]] | None = None) -> Scope:
    """Return the scope of a user with exactly these permissions."""
    return replace(floor.acting_as(Role.SUPERVISOR), permissions=frozenset(permissions), plant_limits=limits or {})


async def made(floor: Floor, *grants: str, key: str = "planner") -> RoleInfo:
    """Commit a role."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        await add_role(work, key=key, name="Planner", grants=grants)
    async with read(floor.scope) as work:
        return await get_role(work, key)


async def assigned(floor: Floor, user_id: UUID, *assignments: Assignment, acting: Scope | None = None) -> None:
    """Commit the roles of a user."""
    async with begin(acting or floor.acting_as(Role.ADMIN)) as work:
        version = (await work.session.get_one(User, user_id)).version
        await assign_roles(work, user_id=user_id, assignments=assignments, version=version)


async def roles_of(floor: Floor, user_id: UUID) -> set[str]:
    async with read(floor.scope) as work:
        return set((await work.session.execute(select(UserRole.role).where(UserRole.user_id == user_id))).scalars())


class TestAddRole:
    async def test_keeps_what_the_role_grants(self, floor: Floor) -> None:
        role = await made(floor, "production.order.*", "plant.*.read")

        assert role.grants == ("plant.*.read", "production.order.*")
        assert set(role.permissions) == {Permission.READ_PLANT, Permission.READ_ORDERS, Permission.EDIT_ORDERS}
        assert not role.is_built_in

    async def test_tells_every_process(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await add_role(work, key="planner", name="Planner")

            assert work.events == [RolesChanged(key="planner")]

    @pytest.mark.parametrize("key", ["", "A", "Planner", "1st", "a b", "x" * 41])
    async def test_refuses_keys_that_cannot_stand_in_addresses(self, floor: Floor, key: str) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(InvalidRoleKey):
                await add_role(work, key=key, name="Planner")

    @pytest.mark.parametrize("key", [*Role, "platform"])
    async def test_reserves_the_keys_of_built_in_roles(self, floor: Floor, key: str) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(RoleKeyTaken):
                await add_role(work, key=key, name="Mine")

    async def test_refuses_a_key_twice(self, floor: Floor) -> None:
        await made(floor)

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(RoleKeyTaken):
                await add_role(work, key="planner", name="Another")

    @pytest.mark.parametrize(
        "pattern", ["", "plant", "plant.model", "plant.model.raed", "a.b.c.d", "Plant.*.*", "platform.*.*", "p*.*.*"]
    )
    async def test_refuses_patterns_that_grant_nothing(self, floor: Floor, pattern: str) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(InvalidGrant):
                await add_role(work, key="planner", name="Planner", grants=[pattern])

    async def test_never_grants_the_platform_by_a_star(self, floor: Floor) -> None:
        role = await made(floor, "*.*.*")

        assert Permission.EDIT_PLANT in role.permissions
        assert {one for one in role.permissions if one.startswith("platform.")} == set()

    async def test_refuses_rights_that_the_actor_lacks(self, floor: Floor) -> None:
        acting = holding(floor, Permission.EDIT_ROLES, Permission.READ_ORDERS)

        async with begin(acting) as work:
            await add_role(work, key="reader", name="Reader", grants=["production.order.read"])
            with pytest.raises(RightsLacked) as refused:
                await add_role(work, key="planner", name="Planner", grants=["production.order.*"])

        assert refused.value.fields == {"permission": "production.order.edit"}

    async def test_refuses_rights_that_the_actor_has_in_some_plants_only(self, floor: Floor) -> None:
        acting = holding(
            floor,
            Permission.EDIT_ROLES,
            Permission.EDIT_ORDERS,
            limits={Permission.EDIT_ORDERS: frozenset({floor.plant_id})},
        )

        async with begin(acting) as work:
            with pytest.raises(RightsLacked):
                await add_role(work, key="planner", name="Planner", grants=["production.order.edit"])

    @pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.OPERATOR, Role.VIEWER, Role.TERMINAL])
    async def test_refuses_who_may_not_edit_roles(self, floor: Floor, role: Role) -> None:
        async with begin(floor.acting_as(role)) as work:
            with pytest.raises(Forbidden):
                await add_role(work, key="planner", name="Planner")


class TestCopyRole:
    async def test_makes_a_role_of_a_built_in_one(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await copy_role(work, of=Role.OPERATOR, key="setter", name="Setter")

        async with read(floor.scope) as work:
            copy, original = await get_role(work, "setter"), await get_role(work, "operator")
        assert copy.permissions == original.permissions
        assert not copy.is_built_in

    async def test_does_not_find_a_role_of_another_organization(self, floor: Floor, other: Floor) -> None:
        await made(floor)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await copy_role(work, of="planner", key="mine", name="Mine")


class TestEditRole:
    async def test_gives_it_another_name_and_switches_it_off(self, floor: Floor) -> None:
        role = await made(floor, "production.order.*")
        await assigned(floor, floor.user_ids[Role.VIEWER], Assignment("planner"))

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await edit_role(work, key="planner", version=role.version, name="Dispatcher", is_active=False)

        async with read(floor.scope) as work:
            edited = await get_role(work, "planner")
            rights = await explain_rights(work, user_id=floor.user_ids[Role.VIEWER])
        assert (edited.name, edited.is_active) == ("Dispatcher", False)
        reason = next(one for one in rights.reasons if one.permission == Permission.EDIT_ORDERS)
        assert not reason.is_held
        assert [through.obstacle for through in reason.through] == ["switched_off"]

    async def test_refuses_what_somebody_else_changed_meanwhile(self, floor: Floor) -> None:
        role = await made(floor)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await edit_role(work, key="planner", version=role.version, name="First")

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(Conflict):
                await edit_role(work, key="planner", version=role.version, name="Second")

    async def test_refuses_built_in_roles(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(RoleIsBuiltIn):
                await edit_role(work, key="viewer", version=0, name="Mine")

    async def test_does_not_find_a_role_of_another_organization(self, floor: Floor, other: Floor) -> None:
        role = await made(floor)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await edit_role(work, key="planner", version=role.version, name="Mine")


class TestSetGrants:
    async def test_replaces_what_the_role_grants(self, floor: Floor) -> None:
        role = await made(floor, "production.order.*", "plant.model.read")

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            changed = await set_grants(
                work, key="planner", version=role.version, grants=["plant.model.read", "andon.call.raise"]
            )
            assert changed.version == role.version + 1

        async with read(floor.scope) as work:
            assert (await get_role(work, "planner")).grants == ("andon.call.raise", "plant.model.read")

    async def test_lets_stay_what_the_actor_lacks_but_refuses_more_of_it(self, floor: Floor) -> None:
        role = await made(floor, "production.order.edit")
        acting = holding(floor, Permission.EDIT_ROLES, Permission.READ_ORDERS)

        async with begin(acting) as work:
            role_now = await set_grants(
                work, key="planner", version=role.version, grants=["production.order.edit", "production.order.read"]
            )
            with pytest.raises(RightsLacked):
                await set_grants(work, key="planner", version=role_now.version, grants=["*.*.*"])

    async def test_is_written_into_the_audit(self, floor: Floor) -> None:
        await made(floor, "production.order.edit")

        async with read(floor.scope) as work:
            rows = await work.session.execute(select(AuditEntry.after).where(AuditEntry.table_name == "role_grants"))
        assert [after["pattern"] for after in rows.scalars()] == ["production.order.edit"]  # type: ignore[index]

    async def test_does_not_find_a_role_of_another_organization(self, floor: Floor, other: Floor) -> None:
        role = await made(floor)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await set_grants(work, key="planner", version=role.version, grants=[])


class TestRemoveRole:
    async def test_takes_it_away(self, floor: Floor) -> None:
        role = await made(floor)

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await remove_role(work, key="planner", version=role.version)

        async with read(floor.scope) as work:
            with pytest.raises(NotFound):
                await get_role(work, "planner")

    async def test_refuses_while_somebody_has_it(self, floor: Floor) -> None:
        role = await made(floor)
        await assigned(floor, floor.user_ids[Role.VIEWER], Assignment("planner"))

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(RoleIsHeld, match="1 people"):
                await remove_role(work, key="planner", version=role.version)

    async def test_cannot_leave_anybody_with_a_role_that_is_gone(self, floor: Floor) -> None:
        await made(floor)
        await assigned(floor, floor.user_ids[Role.VIEWER], Assignment("planner"))

        async with begin(floor.scope) as work:
            with pytest.raises(IntegrityError, match="user_roles_own_fk"):
                async with work.session.begin_nested():
                    await work.session.execute(text("DELETE FROM roles"))

    async def test_does_not_find_a_role_of_another_organization(self, floor: Floor, other: Floor) -> None:
        role = await made(floor)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await remove_role(work, key="planner", version=role.version)


class TestAssignRoles:
    async def test_replaces_the_roles_and_tells_every_process(self, floor: Floor) -> None:
        user_id = floor.user_ids[Role.VIEWER]
        await made(floor, "production.order.*")

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            before = (await work.session.get_one(User, user_id)).version
            after = await assign_roles(
                work, user_id=user_id, assignments=[Assignment("planner"), Assignment("operator")], version=before
            )
            assert after == before + 1
            assert work.events == [UserChanged(user_id=user_id)]

        assert await roles_of(floor, user_id) == {"planner", "operator"}

    async def test_leaves_no_trace_of_roles_that_stay(self, floor: Floor) -> None:
        user_id = floor.user_ids[Role.VIEWER]
        await assigned(floor, user_id, Assignment("viewer"), Assignment("operator"))
        await assigned(floor, user_id, Assignment("viewer"), Assignment("supervisor"))

        async with read(floor.scope) as work:
            entries = await work.session.execute(
                select(AuditEntry.action, AuditEntry.before, AuditEntry.after)
                .where(AuditEntry.table_name == "user_roles", AuditEntry.actor_kind == "user")
                .order_by(AuditEntry.seq)
            )
        assert [(one.action, (one.before or one.after)["role"]) for one in entries] == [
            ("insert", "operator"), ("delete", "operator"), ("insert", "supervisor"),
        ]  # fmt: skip

    async def test_refuses_what_somebody_else_changed_meanwhile(self, floor: Floor) -> None:
        user_id = floor.user_ids[Role.VIEWER]
        await assigned(floor, user_id, Assignment("operator"))

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(Conflict):
                await assign_roles(work, user_id=user_id, assignments=[], version=1)

    async def test_refuses_rights_that_the_actor_lacks(self, floor: Floor) -> None:
        acting = replace(
            floor.acting_as(Role.SUPERVISOR),
            permissions=floor.acting_as(Role.SUPERVISOR).permissions | {Permission.ASSIGN_ROLES},
        )
        user_id = floor.user_ids[Role.VIEWER]

        await assigned(floor, user_id, Assignment("operator"), acting=acting)
        with pytest.raises(RightsLacked):
            await assigned(floor, user_id, Assignment("admin"), acting=acting)

        assert await roles_of(floor, user_id) == {"operator"}

    async def test_refuses_wider_plants_than_the_actor_has(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            far = (await make.plant(work)).id
        near = frozenset({floor.plant_id})
        supervisor = floor.acting_as(Role.SUPERVISOR)
        acting = replace(
            supervisor,
            permissions=supervisor.permissions | {Permission.ASSIGN_ROLES},
            plant_limits=dict.fromkeys(supervisor.permissions, near),
        )
        user_id = floor.user_ids[Role.VIEWER]

        await assigned(floor, user_id, Assignment("operator", near), acting=acting)
        for wider in (None, frozenset({far}), frozenset({far, floor.plant_id})):
            with pytest.raises(RightsLacked):
                await assigned(floor, user_id, Assignment("supervisor", wider), acting=acting)

    async def test_refuses_a_role_twice_nowhere_and_what_does_not_exist(self, floor: Floor) -> None:
        user_id = floor.user_ids[Role.VIEWER]
        wrong: list[tuple[type[UnisonError], Collection[Assignment]]] = [
            (RoleTwice, [Assignment("viewer"), Assignment("viewer", frozenset({floor.plant_id}))]),
            (NoPlantChosen, [Assignment("viewer", frozenset())]),
            (NotFound, [Assignment("planner")]),
            (NotFound, [Assignment("viewer", frozenset({uuid4()}))]),
            (PlatformRole, [Assignment("platform")]),
        ]

        for refusal, assignments in wrong:
            with pytest.raises(refusal):
                await assigned(floor, user_id, *assignments)

    async def test_does_not_find_users_roles_and_plants_of_another_organization(
        self, floor: Floor, other: Floor
    ) -> None:
        await made(floor)
        for user_id, one in (
            (floor.user_ids[Role.VIEWER], Assignment("viewer")),
            (other.user_ids[Role.VIEWER], Assignment("planner")),
            (other.user_ids[Role.VIEWER], Assignment("viewer", frozenset({floor.plant_id}))),
        ):
            async with begin(other.acting_as(Role.ADMIN)) as work:
                with pytest.raises(NotFound):
                    await assign_roles(work, user_id=user_id, assignments=[one], version=1)

    async def test_keeps_the_last_admin(self, floor: Floor) -> None:
        admin = floor.user_ids[Role.ADMIN]

        for instead in ([], [Assignment("viewer")], [Assignment("admin", frozenset({floor.plant_id}))]):
            with pytest.raises(LastAdmin):
                await assigned(floor, admin, *instead)

        assert await roles_of(floor, admin) == {"admin"}

    async def test_never_lets_two_admins_take_each_other_away_at_once(self, floor: Floor) -> None:
        first, second = floor.user_ids[Role.ADMIN], floor.user_ids[Role.SUPERVISOR]
        await assigned(floor, second, Assignment("admin"))

        async def demote(whom: UUID, by: UUID) -> None:
            await assigned(floor, whom, acting=replace(floor.acting_as(Role.ADMIN), user_id=by))

        for _ in range(5):
            outcomes = await asyncio.gather(demote(first, second), demote(second, first), return_exceptions=True)
            assert [type(one) for one in outcomes if one is not None] == [LastAdmin]
            assert {"admin"} in (await roles_of(floor, first), await roles_of(floor, second))
            async with begin(floor.scope) as work:
                for user_id in (first, second):
                    version = (await work.session.get_one(User, user_id)).version
                    await assign_roles(work, user_id=user_id, assignments=[Assignment("admin")], version=version)


class TestAddUser:
    async def test_refuses_roles_with_rights_that_the_actor_lacks(self, floor: Floor) -> None:
        async with begin(holding(floor, Permission.EDIT_USERS)) as work:
            with pytest.raises(RightsLacked):
                await add_user(work, email="a@test.example", display_name="A", roles={"admin"})


class TestRefuseStronger:
    async def test_refuses_who_lacks_what_the_other_has(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await refuse_stronger(work, user_id=floor.user_ids[Role.OPERATOR])
            with pytest.raises(RightsLacked):
                await refuse_stronger(work, user_id=floor.user_ids[Role.ADMIN])


class TestExplainRights:
    async def test_names_for_each_permission_the_role_the_pattern_and_the_plants(
        self, floor: Floor, make: Make
    ) -> None:
        async with begin(floor.scope) as work:
            far = (await make.plant(work)).id
        user_id = floor.user_ids[Role.VIEWER]
        near = frozenset({floor.plant_id})
        await assigned(floor, user_id, Assignment("supervisor", near), Assignment("viewer", frozenset({far})))

        async with read(floor.acting_as(Role.ADMIN)) as work:
            rights = await explain_rights(work, user_id=user_id)

        reasons = {one.permission: one for one in rights.reasons}
        assert rights.plant_ids == near | {far}
        report = reasons[Permission.REPORT_PRODUCTION]
        assert (report.is_held, report.plant_ids) == (True, near)
        assert [(one.role, one.pattern) for one in report.through] == [("supervisor", "production.log.*")]
        reads = reasons[Permission.READ_PLANT]
        assert (reads.is_held, reads.plant_ids) == (True, near | {far})
        assert {one.role for one in reads.through} == {"supervisor", "viewer"}
        assert not reasons[Permission.EDIT_PLANT].is_held

    async def test_says_that_a_role_in_single_plants_gives_nothing_of_the_whole_organization(
        self, floor: Floor
    ) -> None:
        user_id = floor.user_ids[Role.VIEWER]
        await assigned(floor, user_id, Assignment("admin", frozenset({floor.plant_id})))

        async with read(floor.acting_as(Role.ADMIN)) as work:
            reasons = {one.permission: one for one in (await explain_rights(work, user_id=user_id)).reasons}

        assert reasons[Permission.EDIT_PLANT].is_held
        assert not reasons[Permission.EDIT_USERS].is_held
        assert [one.obstacle for one in reasons[Permission.EDIT_USERS].through] == ["not_in_single_plants"]

    async def test_does_not_find_a_user_of_another_organization(self, floor: Floor, other: Floor) -> None:
        async with read(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await explain_rights(work, user_id=floor.user_ids[Role.VIEWER])

    async def test_is_for_who_may_read_roles(self, floor: Floor) -> None:
        async with read(floor.acting_as(Role.VIEWER)) as work:
            for reading in (
                explain_rights(work, user_id=floor.user_ids[Role.VIEWER]),
                list_roles(work),
                get_role(work, "viewer"),
                list_holders(work, permission=Permission.READ_PLANT),
            ):
                with pytest.raises(Forbidden):
                    await reading


class TestListHolders:
    async def test_names_who_may_do_something_and_where(self, floor: Floor) -> None:
        near = frozenset({floor.plant_id})
        await assigned(floor, floor.user_ids[Role.VIEWER], Assignment("admin", near))

        async with read(floor.acting_as(Role.ADMIN)) as work:
            plant = {one.user_id: one.plant_ids for one in await list_holders(work, permission=Permission.EDIT_PLANT)}
            users = {one.user_id for one in await list_holders(work, permission=Permission.EDIT_USERS)}

        assert plant == {floor.user_ids[Role.ADMIN]: None, floor.user_ids[Role.VIEWER]: near}
        assert users == {floor.user_ids[Role.ADMIN]}

    async def test_shows_nobody_of_another_organization(self, floor: Floor, other: Floor) -> None:
        async with read(other.acting_as(Role.ADMIN)) as work:
            found = {one.user_id for one in await list_holders(work, permission=Permission.READ_PLANT)}

        assert found == set(other.user_ids.values())


class TestListRoles:
    async def test_begins_with_the_built_in_ones_and_comes_in_pages(self, floor: Floor) -> None:
        await made(floor)

        async with read(floor.acting_as(Role.ADMIN)) as work:
            page = await list_roles(work, limit=4)
            last = page.items[-1]
            rest = await list_roles(work, after=(not last.is_built_in, last.key), limit=4)

        assert [role.key for role in page.items] == ["admin", "operator", "supervisor", "terminal"]
        assert (page.has_more, rest.has_more) == (True, False)
        assert [(role.key, role.is_built_in) for role in rest.items] == [("viewer", True), ("planner", False)]
        assert {role.key: role.people for role in page.items}["admin"] == 1

    async def test_shows_no_role_of_another_organization(self, floor: Floor, other: Floor) -> None:
        await made(floor)

        async with read(other.acting_as(Role.ADMIN)) as work:
            assert {role.key for role in (await list_roles(work)).items} == set(Role)
