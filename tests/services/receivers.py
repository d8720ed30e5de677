"""Real receivers of webhooks on this computer, and what happens for them to hear of."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from domain.events import PlantModelChanged
from domain.scope import Scope
from services.adapters.webhook_posts import WebhookPosts
from services.db.work import begin, read
from services.webhooks.sending import WebhookDoor, use_webhooks
from services.webhooks.webhooks import DeliveryInfo, MadeWebhook, add_webhook, list_deliveries
from tests.api.doors import KEY
from tests.factories import Connection, Floor

TOPIC = "plant.model.changed"
NOBODY = """
DELETE FROM pgmq.q_jobs; DELETE FROM pgmq.a_jobs; DELETE FROM pgmq.q_webhook_events; DELETE FROM app.webhook_users;
DELETE FROM public.webhook_deliveries;
DELETE FROM pgmq.topic_bindings WHERE queue_name = 'webhook_events';
"""
"""What earlier tests have left: their organizations would hear of events too."""


@dataclass
class Receiver:
    """A real HTTP server on this computer, and what it was told."""

    url: str = ""
    status: int = 200
    answer: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    """Of its answers."""
    wait: "asyncio.Event | None" = None
    """While it is not set, the receiver hangs."""
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    _told: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hear(self, request: web.Request) -> web.Response:
        """Answer a message."""
        told = dict(request.headers), await request.read()
        async with self._told:
            self.heard.append(told)
            self._told.notify_all()
        if self.wait is not None:
            await self.wait.wait()
        return web.Response(status=self.status, body=self.answer, headers=self.headers)

    async def has_heard(self, messages: int, *, within_s: float = 10.0) -> None:
        """Wait until so many messages have come."""
        async with asyncio.timeout(within_s), self._told:
            await self._told.wait_for(lambda: len(self.heard) >= messages)


@asynccontextmanager
async def listening(
    address: str = "127.0.0.1", *, port: int = 0, certificate: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """Run a receiver for the time of the block."""
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/{path:.*}", receiver.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, address, port, ssl_context=certificate)
    await site.start()
    server: Any = site._server
    scheme = "http" if certificate is None else "https"
    receiver.url = f"{scheme}://{address}:{server.sockets[0].getsockname()[1]}/unison"
    try:
        yield receiver
    finally:
        if receiver.wait is not None:
            receiver.wait.set()
        await runner.cleanup()


@asynccontextmanager
async def way_out(connection: Connection) -> AsyncIterator[None]:
    """Let messages reach this computer for the time of the block, from empty queues on."""
    await connection.execute(NOBODY)
    use_webhooks(door())
    yield
    use_webhooks(WebhookDoor.of(KEY, WebhookPosts(may_be_private=False), may_be_private=False))
    await connection.execute(NOBODY)


def door(key: str = "s" * 40) -> WebhookDoor:
    """Return a way out of an installation with a key."""
    return WebhookDoor.of(key, WebhookPosts(may_be_private=True), may_be_private=True)


async def made(scope: Scope, url: str, *topics: str) -> MadeWebhook:
    """Register a webhook."""
    async with begin(scope) as work:
        return await add_webhook(work, url=url, topics=topics or ("*.*.*",))


async def happen(floor: Floor) -> None:
    """Commit an event of the floor's organization."""
    async with begin(floor.scope) as work:
        work.emit(PlantModelChanged(plant_id=floor.plant_id))


async def log_of(scope: Scope, hook: MadeWebhook) -> tuple[DeliveryInfo, ...]:
    """Return the log of a webhook."""
    async with read(scope) as work:
        return (await list_deliveries(work, webhook_id=hook.webhook.id)).items


async def due_now(connection: Connection) -> None:
    """Let the time of every next attempt come, and every hold end."""
    await connection.execute("UPDATE webhook_deliveries SET held_until = NULL, next_at = now() WHERE state = 'waiting'")
