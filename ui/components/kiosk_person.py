"""Whose name is on the next entry."""

from collections.abc import Callable, Mapping

from nicegui.element import Element


class KioskPerson(Element, component="kiosk_person.js"):
    """The name of who reports, large and always in view.

    At a kiosk it counts down and leaves when nobody touches the screen, or when somebody else wants to.
    """

    def __init__(
        self, name: str, *, idle_s: int, labels: Mapping[str, str], on_leave: Callable[[], None] | None = None
    ) -> None:
        """Show `name`, already in a sentence; `idle_s` is 0 where nobody leaves."""
        super().__init__()
        self.props["name"] = name
        self.props["idle_s"] = idle_s
        self.props["labels"] = labels
        if on_leave is not None:
            self.on("leave", on_leave, args=[])


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate the words beside the name; `{seconds}` is filled in by the browser."""
    return {"leaving": _("Leaving in {seconds} s"), "switch": _("Switch person")}
