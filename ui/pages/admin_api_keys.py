"""Keys of programs: what each may do, when it was used last, and its end."""

from datetime import UTC, datetime, time
from uuid import UUID

from nicegui import ui

from domain.identity.api_keys import reached_by
from domain.identity.permission_words import AREAS, SENTENCES
from domain.identity.roles import Permission
from services.db.work import Work, read
from services.identity.api_keys import KeyInfo, MadeKey, list_api_keys, make_api_key, revoke_api_key
from services.plant.places import PlantPlace, list_plants
from ui.kit.enter import Seat, screen
from ui.kit.formats import day_of, time_of_day
from ui.kit.forms import FormDialog
from ui.kit.translate import Translate
from ui.pages.admin_parts import add_button, heading, setup_page
from ui.pages.histories import history_button
from ui.pages.shown_once import show_once

MOST = 500


@screen("/admin/api-keys", permission=Permission.READ_API_KEYS)
async def admin_api_keys(seat: Seat) -> None:
    """Make keys for programs, and revoke them."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("API keys"), "/admin/api-keys", plants=plants):
        page = _Page(seat, plants)
    await page.load()


class _Page:
    """The keys, the newest first; drawn again after each edit here."""

    def __init__(self, seat: Seat, plants: tuple[PlantPlace, ...]) -> None:
        self._seat, self._plants = seat, plants
        self._zone = seat.zone_of(plants[0].time_zone if plants else "UTC")
        self._may_edit = seat.viewer.scope.may(Permission.EDIT_API_KEYS)
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            heading(_("With what programs come in"))
            ui.space()
            if self._may_edit:
                add_button(_("Make a key"), self._ask, mark="add-key")
        ui.label(
            _("A key acts in the name of who made it, and never may more than they may themselves at that moment.")
        ).classes("u-muted")
        self._list = ui.element("div").classes("u-table-scroll")
        self._beside = ui.element("div")

    async def load(self, _edited: object = None) -> None:
        """Show the keys of now."""
        async with read(self._seat.scope()) as work:
            keys = (await list_api_keys(work, limit=MOST)).items
        _ = self._seat.translate
        self._list.clear()
        with self._list:
            if not keys:
                words = _("There are no keys yet. Make one for each program that calls the API.")
                ui.label(words).classes("u-muted")
                return
            with ui.element("table").classes("u-table"):
                heads = (_("Key"), _("May do"), _("Owner"), _("Last used"), _("Expires"), _("State"), "")
                with ui.element("thead"), ui.element("tr"):
                    for words in heads:
                        with ui.element("th"):
                            ui.label(words)
                with ui.element("tbody"):
                    for key in keys:
                        self._row(key)

    def _row(self, key: KeyInfo) -> None:
        _ = self._seat.translate
        with ui.element("tr").mark("api-key"):
            with ui.element("td"):
                ui.label(key.name)
                ui.label(f"{key.prefix}…").classes("u-muted u-mono")
            with ui.element("td"):
                may = ui.button(_("Show ({count})").format(count=len(key.scopes)), icon="checklist", color=None,
                                on_click=lambda: self._show_rights(key))  # fmt: skip
                may.classes("u-button u-button--flat").mark("show-rights")
            with ui.element("td"):
                ui.label(key.owner)
            with ui.element("td").classes("u-nowrap"):
                ui.label(_("Never") if key.last_used_at is None else self._instant(key.last_used_at))
                if key.last_address:
                    ui.label(key.last_address).classes("u-muted")
            with ui.element("td").classes("u-nowrap"):
                ui.label(day_of(key.expires_at, self._zone, self._seat.lang))
            _state(key.state, _)
            with ui.element("td").classes("u-table__actions"):
                if self._may_edit and key.state != "revoked":
                    revoke = ui.button(_("Revoke"), icon="block", color=None, on_click=lambda: self._ask_end(key))
                    revoke.classes("u-button u-button--flat").mark("revoke-key")

    def _instant(self, at: datetime) -> str:
        return f"{day_of(at, self._zone, self._seat.lang)}, {time_of_day(at, self._zone, self._seat.lang)}"

    def _show_rights(self, key: KeyInfo) -> None:
        _ = self._seat.translate
        names = {plant.id: plant.name for plant in self._plants}
        with ui.dialog() as dialog, ui.card().classes("u-dialog u-form"):
            ui.label(key.name).classes("u-title").props("role=heading aria-level=2")
            ui.label(_("It may do what stands here, as long as {name} may do it too.").format(name=key.owner))
            with ui.element("ul").classes("u-keys__rights"):
                for scope in key.scopes:
                    with ui.element("li"):
                        ui.label(scope).classes("u-mono")
                        ui.label("; ".join(_told(scope, _))).classes("u-muted")
            seen = (
                _("All plants that {name} may see").format(name=key.owner)
                if key.plant_ids is None
                else ", ".join(names.get(plant_id, "–") for plant_id in key.plant_ids)
            )
            ui.label(_("Plants: {names}").format(names=seen))
            if key.requests_per_minute is not None:
                ui.label(_("Requests per minute: {count}").format(count=key.requests_per_minute))
            with ui.element("div").classes("u-dialog__actions"):
                history_button(self._seat, "api_keys", key.id, title=key.name)
                ui.button(_("Close"), color=None, on_click=dialog.close).classes("u-button u-button--flat")
        dialog.on("hide", dialog.delete)
        dialog.open()

    def _ask(self) -> None:
        _ = self._seat.translate
        zone_day = datetime.now(UTC).date()
        with FormDialog(self._seat, _("New key")) as form:
            form.text("name", _("Name"), hint=_("Which program it is for")).props("autofocus")
            form.day("expires_at", _("Expires"), value=zone_day.replace(year=zone_day.year + 1, day=1))
            scopes = form.choices("scopes", _("May do"), _scopes(self._seat)).classes("u-form__wide")
            scopes.props("use-input input-debounce=0")
            form.choices("plants", _("Plants"), self._plant_names()).props["hint"] = _("None chosen: all of yours")
            form.number("requests_per_minute", _("Requests per minute"), hint=_("Empty: the installation's limit"))

        async def make(work: Work) -> MadeKey:
            limit = form.text_of("requests_per_minute").strip()
            return await make_api_key(
                work,
                name=form.text_of("name"),
                scopes=form.chosen_of("scopes"),
                expires_at=datetime.combine(form.day_of("expires_at"), time(), UTC),
                plant_ids=[UUID(chosen) for chosen in form.chosen_of("plants")] or None,
                requests_per_minute=form.whole_number_of("requests_per_minute") if limit else None,
            )

        form.open_with(make, then=self._made)

    def _plant_names(self) -> dict[str, str]:
        return {str(plant.id): plant.name for plant in self._plants}

    async def _made(self, made: MadeKey) -> None:
        """Show a new key, this once."""
        _ = self._seat.translate
        await self.load()
        show_once(
            self._seat,
            self._beside,
            title=_("Copy the key now"),
            explanation=_("It is shown this once and kept nowhere. Whoever has it can do what it may."),
            label=_("Key"),
            value=made.key,
        )

    def _ask_end(self, key: KeyInfo) -> None:
        _ = self._seat.translate
        with FormDialog(self._seat, _("Revoke {name}?").format(name=key.name), action=_("Revoke")) as form:
            ui.label(_("The program is refused everywhere within a second. This cannot be taken back.")).classes(
                "u-form__wide"
            )

        async def end(work: Work) -> bool:
            await revoke_api_key(work, api_key_id=key.id)
            return True

        form.open_with(end, saved=_("Revoked"), then=self.load)


def _state(state: str, _: Translate) -> None:
    words = {
        "valid": ("check_circle", _("Valid")),
        "expired": ("event_busy", _("Expired")),
        "revoked": ("block", _("Revoked")),
        "ownerless": ("person_off", _("Its owner left")),
    }
    icon, word = words[state]
    with ui.element("td"), ui.element("span").classes("u-held") as held:
        ui.icon(icon)
        ui.label(word)
    held.props["data-held"] = "true" if state == "valid" else "false"


def _scopes(seat: Seat) -> dict[str, str]:
    """Return what the person can give: whole areas first, then each right that they have, in words."""
    _, held = seat.translate, seat.viewer.scope.permissions
    wide = {"*.*.*": _("Everything that you may do"), "*.*.read": _("Everything that you may see")}
    for area, words in AREAS.items():
        wide[f"{area}.*.*"] = _("{area}: everything").format(area=_(words))
        wide[f"{area}.*.read"] = _("{area}: see only").format(area=_(words))
    within = {
        scope: words
        for scope, words in wide.items()
        if (reached := reached_by([scope], Permission)) and reached <= held
    }
    return within | {permission: _(words) for permission, words in SENTENCES.items() if permission in held}


def _told(scope: str, _: Translate) -> list[str]:
    """Return in words what a scope reaches."""
    return sorted(_(SENTENCES[Permission(one)]) for one in reached_by([scope], Permission))
