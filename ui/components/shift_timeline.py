"""Every minute of a shift, a row per machine: what it did, hour by hour target against good pieces."""

from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import NotRequired, TypedDict

import orjson
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from ui.components.packed import packed
from ui.theme.tokens import TIME_CAUSES

HOUR_MS = 3_600_000
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

    def picture(self) -> str:
        """Return what it shows as plain markup, for the time until the browser draws it itself."""
        shift: TimelineShift = orjson.loads(orjson.dumps(self.props["shift"]))
        return _picture(shift, orjson.loads(orjson.dumps(self.props["labels"]))) if shift["machines"] else ""

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


def _picture(shift: TimelineShift, words: Mapping[str, str]) -> str:
    used = {part["cause"] for machine in shift["machines"] for part in machine["parts"]}
    legend = "".join(
        f'<li data-cause="{cause}">{_icon(look.icon)}{escape(words[cause])}</li>'
        for cause, look in TIME_CAUSES.items()
        if cause in used
    )
    rows = "".join(_row(shift, machine, words) for machine in shift["machines"])
    hours = max(1, (shift["to"] - shift["from_"]) / HOUR_MS)
    return (
        f'<div class="u-time"><ul class="u-time__legend">{legend}</ul><div class="u-time__scroll">'
        f'<div class="u-time__rows" style="--hours:{hours:.2f}"><div class="u-time__axis"></div>{rows}</div>'
        "</div></div>"
    )


def _row(shift: TimelineShift, machine: TimelineMachine, words: Mapping[str, str]) -> str:
    rests = "".join(f'<span class="u-time__rest" style="{_place(shift, *rest)}"></span>' for rest in shift["breaks"])
    parts = "".join(
        f'<span class="u-time__part" data-cause="{part["cause"]}" style="{_place(shift, part["from_"], part["to"])}">'
        "</span>"
        for part in machine["parts"]
    )
    hours = "".join(
        f'<span class="u-time__hour"{" data-behind" if hour["is_behind"] else ""}'
        f' style="{_place(shift, hour["from_"], hour["to"])}">'
        f"{_icon('arrow_downward') if hour['is_behind'] else ''}<b>{hour['good']}</b>"
        f"{'<small>/' + hour['target'] + '</small>' if 'target' in hour else ''}</span>"
        for hour in machine["hours"]
    )
    return (
        f'<section class="u-time__machine"><header><strong>{escape(machine["code"])}</strong>'
        f'<span class="u-muted">{escape(machine["name"])}</span>'
        f'<span class="u-time__oee">{escape(words["oee"])} {machine["oee"]}</span></header>'
        f'<div class="u-time__track">{rests}{parts}</div><div class="u-time__hours">{hours}</div></section>'
    )


def _place(shift: TimelineShift, from_: int, to: int) -> str:
    percent = 100 / (shift["to"] - shift["from_"])
    return f"left:{(from_ - shift['from_']) * percent:.3f}%;width:{(to - from_) * percent:.3f}%"


def _icon(name: str) -> str:
    return f'<i class="material-icons notranslate">{name}</i>'
