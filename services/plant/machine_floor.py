"""The machine as use cases find it: locked, with the newest point of its timeline and log."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import text

from domain.errors import NotFound
from domain.plant.machine_states import MachineState
from services.db.work import Work

LOCK = """
SELECT machines.id, machines.code, machines.plant_id, machines.lane_id, plants.time_zone,
       machine_status.state, machine_status.since, machine_status.reason_id, machine_status.detail,
       machine_status.run_id, machine_status.operation_id, machine_status.last_report_at,
       machines.counting_source, machines.counter_modulus, machines.allows_parallel
FROM machines
JOIN plants ON plants.org_id = machines.org_id AND plants.id = machines.plant_id
JOIN machine_status ON machine_status.org_id = machines.org_id AND machine_status.machine_id = machines.id
WHERE machines.{which}
FOR UPDATE OF machine_status
"""
LOCK_BY_ID = LOCK.format(which="id = $1")
LOCK_BY_CODE = LOCK.format(which="code = $1")
LOCK_SEVERAL = LOCK.format(which="id = ANY($1::uuid[]) ORDER BY machines.id")
ENSURE_MONTH = text("SELECT app.ensure_months(:at, :at)")


@dataclass(frozen=True)
class MachineOnFloor:
    """A machine whose timeline and log this transaction alone may extend."""

    id: UUID
    code: str
    plant_id: UUID
    lane_id: UUID
    zone: ZoneInfo
    """The plant's time zone."""
    state: MachineState
    since: datetime | None
    """When the present state was entered; None before the first report."""
    reason_id: UUID | None
    detail: str
    run_id: UUID | None
    """The run that the machine is working on."""
    operation_id: UUID | None
    """The operation that the run belongs to; None where a machine names orders of its own."""
    last_report_at: datetime | None
    """The newest instant that a report spoke of."""
    counting_source: str
    """Who says what was made, and what the machine does: operator, counter or machine."""
    counter_modulus: Decimal | None
    """The reading at which the counter starts again from zero; None when it never does."""
    allows_parallel: bool
    """Whether several operations may run at once."""

    def day_of(self, at: datetime) -> date:
        """Return the plant's calendar day of an instant."""
        return at.astimezone(self.zone).date()


async def lock_machine(work: Work, machine_id: UUID) -> MachineOnFloor:
    """Lock a machine by its id until the transaction ends.

    Raises:
        NotFound: there is no such machine, or it is not visible in this scope.
    """
    return await _lock(work, by_id=machine_id)


async def lock_machine_by_code(work: Work, code: str) -> MachineOnFloor:
    """Lock a machine by its code until the transaction ends.

    Raises:
        NotFound: there is no such machine, or it is not visible in this scope.
    """
    return await _lock(work, by_code=code)


async def lock_machines(work: Work, machine_ids: Iterable[UUID]) -> dict[UUID, MachineOnFloor]:
    """Lock machines, always in the order of their ids, until the transaction ends.

    Raises:
        NotFound: one of them does not exist, or is not visible in this scope.
    """
    wanted = set(machine_ids)
    rows = await work.fetch(LOCK_SEVERAL, sorted(wanted)) if wanted else []
    if len(rows) < len(wanted):
        raise NotFound(what="machine")
    return {row["id"]: _on_floor(row) for row in rows}


async def ensure_month(work: Work, at: datetime) -> None:
    """Make the partitions of an instant's month where upkeep has not: old logs, first days of a new installation.

    Call it before the transaction writes: making a month waits for whoever writes what the month refers to, and two
    transactions that had both written and then both wanted the month would wait for each other forever.
    """
    if (at.year, at.month) != (work.now.year, work.now.month):
        await work.session.execute(ENSURE_MONTH, {"at": at})


async def _lock(work: Work, *, by_id: UUID | None = None, by_code: str | None = None) -> MachineOnFloor:
    rows = await work.fetch(LOCK_BY_CODE, by_code) if by_id is None else await work.fetch(LOCK_BY_ID, by_id)
    row = rows[0] if rows else None
    if row is None:
        raise NotFound(what="machine")
    return _on_floor(row)


def _on_floor(row: "asyncpg.Record") -> MachineOnFloor:
    return MachineOnFloor(
        id=row["id"],
        code=row["code"],
        plant_id=row["plant_id"],
        lane_id=row["lane_id"],
        zone=ZoneInfo(row["time_zone"]),
        state=MachineState(row["state"]),
        since=row["since"],
        reason_id=row["reason_id"],
        detail=row["detail"],
        run_id=row["run_id"],
        operation_id=row["operation_id"],
        last_report_at=row["last_report_at"],
        counting_source=row["counting_source"],
        counter_modulus=row["counter_modulus"],
        allows_parallel=row["allows_parallel"],
    )
