"""One's own account: how one reads, one's password, and where one is signed in."""

from decimal import Decimal
from zoneinfo import available_timezones

from nicegui import ui

from domain.events import Event, SessionRevoked, UserChanged
from domain.identity.preferences import NumberFormat, number_locale_of
from domain.identity.roles import Permission
from services.db.work import Work, read
from services.identity.own_account import change_password, set_preferences
from services.identity.user_queries import UserInfo, get_user
from services.plant.places import PlantPlace, list_plants
from ui.kit.enter import Seat, screen
from ui.kit.formats import number
from ui.kit.forms import Form, FormDialog
from ui.kit.framed import framed_at
from ui.kit.live_page import keep_fresh
from ui.kit.process import this_process
from ui.kit.translate import Translate
from ui.pages.admin_parts import heading
from ui.pages.admin_users import language_words
from ui.pages.me_second_factor import OwnSecondFactor
from ui.pages.session_list import SessionList

AN_EXAMPLE = Decimal("1234.5")


@screen("/me")
async def me(seat: Seat) -> None:
    """Let everybody change what is their own."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        user = await get_user(work, seat.viewer.user_id)
        plants = await list_plants(work) if work.scope.may(Permission.READ_PLANT) else ()
    with framed_at(seat, _("Your account"), active="me", plants=plants):
        page = _Page(seat, user, plants)

    def concerns(event: Event) -> bool:
        return isinstance(event, SessionRevoked) or (isinstance(event, UserChanged) and event.user_id == user.id)

    await keep_fresh(seat, load=page.load, concerns=concerns)


class _Page:
    """Sections, each with what it saves."""

    def __init__(self, seat: Seat, user: UserInfo, plants: tuple[PlantPlace, ...]) -> None:
        self._seat, self._user = seat, user
        _ = seat.translate
        with ui.element("section").classes("u-card u-column").mark("who-am-i"):
            heading(user.display_name)
            ui.label(user.email).classes("u-muted")
            if user.has_password:
                change = ui.button(_("Change password"), icon="lock", color=None, on_click=self._ask_password)
                change.classes("u-button").mark("change-password")
        with ui.element("section").classes("u-card u-column u-form").mark("preferences"):
            heading(_("How you read"))
            self._form = Form(seat)
            with ui.element("div").classes("u-form__fields"):
                self._form.choice("language", _("Language"), language_words(_), value=user.language)
                self._form.choice(
                    "time_zone", _("Time zone"), _zones(_, user.time_zone), value=user.time_zone or "", can_search=True
                )
                formats = _number_formats(seat)
                self._form.choice("number_format", _("Numbers"), formats, value=user.number_format)
            self._form.place_for_refusals()
            with ui.element("div").classes("u-dialog__actions"):
                save = ui.button(_("Save"), color=None, on_click=self._save)
                save.classes("u-button u-button--primary").mark("save-preferences")
        self._factor = OwnSecondFactor(seat)
        zone = seat.zone_of(plants[0].time_zone if plants else "UTC")
        self._sessions = SessionList(seat, user.id, zone=zone, may_end=True)
        self._beside = ui.element("div")

    async def load(self) -> None:
        """Show what is true now; what somebody types stays."""
        async with read(self._seat.scope()) as work:
            self._user = await get_user(work, self._user.id)
        await self._factor.load()
        await self._sessions.load()

    async def _save(self) -> None:
        form, version = self._form, self._user.version

        async def save(work: Work) -> object:
            return await set_preferences(
                work,
                version=version,
                language=form.text_of("language"),
                time_zone=form.text_of("time_zone") or None,
                number_format=form.text_of("number_format"),
            )

        await form.save(save)  # every screen of the person is built anew when it hears of it

    def _ask_password(self) -> None:
        _ = self._seat.translate
        with self._beside, FormDialog(self._seat, _("Change password")) as form:
            form.secret("present", _("Present password")).props("autofocus autocomplete=current-password")
            form.secret("password", _("New password"), hint=_("Your other devices are signed out."))

        async def change(work: Work) -> object:
            return await change_password(
                work, this_process().attempts, present=form.text_of("present"), new=form.text_of("password")
            )

        form.open_with(change, saved=_("Your password is changed"))


def _zones(_: Translate, chosen: str | None) -> dict[str, str]:
    known = {zone: zone for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"}
    return {"": _("That of the plant"), **({chosen: chosen} if chosen else {}), **known}


def _number_formats(seat: Seat) -> dict[str, str]:
    shown = {one.value: number(AN_EXAMPLE, number_locale_of(one.value, seat.lang)) for one in NumberFormat}
    words = seat.translate("As in the language: {example}")
    return {**shown, "": words.format(example=shown[""])}
