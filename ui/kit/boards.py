"""The boards there are: what each loads, and which events concern it."""

from collections.abc import Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from domain.events import (
    AndonCallChanged,
    Event,
    HourlyFactsChanged,
    MachineStateChanged,
    OperationChanged,
    PlantModelChanged,
    ProductionReported,
    ProductionRunChanged,
    ShiftsChanged,
    WorkOrderChanged,
)
from domain.identity.roles import Permission
from services.db.work import Work
from services.production.boards import Snapshot, load_andon_wall, load_plant_board
from services.production.order_boards import load_order_board, load_order_changes
from services.production.order_risks import load_orders_at_risk
from services.production.wall_figures import load_wall_figures
from ui.components.live_board import LiveBoard
from ui.components.order_board import glance
from ui.kit.enter import Seat
from ui.kit.live_boards import Aside, BoardKey, LiveBoardFeed
from ui.kit.process import this_process

ORDER_EVENTS = (WorkOrderChanged, OperationChanged, MachineStateChanged, PlantModelChanged)
MACHINE_EVENTS = (ProductionReported, ProductionRunChanged, MachineStateChanged, AndonCallChanged)

B = TypeVar("B", bound=LiveBoard)


async def open_andon_wall(seat: Seat, *, lane_id: UUID, plant_id: UUID) -> LiveBoardFeed:
    """Return the feed of a lane's Andon wall.

    Raises:
        NotFound, Unavailable: it cannot be shown.
    """

    async def load(work: Work) -> Snapshot:
        return await load_andon_wall(work, lane_id=lane_id)

    def concerns(event: Event) -> bool:
        if isinstance(event, MACHINE_EVENTS):
            return event.lane_id == lane_id
        return isinstance(event, PlantModelChanged) and event.plant_id == plant_id

    async def load_figures(work: Work) -> Snapshot:
        return await load_wall_figures(work, lane_id=lane_id)

    def concerns_figures(event: Event) -> bool:
        if isinstance(event, ShiftsChanged):
            return event.lane_id == lane_id
        return isinstance(event, HourlyFactsChanged) and event.plant_id == plant_id

    return await this_process().boards.open(
        _key(seat, Permission.READ_PRODUCTION, "andon-wall", lane_id, seat.lang),
        load=load,
        concerns=concerns,
        aside=Aside(load_figures, concerns_figures),
    )


async def open_plant_board(seat: Seat, *, plant_id: UUID) -> LiveBoardFeed:
    """Return the feed of a plant's overview.

    Raises:
        NotFound, Unavailable: it cannot be shown.
    """

    async def load(work: Work) -> Snapshot:
        return await load_plant_board(work, plant_id=plant_id)

    def concerns(event: Event) -> bool:
        return isinstance(event, (*MACHINE_EVENTS, PlantModelChanged)) and event.plant_id == plant_id

    async def load_risks(work: Work) -> Snapshot:
        return await load_orders_at_risk(work, plant_id=plant_id)

    def concerns_risks(event: Event) -> bool:
        return isinstance(event, WorkOrderChanged | OperationChanged) and event.plant_id == plant_id

    return await this_process().boards.open(
        _key(seat, Permission.READ_PRODUCTION, "plant-board", plant_id, seat.lang),
        load=load,
        concerns=concerns,
        aside=Aside(load_risks, concerns_risks),
    )


async def open_order_board(seat: Seat, *, plant_id: UUID) -> LiveBoardFeed:
    """Return the feed of a plant's order board.

    Raises:
        NotFound, Unavailable: it cannot be shown.
    """

    async def load(work: Work) -> Snapshot:
        return await load_order_board(work, plant_id=plant_id)

    def concerns(event: Event) -> bool:
        return isinstance(event, ORDER_EVENTS) and event.plant_id == plant_id

    async def load_changes(work: Work, before: Snapshot, events: Sequence[Event]) -> Snapshot | None:
        return await load_order_changes(work, before, events, plant_id=plant_id)

    key = _key(seat, Permission.READ_ORDERS, "order-board", plant_id)
    return await this_process().boards.open(key, load=load, concerns=concerns, load_changes=load_changes, glance=glance)


def draw(seat: Seat, board: type[B], feed: LiveBoardFeed, *, labels: Mapping[str, str], zone: str) -> B:
    """Draw a board from its feed's newest snapshot and let the page follow the feed."""
    boards = this_process().boards
    element = board(
        room=feed.key.room,
        seq=feed.first_seq,
        at=feed.at,
        snapshot=feed.encoded_first,
        labels=labels,
        lang=seat.lang,
        zone=zone,
    )
    element.on_resync(lambda: boards.send_snapshot(feed, seat.client))
    boards.follow(feed, seat.client, feed.first_seq)
    return element


def _key(seat: Seat, permission: Permission, board: str, subject: UUID, language: str = "") -> BoardKey:
    scope = seat.viewer.scope
    return BoardKey(scope.org_id, scope.plants_of(permission), board, subject, language)
