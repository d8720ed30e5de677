"""A message on its way to a webhook: taken in turn, signed, sent, and written down whatever becomes of it."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import orjson
import structlog
from sqlalchemy import text

from domain.events import WebhookMoved
from domain.integration.webhooks import (
    GIVE_UP_AFTER_S,
    DeliveryReason,
    DeliveryState,
    pause_after,
    signature,
)
from domain.scope import Scope
from services.auth.secret_boxes import SecretBox, SecretLost
from services.db.engine import without_tenant
from services.db.work import Work, begin, read
from services.ports import WebhookNotReached
from services.webhooks.dispatching import is_off
from services.webhooks.sending import current_webhooks

log = structlog.get_logger(__name__)

SLOTS = 64
"""Messages that one process sends at once."""
RESERVED = 16
"""So many of them are kept for organizations that have none under way."""
PER_ORGANIZATION = 8
PER_WEBHOOK = 4
"""Messages under way at once, in all processes together; one to a webhook that did not take its last message."""
HELD_FOR = timedelta(seconds=60)
"""How long a message belongs to whoever took it; after that another one sends it."""
LONGEST_ANSWER = 500
NOBODY_WAS_ASKED = (
    DeliveryReason.SWITCHED_OFF,
    DeliveryReason.FEATURE_OFF,
    DeliveryReason.SECRET_LOST,
)
"""They say nothing about the receiver, are no attempt, and asking again would not help."""

TAKE = text(
    "SELECT organization, delivery"
    " FROM app.take_deliveries(:most, :reserved, :per_organization, :per_webhook, CAST(:held_for AS interval))"
)
# A hundred messages a second pass here, so the statements go past the ORM.
OPEN = """
SELECT delivery.id, delivery.topic, delivery.body, delivery.attempts, delivery.webhook_id, hook.url, hook.is_active,
       hook.secret, CASE WHEN hook.old_secret_until > now() THEN hook.old_secret END AS old_secret
FROM webhook_deliveries delivery JOIN webhooks hook ON hook.id = delivery.webhook_id
WHERE delivery.id = ANY ($1::uuid[]) AND delivery.state = 'waiting'
"""
NOTE = """
UPDATE webhook_deliveries
SET state = $3, attempts = $4, status = $5, answer = $6, reason = $7, reason_values = $8::text::jsonb, took_ms = $9,
    next_at = $10, ended_at = $11, held_until = NULL
WHERE id = $1 AND state = 'waiting' AND attempts = $2 RETURNING id
"""
# The version stays, for nobody has changed what people edit.
NOTE_ANSWERING = "UPDATE webhooks SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL"
NOTE_FAILING = "UPDATE webhooks SET failing_since = now() WHERE id = $1 AND failing_since IS NULL"
GIVE_UP = """
UPDATE webhooks SET is_active = false, gave_up_at = now(), version = version + 1
WHERE id = $1 AND is_active AND failing_since < now() - $2::interval RETURNING id
"""


@dataclass(frozen=True)
class Letter:
    """A delivery that belongs to this process for now, with all that it takes to send it."""

    scope: Scope
    delivery_id: UUID
    webhook_id: UUID
    url: str
    topic: str
    body: bytes
    attempts: int
    """Made so far."""
    sealed: tuple[bytes, ...]
    """The secrets with which it is signed, the newest first."""
    off: DeliveryReason | None
    """Why it is not sent at all."""


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt."""

    status: int | None = None
    answer: str = ""
    reason: DeliveryReason | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    took_ms: int = 0

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has taken the message."""
        return self.status is not None and 200 <= self.status < 300


async def take_deliveries(most: int = SLOTS) -> list[Letter]:
    """Take up to `most` of the deliveries whose time has come, in fair turns.

    Raises:
        Unavailable: Postgres does not answer.
    """
    limits = {"reserved": RESERVED, "per_organization": PER_ORGANIZATION, "per_webhook": PER_WEBHOOK}
    async with without_tenant() as connection:
        rows = (await connection.execute(TAKE, {"most": most, "held_for": HELD_FOR, **limits})).all()
    taken: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for row in rows:
        taken[row.organization].append(row.delivery)
    return [letter for org_id, ids in taken.items() for letter in await _opened(org_id, ids)]


async def _opened(org_id: UUID, delivery_ids: list[UUID]) -> list[Letter]:
    """Return what is still to be sent; the rest was removed meanwhile."""
    scope = Scope(org_id, request_id="webhooks")
    async with read(scope) as work:
        feature_is_off = await is_off(work)
        rows = await work.fetch(OPEN, delivery_ids)
    return [_letter(scope, row, feature_is_off=feature_is_off) for row in rows]


def _letter(scope: Scope, row: asyncpg.Record, *, feature_is_off: bool) -> Letter:
    off = None if row["is_active"] else DeliveryReason.SWITCHED_OFF
    return Letter(
        scope=scope,
        delivery_id=row["id"],
        webhook_id=row["webhook_id"],
        url=row["url"],
        topic=row["topic"],
        body=row["body"].encode(),
        attempts=row["attempts"],
        sealed=tuple(secret for secret in (row["secret"], row["old_secret"]) if secret is not None),
        off=DeliveryReason.FEATURE_OFF if feature_is_off else off,
    )


async def deliver(letter: Letter) -> None:
    """Send a delivery once; where that fails, its next attempt follows after a pause.

    Raises:
        Unavailable: Postgres does not answer.
    """
    try:
        outcome = await _sent(letter) if letter.off is None else Outcome(reason=letter.off)
    except SecretLost:
        outcome = Outcome(reason=DeliveryReason.SECRET_LOST)
    except Exception:
        log.exception("a message to a webhook could not be sent", delivery=str(letter.delivery_id))
        outcome = Outcome(reason=DeliveryReason.FAULT)
    async with begin(letter.scope) as work:
        await _note(work, letter, outcome)


def opened_secrets(box: SecretBox, *sealed: bytes) -> list[str]:
    """Return the secrets themselves.

    Raises:
        SecretLost: the installation's key has changed since.
    """
    return [box.open(secret).decode() for secret in sealed]


async def _sent(letter: Letter) -> Outcome:
    door = current_webhooks()
    secrets = opened_secrets(door.box, *letter.sealed)
    headers = {
        "Content-Type": "application/json",
        "Unison-Event": letter.topic,
        "Unison-Delivery": str(letter.delivery_id),
        "Unison-Signature": signature(secrets, at=int(time.time()), body=letter.body),
    }
    began = time.perf_counter()
    try:
        answered = await door.sender.post(letter.url, headers=headers, body=letter.body)
    except WebhookNotReached as error:
        return Outcome(reason=error.reason, values=error.values, took_ms=_ms_since(began))
    outcome = Outcome(answered.status, answered.beginning[:LONGEST_ANSWER], took_ms=_ms_since(began))
    if answered.encoding:
        values = {"encoding": answered.encoding}
        return replace(outcome, reason=DeliveryReason.ANSWER_ENCODED, values=values)
    return outcome


def _ms_since(began: float) -> int:
    return round(1000 * (time.perf_counter() - began))


async def _note(work: Work, letter: Letter, outcome: Outcome) -> None:
    """Write down what became of an attempt, unless somebody else has: of the webhook first, as whoever removes it."""
    attempts, next_at, state = letter.attempts + 1, None, DeliveryState.FAILED
    if outcome.is_taken:
        state = DeliveryState.DELIVERED
        await work.fetch(NOTE_ANSWERING, letter.webhook_id)
    elif outcome.reason in NOBODY_WAS_ASKED:
        attempts = letter.attempts
    else:
        await work.fetch(NOTE_FAILING, letter.webhook_id)
        if await work.fetch(GIVE_UP, letter.webhook_id, timedelta(seconds=GIVE_UP_AFTER_S)):
            await work.fetch("SELECT app.bind_webhooks()")
            log.warning("a webhook failed for too long and was switched off", webhook=str(letter.webhook_id))
        next_at = _next_attempt(attempts, work.now)
        state = DeliveryState.FAILED if next_at is None else DeliveryState.WAITING
    ended_at = None if state is DeliveryState.WAITING else work.now
    await work.fetch(
        NOTE, letter.delivery_id, letter.attempts, state, attempts, outcome.status, outcome.answer, outcome.reason,
        orjson.dumps(dict(outcome.values)).decode(), outcome.took_ms, next_at, ended_at,
    )  # fmt: skip
    work.emit(WebhookMoved(webhook_id=letter.webhook_id))


def _next_attempt(attempts: int, now: datetime) -> datetime | None:
    pause_s = pause_after(attempts)
    return None if pause_s is None else now + timedelta(seconds=pause_s)
