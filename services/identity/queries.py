"""What can be read about organizations and the people in them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import select

from domain.checks import storable
from domain.errors import NotFound
from domain.identity.roles import Permission, Role
from services.db.paging import Page, PageQuery, page_of
from services.db.tables import Organization
from services.db.work import Work

HOLDERS = """
SELECT users.id AS user_id, users.display_name AS name, users.email, users.is_active,
       held.roles, held.has_badge, held.has_pin
FROM users CROSS JOIN LATERAL (
  SELECT ARRAY(SELECT role FROM user_roles WHERE org_id = users.org_id AND user_id = users.id ORDER BY role) AS roles,
         EXISTS (SELECT FROM user_badges WHERE org_id = users.org_id AND user_id = users.id AND kind = 'badge')
           AS has_badge,
         EXISTS (SELECT FROM user_badges WHERE org_id = users.org_id AND user_id = users.id AND kind = 'pin') AS has_pin
) AS held
"""
ESCAPED = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


@dataclass(frozen=True)
class BadgeHolder:
    """A person, and by what kiosks know them."""

    user_id: UUID
    name: str
    email: str
    is_active: bool
    """Whether they may sign in or identify themselves."""
    roles: tuple[str, ...]
    has_badge: bool
    has_pin: bool


@dataclass(frozen=True)
class OrganizationInfo:
    """A tenant."""

    id: UUID
    slug: str
    """Short name in addresses."""
    name: str
    created_at: datetime
    """Aware UTC."""
    host: str | None
    """Host name of its own."""
    is_active: bool
    is_platform: bool
    """Whether it is the one whose people make the others."""
    version: int


async def own_organization(work: Work) -> OrganizationInfo:
    """Return the organization of the work's scope: the only one that it can see.

    Raises:
        Forbidden: the actor may not read the plant model.
        NotFound: the organization does not exist.
    """
    await work.permit(Permission.READ_PLANT)
    statement = select(
        Organization.id, Organization.slug, Organization.name, Organization.created_at, Organization.host,
        Organization.is_active, Organization.is_platform, Organization.version,
    )  # fmt: skip
    row = (await work.session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound(what="organization")
    return OrganizationInfo(*row)


async def slug_of(work: Work) -> str:
    """Return the short name of the work's organization; empty where it is gone."""
    return await work.session.scalar(select(Organization.slug)) or ""


async def list_badge_holders(
    work: Work, *, search: str = "", after: tuple[str, UUID] | None = None, limit: int = 100
) -> Page[BadgeHolder]:
    """Return the people of the organization by name, and by what kiosks know them; `after` is a name and an id.

    Devices are left out, and so are people who left and hold neither badge nor PIN. `search` is a part of a name or an
    address.

    Raises:
        Forbidden: the actor may not read users.
    """
    await work.permit(Permission.READ_USERS)
    name, user_id = after or (None, None)
    part = f"%{storable(search.strip(), longest=200).translate(ESCAPED)}%" if search.strip() else None
    rows = await (
        PageQuery(HOLDERS)
        .where("held.roles <> {}", [Role.TERMINAL.value])
        .where("(users.is_active OR held.has_badge OR held.has_pin)")
        .where("(users.display_name ILIKE {0} OR users.email ILIKE {0})", part)
        .where("(users.display_name, users.id) > ({}, {})", name, user_id)
        .fetch(work, order="users.display_name, users.id", limit=limit)
    )
    return page_of([_holder(row) for row in rows], limit)


async def get_badge_holder(work: Work, user_id: UUID) -> BadgeHolder:
    """Return one person, and by what kiosks know them.

    Raises:
        Forbidden: the actor may not read users.
        NotFound: there is no such user.
    """
    await work.permit(Permission.READ_USERS)
    rows = await PageQuery(HOLDERS).where("users.id = {}", user_id).fetch(work, order="users.id", limit=1)
    if not rows:
        raise NotFound(what="user")
    return _holder(rows[0])


def _holder(row: "asyncpg.Record") -> BadgeHolder:
    return BadgeHolder(**{**row, "roles": tuple(row["roles"])})
