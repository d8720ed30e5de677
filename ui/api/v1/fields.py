"""What a field of the API may hold: stricter than Python, so that nothing is guessed."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from services.translations import Translate

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
DECIMAL_TEXT = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")


class RequestBody(BaseModel):
    """A JSON object without fields that nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What the API shows of a read model."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


Shown = TypeVar("Shown", bound=Answer)


def spoken(shown: type[Shown], row: object, words: Translate | None) -> Shown:
    """Return a read model as the API shows it, its sentences in the caller's language."""
    return shown.model_validate(row, context={"words": words})


def _exact(value: object) -> object:
    """Take JSON numbers, which arrive as int or Decimal, and decimal strings; nothing else is a quantity."""
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not is_number and not (isinstance(value, str) and DECIMAL_TEXT.fullmatch(value)):
        raise PydanticCustomError("quantity", "must be a number or a decimal string")
    return value


def _instant_text(value: object) -> object:
    """Take ISO 8601 only: a bare number could be seconds or milliseconds."""
    if not isinstance(value, str | datetime) or (isinstance(value, str) and "-" not in value):
        raise PydanticCustomError("instant", "must be an ISO 8601 time with its time zone")
    return value


def _within_reach(value: datetime) -> datetime:
    if not EARLIEST <= value < LATEST:
        raise PydanticCustomError("instant_range", "must lie between 1970 and 2200")
    return value.astimezone(UTC)


def _as_number(value: Decimal) -> int | float:
    """Write a quantity as a JSON number; 15 digits, more than a quantity has, survive every JSON reader."""
    return int(value) if value == value.to_integral_value() else float(value)


Instant = Annotated[AwareDatetime, BeforeValidator(_instant_text), AfterValidator(_within_reach)]
"""A time with its zone, kept as UTC."""
Quantity = Annotated[
    Decimal,
    BeforeValidator(_exact, json_schema_input_type=Decimal | str),
    Field(allow_inf_nan=False, ge=0, le=10**9, max_digits=16, decimal_places=6, examples=[8, "0.25"]),
]
"""Pieces: from 0 to one billion with at most six digits behind the point; a JSON number or a decimal string."""
Version = Annotated[
    int,
    Field(strict=True, ge=1, le=2**31 - 1, description="Of what was seen; refused when it has changed since."),
]
ShownQuantity = Annotated[Decimal, PlainSerializer(_as_number, return_type=int | float)]
"""Pieces, shown as a JSON number."""
