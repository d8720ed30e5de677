"""One order: what it asks for, its operations and what keeps them from starting, what was made, and its history."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from urllib.parse import quote
from uuid import UUID

from nicegui import ui

from domain.events import Event, MachineStateChanged, OperationChanged, WorkOrderChanged
from domain.identity.roles import Permission
from domain.production.operations import OperationAction
from domain.production.orders import OrderAction, OrderState
from services.db.tables import WorkOrder
from services.db.work import Work, read
from services.plant.places import PlantPlace, list_plants
from services.production.operation_queries import OperationInfo
from services.production.operations import finish_operation, pause_operation, start_operation
from services.production.order_numbers import find_order_id
from services.production.order_queries import OrderEntry, OrderView, load_order
from services.production.work_orders import (
    cancel_order,
    close_order,
    complete_order,
    hold_order,
    release_order,
    resume_order,
)
from ui.kit.act import act
from ui.kit.custom_facts import CustomFacts
from ui.kit.enter import Seat, screen
from ui.kit.formats import day_and_time, number
from ui.kit.framed import framed
from ui.kit.live_page import keep_fresh
from ui.kit.translate import obstacle_sentence
from ui.pages.histories import history_section
from ui.pages.order_forms import ask_hold_reason, edit_dialog, split_dialog
from ui.pages.order_words import ACTION_LOOKS, STATE_ICONS, action_words, operation_words, state_words
from ui.pages.print_links import print_link

DO = {
    OrderAction.RELEASE: release_order,
    OrderAction.RESUME: resume_order,
    OrderAction.COMPLETE: complete_order,
    OrderAction.CLOSE: close_order,
    OrderAction.CANCEL: cancel_order,
}


@screen("/orders/{number:path}", permission=Permission.READ_ORDERS)
async def order(seat: Seat, number: str) -> None:
    """Show one order by its number or id."""
    async with read(seat.scope()) as work:
        order_id = await find_order_id(work, key=number)
        view = await load_order(work, order_id=order_id)
        plant = next(one for one in await list_plants(work) if one.id == view.order.plant_id)
    title = seat.translate("Order {number}").format(number=view.order.number)
    with framed(seat, title, active="orders", plant=plant.name, zone=plant.time_zone):
        page = _OrderPage(seat, plant, order_id)
    machines = {one.worked_machine_id or one.machine_id for one in view.operations}

    async def load() -> None:
        async with read(seat.scope()) as work:
            page.show(await load_order(work, order_id=order_id))
        await page.history.load()

    def concerns(event: Event) -> bool:
        if isinstance(event, (WorkOrderChanged, OperationChanged)):
            return event.work_order_id == order_id
        return isinstance(event, MachineStateChanged) and event.machine_id in machines

    await keep_fresh(seat, load=load, concerns=concerns)


class _OrderPage:
    """The parts of the page; each is drawn again only when what it shows has changed."""

    def __init__(self, seat: Seat, plant: PlantPlace, order_id: UUID) -> None:
        self._seat, self._plant = seat, plant
        self._view: OrderView | None = None
        self._cards: dict[UUID, tuple[OperationInfo | None, ui.element]] = {}
        _ = seat.translate
        with ui.element("div").classes("u-order-page"):
            with ui.element("section").classes("u-card u-order-page__head"):
                self._head = ui.element("div").classes("u-order-page__facts")
                self._buttons = ui.element("div").classes("u-row").mark("order-actions")
            with ui.element("section").classes("u-card u-column"):
                ui.label(_("Operations")).classes("u-subtitle").props("role=heading aria-level=2")
                self._operations = ui.element("div").classes("u-order-page__operations").mark("operations")
            with ui.element("section").classes("u-card u-column"):
                ui.label(_("Reports")).classes("u-subtitle").props("role=heading aria-level=2")
                self._entries = ui.element("div").classes("u-order-page__table").mark("entries")
            self.history = history_section(seat, "work_orders", order_id, zone=plant.time_zone)

    def show(self, view: OrderView) -> None:
        """Show an order as it is now."""
        before, self._view = self._view, view
        if before is None or before.order != view.order:
            self._draw(self._head, self._draw_facts)
            self._draw(self._buttons, self._draw_actions)
        self._show_operations(view.operations)
        if before is None or before.entries != view.entries:
            self._draw(self._entries, lambda: self._draw_entries(view.entries))

    def _show_operations(self, operations: tuple[OperationInfo, ...]) -> None:
        if set(self._cards) != {one.id for one in operations}:
            self._operations.clear()
            with self._operations:
                self._cards = {one.id: (None, ui.element("article").classes("u-operation")) for one in operations}
        for operation in operations:
            shown, card = self._cards[operation.id]
            if shown != operation:
                card.props["data-operation-state"] = operation.state.value
                self._draw(card, partial(self._draw_operation, operation))
                self._cards[operation.id] = (operation, card)

    def _draw(self, part: ui.element, fill: Callable[[], object]) -> None:
        part.clear()
        with part:
            fill()

    @property
    def _now(self) -> OrderView:
        if self._view is None:
            raise RuntimeError("nothing is shown yet")
        return self._view

    def _draw_facts(self) -> None:
        _, order, unit = self._seat.translate, self._now.order, self._now.order.unit
        with ui.element("div").classes("u-order-state").props(f'data-order-state="{order.state}"').mark("order-state"):
            ui.icon(STATE_ICONS[order.state])
            ui.label(state_words(_)[order.state])
        self._fact(_("Material"), f"{order.material_number} · {order.material_description}".rstrip(" ·"))
        self._fact(_("Quantity"), f"{self._number(order.quantity)} {unit}")
        self._fact(_("Good"), f"{self._number(order.good)} {unit}")
        self._fact(_("Scrap"), f"{self._number(order.scrap)} {unit}")
        self._fact(_("Remaining"), f"{self._number(order.remaining)} {unit}")
        self._fact(_("Due on"), self._time(order.due_at))
        self._fact(_("Priority"), str(order.priority))
        if order.hold_reason and order.state is OrderState.ON_HOLD:
            self._fact(_("Held because"), order.hold_reason)
        if order.note:
            self._fact(_("Note"), order.note)
        CustomFacts(self._seat, "work_order", order.id, zone=self._plant.time_zone)

    def _draw_actions(self) -> None:
        _, order = self._seat.translate, self._now.order
        print_link(_("Traveller"), "print", f"/orders/{order.id}/traveller.pdf", mark="print-traveller")
        print_link(_("Labels"), "qr_code_2", f"/orders/{order.id}/labels.pdf", mark="print-labels")
        if not self._seat.viewer.scope.may_in(order.plant_id, Permission.EDIT_ORDERS):
            return
        words = action_words(_)
        for action in order.actions:
            if action is OrderAction.START:
                continue  # orders start with their first operation
            icon, look = ACTION_LOOKS[action]
            button = ui.button(
                words[action], icon=icon, color=None, on_click=lambda action=action: self._follow(action)
            )
            button.classes(f"u-button {look}").mark(f"order-{action}")
        if order.state in {OrderState.DRAFT, OrderState.RELEASED, OrderState.IN_PROGRESS, OrderState.ON_HOLD}:
            edit = ui.button(_("Edit"), icon="edit", color=None, on_click=self._edit)
            edit.classes("u-button").mark("order-edit")
            split = ui.button(_("Split"), icon="call_split", color=None, on_click=self._split)
            split.classes("u-button").mark("order-split")

    def _draw_operation(self, operation: OperationInfo) -> None:
        _ = self._seat.translate
        words = operation_words(_)
        with ui.element("div").classes("u-operation__head"):
            ui.label(str(operation.sequence)).classes("u-operation__sequence")
            with ui.element("div").classes("u-operation__name"):
                ui.label(operation.name).classes("u-subtitle")
                place = operation.worked_machine_code or operation.place_code
                ui.link(place, f"/terminal/{quote(place)}").classes("u-muted")
            with ui.element("span").classes("u-operation__state"):
                ui.icon(words[operation.state][1])
                ui.label(_("In setup") if operation.in_setup else words[operation.state][0])
        quantity, good = self._number(operation.quantity), self._number(operation.good)
        with ui.element("div").classes("u-order__progress"):
            share = min(100, 100 * operation.good / operation.quantity)
            ui.element("span").classes("u-order__bar").style(f"width: {share:.1f}%")
        scrap = _("{count} scrap").format(count=self._number(operation.scrap)) if operation.scrap else ""
        ui.label(" · ".join(part for part in (f"{good} / {quantity}", scrap) if part)).classes("u-muted")
        if operation.instructions:
            with ui.element("details").classes("u-operation__instructions"):
                with ui.element("summary"):
                    ui.label(_("Instructions"))
                ui.label(operation.instructions).classes("u-operation__text")
        if operation.obstacles and operation.state in {"waiting", "ready", "paused"}:
            with ui.element("div").classes("u-operation__why").mark("obstacles"):
                ui.label(_("Why can't this start?")).classes("u-subtitle")
                for obstacle in operation.obstacles:
                    with ui.element("div").classes("u-operation__obstacle"):
                        ui.icon("block")
                        ui.label(obstacle_sentence(obstacle, _))
        self._draw_operation_actions(operation)

    def _draw_operation_actions(self, operation: OperationInfo) -> None:
        _ = self._seat.translate
        if not self._seat.viewer.scope.may_in(self._now.order.plant_id, Permission.WORK_OPERATIONS):
            return
        does: dict[OperationAction, tuple[str, str, Callable[[Work], Awaitable[object]]]] = {
            OperationAction.START: (
                _("Start"), "play_arrow", lambda work: start_operation(work, operation_id=operation.id),
            ),
            OperationAction.PAUSE: (
                _("Pause"), "pause", lambda work: pause_operation(work, operation_id=operation.id),
            ),
            OperationAction.FINISH: (
                _("Finish"), "done_all", lambda work: finish_operation(work, operation_id=operation.id),
            ),
        }  # fmt: skip
        needs_machine = operation.machine_id is None and operation.worked_machine_id is None
        with ui.element("div").classes("u-row"):
            for action in operation.actions:
                if action not in does or (action is OperationAction.START and needs_machine):
                    continue
                word, icon, do = does[action]
                button = ui.button(word, icon=icon, color=None, on_click=lambda do=do: self._act(do))
                button.classes("u-button").mark(f"operation-{action}")

    def _draw_entries(self, entries: tuple[OrderEntry, ...]) -> None:
        _ = self._seat.translate
        kinds = {"good": _("Good"), "scrap": _("Scrap"), "rework": _("Rework")}
        if not entries:
            ui.label(_("Nothing was reported yet.")).classes("u-muted")
            return
        heads = (_("Time"), _("Operation"), _("Machine"), _("Kind"), _("Quantity"), _("Reason"), _("By"))
        with _table(heads):
            for entry in entries:
                with ui.element("tr").classes("u-struck" if entry.is_reversed else ""):
                    kind = kinds[entry.kind]
                    marks = _("{kind}, taken back").format(kind=kind) if entry.is_reversal else kind
                    cells = (
                        self._time(entry.at), f"{entry.sequence} {entry.operation}", entry.machine, marks,
                        self._number(entry.quantity), entry.reason or "", entry.operator or _("Machine"),
                    )  # fmt: skip
                    _cells(cells)

    async def _follow(self, action: OrderAction) -> None:
        order_id = self._now.order.id
        if action is OrderAction.HOLD:
            reason = await ask_hold_reason(self._seat)
            if reason is not None:
                await self._act(lambda work: hold_order(work, order_id=order_id, reason=reason))
            return
        do = DO[action]
        await self._act(lambda work: do(work, order_id=order_id))

    async def _act(self, do: Callable[[Work], Awaitable[object]]) -> None:
        await act(self._seat, do, saved=self._seat.translate("Saved"))

    def _edit(self) -> None:
        edit_dialog(self._seat, self._now.order, zone=self._plant.time_zone)

    def _split(self) -> None:
        async def opened(order: WorkOrder) -> None:
            ui.navigate.to(f"/orders/{quote(order.number)}")

        order = self._now.order
        split_dialog(self._seat, order_id=order.id, number=order.number, then=opened)

    def _fact(self, label: str, value: str) -> None:
        with ui.element("div").classes("u-order-page__fact"):
            ui.label(label).classes("u-muted")
            ui.label(value or "–")

    def _number(self, value: Decimal) -> str:
        return number(value, self._seat.number_locale)

    def _time(self, at: datetime | None) -> str:
        return "–" if at is None else day_and_time(at, self._seat.zone_of(self._plant.time_zone), self._seat.lang)


def _table(heads: tuple[str, ...]) -> ui.element:
    """Draw a table with its heads and return the body that its rows go into."""
    with ui.element("table").classes("u-table"):
        with ui.element("thead"), ui.element("tr"):
            for head in heads:
                with ui.element("th").props("scope=col"):
                    ui.label(head)
        return ui.element("tbody")


def _cells(texts: tuple[str, ...]) -> None:
    for text in texts:
        with ui.element("td"):
            ui.label(text)
