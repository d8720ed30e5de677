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


class AndonWallSnapshot(TypedDict):
    """All an Andon wall shows. Machines and calls are keyed by id, hours by their start in epoch milliseconds."""

    lane: LaneHead
    machines: dict[str, WallMachine]
    calls: dict[str, WallCall]
    hours: dict[str, WallHour]


class AndonWall(LiveBoard, component="andon_wall.js"):
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
        "empty_title": _("This lane has no machines yet"),
        "empty_hint": _("Add machines to the lane in the plant's set-up and they will appear here."),
    }
