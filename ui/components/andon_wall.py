"""The Andon wall of one lane: a tile per machine, open calls with running clocks, and the last hours' output."""

from collections.abc import Callable
from typing import Literal, NotRequired, TypedDict

from ui.components import andon_call_words, live_board, machine_state_badge
from ui.components.live_board import LiveBoard

MachineStateName = Literal[
    "running",
    "idle",
    "setup",
    "planned_stop",
    "unplanned_stop",
    "blocked",
    "starved",
    "maintenance",
    "no_data",
]


class LaneHead(TypedDict):
    """Whose wall it is."""

    name: str
    code: str
    plant: str


class MachineRun(TypedDict):
    """What a machine makes. Quantities are decimals written as strings."""

    order: str
    part: str
    good: str
    scrap: str
    target: NotRequired[str]
    paused: NotRequired[bool]
    test: NotRequired[bool]


class WallMachine(TypedDict):
    """One machine's tile. Instants are epoch milliseconds; what is unknown is absent, never null."""

    order: int
    code: str
    name: str
    state: MachineStateName
    since: NotRequired[int]
    reason: NotRequired[str]
    asks_at: NotRequired[int]
    """When a stop without a reason is too long for a micro-stop and asks for one."""
    detail: NotRequired[str]
    run: NotRequired[MachineRun]
    good_today: str
    scrap_today: str
    heard_at: NotRequired[int]
    as_of: NotRequired[int]
    """The machine's own time when that is not now (a replayed day): its clocks stand at it."""


class WallCall(TypedDict):
    """One open Andon call."""

    machine: str
    category: Literal["quality", "material", "machine", "safety", "help"]
    severity: Literal["minor", "major", "critical"]
    state: Literal["raised", "acknowledged"]
    raised_at: int
    by: NotRequired[str]
    note: NotRequired[str]


class WallHour(TypedDict):
    """What the lane made in one hour."""

    good: str
    scrap: str


class WallShift(TypedDict):
    """The running shift of the lane. Quantities and ratios are decimals written as strings."""

    name: NotRequired[str]
    """Absent where the lane works around the clock."""
    starts: int
    ends: int
    at: NotRequired[int]
    """How far the figures reach: what is newer enters within a minute."""
    good: str
    oee: NotRequired[str]
    target: NotRequired[str]
    """What should have been made by now; absent where a planned cycle time is missing."""
    pace: NotRequired[str]
    """Good pieces ahead of that target, negative behind it."""


class WallFigures(TypedDict):
    """One machine's figures of the running shift."""

    oee: NotRequired[str]
    target: NotRequired[str]
    pace: NotRequired[str]


class AndonWallSnapshot(TypedDict):
    """All an Andon wall shows. Machines, calls and figures are keyed by id, hours and targets by their start in epoch
    milliseconds. What follows from hourly facts (`shift`, `figures`, `targets`) is up to a minute older."""

    lane: LaneHead
    machines: dict[str, WallMachine]
    calls: dict[str, WallCall]
    hours: dict[str, WallHour]
    targets: dict[str, str]
    """Pieces to make in an hour that has a planned cycle time."""
    shift: NotRequired[WallShift]
    """Absent between shifts."""
    figures: NotRequired[dict[str, WallFigures]]


class AndonWall(LiveBoard, component="andon_wall.js", dependencies=["brand.js"]):
    """A full-screen wall whose snapshot has the shape of `AndonWallSnapshot`."""


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate every word of the wall."""
    return {
        **live_board.labels(_),
        **machine_state_badge.labels(_),
        **andon_call_words.labels(_),
        "stopped": _("Stopped"),
        "machines": _("Machines"),
        "calls": _("Open calls"),
        "no_reason": _("No reason given"),
        "test": _("Test"),
        "paused": _("Paused"),
        "as_of": _("As of {time}"),
        "today": _("Today"),
        "good_today": _("Good today"),
        "scrap_today": _("Scrap today"),
        "good_per_hour": _("Good pieces per hour"),
        "oee": _("OEE"),
        "shift": _("Shift"),
        "around_the_clock": _("Around the clock"),
        "good_of_target": _("Good / target so far"),
        "no_target": _("No target"),
        "pace_ahead": _("ahead of target"),
        "pace_behind": _("behind target"),
        "pace_even": _("on target"),
        "empty_title": _("This lane has no machines yet"),
        "empty_hint": _("Add machines to the lane in the plant's set-up and they will appear here."),
    }
