"""How many requests one session, API key or address may make.

Counted in the memory of each server process: several processes together allow that many times more.
"""

import math
import time
from typing import ClassVar

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from domain.errors import UnisonError, marked


class TooManyRequests(UnisonError):
    """The session or address asked too often within this minute."""

    code: ClassVar[str] = "too_many_requests"
    sentence: ClassVar[str] = marked("Too many requests. Wait {retry_after_s} seconds, then go on.")


class RequestLimits:
    """Counts requests to the API in windows of a minute."""

    def __init__(self, per_minute: int) -> None:
        self._allowed = RateLimitItemPerMinute(per_minute)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def count(self, who: str, *, per_minute: int | None = None) -> None:
        """Count one request of a session, a key or an address, against a limit of its own where it has one.

        Raises:
            TooManyRequests: it has used up this minute; `retry_after_s` says when the next one begins.
        """
        allowed = self._allowed if per_minute is None else RateLimitItemPerMinute(per_minute)
        if await self._limiter.hit(allowed, who):
            return
        window = await self._limiter.get_window_stats(allowed, who)
        raise TooManyRequests(retry_after_s=max(1, math.ceil(window.reset_time - time.time())))
