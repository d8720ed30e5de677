"""A message on its way to a webhook: taken in turn, signed, sent, and written down whatever becomes of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import text, update

from domain.errors import Unavailable
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
from services.db.tables import Webhook, WebhookDelivery
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
TAKE = text(
    "SELECT organization, delivery"
    " FROM app.take_deliveries(:most, :reserved, :per_organization, :per_webhook, CAST(:held_for AS interval))"
)
NOBODY_WAS_ASKED = (
    DeliveryReason.SWITCHED_OFF,
    DeliveryReason.FEATURE_OFF,
    DeliveryReason.SECRET_LOST,
)
"""Reasons for which nobody was asked: they say nothing about the receiver, and asking again would not help."""


@dataclass(frozen=True)
class Taken:
    """A delivery that belongs to this process for now."""

    scope: Scope
    delivery_id: UUID


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


async def take_deliveries(most: int = SLOTS) -> list[Taken]:
    """Take up to `most` of the deliveries whose time has come, in fair turns.

    Raises:
        Unavailable: Postgres does not answer.
    """
    limits = {"reserved": RESERVED, "per_organization": PER_ORGANIZATION, "per_webhook": PER_WEBHOOK}
    async with without_tenant() as connection:
        rows = await connection.execute(TAKE, {"most": most, "held_for": HELD_FOR, **limits})
        return [Taken(Scope(row.organization, request_id="webhooks"), row.delivery) for row in rows]


async def deliver(taken: Taken) -> None:
    """Send a delivery once; where that fails, its next attempt follows after a pause.

    Raises:
        Unavailable: Postgres does not answer.
    """
    async with read(taken.scope) as work:
        delivery = await work.session.get(WebhookDelivery, taken.delivery_id)
        hook = None if delivery is None else await work.session.get(Webhook, delivery.webhook_id)
        feature_is_off, now = await is_off(work), work.now
    if delivery is None or hook is None or delivery.state != DeliveryState.WAITING:
        return  # sent by a worker that died before it could say so, or removed
    if feature_is_off or not hook.is_active:
        reason = DeliveryReason.FEATURE_OFF if feature_is_off else DeliveryReason.SWITCHED_OFF
        await _note(taken, Outcome(reason=reason))
        return
    try:
        outcome = await _sent(delivery, hook, secrets_of(hook, current_webhooks().box, at=now))
    except SecretLost:
        outcome = Outcome(reason=DeliveryReason.SECRET_LOST)
    except Unavailable:
        raise
    except Exception:
        log.exception("a message to a webhook could not be sent", delivery=str(delivery.id))
        outcome = Outcome(reason=DeliveryReason.FAULT)
    await _note(taken, outcome)


def secrets_of(hook: Webhook, box: SecretBox, *, at: datetime) -> list[str]:
    """Return the secrets with which a message is signed, the newest first.

    Raises:
        SecretLost: the installation's key has changed since.
    """
    secrets = [box.open(hook.secret).decode()]
    if hook.old_secret is not None and hook.old_secret_until is not None and hook.old_secret_until > at:
        secrets.append(box.open(hook.old_secret).decode())
    return secrets


async def _sent(delivery: WebhookDelivery, hook: Webhook, secrets: list[str]) -> Outcome:
    body = delivery.body.encode()
    headers = {
        "Content-Type": "application/json",
        "Unison-Event": delivery.topic,
        "Unison-Delivery": str(delivery.id),
        "Unison-Signature": signature(secrets, at=int(time.time()), body=body),
    }
    began = time.perf_counter()
    try:
        answered = await current_webhooks().sender.post(hook.url, headers=headers, body=body)
    except WebhookNotReached as error:
        return Outcome(reason=error.reason, values=error.values, took_ms=_ms_since(began))
    outcome = Outcome(answered.status, answered.beginning[:LONGEST_ANSWER], took_ms=_ms_since(began))
    if answered.encoding:
        values = {"encoding": answered.encoding}
        return replace(outcome, reason=DeliveryReason.ANSWER_ENCODED, values=values)
    return outcome


def _ms_since(began: float) -> int:
    return round(1000 * (time.perf_counter() - began))


async def _note(taken: Taken, outcome: Outcome) -> None:
    async with begin(taken.scope) as work:
        delivery = await work.session.get(WebhookDelivery, taken.delivery_id, with_for_update=True)
        if delivery is None or delivery.state != DeliveryState.WAITING:
            return
        hook = await work.session.get_one(Webhook, delivery.webhook_id, with_for_update=True)
        delivery.attempts += outcome.reason not in NOBODY_WAS_ASKED
        delivery.status, delivery.answer, delivery.took_ms = outcome.status, outcome.answer, outcome.took_ms
        delivery.reason, delivery.reason_values = outcome.reason, dict(outcome.values)
        delivery.held_until = None
        work.emit(WebhookMoved(webhook_id=hook.id))
        if outcome.is_taken:
            _end(work, delivery, DeliveryState.DELIVERED)
            await _note_failing(work, hook.id, since=None)
        elif outcome.reason in NOBODY_WAS_ASKED:
            _end(work, delivery, DeliveryState.FAILED)
        else:
            await _note_failure(work, delivery, hook)


async def _note_failure(work: Work, delivery: WebhookDelivery, hook: Webhook) -> None:
    failing_since = hook.failing_since or work.now
    await _note_failing(work, hook.id, since=failing_since)
    pause_s = pause_after(delivery.attempts)
    if pause_s is None:
        _end(work, delivery, DeliveryState.FAILED)
    else:
        delivery.next_at = work.now + timedelta(seconds=pause_s)
    if hook.is_active and work.now - failing_since > timedelta(seconds=GIVE_UP_AFTER_S):
        hook.is_active, hook.gave_up_at = False, work.now
        log.warning("a webhook failed for too long and was switched off", webhook=str(hook.id))
        await work.session.flush()
        await work.fetch("SELECT app.bind_webhooks()")


def _end(work: Work, delivery: WebhookDelivery, state: DeliveryState) -> None:
    delivery.state, delivery.ended_at, delivery.next_at = state.value, work.now, None


async def _note_failing(work: Work, webhook_id: UUID, *, since: datetime | None) -> None:
    """Write down since when a webhook fails; the version stays, for nobody has changed what people edit."""
    noted = update(Webhook).where(Webhook.id == webhook_id, Webhook.failing_since.is_distinct_from(since))
    await work.session.execute(noted.values(failing_since=since), execution_options={"synchronize_session": False})
