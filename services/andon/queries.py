"""What can be read about calls for help."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, tuple_

from domain.andon.calls import CallCategory, CallState
from domain.identity.roles import Permission
from services.db.paging import Page, page_of
from services.db.tables import AndonCall, Machine
from services.db.work import Work


@dataclass(frozen=True)
class CallInfo:
    """A call for help."""

    id: UUID
    plant_id: UUID
    machine_id: UUID
    category: str
    severity: str
    state: str
    note: str
    raised_at: datetime
    raised_by: UUID | None
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    resolved_at: datetime | None
    resolved_by: UUID | None
    closed_at: datetime | None
    closed_by: UUID | None
    joined: int
    """How often the same call was raised again while it was open."""
    resolution: str
    """What the trouble was, in the words of whoever ended it."""
    rule_id: UUID | None
    """The machine rule that raised or joined it."""
    rule_since: datetime | None
    """When the machine entered the state that the rule watches."""
    rule_ended_at: datetime | None
    """When the machine left that state again."""
    shelved_at: datetime | None
    shelved_until: datetime | None
    """Until then it lies, or lay, out of sight."""
    shelved_by: UUID | None
    shelve_reason: str
    response_target_s: int | None
    """From raised to acknowledged."""
    resolution_target_s: int | None
    """From raised to resolved."""
    held_operation_id: UUID | None
    """The operation that it paused."""


async def list_calls(
    work: Work,
    *,
    plant_id: UUID | None = None,
    lane_id: UUID | None = None,
    machine_id: UUID | None = None,
    state: CallState | None = None,
    category: CallCategory | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> Page[CallInfo]:
    """Return the calls that the filters leave, newest first by (raised_at, id); `before` continues below such a pair.

    `since` and `until` bound when they were raised.

    Raises:
        Forbidden: the actor may not read calls.
    """
    await work.permit(Permission.READ_ANDON)
    call = AndonCall
    statement: Select[*tuple[Any, ...]] = select(
        call.id, call.plant_id, call.machine_id, call.category, call.severity, call.state, call.note,
        call.raised_at, call.raised_by, call.acknowledged_at, call.acknowledged_by, call.resolved_at, call.resolved_by,
        call.closed_at, call.closed_by, call.joined, call.resolution, call.rule_id, call.rule_since,
        call.rule_ended_at, call.shelved_at, call.shelved_until, call.shelved_by, call.shelve_reason,
        call.response_target_s, call.resolution_target_s, call.held_operation_id,
    ).order_by(call.raised_at.desc(), call.id.desc())  # fmt: skip
    for column, value in (
        (call.plant_id, plant_id),
        (call.machine_id, machine_id),
        (call.state, state),
        (call.category, category),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if lane_id is not None:
        statement = statement.where(call.machine_id.in_(select(Machine.id).where(Machine.lane_id == lane_id)))
    if since is not None:
        statement = statement.where(call.raised_at >= since)
    if until is not None:
        statement = statement.where(call.raised_at < until)
    if before is not None:
        statement = statement.where(tuple_(call.raised_at, call.id) < before)
    return page_of([CallInfo(*row) for row in await work.session.execute(statement.limit(limit + 1))], limit)
