"""Limits on failed sign-ins, per account and per address, and on wrong badges and PINs, per kiosk.

Counted in the database, so that several server processes count together and a restart forgets nothing. Whether an
account exists makes no difference to what is counted.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from domain.errors import UnisonError, marked
from services.db.engine import without_tenant
from services.db.keys import new_id

WINDOW_MINUTES = 15
ADDRESS_FACTOR = 5
"""An address may fail this many times as often as an account: many people share one factory's address."""

# The lock lasts its whole time from the last attempt that was allowed; attempts meanwhile do not make it longer.
HIT = text("""
INSERT INTO app.sign_in_attempts AS before (key, failures, since) VALUES (:key, 1, now())
ON CONFLICT ON CONSTRAINT sign_in_attempts_pk DO UPDATE SET
  failures = CASE WHEN before.since < now() - make_interval(mins => :minutes) THEN 1 ELSE before.failures + 1 END,
  since = CASE WHEN before.since < now() - make_interval(mins => :minutes) OR before.failures + 1 = :most THEN now()
               ELSE before.since END
RETURNING failures
""")
COUNTED = text("""
SELECT failures FROM app.sign_in_attempts WHERE key = :key AND since >= now() - make_interval(mins => :minutes)
""")
# As `HIT`, but a right badge or PIN is taken back, and must not make the others last longer.
COUNT = text("""
INSERT INTO app.sign_in_attempts AS before (key, failures, since) VALUES (:key, 1, now())
ON CONFLICT ON CONSTRAINT sign_in_attempts_pk DO UPDATE SET
  failures = CASE WHEN before.since < now() - make_interval(mins => :minutes) THEN 1 ELSE before.failures + 1 END,
  since = CASE WHEN before.since < now() - make_interval(mins => :minutes) OR before.failures = 0 THEN now()
               ELSE before.since END
RETURNING failures
""")
KEEP = text("UPDATE app.sign_in_attempts SET since = now() WHERE key = :key AND failures >= :most")
TAKE_BACK = text("UPDATE app.sign_in_attempts SET failures = failures - 1 WHERE key = :key AND failures > 0")
FORGET = text("DELETE FROM app.sign_in_attempts WHERE key = :key")


class TooManyAttempts(UnisonError):
    """Too many failed sign-ins lately."""

    code: ClassVar[str] = "too_many_attempts"
    sentence: ClassVar[str] = marked("Too many failed attempts. Wait a while, usually 15 minutes, then try again.")


@dataclass(frozen=True)
class Lock:
    """After how many failures somebody is locked out, and for how long."""

    attempts: int
    minutes: int = WINDOW_MINUTES


class SignInAttempts:
    """Remembers failed sign-ins; all of the same `name` count together, without one each for itself."""

    def __init__(self, per_account: int, *, name: str = "") -> None:
        self.lock = Lock(per_account)
        self._most_of_address = per_account * ADDRESS_FACTOR
        self._name = name or new_id().hex

    async def count(self, *, account: str, address: str, lock: Lock | None = None) -> None:
        """Count an attempt before its password is looked at, so that parallel guesses count too; `lock` is what the
        organization wants instead.

        Raises:
            TooManyAttempts: the account or the address failed too often.
            Unavailable: Postgres does not answer.
        """
        lock = lock or self.lock
        async with without_tenant() as connection:
            asked = {"key": self._key("address", address), "minutes": WINDOW_MINUTES}
            of_address = await connection.scalar(COUNTED, asked) or 0
            may_come = of_address < self._most_of_address
            if may_come:
                hit = {"key": self._key("account", account), "minutes": lock.minutes, "most": lock.attempts}
                may_come = (await connection.execute(HIT, hit)).scalar_one() <= lock.attempts
        if not may_come:
            raise TooManyAttempts

    async def count_failure(self, *, address: str) -> None:
        """Count a failed attempt against the address it came from.

        Raises:
            Unavailable: Postgres does not answer.
        """
        hit = {"key": self._key("address", address), "minutes": WINDOW_MINUTES, "most": self._most_of_address}
        async with without_tenant() as connection:
            await connection.execute(HIT, hit)

    async def forget_account(self, account: str) -> None:
        """Forget the attempts of an account whose owner has signed in.

        Raises:
            Unavailable: Postgres does not answer.
        """
        async with without_tenant() as connection:
            await connection.execute(FORGET, {"key": self._key("account", account)})

    def _key(self, kind: str, value: str) -> bytes:
        return sha256(f"{self._name}\0{kind}\0{value}".encode(errors="ignore")).digest()


class KioskAttempts:
    """Limits wrong badges and PINs per device; all of the same `name` count together, without one each for itself.

    Each is counted before it is looked at, so that guesses that come all at once count too, and a right one is taken
    back. It clears no others: else whoever has a PIN could guess at others' for ever.
    """

    def __init__(self, per_device: int, *, name: str = "") -> None:
        self._allowed = per_device
        self._name = name or new_id().hex

    async def count(self, device_id: UUID) -> None:
        """Count a badge or PIN before anybody knows whether it is right.

        Raises:
            TooManyAttempts: the device's wrong ones of the last quarter of an hour are as many as are allowed.
            Unavailable: Postgres does not answer.
        """
        asked = {"key": self._key(device_id), "minutes": WINDOW_MINUTES}
        async with without_tenant() as connection:
            counted = (await connection.execute(COUNT, asked)).scalar_one()
        if counted > self._allowed:
            raise TooManyAttempts

    async def keep(self, device_id: UUID) -> None:
        """Let a wrong one count; with the last one that is allowed the lock begins.

        Raises:
            Unavailable: Postgres does not answer.
        """
        async with without_tenant() as connection:
            await connection.execute(KEEP, {"key": self._key(device_id), "most": self._allowed})

    async def take_back(self, device_id: UUID) -> None:
        """Let a right one count nothing.

        Raises:
            Unavailable: Postgres does not answer.
        """
        async with without_tenant() as connection:
            await connection.execute(TAKE_BACK, {"key": self._key(device_id)})

    def _key(self, device_id: UUID) -> bytes:
        return sha256(f"{self._name}\0kiosk\0{device_id}".encode()).digest()
