"""Shifts: when lanes work, and who works then."""

from datetime import date, datetime, time
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter, WithJsonSchema

from domain.plant.shifts import ShiftHours, WallInterval, Weekday
from services.db.work import Work, read
from services.plant import shift_queries, shift_templates
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, Instant, RequestBody, Version
from ui.api.v1.lists import Cursors, Listed
from ui.api.v1.plant import OfLane
from ui.api.v1.plant_models import Removed, given, removing
from ui.api.v1.writes import Done, Write

router = APIRouter(tags=["shifts"], route_class=ExactJsonRoute)

SHIFTS = Cursors("shifts", TypeAdapter(tuple[Instant, UUID]))
TEMPLATES = Cursors("shift-templates", TypeAdapter(UUID))
EXCEPTIONS = Cursors("shift-exceptions", TypeAdapter(tuple[date, UUID]))
ShiftName = Annotated[str, StringConstraints(min_length=1, max_length=60)]
WallClock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), Field(examples=["06:00"])]
Day = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}$"), Field(examples=["2026-12-24"])]
Weekdays = Annotated[list[Weekday], Field(min_length=1, max_length=7, description="0 is Monday.")]


class BreakTime(RequestBody):
    """A planned break by the clock on the wall."""

    starts: WallClock
    ends: WallClock


class Hours(RequestBody):
    """When a shift works, by the clock on the wall; on the next day when `ends` is not later than `starts`."""

    starts: WallClock
    ends: WallClock
    breaks: Annotated[list[BreakTime], Field(max_length=20)] = []

    def value(self) -> ShiftHours:
        """Return the hours as the rules know them."""
        breaks = (WallInterval(_time(rest.starts), _time(rest.ends)) for rest in self.breaks)
        return ShiftHours(_time(self.starts), _time(self.ends), tuple(breaks))


WallTime = Annotated[
    time, WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d:\d\d(\.\d+)?$", "examples": ["06:00:00"]})
]
"""What the clock on the wall shows; JSON Schema's own `time` has a zone."""


class ShownHours(Answer):
    """When a shift works, by the clock on the wall."""

    starts: WallTime
    ends: WallTime
    breaks: list["ShownBreak"]


class ShownBreak(Answer):
    """A planned break by the clock on the wall."""

    starts: WallTime
    ends: WallTime


class RealBreak(Answer):
    """A planned break in real time."""

    starts_at: datetime
    ends_at: datetime


class Shift(Answer):
    """One shift of one day in real time."""

    id: UUID
    plant_id: UUID
    lane_id: UUID
    template_id: UUID | None
    day: date = Field(description="The day, in the plant's zone, on which it starts.")
    name: str
    crew_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    breaks: list[RealBreak]


class ShiftTemplate(Answer):
    """A shift that a lane works again and again."""

    id: UUID
    plant_id: UUID
    lane_id: UUID
    name: str
    crew_id: UUID | None
    weekdays: list[int]
    hours: ShownHours
    version: int


class NewShiftTemplate(RequestBody):
    """A shift that a lane shall work again and again."""

    lane_id: UUID
    name: ShiftName
    weekdays: Weekdays
    hours: Hours
    crew_id: UUID | None = None


class ShiftTemplateChange(RequestBody):
    """What changes of a template; what is missing stays."""

    version: Version
    name: ShiftName | None = None
    weekdays: Weekdays | None = None
    hours: Hours | None = None
    crew_id: UUID | None = Field(default=None, description="Null takes it away.")


class ShiftException(Answer):
    """What a day has instead of its shift."""

    id: UUID
    plant_id: UUID
    lane_id: UUID
    day: date
    template_id: UUID | None
    name: str
    crew_id: UUID | None
    hours: ShownHours | None = Field(description="Null cancels.")
    version: int


class NewShiftException(RequestBody):
    """A cancelled day (neither template nor hours), a cancelled shift (template), other hours (both), or overtime
    (hours and a name)."""

    lane_id: UUID
    day: Day
    template_id: UUID | None = None
    hours: Hours | None = None
    name: Annotated[str, StringConstraints(max_length=60)] = ""
    crew_id: UUID | None = None


class Seen(RequestBody):
    """What was seen before it was removed."""

    version: Version


class ShiftFilter(OfLane):
    """Filters of shifts."""

    since: Instant | None = None
    until: Instant | None = None


class DayFilter(OfLane):
    """Filters by days, from `since` to before `until`."""

    since: Day | None = None
    until: Day | None = None


@router.get("/shifts/", operation_id="listShifts", summary="Shifts in real time", responses=READING)
async def list_shifts(caller: Caller, asked: Annotated[ShiftFilter, Query()]) -> Listed[Shift]:
    """Return the shifts that lie at least partly in `[since, until)`, by their beginning."""
    async with read(caller) as work:
        page = await shift_queries.list_shifts(
            work,
            plant_id=asked.plant_id,
            lane_id=asked.lane_id,
            since=asked.since,
            until=asked.until,
            after=SHIFTS.read(asked.cursor),
            limit=asked.limit,
        )
    return SHIFTS.listed(page, Shift, lambda shift: (shift.starts_at, shift.id))


@router.get("/shift-templates/", operation_id="listShiftTemplates", summary="Shift templates", responses=READING)
async def list_shift_templates(caller: Caller, asked: Annotated[OfLane, Query()]) -> Listed[ShiftTemplate]:
    """Return what lanes work again and again, of one plant or lane where given."""
    async with read(caller) as work:
        page = await shift_queries.list_templates(
            work, plant_id=asked.plant_id, lane_id=asked.lane_id, after=TEMPLATES.read(asked.cursor), limit=asked.limit
        )
    return TEMPLATES.listed(page, ShiftTemplate, lambda template: template.id)


@router.post(
    "/shift-templates/",
    operation_id="addShiftTemplate",
    summary="Add a shift template",
    status_code=201,
    response_model=ShiftTemplate,
    responses=WRITING,
)
async def post_shift_template(body: NewShiftTemplate, write: Write) -> Response:
    """Let a lane work a shift again and again; its shifts are planned at once."""

    async def add(work: Work) -> Done:
        row = await shift_templates.add_template(
            work,
            lane_id=body.lane_id,
            name=body.name,
            weekdays=body.weekdays,
            hours=body.hours.value(),
            crew_id=body.crew_id,
        )
        return Done(ShiftTemplate.model_validate(shift_queries.template_info(row)), 201)

    return await write.once(add)


@router.patch(
    "/shift-templates/{template_id}",
    operation_id="editShiftTemplate",
    summary="Change a shift template",
    response_model=ShiftTemplate,
    responses=WRITING,
)
async def patch_shift_template(template_id: UUID, body: ShiftTemplateChange, write: Write) -> Response:
    """Change what is given; shifts that have begun stay, the others follow at once."""

    async def edit(work: Work) -> Done:
        row = await shift_templates.edit_template(
            work,
            template_id=template_id,
            version=body.version,
            name=body.name,
            weekdays=body.weekdays,
            hours=None if body.hours is None else body.hours.value(),
            crew_id=given(body, "crew_id", body.crew_id),
        )
        return Done(ShiftTemplate.model_validate(shift_queries.template_info(row)))

    return await write.once(edit)


@router.post(
    "/shift-templates/{template_id}/remove",
    operation_id="removeShiftTemplate",
    summary="Remove a shift template",
    response_model=Removed,
    responses=WRITING,
)
async def remove_shift_template(template_id: UUID, body: Seen, write: Write) -> Response:
    """Let a lane not work a shift any more; shifts that have begun stay."""
    return await write.once(
        removing(lambda work: shift_templates.remove_template(work, template_id=template_id, version=body.version))
    )


@router.get("/shift-exceptions/", operation_id="listShiftExceptions", summary="Shift exceptions", responses=READING)
async def list_shift_exceptions(caller: Caller, asked: Annotated[DayFilter, Query()]) -> Listed[ShiftException]:
    """Return holidays, other hours and overtime by day."""
    async with read(caller) as work:
        page = await shift_queries.list_exceptions(
            work,
            plant_id=asked.plant_id,
            lane_id=asked.lane_id,
            since=None if asked.since is None else _day(asked.since),
            until=None if asked.until is None else _day(asked.until),
            after=EXCEPTIONS.read(asked.cursor),
            limit=asked.limit,
        )
    return EXCEPTIONS.listed(page, ShiftException, lambda exception: (exception.day, exception.id))


@router.post(
    "/shift-exceptions/",
    operation_id="addShiftException",
    summary="Add a shift exception",
    status_code=201,
    response_model=ShiftException,
    responses=WRITING,
)
async def post_shift_exception(body: NewShiftException, write: Write) -> Response:
    """Give a day of a lane something else than its shift."""

    async def add(work: Work) -> Done:
        (row,) = await shift_templates.add_exception(
            work,
            lane_ids=[body.lane_id],
            day=_day(body.day),
            template_id=body.template_id,
            hours=None if body.hours is None else body.hours.value(),
            name=body.name,
            crew_id=body.crew_id,
        )
        return Done(ShiftException.model_validate(shift_queries.exception_info(row)), 201)

    return await write.once(add)


@router.post(
    "/shift-exceptions/{exception_id}/remove",
    operation_id="removeShiftException",
    summary="Remove a shift exception",
    response_model=Removed,
    responses=WRITING,
)
async def remove_shift_exception(exception_id: UUID, body: Seen, write: Write) -> Response:
    """Give a day back what it would have without an exception."""
    return await write.once(
        removing(lambda work: shift_templates.remove_exception(work, exception_id=exception_id, version=body.version))
    )


def _time(text: str) -> time:
    return time.fromisoformat(text)


def _day(text: str) -> date:
    """Return a day of the calendar.

    Raises:
        InvalidDay: there is no such day.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise shift_templates.InvalidDay(field="day") from error
