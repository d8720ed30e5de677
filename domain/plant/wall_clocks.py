"""From what the clock on the wall shows to instants, across the days on which it is changed.

The rule, the same for shifts and their breaks: a time that the clock shows twice means the first time; a time that
it never shows means the moment of the jump. Later on the wall is then never earlier in truth, so shifts that follow
each other on the wall follow each other without a gap or an overlap on every day of every zone.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)


def instant_of(day: date, wall_clock: time, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which the clocks of a zone show a time of a day; see the rule above."""
    first = datetime.combine(day, wall_clock.replace(tzinfo=None, fold=0), tzinfo=zone)
    offset, later_offset = _offset(first), _offset(first.replace(fold=1))
    instant = _in_utc(first, offset)
    if later_offset <= offset:  # the same: an ordinary time; smaller: shown twice, and the first of the two is meant
        return instant
    return _jump_between(_in_utc(first, later_offset), instant, zone)


def time_since(start: time, then: time) -> timedelta:
    """Return how far the clock on the wall goes on from one time of day to the next occurrence of another."""
    return (_since_midnight(then) - _since_midnight(start)) % DAY


def moved_on(day: date, start: time, by: timedelta) -> tuple[date, time]:
    """Return the day and time that the clock on the wall shows when it went on by less than two days."""
    days, rest = divmod(_since_midnight(start) + by, DAY)
    return day + timedelta(days=days), (MIDNIGHT + rest).time()


def _since_midnight(wall_clock: time) -> timedelta:
    return datetime.combine(MIDNIGHT, wall_clock, tzinfo=UTC) - MIDNIGHT


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()


def _in_utc(local: datetime, offset: timedelta) -> datetime:
    return local.replace(tzinfo=UTC, fold=0) - offset


def _jump_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the whole second at which the zone's offset changes: after `before`, and at or before `after`."""
    low, high = int(before.timestamp()), int(after.timestamp())
    offset = _offset(datetime.fromtimestamp(low, zone))
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(datetime.fromtimestamp(middle, zone)) == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
