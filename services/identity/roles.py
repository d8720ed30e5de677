"""Roles of an organization's own: made, copied, edited and taken away by who may."""

from collections.abc import Collection
from typing import ClassVar

from sqlalchemy import delete, select, text
from sqlalchemy.orm.attributes import flag_modified

from domain.checks import checked_text
from domain.edits import UNCHANGED, Unchanged
from domain.errors import Conflict, NotFound, marked
from domain.events import RolesChanged
from domain.identity.roles import BUILT_IN, InvalidGrant, Permission, checked_patterns, checked_role_key
from services.auth.permissions import reached_by_pattern
from services.db.locked import locked
from services.db.tables import OwnRole, RoleGrant, UserRole
from services.db.unique import unique_or
from services.db.work import Work
from services.identity.assignments import RightsLacked

LONGEST_DESCRIPTION = 500
IN_LADDERS = text("SELECT count(*) FROM andon_ladder_steps WHERE recipient = 'role' AND whom = :key")


class RoleKeyTaken(Conflict):
    """The organization has a role with this key, or every organization has."""

    code: ClassVar[str] = "role_key_taken"
    sentence: ClassVar[str] = marked("There is already a role with the key “{key}”. Choose another one.")


class RoleIsBuiltIn(Conflict):
    """A role that comes with the product."""

    code: ClassVar[str] = "role_is_built_in"
    sentence: ClassVar[str] = marked("Built-in roles cannot be changed. Copy this one, and change the copy.")


class RoleIsHeld(Conflict):
    """A role that people or ladders still stand on."""

    code: ClassVar[str] = "role_is_held"
    sentence: ClassVar[str] = marked(
        "{people} people and {steps} steps of escalation ladders use this role. Take it from them, or switch it off."
    )


async def add_role(work: Work, *, key: str, name: str, description: str = "", grants: Collection[str] = ()) -> OwnRole:
    """Make a role that grants the given patterns.

    Raises:
        Forbidden: the actor may not edit roles.
        InvalidRoleKey, InvalidText: the key, the name or the description cannot be kept.
        RoleKeyTaken: there is such a role.
        InvalidGrant, TooManyGrants, RightsLacked: as `set_grants`.
    """
    await work.permit(Permission.EDIT_ROLES)
    if checked_role_key(key) in BUILT_IN:
        raise RoleKeyTaken(field="key", key=key)
    role = OwnRole(
        org_id=work.scope.org_id,
        key=key,
        name=checked_text(name, field="name"),
        description=_description(description),
    )
    patterns = _checked_grants(work, grants, had=())
    async with unique_or(work, RoleKeyTaken(field="key", key=key)):
        work.session.add(role)
    await _write_grants(work, role, patterns)
    work.emit(RolesChanged(key=role.key))
    return role


async def copy_role(work: Work, *, of: str, key: str, name: str, description: str = "") -> OwnRole:
    """Make a role that grants what another one does, a built-in one or the organization's own.

    Raises:
        Forbidden: the actor may not edit roles.
        NotFound: there is no role with the key `of`.
        And as `add_role`.
    """
    await work.permit(Permission.EDIT_ROLES)
    return await add_role(work, key=key, name=name, description=description, grants=await _patterns_of(work, of))


async def edit_role(
    work: Work,
    *,
    key: str,
    version: int,
    name: str | Unchanged = UNCHANGED,
    description: str | Unchanged = UNCHANGED,
    is_active: bool | Unchanged = UNCHANGED,
) -> OwnRole:
    """Give a role another name or description, or switch it off and on: switched off, it grants nothing to anybody.

    Raises:
        Forbidden: the actor may not edit roles.
        RoleIsBuiltIn: it comes with the product.
        NotFound: there is no such role.
        Conflict: somebody changed it since `version`.
        InvalidText: a text cannot be kept.
        RightsLacked: it would grant again what the actor lacks.
    """
    await work.permit(Permission.EDIT_ROLES)
    role = await _locked(work, key, version=version)
    if name is not UNCHANGED:
        role.name = checked_text(name, field="name")
    if description is not UNCHANGED:
        role.description = _description(description)
    if is_active is not UNCHANGED and role.is_active != is_active:
        if is_active:
            _checked_grants(work, await _patterns_of(work, key), had=())
        role.is_active = is_active
    await work.session.flush()
    work.emit(RolesChanged(key=key))
    return role


async def set_grants(work: Work, *, key: str, version: int, grants: Collection[str]) -> OwnRole:
    """Let a role grant these patterns in place of those that it did.

    What it granted before may stay also where the actor lacks it; what is new they must have themselves, in all plants.

    Raises:
        Forbidden: the actor may not edit roles.
        RoleIsBuiltIn: it comes with the product.
        NotFound: there is no such role.
        Conflict: somebody changed it since `version`.
        InvalidGrant, TooManyGrants: a pattern reaches nothing there is, or there are too many.
        RightsLacked: a new pattern reaches what the actor lacks.
    """
    await work.permit(Permission.EDIT_ROLES)
    role = await _locked(work, key, version=version)
    before = await _patterns_of(work, key)
    patterns = _checked_grants(work, grants, had=before)
    if set(patterns) != set(before):
        await work.session.execute(
            delete(RoleGrant).where(RoleGrant.role_id == role.id, RoleGrant.pattern.not_in(patterns))
        )
        await _write_grants(work, role, sorted(set(patterns) - set(before)))
        flag_modified(role, "name")  # other grants are another version, even where nothing else differs
        await work.session.flush()
    work.emit(RolesChanged(key=key))
    return role


async def remove_role(work: Work, *, key: str, version: int) -> None:
    """Take a role away that nobody has and no ladder calls.

    Raises:
        Forbidden: the actor may not edit roles.
        RoleIsBuiltIn: it comes with the product.
        NotFound: there is no such role.
        Conflict: somebody changed it since `version`.
        RoleIsHeld: somebody has it, or a ladder calls it.
    """
    await work.permit(Permission.EDIT_ROLES)
    role = await _locked(work, key, version=version)
    people = len((await work.session.execute(select(UserRole.user_id).where(UserRole.role == key))).all())
    steps = await work.session.scalar(IN_LADDERS, {"key": key})
    if people or steps:
        raise RoleIsHeld(people=people, steps=steps)
    await work.session.delete(role)
    await work.session.flush()
    work.emit(RolesChanged(key=key))


async def _locked(work: Work, key: str, *, version: int) -> OwnRole:
    if key in BUILT_IN:
        raise RoleIsBuiltIn
    role_id = await work.session.scalar(select(OwnRole.id).where(OwnRole.key == key))
    if role_id is None:
        raise NotFound(what="role")
    return await locked(work, OwnRole, role_id, version=version, missing=NotFound(what="role"))


async def _patterns_of(work: Work, key: str) -> tuple[str, ...]:
    if key in BUILT_IN:
        return BUILT_IN[key]
    role_id = await work.session.scalar(select(OwnRole.id).where(OwnRole.key == key))
    if role_id is None:
        raise NotFound(what="role")
    return tuple(
        (
            await work.session.execute(
                select(RoleGrant.pattern).where(RoleGrant.role_id == role_id).order_by(RoleGrant.pattern)
            )
        ).scalars()
    )


def _checked_grants(work: Work, grants: Collection[str], *, had: Collection[str]) -> tuple[str, ...]:
    patterns = checked_patterns(grants)
    reached = {pattern: reached_by_pattern(pattern) for pattern in patterns}
    for pattern, permissions in reached.items():
        if not permissions:
            raise InvalidGrant(field="grants", pattern=pattern)
    before = frozenset[str]().union(*map(reached_by_pattern, had))
    new = frozenset[str]().union(*reached.values()) - before
    lacking = sorted(filter(work.scope.lacks_somewhere, new))
    if lacking:
        raise RightsLacked(permission=lacking[0])
    return patterns


async def _write_grants(work: Work, role: OwnRole, patterns: Collection[str]) -> None:
    work.session.add_all(RoleGrant(org_id=role.org_id, role_id=role.id, pattern=pattern) for pattern in patterns)
    await work.session.flush()


def _description(value: str) -> str:
    return checked_text(value, field="description", longest=LONGEST_DESCRIPTION) if value.strip() else ""
