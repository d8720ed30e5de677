"""What a kiosk asks before anybody acts: scan a badge or enter a PIN."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from domain.identity.badges import BadgeKind
from ui.components import pin_pad
from ui.components.pin_pad import PinPad
from ui.kit.enter import Seat
from ui.kit.kiosk import account_of


class IdentifyPart:
    """The question who is there."""

    def __init__(self, seat: Seat, on_said: Callable[[BadgeKind, str], Awaitable[None]]) -> None:
        _ = seat.translate

        async def typed(pin: str) -> None:
            await on_said(BadgeKind.PIN, pin)

        with ui.element("section").classes("u-identify").mark("identify"):
            with ui.element("div").classes("u-identify__ask"):
                ui.icon("badge").classes("u-identify__icon")
                ui.label(_("Scan your badge or enter your PIN")).classes("u-identify__words")
                ui.label(_("Everything you enter then stands in your name.")).classes("u-muted")
            PinPad(typed, account=account_of(seat), labels=pin_pad.labels(_), lang=seat.lang)
