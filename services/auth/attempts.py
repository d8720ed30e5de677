"""Limits on failed sign-ins, per account and per address.

Counted in the memory of each server process: with several processes an attacker gets that many times the limit.
"""

from typing import ClassVar

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from domain.errors import UnisonError, marked

WINDOW_MINUTES = 15
ADDRESS_FACTOR = 5
"""An address may fail this many times as often as an account: many people share one factory's address."""


class TooManyAttempts(UnisonError):
    """Too many failed sign-ins lately."""

    code: ClassVar[str] = "too_many_attempts"
    sentence: ClassVar[str] = marked("Too many failed attempts. Wait 15 minutes, then try again.")


class SignInAttempts:
    """Remembers failed sign-ins for a quarter of an hour."""

    def __init__(self, per_account: int) -> None:
        self._account = RateLimitItemPerMinute(per_account, WINDOW_MINUTES)
        self._address = RateLimitItemPerMinute(per_account * ADDRESS_FACTOR, WINDOW_MINUTES)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def count(self, *, account: str, address: str) -> None:
        """Count an attempt before its password is looked at, so that parallel guesses count too.

        Raises:
            TooManyAttempts: the account or the address failed too often.
        """
        may_address = await self._limiter.test(self._address, "address", address)
        if not (may_address and await self._limiter.hit(self._account, "account", account)):
            raise TooManyAttempts

    async def count_failure(self, *, address: str) -> None:
        """Count a failed attempt against the address it came from."""
        await self._limiter.hit(self._address, "address", address)

    async def forget_account(self, account: str) -> None:
        """Forget the attempts of an account whose owner has signed in."""
        await self._limiter.clear(self._account, "account", account)
