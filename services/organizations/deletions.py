"""The end of an organization: its own admin or the platform plans it, and either can take it back until it begins."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import select

from domain.errors import Conflict, NotFound
from domain.events import DeletionMoved, OrganizationEdited
from domain.identity.roles import Permission
from domain.operations.deletions import (
    DeletionPlanned,
    DeletionState,
    NoDeletionPlanned,
    NotItsShortName,
    StillActive,
    checked_grace,
)
from domain.scope import Scope
from services.auth.attempts import SignInAttempts
from services.db.tables import Organization, User
from services.db.work import Work, beside
from services.identity.own_account import confirm_yourself
from services.identity.platform import OrganizationFacts, PlatformStays, get_organization, require_platform
from services.jobs.registry import enqueue_for_system
from services.organizations.deletion_jobs import DeleteOrganization

PLAN = "SELECT app.plan_deletion($1, $2, $3, $4)"
PLATFORM = "SELECT app.platform()"
KEEP = "SELECT app.keep_organization($1)"
ALL = "SELECT * FROM app.deletions_seen() ORDER BY asked_at DESC"
OPEN = "SELECT * FROM app.deletions_seen() WHERE organization = $1 AND ended_at IS NULL"


@dataclass(frozen=True)
class Deletion:
    """The planned, running or past end of an organization."""

    organization_id: UUID
    slug: str
    name: str
    state: DeletionState
    asked_at: datetime
    asked_by: str
    """The name of who wanted it, where the reader may know them; else empty."""
    by_platform: bool
    """Whether the platform wanted it, not the organization itself."""
    due_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    done: int
    """Rows and files that are gone."""
    total: int


async def plan_deletion(
    work: Work,
    attempts: SignInAttempts,
    *,
    organization_id: UUID,
    slug: str,
    password: str,
    after_days: int,
    version: int | None = None,
) -> Deletion:
    """Have an organization deleted, with all that it has, in `after_days` days from 0 to 90.

    Until then everything goes on, and it can be taken back. `slug` and the actor's own password confirm it. The
    platform deletes only what it has suspended.

    Raises:
        Forbidden, NotInEveryPlant: the actor may not, or not in every plant.
        OnlyYourself, SignInAgain, NotYourPassword, TooManyAttempts: as `confirm_yourself`.
        NotFound: there is no such organization.
        InvalidWholeNumber, NotItsShortName: a value is wrong.
        PlatformStays: it is the platform's own.
        StillActive: the platform did not suspend it yet.
        DeletionPlanned: its end is planned already.
        Conflict: it has changed since `version` was seen.
    """
    known = await _permitted(work, organization_id)
    grace = checked_grace(after_days)
    if slug.strip().lower() != known.slug:
        raise NotItsShortName(field="slug", slug=known.slug)
    asker = await confirm_yourself(work, attempts, password=password)
    if known.is_platform:
        raise PlatformStays
    if await _find(work, organization_id) is not None:
        raise DeletionPlanned
    if known.is_active and not _is_own(work, organization_id):
        raise StillActive
    if (await work.fetch(PLAN, organization_id, version, work.now + grace, asker))[0][0] is None:
        raise Conflict
    if not grace:
        job = DeleteOrganization(organization_id=organization_id)
        await enqueue_for_system(await work.session.connection(), job)
    await _tell(work, organization_id)
    return await _get(work, organization_id)


async def keep_organization(work: Work, *, organization_id: UUID) -> None:
    """Take the planned end of an organization back.

    Raises:
        Forbidden, NotInEveryPlant: the actor may not, or not in every plant.
        NotFound: there is no such organization.
        NoDeletionPlanned: nobody wants it deleted, or that has begun.
    """
    await _permitted(work, organization_id)
    if (await work.fetch(KEEP, organization_id))[0][0] is None:
        raise NoDeletionPlanned
    await _tell(work, organization_id)


async def find_deletion(work: Work, organization_id: UUID) -> Deletion | None:
    """Return the planned or running end of an organization; None where nobody wants it, or it is over.

    Raises:
        Forbidden, NotInEveryPlant: the actor may not delete it.
    """
    await _permit(work, organization_id)
    return await _find(work, organization_id)


async def list_deletions(work: Work) -> tuple[Deletion, ...]:
    """Return every planned, running and past end of an organization, the newest first.

    Raises:
        Forbidden: the actor is no admin of the platform.
    """
    await require_platform(work, Permission.READ_ORGANIZATIONS)
    return tuple([await _shown(work, row) for row in await work.fetch(ALL)])


def _is_own(work: Work, organization_id: UUID) -> bool:
    return organization_id == work.scope.org_id


async def _permit(work: Work, organization_id: UUID) -> None:
    if _is_own(work, organization_id):
        await work.permit_everywhere(Permission.DELETE_ORGANIZATION)
    else:
        await require_platform(work, Permission.DELETE_ORGANIZATIONS)


async def _permitted(work: Work, organization_id: UUID) -> "OrganizationFacts | Organization":
    """Return an organization that the actor may delete."""
    await _permit(work, organization_id)
    if not _is_own(work, organization_id):
        return await get_organization(work, organization_id)
    own = (await work.session.execute(select(Organization))).scalar_one_or_none()
    if own is None:
        raise NotFound(what="organization")
    return own


async def _tell(work: Work, organization_id: UUID) -> None:
    """Tell the organization's own screens and those of the platform."""
    work.emit(OrganizationEdited(organization_id=organization_id))
    work.emit(DeletionMoved(organization_id=organization_id))
    other = (await work.fetch(PLATFORM))[0][0] if _is_own(work, organization_id) else organization_id
    if other is not None:
        async with beside(work, Scope(other, request_id=work.scope.request_id)) as inside:
            inside.emit(DeletionMoved(organization_id=organization_id))


async def _get(work: Work, organization_id: UUID) -> Deletion:
    found = await _find(work, organization_id)
    if found is None:
        raise NotFound(what="deletion")
    return found


async def _find(work: Work, organization_id: UUID) -> Deletion | None:
    rows = await work.fetch(OPEN, organization_id)
    return await _shown(work, rows[0]) if rows else None


async def _shown(work: Work, row: "asyncpg.Record") -> Deletion:
    asker = None if row["asked_by"] is None else await work.session.get(User, row["asked_by"])
    state = DeletionState.PLANNED if row["started_at"] is None else DeletionState.RUNNING
    return Deletion(
        organization_id=row["organization"],
        slug=row["slug"],
        name=row["name"],
        state=state if row["ended_at"] is None else DeletionState.DONE,
        asked_at=row["asked_at"],
        asked_by="" if asker is None else asker.display_name,
        by_platform=row["by_platform"],
        due_at=row["due_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        done=row["done"],
        total=row["total"],
    )
