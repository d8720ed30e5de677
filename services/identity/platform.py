"""The platform: its people make, suspend and rename organizations, and see nothing of them but names and counts.

Each of these use cases passes through a function of the database that refuses every organization but the platform's
own, whatever rights the caller claims.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import asyncpg
from sqlalchemy import text

from domain.checks import checked_text
from domain.edits import UNCHANGED, Unchanged
from domain.errors import Conflict, Forbidden, NotFound, marked
from domain.events import OrganizationEdited
from domain.identity.accounts import checked_host, checked_slug
from domain.identity.roles import Permission, Role
from domain.scope import Scope
from services.db.engine import without_tenant
from services.db.keys import new_id
from services.db.paging import Page, page_of
from services.db.unique import unique_or
from services.db.work import Work, beside
from services.identity.invitations import invite_user
from services.identity.users import SlugTaken, add_user, found_organization

IS_PLATFORM = "SELECT is_platform FROM organizations"
IDS = "SELECT * FROM app.organization_ids($1, $2)"
FACTS = "SELECT * FROM app.organization_facts($1)"
EDIT = text("SELECT app.edit_organization(:id, :seen, :slug, :name, :host, :active)")
FIRST_ADMIN = """
SELECT invited.user_id FROM user_invitations AS invited
WHERE invited.used_at IS NULL AND NOT EXISTS (SELECT FROM users WHERE password_hash IS NOT NULL)
  AND NOT EXISTS (SELECT FROM sign_in_sessions)
FOR UPDATE OF invited
"""
"""Locked, so that nobody comes in while the link is replaced."""
FOUND = text("SELECT app.found_platform(:id, :slug, :name)")
THE_PLATFORM = text("SELECT app.platform()")


class AddressTaken(Conflict):
    """Another organization has this short name or host."""

    code: ClassVar[str] = "address_taken"
    sentence: ClassVar[str] = marked("Another organization has this short name or this host. Choose another one.")


class PlatformStays(Conflict):
    """The platform's own organization, which nobody could resume."""

    code: ClassVar[str] = "platform_stays"
    sentence: ClassVar[str] = marked("The platform's own organization cannot be suspended or deleted.")


class PlatformFounded(Conflict):
    """Somebody else founded the platform's own organization at the same time."""

    code: ClassVar[str] = "platform_founded"
    sentence: ClassVar[str] = marked("The installation has a platform organization by now. Try again.")


class AlreadyEntered(Conflict):
    """An organization that is its own people's by now."""

    code: ClassVar[str] = "already_entered"
    sentence: ClassVar[str] = marked("Somebody has entered this organization by now. Its own admins invite people.")


@dataclass(frozen=True)
class AddedOrganization:
    """An organization whose first admin is invited."""

    id: UUID
    invitation_link: str | None
    """To be handed over; None where it goes by mail."""


@dataclass(frozen=True)
class OrganizationFacts:
    """What the platform may know of an organization."""

    id: UUID
    slug: str
    """Short name in addresses."""
    name: str
    host: str | None
    """Host name of its own."""
    is_active: bool
    """False while it is suspended."""
    is_platform: bool
    created_at: datetime
    version: int
    users: int
    """Active ones."""
    plants: int
    machines: int
    is_entered: bool
    """Whether anybody has come in; until then its first admin can be invited again."""


async def list_organizations(work: Work, *, after: str | None = None, limit: int = 100) -> Page[OrganizationFacts]:
    """Return every organization in the order of their short names; `after` is one of these.

    Raises:
        Forbidden: the actor is no admin of the platform.
    """
    await require_platform(work, Permission.READ_ORGANIZATIONS)
    ids = [row[0] for row in await work.fetch(IDS, after or "", limit + 1)]
    page = page_of(ids, limit)
    rows = await work.fetch(FACTS, list(page.items))
    return Page(items=tuple(_facts(row) for row in rows), has_more=page.has_more)


async def get_organization(work: Work, organization_id: UUID) -> OrganizationFacts:
    """Return one organization.

    Raises:
        Forbidden: the actor is no admin of the platform.
        NotFound: there is no such organization.
    """
    await require_platform(work, Permission.READ_ORGANIZATIONS)
    rows = await work.fetch(FACTS, [organization_id])
    if not rows:
        raise NotFound(what="organization")
    return _facts(rows[0])


async def add_organization(
    work: Work, *, slug: str, name: str, admin_email: str, admin_name: str, base_url: str
) -> AddedOrganization:
    """Make an organization and invite its first admin, as `invite_user` does.

    Raises:
        Forbidden: the actor is no admin of the platform.
        InvalidSlug, InvalidText, InvalidEmail: a value cannot be used.
        SlugTaken: another organization has the short name.
    """
    await require_platform(work, Permission.ADD_ORGANIZATIONS)
    founder = Scope(new_id(), user_id=work.scope.user_id, request_id=work.scope.request_id)
    async with beside(work, founder) as inside:
        await found_organization(inside, slug=slug, name=name)
        admin = await add_user(inside, email=admin_email, display_name=admin_name, roles=frozenset({Role.ADMIN}))
        link = await invite_user(inside, user_id=admin.id, base_url=base_url)
    return AddedOrganization(id=founder.org_id, invitation_link=link)


async def invite_first_admin(work: Work, *, organization_id: UUID, base_url: str) -> AddedOrganization:
    """Invite the first admin of an organization again, which nobody has entered yet; the link of before opens nothing.

    Raises:
        Forbidden: the actor is no admin of the platform.
        NotFound: there is no such organization.
        AlreadyEntered: somebody has chosen a password there, so that its own people invite from now on.
    """
    await require_platform(work, Permission.ADD_ORGANIZATIONS)
    known = await get_organization(work, organization_id)
    inviter = Scope(known.id, user_id=work.scope.user_id, request_id=work.scope.request_id)
    async with beside(work, inviter) as inside:
        rows = await inside.fetch(FIRST_ADMIN)
        if len(rows) != 1:
            raise AlreadyEntered
        link = await invite_user(inside, user_id=rows[0]["user_id"], base_url=base_url)
    return AddedOrganization(id=known.id, invitation_link=link)


async def edit_organization(
    work: Work,
    *,
    organization_id: UUID,
    version: int,
    slug: str | Unchanged = UNCHANGED,
    name: str | Unchanged = UNCHANGED,
    host: str | Unchanged = UNCHANGED,
) -> None:
    """Give an organization another name, short name or host; an empty host takes it away.

    Raises:
        Forbidden: the actor is no admin of the platform.
        InvalidSlug, InvalidText, InvalidHost: a value cannot be used.
        NotFound: there is no such organization.
        Conflict: it has changed since `version` was seen.
        AddressTaken: another organization has the short name or the host.
    """
    await require_platform(work, Permission.ADD_ORGANIZATIONS)
    known = await get_organization(work, organization_id)
    await _write(
        work,
        known,
        version=version,
        slug=known.slug if slug is UNCHANGED else checked_slug(slug),
        name=known.name if name is UNCHANGED else checked_text(name, field="name"),
        host=known.host if host is UNCHANGED else checked_host(host),
        is_active=known.is_active,
    )


async def suspend_organization(work: Work, *, organization_id: UUID, version: int) -> None:
    """Let nobody of an organization in: its sessions, keys and screens end at once, its jobs wait, nothing is lost.

    Raises:
        Forbidden: the actor is no admin of the platform.
        NotFound: there is no such organization.
        PlatformStays: it is the platform's own.
        Conflict: it has changed since `version` was seen.
    """
    await _set_active(work, organization_id=organization_id, version=version, is_active=False)


async def resume_organization(work: Work, *, organization_id: UUID, version: int) -> None:
    """Let the people and programs of a suspended organization in again, and its jobs go on.

    Raises:
        Forbidden: the actor is no admin of the platform.
        NotFound: there is no such organization.
        Conflict: it has changed since `version` was seen.
    """
    await _set_active(work, organization_id=organization_id, version=version, is_active=True)


async def found_platform(work: Work, *, slug: str, name: str) -> bool:
    """Make the platform's own organization, whose id the work's scope carries; returns False where there is one.

    Raises:
        InvalidSlug, InvalidText: the short name or the name cannot be kept.
        SlugTaken: an organization has the short name.
    """
    asked = {"id": work.scope.org_id, "slug": checked_slug(slug), "name": checked_text(name, field="name")}
    async with unique_or(work, SlugTaken(slug=slug)):
        return bool(await work.session.scalar(FOUND, asked))


async def find_platform() -> UUID | None:
    """Return the platform's own organization; None where the installation has none.

    Raises:
        Unavailable: Postgres does not answer.
    """
    async with without_tenant() as connection:
        found: UUID | None = await connection.scalar(THE_PLATFORM)
    return found


async def _set_active(work: Work, *, organization_id: UUID, version: int, is_active: bool) -> None:
    await require_platform(work, Permission.SUSPEND_ORGANIZATIONS)
    known = await get_organization(work, organization_id)
    if known.is_platform and not is_active:
        raise PlatformStays
    await _write(work, known, version=version, slug=known.slug, name=known.name, host=known.host, is_active=is_active)


async def _write(
    work: Work, known: OrganizationFacts, *, version: int, slug: str, name: str, host: str | None, is_active: bool
) -> None:
    parameters = {
        "id": known.id, "seen": version, "slug": slug, "name": name, "host": host, "active": is_active,
    }  # fmt: skip
    async with unique_or(work, AddressTaken(field="slug" if slug != known.slug else "host")):
        if await work.session.scalar(EDIT, parameters) is None:
            raise Conflict
    work.emit(OrganizationEdited(organization_id=known.id))


async def require_platform(work: Work, permission: Permission) -> None:
    """Refuse everybody but the platform's own people, before the database would.

    Raises:
        Forbidden: the actor lacks the permission, or their organization is not the platform's own.
    """
    await work.permit(permission)
    rows = await work.fetch(IS_PLATFORM)
    if not rows or not rows[0][0]:
        raise Forbidden(permission=permission.value)


def _facts(row: "asyncpg.Record") -> OrganizationFacts:
    return OrganizationFacts(**row)
