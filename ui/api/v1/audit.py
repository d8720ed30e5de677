"""The audit: who changed, read and was refused what, whether anybody altered it, and histories of single things."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from starlette.responses import StreamingResponse

from domain.audit.chains import Anchor, AnchorState, BrokenBecause
from services.audit import entries
from services.audit.chain import SealingTooSlow, newest_anchor, seal_now, verify_chain
from services.audit.changes import Change
from services.audit.histories import load_history
from services.db.paging import Page
from services.db.work import read
from ui.api.audit_files import MEDIA_TYPES, AuditFormat, audit_file
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, Instant
from ui.api.v1.lists import Cursors, Listed, Paging

ENTRIES = Cursors("audit", TypeAdapter(tuple[datetime, Annotated[int, Field(ge=0, lt=2**63)]]))
HISTORY = Cursors("history", TypeAdapter(tuple[datetime, Annotated[int, Field(ge=0, lt=2**63)]]))
router = APIRouter(tags=["audit"], route_class=ExactJsonRoute)

Action = Literal["insert", "update", "delete", "refused", "read"]
Word = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
TableName = Annotated[str, Path(min_length=1, max_length=63, pattern=r"^[a-z_]+$")]
Seq = Annotated[int, Path(ge=1, lt=2**63)]


class FieldChange(Answer):
    """What a field held before and after."""

    name: str = Field(description="The column, or `custom.` and the key of a custom field.")
    before: object | None
    after: object | None


class AuditEntry(Answer):
    """A change of one row, or a note of a refusal or of what was read."""

    seq: int = Field(description="Number of the entry; grows with time, with gaps.")
    at: Instant
    action: Action
    table: str = Field(description="Of a note, the permission that was missing, or what was read.")
    row_id: UUID | None
    name: str = Field(description="What the thing is called, or was called last; empty for what has no name.")
    actor: str = Field(description="Name of the user; empty for machines and the system.")
    actor_kind: str
    api_key: str = Field(description="Name of the key that a program came with; empty for people.")
    device: str = Field(description="Address and device that the actor came with.")
    request_id: str
    fields: list[FieldChange]
    details: dict[str, object] = Field(description="What a note says; empty for changes.")


class HistoryEntry(Answer):
    """A change of a thing or of a part of it."""

    seq: int
    at: Instant
    action: Literal["insert", "update", "delete"]
    table: str
    row_id: UUID | None
    name: str
    actor: str
    actor_kind: str
    fields: list[FieldChange]


class ChainLink(Answer):
    """An entry's place in the chain."""

    position: int = Field(description="Counts the organization's entries from 1, without a gap.")
    hash: str = Field(description="SHA-256 over the entry and the hash before, in hexadecimal digits.")
    previous_hash: str = Field(description="Empty for the first entry.")
    sealed_at: Instant


class LinkedAuditEntry(AuditEntry):
    """An entry with its place in the chain."""

    link: ChainLink | None = Field(description="Null until it is sealed, some seconds after it was written.")


class AuditAnchor(Answer):
    """A link to be noted down: everything up to it is part of its hash."""

    position: int
    hash: str


class AuditChain(Answer):
    """How far the chain has come."""

    anchor: AuditAnchor | None = Field(description="The newest link; null while there is none.")


class BrokenAuditEntry(Answer):
    """The first entry that does not fit."""

    position: int | None = Field(description="Null for an entry that no link knows.")
    seq: int | None
    because: BrokenBecause
    at: Instant | None
    thing: str
    row_id: UUID | None


class AuditVerification(Answer):
    """What computing the whole chain again found."""

    holds: bool = Field(description="Nothing was changed, added, taken away or reordered.")
    checked: int
    broken: BrokenAuditEntry | None
    anchor: AuditAnchor | None = Field(description="The newest link.")
    given: AnchorState = Field(description="Whether the anchor that was given still stands in the chain.")
    waiting: int = Field(description="Entries that are not sealed yet.")
    waiting_since: Instant | None


class AuditFilter(Paging):
    """Filters of the audit."""

    search: Word = Field(default="", description="Words that stand in the values, the thing or the actor's name.")
    user_id: UUID | None = Field(default=None, description="Who did it.")
    table: Word = ""
    row_id: UUID | None = None
    action: Action | None = None
    request_id: Word = ""
    device: Word = Field(default="", description="A part of the address or device.")
    since: Instant | None = None
    until: Instant | None = None


class AuditExport(AuditFilter):
    """Filters of the audit, and the form of the file."""

    limit: Literal[500] = Field(default=500, exclude=True, description="A file has no pages.")
    cursor: None = Field(default=None, exclude=True, description="A file has no pages.")
    format: AuditFormat = "jsonl"


class AnchorAsked(BaseModel):
    """What somebody noted down of the chain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    anchor: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] = Field(
        default="", description="Position and hash of an earlier verification, as `17:ab12…`.", examples=[""]
    )


@router.get("/audit/", operation_id="listAudit", summary="The audit, newest first", responses=READING)
async def get_audit(caller: Caller, asked: Annotated[AuditFilter, Query()]) -> Listed[AuditEntry]:
    """Return who changed, read and was refused what. Reading it is noted as well."""
    async with read(caller) as work:
        page = await entries.list_entries(
            work, wanted=_wanted(asked), before=ENTRIES.read(asked.cursor), limit=asked.limit
        )
    return ENTRIES.listed(Page(page.changes.items, page.has_more), AuditEntry, _place)


@router.get(
    "/audit/export", operation_id="exportAudit", summary="The audit as a file", response_class=StreamingResponse,
    responses={
        **READING,
        200: {"description": "The entries.", "content": {"text/csv": {}, MEDIA_TYPES["jsonl"]: {}}},
    },
)  # fmt: skip
async def get_export(caller: Caller, asked: Annotated[AuditExport, Query()]) -> StreamingResponse:
    """Return the entries that the filters leave as CSV or as lines of JSON, of any number. It is noted that they left
    the system."""
    await entries.begin_export(caller, form=asked.format)
    return audit_file(caller, _wanted(asked), asked.format)


@router.get("/audit/chain", operation_id="getAuditAnchor", summary="The newest link", responses=READING)
async def get_anchor(caller: Caller) -> AuditChain:
    """Return the newest link of the chain, to be noted down: everything before it is part of its hash."""
    async with read(caller) as work:
        anchor = await newest_anchor(work)
    return AuditChain(anchor=None if anchor is None else AuditAnchor.model_validate(anchor))


@router.get("/audit/chain/verification", operation_id="verifyAudit", summary="Verify the audit", responses=READING)
async def get_verification(caller: Caller, asked: Annotated[AnchorAsked, Query()]) -> AuditVerification:
    """Compute every link of the chain again and name the first entry that does not fit; against an anchor that was
    noted down where one is given."""
    earlier = Anchor.parse(asked.anchor, field="anchor") if asked.anchor else None
    async with read(caller) as work:
        await newest_anchor(work)  # refuses before anything is sealed
    with suppress(SealingTooSlow):  # the answer says how many are not sealed
        await seal_now(caller)
    return AuditVerification.model_validate(await verify_chain(caller, earlier=earlier))


@router.get("/audit/{seq}", operation_id="getAuditEntry", summary="One entry", responses=READING)
async def get_entry(caller: Caller, seq: Seq) -> LinkedAuditEntry:
    """Return one entry with its place in the chain."""
    async with read(caller) as work:
        found = await entries.get_entry(work, seq=seq)
    link = None if found.link is None else ChainLink.model_validate(found.link)
    return LinkedAuditEntry(**dict(AuditEntry.model_validate(found.change)), link=link)


@router.get("/audit/{table}/{row_id}", operation_id="getHistory", summary="History of a thing", responses=READING)
async def get_history(
    caller: Caller, table: TableName, row_id: UUID, asked: Annotated[Paging, Query()]
) -> Listed[HistoryEntry]:
    """Return what was changed of a thing and its parts, newest first, to whoever may see the thing. `table` is such as
    `machines`, `work_orders` or `roles`."""
    async with read(caller) as work:
        history = await load_history(
            work, table=table, row_id=row_id, before=HISTORY.read(asked.cursor), limit=asked.limit
        )
    return HISTORY.listed(Page(history.changes.items, history.has_more), HistoryEntry, _place)


def _place(change: Change) -> tuple[datetime, int]:
    return change.at, change.seq


def _wanted(asked: AuditFilter) -> entries.EntryFilter:
    return entries.EntryFilter(
        words=asked.search,
        user_id=asked.user_id,
        table=asked.table,
        row_id=asked.row_id,
        action=asked.action or "",
        request_id=asked.request_id,
        device=asked.device,
        since=asked.since,
        until=asked.until,
    )
