"""The shift plan of a lane: the week as bars, the days that are different, and what comes of both."""

from datetime import time, timedelta

from nicegui import ui

from domain.errors import NotFound
from domain.events import Event, ShiftsChanged
from domain.identity.roles import Permission
from domain.plant.shifts import ShiftHours
from services.db.work import read
from services.plant.crews import list_crews
from services.plant.places import PlantPlace, list_plants
from services.plant.queries import LaneInfo, list_lanes
from services.plant.shift_queries import (
    ExceptionInfo,
    ShiftInfo,
    TemplateInfo,
    list_exceptions,
    list_shifts,
    list_templates,
)
from services.plant.shift_templates import remove_exception
from ui.kit.act import act
from ui.kit.enter import Seat, screen
from ui.kit.formats import time_of_day, weekday_and_day
from ui.kit.live_page import keep_fresh
from ui.pages.admin_imports import import_buttons
from ui.pages.admin_parts import add_button, setup_page
from ui.pages.nothing_yet import nothing_yet
from ui.pages.shift_forms import LaneChoice, ask_exception, ask_template, day_names

MOST = 10_000
PREVIEW = timedelta(days=14)
DAY_MINUTES = 24 * 60
TINTS = 6


@screen("/admin/shifts", permission=Permission.EDIT_SHIFTS)
async def admin_shifts(seat: Seat, lane: str | None = None) -> None:
    """Edit the shifts of a lane, the first one unless its code is given."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
        lanes = sorted((await list_lanes(work, limit=MOST)).items, key=lambda one: (one.position, one.code))
    chosen = next((one for one in lanes if lane in {None, one.code}), None)
    if chosen is None and lane is not None:
        raise NotFound(what="lane")
    with setup_page(seat, _("Shift plan"), "/admin/shifts", plants=plants):
        if chosen is None:
            nothing_yet(seat, _("There is no lane yet"), icon="calendar_month")
            return
        plant = next(one for one in plants if one.id == chosen.plant_id)
        page = _Page(seat, plant, chosen, lanes)

    def concerns(event: Event) -> bool:
        return isinstance(event, ShiftsChanged) and event.lane_id == chosen.id

    await keep_fresh(seat, load=page.load, concerns=concerns)


class _Page:
    """The plan of one lane; drawn again after each edit of it, whoever makes it."""

    def __init__(self, seat: Seat, plant: PlantPlace, lane: LaneInfo, lanes: list[LaneInfo]) -> None:
        self._seat, self._plant, self._lane = seat, plant, lane
        self._lanes = {one.id: one.name for one in lanes if one.plant_id == plant.id}
        self._templates: tuple[TemplateInfo, ...] = ()
        self._choice = LaneChoice(lane.id, {}, self._lanes)
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            choice = ui.select(
                {one.code: one.name for one in lanes}, label=_("Lane"), value=lane.code,
                on_change=lambda event: ui.navigate.to(f"/admin/shifts?lane={event.value}"),
            )  # fmt: skip
            choice.props("outlined").classes("u-field u-lane-choice").mark("lane")
            ui.space()
            import_buttons(seat, ("shifts",), then=self.load)
            add_button(_("Add a shift"), self._ask_template, mark="add-shift")
        with ui.element("section").classes("u-card u-column"):
            ui.label(_("Every week")).classes("u-subtitle").props("role=heading aria-level=2")
            self._week = ui.element("div").classes("u-week-scroll")
        with ui.element("div").classes("u-shift-lists"):
            with ui.element("section").classes("u-card u-column"):
                with ui.element("div").classes("u-row"):
                    ui.label(_("Days that are different")).classes("u-subtitle").props("role=heading aria-level=2")
                    ui.space()
                    add_button(_("Add a day"), self._ask_exception, mark="add-exception")
                self._exceptions = ui.element("div").classes("u-entries")
            with ui.element("section").classes("u-card u-column"):
                ui.label(_("The next 14 days")).classes("u-subtitle").props("role=heading aria-level=2")
                self._preview = ui.element("div").classes("u-entries").mark("preview")

    async def load(self, _edited: object = None) -> None:
        """Show the plan of now."""
        async with read(self._seat.scope()) as work:
            self._templates = (await list_templates(work, lane_id=self._lane.id, limit=MOST)).items
            crews = (await list_crews(work, plant_id=self._plant.id, limit=MOST)).items
            exceptions = (await list_exceptions(work, lane_id=self._lane.id, since=work.now.date(), limit=MOST)).items
            shifts = (
                await list_shifts(work, lane_id=self._lane.id, since=work.now, until=work.now + PREVIEW, limit=MOST)
            ).items
        self._choice = LaneChoice(self._lane.id, {crew.id: crew.name for crew in crews}, self._lanes)
        self._draw_week()
        self._draw_exceptions(exceptions)
        self._draw_preview(shifts)

    def _ask_template(self) -> None:
        ask_template(self._seat, self._choice, None, then=self.load)

    def _ask_exception(self) -> None:
        ask_exception(self._seat, self._choice, self._templates, then=self.load)

    def _draw_week(self) -> None:
        _ = self._seat.translate
        self._week.clear()
        with self._week:
            if not self._templates:
                ui.label(
                    _("This lane has no shifts: every minute of every day counts as planned. Add its first shift.")
                ).classes("u-muted")
                return
            with ui.element("div").classes("u-week"):
                ui.element("div")
                with ui.element("div").classes("u-week__hours"):
                    for hour in range(0, 24, 3):
                        ui.label(f"{hour:02}")
                for day, name in day_names(self._seat, short=True).items():
                    ui.label(name).classes("u-week__day")
                    with ui.element("div").classes("u-week__track"):
                        for tint, template in enumerate(self._templates):
                            self._bars(template, day, tint % TINTS)

    def _bars(self, template: TemplateInfo, day: int, tint: int) -> None:
        starts, length = _minutes(template.hours.starts), _length(template.hours)
        if day in template.weekdays:
            self._bar(template, starts, min(length, DAY_MINUTES - starts), tint, shown_from=starts)
        over = starts + length - DAY_MINUTES
        if (day - 1) % 7 in template.weekdays and over > 0:
            self._bar(template, 0, over, tint, shown_from=starts - DAY_MINUTES)

    def _bar(self, template: TemplateInfo, left: int, width: int, tint: int, *, shown_from: int) -> None:
        label = f"{template.name} {template.hours.starts:%H:%M}–{template.hours.ends:%H:%M}"
        bar = ui.element("button").classes("u-week__bar").mark("shift-bar")
        bar.props["type"], bar.props["data-tint"] = "button", str(tint)
        bar.props["title"] = bar.props["aria-label"] = label
        bar.style(f"left: {left / DAY_MINUTES:.4%}; width: {width / DAY_MINUTES:.4%}")
        bar.on("click", lambda: ask_template(self._seat, self._choice, template, then=self.load))
        with bar:
            for rest in template.hours.breaks:
                begins = shown_from + (_minutes(rest.starts) - _minutes(template.hours.starts)) % DAY_MINUTES
                lasts = (_minutes(rest.ends) - _minutes(rest.starts)) % DAY_MINUTES
                if left <= begins < left + width:
                    ui.element("span").classes("u-week__break").style(
                        f"left: {(begins - left) / width:.4%}; width: {min(lasts, left + width - begins) / width:.4%}"
                    )
            ui.label(template.name).classes("u-week__name")

    def _draw_exceptions(self, exceptions: tuple[ExceptionInfo, ...]) -> None:
        _ = self._seat.translate
        self._exceptions.clear()
        with self._exceptions:
            if not exceptions:
                ui.label(_("No holidays, other hours or overtime ahead.")).classes("u-muted")
            for one in exceptions:
                with ui.element("div").classes("u-entry"):
                    ui.label(weekday_and_day(one.day, self._seat.lang)).classes("u-muted")
                    ui.label(self._exception_words(one)).classes("u-entry__what")
                    remove = ui.button(icon="delete", color=None, on_click=lambda one=one: self._remove(one))
                    remove.classes("u-button u-button--flat").mark("remove-exception")
                    remove.props["aria-label"] = _("Remove")

    def _exception_words(self, one: ExceptionInfo) -> str:
        _ = self._seat.translate
        if one.hours is None:
            what = _("No shift") if one.template is None else _("{shift} is cancelled").format(shift=one.template)
            return " · ".join(part for part in (what, one.name) if part)
        return f"{one.name or one.template} {one.hours.starts:%H:%M}–{one.hours.ends:%H:%M}"

    async def _remove(self, one: ExceptionInfo) -> None:
        _ = self._seat.translate
        await act(
            self._seat,
            lambda work: remove_exception(work, exception_id=one.id, version=one.version),
            saved=_("Removed"),
        )
        await self.load()

    def _draw_preview(self, shifts: tuple[ShiftInfo, ...]) -> None:
        _, lang, zone = self._seat.translate, self._seat.lang, self._plant.time_zone
        self._preview.clear()
        with self._preview:
            if not shifts:
                ui.label(_("No shift is planned.")).classes("u-muted")
            for shift in shifts:
                with ui.element("div").classes("u-entry"):
                    ui.label(weekday_and_day(shift.day, lang)).classes("u-muted")
                    hours = f"{time_of_day(shift.starts_at, zone, lang)}–{time_of_day(shift.ends_at, zone, lang)}"
                    ui.label(f"{shift.name} · {hours}").classes("u-entry__what")
                    ui.label(shift.crew or "").classes("u-entry__who")


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def _length(hours: ShiftHours) -> int:
    return hours.wall_length // timedelta(minutes=1)
