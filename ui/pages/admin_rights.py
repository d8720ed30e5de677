"""What one person may do, where, and why; and what they may not."""

from uuid import UUID

from nicegui import ui

from domain.events import Event, RolesChanged, UserChanged
from domain.identity.rights import Plants
from domain.identity.roles import Permission
from services.db.work import read
from services.identity.role_queries import Reason, Through, UserRights, explain_rights
from services.plant.places import PlantPlace
from services.translations import Translate
from ui.kit.enter import Seat, screen
from ui.kit.live_page import keep_fresh
from ui.pages.admin_parts import heading, setup_page
from ui.pages.role_forms import assign_roles_dialog
from ui.pages.role_words import by_area, permission_words, plants_to_name, role_name


@screen("/admin/users/{user_id}/rights", permission=Permission.READ_ROLES)
async def admin_rights(seat: Seat, user_id: UUID) -> None:
    """Explain the rights of one person."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        rights = await explain_rights(work, user_id=user_id)
        plants = await plants_to_name(work)
    title = _("What {name} may do, and why").format(name=rights.name)
    with setup_page(seat, title, "/admin/roles", plants=plants):
        page = _Page(seat, rights, plants)

    def concerns(event: Event) -> bool:
        return isinstance(event, RolesChanged) or (isinstance(event, UserChanged) and event.user_id == user_id)

    await keep_fresh(seat, load=page.load, concerns=concerns)


class _Page:
    """The rights of a person by area; drawn again when they changed."""

    def __init__(self, seat: Seat, rights: UserRights, plants: tuple[PlantPlace, ...]) -> None:
        self._seat, self._user_id = seat, rights.user_id
        self._plants = {plant.id: plant.name for plant in plants}
        self._shown: UserRights | None = None
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            heading(_("What {name} may do, and why").format(name=rights.name))
            ui.space()
            if seat.viewer.scope.may(Permission.ASSIGN_ROLES):
                assign = ui.button(_("Change roles"), icon="manage_accounts", color=None, on_click=self._assign)
                assign.classes("u-button").mark("assign-roles")
        self._box = ui.element("div").classes("u-column")

    async def load(self, _edited: object = None) -> None:
        """Show the rights of now."""
        async with read(self._seat.scope()) as work:
            rights = await explain_rights(work, user_id=self._user_id)
        if rights == self._shown:
            return
        self._shown = rights
        self._box.clear()
        with self._box:
            self._draw(rights)

    async def _assign(self) -> None:
        with self._box:
            await assign_roles_dialog(self._seat, user_id=self._user_id, then=self.load)

    def _draw(self, rights: UserRights) -> None:
        _ = self._seat.translate
        if not rights.is_active:
            with ui.element("div").classes("u-note"):
                ui.icon("person_off")
                ui.label(_("This person is deactivated and cannot sign in. What stands here would be theirs."))
        ui.label(_("Sees: {plants}").format(plants=self._where(rights.plant_ids))).classes("u-muted")
        reasons = {reason.permission: reason for reason in rights.reasons}
        held = [reason.permission for reason in rights.reasons if reason.is_held]
        heading(_("What they may do"))
        if not held:
            ui.label(_("Nothing. Give them a role.")).classes("u-muted")
        for area, name, permissions in by_area(_, held):
            with ui.element("section").classes("u-card u-rights").mark(f"may-{area}"):
                ui.label(name).classes("u-subtitle").props("role=heading aria-level=3")
                for permission in permissions:
                    self._held(reasons[permission])
        heading(_("What they may not do"))
        lacking = [reason.permission for reason in rights.reasons if not reason.is_held]
        for area, name, permissions in by_area(_, lacking):
            with ui.element("section").classes("u-card u-rights").mark(f"may-not-{area}"):
                ui.label(name).classes("u-subtitle").props("role=heading aria-level=3")
                for permission in permissions:
                    self._lacking(reasons[permission])

    def _held(self, reason: Reason) -> None:
        _ = self._seat.translate
        with ui.element("div").classes("u-rights__row").mark(f"held-{reason.permission}"):
            icon = ui.icon("check_circle").classes("u-matrix__cell")
            icon.props["data-held"] = "true"
            with ui.element("div").classes("u-rights__words"):
                ui.label(permission_words(_, reason.permission))
                ui.label(self._where(reason.plant_ids)).classes("u-muted")
            with ui.element("div").classes("u-rights__why"):
                for through in reason.through:
                    self._through(through)

    def _lacking(self, reason: Reason) -> None:
        _ = self._seat.translate
        with ui.element("div").classes("u-rights__row").mark(f"lacking-{reason.permission}"):
            ui.icon("remove").classes("u-matrix__cell")
            ui.label(permission_words(_, reason.permission)).classes("u-rights__words")
            with ui.element("div").classes("u-rights__why"):
                for through in reason.through:
                    self._through(through)
                if not reason.through:
                    ui.label(_("None of their roles grants it")).classes("u-muted")

    def _through(self, through: Through) -> None:
        _ = self._seat.translate
        role = role_name(_, through.role, through.role_name)
        where = "" if through.plant_ids is None else f" ({self._where(through.plant_ids)})"
        with ui.element("div").classes("u-rights__through"):
            ui.label(_("By {role}").format(role=role) + where)
            ui.label(through.pattern).classes("u-muted u-mono")
            if through.obstacle:
                ui.label(_obstacle_words(_, through.obstacle)).classes("u-rights__obstacle")

    def _where(self, plant_ids: Plants) -> str:
        _ = self._seat.translate
        if plant_ids is None:
            return _("All plants")
        return ", ".join(sorted(self._plants.get(plant_id, "–") for plant_id in plant_ids)) or _("No plant")


def _obstacle_words(_: Translate, obstacle: str) -> str:
    words = {
        "switched_off": _("The role is switched off"),
        "not_in_single_plants": _("It is about the whole organization, and they have the role in some plants only"),
        "other_plants": _("They do not see the plants in which they have the role"),
    }
    return words[obstacle]
