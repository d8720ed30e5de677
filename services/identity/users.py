"""Organizations and the people in them."""

from collections.abc import Collection
from typing import ClassVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from domain.checks import checked_text
from domain.errors import Conflict, NotFound, marked
from domain.events import UserChanged
from domain.identity.accounts import checked_email, checked_password, checked_slug
from domain.identity.rights import Assignment
from domain.identity.roles import Permission
from services.auth.passwords import hash_password
from services.custom_fields.values import Given, custom_of_new
from services.db.tables import Organization, Plant, User
from services.db.unique import unique_or
from services.db.work import Work
from services.identity.assignments import checked_assignments, refuse_rights_lacked, write_assignments


class EmailTaken(Conflict):
    """The organization has a user with this address."""

    code: ClassVar[str] = "email_taken"
    sentence: ClassVar[str] = marked("There is already a user with the address {email}.")


class SlugTaken(Conflict):
    """Another organization has this short name."""

    code: ClassVar[str] = "slug_taken"
    sentence: ClassVar[str] = marked("The short name “{slug}” is already in use.")


async def found_organization(work: Work, *, slug: str, name: str) -> UUID:
    """Make the organization whose id the work's scope already carries; does nothing when it exists.

    Raises:
        InvalidSlug, InvalidText: the short name or the name cannot be kept.
        SlugTaken: another organization has the short name.
    """
    organization = insert(Organization).values(
        id=work.scope.org_id, slug=checked_slug(slug), name=checked_text(name, field="name")
    )
    async with unique_or(work, SlugTaken(slug=slug)):
        await work.session.execute(organization.on_conflict_do_nothing(constraint="organizations_pk"))
    return work.scope.org_id


async def add_user(
    work: Work,
    *,
    email: str,
    display_name: str,
    roles: Collection[str],
    password: str | None = None,
    password_hash: str | None = None,
    plant_ids: list[UUID] | None = None,
    language: str = "",
    custom: Given | None = None,
) -> User:
    """Add a user who signs in with `password` (or its hash, where it was made elsewhere).

    Without a language they read what their browser asks for.

    Raises:
        Forbidden: the actor may not edit users.
        PlatformRole: the role is that of the platform, and the organization is another one.
        InvalidText, InvalidEmail, InvalidPassword: the address, the name or the password cannot be kept.
        NotFound: one of the roles or plants does not exist.
        RightsLacked: a role gives rights that the actor lacks.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        EmailTaken: the address belongs to another user of the organization.
    """
    await work.permit(Permission.EDIT_USERS)
    assignments = await checked_assignments(work, [Assignment(str(role)) for role in roles])
    await _refuse_unknown_plants(work, plant_ids or [])
    await refuse_rights_lacked(work, assignments.values(), plant_ids=plant_ids)
    user = User(
        org_id=work.scope.org_id,
        email=checked_email(email, field="email"),
        display_name=checked_text(display_name, field="display_name"),
        password_hash=password_hash if password is None else await hash_password(checked_password(password)),
        plant_ids=plant_ids,
        language=language,
        custom=await custom_of_new(work, "user", custom),
    )
    async with unique_or(work, EmailTaken(email=user.email)):
        work.session.add(user)
    await write_assignments(work, user_id=user.id, assignments=assignments.values())
    work.emit(UserChanged(user_id=user.id))
    return user


async def _refuse_unknown_plants(work: Work, plant_ids: list[UUID]) -> None:
    known = await work.session.scalar(select(func.count()).where(Plant.id.in_(plant_ids)))
    if known != len(set(plant_ids)):
        raise NotFound(what="plant")
