"""The dialogs in which plants, departments, lanes and machines are added and edited."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID
from zoneinfo import available_timezones

from nicegui import ui

from domain.checks import InvalidText
from domain.plant.counters import CountingSource
from services.db.work import Work
from services.plant.cycle_times import CycleTimeInfo, remove_cycle_time, set_cycle_time
from services.plant.machines import edit_machine
from services.plant.plant_models import (
    add_department,
    add_lane,
    add_machine,
    add_plant,
    edit_department,
    edit_lane,
    edit_plant,
)
from services.plant.queries import DepartmentInfo, LaneInfo, MachineInfo, PlantInfo
from ui.kit.act import act
from ui.kit.custom_inputs import CustomInputs
from ui.kit.enter import Seat
from ui.kit.formats import number
from ui.kit.forms import Form, FormDialog, NotANumber
from ui.pages.histories import offer_history
from ui.pages.setup_words import counting_words

Then: TypeAlias = Callable[[object], Awaitable[None]]
DEFAULT_ZONE = "Europe/Berlin"


def ask_plant(seat: Seat, plant: PlantInfo | None, *, then: Then) -> None:
    """Ask for a plant, a new one or what changes of one."""
    _ = seat.translate
    zones = {zone: zone for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"}
    with FormDialog(seat, _("New plant") if plant is None else _("Plant {code}").format(code=plant.code)) as form:
        if plant is None:
            form.text("code", _("Code"), hint=_("Short and for ever, such as HAM"))
        form.text("name", _("Name"), value="" if plant is None else plant.name)
        zone = DEFAULT_ZONE if plant is None else plant.time_zone
        form.choice("time_zone", _("Time zone"), {zone: zone, **zones}, value=zone, can_search=True)
        if plant is not None:
            form.number("undo_within_s", _("Operators may take reports back for"), value=plant.undo_within_s, unit="s")
            form.number("idle_sign_out_s", _("Kiosks sign out after"), value=plant.idle_sign_out_s, unit="s")
        custom = CustomInputs(seat, form, "plant", values=None if plant is None else plant.custom, zone=zone)
        offer_history(form, seat, "plants", plant)

    async def save(work: Work) -> object:
        if plant is None:
            return await add_plant(
                work,
                code=form.text_of("code"),
                name=form.text_of("name"),
                time_zone=form.text_of("time_zone"),
                custom=await custom.values(work),
            )
        return await edit_plant(
            work,
            plant_id=plant.id,
            version=plant.version,
            name=form.text_of("name"),
            time_zone=form.text_of("time_zone"),
            undo_within_s=form.whole_number_of("undo_within_s"),
            idle_sign_out_s=form.whole_number_of("idle_sign_out_s"),
            custom=await custom.values(work),
        )

    form.open_with(save, then=then)


def ask_department(seat: Seat, plant_id: UUID, department: DepartmentInfo | None, *, then: Then) -> None:
    """Ask for a department, a new one or what changes of one."""
    _ = seat.translate
    title = _("New department") if department is None else _("Department {code}").format(code=department.code)
    with FormDialog(seat, title) as form:
        if department is None:
            form.text("code", _("Code"))
        form.text("name", _("Name"), value="" if department is None else department.name)
        custom = CustomInputs(seat, form, "department", values=None if department is None else department.custom)
        offer_history(form, seat, "departments", department)

    async def save(work: Work) -> object:
        if department is None:
            return await add_department(
                work,
                plant_id=plant_id,
                code=form.text_of("code"),
                name=form.text_of("name"),
                custom=await custom.values(work),
            )
        return await edit_department(
            work,
            department_id=department.id,
            version=department.version,
            name=form.text_of("name"),
            custom=await custom.values(work),
        )

    form.open_with(save, then=then)


def ask_lane(seat: Seat, department_id: UUID, lane: LaneInfo | None, *, position: int, then: Then) -> None:
    """Ask for a lane, a new one or what changes of one."""
    _ = seat.translate
    with FormDialog(seat, _("New lane") if lane is None else _("Lane {code}").format(code=lane.code)) as form:
        if lane is None:
            form.text("code", _("Code"))
        form.text("name", _("Name"), value="" if lane is None else lane.name)
        form.number("position", _("Place on boards"), value=position if lane is None else lane.position)
        custom = CustomInputs(seat, form, "lane", values=None if lane is None else lane.custom)
        offer_history(form, seat, "lanes", lane)

    async def save(work: Work) -> object:
        name, place = form.text_of("name"), form.whole_number_of("position")
        if lane is None:
            return await add_lane(
                work,
                department_id=department_id,
                code=form.text_of("code"),
                name=name,
                position=place,
                custom=await custom.values(work),
            )
        return await edit_lane(
            work,
            lane_id=lane.id,
            version=lane.version,
            name=name,
            position=place,
            custom=await custom.values(work),
        )

    form.open_with(save, then=then)


def ask_new_machine(seat: Seat, lane_id: UUID, *, position: int, then: Then) -> None:
    """Ask for a new machine of a lane."""
    _ = seat.translate
    with FormDialog(seat, _("New machine")) as form:
        form.text("code", _("Code"), hint=_("As it stands on the machine"))
        form.text("name", _("Name"))
        form.number("position", _("Place on the lane"), value=position)
        custom = CustomInputs(seat, form, "machine")

    async def save(work: Work) -> object:
        return await add_machine(
            work,
            lane_id=lane_id,
            code=form.text_of("code"),
            name=form.text_of("name"),
            position=form.whole_number_of("position"),
            custom=await custom.values(work),
        )

    form.open_with(save, then=then)


def ask_machine(seat: Seat, machine: MachineInfo, lanes: Mapping[UUID, str], *, then: Then) -> None:
    """Ask what changes of a machine; `lanes` are those of its plant."""
    _ = seat.translate
    with FormDialog(seat, _("Machine {code}").format(code=machine.code)) as form:
        form.text("name", _("Name"), value=machine.name)
        lane = form.choice("lane_id", _("Lane"), lanes, value=machine.lane_id)
        form.number("position", _("Place on the lane"), value=machine.position)
        form.number(
            "micro_stop_s", _("Micro-stops are shorter than"), value=machine.micro_stop_s, unit="s",
            hint=_("Nobody is asked about them"),
        )  # fmt: skip
        counting = form.choice("counting_source", _("Counting"), counting_words(_), value=machine.counting_source)
        modulus = form.number(
            "counter_modulus", _("Counter starts again at"), value=machine.counter_modulus,
            hint=_("Empty when it never does"),
        )  # fmt: skip
        modulus.bind_visibility_from(counting, "value", value=CountingSource.COUNTER.value)
        parallel = form.switch("allows_parallel", _("Several operations at once"), value=machine.allows_parallel)
        active = form.switch("is_active", _("In use"), value=machine.is_active)
        custom = CustomInputs(seat, form, "machine", values=machine.custom)
        offer_history(form, seat, "machines", machine)

    async def save(work: Work) -> object:
        micro_stop_s = form.number_of("micro_stop_s")
        if micro_stop_s is None:
            raise NotANumber(field="micro_stop_s")
        return await edit_machine(
            work,
            machine_id=machine.id,
            version=machine.version,
            name=form.text_of("name"),
            lane_id=lane.value,
            position=form.whole_number_of("position"),
            micro_stop_s=micro_stop_s,
            counting_source=str(counting.value),
            counter_modulus=form.number_of("counter_modulus"),
            allows_parallel=parallel.value,
            is_active=active.value,
            custom=await custom.values(work),
        )

    form.open_with(save, then=then)


def ask_cycle_times(
    seat: Seat, machine: MachineInfo, planned: tuple[CycleTimeInfo, ...], materials: Mapping[UUID, str], *, then: Then
) -> None:
    """Show the planned cycle times of a machine, and ask for another one."""
    _ = seat.translate
    with FormDialog(seat, _("Cycle times of {code}").format(code=machine.code)) as form:
        with ui.element("div").classes("u-form__wide u-cycle-times"):
            if not planned:
                ui.label(_("No cycle time is planned on this machine. Orders may still bring one.")).classes("u-muted")
            for one in planned:
                _cycle_time(seat, form, one, then)
        material = form.choice("material_id", _("Material"), materials, can_search=True)
        form.number("cycle_time_s", _("Seconds per piece"), unit="s")
        offer_history(form, seat, "machines", machine)

    async def save(work: Work) -> object:
        seconds: Decimal | None = form.number_of("cycle_time_s")
        if material.value is None:
            raise InvalidText(field="material_id", longest=60)
        if seconds is None:
            raise NotANumber(field="cycle_time_s")
        await set_cycle_time(work, machine_id=machine.id, material_id=material.value, cycle_time_s=seconds)
        return True

    form.open_with(save, then=then)


def _cycle_time(seat: Seat, form: Form, one: CycleTimeInfo, then: Then) -> None:
    with ui.element("div").classes("u-cycle-time") as row:
        ui.label(one.number).classes("u-cycle-time__material")
        ui.label(f"{number(one.cycle_time_s, seat.number_locale)} s").classes("u-number")

        async def remove(work: Work) -> bool:
            await remove_cycle_time(work, machine_id=one.machine_id, material_id=one.material_id)
            return True

        async def click() -> None:
            if await act(seat, remove, saved=seat.translate("Removed"), refuse=form.refuse):
                row.delete()
                await then(None)

        button = ui.button(icon="delete", color=None, on_click=click).classes("u-button u-button--flat")
        button.props["aria-label"] = seat.translate("Remove")
