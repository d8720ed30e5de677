"""Writing the plant model: plants, departments, lanes, machines, reasons, cycle times."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from domain.edits import UNCHANGED, Unchanged
from domain.plant.counters import CountingSource
from services.db.work import Work
from services.plant import machines, plant_models, queries
from ui.api.v1.custom_values import GivenCustom, given_custom, with_custom
from ui.api.v1.documents import WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, Quantity, RequestBody, Version
from ui.api.v1.plant import Department, Lane, Machine, Plant
from ui.api.v1.writes import Done, Write

router = APIRouter(tags=["plant"], route_class=ExactJsonRoute)

T = TypeVar("T")
Code = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Seconds = Annotated[int, Field(strict=True, ge=0, le=86_400)]
Position = Annotated[int, Field(strict=True, ge=0, le=plant_models.MOST_POSITIONS)]


class NewPlant(RequestBody):
    """A plant."""

    code: Code
    name: Name
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    custom: GivenCustom = {}


class PlantChange(RequestBody):
    """What changes of a plant; what is missing stays."""

    version: Version
    name: Name | None = None
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    undo_within_s: Seconds | None = None
    idle_sign_out_s: Seconds | None = None
    custom: GivenCustom | None = None


class NewDepartment(RequestBody):
    """A department."""

    plant_id: UUID
    code: Code
    name: Name
    custom: GivenCustom = {}


class DepartmentChange(RequestBody):
    """What changes of a department."""

    version: Version
    name: Name
    custom: GivenCustom | None = None


class NewLane(RequestBody):
    """A lane."""

    department_id: UUID
    code: Code
    name: Name
    position: Position = 0
    custom: GivenCustom = {}


class LaneChange(RequestBody):
    """What changes of a lane; what is missing stays."""

    version: Version
    name: Name | None = None
    position: Position | None = None
    custom: GivenCustom | None = None


class NewMachine(RequestBody):
    """A machine."""

    lane_id: UUID
    code: Code
    name: Name
    position: Position = 0
    custom: GivenCustom = {}


class MachineChange(RequestBody):
    """What changes of a machine; what is missing stays."""

    version: Version
    name: Name | None = None
    lane_id: UUID | None = Field(default=None, description="Where it stands from now on.")
    position: Position | None = None
    micro_stop_s: Quantity | None = None
    counting_source: CountingSource | None = None
    counter_modulus: Quantity | None = Field(default=None, description="Null takes it away.")
    allows_parallel: bool | None = None
    is_active: bool | None = None
    custom: GivenCustom | None = None


class Removed(Answer):
    """What is not planned any more."""

    is_removed: Literal[True] = True


@router.post(
    "/plants/", operation_id="addPlant", summary="Add a plant", status_code=201, response_model=Plant, responses=WRITING
)
async def post_plant(body: NewPlant, write: Write) -> Response:
    """Add a plant in a time zone."""

    async def add(work: Work) -> Done:
        plant = await plant_models.add_plant(
            work,
            code=body.code,
            name=body.name,
            time_zone=body.time_zone,
            custom=await given_custom(work, "plant", body.custom),
        )
        return Done(await with_custom(work, "plant", Plant.model_validate(plant)), 201)

    return await write.once(add)


@router.patch(
    "/plants/{plant_id}", operation_id="editPlant", summary="Change a plant", response_model=Plant, responses=WRITING
)
async def patch_plant(plant_id: UUID, body: PlantChange, write: Write) -> Response:
    """Change what is given; in another time zone, shifts that have not begun move with it."""

    async def edit(work: Work) -> Done:
        plant = await plant_models.edit_plant(
            work,
            plant_id=plant_id,
            version=body.version,
            name=body.name,
            time_zone=body.time_zone,
            undo_within_s=body.undo_within_s,
            idle_sign_out_s=body.idle_sign_out_s,
            custom=await given_custom(work, "plant", body.custom),
        )
        return Done(await with_custom(work, "plant", Plant.model_validate(plant)))

    return await write.once(edit)


@router.post(
    "/departments/",
    operation_id="addDepartment",
    summary="Add a department",
    status_code=201,
    response_model=Department,
    responses=WRITING,
)
async def post_department(body: NewDepartment, write: Write) -> Response:
    """Add a department to a plant."""

    async def add(work: Work) -> Done:
        row = await plant_models.add_department(
            work,
            plant_id=body.plant_id,
            code=body.code,
            name=body.name,
            custom=await given_custom(work, "department", body.custom),
        )
        return Done(await with_custom(work, "department", Department.model_validate(row)), 201)

    return await write.once(add)


@router.patch(
    "/departments/{department_id}",
    operation_id="editDepartment",
    summary="Change a department",
    response_model=Department,
    responses=WRITING,
)
async def patch_department(department_id: UUID, body: DepartmentChange, write: Write) -> Response:
    """Give a department another name."""

    async def edit(work: Work) -> Done:
        row = await plant_models.edit_department(
            work,
            department_id=department_id,
            version=body.version,
            name=body.name,
            custom=await given_custom(work, "department", body.custom),
        )
        return Done(await with_custom(work, "department", Department.model_validate(row)))

    return await write.once(edit)


@router.post(
    "/lanes/", operation_id="addLane", summary="Add a lane", status_code=201, response_model=Lane, responses=WRITING
)
async def post_lane(body: NewLane, write: Write) -> Response:
    """Add a lane to a department."""

    async def add(work: Work) -> Done:
        row = await plant_models.add_lane(
            work,
            department_id=body.department_id,
            code=body.code,
            name=body.name,
            position=body.position,
            custom=await given_custom(work, "lane", body.custom),
        )
        return Done(await with_custom(work, "lane", Lane.model_validate(row)), 201)

    return await write.once(add)


@router.patch(
    "/lanes/{lane_id}", operation_id="editLane", summary="Change a lane", response_model=Lane, responses=WRITING
)
async def patch_lane(lane_id: UUID, body: LaneChange, write: Write) -> Response:
    """Change what is given of a lane."""

    async def edit(work: Work) -> Done:
        row = await plant_models.edit_lane(
            work,
            lane_id=lane_id,
            version=body.version,
            name=body.name,
            position=body.position,
            custom=await given_custom(work, "lane", body.custom),
        )
        return Done(await with_custom(work, "lane", Lane.model_validate(row)))

    return await write.once(edit)


@router.post(
    "/machines/",
    operation_id="addMachine",
    summary="Add a machine",
    status_code=201,
    response_model=Machine,
    responses=WRITING,
)
async def post_machine(body: NewMachine, write: Write) -> Response:
    """Add a machine to a lane; nobody knows its state yet."""

    async def add(work: Work) -> Done:
        row = await plant_models.add_machine(
            work,
            lane_id=body.lane_id,
            code=body.code,
            name=body.name,
            position=body.position,
            custom=await given_custom(work, "machine", body.custom),
        )
        await work.session.flush()
        return Done(
            await with_custom(work, "machine", Machine.model_validate(await queries.get_machine(work, row.id))), 201
        )

    return await write.once(add)


@router.patch(
    "/machines/{machine_id}",
    operation_id="editMachine",
    summary="Change a machine",
    response_model=Machine,
    responses=WRITING,
)
async def patch_machine(machine_id: UUID, body: MachineChange, write: Write) -> Response:
    """Change what is given. A machine on which an operation runs neither moves nor is switched off; in another lane it
    stands there from now on, and its history stays where it was."""

    async def edit(work: Work) -> Done:
        await machines.edit_machine(
            work,
            machine_id=machine_id,
            version=body.version,
            name=body.name,
            lane_id=body.lane_id,
            position=body.position,
            micro_stop_s=body.micro_stop_s,
            counting_source=body.counting_source,
            counter_modulus=given(body, "counter_modulus", body.counter_modulus),
            allows_parallel=body.allows_parallel,
            is_active=body.is_active,
            custom=await given_custom(work, "machine", body.custom),
        )
        return Done(
            await with_custom(work, "machine", Machine.model_validate(await queries.get_machine(work, machine_id)))
        )

    return await write.once(edit)


def removing(remove: Callable[[Work], Awaitable[None]]) -> Callable[[Work], Awaitable[Done]]:
    """Return the write that removes something."""

    async def do(work: Work) -> Done:
        await remove(work)
        return Done(Removed())

    return do


def given(body: RequestBody, name: str, value: T) -> T | Unchanged:
    """Return a value that may be null, or that it was not given."""
    return value if name in body.model_fields_set else UNCHANGED
