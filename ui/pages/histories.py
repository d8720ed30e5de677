"""The history of a thing: who changed what of it and its parts, on a page or in a dialog over its form."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from nicegui import ui

from domain.errors import UnisonError
from services.audit.changes import Change, FieldChange
from services.audit.histories import History, load_history
from services.audit.recorded import recorded_of
from services.db.work import read
from services.plant.places import list_plants
from ui.kit.enter import Seat
from ui.kit.errors import show_error
from ui.kit.forms import FormDialog
from ui.pages.change_words import CHANGE_ICONS, ChangeWords

PAGE = 25


class HistoryList:
    """The changes of a thing, newest first; drawn again only when there are new ones."""

    def __init__(self, seat: Seat, table: str, row_id: UUID, *, zone: str) -> None:
        """Draw an empty list where the caller stands; `zone` is whose clock its times are shown in."""
        self._seat, self._table, self._row_id, self._zone = seat, table, row_id, seat.zone_of(zone)
        self._newest: int | None = None
        self._oldest: tuple[datetime, int] | None = None
        self._list = ui.element("ol").classes("u-history").mark("history")
        more = ui.button(
            seat.translate("Show older changes"), icon="expand_more", color=None, on_click=self._show_older
        )
        self._more = more.classes("u-button u-button--flat").mark("older-changes")
        self._more.visible = False

    async def load(self) -> None:
        """Show the newest changes.

        Raises:
            Forbidden: the reader may not see such things.
            NotFound: there is no such thing.
        """
        history = await self._page(None)
        if history.changes.items[0].seq == self._newest:
            return
        self._newest = history.changes.items[0].seq
        self._list.clear()
        self._draw(history)

    async def _show_older(self) -> None:
        try:
            history = await self._page(self._oldest)
        except UnisonError as error:
            show_error(error, self._seat.translate)
            return
        self._draw(history)

    async def _page(self, before: tuple[datetime, int] | None) -> History:
        async with read(self._seat.scope()) as work:
            return await load_history(work, table=self._table, row_id=self._row_id, before=before, limit=PAGE)

    def _draw(self, history: History) -> None:
        words = ChangeWords(self._seat, history.changes, zone=self._zone)
        with self._list:
            for change in history.changes.items:
                draw_change(self._seat, change, words)
        if history.changes.items:
            last = history.changes.items[-1]
            self._oldest = (last.at, last.seq)
        self._more.visible = history.has_more


def draw_change(seat: Seat, change: Change, words: ChangeWords) -> None:
    """Draw one change as an item of a list: what, who and when, and each field before and after."""
    with ui.element("li").classes("u-change").mark("change") as item:
        item.props["data-action"] = change.action
        ui.icon(CHANGE_ICONS[change.action]).classes("u-change__icon")
        with ui.element("div").classes("u-change__body"):
            with ui.element("div").classes("u-change__head"):
                ui.label(words.what(change)).classes("u-change__what")
                ui.label(f"{words.who(change)} · {words.when(change.at)}").classes("u-muted")
            if change.action == "update":
                draw_fields(change, words)
            elif change.fields:
                with ui.element("details"):
                    with ui.element("summary").classes("u-change__summary"):
                        ui.label(seat.translate("Values"))
                    draw_fields(change, words)


def draw_fields(change: Change, words: ChangeWords) -> None:
    """Draw what each field held before and holds after a change."""
    with ui.element("dl").classes("u-change__fields"):
        for one in change.fields:
            with ui.element("dt"):
                ui.label(words.field(one))
            with ui.element("dd").mark("field-change"):
                _values(change, one, words)


def history_section(seat: Seat, table: str, row_id: UUID, *, zone: str) -> HistoryList:
    """Draw a section of a page with a thing's history, to be loaded by the caller."""
    with ui.element("section").classes("u-card u-column"):
        ui.label(seat.translate("History")).classes("u-subtitle").props("role=heading aria-level=2")
        return HistoryList(seat, table, row_id, zone=zone)


def history_button(seat: Seat, table: str, row_id: UUID, *, title: str) -> None:
    """Draw a button that shows a thing's history, for those who may see it."""
    if not seat.viewer.scope.may(recorded_of(table).read):
        return
    button = ui.button(
        seat.translate("History"), icon="history", color=None, on_click=_opening(seat, table, row_id, title)
    )
    button.classes("u-button u-button--flat").mark("show-history")


class Kept(Protocol):
    """A thing that is kept under an id."""

    @property
    def id(self) -> UUID | None: ...


def offer_history(form: FormDialog, seat: Seat, table: str, thing: Kept | None) -> None:
    """Add a button to the form of a thing that shows its history; what was typed stays. A new thing has none."""
    if thing is not None and thing.id is not None:
        with form.beside_saving():
            history_button(seat, table, thing.id, title=form.title)


def _values(change: Change, one: FieldChange, words: ChangeWords) -> None:
    if change.action != "insert":
        with ui.element("del"):
            ui.label(words.value(change.table, one, one.before))
    if change.action == "update":
        ui.icon("arrow_forward").classes("u-change__arrow")
    if change.action != "delete":
        with ui.element("span").classes("u-change__after"):
            ui.label(words.value(change.table, one, one.after))


def _opening(seat: Seat, table: str, row_id: UUID, title: str) -> Callable[[], Awaitable[None]]:
    async def show() -> None:
        _ = seat.translate
        try:
            async with read(seat.scope()) as work:
                plants = await list_plants(work)
            zone = plants[0].time_zone if plants else "UTC"
            with seat.client.content, ui.dialog() as dialog, ui.card().classes("u-dialog u-dialog--wide u-column"):
                ui.label(_("History: {name}").format(name=title)).classes("u-title").props("role=heading aria-level=2")
                with ui.element("div").classes("u-history-scroll"):
                    changes = HistoryList(seat, table, row_id, zone=zone)
                with ui.element("div").classes("u-dialog__actions"):
                    ui.button(_("Close"), color=None, on_click=dialog.close).classes("u-button").mark("close-history")
            await changes.load()
        except UnisonError as error:
            show_error(error, _)
            return
        dialog.on("hide", dialog.delete)
        dialog.open()

    return show
