"""Building the plant model: plants, departments, lanes, and the machines that they begin with."""

from typing import ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.checks import EARLIEST, checked_text, checked_whole
from domain.errors import Conflict, Invalid, NotFound, marked
from domain.events import PlantModelChanged
from domain.identity.roles import Permission
from services.custom_fields.values import Given, custom_of_edited, custom_of_new
from services.db.locked import locked
from services.db.tables import Department, Lane, Machine, MachinePlace, MachineStatus, Plant, Row
from services.db.unique import unique_or
from services.db.work import Work
from services.plant.shift_planning import plan_again

DAY_S = 86_400
MOST_POSITIONS = 1_000_000


class CodeTaken(Conflict):
    """Another thing of this kind has the code."""

    code: ClassVar[str] = "code_taken"
    sentence: ClassVar[str] = marked("The code “{code}” is already in use.")


class UnknownTimeZone(Invalid):
    """Not an IANA time zone."""

    code: ClassVar[str] = "unknown_time_zone"
    sentence: ClassVar[str] = marked("There is no time zone “{time_zone}”; use a name such as Europe/Berlin.")


async def add_plant(work: Work, *, code: str, name: str, time_zone: str, custom: Given | None = None) -> Plant:
    """Add a plant.

    Raises:
        Forbidden: the actor may not edit the plant model.
        UnknownTimeZone: `time_zone` is not an IANA name.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        CodeTaken: the organization has a plant with this code.
    """
    await work.permit(Permission.EDIT_PLANT)
    plant = Plant(
        org_id=work.scope.org_id,
        code=_code(code),
        name=_name(name),
        time_zone=checked_time_zone(time_zone),
        custom=await custom_of_new(work, "plant", custom),
    )
    await _add(work, plant, code=code)
    work.emit(PlantModelChanged(plant_id=plant.id))
    return plant


async def edit_plant(
    work: Work,
    *,
    plant_id: UUID,
    version: int,
    name: str | None = None,
    time_zone: str | None = None,
    undo_within_s: int | None = None,
    idle_sign_out_s: int | None = None,
    custom: Given | None = None,
) -> Plant:
    """Change what is given of a plant; in another time zone, shifts that have not begun move with it.

    Raises:
        Forbidden: the actor may not edit the plant model.
        NotFound: there is no such plant.
        Conflict: somebody changed it since `version`.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        InvalidText, UnknownTimeZone, InvalidWholeNumber: a value cannot be kept.
        ShiftsOverlap: a shift that has begun would overlap in the other zone.
    """
    await work.permit(Permission.EDIT_PLANT)
    plant = await locked(work, Plant, plant_id, version=version, missing=NotFound(what="plant"))
    plant.custom = await custom_of_edited(work, "plant", custom, plant.custom)
    if name is not None:
        plant.name = _name(name)
    if undo_within_s is not None:
        plant.undo_within_s = checked_whole(undo_within_s, field="undo_within_s", least=0, most=DAY_S)
    if idle_sign_out_s is not None:
        plant.idle_sign_out_s = checked_whole(idle_sign_out_s, field="idle_sign_out_s", least=10, most=DAY_S)
    if time_zone is not None and time_zone != plant.time_zone:
        plant.time_zone = checked_time_zone(time_zone)
        await work.session.flush()
        await plan_again(work, plant_id=plant.id)
    await work.session.flush()
    work.emit(PlantModelChanged(plant_id=plant.id))
    return plant


async def add_department(
    work: Work, *, plant_id: UUID, code: str, name: str, custom: Given | None = None
) -> Department:
    """Add a department to a plant.

    Raises:
        Forbidden: the actor may not edit the plant model.
        NotFound: there is no such plant.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        CodeTaken: the organization has a department with this code.
    """
    await work.permit(Permission.EDIT_PLANT)
    plant = await work.session.get(Plant, plant_id)
    if plant is None:
        raise NotFound(what="plant")
    department = Department(
        org_id=plant.org_id,
        plant_id=plant.id,
        code=_code(code),
        name=_name(name),
        custom=await custom_of_new(work, "department", custom),
    )
    await _add(work, department, code=code)
    work.emit(PlantModelChanged(plant_id=plant.id))
    return department


async def edit_department(
    work: Work, *, department_id: UUID, version: int, name: str | None = None, custom: Given | None = None
) -> Department:
    """Change what is given of a department.

    Raises:
        Forbidden: the actor may not edit the plant model.
        NotFound: there is no such department.
        Conflict: somebody changed it since `version`.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        InvalidText: the name cannot be kept.
    """
    await work.permit(Permission.EDIT_PLANT)
    department = await locked(work, Department, department_id, version=version, missing=NotFound(what="department"))
    department.custom = await custom_of_edited(work, "department", custom, department.custom)
    if name is not None:
        department.name = _name(name)
    await work.session.flush()
    work.emit(PlantModelChanged(plant_id=department.plant_id))
    return department


async def add_lane(
    work: Work, *, department_id: UUID, code: str, name: str, position: int = 0, custom: Given | None = None
) -> Lane:
    """Add a lane to a department.

    Raises:
        Forbidden: the actor may not edit the plant model.
        NotFound: there is no such department.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        CodeTaken: the organization has a lane with this code.
    """
    await work.permit(Permission.EDIT_PLANT)
    department = await work.session.get(Department, department_id)
    if department is None:
        raise NotFound(what="department")
    lane = Lane(
        org_id=department.org_id,
        plant_id=department.plant_id,
        department_id=department.id,
        code=_code(code),
        name=_name(name),
        position=checked_position(position),
        custom=await custom_of_new(work, "lane", custom),
    )
    await _add(work, lane, code=code)
    work.emit(PlantModelChanged(plant_id=lane.plant_id))
    return lane


async def edit_lane(
    work: Work,
    *,
    lane_id: UUID,
    version: int,
    name: str | None = None,
    position: int | None = None,
    custom: Given | None = None,
) -> Lane:
    """Change what is given of a lane.

    Raises:
        Forbidden: the actor may not edit the plant model.
        NotFound: there is no such lane.
        Conflict: somebody changed it since `version`.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        InvalidText, InvalidWholeNumber: a value cannot be kept.
    """
    await work.permit(Permission.EDIT_PLANT)
    lane = await locked(work, Lane, lane_id, version=version, missing=NotFound(what="lane"))
    lane.custom = await custom_of_edited(work, "lane", custom, lane.custom)
    if name is not None:
        lane.name = _name(name)
    if position is not None:
        lane.position = checked_position(position)
    await work.session.flush()
    work.emit(PlantModelChanged(plant_id=lane.plant_id))
    return lane


async def add_machine(
    work: Work,
    *,
    lane_id: UUID,
    code: str,
    name: str,
    position: int = 0,
    is_simulated: bool = False,
    custom: Given | None = None,
) -> Machine:
    """Add a machine to a lane; its timeline is empty, its state unknown.

    Raises:
        Forbidden: the actor may not edit the plant model.
        NotFound: there is no such lane.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        CodeTaken: the organization has a machine with this code.
    """
    await work.permit(Permission.EDIT_PLANT)
    lane = await work.session.get(Lane, lane_id)
    if lane is None:
        raise NotFound(what="lane")
    machine = Machine(
        org_id=lane.org_id,
        plant_id=lane.plant_id,
        lane_id=lane.id,
        code=_code(code),
        name=_name(name),
        position=checked_position(position),
        is_simulated=is_simulated,
        custom=await custom_of_new(work, "machine", custom),
    )
    await _add(work, machine, code=code)
    of_machine = {"org_id": lane.org_id, "plant_id": lane.plant_id, "machine_id": machine.id}
    work.session.add_all([MachineStatus(**of_machine), MachinePlace(**of_machine, lane_id=lane.id, since=EARLIEST)])
    work.emit(PlantModelChanged(plant_id=lane.plant_id))
    return machine


async def _add(work: Work, row: Row, *, code: str) -> None:
    async with unique_or(work, CodeTaken(field="code", code=code)):
        work.session.add(row)


def checked_time_zone(value: str) -> str:
    """Return the name of a time zone.

    Raises:
        UnknownTimeZone: it is no IANA name.
    """
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a part of a name is a folder and no zone
        raise UnknownTimeZone(field="time_zone", time_zone=value) from error
    return value


def checked_position(value: int) -> int:
    """Return a place among others.

    Raises:
        InvalidWholeNumber: it cannot be kept.
    """
    return checked_whole(value, field="position", least=0, most=MOST_POSITIONS)


def _code(value: str) -> str:
    return checked_text(value, field="code", longest=40)


def _name(value: str) -> str:
    return checked_text(value, field="name")
