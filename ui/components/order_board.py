"""The open orders of a plant as cards that are dragged: by state, or by the work centre of their next step."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from math import inf
from typing import Literal, NotRequired, TypedDict, cast

import orjson
from nicegui.events import GenericEventArguments

from domain.production.operations import SENTENCES, OperationState
from domain.production.orders import WORDS
from services.production.boards import Snapshot
from ui.components import live_board
from ui.components.live_board import LiveBoard
from ui.components.order_picture import OrderPicture

View = Literal["states", "centres"]
SHOWN_AT_FIRST = 12
"""Cards per column in the page itself: as many as stand on a screen."""


class OrderStep(TypedDict):
    """One operation of an order, as much as a card tells."""

    name: str
    place: str
    """Code of its work centre."""
    state: str


class OrderCard(TypedDict):
    """One order. Quantities are decimals written as strings, instants epoch milliseconds."""

    number: str
    material: str
    description: NotRequired[str]
    unit: str
    quantity: str
    good: str
    scrap: str
    state: str
    priority: int
    due: NotRequired[int]
    hold_reason: NotRequired[str]
    version: int
    operations: list[OrderStep]
    step: NotRequired[int]
    """Index of the operation that runs, is paused or comes next; absent for drafts and where all are done."""
    operation: NotRequired[str]
    """Id of that operation."""
    centre: NotRequired[str]
    """Id of that operation's work centre."""
    machine: NotRequired[str]
    """Id of the machine of that lane on which the operation was begun; absent where the work centre is a machine."""
    obstacles: NotRequired[list[dict[str, str]]]
    """What keeps that operation from starting, each with its kind and what its sentence names; absent for nothing."""


class Centre(TypedDict):
    """A work centre: a lane or a machine."""

    code: str
    name: str
    order: int


class OrderBoardSnapshot(TypedDict):
    """All an order board shows, orders and work centres keyed by id."""

    orders: dict[str, OrderCard]
    centres: dict[str, Centre]
    counts: NotRequired[dict[str, int]]
    """How many orders there are by state, where `orders` is only a glance at them."""


def glance(snapshot: Snapshot) -> Snapshot:
    """Return the most urgent orders of each state, as many as a screen shows, and how many there are of each.

    They stand by urgency, as the browser orders them.
    """
    orders = cast("dict[str, OrderCard]", snapshot["orders"])
    most_urgent = sorted(orders.items(), key=lambda each: _urgency(each[1]))
    counts: Counter[str] = Counter()
    shown: dict[str, OrderCard] = {}
    for order_id, order in most_urgent:
        counts[order["state"]] += 1
        if counts[order["state"]] <= SHOWN_AT_FIRST:
            shown[order_id] = order
    return cast("Snapshot", {**snapshot, "orders": shown, "counts": dict(counts)})


def _urgency(order: OrderCard) -> tuple[int, float, int, str]:
    return order["priority"], order.get("due", inf), len(order["number"]), order["number"]


class OrderMove(TypedDict):
    """A card that somebody has dropped somewhere else."""

    id: str
    action: Literal["release", "hold", "resume", "complete", "assign", "priority", "refused", "no_place"]
    """refused: the way from one column to the other is closed; no_place: equals stand in order of their due dates."""
    version: NotRequired[int]
    priority: NotRequired[int]
    operation: NotRequired[str]
    centre: NotRequired[str]


class OrderBoard(LiveBoard, component="order_board.js"):
    """A board whose snapshot has the shape of `OrderBoardSnapshot`."""

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
        """Draw the board by state; nobody can move cards until `set_movable`."""
        super().__init__(room=room, seq=seq, at=at, snapshot=snapshot, labels=labels, lang=lang, zone=zone)
        self.props["first"] = "states"
        self.props["can-move"] = False

    def picture(self) -> str:
        """Return the board by state as plain markup, for the time until the browser draws it itself."""
        shown = orjson.loads(orjson.dumps({name: self.props[name] for name in ("snapshot", "labels")}))
        written = OrderPicture(
            labels=shown["labels"], lang=self.props["lang"], zone=self.props["zone"], at=self.props["at"]
        )
        return written.of(shown["snapshot"])

    def open_with(self, view: View) -> None:
        """Begin with the cards by state or by work centre; call before the page is sent."""
        self.props["first"] = view

    def set_movable(self) -> None:
        """Let cards be dragged; call before the page is sent."""
        self.props["can-move"] = True

    def on_move(self, handler: Callable[[OrderMove], Awaitable[None]]) -> None:
        """Call `handler` when a card was dropped somewhere else."""

        async def moved(event: GenericEventArguments) -> None:
            await handler(event.args)

        self.on("move", moved)

    def settle(self, order_id: str) -> None:
        """Let a card go back to where the server says it is."""
        self.run_method("settle", order_id)


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate every word of the board; braces are filled in by the browser."""
    return {
        **live_board.labels(_),
        "state_draft": _("Draft"),
        "state_released": _("Released"),
        "state_in_progress": _("In progress"),
        "state_on_hold": _("On hold"),
        "state_completed": _("Completed"),
        "on_hold": _("On hold"),
        "urgent": _("Urgent"),
        "late": _("Late"),
        "saving": _("Saving"),
        "why_not": _("Why can't this start?"),
        "no_centre": _("No work centre"),
        "view_states": _("By state"),
        "view_centres": _("By work centre"),
        "search": _("Search orders"),
        "no_orders_here": _("No orders"),
        "show_more": _("Show {count} more"),
        "empty_title": _("There are no open orders"),
        "empty_hint": _("Plan an order and it will appear here."),
        **{f"obstacle_{kind.value}": _(sentence) for kind, sentence in SENTENCES.items()},
        **{f"word_{state.value}": _(state.value) for state in OperationState},
        **{f"word_{word}": _(word) for word in WORDS.values()},
    }
