"""Counters that machines and people read off: what was made is the difference of two readings, never a total."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import ClassVar

from domain.errors import Invalid, marked


class CountingSource(StrEnum):
    """Who says what a machine made."""

    OPERATOR = "operator"  # people enter pieces
    COUNTER = "counter"  # people enter what the counter shows
    MACHINE = "machine"  # it reports by itself


class CounterWentBack(Invalid):
    """A reading is below the one before, and the counter neither rolls over nor was reset."""

    code: ClassVar[str] = "counter_went_back"
    sentence: ClassVar[str] = marked("The counter went back from {before} to {after}. Was it reset?")


class CounterOutOfRange(Invalid):
    """A reading that the counter cannot show."""

    code: ClassVar[str] = "counter_out_of_range"
    sentence: ClassVar[str] = marked("The counter cannot show {reading}. Read it again.")


def made_between(
    before: Decimal, after: Decimal, *, rolls_over_at: Decimal | None = None, was_reset: bool = False
) -> Decimal:
    """Return what was made between two readings.

    `rolls_over_at` is the number that the counter shows as zero again (10000 for one of four digits); it is taken to
    have done so once at most. `was_reset` says that somebody set it to zero in between: then the pieces before the
    reset are not known, and `after` is what was made since, even when it is above `before`.

    Raises:
        CounterOutOfRange: a reading is negative, no number, or above what the counter can show.
        CounterWentBack: `after` is smaller and nothing explains it.
    """
    for reading in (before, after):
        if not reading.is_finite() or reading < 0 or (rolls_over_at is not None and reading > rolls_over_at):
            raise CounterOutOfRange(reading=reading)
    if was_reset:
        return after
    if after >= before:
        return after - before
    if rolls_over_at is not None:
        return rolls_over_at - before + after
    raise CounterWentBack(before=before, after=after)


def made_over(
    readings: Iterable[Decimal], *, rolls_over_at: Decimal | None = None, resets_itself: bool = False
) -> Decimal:
    """Return what was made over a series of readings in time order; nothing for fewer than two.

    A counter that `resets_itself` (at a shift's start, at power-up) shows by a smaller reading that it did so. Where a
    counter may also roll over, the reset is taken: it books too few pieces rather than too many.

    Raises:
        CounterOutOfRange: a reading is negative, no number, or above what the counter can show.
        CounterWentBack: a reading is smaller than the one before, and the counter neither rolls over nor resets itself.
    """
    steps = (
        made_between(before, after, rolls_over_at=rolls_over_at, was_reset=resets_itself and after < before)
        for before, after in pairwise(readings)
    )
    return sum(steps, Decimal(0))
