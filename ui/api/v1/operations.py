"""Operations: what is to be done where, what stands in the way, and what people do with it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter, ValidationInfo, field_validator

from domain.production.operations import OperationAction, OperationState, StartObstacle
from services.db.tables import Operation as OperationRow
from services.db.work import Work, read
from services.production import operation_queries as queries
from services.production.dispatching import load_dispatch_list
from services.production.operations import finish_operation, finish_setup, pause_operation, start_operation
from ui.api.v1.callers import Caller, Words
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody, ShownQuantity, spoken
from ui.api.v1.lists import Cursors, Listed, Paging
from ui.api.v1.writes import Done, Write
from ui.kit.translate import obstacle_sentence

router = APIRouter(tags=["orders"], route_class=ExactJsonRoute)

OPERATIONS = Cursors("operations", TypeAdapter(UUID))


class Obstacle(Answer):
    """One reason why an operation cannot start."""

    kind: str = Field(description="Stable; programs branch on it.")
    detail: str = Field(description="A sentence for people, in the language of Accept-Language.")
    fields: dict[str, str] = Field(description="The values that the sentence names.")


class WithObstacles(Answer):
    """What has obstacles in its way."""

    obstacles: list[Obstacle] = Field(description="Everything that keeps it from starting; empty while it runs.")
    actions: list[OperationAction] = Field(description="What people may do with it now.")

    @field_validator("obstacles", mode="before")
    @classmethod
    def _in_words(cls, value: tuple[StartObstacle, ...], info: ValidationInfo) -> list[Obstacle]:
        words = (info.context or {})["words"]
        return [
            Obstacle(kind=one.kind.value, detail=obstacle_sentence(one, words), fields=dict(one.fields))
            for one in value
        ]


class Operation(WithObstacles):
    """A step of a released order."""

    id: UUID
    plant_id: UUID
    work_order_id: UUID
    order_number: str
    order_state: str
    sequence: int
    name: str
    lane_id: UUID | None
    machine_id: UUID | None
    setup_time_s: ShownQuantity
    run_time_s: ShownQuantity | None
    transfer: str
    waits_for: list[int] = Field(description="Sequences of the operations before it.")
    instructions: str
    required_reports: list[str]
    quantity: ShownQuantity
    good: ShownQuantity
    scrap: ShownQuantity
    rework: ShownQuantity
    state: OperationState
    in_setup: bool
    worked_machine_id: UUID | None = Field(description="The machine that works on it, or did last.")
    started_at: datetime | None
    ended_at: datetime | None
    version: int


class DispatchEntry(WithObstacles):
    """One operation that a machine may work on."""

    operation_id: UUID
    work_order_id: UUID
    order_number: str
    order_state: str
    hold_reason: str
    material_number: str
    material_description: str
    name: str
    sequence: int
    quantity: ShownQuantity
    unit: str
    good: ShownQuantity
    scrap: ShownQuantity
    rework: ShownQuantity
    remaining: ShownQuantity
    state: OperationState
    in_setup: bool
    due_at: datetime | None
    deadline_kind: str
    is_late: bool
    priority: int
    instructions: str


class Start(RequestBody):
    """Where and how an operation starts."""

    machine_id: UUID | None = Field(default=None, description="Needed where the work centre is a lane.")
    setup: bool = Field(default=False, description="Whether it is set up first; `finish-setup` ends that.")
    detail: Annotated[str, StringConstraints(max_length=500)] = ""


class OperationFilter(Paging):
    """Filters of operations."""

    plant_id: UUID | None = None
    lane_id: UUID | None = None
    machine_id: UUID | None = None
    work_order_id: UUID | None = None
    state: OperationState | None = None


class OfMachine(RequestBody):
    """Where an operation would start."""

    machine_id: UUID | None = None


@router.get("/operations/", operation_id="listOperations", summary="Operations, newest first", responses=READING)
async def list_operations(
    caller: Caller, words: Words, asked: Annotated[OperationFilter, Query()]
) -> Listed[Operation]:
    """Return the operations of released orders; those of a lane are planned there or at one of its machines."""
    async with read(caller) as work:
        page = await queries.list_operations(
            work,
            plant_id=asked.plant_id,
            lane_id=asked.lane_id,
            machine_id=asked.machine_id,
            order_id=asked.work_order_id,
            state=asked.state,
            before=OPERATIONS.read(asked.cursor),
            limit=asked.limit,
        )
    return OPERATIONS.listed(page, Operation, lambda operation: operation.id, words)


@router.get("/operations/{operation_id}", operation_id="getOperation", summary="An operation", responses=READING)
async def get_operation(caller: Caller, words: Words, operation_id: UUID) -> Operation:
    """Return one operation."""
    async with read(caller) as work:
        return spoken(Operation, await queries.get_operation(work, operation_id=operation_id), words)


@router.get(
    "/operations/{operation_id}/obstacles",
    operation_id="listStartObstacles",
    summary="Why can't I start?",
    responses=READING,
)
async def list_obstacles(
    caller: Caller, words: Words, operation_id: UUID, asked: Annotated[OfMachine, Query()]
) -> Listed[Obstacle]:
    """Return everything that keeps an operation from starting, at a machine where one is given. The refusal of a start
    has the same list."""
    async with read(caller) as work:
        operation = await queries.get_operation(work, operation_id=operation_id, machine_id=asked.machine_id)
    return Listed[Obstacle](items=spoken(Operation, operation, words).obstacles, next_cursor=None)


@router.get(
    "/machines/{machine_id}/dispatch-list",
    operation_id="listDispatch",
    summary="What is to be done at a machine",
    responses=READING,
)
async def get_dispatch_list(caller: Caller, words: Words, machine_id: UUID) -> Listed[DispatchEntry]:
    """Return the open operations of a machine and its lane: running, paused, ready, waiting; each by priority and
    due date."""
    async with read(caller) as work:
        entries = await load_dispatch_list(work, machine_id=machine_id)
    return Listed[DispatchEntry](items=[spoken(DispatchEntry, entry, words) for entry in entries], next_cursor=None)


@router.post(
    "/operations/{operation_id}/start",
    operation_id="startOperation",
    summary="Start an operation",
    response_model=Operation,
    responses=WRITING,
)
async def post_start(
    operation_id: UUID, write: Write, words: Words, body: Annotated[Start | None, Body()] = None
) -> Response:
    """Begin or resume an operation at a machine. The refusal `start_refused` names every obstacle at once."""
    start = body or Start()

    async def act(work: Work, *, operation_id: UUID) -> OperationRow:
        return await start_operation(
            work, operation_id=operation_id, machine_id=start.machine_id, setup=start.setup, detail=start.detail
        )

    return await _act(write, words, operation_id, act)


@router.post(
    "/operations/{operation_id}/finish-setup",
    operation_id="finishSetup",
    summary="Finish a setup",
    response_model=Operation,
    responses=WRITING,
)
async def post_finish_setup(operation_id: UUID, write: Write, words: Words) -> Response:
    """Say that an operation makes pieces from now on."""
    return await _act(write, words, operation_id, finish_setup)


@router.post(
    "/operations/{operation_id}/pause",
    operation_id="pauseOperation",
    summary="Pause an operation",
    response_model=Operation,
    responses=WRITING,
)
async def post_pause(operation_id: UUID, write: Write, words: Words) -> Response:
    """Let a running operation stand still."""
    return await _act(write, words, operation_id, pause_operation)


@router.post(
    "/operations/{operation_id}/finish",
    operation_id="finishOperation",
    summary="Finish an operation",
    response_model=Operation,
    responses=WRITING,
)
async def post_finish(operation_id: UUID, write: Write, words: Words) -> Response:
    """End an operation; what waited for it becomes ready."""
    return await _act(write, words, operation_id, finish_operation)


async def _act(write: Write, words: Words, operation_id: UUID, act: Callable[..., Awaitable[OperationRow]]) -> Response:
    async def acting(work: Work) -> Done:
        await act(work, operation_id=operation_id)
        return Done(spoken(Operation, await queries.get_operation(work, operation_id=operation_id), words))

    return await write.once(acting)
