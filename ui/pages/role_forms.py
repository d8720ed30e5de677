"""Dialogs about roles: made, copied, edited, taken away; and who has which."""

from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

from nicegui import ui

from domain.identity.rights import Assignment
from domain.identity.roles import Permission, is_of_platform
from services.auth.permissions import reached_by_pattern
from services.db.work import Work, read
from services.identity.assignments import assign_roles
from services.identity.role_queries import RoleInfo, UserRights, explain_rights, list_roles
from services.identity.roles import add_role, copy_role, edit_role, remove_role, set_grants
from services.plant.places import PlantPlace
from ui.kit.enter import Seat
from ui.kit.forms import FormDialog
from ui.pages.histories import offer_history
from ui.pages.role_words import by_area, pattern_words, permission_words, plants_to_name, role_name

Then = Callable[[object], Awaitable[None]]
MOST = 500


def ask_for_role(seat: Seat, *, then: Then) -> None:
    """Let somebody make a role; what it grants is chosen after that."""
    _ = seat.translate
    with FormDialog(seat, _("New role")) as form:
        form.text("name", _("Name")).props("autofocus")
        form.text("key", _("Key"), hint=_("Small letters, such as planner; it never changes"))
        form.long_text("description", _("Description")).classes("u-form__wide")

    async def make(work: Work) -> str:
        role = await add_role(
            work, key=form.text_of("key"), name=form.text_of("name"), description=form.text_of("description")
        )
        return role.key

    form.open_with(make, then=then)


def ask_for_copy(seat: Seat, role: RoleInfo, *, then: Then) -> None:
    """Let somebody copy a role under another name."""
    _ = seat.translate
    name = role_name(_, role.key, role.name)
    with FormDialog(seat, _("Copy {name}").format(name=name), action=_("Copy")) as form:
        form.text("name", _("Name"), value=_("{name} (copy)").format(name=name)).props("autofocus")
        form.text(
            "key", _("Key"), value=f"{role.key}-2"[-40:], hint=_("Small letters, such as planner; it never changes")
        )

    async def make(work: Work) -> str:
        return (await copy_role(work, of=role.key, key=form.text_of("key"), name=form.text_of("name"))).key

    form.open_with(make, then=then)


def ask_for_edit(seat: Seat, role: RoleInfo, *, then: Then) -> None:
    """Let somebody rename a role, switch it off and on, or take it away."""
    _ = seat.translate
    with FormDialog(seat, role.name) as form:
        form.text("name", _("Name"), value=role.name)
        is_active = form.switch("is_active", _("Switched on"), value=role.is_active)
        form.long_text("description", _("Description"), value=role.description).classes("u-form__wide")
        ui.label(_("A role that is switched off grants nothing to whoever has it.")).classes("u-muted u-form__wide")
        offer_history(form, seat, "roles", role)

    async def save(work: Work) -> str:
        await edit_role(
            work,
            key=role.key,
            version=role.version,
            name=form.text_of("name"),
            description=form.text_of("description"),
            is_active=bool(is_active.value),
        )
        return role.key

    async def remove(work: Work) -> None:
        await remove_role(work, key=role.key, version=role.version)

    form.offer_removal(_("Remove"), remove, saved=_("Removed"), then=then)
    form.open_with(save, then=then)


def ask_for_grants(seat: Seat, role: RoleInfo, *, then: Then) -> None:
    """Let somebody choose what a role grants: single rights by switches, whole areas by patterns."""
    _ = seat.translate
    wide = [pattern for pattern in role.grants if "*" in pattern]
    single = {pattern for pattern in role.grants if "*" not in pattern}
    switches: dict[str, ui.switch] = {}
    with FormDialog(seat, _("What {name} may do").format(name=role.name)) as form:
        offered = {pattern: pattern_words(_, pattern) for pattern in [*_wide_patterns(), *wide]}
        areas = form.choices("grants", _("Whole areas, with what comes to them later"), offered, value=wide)
        areas.classes("u-form__wide")
        for area, name, permissions in by_area(_, (one for one in Permission if not is_of_platform(one))):
            with ui.element("section").classes("u-form__wide u-grants").mark(f"grants-{area}"):
                ui.label(name).classes("u-subtitle").props("role=heading aria-level=3")
                for permission in permissions:
                    switches[permission] = form.switch(
                        permission, permission_words(_, permission), value=permission in role.permissions
                    ).classes("u-grants__right")

    def follow() -> None:
        """Show what the chosen areas grant as switched on, for it cannot be switched off one by one."""
        reached = _reached(form.chosen_of("grants"))
        for permission, switch in switches.items():
            if permission in reached:
                switch.set_value(True)
                switch.disable()
            elif not switch.enabled:
                switch.enable()
                switch.set_value(permission in single)

    areas.on_value_change(follow)
    follow()

    async def save(work: Work) -> str:
        patterns = form.chosen_of("grants")
        reached = _reached(patterns)
        chosen = [one for one, switch in switches.items() if switch.value and one not in reached]
        await set_grants(work, key=role.key, version=role.version, grants=[*patterns, *chosen])
        return role.key

    form.open_with(save, then=then)


async def assign_roles_dialog(seat: Seat, *, user_id: UUID, then: Then) -> None:
    """Let somebody choose the roles of a user, and for each the plants in which it holds.

    Raises:
        Forbidden: the reader may not read roles.
        NotFound: there is no such user.
    """
    _ = seat.translate
    async with read(seat.scope()) as work:
        rights = await explain_rights(work, user_id=user_id)
        roles = (await list_roles(work, limit=MOST)).items
        plants = await plants_to_name(work)
    with FormDialog(seat, _("Roles of {name}").format(name=rights.name)) as form:
        rows = _AssignmentRows(seat, form, rights, roles, plants)

    async def save(work: Work) -> bool:
        await assign_roles(work, user_id=user_id, assignments=rows.chosen(), version=rights.version)
        return True

    form.open_with(save, then=then)


class _AssignmentRows:
    """The roles that a user can have, each with a switch and its plants."""

    def __init__(
        self,
        seat: Seat,
        form: FormDialog,
        rights: UserRights,
        roles: tuple[RoleInfo, ...],
        plants: tuple[PlantPlace, ...],
    ) -> None:
        _ = seat.translate
        self._form = form
        self._switches: dict[str, ui.switch] = {}
        held = {one.role: one for one in rights.assignments}
        names = {str(plant.id): plant.name for plant in plants}
        for role in roles:
            one = held.get(role.key)
            with ui.element("div").classes("u-form__wide u-assignment").mark(f"assign-{role.key}"):
                switch = form.switch(f"role-{role.key}", role_name(_, role.key, role.name), value=one is not None)
                limits = [] if one is None or one.plant_ids is None else sorted(map(str, one.plant_ids))
                known = {**names, **{plant_id: "–" for plant_id in limits if plant_id not in names}}
                where = form.choices(f"plants-{role.key}", _("In which plants"), known, value=limits)
                where.props["hint"] = _("None chosen: all that they see")
            where.bind_visibility_from(switch, "value")
            self._switches[role.key] = switch

    def chosen(self) -> list[Assignment]:
        """Return what was chosen; no plant stands for all."""
        return [
            Assignment(key, frozenset(map(UUID, self._form.chosen_of(f"plants-{key}"))) or None)
            for key, switch in self._switches.items()
            if switch.value
        ]


def _wide_patterns() -> list[str]:
    areas = list(dict.fromkeys(one.partition(".")[0] for one in Permission if not is_of_platform(one)))
    wide = ["*.*.*", "*.*.read", *(f"{area}.*.{verb}" for area in areas for verb in ("*", "read"))]
    return [pattern for pattern in wide if len(reached_by_pattern(pattern)) > 0]


def _reached(patterns: Iterable[str]) -> frozenset[str]:
    return frozenset[str]().union(*map(reached_by_pattern, patterns))
