"""Where a counter stood: the next report goes on from the last one, on whatever tablet."""

import asyncio
from decimal import Decimal
from uuid import UUID

import pytest

from domain.identity.roles import Role
from domain.plant.counters import CounterWentBack, CountingSource
from services.db.keys import new_id
from services.db.tables import Machine
from services.db.work import begin, read
from services.production.production_logs import Pieces, report_counter, report_production
from services.production.reversals import correct_report, reverse_report
from services.production.terminals import load_terminal
from tests.factories import Floor


@pytest.fixture
async def counting(floor: Floor) -> Floor:
    """The floor, whose machine has a counter that people read."""
    async with begin(floor.scope) as work:
        machine = await work.session.get_one(Machine, floor.machine_id)
        machine.counting_source = CountingSource.COUNTER.value
    return floor


async def read_off(
    floor: Floor, start: int, end: int, *, key: UUID | None = None, was_reset: bool = False, ago_s: int = 0
) -> UUID:
    """Report what a counter has counted, in a transaction of its own; returns the client key."""
    key = key or new_id()
    async with begin(floor.acting_as(Role.OPERATOR)) as work:
        await report_counter(
            work, machine_id=floor.machine_id, start_reading=Decimal(start), end_reading=Decimal(end), client_key=key,
            was_reset=was_reset, made_ago_s=Decimal(ago_s),
        )  # fmt: skip
    return key


async def take_back(floor: Floor, key: UUID) -> None:
    async with begin(floor.acting_as(Role.OPERATOR)) as work:
        await reverse_report(work, client_key=key, reversal_key=new_id())


async def last(floor: Floor) -> Decimal | None:
    async with read(floor.acting_as(Role.OPERATOR)) as work:
        return (await load_terminal(work, machine_id=floor.machine_id)).last_reading


class TestLastReading:
    async def test_is_where_the_last_report_ended(self, counting: Floor) -> None:
        assert await last(counting) is None

        await read_off(counting, 1200, 1210)
        await read_off(counting, 1210, 1290)

        assert await last(counting) == 1290

    async def test_follows_the_counter_down_after_a_reset(self, counting: Floor) -> None:
        await read_off(counting, 1200, 1210)
        await read_off(counting, 1210, 5, was_reset=True)

        assert await last(counting) == 5

    async def test_goes_back_when_the_report_is_taken_back(self, counting: Floor) -> None:
        await read_off(counting, 1200, 1210)
        key = await read_off(counting, 1210, 12900)

        await take_back(counting, key)

        assert await last(counting) == 1210

    async def test_stays_when_a_supervisor_corrects_what_was_made(self, counting: Floor) -> None:
        key = await read_off(counting, 1200, 1210)

        async with begin(counting.acting_as(Role.SUPERVISOR)) as work:
            await correct_report(
                work, client_key=key, reversal_key=new_id(), correction_key=new_id(), pieces=Pieces(good=Decimal(9))
            )

        assert await last(counting) == 1210

    async def test_is_not_the_one_of_a_report_that_came_late(self, counting: Floor) -> None:
        await read_off(counting, 1300, 1310)
        await read_off(counting, 1200, 1300, ago_s=600)

        assert await last(counting) == 1310

    async def test_is_kept_once_for_a_report_that_is_sent_twice(self, counting: Floor) -> None:
        key = new_id()

        await asyncio.gather(*(read_off(counting, 1200, 1210, key=key) for _ in range(4)))

        assert await last(counting) == 1210

    async def test_is_not_kept_of_a_report_that_was_refused(self, counting: Floor) -> None:
        await read_off(counting, 1200, 1210)

        with pytest.raises(CounterWentBack):
            await read_off(counting, 1210, 1100)

        assert await last(counting) == 1210

    async def test_is_nothing_where_people_count_the_pieces(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            await report_production(
                work, machine_id=floor.machine_id, pieces=Pieces(good=Decimal(8)), client_key=new_id()
            )

        assert await last(floor) is None

    async def test_of_another_organization_is_not_shown(self, counting: Floor, other: Floor) -> None:
        await read_off(counting, 1200, 1210)
        async with begin(other.scope) as work:
            machine = await work.session.get_one(Machine, other.machine_id)
            machine.counting_source = CountingSource.COUNTER.value

        assert await last(other) is None
