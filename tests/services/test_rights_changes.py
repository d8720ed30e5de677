"""Changes of rights: in force on every server process within a second."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from domain.errors import Forbidden, NotFound
from domain.identity.rights import Assignment
from domain.identity.roles import Permission, Role
from domain.plant.machine_states import MachineState
from domain.scope import Scope
from services.db.tables import OwnRole, SignInSession, User
from services.db.work import NotInYourPlants, begin, read
from services.events.hub import Hub
from services.identity.api_keys import make_api_key
from services.identity.assignments import assign_roles
from services.identity.key_holders import KeyHolders
from services.identity.roles import add_role, edit_role, set_grants
from services.identity.sessions import Sessions, Viewer
from services.plant.machine_states import change_machine_state
from services.plant.queries import list_machines
from tests.factories import Floor, Make, pumping

MOST_S = 1.0


class Process:
    """What one server process remembers, fed by a pump of its own on the real queue."""

    def __init__(self, hub: Hub) -> None:
        self.sessions, self.keys = Sessions(), KeyHolders()
        hub.on_any_event(self.sessions.hear)
        hub.on_any_event(self.keys.hear)


@pytest.fixture
async def processes(app_url: str, floor: Floor) -> AsyncIterator[tuple[Process, Process]]:
    """Two server processes."""
    async with pumping(app_url) as one, pumping(app_url) as other:
        yield Process(one), Process(other)


async def signed_in(floor: Floor, role: Role, process: Process) -> Viewer:
    """Sign somebody in, without a password."""
    async with begin(floor.scope) as work:
        session = SignInSession(
            org_id=floor.scope.org_id, user_id=floor.user_ids[role], expires_at=work.now + timedelta(days=1)
        )
        work.session.add(session)
        await work.session.flush()
        session_id = session.id
    return await process.sessions._remembered(floor.scope.org_id, floor.user_ids[role], session_id)


async def given(floor: Floor, role: Role, *assignments: Assignment) -> None:
    async with begin(floor.scope) as work:
        version = (await work.session.get_one(User, floor.user_ids[role])).version
        await assign_roles(work, user_id=floor.user_ids[role], assignments=assignments, version=version)


async def role_of(floor: Floor, *grants: str) -> OwnRole:
    async with begin(floor.scope) as work:
        return await add_role(work, key="planner", name="Planner", grants=grants)


async def seconds_until(is_true: Callable[[], Awaitable[bool]]) -> float:
    """Return how long it takes until something is true; fails after two seconds."""
    began = time.monotonic()
    async with asyncio.timeout(2):
        while not await is_true():  # noqa: ASYNC110 - of memories that say nothing by themselves
            await asyncio.sleep(0.005)
    return time.monotonic() - began


class TestRolesChanged:
    async def test_reaches_people_and_keys_on_every_process_within_a_second(
        self, floor: Floor, processes: tuple[Process, Process]
    ) -> None:
        role = await role_of(floor, "production.order.*", "identity.api_key.*")
        await given(floor, Role.VIEWER, Assignment("planner"))
        viewers = [await signed_in(floor, Role.VIEWER, process) for process in processes]
        async with begin(viewers[0].scope) as work:
            key = await make_api_key(
                work, name="ERP", scopes=["production.order.*"], expires_at=work.now + timedelta(days=1)
            )
        for process in processes:
            assert (await process.keys.holder(key.key)).scope.may(Permission.EDIT_ORDERS)

        async with begin(floor.scope) as work:
            await set_grants(work, key="planner", version=role.version, grants=["production.order.read"])

        async def is_in_force() -> bool:
            scopes = [
                *[(await one.sessions.again(viewer)).scope for one, viewer in zip(processes, viewers, strict=True)],
                *[(await one.keys.holder(key.key)).scope for one in processes],
            ]
            return not any(scope.may(Permission.EDIT_ORDERS) for scope in scopes)

        assert await seconds_until(is_in_force) < MOST_S

    async def test_takes_everything_away_when_a_role_is_switched_off(
        self, floor: Floor, processes: tuple[Process, Process]
    ) -> None:
        role = await role_of(floor, "*.*.*")
        await given(floor, Role.VIEWER, Assignment("planner"))
        viewers = [await signed_in(floor, Role.VIEWER, process) for process in processes]
        assert all(viewer.scope.may(Permission.EDIT_PLANT) for viewer in viewers)

        async with begin(floor.scope) as work:
            await edit_role(work, key="planner", version=role.version, is_active=False)

        async def is_in_force() -> bool:
            now = [await one.sessions.again(viewer) for one, viewer in zip(processes, viewers, strict=True)]
            return all(viewer.scope.permissions == frozenset() for viewer in now)

        assert await seconds_until(is_in_force) < MOST_S

    async def test_leaves_other_organizations_alone(self, floor: Floor, other: Floor) -> None:
        process = Process(Hub())
        role = await role_of(floor, "*.*.*")
        viewer = await signed_in(other, Role.VIEWER, process)

        async with begin(floor.scope) as work:
            await set_grants(work, key="planner", version=role.version, grants=[])
            for event in work.events:
                process.sessions.hear(floor.scope.org_id, event)

        assert await process.sessions.again(viewer) is viewer

    async def test_of_a_role_younger_than_the_memory_is_looked_up(self, floor: Floor) -> None:
        process = Process(Hub())
        await signed_in(floor, Role.OPERATOR, process)
        await role_of(floor, "production.order.*")
        await given(floor, Role.VIEWER, Assignment("planner"))

        assert (await signed_in(floor, Role.VIEWER, process)).scope.may(Permission.EDIT_ORDERS)


class TestUserChanged:
    async def test_reaches_every_process_within_a_second(
        self, floor: Floor, processes: tuple[Process, Process]
    ) -> None:
        viewers = [await signed_in(floor, Role.VIEWER, process) for process in processes]

        await given(floor, Role.VIEWER, Assignment("supervisor"))

        async def is_in_force() -> bool:
            now = [await one.sessions.again(viewer) for one, viewer in zip(processes, viewers, strict=True)]
            return all(viewer.scope.may(Permission.EDIT_ORDERS) for viewer in now)

        assert await seconds_until(is_in_force) < MOST_S


class TestPlantLimits:
    async def scope(self, floor: Floor, make: Make) -> tuple[Scope, str]:
        """Return a supervisor of the floor's plant who is a viewer in another, and a machine's code there."""
        async with begin(floor.scope) as work:
            far = await make.machine(work)
            plant_id, code = far.plant_id, far.code
        await given(
            floor, Role.VIEWER,
            Assignment("supervisor", frozenset({floor.plant_id})), Assignment("viewer", frozenset({plant_id})),
        )  # fmt: skip
        return (await signed_in(floor, Role.VIEWER, Process(Hub()))).scope, code

    async def test_let_a_supervisor_of_one_plant_see_both_and_write_in_one(self, floor: Floor, make: Make) -> None:
        scope, far_code = await self.scope(floor, make)

        async with read(scope) as work:
            machines = {machine.code: machine.id for machine in (await list_machines(work)).items}
        assert {far_code, floor.machine_code} <= machines.keys()

        async with begin(scope) as work:
            await change_machine_state(work, machine_id=machines[floor.machine_code], state=MachineState.RUNNING)
        with pytest.raises(NotInYourPlants):
            async with begin(scope) as work:
                await change_machine_state(work, machine_id=machines[far_code], state=MachineState.RUNNING)

    async def test_show_no_third_plant(self, floor: Floor, make: Make) -> None:
        scope, _code = await self.scope(floor, make)
        async with begin(floor.scope) as work:
            third = await make.machine(work)

        async with read(scope) as work:
            assert third.code not in {machine.code for machine in (await list_machines(work)).items}

        with pytest.raises((NotFound, Forbidden)):
            async with begin(scope) as work:
                await change_machine_state(work, machine_id=third.id, state=MachineState.RUNNING)
