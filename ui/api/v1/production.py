"""The production log: what was made."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID, uuid5

from fastapi import APIRouter, Body, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from services.db.keys import new_id
from services.db.work import Work, read
from services.production.production_logs import Booking, Pieces, report_counter, report_production
from services.production.queries import list_log_entries
from services.production.reversals import correct_report, reverse_entry
from ui.api.metrics import BOOKED_REPORTS
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, Instant, Quantity, RequestBody, ShownQuantity
from ui.api.v1.lists import Cursors, Listed
from ui.api.v1.plant import OfPeriod
from ui.api.v1.writes import Done, Write

router = APIRouter(prefix="/production-logs", tags=["production"], route_class=ExactJsonRoute)

ENTRIES = Cursors("production-logs", TypeAdapter(tuple[Instant, UUID]))


class ProductionReport(RequestBody):
    """One tap: good pieces, scrap and rework together. Quantities are JSON numbers or decimal strings."""

    machine_id: UUID
    client_key: UUID | None = Field(
        default=None,
        description="Names this report for ever: the same key never books twice. Without it only an Idempotency-Key"
        " protects a repetition.",
    )
    good: Quantity = Decimal(0)
    scrap: Quantity = Decimal(0)
    scrap_reason_id: UUID | None = Field(default=None, description="Required with scrap.")
    rework: Quantity = Decimal(0)
    rework_reason_id: UUID | None = Field(default=None, description="Required with rework.")
    device: Annotated[str, StringConstraints(max_length=100)] = ""
    device_at: Instant | None = Field(default=None, description="What the device's clock says; kept beside ours.")
    operation_id: UUID | None = Field(
        default=None, description="The operation that the pieces belong to; by default what the machine is working on."
    )
    made_ago_s: Quantity | None = Field(
        default=None,
        description="How many seconds before this request the pieces were made, by an even clock of the device: for"
        " reports that had to wait for a connection, at most a day. By default they were made now.",
    )
    start_reading: Quantity | None = Field(
        default=None, description="A counter's reading before; with `end_reading`, what lies between is good and scrap."
    )
    end_reading: Quantity | None = Field(default=None, description="The counter's reading now.")
    was_reset: bool = Field(default=False, description="Whether the counter was set to zero between the readings.")

    @model_validator(mode="after")
    def _check_readings(self) -> Self:
        if (self.start_reading is None) != (self.end_reading is None):
            raise PydanticCustomError("readings", "a counter has a reading before and one now")
        if self.start_reading is not None and (self.good or self.rework):
            raise PydanticCustomError("readings", "a counter counts good pieces by itself")
        return self


class ReversalRequest(RequestBody):
    """How a reversal is named."""

    client_key: UUID | None = Field(default=None, description="Names this reversal for ever: it is booked once.")


class CorrectionRequest(RequestBody):
    """What a report should have said."""

    client_key: UUID | None = Field(
        default=None, description="Names this correction for ever: it is booked once. Not the key of the report."
    )
    good: Quantity = Decimal(0)
    scrap: Quantity = Decimal(0)
    scrap_reason_id: UUID | None = Field(default=None, description="Required with scrap.")
    rework: Quantity = Decimal(0)
    rework_reason_id: UUID | None = Field(default=None, description="Required with rework.")


class BookedReport(Answer):
    """What stands in the log for a client key."""

    client_key: UUID
    machine_id: UUID
    run_id: UUID | None = Field(description="The run that the machine was working on.")
    operation_id: UUID | None = Field(description="The operation that the pieces belong to.")
    at: datetime = Field(description="When the pieces were made: when the server booked them, less `made_ago_s`.")
    good: ShownQuantity
    scrap: ShownQuantity
    rework: ShownQuantity
    entry_ids: list[UUID]
    is_repeat: bool = Field(description="True when the key had been booked before; nothing was added then.")


class LogEntry(Answer):
    """One kind of pieces of one report."""

    id: UUID
    plant_id: UUID
    lane_id: UUID
    machine_id: UUID
    run_id: UUID | None
    kind: Literal["good", "scrap", "rework"]
    quantity: ShownQuantity
    reason_id: UUID | None
    at: datetime = Field(description="When the pieces were made.")
    recorded_at: datetime = Field(description="When the server booked them.")
    device: str
    device_at: datetime | None
    actor_kind: Literal["user", "machine", "system"]
    user_id: UUID | None
    client_key: UUID
    operation_id: UUID | None
    shift_id: UUID | None = Field(description="The shift in which they were made; null outside shifts.")
    reverses_id: UUID | None = Field(description="The entry that this one takes back.")
    is_correction: bool = Field(description="A reversal, or an entry in place of a reversed one.")


class LogFilter(OfPeriod):
    """Filters of the log."""

    plant_id: UUID | None = None
    lane_id: UUID | None = None
    machine_id: UUID | None = None
    operation_id: UUID | None = None
    work_order_id: UUID | None = None
    shift_id: UUID | None = None
    kind: Literal["good", "scrap", "rework"] | None = None


@router.post(
    "/",
    operation_id="reportProduction",
    summary="Report production",
    status_code=201,
    response_model=BookedReport,
    responses={200: {"model": BookedReport, "description": "The client key was booked before."}, **WRITING},
)
async def post_production_log(body: ProductionReport, write: Write) -> Response:
    """Book good pieces, scrap and rework on the machine's present run, now, all or nothing."""
    bookings: list[Booking] = []

    async def book(work: Work) -> Done:
        booking = await _book(work, body)
        bookings.append(booking)
        return Done(BookedReport.model_validate(booking), 200 if booking.is_repeat else 201)

    response = await write.once(book)
    BOOKED_REPORTS.labels(door="api").inc(sum(not booking.is_repeat for booking in bookings))
    return response


async def _book(work: Work, body: ProductionReport) -> Booking:
    client_key = body.client_key or new_id()
    if body.start_reading is not None and body.end_reading is not None:
        return await report_counter(
            work,
            machine_id=body.machine_id,
            start_reading=body.start_reading,
            end_reading=body.end_reading,
            was_reset=body.was_reset,
            scrap=body.scrap,
            scrap_reason_id=body.scrap_reason_id,
            client_key=client_key,
            operation_id=body.operation_id,
            device=body.device,
            device_at=body.device_at,
            made_ago_s=body.made_ago_s,
        )
    return await report_production(
        work,
        machine_id=body.machine_id,
        pieces=Pieces(body.good, body.scrap, body.scrap_reason_id, body.rework, body.rework_reason_id),
        client_key=client_key,
        operation_id=body.operation_id,
        device=body.device,
        device_at=body.device_at,
        made_ago_s=body.made_ago_s,
    )


@router.get("/", operation_id="listProductionLogs", summary="The production log, newest first", responses=READING)
async def list_production_logs(caller: Caller, asked: Annotated[LogFilter, Query()]) -> Listed[LogEntry]:
    """Return the entries made in `[since, until)`, newest first. What is booked while you turn pages appears before
    the first page, and shifts nothing."""
    async with read(caller) as work:
        page = await list_log_entries(
            work,
            plant_id=asked.plant_id,
            lane_id=asked.lane_id,
            machine_id=asked.machine_id,
            operation_id=asked.operation_id,
            work_order_id=asked.work_order_id,
            shift_id=asked.shift_id,
            kind=asked.kind,
            since=asked.since,
            until=asked.until,
            before=ENTRIES.read(asked.cursor),
            limit=asked.limit,
        )
    return ENTRIES.listed(page, LogEntry, lambda entry: (entry.at, entry.id))


@router.post(
    "/{entry_id}/reversal",
    operation_id="reverseProductionLog",
    summary="Take an entry back",
    status_code=201,
    response_model=BookedReport,
    responses={200: {"model": BookedReport, "description": "The client key was booked before."}, **WRITING},
)
async def post_reversal(
    entry_id: UUID, write: Write, body: Annotated[ReversalRequest | None, Body()] = None
) -> Response:
    """Take one log entry back, at its instant; every sum follows. Operators take back their own within the plant's time
    to undo, supervisors any."""
    asked = body or ReversalRequest()

    async def reverse(work: Work) -> Done:
        booking = await reverse_entry(work, entry_id=entry_id, reversal_key=asked.client_key or new_id())
        return Done(BookedReport.model_validate(booking), 200 if booking.is_repeat else 201)

    return await write.once(reverse)


@router.post(
    "/reports/{report_key}/correction",
    operation_id="correctReport",
    summary="Correct a report",
    status_code=201,
    response_model=BookedReport,
    responses={200: {"model": BookedReport, "description": "The client key was booked before."}, **WRITING},
)
async def post_correction(report_key: UUID, body: CorrectionRequest, write: Write) -> Response:
    """Take a whole report back, by its client key, and book other pieces in its place, at its instant. Operators
    correct their own within the plant's time to undo, supervisors any. Where the others do not fit, nothing changes."""
    correction_key = body.client_key or new_id()

    async def correct(work: Work) -> Done:
        booking = await correct_report(
            work,
            client_key=report_key,
            reversal_key=uuid5(correction_key, "reversal"),
            correction_key=correction_key,
            pieces=Pieces(body.good, body.scrap, body.scrap_reason_id, body.rework, body.rework_reason_id),
        )
        return Done(BookedReport.model_validate(booking), 200 if booking.is_repeat else 201)

    return await write.once(correct)
