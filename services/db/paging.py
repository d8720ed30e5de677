"""Lists in pages: the next page begins after the last row of this one, so inserts never shift or repeat rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import asyncpg

from services.db.work import Work

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


class PageQuery:
    """A statement that holds the filters which were given and no others, as plans for all values need it."""

    def __init__(self, sql: str) -> None:
        """Begin with `sql`, which ends before its WHERE."""
        self._sql = sql
        self._conditions: list[str] = []
        self._values: list[object] = []

    def where(self, condition: str, *values: object) -> "PageQuery":
        """Add a condition unless a value of it is missing; `{}` stands for each value."""
        if None not in values:
            first = len(self._values) + 1
            self._values += values
            self._conditions.append(condition.format(*(f"${number}" for number in range(first, first + len(values)))))
        return self

    async def fetch(self, work: Work, *, order: str, limit: int) -> "list[asyncpg.Record]":
        """Run it, for one row more than a page has."""
        where = f"WHERE {' AND '.join(self._conditions)}" if self._conditions else ""
        statement = f"{self._sql} {where} ORDER BY {order} LIMIT ${len(self._values) + 1}"
        return await work.fetch(statement, *self._values, limit + 1)
