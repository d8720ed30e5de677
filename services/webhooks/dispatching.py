"""From an event to the webhooks that want to hear of it.

Events wait in a queue of their own. Whoever takes them makes one delivery per webhook in the scope of the organization,
in the transaction that takes them from the queue.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from pydantic import BaseModel, ValidationError
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from domain.events import WebhookMoved
from domain.identity.roles import Permission
from domain.integration.webhooks import is_matched
from domain.scope import Scope
from services.db.engine import without_tenant
from services.db.keys import new_id
from services.db.tables import Webhook, WebhookDelivery
from services.db.work import Work, begin
from services.identity.policies import load_switched_off

EVENTS_QUEUE = "webhook_events"
AT_ONCE = 500
HELD_S = 60
KEPT_FOR = timedelta(days=30)
TAKE = text("SELECT msg_id, enqueued_at, message FROM pgmq.read(:queue, :held, :most)")
DELETE = "SELECT pgmq.delete($1::text, $2::bigint[])"
FORGET = text("SELECT pgmq.delete(CAST(:queue AS text), CAST(:ids AS bigint[]))")
USERS = text("SELECT organization FROM app.webhook_users")
PURGE = "DELETE FROM webhook_deliveries WHERE ended_at < now() - $1::interval"
FORGET_SECRETS = """
UPDATE webhooks SET old_secret = NULL, old_secret_until = NULL WHERE old_secret_until < now()
"""


class _Message(BaseModel):
    org: UUID
    topic: str
    event: dict[str, object]


async def dispatch_events() -> int:
    """Turn what waits into deliveries, one organization after the other, and return how many events were taken; what
    fails returns to the queue by itself.

    Raises:
        Unavailable: Postgres does not answer.
    """
    async with without_tenant() as own:  # committed at once: what is taken stays hidden from other workers
        users = set((await own.execute(USERS)).scalars())
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
    return len(rows)


async def _failure_of(delivering: Awaitable[None]) -> BaseException | None:
    (error,) = await asyncio.gather(delivering, return_exceptions=True)
    return error


async def _deliver(org_id: UUID, events: list[tuple[int, datetime, _Message]]) -> None:
    async with begin(Scope(org_id, request_id="webhooks")) as work:
        await _deliver_to_each(work, events)


async def _deliver_to_each(work: Work, events: list[tuple[int, datetime, _Message]]) -> None:
    wanted = select(Webhook.id, Webhook.topics).where(Webhook.is_active)
    hooks = [] if await is_off(work) else (await work.session.execute(wanted)).all()
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
        await work.session.execute(made, rows)
        for webhook_id in {row["webhook_id"]: None for row in rows}:
            work.emit(WebhookMoved(webhook_id=webhook_id))
    await work.fetch(PURGE, KEPT_FOR)
    await work.fetch(FORGET_SECRETS)
    await work.fetch(DELETE, EVENTS_QUEUE, [number for number, _at, _message in events])


async def is_off(work: Work) -> bool:
    """Tell whether the organization has switched the feature off."""
    return Permission.READ_WEBHOOKS in await load_switched_off(work)


def message_of(org_id: UUID, key: str, topic: str, at: datetime, event: dict[str, object]) -> str:
    """Return the body of a message: what happened, when and in which organization; ids and small values only."""
    content = {"id": key, "topic": topic, "at": at, "organization_id": org_id, "event": event}
    return orjson.dumps(content, default=str).decode()
