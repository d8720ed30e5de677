"""Webhooks: registered, changed, tried and removed by who may."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Update, select, update

from domain.errors import NotFound
from domain.events import WebhookMoved
from domain.identity.roles import Permission
from domain.integration.webhooks import (
    PING,
    DeliveryReason,
    DeliveryState,
    WebhookIsOff,
    checked_overlap,
    checked_topics,
    checked_url,
    reason_sentence,
)
from services.auth.secret_boxes import SecretLost
from services.db.keys import new_id
from services.db.locked import locked
from services.db.paging import Page, page_of
from services.db.tables import Webhook, WebhookDelivery
from services.db.work import Work
from services.webhooks.deliveries import opened_secrets
from services.webhooks.dispatching import message_of
from services.webhooks.sending import current_webhooks

SECRET_BYTES = 32
BIND = "SELECT app.bind_webhooks()"


@dataclass(frozen=True)
class WebhookInfo:
    """A webhook, without its secret."""

    id: UUID
    url: str
    topics: tuple[str, ...]
    is_active: bool
    failing_since: datetime | None
    """Since when every attempt has failed, aware UTC."""
    gave_up_at: datetime | None
    """When it was switched off because it failed for too long."""
    can_sign: bool
    """Whether its secret can be read; after a change of the installation's key it needs a new one."""
    old_secret_until: datetime | None
    """Until when messages are signed with the secret before as well, aware UTC."""
    created_at: datetime
    version: int


@dataclass(frozen=True)
class MadeWebhook:
    """A webhook and, this once, the secret with which its messages are signed."""

    webhook: WebhookInfo
    secret: str


@dataclass(frozen=True)
class DeliveryInfo:
    """A message to a webhook."""

    id: UUID
    topic: str
    state: DeliveryState
    attempts: int
    status: int | None
    answer: str
    """The beginning of the last answer."""
    reason: DeliveryReason | None
    """Why there was none, or none that can be shown."""
    reason_values: Mapping[str, str]
    """What the reason's sentence names."""
    took_ms: int | None
    created_at: datetime
    next_at: datetime | None
    ended_at: datetime | None
    body: str

    @property
    def reason_text(self) -> str | None:
        """The reason as an English sentence."""
        return None if self.reason is None else reason_sentence(self.reason, self.reason_values)


async def list_webhooks(work: Work) -> tuple[WebhookInfo, ...]:
    """Return every webhook, the oldest first.

    Raises:
        Forbidden: the actor may not read webhooks.
    """
    await work.permit(Permission.READ_WEBHOOKS)
    rows = await work.session.scalars(select(Webhook).order_by(Webhook.created_at, Webhook.id))
    return tuple(_shown(work, row) for row in rows)


async def get_webhook(work: Work, webhook_id: UUID) -> WebhookInfo:
    """Return one webhook.

    Raises:
        Forbidden: the actor may not read webhooks.
        NotFound: there is no such webhook.
    """
    await work.permit(Permission.READ_WEBHOOKS)
    return _shown(work, await _found(work, webhook_id))


async def add_webhook(work: Work, *, url: str, topics: Sequence[str]) -> MadeWebhook:
    """Register an address for the events that the patterns match; its secret is shown this once.

    Raises:
        Forbidden: the actor may not edit webhooks.
        InvalidWebhookUrl, InvalidTopics: it cannot be kept.
    """
    await work.permit(Permission.EDIT_WEBHOOKS)
    door, secret = current_webhooks(), _new_secret()
    row = Webhook(
        id=new_id(),
        org_id=work.scope.org_id,
        url=checked_url(url, may_be_plain=door.may_be_private),
        topics=checked_topics(list(topics)),
        secret=door.box.seal(secret.encode()),
        created_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    await work.fetch(BIND)
    work.emit(WebhookMoved(webhook_id=row.id))
    return MadeWebhook(_shown(work, row), secret)


async def edit_webhook(
    work: Work,
    *,
    webhook_id: UUID,
    version: int,
    url: str | None = None,
    topics: Sequence[str] | None = None,
    is_active: bool | None = None,
) -> WebhookInfo:
    """Change what is given. Switched on again, it begins without a past of failures.

    Raises:
        Forbidden: the actor may not edit webhooks.
        NotFound: there is no such webhook.
        Conflict: somebody changed it since `version`.
        InvalidWebhookUrl, InvalidTopics: it cannot be kept.
    """
    await work.permit(Permission.EDIT_WEBHOOKS)
    row = await locked(work, Webhook, webhook_id, version=version, missing=NotFound(what="webhook"))
    if url is not None:
        row.url = checked_url(url, may_be_plain=current_webhooks().may_be_private)
    if topics is not None:
        row.topics = checked_topics(list(topics))
    if is_active is not None:
        if is_active and not row.is_active:
            row.failing_since = row.gave_up_at = None
        row.is_active = is_active
    await work.session.flush()
    await work.fetch(BIND)
    work.emit(WebhookMoved(webhook_id=row.id))
    return _shown(work, row)


async def rotate_secret(work: Work, *, webhook_id: UUID, version: int, overlap_s: int = 0) -> MadeWebhook:
    """Sign with a new secret from the next attempt on, and for `overlap_s` seconds with the one before as well, so that
    a receiver can change over without losing a message; the new one is shown this once.

    What could not be signed because the installation's key had changed is sent now.

    Raises:
        Forbidden, NotFound, Conflict: as `edit_webhook`.
        InvalidOverlap: the overlap is none that is offered.
    """
    await work.permit(Permission.EDIT_WEBHOOKS)
    row = await locked(work, Webhook, webhook_id, version=version, missing=NotFound(what="webhook"))
    box, secret = current_webhooks().box, _new_secret()
    goes_on = checked_overlap(overlap_s) > 0 and _can_sign(row)
    row.old_secret = row.secret if goes_on else None
    row.old_secret_until = work.now + timedelta(seconds=overlap_s) if goes_on else None
    row.secret = box.seal(secret.encode())
    await work.session.flush()
    await work.session.execute(_unsigned(webhook_id).values(state=DeliveryState.WAITING.value, next_at=work.now,
                                                            ended_at=None, reason=None))  # fmt: skip
    work.emit(WebhookMoved(webhook_id=row.id))
    return MadeWebhook(_shown(work, row), secret)


async def remove_webhook(work: Work, *, webhook_id: UUID, version: int) -> None:
    """Remove a webhook with the log of its messages.

    Raises:
        Forbidden, NotFound, Conflict: as `edit_webhook`.
    """
    await work.permit(Permission.EDIT_WEBHOOKS)
    row = await locked(work, Webhook, webhook_id, version=version, missing=NotFound(what="webhook"))
    await work.session.delete(row)
    await work.session.flush()
    await work.fetch(BIND)
    work.emit(WebhookMoved(webhook_id=webhook_id))


async def ping_webhook(work: Work, *, webhook_id: UUID) -> UUID:
    """Send a message that only tells that the webhook works, and return its id.

    Raises:
        Forbidden: the actor may not edit webhooks.
        NotFound: there is no such webhook.
        WebhookIsOff: it gets nothing.
    """
    await work.permit(Permission.EDIT_WEBHOOKS)
    row = await _found(work, webhook_id)
    key = f"ping:{new_id()}"
    return await _send(work, row, key=key, topic=PING, body=message_of(work.scope.org_id, key, PING, work.now, {}))


async def replay_delivery(work: Work, *, delivery_id: UUID) -> UUID:
    """Send a message again, whatever became of it, and return the id of the new delivery.

    Pressed twice, it is sent twice: each replay is a message of its own with the event's id in it, by which a receiver
    knows it again.

    Raises:
        Forbidden: the actor may not edit webhooks.
        NotFound: there is no such delivery.
        WebhookIsOff: the webhook gets nothing.
    """
    await work.permit(Permission.EDIT_WEBHOOKS)
    old = await work.session.get(WebhookDelivery, delivery_id)
    if old is None:
        raise NotFound(what="delivery")
    row = await _found(work, old.webhook_id)
    return await _send(work, row, key=f"replay:{new_id()}", topic=old.topic, body=old.body)


async def list_deliveries(
    work: Work, *, webhook_id: UUID, after: tuple[datetime, UUID] | None = None, limit: int = 100
) -> Page[DeliveryInfo]:
    """Return the messages to a webhook, the newest first; `after` is the time and id of the last one before.

    Raises:
        Forbidden: the actor may not read webhooks.
        NotFound: there is no such webhook.
    """
    await work.permit(Permission.READ_WEBHOOKS)
    await _found(work, webhook_id)
    newest = WebhookDelivery.created_at.desc(), WebhookDelivery.id.desc()
    statement = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id).order_by(*newest)
    if after is not None:
        at, delivery_id = after
        statement = statement.where(
            (WebhookDelivery.created_at < at)
            | ((WebhookDelivery.created_at == at) & (WebhookDelivery.id < delivery_id))
        )
    rows = await work.session.scalars(statement.limit(limit + 1))
    return page_of([_delivery(row) for row in rows], limit)


async def _send(work: Work, row: Webhook, *, key: str, topic: str, body: str) -> UUID:
    if not row.is_active:
        raise WebhookIsOff
    delivery = WebhookDelivery(
        id=new_id(), org_id=work.scope.org_id, webhook_id=row.id, event_key=key, topic=topic, body=body,
        created_at=work.now, next_at=work.now,
    )  # fmt: skip
    work.session.add(delivery)
    await work.session.flush()
    work.emit(WebhookMoved(webhook_id=row.id))
    return delivery.id


async def _found(work: Work, webhook_id: UUID) -> Webhook:
    row = await work.session.get(Webhook, webhook_id)
    if row is None:
        raise NotFound(what="webhook")
    return row


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(SECRET_BYTES)}"


def _unsigned(webhook_id: UUID) -> Update:
    failed = WebhookDelivery.state == DeliveryState.FAILED, WebhookDelivery.reason == DeliveryReason.SECRET_LOST
    return update(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id, *failed)


def _can_sign(row: Webhook) -> bool:
    try:
        opened_secrets(current_webhooks().box, row.secret)
    except SecretLost:
        return False
    return True


def _shown(work: Work, row: Webhook) -> WebhookInfo:
    until = row.old_secret_until
    return WebhookInfo(
        id=row.id,
        url=row.url,
        topics=tuple(row.topics),
        is_active=row.is_active,
        failing_since=row.failing_since,
        gave_up_at=row.gave_up_at,
        can_sign=_can_sign(row),
        old_secret_until=until if until is not None and until > work.now else None,
        created_at=row.created_at,
        version=row.version,
    )


def _delivery(row: WebhookDelivery) -> DeliveryInfo:
    return DeliveryInfo(
        id=row.id,
        topic=row.topic,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        status=row.status,
        answer=row.answer,
        reason=None if row.reason is None else DeliveryReason(row.reason),
        reason_values=row.reason_values,
        took_ms=row.took_ms,
        created_at=row.created_at,
        next_at=row.next_at,
        ended_at=row.ended_at,
        body=row.body,
    )
