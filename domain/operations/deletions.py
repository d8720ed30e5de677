"""The end of an organization: who wants it, how long everybody has to change their mind, and in which order it goes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import ClassVar

from domain.checks import checked_whole
from domain.errors import Conflict, Invalid, marked

LONGEST_GRACE_DAYS = 90
USUAL_GRACE_DAYS = 14


class DeletionState(StrEnum):
    """How far the end of an organization is."""

    PLANNED = "planned"  # can still be taken back; -> running
    RUNNING = "running"  # -> done
    DONE = "done"


class DeletionPlanned(Conflict):
    """It is to be deleted already."""

    code: ClassVar[str] = "deletion_planned"
    sentence: ClassVar[str] = marked("This organization is to be deleted already. Keep it first to choose another day.")


class NoDeletionPlanned(Conflict):
    """There is nothing to take back."""

    code: ClassVar[str] = "no_deletion_planned"
    sentence: ClassVar[str] = marked("Nobody wants this organization deleted, or its deletion has begun.")


class NotItsShortName(Invalid):
    """What was typed to confirm is not the organization's short name."""

    code: ClassVar[str] = "not_its_short_name"
    sentence: ClassVar[str] = marked("Type the short name of the organization, “{slug}”, to confirm.")


class StillActive(Conflict):
    """The platform deletes only what it has suspended."""

    code: ClassVar[str] = "still_active"
    sentence: ClassVar[str] = marked("Suspend this organization first, so that its people know before it is gone.")


@dataclass(frozen=True)
class Reference:
    """A foreign key from one table to another, or to itself."""

    name: str
    child: str
    parent: str
    may_be_empty: bool
    """Whether a row can exist without what it refers to."""


@dataclass(frozen=True)
class DeletionOrder:
    """In which order the rows of tables can go."""

    emptied: tuple[str, ...]
    """The names of references to empty first, because they lie in a circle."""
    tables: tuple[str, ...]
    """The tables, each before all that it refers to."""


def checked_grace(days: int) -> timedelta:
    """Return how long people have to change their mind.

    Raises:
        InvalidWholeNumber: it is less than no day or more than ninety.
    """
    return timedelta(days=checked_whole(days, field="after_days", least=0, most=LONGEST_GRACE_DAYS))


def deletion_order(tables: Collection[str], references: Iterable[Reference]) -> DeletionOrder:
    """Return in which order the rows of tables can go; references from or to other tables count for nothing.

    Raises:
        ValueError: tables refer to each other in a circle in which no reference may be empty.
    """
    kept = sorted((one for one in references if one.child in tables and one.parent in tables), key=lambda one: one.name)
    emptied: list[str] = []
    while True:
        sorter = TopologicalSorter({table: set[str]() for table in sorted(tables)})
        for one in kept:
            sorter.add(one.parent, one.child)
        try:
            return DeletionOrder(tuple(emptied), tuple(sorter.static_order()))
        except CycleError as error:
            circle: list[str] = error.args[1]
        steps = set(pairwise(circle))
        weak = [one for one in kept if (one.child, one.parent) in steps and one.may_be_empty]
        if not weak:
            raise ValueError(f"{', '.join(circle)} refer to each other in a circle")
        step = (weak[0].child, weak[0].parent)
        emptied += [one.name for one in weak if (one.child, one.parent) == step]
        kept = [one for one in kept if one.name not in emptied]
