"""The people of the organization: found, invited, and exported."""

from datetime import UTC, datetime
from uuid import UUID

from nicegui import ui

from domain.custom_fields.filters import FieldSort
from domain.events import Event, RolesChanged, UserChanged
from domain.identity.roles import Permission, Role
from services.db.work import Work, read
from services.identity.people import invite_person
from services.identity.role_queries import role_names
from services.identity.user_queries import (
    UserFilter,
    UserInfo,
    UserSort,
    UserState,
    export_user_rows,
    list_user_rows,
    open_user_table,
)
from services.plant.places import PlantPlace
from services.plant.plant_tables import write_table
from ui.kit.act import act
from ui.kit.addresses import base_url_of
from ui.kit.custom_inputs import CustomInputs
from ui.kit.enter import Seat, screen
from ui.kit.formats import day_of
from ui.kit.forms import FormDialog
from ui.kit.process import this_process
from ui.kit.server_tables import ServerTable, TableColumn, TableRows, TableSetting, TableWish, address_of
from ui.kit.translate import LANGUAGES, Translate
from ui.pages.admin_parts import setup_page
from ui.pages.role_words import plants_to_name, role_name
from ui.pages.shown_once import show_once

NAME_CELL = '<q-td :props="props"><a class="u-link" :href="props.row.href">{{ props.value }}</a></q-td>'
STATE_CELL = """
<q-td :props="props"><span class="u-held" :data-held="props.row.is_in ? 'true' : 'false'">
<i class="material-icons" aria-hidden="true">{{ props.row.icon }}</i><span>{{ props.value }}</span></span></q-td>
"""
CARD = """
<strong>{{ props.row.name }}</strong><span>{{ props.row.email }}</span>
<span class="u-material__word">{{ props.row.state }} · {{ props.row.roles }}</span>
"""
STATE_ICONS = {
    UserState.ACTIVE: "check_circle",
    UserState.INVITED: "forward_to_inbox",
    UserState.DEACTIVATED: "person_off",
}


@screen("/admin/users", permission=Permission.READ_USERS)
async def admin_users(seat: Seat) -> None:
    """Find people, and invite others."""
    async with read(seat.scope()) as work:
        await open_user_table(work)
        plants = await plants_to_name(work)
        names = await role_names(work)
    roles = {key: role_name(seat.translate, key, name) for key, name in names.items()}
    with setup_page(seat, seat.translate("Users"), "/admin/users", plants=plants):
        page = _Page(seat, plants, roles)
    await page.table.follow()


class _Page:
    """The table with its filters."""

    def __init__(self, seat: Seat, plants: tuple[PlantPlace, ...], roles: dict[str, str]) -> None:
        self._seat, self._plants, self._roles = seat, plants, roles
        self._zone = plants[0].time_zone if plants else "UTC"
        self._last = TableWish(words="", filters=(), order=UserSort.NAME, is_descending=False, offset=0)
        _ = seat.translate
        self.table = ServerTable(seat, self._setting(), address_of(seat))
        states = {"": _("All users"), **{state.value: word for state, word in state_words(_).items()}}
        places = {"": _("All plants"), **{str(plant.id): plant.name for plant in plants}}
        with self.table.head:
            self._state = self._filter(_("State"), states, "state")
            self._role = self._filter(_("Role"), {"": _("All roles"), **roles}, "role")
            self._plant = self._filter(_("Plant"), places, "plant")
        with self.table.tail:
            export = ui.button(_("Export CSV"), icon="download", color=None, on_click=self._export)
            export.classes("u-button").mark("export-users")
            if seat.viewer.scope.may(Permission.EDIT_USERS):
                invite = ui.button(_("Invite"), icon="person_add", color=None, on_click=self._ask_new)
                invite.classes("u-button u-button--primary").mark("invite")
        self._beside = ui.element("div")

    def _filter(self, label: str, words: dict[str, str], name: str) -> ui.select:
        said = self._seat.client.request.query_params.get(name, "")
        field = ui.select(words, label=label, value=said if said in words else "")
        field.on_value_change(self.table.first)
        return field.classes("u-field").props("outlined").mark(f"user-{name}")

    def _setting(self) -> TableSetting:
        _ = self._seat.translate
        return TableSetting(
            entity="user",
            path="/admin/users",
            usual_order=UserSort.NAME.value,
            is_usually_descending=False,
            columns=(
                TableColumn(UserSort.NAME.value, _("Name"), cell=NAME_CELL),
                TableColumn(UserSort.EMAIL.value, _("E-mail address")),
                TableColumn("roles", _("Roles"), can_sort=False),
                TableColumn("plants", _("Plants"), can_sort=False),
                TableColumn(UserSort.STATE.value, _("State"), cell=STATE_CELL),
                TableColumn("signed_in", _("Last sign-in"), can_sort=False),
                TableColumn(UserSort.CREATED.value, _("Added")),
            ),
            load=self._load,
            card=CARD,
            search_label=_("Search users"),
            nothing_yet=_("Nobody is here yet"),
            nothing_yet_hint=_("Invite the first person."),
            nothing_fits=_("Nobody fits"),
            zone=self._zone,
            mark="user",
            kept=lambda: {
                "state": str(self._state.value),
                "role": str(self._role.value),
                "plant": str(self._plant.value),
            },
            concerns=self._concerns,
        )

    def _concerns(self, event: Event) -> bool:
        return isinstance(event, (UserChanged, RolesChanged))

    def _wanted(self, words: str) -> UserFilter:
        state, role, plant = str(self._state.value), str(self._role.value), str(self._plant.value)
        return UserFilter(
            words=words,
            state=UserState(state) if state else None,
            role=role or None,
            plant_id=UUID(plant) if plant else None,
        )

    async def _load(self, work: Work, wish: TableWish) -> TableRows:
        self._last = wish
        found = await list_user_rows(
            work,
            wanted=self._wanted(wish.words),
            filters=wish.filters,
            order=wish.order if isinstance(wish.order, FieldSort) else UserSort(wish.order),
            is_descending=wish.is_descending,
            offset=wish.offset,
            limit=wish.limit,
        )
        return TableRows(
            found.total, found.has_more, [self._row(user) for user in found.rows], [user.custom for user in found.rows]
        )

    def _row(self, user: UserInfo) -> dict[str, object]:
        _ = self._seat.translate
        return {
            "name": user.display_name,
            "href": f"/admin/users/{user.id}",
            "email": user.email,
            "roles": self._roles_of(user),
            "plants": plants_of(user, self._plants, _),
            "state": state_word(user, datetime.now(UTC), _),
            "icon": STATE_ICONS[user.state],
            "is_in": user.state is UserState.ACTIVE,
            "signed_in": "–" if user.signed_in_at is None else self._day(user.signed_in_at),
            "created": self._day(user.created_at),
        }

    def _roles_of(self, user: UserInfo) -> str:
        return ", ".join(self._roles.get(role, role) for role in user.roles) or "–"

    def _day(self, at: datetime) -> str:
        return day_of(at, self._seat.zone_of(self._zone), self._seat.lang)

    async def _export(self) -> None:
        wish = self._last
        found = await act(
            self._seat,
            lambda work: export_user_rows(
                work,
                wanted=self._wanted(wish.words),
                filters=wish.filters,
                order=wish.order if isinstance(wish.order, FieldSort) else UserSort(wish.order),
                is_descending=wish.is_descending,
            ),
        )
        if found is None:
            return
        columns = ("email", "name", "state", "roles", "plants", "language", "last_sign_in", "added")
        codes = {plant.id: plant.code for plant in self._plants}
        table = write_table(
            columns,
            [
                (
                    user.email,
                    user.display_name,
                    user.state.value,
                    " ".join(user.roles),
                    "*" if user.plant_ids is None else " ".join(codes.get(one, str(one)) for one in user.plant_ids),
                    user.language,
                    None if user.signed_in_at is None else user.signed_in_at.isoformat(),
                    user.created_at.isoformat(),
                )
                for user in found
            ],
        )
        ui.download.content(("\ufeff" + table).encode(), "users.csv", "text/csv")

    def _ask_new(self) -> None:
        _ = self._seat.translate
        with self._beside, FormDialog(self._seat, _("Invite somebody"), action=_("Invite")) as form:
            form.text("email", _("E-mail address")).props("autofocus type=email")
            form.text("display_name", _("Name"))
            form.choices("roles", _("Roles"), self._offered_roles(), value=[Role.OPERATOR.value])
            if self._plants:
                plants = {str(plant.id): plant.name for plant in self._plants}
                form.choices("plants", _("Plants"), plants).props["hint"] = _("None chosen: all")
            form.choice("language", _("Language"), language_words(_), value="")
            custom = CustomInputs(self._seat, form, "user", values=None, zone=self._zone)

        async def invite(work: Work) -> tuple[UUID, str | None]:
            return await invite_person(
                work,
                email=form.text_of("email"),
                display_name=form.text_of("display_name"),
                roles=form.chosen_of("roles"),
                plant_ids=[UUID(one) for one in form.chosen_of("plants")] or None if self._plants else None,
                language=form.text_of("language"),
                custom=await custom.values(work),
                base_url=base_url_of(self._seat.client.request, public_url=this_process().settings.public_url),
            )

        form.open_with(invite, saved=_("Invited"), then=self._invited)

    def _offered_roles(self) -> dict[str, str]:
        return {key: name for key, name in self._roles.items() if key != "platform"}

    async def _invited(self, made: tuple[UUID, str | None]) -> None:
        _user_id, link = made
        await self.table.first()
        if link is not None:
            show_link(self._seat, self._beside, link)


def show_link(seat: Seat, place: ui.element, link: str) -> None:
    """Show the link of an invitation, this once."""
    _ = seat.translate
    show_once(
        seat,
        place,
        title=_("Hand this link over"),
        explanation=_("It opens the account once, within seven days. It is shown this once and kept nowhere."),
        label=_("Link"),
        value=link,
    )


def state_words(_: Translate) -> dict[UserState, str]:
    """Translate whether somebody can come in."""
    return {
        UserState.ACTIVE: _("Active"),
        UserState.INVITED: _("Invited"),
        UserState.DEACTIVATED: _("Deactivated"),
    }


def state_word(user: UserInfo, now: datetime, _: Translate) -> str:
    """Return whether somebody can come in, and that an invitation is over."""
    if user.state is UserState.INVITED and user.invitation_expires_at is not None and user.invitation_expires_at < now:
        return _("Invitation over")
    return state_words(_)[user.state]


def language_words(_: Translate) -> dict[str, str]:
    """Return the languages to choose from, and none for that of the browser."""
    own = {"en": _("English"), "de": _("German")}
    return {"": _("As the browser asks"), **{language: own[language] for language in LANGUAGES}}


def plants_of(user: UserInfo, plants: tuple[PlantPlace, ...], _: Translate) -> str:
    """Return the names of the plants that somebody may see."""
    if user.plant_ids is None:
        return _("All")
    names = {plant.id: plant.name for plant in plants}
    return ", ".join(names.get(one, "–") for one in user.plant_ids)
