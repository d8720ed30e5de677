"""The Andon button of a terminal, and the calls that wait."""

from nicegui import ui

from domain.andon.calls import CallCategory, CallSeverity
from services.andon.calls import raise_call
from services.andon.open_calls import WaitingCall
from services.plant.places import Place
from ui.components import andon_call_words
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.pages.andon_cards import CallCards
from ui.theme.tokens import CALL_CATEGORY_ICONS


class AndonButton:
    """Calls for help, with two taps."""

    def __init__(self, seat: Seat, place: Place) -> None:
        self._seat, self._place = seat, place
        self._words = andon_call_words.labels(seat.translate)
        button = ui.button(seat.translate("Call for help"), icon="campaign", color=None, on_click=self._ask)
        button.classes("u-button u-button--danger u-button--large").mark("andon")

    async def _ask(self) -> None:
        _ = self._seat.translate
        with ui.dialog() as dialog, ui.card().classes("u-dialog"):
            ui.label(_("What kind of help?")).classes("u-title")
            severity = (
                ui.toggle(
                    {level.value: self._words[level.value] for level in CallSeverity}, value=CallSeverity.MAJOR.value
                )
                .props("unelevated no-caps spread")
                .classes("u-toggle")
            )
            with ui.element("div").classes("u-terminal__reasons"):
                for category in CallCategory:
                    ui.button(
                        self._words[category.value],
                        icon=CALL_CATEGORY_ICONS[category.value],
                        color=None,
                        on_click=lambda category=category: dialog.submit(category),
                    ).classes("u-button u-button--large")
            with ui.element("div").classes("u-dialog__actions"):
                ui.button(_("Cancel"), color=None, on_click=dialog.close).classes("u-button u-button--flat")
        wanted: CallCategory | None = await dialog
        level = CallSeverity(severity.value)
        dialog.delete()
        if wanted is not None:
            await act(
                self._seat,
                lambda work: raise_call(work, machine_id=self._place.id, category=wanted, severity=level),
                saved=_("Help was called"),
            )


class CallPart:
    """The calls of the machine; those on the shelf are folded away."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        _ = seat.translate
        with ui.element("section").classes("u-terminal__calls"):
            self._waiting = CallCards(seat, with_place=False)
            self._waiting.element.mark("calls")
            with ui.expansion(_("On the shelf"), icon="snooze").classes("u-terminal__shelf") as self._shelf:
                self._shelved = CallCards(seat, with_place=False)
            self._shelf.visible = False

    def show(self, calls: tuple[WaitingCall, ...]) -> None:
        """Show the calls of now."""
        shelved = [call for call in calls if call.shelved_until is not None]
        self._waiting.show([call for call in calls if call.shelved_until is None])
        self._shelved.show(shelved)
        self._shelf.visible = bool(shelved)
        self._shelf.set_text(f"{self._seat.translate('On the shelf')}: {len(shelved)}")
