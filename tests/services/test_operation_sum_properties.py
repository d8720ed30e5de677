"""Whatever is reported, counted, corrected and taken back: an operation's totals are the sum of its log."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from domain.errors import Conflict, UnisonError
from domain.production.machine_reports import PiecesMade
from domain.production.operations import Transfer
from domain.production.routings import RoutingStep
from services.db.keys import new_id
from services.db.tables import Machine, WorkOrder
from services.db.work import Work
from services.plant.plant_models import add_machine
from services.production.machine_reports import book_machine_report
from services.production.operations import start_operation
from services.production.production_logs import Pieces, report_production
from services.production.reversals import correct_report, reverse_entry, reverse_report
from tests.factories import Floor, Make, undone

QUANTITY = 20
ALLOWANCE = Decimal("0.25")
SCRAP_CODE = "COUNTED"
GOOD = st.integers(0, 12).map(Decimal) | st.decimals(0, 9, places=3)
SCRAP = st.integers(0, 3).map(Decimal)
WHICH = st.integers(0, 5)

WRONG_SUMS = text("""
WITH log AS (
  SELECT operation_id, sum(quantity) FILTER (WHERE kind = 'good') AS good,
         sum(quantity) FILTER (WHERE kind = 'scrap') AS scrap, sum(quantity) FILTER (WHERE kind = 'rework') AS rework
  FROM production_log WHERE operation_id IS NOT NULL GROUP BY operation_id
), runs AS (
  SELECT run_id, sum(quantity) FILTER (WHERE kind = 'good') AS good,
         sum(quantity) FILTER (WHERE kind = 'scrap') AS scrap FROM production_log GROUP BY run_id
)
SELECT 'operation ' || operations.name AS what FROM operations LEFT JOIN log ON log.operation_id = operations.id
WHERE (operations.good, operations.scrap, operations.rework)
      IS DISTINCT FROM (coalesce(log.good, 0), coalesce(log.scrap, 0), coalesce(log.rework, 0))
UNION ALL
SELECT 'run' FROM runs LEFT JOIN run_totals USING (run_id)
WHERE (coalesce(run_totals.good, 0), coalesce(run_totals.scrap, 0))
      IS DISTINCT FROM (coalesce(runs.good, 0), coalesce(runs.scrap, 0))
UNION ALL
SELECT 'order' FROM work_orders JOIN operations ON operations.work_order_id = work_orders.id
GROUP BY work_orders.id, work_orders.good, work_orders.scrap
HAVING (work_orders.good, work_orders.scrap)
       IS DISTINCT FROM (sum(operations.good) FILTER (WHERE is_last), sum(operations.scrap))
UNION ALL
SELECT 'allowance of ' || name FROM operations WHERE good + scrap > :most OR good < 0 OR scrap < 0
UNION ALL
SELECT 'order''s allowance' FROM work_orders WHERE good + scrap > :most
UNION ALL
SELECT 'handing on' FROM operations AS one JOIN operations AS two ON two.sequence > one.sequence
WHERE two.good > one.good
UNION ALL
SELECT 'reversal' FROM production_log AS undone JOIN production_log AS entry ON entry.id = undone.reverses_id
WHERE undone.quantity <> -entry.quantity OR undone.at <> entry.at OR undone.kind <> entry.kind
      OR undone.operation_id IS DISTINCT FROM entry.operation_id
""")
NEWEST_REPORT = text("""
SELECT client_key, array_agg(id ORDER BY id) AS entry_ids FROM production_log GROUP BY client_key
ORDER BY max(id::text) DESC LIMIT 1
""")


@dataclass(frozen=True)
class Report:
    """A person reports on one of the operations; the same key may come again."""

    operation: int
    good: Decimal
    scrap: Decimal
    key: UUID


@dataclass(frozen=True)
class Count:
    """The machine of an operation counts pieces."""

    operation: int
    good: Decimal
    scrap: Decimal


@dataclass(frozen=True)
class TakeBack:
    """A report is taken back, or one entry of it."""

    report: int
    entry: int | None


@dataclass(frozen=True)
class Correct:
    """Other pieces are booked in place of a report."""

    report: int
    good: Decimal
    scrap: Decimal


Done = Report | Count | TakeBack | Correct
DONE = st.one_of(
    st.builds(Report, st.integers(0, 1), GOOD, SCRAP, st.uuids()),
    st.builds(Report, st.integers(0, 1), GOOD, SCRAP, st.sampled_from([new_id() for _ in range(3)])),
    st.builds(Count, st.integers(0, 1), GOOD, SCRAP),
    st.builds(TakeBack, WHICH, st.none() | st.integers(0, 1)),
    st.builds(Correct, WHICH, GOOD, SCRAP),
)


@dataclass
class Chain:
    """An order of two operations that run at machines of their own, and what was booked on them."""

    work: Work
    floor: Floor
    order: WorkOrder
    machines: tuple[Machine, Machine]
    operation_ids: tuple[UUID, UUID]
    booked: list[tuple[UUID, tuple[UUID, ...]]] = field(default_factory=list)
    """The client key and the entries of each report."""

    def pieces(self, good: Decimal, scrap: Decimal) -> Pieces:
        return Pieces(good, scrap, self.floor.scrap_reason_id if scrap else None)

    async def do(self, done: Done) -> None:
        """Do it in a savepoint of its own; what is refused leaves no trace."""
        with suppress(UnisonError):
            async with self.work.session.begin_nested():
                await self._do(done)

    async def _do(self, done: Done) -> None:
        match done:
            case Report(which, good, scrap, key):
                booking = await report_production(
                    self.work, machine_id=self.machines[which].id, pieces=self.pieces(good, scrap), client_key=key,
                    operation_id=self.operation_ids[which],
                )  # fmt: skip
                self.booked.append((booking.client_key, booking.entry_ids))
            case Count(which, good, scrap):
                await self._count(which, good, scrap)
            case TakeBack(which, entry) if which < len(self.booked):
                client_key, entry_ids = self.booked[which]
                if entry is None:
                    await reverse_report(self.work, client_key=client_key, reversal_key=new_id())
                elif entry < len(entry_ids):
                    await reverse_entry(self.work, entry_id=entry_ids[entry], reversal_key=new_id())
            case Correct(which, good, scrap) if which < len(self.booked):
                booking = await correct_report(
                    self.work, client_key=self.booked[which][0], reversal_key=new_id(),
                    correction_key=new_id(), pieces=self.pieces(good, scrap),
                )  # fmt: skip
                self.booked.append((booking.client_key, booking.entry_ids))

    async def _count(self, which: int, good: Decimal, scrap: Decimal) -> None:
        """A machine is never told that there is no room for what it made."""
        report = PiecesMade(str(new_id()), self.work.now, None, good, scrap, scrap_reason=SCRAP_CODE if scrap else None)
        try:
            await book_machine_report(self.work, machine_code=self.machines[which].code, report=report)
        except Conflict as refusal:
            raise AssertionError(report) from refusal
        newest = (await self.work.session.execute(NEWEST_REPORT)).one()
        self.booked.append((newest.client_key, tuple(newest.entry_ids)))


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(happened=st.lists(DONE, max_size=12))
async def test_totals_of_an_operation_are_the_sum_of_its_log(
    floor: Floor, make: Make, happened: Sequence[Done]
) -> None:
    async with undone(floor.scope) as work:
        chain = await started(work, floor, make)
        for done in happened:
            await chain.do(done)

        wrong = (await work.session.execute(WRONG_SUMS, {"most": QUANTITY * (1 + ALLOWANCE)})).scalars().all()

        assert wrong == []


async def started(work: Work, floor: Floor, make: Make) -> Chain:
    first = await work.session.get_one(Machine, floor.machine_id)
    second = await add_machine(work, lane_id=floor.lane_id, code="SECOND", name="Second")
    await make.reason(work, kind="scrap", code=SCRAP_CODE)
    steps = (
        RoutingStep(10, "Saw", machine_id=first.id, transfer=Transfer.PARTIAL),
        RoutingStep(20, "Mill", machine_id=second.id),
    )
    order = await make.order(work, machine=first, steps=steps, quantity=QUANTITY, overproduction_allowance=ALLOWANCE)
    saw, mill = await make.operations(work, order)
    chain = Chain(work, floor, order, (first, second), (saw.id, mill.id))
    await start_operation(work, operation_id=saw.id)
    await chain.do(Report(0, Decimal(2), Decimal(0), new_id()))
    await start_operation(work, operation_id=mill.id)
    return chain
