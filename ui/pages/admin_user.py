"""One user: who they are, whether they can come in, and where they are signed in."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID

from nicegui import ui

from domain.events import Event, RolesChanged, SessionRevoked, UserChanged
from domain.identity.rights import plants_after_choice
from domain.identity.roles import Permission
from services.db.work import Work, read
from services.identity.invitations import invite_user
from services.identity.password_resets import reset_password
from services.identity.people import deactivate_user, edit_user, reactivate_user, withdraw_invitation
from services.identity.role_queries import role_names
from services.identity.second_factors import reset_second_factor
from services.identity.user_queries import UserInfo, UserState, get_user
from services.plant.places import PlantPlace
from ui.kit.act import act
from ui.kit.addresses import base_url_of
from ui.kit.custom_inputs import CustomInputs
from ui.kit.enter import Seat, screen
from ui.kit.formats import day_and_time, day_of
from ui.kit.forms import FormDialog
from ui.kit.live_page import keep_fresh
from ui.kit.process import this_process
from ui.pages.admin_parts import heading, setup_page
from ui.pages.admin_users import STATE_ICONS, language_words, plants_of, show_link, state_word
from ui.pages.histories import history_section
from ui.pages.role_words import plants_to_name, role_name
from ui.pages.session_list import SessionList
from ui.pages.shown_once import show_once


@screen("/admin/users/{user_id}", permission=Permission.READ_USERS)
async def admin_user(seat: Seat, user_id: UUID) -> None:
    """Edit one user, let them in or keep them out."""
    async with read(seat.scope()) as work:
        user = await get_user(work, user_id)
        plants = await plants_to_name(work)
        names = await role_names(work)
    roles = {key: role_name(seat.translate, key, name) for key, name in names.items()}
    with setup_page(seat, user.display_name, "/admin/users", plants=plants):
        page = _Page(seat, user, plants, roles)

    def concerns(event: Event) -> bool:
        is_theirs = isinstance(event, UserChanged) and event.user_id == user_id
        return is_theirs or isinstance(event, (RolesChanged, SessionRevoked))

    await keep_fresh(seat, load=page.load, concerns=concerns)


class _Page:
    """The parts of the page; drawn again when the user changed."""

    def __init__(self, seat: Seat, user: UserInfo, plants: tuple[PlantPlace, ...], roles: dict[str, str]) -> None:
        self._seat, self._user, self._plants, self._roles = seat, user, plants, roles
        self._zone = seat.zone_of(plants[0].time_zone if plants else "UTC")
        self._is_drawn = False
        self._may_edit = seat.viewer.scope.may(Permission.EDIT_USERS)
        self._base_url = base_url_of(seat.client.request, public_url=this_process().settings.public_url)
        with ui.link(target="/admin/users").classes("u-link u-material__back"):
            ui.icon("arrow_back")
            ui.label(seat.translate("All users"))
        self._box = ui.element("section").classes("u-card u-column").mark("user")
        self._sessions = SessionList(seat, user.id, zone=self._zone, may_end=self._may_edit)
        self._history = history_section(seat, "users", user.id, zone=self._zone)
        self._beside = ui.element("div")

    async def load(self, _edited: object = None) -> None:
        """Show the user of now."""
        async with read(self._seat.scope()) as work:
            user = await get_user(work, self._user.id)
        if user != self._user or not self._is_drawn:
            self._user, self._is_drawn = user, True
            self._box.clear()
            with self._box:
                self._draw(user)
        await self._sessions.load()
        await self._history.load()

    def _draw(self, user: UserInfo) -> None:
        _ = self._seat.translate
        with ui.element("div").classes("u-row"):
            heading(user.display_name)
            with ui.element("span").classes("u-held") as held:
                ui.icon(STATE_ICONS[user.state])
                ui.label(state_word(user, datetime.now(UTC), _)).mark("user-state")
            held.props["data-held"] = "true" if user.state is UserState.ACTIVE else "false"
        with ui.element("dl").classes("u-facts"):
            for words, value in self._facts(user):
                with ui.element("div"):
                    with ui.element("dt"):
                        ui.label(words)
                    with ui.element("dd"):
                        ui.label(value)
        with ui.element("div").classes("u-row"):
            if self._may_edit:
                self._buttons(user)
            if self._seat.viewer.scope.may(Permission.READ_ROLES):
                rights = f"/admin/users/{user.id}/rights"
                self._button(
                    _("Roles and rights"), "admin_panel_settings", lambda: ui.navigate.to(rights), mark="rights"
                )

    def _facts(self, user: UserInfo) -> list[tuple[str, str]]:
        _, lang = self._seat.translate, self._seat.lang
        facts = [
            (_("E-mail address"), user.email),
            (_("Roles"), ", ".join(self._roles.get(role, role) for role in user.roles) or "–"),
            (_("Plants"), plants_of(user, self._plants, _)),
            (_("Language"), language_words(_).get(user.language, user.language)),
            (_("Second factor"), _("Is set") if user.has_second_factor else _("None")),
            (_("Badge"), _("Has one") if user.has_badge else _("None")),
            (_("PIN"), _("Is set") if user.has_pin else _("None")),
            (_("Added"), day_of(user.created_at, self._zone, lang)),
            (
                _("Last sign-in"),
                "–" if user.signed_in_at is None else day_and_time(user.signed_in_at, self._zone, lang),
            ),
        ]
        if user.state is UserState.INVITED and user.invitation_expires_at is not None:
            facts.append((_("Invitation ends"), day_and_time(user.invitation_expires_at, self._zone, lang)))
        return facts

    def _buttons(self, user: UserInfo) -> None:
        _ = self._seat.translate
        self._button(_("Edit"), "edit", self._ask_edit, mark="edit-user")
        if user.state is UserState.DEACTIVATED:
            self._button(_("Reactivate"), "person", self._reactivate, mark="reactivate")
            return
        if user.has_password:
            self._button(_("Reset password"), "lock_reset", self._ask_reset, mark="reset-password")
        else:
            self._button(_("Invite again"), "forward_to_inbox", self._invite, mark="invite-again")
        if user.state is UserState.INVITED:
            self._button(_("Withdraw invitation"), "unsubscribe", self._withdraw, mark="withdraw")
        if user.has_second_factor:
            self._button(_("Reset second factor"), "no_encryption", self._reset_factor, mark="reset-factor")
        badges = f"/admin/badges?{urlencode({'search': user.email})}"
        self._button(_("Badge and PIN"), "badge", lambda: ui.navigate.to(badges), mark="badge-and-pin")
        if user.id != self._seat.viewer.user_id:
            self._button(_("Deactivate"), "person_off", self._ask_deactivation, mark="deactivate")

    def _button(self, label: str, icon: str, on_click: Callable[[], object], *, mark: str) -> None:
        ui.button(label, icon=icon, color=None, on_click=on_click).classes("u-button").mark(mark)

    def _ask_edit(self) -> None:
        _, user = self._seat.translate, self._user
        names = {str(plant.id): plant.name for plant in self._plants}
        with self._beside, FormDialog(self._seat, _("Edit {name}").format(name=user.display_name)) as form:
            form.text("display_name", _("Name"), value=user.display_name)
            form.choice("language", _("Language"), language_words(_), value=user.language)
            chosen = [] if user.plant_ids is None else [str(one) for one in user.plant_ids if str(one) in names]
            if names:
                form.choices("plants", _("Plants"), names, value=chosen).props["hint"] = _("None chosen: all")
            custom = CustomInputs(self._seat, form, "user", values=user.custom, zone=self._zone)

        async def save(work: Work) -> int:
            return await edit_user(
                work,
                user_id=user.id,
                version=user.version,
                display_name=form.text_of("display_name"),
                language=form.text_of("language"),
                plant_ids=plants_after_choice(
                    user.plant_ids,
                    offered=[plant.id for plant in self._plants],
                    chosen=[UUID(one) for one in form.chosen_of("plants")] if names else [],
                ),
                custom=await custom.values(work),
            )

        form.open_with(save, then=self.load)

    def _ask_deactivation(self) -> None:
        _, user = self._seat.translate, self._user
        title = _("Deactivate {name}?").format(name=user.display_name)
        with self._beside, FormDialog(self._seat, title, action=_("Deactivate")) as form:
            ui.label(
                _("They are signed out everywhere at once and cannot come in again until somebody reactivates them.")
            ).classes("u-form__wide")

        async def deactivate(work: Work) -> int:
            return await deactivate_user(work, user_id=user.id, version=user.version)

        form.open_with(deactivate, saved=_("Deactivated"), then=self.load)

    def _ask_reset(self) -> None:
        _, user = self._seat.translate, self._user
        title = _("Reset the password of {name}?").format(name=user.display_name)
        with self._beside, FormDialog(self._seat, title, action=_("Make a link")) as form:
            ui.label(_("They choose another password with a link. Their old one works until then.")).classes(
                "u-form__wide"
            )

        async def reset(work: Work) -> tuple[str | None]:
            return (await reset_password(work, user_id=user.id, base_url=self._base_url),)

        form.open_with(reset, saved=_("Done"), then=self._show_reset)

    async def _show_reset(self, made: tuple[str | None]) -> None:
        _ = self._seat.translate
        if made[0] is None:
            ui.notify(_("The link is on its way by mail."), type="positive", position="top", classes="u-notify")
            return
        show_once(
            self._seat,
            self._beside,
            title=_("Hand this link over"),
            explanation=_("It works once, within an hour. It is shown this once and kept nowhere."),
            label=_("Link"),
            value=made[0],
        )

    async def _invite(self) -> None:
        user = self._user

        async def invite(work: Work) -> tuple[str | None]:
            return (await invite_user(work, user_id=user.id, base_url=self._base_url),)

        made = await act(self._seat, invite, saved=self._seat.translate("Invited"))
        if made is not None and made[0] is not None:
            show_link(self._seat, self._beside, made[0])
        await self.load()

    async def _reset_factor(self) -> None:
        user = self._user

        async def reset_factor(work: Work) -> bool:
            await reset_second_factor(work, user_id=user.id)
            return True

        if await act(self._seat, reset_factor, saved=self._seat.translate("Saved")):
            await self.load()

    async def _withdraw(self) -> None:
        user = self._user
        await self._do(lambda work: withdraw_invitation(work, user_id=user.id, version=user.version))

    async def _reactivate(self) -> None:
        user = self._user
        await self._do(lambda work: reactivate_user(work, user_id=user.id, version=user.version))

    async def _do(self, change: Callable[[Work], Awaitable[int]]) -> None:
        if await act(self._seat, change, saved=self._seat.translate("Saved")) is not None:
            await self.load()
