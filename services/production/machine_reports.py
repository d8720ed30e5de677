"""Booking what machines report, whatever protocol it came by, each report once."""

from typing import ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import select

from domain.checks import checked_instant, checked_quantity, checked_text
from domain.errors import Conflict, NotFound, marked
from domain.production.machine_reports import (
    MachineReport,
    PiecesMade,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    StateEntered,
)
from services.db.tables import Reason
from services.db.work import Work
from services.plant.machine_floor import MachineOnFloor, ensure_month, lock_machine_by_code
from services.plant.machine_states import LONGEST_DETAIL, enter_state
from services.production.machine_counts import operation_at, operation_of_run, share_of_operation
from services.production.operation_reports import ready_successors
from services.production.production_logs import Pieces, book_pieces, checked_kinds, claim_key, write_entries
from services.production.production_runs import (
    add_run_of_unknown_start,
    end_run,
    find_newest_open_run,
    find_open_run,
    pause_run,
    resume_run,
    start_run,
)

OPEN = "open:"
"""Begins the key of a run whose start the source did not see; the rest begins the key that the start made."""
START_MARK = "@"


class RunNotFound(Conflict):
    """A report speaks of a run that was never started here."""

    code: ClassVar[str] = "run_not_found"
    sentence: ClassVar[str] = marked("The machine reports on a run that it never started: {run_key}.")


async def book_machine_report(work: Work, *, machine_code: str, report: MachineReport) -> bool:
    """Book one report of a machine; returns False when it had been booked before.

    Raises:
        NotFound: there is no machine with this code, or no reason with the code that the machine gave.
        InvalidInstant, InvalidQuantity, InvalidText: the report cannot be true.
    """
    machine = await lock_machine_by_code(work, machine_code)
    checked_instant(report.at, field="at", now=work.now)
    await ensure_month(work, report.at)
    match report:
        case StateEntered():
            return await _enter(work, machine, report)
        case RunStarted():
            return await _start(work, machine, report)
        case PiecesMade():
            return await _count(work, machine, report)
        case RunPaused() | RunResumed() | RunEnded():
            if not await claim_key(work, machine, client_key=_key(machine, report), at=report.at):
                return False
            if isinstance(report, RunEnded):
                await _end(work, machine, report)
            else:
                await _pause_or_resume(work, machine, report)
            return True


async def _enter(work: Work, machine: MachineOnFloor, report: StateEntered) -> bool:
    reason_id = None if report.reason is None else await _reason(work, kind="stop", code=report.reason)
    detail = checked_text(report.detail[:LONGEST_DETAIL], field="detail", longest=LONGEST_DETAIL, may_be_empty=True)
    now = await enter_state(work, machine, state=report.state, at=report.at, reason_id=reason_id, detail=detail)
    return now.changed


async def _start(work: Work, machine: MachineOnFloor, report: RunStarted) -> bool:
    same_job, marked_start, _ = report.run_key.rpartition(START_MARK)
    superseded = await find_newest_open_run(work, machine, same_job + START_MARK) if marked_start else None
    run_id = await start_run(
        work, machine, run_key=report.run_key, order_number=report.order_number, part_number=report.part_number,
        target=report.target, at=report.at, is_test=report.is_test,
    )  # fmt: skip
    await operation_of_run(work, machine, run_id=run_id)
    if run_id is not None and superseded is not None:
        # The source started the same job again without ever ending it, as when a log of the day between is missing.
        await end_run(work, machine, run_id=superseded, outcome="aborted", at=report.at)
    return run_id is not None


async def _count(work: Work, machine: MachineOnFloor, report: PiecesMade) -> bool:
    run_id = None if report.run_key is None else await _open_run(work, machine, report.run_key)
    reason_id = None
    if report.scrap_reason is not None:
        reason_id = await _reason(work, kind="scrap", code=report.scrap_reason)
    pieces = Pieces(good=report.good, scrap=report.scrap, scrap_reason_id=reason_id)
    checked_kinds(pieces)
    key = _key(machine, report)
    if report.run_key is None:
        run_id, operation_id = await operation_at(work, machine, at=report.at)
    else:
        operation_id = await operation_of_run(work, machine, run_id=run_id)
    share = await share_of_operation(work, machine, operation_id, pieces=pieces, client_key=key, at=report.at)
    booking = await book_pieces(
        work, machine, pieces=pieces, client_key=key, at=report.at, run_id=run_id, of=share.of, surplus=share.surplus
    )
    if share.readies_order_id is not None and not booking.is_repeat:
        await ready_successors(work, share.readies_order_id)
    return not booking.is_repeat


async def _pause_or_resume(work: Work, machine: MachineOnFloor, report: RunPaused | RunResumed) -> None:
    run_id = await _open_run(work, machine, report.run_key)
    if run_id is None:
        return  # a pause of a run that was never seen to start is no news: its end will tell the pieces
    if isinstance(report, RunPaused):
        await pause_run(work, machine, run_id=run_id, at=report.at)
    else:
        await resume_run(work, machine, run_id=run_id, at=report.at)


async def _end(work: Work, machine: MachineOnFloor, report: RunEnded) -> None:
    run_id = await _open_run(work, machine, report.run_key)
    if run_id is None:
        run_id = await add_run_of_unknown_start(
            work, machine, run_key=f"{report.run_key.removeprefix(OPEN)}{START_MARK}?{report.key}"[:300],
            order_number=report.order_number, part_number=report.part_number, target=report.target,
            is_test=report.is_test,
        )  # fmt: skip
    if run_id is None:
        raise RunNotFound(run_key=report.run_key)
    if checked_quantity(report.good, field="good") > 0:
        pieces, key = Pieces(good=report.good), _key(machine, report)
        operation_id = await operation_of_run(work, machine, run_id=run_id)
        share = await share_of_operation(work, machine, operation_id, pieces=pieces, client_key=key, at=report.at)
        await write_entries(
            work, machine, pieces=pieces, client_key=key, at=report.at, run_id=run_id, of=share.of,
            surplus=share.surplus,
        )  # fmt: skip
        if share.readies_order_id is not None:
            await ready_successors(work, share.readies_order_id)
    await end_run(work, machine, run_id=run_id, outcome=report.outcome, at=report.at, note=report.note)


async def _open_run(work: Work, machine: MachineOnFloor, run_key: str) -> UUID | None:
    if run_key.startswith(OPEN):
        return await find_newest_open_run(work, machine, run_key.removeprefix(OPEN) + START_MARK)
    return await find_open_run(work, machine, run_key)


async def _reason(work: Work, *, kind: str, code: str) -> UUID:
    statement = select(Reason.id).where(Reason.kind == kind, Reason.code == code)
    reason_id = (await work.session.execute(statement)).scalar_one_or_none()
    if reason_id is None:
        raise NotFound(what="reason")
    return reason_id


def _key(machine: MachineOnFloor, report: MachineReport) -> UUID:
    return uuid5(NAMESPACE_URL, f"unison:{machine.id}:{report.key}")
