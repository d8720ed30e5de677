"""A keypad for gloved fingers, writing into one quantity or several (good and scrap)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from nicegui.element import Element
from nicegui.events import GenericEventArguments

DECIMAL = re.compile(r"([0-9]{1,12}(\.[0-9]{1,6})?)?")


@dataclass(frozen=True)
class KeypadField:
    """One quantity that can be typed."""

    name: str
    """How the page calls it."""
    label: str
    """How the operator calls it, translated."""
    unit: str = ""
    """The unit of measure shown behind the number."""
    max_digits: int = 6
    """Digits before the decimal point."""
    decimals: int = 0
    """Digits after the decimal point; 0 takes the point away."""


class Keypad(Element, component="keypad.js"):
    """Large keys and the fields they write into; the operator taps a field to choose it.

    `values` holds what was typed as decimal strings with a point, the empty string for nothing.
    """

    def __init__(
        self,
        *,
        fields: Sequence[KeypadField],
        labels: Mapping[str, str],
        lang: str,
        on_change: Callable[[str, str], None] | None = None,
    ) -> None:
        """Draw `fields`, the first one chosen; `on_change` gets the name and the new value of the field."""
        super().__init__()
        self.values = {field.name: "" for field in fields}
        self._on_change = on_change
        self.props["fields"] = [asdict(field) for field in fields]
        self.props["initial"] = dict(self.values)
        self.props["labels"] = labels
        self.props["lang"] = lang
        self.on("change", self._take)

    def set_value(self, name: str, value: str) -> None:
        """Show another value in a field, for instance nothing after it was booked."""
        self.values[name] = value
        self.run_method("setValue", name, value)

    def choose(self, name: str) -> None:
        """Let the keys write into another field."""
        self.run_method("choose", name)

    def _take(self, event: GenericEventArguments) -> None:
        name, value = str(event.args.get("name")), str(event.args.get("value"))
        if name not in self.values or not DECIMAL.fullmatch(value):
            return  # not from our keys
        self.values[name] = value
        if self._on_change:
            self._on_change(name, value)


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate the keys that are not digits."""
    return {"keypad": _("Keypad"), "clear": _("Clear"), "backspace": _("Delete the last digit")}
