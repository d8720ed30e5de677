"""Changing some fields of a thing: what is not given stays as it is, also where a field may hold nothing."""

from enum import Enum
from typing import Final, Literal, TypeAlias


class Edit(Enum):
    """What stands in place of a value that is not given."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Edit.UNCHANGED
Unchanged: TypeAlias = Literal[Edit.UNCHANGED]
