"""Changing the type of a field: a job reports what would not come along, and another one changes the values."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import func, select

from domain.custom_fields.conversions import (
    ConversionMovedOn,
    ConversionState,
    ConversionUnderWay,
    Leftovers,
    LeftoversUndecided,
    Names,
    after_conversion,
    converted,
)
from domain.custom_fields.fields import LONGEST_KEY, FieldDefinition, FieldPlace, FieldType, Labels
from domain.custom_fields.values import cell_of
from domain.errors import Invalid, NotFound
from domain.events import CustomFieldConverted, CustomFieldsChanged
from domain.identity.roles import Permission
from services.custom_fields.entities import ENTITIES, Entity
from services.custom_fields.fields import checked_definition, definition_of, stored_definition, write_definition
from services.custom_fields.keys import keep_keys
from services.custom_fields.references import ids_by_code, names_of
from services.custom_fields.values import ALONE_WITH_VALUES
from services.db.keys import new_id
from services.db.tables import CustomConversion, CustomField
from services.db.work import Work, begin
from services.jobs.registry import Job, does, enqueue

AT_ONCE = 2_000
MOST_SAMPLES = 100
LONGEST_SAMPLE = 200
OPEN = (ConversionState.CHECKING.value, ConversionState.CHECKED.value, ConversionState.CONVERTING.value)
HELD = """
SELECT id, {code} AS code, custom -> '{key}' AS held FROM {table}
WHERE id > $1 AND custom ? '{key}' ORDER BY id LIMIT {limit:d}
"""
COUNT = "SELECT count(*) FROM {table} WHERE custom ? '{key}'"
# Whoever has a thing open in a form meets the new version when they save.
WRITE = """
UPDATE {table} SET custom = ({table}.custom - '{key}') || made.held, version = {table}.version + 1
FROM unnest($1::uuid[], $2::jsonb[]) AS made (id, held) WHERE {table}.id = made.id
"""


class CheckConversion(Job):
    """Look at every value of a field whose type shall change."""

    name = "custom.conversion.check"
    conversion_id: UUID


class RunConversion(Job):
    """Change the type of a field and every value of it."""

    name = "custom.conversion.run"
    conversion_id: UUID


@dataclass
class _Report:
    """What was found so far."""

    seen: int = 0
    leftover: int = 0
    samples: list[dict[str, object]] | None = None

    def note(self, code: str, value: str, error: Invalid) -> None:
        self.leftover += 1
        self.samples = self.samples or []
        if len(self.samples) < MOST_SAMPLES:
            fields = {name: str(each) for name, each in error.fields.items()}
            self.samples.append(
                {"thing": code, "value": value[:LONGEST_SAMPLE], "code": error.code, "why": error.sentence,
                    "fields": fields
                }
            )  # fmt: skip


async def check_conversion(work: Work, *, field_id: UUID, version: int, to: FieldDefinition) -> CustomConversion:
    """Begin a change of a field's type: a job reports what would not come along, and nothing changes yet.

    Of `to`, the type and what belongs to it count: unit, rules, choices, reference.

    Raises:
        Forbidden: the actor may not edit custom fields.
        NotFound: there is no such field.
        Conflict: somebody changed it since `version`.
        ConversionUnderWay: another change of its type is open.
        SameType, Invalid: the field cannot become that.
    """
    await work.permit(Permission.EDIT_FIELDS)
    row = await work.session.get(CustomField, field_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(what="custom field")
    if row.version != version:
        raise ConversionMovedOn
    if await _open_of(work, field_id) is not None:
        raise ConversionUnderWay
    before = definition_of(row)
    after = checked_definition(after_conversion(before, to))
    conversion = CustomConversion(
        id=new_id(),
        org_id=work.scope.org_id,
        field_id=field_id,
        field_version=row.version,
        from_type=row.type,
        to_type=after.type.value,
        definition=stored_definition(after),
        total=await _count(work, row),
        state=ConversionState.CHECKING.value,
        started_at=work.now,
    )
    work.session.add(conversion)
    await work.session.flush()
    await enqueue(work, CheckConversion(conversion_id=conversion.id))
    _tell(work, row.entity, conversion)
    return conversion


async def run_conversion(work: Work, *, conversion_id: UUID, leftovers: Leftovers | None = None) -> CustomConversion:
    """Let a job change the values of a field whose report stands.

    Raises:
        Forbidden: the actor may not edit custom fields.
        NotFound: there is no such change of type.
        ConversionMovedOn: it waits for nobody.
        LeftoversUndecided: values cannot be converted, and `leftovers` does not say what becomes of them.
    """
    await work.permit(Permission.EDIT_FIELDS)
    conversion, field = await _locked(work, conversion_id)
    if conversion.state != ConversionState.CHECKED:
        raise ConversionMovedOn
    if conversion.leftover and leftovers is None:
        raise LeftoversUndecided(count=conversion.leftover)
    conversion.state, conversion.seen = ConversionState.CONVERTING.value, 0
    conversion.leftovers = None if leftovers is None else leftovers.value
    await work.session.flush()
    await enqueue(work, RunConversion(conversion_id=conversion.id))
    _tell(work, field.entity, conversion)
    return conversion


async def drop_conversion(work: Work, *, conversion_id: UUID) -> CustomConversion:
    """Give a change of type up before anything was changed.

    Raises:
        Forbidden: the actor may not edit custom fields.
        NotFound: there is no such change of type.
        ConversionMovedOn: it has begun to change values, or is over.
    """
    await work.permit(Permission.EDIT_FIELDS)
    conversion, field = await _locked(work, conversion_id)
    if conversion.state not in {ConversionState.CHECKING, ConversionState.CHECKED}:
        raise ConversionMovedOn
    _end(work, conversion, ConversionState.DROPPED)
    await work.session.flush()
    _tell(work, field.entity, conversion)
    return conversion


async def get_conversion(work: Work, *, conversion_id: UUID) -> CustomConversion:
    """Return a change of type as it stands.

    Raises:
        Forbidden: the actor may not edit custom fields.
        NotFound: there is no such change of type.
    """
    await work.permit(Permission.EDIT_FIELDS)
    conversion = await work.session.get(CustomConversion, conversion_id, populate_existing=True)
    if conversion is None:
        raise NotFound(what="change of type")
    return conversion


async def open_conversions(work: Work, *, entity: str) -> tuple[CustomConversion, ...]:
    """Return the changes of type of an entity's fields that are not over.

    Raises:
        Forbidden: the actor may not edit custom fields.
    """
    await work.permit(Permission.EDIT_FIELDS)
    statement = (
        select(CustomConversion)
        .join(CustomField, CustomField.id == CustomConversion.field_id)
        .where(CustomConversion.state.in_(OPEN), CustomField.entity == entity)
    )
    return tuple((await work.session.execute(statement)).scalars())


@does(CheckConversion)
async def check_values(work: Work, job: CheckConversion) -> None:
    """Look at every value and write the report."""
    conversion, field = await _found(work, job.conversion_id)
    if conversion.state != ConversionState.CHECKING:
        return
    report = _Report()
    before, after = definition_of(field), _target(field, conversion)
    async for batch in _batches(work, field, before):
        names = await _names(work, before, after, batch)
        for _, code, held in batch:
            _convert(before, after, held, names, report, code)
        report.seen += len(batch)
        await _show_progress(work, field.entity, conversion.id, report.seen)
    locked, field = await _locked(work, job.conversion_id)
    if locked.state != ConversionState.CHECKING:
        return
    locked.seen, locked.total, locked.leftover = report.seen, report.seen, report.leftover
    locked.samples = report.samples or []
    locked.state = ConversionState.CHECKED.value
    await work.session.flush()
    _tell(work, field.entity, locked)


@does(RunConversion)
async def convert_values(work: Work, job: RunConversion) -> None:
    """Change the definition and every value in one transaction; with a value that nobody has decided about, nothing."""
    conversion, field = await _found(work, job.conversion_id)
    if conversion.state != ConversionState.CONVERTING:
        return
    await work.session.execute(ALONE_WITH_VALUES, {"entity": field.entity})
    field = await work.session.get_one(CustomField, conversion.field_id, with_for_update=True)
    if field.version != conversion.field_version:
        await _finish(work, job, field.entity, ConversionState.DROPPED, _Report())
        return
    before, after = definition_of(field), _target(field, conversion)
    entity, had_keys = field.entity, FieldPlace.FILTER in before.shown_in
    savepoint = await work.session.begin_nested()
    archive = await _archive_of(work, field, before) if conversion.leftovers == Leftovers.ARCHIVE else None
    write_definition(field, after)
    field.type, field.reference = after.type.value, after.reference
    await work.session.flush()
    report = _Report()
    async for batch in _batches(work, field, before):
        names = await _names(work, before, after, batch)
        made: list[tuple[UUID, dict[str, object]]] = []
        for row_id, code, held in batch:
            value = _convert(before, after, held, names, report, code)
            kept = {} if value is None else {field.key: value}
            if value is None and archive is not None:
                kept = {archive: held}
            made.append((row_id, kept))
        await _write(work, ENTITIES[field.entity], field.key, made)
        report.seen += len(batch)
        await _show_progress(work, field.entity, conversion.id, report.seen)
    if report.leftover and conversion.leftovers is None:
        await savepoint.rollback()
        await _finish(work, job, entity, ConversionState.CHECKED, report)
        return
    await savepoint.commit()
    await keep_keys(work, field, had_keys=had_keys)
    await _finish(work, job, field.entity, ConversionState.DONE, report)
    work.emit(CustomFieldsChanged(entity=field.entity))


def _convert(
    before: FieldDefinition, after: FieldDefinition, held: object, names: Names, report: _Report, code: str
) -> object:
    try:
        return converted(before, after, held, names)
    except Invalid as error:
        shown = names.code_of(str(held)) if before.type in {FieldType.REFERENCE, FieldType.FILE} else ""
        report.note(code, shown or cell_of(before, held), error)
        return None


async def _batches(
    work: Work, field: CustomField, before: FieldDefinition
) -> AsyncIterator[list[tuple[UUID, str, object]]]:
    """Yield the id, the code and the value of everything that holds one."""
    entity, after = ENTITIES[field.entity], UUID(int=0)
    statement = HELD.format(code=entity.code, key=before.key, table=entity.table, limit=AT_ONCE)
    while rows := await work.fetch(statement, after):
        yield [(row["id"], row["code"], row["held"]) for row in rows]
        after = rows[-1]["id"]


async def _names(
    work: Work, before: FieldDefinition, after: FieldDefinition, batch: Sequence[tuple[UUID, str, object]]
) -> Names:
    called = await names_of(work, [before], [{before.key: held} for _, _, held in batch])
    ids: dict[str, UUID] = {}
    if after.type is FieldType.REFERENCE and after.reference is not None:
        codes = [called.codes.get(str(held), cell_of(before, held)) for _, _, held in batch]
        ids = await ids_by_code(work, entity=after.reference, codes=codes)
    return Names(lambda key: called.codes.get(key, ""), lambda code: str(ids[code]) if code in ids else None)


async def _write(work: Work, entity: Entity, key: str, made: Sequence[tuple[UUID, dict[str, object]]]) -> None:
    statement = WRITE.format(table=entity.table, key=key)
    await work.fetch(statement, [row_id for row_id, _ in made], [json.dumps(held) for _, held in made])


async def _archive_of(work: Work, field: CustomField, before: FieldDefinition) -> str:
    """Add a field out of use that keeps what could not be converted, and return its key."""
    used = set((await work.session.scalars(select(CustomField.key).where(CustomField.entity == field.entity))).all())
    number = 1
    while (key := f"{field.key[: LONGEST_KEY - 10]}_before_{number}") in used:
        number += 1
    labels: Labels = {
        language: f"{words[:60]} ({'vorher' if language == 'de' else 'before'})"
        for language, words in before.labels.items()
    }
    last = await work.session.scalar(select(func.max(CustomField.position)).where(CustomField.entity == field.entity))
    archive = CustomField(
        id=new_id(), org_id=field.org_id, entity=field.entity, key=key, type=before.type.value,
        reference=before.reference, position=(last or 0) + 1,
    )  # fmt: skip
    places = before.shown_in - {FieldPlace.FILTER}
    kept = replace(before, labels=labels, is_active=False, is_required=False, default=None, shown_in=places)
    write_definition(archive, kept)
    work.session.add(archive)
    await work.session.flush()
    return key


async def _count(work: Work, field: CustomField) -> int:
    entity = ENTITIES[field.entity]
    rows = await work.fetch(COUNT.format(table=entity.table, key=field.key))
    return int(rows[0][0])


async def _open_of(work: Work, field_id: UUID) -> CustomConversion | None:
    statement = select(CustomConversion).where(CustomConversion.field_id == field_id, CustomConversion.state.in_(OPEN))
    return (await work.session.execute(statement)).scalar_one_or_none()


async def _found(work: Work, conversion_id: UUID) -> tuple[CustomConversion, CustomField]:
    """Return a change of type and its field as they are now; they move on while the work goes on."""
    conversion = await work.session.get_one(CustomConversion, conversion_id)
    field = await work.session.get_one(CustomField, conversion.field_id)
    work.session.expunge(conversion)
    work.session.expunge(field)
    return conversion, field


async def _locked(work: Work, conversion_id: UUID) -> tuple[CustomConversion, CustomField]:
    conversion = await work.session.get(CustomConversion, conversion_id, with_for_update=True, populate_existing=True)
    if conversion is None:
        raise NotFound(what="change of type")
    return conversion, await work.session.get_one(CustomField, conversion.field_id)


def _target(field: CustomField, conversion: CustomConversion) -> FieldDefinition:
    """Return what the field becomes: its new type, and all else as it is today."""
    return after_conversion(definition_of(field), definition_of(field, stored=conversion.definition))


async def _show_progress(work: Work, entity: str, conversion_id: UUID, seen: int) -> None:
    """Let everybody see how far it is, in a transaction of its own."""
    async with begin(work.scope) as beside:
        conversion = await beside.session.get_one(CustomConversion, conversion_id)
        conversion.seen = seen
        await beside.session.flush()
        _tell(beside, entity, conversion)


async def _finish(work: Work, job: RunConversion, entity: str, state: ConversionState, report: _Report) -> None:
    conversion, _ = await _locked(work, job.conversion_id)
    conversion.seen, conversion.leftover, conversion.samples = report.seen, report.leftover, report.samples or []
    if state is ConversionState.CHECKED:
        conversion.state = state.value
    else:
        _end(work, conversion, state)
    await work.session.flush()
    _tell(work, entity, conversion)


def _end(work: Work, conversion: CustomConversion, state: ConversionState) -> None:
    conversion.state, conversion.ended_at = state.value, work.now


def _tell(work: Work, entity: str, conversion: CustomConversion) -> None:
    work.emit(CustomFieldConverted(entity=entity, conversion_id=conversion.id))
