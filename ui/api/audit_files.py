"""The audit as files: lines of JSON for programs, CSV for people; written while it is read."""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal

import orjson
from starlette.responses import StreamingResponse

from domain.scope import Scope
from services.audit.entries import EntryFilter, exported

AuditFormat = Literal["csv", "jsonl"]
COLUMNS = (
    "seq", "at", "action", "actor_kind", "user_id", "api_key_id", "device", "request_id", "table_name", "row_id",
    "before", "after",
)  # fmt: skip
MEDIA_TYPES: dict[AuditFormat, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
LINES_AT_ONCE = 200


def audit_file(scope: Scope, wanted: EntryFilter, form: AuditFormat) -> StreamingResponse:
    """Return the entries that the filter leaves as a file; its memory does not grow with them."""
    name = f"audit.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(_pieces(scope, wanted, form), media_type=MEDIA_TYPES[form], headers=headers)


async def _pieces(scope: Scope, wanted: EntryFilter, form: AuditFormat) -> AsyncIterator[bytes]:
    if form == "csv":
        yield _csv([COLUMNS])
    waiting: list[Mapping[str, object]] = []
    async for entry in exported(scope, wanted=wanted):
        waiting.append(entry)
        if len(waiting) >= LINES_AT_ONCE:
            yield _lines(waiting, form)
            waiting = []
    if waiting:
        yield _lines(waiting, form)


def _lines(entries: Sequence[Mapping[str, object]], form: AuditFormat) -> bytes:
    if form == "csv":
        return _csv([[_cell(entry[column]) for column in COLUMNS] for entry in entries])
    kept = ({column: entry[column] for column in COLUMNS} for entry in entries)
    return b"".join(orjson.dumps(one, default=str, option=orjson.OPT_APPEND_NEWLINE) for one in kept)


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: object) -> str:
    """Return a value as a cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    text = orjson.dumps(value).decode() if isinstance(value, (dict, list)) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
