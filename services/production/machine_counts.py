"""What a machine counted: as much of it on the operation as that takes, and the rest on the run alone."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.db.work import Work
from services.plant.machine_floor import MachineOnFloor
from services.production.bookings import OfOperation
from services.production.operation_reports import lock_for_report
from services.production.production_logs import NOTHING, Pieces

# A machine names orders by their number; several operations of one order may be under way at one machine.
OPERATION_OF_RUN = text("""
SELECT runs.operation_id, coalesce(runs.operation_id, (
         SELECT operations.id FROM work_orders AS orders
         JOIN operations ON operations.org_id = orders.org_id AND operations.work_order_id = orders.id
         WHERE orders.org_id = runs.org_id AND orders.number = runs.order_number AND NOT runs.is_test
           AND operations.worked_machine_id = :machine_id AND operations.state IN ('running', 'paused')
         ORDER BY operations.state = 'running' DESC, operations.started_at DESC LIMIT 1)) AS found_id
FROM production_runs AS runs WHERE runs.id = :run_id
""")
LINK = text("""
WITH linked AS (UPDATE production_runs SET operation_id = :operation_id WHERE id = :run_id RETURNING id)
UPDATE machine_status SET operation_id = :operation_id FROM linked
WHERE machine_status.machine_id = :machine_id AND machine_status.run_id = linked.id
""")
RUN_SINCE = text("SELECT id FROM production_runs WHERE id = :run_id AND started_at <= :at")


@dataclass(frozen=True)
class Share:
    """Which operation takes pieces that a machine counted, and which of them it does not take."""

    of: OfOperation | None = None
    """The locked operation; None where it takes nothing, or there is none."""
    surplus: Pieces = NOTHING
    """What is the run's alone."""
    readies_order_id: UUID | None = None
    """The order whose next operations waited for the first of these pieces."""


async def operation_of_run(work: Work, machine: MachineOnFloor, *, run_id: UUID | None) -> UUID | None:
    """Return the operation that a run of a locked machine works on, and link the run to it.

    It is the one that was started with the run, or one that is under way at the machine and whose order has the number
    that the machine gave. A trial run works on none.
    """
    if run_id is None:
        return None
    place = {"run_id": run_id, "machine_id": machine.id}
    run = (await work.session.execute(OPERATION_OF_RUN, place)).one()
    found: UUID | None = run.found_id
    if found is not None and run.operation_id is None:
        await work.session.execute(LINK, {**place, "operation_id": found})
    return found


async def operation_at(work: Work, machine: MachineOnFloor, *, at: datetime) -> tuple[UUID | None, UUID | None]:
    """Return the run and the operation of pieces that a machine counted without naming a run.

    They are those of the operation that the machine works on, if it did so when the pieces were made.
    """
    if machine.operation_id is None or machine.run_id is None:
        return None, None
    since = await work.session.execute(RUN_SINCE, {"run_id": machine.run_id, "at": at})
    return (machine.run_id, machine.operation_id) if since.first() is not None else (None, None)


async def share_of_operation(
    work: Work, machine: MachineOnFloor, operation_id: UUID | None, *, pieces: Pieces, client_key: UUID, at: datetime
) -> Share:
    """Lock the order of an operation and return what it takes of the pieces: whatever a person could report on it."""
    if operation_id is None:
        return Share()
    facts = await lock_for_report(work, operation_id=operation_id, client_key=client_key)
    good, scrap = facts.fitting(machine, good=pieces.good, scrap=pieces.scrap, at=at)
    if not good and not scrap:
        return Share()
    return Share(
        of=facts.of,
        surplus=Pieces(good=pieces.good - good, scrap=pieces.scrap - scrap),
        readies_order_id=facts.of.work_order_id if facts.hands_on_first(good) else None,
    )
