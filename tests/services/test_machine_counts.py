"""Pieces that machines count: on the operation as far as it takes them, the rest on the run, and never refused."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from domain.identity.roles import Role
from domain.production.machine_reports import MachineReport, PiecesMade, RunEnded, RunStarted
from domain.production.operations import Transfer
from domain.production.orders import MoreThanOrdered
from domain.production.routings import RoutingStep
from services.db.keys import new_id
from services.db.tables import (
    Machine,
    MachineHour,
    MachineStatus,
    Operation,
    ProductionLogEntry,
    ProductionRun,
    RunTotal,
    WorkOrder,
)
from services.db.work import Work, begin, read
from services.production.machine_reports import book_machine_report
from services.production.operations import finish_operation, pause_operation, start_operation
from services.production.production_logs import Pieces, report_production
from services.production.reversals import reverse_report
from services.production.work_orders import complete_order, hold_order
from tests.factories import Floor, Make

RUN = "job@1"


def begun(order: WorkOrder, work: Work, *, run: str = RUN, is_test: bool = False) -> RunStarted:
    return RunStarted(
        key=f"start {run}", at=work.now, run_key=run, order_number=order.number, part_number="P", target=None,
        is_test=is_test,
    )  # fmt: skip


def counted(work: Work, good: int = 1, *, key: str = "1", run: str | None = RUN, ago: int = 0) -> PiecesMade:
    return PiecesMade(key=key, at=work.now - timedelta(seconds=ago), run_key=run, good=Decimal(good))


def over(order: WorkOrder, work: Work, good: int) -> RunEnded:
    return RunEnded(
        key="end", at=work.now, run_key=RUN, order_number=order.number, part_number="P", outcome="completed",
        good=Decimal(good),
    )  # fmt: skip


async def tell(work: Work, machine: Machine, *reports: MachineReport) -> list[bool]:
    """Book what a machine says."""
    return [await book_machine_report(work, machine_code=machine.code, report=report) for report in reports]


async def order_of(work: Work, operation: Operation) -> WorkOrder:
    return await work.session.get_one(WorkOrder, operation.work_order_id, populate_existing=True)


async def made(work: Work, operation: Operation) -> tuple[int, int]:
    """Return the good pieces of the operation and of everything that the log has for it, which agree, and the run's."""
    await work.session.refresh(operation)
    logged = select(func.coalesce(func.sum(ProductionLogEntry.quantity), 0))
    own = (await work.session.execute(logged.where(ProductionLogEntry.operation_id == operation.id))).scalar_one()
    everything = (await work.session.execute(logged)).scalar_one()
    runs = (await work.session.execute(select(func.sum(RunTotal.good + RunTotal.scrap)))).scalar_one()
    hours = (await work.session.execute(select(func.sum(MachineHour.good + MachineHour.scrap)))).scalar_one()
    assert own == operation.good + operation.scrap
    assert everything == hours
    return int(own), int(runs or 0)


async def running(work: Work, make: Make, *, target: int = 10) -> tuple[Machine, Operation, WorkOrder]:
    """Start an operation at a machine of its own."""
    machine = await make.machine(work)
    operation = await make.running_operation(work, machine=machine, target=target)
    return machine, operation, await order_of(work, operation)


class TestOfARun:
    async def test_are_the_operations_whose_order_the_run_names(self, work: Work, make: Make) -> None:
        machine, operation, order = await running(work, make)

        booked = await tell(work, machine, begun(order, work), counted(work, 3), over(order, work, 4))

        assert booked == [True, True, True]
        assert await made(work, operation) == (7, 7)
        assert (await order_of(work, operation)).good == 7
        run = (await work.session.execute(select(ProductionRun).where(ProductionRun.run_key == RUN))).scalar_one()
        assert run.operation_id == operation.id

    async def test_are_the_operations_that_was_started_after_the_run(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        order = await make.order(work, machine=machine)
        operation = (await make.operations(work, order))[0]
        await tell(work, machine, begun(order, work), counted(work, 2))
        await start_operation(work, operation_id=operation.id)

        await tell(work, machine, counted(work, 3, key="2"))

        assert await made(work, operation) == (3, 5)

    async def test_leave_the_machine_with_the_operation(self, work: Work, make: Make) -> None:
        machine, operation, order = await running(work, make)
        await tell(work, machine, begun(order, work))
        status = await work.session.get_one(MachineStatus, (work.scope.org_id, machine.id), populate_existing=True)
        assert status.operation_id == operation.id

        await finish_operation(work, operation_id=operation.id)

        await work.session.refresh(status)
        assert status.operation_id is None
        assert await tell(work, machine, counted(work, 2)) == [True]
        assert await made(work, operation) == (0, 2)

    @pytest.mark.parametrize("other", ["order", "trial", "machine"])
    async def test_of_something_else_are_the_runs_alone(self, work: Work, make: Make, other: str) -> None:
        machine, operation, order = await running(work, make)
        start = begun(order, work, is_test=other == "trial")
        if other == "order":
            start = replace(start, order_number="J-1")
        if other == "machine":
            machine = await make.machine(work)

        await tell(work, machine, start, counted(work, 3))

        assert await made(work, operation) == (0, 3)


class TestWithoutARun:
    async def test_are_those_of_the_operation_that_the_machine_works_on(self, work: Work, make: Make) -> None:
        machine, operation, _ = await running(work, make)

        await tell(work, machine, counted(work, 3, run=None))

        assert await made(work, operation) == (3, 3)

    async def test_and_made_before_it_began_are_the_machines_alone(self, work: Work, make: Make) -> None:
        machine, operation, _ = await running(work, make)

        await tell(work, machine, counted(work, 3, run=None, ago=60))

        assert await made(work, operation) == (0, 0)


class TestSurplus:
    async def test_is_the_runs_alone(self, work: Work, make: Make) -> None:
        machine, operation, order = await running(work, make, target=10)
        await make.reason(work, kind="scrap", code="burr")
        await tell(work, machine, begun(order, work), counted(work, 8))
        report = replace(counted(work, 1, key="2"), scrap=Decimal(3), scrap_reason="burr")

        booked = await tell(work, machine, report, report, over(order, work, 5))

        assert booked == [True, False, True]
        assert await made(work, operation) == (10, 17)
        assert [operation.good, operation.scrap] == [9, 1]
        order = await order_of(work, operation)
        assert [order.good, order.scrap] == [9, 1]

    async def test_is_taken_back_with_the_report(self, work: Work, make: Make) -> None:
        machine, operation, _ = await running(work, make, target=10)
        await tell(work, machine, counted(work, 15, run=None))
        key = (await work.session.execute(select(ProductionLogEntry.client_key).distinct())).scalar_one()
        reversal_key = new_id()

        undone = await reverse_report(work, client_key=key, reversal_key=reversal_key)
        again = await reverse_report(work, client_key=key, reversal_key=reversal_key)

        assert [undone.good, again.good, again.is_repeat] == [-15, -15, True]
        assert await made(work, operation) == (0, 0)

    async def test_begins_where_nothing_was_handed_on(self, work: Work, make: Make) -> None:
        lane = await make.lane(work)
        first, second = [await make.machine(work, lane=lane) for _ in range(2)]
        steps = (
            RoutingStep(10, "Saw", machine_id=first.id, transfer=Transfer.PARTIAL),
            RoutingStep(20, "Mill", machine_id=second.id),
        )
        saw, mill = await make.operations(work, await make.order(work, machine=first, steps=steps))
        await start_operation(work, operation_id=saw.id)
        assert mill.state == "waiting"

        await tell(work, first, counted(work, 2, run=None))
        await work.session.refresh(mill)
        assert mill.state == "ready"
        await start_operation(work, operation_id=mill.id)
        await tell(work, second, counted(work, 5, run=None))

        await work.session.refresh(mill)
        assert [mill.good, (await order_of(work, mill)).good] == [2, 2]

    @pytest.mark.parametrize("order_is", ["on_hold", "completed"])
    async def test_is_all_that_comes_for_an_order_that_takes_nothing(
        self, work: Work, make: Make, order_is: str
    ) -> None:
        machine, operation, order = await running(work, make)
        await tell(work, machine, begun(order, work))
        if order_is == "on_hold":
            await hold_order(work, order_id=order.id, reason="r")
        else:
            await pause_operation(work, operation_id=operation.id)
            await complete_order(work, order_id=order.id)

        assert await tell(work, machine, counted(work, 2), over(order, work, 1)) == [True, True]

        assert await made(work, operation) == (0, 3)

    async def test_gives_way_to_people_who_report_at_once(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            operation = await make.running_operation(work, machine=machine, target=10)

        async def count(number: int) -> None:
            async with begin(replace(floor.scope, actor_kind="machine")) as work:
                await tell(work, machine, counted(work, 3, key=str(number), run=None))

        async def report() -> None:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                await report_production(
                    work, machine_id=machine.id, pieces=Pieces(good=Decimal(3)), client_key=new_id()
                )

        acts = [count(1), report(), count(2), report(), count(3), report()]
        results = await asyncio.gather(*acts, return_exceptions=True)

        assert all(result is None or isinstance(result, MoreThanOrdered) for result in results), results
        by_people = sum(result is None for result in results) - 3
        async with read(floor.scope) as work:
            mine = await work.session.get_one(Operation, operation.id)
            made_in_all = 3 * (3 + by_people)
            assert await made(work, mine) == (min(10, made_in_all), made_in_all)
