"""Audit entries as people read them: which fields changed from what to what, and what the things are called."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
from sqlalchemy import select

from domain.custom_fields.fields import FieldDefinition
from services.audit.recorded import LEADS_TO, NAMES, RECORDED, TITLES
from services.custom_fields.fields import definition_of
from services.custom_fields.references import ReferenceNames, names_of
from services.db.tables import CustomField
from services.db.work import Work

LEFT_OUT = frozenset({"id", "org_id", "version", "own_role", "has_keys"})
"""Columns that say nothing to people."""
COLUMNS = (
    "audit.seq, audit.at, audit.action, audit.table_name, audit.row_id, audit.actor_kind, audit.user_id,"
    " audit.api_key_id, audit.request_id, audit.before, audit.after, audit.device"
)
"""What `changes_of` needs of entries."""
NAMED = "SELECT id, {name}::text AS name FROM {table} WHERE id = ANY ($1::uuid[])"
# Things that are gone keep the name that they had last.
LAST_NAMED = """
SELECT DISTINCT ON (row_id) row_id AS id, coalesce(after, before) ->> $2::text AS name FROM audit_log
WHERE row_id = ANY ($1::uuid[]) AND table_name = $3 AND action IN ('insert', 'update', 'delete')
ORDER BY row_id, at DESC, seq DESC
"""
Action = Literal["insert", "update", "delete", "refused", "read"]
NOTES = frozenset({"refused", "read"})
"""Actions of entries that changed nothing."""


@dataclass(frozen=True)
class FieldChange:
    """What one field held before and after."""

    name: str
    """The column, or `custom.` and the key of a custom field."""
    before: object
    """As JSON holds it; None for nothing."""
    after: object
    field: FieldDefinition | None = None
    """The custom field, where there still is one."""


@dataclass(frozen=True)
class Change:
    """One audited change of one row, or a note of a refusal or of what was read."""

    seq: int
    at: datetime
    """Aware UTC."""
    action: Action
    table: str
    """Of a note, what was refused or read: a permission or a stable word."""
    row_id: UUID | None
    name: str
    """What the thing is called today, or was called last; empty for what has no name."""
    title: FieldChange | None
    """What tells a part of a thing from the others; None for what has a name."""
    actor: str
    """Name of the user; empty for machines and the system."""
    actor_kind: str
    api_key: str
    """Name of the key that a program came with; empty for people."""
    request_id: str
    device: str
    """Address and device that the actor came with."""
    fields: tuple[FieldChange, ...]
    """Those that changed, or all that hold something where the thing was made or removed; in the order of their
    names."""
    details: Mapping[str, object]
    """What a note says of a refusal or of what was read; empty for changes."""


@dataclass(frozen=True)
class Changes:
    """Changes, and what everything that they speak of is called."""

    items: tuple[Change, ...]
    names: Mapping[str, str]
    """By id."""
    custom: ReferenceNames
    """What references and files of custom fields are called."""


async def changes_of(work: Work, entries: "Sequence[asyncpg.Record]") -> Changes:
    """Return audit entries as people read them, one statement per kind of things that they speak of.

    `entries` hold COLUMNS. Who may read them is for the caller to decide; what its reader may not see
    keeps its name to itself.
    """
    definitions = await _custom_fields(work, {entry["table_name"] for entry in entries})
    fields = [_fields_of(entry, definitions.get(entry["table_name"], {})) for entry in entries]
    wanted: dict[str, set[UUID]] = {"users": set(), "api_keys": set()}
    for entry, changed in zip(entries, fields, strict=True):
        _want(wanted, "users", entry["user_id"])
        _want(wanted, "api_keys", entry["api_key_id"])
        if entry["table_name"] in NAMES:
            _want(wanted, entry["table_name"], entry["row_id"])
        elif entry["action"] in NOTES:
            _want(wanted, "users", entry["row_id"])  # notes are about people, where they are about somebody
        title = _title(entry)
        for one in changed if title is None else (title, *changed):
            for value in (one.before, one.after):
                _want(wanted, LEADS_TO.get(one.name, ""), value)
    names: dict[str, str] = {}
    for table, ids in wanted.items():
        names |= await _names(work, table, ids)
    return Changes(
        items=tuple(_change(entry, changed, names) for entry, changed in zip(entries, fields, strict=True)),
        names=names,
        custom=await _custom_names(work, fields),
    )


def _change(entry: "asyncpg.Record", fields: tuple[FieldChange, ...], names: Mapping[str, str]) -> Change:
    return Change(
        seq=entry["seq"],
        at=entry["at"],
        action=entry["action"],
        table=entry["table_name"],
        row_id=entry["row_id"],
        name=names.get(str(entry["row_id"]), "") if entry["table_name"] in NAMES or entry["action"] in NOTES else "",
        title=_title(entry),
        actor=names.get(str(entry["user_id"]), ""),
        actor_kind=entry["actor_kind"],
        api_key=names.get(str(entry["api_key_id"]), ""),
        request_id=entry["request_id"],
        device=entry["device"],
        fields=fields,
        details=_details(entry),
    )


def _title(entry: "asyncpg.Record") -> FieldChange | None:
    column = TITLES.get(entry["table_name"])
    if column is None:
        return None
    held = _flat(entry["before"]).get(column), _flat(entry["after"]).get(column)
    return FieldChange(column, *held)


def _fields_of(entry: "asyncpg.Record", definitions: Mapping[str, FieldDefinition]) -> tuple[FieldChange, ...]:
    if entry["action"] in NOTES:
        return ()
    before, after = _flat(entry["before"]), _flat(entry["after"])
    changed = [
        FieldChange(name, before.get(name), after.get(name), definitions.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name) and name not in LEFT_OUT
    ]
    if entry["action"] != "update":
        changed = [one for one in changed if (one.before or one.after) not in (None, "", [], {})]
    return tuple(changed)


def _details(entry: "asyncpg.Record") -> dict[str, object]:
    held = entry["after"] if entry["action"] in NOTES else None
    return dict(held) if isinstance(held, dict) else {}


def _flat(row: object) -> dict[str, object]:
    """Return the columns of a row; each custom field counts as one."""
    if not isinstance(row, dict):
        return {}
    columns = dict(row)
    custom = columns.pop("custom", None)
    if isinstance(custom, dict):
        columns |= {f"custom.{key}": value for key, value in custom.items()}
    return columns


def _want(wanted: dict[str, set[UUID]], table: str, value: object) -> None:
    if not table or value is None:
        return
    for one in value if isinstance(value, list) else [value]:
        try:
            wanted.setdefault(table, set()).add(one if isinstance(one, UUID) else UUID(str(one)))
        except ValueError:
            continue  # a step's `whom` may be a role


async def _names(work: Work, table: str, ids: Iterable[UUID]) -> dict[str, str]:
    missing = set(ids)
    if not missing:
        return {}
    column = NAMES[table]
    rows = await work.fetch(NAMED.format(table=table, name=column), list(missing))
    found = {str(row["id"]): row["name"] for row in rows}
    missing -= {row["id"] for row in rows}
    if missing:
        gone = await work.fetch(LAST_NAMED, list(missing), column, table)
        found |= {str(row["id"]): row["name"] for row in gone if row["name"]}
    return found


async def _custom_fields(work: Work, tables: Iterable[str]) -> dict[str, dict[str, FieldDefinition]]:
    """Return the custom fields of some tables, those out of use as well, by table and by the name in a change."""
    entities = {RECORDED[table].entity: table for table in tables if table in RECORDED and RECORDED[table].entity}
    if not entities:
        return {}
    found: dict[str, dict[str, FieldDefinition]] = {}
    statement = select(CustomField).where(CustomField.entity.in_(entities))
    for row in (await work.session.execute(statement)).scalars():
        found.setdefault(entities[row.entity], {})[f"custom.{row.key}"] = definition_of(row)
    return found


async def _custom_names(work: Work, changed: Iterable[tuple[FieldChange, ...]]) -> ReferenceNames:
    fields = [one for some in changed for one in some if one.field is not None]
    held = [
        {one.field.key: value} for one in fields for value in (one.before, one.after) if one.field and value is not None
    ]
    return await names_of(work, {one.field.key: one.field for one in fields if one.field}.values(), held)
