"""Values of custom fields: as they are stored and sent, as people type them into tables, and what is refused.

A stored value is JSON: a text, a number, true or false, a date as 2026-03-01, an instant as 2026-03-01T05:00:00Z, the
key of a choice, keys of choices, or an id. Numbers have at most fifteen digits, which every reader of JSON keeps.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import ClassVar
from uuid import UUID

from domain.checks import checked_text
from domain.custom_fields.fields import (
    LONGEST_TEXT,
    MOST_DECIMALS,
    FieldDefinition,
    FieldType,
    UnknownField,
)
from domain.custom_fields.patterns import fits
from domain.errors import Invalid, marked

Values = Mapping[str, object]
"""Stored values by key; what holds nothing is missing."""

BEYOND_NUMBERS = Decimal(10) ** 12
MOST_DIGITS = 15
DECIMAL_TEXT = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?")
DATE_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
YES = frozenset({"yes", "true", "1", "ja", "wahr", "x"})
NO = frozenset({"no", "false", "0", "nein", "falsch"})
SEPARATOR = " | "
"""Between several choices in one cell of a table."""


class ValueMissing(Invalid):
    """A required field without a value."""

    code: ClassVar[str] = "value_missing"
    sentence: ClassVar[str] = marked("“{field}” must be filled in.")


class ValueNotANumber(Invalid):
    """A value that is no number that can be kept."""

    code: ClassVar[str] = "value_not_a_number"
    sentence: ClassVar[str] = marked(
        "“{field}” must be a number of at most 15 digits, {decimals} of them behind the point."
    )


class ValueTooSmall(Invalid):
    """A number below the least."""

    code: ClassVar[str] = "value_too_small"
    sentence: ClassVar[str] = marked("“{field}” must be {least} or more.")


class ValueTooLarge(Invalid):
    """A number above the most."""

    code: ClassVar[str] = "value_too_large"
    sentence: ClassVar[str] = marked("“{field}” must be {most} or less.")


class ValueTooShort(Invalid):
    """A text with too few characters."""

    code: ClassVar[str] = "value_too_short"
    sentence: ClassVar[str] = marked("“{field}” must have {shortest} characters or more.")


class ValueUnlikePattern(Invalid):
    """A text that is not as its pattern says."""

    code: ClassVar[str] = "value_unlike_pattern"
    sentence: ClassVar[str] = marked("“{field}” must look like {pattern}.")


class ValueNotYesOrNo(Invalid):
    """A value that is neither."""

    code: ClassVar[str] = "value_not_yes_or_no"
    sentence: ClassVar[str] = marked("“{field}” must be yes or no.")


class ValueNotADate(Invalid):
    """A value that is no day."""

    code: ClassVar[str] = "value_not_a_date"
    sentence: ClassVar[str] = marked("“{field}” must be a date such as 2026-03-01.")


class ValueNotAnInstant(Invalid):
    """A value that is no point in time."""

    code: ClassVar[str] = "value_not_an_instant"
    sentence: ClassVar[str] = marked("“{field}” must be a time with its zone, such as 2026-03-01T06:00+01:00.")


class ValueNotAChoice(Invalid):
    """A value that is none of those to choose from."""

    code: ClassVar[str] = "value_not_a_choice"
    sentence: ClassVar[str] = marked("“{field}” must be one of: {choices}.")


class ValueNotThere(Invalid):
    """A reference to something that does not exist here, or a file that was never kept."""

    code: ClassVar[str] = "value_not_there"
    sentence: ClassVar[str] = marked("“{field}” names something that does not exist.")


def checked_value(one: FieldDefinition, value: object, *, kept: object = None) -> object:
    """Return a value as it is stored, whatever it came as; None for nothing.

    `kept` is what the thing holds already: a choice that is out of use stays where it is.

    Raises:
        An Invalid error whose `field` is the field's name.
    """
    match one.type:
        case FieldType.TEXT:
            return _text(one, value)
        case FieldType.NUMBER:
            return _number(one, value)
        case FieldType.BOOLEAN:
            return _yes_or_no(one, value)
        case FieldType.DATE:
            return _day(one, value)
        case FieldType.DATETIME:
            return _instant(one, value)
        case FieldType.CHOICE:
            return _choice(one, value, kept)
        case FieldType.MULTI_CHOICE:
            return _choices(one, value, kept)
        case _:
            return _id(one, value)


def checked_values(fields: Iterable[FieldDefinition], given: Mapping[str, object], kept: Values) -> dict[str, object]:
    """Return what a thing holds after an edit: `given` values in place of what is `kept`, and all else as it was.

    None takes a value away. What fields out of use hold stays.

    Raises:
        UnknownField: a key names no field in use.
        ValueMissing: a required field would hold nothing.
        And what `checked_value` raises.
    """
    by_key = {one.key: one for one in fields if one.is_active}
    for key in given:
        if key not in by_key:
            raise UnknownField(key=key, field=f"custom.{key}")
    values = dict(kept)
    for key, value in given.items():
        stored = checked_value(by_key[key], value, kept=kept.get(key))
        if stored is None:
            values.pop(key, None)
        else:
            values[key] = stored
    for one in by_key.values():
        if one.is_required and one.key not in values:
            raise ValueMissing(field=one.name)
    return values


def with_defaults(fields: Iterable[FieldDefinition], given: Mapping[str, object]) -> dict[str, object]:
    """Return the values of a new thing: those given, and the defaults of all fields that were not spoken of."""
    defaults = {one.key: one.default for one in fields if one.is_active and one.default is not None}
    return {**defaults, **given}


def number_of(stored: object) -> Decimal:
    """Return a stored number exactly."""
    return Decimal(str(stored))


def instant_of(stored: object) -> datetime:
    """Return a stored instant, aware UTC."""
    return datetime.fromisoformat(str(stored))


def cell_of(one: FieldDefinition, stored: object) -> str:
    """Return a stored value as it stands in a table that programs read back; references as their id."""
    if stored is None:
        return ""
    match one.type:
        case FieldType.NUMBER:
            return format(number_of(stored), "f")
        case FieldType.BOOLEAN:
            return "yes" if stored else "no"
        case FieldType.MULTI_CHOICE if isinstance(stored, list):
            return SEPARATOR.join(map(str, stored))
        case _:
            return str(stored)


def value_in_cell(one: FieldDefinition, cell: str) -> object:
    """Return the value that somebody wrote into a cell, for `checked_value`; None for an empty one.

    A number may have a comma before its decimals, a choice may be written as any of its labels.
    """
    text = cell.strip()
    if not text:
        return None
    match one.type:
        case FieldType.NUMBER:
            return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
        case FieldType.BOOLEAN:
            word = text.casefold()
            return True if word in YES else False if word in NO else text
        case FieldType.CHOICE:
            return _key_of(one, text)
        case FieldType.MULTI_CHOICE:
            return [_key_of(one, part.strip()) for part in text.split(SEPARATOR.strip()) if part.strip()]
        case _:
            return text


def _key_of(one: FieldDefinition, word: str) -> str:
    if any(choice.key == word for choice in one.choices):
        return word
    meant = {
        choice.key
        for choice in one.choices
        if word.casefold() in {label.casefold() for label in choice.labels.values()}
    }
    return meant.pop() if len(meant) == 1 else word


def _text(one: FieldDefinition, value: object) -> str | None:
    if value is None:
        return None
    longest = one.rules.longest or LONGEST_TEXT
    if not isinstance(value, str):
        return checked_text("", field=one.name, longest=longest)
    text = checked_text(value, field=one.name, longest=longest, may_be_empty=True)
    if not text:
        return None
    if one.rules.shortest is not None and len(text) < one.rules.shortest:
        raise ValueTooShort(field=one.name, shortest=one.rules.shortest)
    if one.rules.pattern is not None and not fits(text, one.rules.pattern):
        raise ValueUnlikePattern(field=one.name, pattern=one.rules.pattern)
    return text


def _number(one: FieldDefinition, value: object) -> int | float | None:
    if value is None or value == "":
        return None
    decimals = MOST_DECIMALS if one.rules.decimals is None else one.rules.decimals
    number = _decimal(value)
    if number is None or not number.is_finite() or abs(number) >= BEYOND_NUMBERS:
        raise ValueNotANumber(field=one.name, decimals=decimals)
    number = number.normalize()
    _, digits, exponent = number.as_tuple()
    behind = max(0, -int(exponent))
    if behind > decimals or len(digits) + max(0, int(exponent)) > MOST_DIGITS:
        raise ValueNotANumber(field=one.name, decimals=decimals)
    if one.rules.least is not None and number < one.rules.least:
        raise ValueTooSmall(field=one.name, least=format(one.rules.least, "f"))
    if one.rules.most is not None and number > one.rules.most:
        raise ValueTooLarge(field=one.name, most=format(one.rules.most, "f"))
    return float(number) if behind else int(number)


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, str) and DECIMAL_TEXT.fullmatch(value.strip()):
        try:
            return Decimal(value.strip())
        except InvalidOperation:
            return None
    return None


def _yes_or_no(one: FieldDefinition, value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise ValueNotYesOrNo(field=one.name)


def _day(one: FieldDefinition, value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    written: str = value if isinstance(value, str) else ""
    try:
        return date.fromisoformat(written if DATE_TEXT.fullmatch(written) else "").isoformat()
    except ValueError as error:
        raise ValueNotADate(field=one.name) from error


def _instant(one: FieldDefinition, value: object) -> str | None:
    if value is None or value == "":
        return None
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(_instant_text(value))
        if instant.tzinfo is None:
            raise ValueNotAnInstant(field=one.name)
        at = instant.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise ValueNotAnInstant(field=one.name) from error
    return f"{at.isoformat()}Z"


def _instant_text(value: object) -> str:
    return value if isinstance(value, str) and "-" in value and len(value) < 40 else ""


def _choice(one: FieldDefinition, value: object, kept: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or (value not in _offered(one) and value != kept):
        raise ValueNotAChoice(field=one.name, choices=", ".join(_offered(one)))
    return value


def _choices(one: FieldDefinition, value: object, kept: object) -> list[str] | None:
    if value is None or value in ("", []):
        return None
    allowed = {*_offered(one), *(kept if isinstance(kept, list) else ())}
    if not isinstance(value, list | tuple) or not all(isinstance(key, str) and key in allowed for key in value):
        raise ValueNotAChoice(field=one.name, choices=", ".join(_offered(one)))
    order = {choice.key: place for place, choice in enumerate(one.choices)}
    return sorted(set(value), key=lambda key: (order.get(key, len(order)), key))


def _offered(one: FieldDefinition) -> list[str]:
    return [choice.key for choice in one.choices if choice.is_active]


def _id(one: FieldDefinition, value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, UUID):
        return str(value)
    try:
        return str(UUID(value if isinstance(value, str) else ""))
    except ValueError as error:
        raise ValueNotThere(field=one.name) from error
