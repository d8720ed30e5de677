"""Where somebody is signed in, as a table with a button for each session."""

from collections.abc import Callable
from uuid import UUID

from nicegui import ui

from services.db.work import read
from services.identity.session_lists import SessionInfo, list_sessions, revoke_session, revoke_sessions
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.formats import day_and_time
from ui.kit.translate import Translate
from ui.pages.admin_parts import heading

MOST = 100
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


class SessionList:
    """The open sessions of a person; `may_end` says whether the reader may end them."""

    def __init__(self, seat: Seat, user_id: UUID, *, zone: str, may_end: bool) -> None:
        self._seat, self._user_id, self._zone, self._may_end = seat, user_id, zone, may_end
        self._shown: tuple[SessionInfo, ...] | None = None
        _ = seat.translate
        with ui.element("section").classes("u-card u-column").mark("sessions"):
            with ui.element("div").classes("u-row"):
                heading(_("Signed in at"))
                ui.space()
                self._all = ui.button(_("Sign out everywhere else"), icon="logout", color=None, on_click=self._end_all)
                self._all.classes("u-button").mark("end-all-sessions")
            self._box = ui.element("div").classes("u-table-scroll")

    async def load(self) -> None:
        """Show the sessions of now."""
        async with read(self._seat.scope()) as work:
            found = (await list_sessions(work, user_id=self._user_id, limit=MOST)).items
        if found == self._shown:
            return
        self._shown = found
        self._all.visible = self._may_end and any(not one.is_this for one in found)
        self._box.clear()
        with self._box:
            self._draw(found)

    def _draw(self, found: tuple[SessionInfo, ...]) -> None:
        _ = self._seat.translate
        if not found:
            ui.label(_("Signed in nowhere.")).classes("u-muted")
            return
        with ui.element("table").classes("u-table"):
            with ui.element("thead"), ui.element("tr"):
                for words in (_("Device"), _("Address"), _("Since"), _("Last used"), ""):
                    with ui.element("th"):
                        ui.label(words)
            with ui.element("tbody"):
                for one in found:
                    self._row(one)

    def _row(self, one: SessionInfo) -> None:
        _, lang, zone = self._seat.translate, self._seat.lang, self._zone
        with ui.element("tr").mark("session"):
            with ui.element("td").classes("u-nowrap"):
                ui.label(device_words(one.device, _))
                if one.is_this:
                    ui.label(_("This one")).classes("u-muted")
            for words in (one.address or "–", day_and_time(one.created_at, zone, lang),
                          day_and_time(one.last_used_at, zone, lang)):  # fmt: skip
                with ui.element("td").classes("u-nowrap"):
                    ui.label(words)
            with ui.element("td").classes("u-table__actions"):
                if self._may_end and not one.is_this:
                    end = ui.button(_("Sign out"), icon="logout", color=None, on_click=self._ends(one.id))
                    end.classes("u-button u-button--flat").mark("end-session")

    def _ends(self, session_id: UUID) -> Callable[[], object]:
        async def end() -> None:
            words = self._seat.translate("Signed out")
            done = await act(self._seat, lambda work: revoke_session(work, session_id=session_id), saved=words)
            if done is not None:
                await self.load()

        return end

    async def _end_all(self) -> None:
        words = self._seat.translate("Signed out")
        done = await act(self._seat, lambda work: revoke_sessions(work, user_id=self._user_id), saved=words)
        if done is not None:
            await self.load()


def device_words(user_agent: str, _: Translate) -> str:
    """Return what a User-Agent says of browser and system, as people call them."""
    browser = next((name for sign, name in BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in SYSTEMS if sign in user_agent), "")
    if browser and system:
        return _("{browser} on {system}").format(browser=browser, system=system)
    return browser or system or user_agent[:60] or _("Unknown device")
