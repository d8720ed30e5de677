"""Taking reports back, and correcting them."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from domain.errors import Forbidden, NotFound
from domain.identity.roles import Role
from domain.production.operations import HandedOnAlready, Transfer
from domain.production.orders import MoreThanOrdered, OrderLocked
from domain.production.routings import RoutingStep
from services.db.keys import new_id
from services.db.tables import (
    Machine,
    MachineHour,
    MachineStatus,
    Operation,
    Plant,
    ProductionLogEntry,
    Reversal,
    RunTotal,
    WorkOrder,
)
from services.db.work import Work, begin, read
from services.production.operations import pause_operation, start_operation
from services.production.production_logs import Booking, KeyUsedOtherwise, Pieces, report_production
from services.production.reversals import AlreadyReversed, UndoOver, correct_report, reverse_entry, reverse_report
from services.production.work_orders import complete_order
from tests.factories import Floor, Make


async def running(floor: Floor, make: Make, **fields: Any) -> Operation:
    """Commit a running operation at the floor's machine."""
    async with begin(floor.scope) as work:
        machine = await work.session.get_one(Machine, floor.machine_id)
        return await make.running_operation(work, machine=machine, **fields)


async def report(floor: Floor, role: Role = Role.OPERATOR, good: int = 8, scrap: int = 2) -> Booking:
    """Report as one of the floor's users."""
    async with begin(floor.acting_as(role)) as work:
        pieces = Pieces(Decimal(good), Decimal(scrap), floor.scrap_reason_id if scrap else None)
        return await report_production(work, machine_id=floor.machine_id, pieces=pieces, client_key=new_id())


async def every_sum(floor: Floor, operation: Operation) -> set[tuple[int, int]]:
    """Return good and scrap as each of the sums has them; one pair when they agree."""
    async with read(floor.scope) as work:
        own = await work.session.get_one(Operation, operation.id)
        order = await work.session.get_one(WorkOrder, operation.work_order_id)
        total = await work.session.get_one(RunTotal, (work.scope.org_id, operation.run_id))
        status = await work.session.get_one(MachineStatus, (work.scope.org_id, floor.machine_id))
        hours = (await work.session.execute(select(func.sum(MachineHour.good), func.sum(MachineHour.scrap)))).one()
        logged = select(func.coalesce(func.sum(ProductionLogEntry.quantity), 0))
        log = [
            (await work.session.execute(logged.where(ProductionLogEntry.kind == kind))).scalar_one()
            for kind in ("good", "scrap")
        ]
    pairs = [
        (own.good, own.scrap), (order.good, order.scrap), (total.good, total.scrap), tuple(hours), tuple(log),
        (status.good_today, status.scrap_today),
    ]  # fmt: skip
    return {(int(good), int(scrap)) for good, scrap in pairs}


class TestReverseReport:
    async def test_takes_every_entry_back_at_its_instant(self, floor: Floor, make: Make) -> None:
        operation = await running(floor, make)
        await report(floor, good=5, scrap=0)
        booked = await report(floor)

        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            undone = await reverse_report(work, client_key=booked.client_key, reversal_key=new_id())
            topics = {event.topic for event in work.events}

        assert [undone.good, undone.scrap] == [-8, -2]
        assert (undone.at, undone.run_id, undone.operation_id) == (booked.at, booked.run_id, operation.id)
        assert topics == {"production.log.reported", "production.operation.changed"}
        assert await every_sum(floor, operation) == {(5, 0)}
        async with read(floor.scope) as work:
            entries = [
                await work.session.get_one(ProductionLogEntry, (work.scope.org_id, booked.at, entry_id))
                for entry_id in undone.entry_ids
            ]
            rows = list((await work.session.execute(select(Reversal))).scalars())
        assert [(entry.reverses_id, entry.is_correction) for entry in entries] == [
            (entry_id, True) for entry_id in booked.entry_ids
        ]
        assert {(row.reversed_id, row.reversal_id) for row in rows} == set(
            zip(booked.entry_ids, undone.entry_ids, strict=True)
        )

    async def test_makes_room_for_another_report(self, floor: Floor, make: Make) -> None:
        operation = await running(floor, make, target=10)
        booked = await report(floor, good=10, scrap=0)
        with pytest.raises(MoreThanOrdered):
            await report(floor, good=1, scrap=0)
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            await reverse_report(work, client_key=booked.client_key, reversal_key=new_id())

        await report(floor, good=9, scrap=1)

        assert await every_sum(floor, operation) == {(9, 1)}

    async def test_works_without_an_operation(self, floor: Floor) -> None:
        booked = await report(floor)

        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            undone = await reverse_report(work, client_key=booked.client_key, reversal_key=new_id())

        assert (undone.run_id, undone.operation_id) == (None, None)
        assert [undone.good, undone.scrap] == [-8, -2]

    async def test_at_once_by_two_terminals_is_won_by_one(self, floor: Floor, make: Make) -> None:
        operation = await running(floor, make)
        booked = await report(floor)

        async def undo() -> bool:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                done = await reverse_report(work, client_key=booked.client_key, reversal_key=new_id())
                return done.is_repeat

        results = await asyncio.gather(*(undo() for _ in range(4)), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["AlreadyReversed"] * 3 + ["bool"]
        assert await every_sum(floor, operation) == {(0, 0)}

    async def test_with_the_same_key_at_once_is_one_and_the_same(self, floor: Floor, make: Make) -> None:
        operation = await running(floor, make)
        booked, key = await report(floor), new_id()

        async def undo() -> Booking:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                return await reverse_report(work, client_key=booked.client_key, reversal_key=key)

        results = await asyncio.gather(*(undo() for _ in range(4)))

        assert sorted(result.is_repeat for result in results) == [False, True, True, True]
        assert len({result.entry_ids for result in results}) == 1
        assert await every_sum(floor, operation) == {(0, 0)}
        other = await report(floor)
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(KeyUsedOtherwise):
                await reverse_report(work, client_key=other.client_key, reversal_key=key)

    async def test_waits_for_the_operation_after_it(self, work: Work, make: Make) -> None:
        machine, next_machine = await make.machine(work), await make.machine(work)
        next_machine.lane_id, next_machine.plant_id = machine.lane_id, machine.plant_id
        await work.session.flush()
        steps = (
            RoutingStep(10, "Saw", machine_id=machine.id, transfer=Transfer.PARTIAL),
            RoutingStep(20, "Mill", machine_id=next_machine.id),
        )
        saw, mill = await make.operations(work, await make.order(work, machine=machine, steps=steps))
        await start_operation(work, operation_id=saw.id)
        first = await make.booking(work, machine_id=machine.id, good=5)
        await start_operation(work, operation_id=mill.id)
        second = await make.booking(work, machine_id=next_machine.id, good=3)

        with pytest.raises(HandedOnAlready, match="“Mill” has made 3 good"):
            await reverse_report(work, client_key=first.client_key, reversal_key=new_id())
        await reverse_report(work, client_key=second.client_key, reversal_key=new_id())
        undone = await reverse_report(work, client_key=first.client_key, reversal_key=new_id())

        assert undone.good == -5

    async def test_leaves_an_order_that_is_over_alone(self, floor: Floor, make: Make) -> None:
        operation = await running(floor, make)
        booked = await report(floor)
        async with begin(floor.scope) as work:
            await pause_operation(work, operation_id=operation.id)
            await complete_order(work, order_id=operation.work_order_id)

            with pytest.raises(OrderLocked):
                await reverse_report(work, client_key=booked.client_key, reversal_key=new_id())


class TestReverseEntry:
    async def test_takes_one_back_and_leaves_the_rest_to_the_report(self, floor: Floor, make: Make) -> None:
        operation = await running(floor, make)
        booked = await report(floor)
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            undone = await reverse_entry(work, entry_id=booked.entry_ids[1], reversal_key=new_id())

            assert [undone.good, undone.scrap] == [0, -2]
            with pytest.raises(AlreadyReversed):
                await reverse_entry(work, entry_id=booked.entry_ids[1], reversal_key=new_id())
            with pytest.raises(NotFound, match="entry"):
                await reverse_entry(work, entry_id=undone.entry_ids[0], reversal_key=new_id())
            rest = await reverse_report(work, client_key=booked.client_key, reversal_key=new_id())

        assert [rest.good, rest.scrap] == [-8, 0]
        assert await every_sum(floor, operation) == {(0, 0)}

    @pytest.mark.parametrize("entry_id", [UUID(int=0), UUID(int=2**128 - 1)])
    async def test_knows_what_does_not_exist(self, work: Work, entry_id: UUID) -> None:
        with pytest.raises(NotFound, match="entry"):
            await reverse_entry(work, entry_id=entry_id, reversal_key=new_id())


class TestCorrectReport:
    async def test_books_others_in_place_of_what_was_reported(self, floor: Floor, make: Make) -> None:
        operation = await running(floor, make, target=10)
        booked = await report(floor, good=10, scrap=0)
        keys = {"reversal_key": new_id(), "correction_key": new_id()}
        pieces = Pieces(Decimal(7), Decimal(3), floor.scrap_reason_id)

        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            corrected = await correct_report(work, client_key=booked.client_key, pieces=pieces, **keys)
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            again = await correct_report(work, client_key=booked.client_key, pieces=pieces, **keys)

        assert (corrected.at, corrected.run_id, corrected.is_repeat) == (booked.at, booked.run_id, False)
        assert (again.entry_ids, again.is_repeat) == (corrected.entry_ids, True)
        assert await every_sum(floor, operation) == {(7, 3)}
        async with read(floor.scope) as work:
            flags = select(ProductionLogEntry.is_correction).order_by(ProductionLogEntry.id)
            assert list((await work.session.execute(flags)).scalars()) == [False, True, True, True]

    async def test_goes_beyond_no_allowance_and_then_takes_nothing_back(self, floor: Floor, make: Make) -> None:
        operation = await running(floor, make, target=10)
        booked = await report(floor, good=10, scrap=0)

        with pytest.raises(MoreThanOrdered):
            async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
                await correct_report(
                    work, client_key=booked.client_key, reversal_key=new_id(), correction_key=new_id(),
                    pieces=Pieces(good=Decimal(11)),
                )  # fmt: skip

        assert await every_sum(floor, operation) == {(10, 0)}


class TestRights:
    async def test_of_operators_are_their_own_reports_for_a_while(self, floor: Floor, make: Make) -> None:
        await running(floor, make)
        own, anothers = await report(floor), await report(floor, Role.SUPERVISOR)
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(Forbidden):
                await reverse_report(work, client_key=anothers.client_key, reversal_key=new_id())
        async with begin(floor.scope) as work:
            (await work.session.get_one(Plant, floor.plant_id)).undo_within_s = 0
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(UndoOver, match="Ask a supervisor"):
                await reverse_report(work, client_key=own.client_key, reversal_key=new_id())
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            assert (await reverse_report(work, client_key=own.client_key, reversal_key=new_id())).good == -8
        async with begin(floor.acting_as(Role.VIEWER)) as work:
            for refused in (reverse_report, correct_report):
                more: dict[str, Any] = {"correction_key": new_id(), "pieces": Pieces(good=Decimal(1))}
                with pytest.raises(Forbidden):
                    await refused(
                        work, client_key=own.client_key, reversal_key=new_id(),
                        **(more if refused is correct_report else {}),
                    )  # fmt: skip

    async def test_end_at_the_organization(self, floor: Floor, other: Floor) -> None:
        booked = await report(floor)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound, match="report"):
                await reverse_report(work, client_key=booked.client_key, reversal_key=new_id())
            with pytest.raises(NotFound, match="entry"):
                await reverse_entry(work, entry_id=booked.entry_ids[0], reversal_key=new_id())
            with pytest.raises(NotFound, match="report"):
                await correct_report(
                    work, client_key=booked.client_key, reversal_key=new_id(), correction_key=new_id(),
                    pieces=Pieces(good=Decimal(1)),
                )  # fmt: skip
