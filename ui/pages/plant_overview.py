"""All lanes of a plant, what is being lost now, who is calling, and which orders are at risk."""

from domain.errors import NotFound
from domain.identity.roles import Permission
from services.db.work import read
from services.plant.places import list_plants
from ui.components.plant_board import PlantBoard
from ui.components.plant_board import labels as board_labels
from ui.kit.boards import draw, open_plant_board
from ui.kit.enter import Seat, screen
from ui.kit.framed import framed
from ui.pages.nothing_yet import nothing_yet
from ui.pages.plant_choice import plant_choice


@screen("/plant", permission=Permission.READ_PRODUCTION)
async def first_plant(seat: Seat) -> None:
    """Show the first plant that the person may see."""
    await _show(seat, None)


@screen("/plant/{plant:path}", permission=Permission.READ_PRODUCTION)
async def one_plant(seat: Seat, plant: str) -> None:
    """Show one plant by its code."""
    await _show(seat, plant)


async def _show(seat: Seat, code: str | None) -> None:
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    if code is None and not plants:
        with framed(seat, _("Plant"), active="plant"):
            nothing_yet(seat, _("There is no plant yet"), icon="factory")
        return
    plant = next((plant for plant in plants if code in {None, plant.code}), None)
    if plant is None:
        raise NotFound(what="plant")
    feed = await open_plant_board(seat, plant_id=plant.id)
    with framed(seat, _("Plant"), active="plant", plant=plant.name, zone=plant.time_zone):
        plant_choice(plants, plant, path="/plant")
        board = draw(seat, PlantBoard, feed, labels=board_labels(_), zone=plant.time_zone)
        if seat.viewer.is_kiosk or seat.viewer.scope.may_in(plant.id, Permission.REPORT_PRODUCTION):
            board.open_terminals()
