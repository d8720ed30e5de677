"""What names an organization and opens an account."""

import re
from typing import ClassVar

from domain.checks import checked_text
from domain.errors import Invalid, marked

LONGEST_PASSWORD = 1024
SHORTEST_PASSWORD = 10
LONGEST_EMAIL = 320


class InvalidSlug(Invalid):
    """A short name that cannot stand in an address."""

    code: ClassVar[str] = "invalid_slug"
    sentence: ClassVar[str] = marked(
        "A short name has 2 to 40 small letters, digits and hyphens, and begins with a letter or a digit."
    )


class InvalidHost(Invalid):
    """Not the name of a host."""

    code: ClassVar[str] = "invalid_host"
    sentence: ClassVar[str] = marked("A host is a name such as mes.example.com, without https:// and without a path.")


class InvalidEmail(Invalid):
    """Not an e-mail address."""

    code: ClassVar[str] = "invalid_email"
    sentence: ClassVar[str] = marked("“{field}” must be an e-mail address, such as name@example.com.")


class InvalidPassword(Invalid):
    """A password that could never be typed again."""

    code: ClassVar[str] = "invalid_password"
    sentence: ClassVar[str] = marked("A password has 1 to {longest} characters.")


class ShortPassword(Invalid):
    """A password that is too short to be chosen anew."""

    code: ClassVar[str] = "short_password"
    sentence: ClassVar[str] = marked("A password has at least {shortest} characters.")


def checked_slug(value: str) -> str:
    """Return the short name when it can stand in an address.

    Raises:
        InvalidSlug: it cannot.
    """
    if not is_slug(value):
        raise InvalidSlug(field="slug")
    return value


def is_slug(value: str) -> bool:
    """Tell whether something can stand in an address as a short name."""
    return re.fullmatch("[a-z0-9][a-z0-9-]{1,39}", value) is not None


def checked_host(value: str) -> str | None:
    """Return the host's name in small letters; None where nothing was given.

    Raises:
        InvalidHost: it is no host's name.
    """
    host = value.strip().lower()
    if not host:
        return None
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    if len(host) > 253 or not re.fullmatch(rf"{label}(\.{label})+", host):
        raise InvalidHost(field="host")
    return host


def checked_email(value: str, *, field: str) -> str:
    """Return the e-mail address in small letters.

    Raises:
        InvalidText: empty, too long, or with characters that nobody can read.
        InvalidEmail: not a name, one @ and a host.
    """
    email = checked_text(value, field=field, longest=LONGEST_EMAIL).lower()
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        raise InvalidEmail(field=field)
    return email


def checked_password(value: str) -> str:
    """Return the password when it can be hashed and typed again.

    Raises:
        InvalidPassword: empty, too long, or with lone surrogates.
    """
    is_text = not any("\ud800" <= character <= "\udfff" for character in value)
    if not 1 <= len(value) <= LONGEST_PASSWORD or not is_text:
        raise InvalidPassword(field="password", longest=LONGEST_PASSWORD)
    return value
