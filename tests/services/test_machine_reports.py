"""Booking what machines report, each report once."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from domain.checks import InvalidInstant, InvalidQuantity, InvalidText
from domain.errors import NotFound
from domain.plant.machine_states import MachineState
from domain.production.machine_reports import (
    MachineReport,
    PiecesMade,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    StateEntered,
)
from domain.scope import Scope
from services.db.keys import new_id
from services.db.tables import MachineStateChange, MachineStatus, ProductionLogEntry, ProductionRun, RunTotal
from services.db.work import Work, begin, read
from services.production.machine_reports import book_machine_report
from tests.factories import Floor, Make

AT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def minutes(number: float) -> datetime:
    return AT + timedelta(minutes=number)


def started(run: str = "job@1", at: datetime = AT, *, target: int | None = 100) -> RunStarted:
    return RunStarted(
        key=f"start {run}", at=at, run_key=run, order_number="WO-1", part_number="P-1",
        target=None if target is None else Decimal(target),
    )  # fmt: skip


def ended(run: str = "job@1", at: datetime = AT, *, good: str = "0", outcome: str = "completed") -> RunEnded:
    return RunEnded(
        key=f"end {run} {at}", at=at, run_key=run, order_number="WO-1", part_number="P-1",
        outcome=outcome, good=Decimal(good),  # type: ignore[arg-type]
    )  # fmt: skip


def pieces(key: str, at: datetime = AT, *, run: str | None = "job@1", good: str = "1") -> PiecesMade:
    return PiecesMade(key=key, at=at, run_key=run, good=Decimal(good))


async def book(scope: Scope, floor: Floor, *reports: MachineReport) -> list[bool]:
    """Book each report in a transaction of its own, as the machine."""
    booked = []
    for report in reports:
        async with begin(replace(scope, actor_kind="machine")) as work:
            booked.append(await book_machine_report(work, machine_code=floor.machine_code, report=report))
    return booked


async def runs(work: Work) -> dict[str, str]:
    rows = await work.session.execute(select(ProductionRun.run_key, ProductionRun.state))
    return {row.run_key: row.state for row in rows}


async def working_on(work: Work, floor: Floor) -> str | None:
    run_id = (await work.session.get_one(MachineStatus, (work.scope.org_id, floor.machine_id))).run_id
    return None if run_id is None else (await work.session.get_one(ProductionRun, run_id)).run_key


async def good_of(work: Work) -> dict[str, Decimal]:
    statement = select(ProductionRun.run_key, RunTotal.good).join(RunTotal, RunTotal.run_id == ProductionRun.id)
    return {row.run_key: row.good for row in await work.session.execute(statement)}


class TestRuns:
    async def test_go_from_start_over_pause_to_end(self, floor: Floor) -> None:
        seen = []
        for report in (
            started(),
            RunPaused("pause", minutes(1), "job@1"),
            RunResumed("resume", minutes(2), "job@1"),
            ended(at=minutes(3), good="7"),
        ):
            await book(floor.scope, floor, report)
            async with read(floor.scope) as work:
                seen.append(((await runs(work))["job@1"], await working_on(work, floor)))

        assert seen == [("running", "job@1"), ("paused", "job@1"), ("running", "job@1"), ("completed", None)]
        async with read(floor.scope) as work:
            assert await good_of(work) == {"job@1": 7}
            run = (await work.session.execute(select(ProductionRun))).scalar_one()
        assert (run.started_at, run.ended_at, run.target) == (AT, minutes(3), Decimal(100))

    async def test_interrupt_each_other_and_are_taken_up_again(self, floor: Floor) -> None:
        await book(floor.scope, floor, started("a@1"), RunPaused("p", minutes(1), "a@1"), started("b@1", minutes(2)))
        async with read(floor.scope) as work:
            during = await working_on(work, floor)

        await book(floor.scope, floor, ended("b@1", minutes(3)))

        async with read(floor.scope) as work:
            assert (during, await working_on(work, floor)) == ("b@1", "a@1")

    async def test_started_again_without_an_end_abort_the_one_before(self, floor: Floor) -> None:
        await book(floor.scope, floor, started("job@1"), started("job@2", minutes(60)))

        async with read(floor.scope) as work:
            assert await runs(work) == {"job@1": "aborted", "job@2": "running"}

    async def test_ended_without_a_start_are_made_to_hold_their_pieces(self, floor: Floor) -> None:
        await book(floor.scope, floor, ended("open:job", good="12"))

        async with read(floor.scope) as work:
            assert sum((await good_of(work)).values()) == 12
            run = (await work.session.execute(select(ProductionRun))).scalar_one()
        assert (run.started_at, run.state) == (None, "completed")

    async def test_ended_by_the_jobs_name_close_the_newest_open_run(self, floor: Floor) -> None:
        await book(floor.scope, floor, started("Job@1"), ended("open:JOB", minutes(1), good="3"))

        async with read(floor.scope) as work:
            assert (await runs(work), await good_of(work)) == ({"Job@1": "completed"}, {"Job@1": Decimal(3)})

    async def test_paused_that_were_never_seen_to_start_are_no_news(self, floor: Floor) -> None:
        await book(floor.scope, floor, RunPaused("p", AT, "ghost@1"), RunResumed("r", AT, "ghost@1"))

        async with read(floor.scope) as work:
            assert await runs(work) == {}

    @pytest.mark.parametrize("good", ["NaN", "-1", "1E+30", "0.0000001", "Infinity"])
    async def test_that_yield_no_quantity_are_refused(self, floor: Floor, good: str) -> None:
        await book(floor.scope, floor, started())

        with pytest.raises(InvalidQuantity):
            await book(floor.scope, floor, ended(good=good))

        async with read(floor.scope) as work:
            assert await runs(work) == {"job@1": "running"}


class TestPieces:
    async def test_are_counted_on_their_run_and_without_one(self, floor: Floor) -> None:
        await book(floor.scope, floor, started(), pieces("1"), pieces("2", good="2.5"), pieces("3", run=None))

        async with read(floor.scope) as work:
            log = (await work.session.execute(select(ProductionLogEntry))).scalars()
            booked = sorted((entry.quantity, entry.run_id is None, entry.actor_kind) for entry in log)
            assert await good_of(work) == {"job@1": Decimal("3.5")}
        assert booked == [(1, False, "machine"), (1, True, "machine"), (Decimal("2.5"), False, "machine")]

    async def test_that_are_scrap_need_a_reason_that_the_organization_has(self, work: Work, make: Make) -> None:
        machine, reason = await make.machine(work), await make.reason(work, kind="scrap", code="burr")
        scrap = replace(pieces("1", run=None), scrap=Decimal(2), scrap_reason="burr")

        assert await book_machine_report(work, machine_code=machine.code, report=scrap)
        with pytest.raises(NotFound, match="reason"):
            await book_machine_report(
                work, machine_code=machine.code, report=replace(scrap, key="2", scrap_reason="never heard of")
            )

        log = (await work.session.execute(select(ProductionLogEntry))).scalars()
        assert {entry.kind: entry.reason_id for entry in log} == {"good": None, "scrap": reason.id}


class TestStates:
    async def test_are_entered_with_the_machines_own_words(self, floor: Floor) -> None:
        stop = StateEntered("s", AT, MachineState.UNPLANNED_STOP, detail="E7 wire jam")

        assert await book(floor.scope, floor, stop, replace(stop, key="t")) == [True, False]

        async with read(floor.scope) as work:
            change = (await work.session.execute(select(MachineStateChange))).scalar_one()
        assert (change.state, change.detail, change.started_at) == ("unplanned_stop", "E7 wire jam", AT)

    async def test_take_a_reason_by_its_code(self, work: Work, make: Make) -> None:
        machine, reason = await make.machine(work), await make.reason(work, kind="stop", code="jam")
        stop = StateEntered("s", AT, MachineState.UNPLANNED_STOP, reason="jam")

        await book_machine_report(work, machine_code=machine.code, report=stop)

        assert (await work.session.execute(select(MachineStateChange.reason_id))).scalar_one() == reason.id
        with pytest.raises(NotFound, match="reason"):
            await book_machine_report(
                work, machine_code=machine.code, report=replace(stop, at=minutes(1), reason="fate")
            )

    @pytest.mark.parametrize("detail", ["a\x00b", "\x1b[0m", "\ud800"])
    async def test_with_words_that_cannot_be_kept_are_refused(self, floor: Floor, detail: str) -> None:
        with pytest.raises(InvalidText):
            await book(floor.scope, floor, StateEntered("s", AT, MachineState.IDLE, detail=detail))

    async def test_keep_as_much_of_a_long_alarm_as_there_is_room_for(self, floor: Floor) -> None:
        await book(floor.scope, floor, StateEntered("s", AT, MachineState.IDLE, detail="x" * 9000))

        async with read(floor.scope) as work:
            assert (await work.session.execute(select(MachineStateChange.detail))).scalar_one() == "x" * 500


class TestRepetition:
    REPORTS: Sequence[MachineReport] = (
        started("a@1"),
        StateEntered("s1", minutes(1), MachineState.RUNNING),
        pieces("1", minutes(2), run="a@1"),
        RunPaused("p", minutes(3), "a@1"),
        StateEntered("s2", minutes(4), MachineState.UNPLANNED_STOP, detail="E7"),
        started("b@1", minutes(5)),
        ended("b@1", minutes(6), good="4", outcome="aborted"),
        RunResumed("r", minutes(7), "a@1"),
        ended("a@1", minutes(8), good="5"),
        ended("open:c", minutes(9), good="6"),
        StateEntered("s3", minutes(10), MachineState.IDLE),
    )

    async def test_of_a_whole_log_books_nothing_twice(self, floor: Floor) -> None:
        first = await book(floor.scope, floor, *self.REPORTS)

        again = await book(floor.scope, floor, *self.REPORTS)

        assert (first, again) == ([True] * len(self.REPORTS), [False] * len(self.REPORTS))
        async with read(floor.scope) as work:
            assert sum((await good_of(work)).values()) == 1 + 4 + 5 + 6

    async def test_at_once_by_two_readers_books_once(self, floor: Floor) -> None:
        booked = await asyncio.gather(*(book(floor.scope, floor, *self.REPORTS) for _ in range(3)))

        assert [sum(which) for which in zip(*booked, strict=True)] == [1] * len(self.REPORTS)
        async with read(floor.scope) as work:
            assert sum((await good_of(work)).values()) == 16

    async def test_of_keys_means_nothing_between_machines(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            second = await make.machine(work)
        await book(floor.scope, floor, started())

        booked = await book(floor.scope, replace(floor, machine_code=second.code), started(), pieces("1"))

        assert booked == [True, True]


class TestRefusal:
    async def test_of_a_machine_that_does_not_exist(self, floor: Floor) -> None:
        with pytest.raises(NotFound, match="machine"):
            await book(floor.scope, replace(floor, machine_code="nowhere"), started())

    @pytest.mark.parametrize("at", [datetime(1999, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)])
    async def test_of_an_impossible_time(self, floor: Floor, at: datetime) -> None:
        for report in (started(at=at), pieces("1", at), StateEntered("s", at, MachineState.IDLE)):
            with pytest.raises(InvalidInstant):
                await book(floor.scope, floor, report)

    async def test_of_a_foreign_organizations_machine(self, floor: Floor, other: Floor) -> None:
        with pytest.raises(NotFound, match="machine"):
            await book(other.scope, floor, started())

    async def test_of_a_run_key_that_cannot_be_kept(self, floor: Floor) -> None:
        with pytest.raises(InvalidText):
            await book(floor.scope, floor, started("a\x00b"))
        with pytest.raises(InvalidQuantity):
            await book(floor.scope, floor, replace(started(), target=Decimal("NaN")))


class TestOldLogs:
    async def test_of_two_machines_at_once_make_the_months_they_need(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            codes = [floor.machine_code] + [(await make.machine(work)).code for _ in range(3)]
        old = datetime(2009, 7, 1, 12, tzinfo=UTC)

        async def replay(code: str) -> list[bool]:
            machine = replace(floor, machine_code=code)
            return await book(
                floor.scope, machine, started(f"{new_id()}@1", old), ended("open:x", old, good="2"),
                StateEntered("s", old, MachineState.RUNNING),
            )  # fmt: skip

        assert await asyncio.gather(*(replay(code) for code in codes)) == [[True] * 3] * 4
