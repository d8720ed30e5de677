"""Every minute of a shift, a row per machine: what it did, hour by hour target against good pieces."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NotRequired, TypedDict

import orjson
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from ui.components.packed import packed
from ui.theme.tokens import TIME_CAUSES

ICONS = orjson.Fragment(orjson.dumps({cause: look.icon for cause, look in TIME_CAUSES.items()}))


class TimelinePart(TypedDict):
    """A piece of time with one cause. Instants are epoch milliseconds."""

    from_: int
    to: int
    cause: str
    reason: NotRequired[str]
    stop: NotRequired[str]
    """Names the stop that it belongs to; absent where nothing can be explained."""
    going_on: NotRequired[bool]


class TimelineHour(TypedDict):
    """One clock hour. Quantities are written already."""

    from_: int
    to: int
    good: str
    target: NotRequired[str]
    is_behind: bool


class TimelineMachine(TypedDict):
    """One row."""

    id: str
    code: str
    name: str
    oee: str
    parts: list[TimelinePart]
    hours: list[TimelineHour]


class TimelineShift(TypedDict):
    """All a timeline shows."""

    from_: int
    to: int
    now: int
    breaks: list[list[int]]
    machines: list[TimelineMachine]


class ShiftTimeline(Element, component="shift_timeline.js", dependencies=["live_board.js"]):
    """Rows of time that can be tapped where a machine stood still."""

    def __init__(self, *, labels: Mapping[str, str], lang: str, zone: str, can_explain: bool) -> None:
        """Write numbers and times as `lang` and `zone` do; stops can be tapped where the person may explain them."""
        super().__init__()
        self.props["labels"] = packed(labels)
        self.props["lang"] = lang
        self.props["zone"] = zone
        self.props["icons"] = ICONS
        self.props["canExplain"] = can_explain

    def show(self, shift: TimelineShift) -> None:
        """Show another state of the shift."""
        self.props["shift"] = orjson.Fragment(orjson.dumps(shift))

    def on_stop(self, handler: Callable[[str], Awaitable[None]]) -> None:
        """Call `handler` with the name of the stop that was tapped."""

        async def tapped(event: GenericEventArguments) -> None:
            await handler(str(event.args))

        self.on("stop", tapped)


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate the timeline's own words; braces are filled in by the browser."""
    return {
        "now": _("Now"),
        "explain": _("{what}, {from} to {to}. Tap to give the reason."),
        "part": _("{what}, {from} to {to}"),
        "hour": _("{good} good of {target}"),
        "hour_without_target": _("{good} good, no target"),
        "oee": _("OEE"),
        "no_machines": _("This lane has no machines yet"),
    }
