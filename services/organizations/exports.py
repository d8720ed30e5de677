"""Exports of a whole organization: packed by a worker, fetched for a week, then forgotten."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound
from domain.files.purposes import FilePurpose
from domain.identity.roles import Permission
from domain.operations.exports import KEPT_FOR
from services.db.keys import new_id
from services.db.tables import KeptFile, Organization, User
from services.db.work import Work, begin
from services.files.kept_files import forget_file, keep_file_at
from services.files.purges import PurgeContents
from services.jobs.registry import Job, does, does_for_system, enqueue, enqueue_for_organizations
from services.organizations.packing import pack
from services.tasks.tasks import RunningTask, TaskInfo, TaskJob, does_task, get_task, start_task

MEDIA_TYPE = "application/zip"
HOUR_S = 3600
MOST_SHOWN = 50
PATIENT = text("SELECT set_config('idle_in_transaction_session_timeout', '0', true)")
"""A large file takes its time on the way to the file store; nothing is locked meanwhile but the file itself."""


class ExportOrganization(TaskJob):
    """Pack everything that an organization has."""

    name = "system.organization.export"


class ExpireEveryonesExports(Job):
    """Have the old exports of every organization forgotten."""

    name = "system.exports.expire_all"


class ExpireExports(Job):
    """Forget an organization's old exports."""

    name = "system.exports.expire"


@dataclass(frozen=True)
class Export:
    """An export that can be fetched."""

    file_id: UUID
    name: str
    size: int
    """Bytes."""
    created_at: datetime
    expires_at: datetime
    created_by: str
    """The name of who started it; empty for the system."""


async def start_export(work: Work) -> TaskInfo:
    """Have everything of the organization packed into one file; one export is under way at a time.

    Raises:
        Forbidden: the actor may not export the organization.
        NotInEveryPlant: they may, but not in every plant.
        TaskUnderWay: it is being exported already.
    """
    await work.permit_everywhere(Permission.OPEN_EXPORTS)
    return await get_task(work, await start_task(work, ExportOrganization(task_id=new_id())))


async def list_exports(work: Work) -> tuple[Export, ...]:
    """Return the exports that can be fetched, the newest first.

    Raises:
        Forbidden, NotInEveryPlant: as `start_export`.
    """
    await work.permit_everywhere(Permission.OPEN_EXPORTS)
    rows = await work.session.execute(
        select(KeptFile, User.display_name)
        .outerjoin(User, (User.org_id == KeptFile.org_id) & (User.id == KeptFile.created_by))
        .where(KeptFile.purpose == FilePurpose.EXPORT.value)
        .order_by(KeptFile.created_at.desc(), KeptFile.id.desc())
        .limit(MOST_SHOWN)
    )
    return tuple(
        Export(file.id, file.name, file.size, file.created_at, file.created_at + KEPT_FOR, name or "")
        for file, name in rows
    )


async def discard_export(work: Work, *, file_id: UUID) -> None:
    """Forget an export before its time.

    Raises:
        Forbidden, NotInEveryPlant: as `start_export`.
        NotFound: there is no such export.
    """
    await work.permit_everywhere(Permission.OPEN_EXPORTS)
    file = await work.session.get(KeptFile, file_id)
    if file is None or file.purpose != FilePurpose.EXPORT:
        raise NotFound(what="export")
    await forget_file(work, file_id=file_id)
    await enqueue(work, PurgeContents())


@does_task(ExportOrganization)
async def export_organization(running: RunningTask, job: ExportOrganization) -> dict[str, object]:
    """Pack, then keep the file and say so in one transaction, so that a worker that dies leaves one file or none."""
    if kept := await running.kept():
        return kept
    folder = Path(tempfile.gettempdir()) / f"unison-export-{job.task_id}"
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)  # of a worker that died
    await asyncio.to_thread(folder.mkdir, mode=0o700)
    try:
        path = folder / "export.zip"
        packed = await pack(running.scope, path, report=running.report)
        async with begin(running.scope) as work:
            await work.session.execute(PATIENT)
            slug = await work.session.scalar(select(Organization.slug))
            name = f"{slug}-{work.now:%Y-%m-%d-%H%M}.zip"
            file = await keep_file_at(work, purpose=FilePurpose.EXPORT, name=name, media_type=MEDIA_TYPE, path=path)
            result: dict[str, object] = {
                "file_id": str(file.id), "name": file.name, "bytes": file.size, "rows": packed.rows,
                "files": packed.files, "missing": packed.missing,
            }  # fmt: skip
            await running.keep(work, result)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return result


@does_for_system(ExpireEveryonesExports, every_s=HOUR_S)
async def expire_everyones_exports(connection: AsyncConnection, _: ExpireEveryonesExports) -> None:
    """Queue the job for every organization."""
    await enqueue_for_organizations(connection, ExpireExports())


@does(ExpireExports)
async def expire_exports(work: Work, _: ExpireExports) -> None:
    """Forget what is older than a week; whoever keeps everything of an organization lying about keeps a risk."""
    old = await work.session.scalars(
        select(KeptFile.id).where(
            KeptFile.purpose == FilePurpose.EXPORT.value, KeptFile.created_at < work.now - KEPT_FOR
        )
    )
    ids = old.all()
    for file_id in ids:
        await forget_file(work, file_id=file_id)
    if ids:
        await enqueue(work, PurgeContents())
