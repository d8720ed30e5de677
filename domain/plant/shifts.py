"""Shifts: templates in wall-clock time, and their occurrences as real time.

An occurrence belongs to the day on which it starts, also when it ends after midnight. On the day the clock is changed
it is as much shorter or longer as the clock jumps; what a time means then is the rule of `wall_clocks`. A break keeps
its length: it starts when the clock says, is cut at the end of its shift, and waits for the break before it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum
from itertools import groupby, pairwise
from typing import ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.errors import Conflict, Invalid, marked
from domain.plant.periods import Period, total_s
from domain.plant.wall_clocks import DAY, instant_of, moved_on, time_since

ANY_WEEK = date(2024, 1, 1)
"""A Monday, from which a pattern of weekdays is tried out."""


class Weekday(IntEnum):
    """A day of the week, numbered as `date.weekday()` does."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class ShiftWithoutDays(Invalid):
    """A template that never takes place."""

    code: ClassVar[str] = "shift_without_days"
    sentence: ClassVar[str] = marked("The shift “{shift}” needs at least one weekday.")


class BreakOutsideShift(Invalid):
    """A break that is empty, or not wholly inside its shift."""

    code: ClassVar[str] = "break_outside_shift"
    sentence: ClassVar[str] = marked("The break from {starts} to {ends} must lie inside the shift “{shift}”.")


class BreaksOverlap(Invalid):
    """Two breaks of a shift at the same time."""

    code: ClassVar[str] = "breaks_overlap"
    sentence: ClassVar[str] = marked("Two breaks of the shift “{shift}” overlap at {at}.")


class ShiftsOverlap(Conflict):
    """Two shifts of one lane at the same time."""

    code: ClassVar[str] = "shifts_overlap"
    sentence: ClassVar[str] = marked("The shifts “{first}” and “{second}” overlap at {at}. A lane has one at a time.")


@dataclass(frozen=True, order=True)
class WallInterval:
    """From one time of day to another, which belongs to the next day when it is not later."""

    starts: time
    ends: time


@dataclass(frozen=True)
class ShiftHours:
    """When a shift works, in wall-clock time; hours that end when they start last a whole day."""

    starts: time
    ends: time
    breaks: tuple[WallInterval, ...] = ()

    @property
    def wall_length(self) -> timedelta:
        """How far the clock on the wall goes on during the shift: more than nothing, a day at most."""
        return time_since(self.starts, self.ends) or DAY


@dataclass(frozen=True)
class ShiftTemplate:
    """A shift that a lane works again and again."""

    id: UUID
    lane_id: UUID
    name: str
    crew: str
    weekdays: frozenset[Weekday]
    """The days on which it starts."""
    hours: ShiftHours


@dataclass(frozen=True)
class ShiftException:
    """What a day has instead of its shift: nothing (a holiday), other hours, or hours it would not have (overtime).

    A shift that an exception names is worked as it says, even on a day whose other shifts are cancelled.
    """

    lane_id: UUID
    day: date
    template_id: UUID | None = None
    """The shift that is replaced. None without hours cancels every shift of the day; None with hours adds a shift."""
    hours: ShiftHours | None = None
    """The hours instead; None cancels."""
    name: str = ""
    """The name of the added shift, or another name for the replaced one."""
    crew: str = ""
    """The crew of the added shift, or another crew for the replaced one."""


@dataclass(frozen=True)
class ShiftOccurrence:
    """One shift of one day, in real time."""

    lane_id: UUID
    template_id: UUID | None
    """None for a shift that only this day has."""
    day: date
    """The day, in the plant's zone, on which it starts and to which all of it belongs."""
    name: str
    crew: str
    period: Period
    breaks: tuple[Period, ...] = ()
    """Planned breaks, in order and apart from each other."""

    @property
    def length_s(self) -> Decimal:
        """How long it lasts in real seconds: planned operation time (POT)."""
        return self.period.length_s

    @property
    def planned_busy_s(self) -> Decimal:
        """Its length without the planned breaks, in real seconds."""
        return self.length_s - total_s(self.breaks)


def checked_templates(templates: Iterable[ShiftTemplate]) -> tuple[ShiftTemplate, ...]:
    """Return templates that can stand together.

    Shifts that do not overlap on the wall overlap in no zone and on no day, so that a week of UTC proves all of them.

    Raises:
        ShiftWithoutDays: a template has no weekday.
        BreakOutsideShift: a break is not wholly inside its shift.
        BreaksOverlap: two breaks of a shift overlap.
        ShiftsOverlap: two shifts of one lane overlap.
    """
    checked = tuple(templates)
    for template in checked:
        if not template.weekdays:
            raise ShiftWithoutDays(shift=template.name)
        checked_hours(template.hours, shift=template.name)
    occurrences(checked, zone=ZoneInfo("UTC"), first_day=ANY_WEEK, before_day=ANY_WEEK + timedelta(days=9))
    return checked


def checked_hours(hours: ShiftHours, *, shift: str) -> ShiftHours:
    """Return hours whose breaks lie inside and apart from each other.

    Raises:
        BreakOutsideShift: a break is empty or not wholly inside.
        BreaksOverlap: two breaks overlap.
    """
    busy_until = timedelta()
    for starts_after, length, rest in _breaks_in_order(hours):
        if not length or starts_after + length > hours.wall_length:
            raise BreakOutsideShift(shift=shift, starts=rest.starts, ends=rest.ends)
        if starts_after < busy_until:
            raise BreaksOverlap(shift=shift, at=rest.starts)
        busy_until = starts_after + length
    return hours


def occurrences(
    templates: Iterable[ShiftTemplate],
    *,
    zone: ZoneInfo,
    first_day: date,
    before_day: date,
    exceptions: Iterable[ShiftException] = (),
) -> tuple[ShiftOccurrence, ...]:
    """Return the shifts that start on the days from `first_day` to before `before_day`, by lane, then by time.

    A shift whose hours the clock skips altogether does not take place.

    Raises:
        ShiftsOverlap: two shifts of one lane overlap.
    """
    every, changes = tuple(templates), tuple(exceptions)
    days = [first_day + timedelta(days=number) for number in range((before_day - first_day).days)]
    found = (occurrence for day in days for occurrence in _of_day(every, changes, day, zone))
    taking_place = (occurrence for occurrence in found if occurrence.length_s)
    ordered = tuple(sorted(taking_place, key=lambda one: (one.lane_id, one.period)))
    refuse_overlaps(ordered)
    return ordered


def refuse_overlaps(shifts: Iterable[ShiftOccurrence]) -> None:
    """Refuse shifts of one lane that share time, wherever they come from.

    Raises:
        ShiftsOverlap: two of them do.
    """
    ordered = sorted(shifts, key=lambda one: (one.lane_id, one.period))
    for _, of_lane in groupby(ordered, key=lambda one: one.lane_id):
        for earlier, later in pairwise(of_lane):
            if earlier.period.ends_at > later.period.starts_at:
                raise ShiftsOverlap(first=earlier.name, second=later.name, at=later.period.starts_at)


def occurrence_at(shifts: Iterable[ShiftOccurrence], instant: datetime) -> ShiftOccurrence | None:
    """Return the shift of one lane that works at an instant; None between shifts."""
    return next((shift for shift in shifts if shift.period.contains(instant)), None)


def shift_at(
    templates: Iterable[ShiftTemplate],
    instant: datetime,
    *,
    zone: ZoneInfo,
    exceptions: Iterable[ShiftException] = (),
) -> ShiftOccurrence | None:
    """Return the shift that a lane's templates give an instant; None between shifts.

    Raises:
        ShiftsOverlap: two shifts around the instant overlap.
    """
    day = instant.astimezone(zone).date()
    around = occurrences(templates, zone=zone, first_day=day - DAY, before_day=day + 2 * DAY, exceptions=exceptions)
    return occurrence_at(around, instant)


def _of_day(
    templates: tuple[ShiftTemplate, ...], exceptions: tuple[ShiftException, ...], day: date, zone: ZoneInfo
) -> Iterator[ShiftOccurrence]:
    of_day = [exception for exception in exceptions if exception.day == day]
    closed_lanes = {one.lane_id for one in of_day if one.template_id is None and one.hours is None}
    replaced = {one.template_id: one for one in of_day if one.template_id is not None}
    for template in templates:
        change = replaced.get(template.id)
        if change is not None:
            if change.hours is not None:
                name, crew = change.name or template.name, change.crew or template.crew
                yield _occurrence(template.lane_id, template.id, day, name, crew, change.hours, zone)
        elif day.weekday() in template.weekdays and template.lane_id not in closed_lanes:
            yield _occurrence(template.lane_id, template.id, day, template.name, template.crew, template.hours, zone)
    for added in of_day:
        if added.template_id is None and added.hours is not None:
            yield _occurrence(added.lane_id, None, day, added.name, added.crew, added.hours, zone)


def _occurrence(
    lane_id: UUID, template_id: UUID | None, day: date, name: str, crew: str, hours: ShiftHours, zone: ZoneInfo
) -> ShiftOccurrence:
    period = Period(
        instant_of(day, hours.starts, zone), instant_of(*moved_on(day, hours.starts, hours.wall_length), zone)
    )
    return ShiftOccurrence(lane_id, template_id, day, name, crew, period, _breaks(hours, day, zone, period))


def _breaks(hours: ShiftHours, day: date, zone: ZoneInfo, period: Period) -> tuple[Period, ...]:
    breaks: list[Period] = []
    for starts_after, length, _ in _breaks_in_order(hours):
        starts_at = instant_of(*moved_on(day, hours.starts, starts_after), zone)
        if breaks:
            starts_at = max(starts_at, breaks[-1].ends_at)
        breaks.append(Period(starts_at, starts_at + length).within(period))
    return tuple(rest for rest in breaks if rest.length_s)


def _breaks_in_order(hours: ShiftHours) -> list[tuple[timedelta, timedelta, WallInterval]]:
    return sorted(
        (time_since(hours.starts, rest.starts), time_since(rest.starts, rest.ends), rest) for rest in hours.breaks
    )
