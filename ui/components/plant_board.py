"""The plant overview: lanes with their machines, what is being lost now, and open calls."""

from collections.abc import Callable, Mapping
from typing import Literal, NotRequired, TypedDict

import orjson

from ui.components import andon_call_words, live_board, machine_state_badge
from ui.components.andon_wall import MachineStateName, WallCall
from ui.components.live_board import LiveBoard


class PlantHead(TypedDict):
    """Which plant it is."""

    name: str
    code: str


class PlantMachine(TypedDict):
    """One machine's chip. Instants are epoch milliseconds; what is unknown is absent, never null."""

    order: int
    code: str
    name: str
    state: MachineStateName
    since: NotRequired[int]
    reason: NotRequired[str]
    asks_at: NotRequired[int]
    """When a stop without a reason is too long for a micro-stop and asks for one."""
    as_of: NotRequired[int]


class PlantLane(TypedDict):
    """One lane's card. Quantities are decimals written as strings."""

    order: int
    code: str
    name: str
    machines: dict[str, PlantMachine]
    good_today: str
    scrap_today: str


class PlantCall(WallCall):
    """One open Andon call, and the lane it comes from."""

    lane: str


class RiskyOrder(TypedDict):
    """One order that will not be ready when it is due."""

    number: str
    material: str
    unit: str
    state: str
    due: int
    """Epoch milliseconds."""
    remaining: str
    why: Literal["late", "on_hold", "draft", "short"]
    """short: what is left takes longer than there is time."""


class PlantBoardSnapshot(TypedDict):
    """All a plant overview shows, keyed by the ids of lanes, machines, calls and orders."""

    plant: PlantHead
    lanes: dict[str, PlantLane]
    calls: dict[str, PlantCall]
    risks: dict[str, RiskyOrder]
    """The most urgent ones."""
    risk_count: int
    """How many there are."""


class PlantBoard(LiveBoard, component="plant_board.js"):
    """An overview inside the frame whose snapshot has the shape of `PlantBoardSnapshot`."""

    def __init__(
        self,
        *,
        room: str,
        seq: int,
        at: int,
        snapshot: orjson.Fragment,
        labels: Mapping[str, str],
        lang: str,
        zone: str,
    ) -> None:
        """Draw the overview; machines lead to the shift of their lane until `open_terminals`."""
        super().__init__(room=room, seq=seq, at=at, snapshot=snapshot, labels=labels, lang=lang, zone=zone)
        self.props["has-terminals"] = False

    def open_terminals(self) -> None:
        """Let machines lead to their terminals, for people who may work there; call before the page is sent."""
        self.props["has-terminals"] = True


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate every word of the overview; braces are filled in by the browser."""
    return {
        **live_board.labels(_),
        **machine_state_badge.labels(_),
        **andon_call_words.labels(_),
        "no_reason": _("No reason given"),
        "as_of": _("As of {time}"),
        "running_of": _("{running} of {all} running"),
        "good_today": _("Good today"),
        "scrap_today": _("Scrap today"),
        "losses": _("Losses now"),
        "no_losses": _("Nothing stands still."),
        "calls": _("Open calls"),
        "no_calls": _("Nobody is calling."),
        "risks": _("Orders at risk"),
        "no_risks": _("Every order will be ready in time."),
        "more_risks": _("{count} more"),
        "risk_late": _("Late"),
        "risk_on_hold": _("On hold"),
        "risk_draft": _("Not released"),
        "risk_short": _("Too little time left"),
        "due": _("Due {time}"),
        "no_machines": _("This lane has no machines yet"),
        "empty_title": _("This plant has no lanes yet"),
        "empty_hint": _("Add a lane and its machines in the plant's set-up and they will appear here."),
    }
