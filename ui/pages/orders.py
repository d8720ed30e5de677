"""The open orders of a plant as a board that is dragged, and the dialogs that a move needs."""

from urllib.parse import quote
from uuid import UUID

from nicegui import ui

from domain.errors import NotFound
from domain.identity.roles import Permission
from services.db.work import Work, read
from services.plant.places import PlantPlace, list_plants
from services.production.work_centres import assign_operation
from services.production.work_orders import (
    complete_order,
    hold_order,
    release_order,
    resume_order,
    set_priority,
)
from ui.components.order_board import OrderBoard, OrderMove
from ui.components.order_board import labels as board_labels
from ui.kit.act import act
from ui.kit.boards import draw, open_order_board
from ui.kit.enter import Seat, screen
from ui.kit.first_picture import draw_first
from ui.kit.framed import framed
from ui.pages.nothing_yet import nothing_yet
from ui.pages.order_forms import ask_hold_reason, plan_button
from ui.pages.order_table import OrderTable
from ui.pages.plant_choice import plant_choice


@screen("/orders", permission=Permission.READ_ORDERS)
async def orders(seat: Seat, plant: str | None = None, view: str = "states", q: str = "", state: str = "open") -> None:
    """Show the orders of a plant, the first one unless its code is given: as a board, or as a table."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    chosen = next((one for one in plants if plant in {None, one.code}), None)
    if chosen is None:
        if plant is not None:
            raise NotFound(what="plant")
        with framed(seat, _("Orders"), active="orders"):
            nothing_yet(seat, _("There is no plant yet"), icon="assignment")
        return
    if view == "table":
        with framed(seat, _("Orders"), active="orders", plant=chosen.name, zone=chosen.time_zone):
            _head(seat, plants, chosen, is_table=True)
            table = OrderTable(seat, chosen, state=state)
        await table.follow()
        return
    feed = await open_order_board(seat, plant_id=chosen.id)
    with framed(seat, _("Orders"), active="orders", plant=chosen.name, zone=chosen.time_zone):
        _head(seat, plants, chosen, is_table=False)
        board = draw(seat, OrderBoard, feed, labels=board_labels(_), zone=chosen.time_zone)
        board.open_with("centres" if view == "centres" else "states")
        if seat.viewer.scope.may_in(chosen.id, Permission.EDIT_ORDERS):
            board.set_movable()
            board.on_move(_Moves(seat, board, chosen).take)
    if view == "states" and not q:
        draw_first(seat.client.content)


def _head(seat: Seat, plants: tuple[PlantPlace, ...], chosen: PlantPlace, *, is_table: bool) -> None:
    _ = seat.translate
    with ui.element("div").classes("u-row u-orders__actions"):
        plant_choice(plants, chosen, path="/orders", by_query=True)
        other, word = ("states", _("Board")) if is_table else ("table", _("Table"))
        icon = "view_kanban" if is_table else "table_rows"
        target = f"/orders?plant={quote(chosen.code)}&view={other}"
        switch = ui.button(word, icon=icon, color=None, on_click=lambda: ui.navigate.to(target))
        switch.classes("u-button u-button--flat").mark("order-view")
        ui.space()
        if seat.viewer.scope.may_in(chosen.id, Permission.EDIT_ORDERS):
            plan_button(seat, chosen)


class _Moves:
    """What becomes of cards that were dropped somewhere else."""

    def __init__(self, seat: Seat, board: OrderBoard, plant: PlantPlace) -> None:
        self._seat, self._board, self._plant = seat, board, plant

    async def take(self, move: OrderMove) -> None:
        """Do what the drop asked for; a card that may not stay goes back, and its person reads why."""
        _ = self._seat.translate
        match move["action"]:
            case "refused":
                self._tell(_("A card cannot go there. Open the order to see what can be done with it."))
                return
            case "no_place":
                self._tell(_("Orders of the same priority stand in order of their due dates."))
                return
        if not await self._do(move, UUID(move["id"])):
            self._board.settle(move["id"])

    async def _do(self, move: OrderMove, order_id: UUID) -> bool:
        reason = ""
        if move["action"] == "hold":
            reason = await ask_hold_reason(self._seat) or ""
            if not reason:
                return False

        async def do(work: Work) -> object:
            match move["action"]:
                case "release":
                    return await release_order(work, order_id=order_id)
                case "hold":
                    return await hold_order(work, order_id=order_id, reason=reason)
                case "resume":
                    return await resume_order(work, order_id=order_id)
                case "complete":
                    return await complete_order(work, order_id=order_id)
                case "assign":
                    centre = UUID(move["centre"])
                    return await assign_operation(work, operation_id=UUID(move["operation"]), work_centre_id=centre)
                case _:
                    return await set_priority(work, order_id=order_id, priority=int(move["priority"]))

        return await act(self._seat, do, saved=self._seat.translate("Saved")) is not None

    def _tell(self, sentence: str) -> None:
        ui.notify(sentence, type="warning", icon="block", position="top", timeout=6_000, classes="u-notify")
