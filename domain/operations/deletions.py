"""The end of an organization: who wants it, how long everybody has to change their mind, and in which order it goes."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from domain.checks import checked_whole_number
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


def checked_grace(days: int) -> timedelta:
    """Return how long people have to change their mind.

    Raises:
        InvalidWholeNumber: it is less than no day or more than ninety.
    """
    return timedelta(days=checked_whole_number(days, field="after_days", least=0, most=LONGEST_GRACE_DAYS))


def deletion_order(tables: Collection[str], references: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return tables so that each comes before all that it refers to; `references` are pairs of child and parent.

    What refers to itself stands in no order with itself.

    Raises:
        ValueError: tables refer to each other in a circle.
    """
    parents: dict[str, set[str]] = {table: set() for table in tables}
    for child, parent in references:
        if child != parent and child in parents and parent in parents:
            parents[child].add(parent)
    ordered: list[str] = []
    while parents:
        wanted = set().union(*parents.values())
        free = sorted(set(parents) - wanted)
        if not free:
            raise ValueError(f"{', '.join(sorted(parents))} refer to each other in a circle")
        ordered += free
        for table in free:
            del parents[table]
    return tuple(ordered)


def circular(references: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Return the references that lie in a circle, those of a table to itself among them."""
    pairs = frozenset(references)
    reached: dict[str, set[str]] = {}
    for child, parent in pairs:
        reached.setdefault(child, set()).add(parent)
    grows = True
    while grows:
        grows = False
        for seen in reached.values():
            further = set().union(*(reached.get(table, set()) for table in seen)) - seen
            grows = grows or bool(further)
            seen |= further
    return frozenset((child, parent) for child, parent in pairs if child in reached.get(parent, set()) | {parent} & {child})
