"""Who has which role, and where: nobody gives what they lack, and the last admin stays."""

from collections.abc import Collection
from typing import ClassVar
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm.attributes import flag_modified

from domain.errors import Conflict, Forbidden, Invalid, NotFound, marked
from domain.events import UserChanged
from domain.identity.rights import Assignment, Rights, rights_of
from domain.identity.roles import PLATFORM, Permission, Role
from services.auth.permissions import Policies
from services.db.tables import Organization, Plant, User, UserRole
from services.db.work import Work
from services.identity.policies import load_policies

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('admins of ' || app.current_org(), 0))")
ADMINS = text("""
SELECT count(*) FROM user_roles JOIN users ON users.org_id = user_roles.org_id AND users.id = user_roles.user_id
WHERE user_roles.role = :admin AND user_roles.plant_ids IS NULL AND users.plant_ids IS NULL AND users.is_active
""")


class RightsLacked(Forbidden):
    """Rights that somebody wants to give and does not have themself."""

    code: ClassVar[str] = "rights_lacked"
    sentence: ClassVar[str] = marked(
        "You cannot give the right “{permission}”, because you do not have it yourself everywhere it would hold."
    )


class LastAdmin(Conflict):
    """The last one who can give rights to others."""

    code: ClassVar[str] = "last_admin"
    sentence: ClassVar[str] = marked(
        "Somebody must stay admin of all plants. Make another active user an admin first, then try again."
    )


class PlatformRole(Forbidden):
    """The platform's role, wanted in another organization."""

    code: ClassVar[str] = "platform_role"
    sentence: ClassVar[str] = marked("Only people of the platform's own organization can have this role.")


class NoPlantChosen(Invalid):
    """A role that would hold nowhere."""

    code: ClassVar[str] = "no_plant_chosen"
    sentence: ClassVar[str] = marked("Choose at least one plant for the role “{role}”, or let it hold in all.")


class RoleTwice(Invalid):
    """A role that is assigned twice to the same user."""

    code: ClassVar[str] = "role_twice"
    sentence: ClassVar[str] = marked("The role “{role}” is there twice. Name all its plants in one place.")


async def assign_roles(work: Work, *, user_id: UUID, assignments: Collection[Assignment], version: int) -> int:
    """Give a user these roles in place of those they had, and return the version of the user after it.

    Raises:
        Forbidden: the actor may not assign roles.
        NotFound: there is no such user, role or plant.
        Conflict: somebody changed the user since `version`.
        RoleTwice, NoPlantChosen: an assignment cannot be kept.
        PlatformRole: the role is that of the platform, and the organization is another one.
        RightsLacked: a role that is new to the user gives rights that the actor lacks.
        LastAdmin: nobody would be left who can give rights.
    """
    await work.permit(Permission.ASSIGN_ROLES)
    user = await work.session.get(User, user_id, with_for_update={"key_share": True}, populate_existing=True)
    if user is None:
        raise NotFound(what="user")
    if user.version != version:
        raise Conflict
    known = {
        row.role: Assignment(row.role, None if row.plant_ids is None else frozenset(row.plant_ids))
        for row in await work.session.execute(
            select(UserRole.role, UserRole.plant_ids).where(UserRole.user_id == user_id)
        )
    }
    wanted = await checked_assignments(work, assignments)
    new = [one for one in wanted.values() if known.get(one.role) != one]
    await refuse_rights_lacked(work, new, plant_ids=user.plant_ids)
    if wanted == known:
        return user.version
    over = [role for role, one in known.items() if wanted.get(role) != one]
    await work.session.execute(delete(UserRole).where(UserRole.user_id == user_id, UserRole.role.in_(over)))
    await write_assignments(work, user_id=user_id, assignments=new)
    flag_modified(user, "display_name")  # other roles are another version, even where nothing else differs
    await work.session.flush()
    if known.get(Role.ADMIN) == Assignment(Role.ADMIN.value) != wanted.get(Role.ADMIN):
        await refuse_losing_last_admin(work)
    work.emit(UserChanged(user_id=user_id))
    return user.version


async def write_assignments(work: Work, *, user_id: UUID, assignments: Collection[Assignment]) -> None:
    """Write roles that a user has not yet; what may be written was checked before."""
    work.session.add_all(
        UserRole(
            org_id=work.scope.org_id,
            user_id=user_id,
            role=one.role,
            plant_ids=None if one.plant_ids is None else sorted(one.plant_ids),
        )
        for one in sorted(assignments, key=lambda one: one.role)
    )
    await work.session.flush()


async def checked_assignments(work: Work, assignments: Collection[Assignment]) -> dict[str, Assignment]:
    """Return assignments by role when all their roles and plants exist here.

    Raises:
        RoleTwice, NoPlantChosen: an assignment cannot be kept.
        PlatformRole: the role is that of the platform, and the organization is another one.
        NotFound: there is no such role or plant.
    """
    wanted: dict[str, Assignment] = {}
    plants: set[UUID] = set()
    for one in assignments:
        if one.role in wanted:
            raise RoleTwice(field="roles", role=one.role[:60])
        if one.plant_ids is not None and not one.plant_ids:
            raise NoPlantChosen(field="roles", role=one.role[:60])
        wanted[one.role] = one
        plants |= one.plant_ids or set()
    await refuse_platform_role(work, wanted)
    policies = await load_policies(work, with_inactive=True)
    if not all(map(policies.knows, wanted)):
        raise NotFound(what="role")
    seen = await work.session.scalar(select(func.count()).where(Plant.id.in_(plants))) if plants else 0
    if seen != len(plants):
        raise NotFound(what="plant")
    return wanted


async def refuse_platform_role(work: Work, roles: Collection[str]) -> None:
    """Refuse to make somebody of an ordinary organization an admin of the platform.

    Raises:
        PlatformRole: the role is among `roles`, and the organization is not the platform's own.
    """
    if PLATFORM in roles and not await work.session.scalar(select(Organization.is_platform)):
        raise PlatformRole(permission="platform.organization.read")


async def refuse_rights_lacked(
    work: Work, assignments: Collection[Assignment], *, plant_ids: Collection[UUID] | None
) -> None:
    """Refuse a user who would give more than they have, to somebody who sees `plant_ids`; None means all plants.

    Raises:
        RightsLacked: the roles give a permission that the actor does not have in all of its plants.
    """
    if work.scope.actor_kind != "user" or not assignments:
        return
    policies = await load_policies(work, with_inactive=True)
    seen = None if plant_ids is None else frozenset(plant_ids)
    for one in assignments:  # each by itself: a second role must not hide where the first one holds
        _refuse_more_than_own(work, rights_of([one], granted=policies.granted, plant_ids=seen))


async def refuse_stronger(work: Work, *, user_id: UUID) -> None:
    """Refuse a user who would take over somebody with rights that they lack, as whoever resets a password could.

    Raises:
        RightsLacked: the other one has a permission that the actor does not have in all of its plants.
    """
    if work.scope.actor_kind == "user":
        _refuse_more_than_own(work, (await rights_in_force(work, user_id=user_id))[1])


async def rights_in_force(work: Work, *, user_id: UUID) -> tuple[Policies, Rights]:
    """Return the organization's policies and what one of its users may by them.

    Raises:
        NotFound: there is no such user.
    """
    user = await work.session.get(User, user_id, populate_existing=True)
    if user is None:
        raise NotFound(what="user")
    assignments = [
        Assignment(row.role, None if row.plant_ids is None else frozenset(row.plant_ids))
        for row in await work.session.execute(
            select(UserRole.role, UserRole.plant_ids).where(UserRole.user_id == user_id)
        )
    ]
    policies = await load_policies(work)
    seen = None if user.plant_ids is None else frozenset(user.plant_ids)
    return policies, rights_of(assignments, granted=policies.granted, plant_ids=seen)


async def refuse_losing_last_admin(work: Work) -> None:
    """Refuse what was just written when it leaves no active admin of all plants.

    Call it last, after a change that took one away: from here to the end of the transaction, the other changes of this
    kind in the organization wait, so that two admins cannot take each other away at once.

    Raises:
        LastAdmin: nobody would be left.
    """
    await work.session.flush()
    await work.session.execute(ONE_AT_A_TIME)
    if not await work.session.scalar(ADMINS, {"admin": Role.ADMIN.value}):
        raise LastAdmin


def _refuse_more_than_own(work: Work, rights: Rights) -> None:
    for permission in sorted(rights.permissions):
        given = rights.plant_limits.get(permission, rights.plant_ids)
        own = work.scope.plants_of(permission)
        if not work.scope.may(permission) or (own is not None and (given is None or not given <= own)):
            raise RightsLacked(permission=permission)
