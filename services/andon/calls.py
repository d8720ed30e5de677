"""Calling for help, and answering."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from domain.andon.calls import CallCategory, CallSeverity, CallState, follow
from domain.checks import checked_text
from domain.errors import NotFound
from domain.events import AndonCallChanged
from domain.identity.roles import Permission
from services.andon.escalations import Ladder, find_ladder, lane_of, schedule_steps
from services.andon.holds import HoldOperation
from services.db.keys import new_id
from services.db.tables import AndonCall
from services.db.work import Work
from services.jobs.registry import enqueue
from services.plant.machine_floor import MachineOnFloor, lock_machine

OPEN_STATES = (CallState.RAISED.value, CallState.ACKNOWLEDGED.value)
SEVERITIES = list(CallSeverity)
LONGEST_NOTE = 500


@dataclass(frozen=True)
class StayReported:
    """The stay of a machine in a state that made a rule call for help."""

    rule_id: UUID
    since: datetime
    """When the machine entered the state."""


async def raise_call(
    work: Work, *, machine_id: UUID, category: CallCategory, severity: CallSeverity = CallSeverity.MAJOR, note: str = ""
) -> AndonCall:
    """Call for help at a machine; a call of the same category that is still open is joined instead.

    A joined call keeps its clock and takes the greater severity, which also takes it from the shelf. A new one climbs
    the ladder of its category and plant, and keeps that ladder's targets. A severe one pauses the running operation.

    Raises:
        Forbidden: the actor may not raise calls.
        NotFound: there is no such machine.
        InvalidText: the note cannot be kept.
    """
    await work.permit(Permission.RAISE_ANDON)
    machine = await lock_machine(work, machine_id)
    note = checked_text(note, field="note", longest=LONGEST_NOTE, may_be_empty=True)
    return await _raise_or_join(work, machine, category, severity, note, None)


async def raise_call_of_rule(
    work: Work, machine: MachineOnFloor, *, category: CallCategory, severity: CallSeverity, stay: StayReported
) -> AndonCall:
    """Call for help at a locked machine because it stays in a state; joins as `raise_call` does."""
    return await _raise_or_join(work, machine, category, severity, "", stay)


async def acknowledge_call(work: Work, *, call_id: UUID) -> AndonCall:
    """Say that help is on the way; its ladder stops.

    Raises:
        Forbidden: the actor may not answer calls.
        NotFound: there is no such call.
        CallMovedOn: somebody acknowledged or resolved it first.
    """
    return await _answer(work, call_id, CallState.ACKNOWLEDGED)


async def resolve_call(work: Work, *, call_id: UUID, resolution: str = "") -> AndonCall:
    """Say that the trouble is over, and what it was.

    Raises:
        Forbidden: the actor may not answer calls.
        NotFound: there is no such call.
        InvalidText: the resolution cannot be kept.
        CallMovedOn: somebody resolved it first.
    """
    resolution = checked_text(resolution, field="resolution", longest=LONGEST_NOTE, may_be_empty=True)
    return await _answer(work, call_id, CallState.RESOLVED, resolution=resolution)


async def close_call(work: Work, *, call_id: UUID) -> AndonCall:
    """Put a resolved call away.

    Raises:
        Forbidden: the actor may not answer calls.
        NotFound: there is no such call.
        CallMovedOn: it is not resolved, or closed already.
    """
    return await _answer(work, call_id, CallState.CLOSED)


async def _raise_or_join(
    work: Work,
    machine: MachineOnFloor,
    category: CallCategory,
    severity: CallSeverity,
    note: str,
    stay: StayReported | None,
) -> AndonCall:
    statement = (
        select(AndonCall)
        .where(
            AndonCall.machine_id == machine.id, AndonCall.category == category.value, AndonCall.state.in_(OPEN_STATES)
        )
        .with_for_update()  # waits for whoever is answering it; once it is resolved, this is another call
        .execution_options(populate_existing=True)
    )
    call = (await work.session.execute(statement)).scalar_one_or_none()
    if call is None:
        ladder = await find_ladder(work, plant_id=machine.plant_id, category=category.value)
        call = _new_call(work, machine, category, severity, note, ladder)
        work.session.add(call)
        await schedule_steps(work, call_id=call.id, ladder=ladder)
        await _hold_if_severe(work, call, ladder)
    else:
        await _join(work, call, severity, note)
    if stay is not None:
        call.rule_id, call.rule_since, call.rule_ended_at = stay.rule_id, stay.since, None
    await work.session.flush()
    work.emit(
        AndonCallChanged(plant_id=machine.plant_id, lane_id=machine.lane_id, machine_id=machine.id, call_id=call.id)
    )
    return call


async def _join(work: Work, call: AndonCall, severity: CallSeverity, note: str) -> None:
    call.joined += 1
    call.note = note or call.note
    if SEVERITIES.index(severity) <= SEVERITIES.index(CallSeverity(call.severity)):
        return
    call.severity = severity.value
    if call.shelved_until is not None and call.shelved_until > work.now:
        call.shelved_until = work.now  # what was shelved was less than this
    await _hold_if_severe(work, call, await find_ladder(work, plant_id=call.plant_id, category=call.category))


async def _hold_if_severe(work: Work, call: AndonCall, ladder: Ladder) -> None:
    if ladder.holds_operation_from is None or call.held_operation_id is not None:
        return
    least = CallSeverity(ladder.holds_operation_from)
    if SEVERITIES.index(CallSeverity(call.severity)) >= SEVERITIES.index(least):
        await enqueue(work, HoldOperation(call_id=call.id))


async def _answer(work: Work, call_id: UUID, state: CallState, *, resolution: str = "") -> AndonCall:
    await work.permit(Permission.ANSWER_ANDON)
    call = await work.session.get(AndonCall, call_id, with_for_update=True)
    if call is None:
        raise NotFound(what="call")
    call.state = follow(CallState(call.state), state).value
    setattr(call, f"{state.value}_at", work.now)
    setattr(call, f"{state.value}_by", work.scope.user_id)
    call.resolution = resolution or call.resolution
    lane_id = await lane_of(work, call.machine_id)
    await work.session.flush()
    work.emit(AndonCallChanged(plant_id=call.plant_id, lane_id=lane_id, machine_id=call.machine_id, call_id=call.id))
    return call


def _new_call(
    work: Work,
    machine: MachineOnFloor,
    category: CallCategory,
    severity: CallSeverity,
    note: str,
    ladder: Ladder,
) -> AndonCall:
    return AndonCall(
        id=new_id(),
        org_id=work.scope.org_id,
        plant_id=machine.plant_id,
        machine_id=machine.id,
        category=category.value,
        severity=severity.value,
        state=CallState.RAISED.value,
        note=note,
        raised_at=work.now,
        raised_by=work.scope.user_id,
        response_target_s=ladder.response_target_s,
        resolution_target_s=ladder.resolution_target_s,
    )
