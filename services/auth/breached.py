"""The installation's list of breached passwords: a file of SHA-1 hashes, sorted as it is published, or of passwords."""

import asyncio
import mmap
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

from services.config import Settings, WrongSetting

HASH = re.compile(rb"[0-9A-Fa-f]{40}")
DIGITS = 40


@dataclass(frozen=True)
class BreachedPasswords:
    """Looks passwords up without reading the whole file each time."""

    _knows: Callable[[bytes], bool]

    @classmethod
    def of(cls, path: Path) -> "BreachedPasswords":
        """Read a list: lines that begin with 40 hexadecimal digits are hashes and stay on disk, sorted by hash; any
        other file holds one password per line and is kept in memory.

        Raises:
            OSError: there is no such file, or it cannot be read.
        """
        with path.open("rb") as file:
            if HASH.match(file.readline(200)):
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                return cls(lambda digest: _is_among(mapped, digest))
            file.seek(0)
            known = frozenset(_digest(line.rstrip(b"\r\n")) for line in file if line.strip())
        return cls(known.__contains__)

    async def has(self, password: str) -> bool:
        """Tell whether a password is on the list; in a thread, since the disk may be slow."""
        return await asyncio.to_thread(self._knows, _digest(password.encode(errors="ignore")))


class _Current:
    passwords: BreachedPasswords | None = None


def use_breached_passwords(passwords: BreachedPasswords | None) -> None:
    """Refuse the passwords of a list from now on; None refuses none."""
    _Current.passwords = passwords


def has_breached_passwords() -> bool:
    """Tell whether the installation has a list."""
    return _Current.passwords is not None


def breached_passwords_of(settings: Settings) -> BreachedPasswords | None:
    """Read the list that the settings name, if any.

    Raises:
        WrongSetting: it cannot be read.
    """
    if settings.breached_passwords is None:
        return None
    try:
        return BreachedPasswords.of(settings.breached_passwords)
    except (OSError, ValueError) as error:
        raise WrongSetting(f"UNISON_BREACHED_PASSWORDS cannot be read: {error}") from error


async def is_breached(password: str) -> bool:
    """Tell whether a password is on the installation's list; without one, none is."""
    return _Current.passwords is not None and await _Current.passwords.has(password)


def _digest(password: bytes) -> bytes:
    return sha1(password, usedforsecurity=False).hexdigest().upper().encode()


def _is_among(lines: mmap.mmap, digest: bytes) -> bool:
    """Search the sorted lines of a file by halves, each time from the beginning of the line that the middle is in."""
    low, high = 0, len(lines)
    while low < high:
        begins = lines.rfind(b"\n", low, (low + high) // 2) + 1 or low
        found = lines[begins : begins + DIGITS].upper()
        if found == digest:
            return True
        ends = lines.find(b"\n", begins, high)
        if found < digest:
            low = high if ends < 0 else ends + 1
        else:
            high = begins
    return False
