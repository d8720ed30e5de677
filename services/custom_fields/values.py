"""What things hold in their custom fields: checked when they are written, with everything that they refer to."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import text

from domain.custom_fields.fields import FieldDefinition, FieldType
from domain.custom_fields.values import ValueNotThere, Values, checked_values, with_defaults
from services.custom_fields.entities import ENTITIES
from services.custom_fields.fields import load_fields
from services.db.work import Work

ALONE_WITH_VALUES = text("SELECT pg_advisory_xact_lock(hashtextextended('custom:' || :entity || app.current_org(), 0))")
"""Keeps everybody else from writing values of an entity until the transaction ends."""
BESIDE_OTHERS = text(
    "SELECT pg_advisory_xact_lock_shared(hashtextextended('custom:' || :entity || app.current_org(), 0))"
)
Given = Mapping[str, object]
"""Values by key as they were sent or typed; None takes one away."""
THERE = "SELECT id FROM {table} WHERE id = ANY ($1)"
FILES_THERE = "SELECT id FROM files WHERE id = ANY ($1) AND purpose = 'custom_field'"


async def custom_of_new(work: Work, entity: str, given: Given | None) -> dict[str, object]:
    """Return what a new thing holds. None is for what nobody asked about: it has the defaults, and nothing else.

    Raises:
        UnknownField: a key names no field in use.
        ValueMissing: a required field would hold nothing.
        Invalid: a value cannot be kept; `field` names its field.
    """
    fields = await _fields(work, entity)
    if given is None:
        return with_defaults(fields, {})
    values = checked_values(fields, with_defaults(fields, given), {})
    await _refuse_what_is_not_there(work, fields, values)
    return values


async def custom_of_edited(work: Work, entity: str, given: Given | None, kept: Values) -> dict[str, object]:
    """Return what a thing holds after an edit that gives some values, or none.

    Raises:
        As `custom_of_new`.
    """
    if given is None:
        return dict(kept)
    fields = await _fields(work, entity)
    values = checked_values(fields, given, kept)
    changed = {key: value for key, value in values.items() if value != kept.get(key)}
    await _refuse_what_is_not_there(work, fields, changed)
    return values


async def _fields(work: Work, entity: str) -> tuple[FieldDefinition, ...]:
    """Return the fields that values are written into; none of them changes its type until the transaction ends."""
    fields = await load_fields(work, entity)
    if fields:
        await work.session.execute(BESIDE_OTHERS, {"entity": entity})
        fields = await load_fields(work, entity)
    return fields


async def _refuse_what_is_not_there(work: Work, fields: Iterable[FieldDefinition], values: Values) -> None:
    for one in fields:
        value = values.get(one.key)
        if value is None or one.type not in {FieldType.REFERENCE, FieldType.FILE}:
            continue
        table = FILES_THERE if one.reference is None else THERE.format(table=ENTITIES[one.reference].table)
        if not await work.fetch(table, [UUID(str(value))]):
            raise ValueNotThere(field=one.name)
