"""Following and replaying sources of machine reports."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice

import pytest
from sqlalchemy import func, select

from domain.errors import NotFound, Unavailable
from domain.plant.machine_states import MachineState
from domain.production.machine_reports import PiecesMade, RunEnded, RunStarted, StateEntered
from services.adapters.simulator import SimulatedMachine, Simulator, lives
from services.db.tables import MachineStateChange, ProductionLogEntry
from services.db.work import begin, read
from services.ports import ReportedBy
from services.production import sources
from services.production.machine_reports import book_machine_report
from services.production.sources import Followed, follow_source, replay_source
from tests.factories import Floor, Make

AT = datetime(2026, 2, 3, 6, tzinfo=UTC)


class Recorded:
    """A source that says what it was given."""

    name = "recorded"

    def __init__(self, told: Sequence[ReportedBy]) -> None:
        self._told = told

    async def reports(self) -> AsyncIterator[ReportedBy]:
        for reported in self._told:
            yield reported


def told(floor: Floor, *, pieces: int = 3) -> list[ReportedBy]:
    return [
        ReportedBy(floor.machine_code, PiecesMade(f"p{number}", AT + timedelta(minutes=number), None, Decimal(1)))
        for number in range(pieces)
    ]


async def booked(floor: Floor) -> int:
    async with read(floor.scope) as work:
        return await work.session.scalar(select(func.count()).select_from(ProductionLogEntry)) or 0


class TestReplaySource:
    async def test_books_everything_and_the_second_time_nothing(self, floor: Floor) -> None:
        source = Recorded(told(floor))

        first = await replay_source(floor.scope, source, speed=0)
        again = await replay_source(floor.scope, source, speed=0)

        assert (first, again) == (Followed(booked=3), Followed(known=3))
        assert await booked(floor) == 3

    async def test_takes_its_time(self, floor: Floor) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()

        await replay_source(floor.scope, Recorded(told(floor)), speed=600)

        assert 0.2 <= loop.time() - began < 2

    async def test_tells_how_far_it_is(self, floor: Floor) -> None:
        seen: list[tuple[int, datetime]] = []

        async def tell(followed: Followed, at: datetime) -> None:
            seen.append((followed.booked, at))

        await replay_source(floor.scope, Recorded(told(floor, pieces=2)), speed=0, on_report=tell)

        assert seen == [(1, AT), (2, AT + timedelta(minutes=1))]

    async def test_stops_at_a_report_that_is_refused_and_keeps_what_came_before(self, floor: Floor) -> None:
        nowhere = ReportedBy("nowhere", StateEntered("s", AT, MachineState.IDLE))

        with pytest.raises(NotFound):
            await replay_source(floor.scope, Recorded([*told(floor), nowhere]), speed=0)

        assert await booked(floor) == 3

    async def test_cannot_write_on_another_organizations_machine(self, floor: Floor, other: Floor) -> None:
        with pytest.raises(NotFound):
            await replay_source(other.scope, Recorded(told(floor)), speed=0)


class TestFollowSource:
    async def test_goes_on_after_a_report_that_is_refused(self, floor: Floor) -> None:
        nowhere = ReportedBy("nowhere", StateEntered("s", AT, MachineState.IDLE))

        await follow_source(floor.scope, Recorded([nowhere, *told(floor)]))

        assert await booked(floor) == 3

    async def test_waits_for_the_database_and_loses_nothing(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sources, "RETRY_S", 0.01)
        attempts: list[int] = []

        async def away_at_first(*arguments: object, **named: object) -> bool:
            attempts.append(1)
            if len(attempts) in {1, 2, 4}:
                raise Unavailable
            return await book_machine_report(*arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(sources, "book_machine_report", away_at_first)

        await follow_source(floor.scope, Recorded(told(floor)))

        assert (await booked(floor), len(attempts)) == (3, 6)


class TestSimulator:
    MACHINES = (SimulatedMachine("M-1", 2.0), SimulatedMachine("M-2", 5.0))

    def test_gives_the_same_factory_for_the_same_seed(self) -> None:
        first, same, other = (list(islice(lives(self.MACHINES, seed=seed, started=AT), 300)) for seed in (1, 1, 2))

        assert first == same != other

    def test_tells_things_in_the_order_in_which_they_happen(self) -> None:
        life = list(islice(lives(self.MACHINES, seed=3, started=AT), 500))

        assert [at_s for at_s, _, _ in life] == sorted(at_s for at_s, _, _ in life)
        assert {code for _, code, _ in life} == {"M-1", "M-2"}
        assert len({(code, report.key) for _, code, report in life}) == len(life)

    def test_makes_as_many_pieces_as_its_cycle_time_allows(self) -> None:
        life = list(islice(lives(self.MACHINES[:1], seed=4, started=AT), 2000))
        made = sum(report.good + report.scrap for _, _, report in life if isinstance(report, PiecesMade))

        assert made <= life[-1][0] / 2.0 + 600
        assert any(isinstance(report, RunStarted) for _, _, report in life)
        assert any(isinstance(report, RunEnded) for _, _, report in life)
        assert {MachineState.RUNNING, MachineState.UNPLANNED_STOP, MachineState.SETUP} <= {
            report.state for _, _, report in life if isinstance(report, StateEntered)
        }

    async def test_tells_things_that_can_all_be_booked(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            for kind, codes in (
                ("stop", ("tool_broken", "jam", "adjustment", "cleaning")),
                ("scrap", ("burr", "dimension", "surface", "start_up")),
            ):
                for code in codes:
                    await make.reason(work, kind=kind, code=code)
        machine = SimulatedMachine(floor.machine_code, 2.0)
        reported = [ReportedBy(code, report) for _, code, report in islice(lives([machine], seed=5, started=AT), 150)]

        followed = await replay_source(floor.scope, Recorded(reported), speed=0)

        assert followed.booked == 150
        async with read(floor.scope) as work:
            assert await work.session.scalar(select(func.count()).select_from(MachineStateChange))

    async def test_lives_in_real_time_at_the_given_pace(self) -> None:
        simulator = Simulator([SimulatedMachine("M-1", 1.0)], seed=1, pace=50)
        loop = asyncio.get_running_loop()
        began = loop.time()

        heard = []
        async for reported in simulator.reports():
            heard.append(reported)
            if len(heard) == 12 or loop.time() - began > 10:
                break

        assert {reported.machine_code for reported in heard} == {"M-1"}
        assert len(heard) == 12

    async def test_tells_at_once_what_has_been(self) -> None:
        past = timedelta(hours=6)
        simulator = Simulator([SimulatedMachine("M-1", 2.0)], seed=1, past=past)
        began = datetime.now(UTC)

        heard = []
        async with asyncio.timeout(5):
            async for reported in simulator.reports():
                heard.append(reported.report)
                if reported.report.at > began - timedelta(minutes=10):
                    break

        assert began - past <= heard[0].at < began - past + timedelta(minutes=1)
        assert [report.at for report in heard] == sorted(report.at for report in heard)
        made = sum(report.good for report in heard if isinstance(report, PiecesMade))
        assert 3600 <= made <= 6 * 3600 / 2.0
