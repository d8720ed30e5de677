"""The long part of changing a field's type, done by a worker: looking at every value, and changing every value.

Both are tasks: their progress is seen, and they are cancelled between two batches. Looking writes the report at its
end; changing is one transaction. Whatever stops them, a cancellation or the death of their worker, leaves each value as
it was, and a worker that takes over begins again.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import func, select

from domain.custom_fields.conversions import ConversionState, Leftovers, Names, after_conversion, converted
from domain.custom_fields.fields import LONGEST_KEY, FieldDefinition, FieldPlace, FieldType, Labels
from domain.custom_fields.values import cell_of
from domain.errors import Invalid, NotFound
from domain.events import CustomFieldConverted, CustomFieldsChanged
from services.custom_fields.entities import ENTITIES, Entity
from services.custom_fields.fields import definition_of, write_definition
from services.custom_fields.keys import keep_keys
from services.custom_fields.references import ids_by_code, names_of
from services.custom_fields.values import ALONE_WITH_VALUES
from services.db.keys import new_id
from services.db.tables import CustomConversion, CustomField
from services.db.work import Work, begin, read
from services.tasks.tasks import RunningTask, TaskJob, does_task, when_given_up

AT_ONCE = 2_000
MOST_SAMPLES = 100
LONGEST_SAMPLE = 200
HELD = """
SELECT id, {code} AS code, custom -> '{key}' AS held FROM {table}
WHERE id > $1 AND custom ? '{key}' ORDER BY id LIMIT {limit:d}
"""
# Whoever has a thing open in a form meets the new version when they save.
WRITE = """
UPDATE {table} SET custom = ({table}.custom - '{key}') || made.held, version = {table}.version + 1
FROM unnest($1::uuid[], $2::jsonb[]) AS made (id, held) WHERE {table}.id = made.id
"""


class CheckConversion(TaskJob):
    """Look at every value of a field whose type shall change."""

    name = "custom.conversion.check"
    conversion_id: UUID


class RunConversion(TaskJob):
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

    def told(self) -> dict[str, object]:
        """Return it as the result of its task."""
        return {"values": self.seen, "leftover": self.leftover}


@does_task(CheckConversion)
async def check_values(running: RunningTask, job: CheckConversion) -> dict[str, object]:
    """Look at every value and write the report."""
    report = _Report()
    async with read(running.scope) as work:
        conversion, field = await _found(work, job.conversion_id)
        if conversion.state != ConversionState.CHECKING:
            return {}  # done by a worker that died before it could say so
        before, after = definition_of(field), target_of(field, conversion)
        await running.report(0, total=conversion.total)
        async for batch in _batches(work, field, before):
            names = await _names(work, before, after, batch)
            for _, code, held in batch:
                _convert(before, after, held, names, report, code)
            report.seen += len(batch)
            await running.report(report.seen)
    async with begin(running.scope) as work:
        locked, field = await locked_conversion(work, job.conversion_id)
        if locked.state == ConversionState.CHECKING:
            await _settle(work, locked, field.entity, ConversionState.CHECKED, report)
    return report.told()


@does_task(RunConversion)
async def convert_values(running: RunningTask, job: RunConversion) -> dict[str, object]:
    """Change the definition and every value in one transaction; with a value that nobody has decided about, nothing."""
    async with begin(running.scope) as work:
        conversion, _ = await _found(work, job.conversion_id)
        if conversion.state != ConversionState.CONVERTING:
            return {}  # done by a worker that died before it could say so
        await running.report(0, total=conversion.total)
        return await _convert_all(work, running, conversion)


async def _convert_all(work: Work, running: RunningTask, conversion: CustomConversion) -> dict[str, object]:
    field = await work.session.get_one(CustomField, conversion.field_id)
    await work.session.execute(ALONE_WITH_VALUES, {"entity": field.entity})
    await work.session.refresh(field, with_for_update=True)
    entity, report = field.entity, _Report()
    if field.version != conversion.field_version:
        return await _finish(work, conversion.id, entity, ConversionState.DROPPED, report)
    before, after = definition_of(field), target_of(field, conversion)
    had_keys = FieldPlace.FILTER in before.shown_in
    savepoint = await work.session.begin_nested()
    archive = await _archive_of(work, field, before) if conversion.leftovers == Leftovers.ARCHIVE else None
    write_definition(field, after)
    field.type, field.reference = after.type.value, after.reference
    await work.session.flush()
    async for batch in _batches(work, field, before):
        names = await _names(work, before, after, batch)
        made: list[tuple[UUID, dict[str, object]]] = []
        for row_id, code, held in batch:
            value = _convert(before, after, held, names, report, code)
            kept = {} if value is None else {field.key: value}
            if value is None and archive is not None:
                kept = {archive: held}
            made.append((row_id, kept))
        await _write(work, ENTITIES[entity], field.key, made)
        report.seen += len(batch)
        await running.report(report.seen)  # a cancellation undoes the whole transaction
    if report.leftover and conversion.leftovers is None:
        await savepoint.rollback()
        return await _finish(work, conversion.id, entity, ConversionState.CHECKED, report)
    await savepoint.commit()
    await keep_keys(work, field, had_keys=had_keys)
    work.emit(CustomFieldsChanged(entity=entity))
    return await _finish(work, conversion.id, entity, ConversionState.DONE, report)


@when_given_up(CheckConversion, RunConversion)
async def give_up_conversion(work: Work, task_id: UUID) -> None:
    """Let a change of type stand as before its task began: not begun at all, or with its report."""
    asked = select(CustomConversion).where(CustomConversion.task_id == task_id).with_for_update()
    conversion = (await work.session.execute(asked)).scalar_one_or_none()
    if conversion is None:
        return
    match ConversionState(conversion.state):
        case ConversionState.CHECKING:
            end_conversion(work, conversion, ConversionState.DROPPED)
        case ConversionState.CONVERTING:
            conversion.state = ConversionState.CHECKED.value
        case _:
            return
    await work.session.flush()
    field = await work.session.get_one(CustomField, conversion.field_id)
    tell_conversion(work, field.entity, conversion)


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


async def _found(work: Work, conversion_id: UUID) -> tuple[CustomConversion, CustomField]:
    """Return a change of type and its field as they are now; they move on while the work goes on."""
    conversion = await work.session.get_one(CustomConversion, conversion_id)
    field = await work.session.get_one(CustomField, conversion.field_id)
    work.session.expunge(conversion)
    work.session.expunge(field)
    return conversion, field


async def locked_conversion(work: Work, conversion_id: UUID) -> tuple[CustomConversion, CustomField]:
    """Return a change of type, held until the work ends, and its field.

    Raises:
        NotFound: there is no such change of type.
    """
    conversion = await work.session.get(CustomConversion, conversion_id, with_for_update=True, populate_existing=True)
    if conversion is None:
        raise NotFound(what="change of type")
    return conversion, await work.session.get_one(CustomField, conversion.field_id)


def target_of(field: CustomField, conversion: CustomConversion) -> FieldDefinition:
    """Return what the field becomes: its new type, and all else as it is today."""
    return after_conversion(definition_of(field), definition_of(field, stored=conversion.definition))


def end_conversion(work: Work, conversion: CustomConversion, state: ConversionState) -> None:
    """Let nothing more become of a change of type."""
    conversion.state, conversion.ended_at = state.value, work.now


def tell_conversion(work: Work, entity: str, conversion: CustomConversion) -> None:
    """Tell open pages that a change of type moved on."""
    work.emit(CustomFieldConverted(entity=entity, conversion_id=conversion.id))


async def _finish(
    work: Work, conversion_id: UUID, entity: str, state: ConversionState, report: _Report
) -> dict[str, object]:
    conversion, _ = await locked_conversion(work, conversion_id)
    await _settle(work, conversion, entity, state, report)
    return report.told()


async def _settle(
    work: Work, conversion: CustomConversion, entity: str, state: ConversionState, report: _Report
) -> None:
    conversion.total, conversion.leftover, conversion.samples = report.seen, report.leftover, report.samples or []
    if state is ConversionState.CHECKED:
        conversion.state = state.value
    else:
        end_conversion(work, conversion, state)
    await work.session.flush()
    tell_conversion(work, entity, conversion)
