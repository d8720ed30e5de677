"""Keys of programs: made, listed and revoked by people at screens. A key is shown once; only its digest is kept."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import ClassVar
from uuid import UUID

import asyncpg
from sqlalchemy import func, select

from domain.checks import checked_text
from domain.errors import Forbidden, NotFound, marked
from domain.events import ApiKeyRevoked
from domain.identity.api_keys import (
    LETTERS,
    RANDOM_LENGTH,
    SHOWN_LENGTH,
    checked_expiry,
    checked_requests,
    checked_scopes,
    with_sum,
)
from domain.identity.roles import Permission
from services.audit.notes import note_read
from services.db.paging import Page, PageQuery, page_of
from services.db.tables import ApiKey, Plant
from services.db.work import Work

KEYS = """
SELECT api_keys.id, api_keys.name, api_keys.prefix, api_keys.scopes, api_keys.plant_ids, api_keys.requests_per_minute,
       api_keys.user_id AS owner_id, users.display_name AS owner, users.is_active AS owner_is_active,
       api_keys.created_at, api_keys.expires_at, api_keys.revoked_at, api_key_uses.last_used_at,
       api_key_uses.last_address, api_keys.version,
       CASE WHEN api_keys.revoked_at IS NOT NULL THEN 'revoked' WHEN api_keys.expires_at <= now() THEN 'expired'
            WHEN NOT users.is_active THEN 'ownerless' ELSE 'valid' END AS state
FROM api_keys
JOIN users ON users.org_id = api_keys.org_id AND users.id = api_keys.user_id
LEFT JOIN api_key_uses ON api_key_uses.org_id = api_keys.org_id AND api_key_uses.api_key_id = api_keys.id
"""


class KeyMadeByKey(Forbidden):
    """A program that wants to make or revoke keys: a stolen key could outlive itself."""

    code: ClassVar[str] = "key_made_by_key"
    sentence: ClassVar[str] = marked("Only somebody who has signed in can make or revoke keys.")


@dataclass(frozen=True)
class KeyInfo:
    """An API key, as everybody may know it who may read keys."""

    id: UUID
    name: str
    prefix: str
    """How the key begins."""
    scopes: tuple[str, ...]
    plant_ids: tuple[UUID, ...] | None
    """None for all plants of its owner."""
    requests_per_minute: int | None
    """None for the installation's limit."""
    owner_id: UUID
    owner: str
    owner_is_active: bool
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    """At most a minute late."""
    last_address: str | None
    version: int
    state: str
    """valid, expired, revoked, or ownerless where its owner was deactivated."""


@dataclass(frozen=True)
class MadeKey:
    """A new key and, this once, what a program has to send."""

    id: UUID
    key: str


def digest_of(key: str) -> bytes:
    """Return what is kept of a key; it is random and long, so that nothing slower than SHA-256 is needed."""
    return sha256(key.encode()).digest()


async def make_api_key(
    work: Work,
    *,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime,
    plant_ids: Sequence[UUID] | None = None,
    requests_per_minute: int | None = None,
) -> MadeKey:
    """Make a key that may do what its scopes reach, as long as its owner, who is the actor, may do it too.

    Raises:
        Forbidden: the actor may not edit keys, or is nobody who signed in.
        KeyMadeByKey: the actor is a key itself.
        InvalidText, NoScope, InvalidScope, InvalidExpiry, InvalidWholeNumber: a value cannot be used.
        ScopeBeyondRights: a scope reaches further than the actor may.
        NotFound: one of the plants does not exist.
    """
    owner_id = await _person_behind(work)
    plants = None if plant_ids is None else sorted(set(plant_ids))
    if plants is not None:
        known = await work.session.scalar(select(func.count()).where(Plant.id.in_(plants)))
        if not plants or known != len(plants):
            raise NotFound(what="plant")
    key = with_sum("".join(secrets.choice(LETTERS) for _ in range(RANDOM_LENGTH)))
    row = ApiKey(
        org_id=work.scope.org_id,
        user_id=owner_id,
        name=checked_text(name, field="name"),
        prefix=key[:SHOWN_LENGTH],
        digest=digest_of(key),
        scopes=checked_scopes(scopes, held=work.scope.permissions),
        plant_ids=plants,
        requests_per_minute=checked_requests(requests_per_minute),
        expires_at=checked_expiry(expires_at, now=work.now),
    )
    work.session.add(row)
    await work.session.flush()
    return MadeKey(id=row.id, key=key)


async def revoke_api_key(work: Work, *, api_key_id: UUID) -> None:
    """Let a key open nothing any more, on every server process within a second; revoking it again changes nothing.

    Raises:
        Forbidden: the actor may not edit keys, or is nobody who signed in.
        KeyMadeByKey: the actor is a key itself.
        NotFound: there is no such key.
    """
    await _person_behind(work)
    row = await work.session.get(ApiKey, api_key_id, with_for_update=True)
    if row is None:
        raise NotFound(what="API key")
    if row.revoked_at is None:
        row.revoked_at = work.now
        await work.session.flush()
    work.emit(ApiKeyRevoked(api_key_id=api_key_id))


async def list_api_keys(work: Work, *, after: tuple[datetime, UUID] | None = None, limit: int = 100) -> Page[KeyInfo]:
    """Return the organization's keys, the newest first; `after` is when the last one was made, and its id.

    Raises:
        Forbidden: the actor may not read keys.
    """
    await work.permit(Permission.READ_API_KEYS)
    note_read(work.scope, what="identity.api_keys")
    made_at, api_key_id = after or (None, None)
    rows = await (
        PageQuery(KEYS)
        .where("(api_keys.created_at, api_keys.id) < ({}, {})", made_at, api_key_id)
        .fetch(work, order="api_keys.created_at DESC, api_keys.id DESC", limit=limit)
    )
    return page_of([_info(row) for row in rows], limit)


async def get_api_key(work: Work, api_key_id: UUID) -> KeyInfo:
    """Return one key.

    Raises:
        Forbidden: the actor may not read keys.
        NotFound: there is no such key.
    """
    await work.permit(Permission.READ_API_KEYS)
    rows = await PageQuery(KEYS).where("api_keys.id = {}", api_key_id).fetch(work, order="api_keys.id", limit=1)
    if not rows:
        raise NotFound(what="API key")
    return _info(rows[0])


async def _person_behind(work: Work) -> UUID:
    """Return who signed in and may edit keys.

    Raises:
        Forbidden, KeyMadeByKey: as the use cases.
    """
    await work.permit(Permission.EDIT_API_KEYS)
    if work.scope.api_key_id is not None:
        raise KeyMadeByKey(permission=Permission.EDIT_API_KEYS.value)
    if work.scope.user_id is None:
        raise Forbidden(permission=Permission.EDIT_API_KEYS.value)
    return work.scope.user_id


def _info(row: "asyncpg.Record") -> KeyInfo:
    plants = row["plant_ids"]
    return KeyInfo(
        **{**row, "scopes": tuple(row["scopes"]), "plant_ids": None if plants is None else tuple(plants)},
    )
