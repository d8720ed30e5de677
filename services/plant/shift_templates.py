"""Shift templates, and the exceptions that some days make: holidays, other hours, overtime."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import ClassVar
from uuid import UUID

from domain.checks import checked_text
from domain.edits import UNCHANGED, Unchanged
from domain.errors import Conflict, Invalid, NotFound, marked
from domain.identity.roles import Permission
from domain.plant.shifts import ShiftHours, ShiftsOverlap, ShiftTemplate, Weekday, checked_hours, checked_templates
from services.db.keys import new_id
from services.db.locked import locked
from services.db.tables import ShiftExceptionRow, ShiftTemplateRow
from services.db.unique import unique_or
from services.db.work import Work
from services.plant.crews import crew_of_plant
from services.plant.shift_planning import load_templates, lock_lane, plan_lanes, template_of

LONGEST_NAME = 60
LAST_DAY = timedelta(days=3 * 366)


class ShiftNameTaken(Conflict):
    """Another shift of the lane has the name."""

    code: ClassVar[str] = "shift_name_taken"
    sentence: ClassVar[str] = marked("There is a shift “{name}” on this lane already.")


class ExceptionTaken(Conflict):
    """The day has an exception for this shift."""

    code: ClassVar[str] = "exception_taken"
    sentence: ClassVar[str] = marked("This day already has an exception for this shift. Change that one instead.")


class InvalidDay(Invalid):
    """A day that is over, or years ahead."""

    code: ClassVar[str] = "invalid_day"
    sentence: ClassVar[str] = marked("Choose a day from today on, at most three years ahead.")


async def add_template(
    work: Work,
    *,
    lane_id: UUID,
    name: str,
    weekdays: Collection[Weekday],
    hours: ShiftHours,
    crew_id: UUID | None = None,
) -> ShiftTemplateRow:
    """Let a lane work a shift again and again; its occurrences are planned at once.

    Raises:
        Forbidden: the actor may not edit shifts.
        NotFound: there is no such lane, or no such crew in its plant.
        InvalidText, ShiftWithoutDays, BreakOutsideShift, BreaksOverlap: the shift cannot be worked.
        ShiftsOverlap: another shift of the lane works at the same time.
        ShiftNameTaken: the lane has a shift with this name.
    """
    await work.permit(Permission.EDIT_SHIFTS)
    lane = await lock_lane(work, lane_id)
    row = ShiftTemplateRow(
        id=new_id(),
        org_id=work.scope.org_id,
        plant_id=lane.plant_id,
        lane_id=lane.id,
        name=checked_shift_name(name),
        crew_id=await crew_of_plant(work, crew_id=crew_id, plant_id=lane.plant_id),
        weekdays=sorted(weekdays),
    )
    set_hours(row, hours)
    await _check_together(work, row)
    async with unique_or(work, ShiftNameTaken(field="name", name=row.name)):
        work.session.add(row)
    await plan_lanes(work, [lane])
    return row


async def edit_template(
    work: Work,
    *,
    template_id: UUID,
    version: int,
    name: str | None = None,
    weekdays: Collection[Weekday] | None = None,
    hours: ShiftHours | None = None,
    crew_id: UUID | Unchanged | None = UNCHANGED,
) -> ShiftTemplateRow:
    """Change what is given of a template; shifts that have not begun follow at once.

    Raises:
        As `add_template`, and
        Conflict: somebody changed it since `version`.
    """
    await work.permit(Permission.EDIT_SHIFTS)
    missing = NotFound(what="shift template")
    found = await work.session.get(ShiftTemplateRow, template_id)
    if found is None:
        raise missing
    lane = await lock_lane(work, found.lane_id)
    row = await locked(work, ShiftTemplateRow, template_id, version=version, missing=missing)
    if crew_id is not UNCHANGED:
        row.crew_id = await crew_of_plant(work, crew_id=crew_id, plant_id=row.plant_id)
    with work.session.no_autoflush:
        if weekdays is not None:
            row.weekdays = sorted(weekdays)
        if hours is not None:
            set_hours(row, hours)
        await _check_together(work, row)
    async with unique_or(work, ShiftNameTaken(field="name", name=name)):
        if name is not None:
            row.name = checked_shift_name(name)
    await plan_lanes(work, [lane])
    return row


async def remove_template(work: Work, *, template_id: UUID, version: int) -> None:
    """Let a lane not work a shift any more; what has begun stays, with the rest of its history.

    Raises:
        Forbidden: the actor may not edit shifts.
        NotFound: there is no such template.
        Conflict: somebody changed it since `version`.
    """
    await work.permit(Permission.EDIT_SHIFTS)
    missing = NotFound(what="shift template")
    found = await work.session.get(ShiftTemplateRow, template_id)
    if found is None:
        raise missing
    lane = await lock_lane(work, found.lane_id)
    row = await locked(work, ShiftTemplateRow, template_id, version=version, missing=missing)
    await work.session.delete(row)
    await work.session.flush()
    await plan_lanes(work, [lane])


async def add_exception(
    work: Work,
    *,
    lane_ids: Sequence[UUID],
    day: date,
    template_id: UUID | None = None,
    hours: ShiftHours | None = None,
    name: str = "",
    crew_id: UUID | None = None,
) -> tuple[ShiftExceptionRow, ...]:
    """Give a day of lanes something else than its shift: nothing without `hours`, other hours with a template, and
    an extra shift, which needs a name, with hours and no template.

    Raises:
        Forbidden: the actor may not edit shifts.
        NotFound: there is no such lane, template of the lane, or crew of its plant.
        InvalidDay: the day is over, or more than three years ahead.
        InvalidText, BreakOutsideShift, BreaksOverlap: the hours cannot be worked.
        ShiftsOverlap: the lane would work two shifts at a time.
        ExceptionTaken: the day has one for this shift, or is cancelled already.
    """
    await work.permit(Permission.EDIT_SHIFTS)
    is_extra = template_id is None and hours is not None
    name = checked_text(name, field="name", longest=LONGEST_NAME, may_be_empty=not is_extra)
    if hours is not None:
        checked_hours(hours, shift=name)
    lanes = [await lock_lane(work, lane_id) for lane_id in sorted(set(lane_ids))]
    rows: list[ShiftExceptionRow] = []
    templates = await load_templates(work, [lane.id for lane in lanes])
    for lane in lanes:
        today = work.now.astimezone(lane.zone).date()
        if not today <= day <= today + LAST_DAY:
            raise InvalidDay(field="day")
        if template_id is not None and template_id not in {one.id for one in templates[lane.id]}:
            raise NotFound(what="shift template")
        row = ShiftExceptionRow(
            org_id=work.scope.org_id,
            plant_id=lane.plant_id,
            lane_id=lane.id,
            day=day,
            template_id=template_id,
            name=name,
            crew_id=await crew_of_plant(work, crew_id=crew_id, plant_id=lane.plant_id),
        )
        if hours is not None:
            set_hours(row, hours)
        rows.append(row)
    async with unique_or(work, ExceptionTaken(field="day")):
        work.session.add_all(rows)
    await plan_lanes(work, lanes)
    return tuple(rows)


async def remove_exception(work: Work, *, exception_id: UUID, version: int) -> None:
    """Give a day back what it would have without an exception, as far as that has not begun.

    Raises:
        Forbidden: the actor may not edit shifts.
        NotFound: there is no such exception.
        Conflict: somebody changed it since `version`.
        ShiftsOverlap: the lane would work two shifts at a time.
    """
    await work.permit(Permission.EDIT_SHIFTS)
    missing = NotFound(what="shift exception")
    found = await work.session.get(ShiftExceptionRow, exception_id)
    if found is None:
        raise missing
    lane = await lock_lane(work, found.lane_id)
    row = await locked(work, ShiftExceptionRow, exception_id, version=version, missing=missing)
    await work.session.delete(row)
    await work.session.flush()
    await plan_lanes(work, [lane])


def checked_shift_name(value: str) -> str:
    """Return the name of a shift.

    Raises:
        InvalidText: it cannot be kept.
    """
    return checked_text(value, field="name", longest=LONGEST_NAME)


def set_hours(row: ShiftTemplateRow | ShiftExceptionRow, hours: ShiftHours) -> None:
    """Let a row keep hours."""
    row.starts, row.ends = hours.starts, hours.ends
    row.break_starts = [rest.starts for rest in hours.breaks]
    row.break_ends = [rest.ends for rest in hours.breaks]


def check_beside(templates: Collection[ShiftTemplate]) -> None:
    """Refuse templates of lanes that cannot stand together.

    Raises:
        ShiftWithoutDays, BreakOutsideShift, BreaksOverlap: a shift cannot be worked.
        ShiftsOverlap: two shifts of one lane work at the same time.
    """
    try:
        checked_templates(templates)
    except ShiftsOverlap as overlap:
        at = overlap.fields["at"]  # an instant of the week of UTC in which they were tried out
        raise ShiftsOverlap(**{**overlap.fields, "at": at.time() if isinstance(at, datetime) else at}) from overlap


async def _check_together(work: Work, row: ShiftTemplateRow) -> None:
    others = (await load_templates(work, [row.lane_id]))[row.lane_id]
    check_beside([*(other for other in others if other.id != row.id), template_of(row)])
