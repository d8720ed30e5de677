"""Events through the project's own publisher and consumer, beside raw PGMQ in the same run."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from statistics import median
from uuid import UUID

import asyncpg
import orjson
from pgmq.async_queue import PGMQueue

from domain.events import AndonCallChanged, Event
from services.db.keys import new_id
from services.db.work import begin
from services.events.hub import Hub
from services.events.publish import encode
from services.events.pump import Pump
from tests.bench.installation import Installation, installation
from tests.bench.results import Result, reported
from tests.bench.works import Works, make_works
from ui.garbage import collect_rarely

MESSAGES = 100_000
BATCH = 500
ROUNDS = 3
SENDERS = 2
RAW_QUEUE = "raw"
PATIENCE_S = 60.0


class Counter:
    """Counts what arrives until enough has."""

    def __init__(self) -> None:
        self.count = 0
        self.full = asyncio.Event()

    def hear(self, _: UUID | None, event: Event | None) -> None:
        """Count an event; a listener for the hub."""
        if isinstance(event, AndonCallChanged):
            self.add(1)

    def add(self, count: int) -> None:
        """Count some more."""
        self.count += count
        if self.count >= MESSAGES:
            self.full.set()


async def measure() -> list[Result]:
    """Measure both ways in turn and take the median of each."""
    async with installation() as place:
        works = await make_works(machines=1)
        events: list[Event] = [_event(works) for _ in range(MESSAGES)]
        messages = [orjson.loads(encode(works.scope, event)) for event in events]
        collect_rarely()
        ours, raw = [], []
        for _ in range(ROUNDS):
            ours.append(await _ours(place, works, events))
            raw.append(await _raw(place, messages))
    through, raw_through = median(each[0] for each in ours), median(each[0] for each in raw)
    return [
        Result("queue_messages_per_s", through, ">= 30000"),
        Result("queue_messages_lost", sum(each[1] for each in ours), "<= 0"),
        reported("raw_pgmq_messages_per_s", raw_through),
        reported("queue_to_raw_pgmq_ratio", through / raw_through),
    ]


async def _ours(place: Installation, works: Works, events: list[Event]) -> tuple[float, float]:
    """Publish in units of work and consume with a pump at the same time; returns the rate, and what was lost."""
    hub, counter, live = Hub(), Counter(), asyncio.Event()
    hub.on_any_event(counter.hear)
    hub.on_source(lambda is_live: live.set() if is_live else live.clear())
    pump = asyncio.create_task(Pump(place.app_url, hub).run())
    try:
        await asyncio.wait_for(live.wait(), PATIENCE_S)
        return await _timed(counter, lambda: _publish(works, events))
    finally:
        pump.cancel()
        with suppress(asyncio.CancelledError):
            await pump


async def _publish(works: Works, events: list[Event]) -> None:
    async def publish_some(batches: range) -> None:
        for batch in batches:
            async with begin(works.scope) as work:
                for event in events[batch * BATCH : (batch + 1) * BATCH]:
                    work.emit(event)

    await _shared(publish_some)


async def _raw(place: Installation, messages: list[dict[str, object]]) -> tuple[float, float]:
    """Send and pop the same messages with PGMQ's own client on an unlogged queue without topics and notifications."""
    async with asyncpg.create_pool(place.superuser_url, min_size=1 + SENDERS, max_size=1 + SENDERS) as pool:
        client = PGMQueue(pool=pool, init_extension=False, username="unused", password="unused")
        await client.init()
        await client.create_queue(RAW_QUEUE, unlogged=True)
        counter = Counter()
        popping = asyncio.create_task(_pop(client, counter))
        try:
            return await _timed(counter, lambda: _send(client, messages))
        finally:
            popping.cancel()
            with suppress(asyncio.CancelledError):
                await popping
            await client.drop_queue(RAW_QUEUE)


async def _send(client: PGMQueue, messages: list[dict[str, object]]) -> None:
    async def send_some(batches: range) -> None:
        for batch in batches:
            await client.send_batch(RAW_QUEUE, messages[batch * BATCH : (batch + 1) * BATCH])

    await _shared(send_some)


async def _pop(client: PGMQueue, counter: Counter) -> None:
    while True:
        messages = await client.pop(RAW_QUEUE, qty=BATCH)
        counter.add(len(messages) if isinstance(messages, list) else 0)
        if not messages:
            await asyncio.sleep(0.001)


async def _shared(send_some: Callable[[range], Awaitable[None]]) -> None:
    """Let a few senders share the batches."""
    await asyncio.gather(*(send_some(range(sender, MESSAGES // BATCH, SENDERS)) for sender in range(SENDERS)))


async def _timed(counter: Counter, send: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    began = time.monotonic()
    await send()
    with suppress(TimeoutError):
        await asyncio.wait_for(counter.full.wait(), PATIENCE_S)
    rate = counter.count / (time.monotonic() - began)
    print(f"  {rate:.0f} messages/s", flush=True)
    return rate, MESSAGES - counter.count


def _event(works: Works) -> AndonCallChanged:
    return AndonCallChanged(
        plant_id=works.plant_id, lane_id=works.lane_id, machine_id=works.machine_ids[0], call_id=new_id()
    )
