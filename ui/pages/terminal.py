"""The operator's terminal at a machine, and the list of terminals."""

from dataclasses import replace
from itertools import groupby
from urllib.parse import quote

from nicegui import ui

from domain.errors import NotFound
from domain.events import MachineStateChanged, PlantModelChanged
from domain.identity.roles import Permission
from services.db.work import read
from services.plant.places import MachinePlace, find_lane, find_machine, list_machine_places, list_plants
from services.production.terminals import (
    ReasonChoice,
    Workplace,
    list_reason_choices,
    list_workplaces,
    load_workplace,
)
from ui.components.machine_state_badge import MachineStateBadge
from ui.components.machine_state_badge import labels as state_labels
from ui.kit.enter import Seat, screen
from ui.kit.framed import framed, framed_at
from ui.kit.live_page import keep_fresh
from ui.pages.nothing_yet import nothing_yet
from ui.pages.terminal_desk import TerminalDesk


@screen("/terminal/lane/{lane:path}", permission=Permission.READ_PRODUCTION)
async def lane_terminal(seat: Seat, lane: str) -> None:
    """Show the machines of a lane to whoever works there, by the lane's code or id."""
    _admit(seat)
    async with read(seat.scope()) as work:
        place = await find_lane(work, lane)
        workplaces = await list_workplaces(work, lane_id=place.id)
        reasons = await list_reason_choices(work)
    if not workplaces:
        raise NotFound(what="machine")
    await _open(seat, f"{place.code} · {place.name}", workplaces, reasons)


@screen("/terminal/{machine:path}", permission=Permission.READ_PRODUCTION)
async def terminal(seat: Seat, machine: str) -> None:
    """Show one machine to its operator, by its code or id."""
    _admit(seat)
    async with read(seat.scope()) as work:
        place = await find_machine(work, machine)
        workplace = await load_workplace(work, machine_id=place.id)
        reasons = await list_reason_choices(work)
    await _open(seat, f"{place.code} · {place.name}", (workplace,), reasons)


async def _open(seat: Seat, title: str, workplaces: tuple[Workplace, ...], reasons: tuple[ReasonChoice, ...]) -> None:
    place = workplaces[0].place
    with framed(seat, title, active="terminals", plant=place.plant_name, zone=place.time_zone):
        desk = TerminalDesk(seat, workplaces, reasons)
    await keep_fresh(seat, load=desk.load, concerns=desk.concerns)


def _admit(seat: Seat) -> None:
    """Let people in who report, and devices at which they say who they are.

    Raises:
        Forbidden: neither of them.
    """
    if not seat.viewer.is_kiosk:
        seat.viewer.scope.require(Permission.REPORT_PRODUCTION)


@screen("/terminal", permission=Permission.READ_PRODUCTION)
async def terminals(seat: Seat) -> None:
    """Let the operator choose a machine, or a whole lane."""
    _admit(seat)
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with framed_at(seat, _("Terminals"), active="terminals", plants=plants):
        choices = _Choices(seat)

    async def load() -> None:
        async with read(seat.scope()) as work:
            choices.show(await list_machine_places(work))

    await keep_fresh(
        seat, load=load, concerns=lambda event: isinstance(event, (MachineStateChanged, PlantModelChanged))
    )


class _Choices:
    """Large links to the machines, each with its state."""

    def __init__(self, seat: Seat) -> None:
        self._words = state_labels(seat.translate)
        self._together = seat.translate("All machines of the line on one terminal")
        self._places: list[MachinePlace] = []
        self._badges: dict[str, MachineStateBadge] = {}
        self._box = ui.element("div").classes("u-choices")
        self._nothing = nothing_yet(seat, seat.translate("There is no machine yet"), icon="touch_app")

    def show(self, machines: tuple[MachinePlace, ...]) -> None:
        """Show the machines of now; only a changed plant draws the links anew."""
        places = [replace(machine, state="") for machine in machines]
        if places != self._places:
            self._places = places
            self._draw(machines)
        self._nothing.visible = not machines
        for machine in machines:
            self._badges[machine.code].set_state(machine.state)

    def _draw(self, machines: tuple[MachinePlace, ...]) -> None:
        self._box.clear()
        with self._box:
            for lane, members in groupby(machines, key=lambda machine: machine.lane):
                of_lane = list(members)
                with ui.element("div").classes("u-choices__title u-row"):
                    ui.label(lane).props("role=heading aria-level=2")
                    if len(of_lane) > 1:
                        together = ui.link(self._together, f"/terminal/lane/{quote(of_lane[0].lane_code, safe='')}")
                        together.classes("u-choices__all")
                for machine in of_lane:
                    with ui.link(target=f"/terminal/{quote(machine.code, safe='')}").classes("u-choice"):
                        ui.label(machine.code).classes("u-choice__name")
                        ui.label(machine.name).classes("u-muted")
                        self._badges[machine.code] = MachineStateBadge(machine.state, labels=self._words)
