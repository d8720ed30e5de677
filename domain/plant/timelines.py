"""A machine's timeline: state changes, the time between them, and how people give it reasons.

A state lasts from its change until the next, so that overlaps cannot exist. Before the first change nobody knows what
the machine did: no data.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby, pairwise
from typing import ClassVar
from uuid import UUID

from domain.errors import Conflict, Invalid, marked
from domain.plant.machine_states import MachineState
from domain.plant.periods import Period, seconds
from domain.plant.reasons import LossCategory

WITHOUT_REASON = frozenset({MachineState.RUNNING, MachineState.NO_DATA})
"""States that nobody explains: there is nothing to explain, or nobody knows."""


class StopChanged(Conflict):
    """The timeline is no longer what the person saw who decided."""

    code: ClassVar[str] = "stop_changed"
    sentence: ClassVar[str] = marked(
        "This stop has changed since you looked at it. Look again, then choose the reason."
    )


class NotAStop(Invalid):
    """A reason for time that needs none."""

    code: ClassVar[str] = "not_a_stop"
    sentence: ClassVar[str] = marked("Only a stop has a reason, and the machine was not standing still then.")


class PartsDoNotFit(Invalid):
    """Parts of a stop that do not make up the stop."""

    code: ClassVar[str] = "parts_do_not_fit"
    sentence: ClassVar[str] = marked(
        "The first part begins with the stop at {starts_at}; each next part begins later, and before {ends_at}."
    )


@dataclass(frozen=True)
class StopReason:
    """A reason of the organization and the bucket that its time falls into."""

    id: UUID
    category: LossCategory


@dataclass(frozen=True)
class StateChange:
    """A point on the timeline: from here on the machine is in a state, for a reason if somebody gave one."""

    at: datetime
    state: MachineState
    reason: StopReason | None = None


@dataclass(frozen=True)
class Stretch:
    """Time in one state for one reason, from its change to the next, wherever anybody looks."""

    starts_at: datetime
    ends_at: datetime | None
    """None while it goes on."""
    state: MachineState
    reason: StopReason | None
    stay_starts_at: datetime
    """When the machine entered the state; earlier than `starts_at` where the stop was split."""
    stay_ends_at: datetime | None
    """When the machine left the state; None while it is in it."""

    def stay_s(self, until: datetime) -> Decimal:
        """How long the machine was in the state, over all parts of a split stop; so far, while it goes on. Seconds."""
        return seconds((self.stay_ends_at or until) - self.stay_starts_at)


@dataclass(frozen=True)
class Segment:
    """The piece of a stretch that lies inside an observed period."""

    period: Period
    stretch: Stretch

    @property
    def state(self) -> MachineState:
        """What the machine was doing."""
        return self.stretch.state

    @property
    def reason(self) -> StopReason | None:
        """Why, if somebody said so."""
        return self.stretch.reason


@dataclass(frozen=True)
class SeenStop:
    """What stood on the screen of the person who decided, echoed back with the decision."""

    starts_at: datetime
    ends_at: datetime | None
    """None where the stop still went on."""
    state: MachineState
    reason_id: UUID | None


@dataclass(frozen=True)
class StopPart:
    """A part of a stop, until the next part or the end of the stop, and its reason; None leaves it unexplained."""

    starts_at: datetime
    reason: StopReason | None


def stretches(changes: Iterable[StateChange]) -> tuple[Stretch, ...]:
    """Return the time between changes, in order.

    Of several changes at one instant the last given counts. A repeated state with the same reason goes on; with
    another reason it is another part of the same stay.
    """
    at_once = {change.at: change for change in changes}
    ordered = sorted(at_once.values(), key=lambda change: change.at)
    turns = [next(same) for _, same in groupby(ordered, key=lambda change: (change.state, change.reason))]
    return tuple(stretch for stay in _stays(turns) for stretch in stay)


def segments(changes: Iterable[StateChange], period: Period) -> tuple[Segment, ...]:
    """Return what a machine did in a period, as pieces that follow each other and fill it exactly.

    `changes` hold the last one at or before the period's start, if there is one, all inside it, and the first one
    after its end, if there is one: it tells how long the last state really lasted.
    """
    known = stretches(changes)
    first_at = known[0].starts_at if known else None
    if first_at is None or first_at > period.starts_at:
        unknown = Stretch(period.starts_at, first_at, MachineState.NO_DATA, None, period.starts_at, first_at)
        known = (unknown, *known)
    pieces = (
        Segment(
            Period(stretch.starts_at, max(stretch.starts_at, stretch.ends_at or period.ends_at)).within(period), stretch
        )
        for stretch in known
    )
    return tuple(piece for piece in pieces if piece.period.length_s)


def is_micro_stop(stretch: Stretch, *, threshold_s: Decimal, until: datetime) -> bool:
    """Tell whether a stop is too short to ask anybody about: shorter than the machine's threshold as a whole.

    One that still goes on is a micro-stop until it reaches the threshold.
    """
    return stretch.state is MachineState.UNPLANNED_STOP and stretch.stay_s(until) < threshold_s


def classify_stop(
    changes: Iterable[StateChange], *, seen: SeenStop, parts: Sequence[StopPart], now: datetime
) -> tuple[StateChange, ...]:
    """Return the changes that stand on the timeline instead of all of the seen stop's, one for each part.

    A stop that was still going on when it was seen may have ended since: what was decided then holds for all of it.
    Any other difference means that the person decided about something else.

    Raises:
        StopChanged: the timeline has no such stop any more: other times, another state or another reason.
        NotAStop: the machine was running, or nobody knows what it did.
        PartsDoNotFit: no part, a first part that does not begin with the stop, or a part out of order or outside.
    """
    stop = next((stretch for stretch in stretches(changes) if stretch.starts_at == seen.starts_at), None)
    if stop is None or _as_seen(stop, still_going=seen.ends_at is None) != seen:
        raise StopChanged(starts_at=seen.starts_at)
    if stop.state in WITHOUT_REASON:
        raise NotAStop(state=stop.state)
    ends_at = now if stop.ends_at is None else stop.ends_at
    starts = [part.starts_at for part in parts]
    in_order = all(earlier < later for earlier, later in pairwise([*starts, ends_at]))
    if not starts or starts[0] != stop.starts_at or not in_order:
        raise PartsDoNotFit(starts_at=stop.starts_at, ends_at=ends_at)
    return tuple(StateChange(part.starts_at, stop.state, part.reason) for part in parts)


def _as_seen(stop: Stretch, *, still_going: bool) -> SeenStop:
    reason_id = None if stop.reason is None else stop.reason.id
    return SeenStop(stop.starts_at, None if still_going else stop.ends_at, stop.state, reason_id)


def _stays(turns: list[StateChange]) -> list[list[Stretch]]:
    ends = {change.at: following.at for change, following in pairwise(turns)}
    stays = [list(same) for _, same in groupby(turns, key=lambda change: change.state)]
    return [
        [
            Stretch(part.at, ends.get(part.at), part.state, part.reason, stay[0].at, ends.get(stay[-1].at))
            for part in stay
        ]
        for stay in stays
    ]
