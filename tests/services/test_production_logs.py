"""Booking what was made: one tap, one transaction, once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import func, select

from domain.checks import InvalidQuantity, InvalidText
from domain.errors import Forbidden, NotFound
from domain.events import ProductionReported
from domain.identity.roles import Role
from services.db.keys import new_id
from services.db.tables import MachineHour, MachineStatus, ProductionLogEntry, Reason, RunTotal
from services.db.work import Work, begin, read
from services.plant.machine_floor import lock_machine
from services.production.production_logs import (
    Booking,
    KeyUsedOtherwise,
    NothingToBook,
    Pieces,
    ReasonMissing,
    book_pieces,
    report_production,
)
from tests.factories import Floor, Make

GOOD = Pieces(good=Decimal(8))


def good_and_scrap(floor: Floor, *, good: int = 8, scrap: int = 2) -> Pieces:
    return Pieces(good=Decimal(good), scrap=Decimal(scrap), scrap_reason_id=floor.scrap_reason_id)


async def report(floor: Floor, pieces: Pieces = GOOD, *, key: UUID | None = None, **other: object) -> Booking:
    """Report from a terminal of its own: in a transaction of its own, as the operator."""
    wish = {"machine_id": floor.machine_id, "client_key": key or new_id()} | other
    async with begin(floor.acting_as(Role.OPERATOR)) as work:
        return await report_production(work, pieces=pieces, **wish)  # type: ignore[arg-type]


async def entries(work: Work) -> list[ProductionLogEntry]:
    return list((await work.session.execute(select(ProductionLogEntry).order_by(ProductionLogEntry.id))).scalars())


async def status(work: Work, machine_id: UUID) -> MachineStatus:
    return await work.session.get_one(MachineStatus, (work.scope.org_id, machine_id), populate_existing=True)


class TestReportProduction:
    async def test_books_good_scrap_and_rework_in_one_transaction(self, floor: Floor) -> None:
        pieces = replace(good_and_scrap(floor), rework=Decimal("0.5"), rework_reason_id=floor.rework_reason_id)

        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            booking = await report_production(
                work, machine_id=floor.machine_id, pieces=pieces, client_key=new_id(), device="tablet 4"
            )
            events = list(work.events)

        async with read(floor.scope) as work:
            log = await entries(work)
        assert [(entry.kind, entry.quantity, entry.reason_id) for entry in log] == [
            ("good", 8, None),
            ("scrap", 2, floor.scrap_reason_id),
            ("rework", Decimal("0.5"), floor.rework_reason_id),
        ]
        assert {(entry.at, entry.user_id, entry.actor_kind, entry.device) for entry in log} == {
            (booking.at, floor.user_ids[Role.OPERATOR], "user", "tablet 4")
        }
        assert booking.entry_ids == tuple(entry.id for entry in log)
        assert events == [
            ProductionReported(plant_id=floor.plant_id, lane_id=floor.lane_id, machine_id=floor.machine_id)
        ]

    async def test_books_on_the_run_that_the_machine_works_on(self, work: Work, make: Make) -> None:
        machine = await make.running_machine(work)

        booking = await make.booking(work, machine_id=machine.id, good=3)
        await make.booking(work, machine_id=machine.id, good=4)

        totals = await work.session.get_one(RunTotal, (work.scope.org_id, booking.run_id))
        assert (totals.good, totals.scrap, totals.rework) == (Decimal(7), Decimal(0), Decimal(0))

    async def test_sums_the_machines_hour_and_day(self, floor: Floor) -> None:
        await report(floor, good_and_scrap(floor))
        await report(floor, good_and_scrap(floor, good=1, scrap=1))

        async with read(floor.scope) as work:
            hours = list((await work.session.execute(select(MachineHour))).scalars())
            now = await status(work, floor.machine_id)
        assert sum(hour.good for hour in hours) == 9
        assert sum(hour.scrap for hour in hours) == 3
        assert (now.good_today, now.scrap_today) == (Decimal(9), Decimal(3))

    async def test_keeps_the_devices_clock_beside_the_servers(self, floor: Floor) -> None:
        wrong_clock = datetime(2019, 1, 1, tzinfo=UTC)

        booking = await report(floor, device_at=wrong_clock)

        async with read(floor.scope) as work:
            entry = (await entries(work))[0]
        assert entry.device_at == wrong_clock
        assert entry.at == booking.at > wrong_clock

    @pytest.mark.parametrize("kind", ["good", "scrap", "rework"])
    @pytest.mark.parametrize("quantity", ["NaN", "Infinity", "-1", "1E+30", "1.0000001", "sNaN"])
    async def test_refuses_what_is_no_quantity(self, floor: Floor, kind: str, quantity: str) -> None:
        pieces = replace(
            good_and_scrap(floor),
            rework_reason_id=floor.rework_reason_id,
            **{kind: Decimal(quantity)},  # type: ignore[arg-type]
        )

        with pytest.raises(InvalidQuantity) as refused:
            await report(floor, pieces)

        assert refused.value.fields == {"field": kind}

    async def test_refuses_a_report_of_nothing(self, floor: Floor) -> None:
        with pytest.raises(NothingToBook):
            await report(floor, Pieces())

    async def test_refuses_scrap_and_rework_without_a_reason(self, floor: Floor) -> None:
        with pytest.raises(ReasonMissing):
            await report(floor, Pieces(good=Decimal(1), scrap=Decimal(1)))
        with pytest.raises(ReasonMissing):
            await report(floor, Pieces(rework=Decimal(1), scrap_reason_id=floor.scrap_reason_id))

    async def test_refuses_a_reason_of_another_kind_or_none_any_more(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            (await work.session.get_one(Reason, floor.rework_reason_id)).is_active = False

        for pieces in (
            Pieces(scrap=Decimal(1), scrap_reason_id=floor.stop_reason_id),
            Pieces(scrap=Decimal(1), scrap_reason_id=new_id()),
            Pieces(rework=Decimal(1), rework_reason_id=floor.rework_reason_id),
        ):
            with pytest.raises(NotFound, match="reason"):
                await report(floor, pieces)

    @pytest.mark.parametrize("device", ["x" * 101, "a\x00b", "\ud800"])
    async def test_refuses_a_device_name_that_cannot_be_kept(self, floor: Floor, device: str) -> None:
        with pytest.raises(InvalidText):
            await report(floor, device=device)

    async def test_books_nothing_of_a_report_that_is_refused_in_part(self, floor: Floor) -> None:
        with pytest.raises(NotFound):
            await report(floor, Pieces(good=Decimal(5), scrap=Decimal(1), scrap_reason_id=new_id()))

        async with read(floor.scope) as work:
            assert await entries(work) == []
            assert (await status(work, floor.machine_id)).good_today == 0

    async def test_refuses_a_machine_that_does_not_exist(self, floor: Floor) -> None:
        with pytest.raises(NotFound, match="machine"):
            await report(floor, machine_id=new_id())


class TestClientKey:
    async def test_repeated_gets_the_booking_that_stands(self, floor: Floor) -> None:
        key, pieces = new_id(), good_and_scrap(floor)

        first = await report(floor, pieces, key=key)
        again = await report(floor, pieces, key=key)

        assert (first.is_repeat, again) == (False, replace(first, is_repeat=True))
        async with read(floor.scope) as work:
            assert len(await entries(work)) == 2

    async def test_from_two_terminals_at_once_books_once(self, floor: Floor) -> None:
        key = new_id()

        bookings = await asyncio.gather(*(report(floor, key=key) for _ in range(8)))

        assert sorted(booking.is_repeat for booking in bookings) == [False] + [True] * 7
        assert len({booking.entry_ids for booking in bookings}) == 1
        async with read(floor.scope) as work:
            assert [entry.quantity for entry in await entries(work)] == [8]
            assert (await status(work, floor.machine_id)).good_today == 8

    async def test_for_other_pieces_is_refused(self, floor: Floor) -> None:
        key = new_id()
        await report(floor, key=key)

        with pytest.raises(KeyUsedOtherwise):
            await report(floor, Pieces(good=Decimal(9)), key=key)
        with pytest.raises(KeyUsedOtherwise):
            await report(floor, good_and_scrap(floor), key=key)

    async def test_on_two_machines_at_once_books_on_one(self, floor: Floor, make: Make) -> None:
        key = new_id()
        async with begin(floor.scope) as work:
            second = (await make.machine(work)).id

        results = await asyncio.gather(
            report(floor, key=key), report(floor, key=key, machine_id=second), return_exceptions=True
        )

        assert sorted(type(result).__name__ for result in results) == ["Booking", "KeyUsedOtherwise"]
        async with read(floor.scope) as work:
            assert len(await entries(work)) == 1

    async def test_of_a_transaction_that_failed_is_free_again(self, floor: Floor) -> None:
        key = new_id()

        async def fail() -> None:
            async with begin(floor.scope) as work:
                await report_production(work, machine_id=floor.machine_id, pieces=GOOD, client_key=key)
                raise RuntimeError("the power went out")

        with pytest.raises(RuntimeError):
            await fail()

        assert not (await report(floor, key=key)).is_repeat

    async def test_means_nothing_in_another_organization(self, floor: Floor, other: Floor) -> None:
        key = new_id()

        bookings = await asyncio.gather(report(floor, key=key), report(other, key=key))

        assert [booking.is_repeat for booking in bookings] == [False, False]

    async def test_of_a_plant_out_of_sight_tells_only_that_it_is_taken(self, floor: Floor, make: Make) -> None:
        key = new_id()
        await report(floor, key=key)
        async with begin(floor.scope) as work:
            machine = await make.machine(work)

        async with begin(floor.acting_as(Role.OPERATOR, plant_ids=frozenset({machine.plant_id}))) as work:
            with pytest.raises(KeyUsedOtherwise):
                await report_production(work, machine_id=machine.id, pieces=GOOD, client_key=key)


class TestAtOnce:
    async def test_many_terminals_of_one_machine_lose_nothing(self, floor: Floor) -> None:
        await asyncio.gather(*(report(floor, good_and_scrap(floor, good=3, scrap=1)) for _ in range(12)))

        async with read(floor.scope) as work:
            now = await status(work, floor.machine_id)
            logged = await work.session.scalar(
                select(func.sum(ProductionLogEntry.quantity)).where(ProductionLogEntry.kind == "good")
            )
        assert (logged, now.good_today, now.scrap_today) == (Decimal(36), Decimal(36), Decimal(12))


class TestDays:
    async def test_begin_at_midnight_of_the_plant(self, work: Work, make: Make) -> None:
        machine = await make.machine(
            work, lane=await make.lane(
                work, department=await make.department(work, plant=await make.plant(work, time_zone="Asia/Tokyo"))
            )
        )  # fmt: skip
        floor = await lock_machine(work, machine.id)

        await book_pieces(work, floor, pieces=GOOD, client_key=new_id(), run_id=None,
                          at=datetime(2026, 3, 1, 14, 59, tzinfo=UTC))  # fmt: skip
        before = (await status(work, machine.id)).good_today
        await book_pieces(work, floor, pieces=Pieces(good=Decimal(1)), client_key=new_id(), run_id=None,
                          at=datetime(2026, 3, 1, 15, 0, tzinfo=UTC))  # fmt: skip

        assert before == 8
        assert (await status(work, machine.id)).good_today == 1

    async def test_that_are_over_do_not_count_as_today(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        await make.booking(work, machine_id=machine.id, good=5)
        floor = await lock_machine(work, machine.id)

        await book_pieces(work, floor, pieces=GOOD, client_key=new_id(), run_id=None, at=work.now - timedelta(days=2))

        assert (await status(work, machine.id)).good_today == 5


class TestPermission:
    async def test_to_report_is_the_operators_and_not_the_viewers(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.VIEWER)) as work:
            with pytest.raises(Forbidden):
                await report_production(work, machine_id=floor.machine_id, pieces=GOOD, client_key=new_id())


class TestForeignOrganization:
    async def test_cannot_book_on_a_machine(self, floor: Floor, other: Floor) -> None:
        with pytest.raises(NotFound, match="machine"):
            await report(other, machine_id=floor.machine_id)

    async def test_cannot_lend_its_reasons(self, floor: Floor, other: Floor) -> None:
        with pytest.raises(NotFound, match="reason"):
            await report(floor, good_and_scrap(other))

    async def test_nor_can_a_user_of_another_plant_book(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            elsewhere = await make.plant(work)

        async with begin(floor.acting_as(Role.OPERATOR, plant_ids=frozenset({elsewhere.id}))) as work:
            with pytest.raises(NotFound, match="machine"):
                await report_production(work, machine_id=floor.machine_id, pieces=GOOD, client_key=new_id())
