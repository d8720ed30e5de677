"""Packing an organization into one zip file: its rows as JSON lines, its files, and a manifest that describes both."""

import asyncio
import errno
import time
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from domain.operations.exports import FORMAT, NoRoomForExport
from domain.scope import Scope
from services.db.work import Work, read
from services.file_store import current_file_store
from services.files.kept_files import content_key
from services.organizations.catalogue import TenantTable, tenant_tables
from services.organizations.left_out import ROWS_LEFT_OUT, SECRET_COLUMNS, TABLES_LEFT_OUT
from services.ports import ContentMissing

AT_ONCE = 2_000
TOLD_EVERY_S = 0.5
LONGEST_STATEMENT_MS = 600_000
"""Sorting years of production takes longer than what a screen may wait for."""
PREPARE = "SELECT set_config('TimeZone', 'UTC', true), set_config('statement_timeout', $1, true)"
ORGANIZATION = "SELECT id, slug, name FROM organizations"
REVISION = "SELECT version_num FROM alembic_version"
CONTENTS = "SELECT DISTINCT encode(sha256, 'hex') AS digest FROM files WHERE purpose <> 'export' ORDER BY digest"
ANCHOR = "SELECT position, encode(hash, 'hex') AS hash FROM audit_chain ORDER BY position DESC LIMIT 1"
README = """\
Everything that the organization {name} ({slug}) had in Unison MES at {at}.

manifest.json   what is in here: each table with its columns, what they mean, how many rows, and the SHA-256 of its
                file; what was left out and why; which files are missing.
tables/*.jsonl  one table each, one row a line, as a JSON object in UTF-8. Times are ISO 8601 with their offset (UTC),
                numbers are exact decimals, bytes are hexadecimal after \\x.
files/*         the contents of files by their SHA-256; tables/files.jsonl tells their names, types and purposes.

All of it is from one instant: no row refers to one that is not here. Secrets are left out: with this file nobody can
sign in.
"""

Report = Callable[[int, int], Awaitable[None]]
"""Hears how many rows and files are packed, of how many."""


@dataclass
class Packed:
    """What was packed."""

    rows: int = 0
    files: int = 0
    missing: list[str] = field(default_factory=list)
    """Digests of contents that the file store has no more, or has damaged."""


@dataclass
class _Progress:
    report: Report
    total: int = 0
    done: int = 0
    told_at: float = 0.0

    async def add(self, count: int) -> None:
        self.done += count
        if time.monotonic() >= self.told_at + TOLD_EVERY_S:
            await self.report(self.done, self.total)
            self.told_at = time.monotonic()


async def pack(scope: Scope, path: Path, *, report: Report) -> Packed:
    """Write everything of the scope's organization into a zip file, all rows as of one instant.

    Holds a few thousand rows or a piece of a file in memory, whatever there is.

    Raises:
        NoRoomForExport: the disk is full.
        FilesUnavailable, Unavailable: the file store or Postgres does not answer.
        And whatever `report` raises.
    """
    packed, progress = Packed(), _Progress(report)
    with _told_of_full_disk(), zipfile.ZipFile(path, "w") as archive:
        async with read(scope, snapshot=True) as work:
            await work.fetch(PREPARE, str(LONGEST_STATEMENT_MS))
            manifest, at = await _manifest(work), work.now
            tables = [table for table in await tenant_tables(work) if table.name not in TABLES_LEFT_OUT]
            contents = [row["digest"] for row in await work.fetch(CONTENTS)]
            progress.total = len(contents) + sum([await _count(work, table) for table in tables])
            await report(0, progress.total)
            manifest["tables"] = [await _pack_table(work, archive, table, packed, progress) for table in tables]
        for digest in contents:
            await _pack_content(archive, scope.org_id, digest, at, packed)
            await progress.add(1)
        manifest["files"] = {"count": packed.files, "missing": packed.missing}
        archive.writestr(_member("manifest.json", at), orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        archive.writestr(_member("README.txt", at), README.format(**manifest["organization"], at=manifest["at"]))
    await report(progress.done, progress.total)
    return packed


async def _manifest(work: Work) -> dict[str, Any]:
    organization = (await work.fetch(ORGANIZATION))[0]
    anchor = await work.fetch(ANCHOR)
    return {
        "product": "Unison MES",
        "format": FORMAT,
        "revision": (await work.fetch(REVISION))[0][0],
        "at": work.now.astimezone(UTC).isoformat(),
        "organization": {"id": str(organization["id"]), "slug": organization["slug"], "name": organization["name"]},
        "audit_anchor": dict(anchor[0]) if anchor else None,
        "left_out": {"tables": TABLES_LEFT_OUT, "columns": SECRET_COLUMNS},
    }


def _member(name: str, at: datetime) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, at.timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info


async def _count(work: Work, table: TenantTable) -> int:
    return int((await work.fetch(f"SELECT count(*) FROM {table.name} WHERE {_condition(table)}"))[0][0])


async def _pack_table(
    work: Work, archive: zipfile.ZipFile, table: TenantTable, packed: Packed, progress: _Progress
) -> dict[str, object]:
    """Write a table's rows in the order of its key, and return what the manifest says of it."""
    hidden = list(SECRET_COLUMNS.get(table.name, ()))
    name, digest, count = f"tables/{table.name}.jsonl", sha256(), 0
    order = f" ORDER BY {', '.join(table.key)}" if table.key else ""
    rows = f"SELECT (to_jsonb(t) - $1::text[])::text AS row FROM {table.name} AS t WHERE {_condition(table)}{order}"
    with archive.open(_member(name, work.now), "w", force_zip64=True) as member:
        async for part in work.stream(rows, hidden, at_once=AT_ONCE):
            lines = "".join(f"{row['row']}\n" for row in part).encode()
            digest.update(lines)
            await asyncio.to_thread(member.write, lines)
            count += len(part)
            packed.rows += len(part)
            await progress.add(len(part))
    columns = [vars(column) for column in table.columns if column.name not in hidden]
    return {"name": table.name, "about": table.about, "file": name, "rows": count, "sha256": digest.hexdigest(),
            "key": table.key, "columns": columns}  # fmt: skip


def _condition(table: TenantTable) -> str:
    also = ROWS_LEFT_OUT.get(table.name)
    return f"{table.org_column} = app.current_org()" + (f" AND {also}" if also else "")


async def _pack_content(archive: zipfile.ZipFile, org_id: UUID, told: str, at: datetime, packed: Packed) -> None:
    """Copy a content of the file store; one that is gone or damaged is named in the manifest and nothing else fails."""
    digest, pieces = sha256(), current_file_store().stream(content_key(org_id, told))
    try:
        piece = await anext(pieces, b"")
    except ContentMissing:
        packed.missing.append(told)
        return
    with archive.open(_member(f"files/{told}", at), "w", force_zip64=True) as member:
        while piece:
            digest.update(piece)
            await asyncio.to_thread(member.write, piece)
            piece = await anext(pieces, b"")
    packed.files += 1
    if digest.hexdigest() != told:
        packed.missing.append(told)


@contextmanager
def _told_of_full_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        raise NoRoomForExport from error
