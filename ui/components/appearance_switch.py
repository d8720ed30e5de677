"""Light or dark: the reader's choice, kept in the browser."""

from collections.abc import Callable, Mapping
from typing import Literal

from nicegui.element import Element

from ui.components.packed import packed

Appearance = Literal["light", "dark", "auto"]


class AppearanceSwitch(Element, component="appearance_switch.js"):
    """Applies the reader's choice to the page and, where `shown`, lets it be changed."""

    def __init__(self, *, fallback: Appearance, shown: bool, labels: Mapping[str, str]) -> None:
        """Use `fallback` until a choice was made in this browser; `auto` follows the system."""
        super().__init__()
        self.props["fallback"] = fallback
        self.props["shown"] = shown
        self.props["labels"] = packed(labels)


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate what the button would do."""
    return {"to_light": _("Light appearance"), "to_dark": _("Dark appearance")}
