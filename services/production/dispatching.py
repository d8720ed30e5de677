"""What is to be done at a machine, and what stands in the way of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text

from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.production.operations import OperationAction, OperationState, StartObstacle
from domain.production.orders import DeadlineKind
from services.db.work import Work
from services.production.start_facts import PREDECESSORS, actions_of, facts_of, obstacles_of

# The machine comes once with every row, and alone when nothing is to be done.
DISPATCH = text(f"""
WITH place AS MATERIALIZED (
  SELECT machines.id, machines.lane_id, machines.allows_parallel, status.state,
         (SELECT coalesce(jsonb_object_agg(running.id, running.name), '{{}}') FROM operations AS running
          WHERE running.org_id = machines.org_id AND running.worked_machine_id = machines.id
            AND running.state = 'running') AS running
  FROM machines
  JOIN machine_status AS status ON status.org_id = machines.org_id AND status.machine_id = machines.id
  WHERE machines.id = :machine_id
), todo AS MATERIALIZED (
  SELECT operations.id, operations.state, operations.name, operations.sequence, operations.quantity, operations.good,
         operations.scrap, operations.rework, operations.in_setup, operations.instructions, operations.run_time_s,
         operations.setup_time_s, operations.required_reports, operations.worked_machine_id, operations.work_order_id,
         orders.number AS order_number, orders.state AS order_state, orders.hold_reason, orders.due_at,
         orders.deadline_kind, orders.priority, orders.unit, materials.number AS material_number,
         materials.description AS material_description, {PREDECESSORS}
  FROM operations
  JOIN work_orders AS orders ON orders.org_id = operations.org_id AND orders.id = operations.work_order_id
  JOIN materials ON materials.org_id = orders.org_id AND materials.id = orders.material_id
  WHERE operations.state IN ('waiting', 'ready', 'running', 'paused')
    AND (operations.machine_id = :machine_id OR operations.lane_id = (SELECT lane_id FROM place))
    AND (operations.state <> 'running' OR operations.worked_machine_id = :machine_id)
    AND orders.state IN ('released', 'in_progress', 'on_hold')
)
SELECT todo.*, place.allows_parallel, place.state AS machine_state, place.running
FROM place LEFT JOIN todo ON true
ORDER BY array_position(ARRAY['running', 'paused', 'ready', 'waiting'], todo.state), todo.priority,
         todo.deadline_kind <> 'asap', todo.due_at, todo.order_number, todo.sequence
""")


@dataclass(frozen=True)
class DispatchEntry:
    """One operation that a machine may work on."""

    operation_id: UUID
    work_order_id: UUID
    order_number: str
    material_number: str
    material_description: str
    name: str
    sequence: int
    quantity: Decimal
    """Pieces asked for, in `unit`."""
    good: Decimal
    scrap: Decimal
    rework: Decimal
    remaining: Decimal
    """The quantity less what is good; below zero after overproduction."""
    unit: str
    state: OperationState
    in_setup: bool
    order_state: str
    hold_reason: str
    """Why the order is on hold; empty where it is not."""
    due_at: datetime | None
    deadline_kind: DeadlineKind
    is_late: bool
    """Whether the due date has passed."""
    priority: int
    """1 is first, 999 last."""
    instructions: str
    setup_time_s: Decimal
    run_time_s: Decimal | None
    """Planned per piece."""
    required_reports: tuple[str, ...]
    """What must be reported before it is finished: setup, quantity."""
    obstacles: tuple[StartObstacle, ...]
    """Everything that keeps it from starting here; empty while it runs."""
    actions: tuple[OperationAction, ...]
    """What people may do with it now: start, pause, finish."""


async def load_dispatch_list(work: Work, *, machine_id: UUID) -> tuple[DispatchEntry, ...]:
    """Return the open operations of a machine and its lane: running, paused, ready, waiting; each by priority and due.

    An operation of the lane that runs on another machine is not listed.

    Raises:
        Forbidden: the actor may not read orders.
        NotFound: there is no such machine in this scope.
    """
    await work.permit(Permission.READ_ORDERS)
    rows = (await work.session.execute(DISPATCH, {"machine_id": machine_id})).mappings().all()
    if not rows:
        raise NotFound(what="machine")
    entries = []
    for row in rows:
        if row["id"] is None:
            continue
        others = tuple(name for running_id, name in row["running"].items() if running_id != str(row["id"]))
        facts = facts_of(
            row, running=others, allows_parallel=row["allows_parallel"], machine_state=row["machine_state"]
        )
        entries.append(
            DispatchEntry(
                operation_id=row["id"],
                work_order_id=row["work_order_id"],
                order_number=row["order_number"],
                material_number=row["material_number"],
                material_description=row["material_description"],
                name=row["name"],
                sequence=row["sequence"],
                quantity=row["quantity"],
                good=row["good"],
                scrap=row["scrap"],
                rework=row["rework"],
                remaining=row["quantity"] - row["good"],
                unit=row["unit"],
                state=facts.operation_state,
                in_setup=row["in_setup"],
                order_state=row["order_state"],
                hold_reason=row["hold_reason"],
                due_at=row["due_at"],
                deadline_kind=DeadlineKind(row["deadline_kind"]),
                is_late=row["due_at"] is not None and row["due_at"] < work.now,
                priority=row["priority"],
                instructions=row["instructions"],
                setup_time_s=row["setup_time_s"],
                run_time_s=row["run_time_s"],
                required_reports=tuple(row["required_reports"]),
                obstacles=obstacles_of(facts),
                actions=actions_of(facts),
            )
        )
    return tuple(entries)
