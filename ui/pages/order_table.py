"""The orders of a plant as a table: searched, filtered, sorted, page by page from the server."""

from datetime import datetime
from urllib.parse import quote

from nicegui import ui

from domain.custom_fields.filters import FieldSort
from domain.events import Event, OperationChanged, WorkOrderChanged
from domain.identity.roles import Permission
from domain.production.orders import OrderState
from services.db.work import Work
from services.plant.places import PlantPlace
from services.production.order_queries import OrderInfo
from services.production.order_tables import OrderSort, list_order_rows
from ui.kit.enter import Seat
from ui.kit.formats import day_and_time, number
from ui.kit.server_tables import ServerTable, TableColumn, TableRows, TableSetting, TableWish, address_of
from ui.pages.admin_imports import import_buttons
from ui.pages.order_words import state_words

OPEN = "open"
OPEN_STATES = (OrderState.DRAFT, OrderState.RELEASED, OrderState.IN_PROGRESS, OrderState.ON_HOLD)
NUMBER_CELL = '<q-td :props="props"><a class="u-link" :href="props.row.href">{{ props.value }}</a></q-td>'
CARD = """
<strong>{{ props.row.number }}</strong><span>{{ props.row.material }}</span>
<span class="u-material__word">{{ props.row.state }} · {{ props.row.good }} / {{ props.row.quantity }}</span>
<span class="u-material__word">{{ props.row.due }}</span>
"""


class OrderTable:
    """A page of orders, its search and its filters; newest orders first unless sorted otherwise."""

    def __init__(self, seat: Seat, plant: PlantPlace, *, state: str) -> None:
        self._seat, self._plant = seat, plant
        _ = seat.translate
        words = {
            OPEN: _("Open orders"),
            "": _("All orders"),
            **{key.value: word for key, word in state_words(_).items()},
        }
        self._table = ServerTable(seat, self._setting(), address_of(seat))
        with self._table.head:
            self._state = ui.select(words, label=_("State"), value=state if state in words else OPEN)
            self._state.on_value_change(self._table.first)
            self._state.classes("u-field").props("outlined").mark("order-state-filter")

        if seat.viewer.scope.may(Permission.EDIT_ORDERS):
            with self._table.tail:
                import_buttons(seat, ("orders",), then=self._table.first)

    async def follow(self) -> None:
        """Load the page of the address, and the present one again whenever an order of the plant changes."""
        await self._table.follow()

    def _setting(self) -> TableSetting:
        _ = self._seat.translate
        return TableSetting(
            entity="work_order",
            path="/orders",
            usual_order=OrderSort.CREATED.value,
            is_usually_descending=True,
            columns=(
                TableColumn(OrderSort.NUMBER.value, _("Order"), cell=NUMBER_CELL),
                TableColumn(OrderSort.MATERIAL.value, _("Material")),
                TableColumn(OrderSort.STATE.value, _("State")),
                TableColumn(OrderSort.QUANTITY.value, _("Quantity"), is_number=True),
                TableColumn(OrderSort.GOOD.value, _("Good"), is_number=True),
                TableColumn(OrderSort.SCRAP.value, _("Scrap"), is_number=True),
                TableColumn(OrderSort.DUE.value, _("Due on")),
                TableColumn(OrderSort.PRIORITY.value, _("Priority"), is_number=True),
            ),
            load=self._load,
            card=CARD,
            search_label=_("Search orders"),
            nothing_yet=_("No order fits. Search for something else, or plan one."),
            nothing_yet_hint="",
            nothing_fits=_("No order fits. Search for something else, or plan one."),
            zone=self._plant.time_zone,
            mark="order",
            kept=lambda: {"plant": self._plant.code, "view": "table", "state": str(self._state.value)},
            concerns=self._concerns,
        )

    def _concerns(self, event: Event) -> bool:
        return isinstance(event, (WorkOrderChanged, OperationChanged)) and event.plant_id == self._plant.id

    async def _load(self, work: Work, wish: TableWish) -> TableRows:
        wanted = str(self._state.value)
        found = await list_order_rows(
            work,
            plant_id=self._plant.id,
            states=OPEN_STATES if wanted == OPEN else (OrderState(wanted),) if wanted else (),
            words=wish.words,
            filters=wish.filters,
            order=wish.order if isinstance(wish.order, FieldSort) else OrderSort(wish.order),
            is_descending=wish.is_descending,
            offset=wish.offset,
            limit=wish.limit,
        )
        cells = [self._row(order, work.now) for order in found.rows]
        return TableRows(found.total, found.has_more, cells, [order.custom for order in found.rows])

    def _row(self, order: OrderInfo, now: datetime) -> dict[str, object]:
        lang = self._seat.lang
        late = order.due_at is not None and order.state in OPEN_STATES and order.due_at < now
        due = (
            "–" if order.due_at is None else day_and_time(order.due_at, self._seat.zone_of(self._plant.time_zone), lang)
        )
        return {
            "number": order.number,
            "href": f"/orders/{quote(order.number)}",
            "material": f"{order.material_number} · {order.material_description}".rstrip(" ·"),
            "state": state_words(self._seat.translate)[order.state],
            "quantity": f"{number(order.quantity, self._seat.number_locale)} {order.unit}",
            "good": number(order.good, self._seat.number_locale),
            "scrap": number(order.scrap, self._seat.number_locale),
            "due": self._seat.translate("Late · {due}").format(due=due) if late else due,
            "priority": order.priority,
        }
