"""Pieces of an operation: within the order, after what was handed on, and every sum follows."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from domain.errors import Conflict, NotFound
from domain.events import OperationChanged
from domain.identity.roles import Role
from domain.plant.counters import CounterWentBack
from domain.production.operations import MoreThanBefore, OperationNotOpen, Transfer
from domain.production.orders import MoreThanOrdered, OrderLocked, OrderNotOpen
from domain.production.routings import RoutingStep
from services.db.keys import new_id
from services.db.tables import Machine, Operation, ProductionLogEntry, ShiftOccurrenceRow, WorkOrder
from services.db.work import Work, begin, read
from services.production.operation_reports import WrongReportMachine
from services.production.operations import finish_operation, pause_operation, start_operation
from services.production.production_logs import (
    Booking,
    InvalidAge,
    Pieces,
    ScrapBeyondCount,
    report_counter,
    report_production,
)
from services.production.work_orders import complete_order, hold_order
from tests.factories import Floor, Make


async def report(work: Work, operation: Operation, good: int = 0, scrap: int = 0, **other: Any) -> Booking:
    """Report on the operation at the machine that works on it."""
    assert operation.worked_machine_id is not None
    reason = None
    if scrap:
        reason = await Make("").reason(work, kind="scrap")
    pieces = Pieces(good=Decimal(good), scrap=Decimal(scrap), scrap_reason_id=None if reason is None else reason.id)
    wish = {"machine_id": operation.worked_machine_id, "client_key": new_id(), "operation_id": operation.id} | other
    return await report_production(work, pieces=pieces, **wish)


async def sums(work: Work, operation: Operation) -> tuple[list[int], list[int]]:
    """Return good, scrap and rework of an operation, then good and scrap of its order."""
    await work.session.refresh(operation)
    order = await work.session.get_one(WorkOrder, operation.work_order_id, populate_existing=True)
    made = [operation.good, operation.scrap, operation.rework, order.good, order.scrap]
    whole = [int(quantity) for quantity in made]
    assert whole == made
    return whole[:3], whole[3:]


async def log_of(work: Work, operation_id: UUID) -> list[ProductionLogEntry]:
    statement = select(ProductionLogEntry).where(ProductionLogEntry.operation_id == operation_id)
    return list((await work.session.execute(statement.order_by(ProductionLogEntry.id))).scalars())


async def chain(work: Work, make: Make) -> tuple[Machine, Operation, Operation]:
    """Release an order whose saw hands on piece by piece to a mill at another machine, and start the saw."""
    lane = await make.lane(work)
    first, second = await make.machine(work, lane=lane), await make.machine(work, lane=lane)
    steps = (
        RoutingStep(10, "Saw", machine_id=first.id, transfer=Transfer.PARTIAL),
        RoutingStep(20, "Mill", machine_id=second.id),
    )
    order = await make.order(work, machine=first, steps=steps)
    saw, mill = await make.operations(work, order)
    await start_operation(work, operation_id=saw.id)
    return first, saw, mill


class TestReportOnOperation:
    async def test_is_what_the_machines_run_belongs_to(self, work: Work, make: Make) -> None:
        operation = await make.running_operation(work)
        work.events.clear()

        booking = await report(work, operation, 8, 2, operation_id=None)

        assert (booking.operation_id, booking.run_id) == (operation.id, operation.run_id)
        assert await sums(work, operation) == ([8, 2, 0], [8, 2])
        assert [entry.is_correction for entry in await log_of(work, operation.id)] == [False, False]
        assert (
            OperationChanged(
                plant_id=operation.plant_id, work_order_id=operation.work_order_id, operation_id=operation.id
            )
            in work.events
        )

    async def test_of_an_operation_before_counts_for_the_order_as_scrap_only(self, work: Work, make: Make) -> None:
        _, saw, _ = await chain(work, make)

        await report(work, saw, 8, 2)

        assert await sums(work, saw) == ([8, 2, 0], [0, 2])

    async def test_readies_the_next_with_the_first_good_piece(self, work: Work, make: Make) -> None:
        _, saw, mill = await chain(work, make)
        await report(work, saw, scrap=1)
        assert mill.state == "waiting"

        await report(work, saw, 1)

        assert mill.state == "ready"

    async def test_never_makes_more_than_was_handed_on(self, work: Work, make: Make) -> None:
        _, saw, mill = await chain(work, make)
        await report(work, saw, 5)
        await start_operation(work, operation_id=mill.id)

        await report(work, mill, 5)
        with pytest.raises(MoreThanBefore, match="“Saw” has handed on 5 good"):
            await report(work, mill, 1)

    async def test_never_makes_more_than_the_order_allows(self, work: Work, make: Make) -> None:
        operation = await make.running_operation(work, target=100, overproduction_allowance=Decimal("0.05"))
        await report(work, operation, 100, 4)

        with pytest.raises(MoreThanOrdered, match="takes 1 more, good and scrap together, and 2 were"):
            await report(work, operation, 2)
        await report(work, operation, 1)

        assert await sums(work, operation) == ([101, 4, 0], [101, 4])

    async def test_past_the_allowance_at_once_is_refused_and_totals_hold(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            operation = await make.running_operation(work, machine=machine, target=10)

        async def report_three() -> None:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                await report_production(
                    work, machine_id=floor.machine_id, pieces=Pieces(good=Decimal(3)), client_key=new_id(),
                    operation_id=operation.id,
                )  # fmt: skip

        results = await asyncio.gather(*(report_three() for _ in range(6)), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["MoreThanOrdered"] * 3 + ["NoneType"] * 3
        async with read(floor.scope) as work:
            assert await sums(work, await work.session.get_one(Operation, operation.id)) == ([9, 0, 0], [9, 0])
            assert sum(entry.quantity for entry in await log_of(work, operation.id)) == 9

    async def test_at_two_machines_at_once_hands_on_no_more_than_there_is(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            _, saw, mill = await chain(work, make)
            await report(work, saw, 2)
            await start_operation(work, operation_id=mill.id)

        async def report_on(operation: Operation) -> None:
            async with begin(floor.scope) as work:
                await report(work, operation, 1)

        results = await asyncio.gather(
            *(report_on(operation) for operation in [mill, saw, mill, mill, saw, mill]), return_exceptions=True
        )

        assert all(result is None or isinstance(result, MoreThanBefore) for result in results), results
        async with read(floor.scope) as work:
            first, second = [await work.session.get_one(Operation, one.id) for one in (saw, mill)]
            assert first.good == 4
            assert 2 <= second.good <= 4

    async def test_with_the_same_key_at_once_books_once_though_the_order_is_full_then(
        self, floor: Floor, make: Make
    ) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            operation = await make.running_operation(work, machine=machine, target=8)
        key = new_id()

        async def report_all() -> bool:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                booking = await report_production(
                    work, machine_id=floor.machine_id, pieces=Pieces(good=Decimal(8)), client_key=key
                )
                assert booking.operation_id == operation.id
                return booking.is_repeat

        assert sorted(await asyncio.gather(*(report_all() for _ in range(5)))) == [False] + [True] * 4

    async def test_against_a_hold_at_once_agrees_with_it(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            operation = await make.running_operation(work, machine=machine)

        async def report_one() -> None:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                await report_production(
                    work, machine_id=floor.machine_id, pieces=Pieces(good=Decimal(1)), client_key=new_id(),
                    operation_id=operation.id,
                )  # fmt: skip

        async def put_on_hold() -> None:
            async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
                await hold_order(work, order_id=operation.work_order_id, reason="stop")

        results = await asyncio.gather(report_one(), put_on_hold(), report_one(), report_one(), return_exceptions=True)

        booked = sum(result is None for result in results) - 1
        assert results[1] is None
        assert all(result is None or isinstance(result, OrderNotOpen) for result in results), results
        async with read(floor.scope) as work:
            assert await sums(work, await work.session.get_one(Operation, operation.id)) == (
                [booked, 0, 0],
                [booked, 0],
            )

    async def test_needs_an_operation_that_is_under_way(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        waiting = (await make.operations(work, await make.order(work, machine=machine)))[0]
        pieces = Pieces(good=Decimal(1))
        with pytest.raises(OperationNotOpen, match="ready"):
            await report_production(
                work, machine_id=machine.id, pieces=pieces, client_key=new_id(), operation_id=waiting.id
            )

        operation = await make.running_operation(work)
        elsewhere = await make.machine(work)
        with pytest.raises(WrongReportMachine, match=elsewhere.code):
            await report(work, operation, 1, machine_id=elsewhere.id)
        await pause_operation(work, operation_id=operation.id)
        await report(work, operation, 1)
        await finish_operation(work, operation_id=operation.id)
        with pytest.raises(OperationNotOpen, match="done"):
            await report(work, operation, 1)
        await complete_order(work, order_id=operation.work_order_id)
        with pytest.raises(OrderLocked):
            await report(work, operation, 1)

    async def test_belongs_to_the_shift_of_its_instant(self, work: Work, make: Make) -> None:
        operation = await make.running_operation(work)
        machine = await work.session.get_one(Machine, operation.worked_machine_id)
        before, now = (
            ShiftOccurrenceRow(
                org_id=work.scope.org_id, plant_id=machine.plant_id, lane_id=machine.lane_id, day=work.now.date(),
                name=name, starts_at=work.now + start, ends_at=work.now + end,
            )
            for name, start, end in (
                ("before", timedelta(hours=-8), timedelta(hours=-2)), ("now", timedelta(hours=-1), timedelta(hours=7)),
            )
        )  # fmt: skip
        work.session.add_all([before, now])
        await work.session.flush()

        for age_s in (0, 5400, 10_800):
            await report(work, operation, 1, made_ago_s=Decimal(age_s))

        log = await log_of(work, operation.id)
        assert [entry.shift_id for entry in log] == [now.id, None, before.id]
        assert [work.now - entry.at for entry in log] == [timedelta(seconds=age) for age in (0, 5400, 10_800)]


class TestLateReport:
    async def test_may_come_after_the_end_for_pieces_made_before(self, work: Work, make: Make) -> None:
        operation = await make.running_operation(work)
        await finish_operation(work, operation_id=operation.id)

        booking = await report(work, operation, 3, made_ago_s=Decimal("60.5"))

        assert booking.at == work.now - timedelta(seconds=60.5)
        assert await sums(work, operation) == ([3, 0, 0], [3, 0])

    @pytest.mark.parametrize("age", ["-0.001", "86400.1", "NaN", "Infinity", "1e400"])
    async def test_is_refused_for_an_age_that_cannot_be(self, work: Work, make: Make, age: str) -> None:
        operation = await make.running_operation(work)

        with pytest.raises(InvalidAge):
            await report(work, operation, 1, made_ago_s=Decimal(age))


class TestReportCounter:
    async def test_books_the_difference_of_which_some_is_scrap(self, work: Work, make: Make) -> None:
        operation = await make.running_operation(work)
        reason = await make.reason(work, kind="scrap")
        assert operation.worked_machine_id is not None

        booking = await report_counter(
            work, machine_id=operation.worked_machine_id, start_reading=Decimal(1200), end_reading=Decimal(1210),
            client_key=new_id(), scrap=Decimal(3), scrap_reason_id=reason.id,
        )  # fmt: skip

        assert [booking.good, booking.scrap] == [7, 3]
        assert await sums(work, operation) == ([7, 3, 0], [7, 3])

    async def test_knows_where_the_machines_counter_begins_again(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        readings = {"machine_id": machine.id, "start_reading": Decimal(9990), "end_reading": Decimal(5)}
        with pytest.raises(CounterWentBack):
            await report_counter(work, **readings, client_key=new_id())  # type: ignore[arg-type]
        reset = await report_counter(work, **readings, client_key=new_id(), was_reset=True)  # type: ignore[arg-type]
        machine.counter_modulus = Decimal(10_000)
        await work.session.flush()

        rolled = await report_counter(work, **readings, client_key=new_id())  # type: ignore[arg-type]

        assert [reset.good, rolled.good] == [5, 15]

    async def test_refuses_more_scrap_than_it_counted(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)

        with pytest.raises(ScrapBeyondCount, match="counted 5"):
            await report_counter(
                work, machine_id=machine.id, start_reading=Decimal(0), end_reading=Decimal(5), client_key=new_id(),
                scrap=Decimal(6), scrap_reason_id=new_id(),
            )  # fmt: skip


class TestForeignOrganization:
    async def test_cannot_report_on_an_operation(self, floor: Floor, other: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            operation = await make.running_operation(work, machine=machine)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound, match="operation"):
                await report_production(
                    work, machine_id=other.machine_id, pieces=Pieces(good=Decimal(1)), client_key=new_id(),
                    operation_id=operation.id,
                )  # fmt: skip
            with pytest.raises(NotFound, match="machine"):
                await report_counter(
                    work, machine_id=floor.machine_id, start_reading=Decimal(0), end_reading=Decimal(5),
                    client_key=new_id(),
                )  # fmt: skip


async def test_sums_of_the_log_are_the_sums_of_the_operation(floor: Floor, make: Make) -> None:
    """Sixteen reports of all sizes at once, of which some are refused."""
    async with begin(floor.scope) as work:
        machine = await work.session.get_one(Machine, floor.machine_id)
        operation = await make.running_operation(work, machine=machine, target=60)

    async def book(good: int, scrap: int) -> None:
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            pieces = Pieces(Decimal(good), Decimal(scrap), floor.scrap_reason_id if scrap else None)
            await report_production(work, machine_id=floor.machine_id, pieces=pieces, client_key=new_id())

    results = await asyncio.gather(*(book(n, n % 3) for n in range(1, 17)), return_exceptions=True)

    assert all(result is None or isinstance(result, Conflict) for result in results), results
    async with read(floor.scope) as work:
        logged = select(func.sum(ProductionLogEntry.quantity)).where(ProductionLogEntry.operation_id == operation.id)
        good, scrap = [
            (await work.session.execute(logged.where(ProductionLogEntry.kind == kind))).scalar() or Decimal(0)
            for kind in ("good", "scrap")
        ]
        assert good + scrap <= 60
        assert await sums(work, await work.session.get_one(Operation, operation.id)) == (
            [int(good), int(scrap), 0],
            [int(good), int(scrap)],
        )
