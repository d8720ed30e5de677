"""The doorbell of the live queues: after a commit, every pump hears that there is something to read.

PGMQ can ring by itself, from a trigger on the queue. Its throttle is a row then, and whoever updates it keeps it
locked until the COMMIT has arrived and is on the disk, while everybody else waits: 32 writers came down from 305 to 178
reports a second. So the process rings when its transaction is over, and remembers by itself when it last did.
"""

import time

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

log = structlog.get_logger(__name__)

CHANNEL = "unison_live"
RING = text(f"NOTIFY {CHANNEL}")


class Doorbell:
    """Rings at most once per throttle for one process; a pump reads on for as long after each ring."""

    def __init__(self, throttle_ms: int) -> None:
        self._throttle_s = throttle_ms / 1000
        self._rung_at: float | None = None

    async def ring(self, engine: AsyncEngine) -> None:
        """Ring, unless it rang a moment ago.

        Never fails: whoever rings has committed already, and the pumps find by their slow poll what no ring announced.
        """
        now = time.monotonic()
        if self._rung_at is not None and now - self._rung_at < self._throttle_s:
            return
        self._rung_at = now
        try:
            async with engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(RING)
        except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            log.info("the doorbell of the live queues could not ring", error=repr(error))
