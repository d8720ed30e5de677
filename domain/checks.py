"""Checks of single values that people and programs type in."""

import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, TypeVar

from domain.errors import Invalid, marked

C = TypeVar("C", bound=StrEnum)

LARGEST_QUANTITY = Decimal(10) ** 9
SMALLEST_STEP = Decimal("0.000001")
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_TOLERANCE = timedelta(minutes=2)


class InvalidQuantity(Invalid):
    """A quantity that cannot be booked."""

    code: ClassVar[str] = "invalid_quantity"
    sentence: ClassVar[str] = marked(
        "“{field}” must be a number from 0 to one billion with at most six digits behind the point."
    )


class InvalidWholeNumber(Invalid):
    """A number that is too small or too large."""

    code: ClassVar[str] = "invalid_whole_number"
    sentence: ClassVar[str] = marked("“{field}” must be a whole number from {least} to {most}.")


class InvalidText(Invalid):
    """A text that is empty, too long, or holds characters that nobody can read."""

    code: ClassVar[str] = "invalid_text"
    sentence: ClassVar[str] = marked("“{field}” must have 1 to {longest} readable characters.")


class InvalidInstant(Invalid):
    """A point in time that lies in the future or before the year 2000."""

    code: ClassVar[str] = "invalid_instant"
    sentence: ClassVar[str] = marked("“{field}” must be a time with its time zone, after 1999 and not in the future.")


class InvalidChoice(Invalid):
    """A value that is none of those to choose from."""

    code: ClassVar[str] = "invalid_choice"
    sentence: ClassVar[str] = marked("“{field}” must be one of: {choices}.")


def checked_choice(value: str, kind: type[C], *, field: str) -> C:
    """Return the member of an enumeration that a value names.

    Raises:
        InvalidChoice: there is no such member.
    """
    if value not in set(kind):
        raise InvalidChoice(field=field, choices=", ".join(kind))
    return kind(value)


def checked_quantity(value: Decimal, *, field: str) -> Decimal:
    """Return the quantity when it can be booked.

    Raises:
        InvalidQuantity: not finite, negative, above one billion, or finer than a millionth.
    """
    if not value.is_finite() or value < 0 or value > LARGEST_QUANTITY or value != value.quantize(SMALLEST_STEP):
        raise InvalidQuantity(field=field)
    return value


def plain(quantity: Decimal) -> Decimal:
    """Return a quantity without zeros at its end, for sentences that name it."""
    return quantity.to_integral_value() if quantity == quantity.to_integral_value() else quantity.normalize()


def checked_whole(value: int, *, field: str, least: int, most: int) -> int:
    """Return a whole number between two bounds, both allowed.

    Raises:
        InvalidWholeNumber: it is outside.
    """
    if not least <= value <= most:
        raise InvalidWholeNumber(field=field, least=least, most=most)
    return value


def checked_text(value: str, *, field: str, longest: int = 200, may_be_empty: bool = False) -> str:
    """Return the text without surrounding white space when it can be kept and read.

    Raises:
        InvalidText: empty, too long, or with control characters or lone surrogates.
    """
    text = unicodedata.normalize("NFC", value.strip())
    readable = all(unicodedata.category(character) not in {"Cc", "Cs"} or character in "\n\t" for character in text)
    if not readable or len(text) > longest or not (text or may_be_empty):
        raise InvalidText(field=field, longest=longest)
    return text


def storable(value: str, *, longest: int) -> str:
    """Return as much of a text as a database can keep, for what is looked up or noted and never shown as typed."""
    return value.encode(errors="ignore").decode().replace("\x00", "")[:longest]


def checked_instant(value: datetime, *, field: str, now: datetime) -> datetime:
    """Return the instant in UTC when something can have happened then; up to two minutes ahead counts as now.

    Raises:
        InvalidInstant: without a time zone, before 2000, or in the future.
    """
    if value.tzinfo is None or not EARLIEST <= value <= now + CLOCK_TOLERANCE:
        raise InvalidInstant(field=field)
    return min(value.astimezone(UTC), now)
