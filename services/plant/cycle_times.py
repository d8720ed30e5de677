"""Planned cycle times: how long a machine should take for one item of a material."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from domain.checks import checked_quantity
from domain.errors import Invalid, NotFound, marked
from domain.events import PlantModelChanged
from domain.identity.roles import Permission
from services.db.paging import Page, page_of
from services.db.tables import CycleTime, Machine, Material
from services.db.work import Work


@dataclass(frozen=True)
class CycleTimeInfo:
    """How long a machine should take for one item of a material."""

    machine_id: UUID
    material_id: UUID
    number: str
    """The material's."""
    unit: str
    cycle_time_s: Decimal


class InvalidCycleTime(Invalid):
    """A cycle of no length."""

    code: ClassVar[str] = "invalid_cycle_time"
    sentence: ClassVar[str] = marked("A cycle takes more than no time at all.")


async def set_cycle_time(work: Work, *, machine_id: UUID, material_id: UUID, cycle_time_s: Decimal) -> None:
    """Plan how many seconds a machine takes for one item of a material, in place of what was planned before.

    Raises:
        Forbidden: the actor may not edit the plant model.
        NotFound: there is no such machine or material.
        InvalidQuantity, InvalidCycleTime: it is no length of time that can be kept.
    """
    await work.permit(Permission.EDIT_PLANT)
    machine = await _machine(work, machine_id)
    if await work.session.get(Material, material_id) is None:
        raise NotFound(what="material")
    if not checked_quantity(cycle_time_s, field="cycle_time_s"):
        raise InvalidCycleTime(field="cycle_time_s")
    values = insert(CycleTime).values(
        org_id=machine.org_id,
        plant_id=machine.plant_id,
        machine_id=machine.id,
        material_id=material_id,
        cycle_time_s=cycle_time_s,
    )
    await work.session.execute(
        values.on_conflict_do_update(constraint="cycle_times_pk", set_={"cycle_time_s": values.excluded.cycle_time_s})
    )
    work.emit(PlantModelChanged(plant_id=machine.plant_id))


async def remove_cycle_time(work: Work, *, machine_id: UUID, material_id: UUID) -> None:
    """Plan no cycle time of a material on a machine any more.

    Raises:
        Forbidden: the actor may not edit the plant model.
        NotFound: there is no such machine, or none was planned.
    """
    await work.permit(Permission.EDIT_PLANT)
    machine = await _machine(work, machine_id)
    removed = await work.session.execute(
        delete(CycleTime)
        .where(CycleTime.machine_id == machine_id, CycleTime.material_id == material_id)
        .returning(CycleTime.machine_id)
    )
    if removed.first() is None:
        raise NotFound(what="cycle time")
    work.emit(PlantModelChanged(plant_id=machine.plant_id))


async def list_cycle_times(
    work: Work, *, machine_id: UUID | None = None, after: tuple[str, UUID] | None = None, limit: int = 100
) -> Page[CycleTimeInfo]:
    """Return planned cycle times, of one machine where given, by material number; `after` is one with a machine.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    statement = (
        select(CycleTime.machine_id, CycleTime.material_id, Material.number, Material.unit, CycleTime.cycle_time_s)
        .join(Material, (Material.org_id == CycleTime.org_id) & (Material.id == CycleTime.material_id))
        .order_by(Material.number, CycleTime.machine_id)
    )
    if machine_id is not None:
        statement = statement.where(CycleTime.machine_id == machine_id)
    if after is not None:
        statement = statement.where(tuple_(Material.number, CycleTime.machine_id) > tuple_(*after))
    rows = await work.session.execute(statement.limit(limit + 1))
    return page_of([CycleTimeInfo(*row) for row in rows], limit)


async def _machine(work: Work, machine_id: UUID) -> Machine:
    machine = await work.session.get(Machine, machine_id)
    if machine is None:
        raise NotFound(what="machine")
    return machine
