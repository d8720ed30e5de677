"""Escalation of Andon calls: who is told when nobody answers, shelving, and how fast the answer came."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import ClassVar

from domain.errors import Conflict, Invalid, marked
from domain.plant.periods import Period, seconds

LATE_AFTER = timedelta(seconds=30)
"""How long after its time a step may fire without being called late."""
LONGEST_WAIT = timedelta(days=7)
"""The longest delay of a step or a machine rule, and the longest target."""
LONGEST_SHELVING = timedelta(hours=8)
"""A shift: longer than that, nobody remembers why a call lies on the shelf."""
MOST_STEPS = 20


class Recipient(StrEnum):
    """What `LadderStep.whom` names."""

    ROLE = "role"  # everybody who holds the role
    ON_CALL = "on_call"  # whoever is on call for this duty in the shift that works now


class Channel(StrEnum):
    """How people are told."""

    SCREEN = "screen"
    SOUND = "sound"
    MAIL = "mail"


class InvalidLadder(Invalid):
    """A ladder whose steps do not follow each other, or that tells nobody."""

    code: ClassVar[str] = "invalid_ladder"
    sentence: ClassVar[str] = marked(
        "Each step of a ladder comes later than the one before, names somebody, and says how to tell them."
    )


class InvalidWait(Invalid):
    """A delay or a target that is no time to wait."""

    code: ClassVar[str] = "invalid_wait"
    sentence: ClassVar[str] = marked("“{field}” must be a whole number of seconds from {least} to {most}.")


class LadderMovedOn(Conflict):
    """Somebody else edited the ladder or the rule first."""

    code: ClassVar[str] = "ladder_moved_on"
    sentence: ClassVar[str] = marked("This was edited by somebody else in the meantime. Look again, then edit it.")


class InvalidShelving(Invalid):
    """Shelving that has no end, or one that is not to be had."""

    code: ClassVar[str] = "invalid_shelving"
    sentence: ClassVar[str] = marked("A call can be shelved for up to {longest_min} minutes, and not into the past.")


@dataclass(frozen=True)
class LadderStep:
    """One step: after a delay from the raising of the call, somebody is told."""

    after: timedelta
    """From *raised*, not from the step before."""
    recipient: Recipient
    whom: str
    """The role, or the duty that somebody is on call for."""
    channels: frozenset[Channel]


@dataclass(frozen=True)
class DueStep:
    """A step whose time has come."""

    number: int
    """Its place on the ladder, from 0; the name under which it is remembered as fired."""
    step: LadderStep
    due_at: datetime
    is_late: bool
    """Whether it fires well after its time, because nobody was there to fire it; the message says so."""


@dataclass(frozen=True)
class AnswerTargets:
    """How fast calls of a category are to be answered; None where nobody set a target."""

    response: timedelta | None = None
    """From raised to acknowledged."""
    resolution: timedelta | None = None
    """From raised to resolved."""


@dataclass(frozen=True)
class AnswerTime:
    """How long one kind of answer took, or takes so far."""

    elapsed_s: Decimal
    is_over: bool
    """Whether the answer has come, so that the clock stands."""
    target_s: Decimal | None

    @property
    def missed(self) -> bool | None:
        """Whether the target was missed, also while the clock still runs; None without a target."""
        return None if self.target_s is None else self.elapsed_s > self.target_s


def checked_ladder(steps: Collection[LadderStep]) -> tuple[LadderStep, ...]:
    """Return the steps of a ladder that can be climbed.

    Raises:
        InvalidLadder: a delay is negative, longer than a week or not later than the one before, a step tells nobody,
            or there are more than twenty.
    """
    ladder = tuple(steps)
    in_order = len(ladder) <= MOST_STEPS and all(earlier.after < later.after for earlier, later in pairwise(ladder))
    if not in_order or any(not (_can_wait(step.after) and step.whom and step.channels) for step in ladder):
        raise InvalidLadder(field="steps")
    return ladder


def checked_wait(value_s: int, *, field: str, least_s: int = 0) -> int:
    """Return a delay or a target in seconds when people can wait that long.

    Raises:
        InvalidWait: less than `least_s`, or longer than a week.
    """
    most_s = LONGEST_WAIT // timedelta(seconds=1)
    if not least_s <= value_s <= most_s:
        raise InvalidWait(field=field, least=least_s, most=most_s)
    return value_s


def checked_shelving(until: datetime, *, now: datetime, longest: timedelta) -> Period:
    """Return the time for which a call lies on the shelf, from now.

    Raises:
        InvalidShelving: it would end now or before, or last longer than allowed.
    """
    if not now < until <= now + longest:
        raise InvalidShelving(field="until", longest_min=longest // timedelta(minutes=1))
    return Period(now, until)


def due_steps(
    ladder: Collection[LadderStep],
    *,
    raised_at: datetime,
    now: datetime,
    fired: Collection[int] = (),
    acknowledged_at: datetime | None = None,
    shelved: Period | None = None,
) -> tuple[DueStep, ...]:
    """Return the steps that fire now, in order; each fires once.

    Acknowledging stops the ladder, also for steps that were due before and that nobody could fire: those whom they
    would call are no longer needed. A call on the shelf waits: whatever has not fired by then is due when the last
    shelving ends, early or on time.
    """
    if acknowledged_at is not None:
        return ()
    waiting = ((number, step, _due_at(step, raised_at, shelved)) for number, step in enumerate(ladder))
    return tuple(
        DueStep(number, step, due_at, is_late=now - due_at > LATE_AFTER)
        for number, step, due_at in waiting
        if number not in fired and due_at <= now
    )


def next_due_at(
    ladder: Collection[LadderStep],
    *,
    raised_at: datetime,
    fired: Collection[int] = (),
    acknowledged_at: datetime | None = None,
    shelved: Period | None = None,
) -> datetime | None:
    """Return when the next step is due, perhaps in the past; None when the ladder is stopped or climbed."""
    if acknowledged_at is not None:
        return None
    waiting = (_due_at(step, raised_at, shelved) for number, step in enumerate(ladder) if number not in fired)
    return min(waiting, default=None)


def response_time(
    *,
    raised_at: datetime,
    acknowledged_at: datetime | None,
    resolved_at: datetime | None,
    now: datetime,
    targets: AnswerTargets,
) -> AnswerTime:
    """Return how long the call waited for somebody to come; one resolved unacknowledged waited until then.

    Shelving does not stop the clock.
    """
    return _answer_time(raised_at, acknowledged_at or resolved_at, now, targets.response)


def resolution_time(
    *, raised_at: datetime, resolved_at: datetime | None, now: datetime, targets: AnswerTargets
) -> AnswerTime:
    """Return how long the trouble lasted; acknowledging and shelving do not stop the clock."""
    return _answer_time(raised_at, resolved_at, now, targets.resolution)


def _can_wait(delay: timedelta) -> bool:
    return timedelta() <= delay <= LONGEST_WAIT


def _due_at(step: LadderStep, raised_at: datetime, shelved: Period | None) -> datetime:
    due_at = raised_at + step.after
    return due_at if shelved is None else max(due_at, shelved.ends_at)


def _answer_time(
    raised_at: datetime, answered_at: datetime | None, now: datetime, target: timedelta | None
) -> AnswerTime:
    return AnswerTime(
        elapsed_s=seconds((answered_at or now) - raised_at),
        is_over=answered_at is not None,
        target_s=None if target is None else seconds(target),
    )
