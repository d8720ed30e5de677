"""Organizations and the people in them."""

from collections.abc import Collection
from typing import ClassVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from domain.checks import checked_text
from domain.errors import Conflict, Forbidden, NotFound, marked
from domain.events import UserChanged
from domain.identity.accounts import checked_email, checked_password, checked_slug
from domain.identity.roles import PLATFORM, Permission
from services.auth.passwords import hash_password
from services.custom_fields.values import Given, custom_of_new
from services.db.tables import Organization, Plant, User, UserRole
from services.db.unique import unique_or
from services.db.work import Work


class EmailTaken(Conflict):
    """The organization has a user with this address."""

    code: ClassVar[str] = "email_taken"
    sentence: ClassVar[str] = marked("There is already a user with the address {email}.")


class SlugTaken(Conflict):
    """Another organization has this short name."""

    code: ClassVar[str] = "slug_taken"
    sentence: ClassVar[str] = marked("The short name “{slug}” is already in use.")


class PlatformRole(Forbidden):
    """The platform's role, wanted in another organization."""

    code: ClassVar[str] = "platform_role"
    sentence: ClassVar[str] = marked("Only people of the platform's own organization can have this role.")


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
        NotFound: one of the plants does not exist.
        Invalid, UnknownField: a value of a custom field cannot be kept.
        EmailTaken: the address belongs to another user of the organization.
    """
    await work.permit(Permission.EDIT_USERS)
    await refuse_platform_role(work, roles)
    await _refuse_unknown_plants(work, plant_ids or [])
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
    work.session.add_all(UserRole(org_id=user.org_id, user_id=user.id, role=str(role)) for role in sorted(roles))
    work.emit(UserChanged(user_id=user.id))
    return user


async def refuse_platform_role(work: Work, roles: Collection[str]) -> None:
    """Refuse to make somebody of an ordinary organization an admin of the platform.

    Raises:
        PlatformRole: the role is among `roles`, and the organization is not the platform's own.
    """
    if PLATFORM in roles and not await work.session.scalar(select(Organization.is_platform)):
        raise PlatformRole(permission="platform.organization.read")


async def _refuse_unknown_plants(work: Work, plant_ids: list[UUID]) -> None:
    known = await work.session.scalar(select(func.count()).where(Plant.id.in_(plant_ids)))
    if known != len(set(plant_ids)):
        raise NotFound(what="plant")
