"""Planned cycle times of materials on machines."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import TypeAdapter

from services.db.work import Work, read
from services.plant import cycle_times
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, Quantity, RequestBody, ShownQuantity
from ui.api.v1.lists import CodeText, Cursors, Listed, Paging
from ui.api.v1.plant_models import Removed, removing
from ui.api.v1.writes import Done, Write

router = APIRouter(tags=["plant"], route_class=ExactJsonRoute)

CYCLE_TIMES = Cursors("cycle-times", TypeAdapter(tuple[CodeText, UUID]))


class CycleTime(Answer):
    """How long a machine should take for one item of a material."""

    machine_id: UUID
    material_id: UUID
    cycle_time_s: ShownQuantity


class NewCycleTime(RequestBody):
    """How long a machine should take for one item of a material, in place of what was planned before."""

    machine_id: UUID
    material_id: UUID
    cycle_time_s: Quantity


class CycleTimeFilter(Paging):
    """Filters of cycle times."""

    machine_id: UUID | None = None


@router.get("/cycle-times/", operation_id="listCycleTimes", summary="Planned cycle times", responses=READING)
async def list_cycle_times(caller: Caller, asked: Annotated[CycleTimeFilter, Query()]) -> Listed[CycleTime]:
    """Return the planned cycle times by material number, of one machine where given."""
    async with read(caller) as work:
        page = await cycle_times.list_cycle_times(
            work, machine_id=asked.machine_id, after=CYCLE_TIMES.read(asked.cursor), limit=asked.limit
        )
    return CYCLE_TIMES.listed(page, CycleTime, lambda one: (one.number, one.machine_id))


@router.post(
    "/cycle-times/", operation_id="setCycleTime", summary="Plan a cycle time", response_model=CycleTime,
    responses=WRITING,
)  # fmt: skip
async def post_cycle_time(body: NewCycleTime, write: Write) -> Response:
    """Plan how long a machine takes for one item of a material, in place of what was planned before."""

    async def plan(work: Work) -> Done:
        await cycle_times.set_cycle_time(
            work, machine_id=body.machine_id, material_id=body.material_id, cycle_time_s=body.cycle_time_s
        )
        return Done(CycleTime.model_validate(body, from_attributes=True))

    return await write.once(plan)


@router.post(
    "/machines/{machine_id}/cycle-times/{material_id}/remove",
    operation_id="removeCycleTime",
    summary="Plan no cycle time any more",
    response_model=Removed,
    responses=WRITING,
)
async def remove_cycle_time(machine_id: UUID, material_id: UUID, write: Write) -> Response:
    """Plan no cycle time of a material on a machine any more."""
    return await write.once(
        removing(lambda work: cycle_times.remove_cycle_time(work, machine_id=machine_id, material_id=material_id))
    )
