"""Shelving: a call that can only wait lies out of sight for a while; its ladder waits, its clocks run on."""

from datetime import datetime, timedelta
from uuid import UUID

from domain.andon.calls import CallMovedOn
from domain.andon.ladders import LONGEST_SHELVING, checked_shelving
from domain.checks import checked_text
from domain.errors import NotFound
from domain.events import AndonCallChanged
from domain.identity.roles import Permission
from services.andon.calls import LONGEST_NOTE, OPEN_STATES
from services.andon.escalations import fire_due_steps, lane_of
from services.db.tables import AndonCall
from services.db.work import Work
from services.jobs.registry import Job, does, enqueue


class EndShelf(Job):
    """Take a call from the shelf when its time there is over."""

    name = "andon.shelf.end"
    call_id: UUID
    until: datetime
    """When the shelving ends that this message was sent for; another one has its own message."""


async def shelve_call(work: Work, *, call_id: UUID, until: datetime, reason: str) -> AndonCall:
    """Put an open call out of sight until an instant, at most eight hours from now.

    Raises:
        Forbidden: the actor may not shelve calls.
        NotFound: there is no such call.
        InvalidText: the reason is missing or cannot be kept.
        InvalidShelving: `until` is not later than now, or too late.
        CallMovedOn: somebody resolved it first.
    """
    await work.permit(Permission.SHELVE_ANDON)
    call = await _locked_open_call(work, call_id)
    reason = checked_text(reason, field="reason", longest=LONGEST_NOTE)
    period = checked_shelving(until, now=work.now, longest=LONGEST_SHELVING)
    call.shelved_at, call.shelved_until = period.starts_at, period.ends_at
    call.shelved_by, call.shelve_reason = work.scope.user_id, reason
    waits = period.ends_at - period.starts_at
    await enqueue(work, EndShelf(call_id=call.id, until=until), delay_s=-(-waits // timedelta(seconds=1)))
    await _tell(work, call)
    return call


async def unshelve_call(work: Work, *, call_id: UUID) -> AndonCall:
    """Take a call from the shelf before its time; what its ladder held back fires now.

    Raises:
        Forbidden: the actor may not shelve calls.
        NotFound: there is no such call.
        CallMovedOn: somebody resolved it first.
    """
    await work.permit(Permission.SHELVE_ANDON)
    call = await _locked_open_call(work, call_id)
    if call.shelved_until is not None and call.shelved_until > work.now:
        call.shelved_until = work.now
        await fire_due_steps(work, call)
        await _tell(work, call)
    return call


@does(EndShelf)
async def end_shelf(work: Work, job: EndShelf) -> None:
    """Show a call again whose shelving is over, and fire what its ladder held back.

    Raises:
        NotFound: there is no such call.
    """
    call = await work.session.get(AndonCall, job.call_id, with_for_update=True)
    if call is None:
        raise NotFound(what="call")
    if call.state in OPEN_STATES and call.shelved_until == job.until:
        await fire_due_steps(work, call)
        await _tell(work, call)


async def _locked_open_call(work: Work, call_id: UUID) -> AndonCall:
    call = await work.session.get(AndonCall, call_id, with_for_update=True)
    if call is None:
        raise NotFound(what="call")
    if call.state not in OPEN_STATES:
        raise CallMovedOn(state=call.state)
    return call


async def _tell(work: Work, call: AndonCall) -> None:
    lane_id = await lane_of(work, call.machine_id)
    await work.session.flush()
    work.emit(AndonCallChanged(plant_id=call.plant_id, lane_id=lane_id, machine_id=call.machine_id, call_id=call.id))
