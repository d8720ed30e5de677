"""The history of one thing: everything that was changed of it and of its parts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.errors import NotFound
from services.audit.changes import COLUMNS, Changes, changes_of
from services.audit.recorded import Recorded, recorded_of
from services.db.work import Work

# One statement per part, each from an index of its own and no longer than a page.
OF_ROW = """
(SELECT {columns} FROM audit_log AS audit
 WHERE audit.row_id = $1 AND audit.table_name = '{table}' AND {shown} ORDER BY audit.at DESC, audit.seq DESC LIMIT $2)
"""
OF_PART = """
(SELECT {columns} FROM audit_log AS audit
 WHERE coalesce(audit.after, audit.before) ->> '{column}' = $1::uuid::text AND audit.table_name = '{table}' AND {shown}
 ORDER BY audit.at DESC, audit.seq DESC LIMIT $2)
"""
SHOWN = """
audit.action IN ('insert', 'update', 'delete')
AND (audit.action <> 'update' OR audit.before - '{{{noise}}}'::text[] <> audit.after - '{{{noise}}}'::text[])
"""
BELOW = " AND (audit.at, audit.seq) < ($3, $4)"


@dataclass(frozen=True)
class History:
    """One page of what was changed of a thing."""

    changes: Changes
    """Newest first by (at, seq)."""
    has_more: bool
    """Whether older changes follow."""


async def load_history(
    work: Work, *, table: str, row_id: UUID, before: tuple[datetime, int] | None = None, limit: int = 50
) -> History:
    """Return what was changed of a thing and its parts, newest first; `before` continues below such an (at, seq).

    Raises:
        Forbidden: the actor may not read such things.
        NotFound: there is no such thing in this scope, or such things have no history.
    """
    recorded = recorded_of(table)
    await work.permit(recorded.read)
    parts = [
        OF_ROW.format(columns=COLUMNS, table=part, shown=_shown(recorded, before))
        for part in (table, *(one.table for one in recorded.parts if not one.column))
    ]
    parts += [
        OF_PART.format(columns=COLUMNS, table=one.table, column=one.column, shown=_shown(recorded, before))
        for one in recorded.parts
        if one.column
    ]
    statement = f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS audit ORDER BY at DESC, seq DESC LIMIT $2"
    rows = await work.fetch(statement, row_id, limit + 1, *(before or ()))
    if not rows and before is None:
        raise NotFound(what="history")
    return History(changes=await changes_of(work, rows[:limit]), has_more=len(rows) > limit)


def _shown(recorded: Recorded, before: tuple[datetime, int] | None) -> str:
    shown = SHOWN.format(noise=",".join(("version", *recorded.noise)))
    return shown if before is None else shown + BELOW
