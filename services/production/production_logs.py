"""Booking what was made: one tap, one transaction, once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from domain.checks import checked_quantity, checked_text
from domain.errors import Conflict, Invalid, NotFound, marked
from domain.identity.roles import Permission
from domain.plant.counters import made_between
from services.db.tables import BookingKey, CounterReading, Reason
from services.db.work import Work
from services.plant.machine_floor import MachineOnFloor, ensure_month, lock_machine
from services.production.bookings import Line, OfOperation, write_lines
from services.production.operation_reports import lock_for_report, ready_successors

KINDS = ("good", "scrap", "rework")
ZERO = Decimal(0)
LONGEST_WAIT_S = 86_400

BOOKED = text("""
SELECT booking_keys.machine_id, booking_keys.at, production_log.run_id,
       (array_agg(production_log.operation_id) FILTER (WHERE production_log.operation_id IS NOT NULL))[1]
         AS operation_id,
       coalesce(sum(quantity) FILTER (WHERE kind = 'good'), 0) AS good,
       coalesce(sum(quantity) FILTER (WHERE kind = 'scrap'), 0) AS scrap,
       coalesce(sum(quantity) FILTER (WHERE kind = 'rework'), 0) AS rework,
       array_agg(production_log.id ORDER BY production_log.id) AS entry_ids
FROM booking_keys
LEFT JOIN production_log ON production_log.at = booking_keys.at AND production_log.client_key = booking_keys.client_key
     AND production_log.machine_id = booking_keys.machine_id
WHERE booking_keys.client_key = :client_key
GROUP BY booking_keys.machine_id, booking_keys.at, production_log.run_id
""")


class NothingToBook(Invalid):
    """A report without any pieces."""

    code: ClassVar[str] = "nothing_to_book"
    sentence: ClassVar[str] = marked("Enter at least one piece.")


class ReasonMissing(Invalid):
    """Scrap or rework without a reason."""

    code: ClassVar[str] = "reason_missing"
    sentence: ClassVar[str] = marked("Choose a reason for the pieces that are not good.")


class InvalidAge(Invalid):
    """A report that waited for too long, or was made in the future."""

    code: ClassVar[str] = "invalid_age"
    sentence: ClassVar[str] = marked("Pieces can be reported up to a day after they were made. Have them corrected.")


class ScrapBeyondCount(Invalid):
    """More scrap than the counter counted."""

    code: ClassVar[str] = "scrap_beyond_count"
    sentence: ClassVar[str] = marked("The counter counted {counted}; there cannot be more scrap.")


class KeyUsedOtherwise(Conflict):
    """The client key was used for another report."""

    code: ClassVar[str] = "client_key_used"
    sentence: ClassVar[str] = marked("This client key belongs to another report; nothing was booked.")


@dataclass(frozen=True)
class Pieces:
    """What one report says."""

    good: Decimal = Decimal(0)
    scrap: Decimal = Decimal(0)
    scrap_reason_id: UUID | None = None
    rework: Decimal = Decimal(0)
    rework_reason_id: UUID | None = None

    def of(self, kind: str) -> Decimal:
        """Return the quantity of one kind."""
        return {"good": self.good, "scrap": self.scrap, "rework": self.rework}[kind]

    def reason_of(self, kind: str) -> UUID | None:
        """Return the reason given for one kind; good pieces have none."""
        return {"scrap": self.scrap_reason_id, "rework": self.rework_reason_id}.get(kind)


NOTHING = Pieces()


@dataclass(frozen=True)
class Booking:
    """What stands in the log for one client key."""

    client_key: UUID
    machine_id: UUID
    run_id: UUID | None
    at: datetime
    """When the pieces were made, aware UTC."""
    good: Decimal
    scrap: Decimal
    rework: Decimal
    entry_ids: tuple[UUID, ...]
    is_repeat: bool
    """Whether the key had been booked before; nothing was added then."""
    operation_id: UUID | None = None
    """The operation that the pieces belong to."""


async def report_production(
    work: Work,
    *,
    machine_id: UUID,
    pieces: Pieces,
    client_key: UUID,
    operation_id: UUID | None = None,
    device: str = "",
    device_at: datetime | None = None,
    made_ago_s: Decimal | None = None,
) -> Booking:
    """Book good, scrap and rework pieces of one report on an operation, or on what the machine is working on.

    The server's clock says when; `device_at` is kept beside it. A report that had to wait for a connection says by its
    own measure how long ago the pieces were made. The same client key never books twice: a repetition gets the booking
    that stands.

    Raises:
        Forbidden: the actor may not report production.
        NotFound: there is no such machine or operation, or no such reason for the kind.
        InvalidAge: the pieces were made in the future, or more than a day ago.
        WrongMachine: the operation is worked on at another machine.
        OperationNotOpen: the operation is not begun, or over.
        OrderLocked, OrderNotOpen: the order is over, or on hold.
        MoreThanOrdered: the report goes beyond the order's allowance.
        MoreThanBefore: the operation before has not handed on that many.
        InvalidQuantity: a quantity cannot be booked.
        NothingToBook: all quantities are zero.
        ReasonMissing: scrap or rework without a reason.
        KeyUsedOtherwise: the key stands for another machine or other pieces.
    """
    await work.permit(Permission.REPORT_PRODUCTION)
    at = _made_at(work, made_ago_s)
    machine = await lock_machine(work, machine_id)
    device = checked_text(device, field="device", longest=100, may_be_empty=True)
    return await _book_on_operation(
        work, machine, pieces=pieces, client_key=client_key, operation_id=operation_id, at=at, device=device,
        device_at=device_at,
    )  # fmt: skip


async def report_counter(
    work: Work,
    *,
    machine_id: UUID,
    start_reading: Decimal,
    end_reading: Decimal,
    client_key: UUID,
    was_reset: bool = False,
    scrap: Decimal = ZERO,
    scrap_reason_id: UUID | None = None,
    operation_id: UUID | None = None,
    device: str = "",
    device_at: datetime | None = None,
    made_ago_s: Decimal | None = None,
) -> Booking:
    """Book what a counter has counted between two readings: `scrap` of it, and the rest as good.

    The counter rolls over where the machine's does; after a reset only what it counted since is known. The readings
    are kept, so that the next report begins where this one ended, whoever makes it and wherever.

    Raises:
        CounterOutOfRange, CounterWentBack: the readings cannot be true.
        ScrapBeyondCount: there is more scrap than the counter counted.
        As `report_production`.
    """
    await work.permit(Permission.REPORT_PRODUCTION)
    at = _made_at(work, made_ago_s)
    machine = await lock_machine(work, machine_id)
    counted = made_between(start_reading, end_reading, rolls_over_at=machine.counter_modulus, was_reset=was_reset)
    if checked_quantity(scrap, field="scrap") > counted:
        raise ScrapBeyondCount(field="scrap", counted=counted)
    booking = await _book_on_operation(
        work, machine, pieces=Pieces(counted - scrap, scrap, scrap_reason_id), client_key=client_key,
        operation_id=operation_id, at=at, device=checked_text(device, field="device", longest=100, may_be_empty=True),
        device_at=device_at,
    )  # fmt: skip
    if not booking.is_repeat:
        work.session.add(
            CounterReading(
                org_id=work.scope.org_id, client_key=client_key, plant_id=machine.plant_id, machine_id=machine.id,
                at=at, start_reading=start_reading, end_reading=end_reading, was_reset=was_reset,
            )
        )  # fmt: skip
        await work.session.flush()
    return booking


async def book_pieces(
    work: Work,
    machine: MachineOnFloor,
    *,
    pieces: Pieces,
    client_key: UUID,
    at: datetime,
    run_id: UUID | None,
    device: str = "",
    device_at: datetime | None = None,
    of: OfOperation | None = None,
    surplus: Pieces = NOTHING,
    is_correction: bool = False,
) -> Booking:
    """Book pieces made at `at` on a locked machine, once per client key; `surplus` of them the operation does not take.

    Raises:
        As `report_production`, without Forbidden.
    """
    made = checked_kinds(pieces)
    await _refuse_unfit_reasons(work, pieces, made)
    await ensure_month(work, at)
    booking = await _write(
        work, machine, pieces=pieces, client_key=client_key, at=at, run_id=run_id, device=device, device_at=device_at,
        claims=True, of=of, surplus=surplus, is_correction=is_correction,
    )  # fmt: skip
    return await _repeat(work, machine, pieces, client_key) if booking is None else booking


def checked_kinds(pieces: Pieces) -> list[str]:
    """Return the kinds of pieces that a report speaks of.

    Raises:
        InvalidQuantity: a quantity cannot be booked.
        NothingToBook: all quantities are zero.
    """
    for kind in KINDS:
        checked_quantity(pieces.of(kind), field=kind)
    made = [kind for kind in KINDS if pieces.of(kind) > 0]
    if not made:
        raise NothingToBook(field="good")
    return made


async def claim_key(work: Work, machine: MachineOnFloor, *, client_key: UUID, at: datetime) -> bool:
    """Take a client key for this transaction; False when it was taken before, by whomever.

    Waits for another transaction that is about to take the same key.
    """
    key = insert(BookingKey).values(
        org_id=work.scope.org_id, plant_id=machine.plant_id, machine_id=machine.id, client_key=client_key, at=at
    )
    return (await work.session.execute(key.on_conflict_do_nothing().returning(BookingKey.at))).first() is not None


async def write_entries(
    work: Work,
    machine: MachineOnFloor,
    *,
    pieces: Pieces,
    client_key: UUID,
    at: datetime,
    run_id: UUID | None,
    of: OfOperation | None = None,
    surplus: Pieces = NOTHING,
) -> Booking:
    """Write the log entries of a claimed key, and everything that is summed from them.

    The caller has seen to it that the month of `at` exists.
    """
    booking = await _write(
        work, machine, pieces=pieces, client_key=client_key, at=at, run_id=run_id, device="", device_at=None,
        claims=False, of=of, surplus=surplus,
    )  # fmt: skip
    if booking is None:
        raise NothingToBook(field="good")
    return booking


async def _write(
    work: Work,
    machine: MachineOnFloor,
    *,
    pieces: Pieces,
    client_key: UUID,
    at: datetime,
    run_id: UUID | None,
    device: str,
    device_at: datetime | None,
    claims: bool,
    of: OfOperation | None = None,
    surplus: Pieces = NOTHING,
    is_correction: bool = False,
) -> Booking | None:
    """Claim the key where the caller has not, and write; None when the key was taken before."""
    lines = [
        Line(kind, quantity, pieces.reason_of(kind), is_surplus=is_surplus)
        for kind in KINDS
        for is_surplus, quantity in ((False, pieces.of(kind) - surplus.of(kind)), (True, surplus.of(kind)))
        if quantity > 0
    ]
    ids = await write_lines(
        work, machine, lines=lines, client_key=client_key, at=at, run_id=run_id, device=device, device_at=device_at,
        claims=claims, of=of, is_correction=is_correction,
    )  # fmt: skip
    if ids is None:
        return None
    return Booking(
        client_key, machine.id, run_id, at, pieces.good, pieces.scrap, pieces.rework, ids, is_repeat=False,
        operation_id=None if of is None else of.id,
    )  # fmt: skip


async def _book_on_operation(
    work: Work,
    machine: MachineOnFloor,
    *,
    pieces: Pieces,
    client_key: UUID,
    operation_id: UUID | None,
    at: datetime,
    device: str,
    device_at: datetime | None,
) -> Booking:
    operation_id = operation_id or machine.operation_id
    if operation_id is None:
        return await book_pieces(
            work, machine, pieces=pieces, client_key=client_key, at=at, run_id=machine.run_id, device=device,
            device_at=device_at,
        )  # fmt: skip
    checked_kinds(pieces)
    await ensure_month(work, at)
    facts = await lock_for_report(work, operation_id=operation_id, client_key=client_key)
    if not facts.is_booked:
        facts.check(machine, good=pieces.good, scrap=pieces.scrap, at=at)
    booking = await book_pieces(
        work, machine, pieces=pieces, client_key=client_key, at=at, run_id=facts.run_at(machine), device=device,
        device_at=device_at, of=facts.of,
    )  # fmt: skip
    if facts.hands_on_first(pieces.good) and not booking.is_repeat:
        await ready_successors(work, facts.of.work_order_id)
    return booking


def _made_at(work: Work, made_ago_s: Decimal | None) -> datetime:
    if made_ago_s is None:
        return work.now
    if not made_ago_s.is_finite() or not 0 <= made_ago_s <= LONGEST_WAIT_S:
        raise InvalidAge(field="made_ago_s")
    return work.now - timedelta(seconds=float(made_ago_s))


async def _refuse_unfit_reasons(work: Work, pieces: Pieces, made: list[str]) -> None:
    for kind in made:
        if kind == "good":
            continue
        reason_id = pieces.reason_of(kind)
        if reason_id is None:
            raise ReasonMissing(field=f"{kind}_reason_id")
        fitting = select(Reason.id).where(Reason.id == reason_id, Reason.kind == kind, Reason.is_active)
        if (await work.session.execute(fitting)).first() is None:
            raise NotFound(what="reason")


async def _repeat(work: Work, machine: MachineOnFloor, pieces: Pieces, client_key: UUID) -> Booking:
    row = (await work.session.execute(BOOKED, {"client_key": client_key})).one_or_none()
    asked = (machine.id, pieces.good, pieces.scrap, pieces.rework)
    if row is None or (row.machine_id, row.good, row.scrap, row.rework) != asked:
        raise KeyUsedOtherwise
    return Booking(
        client_key,
        machine.id,
        row.run_id,
        row.at,
        row.good,
        row.scrap,
        row.rework,
        tuple(row.entry_ids),
        is_repeat=True,
        operation_id=row.operation_id,
    )
