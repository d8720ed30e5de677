"""A call's running clock beside its target."""

from collections.abc import Callable, Mapping
from datetime import datetime

from nicegui.element import Element

from ui.components.packed import packed


class CallClock(Element, component="call_clock.js", dependencies=["live_board.js"]):
    """How long a call has waited or lasted, and whether that is longer than it should."""

    def __init__(self, *, labels: Mapping[str, str], lang: str) -> None:
        """Write durations in `lang`; `set_times` starts the clock."""
        super().__init__()
        self.props["labels"] = packed(labels)
        self.props["lang"] = lang
        self.props["since"] = 0

    def set_times(self, since: datetime, *, until: datetime | None, target_s: int | None) -> None:
        """Count from `since`, to `until` where it is over, against a target where there is one."""
        self.props["since"] = _milliseconds(since)
        self.props["until"] = None if until is None else _milliseconds(until)
        self.props["target"] = target_s


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate the words beside the clock; `{time}` is filled in by the browser."""
    return {"target": _("Target {time}"), "missed": _("Target {time} missed")}


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
