"""Deleting an organization: nobody comes in any more, then its rows go some at a time, then its files, then itself.

Whatever stops it, the job comes again and goes on where it was. Nothing of it stays but one line for the platform.
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Unavailable
from domain.events import DeletionMoved, OrganizationEdited
from domain.operations.deletions import deletion_order
from domain.scope import Scope
from services.db.work import begin, read
from services.file_store import current_file_store
from services.identity.platform import find_platform
from services.jobs.registry import Job, does_for_system, does_for_system_at_length, enqueue_for_system
from services.organizations.catalogue import ORGANIZATIONS, TenantTable, references, tenant_tables

log = structlog.get_logger(__name__)

AT_ONCE = 5_000
"""Rows that go in one transaction: few enough that it takes a moment only."""
MOST_PASSES = 5
"""How often to begin again where somebody who was in still wrote."""
LOOK_EVERY_S = 60
TOLD_EVERY_S = 0.5

DUE = text("""
SELECT due FROM app.due_deletions() AS due WHERE NOT EXISTS (
  SELECT FROM pgmq.q_jobs WHERE message ->> 'job' = :job AND message -> 'payload' ->> 'organization_id' = due::text
)
""")
BEGIN = "SELECT app.begin_deletion($1)"
EMPTY = "SELECT app.empty_references($1, $2, $3)"
DELETE = "SELECT app.delete_rows($1, $2, $3)"
NOTE = "SELECT app.note_deletion($1, $2, $3)"
END = "SELECT app.end_deletion($1)"


class DeleteDueOrganizations(Job):
    """Have every organization deleted whose day has come."""

    name = "organizations.due.delete"


class DeleteOrganization(Job):
    """Delete one organization and all that it has."""

    name = "organizations.organization.delete"
    organization_id: UUID


@does_for_system(DeleteDueOrganizations, every_s=LOOK_EVERY_S)
async def delete_due_organizations(connection: AsyncConnection, _: DeleteDueOrganizations) -> None:
    """Queue the job of each, unless it waits or runs already."""
    due = (await connection.execute(DUE, {"job": DeleteOrganization.name})).scalars().all()
    for organization_id in due:
        await enqueue_for_system(connection, DeleteOrganization(organization_id=organization_id))


@does_for_system_at_length(DeleteOrganization)
async def delete_organization(job: DeleteOrganization) -> None:
    """Delete an organization whose end is due; nothing happens where it was taken back or is over.

    Raises:
        Unavailable: Postgres or the file store does not answer; it goes on when the job comes again.
    """
    deletion = _Deletion(Scope(job.organization_id, request_id=f"delete-{job.organization_id}"))
    async with begin(deletion.scope) as work:
        if not (await work.fetch(BEGIN, job.organization_id))[0][0]:
            return
        work.emit(OrganizationEdited(organization_id=job.organization_id))
    await deletion.run()
    log.info("an organization was deleted", organization=str(job.organization_id), total=deletion.done)


@dataclass
class _Deletion:
    """One organization on its way out."""

    scope: Scope
    done: int = 0
    total: int = 0
    told_at: float = 0.0
    is_over: bool = False

    async def run(self) -> None:
        """Delete until nothing is left; who was in when it began may have written something meanwhile."""
        async with read(self.scope) as work:
            tables, links = await tenant_tables(work), await references(work)
        order = deletion_order({table.name for table in tables}, links)
        self.total = sum([await self._count(table) for table in tables]) + len([key async for key in self._files()])
        await self._tell(is_edited=True)
        for _ in range(MOST_PASSES):
            for name in order.emptied:
                await self._repeat(EMPTY, name)
            for name in order.tables:
                if name != ORGANIZATIONS:
                    await self._repeat(DELETE, name, counts=True)
            await self._delete_files()
            self.is_over = await self._end()
            if self.is_over:
                await self._delete_files()  # put there by who was still in
                await self._tell(is_edited=True)
                return
        raise Unavailable

    async def _delete_files(self) -> None:
        async for key in self._files():
            await current_file_store().delete(key)
            await self._add(1)

    async def _count(self, table: TenantTable) -> int:
        async with read(self.scope) as work:
            return int((await work.fetch(f"SELECT count(*) FROM {table.name}"))[0][0])

    def _files(self) -> AsyncIterator[str]:
        return current_file_store().keys(f"{self.scope.org_id}/")

    async def _repeat(self, step: str, name: str, *, counts: bool = False) -> None:
        rows = AT_ONCE
        while rows:
            async with begin(self.scope) as work:
                rows = int((await work.fetch(step, self.scope.org_id, name, AT_ONCE))[0][0])
            if counts:
                await self._add(rows)

    async def _end(self) -> bool:
        try:
            async with begin(self.scope) as work:
                await work.fetch(END, self.scope.org_id)
        except asyncpg.ForeignKeyViolationError:
            return False
        return True

    async def _add(self, count: int) -> None:
        self.done += count
        if count and time.monotonic() >= self.told_at + TOLD_EVERY_S:
            await self._tell()

    async def _tell(self, *, is_edited: bool = False) -> None:
        """Note how far it is, and have the platform's people see it."""
        self.told_at = time.monotonic()
        if not self.is_over:
            async with begin(self.scope) as work:
                await work.fetch(NOTE, self.scope.org_id, min(self.done, self.total), self.total)
        platform = await find_platform()
        if platform is None:
            return
        async with begin(Scope(platform, request_id=self.scope.request_id)) as work:
            work.emit(DeletionMoved(organization_id=self.scope.org_id))
            if is_edited:
                work.emit(OrganizationEdited(organization_id=self.scope.org_id))
