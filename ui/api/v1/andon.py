"""Calls for help, and how they were answered."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter

from domain.andon.calls import CallCategory, CallSeverity, CallState
from services.andon.calls import acknowledge_call, close_call, raise_call, resolve_call
from services.andon.queries import list_calls
from services.andon.shelves import shelve_call, unshelve_call
from services.andon.statistics import load_call_statistics
from services.db.work import Work, read
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, Instant, RequestBody, ShownQuantity
from ui.api.v1.lists import Cursors, Listed, Paging
from ui.api.v1.writes import Done, Write

router = APIRouter(prefix="/andon-calls", tags=["andon"], route_class=ExactJsonRoute)

CALLS = Cursors("andon-calls", TypeAdapter(tuple[Instant, UUID]))


class NewCall(RequestBody):
    """A call for help at a machine."""

    machine_id: UUID
    category: CallCategory
    severity: CallSeverity = CallSeverity.MAJOR
    note: Annotated[str, StringConstraints(max_length=500)] = ""


class Resolution(RequestBody):
    """How a call ended."""

    resolution: Annotated[str, StringConstraints(max_length=500)] = Field(
        default="", description="What the trouble was."
    )


class Shelving(RequestBody):
    """How long a call lies out of sight, and why."""

    until: Instant = Field(description="At most eight hours from now.")
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Call(Answer):
    """A call: raised, acknowledged, resolved, closed."""

    id: UUID
    plant_id: UUID
    machine_id: UUID
    category: CallCategory
    severity: CallSeverity
    state: CallState
    note: str
    raised_at: datetime
    raised_by: UUID | None = Field(description="Null where the machine called by itself.")
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    resolved_at: datetime | None
    resolved_by: UUID | None
    closed_at: datetime | None
    closed_by: UUID | None
    joined: int = Field(description="How often the same call was raised again while it was open.")
    resolution: str = Field(description="What the trouble was.")
    rule_id: UUID | None = Field(description="The machine rule that raised or joined it.")
    rule_since: datetime | None = Field(description="When the machine entered the state that the rule watches.")
    rule_ended_at: datetime | None = Field(description="When the machine left that state again.")
    shelved_at: datetime | None
    shelved_until: datetime | None = Field(description="Until then it lies, or lay, out of sight.")
    shelved_by: UUID | None
    shelve_reason: str
    response_target_s: int | None = Field(description="From raised to acknowledged, in seconds.")
    resolution_target_s: int | None = Field(description="From raised to resolved, in seconds.")
    held_operation_id: UUID | None = Field(description="The operation that it paused.")


class CallFigures(Answer):
    """How calls were answered: all of them, those of a category, or those of a machine."""

    category: CallCategory | None
    machine_code: str | None
    machine_name: str | None
    count: int
    joined: int
    response_median_s: ShownQuantity | None = Field(description="From raised to answered, in seconds.")
    response_p90_s: ShownQuantity | None
    resolution_median_s: ShownQuantity | None = Field(description="From raised to resolved, in seconds.")
    resolution_p90_s: ShownQuantity | None
    responded_in_time: ShownQuantity | None = Field(
        description="Share of the calls with a target that were answered within it, from 0 to 1."
    )
    resolved_in_time: ShownQuantity | None
    escalated: ShownQuantity = Field(description="Share of the calls of which a second step of the ladder was told.")


class CallStatistics(Answer):
    """How a plant's calls of a period were answered."""

    total: CallFigures | None = Field(description="Null without any call.")
    by_category: list[CallFigures]
    by_machine: list[CallFigures]
    by_hour: list[int] = Field(description="Calls per hour of the plant's day, 24 numbers.")


class CallFilter(Paging):
    """Filters of the calls; the period `[since, until)` is that of their raising."""

    plant_id: UUID | None = None
    lane_id: UUID | None = None
    machine_id: UUID | None = None
    state: CallState | None = None
    category: CallCategory | None = None
    since: Instant | None = None
    until: Instant | None = None


@router.get("/", operation_id="listAndonCalls", summary="Calls, newest first", responses=READING)
async def list_andon_calls(caller: Caller, asked: Annotated[CallFilter, Query()]) -> Listed[Call]:
    """Return the calls that the filters leave."""
    async with read(caller) as work:
        page = await list_calls(
            work,
            plant_id=asked.plant_id,
            lane_id=asked.lane_id,
            machine_id=asked.machine_id,
            state=asked.state,
            category=asked.category,
            since=asked.since,
            until=asked.until,
            before=CALLS.read(asked.cursor),
            limit=asked.limit,
        )
    return CALLS.listed(page, Call, lambda call: (call.raised_at, call.id))


@router.get("/statistics", operation_id="getAndonStatistics", summary="How calls were answered", responses=READING)
async def get_statistics(caller: Caller, plant_id: UUID, since: Instant, until: Instant) -> CallStatistics:
    """Return counts, medians, 90th percentiles and shares within target of a plant's calls that were raised in
    `[since, until)`: of all, per category and per machine."""
    async with read(caller) as work:
        found = await load_call_statistics(work, plant_id=plant_id, since=since, until=until)
    return CallStatistics.model_validate(found)


@router.post(
    "/",
    operation_id="raiseAndonCall",
    summary="Call for help",
    status_code=201,
    response_model=Call,
    responses={200: {"model": Call, "description": "An open call of this category was joined."}, **WRITING},
)
async def post_andon_call(body: NewCall, write: Write) -> Response:
    """Raise a call. One of the same machine and category that is still open is joined instead: it keeps its clock
    and takes the greater severity."""

    async def raise_or_join(work: Work) -> Done:
        call = await raise_call(
            work, machine_id=body.machine_id, category=body.category, severity=body.severity, note=body.note
        )
        return Done(Call.model_validate(call), 200 if call.joined else 201)

    return await write.once(raise_or_join)


@router.post(
    "/{call_id}/acknowledge",
    operation_id="acknowledgeAndonCall",
    summary="Say that help is on the way",
    response_model=Call,
    responses=WRITING,
)
async def acknowledge(call_id: UUID, write: Write) -> Response:
    """Acknowledge a raised call; its ladder stops, its clock runs on."""
    return await write.once(_answering(lambda work: acknowledge_call(work, call_id=call_id)))


@router.post(
    "/{call_id}/resolve",
    operation_id="resolveAndonCall",
    summary="Say that the trouble is over",
    response_model=Call,
    responses=WRITING,
)
async def resolve(call_id: UUID, write: Write, body: Annotated[Resolution | None, Body()] = None) -> Response:
    """Resolve a raised or acknowledged call, and say what it was."""
    resolution = "" if body is None else body.resolution
    return await write.once(_answering(lambda work: resolve_call(work, call_id=call_id, resolution=resolution)))


@router.post(
    "/{call_id}/close",
    operation_id="closeAndonCall",
    summary="Put a resolved call away",
    response_model=Call,
    responses=WRITING,
)
async def close(call_id: UUID, write: Write) -> Response:
    """Close a resolved call."""
    return await write.once(_answering(lambda work: close_call(work, call_id=call_id)))


@router.post(
    "/{call_id}/shelve",
    operation_id="shelveAndonCall",
    summary="Put a call out of sight for a while",
    response_model=Call,
    responses=WRITING,
)
async def shelve(call_id: UUID, body: Shelving, write: Write) -> Response:
    """Shelve an open call: its ladder waits, its clocks run on, and it comes back by itself."""
    return await write.once(
        _answering(lambda work: shelve_call(work, call_id=call_id, until=body.until, reason=body.reason))
    )


@router.post(
    "/{call_id}/unshelve",
    operation_id="unshelveAndonCall",
    summary="Take a call from the shelf",
    response_model=Call,
    responses=WRITING,
)
async def unshelve(call_id: UUID, write: Write) -> Response:
    """Show a shelved call again at once; steps that its ladder held back fire now."""
    return await write.once(_answering(lambda work: unshelve_call(work, call_id=call_id)))


def _answering(answer: Callable[[Work], Awaitable[object]]) -> Callable[[Work], Awaitable[Done]]:
    async def done(work: Work) -> Done:
        return Done(Call.model_validate(await answer(work)))

    return done
