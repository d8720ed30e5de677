"""What can be read about production."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, any_, func, literal, select, tuple_
from sqlalchemy.orm import aliased

from domain.identity.roles import Permission
from services.db.paging import Page, page_of
from services.db.tables import Machine, Operation, ProductionLogEntry
from services.db.work import Work


@dataclass(frozen=True)
class LogEntry:
    """One kind of pieces of one report."""

    id: UUID
    plant_id: UUID
    lane_id: UUID
    """The lane that the machine stands in today."""
    machine_id: UUID
    run_id: UUID | None
    kind: str
    """good, scrap or rework."""
    quantity: Decimal
    """Pieces."""
    reason_id: UUID | None
    at: datetime
    """When the pieces were made, aware UTC."""
    recorded_at: datetime
    """When the server booked them."""
    device: str
    device_at: datetime | None
    """What the reporting device's clock said."""
    actor_kind: str
    """user, machine or system."""
    user_id: UUID | None
    client_key: UUID
    """Names the report."""
    operation_id: UUID | None
    """The operation that the pieces belong to."""
    shift_id: UUID | None
    """The shift in which they were made; None outside shifts."""
    reverses_id: UUID | None
    """The entry that this one takes back, with the negative of its quantity."""
    is_correction: bool
    """A reversal, or an entry in place of a reversed one."""


async def list_log_entries(
    work: Work,
    *,
    plant_id: UUID | None = None,
    lane_id: UUID | None = None,
    machine_id: UUID | None = None,
    operation_id: UUID | None = None,
    work_order_id: UUID | None = None,
    shift_id: UUID | None = None,
    kind: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> Page[LogEntry]:
    """Return the entries made in `[since, until)` that the filters leave, newest first by (at, id).

    `before` is the (at, id) of an entry, and continues below it.

    Raises:
        Forbidden: the actor may not read the production log.
    """
    await work.permit(Permission.READ_PRODUCTION)
    entry = ProductionLogEntry
    # The limit is part of the text: as a parameter it would have Postgres plan every page anew.
    page = select(entry).order_by(entry.at.desc(), entry.id.desc()).limit(literal(limit + 1, literal_execute=True))
    equal = {
        entry.plant_id: plant_id, entry.machine_id: machine_id, entry.operation_id: operation_id,
        entry.shift_id: shift_id, entry.kind: kind,
    }  # fmt: skip
    for column, value in equal.items():
        if value is not None:
            page = page.where(column == value)
    if lane_id is not None:
        page = page.where(
            entry.machine_id == any_(func.array(select(Machine.id).where(Machine.lane_id == lane_id).scalar_subquery()))
        )
    if work_order_id is not None:
        operations = select(Operation.id).where(Operation.work_order_id == work_order_id)
        page = page.where(entry.operation_id == any_(func.array(operations.scalar_subquery())))
    if since is not None:
        page = page.where(entry.at >= since)
    if until is not None:
        page = page.where(entry.at < until)
    if before is not None:
        page = page.where(tuple_(entry.at, entry.id) < before, entry.at <= before[0])  # the latter chooses partitions
    # Machines are joined to the one page that is shown: joined before, they led the planner past the index in the
    # order of time, and it sorted the whole log of the organization.
    shown = aliased(entry, page.subquery("page"))
    statement: Select[*tuple[Any, ...]] = (
        select(
            shown.id, shown.plant_id, Machine.lane_id, shown.machine_id, shown.run_id, shown.kind, shown.quantity,
            shown.reason_id, shown.at, shown.recorded_at, shown.device, shown.device_at, shown.actor_kind,
            shown.user_id, shown.client_key, shown.operation_id, shown.shift_id, shown.reverses_id,
            shown.is_correction,
        )
        .join(Machine, (Machine.org_id == shown.org_id) & (Machine.id == shown.machine_id))
        .order_by(shown.at.desc(), shown.id.desc())
    )  # fmt: skip
    return page_of([LogEntry(*row) for row in await work.session.execute(statement)], limit)
