"""All machines in one list: how they count, what a micro-stop is, how fast they should be."""

from nicegui import ui

from domain.custom_fields.fields import FieldDefinition, FieldPlace
from domain.identity.roles import Permission
from services.custom_fields.fields import load_fields
from services.custom_fields.references import ReferenceNames, names_of
from services.custom_fields.shown import texts_of
from services.db.work import read
from services.plant.cycle_times import list_cycle_times
from services.plant.places import list_plants
from services.plant.queries import LaneInfo, MachineInfo, list_lanes, list_machines
from services.production.routing_queries import list_materials
from ui.kit.enter import Seat, screen
from ui.kit.formats import number
from ui.pages.admin_imports import import_buttons
from ui.pages.admin_parts import heading, setup_page
from ui.pages.plant_forms import ask_cycle_times, ask_machine
from ui.pages.setup_words import counting_words

MOST = 10_000


@screen("/admin/machines", permission=Permission.EDIT_PLANT)
async def admin_machines(seat: Seat) -> None:
    """Edit the machines."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("Machines"), "/admin/machines", plants=plants):
        page = _Page(seat)
    await page.load()


class _Page:
    """The list; drawn again after each edit of it here and while one types into the search."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._machines: tuple[MachineInfo, ...] = ()
        self._lanes: dict[object, LaneInfo] = {}
        self._fields: tuple[FieldDefinition, ...] = ()
        self._names = ReferenceNames()
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            heading(_("Machines"))
            ui.space()
            self._search = ui.input(_("Search"), on_change=self._show).props("outlined clearable").classes("u-field")
            import_buttons(seat, ("machines",), then=self.load)
        self._list = ui.element("div").classes("u-table-scroll")

    async def load(self, _edited: object = None) -> None:
        """Show the machines of now."""
        async with read(self._seat.scope()) as work:
            self._lanes = {lane.id: lane for lane in (await list_lanes(work, limit=MOST)).items}
            self._machines = (await list_machines(work, limit=MOST)).items
            self._fields = await load_fields(work, "machine", place=FieldPlace.LIST)
            self._names = await names_of(work, self._fields, [machine.custom for machine in self._machines])
        self._show()

    def _show(self) -> None:
        _, typed = self._seat.translate, str(self._search.value or "").casefold()
        counting = counting_words(_)
        self._list.clear()
        with self._list, ui.element("table").classes("u-table"):
            with ui.element("thead"), ui.element("tr"):
                for words in (
                    _("Machine"), _("Lane"), _("Counting"), _("Micro-stops below"), _("State"),
                    *(one.label(self._seat.lang) for one in self._fields), "",
                ):  # fmt: skip
                    with ui.element("th"):
                        ui.label(words)
            with ui.element("tbody"):
                for machine in self._machines:
                    lane = self._lanes[machine.lane_id]
                    own = self._own(machine)
                    if typed in " ".join((machine.code, machine.name, lane.name, *own)).casefold():
                        self._row(machine, lane, counting[machine.counting_source], own)

    def _own(self, machine: MachineInfo) -> tuple[str, ...]:
        """Return what a machine holds in the organization's own fields."""
        texts = texts_of(self._fields, machine.custom, self._seat.lang, zone="UTC", names=self._names)
        return tuple(texts.values())

    def _row(self, machine: MachineInfo, lane: LaneInfo, counting: str, own: tuple[str, ...]) -> None:
        _, seat = self._seat.translate, self._seat
        cells = (
            f"{machine.code} · {machine.name}", lane.name, counting,
            f"{number(machine.micro_stop_s, seat.number_locale)} s",
            _("In use") if machine.is_active else _("Not in use"), *own,
        )  # fmt: skip
        with ui.element("tr"):
            for words in cells:
                with ui.element("td"):
                    ui.label(words)
            with ui.element("td").classes("u-table__actions"):
                edit = ui.button(_("Edit"), icon="edit", color=None, on_click=lambda: self._ask(machine))
                edit.classes("u-button u-button--flat").mark("edit-machine")
                cycle = ui.button(_("Cycle times"), icon="timer", color=None, on_click=lambda: self._ask_times(machine))
                cycle.classes("u-button u-button--flat").mark("cycle-times")

    def _ask(self, machine: MachineInfo) -> None:
        lanes = {lane.id: lane.name for lane in self._lanes.values() if lane.plant_id == machine.plant_id}
        ask_machine(self._seat, machine, lanes, then=self.load)

    async def _ask_times(self, machine: MachineInfo) -> None:
        async with read(self._seat.scope()) as work:
            planned = (await list_cycle_times(work, machine_id=machine.id, limit=MOST)).items
            materials = {one.id: one.number for one in (await list_materials(work, limit=MOST)).items}
        ask_cycle_times(self._seat, machine, planned, materials, then=self.load)
