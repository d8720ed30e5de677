"""Half-open periods of real time, `[starts_at, ends_at)`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from domain.errors import Invalid, marked

MICROSECOND = timedelta(microseconds=1)
MICROSECONDS = Decimal(1_000_000)


class InvalidPeriod(Invalid):
    """A period that ends before it begins, or that is nowhere in time."""

    code: ClassVar[str] = "invalid_period"
    sentence: ClassVar[str] = marked("A period begins before it ends, and both times have a time zone.")


@dataclass(frozen=True, order=True)
class Period:
    """The time from one instant to another; its end belongs to the next period."""

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None or self.ends_at < self.starts_at:
            raise InvalidPeriod(starts_at=self.starts_at, ends_at=self.ends_at)

    @property
    def length_s(self) -> Decimal:
        """How long it lasts in real seconds, exact to the microsecond."""
        return seconds(self.ends_at - self.starts_at)

    def contains(self, instant: datetime) -> bool:
        """Tell whether an instant lies in it."""
        return self.starts_at <= instant < self.ends_at

    def overlaps(self, other: "Period") -> bool:
        """Tell whether two periods share time."""
        return max(self.starts_at, other.starts_at) < min(self.ends_at, other.ends_at)

    def within(self, other: "Period") -> "Period":
        """Return the time that it shares with another; empty, at the nearer end of the other, where there is none."""
        starts_at = min(max(self.starts_at, other.starts_at), other.ends_at)
        return Period(starts_at, max(starts_at, min(self.ends_at, other.ends_at)))

    def without_s(self, rests: Iterable["Period"]) -> Decimal:
        """How long it lasts without what it shares with `rests`, which share nothing with each other, in seconds."""
        return self.length_s - total_s(rest.within(self) for rest in rests)


def seconds(length: timedelta) -> Decimal:
    """Return a length of time in seconds, exact to the microsecond."""
    return Decimal(length // MICROSECOND) / MICROSECONDS


def total_s(periods: Iterable[Period]) -> Decimal:
    """Return how long periods last together, in seconds; time that two of them share counts twice."""
    return sum((period.length_s for period in periods), Decimal(0))
