"""Numbers and times as the reader's language and the plant's time zone write them."""

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton, format_time
from babel.numbers import format_decimal


@lru_cache(maxsize=4096)
def number(value: Decimal, language: str) -> str:
    """Write a quantity with up to six digits behind the point."""
    return format_decimal(value, format="#,##0.######", locale=language)


def time_of_day(at: datetime, zone: str, language: str) -> str:
    """Write the time of day of an instant in a plant."""
    return format_time(at.astimezone(ZoneInfo(zone)), format="short", locale=language)


def day_and_time(at: datetime, zone: str, language: str) -> str:
    """Write day and time of an instant in a plant, without the year."""
    day = format_skeleton("MMMd", at.astimezone(ZoneInfo(zone)), locale=language)
    return f"{day}, {time_of_day(at, zone, language)}"


def day_of(at: datetime, zone: str, language: str) -> str:
    """Write the day of an instant in a plant, with its year."""
    return format_skeleton("yMMMd", at.astimezone(ZoneInfo(zone)), locale=language)


def weekday_and_day(day: date, language: str) -> str:
    """Write a day with its weekday, without the year."""
    return format_skeleton("MMMEd", datetime.combine(day, datetime.min.time()), locale=language)


def whole(value: float, language: str) -> str:
    """Write a measured number with as many digits as it has."""
    return format_decimal(value, locale=language)


def number_of_bytes(size: int, language: str) -> str:
    """Write how large something is, in decimal units (IEC 80000-13), with one digit behind the point."""
    unit, value = "B", float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):  # noqa: B007 - the last one stays
        if value < 1000:
            break
        value /= 1000
    return f"{format_decimal(round(value, 1), locale=language)} {unit}"
