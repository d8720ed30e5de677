"""The plant model: plants, departments, lanes, machines, reasons."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter

from domain.plant.counters import CountingSource
from domain.plant.machine_states import MachineState
from services.db.work import Work, read
from services.plant import queries
from services.plant.machine_states import change_machine_state
from ui.api.v1.callers import Caller
from ui.api.v1.custom_values import CustomAnswer, list_with_custom, with_custom
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, Instant, RequestBody, ShownQuantity
from ui.api.v1.lists import CodeText, Cursors, Listed, Paging
from ui.api.v1.writes import Done, Write

router = APIRouter(tags=["plant"], route_class=ExactJsonRoute)

BY_CODE = TypeAdapter(CodeText)
PLANTS = Cursors("plants", BY_CODE)
DEPARTMENTS = Cursors("departments", BY_CODE)
LANES = Cursors("lanes", BY_CODE)
MACHINES = Cursors("machines", BY_CODE)
REASONS = Cursors("reasons", TypeAdapter(tuple[CodeText, CodeText]))
STATES = Cursors("states", TypeAdapter(Instant))


class Plant(CustomAnswer):
    """A site (ISA-95)."""

    id: UUID
    code: str
    name: str
    time_zone: str = Field(description="IANA name, for example `Europe/Berlin`.")
    undo_within_s: int = Field(description="How long operators may take their own reports back.")
    idle_sign_out_s: int = Field(description="How long a kiosk stays with somebody who does nothing.")
    version: int


class Department(CustomAnswer):
    """An area (ISA-95) of a plant."""

    id: UUID
    plant_id: UUID
    code: str
    name: str
    version: int


class Lane(CustomAnswer):
    """A production line (ISA-95) of a department."""

    id: UUID
    plant_id: UUID
    department_id: UUID
    code: str
    name: str
    position: int
    version: int


class Machine(CustomAnswer):
    """A work unit (ISA-95) and what it is doing."""

    id: UUID
    plant_id: UUID
    lane_id: UUID
    code: str
    name: str
    position: int
    is_simulated: bool
    state: MachineState
    since: datetime | None = Field(description="When the state was entered; send it back as `seen_since`.")
    reason_id: UUID | None
    detail: str = Field(description="The machine's own words, such as an alarm.")
    run_id: UUID | None
    last_report_at: datetime | None
    micro_stop_s: ShownQuantity = Field(description="Stops shorter than this are micro-stops.")
    counting_source: CountingSource
    counter_modulus: ShownQuantity | None = Field(description="The reading at which the counter starts again.")
    allows_parallel: bool = Field(description="Whether several operations may run at once.")
    is_active: bool
    version: int


class Reason(CustomAnswer):
    """Why a machine stood still or a piece was not good."""

    id: UUID
    kind: Literal["stop", "scrap", "rework"]
    code: str
    label: str = Field(description="What people read in a language that `translations` leave out.")
    translations: dict[str, str] = Field(description="What people read, by language (BCP 47).")
    loss_category: str | None = Field(description="Null takes that of the reason above.")
    parent_id: UUID | None = Field(description="The reason above.")
    position: int
    is_active: bool
    version: int


class TimelineState(Answer):
    """One state of a machine's timeline; it lasts until the next one begins."""

    machine_id: UUID
    state: MachineState
    started_at: datetime
    ended_at: datetime | None = Field(description="Null while the state lasts.")
    reason_id: UUID | None
    detail: str
    actor_kind: Literal["user", "machine", "system"]
    user_id: UUID | None
    recorded_at: datetime


class StateChange(RequestBody):
    """A state that a machine enters, or the reason of the stop that it is in."""

    state: MachineState
    reason_id: UUID | None = None
    detail: Annotated[str, StringConstraints(max_length=500)] = ""
    started_at: Instant | None = Field(default=None, description="Now where missing.")
    seen_since: Instant | None = Field(
        default=None, description="`since` of the state that was seen; refused when the machine has left it."
    )


class StateNow(Answer):
    """What the timeline says after a change."""

    machine_id: UUID
    state: MachineState
    started_at: datetime
    reason_id: UUID | None
    detail: str
    changed: bool = Field(description="False when the timeline said so before.")


class OfPlant(Paging):
    """Filters by plant."""

    plant_id: UUID | None = None


class OfDepartment(OfPlant):
    """Filters by plant and department."""

    department_id: UUID | None = None


class OfLane(OfPlant):
    """Filters by plant and lane."""

    lane_id: UUID | None = None


class OfKind(Paging):
    """Filters by kind."""

    kind: Literal["stop", "scrap", "rework"] | None = None


class OfPeriod(Paging):
    """Filters by a half-open period `[since, until)`."""

    since: Instant | None = None
    until: Instant | None = None


@router.get("/plants/", operation_id="listPlants", summary="Plants by code", responses=READING)
async def list_plants(caller: Caller, asked: Annotated[Paging, Query()]) -> Listed[Plant]:
    """Return the plants that you can see."""
    async with read(caller) as work:
        page = await queries.list_plants(work, after=PLANTS.read(asked.cursor), limit=asked.limit)
        return await list_with_custom(work, "plant", PLANTS.listed(page, Plant, lambda plant: plant.code))


@router.get("/departments/", operation_id="listDepartments", summary="Departments by code", responses=READING)
async def list_departments(caller: Caller, asked: Annotated[OfPlant, Query()]) -> Listed[Department]:
    """Return the departments, of one plant where given."""
    async with read(caller) as work:
        page = await queries.list_departments(
            work, plant_id=asked.plant_id, after=DEPARTMENTS.read(asked.cursor), limit=asked.limit
        )
        return await list_with_custom(
            work, "department", DEPARTMENTS.listed(page, Department, lambda department: department.code)
        )


@router.get("/lanes/", operation_id="listLanes", summary="Lanes by code", responses=READING)
async def list_lanes(caller: Caller, asked: Annotated[OfDepartment, Query()]) -> Listed[Lane]:
    """Return the lanes, of one plant or department where given."""
    async with read(caller) as work:
        page = await queries.list_lanes(
            work,
            plant_id=asked.plant_id,
            department_id=asked.department_id,
            after=LANES.read(asked.cursor),
            limit=asked.limit,
        )
        return await list_with_custom(work, "lane", LANES.listed(page, Lane, lambda lane: lane.code))


@router.get("/machines/", operation_id="listMachines", summary="Machines by code", responses=READING)
async def list_machines(caller: Caller, asked: Annotated[OfLane, Query()]) -> Listed[Machine]:
    """Return the machines with their present state, of one plant or lane where given."""
    async with read(caller) as work:
        page = await queries.list_machines(
            work, plant_id=asked.plant_id, lane_id=asked.lane_id, after=MACHINES.read(asked.cursor), limit=asked.limit
        )
        return await list_with_custom(work, "machine", MACHINES.listed(page, Machine, lambda machine: machine.code))


@router.get("/machines/{machine_id}", operation_id="getMachine", summary="A machine", responses=READING)
async def get_machine(caller: Caller, machine_id: UUID) -> Machine:
    """Return one machine with its present state."""
    async with read(caller) as work:
        return await with_custom(work, "machine", Machine.model_validate(await queries.get_machine(work, machine_id)))


@router.get("/reasons/", operation_id="listReasons", summary="Reasons by kind and code", responses=READING)
async def list_reasons(caller: Caller, asked: Annotated[OfKind, Query()]) -> Listed[Reason]:
    """Return the reasons for stops, scrap and rework; those that are not active stand on older entries only."""
    async with read(caller) as work:
        page = await queries.list_reasons(work, kind=asked.kind, after=REASONS.read(asked.cursor), limit=asked.limit)
        return await list_with_custom(
            work, "reason", REASONS.listed(page, Reason, lambda reason: (reason.kind, reason.code))
        )


@router.get(
    "/machines/{machine_id}/states", operation_id="listMachineStates", summary="A machine's timeline", responses=READING
)
async def list_machine_states(
    caller: Caller, machine_id: UUID, asked: Annotated[OfPeriod, Query()]
) -> Listed[TimelineState]:
    """Return the states that lie at least partly in `[since, until)`, newest first, with the one that lasted when
    `since` came."""
    async with read(caller) as work:
        page = await queries.list_machine_states(
            work,
            machine_id=machine_id,
            since=asked.since,
            until=asked.until,
            before=STATES.read(asked.cursor),
            limit=asked.limit,
        )
    return STATES.listed(page, TimelineState, lambda state: state.started_at)


@router.post(
    "/machines/{machine_id}/states",
    operation_id="changeMachineState",
    summary="Change a machine's state",
    status_code=201,
    response_model=StateNow,
    responses={200: {"model": StateNow, "description": "The timeline said so before."}, **WRITING},
)
async def post_machine_state(machine_id: UUID, body: StateChange, write: Write) -> Response:
    """Let a machine enter a state, now or earlier. Naming a reason for the stop that the machine is in explains that
    stop instead of beginning another one."""

    async def change(work: Work) -> Done:
        now = await change_machine_state(
            work,
            machine_id=machine_id,
            state=body.state,
            reason_id=body.reason_id,
            detail=body.detail,
            started_at=body.started_at,
            seen_since=body.seen_since,
        )
        return Done(StateNow.model_validate(now), 201 if now.changed else 200)

    return await write.once(change)
