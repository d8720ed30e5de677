"""Taking reports back, and correcting them: entries of the log never change, other entries undo them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from domain.checks import plain
from domain.errors import Conflict, Forbidden, NotFound, marked
from domain.identity.roles import Permission
from domain.production.operations import HandedOnAlready, OperationState
from domain.production.orders import check_editable
from services.db.work import Work
from services.plant.machine_floor import MachineOnFloor, ensure_month, lock_machine
from services.production.bookings import Line, OfOperation, write_lines
from services.production.operation_reports import lock_for_report
from services.production.order_floor import operations_of
from services.production.production_logs import BOOKED, Booking, KeyUsedOtherwise, Pieces, book_pieces

REPORT = text("SELECT machine_id, at FROM booking_keys WHERE client_key = :client_key")
ENTRIES = text("""
SELECT log.id, log.kind, log.quantity, log.reason_id, log.run_id, log.operation_id, log.shift_id, log.user_id,
       log.recorded_at, plants.undo_within_s, reversals.reversal_id
FROM production_log AS log
JOIN plants ON plants.org_id = log.org_id AND plants.id = log.plant_id
LEFT JOIN reversals ON reversals.org_id = log.org_id AND reversals.reversed_id = log.id
WHERE log.at = :at AND log.client_key = :client_key AND log.machine_id = :machine_id AND log.reverses_id IS NULL
ORDER BY log.id
""")
# An entry's id tells when it was recorded, and what people report is recorded within a day: these months are asked
# first. What machines told later than that lies anywhere.
FIND_ENTRY = "SELECT client_key, machine_id, at, reverses_id FROM production_log WHERE id = :entry_id"
FIND_RECENT = text(f"{FIND_ENTRY} AND at BETWEEN :since AND :until")
FIND_ANY = text(FIND_ENTRY)
RECORDED_WITHIN = timedelta(hours=25)
REVERSED_BY = text("""
SELECT DISTINCT log.client_key FROM reversals
JOIN production_log AS log ON log.org_id = reversals.org_id AND log.at = reversals.at AND log.id = reversals.reversed_id
WHERE reversals.reversal_id = ANY(CAST(:ids AS uuid[]))
""")


class AlreadyReversed(Conflict):
    """A report that was taken back before."""

    code: ClassVar[str] = "already_reversed"
    sentence: ClassVar[str] = marked("This was taken back already.")


class UndoOver(Conflict):
    """A report that its reporter cannot take back any more."""

    code: ClassVar[str] = "undo_over"
    sentence: ClassVar[str] = marked("You can take back your own reports within {minutes} minutes. Ask a supervisor.")


@dataclass(frozen=True)
class _Entry:
    id: UUID
    kind: str
    quantity: Decimal
    reason_id: UUID | None
    shift_id: UUID | None
    is_surplus: bool
    """Whether the report is of an operation, and this part of it is not."""


@dataclass(frozen=True)
class _Report:
    """What stands of a report, on its locked machine."""

    client_key: UUID
    machine: MachineOnFloor
    at: datetime
    run_id: UUID | None
    operation_id: UUID | None
    entries: tuple[_Entry, ...]
    """Those that were not taken back."""


async def reverse_report(work: Work, *, client_key: UUID, reversal_key: UUID) -> Booking:
    """Take back what stands of a report: entries of negative quantity at the same instant, and every sum follows.

    Operators take back their own reports within the plant's time to undo, supervisors any. The same `reversal_key`
    takes back once; a repetition gets the reversal that stands.

    Raises:
        Forbidden: the actor may not take back this report.
        NotFound: there is no such report.
        UndoOver: the actor's own report is too old.
        AlreadyReversed: nothing of it stands any more.
        OrderLocked: its order is over.
        HandedOnAlready: the next operation has made pieces of these.
        KeyUsedOtherwise: the reversal key stands for something else.
    """
    machine, at = await _lock_report(work, client_key)
    repeated = await _repeated(work, client_key, reversal_key)
    if repeated is not None:
        return repeated
    report = await _standing(work, client_key, machine, at)
    return await _take_back(work, report, reversal_key=reversal_key)


async def reverse_entry(work: Work, *, entry_id: UUID, reversal_key: UUID) -> Booking:
    """Take back one entry of a report.

    Raises:
        As `reverse_report`; NotFound also where the entry is a reversal itself.
    """
    await work.permit(Permission.CORRECT_PRODUCTION, Permission.REVERSE_PRODUCTION)
    row = await _find_entry(work, entry_id)
    machine, at = await _lock_report(work, row.client_key)
    repeated = await _repeated(work, row.client_key, reversal_key)
    if repeated is not None:
        return repeated
    report = await _standing(work, row.client_key, machine, at, only=entry_id)
    return await _take_back(work, report, reversal_key=reversal_key)


async def correct_report(
    work: Work, *, client_key: UUID, reversal_key: UUID, correction_key: UUID, pieces: Pieces
) -> Booking:
    """Take a report back and book other pieces in its place, at its instant, marked as a correction.

    Raises:
        As `reverse_report` and `report_production`.
    """
    machine, at = await _lock_report(work, client_key)
    if await _repeated(work, client_key, reversal_key) is not None:
        report = await _standing(work, client_key, machine, at, may_be_gone=True)
    else:
        report = await _standing(work, client_key, machine, at)
        await _take_back(work, report, reversal_key=reversal_key)
    of = None
    if report.operation_id is not None:
        facts = await lock_for_report(work, operation_id=report.operation_id, client_key=correction_key)
        if not facts.is_booked:
            facts.check_correction(good=pieces.good, scrap=pieces.scrap)
        of = facts.of
    return await book_pieces(
        work, machine, pieces=pieces, client_key=correction_key, at=at, run_id=report.run_id, of=of,
        is_correction=True,
    )  # fmt: skip


async def _lock_report(work: Work, client_key: UUID) -> tuple[MachineOnFloor, datetime]:
    await work.permit(Permission.CORRECT_PRODUCTION, Permission.REVERSE_PRODUCTION)
    row = (await work.session.execute(REPORT, {"client_key": client_key})).one_or_none()
    if row is None:
        raise NotFound(what="report")
    machine = await lock_machine(work, row.machine_id)
    await ensure_month(work, row.at)
    return machine, row.at


async def _repeated(work: Work, client_key: UUID, reversal_key: UUID) -> Booking | None:
    """Return the reversal of this report that the key stands for, if it was booked before."""
    row = (await work.session.execute(BOOKED, {"client_key": reversal_key})).one_or_none()
    if row is None:
        return None
    reversed_keys = (await work.session.execute(REVERSED_BY, {"ids": list(row.entry_ids)})).scalars().all()
    if list(reversed_keys) != [client_key]:
        raise KeyUsedOtherwise
    return Booking(
        reversal_key, row.machine_id, row.run_id, row.at, row.good, row.scrap, row.rework, tuple(row.entry_ids),
        is_repeat=True, operation_id=row.operation_id,
    )  # fmt: skip


async def _standing(
    work: Work,
    client_key: UUID,
    machine: MachineOnFloor,
    at: datetime,
    *,
    only: UUID | None = None,
    may_be_gone: bool = False,
) -> _Report:
    parameters = {"client_key": client_key, "machine_id": machine.id, "at": at}
    rows = (await work.session.execute(ENTRIES, parameters)).all()
    if not rows:
        raise NotFound(what="report")
    first = rows[0]
    if not work.scope.may_in(machine.plant_id, Permission.CORRECT_PRODUCTION):
        if first.user_id != work.scope.user_id:
            raise Forbidden(permission=Permission.CORRECT_PRODUCTION.value)
        if work.now - first.recorded_at > timedelta(seconds=first.undo_within_s):
            raise UndoOver(minutes=max(first.undo_within_s // 60, 1))
    operation_id = next((row.operation_id for row in rows if row.operation_id is not None), None)
    entries = tuple(
        _Entry(row.id, row.kind, row.quantity, row.reason_id, row.shift_id, row.operation_id != operation_id)
        for row in rows
        if row.reversal_id is None and only in {None, row.id}
    )
    if not entries and not may_be_gone:
        raise AlreadyReversed
    return _Report(client_key, machine, at, first.run_id, operation_id, entries)


async def _take_back(work: Work, report: _Report, *, reversal_key: UUID) -> Booking:
    of = None
    if report.operation_id is not None:
        taken = [entry.quantity for entry in report.entries if entry.kind == "good" and not entry.is_surplus]
        good = sum(taken, Decimal(0))
        of = await _reversible_operation(work, report.operation_id, reversal_key, good=good)
    lines = [
        Line(entry.kind, -entry.quantity, entry.reason_id, entry.id, entry.shift_id, is_surplus=entry.is_surplus)
        for entry in report.entries
    ]
    ids = await write_lines(
        work, report.machine, lines=lines, client_key=reversal_key, at=report.at, run_id=report.run_id, of=of,
        is_correction=True,
    )  # fmt: skip
    if ids is None:
        raise KeyUsedOtherwise
    good, scrap, rework = (_sum(lines, kind) for kind in ("good", "scrap", "rework"))
    return Booking(
        reversal_key, report.machine.id, report.run_id, report.at, good, scrap, rework, ids, is_repeat=False,
        operation_id=report.operation_id,
    )  # fmt: skip


async def _reversible_operation(work: Work, operation_id: UUID, reversal_key: UUID, *, good: Decimal) -> OfOperation:
    """Lock the operation that `good` pieces are taken from.

    Raises:
        OrderLocked: the order is over.
        HandedOnAlready: the next operation has made pieces of these.
    """
    facts = await lock_for_report(work, operation_id=operation_id, client_key=reversal_key)
    check_editable(facts.order)
    left = facts.quantities.good - good
    operations = await operations_of(work, facts.of.work_order_id) if good else ()
    sequence = next((one.sequence for one in operations if one.id == operation_id), None)
    for one in operations:
        if sequence in one.predecessors and one.state != OperationState.CANCELLED and one.good > left:
            raise HandedOnAlready(successor=one.name, good=plain(one.good))
    return facts.of


async def _find_entry(work: Work, entry_id: UUID) -> Row[tuple[UUID, UUID, datetime, UUID | None]]:
    recorded_at = _recorded_at(work, entry_id)
    period = {"since": recorded_at - RECORDED_WITHIN, "until": recorded_at + RECORDED_WITHIN}
    found = (await work.session.execute(FIND_RECENT, {"entry_id": entry_id, **period})).one_or_none()
    row = found or (await work.session.execute(FIND_ANY, {"entry_id": entry_id})).one_or_none()
    if row is None or row.reverses_id is not None:
        raise NotFound(what="entry")
    return row


def _recorded_at(work: Work, entry_id: UUID) -> datetime:
    """Return the instant in a UUIDv7; an id of another kind tells some other instant, at which nothing is found."""
    latest = int(work.now.timestamp() * 1000)
    return datetime.fromtimestamp(min(entry_id.int >> 80, latest) / 1000, UTC)


def _sum(lines: Sequence[Line], kind: str) -> Decimal:
    return sum((line.quantity for line in lines if line.kind == kind), Decimal(0))
