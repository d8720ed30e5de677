"""The Andon button of a terminal, and the calls that wait."""

from uuid import UUID

from nicegui import ui

from domain.andon.calls import CallCategory, CallSeverity
from domain.identity.roles import Permission
from services.andon.calls import acknowledge_call, raise_call, resolve_call
from services.plant.places import Place
from services.production.terminals import OpenCall, TerminalView
from ui.components import andon_call_words
from ui.components.elapsed import Elapsed
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.theme.tokens import CALL_CATEGORY_ICONS


class CallPart:
    """The Andon button and the calls that wait."""

    def __init__(self, seat: Seat, place: Place) -> None:
        self._seat, self._place = seat, place
        self._words = andon_call_words.labels(seat.translate)
        self._calls_shown: tuple[OpenCall, ...] = ()
        _ = seat.translate
        with ui.element("section").classes("u-terminal__calls"):
            ui.button(_("Call for help"), icon="campaign", color=None, on_click=self._ask).classes(
                "u-button u-button--danger u-button--large"
            ).mark("andon")
            self._calls = ui.element("div").classes("u-column").mark("calls")

    def show(self, view: TerminalView) -> None:
        """Show the calls of now; what stayed the same is left alone."""
        if view.calls != self._calls_shown:
            self._calls_shown = view.calls
            self._calls.clear()
            with self._calls:
                for call in view.calls:
                    self._call_card(call)

    def _call_card(self, call: OpenCall) -> None:
        _ = self._seat.translate
        with ui.element("div").classes("u-card u-column"):
            with ui.element("div").classes("u-row"):
                ui.icon(CALL_CATEGORY_ICONS[call.category]).classes("u-terminal__call-icon")
                ui.label(f"{self._words[call.category]} · {self._words[call.state]}").classes("u-subtitle")
                Elapsed(lang=self._seat.lang).set_since(call.raised_at)
            if not self._seat.viewer.scope.may(Permission.ANSWER_ANDON):
                return
            with ui.element("div").classes("u-row"):
                if call.state == "raised":
                    self._answer_button(_("Acknowledge"), call.id, acknowledge=True)
                self._answer_button(_("Resolve"), call.id, acknowledge=False)

    def _answer_button(self, label: str, call_id: UUID, *, acknowledge: bool) -> None:
        answer = acknowledge_call if acknowledge else resolve_call

        async def do() -> None:
            await act(self._seat, lambda work: answer(work, call_id=call_id))

        ui.button(label, color=None, on_click=do).classes("u-button")

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
