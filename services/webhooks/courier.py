"""Tells webhooks of what happens, beside the jobs: a receiver that hangs holds up none of them, and hardly another."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog

from domain.errors import Unavailable
from services.webhooks.deliveries import SLOTS, Letter, deliver, take_deliveries
from services.webhooks.dispatching import AT_ONCE, dispatch_events

log = structlog.get_logger(__name__)

EVERY_S = 0.5
"""How often is looked for events, and for messages whose time has come."""
BREATH_S = 0.01
"""At least this long between two looks, so that messages that end together make room together."""


async def tell_webhooks_forever() -> None:
    """Make messages of events and send them until cancelled; waits while Postgres is away, and outlives whatever goes
    wrong."""
    news = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_dispatch_forever(news))
        group.create_task(_deliver_forever(news))


async def deliver_due() -> int:
    """Send what is due now, and return how many messages that were once each has ended.

    Raises:
        Unavailable: Postgres does not answer.
    """
    letters = await take_deliveries()
    await asyncio.gather(*(deliver(letter) for letter in letters))
    return len(letters)


async def _dispatch_forever(news: asyncio.Event) -> None:
    while True:
        taken = 0
        with _outliving("events could not be turned into messages to webhooks"):
            taken = await dispatch_events()
        if taken:
            news.set()
        if taken < AT_ONCE:
            await asyncio.sleep(EVERY_S)


async def _deliver_forever(news: asyncio.Event) -> None:
    under_way: set[asyncio.Task[None]] = set()

    def ended(task: asyncio.Task[None]) -> None:
        under_way.discard(task)
        news.set()

    try:
        while True:
            news.clear()
            with _outliving("messages to webhooks could not be taken"):
                free = SLOTS - len(under_way)
                for letter in await take_deliveries(free) if free else ():
                    task = asyncio.create_task(_deliver(letter))
                    under_way.add(task)
                    task.add_done_callback(ended)
            await asyncio.sleep(BREATH_S)
            with suppress(TimeoutError):  # not wait_for, which forgets a cancellation that comes with the news
                async with asyncio.timeout(EVERY_S):
                    await news.wait()
    finally:
        left = tuple(under_way)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _deliver(letter: Letter) -> None:
    with _outliving("a message to a webhook waits until nobody holds it"):
        await deliver(letter)


@contextmanager
def _outliving(trouble: str) -> Iterator[None]:
    """Go on after whatever goes wrong in the block; what was begun there returns by itself."""
    try:
        yield
    except Unavailable:
        log.info("messages to webhooks wait for the database")
    except Exception:
        log.exception(trouble)
