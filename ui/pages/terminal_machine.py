"""What the machine of a terminal does, and buttons to say otherwise."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from nicegui import ui

from domain.plant.machine_states import NEEDS_REASON, MachineState
from services.plant.machine_states import change_machine_state
from services.plant.places import Place
from services.production.terminals import ReasonChoice, TerminalView
from ui.components import machine_state_badge
from ui.components.elapsed import Elapsed
from ui.components.machine_state_badge import MachineStateBadge
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.formats import number
from ui.theme.tokens import MACHINE_STATES

STATES_BY_HAND = (
    MachineState.RUNNING,
    MachineState.SETUP,
    MachineState.UNPLANNED_STOP,
    MachineState.PLANNED_STOP,
    MachineState.STARVED,
    MachineState.BLOCKED,
    MachineState.IDLE,
    MachineState.MAINTENANCE,
)
PLANNED = "planned"


class MachinePart:
    """What the machine does, what it works on, and buttons to say otherwise."""

    def __init__(self, seat: Seat, place: Place, reasons: tuple[ReasonChoice, ...]) -> None:
        self._seat, self._place = seat, place
        self._stops = tuple(reason for reason in reasons if reason.kind == "stop")
        self._since: datetime | None = None
        self._buttons: dict[MachineState, ui.button] = {}
        _ = seat.translate
        words = machine_state_badge.labels(_)
        with ui.element("div").classes("u-card u-column"):
            with ui.element("div").classes("u-terminal__machine"):
                self._badge = MachineStateBadge(MachineState.NO_DATA, labels=words)
                self._elapsed = Elapsed(lang=seat.lang).classes("u-terminal__clock")
            self._reason = ui.label().classes("u-terminal__reason").mark("reason")
            with ui.element("div").classes("u-terminal__facts"):
                self._order = _fact(_("Order"), is_long=True)
                self._part = _fact(_("Part"), is_long=True)
                self._good_today = _fact(_("Good today"))
                self._scrap_today = _fact(_("Scrap today"))

    def draw_states(self) -> None:
        """Draw the buttons that say what the machine does."""
        words = machine_state_badge.labels(self._seat.translate)
        with ui.element("div").classes("u-terminal__states"):
            for state in STATES_BY_HAND:
                self._state_button(state, words[state])

    def show(self, view: TerminalView) -> None:
        """Show the machine as it is now."""
        numbers = self._seat.number_locale
        self._since = view.since
        self._badge.set_state(view.state)
        for state, button in self._buttons.items():
            button.props["aria-pressed"] = "true" if state is view.state else "false"
        self._elapsed.set_since(view.since)
        self._reason.set_text(" · ".join(part for part in (view.reason, view.detail) if part))
        self._order.set_text(view.order_number or "–")
        self._part.set_text(view.part_number or "–")
        self._good_today.set_text(number(view.good_today, numbers))
        self._scrap_today.set_text(number(view.scrap_today, numbers))

    def _state_button(self, state: MachineState, word: str) -> None:
        async def choose() -> None:
            seen_since = self._since  # what the person saw when deciding, not what came while they chose a reason
            if state not in NEEDS_REASON:
                await self._change(state, None, seen_since=seen_since)
            elif (reason := await self._ask_reason(state)) is not None:
                reason_id = reason if isinstance(reason, UUID) else None
                await self._change(state, reason_id, seen_since=seen_since)

        button = ui.button(word, icon=MACHINE_STATES[state].icon, color=None, on_click=choose)
        self._buttons[state] = button.classes("u-button u-button--listed").mark(f"state-{state}")

    async def _ask_reason(self, state: MachineState) -> UUID | Literal["unknown"] | None:
        _ = self._seat.translate
        fitting = [
            reason
            for reason in self._stops
            if (reason.loss_category == PLANNED) == (state is MachineState.PLANNED_STOP)
        ]
        with ui.dialog() as dialog, ui.card().classes("u-dialog"):
            ui.label(_("Why does the machine stand still?")).classes("u-title")
            with ui.element("div").classes("u-terminal__reasons"):
                for reason in fitting:
                    pick = ui.button(reason.label, color=None, on_click=lambda reason=reason: dialog.submit(reason.id))
                    pick.classes("u-button u-button--large").mark("stop-reason")
            with ui.element("div").classes("u-dialog__actions"):
                ui.button(_("Cancel"), color=None, on_click=dialog.close).classes("u-button u-button--flat")
                if state is MachineState.UNPLANNED_STOP:
                    unknown = ui.button(_("Not known yet"), color=None, on_click=lambda: dialog.submit("unknown"))
                    unknown.classes("u-button").mark("reason-unknown")
        choice: UUID | Literal["unknown"] | None = await dialog
        dialog.delete()
        return choice

    async def _change(self, state: MachineState, reason_id: UUID | None, *, seen_since: datetime | None) -> None:
        await act(
            self._seat,
            lambda work: change_machine_state(
                work, machine_id=self._place.id, state=state, reason_id=reason_id, seen_since=seen_since
            ),
            saved=self._seat.translate("Saved"),
        )


def _fact(label: str, *, is_long: bool = False) -> ui.label:
    with ui.element("div").classes("u-terminal__fact" + " u-terminal__fact--long" * is_long):
        ui.label(label).classes("u-muted")
        return ui.label("–").classes("u-terminal__value")
