"""Values of custom fields as people read them: on screens, labels and reports."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from domain.custom_fields.fields import FieldDefinition, FieldPlace, FieldType
from domain.custom_fields.values import Values, instant_of, number_of
from services.custom_fields.entities import entity_of
from services.custom_fields.fields import load_fields
from services.custom_fields.references import ReferenceNames, names_of
from services.db.work import Work
from services.translations import translator

ROWS = "SELECT id, custom FROM {table} WHERE id = ANY ($1::uuid[])"


@dataclass(frozen=True)
class ShownValue:
    """A value of a thing, in its reader's language."""

    key: str
    type: FieldType
    label: str
    text: str
    """With its unit."""
    stored: object
    """As it is sent to programs."""


async def shown_values(
    work: Work, entity: str, row_ids: Iterable[UUID], *, where: FieldPlace, language: str, zone: str = "UTC"
) -> dict[UUID, tuple[ShownValue, ...]]:
    """Return what some things hold in the fields that are shown in a place, by id; fields without a value are missing.

    Raises:
        Forbidden: the actor may not see the things.
        InvalidChoice: there is no such entity.
    """
    kind = entity_of(entity)
    await work.permit(kind.read)
    fields = await load_fields(work, entity, place=where)
    rows = await work.fetch(ROWS.format(table=kind.table), list(row_ids)) if fields else []
    values: dict[UUID, Values] = {row["id"]: row["custom"] for row in rows}
    names = await names_of(work, fields, values.values())
    return {
        row_id: tuple(
            ShownValue(
                one.key,
                one.type,
                one.label(language),
                text_of(one, held[one.key], language, zone=zone, names=names),
                held[one.key],
            )
            for one in fields
            if one.key in held
        )
        for row_id, held in values.items()
    }


def text_of(
    one: FieldDefinition,
    stored: object,
    language: str,
    *,
    zone: str,
    names: ReferenceNames | None = None,
    numbers: str = "",
) -> str:
    """Return a stored value as a reader of a language reads it; empty for nothing.

    `numbers` is the locale that writes numbers as they read them, where it is not their language.
    """
    if stored is None:
        return ""
    match one.type:
        case FieldType.NUMBER:
            number: str = format_decimal(number_of(stored), format="#,##0.######", locale=numbers or language)
            return f"{number} {one.unit}".rstrip()
        case FieldType.BOOLEAN:
            _ = translator(language)
            return _("Yes") if stored else _("No")
        case FieldType.DATE:
            return format_date(date.fromisoformat(str(stored)), format="medium", locale=language)
        case FieldType.DATETIME:
            at = instant_of(stored).astimezone(ZoneInfo(zone))
            return format_datetime(at, format="short", locale=language)
        case FieldType.CHOICE:
            return one.choice_label(str(stored), language)
        case FieldType.MULTI_CHOICE:
            keys = stored if isinstance(stored, list) else []
            return ", ".join(one.choice_label(str(key), language) for key in keys)
        case FieldType.REFERENCE | FieldType.FILE:
            return (names or ReferenceNames()).text(stored)
        case _:
            return str(stored)


def texts_of(
    fields: Iterable[FieldDefinition],
    values: Mapping[str, object],
    language: str,
    *,
    zone: str,
    names: ReferenceNames,
    numbers: str = "",
) -> dict[str, str]:
    """Return the values of one thing as its reader reads them, by the name of the field."""
    return {
        one.name: text_of(one, values.get(one.key), language, zone=zone, names=names, numbers=numbers) for one in fields
    }
