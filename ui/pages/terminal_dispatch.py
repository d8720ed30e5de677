"""What is to be done at the machine: the operations in order, each with what may be done with it."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import UUID

from nicegui import ui

from domain.production.operations import OperationAction, OperationState
from services.db.work import Work
from services.plant.places import Place
from services.production.dispatching import DispatchEntry
from services.production.operations import finish_operation, finish_setup, pause_operation, start_operation
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.formats import day_and_time, number
from ui.kit.translate import obstacle_sentence

STATE_ICONS: dict[OperationState, str] = {
    OperationState.WAITING: "hourglass_empty",
    OperationState.READY: "play_circle",
    OperationState.RUNNING: "settings",
    OperationState.PAUSED: "pause_circle",
    OperationState.DONE: "check_circle",
    OperationState.CANCELLED: "cancel",
}
BEGINNABLE = frozenset({OperationState.WAITING, OperationState.READY, OperationState.PAUSED})
Do = Callable[[Work], Awaitable[object]]


class DispatchPart:
    """The open operations of a machine, running ones first."""

    def __init__(self, seat: Seat, place: Place) -> None:
        self._seat, self._place = seat, place
        self._shown: tuple[DispatchEntry, ...] = ()
        self._cards: dict[UUID, _Card] = {}
        with ui.element("section").classes("u-dispatch").mark("dispatch"):
            self._list = ui.element("div").classes("u-dispatch__list")
            self._nothing = ui.label(seat.translate("No order waits for this machine.")).classes("u-muted")

    def show(self, entries: tuple[DispatchEntry, ...]) -> None:
        """Show the operations of now; cards stay, only another order of them draws them anew."""
        ids = [entry.operation_id for entry in entries]
        if ids != [entry.operation_id for entry in self._shown]:
            self._list.clear()
            with self._list:
                self._cards = {operation_id: _Card(self._seat, self._place) for operation_id in ids}
            self._shown = ()
        before = {entry.operation_id: entry for entry in self._shown}
        for entry in entries:
            if before.get(entry.operation_id) != entry:
                self._cards[entry.operation_id].show(entry)
        self._shown = entries
        self._nothing.visible = not entries

    async def take(self, code: str) -> bool:
        """Point at the operation whose order or own number was scanned, and start it where nothing is in the way.

        Returns False where the code names none of them.
        """
        wanted = code.strip().casefold()
        entry = next((entry for entry in self._shown if wanted in _codes(entry)), None)
        if entry is None:
            return False
        for operation_id, card in self._cards.items():
            card.point(operation_id == entry.operation_id)
        if entry.state in BEGINNABLE and not entry.obstacles:
            await self._cards[entry.operation_id].start()
        return True


class _Card:
    """One operation."""

    def __init__(self, seat: Seat, place: Place) -> None:
        self._seat, self._place = seat, place
        self._entry: DispatchEntry | None = None
        _ = seat.translate
        with ui.element("article").classes("u-operation").mark("operation") as self._card:
            with ui.element("div").classes("u-operation__head"):
                self._order = ui.label().classes("u-operation__order")
                with ui.element("span").classes("u-operation__state"):
                    self._icon = ui.icon("hourglass_empty")
                    self._state = ui.label()
            self._what = ui.label().classes("u-operation__what")
            with ui.element("div").classes("u-operation__progress"):
                self._bar = ui.element("div").classes("u-operation__bar")
            with ui.element("div").classes("u-operation__facts"):
                self._count = ui.label().classes("u-operation__count")
                self._remaining = ui.label()
                with ui.element("span").classes("u-operation__due") as self._due_box:
                    self._due_icon = ui.icon("event")
                    self._due = ui.label()
            with ui.element("div").classes("u-operation__why").mark("why") as self._why:
                ui.label(_("Why can't I start?")).classes("u-operation__question")
                self._obstacles = ui.element("ul")
            with ui.expansion(_("Instructions"), icon="description").classes("u-operation__instructions") as self._fold:
                self._instructions = ui.label().classes("u-operation__text")
            with ui.element("div").classes("u-operation__actions"):
                self._start = self._button(_("Start"), "play_arrow", self.start, "start", is_primary=True)
                self._setup = self._button(_("Begin setup"), "build", self._set_up, "setup")
                self._ready = self._button(_("Setup done"), "done_all", self._end_setup, "setup-done", is_primary=True)
                self._pause = self._button(_("Pause"), "pause", self._rest, "pause")
                self._finish = self._button(_("Finish"), "flag", self._end, "finish")

    def show(self, entry: DispatchEntry) -> None:
        """Show the operation as it is now."""
        self._entry = entry
        _, numbers = self._seat.translate, self._seat.number_locale
        in_setup = entry.state is OperationState.RUNNING and entry.in_setup
        self._card.props["data-state"] = entry.state.value
        self._order.set_text(f"{entry.order_number} · {entry.sequence}")
        self._icon.name = "build" if in_setup else STATE_ICONS[entry.state]
        word = _("In setup") if in_setup else _(entry.state.value)
        self._state.set_text(word[:1].upper() + word[1:])
        self._what.set_text(" · ".join(part for part in (entry.material_number, entry.name) if part))
        self._bar.style(f"width: {_percent(entry.good, entry.quantity)}%")
        self._count.set_text(f"{number(entry.good, numbers)} / {number(entry.quantity, numbers)} {entry.unit}")
        self._remaining.set_text(_("{count} to go").format(count=number(max(entry.remaining, Decimal(0)), numbers)))
        self._due_box.visible = entry.due_at is not None
        if entry.due_at is not None:
            due = day_and_time(entry.due_at, self._seat.zone_of(self._place.time_zone), self._seat.lang)
            self._due.set_text((_("Late: {time}") if entry.is_late else _("Due {time}")).format(time=due))
            self._due_icon.name = "warning" if entry.is_late else "event"
        self._due_box.classes(toggle="", add="u-operation__due--late" if entry.is_late else "",
                              remove="" if entry.is_late else "u-operation__due--late")  # fmt: skip
        self._show_obstacles(entry)
        self._fold.visible = bool(entry.instructions)
        self._instructions.set_text(entry.instructions)
        may_begin = entry.state in BEGINNABLE
        for button, is_visible in (
            (self._start, may_begin),
            (self._setup, may_begin),
            (self._ready, in_setup),
            (self._pause, OperationAction.PAUSE in entry.actions),
            (self._finish, OperationAction.FINISH in entry.actions and not in_setup),
        ):
            button.visible = is_visible
        self._start.set_enabled(not entry.obstacles)
        self._setup.set_enabled(not entry.obstacles)
        self._start.set_text(_("Go on") if entry.state is OperationState.PAUSED else _("Start"))

    def point(self, is_meant: bool) -> None:
        """Mark the card as the one that was scanned, and bring it into view."""
        self._card.props["aria-current"] = "true" if is_meant else "false"
        if is_meant:
            ui.run_javascript(f"getHtmlElement({self._card.id}).scrollIntoView({{block: 'nearest'}})")

    async def start(self) -> None:
        """Begin or resume the operation at this machine."""
        await self._act(
            lambda work: start_operation(work, operation_id=self._id, machine_id=self._place.id),
            self._seat.translate("Started"),
        )

    async def _set_up(self) -> None:
        await self._act(
            lambda work: start_operation(work, operation_id=self._id, machine_id=self._place.id, setup=True),
            self._seat.translate("Setup has begun"),
        )

    async def _end_setup(self) -> None:
        await self._act(lambda work: finish_setup(work, operation_id=self._id), self._seat.translate("Setup is done"))

    async def _rest(self) -> None:
        await self._act(lambda work: pause_operation(work, operation_id=self._id), self._seat.translate("Paused"))

    async def _end(self) -> None:
        await self._act(lambda work: finish_operation(work, operation_id=self._id), self._seat.translate("Finished"))

    async def _act(self, do: Do, saved: str) -> None:
        await act(self._seat, do, saved=saved)

    @property
    def _id(self) -> UUID:
        assert self._entry is not None  # noqa: S101 - a card is shown before anybody can press
        return self._entry.operation_id

    def _show_obstacles(self, entry: DispatchEntry) -> None:
        self._why.visible = bool(entry.obstacles) and entry.state in BEGINNABLE
        self._obstacles.clear()
        with self._obstacles:
            for obstacle in entry.obstacles:
                with ui.element("li"):
                    ui.label(obstacle_sentence(obstacle, self._seat.translate))

    def _button(
        self, label: str, icon: str, do: Callable[[], Awaitable[None]], mark: str, *, is_primary: bool = False
    ) -> ui.button:
        button = ui.button(label, icon=icon, color=None, on_click=do).mark(mark)
        return button.classes("u-button u-button--large" + " u-button--primary" * is_primary)


def _percent(good: Decimal, quantity: Decimal) -> int:
    return int(min(Decimal(100), 100 * good / quantity)) if quantity else 0


def _codes(entry: DispatchEntry) -> tuple[str, ...]:
    order = entry.order_number.casefold()
    return (order, f"{order}-{entry.sequence}", f"{order}/{entry.sequence}", str(entry.operation_id))
