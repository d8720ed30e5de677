"""Password hashes: argon2id for new ones, bcrypt accepted and replaced at the next sign-in."""

import asyncio
from dataclasses import dataclass
from functools import cache

from passlib.context import CryptContext
from passlib.exc import PasslibSecurityError

from domain.identity.accounts import LONGEST_PASSWORD

_context = CryptContext(schemes=["argon2", "bcrypt"], deprecated="auto", bcrypt__truncate_error=True)


@dataclass(frozen=True)
class Checked:
    """Whether a password fits, and the better hash to keep where the old one is out of date."""

    fits: bool
    new_hash: str | None = None


async def hash_password(password: str) -> str:
    """Return the argon2id hash of a password; takes about a quarter of a second in a thread of its own."""
    return await asyncio.to_thread(_context.hash, password)


async def check_password(password: str, password_hash: str | None) -> Checked:
    """Compare a password with a hash in a thread; without a hash it takes as long, and does not fit."""
    return await asyncio.to_thread(_check, password, password_hash)


def _check(password: str, password_hash: str | None) -> Checked:
    if len(password) > LONGEST_PASSWORD:
        return Checked(fits=False)
    try:
        fits, new_hash = _context.verify_and_update(password, password_hash or _decoy())
    except (ValueError, PasslibSecurityError):
        # bcrypt reads 72 bytes only, and nothing reads lone surrogates: this cannot be the password that was hashed
        return Checked(fits=False)
    if password_hash is None:
        return Checked(fits=False)
    return Checked(fits=fits, new_hash=new_hash)


@cache
def _decoy() -> str:
    """A hash that nobody has the password of, so that an unknown account costs the same time."""
    return str(_context.hash("nobody signs in with this"))
