"""How calls were answered: by category, by machine, by hour of the day."""

from datetime import timedelta
from decimal import Decimal

from babel.numbers import format_percent
from nicegui import ui

from domain.errors import NotFound
from domain.identity.roles import Permission
from services.andon.statistics import CallFigures, CallStatistics, load_call_statistics
from services.db.work import read
from services.plant.places import list_plants
from ui.components import andon_call_words
from ui.kit.enter import Seat, screen
from ui.kit.framed import framed
from ui.pages.plant_choice import plant_choice

PERIODS_DAYS = (1, 7, 30, 90)
UNKNOWN = "–"


@screen("/andon/statistics", permission=Permission.READ_ANDON)
async def andon_statistics(seat: Seat, plant: str | None = None, days: int = 7) -> None:
    """Show how a plant's calls of the last days were answered, the first plant's unless its code is given."""
    _ = seat.translate
    days = days if days in PERIODS_DAYS else 7
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
        chosen = next((one for one in plants if plant in {None, one.code}), None)
        if chosen is None and plant is not None:
            raise NotFound(what="plant")
        found = None
        if chosen is not None:
            since = work.now - timedelta(days=days)
            found = await load_call_statistics(work, plant_id=chosen.id, since=since, until=work.now)
    name, zone = ("", "UTC") if chosen is None else (chosen.name, chosen.time_zone)
    with framed(seat, _("Andon statistics"), active="andon", plant=name, zone=zone):
        if chosen is not None:
            plant_choice(plants, chosen, path="/andon/statistics", by_query=True)
            _periods(seat, chosen.code, days)
        if found is None or found.total is None:
            with ui.element("div").classes("u-empty"):
                ui.icon("insights").classes("u-empty__icon")
                ui.label(_("No calls in this time")).classes("u-title")
            return
        _Figures(seat, found).draw(found.total)


def _periods(seat: Seat, plant: str, chosen: int) -> None:
    _ = seat.translate
    with ui.element("nav").classes("u-tabs"):
        for days in PERIODS_DAYS:
            word = _("24 hours") if days == 1 else _("{days} days").format(days=days)
            link = ui.link(word, f"/andon/statistics?plant={plant}&days={days}").classes("u-tab")
            if days == chosen:
                link.props["aria-current"] = "page"
        ui.space()
        with ui.link(target="/andon").classes("u-tab"):
            ui.icon("campaign")
            ui.label(_("Calls"))


class _Figures:
    def __init__(self, seat: Seat, found: CallStatistics) -> None:
        self._seat, self._found = seat, found
        self._words = andon_call_words.labels(seat.translate)

    def draw(self, total: CallFigures) -> None:
        _ = self._seat.translate
        with ui.element("div").classes("u-figures"):
            self._figure(_("Calls"), str(total.count))
            self._figure(_("Answered after (median)"), self._time(total.response_median_s))
            self._figure(_("Resolved after (median)"), self._time(total.resolution_median_s))
            self._figure(_("Answered in time"), self._share(total.responded_in_time))
            self._figure(_("Resolved in time"), self._share(total.resolved_in_time))
            self._figure(_("Escalated"), self._share(total.escalated))
        with ui.element("section").classes("u-card u-column"):
            ui.label(_("Calls by hour of the day")).classes("u-subtitle").props("role=heading aria-level=2")
            ui.plotly(self._plot()).classes("u-plot")
        by_category = [(self._words[one.category or ""], one) for one in self._found.by_category]
        by_machine = [(f"{one.machine_code} {one.machine_name}", one) for one in self._found.by_machine]
        self._table(_("By category"), by_category)
        self._table(_("By machine"), by_machine)

    def _figure(self, label: str, value: str) -> None:
        with ui.element("div").classes("u-card u-figure"):
            ui.label(label).classes("u-muted")
            ui.label(value).classes("u-figure__value")

    def _table(self, title: str, rows: list[tuple[str, CallFigures]]) -> None:
        _ = self._seat.translate
        ui.label(title).classes("u-subtitle").props("role=heading aria-level=2")
        heads = (
            _("Calls"), _("Raised again"), _("Answered: median"), _("90 %"), _("in time"), _("Resolved: median"),
            _("90 %"), _("in time"), _("Escalated"),
        )  # fmt: skip
        with ui.element("div").classes("u-table-scroll"), ui.element("table").classes("u-table"):
            with ui.element("thead"), ui.element("tr"):
                ui.element("th")
                for head in heads:
                    with ui.element("th").classes("u-number"):
                        ui.label(head)
            with ui.element("tbody"):
                for name, one in rows:
                    with ui.element("tr"):
                        with ui.element("td"):
                            ui.label(name)
                        for cell in self._cells(one):
                            with ui.element("td").classes("u-number"):
                                ui.label(cell)

    def _cells(self, one: CallFigures) -> tuple[str, ...]:
        return (
            str(one.count), str(one.joined), self._time(one.response_median_s), self._time(one.response_p90_s),
            self._share(one.responded_in_time), self._time(one.resolution_median_s), self._time(one.resolution_p90_s),
            self._share(one.resolved_in_time), self._share(one.escalated),
        )  # fmt: skip

    def _plot(self) -> dict[str, object]:
        _ = self._seat.translate
        hours = list(range(24))
        clear = "rgba(0,0,0,0)"
        return {
            "data": [
                {
                    "type": "bar",
                    "x": hours,
                    "y": list(self._found.by_hour),
                    "hovertemplate": "%{x}:00: %{y}<extra></extra>",
                }
            ],
            "layout": {
                "margin": {"l": 44, "r": 8, "t": 8, "b": 44},
                "paper_bgcolor": clear,
                "plot_bgcolor": clear,
                "bargap": 0.25,
                "xaxis": {"title": {"text": _("Hour")}, "dtick": 2, "fixedrange": True},
                "yaxis": {"title": {"text": _("Calls")}, "rangemode": "tozero", "tickformat": "d", "fixedrange": True},
            },
            "config": {"displayModeBar": False, "responsive": True},
        }

    def _time(self, value_s: Decimal | None) -> str:
        if value_s is None:
            return UNKNOWN
        minutes, seconds = divmod(round(value_s), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

    def _share(self, value: Decimal | None) -> str:
        return UNKNOWN if value is None else format_percent(value, locale=self._seat.number_locale)
