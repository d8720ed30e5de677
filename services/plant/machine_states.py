"""A machine's timeline: machines say which state they are in, people say why."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert

from domain.checks import checked_instant, checked_text
from domain.errors import Conflict, Invalid, NotFound, marked
from domain.events import AndonCallChanged, MachineStateChanged
from domain.identity.roles import Permission
from domain.plant.machine_states import NEEDS_REASON, MachineState
from services.db.tables import MachineStateChange, Reason
from services.db.work import Work
from services.plant.machine_floor import MachineOnFloor, ensure_month, lock_machine
from services.plant.watched_states import ENTER_STATE

LONGEST_DETAIL = 500
SET_STATUS = text("""
UPDATE machine_status SET state = :state, since = :at, reason_id = :reason_id, detail = :detail,
       last_report_at = greatest(last_report_at, :at), heard_at = :now
WHERE machine_id = :machine_id
""")
ENTER = text(ENTER_STATE)
BEFORE = (
    select(MachineStateChange.state, MachineStateChange.reason_id, MachineStateChange.detail)
    .order_by(MachineStateChange.started_at.desc())
    .limit(1)
)


class StaleState(Conflict):
    """The machine left the state that the person saw."""

    code: ClassVar[str] = "stale_state"
    sentence: ClassVar[str] = marked("The machine has changed its state in the meantime. Look again, then decide.")


class ReasonDoesNotFit(Invalid):
    """A reason was given for a state that has none."""

    code: ClassVar[str] = "reason_does_not_fit"
    sentence: ClassVar[str] = marked("Only planned and unplanned stops have a reason.")


@dataclass(frozen=True)
class StateNow:
    """What the timeline says after a change."""

    machine_id: UUID
    state: MachineState
    started_at: datetime
    """When the state was entered; earlier than the request where only a reason was added."""
    reason_id: UUID | None
    detail: str
    changed: bool
    """False when the timeline said so before."""


async def change_machine_state(
    work: Work,
    *,
    machine_id: UUID,
    state: MachineState,
    reason_id: UUID | None = None,
    detail: str = "",
    started_at: datetime | None = None,
    seen_since: datetime | None = None,
) -> StateNow:
    """Enter a state on a machine's timeline, now or at `started_at`.

    Naming a reason for the stop that the machine is in classifies that stop instead of beginning another one.
    `seen_since` is the beginning of the state that the person saw: when the machine has left it, nothing changes.

    Raises:
        Forbidden: the actor may not change machine states.
        NotFound: there is no such machine or no such reason for stops.
        ReasonDoesNotFit: the state is not a stop.
        InvalidInstant: `started_at` is in the future or before 2000.
        StaleState: the machine has left the state that was seen.
    """
    await work.permit(Permission.CHANGE_MACHINE_STATE)
    machine = await lock_machine(work, machine_id)
    detail = checked_text(detail, field="detail", longest=LONGEST_DETAIL, may_be_empty=True)
    at = work.now if started_at is None else checked_instant(started_at, field="started_at", now=work.now)
    await ensure_month(work, at)
    if seen_since is not None and machine.since != seen_since:
        raise StaleState
    if reason_id is not None:
        await _refuse_unfit_reason(work, state=state, reason_id=reason_id)
    is_newest = machine.since is None or at >= machine.since
    if (
        is_newest
        and state == machine.state
        and machine.since is not None
        and reason_id not in {None, machine.reason_id}
    ):
        return await _classify(work, machine, reason_id=reason_id, detail=detail)
    return await enter_state(work, machine, state=state, at=at, reason_id=reason_id, detail=detail)


async def enter_state(
    work: Work,
    machine: MachineOnFloor,
    *,
    state: MachineState,
    at: datetime,
    reason_id: UUID | None = None,
    detail: str = "",
) -> StateNow:
    """Write a change on the timeline of a locked machine, unless the timeline says the same already.

    Whoever repeats the state without a reason or a detail adds nothing: what is known about it stays. The caller has
    seen to it that the month of `at` exists.
    """
    is_newest = machine.since is None or at >= machine.since
    if is_newest:
        before = (machine.state, machine.reason_id, machine.detail) if machine.since is not None else None
    else:
        statement = BEFORE.where(MachineStateChange.machine_id == machine.id, MachineStateChange.started_at <= at)
        found = (await work.session.execute(statement)).one_or_none()
        before = None if found is None else (MachineState(found.state), found.reason_id, found.detail)
    if before is not None and state == before[0] and reason_id in {None, before[1]} and detail in {"", before[2]}:
        since = machine.since if is_newest and machine.since is not None else at
        return StateNow(machine.id, state, since, before[1], before[2], changed=False)
    change = insert(MachineStateChange).values(
        org_id=work.scope.org_id,
        plant_id=machine.plant_id,
        machine_id=machine.id,
        started_at=at,
        state=state.value,
        reason_id=reason_id,
        detail=detail,
        actor_kind=work.scope.actor_kind,
        user_id=work.scope.user_id,
    )
    # A log file that was cut within a second is read again when it has grown, and then knows better; what a person
    # explained stays.
    written = await work.session.execute(
        change.on_conflict_do_update(
            constraint="machine_state_changes_pk",
            set_={
                "state": change.excluded.state,
                "detail": change.excluded.detail,
                "reason_id": change.excluded.reason_id,
            },
            where=(MachineStateChange.state != change.excluded.state) & MachineStateChange.reason_id.is_(None),
        ).returning(MachineStateChange.started_at)
    )
    if written.first() is None:
        return StateNow(machine.id, state, at, reason_id, detail, changed=False)
    if is_newest:
        await _set_status(work, machine, state=state, at=at, reason_id=reason_id, detail=detail)
    work.emit(MachineStateChanged(plant_id=machine.plant_id, lane_id=machine.lane_id, machine_id=machine.id))
    return StateNow(machine.id, state, at, reason_id, detail, changed=True)


async def _set_status(
    work: Work, machine: MachineOnFloor, *, state: MachineState, at: datetime, reason_id: UUID | None, detail: str
) -> None:
    parameters = {"state": state.value, "at": at, "reason_id": reason_id, "detail": detail}
    parameters |= {"machine_id": machine.id, "now": work.now}
    if machine.since is not None and state == machine.state:
        await work.session.execute(SET_STATUS, parameters)
        return
    entered = await work.session.execute(ENTER, {**parameters, "request_id": work.scope.request_id})
    for call_id in entered.one().outlived:
        work.emit(
            AndonCallChanged(plant_id=machine.plant_id, lane_id=machine.lane_id, machine_id=machine.id, call_id=call_id)
        )


async def _classify(work: Work, machine: MachineOnFloor, *, reason_id: UUID | None, detail: str) -> StateNow:
    if machine.since is None:
        raise StaleState
    kept = detail or machine.detail
    await work.session.execute(
        update(MachineStateChange)
        .where(MachineStateChange.machine_id == machine.id, MachineStateChange.started_at == machine.since)
        .values(reason_id=reason_id, detail=kept)
    )
    parameters = {"state": machine.state.value, "at": machine.since, "reason_id": reason_id, "detail": kept}
    await work.session.execute(SET_STATUS, {**parameters, "machine_id": machine.id, "now": work.now})
    work.emit(MachineStateChanged(plant_id=machine.plant_id, lane_id=machine.lane_id, machine_id=machine.id))
    return StateNow(machine.id, machine.state, machine.since, reason_id, kept, changed=True)


async def _refuse_unfit_reason(work: Work, *, state: MachineState, reason_id: UUID) -> None:
    if state not in NEEDS_REASON:
        raise ReasonDoesNotFit(field="reason_id")
    reason = await work.session.get(Reason, reason_id)
    if reason is None or reason.kind != "stop" or not reason.is_active:
        raise NotFound(what="reason")
