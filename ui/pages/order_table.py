"""The orders of a plant as a table: searched, filtered, page by page from the server."""

from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from nicegui import ui

from domain.events import Event, OperationChanged, WorkOrderChanged
from domain.production.orders import OrderState
from services.db.work import read
from services.plant.places import PlantPlace
from services.production.order_queries import OrderInfo, list_orders
from ui.kit.enter import Seat
from ui.kit.formats import day_and_time, number
from ui.kit.live_page import keep_fresh
from ui.pages.order_words import state_words

ROWS = 50
OPEN = "open"
OPEN_STATES = (OrderState.DRAFT, OrderState.RELEASED, OrderState.IN_PROGRESS, OrderState.ON_HOLD)


class OrderTable:
    """A page of orders, its search and its filter; newest orders first."""

    def __init__(self, seat: Seat, plant: PlantPlace, *, search: str, state: str) -> None:
        self._seat, self._plant = seat, plant
        self._before: list[tuple[datetime, UUID]] = []
        self._last: tuple[datetime, UUID] | None = None
        _ = seat.translate
        words = {
            OPEN: _("Open orders"),
            "": _("All orders"),
            **{key.value: word for key, word in state_words(_).items()},
        }
        with ui.element("div").classes("u-row"):
            self._search = ui.input(_("Search orders"), value=search, on_change=self._first)
            self._search.classes("u-field").props("outlined clearable debounce=250 type=search").mark("order-search")
            self._state = ui.select(words, label=_("State"), value=state if state in words else OPEN)
            self._state.on_value_change(self._first)
            self._state.classes("u-field").props("outlined").mark("order-state-filter")
        self._table = ui.table(columns=self._columns(), rows=[], row_key="number").classes("u-table").mark("orders")
        self._table.add_slot(
            "body-cell-number",
            '<q-td :props="props"><a class="u-link" :href="props.row.href">{{ props.value }}</a></q-td>',
        )
        with ui.element("div").classes("u-empty") as self._nothing:
            ui.icon("search_off")
            ui.label(_("No order fits. Search for something else, or plan one."))
        with ui.element("nav").classes("u-row"):
            self._back = ui.button(_("Newer"), icon="chevron_left", color=None, on_click=self._newer)
            self._on = ui.button(_("Older"), icon="chevron_right", color=None, on_click=self._older)
            for button in (self._back, self._on):
                button.classes("u-button u-button--flat")

    async def follow(self) -> None:
        """Load the first page, and the present one again whenever an order of the plant changes."""
        await keep_fresh(self._seat, load=self._load, concerns=self._concerns)

    def _concerns(self, event: Event) -> bool:
        return isinstance(event, (WorkOrderChanged, OperationChanged)) and event.plant_id == self._plant.id

    async def _load(self) -> None:
        wanted = str(self._state.value)
        states = OPEN_STATES if wanted == OPEN else (OrderState(wanted),) if wanted else ()
        async with read(self._seat.scope()) as work:
            page = await list_orders(
                work,
                plant_id=self._plant.id,
                states=states,
                search=self._search.value or "",
                before=self._before[-1] if self._before else None,
                limit=ROWS,
            )
        self._last = (page.items[-1].created_at, page.items[-1].id) if page.has_more else None
        self._table.rows = [self._row(order) for order in page.items]
        self._table.visible, self._nothing.visible = bool(page.items), not page.items
        self._back.visible, self._on.visible = bool(self._before), page.has_more

    async def _first(self) -> None:
        self._before.clear()
        address = f"/orders?plant={quote(self._plant.code)}&view=table&state={quote(str(self._state.value))}"
        ui.navigate.history.replace(f"{address}&q={quote(self._search.value or '')}")
        await self._load()

    async def _older(self) -> None:
        if self._last is not None:
            self._before.append(self._last)
            await self._load()

    async def _newer(self) -> None:
        self._before.pop()
        await self._load()

    def _columns(self) -> list[dict[str, object]]:
        _ = self._seat.translate
        texts = (
            ("number", _("Order")), ("material", _("Material")), ("state", _("State")), ("quantity", _("Quantity")),
            ("good", _("Good")), ("scrap", _("Scrap")), ("due", _("Due on")), ("priority", _("Priority")),
        )  # fmt: skip
        right = {"quantity", "good", "scrap", "priority"}
        return [
            {"name": name, "label": label, "field": name, "align": "right" if name in right else "left"}
            for name, label in texts
        ]

    def _row(self, order: OrderInfo) -> dict[str, object]:
        lang = self._seat.lang
        late = (
            order.due_at is not None and order.state in OPEN_STATES and order.due_at < datetime.now(order.due_at.tzinfo)
        )
        due = "–" if order.due_at is None else day_and_time(order.due_at, self._plant.time_zone, lang)
        return {
            "number": order.number,
            "href": f"/orders/{quote(order.number)}",
            "material": f"{order.material_number} · {order.material_description}".rstrip(" ·"),
            "state": state_words(self._seat.translate)[order.state],
            "quantity": f"{number(order.quantity, lang)} {order.unit}",
            "good": number(order.good, lang),
            "scrap": number(order.scrap, lang),
            "due": self._seat.translate("Late · {due}").format(due=due) if late else due,
            "priority": order.priority,
        }
