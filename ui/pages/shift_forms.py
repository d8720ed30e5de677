"""The dialogs in which shift templates and exceptions are added and edited."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import TypeAlias
from uuid import UUID

from babel.dates import get_day_names
from nicegui import ui

from domain.plant.shifts import ShiftHours, WallInterval, Weekday
from services.db.work import Work
from services.plant.shift_queries import TemplateInfo
from services.plant.shift_templates import add_exception, add_template, edit_template, remove_template
from ui.kit.enter import Seat
from ui.kit.forms import Form, FormDialog
from ui.pages.histories import offer_history

Then: TypeAlias = Callable[[object], Awaitable[None]]
MOST_BREAKS = 3
CANCEL = "cancel"
OTHER = "other"
EXTRA = "extra"


@dataclass(frozen=True)
class LaneChoice:
    """The lane whose shifts are edited, and what can be chosen there."""

    id: UUID
    crews: Mapping[UUID, str]
    lanes: Mapping[UUID, str]
    """All lanes of its plant, for holidays of several."""


def day_names(seat: Seat, *, short: bool = False) -> dict[int, str]:
    """Return the weekdays in the reader's language, 0 is Monday."""
    names = get_day_names("abbreviated" if short else "wide", locale=seat.lang)
    return {day.value: names[day.value] for day in Weekday}


def ask_template(seat: Seat, lane: LaneChoice, template: TemplateInfo | None, *, then: Then) -> None:
    """Ask for a shift that the lane works again and again, a new one or what changes of one."""
    _ = seat.translate
    with FormDialog(seat, _("New shift") if template is None else template.name) as form:
        form.text("name", _("Name"), value="" if template is None else template.name)
        crew = form.choice(
            "crew_id", _("Crew"), lane.crews, value=None if template is None else template.crew_id, can_clear=True
        )
        weekdays = form.choices(
            "weekdays",
            _("Starts on"),
            day_names(seat),
            value=(0, 1, 2, 3, 4) if template is None else template.weekdays,
        )
        weekdays.classes("u-form__wide")
        _hour_fields(form, seat, None if template is None else template.hours)
        offer_history(form, seat, "shift_templates", template)

    async def save(work: Work) -> object:
        days = [Weekday(day) for day in weekdays.value]
        hours = _hours_of(form)
        if template is None:
            return await add_template(
                work, lane_id=lane.id, name=form.text_of("name"), weekdays=days, hours=hours, crew_id=crew.value
            )
        return await edit_template(
            work,
            template_id=template.id,
            version=template.version,
            name=form.text_of("name"),
            weekdays=days,
            hours=hours,
            crew_id=crew.value,
        )

    if template is not None:
        form.offer_removal(
            _("Remove"),
            lambda work: remove_template(work, template_id=template.id, version=template.version),
            saved=_("Removed"),
            then=then,
        )
    form.open_with(save, then=then)


def ask_exception(seat: Seat, lane: LaneChoice, templates: Sequence[TemplateInfo], *, then: Then) -> None:
    """Ask for a holiday, other hours of a shift, or an extra shift."""
    _ = seat.translate
    kinds = {CANCEL: _("No shift (holiday)"), OTHER: _("Other hours"), EXTRA: _("Extra shift (overtime)")}
    with FormDialog(seat, _("New exception")) as form:
        kind = form.choice("kind", _("What is different?"), kinds, value=CANCEL)
        form.day("day", _("Day"))
        lanes = form.choices("lanes", _("Lanes"), lane.lanes, value=[lane.id])
        lanes.classes("u-form__wide").bind_visibility_from(kind, "value", value=CANCEL)
        shift = form.choice(
            "template_id", _("Shift"), {one.id: one.name for one in templates},
            value=templates[0].id if templates else None,
        )  # fmt: skip
        shift.bind_visibility_from(kind, "value", value=OTHER)
        name = form.text("name", _("Name"))
        name.bind_visibility_from(kind, "value", backward=lambda value: value != OTHER)
        crew = form.choice("crew_id", _("Crew"), lane.crews, can_clear=True)
        crew.bind_visibility_from(kind, "value", backward=lambda value: value != CANCEL)
        with ui.element("div").classes("u-form__wide u-form__fields") as hours:
            _hour_fields(form, seat, None)
        hours.bind_visibility_from(kind, "value", backward=lambda value: value != CANCEL)

    async def save(work: Work) -> object:
        is_cancelled = kind.value == CANCEL
        return await add_exception(
            work,
            lane_ids=list(lanes.value) if is_cancelled else [lane.id],
            day=form.day_of("day"),
            template_id=shift.value if kind.value == OTHER else None,
            hours=None if is_cancelled else _hours_of(form),
            name="" if kind.value == OTHER else form.text_of("name"),
            crew_id=None if is_cancelled else crew.value,
        )

    form.open_with(save, then=then)


def _hour_fields(form: Form, seat: Seat, hours: ShiftHours | None) -> None:
    _ = seat.translate
    form.time_of_day("starts", _("From"), value=time(6) if hours is None else hours.starts)
    form.time_of_day("ends", _("Until"), value=time(14) if hours is None else hours.ends)
    breaks = () if hours is None else hours.breaks
    for number in range(max(MOST_BREAKS, len(breaks))):
        rest = breaks[number] if number < len(breaks) else None
        first, last = (None, None) if rest is None else (rest.starts, rest.ends)
        form.time_of_day(f"break_{number}", _("Break {number} from").format(number=number + 1), value=first)
        form.time_of_day(f"break_until_{number}", _("Break {number} until").format(number=number + 1), value=last)


def _hours_of(form: Form) -> ShiftHours:
    breaks: list[WallInterval] = []
    number = 0
    while form.has(f"break_{number}"):
        starts, ends = f"break_{number}", f"break_until_{number}"
        if form.text_of(starts) or form.text_of(ends):
            breaks.append(WallInterval(form.time_of(starts), form.time_of(ends)))
        number += 1
    return ShiftHours(form.time_of("starts"), form.time_of("ends"), tuple(breaks))
