"""Finding an organization before anybody has signed in to it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from domain.checks import storable
from domain.errors import NotFound
from services.db.engine import without_tenant

OF_ADDRESS = text("SELECT id, slug, name FROM app.organization_of_address(:slug, :host)")


@dataclass(frozen=True)
class OrganizationAddress:
    """What everybody may know of the organization whose sign-in page this is."""

    id: UUID
    slug: str
    name: str


async def organization_of_address(*, slug: str, host: str) -> OrganizationAddress | None:
    """Return the organization whose own host this is, else the one with the slug; None where nobody may know of any.

    An unknown address and a suspended organization look the same.

    Raises:
        Unavailable: Postgres does not answer.
    """
    given = {"slug": storable(slug, longest=40), "host": storable(host.lower(), longest=253)}
    async with without_tenant() as connection:
        row = (await connection.execute(OF_ADDRESS, given)).one_or_none()
    return None if row is None else OrganizationAddress(id=row.id, slug=row.slug, name=row.name)


async def find_organization(slug: str) -> UUID:
    """Return the id of the organization with this slug; for commands of whoever runs the installation.

    Raises:
        NotFound: there is none.
        Unavailable: Postgres does not answer.
    """
    async with without_tenant() as connection:
        org_id: UUID | None = await connection.scalar(
            text("SELECT app.find_organization(:slug)"), {"slug": storable(slug, longest=40)}
        )
    if org_id is None:
        raise NotFound(what="organization")
    return org_id


async def any_organization() -> bool:
    """Tell whether the installation holds any organization yet.

    Raises:
        Unavailable: Postgres does not answer.
    """
    async with without_tenant() as connection:
        return bool(await connection.scalar(text("SELECT app.has_organizations()")))
