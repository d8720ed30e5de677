"""The custom fields of an organization: added, changed, put in order, taken out of use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select, text

from domain.checks import checked_text
from domain.custom_fields.fields import (
    LONGEST_UNIT,
    Choice,
    FieldDefinition,
    FieldPlace,
    FieldRules,
    FieldType,
    KeyTaken,
    Labels,
    check_definition,
    checked_key,
    checked_labels,
)
from domain.custom_fields.values import checked_value
from domain.edits import UNCHANGED, Unchanged
from domain.errors import Invalid, NotFound
from domain.events import CustomFieldsChanged
from domain.identity.roles import Permission
from services.custom_fields.entities import entity_of
from services.custom_fields.keys import keep_keys
from services.db.keys import new_id
from services.db.locked import locked
from services.db.tables import CustomField
from services.db.unique import unique_or
from services.db.work import Work

# Two admins who add or order fields of one kind at once do so one after the other.
ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('custom_fields:' || :entity || app.current_org(), 0))")
REORDER = """
UPDATE custom_fields SET position = wanted.place, version = version + 1
FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place)
WHERE custom_fields.id = wanted.id AND custom_fields.position <> wanted.place
"""


@dataclass(frozen=True)
class FieldChanges:
    """What changes of a field; the rest stays."""

    labels: Labels | None = None
    unit: str | None = None
    is_required: bool | None = None
    default: object | Unchanged = UNCHANGED
    """As it is sent; None for nothing."""
    rules: FieldRules | None = None
    choices: Sequence[Choice] | None = None
    section: Labels | None = None
    shown_in: frozenset[FieldPlace] | None = None
    is_active: bool | None = None


async def add_field(work: Work, *, entity: str, field: FieldDefinition) -> CustomField:
    """Add a field behind the others of its kind.

    Raises:
        Forbidden: the actor may not edit custom fields.
        InvalidChoice: there is no such entity, or none that the field refers to.
        KeyTaken: the entity has a field with this key.
        Invalid: the definition cannot be used; `field` says where.
    """
    await work.permit(Permission.EDIT_FIELDS)
    entity_of(entity)
    definition = checked_definition(field)
    await work.session.execute(ALONE, {"entity": entity})
    last = await work.session.scalar(select(func.max(CustomField.position)).where(CustomField.entity == entity))
    row = CustomField(
        id=new_id(),
        org_id=work.scope.org_id,
        entity=entity,
        key=checked_key(definition.key),
        type=definition.type.value,
        reference=definition.reference,
        position=(last or 0) + 1,
    )
    write_definition(row, definition)
    async with unique_or(work, KeyTaken(field="key", key=row.key)):
        work.session.add(row)
    await keep_keys(work, row, had_keys=False)
    work.emit(CustomFieldsChanged(entity=entity))
    return row


async def edit_field(work: Work, *, field_id: UUID, version: int, changes: FieldChanges) -> CustomField:
    """Change what is given of a field; out of use it shows nowhere, and what things hold in it stays.

    Raises:
        Forbidden: the actor may not edit custom fields.
        NotFound: there is no such field.
        Conflict: somebody changed it since `version`.
        Invalid: the definition cannot be used; `field` says where.
    """
    await work.permit(Permission.EDIT_FIELDS)
    row = await locked(work, CustomField, field_id, version=version, missing=NotFound(what="custom field"))
    before = definition_of(row)
    given: dict[str, object] = {
        name: value
        for name, value in (
            ("labels", changes.labels),
            ("unit", changes.unit),
            ("is_required", changes.is_required),
            ("rules", changes.rules),
            ("choices", None if changes.choices is None else tuple(changes.choices)),
            ("section", changes.section),
            ("shown_in", changes.shown_in),
            ("is_active", changes.is_active),
        )
        if value is not None
    }
    if changes.default is not UNCHANGED:
        given["default"] = changes.default
    write_definition(row, checked_definition(replace(before, **given)))  # type: ignore[arg-type]
    await work.session.flush()
    await keep_keys(work, row, had_keys=FieldPlace.FILTER in before.shown_in)
    work.emit(CustomFieldsChanged(entity=row.entity))
    return row


async def order_fields(work: Work, *, entity: str, field_ids: Sequence[UUID]) -> None:
    """Put fields of one kind of things into the order in which they are given.

    Raises:
        Forbidden: the actor may not edit custom fields.
        InvalidChoice: there is no such entity.
        NotFound: one of the fields does not exist, or is of something else.
    """
    await work.permit(Permission.EDIT_FIELDS)
    entity_of(entity)
    await work.session.execute(ALONE, {"entity": entity})
    statement = select(CustomField.id).where(CustomField.id.in_(field_ids), CustomField.entity == entity)
    if len((await work.session.execute(statement)).all()) < len(set(field_ids)):
        raise NotFound(what="custom field")
    await work.fetch(REORDER, list(dict.fromkeys(field_ids)))
    work.emit(CustomFieldsChanged(entity=entity))


async def list_fields(work: Work, *, entity: str | None = None) -> tuple[CustomField, ...]:
    """Return the fields of one kind of things, or of all, by position; those out of use too.

    Raises:
        Forbidden: the actor may not read the plant model.
        InvalidChoice: there is no such entity.
    """
    await work.permit(Permission.READ_PLANT)
    statement = select(CustomField).order_by(CustomField.entity, CustomField.position, CustomField.key)
    if entity is not None:
        statement = statement.where(CustomField.entity == entity_of(entity).key)
    return tuple((await work.session.execute(statement)).scalars())


async def get_field(work: Work, *, field_id: UUID) -> CustomField:
    """Return one field.

    Raises:
        Forbidden: the actor may not read the plant model.
        NotFound: there is no such field.
    """
    await work.permit(Permission.READ_PLANT)
    row = await work.session.get(CustomField, field_id, populate_existing=True)
    if row is None:
        raise NotFound(what="custom field")
    return row


async def load_fields(work: Work, entity: str, *, place: FieldPlace | None = None) -> tuple[FieldDefinition, ...]:
    """Return the fields in use of one kind of things, by position; those shown in a place where one is given.

    Asks for no right: whoever may see or change the things needs their fields for it.
    """
    statement = select(CustomField).where(CustomField.entity == entity, CustomField.is_active)
    if place is not None:
        statement = statement.where(CustomField.shown_in.any(place.value))  # type: ignore[arg-type]
    statement = statement.order_by(CustomField.position, CustomField.key).execution_options(populate_existing=True)
    rows = (await work.session.execute(statement)).scalars()
    return tuple(definition_of(row) for row in rows)


def definition_of(row: CustomField, *, stored: Mapping[str, object] | None = None) -> FieldDefinition:
    """Return a row as the rules know it; with the type and what belongs to it as `stored_definition` wrote them."""
    typed = stored if stored is not None else stored_definition_of(row)
    rules, choices = typed["rules"], typed["choices"]
    if not isinstance(rules, dict) or not isinstance(choices, list):
        raise TypeError("a definition is stored as an object of rules and a list of choices")
    reference = typed["reference"]
    return FieldDefinition(
        key=row.key,
        type=FieldType(str(typed["type"])),
        labels=row.labels,
        unit=str(typed["unit"]),
        is_required=row.is_required,
        default=row.default_value,
        rules=FieldRules(
            least=_decimal(rules.get("least")),
            most=_decimal(rules.get("most")),
            decimals=_whole(rules.get("decimals")),
            shortest=_whole(rules.get("shortest")),
            longest=_whole(rules.get("longest")),
            pattern=None if rules.get("pattern") is None else str(rules["pattern"]),
        ),
        choices=tuple(_choice(one) for one in choices),
        reference=None if reference is None else str(reference),
        section=row.section,
        shown_in=frozenset(FieldPlace(place) for place in row.shown_in),
        is_active=row.is_active,
        has_keys=row.has_keys,
        id=row.id,
        version=row.version,
    )


def checked_definition(field: FieldDefinition) -> FieldDefinition:
    """Return a definition that can be kept.

    Raises:
        Invalid: it cannot; `field` says where.
    """
    choices = tuple(replace(choice, labels=checked_labels(choice.labels, name="choices")) for choice in field.choices)
    definition = replace(
        field,
        labels=checked_labels(field.labels, name="labels"),
        section=checked_labels(field.section, name="section", may_be_empty=True),
        unit=checked_text(field.unit, field="unit", longest=LONGEST_UNIT, may_be_empty=True),
        choices=choices,
    )
    check_definition(definition)
    if definition.reference is not None:
        entity_of(definition.reference, field="reference")
    try:
        default = None if definition.default is None else checked_value(definition, definition.default)
    except Invalid as error:
        raise type(error)(**{**error.fields, "field": "default"}) from error
    return replace(definition, default=default)


def stored_definition_of(row: CustomField) -> dict[str, object]:
    """Return the type of a row and what belongs to it."""
    return {
        "type": row.type,
        "unit": row.unit,
        "rules": row.rules,
        "choices": row.choices,
        "reference": row.reference,
    }


def stored_definition(definition: FieldDefinition) -> dict[str, object]:
    """Return a type and what belongs to it, to be kept until a field has it."""
    return {
        "type": definition.type.value,
        "unit": definition.unit,
        "rules": _rules(definition),
        "choices": _choices(definition),
        "reference": definition.reference,
    }


def write_definition(row: CustomField, definition: FieldDefinition) -> None:
    """Write all of a definition into a row, but its key, type and reference."""
    row.labels, row.section = dict(definition.labels), dict(definition.section)
    row.unit, row.is_required, row.default_value = definition.unit, definition.is_required, definition.default
    row.rules, row.choices = _rules(definition), _choices(definition)
    row.shown_in = [place.value for place in FieldPlace if place in definition.shown_in]
    row.is_active = definition.is_active


def _rules(definition: FieldDefinition) -> dict[str, object]:
    return {
        name: str(value) if isinstance(value, Decimal) else value
        for name, value in vars(definition.rules).items()
        if value is not None
    }


def _choices(definition: FieldDefinition) -> list[dict[str, object]]:
    return [{"key": one.key, "labels": dict(one.labels), "is_active": one.is_active} for one in definition.choices]


def _choice(stored: Mapping[str, object]) -> Choice:
    labels = stored["labels"]
    return Choice(
        str(stored["key"]), labels if isinstance(labels, dict) else {}, is_active=stored.get("is_active") is not False
    )


def _decimal(stored: object) -> Decimal | None:
    return None if stored is None else Decimal(str(stored))


def _whole(stored: object) -> int | None:
    return stored if isinstance(stored, int) else None
