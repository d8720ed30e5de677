"""The audit: who changed, read and was refused what, with filters in the address, and whether anybody altered it."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from nicegui import ui

from domain.errors import UnisonError
from domain.identity.roles import Permission
from services.audit.changes import Change
from services.audit.entries import EntryFilter, EntryPage, LinkedEntry, get_entry, list_actors, list_entries
from services.audit.recorded import OTHERS, RECORDED, words_of
from services.db.work import read
from services.plant.places import list_plants
from ui.kit.enter import Seat, screen
from ui.kit.errors import show_error
from ui.kit.server_tables import address_of
from ui.pages.admin_parts import heading, setup_page
from ui.pages.audit_chain import ChainCard
from ui.pages.change_words import CHANGE_ICONS, ChangeWords
from ui.pages.histories import draw_fields

PATH = "/admin/audit"
PAGE = 50
Chosen = Mapping[str, str]
FILTERS = tuple(one.name for one in fields(EntryFilter))


@screen(PATH, permission=Permission.INSPECT_AUDIT)
async def admin_audit(seat: Seat) -> None:
    """Search the audit and verify it."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
        actors = await list_actors(work)
    with setup_page(seat, _("Audit"), PATH, plants=plants):
        heading(_("Who changed, read and was refused what"))
        chain = ChainCard(seat)
        zone = seat.zone_of(plants[0].time_zone if plants else "UTC")
        page = _Page(seat, actors, zone, address_of(seat))
    await chain.load()
    await page.load()


class _Page:
    """The filters, and the entries that they leave; loaded again when a filter changes."""

    def __init__(self, seat: Seat, actors: Mapping[UUID, str], zone: str, address: Mapping[str, Sequence[str]]) -> None:
        self._seat, self._zone = seat, zone
        self._oldest: tuple[datetime, int] | None = None
        self._said = {name: address[name][0] for name in FILTERS if address.get(name)}
        _ = seat.translate
        with ui.element("section").classes("u-card u-column"):
            with ui.element("div").classes("u-audit__filters"):
                self._text("words", _("Search"), _("In values, things and names"))
                self._choice("user_id", _("Who"), {str(key): name for key, name in actors.items()})
                self._choice("action", _("What happened"), action_words(seat))
                self._choice("table", _("Kind of things"), _tables(seat))
                self._day("since", _("From"))
                self._day("until", _("Until"))
                self._text("request_id", _("Request"))
                self._text("device", _("Address or device"))
            with ui.element("div").classes("u-row"):
                clear = ui.button(_("Clear filters"), icon="filter_alt_off", color=None, on_click=self._clear)
                clear.classes("u-button u-button--flat").mark("clear-filters")
                ui.space()
                self._csv = ui.link(_("Export as CSV"), "").classes("u-link").mark("export-csv")
                self._jsonl = ui.link(_("Export as JSON lines"), "").classes("u-link").mark("export-jsonl")
        with ui.element("section").classes("u-card u-column"):
            self._list = ui.element("ol").classes("u-history").mark("entries")
            self._nothing = ui.label(_("No entry fits")).classes("u-muted")
            more = ui.button(_("Show older entries"), icon="expand_more", color=None, on_click=self._show_older)
            self._more = more.classes("u-button u-button--flat").mark("older-entries")

    async def load(self) -> None:
        """Show the newest entries that the filters leave, and keep the filters in the address."""
        query = urlencode(self._said)
        ui.navigate.history.replace(f"{PATH}?{query}" if query else PATH)
        for link, form in ((self._csv, "csv"), (self._jsonl, "jsonl")):
            link.props["href"] = f"/api/v1/audit/export?{urlencode({**self._exported(), 'format': form})}"
            link.update()
        page = await self._page(None)
        self._list.clear()
        if page is not None:
            self._draw(page)
            self._nothing.visible = not page.changes.items

    async def _show_older(self) -> None:
        page = await self._page(self._oldest)
        if page is not None:
            self._draw(page)

    async def _page(self, before: tuple[datetime, int] | None) -> EntryPage | None:
        try:
            async with read(self._seat.scope()) as work:
                return await list_entries(work, wanted=self._wanted(), before=before, limit=PAGE)
        except UnisonError as error:
            show_error(error, self._seat.translate)
            return None

    def _draw(self, page: EntryPage) -> None:
        words = ChangeWords(self._seat, page.changes, zone=self._zone)
        with self._list:
            for change in page.changes.items:
                _draw_entry(self._seat, change, words, self._zone)
        if page.changes.items:
            last = page.changes.items[-1]
            self._oldest = (last.at, last.seq)
        self._more.visible = page.has_more

    def _wanted(self) -> EntryFilter:
        said = self._said
        return EntryFilter(
            words=said.get("words", ""),
            user_id=_id_in(said.get("user_id")),
            table=said.get("table", ""),
            row_id=_id_in(said.get("row_id")),
            action=said.get("action", ""),
            request_id=said.get("request_id", ""),
            device=said.get("device", ""),
            since=self._midnight("since"),
            until=self._midnight("until", days=1),
        )

    def _exported(self) -> dict[str, str]:
        """Return the filters as the API calls them."""
        wanted = self._wanted()
        names = {"words": "search"}
        return {
            names.get(name, name): value.isoformat() if isinstance(value, datetime) else str(value)
            for name in FILTERS
            if (value := getattr(wanted, name))
        }

    def _midnight(self, name: str, *, days: int = 0) -> datetime | None:
        """Return the instant at which a chosen day begins where the reader's plant is."""
        try:
            day = datetime.fromisoformat(self._said[name]).date() + timedelta(days=days)
            return datetime.combine(day, time(), ZoneInfo(self._zone)).astimezone(UTC)
        except (KeyError, ValueError, OverflowError):
            return None

    def _text(self, name: str, label: str, hint: str = "") -> None:
        field = ui.input(label, value=self._said.get(name, ""), placeholder=hint or None)
        field.props("outlined clearable debounce=400").classes("u-field").mark(f"filter-{name}")
        field.on_value_change(lambda event: self._say(name, event.value))

    def _choice(self, name: str, label: str, options: Mapping[str, str]) -> None:
        said = self._said.get(name)
        offered = dict(options) | ({said: said} if said and said not in options else {})
        field = ui.select(offered, label=label, value=said, clearable=True, with_input=len(offered) > 12)
        field.props("outlined").classes("u-field").mark(f"filter-{name}")
        field.on_value_change(lambda event: self._say(name, event.value))

    def _day(self, name: str, label: str) -> None:
        field = ui.input(label, value=self._said.get(name, "")).props("type=date stack-label outlined clearable")
        field.classes("u-field").mark(f"filter-{name}")
        field.on_value_change(lambda event: self._say(name, event.value))

    async def _say(self, name: str, value: object) -> None:
        if self._said.get(name, "") == str(value or ""):
            return
        self._said.pop(name, None)
        if value:
            self._said[name] = str(value)
        await self.load()

    def _clear(self) -> None:
        ui.navigate.to(PATH)


def action_words(seat: Seat) -> dict[str, str]:
    """Translate what an entry is about."""
    _ = seat.translate
    return {
        "insert": _("Added"),
        "update": _("Changed"),
        "delete": _("Removed"),
        "refused": _("Refused"),
        "read": _("Read"),
    }


def _tables(seat: Seat) -> dict[str, str]:
    _ = seat.translate
    named = {table: _(words_of(table)) for table in (*RECORDED, *OTHERS)}
    return dict(sorted(named.items(), key=lambda one: one[1].lower()))


def _draw_entry(seat: Seat, change: Change, words: ChangeWords, zone: str) -> None:
    _ = seat.translate
    with ui.element("li").classes("u-change").mark("entry") as item:
        item.props["data-action"] = change.action
        ui.icon(CHANGE_ICONS[change.action]).classes("u-change__icon")
        with ui.element("div").classes("u-change__body"):
            with ui.element("div").classes("u-change__head"):
                ui.label(words.what(change)).classes("u-change__what")
                ui.label(f"{words.who(change)} · {words.when(change.at)}").classes("u-muted")
            if change.action == "update":
                draw_fields(change, words)
            with ui.element("details").classes("u-audit__more") as more:
                with ui.element("summary").classes("u-change__summary"):
                    ui.label(_("Details"))
                place = ui.element("div").classes("u-column")
            more.on("toggle", lambda: _fill(seat, change, words, place, zone), throttle=0.5)


async def _fill(seat: Seat, change: Change, words: ChangeWords, place: ui.element, zone: str) -> None:
    """Show what else is known of an entry, when somebody asks for it."""
    if place.default_slot.children:
        return
    try:
        async with read(seat.scope()) as work:
            found = await get_entry(work, seq=change.seq)
    except UnisonError as error:
        show_error(error, seat.translate)
        return
    with place:
        if change.action in {"insert", "delete"}:
            draw_fields(change, words)
        with ui.element("dl").classes("u-change__fields"):
            for label, value in _facts(seat, found, words):
                with ui.element("dt"):
                    ui.label(label)
                with ui.element("dd"):
                    ui.label(value).classes("u-audit__fact")


def _facts(seat: Seat, found: LinkedEntry, words: ChangeWords) -> list[tuple[str, str]]:
    _, change = seat.translate, found.change
    facts = [
        (_("Number"), str(change.seq)),
        (_("Request"), change.request_id),
        (_("Address or device"), change.device),
        (_("Thing"), "" if change.row_id is None else str(change.row_id)),
        *words.details(change),
    ]
    if found.link is None:
        facts.append((_("Place in the chain"), _("Not sealed yet")))
    else:
        facts += [(_("Place in the chain"), str(found.link.position)), (_("Hash"), found.link.hash)]
    return [(label, value) for label, value in facts if value]


def _id_in(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None
