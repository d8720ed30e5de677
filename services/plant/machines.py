"""Changing machines: how they count, what a micro-stop is, and where they stand."""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from domain.checks import checked_choice, checked_quantity, checked_text
from domain.edits import UNCHANGED, Unchanged
from domain.errors import Conflict, Invalid, NotFound, marked
from domain.events import PlantModelChanged
from domain.identity.roles import Permission
from domain.plant.counters import CountingSource
from services.custom_fields.values import Given, custom_of_edited
from services.db.locked import locked
from services.db.tables import Lane, Machine, MachinePlace
from services.db.work import Work
from services.plant.machine_floor import lock_machine
from services.plant.plant_models import checked_position
from services.plant.recounts import recount_machine

IS_WORKING = text("SELECT EXISTS (SELECT FROM operations WHERE worked_machine_id = :id AND state = 'running')")
MARK_NOW = text("SELECT app.mark_dirty_hours(:id, :now, :now)")


class MachineBusy(Conflict):
    """An operation runs on the machine."""

    code: ClassVar[str] = "machine_busy"
    sentence: ClassVar[str] = marked(
        "An operation is running on “{machine}”. Pause or finish it, then move or switch off the machine."
    )


class LaneOfAnotherPlant(Conflict):
    """A machine stays in its plant."""

    code: ClassVar[str] = "lane_of_another_plant"
    sentence: ClassVar[str] = marked("“{machine}” cannot move to another plant. Add it there as a new machine.")


class InvalidModulus(Invalid):
    """A counter that starts again from zero at nothing."""

    code: ClassVar[str] = "invalid_modulus"
    sentence: ClassVar[str] = marked("The reading at which the counter starts again must be above zero.")


async def edit_machine(
    work: Work,
    *,
    machine_id: UUID,
    version: int,
    name: str | None = None,
    lane_id: UUID | None = None,
    position: int | None = None,
    micro_stop_s: Decimal | None = None,
    counting_source: str | None = None,
    counter_modulus: Decimal | Unchanged | None = UNCHANGED,
    allows_parallel: bool | None = None,
    is_active: bool | None = None,
    custom: Given | None = None,
) -> Machine:
    """Change what is given of a machine; in another lane it stands there from now on, and before as it did.

    A machine that is not active any more leaves boards, walls and terminals; its history stays. Past stops are counted
    again with a new micro-stop threshold, by a job.

    Raises:
        Forbidden: the actor may not edit the plant model.
        NotFound: there is no such machine or lane.
        Conflict: somebody changed it since `version`.
        MachineBusy: it would move or be switched off while an operation runs on it.
        LaneOfAnotherPlant: the lane stands in another plant.
        InvalidText, InvalidQuantity, InvalidChoice, InvalidModulus, InvalidWholeNumber: a value cannot be kept.
        Invalid, UnknownField: a value of a custom field cannot be kept.
    """
    await work.permit(Permission.EDIT_PLANT)
    await lock_machine(work, machine_id)  # before the machine's row, in the order that everybody keeps
    machine = await locked(work, Machine, machine_id, version=version, missing=NotFound(what="machine"))
    machine.custom = await custom_of_edited(work, "machine", custom, machine.custom)
    threshold_before_s = machine.micro_stop_s
    if name is not None:
        machine.name = checked_text(name, field="name")
    if position is not None:
        machine.position = checked_position(position)
    if micro_stop_s is not None:
        machine.micro_stop_s = checked_quantity(micro_stop_s, field="micro_stop_s")
    if counting_source is not None:
        machine.counting_source = checked_choice(counting_source, CountingSource, field="counting_source").value
    if counter_modulus is not UNCHANGED:
        machine.counter_modulus = checked_modulus(counter_modulus)
    if allows_parallel is not None:
        machine.allows_parallel = allows_parallel
    if is_active is not None and is_active != machine.is_active:
        await _refuse_busy(work, machine)
        machine.is_active = is_active
    if lane_id is not None and lane_id != machine.lane_id:
        await _move(work, machine, lane_id)
    await work.session.flush()
    if machine.micro_stop_s != threshold_before_s:
        await recount_machine(work, machine_id=machine.id)
    work.emit(PlantModelChanged(plant_id=machine.plant_id))
    return machine


def checked_modulus(value: Decimal | None) -> Decimal | None:
    """Return the reading at which a counter starts again from zero; None when it never does.

    Raises:
        InvalidQuantity: it is no number that can be kept.
        InvalidModulus: it is zero.
    """
    if value is not None and not checked_quantity(value, field="counter_modulus"):
        raise InvalidModulus(field="counter_modulus")
    return value


async def _move(work: Work, machine: Machine, lane_id: UUID) -> None:
    await _refuse_busy(work, machine)
    lane = await work.session.get(Lane, lane_id)
    if lane is None:
        raise NotFound(what="lane")
    if lane.plant_id != machine.plant_id:
        raise LaneOfAnotherPlant(field="lane_id", machine=machine.code)
    machine.lane_id = lane.id
    work.session.add(
        MachinePlace(
            org_id=machine.org_id, plant_id=machine.plant_id, machine_id=machine.id, lane_id=lane.id, since=work.now
        )
    )
    await work.session.execute(MARK_NOW, {"id": machine.id, "now": work.now})


async def _refuse_busy(work: Work, machine: Machine) -> None:
    if (await work.session.execute(IS_WORKING, {"id": machine.id})).scalar_one():
        raise MachineBusy(machine=machine.code)
