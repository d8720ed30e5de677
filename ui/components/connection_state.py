"""The chip that says whether this page is still connected, on every page that is not a board."""

from collections.abc import Callable, Mapping

from nicegui.element import Element

from ui.components.packed import packed


class ConnectionState(Element, component="connection_state.js", dependencies=["live_board.js"]):
    """Live, lost since a time, or without its database.

    It follows the socket itself and `unison:status` messages `{source, at}`. Where a page gets any Unison message
    every second, silence shows within three seconds; elsewhere a lost link shows when the browser notices it.
    """

    def __init__(self, *, labels: Mapping[str, str], lang: str, zone: str) -> None:
        """Draw the state in the words of `labels`, with times in `lang` and `zone`."""
        super().__init__()
        self.props["labels"] = packed(labels)
        self.props["lang"] = lang
        self.props["zone"] = zone


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate the states of the connection; `{time}` is filled in by the browser."""
    return {
        "live": _("Live"),
        "lost": _("Connection lost since {time}"),
        "database_down": _("The database cannot be reached"),
    }
