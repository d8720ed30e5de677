"""How a person reads: their language, by which clock, and how numbers are written."""

from enum import StrEnum
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import Invalid, marked

LANGUAGES = ("en", "de")
"""What is translated; empty in its place means whatever the browser asks for."""


class NumberFormat(StrEnum):
    """How numbers are written."""

    AS_LANGUAGE = ""
    POINT = "point"  # 1,234.5
    COMMA = "comma"  # 1.234,5
    SPACE = "space"  # 1 234,5


class InvalidTimeZone(Invalid):
    """Not a time zone."""

    code: ClassVar[str] = "invalid_time_zone"
    sentence: ClassVar[str] = marked("“{field}” must be a time zone such as Europe/Berlin.")


class InvalidLanguage(Invalid):
    """Not a language that is translated."""

    code: ClassVar[str] = "invalid_language"
    sentence: ClassVar[str] = marked("“{field}” must be one of the languages here, or empty for that of the browser.")


def checked_time_zone(value: str | None, *, field: str = "time_zone") -> str | None:
    """Return the time zone that a name stands for; None and nothing stand for that of the plant.

    Raises:
        InvalidTimeZone: there is none of that name.
    """
    if not value:
        return None
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a part of a name is a folder and no zone
        raise InvalidTimeZone(field=field) from error
    return value


def checked_language(value: str, *, field: str = "language") -> str:
    """Return the language, or nothing for that of the browser.

    Raises:
        InvalidLanguage: it is not translated.
    """
    if value not in ("", *LANGUAGES):
        raise InvalidLanguage(field=field)
    return value


def number_locale_of(number_format: str, language: str) -> str:
    """Return the locale that writes numbers as somebody reads them."""
    return {NumberFormat.POINT: "en", NumberFormat.COMMA: "de", NumberFormat.SPACE: "fr"}.get(
        NumberFormat(number_format), language
    )
