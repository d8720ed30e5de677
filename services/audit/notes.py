"""Notes in the audit of what was refused and of what was read that not everybody may read.

A note has a transaction of its own: a refusal stands although everything it came from was rolled back. It is written
beside the answer, so that being refused takes no longer and works without the database. The same of the same person is
noted once a minute, with how often it happened, so that nobody floods the audit.
"""

import asyncio
import json
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

import structlog

from domain.errors import Forbidden, UnisonError
from domain.scope import Scope
from services.db.work import begin
from services.identity.kiosks import NotRecognized

log = structlog.get_logger(__name__)

Kind = Literal["refused", "read"]
QUIET_S = 60.0
MOST_REMEMBERED = 5_000
MOST_WAITING = 200
LONGEST_WORD = 200
ANSWER_FIRST_S = 0.05
ATTEMPTS = (Forbidden, NotRecognized)
NOTE = "SELECT app.note_audit($1, $2, $3, CAST(CAST($4 AS text) AS jsonb))"

Key = tuple[UUID, UUID | None, Kind, str, str]


@dataclass
class _Seen:
    noted_at: float
    times: int = 0
    """How often it happened since."""


@dataclass
class Notes:
    """What one server process noted lately, and what it is noting now."""

    _seen: OrderedDict[Key, _Seen] = field(default_factory=OrderedDict)
    _writing: set["asyncio.Task[None]"] = field(default_factory=set)

    def due(self, key: Key) -> int:
        """Return how often something happened since it was noted last, this time included; 0 while it is too soon."""
        now = time.monotonic()
        seen = self._seen.get(key)
        if seen is None:
            self._seen[key] = _Seen(now)
            while len(self._seen) > MOST_REMEMBERED:
                self._seen.popitem(last=False)
            return 1
        seen.times += 1
        if now - seen.noted_at < QUIET_S:
            return 0
        times, seen.noted_at, seen.times = seen.times, now, 0
        self._seen.move_to_end(key)
        return times

    def write_soon(self, scope: Scope, kind: Kind, what: str, row_id: UUID | None, details: dict[str, object]) -> None:
        """Write a note beside what goes on; where too many wait already, the log keeps it."""
        if len(self._writing) >= MOST_WAITING:
            log.warning("too many notes wait for the audit", kind=kind, what=what, user_id=str(scope.user_id))
            return
        task = asyncio.get_running_loop().create_task(_write(scope, kind, what, row_id, details))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def written(self) -> None:
        """Wait until everything is written that was noted so far."""
        while self._writing:
            await asyncio.gather(*self._writing, return_exceptions=True)


NOTES = Notes()
"""Those of this process."""


def note_refusal(scope: Scope, error: UnisonError, *, where: str) -> None:
    """Note that somebody was refused; `where` names the page, click or route, not what was in it.

    Only what somebody may not do is an attempt: what does not exist, a wrong value or a busy database is none.
    """
    if isinstance(error, ATTEMPTS):
        permission = str(error.fields.get("permission", ""))
        note_attempt(scope, code=error.code, what=permission or error.code, where=where)


def note_attempt(scope: Scope, *, code: str, what: str, where: str, user_id: UUID | None = None) -> None:
    """Note an attempt that failed, at the account of `user_id` where it was about one."""
    times = NOTES.due((scope.org_id, scope.user_id or user_id, "refused", code, what))
    if times:
        details: dict[str, object] = {"code": code, "where": where[:LONGEST_WORD], "times": times}
        NOTES.write_soon(scope, "refused", what[:LONGEST_WORD], user_id, details)


def note_read(scope: Scope, *, what: str, row_id: UUID | None = None, **details: object) -> None:
    """Note that somebody read something sensitive; `what` is a stable word such as `audit.entries`."""
    if scope.actor_kind != "user":
        return
    about = "" if row_id is None else str(row_id)
    times = NOTES.due((scope.org_id, scope.user_id, "read", what, about))
    if times:
        NOTES.write_soon(scope, "read", what, row_id, {**details, "times": times})


async def _write(scope: Scope, kind: Kind, what: str, row_id: UUID | None, details: dict[str, object]) -> None:
    """Keep a note; where the database is away the server's log has it, and nobody waits."""
    await asyncio.sleep(ANSWER_FIRST_S)  # whoever is refused is told first, at the same speed as everybody
    try:
        async with begin(replace(scope, plant_ids=None)) as work:
            await work.fetch(NOTE, kind, what, row_id, json.dumps(details))
    except Exception as error:  # noqa: BLE001 - a boundary: nobody waits for this any more
        log.warning("a note for the audit is lost", kind=kind, what=what, org_id=str(scope.org_id), error=repr(error))
