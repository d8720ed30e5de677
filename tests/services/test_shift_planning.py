"""From templates to occurrences: what has begun stays, what lies ahead follows."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text

from domain.errors import Conflict, Forbidden, NotFound
from domain.events import ShiftsChanged
from domain.identity.roles import Role
from domain.plant.shifts import ShiftHours, ShiftsOverlap, WallInterval, Weekday
from services.db.tables import ShiftOccurrenceRow, ShiftTemplateRow
from services.db.work import Work, begin
from services.jobs.worker import queue_due_schedules, work_once
from services.plant.plant_models import edit_plant
from services.plant.shift_planning import PlanShifts, plan_occurrences, plan_shifts
from services.plant.shift_templates import (
    ExceptionTaken,
    InvalidDay,
    ShiftNameTaken,
    add_exception,
    add_template,
    edit_template,
    remove_exception,
    remove_template,
)
from tests.factories import Floor, Make

ZONE = ZoneInfo("Europe/Berlin")
EVERY_DAY = tuple(Weekday)
EARLY = ShiftHours(time(6), time(14), (WallInterval(time(10), time(10, 30)),))
LATE = ShiftHours(time(14), time(22))
NIGHT = ShiftHours(time(22), time(6))
TEN_O_CLOCK = datetime(2026, 6, 15, 8, tzinfo=UTC)
"""Ten in the morning in Berlin, on a Monday."""
TODAY = date(2026, 6, 15)


def at(work: Work, now: datetime) -> Work:
    """Return the same transaction at another time."""
    return Work(work.scope, work.session, now, work._driver, work.events)


async def lane_of(work: Work, make: Make) -> UUID:
    return (await make.lane(work)).id


async def shifts(work: Work, lane_id: UUID) -> list[ShiftOccurrenceRow]:
    statement = select(ShiftOccurrenceRow).where(ShiftOccurrenceRow.lane_id == lane_id)
    ordered = statement.order_by(ShiftOccurrenceRow.starts_at).execution_options(populate_existing=True)
    return list((await work.session.execute(ordered)).scalars())


async def template_called(work: Work, name: str) -> ShiftTemplateRow:
    return (await work.session.execute(select(ShiftTemplateRow).where(ShiftTemplateRow.name == name))).scalar_one()


async def names(work: Work, lane_id: UUID, day: date) -> list[tuple[str, str, str]]:
    """Return name, beginning and end of a day's shifts, in the plant's time."""
    return [
        (one.name, f"{one.starts_at.astimezone(ZONE):%H:%M}", f"{one.ends_at.astimezone(ZONE):%H:%M}")
        for one in await shifts(work, lane_id)
        if one.day == day
    ]


class TestPlanning:
    async def test_makes_the_shifts_of_sixty_days_with_their_breaks(self, work: Work, make: Make) -> None:
        lane_id, work = await lane_of(work, make), at(work, TEN_O_CLOCK)

        await add_template(work, lane_id=lane_id, name="Early", weekdays=(Weekday.MONDAY,), hours=EARLY)

        planned = await shifts(work, lane_id)
        assert [one.day for one in planned] == [TODAY + timedelta(weeks=week) for week in range(9)]
        assert (planned[1].starts_at, planned[1].ends_at) == (
            datetime(2026, 6, 22, 4, tzinfo=UTC),
            datetime(2026, 6, 22, 12, tzinfo=UTC),
        )
        assert planned[1].break_starts == [datetime(2026, 6, 22, 8, tzinfo=UTC)]
        assert planned[1].break_ends == [datetime(2026, 6, 22, 8, 30, tzinfo=UTC)]

    async def test_says_so_once(self, work: Work, make: Make) -> None:
        lane = await make.lane(work)
        work.events.clear()

        await add_template(work, lane_id=lane.id, name="Early", weekdays=EVERY_DAY, hours=EARLY)
        await plan_occurrences(work, lane_id=lane.id)

        assert work.events == [ShiftsChanged(plant_id=lane.plant_id, lane_id=lane.id)]

    async def test_reaches_back_to_a_day_when_asked(self, work: Work, make: Make) -> None:
        lane_id, work = await lane_of(work, make), at(work, TEN_O_CLOCK)
        await add_template(work, lane_id=lane_id, name="Night", weekdays=EVERY_DAY, hours=NIGHT)
        ahead = [(one.id, one.starts_at) for one in await shifts(work, lane_id)]

        await plan_occurrences(work, lane_id=lane_id, since_day=TODAY - timedelta(days=3))
        await plan_occurrences(work, lane_id=lane_id, since_day=TODAY - timedelta(days=2))

        planned = await shifts(work, lane_id)
        assert [one.day for one in planned[:4]] == [TODAY - timedelta(days=days) for days in (3, 2, 1, 0)]
        assert set(ahead) < {(one.id, one.starts_at) for one in planned}

    async def test_changes_nothing_the_second_time(self, work: Work, make: Make) -> None:
        lane_id, work = await lane_of(work, make), at(work, TEN_O_CLOCK)
        await add_template(work, lane_id=lane_id, name="Night", weekdays=EVERY_DAY, hours=NIGHT)
        before = [(one.id, one.starts_at) for one in await shifts(work, lane_id)]

        await plan_occurrences(work, lane_id=lane_id)
        await plan_occurrences(work, lane_id=lane_id, until_day=TODAY + timedelta(days=3))

        assert [(one.id, one.starts_at) for one in await shifts(work, lane_id)] == before

    async def test_keeps_the_ids_of_what_stays_as_it_was(self, work: Work, make: Make) -> None:
        lane_id, work = await lane_of(work, make), at(work, TEN_O_CLOCK)
        await add_template(work, lane_id=lane_id, name="Early", weekdays=EVERY_DAY, hours=EARLY)
        before = {one.id for one in await shifts(work, lane_id)}

        await plan_occurrences(at(work, TEN_O_CLOCK + timedelta(days=2)), lane_id=lane_id)

        after = {one.id for one in await shifts(work, lane_id)}
        assert before < after
        assert len(after - before) == 2

    async def test_adds_the_shift_of_today_that_has_begun_and_marks_its_hours(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        await work.session.execute(text("DELETE FROM dirty_hours"))

        await add_template(
            at(work, TEN_O_CLOCK), lane_id=machine.lane_id, name="Early", weekdays=EVERY_DAY, hours=EARLY
        )

        assert (await names(work, machine.lane_id, TODAY))[0] == ("Early", "06:00", "14:00")
        dirty = (await work.session.execute(text("SELECT hour_at FROM dirty_hours ORDER BY hour_at"))).scalars()
        assert [hour.hour for hour in dirty] == [4, 5, 6, 7, 8]

    async def test_adds_the_night_shift_of_yesterday_that_still_works(self, work: Work, make: Make) -> None:
        lane_id = await lane_of(work, make)

        await add_template(
            at(work, datetime(2026, 6, 15, 1, tzinfo=UTC)), lane_id=lane_id, name="Night", weekdays=EVERY_DAY,
            hours=NIGHT,
        )  # fmt: skip

        assert (await shifts(work, lane_id))[0].day == TODAY - timedelta(days=1)

    async def test_adds_up_over_the_change_of_the_clock(self, work: Work, make: Make) -> None:
        lane_id, work = await lane_of(work, make), at(work, datetime(2026, 10, 20, tzinfo=UTC))
        for name, hours in (("Early", EARLY), ("Late", LATE), ("Night", NIGHT)):
            await add_template(work, lane_id=lane_id, name=name, weekdays=EVERY_DAY, hours=hours)

        planned = await shifts(work, lane_id)

        assert all(one.ends_at == other.starts_at for one, other in pairwise(planned))
        lengths = {one.day: one.ends_at - one.starts_at for one in planned if one.name == "Night"}
        assert lengths[date(2026, 10, 24)] == timedelta(hours=9)
        assert lengths[date(2026, 10, 25)] == timedelta(hours=8)

    async def test_lets_two_at_once_plan_the_same_once(self, floor: Floor) -> None:
        async def add(name: str, hours: ShiftHours) -> None:
            async with begin(floor.scope) as work:
                await add_template(work, lane_id=floor.lane_id, name=name, weekdays=EVERY_DAY, hours=hours)
                await asyncio.sleep(0.02)

        async def plan() -> None:
            async with begin(floor.scope) as work:
                await plan_occurrences(work, lane_id=floor.lane_id)

        await asyncio.gather(add("Early", EARLY), add("Late", LATE), *(plan() for _ in range(3)))

        async with begin(floor.scope) as work:
            planned = [(one.day, one.name) for one in await shifts(work, floor.lane_id)]
        assert len(planned) == len(set(planned))
        assert {name for _, name in planned} == {"Early", "Late"}

    async def test_lets_one_of_two_at_once_have_the_time(self, floor: Floor) -> None:
        async def add(name: str) -> None:
            async with begin(floor.scope) as work:
                await add_template(work, lane_id=floor.lane_id, name=name, weekdays=EVERY_DAY, hours=EARLY)
                await asyncio.sleep(0.02)

        results = await asyncio.gather(add("One"), add("Two"), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["NoneType", "ShiftsOverlap"]


class TestChangingTemplates:
    async def test_leaves_what_has_begun_and_moves_what_lies_ahead(self, work: Work, make: Make) -> None:
        lane_id, work = await lane_of(work, make), at(work, TEN_O_CLOCK)
        row = await add_template(work, lane_id=lane_id, name="Early", weekdays=EVERY_DAY, hours=EARLY)

        await edit_template(
            work, template_id=row.id, version=row.version, hours=ShiftHours(time(7), time(15)), name="Morning"
        )

        assert await names(work, lane_id, TODAY) == [("Early", "06:00", "14:00")]
        assert await names(work, lane_id, TODAY + timedelta(days=1)) == [("Morning", "07:00", "15:00")]

    async def test_lets_the_next_shift_wait_for_the_one_that_has_begun(self, work: Work, make: Make) -> None:
        lane_id, work = await lane_of(work, make), at(work, TEN_O_CLOCK)
        early = await add_template(work, lane_id=lane_id, name="Early", weekdays=EVERY_DAY, hours=EARLY)
        late = await add_template(work, lane_id=lane_id, name="Late", weekdays=EVERY_DAY, hours=LATE)

        await edit_template(work, template_id=early.id, version=early.version, hours=ShiftHours(time(6), time(13)))
        await edit_template(work, template_id=late.id, version=late.version, hours=ShiftHours(time(13), time(21)))

        assert await names(work, lane_id, TODAY) == [("Early", "06:00", "14:00"), ("Late", "14:00", "21:00")]
        assert await names(work, lane_id, TODAY + timedelta(days=1)) == [
            ("Early", "06:00", "13:00"),
            ("Late", "13:00", "21:00"),
        ]
        planned = [one.id for one in await shifts(work, lane_id)]
        await plan_occurrences(at(work, TEN_O_CLOCK + timedelta(hours=3, minutes=30)), lane_id=lane_id)
        assert [one.id for one in await shifts(work, lane_id)] == planned

    async def test_takes_what_lies_ahead_away_with_the_template(self, work: Work, make: Make) -> None:
        lane_id, work = await lane_of(work, make), at(work, TEN_O_CLOCK)
        row = await add_template(work, lane_id=lane_id, name="Early", weekdays=EVERY_DAY, hours=EARLY)

        await remove_template(work, template_id=row.id, version=row.version)

        assert [(one.day, one.name) for one in await shifts(work, lane_id)] == [(TODAY, "Early")]

    async def test_moves_shifts_with_the_time_zone_of_the_plant(self, work: Work, make: Make) -> None:
        plant = await make.plant(work, time_zone="Europe/Berlin")
        lane = await make.lane(work, department=await make.department(work, plant=plant))
        work = at(work, TEN_O_CLOCK)
        await add_template(work, lane_id=lane.id, name="Early", weekdays=EVERY_DAY, hours=EARLY)

        await edit_plant(work, plant_id=plant.id, version=plant.version, time_zone="Europe/Lisbon")

        assert [one.starts_at.hour for one in await shifts(work, lane.id)][:3] == [4, 5, 5]

    async def test_refuses_shifts_that_overlap_and_says_when(self, work: Work, make: Make) -> None:
        lane_id = await lane_of(work, make)
        await add_template(work, lane_id=lane_id, name="Early", weekdays=EVERY_DAY, hours=EARLY)

        with pytest.raises(ShiftsOverlap) as refusal:
            await add_template(
                work, lane_id=lane_id, name="Noon", weekdays=EVERY_DAY, hours=ShiftHours(time(12), time(16))
            )

        assert refusal.value.fields == {"first": "Early", "second": "Noon", "at": time(12)}

    async def test_refuses_a_name_twice(self, work: Work, make: Make) -> None:
        lane_id = await lane_of(work, make)
        await add_template(work, lane_id=lane_id, name="Early", weekdays=EVERY_DAY, hours=EARLY)

        with pytest.raises(ShiftNameTaken):
            await add_template(work, lane_id=lane_id, name="Early", weekdays=EVERY_DAY, hours=LATE)

    async def test_refuses_whoever_saw_something_older(self, work: Work, make: Make) -> None:
        row = await add_template(work, lane_id=await lane_of(work, make), name="Early", weekdays=EVERY_DAY, hours=EARLY)
        await edit_template(work, template_id=row.id, version=row.version, name="Morning")

        with pytest.raises(Conflict, match="someone else"):
            await edit_template(work, template_id=row.id, version=1, name="Noon")


class TestExceptions:
    @pytest.fixture
    async def lane_id(self, work: Work, make: Make) -> UUID:
        lane_id = await lane_of(work, make)
        for name, hours in (("Early", EARLY), ("Late", LATE)):
            await add_template(at(work, TEN_O_CLOCK), lane_id=lane_id, name=name, weekdays=EVERY_DAY, hours=hours)
        return lane_id

    async def test_cancel_a_holiday_and_give_it_back(self, work: Work, lane_id: UUID) -> None:
        work, holiday = at(work, TEN_O_CLOCK), TODAY + timedelta(days=4)

        (row,) = await add_exception(work, lane_ids=[lane_id], day=holiday)

        assert await names(work, lane_id, holiday) == []
        await remove_exception(work, exception_id=row.id, version=row.version)
        assert len(await names(work, lane_id, holiday)) == 2

    async def test_give_a_shift_other_hours(self, work: Work, lane_id: UUID) -> None:
        work, day = at(work, TEN_O_CLOCK), TODAY + timedelta(days=1)
        late = (
            await work.session.execute(select(ShiftTemplateRow).where(ShiftTemplateRow.name == "Late"))
        ).scalar_one()

        await add_exception(
            work, lane_ids=[lane_id], day=day, template_id=late.id, hours=ShiftHours(time(14), time(18))
        )

        assert await names(work, lane_id, day) == [("Early", "06:00", "14:00"), ("Late", "14:00", "18:00")]

    async def test_add_overtime_today(self, work: Work, lane_id: UUID) -> None:
        work = at(work, TEN_O_CLOCK)

        await add_exception(
            work, lane_ids=[lane_id], day=TODAY, hours=ShiftHours(time(22), time(23, 30)), name="Overtime"
        )

        assert (await names(work, lane_id, TODAY))[-1] == ("Overtime", "22:00", "23:30")

    async def test_refuse_overtime_during_a_shift(self, work: Work, lane_id: UUID) -> None:
        with pytest.raises(ShiftsOverlap) as refusal:
            await add_exception(
                at(work, TEN_O_CLOCK), lane_ids=[lane_id], day=TODAY + timedelta(days=1),
                hours=ShiftHours(time(21), time(23)), name="Overtime",
            )  # fmt: skip

        assert refusal.value.fields["at"] == "2026-06-16 21:00"

    async def test_do_not_cancel_what_has_begun(self, work: Work, lane_id: UUID) -> None:
        work = at(work, TEN_O_CLOCK)

        await add_exception(work, lane_ids=[lane_id], day=TODAY)

        assert await names(work, lane_id, TODAY) == [("Early", "06:00", "14:00")]

    async def test_are_one_for_a_shift_and_day(self, work: Work, lane_id: UUID) -> None:
        work, day = at(work, TEN_O_CLOCK), TODAY + timedelta(days=1)
        late = (
            await work.session.execute(select(ShiftTemplateRow).where(ShiftTemplateRow.name == "Late"))
        ).scalar_one()
        await add_exception(work, lane_ids=[lane_id], day=day, template_id=late.id)

        with pytest.raises(ExceptionTaken):
            await add_exception(work, lane_ids=[lane_id], day=day, template_id=late.id)

    async def test_are_not_for_days_that_are_over(self, work: Work, lane_id: UUID) -> None:
        with pytest.raises(InvalidDay):
            await add_exception(at(work, TEN_O_CLOCK), lane_ids=[lane_id], day=TODAY - timedelta(days=1))


class TestPlanningAhead:
    async def test_plans_every_lane_that_has_templates(self, work: Work, make: Make) -> None:
        lanes = [await lane_of(work, make) for _ in range(2)]
        for lane_id in lanes:
            await add_template(work, lane_id=lane_id, name="Early", weekdays=EVERY_DAY, hours=EARLY)

        await plan_shifts(at(work, work.now + timedelta(days=30)), PlanShifts())

        for lane_id in lanes:
            assert (await shifts(work, lane_id))[-1].day >= work.now.date() + timedelta(days=89)

    async def test_is_done_for_every_organization_by_the_worker(self, floor: Floor, other: Floor) -> None:
        for each in (floor, other):
            async with begin(each.scope) as work:
                await add_template(work, lane_id=each.lane_id, name="Early", weekdays=EVERY_DAY, hours=EARLY)
                last = (await shifts(work, each.lane_id))[-1]
                await work.session.delete(last)
        async with begin(floor.scope) as work:
            await work.session.execute(text("UPDATE app.schedules SET due_at = now() - interval '1 s'"))

        await queue_due_schedules()
        while await work_once():
            pass

        for each in (floor, other):
            async with begin(each.scope) as work:
                assert (await shifts(work, each.lane_id))[-1].day >= last.day


class TestAccess:
    async def test_needs_the_right_to_edit_shifts(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(Forbidden):
                await add_template(work, lane_id=floor.lane_id, name="X", weekdays=EVERY_DAY, hours=EARLY)
            with pytest.raises(Forbidden):
                await edit_template(work, template_id=floor.lane_id, version=1)
            with pytest.raises(Forbidden):
                await remove_template(work, template_id=floor.lane_id, version=1)
            with pytest.raises(Forbidden):
                await add_exception(work, lane_ids=[floor.lane_id], day=TODAY)
            with pytest.raises(Forbidden):
                await remove_exception(work, exception_id=floor.lane_id, version=1)
            with pytest.raises(Forbidden):
                await plan_occurrences(work, lane_id=floor.lane_id)

    async def test_finds_nothing_of_another_organization(self, work: Work, other: Floor) -> None:
        async with begin(other.scope) as theirs:
            row = await add_template(theirs, lane_id=other.lane_id, name="Early", weekdays=EVERY_DAY, hours=EARLY)
            (exception,) = await add_exception(theirs, lane_ids=[other.lane_id], day=theirs.now.date() + timedelta(2))

        with pytest.raises(NotFound, match="lane"):
            await add_template(work, lane_id=other.lane_id, name="X", weekdays=EVERY_DAY, hours=EARLY)
        with pytest.raises(NotFound, match="shift template"):
            await edit_template(work, template_id=row.id, version=1)
        with pytest.raises(NotFound, match="shift template"):
            await remove_template(work, template_id=row.id, version=1)
        with pytest.raises(NotFound, match="lane"):
            await add_exception(work, lane_ids=[other.lane_id], day=TODAY)
        with pytest.raises(NotFound, match="shift exception"):
            await remove_exception(work, exception_id=exception.id, version=1)
        with pytest.raises(NotFound, match="lane"):
            await plan_occurrences(work, lane_id=other.lane_id)
