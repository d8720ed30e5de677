"""Who stands behind a valid token: looked up once, remembered by the process until something changes."""

import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from domain.errors import Forbidden, marked
from domain.events import Event, OrganizationChanged, OrganizationEdited, RolesChanged, SessionRevoked, UserChanged
from domain.identity.rights import Rights
from domain.identity.roles import Permission
from domain.scope import Scope
from services.auth.tokens import Claims, NotSignedIn
from services.db.work import read
from services.identity.policies import ASSIGNMENTS, PolicyMemory, assignments_of

REMEMBER_S = 30.0
"""The longest that a process trusts what it knows without having heard an event."""
MOST_REMEMBERED = 10_000

LOOK_UP = text(f"""
SELECT users.id, users.email, users.display_name, users.language, users.time_zone, users.number_format,
       users.plant_ids, organizations.name AS organization, organizations.delete_at, sign_in_sessions.expires_at,
       btrim(sign_in_sessions.address || ' ' || sign_in_sessions.device) AS device,
       {ASSIGNMENTS}
FROM sign_in_sessions
JOIN users ON users.org_id = sign_in_sessions.org_id AND users.id = sign_in_sessions.user_id
JOIN organizations ON organizations.id = users.org_id
WHERE sign_in_sessions.id = :session_id AND users.id = :user_id
  AND sign_in_sessions.revoked_at IS NULL AND sign_in_sessions.expires_at > now() AND users.is_active
  AND organizations.is_active
""")

LOOK_UP_PERSON = text(f"""
SELECT users.id, users.email, users.display_name, users.language, users.number_format, users.plant_ids,
       {ASSIGNMENTS}
FROM users
WHERE users.id = :user_id AND users.is_active AND EXISTS (SELECT FROM user_badges WHERE user_badges.user_id = users.id)
""")


class NotIdentified(Forbidden):
    """Somebody who stands at a kiosk no longer may."""

    code: ClassVar[str] = "not_identified"
    sentence: ClassVar[str] = marked("You can no longer act here. Scan your badge or enter your PIN again.")


@dataclass(frozen=True)
class KeyUse:
    """The API key with which a program came."""

    name: str
    prefix: str
    requests_per_minute: int | None
    """Its own limit; None for that of the installation."""


@dataclass(frozen=True)
class Viewer:
    """A signed-in user, as screens and the API know them."""

    scope: Scope
    """Their organization, plants and permissions; without a request id."""
    user_id: UUID
    session_id: UUID
    """The sign-in session; the key itself where a program came with an API key."""
    email: str
    display_name: str
    language: str
    """What they chose to read, a BCP 47 tag; empty where they leave it to their browser."""
    organization: str
    roles: frozenset[str]
    session_expires_at: datetime
    """When the session ends unless it is refreshed; aware UTC."""
    device: "Viewer | None" = None
    """The device's sign-in, where a person identified themself at a kiosk; None for who signed in by themself."""
    api_key: KeyUse | None = None
    """The key, where a program acts in its owner's name; None for who signed in."""
    time_zone: str | None = None
    """IANA zone in which they read times; None for that of the plant they look at, as at every kiosk."""
    number_format: str = ""
    """How they read numbers, a `NumberFormat`."""
    ends_at: datetime | None = None
    """When their organization is to be deleted; None where nobody wants that. Aware UTC."""

    @property
    def is_kiosk(self) -> bool:
        """Whether this is a device at which people identify themselves before they act."""
        return self.scope.may(Permission.USE_KIOSK) and not self.scope.may(Permission.REPORT_PRODUCTION)

    def is_of(self, org_id: UUID, user_id: UUID) -> bool:
        """Tell whether this is the given user of the given organization."""
        return self.scope.org_id == org_id and self.user_id == user_id


@dataclass(frozen=True)
class _Person:
    """Somebody who may identify themself at a kiosk."""

    org_id: UUID
    email: str
    display_name: str
    language: str
    number_format: str
    roles: frozenset[str]
    rights: Rights


class Sessions:
    """The process's memory of signed-in users."""

    def __init__(self) -> None:
        self.policies = PolicyMemory()
        self._known: dict[UUID, tuple[float, Viewer]] = {}
        self._people: dict[UUID, tuple[float, _Person]] = {}
        self._heard = 0

    async def viewer(self, claims: Claims) -> Viewer:
        """Return who a token's session belongs to.

        Raises:
            NotSignedIn: the session has ended or the user is no longer active.
            Unavailable: Postgres does not answer and nothing is remembered.
        """
        return await self._remembered(claims.org_id, claims.user_id, claims.session_id)

    async def again(self, viewer: Viewer) -> Viewer:
        """Return what is true now of somebody who signed in, or identified themself at a kiosk, earlier.

        Raises:
            As `viewer` and `at_kiosk`.
        """
        if viewer.device is not None:
            return await self.at_kiosk(viewer.device, viewer.user_id)
        return await self._remembered(viewer.scope.org_id, viewer.user_id, viewer.session_id)

    async def at_kiosk(self, device: Viewer, user_id: UUID) -> Viewer:
        """Return somebody who identified themself at a device: their rights, in the plants that are theirs and its own.

        The session stays the device's.

        Raises:
            NotSignedIn: the device's session has ended.
            NotIdentified: the device is no kiosk any more, or the person is gone or has no badge and no PIN any more.
            Unavailable: Postgres does not answer and nothing is remembered.
        """
        device = await self.again(device)
        if not device.is_kiosk:
            raise NotIdentified(permission=Permission.USE_KIOSK.value)
        person = await self._person(device.scope.org_id, user_id)
        scope = replace(
            device.scope,
            user_id=user_id,
            plant_ids=both(device.scope.plant_ids, person.rights.plant_ids),
            permissions=person.rights.permissions,
            plant_limits=person.rights.plant_limits,
        )
        return replace(
            device,
            scope=scope,
            user_id=user_id,
            email=person.email,
            display_name=person.display_name,
            language=person.language,
            number_format=person.number_format,
            time_zone=None,
            roles=person.roles,
            device=device,
        )

    async def _person(self, org_id: UUID, user_id: UUID) -> "_Person":
        known = self._people.get(user_id)
        if known is not None and known[0] > time.monotonic() and known[1].org_id == org_id:
            return known[1]
        heard = self._heard
        person = await _look_up_person(self.policies, org_id=org_id, user_id=user_id)
        if heard == self._heard:
            if len(self._people) >= MOST_REMEMBERED:
                self._people.clear()
            self._people[user_id] = (time.monotonic() + REMEMBER_S, person)
        return person

    async def _remembered(self, org_id: UUID, user_id: UUID, session_id: UUID) -> Viewer:
        known = self._known.get(session_id)
        if known is not None and known[0] > time.monotonic() and known[1].is_of(org_id, user_id):
            return known[1]
        heard = self._heard
        viewer = await look_up(policies=self.policies, org_id=org_id, user_id=user_id, session_id=session_id)
        if heard != self._heard:
            return viewer  # something ended during the look-up: it may be what was looked up
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[session_id] = (time.monotonic() + REMEMBER_S, viewer)
        return viewer

    def hear(self, org_id: UUID | None, event: Event | None) -> None:
        """Forget what an event made untrue, or everything when events were missed; a listener for the hub."""
        self.policies.hear(org_id, event)
        if event is None:
            self._heard += 1
            self._known.clear()
            self._people.clear()
        if isinstance(event, SessionRevoked):
            self._heard += 1
            self._known.pop(event.session_id, None)
        if isinstance(event, UserChanged):
            self._heard += 1
            self._people.pop(event.user_id, None)
            for session_id, (_until, viewer) in tuple(self._known.items()):
                if viewer.user_id == event.user_id:
                    del self._known[session_id]
        if isinstance(event, OrganizationEdited):
            self._forget_all_of(event.organization_id)
        if isinstance(event, RolesChanged | OrganizationChanged) and org_id is not None:
            self._forget_all_of(org_id)

    def _forget_all_of(self, org_id: UUID) -> None:
        self._heard += 1
        for session_id, (_until, viewer) in tuple(self._known.items()):
            if viewer.scope.org_id == org_id:
                del self._known[session_id]
        for user_id, (_until, person) in tuple(self._people.items()):
            if person.org_id == org_id:
                del self._people[user_id]


async def look_up(*, policies: PolicyMemory, org_id: UUID, user_id: UUID, session_id: UUID) -> Viewer:
    """Load who a session belongs to, with the permissions of their roles.

    Raises:
        NotSignedIn: the session has ended or the user is no longer active.
        Unavailable: Postgres does not answer.
    """
    async with read(Scope(org_id)) as work:
        result = await work.session.execute(LOOK_UP, {"session_id": session_id, "user_id": user_id})
        row = result.one_or_none()
        if row is None:
            raise NotSignedIn
        assignments = assignments_of(row.assignments)
        rights = await policies.rights(work, assignments=assignments, plant_ids=row.plant_ids)
    scope = Scope(
        org_id=org_id,
        actor_kind="user",
        user_id=user_id,
        session_id=session_id,
        plant_ids=rights.plant_ids,
        permissions=rights.permissions,
        plant_limits=rights.plant_limits,
        switched_off=rights.switched_off,
        device=row.device,
    )
    return Viewer(
        scope=scope,
        user_id=user_id,
        session_id=session_id,
        email=row.email,
        display_name=row.display_name,
        language=row.language,
        time_zone=row.time_zone,
        number_format=row.number_format,
        organization=row.organization,
        ends_at=row.delete_at,
        roles=frozenset(one.role for one in assignments),
        session_expires_at=row.expires_at,
    )


async def _look_up_person(policies: PolicyMemory, *, org_id: UUID, user_id: UUID) -> _Person:
    async with read(Scope(org_id)) as work:
        row = (await work.session.execute(LOOK_UP_PERSON, {"user_id": user_id})).one_or_none()
        if row is None:
            raise NotIdentified(permission=Permission.USE_KIOSK.value)
        assignments = assignments_of(row.assignments)
        rights = await policies.rights(work, assignments=assignments, plant_ids=row.plant_ids)
    return _Person(
        org_id=org_id,
        email=row.email,
        display_name=row.display_name,
        language=row.language,
        number_format=row.number_format,
        roles=frozenset(one.role for one in assignments),
        rights=rights,
    )


def both(one: frozenset[UUID] | None, other: frozenset[UUID] | None) -> frozenset[UUID] | None:
    """Return the plants that both may see; None stands for all."""
    if one is None or other is None:
        return other if one is None else one
    return one & other
