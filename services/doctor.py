"""Whether an installation is well: what can be checked from outside the server, one finding after the other."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text

from domain.audit.chains import Anchor, AnchorState
from domain.errors import NotFound, UnisonError
from domain.scope import Scope
from services.audit.chain import BrokenEntry, ChainReport, SealingTooSlow, seal_now, verify_chain
from services.config import WrongSetting
from services.db.engine import current_database, refuse_powerful_role, without_tenant
from services.db.health import job_queue
from services.db.keys import new_id
from services.db.migrate import known_revisions, missing_revisions
from services.file_store import current_file_store

MOST_CLOCK_DIFFERENCE_S = 5.0
OLDEST_JOB_S = 900.0
OLDEST_UNSEALED_S = 60.0
NEEDED = ("btree_gist",)
PROBE_FOLDER = "doctor"
VERSION = text("SELECT current_setting('server_version') AS version, now() AS now")
EXTENSIONS = text("SELECT extname FROM pg_extension WHERE extname = ANY (CAST(:names AS text[]))")
QUEUE_IS_THERE = text("SELECT to_regnamespace('pgmq') IS NOT NULL")
# Whatever has an organization, and the organizations themselves; partitions are tables of their own.
UNFORCED = text("""
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
  AND (c.relname = 'organizations' OR EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped))
ORDER BY 1
""")
ORGANIZATIONS = text("SELECT id, slug FROM app.audited_organizations() ORDER BY slug")


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: str
    is_well: bool
    words: str
    """One line for whoever runs the installation."""


class Ill(Exception):
    """A check that failed, in words."""


Check = Callable[[], Awaitable[str]]


async def examine(*, organization: str = "", anchor: Anchor | None = None) -> AsyncIterator[Finding]:
    """Check everything, and yield each finding as soon as it stands.

    With `organization` (a slug) only its chain is verified, and `anchor` is what somebody noted down of it earlier.
    Where the database does not answer, nothing after it is checked.

    Raises:
        NotFound: there is no such organization.
    """
    first = await _found("database", _database)
    yield first
    if not first.is_well:
        return
    schema = await _found("migrations", _migrations)
    yield schema
    for name, check in (
        ("extensions", _extensions),
        ("runtime role", _runtime_role),
        ("row security", _row_security),
        ("clock", _clock),
        ("files", _files),
        ("jobs", _jobs),
    ):
        yield await _found(name, check)
    if not schema.is_well:
        yield Finding("audit", False, "not verified while revisions are missing")
        return
    chains = await _chains(organization)
    if organization and not chains:
        raise NotFound(what="organization")
    for org_id, slug in chains:
        yield await _found(f"audit of {slug}", _verifying(org_id, anchor))


async def _found(name: str, check: Check) -> Finding:
    try:
        return Finding(name, True, await check())
    except (Ill, UnisonError, WrongSetting) as error:
        cause = f" ({error.__cause__})" if error.__cause__ is not None else ""
        return Finding(name, False, f"{error}{cause}")


async def _database() -> str:
    async with without_tenant() as connection:
        return f"PostgreSQL {(await connection.execute(VERSION)).one().version} answers"


async def _migrations() -> str:
    missing = await missing_revisions(current_database())
    if missing:
        raise Ill(f"the revisions {', '.join(missing)} are missing: run main.py migrate")
    return f"at revision {known_revisions()[-1]}"


async def _extensions() -> str:
    async with without_tenant() as connection:
        there = set((await connection.execute(EXTENSIONS, {"names": list(NEEDED)})).scalars())
        has_queue = bool(await connection.scalar(QUEUE_IS_THERE))
    missing = [name for name in NEEDED if name not in there] + ([] if has_queue else ["pgmq"])
    if missing:
        raise Ill(f"missing: {', '.join(missing)}")
    return ", ".join((*NEEDED, "pgmq"))


async def _runtime_role() -> str:
    await refuse_powerful_role(current_database())
    return "neither superuser nor owner, and bound by row security"


async def _row_security() -> str:
    async with without_tenant() as connection:
        unforced = list((await connection.execute(UNFORCED)).scalars())
    if unforced:
        raise Ill(f"not forced on: {', '.join(unforced)}")
    return "forced on every table of an organization"


async def _clock() -> str:
    before = time.monotonic()
    async with without_tenant() as connection:
        now = (await connection.execute(VERSION)).one().now
    difference_s = abs(time.time() - now.timestamp()) - (time.monotonic() - before)
    if difference_s > MOST_CLOCK_DIFFERENCE_S:
        raise Ill(f"this machine and the database differ by {difference_s:.0f} s")
    return f"this machine and the database agree within {max(0.1, difference_s):.1f} s"


async def _files() -> str:
    store, key = current_file_store(), f"{PROBE_FOLDER}/{new_id()}"
    await store.put(key, b"well")
    try:
        if await store.get(key) != b"well":
            raise Ill("what was written could not be read again")
    finally:
        await store.delete(key)
    return "can be written, read and deleted"


async def _jobs() -> str:
    queue = await job_queue()
    if queue.oldest_s > OLDEST_JOB_S:
        raise Ill(f"{queue.waiting} wait, the oldest for {queue.oldest_s / 60:.0f} min: does a worker run?")
    return f"{queue.waiting} wait, {queue.archived} failed for good"


async def _chains(organization: str) -> list[tuple[UUID, str]]:
    async with without_tenant() as connection:
        rows = (await connection.execute(ORGANIZATIONS)).all()
    return [(row.id, row.slug) for row in rows if organization in {"", row.slug}]


def _verifying(org_id: UUID, anchor: Anchor | None) -> Check:
    async def verify() -> str:
        scope = Scope(org_id, request_id="doctor")
        with suppress(SealingTooSlow):  # what waits is told below, with its age
            await seal_now(scope)
        return told(await verify_chain(scope, earlier=anchor), now=datetime.fromtimestamp(time.time(), UTC))

    return verify


def told(report: ChainReport, *, now: datetime) -> str:
    """Say what a verification found.

    Raises:
        Ill: the chain is broken, was written anew, or leaves old entries out.
    """
    if report.broken is not None:
        raise Ill(f"{report.checked} entries fit, then it is broken: {broken_words(report.broken)}")
    if report.given is AnchorState.GONE:
        raise Ill("the position and hash that were noted down do not stand in it: it was written anew or cut off")
    waiting_s = 0.0 if report.waiting_since is None else (now - report.waiting_since).total_seconds()
    if waiting_s > OLDEST_UNSEALED_S:
        raise Ill(f"{report.waiting} entries are not sealed, the oldest for {waiting_s:.0f} s")
    rate = report.checked / report.took_s if report.took_s else 0.0
    newest = "no entry yet" if report.anchor is None else f"the newest is {report.anchor}"
    return f"{report.checked} entries fit ({rate:.0f}/s), {newest}"


def broken_words(broken: BrokenEntry) -> str:
    """Name the first entry that does not fit: position, time, table and row."""
    where = "no position" if broken.position is None else f"position {broken.position}"
    if broken.at is None:
        return f"{where}, entry {broken.seq}: {broken.because}"
    return f"{where}, entry {broken.seq} of {broken.at.isoformat()}, {broken.thing} {broken.row_id}: {broken.because}"
