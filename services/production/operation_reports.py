"""What a report needs to know of its operation, locked and in one statement: it is the terminal's one tap."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from domain.checks import plain
from domain.errors import Conflict, NotFound, marked
from domain.production.operations import (
    OperationState,
    Predecessor,
    Transfer,
    check_handed_on,
    check_reportable,
    handed_on,
)
from domain.production.orders import (
    OrderQuantities,
    OrderState,
    OrderStatus,
    check_editable,
    check_open,
    fitting,
    with_report,
)
from services.db.work import Work
from services.plant.machine_floor import MachineOnFloor
from services.production.bookings import OfOperation
from services.production.order_floor import make_ready, operations_of

# The order's row comes first and makes everybody else who changes the order wait; the rows are read as they are then.
LOCK_FOR_REPORT = """
SELECT one.id, one.name, one.state, one.sequence, one.quantity, one.good, one.scrap, one.is_last, one.transfer,
       one.worked_machine_id, one.run_id, one.ended_at, one.plant_id, orders.id AS work_order_id,
       orders.state AS order_state, orders.held_from, orders.quantity AS order_quantity, orders.good AS order_good,
       orders.scrap AS order_scrap, orders.overproduction_allowance,
       EXISTS (SELECT FROM booking_keys WHERE client_key = $2) AS is_booked
FROM operations AS mine
JOIN work_orders AS orders ON orders.org_id = mine.org_id AND orders.id = mine.work_order_id
JOIN operations AS one ON one.org_id = mine.org_id AND one.work_order_id = mine.work_order_id
  AND (one.id = mine.id OR one.sequence = ANY(mine.predecessors))
WHERE mine.id = $1
ORDER BY one.sequence
FOR NO KEY UPDATE OF orders, one
"""


class WrongReportMachine(Conflict):
    """A report from a machine that does not work on the operation."""

    code: ClassVar[str] = "wrong_report_machine"
    sentence: ClassVar[str] = marked("This operation is not worked on at machine {machine}.")


@dataclass(frozen=True)
class ReportFacts:
    """Everything that decides whether pieces can be booked on an operation."""

    of: OfOperation
    name: str
    state: OperationState
    ended_at: datetime | None
    worked_machine_id: UUID | None
    run_id: UUID | None
    transfer: Transfer
    quantities: OrderQuantities
    """Of the operation, under the order's allowance."""
    order: OrderStatus
    order_quantities: OrderQuantities
    predecessors: tuple[Predecessor, ...]
    is_booked: bool
    """Whether the client key was booked before: then nothing is added, and nothing is in the way of saying so."""

    def check(self, machine: MachineOnFloor, *, good: Decimal, scrap: Decimal, at: datetime) -> None:
        """Refuse pieces that cannot be booked.

        Raises:
            OperationNotOpen: the operation is not begun, or over.
            WrongReportMachine: it is worked on at another machine.
            OrderLocked, OrderNotOpen: the order is over, or on hold.
            MoreThanOrdered: the report goes beyond the allowance.
            MoreThanBefore: the operation before has not handed on that many.
        """
        self._check_under_way(machine, at)
        self._check_quantities(good=good, scrap=scrap)

    def fitting(
        self, machine: MachineOnFloor, *, good: Decimal, scrap: Decimal, at: datetime
    ) -> tuple[Decimal, Decimal]:
        """Return how many of the good and scrap pieces `check` lets through; good ones come first."""
        try:
            self._check_under_way(machine, at)
        except Conflict:
            return Decimal(0), Decimal(0)
        left = handed_on(self.quantities.good, self.predecessors)
        good, scrap = fitting(self.quantities, good=good if left is None else min(good, left), scrap=scrap)
        if self.of.is_last:
            return fitting(self.order_quantities, good=good, scrap=scrap)
        return good, fitting(self.order_quantities, good=Decimal(0), scrap=scrap)[1]

    def check_correction(self, *, good: Decimal, scrap: Decimal) -> None:
        """Refuse pieces in place of others that were taken back; the operation may be done, the order on hold.

        Raises:
            OrderLocked: the order is over.
            MoreThanOrdered: the report goes beyond the allowance.
            MoreThanBefore: the operation before has not handed on that many.
        """
        check_editable(self.order)
        self._check_quantities(good=good, scrap=scrap)

    def run_at(self, machine: MachineOnFloor) -> UUID | None:
        """Return the run of this operation at its machine."""
        return machine.run_id if machine.operation_id == self.of.id else self.run_id

    def hands_on_first(self, good: Decimal) -> bool:
        """Tell whether these are the first good pieces, for which the next operations may have waited."""
        return self.transfer is Transfer.PARTIAL and self.quantities.good <= 0 < good

    def _check_under_way(self, machine: MachineOnFloor, at: datetime) -> None:
        check_open(self.order)
        check_reportable(self.state, made_at=at, ended_at=self.ended_at)
        if self.worked_machine_id != machine.id:
            raise WrongReportMachine(machine=machine.code)

    def _check_quantities(self, *, good: Decimal, scrap: Decimal) -> None:
        with_report(self.order_quantities, good=good if self.of.is_last else Decimal(0), scrap=scrap)
        after = with_report(self.quantities, good=good, scrap=scrap)
        check_handed_on(after.good, self.predecessors)


async def lock_for_report(work: Work, *, operation_id: UUID, client_key: UUID) -> ReportFacts:
    """Lock the order of an operation whose machine is locked, and return what decides about a report.

    Raises:
        NotFound: there is no such operation in this scope.
    """
    rows = await work.fetch(LOCK_FOR_REPORT, operation_id, client_key)
    mine = next((row for row in rows if row["id"] == operation_id), None)
    if mine is None:
        raise NotFound(what="operation")
    allowance: Decimal = mine["overproduction_allowance"]
    held_from = mine["held_from"]
    return ReportFacts(
        of=OfOperation(mine["id"], mine["work_order_id"], mine["plant_id"], mine["is_last"]),
        name=mine["name"],
        state=OperationState(mine["state"]),
        ended_at=mine["ended_at"],
        worked_machine_id=mine["worked_machine_id"],
        run_id=mine["run_id"],
        transfer=Transfer(mine["transfer"]),
        quantities=OrderQuantities(plain(mine["quantity"]), plain(mine["good"]), plain(mine["scrap"]), allowance),
        order=OrderStatus(OrderState(mine["order_state"]), None if held_from is None else OrderState(held_from)),
        order_quantities=OrderQuantities(
            plain(mine["order_quantity"]), plain(mine["order_good"]), plain(mine["order_scrap"]), allowance
        ),
        predecessors=tuple(
            Predecessor(row["name"], OperationState(row["state"]), plain(row["good"]), Transfer(row["transfer"]))
            for row in rows
            if row["id"] != operation_id
        ),
        is_booked=mine["is_booked"],
    )


async def ready_successors(work: Work, work_order_id: UUID) -> None:
    """Make ready what waited for the first good pieces of an operation of a locked order."""
    make_ready(work, await operations_of(work, work_order_id))
    await work.session.flush()
