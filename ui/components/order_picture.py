"""The order board by state as plain markup, which stands on the screen until the browser draws the board itself."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING

from ui.kit.formats import day_and_time, number

if TYPE_CHECKING:
    from ui.components.order_board import OrderBoardSnapshot, OrderCard

STATES = ("draft", "released", "in_progress", "on_hold", "completed")
STEP_ICONS = {"running": "play_arrow", "paused": "pause", "ready": "radio_button_unchecked"}
PICTURED = 8
"""Cards per column: what is above the fold."""
URGENT_BELOW = 500


class OrderPicture:
    """Writes the markup that `order_board.js` makes of the same snapshot, in the same words."""

    def __init__(self, *, labels: Mapping[str, str], lang: str, zone: str, at: int) -> None:
        """`at` is the server's time in epoch milliseconds: what is due before it is late."""
        self._labels, self._lang, self._zone, self._at = labels, lang, zone, at

    def of(self, snapshot: "OrderBoardSnapshot") -> str:
        """Return the picture of a board whose orders stand by urgency."""
        if not snapshot["orders"]:
            words = f"<strong>{self._word('empty_title')}</strong><span>{self._word('empty_hint')}</span>"
            return self._framed(f'<p class="u-empty">{_icon("assignment")}{words}</p>')
        columns = "".join(self._column(state, snapshot) for state in STATES)
        return self._framed(f'<div class="u-orders__columns">{columns}</div>')

    def _framed(self, inner: str) -> str:
        views = "".join(
            f'<button type="button" aria-pressed="{pressed}">{self._word(view)}</button>'
            for view, pressed in (("view_states", "true"), ("view_centres", "false"))
        )
        search = f'{_icon("search")}<input type="search" placeholder="{self._word("search")}">'
        age = f'<span class="u-age" data-connection="live"><span class="u-age__dot"></span>{self._word("live")}</span>'
        return (
            f'<div class="u-board u-orders"><div class="u-orders__tools"><div class="u-orders__views">{views}</div>'
            f'<label class="u-orders__search">{search}</label>{age}</div>{inner}</div>'
        )

    def _column(self, state: str, snapshot: "OrderBoardSnapshot") -> str:
        orders = [order for order in snapshot["orders"].values() if order["state"] == state]
        count = snapshot.get("counts", {}).get(state, len(orders))
        nothing = "" if orders else f'<p class="u-orders__empty">{self._word("no_orders_here")}</p>'
        cards = "".join(self._card(order) for order in orders[:PICTURED])
        return (
            f'<section class="u-orders__column"><header class="u-orders__head"><h2>{self._word(f"state_{state}")}</h2>'
            f'<span>{count}</span></header>{nothing}<div class="u-orders__list">{cards}</div></section>'
        )

    def _card(self, order: "OrderCard") -> str:
        good, quantity = Decimal(order["good"]), Decimal(order["quantity"])
        progress = f"{number(good, self._lang)} / {number(quantity, self._lang)} {escape(order['unit'])}"
        about = f"<small> · {escape(order['description'])}</small>" if "description" in order else ""
        is_urgent = order["priority"] < URGENT_BELOW
        mark = f'<span class="u-order__mark">{_icon("priority_high")}{self._word("urgent")}</span>' if is_urgent else ""
        share = min(Decimal(100), 100 * good / quantity)
        return (
            f'<article class="u-order" data-order-state="{order["state"]}"><span class="u-order__head">'
            f'<a class="u-order__number">{escape(order["number"])}</a>{mark}</span>'
            f'<span class="u-order__material">{escape(order["material"])}{about}</span>'
            f'<span class="u-order__progress"><span class="u-order__bar" style="width:{share:.2f}%"></span></span>'
            f'<span class="u-order__facts"><span>{progress}</span>{self._due(order)}</span>'
            f"{_step(order)}{self._obstacle(order)}</article>"
        )

    def _due(self, order: "OrderCard") -> str:
        if "due" not in order:
            return ""
        is_late = order["due"] < self._at and order["state"] != "completed"
        due = day_and_time(datetime.fromtimestamp(order["due"] / 1000, UTC), self._zone, self._lang)
        late = f"{self._word('late')} · " if is_late else ""
        icon = _icon("alarm" if is_late else "event")
        return f'<span class="u-order__due" data-late="{str(is_late).lower()}">{icon}{late}{due}</span>'

    def _obstacle(self, order: "OrderCard") -> str:
        if order["state"] == "on_hold":
            reason = order.get("hold_reason")
            said = self._word("on_hold") if reason is None else escape(reason)
            return f'<span class="u-order__hold">{_icon("pan_tool")}{said}</span>'
        if "obstacles" not in order:
            return ""
        return f'<details class="u-order__why"><summary>{_icon("block")}{self._word("why_not")}</summary></details>'

    def _word(self, name: str) -> str:
        return escape(self._labels[name])


def _step(order: "OrderCard") -> str:
    if "step" not in order:
        return ""
    step = order["operations"][order["step"]]
    icon = _icon(STEP_ICONS.get(step["state"], "schedule"))
    words = f"{escape(step['name'])}<small> · {escape(step['place'])}</small>"
    return f'<span class="u-order__step" data-operation-state="{step["state"]}">{icon}{words}</span>'


def _icon(name: str) -> str:
    return f'<i class="material-icons notranslate">{name}</i>'
