"""Who acts, in which organization and plants."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal
from uuid import UUID

from domain.errors import Forbidden, marked

ActorKind = Literal["user", "machine", "system"]


class SwitchedOff(Forbidden):
    """Something that nobody may, because the organization does without it."""

    code: ClassVar[str] = "switched_off"
    sentence: ClassVar[str] = marked(
        "Your organization has switched this off. An admin can switch it on under Features."
    )


@dataclass(frozen=True)
class Scope:
    """The identity of one unit of work: everything in it happens inside this organization, as this actor."""

    org_id: UUID
    """The organization whose rows can be seen and written."""
    actor_kind: ActorKind = "system"
    """A signed-in person or program, a machine's own reports, or the system itself."""
    user_id: UUID | None = None
    """The signed-in user; None for machines and the system."""
    session_id: UUID | None = None
    """The sign-in session that the request came with."""
    api_key_id: UUID | None = None
    """The key that a program came with in its owner's name; None for who signed in."""
    plant_ids: frozenset[UUID] | None = None
    """The plants whose rows can be seen and written; None means all plants of the organization."""
    permissions: frozenset[str] = field(default_factory=frozenset)
    """What the actor may do somewhere, as `area.noun.verb`."""
    plant_limits: Mapping[str, frozenset[UUID]] = field(default_factory=dict, hash=False)
    """The plants of those permissions that hold in fewer of them than can be seen."""
    switched_off: frozenset[str] = field(default_factory=frozenset)
    """What nobody may while the organization has a feature switched off; part of no permissions."""
    language: str = ""
    """In which an organization's own words are read, a BCP 47 tag; empty reads them as they were first written."""
    device: str = ""
    """Address and device that the actor signed in from, as the audit keeps them."""
    request_id: str = ""
    """The id of the request, click or job, as it stands in logs and in the audit log."""

    def may(self, permission: str) -> bool:
        """Tell whether the actor holds a permission in any plant; machines and the system hold all."""
        return self.actor_kind != "user" or permission in self.permissions

    def may_in(self, plant_id: UUID | None, permission: str) -> bool:
        """Tell whether the actor holds a permission in a plant; None stands for what belongs to no plant."""
        if not self.may(permission):
            return False
        plants = self.plants_of(permission)
        return plant_id is None or plants is None or plant_id in plants

    def plants_of(self, *permissions: str) -> frozenset[UUID] | None:
        """Return the plants in which the actor holds any of the permissions; None means all of the organization."""
        if self.actor_kind != "user":
            return self.plant_ids
        held: frozenset[UUID] = frozenset()
        for permission in self.permissions.intersection(permissions):
            limit = self.plant_limits.get(permission, self.plant_ids)
            if limit is None:
                return self.plant_ids
            held |= limit
        return held if self.plant_ids is None else held & self.plant_ids

    def lacks_somewhere(self, permission: str) -> bool:
        """Tell whether there is a plant of the organization, or the whole of it, where a permission does not hold."""
        return self.actor_kind == "user" and (not self.may(permission) or self.plants_of(permission) is not None)

    def require(self, permission: str) -> None:
        """Refuse the actor who does not hold a permission in any plant.

        Raises:
            SwitchedOff: the organization does without it.
            Forbidden: the actor is a user without `permission`.
        """
        if not self.may(permission) and permission in self.switched_off:
            raise SwitchedOff(permission=permission)
        if not self.may(permission):
            raise Forbidden(permission=permission)
