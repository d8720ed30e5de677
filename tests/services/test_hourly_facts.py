"""Hourly facts: what stands in them after whatever happened in whatever order."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text

from domain.errors import NotFound
from domain.events import HourlyFactsChanged
from domain.plant.machine_states import MachineState
from domain.plant.periods import Period
from domain.plant.shift_accounts import explain_shift, time_account, work_unit_repairs
from services.db.engine import without_tenant
from services.db.keys import new_id
from services.db.tables import (
    DirtyHour,
    HourlyFact,
    MachineStateChange,
    MachineStatus,
    Plant,
    ProductionLogEntry,
    Reason,
    ShiftFact,
    ShiftOccurrenceRow,
)
from services.db.work import Work, begin, read
from services.plant.hourly_facts import (
    RefreshHourlyFacts,
    mark_passed_hours,
    recompute_hours,
    refresh_hourly_facts,
    refresh_next_machine,
)
from services.plant.machine_time import load_changes
from services.plant.shift_calendar import NO_SHIFT, shifts_of_lane
from services.plant.shift_facts import CAUSES, NUMBERS, SUMS
from services.production.production_logs import Pieces, report_production
from tests.factories import Floor, undone

DAY = date(2026, 3, 2)
SIX = datetime(2026, 3, 2, 5, tzinfo=UTC)  # 6 o'clock in Berlin
HOUR = timedelta(hours=1)
STATES = (
    MachineState.RUNNING, MachineState.UNPLANNED_STOP, MachineState.SETUP, MachineState.MAINTENANCE,
    MachineState.PLANNED_STOP, MachineState.IDLE, MachineState.STARVED, MachineState.NO_DATA,
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A row that somebody wrote, sooner or later."""

    at: datetime
    state: MachineState | None = None
    has_reason: bool = False
    good: int = 0
    is_correction: bool = False


def shift_row(floor: Floor, starts_at: datetime, hours: int, *, day: date = DAY, name: str = "Early",
              breaks: Sequence[tuple[datetime, datetime]] = ()) -> ShiftOccurrenceRow:  # fmt: skip
    """Return a shift of the floor's lane."""
    return ShiftOccurrenceRow(
        id=new_id(), org_id=floor.scope.org_id, plant_id=floor.plant_id, lane_id=floor.lane_id, day=day, name=name,
        starts_at=starts_at, ends_at=starts_at + hours * HOUR, break_starts=[start for start, _ in breaks],
        break_ends=[end for _, end in breaks],
    )  # fmt: skip


async def tell(work: Work, floor: Floor, told: Sequence[Told]) -> None:
    """Write rows as they come."""
    await work.session.execute(text("SELECT app.ensure_months(:at, :at)"), {"at": SIX})
    for row in told:
        of_machine = {
            "org_id": floor.scope.org_id, "plant_id": floor.plant_id, "machine_id": floor.machine_id,
            "actor_kind": "system",
        }  # fmt: skip
        if row.state is not None:
            reason_id = floor.stop_reason_id if row.has_reason else None
            work.session.add(
                MachineStateChange(**of_machine, started_at=row.at, state=row.state.value, reason_id=reason_id)
            )
        if row.good:
            work.session.add(
                ProductionLogEntry(
                    **of_machine, at=row.at, kind="good", quantity=Decimal(row.good), client_key=new_id(),
                    is_correction=row.is_correction, reverses_id=new_id() if row.good < 0 else None,
                )
            )  # fmt: skip
        await work.session.flush()


async def refresh_all(work: Work) -> None:
    """Add up what is dirty until nothing is."""
    await work.session.execute(text("UPDATE dirty_hours SET marked_at = marked_at - interval '1 minute'"))
    while await refresh_next_machine(work):
        pass


async def facts(work: Work, floor: Floor) -> list[HourlyFact]:
    """Return the machine's facts in order."""
    statement = (
        select(HourlyFact)
        .where(HourlyFact.machine_id == floor.machine_id)
        .order_by(HourlyFact.hour_at, HourlyFact.shift_id, HourlyFact.day)
        .execution_options(populate_existing=True)
    )
    return list((await work.session.execute(statement)).scalars())


def numbers(fact: HourlyFact) -> tuple[object, ...]:
    """Return everything that a fact says."""
    return tuple(getattr(fact, column.name) for column in HourlyFact.__table__.columns)


def counted(fact: HourlyFact | ShiftFact) -> dict[str, Decimal | None]:
    """Return the sums that both kinds of facts hold."""
    return {name: getattr(fact, name) for name in NUMBERS}


def history(seed: int) -> list[Told]:
    """Return a morning of states and pieces, with boundaries on the hour, split stops and corrections."""
    chance = random.Random(seed)
    told, at = [], SIX - 2 * HOUR
    while at < SIX + 10 * HOUR:
        told.append(Told(at, chance.choice(STATES), has_reason=False))
        if told[-1].state in {MachineState.UNPLANNED_STOP, MachineState.PLANNED_STOP}:
            told[-1] = replace(told[-1], has_reason=chance.random() < 0.6)
        if chance.random() < 0.5:
            made = chance.randint(1, 9)
            told.append(Told(at + timedelta(seconds=1), good=made))
            if chance.random() < 0.3:
                told.append(Told(at + timedelta(seconds=1), good=-made, is_correction=True))
        at += timedelta(minutes=chance.choice((1, 3, 20, 60, 97)))
    return told


class TestRecomputeHours:
    @pytest.mark.parametrize("seed", range(12))
    async def test_of_a_shift_add_up_to_the_shift_computed_at_once(self, floor: Floor, seed: int) -> None:
        async with undone(floor.scope) as work:
            await mean_breakdown(work, floor)
            shift = shift_row(floor, SIX, 8, breaks=[(SIX + 2.25 * HOUR, SIX + 3 * HOUR)])
            work.session.add(shift)
            told = history(seed)
            await tell(work, floor, told)

            await refresh_all(work)

            rows = await facts(work, floor)
            own = [fact for fact in rows if fact.shift_id == shift.id]
            eight = Period(SIX, SIX + 8 * HOUR)
            changes = (await load_changes(work, machine_ids=[floor.machine_id], period=eight))[floor.machine_id]
            occurrence = (await shifts_of_lane(work, lane_id=floor.lane_id, period=eight))[0].occurrence
            explained = explain_shift(occurrence, changes, until=work.now, micro_stop_s=Decimal(120))
            account, repairs = time_account(explained), work_unit_repairs(explained)
            assert {cause: added(own, name) for cause, name in CAUSES.items()} == dict(account.by_cause_s)
            assert added(own, "failures") == repairs.failures
            assert added(own, "corrective_s") == repairs.corrective_s
            assert added(own, "preventive_s") == repairs.preventive_s
            assert added(rows, "good") == sum(row.good for row in told)
            assert added(rows, "good_reported") == sum(row.good for row in told if row.good > 0)
            assert {fact.is_planned for fact in rows if fact.shift_id == NO_SHIFT} == {False}

    @pytest.mark.parametrize("seed", range(6))
    async def test_end_the_same_in_whichever_order_the_rows_came(self, floor: Floor, seed: int) -> None:
        told = history(seed)
        results = []
        for order in (told, random.Random(seed).sample(told, len(told))):
            async with undone(floor.scope) as work:
                work.session.add(shift_row(floor, SIX, 8))
                for part in (order[: len(order) // 2], order[len(order) // 2 :]):
                    await tell(work, floor, part)
                    await refresh_all(work)
                results.append([counted(fact) for fact in await facts(work, floor) if fact.is_planned])

        assert results[0] == results[1]

    async def test_twice_changes_nothing_and_says_so_once(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            await tell(work, floor, history(1))
            await refresh_all(work)
            first = [numbers(fact) for fact in await facts(work, floor)]

            await recompute_hours(work, machine_id=floor.machine_id, hours=[SIX, SIX + HOUR, SIX])

            assert [numbers(fact) for fact in await facts(work, floor)] == first
            assert work.events == [HourlyFactsChanged(plant_id=floor.plant_id)]

    async def test_of_an_hour_that_lost_its_shift_leave_no_row_of_the_shift(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            gone, stays = shift_row(floor, SIX, 8), shift_row(floor, SIX + 10 * HOUR, 1)
            work.session.add_all([gone, stays])
            await recompute_hours(work, machine_id=floor.machine_id, hours=[SIX])
            await work.session.delete(gone)
            await work.session.flush()

            await recompute_hours(work, machine_id=floor.machine_id, hours=[SIX])

            assert [(fact.shift_id, fact.is_planned, fact.no_data_s) for fact in await facts(work, floor)] == [
                (NO_SHIFT, False, Decimal(3600))
            ]

    async def test_of_the_present_hour_account_no_time_that_is_still_to_come(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            hour = work.now.replace(minute=0, second=0, microsecond=0)

            await recompute_hours(work, machine_id=floor.machine_id, hours=[hour, hour + HOUR])

            rows = await facts(work, floor)
            assert (
                sum(added(rows, name) for name in CAUSES.values())
                == Decimal((work.now - hour) // timedelta(microseconds=1)) / 1_000_000
            )

    async def test_around_the_clock_split_an_hour_at_midnight_of_a_zone_of_half_hours(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            (await work.session.get_one(Plant, floor.plant_id)).time_zone = "Asia/Kolkata"
            await work.session.flush()

            await recompute_hours(work, machine_id=floor.machine_id, hours=[datetime(2026, 3, 2, 18, tzinfo=UTC)])

            rows = await facts(work, floor)
            assert [(fact.day.day, fact.no_data_s, fact.is_planned) for fact in rows] == [
                (2, Decimal(1800), True), (3, Decimal(1800), True)
            ]  # fmt: skip

    async def test_refuse_a_machine_of_another_organization(self, floor: Floor, other: Floor) -> None:
        async with undone(other.scope) as work:
            with pytest.raises(NotFound, match="machine"):
                await recompute_hours(work, machine_id=floor.machine_id, hours=[SIX])

    async def test_lose_nothing_that_is_reported_while_they_are_added_up(self, floor: Floor) -> None:
        async def report() -> None:
            async with begin(floor.scope) as work:
                pieces = Pieces(good=Decimal(1))
                await report_production(work, machine_id=floor.machine_id, pieces=pieces, client_key=new_id())

        async def refresh() -> None:
            async with begin(floor.scope) as work:
                rows = (await work.session.execute(select(DirtyHour.hour_at))).scalars()
                await recompute_hours(work, machine_id=floor.machine_id, hours=list(rows))

        await asyncio.gather(*(do() for _ in range(12) for do in (report, refresh)))
        await refresh()

        async with read(floor.scope) as work:
            assert added(await facts(work, floor), "good") == 12


class TestShiftFacts:
    @pytest.mark.parametrize("seed", range(4))
    async def test_are_the_hours_of_each_shift_added_up(self, floor: Floor, seed: int) -> None:
        async with undone(floor.scope) as work:
            work.session.add_all([shift_row(floor, SIX, 8), shift_row(floor, SIX + 16 * HOUR, 8)])
            told = history(seed)
            for part in (told[: len(told) // 2], told[len(told) // 2 :]):
                await tell(work, floor, part)
                await refresh_all(work)

            hours = await facts(work, floor)
            found = (await work.session.execute(select(ShiftFact))).scalars().all()

            assert {(one.shift_id, one.day, one.is_planned) for one in found} == {
                (hour.shift_id, hour.day, hour.is_planned) for hour in hours
            }
            for one in found:
                own = [hour for hour in hours if (hour.shift_id, hour.day) == (one.shift_id, one.day)]
                assert one.hour_at == min(hour.hour_at for hour in own)
                assert {name: counted(one)[name] for name in SUMS} == {name: added(own, name) for name in SUMS}

    async def test_know_no_target_where_an_hour_knows_none(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            work.session.add(shift_row(floor, SIX, 8))
            await tell(work, floor, [Told(SIX, MachineState.RUNNING), Told(SIX + timedelta(seconds=1), good=3)])

            await recompute_hours(work, machine_id=floor.machine_id, hours=[SIX, SIX + HOUR])

            assert (await work.session.execute(select(ShiftFact.good, ShiftFact.planned_run_s))).one() == (3, None)

    async def test_of_a_shift_that_is_gone_are_gone(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            shift = shift_row(floor, SIX, 8)
            work.session.add(shift)
            await recompute_hours(work, machine_id=floor.machine_id, hours=[SIX])
            await work.session.delete(shift)
            await work.session.flush()

            await recompute_hours(work, machine_id=floor.machine_id, hours=[SIX])

            found = (await work.session.execute(select(ShiftFact.shift_id, ShiftFact.no_data_s))).all()
            assert found == [(NO_SHIFT, Decimal(3600))]


class TestRefreshHourlyFacts:
    async def test_adds_up_every_organization_and_leaves_the_present_hour_alone_for_a_while(
        self, floor: Floor, other: Floor
    ) -> None:
        for each in (floor, other):
            async with begin(each.scope) as work:
                await tell(work, each, [Told(SIX, MachineState.RUNNING), Told(SIX + HOUR, MachineState.IDLE)])
                pieces = Pieces(good=Decimal(1))
                await report_production(work, machine_id=each.machine_id, pieces=pieces, client_key=new_id())

        async with without_tenant() as connection:
            await refresh_hourly_facts(connection, RefreshHourlyFacts())

        for each in (floor, other):
            async with read(each.scope) as work:
                assert added(await facts(work, each), "running_s") == 3600
                hours = list((await work.session.execute(select(DirtyHour.hour_at))).scalars())
                assert hours == [work.now.replace(minute=0, second=0, microsecond=0)]


class TestMarkPassedHours:
    async def test_marks_from_the_newest_fact_to_now(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            hour = work.now.replace(minute=0, second=0, microsecond=0)
            await recompute_hours(work, machine_id=floor.machine_id, hours=[hour - 3 * HOUR])

            await mark_passed_hours(work)

            marked = select(func.min(DirtyHour.hour_at), func.max(DirtyHour.hour_at))
            assert (await work.session.execute(marked)).one() == (hour - 3 * HOUR, hour)

    async def test_leaves_a_machine_alone_whose_imported_log_tells_of_another_time(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            await recompute_hours(work, machine_id=floor.machine_id, hours=[SIX])
            status = await work.session.get_one(MachineStatus, (floor.scope.org_id, floor.machine_id))
            status.last_report_at, status.heard_at = SIX + HOUR, work.now
            await work.session.flush()

            await mark_passed_hours(work)

            assert (await work.session.execute(select(DirtyHour))).all() == []


async def mean_breakdown(work: Work, floor: Floor) -> None:
    """Let the floor's reason for stops mean a breakdown."""
    (await work.session.get_one(Reason, floor.stop_reason_id)).loss_category = "breakdown"
    await work.session.flush()


def added(rows: Sequence[HourlyFact], name: str) -> Decimal:
    """Add up one number of facts."""
    return sum((getattr(fact, name) for fact in rows), Decimal(0))
