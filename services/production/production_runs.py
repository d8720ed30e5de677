"""Runs: which order a machine is working on, from start to end."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from domain.checks import checked_quantity, checked_text
from domain.events import ProductionRunChanged
from domain.production.machine_reports import RunOutcome
from services.db.keys import new_id
from services.db.tables import ProductionRun
from services.db.work import Work
from services.plant.machine_floor import MachineOnFloor

WORK_ON = text("""
UPDATE machine_status SET run_id = :run_id, operation_id = :operation_id,
       last_report_at = greatest(last_report_at, :at), heard_at = :now
WHERE machine_id = :machine_id
""")
WORK_ON_WHAT_IS_OPEN = text("""
WITH present AS (
  SELECT runs.id, operations.id AS operation_id FROM production_runs AS runs
  LEFT JOIN operations ON operations.org_id = runs.org_id AND operations.id = runs.operation_id
    AND operations.state IN ('running', 'paused')
  WHERE runs.machine_id = :machine_id AND runs.ended_at IS NULL
  ORDER BY runs.state = 'running' DESC, runs.started_at DESC NULLS LAST LIMIT 1)
UPDATE machine_status SET last_report_at = greatest(last_report_at, :at), heard_at = :now,
       run_id = (SELECT id FROM present), operation_id = (SELECT operation_id FROM present)
WHERE machine_id = :machine_id
""")


async def start_run(
    work: Work,
    machine: MachineOnFloor,
    *,
    run_key: str,
    order_number: str,
    part_number: str,
    target: Decimal | None,
    at: datetime,
    is_test: bool = False,
    operation_id: UUID | None = None,
) -> UUID | None:
    """Begin a run on a locked machine and work on it; returns None when the run is known already."""
    run_id = await _add_run(
        work, machine, run_key=run_key, order_number=order_number, part_number=part_number, target=target,
        is_test=is_test, started_at=at, operation_id=operation_id,
    )  # fmt: skip
    if run_id is None:
        return None
    if machine.last_report_at is None or at >= machine.last_report_at:
        parameters = {"run_id": run_id, "operation_id": operation_id, "machine_id": machine.id}
        await work.session.execute(WORK_ON, {**parameters, "at": at, "now": work.now})
    _emit(work, machine)
    return run_id


async def find_open_run(work: Work, machine: MachineOnFloor, run_key: str) -> UUID | None:
    """Return the run with this key that has not ended."""
    statement = select(ProductionRun.id).where(
        ProductionRun.machine_id == machine.id, ProductionRun.run_key == run_key, ProductionRun.ended_at.is_(None)
    )
    return (await work.session.execute(statement)).scalar_one_or_none()


async def is_run_open(work: Work, run_id: UUID) -> bool:
    """Tell whether a run has not ended."""
    statement = select(ProductionRun.id).where(ProductionRun.id == run_id, ProductionRun.ended_at.is_(None))
    return (await work.session.execute(statement)).first() is not None


async def find_newest_open_run(work: Work, machine: MachineOnFloor, key_prefix: str) -> UUID | None:
    """Return the newest run without an end whose key begins with `key_prefix`, in any case."""
    statement = (
        select(ProductionRun.id)
        .where(
            ProductionRun.machine_id == machine.id,
            ProductionRun.ended_at.is_(None),
            func.starts_with(func.lower(ProductionRun.run_key), key_prefix.lower()),
        )
        .order_by(ProductionRun.started_at.desc().nulls_last())
        .limit(1)
    )
    return (await work.session.execute(statement)).scalar_one_or_none()


async def add_run_of_unknown_start(
    work: Work, machine: MachineOnFloor, *, run_key: str, order_number: str, part_number: str, target: Decimal | None,
    is_test: bool,
) -> UUID | None:  # fmt: skip
    """Add a run that ends here but whose start nobody reported; None when it is known already."""
    return await _add_run(
        work, machine, run_key=run_key, order_number=order_number, part_number=part_number, target=target,
        is_test=is_test, started_at=None,
    )  # fmt: skip


async def pause_run(work: Work, machine: MachineOnFloor, *, run_id: UUID, at: datetime) -> None:
    """Let a run stand still."""
    await _set_state(work, machine, run_id=run_id, state="paused", at=at)


async def resume_run(work: Work, machine: MachineOnFloor, *, run_id: UUID, at: datetime) -> None:
    """Go on with a paused run."""
    await _set_state(work, machine, run_id=run_id, state="running", at=at)


async def end_run(
    work: Work, machine: MachineOnFloor, *, run_id: UUID, outcome: RunOutcome, at: datetime, note: str = ""
) -> None:
    """End a run; the machine goes on with what is still open."""
    await work.session.execute(
        update(ProductionRun)
        .where(ProductionRun.id == run_id, ProductionRun.ended_at.is_(None))
        .values(state=outcome, ended_at=at, note=checked_text(note, field="note", longest=500, may_be_empty=True))
    )
    await _work_on_what_is_open(work, machine, at)


async def _add_run(
    work: Work, machine: MachineOnFloor, *, run_key: str, order_number: str, part_number: str, target: Decimal | None,
    is_test: bool, started_at: datetime | None, operation_id: UUID | None = None,
) -> UUID | None:  # fmt: skip
    run = insert(ProductionRun).values(
        id=new_id(),
        org_id=work.scope.org_id,
        plant_id=machine.plant_id,
        machine_id=machine.id,
        run_key=checked_text(run_key, field="run_key", longest=300),
        order_number=checked_text(order_number, field="order_number"),
        part_number=checked_text(part_number, field="part_number", may_be_empty=True),
        target=None if target is None else checked_quantity(target, field="target"),
        is_test=is_test,
        state="running",
        started_at=started_at,
        operation_id=operation_id,
    )
    added = await work.session.execute(run.on_conflict_do_nothing().returning(ProductionRun.id))
    return added.scalar_one_or_none()


async def _set_state(work: Work, machine: MachineOnFloor, *, run_id: UUID, state: str, at: datetime) -> None:
    await work.session.execute(
        update(ProductionRun).where(ProductionRun.id == run_id, ProductionRun.ended_at.is_(None)).values(state=state)
    )
    await _work_on_what_is_open(work, machine, at)


async def _work_on_what_is_open(work: Work, machine: MachineOnFloor, at: datetime) -> None:
    parameters = {"machine_id": machine.id, "at": at, "now": work.now}
    await work.session.execute(WORK_ON_WHAT_IS_OPEN, parameters)
    _emit(work, machine)


def _emit(work: Work, machine: MachineOnFloor) -> None:
    work.emit(ProductionRunChanged(plant_id=machine.plant_id, lane_id=machine.lane_id, machine_id=machine.id))
