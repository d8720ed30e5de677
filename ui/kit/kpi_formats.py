"""KPIs and times of shifts as the reader's language writes them."""

from datetime import date
from decimal import Decimal

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from domain.production.kpi_formulas import KpiUnit
from ui.kit.formats import number

UNDEFINED = "–"


def percent(value: Decimal | None, language: str) -> str:
    """Write a ratio in percent with one digit, never clamped; a dash where it is not defined."""
    return UNDEFINED if value is None else format_percent(value, format="#,##0.0\u00a0%", locale=language)


def duration(seconds: Decimal | None, language: str) -> str:
    """Write a length of time as hours and minutes, with seconds below an hour; a dash where nobody knows it."""
    if seconds is None:
        return UNDEFINED
    minutes, rest = divmod(abs(int(seconds)), 60)
    sign = "-" if seconds < 0 else ""
    if minutes < 60:
        return f"{sign}{minutes}:{rest:02} min"
    return f"{sign}{format_decimal(minutes // 60, locale=language)}:{minutes % 60:02} h"


def kpi_value(value: Decimal | None, unit: KpiUnit, language: str, *, per_hour: str) -> str:
    """Write the number of a KPI or of its input; rates are written per hour, whose word is `per_hour`."""
    if value is None:
        return UNDEFINED
    if unit is KpiUnit.RATIO:
        return percent(value, language)
    if unit is KpiUnit.SECONDS:
        return duration(value, language)
    if unit is KpiUnit.QUANTITY_PER_SECOND:
        return f"{format_decimal(value * 3600, format='#,##0.#', locale=language)} {per_hour}"
    return number(value, language)


def day(value: date, language: str) -> str:
    """Write a calendar day."""
    return format_date(value, format="medium", locale=language)
