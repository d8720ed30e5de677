"""How routings and their operations are called, and how their times are written."""

from decimal import Decimal

from domain.production.operations import Transfer
from domain.production.routings import RequiredReport, RoutingState
from ui.kit.formats import number
from ui.kit.translate import Translate

MINUTE_S = 60
STATE_ICONS: dict[RoutingState, str] = {
    RoutingState.ACTIVE: "check_circle",
    RoutingState.DRAFT: "edit_note",
    RoutingState.RETIRED: "history",
}


def state_words(_: Translate) -> dict[RoutingState, str]:
    """Return the names of the states of routings."""
    return {
        RoutingState.DRAFT: _("Draft"),
        RoutingState.ACTIVE: _("Active"),
        RoutingState.RETIRED: _("Retired"),
    }


def transfer_words(_: Translate) -> dict[Transfer, str]:
    """Return when operations hand their pieces on, in words."""
    return {
        Transfer.FINISH_TO_START: _("All at once, when done"),
        Transfer.PARTIAL: _("Each good piece at once"),
    }


def report_words(_: Translate) -> dict[RequiredReport, str]:
    """Return what must be reported before an operation is finished, in words."""
    return {RequiredReport.SETUP: _("Setup"), RequiredReport.QUANTITY: _("Quantity")}


def is_shown_in_minutes(value_s: Decimal) -> bool:
    """Tell whether a time reads better in minutes: from one minute on, in whole quarters."""
    return value_s >= MINUTE_S and value_s % 15 == 0


def time_words(value_s: Decimal, language: str) -> str:
    """Write a planned time in minutes or seconds."""
    if is_shown_in_minutes(value_s):
        return f"{number(value_s / MINUTE_S, language)} min"
    return f"{number(value_s, language)} s"
