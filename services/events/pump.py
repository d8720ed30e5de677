"""From this process's queue to its hub.

A notification is only a doorbell. After it rings, the queue is read until it is empty twice, a throttle apart,
because every process leaves out rings within a throttle; a slow poll catches what no ring announced. The queue is
unlogged, so after every new connection all screens load again.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import asyncpg
import structlog
from pydantic import BaseModel, ValidationError

from domain.events import EVENTS, Event
from services.events.doorbell import CHANNEL
from services.events.hub import Hub

log = structlog.get_logger(__name__)

BATCH = 500
POLL_S = 0.25
HEARTBEAT_S = 5.0
ANSWER_TIMEOUT_S = 2.0
FIRST_RETRY_S = 0.1
LONGEST_RETRY_S = 1.0
TOPICS = ["#"]

POP = "SELECT message FROM pgmq.pop($1, $2)"
HEARTBEAT = "UPDATE app.server_processes SET seen_at = now(), screens = $2 WHERE queue = $1 AND closed_at IS NULL"

LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)


class Pump:
    """Reads this process's live queue as long as it runs, whatever happens to the database."""

    def __init__(
        self, url: str, hub: Hub, *, throttle_ms: int = 20, count_screens: Callable[[], int] = lambda: 0
    ) -> None:
        """Read for `hub`; `count_screens` tells how many pages are open here, for the page of health."""
        self.queue = f"live_{secrets.token_hex(6)}"
        self._url = url
        self._hub = hub
        self._throttle_ms = throttle_ms
        self._count_screens = count_screens
        self._bell = asyncio.Event()

    async def run(self) -> None:
        """Pump until cancelled; a lost connection is made again, and everything shown is loaded again."""
        retry_s = FIRST_RETRY_S
        while True:
            began = time.monotonic()
            try:
                await self._pump_one_connection()
            except Exception as error:
                self._hub.set_live(False)
                unforeseen = None if isinstance(error, LOST) else error
                log.warning("live events were lost", error=repr(error), queue=self.queue, exc_info=unforeseen)
            retry_s = FIRST_RETRY_S if time.monotonic() - began > LONGEST_RETRY_S else min(2 * retry_s, LONGEST_RETRY_S)
            await asyncio.sleep(retry_s)

    async def _pump_one_connection(self) -> None:
        connection = await asyncpg.connect(
            self._url, timeout=ANSWER_TIMEOUT_S, command_timeout=ANSWER_TIMEOUT_S,
            server_settings={"application_name": "unison pump"},
        )  # fmt: skip
        try:
            connection.add_termination_listener(lambda _: self._bell.set())
            await connection.add_listener(CHANNEL, lambda *_: self._bell.set())
            await self._open_queue(connection)
            self._hub.set_live(True)
            self._hub.resync()
            await self._read_forever(connection)
        finally:
            await _farewell(connection, self.queue)

    async def _open_queue(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await connection.execute("SELECT app.open_live_queue($1, $2)", self.queue, TOPICS)

    async def _read_forever(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        heartbeat_at = 0.0
        while True:
            self._bell.clear()
            await self._drain(connection)
            if time.monotonic() - heartbeat_at > HEARTBEAT_S:
                if await connection.execute(HEARTBEAT, self.queue, self._count_screens()) == "UPDATE 0":
                    await self._open_queue(connection)
                    self._hub.resync()
                heartbeat_at = time.monotonic()
            # Not wait_for, which forgets that it was cancelled when the bell rings at the same moment.
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._bell.wait()

    async def _drain(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        empty_reads = 0
        while empty_reads < 2:
            messages = await connection.fetch(POP, self.queue, BATCH)
            for message in messages:
                self._deliver(message["message"])
            empty_reads = 0 if messages else empty_reads + 1
            if empty_reads == 1:
                await asyncio.sleep(self._throttle_ms / 1000)

    def _deliver(self, message: str) -> None:
        try:
            org_id, event = decode(message)
        except ValidationError:
            log.warning("unreadable event; another version of the software sent it", message=message)
            self._hub.resync()
            return
        if event is None:
            log.warning("unknown event; a newer version of the software sent it", message=message)
            return
        self._hub.deliver(org_id, event)


class _Message(BaseModel):
    org: UUID
    topic: str
    event: dict[str, object]


def decode(message: str) -> tuple[UUID, Event | None]:
    """Return the organization and the event of a queued message; None for a topic this version does not know.

    Raises:
        ValidationError: the message says something else than this version expects.
    """
    parsed = _Message.model_validate_json(message)
    kind = EVENTS.get(parsed.topic)
    return parsed.org, None if kind is None else kind.model_validate(parsed.event)


async def _farewell(connection: "asyncpg.Connection[asyncpg.Record]", queue: str) -> None:
    """Unbind the queue when the connection still lives, so that writers stop sending to it."""
    if connection.is_closed():
        return
    try:
        await connection.execute("SELECT app.close_live_queue($1)", queue)
        await connection.close(timeout=ANSWER_TIMEOUT_S)
    except LOST:
        connection.terminate()
