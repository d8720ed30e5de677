"""The board of a plant's open orders, in the shape that a live board sends: codes and numbers, no words."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, text

from domain.errors import NotFound
from domain.events import Event, MachineStateChanged, OperationChanged, WorkOrderChanged
from domain.identity.roles import Permission
from domain.plant.machine_states import MachineState
from domain.production.operations import (
    OperationState,
    Predecessor,
    StartFacts,
    StartObstacle,
    Transfer,
)
from domain.production.orders import OrderState
from services.db.work import Work
from services.production.boards import Json, Snapshot
from services.production.start_facts import obstacles_of

ENDED_SHOWN = 50
"""How many orders that were completed in the last day a board still shows."""

STEPS = ("running", "paused", "ready", "waiting")
"""Which operation of an order its card speaks of: the first that is in the earliest of these states."""

ALL_OPEN = f"""
  (SELECT * FROM work_orders WHERE plant_id = :plant_id AND state IN ('draft', 'released', 'in_progress', 'on_hold'))
  UNION ALL
  (SELECT * FROM work_orders WHERE plant_id = :plant_id AND state = 'completed' AND ended_at > now() - interval '1 day'
   ORDER BY ended_at DESC LIMIT {ENDED_SHOWN})"""
SOME = """
  SELECT * FROM work_orders WHERE id = ANY(CAST(:ids AS uuid[])) AND plant_id = :plant_id
    AND (state IN ('draft', 'released', 'in_progress', 'on_hold')
         OR state = 'completed' AND ended_at > now() - interval '1 day')"""
BOARD = """
WITH shown AS MATERIALIZED ({shown}
), steps AS MATERIALIZED (
  SELECT operations.work_order_id, jsonb_agg(jsonb_build_object(
           'id', operations.id, 'sequence', operations.sequence, 'name', operations.name, 'state', operations.state,
           'good', trim_scale(operations.good)::text, 'transfer', operations.transfer,
           'predecessors', operations.predecessors, 'place', coalesce(operations.machine_id, operations.lane_id),
           'machine', coalesce(operations.worked_machine_id, operations.machine_id))
         ORDER BY operations.sequence) AS steps
  FROM operations JOIN shown ON shown.org_id = operations.org_id AND shown.id = operations.work_order_id
  GROUP BY operations.work_order_id
)
SELECT
  (SELECT jsonb_object_agg(lanes.id, jsonb_build_object('code', lanes.code, 'name', lanes.name,
                                                        'order', 1000 * lanes.position))
   FROM lanes WHERE lanes.plant_id = :plant_id) AS lanes,
  (SELECT jsonb_object_agg(machines.id, jsonb_build_object(
            'code', machines.code, 'name', machines.name, 'order', 1000 * lanes.position + machines.position + 1,
            'state', status.state, 'allows_parallel', machines.allows_parallel, 'running', (
              SELECT coalesce(jsonb_object_agg(running.id, running.name), '{{}}') FROM operations AS running
              WHERE running.org_id = machines.org_id AND running.worked_machine_id = machines.id
                AND running.state = 'running')))
   FROM machines
   JOIN lanes ON lanes.org_id = machines.org_id AND lanes.id = machines.lane_id
   JOIN machine_status AS status ON status.org_id = machines.org_id AND status.machine_id = machines.id
   WHERE machines.plant_id = :plant_id AND machines.is_active) AS machines,
  (SELECT coalesce(jsonb_object_agg(shown.id, jsonb_strip_nulls(jsonb_build_object(
            'number', shown.number, 'material', materials.number, 'description', nullif(materials.description, ''),
            'unit', shown.unit, 'quantity', trim_scale(shown.quantity)::text, 'good', trim_scale(shown.good)::text,
            'scrap', trim_scale(shown.scrap)::text, 'state', shown.state, 'priority', shown.priority,
            'due', (extract(epoch FROM shown.due_at) * 1000)::bigint, 'hold_reason', nullif(shown.hold_reason, ''),
            'version', shown.version, 'operations', coalesce(steps.steps, '[]')))), '{{}}')
   FROM shown
   JOIN materials ON materials.org_id = shown.org_id AND materials.id = shown.material_id
   LEFT JOIN steps ON steps.work_order_id = shown.id) AS orders
FROM plants WHERE plants.id = :plant_id
"""
WHOLE_BOARD = text(BOARD.format(shown=ALL_OPEN))
SOME_ORDERS = text(BOARD.format(shown=SOME))
WORKED_AT = text("SELECT worked_machine_id FROM operations WHERE id = ANY(CAST(:ids AS uuid[]))")


async def load_order_board(work: Work, *, plant_id: UUID) -> Snapshot:
    """Return the snapshot of a plant's open orders, and of those that were completed in the last day.

    `orders` is keyed by id; an order's `step` is the index of the operation that its card speaks of, with the id
    `operation`, its work centre `centre`, the `machine` of a lane that it was begun on, and the `obstacles` that keep
    it from starting. `centres` are all lanes and machines of the plant, keyed by id.

    Raises:
        Forbidden: the actor may not read orders.
        NotFound: there is no such plant in this scope.
    """
    await work.permit(Permission.READ_ORDERS)
    return _snapshot((await work.session.execute(WHOLE_BOARD, {"plant_id": plant_id})).one_or_none())


async def load_order_changes(
    work: Work, before: Snapshot, events: Sequence[Event], *, plant_id: UUID
) -> Snapshot | None:
    """Return the snapshot that follows another one after some events; None where all of it has to be loaded again.

    Only orders that the events name are loaded, and those that wait for the same machines: what runs there, or that it
    stands still, is in their way.

    Raises:
        As `load_order_board`.
    """
    await work.permit(Permission.READ_ORDERS)
    shown = cast("dict[str, dict[str, Any]]", before["orders"])
    changed: set[str] = set()
    machines: set[str] = set()
    operations: set[UUID] = set()
    for event in events:
        match event:
            case WorkOrderChanged():
                changed.add(str(event.work_order_id))
            case OperationChanged():
                changed.add(str(event.work_order_id))
                operations.add(event.operation_id)
            case MachineStateChanged():
                machines.add(str(event.machine_id))
            case _:
                return None
    if operations:
        worked_at = await work.session.execute(WORKED_AT, {"ids": sorted(operations)})
        machines |= {str(machine_id) for machine_id in worked_at.scalars() if machine_id is not None}
    waiting = {
        key for key, order in shown.items() if not machines.isdisjoint((order.get("centre"), order.get("machine")))
    }
    wanted = changed | waiting
    parameters = {"plant_id": plant_id, "ids": [UUID(order_id) for order_id in sorted(wanted)]}
    loaded = _snapshot((await work.session.execute(SOME_ORDERS, parameters)).one_or_none())
    kept = {order_id: order for order_id, order in shown.items() if order_id not in wanted}
    return cast("Snapshot", {**loaded, "orders": {**kept, **cast("dict[str, Any]", loaded["orders"])}})


def _snapshot(row: Row[Any] | None) -> Snapshot:
    if row is None:
        raise NotFound(what="plant")
    places: dict[str, dict[str, Any]] = {**(row.lanes or {}), **(row.machines or {})}
    orders = {order_id: _card(order, places) for order_id, order in row.orders.items()}
    centres = {key: {name: place[name] for name in ("code", "name", "order")} for key, place in places.items()}
    return cast("Snapshot", {"orders": orders, "centres": centres})


def _card(order: dict[str, Any], places: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = order["operations"]
    step = min(
        (index for index, one in enumerate(steps) if one["state"] in STEPS),
        key=lambda index: (STEPS.index(steps[index]["state"]), index),
        default=None,
    )
    card = {**order, "operations": [_shown(one, places) for one in steps]}
    if step is None:
        return card
    now = steps[step]
    obstacles = obstacles_of(_facts(order["state"], steps, now, places.get(now.get("machine", ""), {})))
    card |= {"step": step, "operation": now["id"], "centre": now["place"]}
    if now.get("machine", now["place"]) != now["place"]:
        card["machine"] = now["machine"]
    if obstacles:
        card["obstacles"] = [_obstacle(one) for one in obstacles]
    return card


def _shown(step: dict[str, Any], places: Mapping[str, dict[str, Any]]) -> dict[str, Json]:
    place = places.get(step["place"], {})
    return {"name": step["name"], "state": step["state"], "good": step["good"], "place": place.get("code", "")}


def _facts(
    order_state: str, steps: list[dict[str, Any]], now: dict[str, Any], machine: Mapping[str, Any]
) -> StartFacts:
    """Gather what decides about a start; at a lane, any of its machines may be free."""
    return StartFacts(
        operation_state=OperationState(now["state"]),
        order_state=OrderState(order_state),
        good=Decimal(now["good"]),
        predecessors=tuple(
            Predecessor(one["name"], OperationState(one["state"]), Decimal(one["good"]), Transfer(one["transfer"]))
            for one in steps
            if one["sequence"] in now["predecessors"]
        ),
        machine_state=MachineState(machine.get("state", MachineState.NO_DATA)),
        running_on_machine=tuple(name for key, name in machine.get("running", {}).items() if key != now["id"]),
        allows_parallel=machine.get("allows_parallel", True),
    )


def _obstacle(obstacle: StartObstacle) -> dict[str, Json]:
    return {"kind": obstacle.kind.value, **obstacle.fields}
