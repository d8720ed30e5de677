"""Asking for things by what they hold in custom fields, as it stands in addresses: `custom.weight.min=2`.

`custom.key=value` asks for that value, repeated for one of several; of a text for a part of it. `.min` and `.max` bound
numbers, dates and instants, both included. `.empty=yes` asks for things that hold nothing, `.empty=no` for the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import ClassVar

from domain.checks import storable
from domain.custom_fields.fields import PREFIX, UNSORTED, FieldDefinition, FieldRules, FieldType, UnknownField
from domain.custom_fields.values import (
    BEYOND_NUMBERS,
    NO,
    YES,
    ValueNotYesOrNo,
    checked_value,
    number_of,
    value_in_cell,
)
from domain.errors import Invalid, marked

RANGED = frozenset({FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME})
LONGEST_WORDS = 100
MOST_VALUES = 100


class UnknownFilter(Invalid):
    """A way of asking that the field's type does not know."""

    code: ClassVar[str] = "unknown_filter"
    sentence: ClassVar[str] = marked("“{filter}” is no filter of this field.")


class CannotSortBy(Invalid):
    """A field whose values have no order."""

    code: ClassVar[str] = "cannot_sort_by"
    sentence: ClassVar[str] = marked("Nothing can be sorted by “{key}”.")


@dataclass(frozen=True)
class FieldFilter:
    """What is asked of one field; every part that is given must hold."""

    field: FieldDefinition
    one_of: tuple[object, ...] = ()
    """Stored values, one of which a thing holds."""
    words: str = ""
    """A part of a text."""
    least: object = None
    most: object = None
    is_empty: bool | None = None


@dataclass(frozen=True)
class FieldSort:
    """By which field things are sorted; those that hold nothing come last."""

    field: FieldDefinition
    is_descending: bool = False


def filters_in(fields: Iterable[FieldDefinition], asked: Mapping[str, Sequence[str]]) -> tuple[FieldFilter, ...]:
    """Return the filters that an address holds, among other things.

    Raises:
        UnknownField: it asks about a field that is not there.
        UnknownFilter: it asks what the field's type does not know.
        Invalid: a value cannot be one of that field.
    """
    by_key = {one.key: one for one in fields}
    filters: dict[str, FieldFilter] = {}
    for name, values in asked.items():
        if not name.startswith(PREFIX):
            continue
        key, _, part = name.removeprefix(PREFIX).partition(".")
        if key not in by_key:
            raise UnknownField(key=storable(key, longest=60), field=storable(name, longest=60))
        given = [value for value in values if value.strip()]
        if given:
            filters[key] = _with_part(filters.get(key) or FieldFilter(by_key[key]), part, given, name)
    return tuple(filters.values())


def sort_in(fields: Iterable[FieldDefinition], asked: str) -> FieldSort | None:
    """Return the field that an address sorts by, as `custom.weight` or `-custom.weight`; None for anything else.

    Raises:
        UnknownField: there is no such field.
        CannotSortBy: its values have no order.
    """
    name = asked.removeprefix("-")
    if not name.startswith(PREFIX):
        return None
    key = name.removeprefix(PREFIX)
    field = next((one for one in fields if one.key == key), None)
    if field is None:
        raise UnknownField(key=storable(key, longest=60), field="sort")
    if field.type in UNSORTED:
        raise CannotSortBy(key=key, field="sort")
    return FieldSort(field, asked.startswith("-"))


def key_of(field: FieldDefinition, stored: object) -> str:
    """Return the key of a stored value, as the database makes it: a text that sorts as the values do."""
    match field.type:
        case FieldType.NUMBER:
            return format(number_of(stored) + BEYOND_NUMBERS, "020.6f")
        case FieldType.BOOLEAN:
            return "true" if stored else "false"
        case FieldType.TEXT:
            return str(stored)[:100].lower()
        case _:
            return str(stored)


def _with_part(so_far: FieldFilter, part: str, given: Sequence[str], name: str) -> FieldFilter:
    field = so_far.field
    match part:
        case "" if field.type is FieldType.TEXT:
            return replace(so_far, words=storable(given[0], longest=LONGEST_WORDS).strip())
        case "" if field.type is not FieldType.FILE:
            return replace(so_far, one_of=tuple(_stored(field, value, name) for value in given[:MOST_VALUES]))
        case "min" if field.type in RANGED:
            return replace(so_far, least=_stored(field, given[0], name))
        case "max" if field.type in RANGED:
            return replace(so_far, most=_stored(field, given[0], name))
        case "empty":
            word = given[0].strip().casefold()
            if word not in YES | NO:
                raise ValueNotYesOrNo(field=name)
            return replace(so_far, is_empty=word in YES)
        case _:
            raise UnknownFilter(field=name, filter=name)


def _stored(field: FieldDefinition, written: str, name: str) -> object:
    """Return a value to compare with: of the field's type, whether or not its rules would take it today."""
    single = FieldType.CHOICE if field.type is FieldType.MULTI_CHOICE else field.type
    lenient = replace(field, type=single, rules=FieldRules(), key=name.removeprefix(PREFIX))
    value = value_in_cell(lenient, written)
    is_known = any(choice.key == value for choice in field.choices)
    return checked_value(lenient, value, kept=value if is_known else None)


def in_python(value: object) -> object:
    """Return a stored value for a statement that compares with it."""
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value
