"""The Andon wall of a lane, and the list of walls."""

from urllib.parse import quote

from nicegui import ui

from domain.identity.roles import Permission
from services.db.work import read
from services.plant.places import find_lane, list_lanes, list_plants
from ui.components.andon_wall import AndonWall
from ui.components.andon_wall import labels as wall_labels
from ui.kit.boards import draw, open_andon_wall
from ui.kit.enter import Seat, screen
from ui.kit.framed import framed_at, walled
from ui.pages.nothing_yet import nothing_yet


@screen("/wall/andon/{lane:path}", permission=Permission.READ_PRODUCTION)
async def andon_wall(seat: Seat, lane: str) -> None:
    """Fill the screen with a lane, by its code or id."""
    async with read(seat.scope()) as work:
        place = await find_lane(work, lane)
    feed = await open_andon_wall(seat, lane_id=place.id, plant_id=place.plant_id)
    with walled(seat, place.name, plant=place.plant_name, zone=place.time_zone):
        draw(seat, AndonWall, feed, labels=wall_labels(seat.translate), zone=place.time_zone)


@screen("/wall", permission=Permission.READ_PRODUCTION)
async def walls(seat: Seat) -> None:
    """List the lanes whose walls the person may open."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
        lanes = await list_lanes(work)
    with framed_at(seat, _("Walls"), active="walls", plants=plants), ui.element("div").classes("u-choices"):
        if not lanes:
            nothing_yet(seat, _("There is no lane yet"), icon="tv")
        for lane in lanes:
            with ui.link(target=f"/wall/andon/{quote(lane.code, safe='')}").classes("u-choice"):
                ui.icon("tv").classes("u-choice__icon")
                ui.label(lane.name).classes("u-choice__name")
                ui.label(lane.code).classes("u-muted")
