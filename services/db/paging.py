"""Lists in pages: the next page begins after the last row of this one, so inserts never shift or repeat rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list."""

    items: tuple[T, ...]
    has_more: bool
    """Whether rows follow after the last of `items`."""


def page_of(rows: Sequence[T], limit: int) -> Page[T]:
    """Return the page of rows that were asked for with one more than `limit`."""
    return Page(items=tuple(rows[:limit]), has_more=len(rows) > limit)
