"""Routings: how a plant makes a material, in revisions of which one is active."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm.attributes import flag_modified

from domain.errors import Conflict, NotFound
from domain.identity.roles import Permission
from domain.production.operations import Transfer
from domain.production.routings import (
    InvalidWorkCentre,
    RequiredReport,
    RoutingMovedOn,
    RoutingState,
    RoutingStep,
    checked_steps,
)
from services.db.tables import Material, Plant, Routing, RoutingOperation
from services.db.work import Work
from services.production.materials import material_for_use

WORK_CENTRES = text("""
SELECT id FROM lanes WHERE plant_id = :plant_id AND id = ANY(CAST(:ids AS uuid[]))
UNION ALL
SELECT id FROM machines WHERE plant_id = :plant_id AND id = ANY(CAST(:ids AS uuid[]))
""")


async def draft_routing(work: Work, *, plant_id: UUID, material_id: UUID, operations: Sequence[RoutingStep]) -> Routing:
    """Write the next revision of how a plant makes a material; it is copied into orders once it is active.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such plant or material.
        MaterialInactive: the material is not made any more.
        NoSteps, InvalidSequence, InvalidPredecessor, InvalidWorkCentre, InvalidText, InvalidQuantity: the operations
            do not fit together.
    """
    await work.permit(Permission.EDIT_ORDERS)
    if await work.session.get(Plant, plant_id) is None:
        raise NotFound(what="plant")
    await material_for_use(work, material_id)
    steps = await _fitting(work, plant_id, operations)
    return await _add_revision(work, plant_id=plant_id, material_id=material_id, steps=steps)


async def edit_routing(work: Work, *, routing_id: UUID, version: int, operations: Sequence[RoutingStep]) -> Routing:
    """Write the operations of a draft anew.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such routing.
        RoutingMovedOn: it is no draft.
        Conflict: somebody changed it since `version`.
        As `draft_routing`, when the operations do not fit together.
    """
    await work.permit(Permission.EDIT_ORDERS)
    routing = await _lock_routing(work, routing_id)
    if routing.version != version:
        raise Conflict
    if routing.state != RoutingState.DRAFT:
        raise RoutingMovedOn(state=routing.state)
    steps = await _fitting(work, routing.plant_id, operations)
    await work.session.execute(delete(RoutingOperation).where(RoutingOperation.routing_id == routing.id))
    work.session.add_all(_rows(routing, steps))
    flag_modified(routing, "state")  # the routing's version counts changes of its operations
    await work.session.flush()
    return routing


async def activate_routing(work: Work, *, routing_id: UUID) -> Routing:
    """Let a draft be the way in which orders are made from now on; the former one retires.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such routing.
        RoutingMovedOn: it is no draft.
    """
    await work.permit(Permission.EDIT_ORDERS)
    routing = await _lock_routing(work, routing_id)
    if routing.state != RoutingState.DRAFT:
        raise RoutingMovedOn(state=routing.state)
    former = await find_active_routing(work, plant_id=routing.plant_id, material_id=routing.material_id)
    if former is not None:
        former.state = RoutingState.RETIRED.value
        await work.session.flush()
    routing.state = RoutingState.ACTIVE.value
    await work.session.flush()
    return routing


async def revise_routing(work: Work, *, routing_id: UUID) -> Routing:
    """Make a draft with the operations of another revision.

    Raises:
        Forbidden: the actor may not edit orders.
        NotFound: there is no such routing.
        MaterialInactive: the material is not made any more.
    """
    await work.permit(Permission.EDIT_ORDERS)
    routing = await work.session.get(Routing, routing_id)
    if routing is None:
        raise NotFound(what="routing")
    await material_for_use(work, routing.material_id)
    steps = tuple(_step(row) for row in await routing_operations(work, routing.id))
    return await _add_revision(work, plant_id=routing.plant_id, material_id=routing.material_id, steps=steps)


async def find_active_routing(work: Work, *, plant_id: UUID, material_id: UUID) -> Routing | None:
    """Return how a plant makes a material now, if anybody has said so."""
    statement = select(Routing).where(
        Routing.plant_id == plant_id, Routing.material_id == material_id, Routing.state == RoutingState.ACTIVE.value
    )
    return (await work.session.execute(statement)).scalar_one_or_none()


async def routing_operations(work: Work, routing_id: UUID) -> list[RoutingOperation]:
    """Return the operations of a routing by sequence."""
    statement = select(RoutingOperation).where(RoutingOperation.routing_id == routing_id)
    return list((await work.session.execute(statement.order_by(RoutingOperation.sequence))).scalars())


async def _lock_routing(work: Work, routing_id: UUID) -> Routing:
    """Lock the material, under which its revisions are numbered and activated one after the other, and a routing."""
    routing = await work.session.get(Routing, routing_id)
    if routing is None:
        raise NotFound(what="routing")
    await _lock_revisions(work, routing.material_id)
    await work.session.refresh(routing, with_for_update=True)
    return routing


async def _lock_revisions(work: Work, material_id: UUID) -> None:
    """Wait for whoever works on the routings of a material; orders may be planned meanwhile."""
    statement = select(Material.id).where(Material.id == material_id).with_for_update(key_share=True)
    await work.session.execute(statement)


async def _add_revision(work: Work, *, plant_id: UUID, material_id: UUID, steps: tuple[RoutingStep, ...]) -> Routing:
    await _lock_revisions(work, material_id)
    newest = select(func.coalesce(func.max(Routing.revision), 0)).where(
        Routing.plant_id == plant_id, Routing.material_id == material_id
    )
    revision = (await work.session.execute(newest)).scalar_one() + 1
    routing = Routing(org_id=work.scope.org_id, plant_id=plant_id, material_id=material_id, revision=revision)
    work.session.add(routing)
    await work.session.flush()
    work.session.add_all(_rows(routing, steps))
    await work.session.flush()
    return routing


async def _fitting(work: Work, plant_id: UUID, operations: Sequence[RoutingStep]) -> tuple[RoutingStep, ...]:
    """Return the checked steps, all of whose work centres stand in the plant."""
    steps = checked_steps(operations)
    wanted = [step.lane_id or step.machine_id for step in steps]
    there = set((await work.session.execute(WORK_CENTRES, {"plant_id": plant_id, "ids": wanted})).scalars())
    for step, place in zip(steps, wanted, strict=True):
        if place not in there:
            raise InvalidWorkCentre(field="work_centre", sequence=step.sequence)
    return steps


def _rows(routing: Routing, steps: tuple[RoutingStep, ...]) -> list[RoutingOperation]:
    return [
        RoutingOperation(
            org_id=routing.org_id,
            plant_id=routing.plant_id,
            routing_id=routing.id,
            sequence=step.sequence,
            name=step.name,
            lane_id=step.lane_id,
            machine_id=step.machine_id,
            setup_time_s=step.setup_time_s,
            run_time_s=step.run_time_s,
            predecessors=list(step.predecessors or ()),
            transfer=step.transfer.value,
            instructions=step.instructions,
            required_reports=sorted(report.value for report in step.required_reports),
        )
        for step in steps
    ]


def _step(row: RoutingOperation) -> RoutingStep:
    return RoutingStep(
        sequence=row.sequence,
        name=row.name,
        lane_id=row.lane_id,
        machine_id=row.machine_id,
        setup_time_s=row.setup_time_s,
        run_time_s=row.run_time_s,
        predecessors=tuple(row.predecessors),
        transfer=Transfer(row.transfer),
        instructions=row.instructions,
        required_reports=frozenset(map(RequiredReport, row.required_reports)),
    )
