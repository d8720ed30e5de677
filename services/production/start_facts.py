"""The SQL that gathers what decides whether operations may start, and what is made of its rows."""

from decimal import Decimal

from sqlalchemy import RowMapping

from domain.plant.machine_states import MachineState
from domain.production.operations import (
    OperationAction,
    OperationState,
    Predecessor,
    StartFacts,
    StartObstacle,
    Transfer,
    operation_actions,
    why_not_start,
)
from domain.production.orders import OrderState

BY_PEOPLE = (OperationAction.START, OperationAction.PAUSE, OperationAction.FINISH)

# To be selected FROM operations JOIN work_orders AS orders; an operation waits for a handful of others at most.
PREDECESSORS = """
(SELECT coalesce(jsonb_agg(jsonb_build_object('name', one.name, 'state', one.state, 'good', one.good::text,
                                              'transfer', one.transfer) ORDER BY one.sequence), '[]')
 FROM operations AS one
 WHERE one.org_id = operations.org_id AND one.work_order_id = operations.work_order_id
   AND one.sequence = ANY(operations.predecessors)) AS predecessors"""


def facts_of(row: RowMapping, *, running: tuple[str, ...], allows_parallel: bool, machine_state: str) -> StartFacts:
    """Return the facts of a row with state, order_state, good and `PREDECESSORS`, at a machine.

    `running` names the other operations that run on the machine.
    """
    return StartFacts(
        operation_state=OperationState(row["state"]),
        order_state=OrderState(row["order_state"]),
        good=row["good"],
        predecessors=tuple(
            Predecessor(one["name"], OperationState(one["state"]), Decimal(one["good"]), Transfer(one["transfer"]))
            for one in row["predecessors"]
        ),
        machine_state=MachineState(machine_state),
        running_on_machine=running,
        allows_parallel=allows_parallel,
    )


def obstacles_of(facts: StartFacts) -> tuple[StartObstacle, ...]:
    """Return what keeps an operation from starting; nothing where it runs already."""
    return () if facts.operation_state is OperationState.RUNNING else why_not_start(facts)


def actions_of(facts: StartFacts) -> tuple[OperationAction, ...]:
    """Return what people may do with an operation now."""
    possible = set(operation_actions(facts.operation_state)) - {OperationAction.START}
    if facts.operation_state is not OperationState.RUNNING and not why_not_start(facts):
        possible.add(OperationAction.START)
    if facts.order_state is OrderState.ON_HOLD:
        possible.discard(OperationAction.FINISH)
    return tuple(action for action in BY_PEOPLE if action in possible)
