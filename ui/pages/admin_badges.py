"""Badges and PINs: by what each person is known at kiosks."""

from nicegui import ui

from domain.identity.badges import BadgeKind
from domain.identity.roles import Permission
from services.db.work import Work, read
from services.identity.badges import remove_badge, set_badge
from services.identity.queries import BadgeHolder, list_badge_holders
from services.identity.role_queries import role_names
from services.plant.places import list_plants
from ui.kit.enter import Seat, screen
from ui.kit.forms import FormDialog
from ui.kit.process import this_process
from ui.pages.admin_parts import heading, setup_page
from ui.pages.histories import history_button
from ui.pages.role_words import role_name

MOST = 200


@screen("/admin/badges", permission=Permission.EDIT_USERS)
async def admin_badges(seat: Seat) -> None:
    """Give badges and PINs to people, and take them away."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("Badges and PINs"), "/admin/badges", plants=plants):
        page = _Page(seat)
    await page.load()


class _Page:
    """The people; drawn again after each edit here and while one types into the search."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._roles: dict[str, str] = {}
        _ = seat.translate
        said = seat.client.request.query_params.get("search", "")
        with ui.element("div").classes("u-row"):
            heading(_("How people say who they are at a shared terminal"))
            ui.space()
            self._search = ui.input(_("Search"), value=said, on_change=self.load).classes("u-field").mark("search")
            self._search.props("outlined clearable debounce=200")
        self._list = ui.element("div").classes("u-table-scroll")
        self._more = ui.label(_("There are more people. Search for a name.")).classes("u-muted")

    async def load(self, _edited: object = None) -> None:
        """Show the people of now."""
        asked = self._typed
        async with read(self._seat.scope()) as work:
            found = await list_badge_holders(work, search=asked, limit=MOST)
            names = await role_names(work)
        self._roles = {key: role_name(self._seat.translate, key, name) for key, name in names.items()}
        if asked == self._typed:
            self._show(found.items)
            self._more.visible = found.has_more

    @property
    def _typed(self) -> str:
        return str(self._search.value or "")

    def _show(self, people: tuple[BadgeHolder, ...]) -> None:
        _ = self._seat.translate
        self._list.clear()
        with self._list:
            if not people:
                ui.label(_("Nobody is called like this.")).classes("u-muted")
                return
            with ui.element("table").classes("u-table"):
                with ui.element("thead"), ui.element("tr"):
                    for words in (_("Person"), _("Roles"), _("Badge"), _("PIN"), ""):
                        with ui.element("th"):
                            ui.label(words)
                with ui.element("tbody"):
                    for person in people:
                        self._row(person)

    def _row(self, person: BadgeHolder) -> None:
        _ = self._seat.translate
        with ui.element("tr").mark("person"):
            with ui.element("td"):
                ui.label(person.name)
                ui.label(person.email if person.is_active else _("No longer active")).classes("u-muted")
            with ui.element("td"):
                ui.label(", ".join(self._roles.get(role, role) for role in person.roles))
            _held(person.has_badge, _("Has one") if person.has_badge else _("None"))
            _held(person.has_pin, _("Is set") if person.has_pin else _("None"))
            with ui.element("td").classes("u-table__actions"):
                badge = ui.button(_("Badge"), icon="badge", color=None, on_click=lambda: self._ask_badge(person))
                badge.classes("u-button u-button--flat").mark("edit-badge")
                pin = ui.button(_("PIN"), icon="dialpad", color=None, on_click=lambda: self._ask_pin(person))
                pin.classes("u-button u-button--flat").mark("edit-pin")
                history_button(self._seat, "users", person.user_id, title=person.name)

    def _ask_badge(self, person: BadgeHolder) -> None:
        _ = self._seat.translate
        with FormDialog(self._seat, _("Badge of {name}").format(name=person.name)) as form:
            field = form.text("badge", _("Badge number"), hint=_("Scan the badge here, or type its number."))
            form.save_on_enter(field.classes("u-form__wide").props("autofocus autocomplete=off"))
        self._open(form, person, BadgeKind.BADGE, is_held=person.has_badge)

    def _ask_pin(self, person: BadgeHolder) -> None:
        _ = self._seat.translate
        with FormDialog(self._seat, _("PIN of {name}").format(name=person.name)) as form:
            field = form.secret("pin", _("New PIN"), hint=_("4 to 8 digits; nobody can read it later."))
            form.save_on_enter(field.classes("u-form__wide").props("autofocus inputmode=numeric"))
        self._open(form, person, BadgeKind.PIN, is_held=person.has_pin)

    def _open(self, form: FormDialog, person: BadgeHolder, kind: BadgeKind, *, is_held: bool) -> None:
        _, key = self._seat.translate, this_process().badge_key
        if is_held:
            form.offer_removal(
                _("Take it away"),
                lambda work: remove_badge(work, user_id=person.user_id, kind=kind),
                saved=_("Taken away"),
                then=self.load,
            )

        async def give(work: Work) -> bool:
            await set_badge(work, key=key, user_id=person.user_id, kind=kind, value=form.text_of(kind.value))
            return True

        form.open_with(give, then=self.load)


def _held(is_held: bool, words: str) -> None:
    with ui.element("td"), ui.element("span").classes("u-held") as held:
        ui.icon("check_circle" if is_held else "remove_circle_outline")
        ui.label(words)
    held.props["data-held"] = "true" if is_held else "false"
