"""What is shown once and kept nowhere: a key, or a link that opens something."""

from nicegui import ui

from ui.kit.enter import Seat


def show_once(seat: Seat, place: ui.element, *, title: str, explanation: str, label: str, value: str) -> None:
    """Show a secret in a dialog that only goes when the person says so; `place` is an element that stays."""
    _ = seat.translate
    with place, ui.dialog().props("persistent") as dialog, ui.card().classes("u-dialog u-form"):
        ui.label(title).classes("u-title").props("role=heading aria-level=2")
        ui.label(explanation)
        ui.input(label, value=value).props("outlined readonly").classes("u-field u-mono").mark("shown-once")
        with ui.element("div").classes("u-dialog__actions"):
            done = ui.button(_("I have kept it"), color=None, on_click=dialog.close)
            done.classes("u-button u-button--flat").mark("kept")
            copy = ui.button(
                _("Copy"), icon="content_copy", color=None, on_click=lambda: copy_words(value, _("Copied"))
            )
            copy.classes("u-button u-button--primary").mark("copy")
    dialog.on("hide", dialog.delete)
    dialog.open()


def copy_words(value: str, words: str) -> None:
    """Put words where the browser keeps what was copied, and say so in `words`."""
    ui.clipboard.write(value)
    ui.notify(words, type="positive", position="top", timeout=2_000, classes="u-notify")
