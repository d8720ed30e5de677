"""After an app was set up at the sign-in: the recovery codes, right there and this once."""

from nicegui import ui
from starlette.responses import RedirectResponse, Response

from services.db.work import begin
from services.identity.second_factors import NoFirstCodes, first_recovery_codes
from ui.api.sign_in_forms import local_target
from ui.kit.addresses import RECOVERY_CODES_PAGE
from ui.kit.enter import Seat, screen
from ui.pages.shown_once import copy_words
from ui.theme import gate


@screen(RECOVERY_CODES_PAGE)
async def recovery_codes(seat: Seat, next: str = "/") -> Response | None:  # noqa: A002 - the query's own name
    """Show the codes of who has just set an app up, and lead on; everybody else is led on at once."""
    _, target = seat.translate, local_target(next)
    try:
        async with begin(seat.scope()) as work:
            codes = await first_recovery_codes(work)
    except NoFirstCodes:
        return RedirectResponse(target, status_code=303)
    with gate(_("Recovery codes")):
        ui.label(_("Keep these recovery codes")).classes("u-title").props("role=heading aria-level=1")
        ui.label(_("Each opens your account once without the app. They are shown this once."))
        with ui.element("ul").classes("u-codes").mark("recovery-codes"):
            for code in codes:
                with ui.element("li"):
                    ui.label(code).classes("u-mono").mark("recovery-code")
        with ui.element("div").classes("u-row"):
            copy = ui.button(_("Copy"), icon="content_copy", color=None)
            copy.on_click(lambda: copy_words("\n".join(codes), _("Copied"))).classes("u-button").mark("copy")
        ui.link(_("I have kept them"), target).classes("u-button u-button--primary u-codes__on").mark("kept")
    return None
