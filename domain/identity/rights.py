"""From what somebody is assigned to what they may, and where."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from domain.edits import UNCHANGED, Unchanged
from domain.identity.roles import holds_in_single_plants

Plants = frozenset[UUID] | None
"""Plants in which something holds; None means all."""


@dataclass(frozen=True)
class Assignment:
    """A role that somebody has."""

    role: str
    """The key of a built-in role or of one of the organization's own."""
    plant_ids: frozenset[UUID] | None = None
    """The plants in which it holds; None means wherever they may see."""


@dataclass(frozen=True)
class Rights:
    """What somebody may, and where."""

    permissions: frozenset[str]
    """What they may somewhere."""
    plant_limits: dict[str, frozenset[UUID]]
    """The plants of those permissions that hold in fewer than can be seen."""
    plant_ids: frozenset[UUID] | None
    """The plants that they see."""
    switched_off: frozenset[str] = frozenset()
    """What nobody may while the organization has a feature switched off."""

    def without(self, off: frozenset[str]) -> "Rights":
        """Return what is left of these rights while the organization has features switched off."""
        limits = {permission: plants for permission, plants in self.plant_limits.items() if permission not in off}
        return replace(self, permissions=self.permissions - off, plant_limits=limits, switched_off=off)


def rights_of(
    assignments: Collection[Assignment],
    *,
    granted: Callable[[str], frozenset[str]],
    plant_ids: frozenset[UUID] | None,
) -> Rights:
    """Add up the rights that `granted` says the roles give, within the plants of the person.

    Whoever has roles in single plants only sees no other plant. What a role grants of the whole organization's holds
    only where the role is not limited to plants.
    """
    if all(assigned.plant_ids is None for assigned in assignments):
        return Rights(frozenset[str]().union(*(granted(assigned.role) for assigned in assignments)), {}, plant_ids)
    seen = _within(plant_ids, _any(assigned.plant_ids for assigned in assignments))
    held: dict[str, Plants] = {}
    for assigned in assignments:
        plants = _within(seen, assigned.plant_ids)
        if plants is not None and not plants and assigned.plant_ids is not None:
            continue
        for permission in granted(assigned.role):
            if assigned.plant_ids is None or holds_in_single_plants(permission):
                held[permission] = _any([held[permission], plants]) if permission in held else plants
    limits = {permission: plants for permission, plants in held.items() if plants is not None and plants != seen}
    return Rights(frozenset(held), limits, seen)


def _any(several: Iterable[Plants]) -> Plants:
    found: frozenset[UUID] = frozenset()
    for plants in several:
        if plants is None:
            return None
        found |= plants
    return found


def _within(one: Plants, other: Plants) -> Plants:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def plants_after_choice(
    before: Collection[UUID] | None, *, offered: Collection[UUID], chosen: Collection[UUID]
) -> list[UUID] | Unchanged | None:
    """Return the plants of somebody after a choice among those that its maker sees; None stands for all.

    What was not touched stays as it is, and plants that were not offered are neither taken away nor, by choosing none,
    turned into all.
    """
    seen = set(offered)
    shown = set() if before is None else seen.intersection(before)
    if set(chosen) == shown:
        return UNCHANGED
    hidden = set() if before is None else set(before) - seen
    return sorted(hidden.union(chosen)) or None
