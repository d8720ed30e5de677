"""Why a machine stood still or a piece was not good."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.errors import Conflict, Invalid, marked


class ReasonKind(StrEnum):
    """What a reason explains."""

    STOP = "stop"
    SCRAP = "scrap"
    REWORK = "rework"


class LossCategory(StrEnum):
    """The bucket that lost time or lost pieces fall into."""

    PLANNED = "planned"  # breaks, meetings, no shift
    BREAKDOWN = "breakdown"  # the machine failed
    CHANGEOVER = "changeover"  # setting up the next run
    MINOR = "minor"  # short stops that nobody repairs
    MATERIAL = "material"  # nothing to work on, or the wrong thing
    ORGANIZATION = "organization"  # nobody there, nothing decided
    QUALITY = "quality"  # pieces that are not good


class ReasonCycle(Conflict):
    """A reason that would stand below itself."""

    code: ClassVar[str] = "reason_cycle"
    sentence: ClassVar[str] = marked("A reason cannot stand below itself or below one of its own.")


class ReasonOfAnotherKind(Invalid):
    """A reason below one that explains something else."""

    code: ClassVar[str] = "reason_of_another_kind"
    sentence: ClassVar[str] = marked("The reason above must be of the same kind.")


class LossCategoryMissing(Invalid):
    """A reason for stops from which nobody could tell what was lost."""

    code: ClassVar[str] = "loss_category_missing"
    sentence: ClassVar[str] = marked("Choose a loss category, or a reason above that has one.")


@dataclass(frozen=True)
class ReasonInTree:
    """What a place in the tree depends on."""

    id: UUID
    kind: ReasonKind
    parent_id: UUID | None
    loss_category: LossCategory | None
    """Its own; None takes that of the reason above."""


def check_place(reason_id: UUID, tree: Mapping[UUID, ReasonInTree]) -> None:
    """Refuse a tree in which a reason, or one below it, stands where it cannot.

    Raises:
        ReasonCycle: it would stand below itself.
        ReasonOfAnotherKind: the reason above explains something else.
        LossCategoryMissing: one of them is for stops, and neither it nor any reason above has a category.
    """
    reason = tree[reason_id]
    above = _above(reason, tree)
    if above and above[0].kind is not reason.kind:
        raise ReasonOfAnotherKind(field="parent_id")
    below = [one for one in tree.values() if one.id != reason_id and reason in _above(one, tree)]
    for one in (reason, *below):
        if one.kind is ReasonKind.STOP and category_in(one, tree) is None:
            raise LossCategoryMissing(field="loss_category")


def category_in(reason: ReasonInTree, tree: Mapping[UUID, ReasonInTree]) -> LossCategory | None:
    """Return the loss category of a reason, its own or the nearest above it."""
    return next((one.loss_category for one in (reason, *_above(reason, tree)) if one.loss_category is not None), None)


def _above(reason: ReasonInTree, tree: Mapping[UUID, ReasonInTree]) -> list[ReasonInTree]:
    """Return the reasons above one, the nearest first."""
    above: list[ReasonInTree] = []
    at = reason
    while at.parent_id is not None:
        at = tree[at.parent_id]
        if at.id == reason.id or at in above:
            raise ReasonCycle(field="parent_id")
        above.append(at)
    return above
