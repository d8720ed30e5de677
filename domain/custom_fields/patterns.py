"""Patterns that texts must match, run by a matcher that cannot be kept busy.

The matcher is that of pydantic's core: it looks at each character once, knows neither look-around nor back references,
and refuses a pattern whose machine would be large. So no pattern and no text can take long.
"""

import re
from functools import lru_cache
from typing import Annotated, ClassVar

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from domain.errors import Invalid, marked

LONGEST_PATTERN = 200
MOST_REPETITIONS = 1000
"""The product of all counted repetitions of a pattern: what it may unfold to."""


class InvalidPattern(Invalid):
    """A pattern that cannot be used."""

    code: ClassVar[str] = "invalid_pattern"
    sentence: ClassVar[str] = marked(
        "This pattern cannot be used. Write one of at most 200 characters such as [A-Z]+-[0-9]+, without look-around"
        " and back references."
    )


def checked_pattern(pattern: str) -> str:
    """Return a pattern that a text can be matched with.

    Raises:
        InvalidPattern: it is empty, too long, unfolds to too much, or is none.
    """
    repetitions = 1
    for counts in re.findall(r"\{(\d{1,9})(?:,(\d{0,9}))?\}", pattern):
        repetitions *= max(1, *(int(count or 0) for count in counts))
    if not 1 <= len(pattern) <= LONGEST_PATTERN or repetitions > MOST_REPETITIONS:
        raise InvalidPattern(field="pattern")
    try:
        _matcher(pattern)
    except (SchemaError, ValueError) as error:
        raise InvalidPattern(field="pattern") from error
    return pattern


def fits(text: str, pattern: str) -> bool:
    """Tell whether the whole of a text is as a checked pattern says."""
    try:
        _matcher(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(maxsize=512)
def _matcher(pattern: str) -> TypeAdapter[str]:
    return TypeAdapter(Annotated[str, StringConstraints(pattern=rf"\A(?:{pattern})\z")])
