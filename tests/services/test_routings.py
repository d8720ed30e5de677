"""How a material is made, in revisions."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from domain.errors import Conflict, Forbidden, NotFound
from domain.identity.roles import Role
from domain.production.operations import Transfer
from domain.production.routings import (
    InvalidPredecessor,
    InvalidSequence,
    InvalidWorkCentre,
    NoSteps,
    RequiredReport,
    RoutingMovedOn,
    RoutingStep,
)
from services.db.keys import new_id
from services.db.tables import Machine, Routing
from services.db.work import Work, begin
from services.production.routings import (
    activate_routing,
    draft_routing,
    edit_routing,
    find_active_routing,
    revise_routing,
    routing_operations,
)
from tests.factories import Floor, Make


def steps(machine: Machine) -> list[RoutingStep]:
    """Return three steps, the second on any machine of the lane, the third after both."""
    return [
        RoutingStep(10, "Saw", machine_id=machine.id, transfer=Transfer.PARTIAL),
        RoutingStep(20, "Mill", lane_id=machine.lane_id, run_time_s=Decimal(30)),
        RoutingStep(30, "Check", machine_id=machine.id, predecessors=(20, 10)),
    ]


async def draft(work: Work, make: Make, machine: Machine) -> Routing:
    """Write a first revision."""
    material = await make.material(work)
    return await draft_routing(work, plant_id=machine.plant_id, material_id=material.id, operations=steps(machine))


class TestDraftRouting:
    async def test_writes_the_operations_by_sequence(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        material = await make.material(work)

        routing = await draft_routing(
            work,
            plant_id=machine.plant_id,
            material_id=material.id,
            operations=[
                *reversed(steps(machine)),
                RoutingStep(40, "Pack", machine_id=machine.id, required_reports=frozenset(RequiredReport)),
            ],
        )

        rows = await routing_operations(work, routing.id)
        assert (routing.revision, routing.state) == (1, "draft")
        assert [(row.sequence, row.predecessors, row.transfer) for row in rows] == [
            (10, [], "partial"),
            (20, [10], "finish_to_start"),
            (30, [10, 20], "finish_to_start"),
            (40, [30], "finish_to_start"),
        ]
        assert rows[3].required_reports == ["quantity", "setup"]

    async def test_refuses_operations_that_do_not_fit(self, work: Work, make: Make) -> None:
        machine, elsewhere = await make.machine(work), await make.machine(work)
        material = await make.material(work)
        good = RoutingStep(10, "Saw", machine_id=machine.id)
        wrong: list[tuple[list[RoutingStep], type[Exception]]] = [
            ([], NoSteps),
            ([replace(good, sequence=0)], InvalidSequence),
            ([good, good], InvalidSequence),
            ([good, replace(good, sequence=20, predecessors=(15,))], InvalidPredecessor),
            ([good, replace(good, sequence=20, predecessors=(20,))], InvalidPredecessor),
            ([replace(good, predecessors=(20,)), replace(good, sequence=20)], InvalidPredecessor),
            ([replace(good, machine_id=None)], InvalidWorkCentre),
            ([replace(good, lane_id=machine.lane_id)], InvalidWorkCentre),
            ([replace(good, machine_id=elsewhere.id)], InvalidWorkCentre),
            ([replace(good, machine_id=new_id())], InvalidWorkCentre),
        ]

        for operations, refusal in wrong:
            with pytest.raises(refusal):
                await draft_routing(work, plant_id=machine.plant_id, material_id=material.id, operations=operations)

    async def test_at_once_makes_revisions_of_their_own(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            material = await make.material(work)
        step = RoutingStep(10, "Saw", machine_id=floor.machine_id)

        async def write() -> int:
            async with begin(floor.scope) as work:
                routing = await draft_routing(work, plant_id=floor.plant_id, material_id=material.id, operations=[step])
                return routing.revision

        assert sorted(await asyncio.gather(*(write() for _ in range(4)))) == [1, 2, 3, 4]


class TestEditRouting:
    async def test_writes_a_draft_anew(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        routing = await draft(work, make, machine)

        edited = await edit_routing(work, routing_id=routing.id, version=1, operations=steps(machine)[:1])

        assert edited.version == 2
        assert [row.name for row in await routing_operations(work, routing.id)] == ["Saw"]
        with pytest.raises(Conflict, match="someone else"):
            await edit_routing(work, routing_id=routing.id, version=1, operations=steps(machine))

    async def test_never_changes_what_is_active(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        routing = await activate_routing(work, routing_id=(await draft(work, make, machine)).id)

        with pytest.raises(RoutingMovedOn, match="active"):
            await edit_routing(work, routing_id=routing.id, version=routing.version, operations=steps(machine))


class TestActivateRouting:
    async def test_retires_the_former_one(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        first = await activate_routing(work, routing_id=(await draft(work, make, machine)).id)

        second = await activate_routing(work, routing_id=(await revise_routing(work, routing_id=first.id)).id)

        assert (first.state, second.state, second.revision) == ("retired", "active", 2)
        active = await find_active_routing(work, plant_id=machine.plant_id, material_id=first.material_id)
        assert active is second
        assert [row.name for row in await routing_operations(work, second.id)] == ["Saw", "Mill", "Check"]
        with pytest.raises(RoutingMovedOn, match="retired"):
            await activate_routing(work, routing_id=first.id)

    async def test_at_once_leaves_one_active(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            first = await draft(work, make, machine)
            drafts = [first, *[await revise_routing(work, routing_id=first.id) for _ in range(3)]]

        async def activate(routing_id: UUID) -> None:
            async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
                await activate_routing(work, routing_id=routing_id)

        await asyncio.gather(*(activate(routing.id) for routing in drafts))

        async with begin(floor.scope) as work:
            states = [(await work.session.get_one(Routing, routing.id)).state for routing in drafts]
        assert sorted(states) == ["active", "retired", "retired", "retired"]


class TestRights:
    async def test_to_edit_are_the_supervisors(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            routing = await draft(work, make, await work.session.get_one(Machine, floor.machine_id))

        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(Forbidden):
                await activate_routing(work, routing_id=routing.id)
            with pytest.raises(Forbidden):
                await revise_routing(work, routing_id=routing.id)
            with pytest.raises(Forbidden):
                await edit_routing(work, routing_id=routing.id, version=1, operations=[])
            with pytest.raises(Forbidden):
                await draft_routing(work, plant_id=floor.plant_id, material_id=routing.material_id, operations=[])

    async def test_end_at_the_organization(self, floor: Floor, other: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            routing = await draft(work, make, await work.session.get_one(Machine, floor.machine_id))

        async with begin(other.acting_as(Role.ADMIN)) as work:
            own = await make.material(work)
            step = RoutingStep(10, "Saw", machine_id=floor.machine_id)
            for refused in (activate_routing, revise_routing):
                with pytest.raises(NotFound, match="routing"):
                    await refused(work, routing_id=routing.id)
            with pytest.raises(NotFound, match="routing"):
                await edit_routing(work, routing_id=routing.id, version=1, operations=[step])
            with pytest.raises(NotFound, match="plant"):
                await draft_routing(work, plant_id=floor.plant_id, material_id=own.id, operations=[step])
            with pytest.raises(NotFound, match="material"):
                await draft_routing(work, plant_id=other.plant_id, material_id=routing.material_id, operations=[step])
            with pytest.raises(InvalidWorkCentre):
                await draft_routing(work, plant_id=other.plant_id, material_id=own.id, operations=[step])
