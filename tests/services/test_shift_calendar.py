"""When a lane works, read from the calendar."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.errors import NotFound
from domain.plant.periods import Period
from services.db.keys import new_id
from services.db.tables import Crew, ShiftOccurrenceRow
from services.db.work import Work
from services.plant.shift_calendar import NO_SHIFT, find_shift, shifts_of_lane
from tests.factories import Floor, Make, undone

SPRING = Period(datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 30, 12, tzinfo=UTC))
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class TestShiftsOfLane:
    async def test_around_the_clock_are_the_days_of_the_plant_also_when_the_clock_changes(
        self, work: Work, make: Make
    ) -> None:
        lane = await make.lane(work)

        shifts = await shifts_of_lane(work, lane_id=lane.id, period=SPRING)

        assert [shift.id for shift in shifts] == [NO_SHIFT] * 3
        assert [shift.occurrence.length_s / 3600 for shift in shifts] == [24, 23, 24]
        assert [shift.key for shift in shifts] == ["2026-03-28", "2026-03-29", "2026-03-30"]

    async def test_are_those_of_the_calendar_with_breaks_and_crew(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            crew = Crew(org_id=floor.scope.org_id, plant_id=floor.plant_id, name="Red")
            work.session.add(crew)
            await work.session.flush()
            row = occurrence(floor, NOON, crew_id=crew.id, break_starts=[NOON + HOUR], break_ends=[NOON + 2 * HOUR])
            work.session.add_all([row, occurrence(floor, NOON + 8 * HOUR), occurrence(floor, NOON - 8 * HOUR)])
            await work.session.flush()

            shifts = await shifts_of_lane(work, lane_id=floor.lane_id, period=Period(NOON, NOON + 8 * HOUR))

            assert [(shift.id, shift.occurrence.crew) for shift in shifts] == [(row.id, "Red")]
            assert shifts[0].occurrence.planned_busy_s == 7 * 3600

    async def test_are_none_on_a_holiday(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            work.session.add(occurrence(floor, NOON))
            await work.session.flush()

            assert await shifts_of_lane(work, lane_id=floor.lane_id, period=SPRING) == ()

    async def test_of_another_organizations_lane_do_not_exist(self, work: Work, other: Floor) -> None:
        with pytest.raises(NotFound, match="lane"):
            await shifts_of_lane(work, lane_id=other.lane_id, period=SPRING)


class TestFindShift:
    async def test_without_a_key_finds_the_present_one_and_its_neighbours(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            now = work.now
            rows = [occurrence(floor, now + offset * HOUR) for offset in (-9, -1, 7)]
            work.session.add_all(rows)
            await work.session.flush()

            found = await find_shift(work, lane_id=floor.lane_id)

            assert found.before is not None
            assert found.after is not None
            assert [found.before.id, found.shift.id, found.after.id] == [row.id for row in rows]

    async def test_between_shifts_finds_the_last_one(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            row = occurrence(floor, work.now - 20 * HOUR)
            work.session.add_all([row, occurrence(floor, work.now + 20 * HOUR)])
            await work.session.flush()

            assert (await find_shift(work, lane_id=floor.lane_id)).shift.id == row.id

    async def test_by_its_key_finds_an_old_one(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            row = occurrence(floor, NOON)
            work.session.add(row)
            await work.session.flush()

            assert (await find_shift(work, lane_id=floor.lane_id, key=str(row.id))).shift.id == row.id

    async def test_by_a_day_finds_the_day_of_a_lane_around_the_clock(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            found = await find_shift(work, lane_id=floor.lane_id, key="2026-03-29")

            assert found.shift.occurrence.day == date(2026, 3, 29)

    @pytest.mark.parametrize("key", ["yesterday", "2026-13-01", str(NO_SHIFT), "0001-01-01"])
    async def test_refuses_a_key_that_names_none(self, floor: Floor, key: str) -> None:
        async with undone(floor.scope) as work:
            work.session.add(occurrence(floor, work.now))
            await work.session.flush()

            with pytest.raises(NotFound, match="shift"):
                await find_shift(work, lane_id=floor.lane_id, key=key)


def occurrence(floor: Floor, starts_at: datetime, **fields: object) -> ShiftOccurrenceRow:
    """Return a shift of eight hours of the floor's lane."""
    return ShiftOccurrenceRow(
        id=new_id(), org_id=floor.scope.org_id, plant_id=floor.plant_id, lane_id=floor.lane_id, day=starts_at.date(),
        name="Early", starts_at=starts_at, ends_at=starts_at + 8 * HOUR, **fields,
    )  # fmt: skip
