"""The life of an Andon call."""

from enum import StrEnum
from typing import ClassVar

from domain.errors import Conflict, marked


class CallCategory(StrEnum):
    """What kind of help is wanted."""

    QUALITY = "quality"
    MATERIAL = "material"
    MACHINE = "machine"
    SAFETY = "safety"
    HELP = "help"


class CallSeverity(StrEnum):
    """How much stands at stake."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class CallState(StrEnum):
    """Where a call is in its life."""

    RAISED = marked("raised")  # somebody waits for help
    ACKNOWLEDGED = marked("acknowledged")  # somebody is on the way; stops the ladder, not the clock
    RESOLVED = marked("resolved")  # the trouble is over
    CLOSED = marked("closed")  # looked at afterwards


NEXT: dict[CallState, frozenset[CallState]] = {
    CallState.RAISED: frozenset({CallState.ACKNOWLEDGED, CallState.RESOLVED}),
    CallState.ACKNOWLEDGED: frozenset({CallState.RESOLVED}),
    CallState.RESOLVED: frozenset({CallState.CLOSED}),
    CallState.CLOSED: frozenset(),
}
"""The states that may follow each state."""


class CallMovedOn(Conflict):
    """Somebody else answered the call first."""

    code: ClassVar[str] = "call_moved_on"
    sentence: ClassVar[str] = marked("This call is already {state}.")


def follow(now: CallState, then: CallState) -> CallState:
    """Return the next state of a call.

    Raises:
        CallMovedOn: `then` does not follow `now`.
    """
    if then not in NEXT[now]:
        raise CallMovedOn(state=now.value)
    return then
