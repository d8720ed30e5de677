"""Severe calls hold what runs at their machine.

Pausing locks every machine of the order, in its own order, so it has a transaction of its own: whoever calls for help
holds one machine already.
"""

from uuid import UUID

from domain.andon.calls import CallState
from domain.errors import NotFound
from domain.events import AndonCallChanged
from services.andon.escalations import lane_of
from services.db.tables import AndonCall
from services.db.work import Work
from services.jobs.registry import Job, does
from services.production.operations import pause_operation
from services.production.order_floor import running_on


class HoldOperation(Job):
    """Pause the operation that runs at the machine of a severe call."""

    name = "andon.operation.hold"
    call_id: UUID


@does(HoldOperation)
async def hold_operation(work: Work, job: HoldOperation) -> None:
    """Pause what runs at the machine of a call that nobody has resolved, and remember it with the call.

    Raises:
        NotFound: there is no such call.
        OperationMovedOn: it was paused at the same moment; the next attempt finds nothing to pause.
    """
    call = await work.session.get(AndonCall, job.call_id)
    if call is None:
        raise NotFound(what="call")
    is_open = call.state in {CallState.RAISED, CallState.ACKNOWLEDGED}
    running = await running_on(work, call.machine_id)
    if not is_open or call.held_operation_id is not None or not running:
        return
    await pause_operation(work, operation_id=running[0].id)
    await work.session.refresh(call, with_for_update=True)  # machines and orders are locked before calls, everywhere
    call.held_operation_id = running[0].id
    lane_id = await lane_of(work, call.machine_id)
    work.emit(AndonCallChanged(plant_id=call.plant_id, lane_id=lane_id, machine_id=call.machine_id, call_id=call.id))
