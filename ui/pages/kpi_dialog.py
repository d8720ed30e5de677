"""A KPI opened: its formula, the numbers that went in, and the rows that they were added up from."""

from collections.abc import Callable

from nicegui import ui

from domain.production.kpi_formulas import Kpi, KpiExplanation
from ui.components.time_cause_words import kpi_labels
from ui.kit.enter import Seat
from ui.kit.kpi_formats import kpi_value

Explain = Callable[[Kpi], KpiExplanation]


def open_kpi(seat: Seat, kpi: Kpi, *, explain: Explain, rows: Callable[[], None]) -> None:
    """Show where a KPI comes from; `rows` draws what lies behind the inputs."""
    _ = seat.translate
    names = kpi_labels(_)
    opened = explain(kpi)
    with ui.dialog() as dialog, ui.card().classes("u-dialog u-dialog--wide"):
        with ui.element("div").classes("u-row"):
            ui.label(names[kpi]).classes("u-title")
            ui.label(shown(seat, opened)).classes("u-title u-number").mark("kpi-value")
        ui.label(f"{names[kpi]} = {opened.formula}").classes("u-formula").mark("kpi-formula")
        ui.label(_(opened.source)).classes("u-muted")
        for why in _undefined(seat, opened):
            ui.label(why).classes("u-note").mark("kpi-undefined")
        with ui.element("div").classes("u-scroll"), ui.element("table").classes("u-table").mark("kpi-inputs"):
            for each in opened.inputs:
                with ui.element("tr"):
                    _cell(each.symbol)
                    _cell(_(each.meaning))
                    value = kpi_value(each.value, each.unit, seat.number_locale, per_hour=_("per hour"))
                    if each.kpi is None:
                        _cell(value, "u-number")
                        continue
                    with ui.element("td").classes("u-number"):
                        inner = each.kpi

                        def open_inner(inner: Kpi = inner) -> None:
                            dialog.close()
                            open_kpi(seat, inner, explain=explain, rows=rows)

                        ui.button(value, color=None, on_click=open_inner).props("flat").classes("u-metric-button")
        rows()
        with ui.element("div").classes("u-dialog__actions"):
            ui.button(_("Close"), color=None, on_click=dialog.close).classes("u-button")
    dialog.on("hide", dialog.delete)
    dialog.open()


def shown(seat: Seat, explanation: KpiExplanation) -> str:
    """Return a KPI's value in words."""
    return kpi_value(explanation.value, explanation.unit, seat.number_locale, per_hour=seat.translate("per hour"))


def _undefined(seat: Seat, opened: KpiExplanation) -> list[str]:
    """Return why a KPI has no value, in sentences."""
    _ = seat.translate
    if opened.value is not None:
        return []
    if not opened.missing:
        return [_("Not defined: there is nothing to divide by.")]
    because = [_(each.unknown_because) for each in opened.inputs if each.unknown_because]
    return [_("Not defined: nobody knows {symbols}.").format(symbols=", ".join(opened.missing)), *because]


def _cell(text: str, classes: str = "") -> None:
    with ui.element("td").classes(classes):
        ui.label(text)
