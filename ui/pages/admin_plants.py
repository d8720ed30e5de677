"""The plant model as a tree: plants, their departments, lanes and machines."""

from uuid import UUID

from nicegui import ui

from domain.identity.roles import Permission
from services.db.work import read
from services.plant.places import list_plants as list_plant_places
from services.plant.queries import (
    DepartmentInfo,
    LaneInfo,
    MachineInfo,
    PlantInfo,
    list_departments,
    list_lanes,
    list_machines,
    list_plants,
)
from ui.kit.enter import Seat, screen
from ui.pages.admin_imports import import_buttons
from ui.pages.admin_parts import add_button, heading, setup_page
from ui.pages.plant_forms import ask_department, ask_lane, ask_machine, ask_new_machine, ask_plant

MOST = 10_000


@screen("/admin/plants", permission=Permission.EDIT_PLANT)
async def admin_plants(seat: Seat) -> None:
    """Edit the plant model."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plant_places(work)
    with setup_page(seat, _("Plants"), "/admin/plants", plants=plants):
        page = _Page(seat)
    await page.load()


class _Page:
    """The tree; drawn again after each edit of it here."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            heading(_("Plants, lanes and machines"))
            ui.space()
            import_buttons(seat, ("plants", "departments", "lanes", "machines"), then=self.load)
            add_button(_("Add a plant"), lambda: ask_plant(seat, None, then=self.load), mark="add-plant")
        self._tree = ui.element("div").classes("u-column")

    async def load(self, _edited: object = None) -> None:
        """Show the plant model of now."""
        async with read(self._seat.scope()) as work:
            plants = (await list_plants(work, limit=MOST)).items
            departments = (await list_departments(work, limit=MOST)).items
            lanes = sorted((await list_lanes(work, limit=MOST)).items, key=lambda lane: (lane.position, lane.code))
            machines = (await list_machines(work, limit=MOST)).items
        machines_by_place = sorted(machines, key=lambda machine: (machine.position, machine.code))
        self._tree.clear()
        with self._tree:
            if not plants:
                with ui.element("div").classes("u-empty"):
                    ui.icon("factory").classes("u-empty__icon")
                    ui.label(self._seat.translate("There is no plant yet")).classes("u-title")
                    ui.label(self._seat.translate("Add the first one; lanes and machines follow."))
            for plant in plants:
                self._plant(
                    plant,
                    [one for one in departments if one.plant_id == plant.id],
                    [one for one in lanes if one.plant_id == plant.id],
                    [one for one in machines_by_place if one.plant_id == plant.id],
                )

    def _plant(
        self, plant: PlantInfo, departments: list[DepartmentInfo], lanes: list[LaneInfo], machines: list[MachineInfo]
    ) -> None:
        _, seat = self._seat.translate, self._seat
        lane_names = {lane.id: lane.name for lane in lanes}
        with ui.element("section").classes("u-card u-tree"):
            with ui.element("div").classes("u-tree__head"):
                ui.icon("factory")
                _edit(plant.name, plant.code, lambda: ask_plant(seat, plant, then=self.load)).mark("edit-plant")
                ui.label(plant.time_zone).classes("u-muted")
                ui.space()
                add_button(
                    _("Add a department"), lambda: ask_department(seat, plant.id, None, then=self.load),
                    mark="add-department",
                )  # fmt: skip
            for department in departments:
                of_department = [lane for lane in lanes if lane.department_id == department.id]
                with ui.element("div").classes("u-tree__department"):
                    with ui.element("div").classes("u-tree__head"):
                        _edit(
                            department.name,
                            department.code,
                            lambda department=department: ask_department(seat, plant.id, department, then=self.load),
                        )
                        ui.space()
                        position = max((lane.position for lane in lanes), default=0) + 1
                        add_button(
                            _("Add a lane"),
                            lambda department=department, position=position: ask_lane(
                                seat, department.id, None, position=position, then=self.load
                            ),
                            mark="add-lane",
                        )
                    if not of_department:
                        ui.label(_("No lane yet")).classes("u-muted")
                    for lane in of_department:
                        self._lane(lane, [one for one in machines if one.lane_id == lane.id], lane_names)
            if not departments:
                ui.label(_("Add a department, then its lanes.")).classes("u-muted")

    def _lane(self, lane: LaneInfo, machines: list[MachineInfo], lane_names: dict[UUID, str]) -> None:
        _, seat = self._seat.translate, self._seat
        with ui.element("div").classes("u-tree__lane"):
            _edit(
                lane.name,
                lane.code,
                lambda: ask_lane(seat, lane.department_id, lane, position=lane.position, then=self.load),
            )
            with ui.element("div").classes("u-tree__machines"):
                for machine in machines:
                    button = ui.button(
                        color=None,
                        on_click=lambda machine=machine: ask_machine(seat, machine, lane_names, then=self.load),
                    )
                    button.classes("u-button u-button--listed u-tree__machine").mark("machine")
                    with button:
                        ui.label(machine.code).classes("u-tree__code")
                        ui.label(machine.name).classes("u-tree__name")
                        if not machine.is_active:
                            ui.label(_("Not in use")).classes("u-muted")
                position = max((machine.position for machine in machines), default=0) + 1
                add_button(
                    _("Add a machine"), lambda: ask_new_machine(seat, lane.id, position=position, then=self.load),
                    mark="add-machine",
                )  # fmt: skip


def _edit(name: str, code: str, on_click: object) -> ui.button:
    button = ui.button(color=None, on_click=on_click).classes("u-button u-button--flat u-tree__title")  # type: ignore[arg-type]
    with button:
        ui.label(name)
        ui.label(code).classes("u-muted")
        ui.icon("edit")
    return button
