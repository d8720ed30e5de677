"""What can be read about organizations."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from domain.errors import NotFound
from domain.identity.roles import Permission
from services.db.tables import Organization
from services.db.work import Work


@dataclass(frozen=True)
class OrganizationInfo:
    """A tenant."""

    id: UUID
    slug: str
    """Short name in addresses."""
    name: str
    created_at: datetime
    """Aware UTC."""


async def own_organization(work: Work) -> OrganizationInfo:
    """Return the organization of the work's scope: the only one that it can see.

    Raises:
        Forbidden: the actor may not read the plant model.
        NotFound: the organization does not exist.
    """
    work.scope.require(Permission.READ_PLANT)
    statement = select(Organization.id, Organization.slug, Organization.name, Organization.created_at)
    row = (await work.session.execute(statement)).one_or_none()
    if row is None:
        raise NotFound(what="organization")
    return OrganizationInfo(*row)
