"""Changing the type of a field: a task reports what would not come along, and another one changes the values."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from domain.custom_fields.conversions import (
    ConversionMovedOn,
    ConversionState,
    ConversionUnderWay,
    Leftovers,
    LeftoversUndecided,
    after_conversion,
)
from domain.custom_fields.fields import FieldDefinition, FieldType
from domain.errors import NotFound
from domain.identity.roles import Permission
from services.custom_fields.conversion_tasks import (
    CheckConversion,
    RunConversion,
    end_conversion,
    locked_conversion,
    tell_conversion,
)
from services.custom_fields.entities import ENTITIES
from services.custom_fields.fields import checked_definition, definition_of, stored_definition
from services.db.keys import new_id
from services.db.tables import CustomConversion, CustomField, Task
from services.db.work import Work
from services.tasks.tasks import start_task, stop_task

OPEN = (ConversionState.CHECKING.value, ConversionState.CHECKED.value, ConversionState.CONVERTING.value)
UNDER_WAY = (ConversionState.CHECKING, ConversionState.CONVERTING)
COUNT = "SELECT count(*) FROM {table} WHERE custom ? '{key}'"


@dataclass(frozen=True)
class ConversionInfo:
    """A change of type as it stands."""

    id: UUID
    field_id: UUID
    from_type: FieldType
    to_type: FieldType
    state: ConversionState
    task_id: UUID | None
    """The newest task of it; None of what was begun by an older version."""
    total: int
    seen: int
    """How many values its task has looked at, of `total`."""
    leftover: int
    """How many values cannot be converted."""
    leftovers: Leftovers | None
    samples: tuple[dict[str, object], ...]
    """The first of those: the thing, its value and why."""
    started_at: datetime
    ended_at: datetime | None
    version: int


async def check_conversion(work: Work, *, field_id: UUID, version: int, to: FieldDefinition) -> ConversionInfo:
    """Begin a change of a field's type: a task reports what would not come along, and nothing changes yet.

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
    if await _is_open(work, field_id):
        raise ConversionUnderWay
    after = checked_definition(after_conversion(definition_of(row), to))
    conversion_id = new_id()
    job = CheckConversion(task_id=new_id(), conversion_id=conversion_id)
    await start_task(work, job, alone=False)
    conversion = CustomConversion(
        id=conversion_id,
        org_id=work.scope.org_id,
        field_id=field_id,
        field_version=row.version,
        from_type=row.type,
        to_type=after.type.value,
        definition=stored_definition(after),
        total=await _count(work, row),
        state=ConversionState.CHECKING.value,
        task_id=job.task_id,
        started_at=work.now,
    )
    work.session.add(conversion)
    await work.session.flush()
    tell_conversion(work, row.entity, conversion)
    return await _shown(work, conversion)


async def run_conversion(work: Work, *, conversion_id: UUID, leftovers: Leftovers | None = None) -> ConversionInfo:
    """Let a task change the values of a field whose report stands.

    Raises:
        Forbidden: the actor may not edit custom fields.
        NotFound: there is no such change of type.
        ConversionMovedOn: it waits for nobody.
        LeftoversUndecided: values cannot be converted, and `leftovers` does not say what becomes of them.
    """
    await work.permit(Permission.EDIT_FIELDS)
    conversion, field = await locked_conversion(work, conversion_id)
    if conversion.state != ConversionState.CHECKED:
        raise ConversionMovedOn
    if conversion.leftover and leftovers is None:
        raise LeftoversUndecided(count=conversion.leftover)
    job = RunConversion(task_id=new_id(), conversion_id=conversion.id)
    await start_task(work, job, alone=False)
    conversion.state, conversion.task_id = ConversionState.CONVERTING.value, job.task_id
    conversion.leftovers = None if leftovers is None else leftovers.value
    await work.session.flush()
    tell_conversion(work, field.entity, conversion)
    return await _shown(work, conversion)


async def stop_conversion(work: Work, *, conversion_id: UUID) -> ConversionInfo:
    """Have the task that changes values stop at its next step; then nothing was changed, and the report stands again.

    Raises:
        Forbidden: the actor may not edit custom fields.
        NotFound: there is no such change of type.
        ConversionMovedOn: no values are being changed.
    """
    await work.permit(Permission.EDIT_FIELDS)
    conversion = await _found(work, conversion_id)
    if conversion.state != ConversionState.CONVERTING or conversion.task_id is None:
        raise ConversionMovedOn
    await stop_task(work, task_id=conversion.task_id)
    return await _shown(work, conversion)


async def drop_conversion(work: Work, *, conversion_id: UUID) -> ConversionInfo:
    """Give a change of type up before anything was changed.

    Raises:
        Forbidden: the actor may not edit custom fields.
        NotFound: there is no such change of type.
        ConversionMovedOn: it has begun to change values, or is over.
    """
    await work.permit(Permission.EDIT_FIELDS)
    conversion = await _found(work, conversion_id)
    if conversion.state not in {ConversionState.CHECKING, ConversionState.CHECKED}:
        raise ConversionMovedOn
    if conversion.task_id is not None:
        await stop_task(work, task_id=conversion.task_id)  # first, as a task that ends holds itself before this
    conversion, field = await locked_conversion(work, conversion_id)
    if conversion.state not in {ConversionState.CHECKING, ConversionState.CHECKED, ConversionState.DROPPED}:
        raise ConversionMovedOn
    end_conversion(work, conversion, ConversionState.DROPPED)
    await work.session.flush()
    tell_conversion(work, field.entity, conversion)
    return await _shown(work, conversion)


async def get_conversion(work: Work, *, conversion_id: UUID) -> ConversionInfo:
    """Return a change of type as it stands.

    Raises:
        Forbidden: the actor may not edit custom fields.
        NotFound: there is no such change of type.
    """
    await work.permit(Permission.EDIT_FIELDS)
    return await _shown(work, await _found(work, conversion_id))


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


async def _found(work: Work, conversion_id: UUID) -> CustomConversion:
    conversion = await work.session.get(CustomConversion, conversion_id, populate_existing=True)
    if conversion is None:
        raise NotFound(what="change of type")
    return conversion


async def _count(work: Work, field: CustomField) -> int:
    entity = ENTITIES[field.entity]
    rows = await work.fetch(COUNT.format(table=entity.table, key=field.key))
    return int(rows[0][0])


async def _is_open(work: Work, field_id: UUID) -> bool:
    statement = select(CustomConversion.id).where(
        CustomConversion.field_id == field_id, CustomConversion.state.in_(OPEN)
    )
    return (await work.session.execute(statement)).first() is not None


async def _shown(work: Work, conversion: CustomConversion) -> ConversionInfo:
    state, seen = ConversionState(conversion.state), conversion.total
    if state in UNDER_WAY:
        seen = await work.session.scalar(select(Task.done).where(Task.id == conversion.task_id)) or 0
    return ConversionInfo(
        id=conversion.id,
        field_id=conversion.field_id,
        from_type=FieldType(conversion.from_type),
        to_type=FieldType(conversion.to_type),
        state=state,
        task_id=conversion.task_id,
        total=conversion.total,
        seen=seen,
        leftover=conversion.leftover,
        leftovers=None if conversion.leftovers is None else Leftovers(conversion.leftovers),
        samples=tuple(conversion.samples),
        started_at=conversion.started_at,
        ended_at=conversion.ended_at,
        version=conversion.version,
    )
