"""The chain of hashes that every audit entry becomes part of, and whether it still holds.

An entry is linked a moment after its transaction is over, by a job and never by its writer: writers of one organization
do not wait for each other (docs/decisions/021).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import ClassVar
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit.chains import Anchor, AnchorState, BrokenBecause
from domain.errors import Unavailable, marked
from domain.identity.roles import Permission
from domain.scope import Scope
from services.db.engine import without_tenant
from services.db.work import Work, read
from services.jobs.registry import Job, does_for_system

SEAL_EVERY_S = 2
CHUNK = 5_000
"""Links that are computed again in one statement."""
PATIENCE_S = 10.0
RETRY_S = 0.05

SEAL = text("SELECT app.seal_audit()")
CAUGHT_UP = text("SELECT sealed_seq >= :newest FROM app.audit_marks")
NEWEST = "SELECT coalesce(max(seq), 0) FROM audit_log"
CHECK = "SELECT * FROM app.verify_audit($1, $2, $3, $4)"
LINKS = "SELECT coalesce(max(position), 0) AS count FROM audit_chain"
ANCHOR = "SELECT position, hash, entry_at FROM audit_chain ORDER BY position DESC LIMIT 1"
HASH_AT = "SELECT hash FROM audit_chain WHERE position = $1"
WAITING = """
SELECT count(*) AS entries, min(at) AS since FROM audit_log
WHERE seq > coalesce((SELECT entry_seq FROM audit_chain ORDER BY position DESC LIMIT 1), 0)
"""
ENTRY = "SELECT at, table_name, row_id, action FROM audit_log WHERE seq = $1"

OnProgress = Callable[[int, int], Awaitable[None]]
"""Hears how many links were checked, of how many."""


class SealingTooSlow(Unavailable):
    """A transaction that has been running for long keeps the newest entries from being linked."""

    code: ClassVar[str] = "sealing_too_slow"
    sentence: ClassVar[str] = marked("The newest entries are not linked yet. Verify again in a moment.")


@dataclass(frozen=True)
class BrokenEntry:
    """The first entry of a chain that does not fit."""

    position: int | None
    """Its place in the chain; None for an entry that no link knows."""
    seq: int | None
    """Its number in the audit log."""
    because: BrokenBecause
    at: datetime | None
    """When the change was made, aware UTC; None where the entry is gone."""
    thing: str
    """The table; empty where the entry is gone."""
    row_id: UUID | None


@dataclass(frozen=True)
class ChainReport:
    """What a verification found."""

    checked: int
    """Links that fit."""
    broken: BrokenEntry | None
    anchor: Anchor | None
    """The newest link; whoever notes it down can prove later that the chain was not written anew. None for none."""
    given: AnchorState
    """Whether an anchor that was noted down earlier still stands in the chain."""
    waiting: int
    """Entries that are not linked yet."""
    waiting_since: datetime | None
    """When the oldest of them was made, aware UTC."""
    took_s: float

    @property
    def holds(self) -> bool:
        """Whether nothing was changed, added, taken away or reordered."""
        return self.broken is None and self.given is not AnchorState.GONE


class SealAudit(Job):
    """Link the audit entries whose transactions are over."""

    name = "audit.chain.seal"


@does_for_system(SealAudit, every_s=SEAL_EVERY_S)
async def seal_audit(connection: AsyncConnection, _: SealAudit) -> None:
    """Link what can be linked."""
    await connection.execute(SEAL)


async def seal_now(scope: Scope) -> None:
    """Link everything that the organization's log holds now.

    Raises:
        SealingTooSlow: a transaction that runs for long is in the way.
        Unavailable: Postgres does not answer.
    """
    async with read(scope) as work:
        newest = int((await work.fetch(NEWEST))[0][0])
    until = time.monotonic() + PATIENCE_S
    while True:
        async with without_tenant() as connection:
            sealed = await connection.scalar(SEAL)
            if await connection.scalar(CAUGHT_UP, {"newest": newest}):
                return
        if sealed:  # a long past is sealed in parts
            until = time.monotonic() + PATIENCE_S
            continue
        if time.monotonic() > until:
            raise SealingTooSlow
        await asyncio.sleep(RETRY_S)


async def verify_chain(
    scope: Scope, *, earlier: Anchor | None = None, on_progress: OnProgress | None = None
) -> ChainReport:
    """Compute every link of the organization's chain again, oldest first, and stop at the first that does not fit.

    Reads a few thousand links at a time, so that its memory does not grow with the chain. Opens its own work. `earlier`
    is an anchor that somebody noted down.

    Raises:
        Forbidden: the actor may not inspect the audit.
        Unavailable: Postgres does not answer.
    """
    began = time.monotonic()
    async with read(scope) as work:
        await work.permit(Permission.INSPECT_AUDIT)
        total = int((await work.fetch(LINKS))[0]["count"])
    checked, position, seq, digest = 0, 0, 0, sha256(str(scope.org_id).encode()).digest()
    broken: BrokenEntry | None = None
    while broken is None:
        async with read(scope) as work:
            found = (await work.fetch(CHECK, position, seq, digest, CHUNK))[0]
            if found["broken_because"] is not None:
                broken = await _broken(work, found)
        if not found["checked"]:
            break
        checked += found["checked"] if broken is None else max(0, (broken.position or position + 1) - position - 1)
        position, seq, digest = found["last_position"], found["last_seq"], found["last_hash"]
        if on_progress is not None:
            await on_progress(checked, max(total, checked))
    async with read(scope) as work:
        waiting = (await work.fetch(WAITING))[0]
        return ChainReport(
            checked=checked,
            broken=broken,
            anchor=await newest_anchor(work),
            given=await _still_there(work, earlier),
            waiting=waiting["entries"],
            waiting_since=waiting["since"],
            took_s=time.monotonic() - began,
        )


async def newest_anchor(work: Work) -> Anchor | None:
    """Return the newest link of the chain; None while there is none.

    Raises:
        Forbidden: the actor may not inspect the audit.
    """
    await work.permit(Permission.INSPECT_AUDIT)
    rows = await work.fetch(ANCHOR)
    return Anchor(position=rows[0]["position"], hash=rows[0]["hash"].hex()) if rows else None


async def _still_there(work: Work, earlier: Anchor | None) -> AnchorState:
    if earlier is None:
        return AnchorState.NOT_GIVEN
    rows = await work.fetch(HASH_AT, earlier.position)
    return AnchorState.STANDS if rows and rows[0]["hash"].hex() == earlier.hash else AnchorState.GONE


async def _broken(work: Work, found: "asyncpg.Record") -> BrokenEntry:
    rows = [] if found["broken_seq"] is None else await work.fetch(ENTRY, found["broken_seq"])
    entry = rows[0] if rows else None
    return BrokenEntry(
        position=found["broken_position"],
        seq=found["broken_seq"],
        because=BrokenBecause(found["broken_because"]),
        at=None if entry is None else entry["at"],
        thing="" if entry is None else entry["table_name"],
        row_id=None if entry is None else entry["row_id"],
    )
