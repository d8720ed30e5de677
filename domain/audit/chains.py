"""The chain of hashes over the audit: how it can break, and what somebody notes down of it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from domain.errors import Invalid, marked

ANCHOR = re.compile(r"\s*([1-9][0-9]{0,17})\s*[: ]\s*([0-9a-fA-F]{64})\s*")


class BrokenBecause(StrEnum):
    """Why a link of the chain does not fit."""

    ENTRY_CHANGED = "entry_changed"  # its hash is not that of the entry and the link before
    ENTRY_MISSING = "entry_missing"  # the entry is gone
    ENTRY_ADDED = "entry_added"  # an entry that no link knows stands between linked ones
    LINK_MISSING = "link_missing"  # the link before is gone
    ORDER = "order"  # it stands before an entry that is older


class AnchorState(StrEnum):
    """What became of an anchor that was noted down earlier."""

    NOT_GIVEN = "not_given"
    STANDS = "stands"  # the chain still goes through it
    GONE = "gone"  # the chain was written anew since, or cut off before it


class InvalidAnchor(Invalid):
    """Not what a screen or a command shows of a chain."""

    code: ClassVar[str] = "invalid_anchor"
    sentence: ClassVar[str] = marked(
        "“{field}” must be a position and a hash as they are shown here, such as 17:ab12…."
    )


@dataclass(frozen=True)
class Anchor:
    """A link as somebody can note it down: everything up to it is part of its hash."""

    position: int
    hash: str
    """64 hexadecimal digits."""

    @classmethod
    def parse(cls, typed: str, *, field: str) -> "Anchor":
        """Read an anchor as it is shown: the position, a colon, the hash.

        Raises:
            InvalidAnchor: it is none.
        """
        found = ANCHOR.fullmatch(typed)
        if found is None:
            raise InvalidAnchor(field=field)
        return cls(int(found[1]), found[2].lower())

    def __str__(self) -> str:
        return f"{self.position}:{self.hash}"
