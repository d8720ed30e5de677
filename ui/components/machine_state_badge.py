"""A machine's state on plain pages: colour, icon and word."""

from collections.abc import Callable, Mapping

from nicegui import ui

from ui.theme.tokens import MACHINE_STATES


class MachineStateBadge(ui.element):
    """One machine state as a chip; `set_state` changes it in place."""

    def __init__(self, state: str, *, labels: Mapping[str, str]) -> None:
        """Draw `state`, with its word taken from `labels`."""
        super().__init__("span")
        self._labels = labels
        self.classes("u-state")
        with self:
            self._icon = ui.icon(MACHINE_STATES[state].icon)
            self._word = ui.label()
        self.set_state(state)

    def set_state(self, state: str) -> None:
        """Show another state."""
        self.props["data-state"] = state
        self._icon.set_name(MACHINE_STATES[state].icon)
        self._word.set_text(self._labels[state])


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate the machine states."""
    return {
        "running": _("Running"),
        "idle": _("Idle"),
        "setup": _("Setup"),
        "planned_stop": _("Planned stop"),
        "unplanned_stop": _("Stopped"),
        "blocked": _("Blocked"),
        "starved": _("Waiting for material"),
        "maintenance": _("Maintenance"),
        "no_data": _("No data"),
    }
