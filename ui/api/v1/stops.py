"""Stops of machines: which there were, which ask for a reason, and giving it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, TypeAdapter

from domain.plant.machine_states import MachineState
from domain.plant.timelines import SeenStop
from services.db.work import Work, read
from services.plant.stops import classify, list_stops
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, Instant, RequestBody, ShownQuantity
from ui.api.v1.lists import Cursors, Listed
from ui.api.v1.plant import OfPeriod
from ui.api.v1.writes import Done, Write

router = APIRouter(prefix="/machines/{machine_id}/stops", tags=["plant"], route_class=ExactJsonRoute)

STOPS = Cursors("stops", TypeAdapter(Instant))


class Stop(Answer):
    """Time in which a machine did not run, in one state and for one reason."""

    machine_id: UUID
    state: MachineState
    starts_at: datetime
    ends_at: datetime | None = Field(description="Null while it goes on.")
    reason_id: UUID | None
    is_micro: bool = Field(description="Shorter than the machine's threshold: nobody is asked about it.")
    asks_for_reason: bool
    length_s: ShownQuantity = Field(description="Seconds; so far, while it goes on.")


class SeenStopFields(RequestBody):
    """The stop as it was read, sent back unchanged."""

    starts_at: Instant
    ends_at: Instant | None = None
    state: MachineState
    reason_id: UUID | None = None


class Part(RequestBody):
    """A part of the stop; it lasts until the next part, or to the end of the stop."""

    starts_at: Instant
    reason_id: UUID | None = Field(default=None, description="Null leaves it unexplained.")


class Classification(RequestBody):
    """The reason of a stop, or of each part of it."""

    seen: SeenStopFields
    parts: Annotated[list[Part], Field(min_length=1, max_length=50)]


class ClassifiedPart(Answer):
    """A part of a stop as it stands on the timeline now."""

    starts_at: datetime
    reason_id: UUID | None


class ClassifiedStop(Answer):
    """A stop with its reasons."""

    machine_id: UUID
    parts: list[ClassifiedPart]


@router.get("", operation_id="listMachineStops", summary="A machine's stops, newest first", responses=READING)
async def list_machine_stops(caller: Caller, machine_id: UUID, asked: Annotated[OfPeriod, Query()]) -> Listed[Stop]:
    """Return the stops that lie at least partly in `[since, until)`, of a month at most; of the last day without
    `since`."""
    async with read(caller) as work:
        page = await list_stops(
            work,
            machine_id=machine_id,
            since=asked.since,
            until=asked.until,
            before=STOPS.read(asked.cursor),
            limit=asked.limit,
        )
    return STOPS.listed(page, Stop, lambda stop: stop.starts_at)


@router.post(
    "/classification",
    operation_id="classifyStop",
    summary="Give a stop its reason",
    response_model=ClassifiedStop,
    responses=WRITING,
)
async def post_classification(machine_id: UUID, body: Classification, write: Write) -> Response:
    """Give a stop its reason, or split it in parts with a reason each. Refused when the stop has changed since it was
    read."""

    async def do(work: Work) -> Done:
        seen = SeenStop(body.seen.starts_at, body.seen.ends_at, body.seen.state, body.seen.reason_id)
        parts = [(part.starts_at, part.reason_id) for part in body.parts]
        written = await classify(work, machine_id=machine_id, seen=seen, parts=parts)
        shown = [ClassifiedPart.model_validate(part) for part in written]
        return Done(ClassifiedStop(machine_id=machine_id, parts=shown))

    return await write.once(do)
