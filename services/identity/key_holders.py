"""Who stands behind an API key: looked up once, remembered by the process until something changes."""

import time
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from sqlalchemy import text

from domain.events import ApiKeyRevoked, Event, OrganizationChanged, OrganizationEdited, RolesChanged, UserChanged
from domain.identity.api_keys import is_well_formed, reached_by
from domain.identity.roles import Permission
from domain.scope import Scope
from services.auth.tokens import NotSignedIn
from services.db.engine import without_tenant
from services.db.work import begin, read
from services.identity.api_keys import digest_of
from services.identity.policies import ASSIGNMENTS, PolicyMemory, assignments_of
from services.identity.sessions import MOST_REMEMBERED, REMEMBER_S, KeyUse, Viewer, both

NOTED_EVERY_S = 60.0

FIND = text("SELECT api_key_id, org_id FROM app.find_api_key(:digest)")
LOOK_UP = text(f"""
SELECT api_keys.id, api_keys.name, api_keys.prefix, api_keys.scopes, api_keys.plant_ids AS key_plants,
       api_keys.requests_per_minute, api_keys.expires_at,
       users.id AS user_id, users.email, users.display_name, users.language, users.plant_ids,
       organizations.name AS organization,
       {ASSIGNMENTS}
FROM api_keys
JOIN users ON users.org_id = api_keys.org_id AND users.id = api_keys.user_id
JOIN organizations ON organizations.id = users.org_id
WHERE api_keys.id = :api_key_id AND api_keys.revoked_at IS NULL AND api_keys.expires_at > now() AND users.is_active
  AND organizations.is_active
""")
NOTE_USE = text("""
INSERT INTO api_key_uses AS before (org_id, api_key_id, last_used_at, last_address)
VALUES (:org_id, :api_key_id, now(), :address)
ON CONFLICT ON CONSTRAINT api_key_uses_pk DO UPDATE SET last_used_at = now(), last_address = excluded.last_address
WHERE before.last_used_at < now() - interval '1 minute'
""")


class KeyHolders:
    """The process's memory of API keys and of the people in whose name they act."""

    def __init__(self) -> None:
        self._policies = PolicyMemory()
        self._known: dict[bytes, tuple[float, Viewer]] = {}
        self._noted: dict[UUID, float] = {}
        self._heard = 0

    def remembered(self, key: str) -> Viewer | None:
        """Return who a key stands for where this process knows; None where the database has to be asked."""
        known = self._known.get(digest_of(key))
        return None if known is None or known[0] <= time.monotonic() else known[1]

    async def holder(self, key: str) -> Viewer:
        """Return who a key stands for: its owner, with the rights that both have, in the plants that both may see.

        Raises:
            NotSignedIn: it is no key, is over or revoked, or its owner is no longer active.
            Unavailable: Postgres does not answer and nothing is remembered.
        """
        known = self.remembered(key)
        if known is not None:
            return known
        if not is_well_formed(key):
            raise NotSignedIn
        heard, digest = self._heard, digest_of(key)
        viewer, lasts_s = await _look_up(self._policies, digest)
        if heard == self._heard:  # else something ended during the look-up: it may be what was looked up
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[digest] = (time.monotonic() + min(REMEMBER_S, lasts_s), viewer)
        return viewer

    async def note_use(self, viewer: Viewer, *, address: str) -> None:
        """Write down that a key was used, at most once a minute.

        Raises:
            Unavailable: Postgres does not answer.
        """
        key_id, now = viewer.session_id, time.monotonic()
        if self._noted.get(key_id, -NOTED_EVERY_S) > now - NOTED_EVERY_S:
            return
        if len(self._noted) >= MOST_REMEMBERED:
            self._noted.clear()
        self._noted[key_id] = now
        async with begin(Scope(viewer.scope.org_id)) as work:
            parameters = {"org_id": viewer.scope.org_id, "api_key_id": key_id, "address": address[:100]}
            await work.session.execute(NOTE_USE, parameters)

    def hear(self, org_id: UUID | None, event: Event | None) -> None:
        """Forget what an event made untrue, or everything when events were missed; a listener for the hub."""
        self._policies.hear(org_id, event)
        match event:
            case None:
                self._heard += 1
                self._known.clear()
            case ApiKeyRevoked():
                self._forget(lambda viewer: viewer.session_id == event.api_key_id)
            case UserChanged():
                self._forget(lambda viewer: viewer.user_id == event.user_id)
            case RolesChanged() | OrganizationChanged():
                self._forget(lambda viewer: viewer.scope.org_id == org_id)
            case OrganizationEdited():
                self._forget(lambda viewer: viewer.scope.org_id == event.organization_id)

    def _forget(self, is_meant: Callable[[Viewer], bool]) -> None:
        self._heard += 1
        for digest, (_until, viewer) in tuple(self._known.items()):
            if is_meant(viewer):
                del self._known[digest]


async def _look_up(policies: PolicyMemory, digest: bytes) -> tuple[Viewer, float]:
    """Return who the key of a digest stands for, and the seconds until it is over."""
    async with without_tenant() as connection:
        found = (await connection.execute(FIND, {"digest": digest})).one_or_none()
    if found is None:
        raise NotSignedIn
    async with read(Scope(found.org_id)) as work:
        row = (await work.session.execute(LOOK_UP, {"api_key_id": found.api_key_id})).one_or_none()
        now = work.now
        if row is None:
            raise NotSignedIn
        assignments = assignments_of(row.assignments)
        rights = await policies.rights(work, assignments=assignments, plant_ids=row.plant_ids)
    if Permission.READ_API_KEYS in rights.switched_off:
        raise NotSignedIn
    owner = Scope(
        org_id=found.org_id,
        actor_kind="user",
        user_id=row.user_id,
        plant_ids=rights.plant_ids,
        permissions=rights.permissions,
        plant_limits=rights.plant_limits,
        switched_off=rights.switched_off,
    )
    key_plants = None if row.key_plants is None else frozenset(row.key_plants)
    viewer = Viewer(
        scope=replace(
            owner,
            api_key_id=row.id,
            plant_ids=both(owner.plant_ids, key_plants),
            permissions=reached_by(row.scopes, owner.permissions),
        ),
        user_id=row.user_id,
        session_id=row.id,
        email=row.email,
        display_name=row.display_name,
        language=row.language,
        organization=row.organization,
        roles=frozenset(one.role for one in assignments),
        session_expires_at=row.expires_at,
        api_key=KeyUse(name=row.name, prefix=row.prefix, requests_per_minute=row.requests_per_minute),
    )
    return viewer, (row.expires_at - now).total_seconds()
