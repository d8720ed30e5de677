"""Buttons that open what can be printed, each in a tab of its own."""

from nicegui import ui


def print_link(words: str, icon: str, target: str, *, mark: str) -> None:
    """Draw a link to a document that looks like a button."""
    with ui.link(target=target, new_tab=True).classes("u-print").mark(mark):
        ui.icon(icon)
        ui.label(words)
