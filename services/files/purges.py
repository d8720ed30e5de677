"""Forgetting contents that no file names any more: a replaced logo, an upload whose form was never saved."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.db.tables import KeptFile
from services.db.work import Work
from services.file_store import current_file_store
from services.files.kept_files import hold_content
from services.jobs.registry import Job, does, does_for_system, enqueue_for_organizations

DAY_S = 86_400
IS_NAMED = text("SELECT EXISTS (SELECT FROM files WHERE org_id = :org_id AND sha256 = :digest)")


class PurgeEveryonesContents(Job):
    """Have the orphaned contents of every organization forgotten."""

    name = "files.contents.purge_all"


class PurgeContents(Job):
    """Forget the orphaned contents of one organization."""

    name = "files.contents.purge"


@does_for_system(PurgeEveryonesContents, every_s=DAY_S)
async def purge_everyones_contents(connection: AsyncConnection, _: PurgeEveryonesContents) -> None:
    """Queue the purge for every organization."""
    await enqueue_for_organizations(connection, PurgeContents())


@does(PurgeContents)
async def purge_contents(work: Work, _: PurgeContents) -> None:
    """Delete from the file store what no file of the organization names.

    Whoever keeps a file holds its content until they commit, and so does this: nothing is deleted that is about to be
    named, and what is named again afterwards is put again.

    Raises:
        FilesUnavailable: the file store does not answer.
    """
    store = current_file_store()
    named = await _named(work)
    orphans = [key async for key in store.keys(f"{work.scope.org_id}/") if key not in named]
    for key in orphans:
        await hold_content(work, key)
        if not await _is_named(work, work.scope.org_id, key):
            await store.delete(key)


async def _named(work: Work) -> frozenset[str]:
    digests = await work.session.scalars(select(KeptFile.sha256).distinct())
    return frozenset(f"{work.scope.org_id}/{digest.hex()}" for digest in digests)


async def _is_named(work: Work, org_id: UUID, key: str) -> bool:
    digest = bytes.fromhex(key.rpartition("/")[2])
    return bool(await work.session.scalar(IS_NAMED, {"org_id": org_id, "digest": digest}))
