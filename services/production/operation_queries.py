"""What can be read about operations, each with what keeps it from starting."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import RowMapping, literal, or_, select, text

from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.plant.machine_states import MachineState
from domain.production.operations import OperationAction, OperationState, StartObstacle
from services.db.paging import Page, page_of
from services.db.tables import Machine, Operation
from services.db.work import Work
from services.production.start_facts import PREDECESSORS, actions_of, facts_of, obstacles_of

OPERATIONS = f"""
SELECT operations.id, operations.plant_id, operations.work_order_id, operations.sequence, operations.name,
       operations.lane_id, operations.machine_id, coalesce(machines.code, lanes.code) AS place_code,
       operations.setup_time_s, operations.run_time_s, operations.transfer, operations.instructions,
       operations.required_reports, operations.quantity, operations.good, operations.scrap, operations.rework,
       operations.state, operations.in_setup, operations.worked_machine_id, worked.code AS worked_machine_code,
       operations.started_at, operations.ended_at, operations.version, operations.predecessors AS waits_for,
       orders.number AS order_number, orders.state AS order_state, status.state AS machine_state,
       coalesce(here.allows_parallel, true) AS allows_parallel,
       (SELECT coalesce(array_agg(running.name ORDER BY running.name), '{{{{}}}}') FROM operations AS running
        WHERE running.org_id = operations.org_id AND running.worked_machine_id = here.id
          AND running.state = 'running' AND running.id <> operations.id) AS running, {PREDECESSORS}
FROM operations
JOIN work_orders AS orders ON orders.org_id = operations.org_id AND orders.id = operations.work_order_id
LEFT JOIN lanes ON lanes.org_id = operations.org_id AND lanes.id = operations.lane_id
LEFT JOIN machines ON machines.org_id = operations.org_id AND machines.id = operations.machine_id
LEFT JOIN machines AS worked ON worked.org_id = operations.org_id AND worked.id = operations.worked_machine_id
LEFT JOIN machines AS here ON here.org_id = operations.org_id AND here.id = {{at}}
LEFT JOIN machine_status AS status ON status.org_id = here.org_id AND status.machine_id = here.id
WHERE {{which}} ORDER BY operations.sequence
"""
AT_ITS_OWN = "coalesce(operations.machine_id, operations.worked_machine_id)"
OF_ORDER = text(OPERATIONS.format(at=AT_ITS_OWN, which="operations.work_order_id = :order_id"))
ONE = text(OPERATIONS.format(at=AT_ITS_OWN, which="operations.id = :operation_id"))
ONE_AT = text(OPERATIONS.format(at=":machine_id", which="operations.id = :operation_id"))
SEVERAL = text(OPERATIONS.format(at=AT_ITS_OWN, which="operations.id = ANY(CAST(:ids AS uuid[]))"))


@dataclass(frozen=True)
class OperationInfo:
    """A step of an order, with what keeps it from starting."""

    id: UUID
    plant_id: UUID
    work_order_id: UUID
    order_number: str
    order_state: str
    sequence: int
    name: str
    lane_id: UUID | None
    machine_id: UUID | None
    place_code: str
    """Code of the lane or machine that it is planned for."""
    setup_time_s: Decimal
    run_time_s: Decimal | None
    """Planned per piece."""
    transfer: str
    waits_for: tuple[int, ...]
    """Sequences of its predecessors."""
    instructions: str
    required_reports: tuple[str, ...]
    quantity: Decimal
    good: Decimal
    scrap: Decimal
    rework: Decimal
    state: OperationState
    in_setup: bool
    worked_machine_id: UUID | None
    """The machine that works on it, or did last."""
    worked_machine_code: str | None
    started_at: datetime | None
    ended_at: datetime | None
    version: int
    obstacles: tuple[StartObstacle, ...]
    """Everything that keeps it from starting; empty while it runs. At a lane, without what its machines are in."""
    actions: tuple[OperationAction, ...]
    """What people may do with it now."""


async def load_operations(work: Work, *, order_id: UUID) -> tuple[OperationInfo, ...]:
    """Return the operations of an order by sequence.

    Raises:
        Forbidden: the actor may not read orders.
    """
    await work.permit(Permission.READ_ORDERS)
    rows = await work.session.execute(OF_ORDER, {"order_id": order_id})
    return tuple(_operation(row) for row in rows.mappings())


async def list_operations(
    work: Work,
    *,
    plant_id: UUID | None = None,
    lane_id: UUID | None = None,
    machine_id: UUID | None = None,
    order_id: UUID | None = None,
    state: OperationState | None = None,
    before: UUID | None = None,
    limit: int = 100,
) -> Page[OperationInfo]:
    """Return the operations that the filters leave, newest first by id; `before` continues below one.

    `machine_id` is that of the plan or of the work; a lane's operations are those of the lane and of its machines.

    Raises:
        Forbidden: the actor may not read orders.
    """
    await work.permit(Permission.READ_ORDERS)
    page = select(Operation.id).order_by(Operation.id.desc()).limit(literal(limit + 1, literal_execute=True))
    if plant_id is not None:
        page = page.where(Operation.plant_id == plant_id)
    if order_id is not None:
        page = page.where(Operation.work_order_id == order_id)
    if state is not None:
        page = page.where(Operation.state == state.value)
    if machine_id is not None:
        page = page.where(or_(Operation.machine_id == machine_id, Operation.worked_machine_id == machine_id))
    if lane_id is not None:
        machines = select(Machine.id).where(Machine.lane_id == lane_id)
        page = page.where(or_(Operation.lane_id == lane_id, Operation.machine_id.in_(machines)))
    if before is not None:
        page = page.where(Operation.id < before)
    ids = list((await work.session.execute(page)).scalars())
    rows = (await work.session.execute(SEVERAL, {"ids": ids})).mappings().all() if ids else []
    return page_of(sorted((_operation(row) for row in rows), key=lambda one: one.id, reverse=True), limit)


async def get_operation(work: Work, *, operation_id: UUID, machine_id: UUID | None = None) -> OperationInfo:
    """Return one operation, with what keeps it from starting at a machine: the given one, or where it is planned.

    Raises:
        Forbidden: the actor may not read orders.
        NotFound: there is no such operation or machine in this scope.
    """
    await work.permit(Permission.READ_ORDERS)
    statement, key = (ONE, {}) if machine_id is None else (ONE_AT, {"machine_id": machine_id})
    row = (await work.session.execute(statement, {**key, "operation_id": operation_id})).mappings().one_or_none()
    if row is None:
        raise NotFound(what="operation")
    if machine_id is not None and row["machine_state"] is None:
        raise NotFound(what="machine")
    return _operation(row)


def _operation(row: RowMapping) -> OperationInfo:
    facts = facts_of(
        row,
        running=tuple(row["running"]),
        allows_parallel=row["allows_parallel"],
        machine_state=row["machine_state"] or MachineState.NO_DATA.value,
    )
    return OperationInfo(
        id=row["id"],
        plant_id=row["plant_id"],
        work_order_id=row["work_order_id"],
        order_number=row["order_number"],
        order_state=row["order_state"],
        sequence=row["sequence"],
        name=row["name"],
        lane_id=row["lane_id"],
        machine_id=row["machine_id"],
        place_code=row["place_code"],
        setup_time_s=row["setup_time_s"],
        run_time_s=row["run_time_s"],
        transfer=row["transfer"],
        waits_for=tuple(row["waits_for"]),
        instructions=row["instructions"],
        required_reports=tuple(row["required_reports"]),
        quantity=row["quantity"],
        good=row["good"],
        scrap=row["scrap"],
        rework=row["rework"],
        state=facts.operation_state,
        in_setup=row["in_setup"],
        worked_machine_id=row["worked_machine_id"],
        worked_machine_code=row["worked_machine_code"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        version=row["version"],
        obstacles=obstacles_of(facts),
        actions=actions_of(facts),
    )
