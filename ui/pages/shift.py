"""A lane's shift with every minute explained, live, and the list of lanes."""

import asyncio
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote
from uuid import UUID

from nicegui import ui

from domain.events import Event, MachineStateChanged, PlantModelChanged, ProductionReported, ShiftsChanged
from domain.identity.roles import Permission
from domain.plant.losses import pareto
from domain.plant.shift_accounts import TimeCause
from domain.plant.timelines import WITHOUT_REASON, SeenStop, Stretch
from domain.production.kpi_formulas import Kpi, KpiExplanation, explain
from services.db.work import read
from services.plant.places import Place, find_lane, list_plants
from services.plant.shift_calendar import LaneShift, list_present_shifts
from services.plant.shift_reports import MachineShift, ShiftReport, load_shift_report
from services.plant.stops import list_stop_choices
from services.production.queries import list_log_entries
from ui.components import shift_timeline, time_cause_words
from ui.components.loss_charts import pareto_chart, waterfall_chart
from ui.components.shift_timeline import ShiftTimeline, TimelineHour, TimelineMachine, TimelinePart
from ui.kit.enter import Seat, screen
from ui.kit.first_picture import draw_first
from ui.kit.formats import number, time_of_day
from ui.kit.framed import framed, framed_at
from ui.kit.kpi_formats import day, duration, percent
from ui.kit.late_plot import LatePlot
from ui.kit.live_page import keep_fresh
from ui.pages.kpi_dialog import open_kpi
from ui.pages.nothing_yet import nothing_yet
from ui.pages.shift_stops import ShownStop, StopDialog

HEAD = (Kpi.OEE, Kpi.AVAILABILITY, Kpi.EFFECTIVENESS, Kpi.QUALITY_RATIO)
ROWS = 100
BREATH_S = 0.5
"""However much happens, a page loads again twice a second at most."""


@screen("/shift", permission=Permission.READ_METRICS)
async def lanes(seat: Seat) -> None:
    """Let the person choose a lane."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
        shifts = await list_present_shifts(work)
    with framed_at(seat, _("Shifts"), active="shifts", plants=plants):
        if not shifts:
            nothing_yet(seat, _("There is no lane yet"), icon="schedule")
        with ui.element("div").classes("u-choices"):
            for shift in shifts:
                with ui.link(target=f"/shift/{quote(shift.lane_code)}").classes("u-choice"):
                    ui.label(shift.lane_name).classes("u-choice__name")
                    if shift.starts_at is not None and shift.ends_at is not None:
                        from_, to = (time_of_day(at, shift.zone, seat.lang) for at in (shift.starts_at, shift.ends_at))
                        ui.label(f"{shift.shift} · {from_} – {to}").classes("u-muted")
                    else:
                        ui.label(_("Between shifts") if shift.has_shifts else _("Around the clock")).classes("u-muted")


@screen("/shift/{lane:path}", permission=Permission.READ_METRICS)
async def shift_of_lane(seat: Seat, lane: str, shift: str = "") -> None:
    """Show a shift of a lane: the present one, or the one that the address names."""
    async with read(seat.scope()) as work:
        place = await find_lane(work, lane)
    part: _Shift | None = None

    async def load() -> None:
        nonlocal part
        if part is not None:
            await asyncio.sleep(BREATH_S)
        async with read(seat.scope()) as work:
            report = await load_shift_report(work, lane_id=place.id, key=shift)
            choices = await list_stop_choices(work) if part is None else ()
        if part is None:
            title = f"{place.name} · {seat.translate('Shift')}"
            with framed(seat, title, active="shifts", plant=place.plant_name, zone=place.time_zone):
                part = _Shift(seat, place, report, StopDialog(seat, choices, zone=place.time_zone))
        part.show(report)

    await keep_fresh(
        seat,
        load=load,
        concerns=lambda event: _concerns(event, place),
        due_s=lambda: None if part is None else part.asks_in_s(),
    )
    draw_first(seat.client.content)


class _Shift:
    """Everything on the page that changes."""

    def __init__(self, seat: Seat, place: Place, report: ShiftReport, stops: StopDialog) -> None:
        _ = seat.translate
        self._seat, self._place, self._stops, self._report = seat, place, stops, report
        self._words = time_cause_words.labels(_)
        self._shown: dict[str, ShownStop] = {}
        self._asked: list[str] | None = None
        self._can_explain = seat.viewer.scope.may_in(place.plant_id, Permission.CLASSIFY_STOPS)
        with ui.element("div").classes("u-shift"):
            self._head()
            with ui.element("div").classes("u-kpis"):
                self._kpis = {kpi: self._kpi(kpi) for kpi in HEAD}
            with ui.element("section").classes("u-card"):
                self._timeline = ShiftTimeline(
                    labels={**self._words, **shift_timeline.labels(_)}, lang=seat.lang, zone=place.time_zone,
                    can_explain=self._can_explain,
                )  # fmt: skip
                self._timeline.on_stop(self._tapped)
            with ui.element("section").classes("u-card u-column"):
                ui.label(_("Stops that ask for a reason")).classes("u-subtitle").props("role=heading aria-level=2")
                self._nothing = ui.label(_("Every stop has a reason.")).classes("u-muted")
                self._asks = ui.element("div").classes("u-asks").mark("asks")
            with ui.element("div").classes("u-shift__columns"):
                self._waterfall = _chart(seat, _("Where the time went"))
                self._pareto = _chart(seat, _("Losses by reason"))

    def show(self, report: ShiftReport) -> None:
        """Show the shift as it is now."""
        self._report = report
        kpis = report.figures.kpis
        for kpi, (value, note) in self._kpis.items():
            value.set_text(percent(getattr(kpis, kpi.value), self._seat.number_locale))
            note.visible = kpi is Kpi.EFFECTIVENESS and (kpis.cycle_time_is_doubtful or kpis.effectiveness is None)
        note = self._kpis[Kpi.EFFECTIVENESS][1]
        _ = self._seat.translate
        without = _("No target") if report.figures.output.produced else _("Nothing was made.")
        note.set_text(_("Check the cycle time") if kpis.cycle_time_is_doubtful else without)
        self._shown = {}
        machines = [self._machine(machine) for machine in report.machines]
        period = report.shift.occurrence.period
        self._timeline.show(
            {
                "from_": _ms(period.starts_at), "to": _ms(period.ends_at), "now": _ms(report.now),
                "breaks": [[_ms(rest.starts_at), _ms(rest.ends_at)] for rest in report.shift.occurrence.breaks],
                "machines": machines,
            }
        )  # fmt: skip
        self._show_asks()
        self._show_charts()

    def asks_in_s(self) -> float | None:
        """Return in how many seconds the next stop will ask for a reason by itself."""
        asks_at = self._report.asks_next_at
        return None if asks_at is None else max(0.0, (asks_at - self._report.now).total_seconds()) + BREATH_S

    def _head(self) -> None:
        _, lang, zone = self._seat.translate, self._seat.lang, self._place.time_zone
        sequence = self._report.sequence
        occurrence = sequence.shift.occurrence
        with ui.element("div").classes("u-shift__head"):
            self._step(sequence.before, "chevron_left", _("Shift before"))
            with ui.element("div"):
                named = [day(occurrence.day, lang), occurrence.name or _("Around the clock"), occurrence.crew]
                ui.label(" · ".join(part for part in named if part)).classes("u-shift__name")
                from_, to = (
                    time_of_day(at, zone, lang) for at in (occurrence.period.starts_at, occurrence.period.ends_at)
                )
                ui.label(f"{from_} – {to}").classes("u-muted")
            self._step(sequence.after, "chevron_right", _("Shift after"))
            if not occurrence.period.contains(self._report.now):
                now = ui.link(_("Now"), f"/shift/{quote(self._place.code)}").classes("u-button u-button--flat")
                now.mark("shift-now")

    def _step(self, shift: LaneShift | None, icon: str, words: str) -> None:
        if shift is None:
            return
        with ui.link(target=f"/shift/{quote(self._place.code)}?shift={shift.key}").classes("u-icon-button") as link:
            ui.icon(icon)
        link.props["aria-label"] = words
        link.props["title"] = words

    def _kpi(self, kpi: Kpi) -> tuple[ui.label, ui.label]:
        names = time_cause_words.kpi_labels(self._seat.translate)
        main = " u-kpi--main" if kpi is Kpi.OEE else ""
        with ui.button(color=None, on_click=lambda: self._open(kpi)).classes("u-kpi" + main).mark(f"kpi-{kpi.name}"):
            ui.label(names[kpi]).classes("u-kpi__name")
            value = ui.label("–").classes("u-kpi__value")
            note = ui.label().classes("u-kpi__note")
        return value, note

    def _open(self, kpi: Kpi) -> None:
        figures = self._report.figures

        def explained(which: Kpi) -> KpiExplanation:
            return explain(which, figures.times, figures.output, repairs=figures.repairs)

        open_kpi(self._seat, kpi, explain=explained, rows=self._rows)

    def _rows(self) -> None:
        """Draw the stretches of time and the log entries of the shift."""
        _, lang, zone = self._seat.translate, self._seat.lang, self._place.time_zone
        parts = sorted(
            ((part, machine) for machine in self._report.machines for part in machine.explained),
            key=lambda each: each[0].period.starts_at, reverse=True,
        )  # fmt: skip
        title = _("Time of the shift: {count} stretches").format(count=len(parts))
        with ui.expansion(title).classes("u-scroll"), ui.element("table").classes("u-table").mark("kpi-stretches"):
            for part, machine in parts[:ROWS]:
                reason = "" if part.reason is None else self._report.reason_labels[part.reason.id]
                _row(
                    machine.code, time_of_day(part.period.starts_at, zone, lang),
                    time_of_day(part.period.ends_at, zone, lang),
                    " · ".join(word for word in (self._words[part.cause.value], reason) if word),
                    duration(part.period.length_s, lang),
                )  # fmt: skip
        with ui.expansion(_("Log of the shift")).classes("u-scroll") as log:
            _Log(self._seat, self._place, self._report).draw_when_opened(log)

    def _machine(self, machine: MachineShift) -> TimelineMachine:
        return {
            "id": str(machine.id), "code": machine.code, "name": machine.name,
            "oee": percent(machine.figures.kpis.oee, self._seat.number_locale),
            "parts": self._parts(machine), "hours": self._hours(machine),
        }  # fmt: skip

    def _parts(self, machine: MachineShift) -> list[TimelinePart]:
        parts: list[TimelinePart] = []
        for each in machine.explained:
            part: TimelinePart = {
                "from_": _ms(each.period.starts_at), "to": _ms(each.period.ends_at), "cause": each.cause.value,
            }  # fmt: skip
            if each.reason is not None:
                part["reason"] = self._report.reason_labels[each.reason.id]
            if each.state not in WITHOUT_REASON:
                part["stop"] = self._remember(machine, each.segment.stretch)
            if each.period.ends_at == self._report.now:
                part["going_on"] = True
            parts.append(part)
        return parts

    def _remember(self, machine: MachineShift, stretch: Stretch) -> str:
        reason_id = None if stretch.reason is None else stretch.reason.id
        seen = SeenStop(stretch.starts_at, stretch.ends_at, stretch.state, reason_id)
        name = f"{machine.id} {seen.starts_at.isoformat()} {seen.ends_at} {reason_id}"
        lasted = (stretch.ends_at or self._report.now) - stretch.starts_at
        self._shown[name] = ShownStop(machine.id, machine.code, seen, lasted)
        return name

    def _hours(self, machine: MachineShift) -> list[TimelineHour]:
        hours: list[TimelineHour] = []
        for each in machine.hours:
            is_ahead = each.period.starts_at > self._report.now
            if is_ahead and each.target is None:
                continue
            is_over = each.period.ends_at <= self._report.now
            hour: TimelineHour = {
                "from_": _ms(each.period.starts_at), "to": _ms(each.period.ends_at),
                "good": "–" if is_ahead else number(each.good, self._seat.number_locale),
                "is_behind": is_over and each.target is not None and each.good < each.target,
            }  # fmt: skip
            if each.target:
                hour["target"] = number(Decimal(int(each.target)), self._seat.number_locale)
            hours.append(hour)
        return hours

    async def _tapped(self, name: str) -> None:
        stop = self._shown.get(name)
        if stop is None:  # it changed between drawing and tapping; the next drawing is on its way
            ui.notify(self._seat.translate("This stop has changed. Look again."), position="top", classes="u-notify")
            return
        await self._stops.ask(stop)

    def _show_asks(self) -> None:
        asking = {
            name: None
            for machine in self._report.machines
            for part in reversed(machine.explained)
            if part.cause is TimeCause.UNEXPLAINED
            for name in [self._remember(machine, part.segment.stretch)]
        }
        self._nothing.visible = not asking
        if list(asking) == self._asked:
            return
        self._asked = list(asking)
        self._asks.clear()
        with self._asks:
            for name in asking:
                self._ask(self._shown[name])

    def _ask(self, stop: ShownStop) -> None:
        _, lang = self._seat.translate, self._seat.lang
        begins = time_of_day(stop.seen.starts_at, self._place.time_zone, lang)
        goes_on = stop.seen.ends_at is None
        with ui.element("div").classes("u-asks__stop"):
            with ui.element("div").classes("u-asks__what"):
                ui.label(f"{stop.machine} · {begins}").classes("u-subtitle")
                length = _("goes on") if goes_on else duration(_length(stop), lang)
                ui.label(length).classes("u-muted")
            if not self._can_explain:
                return
            for choice in self._stops.one_tap:
                one = ui.button(choice.label, color=None, on_click=lambda c=choice: self._stops.give(stop, c.id))
                one.classes("u-button").mark("one-tap")
            more = ui.button(_("Other reason"), icon="more_horiz", color=None, on_click=lambda: self._stops.ask(stop))
            more.classes("u-button u-button--flat").mark("other-reason")

    def _show_charts(self) -> None:
        _, lang = self._seat.translate, self._seat.lang
        figures = self._report.figures
        self._waterfall.draw(
            waterfall_chart(
                figures.waterfall, figures.account.total_s, words=self._words, total=_("Shift"), left=_("Good pieces"),
                lang=lang,
            )
        )  # fmt: skip
        named: dict[str, Decimal] = {}
        for reason_id, lost_s in figures.lost_by_reason_s.items():
            name = self._name(reason_id)
            named[name] = named.get(name, Decimal(0)) + lost_s
        for cause in (TimeCause.MINOR, TimeCause.IDLE, TimeCause.BLOCKED, TimeCause.STARVED):
            named.setdefault(self._words[cause.value], figures.account.by_cause_s[cause])
        none = _("No losses are known.")
        self._pareto.draw(pareto_chart(pareto(named)[:12], cumulated=_("Cumulated"), none=none, lang=lang))

    def _name(self, reason_id: UUID | None) -> str:
        return self._words["unexplained"] if reason_id is None else self._report.reason_labels[reason_id]


class _Log:
    """The log entries of a shift, newest first, page by page."""

    def __init__(self, seat: Seat, place: Place, report: ShiftReport) -> None:
        self._seat, self._place, self._report = seat, place, report
        self._before: tuple[datetime, UUID] | None = None
        self._machines = {machine.id: machine.code for machine in report.machines}

    def draw_when_opened(self, expansion: ui.expansion) -> None:
        """Load the first page when somebody looks."""
        _ = self._seat.translate
        with expansion:
            self._table = ui.element("table").classes("u-table").mark("kpi-log")
            self._more = ui.button(_("Show more"), color=None, on_click=self._load).classes("u-button u-button--flat")
        expansion.on_value_change(self._opened)

    async def _opened(self) -> None:
        if self._before is None:
            await self._load()

    async def _load(self) -> None:
        period, lang = self._report.shift.occurrence.period, self._seat.lang
        words = {kind: self._seat.translate(word) for kind, word in KINDS.items()}
        async with read(self._seat.scope()) as work:
            page = await list_log_entries(
                work, lane_id=self._place.id, since=period.starts_at, until=period.ends_at, before=self._before,
                limit=50,
            )  # fmt: skip
        with self._table:
            for entry in page.items:
                _row(
                    self._machines.get(entry.machine_id, "–"), time_of_day(entry.at, self._place.time_zone, lang),
                    words[entry.kind], number(entry.quantity, self._seat.number_locale),
                )  # fmt: skip
        if page.items:
            self._before = (page.items[-1].at, page.items[-1].id)
        self._more.visible = page.has_more


KINDS = {"good": "Good", "scrap": "Scrap", "rework": "Rework"}


def _chart(seat: Seat, title: str) -> LatePlot:
    with ui.element("section").classes("u-card u-column"):
        ui.label(title).classes("u-subtitle").props("role=heading aria-level=2")
        return LatePlot(seat, "u-shift__plot")


def _row(*cells: str) -> None:
    with ui.element("tr"):
        for cell in cells:
            with ui.element("td"):
                ui.label(cell)


def _length(stop: ShownStop) -> Decimal:
    return Decimal(int(stop.ends.total_seconds()))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _concerns(event: Event, place: Place) -> bool:
    if isinstance(event, PlantModelChanged):
        return event.plant_id == place.plant_id
    return isinstance(event, (MachineStateChanged, ProductionReported, ShiftsChanged)) and event.lane_id == place.id
