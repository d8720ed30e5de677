"""Where somebody types their PIN at a kiosk."""

from collections.abc import Awaitable, Callable, Mapping

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from domain.identity.badges import LONGEST_PIN, SHORTEST_PIN


class PinPad(Element, component="pin_pad.js", dependencies=["report_outbox.js"]):
    """Large keys and dots. What waits in the browser to be booked is sent meanwhile."""

    def __init__(
        self, on_pin: Callable[[str], Awaitable[None]], *, account: str, labels: Mapping[str, str], lang: str
    ) -> None:
        """Call `on_pin` with each complete PIN; `account` is the device's own user."""
        super().__init__()
        self.props["shortest"] = SHORTEST_PIN
        self.props["longest"] = LONGEST_PIN
        self.props["labels"] = labels
        self.props["account"] = account
        self.props["lang"] = lang

        async def take(event: GenericEventArguments) -> None:
            await on_pin(str(event.args.get("value"))[: LONGEST_PIN + 1])

        self.on("pin", take)


def labels(_: Callable[[str], str]) -> dict[str, str]:
    """Translate the keys that are not digits."""
    return {"pin": _("PIN"), "erase": _("Delete the last digit"), "enter": _("Go on")}
