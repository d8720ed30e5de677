"""Shifts as the wall clock says and as they really are, on ordinary days and when the clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from domain.plant.periods import InvalidPeriod, Period
from domain.plant.shifts import (
    BreakOutsideShift,
    BreaksOverlap,
    ShiftException,
    ShiftHours,
    ShiftOccurrence,
    ShiftsOverlap,
    ShiftTemplate,
    ShiftWithoutDays,
    WallInterval,
    Weekday,
    checked_hours,
    checked_templates,
    occurrence_at,
    occurrences,
    refuse_overlaps,
    shift_at,
)
from domain.plant.wall_clocks import instant_of

BERLIN = ZoneInfo("Europe/Berlin")
LANE, OTHER_LANE = UUID(int=1), UUID(int=2)
DAILY = frozenset(Weekday)
SPRING, AUTUMN, ORDINARY = date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 3)

MINUTES = st.integers(0, 24 * 60 - 1)
DAYS = st.dates(date(1975, 1, 1), date(2037, 12, 1))


def at(minutes: int) -> time:
    return time(*divmod(minutes % (24 * 60), 60))


def hours(starts: str, ends: str, *breaks: tuple[str, str]) -> ShiftHours:
    return ShiftHours(
        time.fromisoformat(starts),
        time.fromisoformat(ends),
        tuple(WallInterval(time.fromisoformat(a), time.fromisoformat(b)) for a, b in breaks),
    )


def shift(name: str, work: ShiftHours, *, weekdays: frozenset[Weekday] = DAILY, lane_id: UUID = LANE) -> ShiftTemplate:
    return ShiftTemplate(UUID(int=sum(name.encode())), lane_id, name, f"crew of {name}", weekdays, work)


def on(day: date, *templates: ShiftTemplate, exceptions: tuple[ShiftException, ...] = ()) -> list[ShiftOccurrence]:
    before_day = day + timedelta(days=1)
    return list(occurrences(templates, zone=BERLIN, first_day=day, before_day=before_day, exceptions=exceptions))


EARLY = shift("early", hours("06:00", "14:00", ("10:00", "10:30")))
LATE = shift("late", hours("14:00", "22:00", ("18:00", "18:30")))
NIGHT = shift("night", hours("22:00", "06:00", ("02:00", "02:30")))


class TestInstantOf:
    def test_takes_the_first_of_two_times_that_look_the_same(self) -> None:
        assert instant_of(AUTUMN, time(2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    def test_takes_the_jump_for_a_time_that_the_clock_skips(self) -> None:
        assert instant_of(SPRING, time(2, 30), BERLIN) == datetime(2026, 3, 29, 1, tzinfo=UTC)
        assert instant_of(SPRING, time(3), BERLIN) == datetime(2026, 3, 29, 1, tzinfo=UTC)

    def test_knows_days_that_never_were(self) -> None:
        assert instant_of(date(2011, 12, 30), time(12), ZoneInfo("Pacific/Apia")) == datetime(
            2011, 12, 30, 10, tzinfo=UTC
        )

    @given(DAYS, MINUTES, MINUTES, st.timezones())
    def test_never_turns_later_into_earlier(self, day: date, one: int, other: int, zone: ZoneInfo) -> None:
        first, last = sorted((one, other))

        assert instant_of(day, at(first), zone) <= instant_of(day, at(last), zone)
        assert instant_of(day, at(last), zone) <= instant_of(day + timedelta(days=1), at(first), zone)

    @given(st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1)), st.timezones())  # noqa: DTZ001 - drawn as UTC
    def test_shows_the_time_again_wherever_the_clock_shows_it_once(self, moment: datetime, zone: ZoneInfo) -> None:
        local = moment.replace(tzinfo=UTC, microsecond=0).astimezone(zone)
        assume(local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset())

        assert instant_of(local.date(), local.time(), zone) == local


class TestOccurrences:
    def test_stand_at_real_instants_with_their_breaks(self) -> None:
        (early,) = on(ORDINARY, EARLY)

        assert early.period == Period(datetime(2026, 6, 3, 4, tzinfo=UTC), datetime(2026, 6, 3, 12, tzinfo=UTC))
        assert early.breaks == (
            Period(datetime(2026, 6, 3, 8, tzinfo=UTC), datetime(2026, 6, 3, 8, 30, tzinfo=UTC)),
        )  # fmt: skip
        assert [early.length_s, early.planned_busy_s] == [8 * 3600, 7 * 3600 + 1800]
        assert (early.crew, early.day, early.template_id) == ("crew of early", ORDINARY, EARLY.id)

    def test_of_the_night_belong_to_the_day_on_which_they_start(self) -> None:
        (night,) = on(ORDINARY, NIGHT)

        assert night.day == ORDINARY
        assert night.period.ends_at == datetime(2026, 6, 4, 4, tzinfo=UTC)
        assert night.breaks[0].starts_at == datetime(2026, 6, 4, 0, tzinfo=UTC)

    def test_are_an_hour_shorter_or_longer_when_the_clock_changes(self) -> None:
        (spring,), (autumn,) = on(SPRING - timedelta(days=1), NIGHT), on(AUTUMN - timedelta(days=1), NIGHT)

        assert [spring.length_s, autumn.length_s] == [7 * 3600, 9 * 3600]
        assert [spring.planned_busy_s, autumn.planned_busy_s] == [6 * 3600 + 1800, 8 * 3600 + 1800]

    def test_keep_the_length_of_a_break_when_the_clock_changes_in_it(self) -> None:
        night = shift("night", hours("22:00", "06:00", ("02:30", "03:00"), ("03:00", "03:15")))

        (spring,), (autumn,) = on(SPRING - timedelta(days=1), night), on(AUTUMN - timedelta(days=1), night)

        assert [rest.length_s for rest in spring.breaks] == [1800, 900]
        assert [rest.length_s for rest in autumn.breaks] == [1800, 900]
        assert spring.breaks[0].ends_at == spring.breaks[1].starts_at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

    def test_take_place_on_their_weekdays_only(self) -> None:
        monday = shift("monday", hours("06:00", "14:00"), weekdays=frozenset({Weekday.MONDAY}))

        found = occurrences([monday], zone=BERLIN, first_day=date(2026, 6, 1), before_day=date(2026, 6, 15))

        assert [one.day for one in found] == [date(2026, 6, 1), date(2026, 6, 8)]

    def test_of_a_whole_day_last_a_day(self) -> None:
        (whole,) = on(ORDINARY, shift("whole", hours("06:00", "06:00")))

        assert whole.length_s == 24 * 3600

    @given(DAYS, st.tuples(MINUTES, MINUTES, MINUTES), st.timezones())
    @example(SPRING, (150, 180, 600), BERLIN)
    @example(SPRING, (125, 150, 175), BERLIN)
    @example(AUTUMN, (150, 180, 600), BERLIN)
    @example(AUTUMN - timedelta(days=1), (120, 150, 179), BERLIN)
    @example(date(2011, 12, 29), (360, 840, 1320), ZoneInfo("Pacific/Apia"))
    @example(date(2026, 4, 4), (100, 110, 120), ZoneInfo("Australia/Lord_Howe"))
    def test_of_three_shifts_fill_every_day_without_gap_or_overlap(
        self, day: date, changes: tuple[int, int, int], zone: ZoneInfo
    ) -> None:
        assume(len(set(changes)) == 3)
        first, second, third = sorted(changes)
        templates = checked_templates(
            shift(name, ShiftHours(at(start), at(end)))
            for name, start, end in (("a", first, second), ("b", second, third), ("c", third, first))
        )
        before_day = day + timedelta(days=3)

        found = occurrences(templates, zone=zone, first_day=day, before_day=before_day)

        assert found[0].period.starts_at == instant_of(day, at(first), zone)
        assert found[-1].period.ends_at == instant_of(before_day, at(first), zone)
        assert all(one.period.ends_at == two.period.starts_at for one, two in pairwise(found))

    @given(
        DAYS,
        MINUTES,
        st.integers(1, 24 * 60),
        st.lists(st.integers(0, 24 * 60), max_size=8, unique=True),
        st.timezones(),
    )
    def test_have_their_breaks_inside_and_apart(
        self, day: date, start: int, length: int, marks: list[int], zone: ZoneInfo
    ) -> None:
        inside = sorted(mark for mark in marks if mark <= length)
        breaks = tuple(
            WallInterval(at(start + a), at(start + b))
            for a, b in zip(inside[::2], inside[1::2], strict=False)
            if b - a < 24 * 60
        )
        work = checked_hours(ShiftHours(at(start), at(start + length), breaks), shift="any")

        for one in occurrences([shift("any", work)], zone=zone, first_day=day, before_day=day + timedelta(days=1)):
            edges = [one.period.starts_at, *(edge for rest in one.breaks for edge in (rest.starts_at, rest.ends_at))]
            assert edges == sorted(edges)
            assert edges[-1] <= one.period.ends_at
            assert 0 <= one.planned_busy_s <= one.length_s


class TestExceptions:
    def test_of_a_holiday_cancel_every_shift_of_the_lane_that_day(self) -> None:
        elsewhere = shift("elsewhere", hours("06:00", "14:00"), lane_id=OTHER_LANE)

        found = on(ORDINARY, EARLY, LATE, elsewhere, exceptions=(ShiftException(LANE, ORDINARY),))

        assert [one.name for one in found] == ["elsewhere"]

    def test_cancel_one_shift_and_leave_the_others(self) -> None:
        found = on(ORDINARY, EARLY, LATE, exceptions=(ShiftException(LANE, ORDINARY, EARLY.id),))

        assert [one.name for one in found] == ["late"]

    def test_of_overtime_replace_the_hours_and_keep_name_and_crew(self) -> None:
        longer = ShiftException(LANE, ORDINARY, LATE.id, hours("14:00", "23:00"))

        (late,) = on(ORDINARY, LATE, exceptions=(longer,))

        assert (late.name, late.crew) == ("late", "crew of late")
        assert late.length_s == 9 * 3600

    def test_add_a_shift_that_the_day_would_not_have(self) -> None:
        saturday = date(2026, 6, 6)
        extra = ShiftException(LANE, saturday, None, hours("06:00", "12:00"), name="extra", crew="volunteers")

        (found,) = on(saturday, exceptions=(extra,))

        assert (found.name, found.crew, found.template_id) == ("extra", "volunteers", None)

    def test_touch_no_other_day(self) -> None:
        found = on(ORDINARY, EARLY, exceptions=(ShiftException(LANE, ORDINARY + timedelta(days=1)),))

        assert [one.name for one in found] == ["early"]

    def test_are_refused_where_overtime_runs_into_the_next_shift(self) -> None:
        longer = ShiftException(LANE, ORDINARY, EARLY.id, hours("06:00", "15:00"))

        with pytest.raises(ShiftsOverlap, match="“early” and “late”"):
            on(ORDINARY, EARLY, LATE, exceptions=(longer,))


class TestCheckedTemplates:
    def test_pass_three_shifts_of_a_day(self) -> None:
        assert checked_templates([EARLY, LATE, NIGHT]) == (EARLY, LATE, NIGHT)

    def test_refuse_shifts_of_a_lane_that_overlap_over_the_turn_of_the_week(self) -> None:
        sunday = shift("sunday", hours("22:00", "07:00"), weekdays=frozenset({Weekday.SUNDAY}))
        monday = shift("monday", hours("06:00", "14:00"), weekdays=frozenset({Weekday.MONDAY}))

        with pytest.raises(ShiftsOverlap):
            checked_templates([monday, sunday])

    def test_let_two_lanes_work_at_the_same_time(self) -> None:
        assert len(checked_templates([EARLY, shift("other", EARLY.hours, lane_id=OTHER_LANE)])) == 2

    def test_refuse_a_shift_without_days(self) -> None:
        with pytest.raises(ShiftWithoutDays):
            checked_templates([shift("never", hours("06:00", "14:00"), weekdays=frozenset())])

    @pytest.mark.parametrize("rest", [("05:00", "05:30"), ("13:45", "14:15"), ("10:00", "10:00"), ("12:00", "11:00")])
    def test_refuse_a_break_that_is_not_inside(self, rest: tuple[str, str]) -> None:
        with pytest.raises(BreakOutsideShift):
            checked_hours(hours("06:00", "14:00", rest), shift="early")

    def test_refuse_breaks_that_overlap(self) -> None:
        with pytest.raises(BreaksOverlap):
            checked_hours(hours("22:00", "06:00", ("00:30", "01:00"), ("23:45", "00:45")), shift="night")


class TestRefuseOverlaps:
    def test_finds_an_overlap_between_days(self) -> None:
        (night,), (early,) = (
            on(ORDINARY, NIGHT),
            on(ORDINARY + timedelta(days=1), shift("dawn", hours("05:00", "13:00"))),
        )

        with pytest.raises(ShiftsOverlap, match="“night” and “dawn”"):
            refuse_overlaps([early, night])


class TestOccurrenceAt:
    def test_gives_the_boundary_to_the_shift_that_starts_there(self) -> None:
        shifts = on(ORDINARY, EARLY, LATE)

        assert occurrence_at(shifts, datetime(2026, 6, 3, 12, tzinfo=UTC)) == shifts[1]

    def test_finds_none_between_shifts(self) -> None:
        assert occurrence_at(on(ORDINARY, EARLY), datetime(2026, 6, 3, 12, tzinfo=UTC)) is None

    def test_finds_the_night_shift_of_yesterday(self) -> None:
        found = shift_at([EARLY, LATE, NIGHT], datetime(2026, 6, 4, 1, tzinfo=UTC), zone=BERLIN)

        assert found is not None
        assert (found.name, found.day) == ("night", ORDINARY)


class TestPeriod:
    def test_refuses_to_end_before_it_begins_and_to_be_nowhere(self) -> None:
        now = datetime(2026, 6, 3, tzinfo=UTC)

        with pytest.raises(InvalidPeriod):
            Period(now, now - timedelta(seconds=1))
        with pytest.raises(InvalidPeriod):
            Period(now.replace(tzinfo=None), now.replace(tzinfo=None))

    def test_shares_no_time_with_the_period_that_follows(self) -> None:
        now = datetime(2026, 6, 3, tzinfo=UTC)
        first = Period(now, now + timedelta(hours=1))
        second = Period(now + timedelta(hours=1), now + timedelta(hours=2))

        assert not first.overlaps(second)
        assert first.within(second).length_s == second.within(first).length_s == 0
        assert first.contains(now)
        assert not first.contains(second.starts_at)
