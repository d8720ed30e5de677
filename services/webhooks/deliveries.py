"""From an event to the addresses that want to hear of it: at least once, with growing pauses, signed.

Events wait in a queue of their own. Whoever takes them makes one delivery per webhook in the scope of the organization,
in the transaction that takes them from the queue; a delivery is sent by a job and written down whatever becomes of it.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import structlog
from pydantic import BaseModel, ValidationError
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.identity.roles import Permission
from domain.integration.webhooks import (
    GIVE_UP_AFTER_S,
    DeliveryState,
    is_matched,
    pause_after,
    signature,
)
from domain.scope import Scope
from services.db.engine import without_tenant
from services.db.keys import new_id
from services.db.tables import Webhook, WebhookDelivery
from services.db.work import Work, begin, read
from services.identity.policies import load_switched_off
from services.jobs.registry import Job, does_at_length, does_for_system, enqueue, enqueue_each
from services.ports import WebhookNotReached
from services.webhooks.sending import current_webhooks

log = structlog.get_logger(__name__)

EVENTS_QUEUE = "webhook_events"
EVERY_S = 2
AT_ONCE = 500
HELD_S = 60
KEPT_FOR = timedelta(days=30)
LONGEST_ANSWER = 500
TAKE = text("SELECT msg_id, enqueued_at, message FROM pgmq.read(:queue, :held, :most)")
DELETE = "SELECT pgmq.delete($1::text, $2::bigint[])"
FORGET = text("SELECT pgmq.delete(CAST(:queue AS text), CAST(:ids AS bigint[]))")
USERS = text("SELECT organization FROM app.webhook_users")
PURGE = "DELETE FROM webhook_deliveries WHERE ended_at < now() - $1::interval"


class DispatchEvents(Job):
    """Turn events into deliveries."""

    name = "integration.event.dispatch"


class DeliverWebhook(Job):
    """Send a delivery."""

    name = "integration.webhook.deliver"
    delivery_id: UUID


class _Message(BaseModel):
    org: UUID
    topic: str
    event: dict[str, object]


@does_for_system(DispatchEvents, every_s=EVERY_S)
async def dispatch_events(connection: AsyncConnection, _: DispatchEvents) -> None:
    """Take what waits, one organization after the other; what fails returns to the queue by itself."""
    users = set((await connection.execute(USERS)).scalars())
    async with without_tenant() as own:  # committed at once: what is taken stays hidden from other workers
        rows = (await own.execute(TAKE, {"queue": EVENTS_QUEUE, "held": HELD_S, "most": AT_ONCE})).all()
    waiting: defaultdict[UUID, list[tuple[int, datetime, _Message]]] = defaultdict(list)
    nobodys: list[int] = []
    for row in rows:
        try:
            message = _Message.model_validate(row.message)
        except ValidationError:
            nobodys.append(row.msg_id)
            continue
        if message.org in users:
            waiting[message.org].append((row.msg_id, row.enqueued_at, message))
        else:
            nobodys.append(row.msg_id)
    if nobodys:
        async with without_tenant() as own:
            await own.execute(FORGET, {"queue": EVENTS_QUEUE, "ids": nobodys})
    # What fails for one organization must not keep the others waiting; it is told when all are done.
    failed = [error for one in waiting.items() if (error := await _failure_of(_deliver(*one))) is not None]
    if failed:
        raise failed[0]


async def _failure_of(delivering: Awaitable[None]) -> BaseException | None:
    (error,) = await asyncio.gather(delivering, return_exceptions=True)
    return error


async def _deliver(org_id: UUID, events: list[tuple[int, datetime, _Message]]) -> None:
    async with begin(Scope(org_id, request_id="webhooks")) as work:
        await _deliver_to_each(work, events)


async def _deliver_to_each(work: Work, events: list[tuple[int, datetime, _Message]]) -> None:
    wanted = select(Webhook.id, Webhook.topics).where(Webhook.is_active)
    hooks = [] if await _is_off(work) else (await work.session.execute(wanted)).all()
    rows = []
    for number, at, message in events:
        key = f"{int(at.timestamp() * 1_000_000)}-{number}"
        body = message_of(work.scope.org_id, key, message.topic, at, message.event)
        rows += [
            {
                "id": new_id(), "org_id": work.scope.org_id, "webhook_id": hook.id, "event_key": key,
                "topic": message.topic, "body": body, "created_at": at, "next_at": work.now,
            }
            for hook in hooks
            if any(is_matched(pattern, message.topic) for pattern in hook.topics)
        ]  # fmt: skip
    if rows:
        made = insert(WebhookDelivery).on_conflict_do_nothing(constraint="webhook_deliveries_event_uq")
        new = await work.session.execute(made.returning(WebhookDelivery.id), rows)
        await enqueue_each(work, [(DeliverWebhook(delivery_id=delivery_id), 0) for delivery_id in new.scalars()])
    await work.fetch(PURGE, KEPT_FOR)
    await work.fetch(DELETE, EVENTS_QUEUE, [number for number, _at, _message in events])


async def _is_off(work: Work) -> bool:
    """Tell whether the organization has switched the feature off."""
    return Permission.READ_WEBHOOKS in await load_switched_off(work)


def message_of(org_id: UUID, key: str, topic: str, at: datetime, event: dict[str, object]) -> str:
    """Return the body of a message: what happened, when and in which organization; ids and small values only."""
    content = {"id": key, "topic": topic, "at": at, "organization_id": org_id, "event": event}
    return orjson.dumps(content, default=str).decode()


@does_at_length(DeliverWebhook)
async def deliver(scope: Scope, job: DeliverWebhook) -> None:
    """Send a delivery once; where that fails, it is queued again with a pause."""
    door = current_webhooks()
    async with read(scope) as work:
        delivery = await work.session.get(WebhookDelivery, job.delivery_id)
        hook = None if delivery is None else await work.session.get(Webhook, delivery.webhook_id)
        is_off = await _is_off(work)
    if delivery is None or hook is None or delivery.state != DeliveryState.WAITING:
        return  # sent by a worker that died before it could say so, or removed
    if is_off or not hook.is_active:
        await _note(scope, job, status=None, answer="switched off", took_ms=0, is_last=True)
        return
    body, at = delivery.body.encode(), int(time.time())
    headers = {
        "Content-Type": "application/json",
        "Unison-Event": delivery.topic,
        "Unison-Delivery": str(delivery.id),
        "Unison-Signature": signature(door.box.open(hook.secret).decode(), at=at, body=body),
    }
    began = time.perf_counter()
    try:
        answered = await door.sender.post(hook.url, headers=headers, body=body)
        status, answer = answered.status, answered.beginning
    except WebhookNotReached as error:
        status, answer = None, str(error)
    took_ms = round(1000 * (time.perf_counter() - began))
    await _note(scope, job, status=status, answer=answer, took_ms=took_ms)


async def _note(
    scope: Scope, job: DeliverWebhook, *, status: int | None, answer: str, took_ms: int, is_last: bool = False
) -> None:
    async with begin(scope) as work:
        delivery = await work.session.get(WebhookDelivery, job.delivery_id, with_for_update=True)
        if delivery is None or delivery.state != DeliveryState.WAITING:
            return
        hook = await work.session.get_one(Webhook, delivery.webhook_id, with_for_update=True)
        delivery.attempts += 1
        delivery.status, delivery.answer, delivery.took_ms = status, answer[:LONGEST_ANSWER], took_ms
        if status is not None and 200 <= status < 300:
            delivery.state, delivery.ended_at, delivery.next_at = DeliveryState.DELIVERED.value, work.now, None
            await _note_failing(work, hook.id, since=None)
            return
        if is_last:  # nobody was asked: that says nothing about the receiver
            delivery.state, delivery.ended_at, delivery.next_at = DeliveryState.FAILED.value, work.now, None
            return
        failing_since = hook.failing_since or work.now
        await _note_failing(work, hook.id, since=failing_since)
        pause_s = pause_after(delivery.attempts)
        if pause_s is None:
            delivery.state, delivery.ended_at, delivery.next_at = DeliveryState.FAILED.value, work.now, None
        else:
            delivery.next_at = work.now + timedelta(seconds=pause_s)
            await enqueue(work, job, delay_s=pause_s)
        if hook.is_active and work.now - failing_since > timedelta(seconds=GIVE_UP_AFTER_S):
            hook.is_active, hook.gave_up_at = False, work.now
            log.warning("a webhook failed for too long and was switched off", webhook=str(hook.id))
            await work.session.flush()
            await work.fetch("SELECT app.bind_webhooks()")


async def _note_failing(work: Work, webhook_id: UUID, *, since: datetime | None) -> None:
    """Write down since when a webhook fails; the version stays, for nobody has changed what people edit."""
    noted = update(Webhook).where(Webhook.id == webhook_id, Webhook.failing_since.is_distinct_from(since))
    await work.session.execute(noted.values(failing_since=since), execution_options={"synchronize_session": False})
