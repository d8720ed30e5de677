"""Roles: what each grants, as a matrix; made, copied and edited."""

from nicegui import ui

from domain.events import Event, RolesChanged, UserChanged
from domain.identity.roles import Permission
from services.db.work import read
from services.identity.role_queries import RoleInfo, list_holders, list_roles
from services.plant.places import PlantPlace
from ui.kit.enter import Seat, screen
from ui.kit.live_page import keep_fresh
from ui.pages.admin_parts import add_button, heading, setup_page
from ui.pages.role_forms import MOST, ask_for_copy, ask_for_edit, ask_for_grants, ask_for_role
from ui.pages.role_words import by_area, permission_words, plants_to_name, role_name


@screen("/admin/roles", permission=Permission.READ_ROLES)
async def admin_roles(seat: Seat) -> None:
    """Show what roles grant, and let who may change it."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await plants_to_name(work)
    with setup_page(seat, _("Roles"), "/admin/roles", plants=plants):
        page = _Page(seat, plants)
    await keep_fresh(seat, load=page.load, concerns=_concerns)


def _concerns(event: Event) -> bool:
    return isinstance(event, RolesChanged | UserChanged)


class _Page:
    """The roles beside each other; drawn again when a role or somebody's roles changed."""

    def __init__(self, seat: Seat, plants: tuple[PlantPlace, ...]) -> None:
        self._seat = seat
        self._plants = {plant.id: plant.name for plant in plants}
        self._may_edit = seat.viewer.scope.may(Permission.EDIT_ROLES)
        self._shown: tuple[RoleInfo, ...] | None = None
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            heading(_("Who may do what"))
            ui.space()
            if self._may_edit:
                add_button(_("Make a role"), lambda: ask_for_role(seat, then=self._made), mark="add-role")
        ui.label(
            _(
                "Built-in roles stay as they are and get better with each version. Copy one to change it. "
                "A change is in force everywhere within a second, on open screens as well."
            )
        ).classes("u-muted")
        self._roles = ui.element("div").classes("u-role-cards")
        heading(_("What each role grants"))
        self._matrix = ui.element("div").classes("u-table-scroll u-matrix-scroll")

    async def load(self, _edited: object = None) -> None:
        """Show the roles of now."""
        async with read(self._seat.scope()) as work:
            roles = (await list_roles(work, limit=MOST)).items
        if roles == self._shown:
            return
        self._shown = roles
        self._roles.clear()
        with self._roles:
            for role in roles:
                self._card(role)
        self._matrix.clear()
        with self._matrix:
            self._draw_matrix(roles)

    async def _made(self, key: object) -> None:
        """Show a new role, with what it grants open to be chosen."""
        await self.load()
        made = next((role for role in self._shown or () if role.key == key), None)
        if made is not None:
            with self._roles:
                ask_for_grants(self._seat, made, then=self.load)

    def _card(self, role: RoleInfo) -> None:
        _ = self._seat.translate
        with ui.element("article").classes("u-card u-role-card").mark(f"role-{role.key}"):
            with ui.element("div").classes("u-role-card__head"):
                ui.label(role_name(_, role.key, role.name)).classes("u-subtitle")
                if role.is_built_in:
                    _mark("lock", _("Built in"))
                elif not role.is_active:
                    _mark("toggle_off", _("Off"))
            if role.description:
                ui.label(role.description).classes("u-muted")
            people = _("{count} people").format(count=role.people) if role.people != 1 else _("1 person")
            ui.label(f"{role.key} · {people}").classes("u-muted")
            with ui.element("div").classes("u-role-card__buttons"):
                if self._may_edit:
                    copy = ui.button(_("Copy"), icon="content_copy", color=None)
                    copy.on_click(lambda: ask_for_copy(self._seat, role, then=self._made))
                    copy.classes("u-button u-button--flat").mark(f"copy-{role.key}")
                if self._may_edit and not role.is_built_in:
                    rights = ui.button(_("Rights"), icon="checklist", color=None)
                    rights.on_click(lambda: ask_for_grants(self._seat, role, then=self.load))
                    rights.classes("u-button u-button--flat").mark("edit-grants")
                    edit = ui.button(_("Edit"), icon="edit", color=None)
                    edit.on_click(lambda: ask_for_edit(self._seat, role, then=self.load))
                    edit.classes("u-button u-button--flat").mark("edit-role")

    def _draw_matrix(self, roles: tuple[RoleInfo, ...]) -> None:
        _ = self._seat.translate
        held = {permission for role in roles for permission in role.permissions}
        with ui.element("table").classes("u-table u-matrix"):
            with ui.element("thead"), ui.element("tr"):
                with ui.element("th"):
                    ui.label(_("Right"))
                for role in roles:
                    with ui.element("th"):
                        ui.label(role_name(_, role.key, role.name))
                        if not role.is_active:
                            ui.label(_("Off"))
            for area, name, permissions in by_area(_, held):
                with ui.element("tbody").mark(f"area-{area}"):
                    with ui.element("tr").classes("u-matrix__area"), ui.element("th") as head:
                        ui.label(name)
                    head.props(f"scope=rowgroup colspan={len(roles) + 1}")
                    for permission in permissions:
                        self._row(permission, roles)

    def _row(self, permission: str, roles: tuple[RoleInfo, ...]) -> None:
        _ = self._seat.translate
        words = permission_words(_, permission)
        with ui.element("tr"):
            with ui.element("th").props("scope=row"):
                who = ui.button(words, color=None, on_click=lambda: self._show_holders(permission))
                who.props("no-caps flat align=left").classes("u-matrix__right").mark(f"who-{permission}")
                ui.label(permission).classes("u-muted u-mono u-matrix__key")
            for role in roles:
                is_held = permission in role.permissions
                with ui.element("td"):
                    icon = ui.icon("check_circle" if is_held else "remove").classes("u-matrix__cell")
                    icon.props["data-held"] = str(is_held and role.is_active).lower()
                    icon.props["aria-label"] = _("Yes") if is_held else _("No")
                    icon.props["role"], icon.props["aria-hidden"] = "img", "false"  # which icons are from the start

    async def _show_holders(self, permission: str) -> None:
        _ = self._seat.translate
        async with read(self._seat.scope()) as work:
            holders = await list_holders(work, permission=Permission(permission))
        with self._roles, ui.dialog() as dialog, ui.card().classes("u-dialog u-form"):
            ui.label(permission_words(_, permission)).classes("u-title").props("role=heading aria-level=2")
            if not holders:
                ui.label(_("Nobody may do this.")).classes("u-muted")
            with ui.element("ul").classes("u-holders"):
                for holder in holders:
                    with ui.element("li").mark("holder"):
                        ui.link(holder.name, f"/admin/users/{holder.user_id}/rights")
                        if holder.plant_ids is not None:
                            names = sorted(self._plants.get(plant_id, "–") for plant_id in holder.plant_ids)
                            ui.label(_("in {plants}").format(plants=", ".join(names))).classes("u-muted")
            with ui.element("div").classes("u-dialog__actions"):
                ui.button(_("Close"), color=None, on_click=dialog.close).classes("u-button u-button--flat")
        dialog.on("hide", dialog.delete)
        dialog.open()


def _mark(icon: str, words: str) -> None:
    with ui.element("span").classes("u-held"):
        ui.icon(icon)
        ui.label(words)
