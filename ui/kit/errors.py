"""Errors as people meet them: a sentence that says what to do, or a number to ask about."""

from nicegui import ui

from domain.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable, UnisonError
from ui.kit.translate import Translate, sentence_of

ICONS: dict[type[UnisonError], str] = {
    NotFound: "search_off",
    Forbidden: "lock",
    Conflict: "sync_problem",
    Invalid: "edit_off",
    Unavailable: "cloud_off",
}
SHOWN_DIGITS = 12
"""How much of a request id people are asked to read out: its end, which differs from request to request."""


def icon_of(error: UnisonError) -> str:
    """Return the icon of an error's kind."""
    return next((icon for kind, icon in ICONS.items() if isinstance(error, kind)), "error")


def show_error(error: UnisonError, translate: Translate) -> None:
    """Tell the person on this page, until they close it or ten seconds pass."""
    ui.notify(
        sentence_of(error, translate),
        type="warning",
        icon=icon_of(error),
        position="top",
        timeout=10_000,
        close_button=translate("Close"),
        classes="u-notify",
    )


def show_fault(request_id: str, translate: Translate) -> None:
    """Tell the person on this page that what they did met a fault of ours, until they close it."""
    sentence = translate("This did not work and was not saved. Ask for help with the number {number}.")
    ui.notify(
        sentence.format(number=request_id[-SHOWN_DIGITS:]),
        type="negative",
        position="top",
        timeout=0,
        close_button=translate("Close"),
        classes="u-notify",
    )


def error_page(error: UnisonError, translate: Translate) -> None:
    """Fill the page with the reason why it cannot be shown, and ways to go on."""
    _stop_sign(icon_of(error), sentence_of(error, translate), translate)


def fault_page(request_id: str, translate: Translate) -> None:
    """Fill the page with the number under which the log tells why it could not be built."""
    sentence = translate("This page cannot be shown. Ask for help with the number {number}.")
    _stop_sign("error", sentence.format(number=request_id[-SHOWN_DIGITS:]), translate)


def missing_page(translate: Translate) -> None:
    """Fill the page of an address where nothing is."""
    _stop_sign("search_off", translate("There is no page at this address."), translate)


def _stop_sign(icon: str, sentence: str, translate: Translate) -> None:
    with ui.element("div").classes("u-stop").mark("error-page"):
        ui.icon(icon).classes("u-stop__icon")
        ui.label(sentence).classes("u-stop__sentence").props("role=heading aria-level=1")
        with ui.element("div").classes("u-stop__actions"):
            again = ui.button(translate("Try again"), icon="refresh", color=None, on_click=ui.navigate.reload)
            again.classes("u-button")
            start = ui.button(translate("Start page"), icon="home", color=None, on_click=lambda: ui.navigate.to("/"))
            start.classes("u-button u-button--primary")
