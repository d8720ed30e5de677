"""Answers of writes, kept under the key that their caller chose, so that a repetition gets the same answer.

The key's row is written in the transaction of the write itself: either both exist or neither. A repetition that
arrives while the first one runs waits for it.
"""

from dataclasses import dataclass
from typing import ClassVar

import orjson
from sqlalchemy import text

from domain.errors import Invalid, marked
from services.db.work import Work

LONGEST_KEY = 200

CLAIM = text("""
INSERT INTO idempotency_keys (org_id, user_id, key, fingerprint) VALUES (:org_id, :user_id, :key, :fingerprint)
ON CONFLICT ON CONSTRAINT idempotency_keys_pk DO NOTHING RETURNING key
""")
STORED = text("SELECT fingerprint, status, body FROM idempotency_keys WHERE user_id = :user_id AND key = :key")
KEEP = text("""
UPDATE idempotency_keys SET status = :status, body = CAST(:body AS jsonb) WHERE user_id = :user_id AND key = :key
""")


class IdempotencyKeyReused(Invalid):
    """The key stands for another request."""

    code: ClassVar[str] = "idempotency_key_reused"
    sentence: ClassVar[str] = marked("This Idempotency-Key was used for another request. Choose a new one.")


class InvalidIdempotencyKey(Invalid):
    """A key that cannot be kept."""

    code: ClassVar[str] = "invalid_idempotency_key"
    sentence: ClassVar[str] = marked("An Idempotency-Key has 1 to {longest} printable ASCII characters.")


@dataclass(frozen=True)
class StoredAnswer:
    """What the first request with a key was answered."""

    status: int
    """HTTP status."""
    body: object
    """JSON value."""


def checked_key(key: str) -> str:
    """Return the key when it can be kept.

    Raises:
        InvalidIdempotencyKey: empty, too long, or with characters that are not printable ASCII.
    """
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidIdempotencyKey(field="Idempotency-Key", longest=LONGEST_KEY)
    return key


async def claim(work: Work, *, key: str, fingerprint: bytes) -> StoredAnswer | None:
    """Take the key for this transaction, or return the answer that stands under it.

    Waits for another transaction that is about to take the same key.

    Raises:
        IdempotencyKeyReused: the answer belongs to a request with another fingerprint.
    """
    owner = {"user_id": work.scope.user_id, "key": key}
    parameters = {**owner, "org_id": work.scope.org_id, "fingerprint": fingerprint}
    if (await work.session.execute(CLAIM, parameters)).first() is not None:
        return None
    row = (await work.session.execute(STORED, owner)).one()
    if row.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    return StoredAnswer(status=row.status, body=row.body)


async def keep_answer(work: Work, *, key: str, status: int, body: object) -> None:
    """Write down what the request that claimed the key is answered."""
    parameters = {"user_id": work.scope.user_id, "key": key, "status": status, "body": orjson.dumps(body).decode()}
    await work.session.execute(KEEP, parameters)
