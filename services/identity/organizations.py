"""Finding an organization before anybody has signed in to it."""

from uuid import UUID

from sqlalchemy import text

from domain.checks import storable
from domain.errors import NotFound
from services.db.engine import without_tenant


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
