"""KPIs of any place and period: a table, a trend and the losses; each number opens to where it comes from."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import quote, urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from nicegui import ui

from domain.checks import EARLIEST, checked_choice
from domain.identity.roles import Permission
from domain.plant.losses import pareto
from domain.plant.shift_accounts import WORKED_OR_NOT_PLANNED
from domain.production.kpi_formulas import FORMULAS, Kpi, KpiExplanation, explain
from services.db.work import read
from services.plant.places import list_plants
from services.production.kpi_queries import (
    KpiGroup,
    KpiGrouping,
    KpiPlace,
    KpiScope,
    list_kpi_places,
    load_kpis,
)
from ui.components import time_cause_words
from ui.components.loss_charts import pareto_chart, trend_chart
from ui.kit.enter import Seat, screen
from ui.kit.formats import number, time_of_day
from ui.kit.framed import framed_at
from ui.kit.kpi_formats import day as written_day
from ui.kit.kpi_formats import kpi_value, percent
from ui.pages.kpi_dialog import open_kpi
from ui.pages.nothing_yet import nothing_yet

COLUMNS = (
    Kpi.OEE, Kpi.AVAILABILITY, Kpi.EFFECTIVENESS, Kpi.QUALITY_RATIO, Kpi.NEE, Kpi.SETUP_RATE, Kpi.SCRAP_RATIO,
    Kpi.MTBF, Kpi.MTTR, Kpi.TEEP,
)  # fmt: skip
LINES = (Kpi.OEE, Kpi.AVAILABILITY, Kpi.EFFECTIVENESS, Kpi.QUALITY_RATIO)
TIMES = (KpiGrouping.DAY, KpiGrouping.SHIFT, KpiGrouping.MONTH, KpiGrouping.HOUR)
DEFAULT_DAYS = 7
MOST_ROWS = 200


@dataclass(frozen=True)
class _Known:
    """What names of groups are written with."""

    codes: dict[UUID, str]
    """The codes of places by their ids."""
    zone: str
    """IANA name, of the place that was asked for."""


@screen("/kpis", permission=Permission.READ_METRICS)
async def kpis(
    seat: Seat, place: str = "", since: str = "", until: str = "", by: str = "day", corrected: bool = True
) -> None:
    """Show the KPIs that the address asks for; without a place those of the first plant in the last week."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
        places = await list_kpi_places(work)
        grouping = checked_choice(by, KpiGrouping, field="by")
        chosen = next((each for each in places if each.key == place), places[0] if places else None)
        today = work.now.astimezone(ZoneInfo("UTC" if chosen is None else chosen.time_zone)).date()
        last_day = _day(until, today)
        first_day = _day(since, last_day - timedelta(days=DEFAULT_DAYS - 1))
        if chosen is not None:
            whole, groups, shifts = [
                await load_kpis(
                    work, scope=chosen.scope, place_id=chosen.id, since_day=first_day,
                    before_day=last_day + timedelta(days=1), by=each, corrected=corrected,
                )
                for each in (KpiGrouping.NONE, grouping, KpiGrouping.SHIFT)
            ]  # fmt: skip
    with framed_at(seat, _("KPIs"), active="metrics", plants=plants):
        if chosen is None:
            nothing_yet(seat, _("There is no plant yet"), icon="insights")
            return
        with ui.element("div").classes("u-shift"):
            _filters(seat, places, chosen, first_day, last_day, grouping, corrected=corrected)
            if not whole:
                with ui.element("div").classes("u-empty"):
                    ui.icon("insights").classes("u-empty__icon")
                    ui.label(_("Nothing was added up for these days")).classes("u-title")
                return
            known = _Known({each.id: each.code for each in places}, chosen.time_zone)
            _table(seat, whole[0], groups, shifts, grouping, known)
            _charts(seat, whole[0], groups, grouping, known)


def _filters(
    seat: Seat, places: tuple[KpiPlace, ...], chosen: KpiPlace, first: date, last: date, by: KpiGrouping, *,
    corrected: bool,
) -> None:  # fmt: skip
    _ = seat.translate
    kinds = {
        KpiScope.PLANT: _("Plant"), KpiScope.DEPARTMENT: _("Department"), KpiScope.LANE: _("Lane"),
        KpiScope.MACHINE: _("Machine"),
    }  # fmt: skip
    groupings = {
        KpiGrouping.NONE: _("All together"), KpiGrouping.MACHINE: _("Machine"), KpiGrouping.LANE: _("Lane"),
        KpiGrouping.HOUR: _("Hour"), KpiGrouping.SHIFT: _("Shift"), KpiGrouping.DAY: _("Day"),
        KpiGrouping.MONTH: _("Month"), KpiGrouping.CREW: _("Crew"),
    }  # fmt: skip
    asked: dict[str, object] = {
        "place": chosen.key, "since": first.isoformat(), "until": last.isoformat(), "by": by.value,
        "corrected": str(corrected).lower(),
    }  # fmt: skip

    def ask(**changed: object) -> None:
        asked.update(changed)
        ui.navigate.to(f"/kpis?{urlencode(asked)}")

    with ui.element("section").classes("u-card u-metrics__filters"):
        options = {each.key: f"{kinds[each.scope]} {each.code} · {each.name}" for each in places}
        ui.select(
            options, value=chosen.key, label=_("Place"), with_input=True, on_change=lambda e: ask(place=e.value)
        ).props("outlined").classes("u-field").mark("metrics-place")
        for name, label, value in (("since", _("First day"), first), ("until", _("Last day"), last)):
            field = ui.input(label, value=value.isoformat()).props("outlined type=date stack-label").classes("u-field")
            field.on("change", lambda _e, field=field, name=name: ask(**{name: field.value}))
        ui.select(
            {each.value: word for each, word in groupings.items()}, value=by.value, label=_("Grouped by"),
            on_change=lambda e: ask(by=e.value),
        ).props("outlined").classes("u-field").mark("metrics-by")  # fmt: skip
        ui.select(
            {"true": _("As corrected"), "false": _("As reported")}, value=asked["corrected"], label=_("Pieces"),
            on_change=lambda e: ask(corrected=e.value),
        ).props("outlined").classes("u-field").mark("metrics-corrected")  # fmt: skip


def _table(
    seat: Seat, whole: KpiGroup, groups: tuple[KpiGroup, ...], shifts: tuple[KpiGroup, ...], by: KpiGrouping,
    known: _Known,
) -> None:  # fmt: skip
    _ = seat.translate
    names = time_cause_words.kpi_labels(_)
    rows = [(_("All together"), whole)]
    if by is not KpiGrouping.NONE:
        rows += [(_name(seat, group, by, known), group) for group in groups[-MOST_ROWS:]]
    with ui.element("div").classes("u-scroll"), ui.element("table").classes("u-table").mark("metrics-table"):
        with ui.element("thead"), ui.element("tr"):
            for title in ("", *(names[kpi] for kpi in COLUMNS), _("Good"), _("Scrap")):
                with ui.element("th"):
                    ui.label(title)
        with ui.element("tbody"):
            for name, group in rows:
                _row(seat, name, group, _behind(group, whole, shifts, by), known)


def _row(seat: Seat, name: str, group: KpiGroup, shifts: tuple[KpiGroup, ...], known: _Known) -> None:
    figures = group.kpis
    with ui.element("tr"):
        with ui.element("td"):
            ui.label(name)
        for kpi in COLUMNS:
            value = kpi_value(
                getattr(figures, kpi.value), FORMULAS[kpi].unit, seat.number_locale, per_hour=seat.translate("per hour")
            )
            with ui.element("td").classes("u-number"):
                opening = ui.button(value, color=None, on_click=lambda kpi=kpi: _open(seat, kpi, group, shifts, known))
                opening.props("flat").classes("u-metric-button").mark(f"metric-{kpi.name}")
        for quantity in (group.output.good, group.output.scrap):
            with ui.element("td").classes("u-number"):
                ui.label(number(quantity, seat.number_locale))


def _open(seat: Seat, kpi: Kpi, group: KpiGroup, shifts: tuple[KpiGroup, ...], known: _Known) -> None:
    _ = seat.translate

    def explained(which: Kpi) -> KpiExplanation:
        return explain(which, group.times, group.output, repairs=group.repairs)

    def rows() -> None:
        ui.label(_("Shifts")).classes("u-subtitle")
        with ui.element("div").classes("u-scroll"), ui.element("table").classes("u-table").mark("kpi-shifts"):
            for shift in shifts[-MOST_ROWS:]:
                with ui.element("tr"):
                    with ui.element("td"):
                        lane = known.codes.get(shift.lane_id, "") if shift.lane_id is not None else ""
                        name = _name(seat, shift, KpiGrouping.SHIFT, known)
                        ui.link(name, f"/shift/{quote(lane)}?shift={shift.key}")
                    with ui.element("td").classes("u-number"):
                        ui.label(percent(shift.kpis.oee, seat.number_locale))

    open_kpi(seat, kpi, explain=explained, rows=rows)


def _charts(seat: Seat, whole: KpiGroup, groups: tuple[KpiGroup, ...], by: KpiGrouping, known: _Known) -> None:
    _, lang = seat.translate, seat.lang
    words, names = time_cause_words.labels(_), time_cause_words.kpi_labels(_)
    with ui.element("div").classes("u-shift__columns"):
        if by in TIMES:
            with ui.element("section").classes("u-card u-column"):
                ui.label(_("Trend")).classes("u-subtitle").props("role=heading aria-level=2")
                shown = groups[-MOST_ROWS:]
                lines = {names[kpi]: [getattr(group.kpis, kpi.value) for group in shown] for kpi in LINES}
                times = [_name(seat, group, by, _Known({}, known.zone)) for group in shown]
                ui.plotly(trend_chart(times, lines, lang=lang)).classes("u-shift__plot")
        with ui.element("section").classes("u-card u-column"):
            ui.label(_("Losses")).classes("u-subtitle").props("role=heading aria-level=2")
            lost = {
                words[cause.value]: lost_s
                for cause, lost_s in whole.account.by_cause_s.items()
                if cause not in WORKED_OR_NOT_PLANNED
            }
            chart = pareto_chart(pareto(lost), cumulated=_("Cumulated"), none=_("No losses are known."), lang=lang)
            ui.plotly(chart).classes("u-shift__plot")


def _behind(group: KpiGroup, whole: KpiGroup, shifts: tuple[KpiGroup, ...], by: KpiGrouping) -> tuple[KpiGroup, ...]:
    """Return the shifts of the table that a group was added up from."""
    if group is whole:
        return shifts
    if by is KpiGrouping.SHIFT:
        return (group,)
    if by is KpiGrouping.DAY:
        return tuple(shift for shift in shifts if shift.day == group.day)
    if by is KpiGrouping.MONTH and group.day is not None:
        month = (group.day.year, group.day.month)
        return tuple(shift for shift in shifts if shift.day is not None and (shift.day.year, shift.day.month) == month)
    if by is KpiGrouping.LANE:
        return tuple(shift for shift in shifts if str(shift.lane_id) == group.key)
    return shifts


def _name(seat: Seat, group: KpiGroup, by: KpiGrouping, known: _Known) -> str:
    if by is KpiGrouping.HOUR:
        return _hour(datetime.fromisoformat(group.key), known.zone, seat.lang)
    if group.day is None:
        return group.label or seat.translate("No crew")
    lane = known.codes.get(group.lane_id, "") if group.lane_id is not None else ""
    return " · ".join(part for part in (written_day(group.day, seat.lang), group.label, lane) if part)


def _hour(at: datetime, zone: str, lang: str) -> str:
    """Write the beginning of an hour in the plant, with its distance from UTC where the clock shows it twice."""
    local = at.astimezone(ZoneInfo(zone))
    written = f"{written_day(local.date(), lang)} {time_of_day(at, zone, lang)}"
    is_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{written} (UTC{local:%z})" if is_twice else written


def _day(value: str, otherwise: date) -> date:
    try:
        asked = date.fromisoformat(value)
    except ValueError:
        return otherwise
    return asked if EARLIEST.date() <= asked < date.max else otherwise
