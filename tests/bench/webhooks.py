"""What webhooks cost whoever writes: a one-tap report with no webhook and with three that hear of it, side by side.

`rush` is fifty terminals as fast as they can while nobody sends: what it costs that events are kept. `paced` is a floor
at its busiest, every terminal once a second, while a courier makes three messages of each report and sends them to a
receiver on this machine, all in one process: what all of it costs together, and how long a message is on its way. Then
how many messages leave in a second while nobody writes, and how long it takes to take the next ones with a hundred
thousand waiting for a receiver that hangs.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

import asyncpg
import orjson
from aiohttp import web

from domain.scope import Scope
from services.adapters.webhook_posts import WebhookPosts
from services.db.work import begin, read
from services.webhooks.courier import tell_webhooks_forever
from services.webhooks.deliveries import take_deliveries
from services.webhooks.sending import WebhookDoor, use_webhooks
from services.webhooks.webhooks import add_webhook, edit_webhook, list_webhooks
from tests.bench.installation import installation
from tests.bench.report import CONNECTIONS, PACED_S, TERMINALS, Report, one_tap, paced, rush
from tests.bench.results import Result, percentile, reported
from tests.bench.works import Works, make_works
from ui.garbage import collect_rarely

HOOKS = 3
TOPICS = ["production.*.*"]
ROUNDS = 8
ROUND_S = 2.0
WARM_UP_S = 3.0
BACKLOG = 100_000
TAKES = 200
SENT = 3_000
BODY = '{"at": "2026-01-01T00:00:00+00:00"}'

FORGET = "TRUNCATE pgmq.q_webhook_events; DELETE FROM webhook_deliveries"
LEFT = """
SELECT (SELECT count(*) FROM pgmq.q_webhook_events)
       + (SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting')
"""
FILL = """
INSERT INTO webhook_deliveries (id, org_id, webhook_id, event_key, topic, body, next_at)
SELECT gen_random_uuid(), $1, $2, 'bench-' || number, 'production.log.reported', $4, now()
FROM generate_series(1, $3::int) AS number
"""


@dataclass
class Receiver:
    """Takes every message and remembers how long it was on its way."""

    url: str = ""
    took_ms: list[float] = field(default_factory=list)

    async def hear(self, request: web.Request) -> web.Response:
        """Take a message."""
        at = datetime.fromisoformat(orjson.loads(await request.read())["at"])
        self.took_ms.append(1000 * (datetime.now(UTC) - at).total_seconds())
        return web.Response()


async def measure() -> list[Result]:
    """Compare the rush and the paced floor with and without webhooks, then take from a long queue."""
    use_webhooks(WebhookDoor.of("bench" * 8, WebhookPosts(may_be_private=True), may_be_private=True))
    async with installation(connections=CONNECTIONS) as place, _listening() as receiver:
        works = await make_works(machines=TERMINALS)
        collect_rarely()
        owner = await asyncpg.connect(place.superuser_url)
        scope = Scope(works.scope.org_id, request_id="bench")
        async with begin(scope) as work:
            for _ in range(HOOKS):
                await add_webhook(work, url=receiver.url, topics=TOPICS)
        try:
            rates = await _rushes(owner, scope, works, one_tap(works))
            times_ms = await _paces(owner, scope, works, one_tap(works))
            on_their_way_ms = list(receiver.took_ms)
            sent_per_s = await _sent_per_s(owner, scope)
            take_ms = await _takes(owner, scope)
        finally:
            await owner.close()
    pairs = zip(rates["with"], rates["without"], strict=True)
    costs = [100 * (without / told - 1) for told, without in pairs]
    return [
        Result("webhooks_cost_of_a_report_percent", median(costs), "<= 15"),
        reported("reports_per_s_with_webhooks", median(rates["with"])),
        reported("reports_per_s_without", median(rates["without"])),
        Result("paced_report_p95_ms_with_webhooks", percentile(times_ms["with"], 95), "<= 30"),
        reported("paced_report_p95_ms_without", percentile(times_ms["without"], 95)),
        Result("messages_lost", HOOKS * len(times_ms["with"]) - len(on_their_way_ms), "<= 0"),
        reported("message_p50_ms", median(on_their_way_ms)),
        reported("message_p95_ms", percentile(on_their_way_ms, 95)),
        reported("messages_per_s", sent_per_s),
        Result("take_p95_ms_with_100000_waiting", percentile(take_ms, 95), "<= 20"),
        reported("load_average", os.getloadavg()[0]),
    ]


async def _rushes(
    owner: "asyncpg.Connection[asyncpg.Record]", scope: Scope, works: Works, report: Report
) -> dict[str, list[float]]:
    await rush(works, report, seconds=WARM_UP_S)
    rates: dict[str, list[float]] = {"with": [], "without": []}
    for number in range(ROUNDS):
        for name in ("with", "without") if number % 2 else ("without", "with"):
            await _switch(scope, is_on=name == "with")
            rates[name].append(await rush(works, report, seconds=ROUND_S))
            await owner.execute(FORGET)
            print(f"  {name} webhooks: {rates[name][-1]:.0f} reports/s", flush=True)
    return rates


async def _paces(
    owner: "asyncpg.Connection[asyncpg.Record]", scope: Scope, works: Works, report: Report
) -> dict[str, list[float]]:
    times_ms: dict[str, list[float]] = {}
    for name in ("without", "with"):
        await _switch(scope, is_on=name == "with")
        async with _telling(owner):
            times_ms[name] = await paced(works, report, is_over=lambda after_s: after_s >= PACED_S)
        print(f"  {name} webhooks: a report takes {median(times_ms[name]):.1f} ms", flush=True)
    return times_ms


async def _sent_per_s(owner: "asyncpg.Connection[asyncpg.Record]", scope: Scope) -> float:
    """Send what waits for all webhooks as fast as it goes; returns messages a second."""
    async with read(scope) as work:
        hooks = [hook.id for hook in await list_webhooks(work)]
    for webhook_id in hooks:
        await owner.execute(FILL, scope.org_id, webhook_id, SENT // HOOKS, BODY)
    began = time.monotonic()
    async with _telling(owner):
        pass
    return SENT / (time.monotonic() - began)


@asynccontextmanager
async def _telling(owner: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[None]:
    """Send for the time of the block, and until nothing waits any more."""
    telling = asyncio.create_task(tell_webhooks_forever())
    yield
    async with asyncio.timeout(120):
        while await owner.fetchval(LEFT):  # noqa: ASYNC110 - a courier announces nothing
            await asyncio.sleep(0.1)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


async def _takes(owner: "asyncpg.Connection[asyncpg.Record]", scope: Scope) -> list[float]:
    """Take again and again while all places of the webhook with the long queue are full; returns times in ms."""
    await owner.execute(FORGET)
    async with read(scope) as work:
        first = (await list_webhooks(work))[0].id
    await owner.execute(FILL, scope.org_id, first, BACKLOG, BODY)
    await take_deliveries()
    times_ms: list[float] = []
    for _ in range(TAKES):
        began = time.perf_counter()
        await take_deliveries()
        times_ms.append(1000 * (time.perf_counter() - began))
    return times_ms


async def _switch(scope: Scope, *, is_on: bool) -> None:
    async with begin(scope) as work:
        for hook in await list_webhooks(work):
            await edit_webhook(work, webhook_id=hook.id, version=hook.version, is_active=is_on)


@asynccontextmanager
async def _listening() -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/", receiver.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server: Any = site._server
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    yield receiver
    await runner.cleanup()
