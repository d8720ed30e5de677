"""Keys of programs: what they look like, and what their scopes let them do.

A key is `unison_`, forty random letters and digits, and six that sum them up: scanners for leaked secrets find keys by
their form and tell them from look-alikes by the sum, without asking anybody.
"""

import re
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from domain.checks import checked_whole
from domain.errors import Forbidden, Invalid, marked
from domain.identity.roles import Permission

MARK = "unison_"
RANDOM_LENGTH = 40
SUM_LENGTH = 6
SHOWN_LENGTH = len(MARK) + 6
"""So much of a key stays readable, to tell keys apart; thirty-four unknown letters are left."""
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = re.compile(rf"{MARK}[0-9A-Za-z]{{{RANDOM_LENGTH + SUM_LENGTH}}}")
PATTERN = re.compile(r"([a-z_]+|\*)\.([a-z_]+|\*)\.([a-z_]+|\*)")
LONGEST_LIFE = timedelta(days=731)
MOST_SCOPES = 100
MOST_REQUESTS = 100_000


class InvalidScope(Invalid):
    """A scope that matches no permission."""

    code: ClassVar[str] = "invalid_scope"
    sentence: ClassVar[str] = marked(
        "“{scope}” is no scope. Name a permission such as production.order.read; * stands for any one part of it."
    )


class NoScope(Invalid):
    """A key that could do nothing, or one with more scopes than anybody can oversee."""

    code: ClassVar[str] = "no_scope"
    sentence: ClassVar[str] = marked("Choose what the key may do: 1 to {most} scopes.")


class ScopeBeyondRights(Forbidden):
    """A scope that reaches further than whoever gives it may."""

    code: ClassVar[str] = "scope_beyond_rights"
    sentence: ClassVar[str] = marked("A key cannot do more than you may. You do not have the right “{permission}”.")


class InvalidExpiry(Invalid):
    """A key that is over before it begins, or lives too long."""

    code: ClassVar[str] = "invalid_expiry"
    sentence: ClassVar[str] = marked("A key expires in the future, after {longest_days} days at the latest.")


def with_sum(random_part: str) -> str:
    """Return the whole key of a random part."""
    return f"{MARK}{random_part}{_sum_of(random_part)}"


def looks_like_key(text: str) -> bool:
    """Tell whether somebody meant this as a key, so that it is nothing else."""
    return text.startswith(MARK)


def is_well_formed(text: str) -> bool:
    """Tell whether a text can be a key of ours: its form, and its sum."""
    if not FORM.fullmatch(text):
        return False
    random_part = text[len(MARK) : -SUM_LENGTH]
    return text == with_sum(random_part)


def matches(pattern: str, permission: str) -> bool:
    """Tell whether a scope reaches a permission; `*` stands for any one part, but never for the platform's area."""
    wanted, given = pattern.split("."), permission.split(".")
    if given[0] == "platform" and wanted[0] == "*":
        return False
    return len(wanted) == len(given) and all(part in {"*", other} for part, other in zip(wanted, given, strict=True))


def reached_by(scopes: Iterable[str], permissions: Iterable[str]) -> frozenset[str]:
    """Return those of `permissions` that at least one scope reaches."""
    patterns = tuple(scopes)
    return frozenset(one for one in permissions if any(matches(pattern, one) for pattern in patterns))


def checked_scopes(scopes: Iterable[str], *, held: frozenset[str] | None) -> list[str]:
    """Return the scopes, each once and sorted, when whoever gives them holds all that they reach; None holds all.

    Raises:
        NoScope: none, or too many.
        InvalidScope: one reaches nothing that exists.
        ScopeBeyondRights: one reaches a permission that is not held.
    """
    wanted = sorted(set(scopes))
    if not 1 <= len(wanted) <= MOST_SCOPES:
        raise NoScope(field="scopes", most=MOST_SCOPES)
    for scope in wanted:
        reached = reached_by([scope], Permission) if PATTERN.fullmatch(scope) else frozenset()
        if not reached:
            raise InvalidScope(field="scopes", scope=scope[:200])
        lacking = sorted(reached - held) if held is not None else []
        if lacking:
            raise ScopeBeyondRights(field="scopes", permission=lacking[0])
    return wanted


def checked_expiry(expires_at: datetime, *, now: datetime) -> datetime:
    """Return when a key expires when that lies ahead, but not too far.

    Raises:
        InvalidExpiry: it does not.
    """
    if expires_at.tzinfo is None or not now < expires_at <= now + LONGEST_LIFE:
        raise InvalidExpiry(field="expires_at", longest_days=LONGEST_LIFE.days)
    return expires_at


def checked_requests(per_minute: int | None) -> int | None:
    """Return a key's own limit of requests per minute; None leaves it to the installation.

    Raises:
        InvalidWholeNumber: it is no limit.
    """
    if per_minute is None:
        return None
    return checked_whole(per_minute, field="requests_per_minute", least=1, most=MOST_REQUESTS)


def _sum_of(random_part: str) -> str:
    rest, letters = zlib.crc32(random_part.encode()), ""
    for _ in range(SUM_LENGTH):
        rest, number = divmod(rest, len(LETTERS))
        letters = LETTERS[number] + letters
    return letters
