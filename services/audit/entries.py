"""The audit as inspectors read it: searched and filtered, page by page, one entry with its link, and exported."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from domain.checks import storable
from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.scope import Scope
from services.audit.changes import COLUMNS, Change, Changes, changes_of
from services.audit.notes import note_read
from services.db.paging import PageQuery
from services.db.work import Work, read

ENTRIES = f"SELECT {COLUMNS} FROM audit_log AS audit"
ORDER = "audit.at DESC, audit.seq DESC"
# Every word must stand somewhere in the entry: in its values, in what it is about, or in the name of who did it.
WORDS = """
NOT EXISTS (SELECT FROM unnest({}::text[]) AS word WHERE NOT (
  coalesce(audit.before::text, '') ILIKE word OR coalesce(audit.after::text, '') ILIKE word
  OR audit.table_name ILIKE word OR audit.device ILIKE word OR audit.request_id ILIKE word
  OR audit.user_id IN (SELECT id FROM users WHERE display_name ILIKE word OR email ILIKE word)))
"""
LINK = """
SELECT link.position, link.hash, link.sealed_at, before.hash AS previous_hash
FROM audit_chain AS link LEFT JOIN audit_chain AS before
  ON before.org_id = link.org_id AND before.position = link.position - 1
WHERE link.entry_seq = $1
"""
ESCAPED = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})
LONGEST_SEARCH = 200
ACTORS = "SELECT id, display_name AS name FROM users ORDER BY display_name, id"
EXPORT_PAGE = 1_000


@dataclass(frozen=True)
class EntryFilter:
    """Which entries somebody wants; what is empty leaves none out."""

    words: str = ""
    """Each must stand in the values, in what the entry is about, or in the actor's name."""
    user_id: UUID | None = None
    """Who did it."""
    table: str = ""
    """The table of the thing; of notes the permission that was missing, or what was read."""
    row_id: UUID | None = None
    """The thing."""
    action: str = ""
    """insert, update, delete, refused or read."""
    request_id: str = ""
    device: str = ""
    """A part of the address or device."""
    since: datetime | None = None
    until: datetime | None = None
    """Aware UTC; `until` itself is left out."""


@dataclass(frozen=True)
class EntryPage:
    """One page of the audit."""

    changes: Changes
    """Newest first by (at, seq)."""
    has_more: bool


@dataclass(frozen=True)
class Link:
    """An entry's place in the chain."""

    position: int
    hash: str
    """64 hexadecimal digits, over the entry and the link before."""
    previous_hash: str
    """Empty for the first one."""
    sealed_at: datetime


@dataclass(frozen=True)
class LinkedEntry:
    """One entry, with its place in the chain."""

    change: Change
    changes: Changes
    link: Link | None
    """None until it is sealed, some seconds after it was written."""


async def list_entries(
    work: Work, *, wanted: EntryFilter, before: tuple[datetime, int] | None = None, limit: int = 50
) -> EntryPage:
    """Return the entries that the filter leaves, newest first; `before` continues below such an (at, seq).

    Raises:
        Forbidden: the actor may not inspect the audit.
    """
    await work.permit(Permission.INSPECT_AUDIT)
    note_read(work.scope, what="audit.entries")
    rows = await _rows(work, wanted, before, limit)
    return EntryPage(changes=await changes_of(work, rows[:limit]), has_more=len(rows) > limit)


async def get_entry(work: Work, *, seq: int) -> LinkedEntry:
    """Return one entry by its number, with its place in the chain.

    Raises:
        Forbidden: the actor may not inspect the audit.
        NotFound: there is no such entry in this scope.
    """
    await work.permit(Permission.INSPECT_AUDIT)
    note_read(work.scope, what="audit.entries")
    rows = await PageQuery(ENTRIES).where("audit.seq = {}", seq).fetch(work, order=ORDER, limit=1)
    if not rows:
        raise NotFound(what="entry")
    changes = await changes_of(work, rows)
    found = await work.fetch(LINK, seq)
    link = None
    if found:
        one = found[0]
        previous = "" if one["previous_hash"] is None else one["previous_hash"].hex()
        link = Link(one["position"], one["hash"].hex(), previous, one["sealed_at"])
    return LinkedEntry(changes.items[0], changes, link)


async def list_actors(work: Work) -> dict[UUID, str]:
    """Return the people who may have done something, by name.

    Raises:
        Forbidden: the actor may not inspect the audit.
    """
    await work.permit(Permission.INSPECT_AUDIT)
    return {row["id"]: row["name"] for row in await work.fetch(ACTORS)}


async def begin_export(scope: Scope, *, form: str) -> None:
    """Note that somebody takes entries out of the system, before the first one leaves it.

    Raises:
        Forbidden: the actor may not inspect the audit.
        Unavailable: Postgres does not answer.
    """
    async with read(scope) as work:
        await work.permit(Permission.INSPECT_AUDIT)
    note_read(scope, what="audit.export", format=form)


async def exported(scope: Scope, *, wanted: EntryFilter) -> AsyncIterator[Mapping[str, object]]:
    """Yield the entries that the filter leaves by column, newest first, some at a time and in works of their own, so
    that a long export holds nothing up.

    Raises:
        Unavailable: Postgres does not answer.
    """
    before: tuple[datetime, int] | None = None
    while True:
        async with read(scope) as work:
            rows = await _rows(work, wanted, before, EXPORT_PAGE)
        for row in rows[:EXPORT_PAGE]:
            yield dict(row)
        if len(rows) <= EXPORT_PAGE:
            return
        before = (rows[EXPORT_PAGE - 1]["at"], rows[EXPORT_PAGE - 1]["seq"])


async def _rows(
    work: Work, wanted: EntryFilter, before: tuple[datetime, int] | None, limit: int
) -> "list[asyncpg.Record]":
    words = [f"%{word.translate(ESCAPED)}%" for word in storable(wanted.words, longest=LONGEST_SEARCH).split()]
    device = storable(wanted.device.strip(), longest=LONGEST_SEARCH)
    at, seq = before or (None, None)
    return await (
        PageQuery(ENTRIES)
        .where(WORDS, words or None)
        .where("audit.user_id = {}", wanted.user_id)
        .where("audit.table_name = {}", storable(wanted.table, longest=LONGEST_SEARCH) or None)
        .where("audit.row_id = {}", wanted.row_id)
        .where("audit.action = {}", wanted.action or None)
        .where("audit.request_id = {}", storable(wanted.request_id.strip(), longest=LONGEST_SEARCH) or None)
        .where("audit.device ILIKE {}", f"%{device.translate(ESCAPED)}%" if device else None)
        .where("audit.at >= {}", wanted.since)
        .where("audit.at < {}", wanted.until)
        .where("(audit.at, audit.seq) < ({}, {})", at, seq)
        .fetch(work, order=ORDER, limit=limit)
    )
