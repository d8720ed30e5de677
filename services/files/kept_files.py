"""Keeping files: a row that says what a file is, and its content once per organization in the file store.

The same bytes are kept once, under `organization/sha256`, and never shared between organizations. A content stays as
long as a row names it; what no row names any more a job forgets (`services.files.purges`).
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from uuid import UUID

from sqlalchemy import delete, select, text

from domain.errors import NotFound
from domain.files.contents import checked_file_name, checked_size, plain_media_type
from domain.files.purposes import READ_WITH, FilePurpose
from domain.identity.roles import Permission
from services.audit.notes import note_read
from services.custom_fields.attached import sees_attachment
from services.db.paging import Page, page_of
from services.db.tables import KeptFile
from services.db.work import Work
from services.file_store import current_file_store

LARGEST_IN_MEMORY = 50_000_000
"""Bytes that are ever held at once; what is larger comes as a path."""
HOLD_CONTENT = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


@dataclass(frozen=True)
class StoredFile:
    """What is known about a file."""

    id: UUID
    purpose: FilePurpose
    name: str
    media_type: str
    size: int
    """Bytes."""
    sha256: str
    """Of the content, in hexadecimal digits."""
    created_at: datetime
    """Aware UTC."""
    created_by: UUID | None
    """The user who brought it; None for the system."""


async def keep_file(work: Work, *, purpose: FilePurpose, name: str, media_type: str, content: bytes) -> StoredFile:
    """Keep a file in the work's organization; it is there if, and only if, the work commits.

    A building block: the use case that takes the file asks for the right and checks what the content is.

    Raises:
        FileEmpty, FileTooLarge: its size.
        InvalidText: its name.
        FilesUnavailable: the file store does not take it.
    """
    checked_size(len(content), most=LARGEST_IN_MEMORY, field="file")
    digest = (await asyncio.to_thread(sha256, content)).digest()
    key = await _hold(work, digest)
    await current_file_store().put(key, content)
    return await _note(work, purpose, name, media_type, len(content), digest)


async def keep_file_at(work: Work, *, purpose: FilePurpose, name: str, media_type: str, path: Path) -> StoredFile:
    """Keep a copy of a local file of any size, as `keep_file` does.

    Raises:
        FileEmpty: nothing is in it.
        InvalidText: its name.
        FilesUnavailable: the file store does not take it.
    """
    size, digest = await asyncio.to_thread(_measured, path)
    checked_size(size, most=size, field="file")
    key = await _hold(work, digest)
    await current_file_store().put_file(key, path)
    return await _note(work, purpose, name, media_type, size, digest)


async def add_file(work: Work, *, name: str, media_type: str, content: bytes) -> StoredFile:
    """Keep what somebody attaches to a thing; the custom field that holds it names its id.

    Raises:
        Forbidden: the actor may not add files.
        And as `keep_file`.
    """
    await work.permit(Permission.ADD_FILES)
    return await keep_file(work, purpose=FilePurpose.CUSTOM_FIELD, name=name, media_type=media_type, content=content)


async def list_files(
    work: Work, *, purpose: FilePurpose, after: UUID | None = None, limit: int = 100
) -> Page[StoredFile]:
    """Return the files of a purpose, the newest first; `after` is the id of the last one before.

    Of the values of custom fields, those that the actor brought; all of them for who edits custom fields everywhere.

    Raises:
        Forbidden: the actor may not read files of this purpose.
    """
    await work.permit(READ_WITH[purpose])
    statement = select(KeptFile).where(KeptFile.purpose == purpose.value)
    sees_all = work.scope.may(Permission.EDIT_FIELDS) and work.scope.plants_of(Permission.EDIT_FIELDS) is None
    if purpose is FilePurpose.CUSTOM_FIELD and not sees_all:
        statement = statement.where(KeptFile.created_by == work.scope.user_id)
    if after is not None:
        statement = statement.where(KeptFile.id < after)
    rows = await work.session.scalars(statement.order_by(KeptFile.id.desc()).limit(limit + 1))
    return page_of([_shown(row) for row in rows], limit)


async def find_file(work: Work, file_id: UUID) -> StoredFile:
    """Return what is known about a file.

    The value of a custom field is seen by whoever sees a thing that holds it, and by who brought it. Looking at an
    export is noted in the audit.

    Raises:
        NotFound: there is no such file in this organization, or the actor sees nothing that holds it.
        Forbidden: the actor may not read files of its purpose.
    """
    row = await work.session.get(KeptFile, file_id)
    if row is None:
        raise NotFound(what="file")
    await work.permit(READ_WITH[FilePurpose(row.purpose)])
    is_own = work.scope.actor_kind != "user" or row.created_by == work.scope.user_id
    if row.purpose == FilePurpose.CUSTOM_FIELD and not is_own and not await sees_attachment(work, file_id=file_id):
        raise NotFound(what="file")
    if row.purpose == FilePurpose.EXPORT:
        note_read(work.scope, what="system.export", row_id=file_id)
    return _shown(row)


async def open_file(work: Work, file_id: UUID) -> bytes:
    """Return the content of a file.

    Raises:
        As `find_file`; ContentMissing, FilesUnavailable: the file store cannot give it.
    """
    file = await find_file(work, file_id)
    return await current_file_store().get(content_key(work.scope.org_id, file.sha256))


def stream_file(org_id: UUID, file: StoredFile) -> AsyncIterator[bytes]:
    """Yield the content of a file that `find_file` returned, in pieces and outside any transaction.

    Raises:
        ContentMissing, FilesUnavailable: the file store cannot give it.
    """
    return current_file_store().stream(content_key(org_id, file.sha256))


async def forget_file(work: Work, *, file_id: UUID) -> None:
    """Forget a file; its content goes when no other file of the organization has the same.

    A building block, as `keep_file`. Nothing happens when it is gone already.
    """
    await work.session.execute(delete(KeptFile).where(KeptFile.id == file_id))


def content_key(org_id: UUID, digest: str) -> str:
    """Return the key of a content in the file store."""
    return f"{org_id}/{digest}"


async def hold_content(work: Work, key: str) -> None:
    """Keep everybody else from keeping or forgetting a content until the transaction ends."""
    await work.session.execute(HOLD_CONTENT, {"key": key})


async def _hold(work: Work, digest: bytes) -> str:
    key = content_key(work.scope.org_id, digest.hex())
    await hold_content(work, key)
    return key


async def _note(work: Work, purpose: FilePurpose, name: str, media_type: str, size: int, digest: bytes) -> StoredFile:
    row = KeptFile(
        org_id=work.scope.org_id,
        purpose=purpose.value,
        name=checked_file_name(name),
        media_type=plain_media_type(media_type),
        size=size,
        sha256=digest,
        created_by=work.scope.user_id,
        created_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    return _shown(row)


def _shown(row: KeptFile) -> StoredFile:
    return StoredFile(
        id=row.id,
        purpose=FilePurpose(row.purpose),
        name=row.name,
        media_type=row.media_type,
        size=row.size,
        sha256=row.sha256.hex(),
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _measured(path: Path) -> tuple[int, bytes]:
    with path.open("rb") as source:
        return path.stat().st_size, file_digest(source, "sha256").digest()
