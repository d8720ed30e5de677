"""What stands where plants, lanes or machines will, and the way to add them for whoever may."""

from nicegui import ui

from domain.identity.roles import Permission
from ui.kit.enter import Seat


def nothing_yet(seat: Seat, words: str, *, icon: str) -> ui.element:
    """Say that nothing can be shown before somebody has set it up."""
    _ = seat.translate
    with ui.element("div").classes("u-empty").mark("nothing-yet") as box:
        ui.icon(icon).classes("u-empty__icon")
        ui.label(words).classes("u-title")
        if seat.viewer.scope.may(Permission.EDIT_PLANT):
            add = ui.button(_("Set up plants and machines"), icon="settings", color=None)
            add.classes("u-button u-button--primary").props["href"] = "/admin/plants"
        else:
            ui.label(_("It shows here as soon as an admin has set it up."))
    return box
