"""The roles of an organization as its people hold them, remembered by the process until they change."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

import asyncpg

from domain.events import Event, OrganizationChanged, RolesChanged
from domain.identity.rights import Assignment, Plants, Rights, rights_of
from domain.operations.features import switched_off
from services.auth.permissions import Policies
from services.db.work import Work

REMEMBER_S = 30.0
"""The longest that a process trusts what it knows without having heard an event."""
MOST_ORGANIZATIONS = 1_000

GRANTED = """
SELECT roles.key, roles.is_active, array_remove(array_agg(grants.pattern), NULL) AS patterns
FROM roles LEFT JOIN role_grants AS grants ON grants.org_id = roles.org_id AND grants.role_id = roles.id
GROUP BY roles.key, roles.is_active
"""
SWITCHED_OFF = "SELECT feature FROM organization_features WHERE NOT is_on"
HOLDERS = """
SELECT users.id, users.plant_ids AS seen, array_agg(user_roles.role ORDER BY user_roles.role) AS roles,
       array_agg(user_roles.plant_ids::text ORDER BY user_roles.role) AS plants
FROM user_roles JOIN users ON users.org_id = user_roles.org_id AND users.id = user_roles.user_id
WHERE users.is_active GROUP BY users.id, users.plant_ids
"""

ASSIGNMENTS = (
    "ARRAY(SELECT jsonb_build_object('role', role, 'plant_ids', to_jsonb(user_roles.plant_ids)) FROM user_roles"
    " WHERE user_roles.org_id = users.org_id AND user_roles.user_id = users.id ORDER BY role) AS assignments"
)
"""A column for statements about users: their roles, each with its plants. `assignments_of` reads it."""


class AssignedRole(TypedDict):
    """An element of the column `ASSIGNMENTS`."""

    role: str
    plant_ids: list[str] | None


async def load_policies(
    work: Work, *, holders: Iterable[tuple[str, str]] = (), with_inactive: bool = False
) -> Policies:
    """Load what the organization's own roles grant; `holders` are pairs of a person and a role that they have.

    A role that is switched off grants nothing, unless it is asked what it would grant.
    """
    grants = {
        row["key"]: row["patterns"] if row["is_active"] or with_inactive else () for row in await work.fetch(GRANTED)
    }
    return Policies(work.scope.org_id, grants=grants, holders=holders)


async def load_switched_off(work: Work) -> frozenset[str]:
    """Load what nobody may in the work's organization, because a feature is off."""
    return switched_off(frozenset(row["feature"] for row in await work.fetch(SWITCHED_OFF)))


async def everybodys_rights(work: Work) -> dict[UUID, Rights]:
    """Return what each active user who has a role may, in one go: people with the same roles are one to Casbin."""
    alike: dict[tuple[object, ...], list[asyncpg.Record]] = {}
    for row in await work.fetch(HOLDERS):
        seen = None if row["seen"] is None else tuple(row["seen"])
        alike.setdefault((seen, tuple(row["roles"]), tuple(row["plants"])), []).append(row)
    groups = {str(number): rows for number, rows in enumerate(alike.values())}
    holders = [(name, role) for name, rows in groups.items() for role in rows[0]["roles"]]
    policies = await load_policies(work, holders=holders)
    rights: dict[UUID, Rights] = {}
    for name, rows in groups.items():
        limits = dict(zip(rows[0]["roles"], map(_plants_of, rows[0]["plants"]), strict=True))
        seen_plants = None if rows[0]["seen"] is None else frozenset(rows[0]["seen"])
        assignments = [Assignment(role, limits[role]) for role in policies.roles_of(name)]
        theirs = rights_of(assignments, granted=policies.granted, plant_ids=seen_plants)
        rights.update((row["id"], theirs) for row in rows)
    return rights


def _plants_of(text: str | None) -> Plants:
    return None if text is None else frozenset(map(UUID, text.strip("{}").split(",")))


@dataclass(frozen=True)
class KnownPolicies:
    """What the roles of an organization grant, and what nobody may there."""

    policies: Policies
    off: frozenset[str]
    """Permissions of features that are switched off."""


class PolicyMemory:
    """The process's memory of each organization's policies."""

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[float, KnownPolicies]] = {}
        self._heard = 0

    async def of(self, work: Work) -> KnownPolicies:
        """Return the policies of the work's organization."""
        org_id = work.scope.org_id
        known = self._known.get(org_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        heard = self._heard
        policies = KnownPolicies(await load_policies(work), await load_switched_off(work))
        if heard == self._heard:  # else something changed meanwhile: it may be what was loaded
            if len(self._known) >= MOST_ORGANIZATIONS:
                self._known.clear()
            self._known[org_id] = (time.monotonic() + REMEMBER_S, policies)
        return policies

    async def rights(self, work: Work, *, assignments: list[Assignment], plant_ids: list[UUID] | None) -> Rights:
        """Return what somebody with these roles may in the work's organization."""
        known = await self.of(work)
        policies = known.policies
        if not all(policies.knows(one.role) for one in assignments):  # a role that is younger than what is known
            policies = await load_policies(work)
        rights = rights_of(
            assignments,
            granted=policies.granted,
            plant_ids=None if plant_ids is None else frozenset(plant_ids),
        )
        return rights.without(known.off) if known.off else rights

    def hear(self, org_id: UUID | None, event: Event | None) -> None:
        """Forget what an event made untrue, or everything when events were missed."""
        if event is None:
            self._heard += 1
            self._known.clear()
        if isinstance(event, RolesChanged | OrganizationChanged) and org_id is not None:
            self._heard += 1
            self._known.pop(org_id, None)


def assignments_of(column: Iterable[AssignedRole]) -> list[Assignment]:
    """Read the column `ASSIGNMENTS` of a row."""
    return [
        Assignment(one["role"], None if one["plant_ids"] is None else frozenset(map(UUID, one["plant_ids"])))
        for one in column
    ]
