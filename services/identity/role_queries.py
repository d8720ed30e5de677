"""What can be read about roles, and why somebody may do something."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from domain.errors import NotFound
from domain.identity.api_keys import matches
from domain.identity.permission_words import ROLE_NAMES
from domain.identity.rights import Assignment, Plants, Rights
from domain.identity.roles import BUILT_IN, PLATFORM, Permission, holds_in_single_plants, is_of_platform
from services.audit.notes import note_read
from services.auth.permissions import Policies
from services.db.paging import Page, page_of
from services.db.tables import Organization, User
from services.db.work import Work
from services.identity.assignments import rights_in_force
from services.identity.policies import everybodys_rights, load_policies

ROLES = """
SELECT id, key, name, description, is_active, version,
       (SELECT count(*) FROM user_roles JOIN users ON users.org_id = user_roles.org_id AND users.id = user_roles.user_id
        WHERE user_roles.role = roles.key AND users.is_active) AS people
FROM roles ORDER BY key
"""
HELD = """
SELECT role, count(*) AS people FROM user_roles
JOIN users ON users.org_id = user_roles.org_id AND users.id = user_roles.user_id
WHERE users.is_active AND role = ANY ($1) GROUP BY role
"""
ASSIGNED = "SELECT role, plant_ids FROM user_roles WHERE user_id = $1 ORDER BY role"
PEOPLE = "SELECT id, display_name FROM users WHERE is_active ORDER BY display_name, id"


@dataclass(frozen=True)
class RoleInfo:
    """A role, and what it grants."""

    key: str
    name: str
    """As its organization wrote it; of built-in ones in English."""
    description: str
    is_built_in: bool
    is_active: bool
    """False while it is switched off."""
    version: int
    """Zero for built-in ones, which nobody edits."""
    grants: tuple[str, ...]
    """Patterns."""
    permissions: tuple[str, ...]
    """What the patterns reach."""
    people: int
    """Active users who have it."""
    id: UUID | None = None
    """None for built-in ones, which have no history."""


@dataclass(frozen=True)
class Through:
    """A role of somebody that grants a permission, or would."""

    role: str
    role_name: str
    pattern: str
    plant_ids: Plants
    """The plants in which the user has the role; None means wherever they may see."""
    obstacle: str
    """Why it does not help: `switched_off`, `not_in_single_plants` or `other_plants`; empty where it does."""


@dataclass(frozen=True)
class Reason:
    """Whether somebody holds a permission, where, and why."""

    permission: str
    is_held: bool
    plant_ids: Plants
    """The plants in which it holds; None means all that the organization has."""
    through: tuple[Through, ...]


@dataclass(frozen=True)
class UserRights:
    """What somebody may, and why."""

    user_id: UUID
    name: str
    is_active: bool
    version: int
    """Of the user, as `assign_roles` wants it."""
    plant_ids: Plants
    """The plants that they see."""
    assignments: tuple[Assignment, ...]
    reasons: tuple[Reason, ...]
    """One per permission there is, in the order of the list of permissions."""


@dataclass(frozen=True)
class Holder:
    """Somebody who may do something."""

    user_id: UUID
    name: str
    plant_ids: Plants
    """The plants in which; None means all."""


async def list_roles(work: Work, *, after: tuple[bool, str] | None = None, limit: int = 100) -> Page[RoleInfo]:
    """Return the built-in roles and then the organization's own by key; `after` tells of a role whether it is one of
    the organization's own, and its key.

    Raises:
        Forbidden: the actor may not read roles.
    """
    await work.permit(Permission.READ_ROLES)
    roles = sorted(await _load_roles(work), key=lambda role: (not role.is_built_in, role.key))
    following = [role for role in roles if after is None or (not role.is_built_in, role.key) > after]
    return page_of(following[: limit + 1], limit)


async def get_role(work: Work, key: str) -> RoleInfo:
    """Return one role.

    Raises:
        Forbidden: the actor may not read roles.
        NotFound: there is no such role.
    """
    await work.permit(Permission.READ_ROLES)
    found = next((role for role in await _load_roles(work) if role.key == key), None)
    if found is None:
        raise NotFound(what="role")
    return found


async def role_names(work: Work) -> dict[str, str]:
    """Return the names of all roles by key, of built-in ones in English: for lists of people and of ladders."""
    return {**await _built_in_names(work), **{row["key"]: row["name"] for row in await work.fetch(ROLES)}}


async def explain_rights(work: Work, *, user_id: UUID) -> UserRights:
    """Return for every permission there is whether a user holds it, in which plants, and through which roles.

    Raises:
        Forbidden: the actor may not read roles.
        NotFound: there is no such user.
    """
    await work.permit(Permission.READ_ROLES)
    policies, rights = await rights_in_force(work, user_id=user_id)
    note_read(work.scope, what="identity.rights", row_id=user_id)
    user = await work.session.get_one(User, user_id)
    would = await load_policies(work, with_inactive=True)
    names = await role_names(work)
    assignments = [
        Assignment(row["role"], None if row["plant_ids"] is None else frozenset(row["plant_ids"]))
        for row in await work.fetch(ASSIGNED, user_id)
    ]
    is_platform = await work.session.scalar(select(Organization.is_platform))
    return UserRights(
        user_id=user_id,
        name=user.display_name,
        is_active=user.is_active,
        version=user.version,
        plant_ids=rights.plant_ids,
        assignments=tuple(assignments),
        reasons=tuple(
            _reason(permission.value, assignments, names, rights=rights, policies=policies, would=would)
            for permission in Permission
            if is_platform or not is_of_platform(permission)
        ),
    )


async def list_holders(work: Work, *, permission: Permission) -> tuple[Holder, ...]:
    """Return the active users who hold a permission, by name.

    Raises:
        Forbidden: the actor may not read roles.
    """
    await work.permit(Permission.READ_ROLES)
    note_read(work.scope, what="identity.holders", permission=permission)
    everybody = await everybodys_rights(work)
    people = [(row["id"], row["display_name"]) for row in await work.fetch(PEOPLE)]
    return tuple(
        Holder(user_id, name, rights.plant_limits.get(permission, rights.plant_ids))
        for user_id, name in people
        if (rights := everybody.get(user_id)) is not None and permission in rights.permissions
    )


async def _built_in_names(work: Work) -> dict[str, str]:
    is_platform = await work.session.scalar(select(Organization.is_platform))
    return {key: name for key, name in ROLE_NAMES.items() if is_platform or key != PLATFORM}


async def _load_roles(work: Work) -> list[RoleInfo]:
    names = await _built_in_names(work)
    policies = await load_policies(work, with_inactive=True)
    people = {row["role"]: row["people"] for row in await work.fetch(HELD, list(names))}
    built_in = [
        RoleInfo(
            key,
            name,
            "",
            True,
            True,
            0,
            tuple(sorted(BUILT_IN[key])),
            tuple(sorted(policies.granted(key))),
            people.get(key, 0),
        )
        for key, name in names.items()
    ]
    own = [
        RoleInfo(
            row["key"], row["name"], row["description"], False, row["is_active"], row["version"],
            tuple(sorted(policies.patterns_of(row["key"]))), tuple(sorted(policies.granted(row["key"]))), row["people"],
            row["id"],
        )
        for row in await work.fetch(ROLES)
    ]  # fmt: skip
    return [*built_in, *own]


def _reason(
    permission: str,
    assignments: list[Assignment],
    names: dict[str, str],
    *,
    rights: Rights,
    policies: Policies,
    would: Policies,
) -> Reason:
    through = tuple(
        Through(
            assigned.role,
            names.get(assigned.role, assigned.role),
            pattern,
            assigned.plant_ids,
            _obstacle(permission, assigned, rights=rights, policies=policies),
        )
        for assigned in assignments
        if permission in would.granted(assigned.role)
        for pattern in would.patterns_of(assigned.role)
        if matches(pattern, permission)
    )
    is_held = permission in rights.permissions
    return Reason(
        permission, is_held, rights.plant_limits.get(permission, rights.plant_ids) if is_held else None, through
    )


def _obstacle(permission: str, assigned: Assignment, *, rights: Rights, policies: Policies) -> str:
    if permission not in policies.granted(assigned.role):
        return "switched_off"
    if assigned.plant_ids is None:
        return ""
    if not holds_in_single_plants(permission):
        return "not_in_single_plants"
    if rights.plant_ids is not None and not rights.plant_ids & assigned.plant_ids:
        return "other_plants"
    return ""
