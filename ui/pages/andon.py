"""The calls that wait: on a phone first, and at a desk."""

from typing import Literal

from nicegui import ui

from domain.events import AndonCallChanged, AndonCallEscalated, Event
from domain.identity.roles import Permission
from services.andon.open_calls import WaitingCall, load_waiting_calls
from services.db.work import read
from services.plant.places import list_plants
from ui.kit.enter import Seat, screen
from ui.kit.framed import framed_at
from ui.kit.live_page import keep_fresh
from ui.pages.andon_cards import CallCards

Show = Literal["all", "me", "shelved"]


@screen("/andon", permission=Permission.READ_ANDON)
async def andon(seat: Seat, show: Show = "all") -> None:
    """List the calls that wait, those that wait for the reader, or those on the shelf."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with framed_at(seat, _("Andon"), active="andon", plants=plants):
        tabs = _tabs(seat, show)
        cards = _Calls(seat, show)

    async def load() -> None:
        async with read(seat.scope()) as work:
            calls = await load_waiting_calls(work)
        for which, tab in tabs.items():
            tab.set_text(str(len(_chosen(calls, which))))
        cards.show(_chosen(calls, show))

    await keep_fresh(seat, load=load, concerns=_concerns)


def _concerns(event: Event) -> bool:
    return isinstance(event, (AndonCallChanged, AndonCallEscalated))


def _chosen(calls: tuple[WaitingCall, ...], show: Show) -> list[WaitingCall]:
    if show == "shelved":
        return [call for call in calls if call.shelved_until is not None]
    return [call for call in calls if call.shelved_until is None and (show == "all" or call.is_for_me)]


def _tabs(seat: Seat, chosen: Show) -> dict[Show, ui.label]:
    _ = seat.translate
    words: dict[Show, str] = {"all": _("All"), "me": _("For me"), "shelved": _("On the shelf")}
    counts: dict[Show, ui.label] = {}
    with ui.element("nav").classes("u-tabs"):
        for show, word in words.items():
            with ui.link(target=f"/andon?show={show}").classes("u-tab").mark(f"show-{show}") as link:
                ui.label(word)
                counts[show] = ui.label().classes("u-tab__count")
            if show == chosen:
                link.props["aria-current"] = "page"
        ui.space()
        with ui.link(target="/andon/statistics").classes("u-tab"):
            ui.icon("insights")
            ui.label(_("Statistics"))
        if seat.viewer.scope.may(Permission.EDIT_LADDERS):
            with ui.link(target="/admin/andon").classes("u-tab"):
                ui.icon("stairs")
                ui.label(_("Escalation"))
    return counts


class _Calls:
    """The cards of the calls, or a sentence where nobody waits."""

    def __init__(self, seat: Seat, show: Show) -> None:
        self._cards = CallCards(seat)
        self._cards.element.mark("calls")
        _ = seat.translate
        with ui.element("div").classes("u-empty") as self._nothing:
            ui.icon("task_alt" if show != "shelved" else "snooze").classes("u-empty__icon")
            words = {"all": _("Nobody is calling"), "me": _("Nobody waits for you"), "shelved": _("The shelf is empty")}
            ui.label(words[show]).classes("u-title")

    def show(self, calls: list[WaitingCall]) -> None:
        self._nothing.visible = not calls
        self._cards.show(calls)
