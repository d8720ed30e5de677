"""What can be read about shifts: templates, exceptions, and the occurrences that come of them."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from domain.identity.roles import Permission
from domain.plant.periods import Period
from domain.plant.shifts import ShiftHours
from services.db.paging import Page, PageQuery, page_of
from services.db.tables import ShiftExceptionRow, ShiftTemplateRow
from services.db.work import Work
from services.plant.shift_planning import hours_of

TEMPLATES = """
SELECT templates.id, templates.plant_id, templates.lane_id, templates.name, templates.crew_id, crews.name AS crew,
       templates.weekdays, templates.starts, templates.ends, templates.break_starts, templates.break_ends,
       templates.version
FROM shift_templates AS templates
LEFT JOIN crews ON crews.org_id = templates.org_id AND crews.id = templates.crew_id
"""
EXCEPTIONS = """
SELECT exceptions.id, exceptions.plant_id, exceptions.lane_id, exceptions.day, exceptions.template_id,
       templates.name AS template, exceptions.name, exceptions.crew_id, crews.name AS crew, exceptions.starts,
       exceptions.ends, exceptions.break_starts, exceptions.break_ends, exceptions.version
FROM shift_exceptions AS exceptions
LEFT JOIN shift_templates AS templates
  ON templates.org_id = exceptions.org_id AND templates.id = exceptions.template_id
LEFT JOIN crews ON crews.org_id = exceptions.org_id AND crews.id = exceptions.crew_id
"""
SHIFTS = """
SELECT shifts.id, shifts.plant_id, shifts.lane_id, shifts.template_id, shifts.day, shifts.name, shifts.crew_id,
       crews.name AS crew, shifts.starts_at, shifts.ends_at, shifts.break_starts, shifts.break_ends
FROM shift_occurrences AS shifts
LEFT JOIN crews ON crews.org_id = shifts.org_id AND crews.id = shifts.crew_id
"""


@dataclass(frozen=True)
class TemplateInfo:
    """A shift that a lane works again and again."""

    id: UUID
    plant_id: UUID
    lane_id: UUID
    name: str
    crew_id: UUID | None
    crew: str | None
    """The crew's name."""
    weekdays: tuple[int, ...]
    """The days on which it starts: 0 is Monday."""
    hours: ShiftHours
    version: int
    """Hand it back when editing what was seen."""


@dataclass(frozen=True)
class ExceptionInfo:
    """What a day has instead of its shift."""

    id: UUID
    plant_id: UUID
    lane_id: UUID
    day: date
    template_id: UUID | None
    """The shift that is replaced; None without hours cancels every shift of the day, None with hours adds one."""
    template: str | None
    """The template's name."""
    name: str
    crew_id: UUID | None
    crew: str | None
    hours: ShiftHours | None
    """None cancels."""
    version: int


@dataclass(frozen=True)
class ShiftInfo:
    """One shift of one day in real time."""

    id: UUID
    plant_id: UUID
    lane_id: UUID
    template_id: UUID | None
    day: date
    """The day, in the plant's zone, on which it starts."""
    name: str
    crew_id: UUID | None
    crew: str | None
    starts_at: datetime
    ends_at: datetime
    breaks: tuple[Period, ...]


async def list_templates(
    work: Work,
    *,
    plant_id: UUID | None = None,
    lane_id: UUID | None = None,
    after: UUID | None = None,
    limit: int = 100,
) -> Page[TemplateInfo]:
    """Return shift templates, of one plant or lane where given, by id.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    asked = PageQuery(TEMPLATES)
    asked.where("templates.plant_id = {}", plant_id).where("templates.lane_id = {}", lane_id)
    asked.where("templates.id > {}", after)
    rows = await asked.fetch(work, order="templates.id", limit=limit)
    templates = [
        TemplateInfo(
            row["id"], row["plant_id"], row["lane_id"], row["name"], row["crew_id"], row["crew"],
            tuple(row["weekdays"]),
            hours_of(row["starts"], row["ends"], row["break_starts"], row["break_ends"]), row["version"],
        )
        for row in rows
    ]  # fmt: skip
    return page_of(templates, limit)


async def list_exceptions(
    work: Work,
    *,
    plant_id: UUID | None = None,
    lane_id: UUID | None = None,
    since: date | None = None,
    until: date | None = None,
    after: tuple[date, UUID] | None = None,
    limit: int = 100,
) -> Page[ExceptionInfo]:
    """Return the exceptions of the days from `since` to before `until`, by day.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    asked = PageQuery(EXCEPTIONS)
    asked.where("exceptions.plant_id = {}", plant_id).where("exceptions.lane_id = {}", lane_id)
    asked.where("exceptions.day >= {}", since).where("exceptions.day < {}", until)
    asked.where("(exceptions.day, exceptions.id) > ({}, {})", *(after or (None, None)))
    rows = await asked.fetch(work, order="exceptions.day, exceptions.id", limit=limit)
    exceptions = [
        ExceptionInfo(
            row["id"], row["plant_id"], row["lane_id"], row["day"], row["template_id"], row["template"], row["name"],
            row["crew_id"], row["crew"],
            None if row["starts"] is None
            else hours_of(row["starts"], row["ends"], row["break_starts"], row["break_ends"]),
            row["version"],
        )
        for row in rows
    ]  # fmt: skip
    return page_of(exceptions, limit)


async def list_shifts(
    work: Work,
    *,
    plant_id: UUID | None = None,
    lane_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> Page[ShiftInfo]:
    """Return the shifts that lie at least partly in `[since, until)`, by their beginning.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    asked = PageQuery(SHIFTS)
    asked.where("shifts.plant_id = {}", plant_id).where("shifts.lane_id = {}", lane_id)
    asked.where("shifts.ends_at > {}", since).where("shifts.starts_at < {}", until)
    asked.where("(shifts.starts_at, shifts.id) > ({}, {})", *(after or (None, None)))
    rows = await asked.fetch(work, order="shifts.starts_at, shifts.id", limit=limit)
    shifts = [
        ShiftInfo(
            row["id"], row["plant_id"], row["lane_id"], row["template_id"], row["day"], row["name"], row["crew_id"],
            row["crew"], row["starts_at"], row["ends_at"],
            tuple(Period(*rest) for rest in zip(row["break_starts"], row["break_ends"], strict=True)),
        )
        for row in rows
    ]  # fmt: skip
    return page_of(shifts, limit)


def template_info(row: ShiftTemplateRow) -> TemplateInfo:
    """Return what can be read about a template that was just written; the name of its crew is not."""
    hours = hours_of(row.starts, row.ends, row.break_starts, row.break_ends)
    return TemplateInfo(
        row.id, row.plant_id, row.lane_id, row.name, row.crew_id, None, tuple(row.weekdays), hours, row.version
    )


def exception_info(row: ShiftExceptionRow) -> ExceptionInfo:
    """Return what can be read about an exception that was just written; names of others are not."""
    hours = (
        None
        if row.starts is None or row.ends is None
        else hours_of(row.starts, row.ends, row.break_starts, row.break_ends)
    )
    return ExceptionInfo(
        row.id, row.plant_id, row.lane_id, row.day, row.template_id, None, row.name, row.crew_id, None, hours,
        row.version,
    )  # fmt: skip
