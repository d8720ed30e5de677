"""What stands on a terminal: the question who is there, or a machine with the person in whose name it is worked."""

from nicegui import ui

from domain.events import AndonCallEscalated, Event, OperationChanged, PlantModelChanged, UserChanged, WorkOrderChanged
from domain.identity.badges import BadgeKind
from services.andon.open_calls import WaitingCall, load_waiting_calls
from services.db.work import read
from services.production.dispatching import DispatchEntry, load_dispatch_list
from services.production.terminals import ReasonChoice, TerminalView, Workplace, load_terminal
from ui.components import kiosk_person
from ui.components.kiosk_person import KioskPerson
from ui.components.scanner import Scanner
from ui.kit.boards import MACHINE_EVENTS
from ui.kit.enter import Seat
from ui.kit.kiosk import is_still_here, person_at
from ui.pages.terminal_calls import AndonButton, CallPart
from ui.pages.terminal_dispatch import DispatchPart
from ui.pages.terminal_identify import IdentifyPart
from ui.pages.terminal_machine import MachinePart
from ui.pages.terminal_recent import RecentPart
from ui.pages.terminal_report import ReportPart


class TerminalDesk:
    """One page's terminal. Everything on it belongs to one person and one machine, and is drawn anew for others."""

    def __init__(self, seat: Seat, workplaces: tuple[Workplace, ...], reasons: tuple[ReasonChoice, ...]) -> None:
        """Draw the terminal of the machines; at a kiosk nobody is there yet."""
        self._seat, self._workplaces, self._reasons = seat, workplaces, reasons
        self._workplace = workplaces[0]
        self._person: Seat | None = None if seat.viewer.is_kiosk else seat
        self._parts: _Parts | None = None
        Scanner(self._scanned)
        self._box = ui.element("div").classes("u-desk")
        self._draw()

    async def load(self) -> None:
        """Show what is true now.

        Raises:
            Forbidden, NotFound, Unavailable: the machine cannot be shown.
        """
        parts, person = self._parts, self._person
        if parts is None or person is None:
            return
        if person.viewer.device is not None and not await is_still_here(person):
            self._leave()
            return
        async with read(person.scope()) as work:
            view = await load_terminal(work, machine_id=parts.machine_id)
            entries = await load_dispatch_list(work, machine_id=parts.machine_id)
            calls = await load_waiting_calls(work, machine_id=parts.machine_id)
        if parts is self._parts:
            parts.show(view, entries, calls)

    def concerns(self, event: Event) -> bool:
        """Tell whether an event changes what this terminal shows."""
        place = self._workplace.place
        match event:
            case UserChanged():
                return self._person is not None and event.user_id == self._person.viewer.user_id
            case OperationChanged() | WorkOrderChanged() | PlantModelChanged():
                return event.plant_id == place.plant_id
        return isinstance(event, (*MACHINE_EVENTS, AndonCallEscalated)) and event.machine_id == place.id

    def _draw(self) -> None:
        self._box.clear()
        with self._box:
            if self._person is None:
                self._parts = None
                IdentifyPart(self._seat, self._said)
                return
            with ui.element("div").classes("u-desk__bar"):
                self._draw_person(self._person)
                AndonButton(self._person, self._workplace.place)
            if len(self._workplaces) > 1:
                self._draw_machines()
            self._parts = _Parts(self._person, self._workplace, self._reasons)

    def _draw_person(self, person: Seat) -> None:
        _ = person.translate
        is_kiosk = person.viewer.device is not None
        KioskPerson(
            _("{name} reports").format(name=person.viewer.display_name),
            idle_s=self._workplace.idle_sign_out_s if is_kiosk else 0,
            labels=kiosk_person.labels(_),
            on_leave=self._leave,
        ).mark("who")

    def _draw_machines(self) -> None:
        with ui.element("div").classes("u-machines").props("role=tablist"):
            for workplace in self._workplaces:
                tab = ui.button(
                    workplace.place.code, color=None, on_click=lambda workplace=workplace: self._turn_to(workplace)
                )
                tab.classes("u-button").mark("machine-tab")
                tab.props["aria-pressed"] = "true" if workplace is self._workplace else "false"

    async def _turn_to(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._draw()
        await self.load()

    def _leave(self) -> None:
        self._person = None
        self._draw()

    async def _said(self, kind: BadgeKind, value: str) -> None:
        person = await person_at(self._seat, kind=kind, value=value, plant_id=self._workplace.place.plant_id)
        if person is not None:
            self._person = person
            self._draw()
            await self.load()

    async def _scanned(self, value: str) -> None:
        if self._parts is not None and await self._parts.dispatch.take(value):
            return
        if self._seat.viewer.is_kiosk:
            await self._said(BadgeKind.BADGE, value)
            return
        sentence = self._seat.translate("“{code}” is no order of this machine.")
        ui.notify(sentence.format(code=value), type="warning", position="top", classes="u-notify")


class _Parts:
    """Everything about one machine, for one person."""

    def __init__(self, seat: Seat, workplace: Workplace, reasons: tuple[ReasonChoice, ...]) -> None:
        place = workplace.place
        self.machine_id = place.id
        with ui.element("div").classes("u-terminal"):
            with ui.element("section").classes("u-terminal__part u-terminal__part--work"):
                self._machine = MachinePart(seat, place, reasons)
                self.dispatch = DispatchPart(seat, place)
            self._report = ReportPart(seat, workplace, reasons)
            with ui.element("section").classes("u-terminal__part u-terminal__part--calls"):
                self._calls = CallPart(seat)
                self._machine.draw_states()
                self._recent = RecentPart(seat, place)

    def show(self, view: TerminalView, entries: tuple[DispatchEntry, ...], calls: tuple[WaitingCall, ...]) -> None:
        """Show what is true now."""
        self._machine.show(view)
        self.dispatch.show(entries)
        self._report.show(view, entries)
        self._calls.show(calls)
        self._recent.show(view)
