"""What an organization says about a provider through which its people sign in."""

import re
from collections.abc import Iterable
from typing import ClassVar
from urllib.parse import urlsplit

from domain.checks import checked_text
from domain.errors import Invalid, marked

LONGEST_ISSUER = 500
MOST_DOMAINS = 100
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class InvalidIssuer(Invalid):
    """Not the address of a provider."""

    code: ClassVar[str] = "invalid_issuer"
    sentence: ClassVar[str] = marked(
        "The address of a provider begins with https:// and has neither a query nor a password."
    )


class InvalidDomain(Invalid):
    """Not what stands behind the @ of an address."""

    code: ClassVar[str] = "invalid_domain"
    sentence: ClassVar[str] = marked("“{domain}” is not what stands behind the @ of an e-mail address.")


def checked_issuer(value: str, *, may_be_local: bool) -> str:
    """Return the address of a provider as it names itself; `may_be_local` allows http:// on this computer.

    Raises:
        InvalidText: empty or too long.
        InvalidIssuer: no https:// address, or one with a query, a fragment or a password.
    """
    issuer = checked_text(value, field="issuer", longest=LONGEST_ISSUER)
    issuer = issuer.removesuffix("/.well-known/openid-configuration")
    if not is_provider_address(issuer, may_be_local=may_be_local) or urlsplit(issuer).query or "#" in issuer:
        raise InvalidIssuer(field="issuer")
    return issuer


def is_provider_address(address: str, *, may_be_local: bool) -> bool:
    """Tell whether a provider may be asked at an address."""
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or any(character.isspace() or ord(character) < 32 for character in address):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and may_be_local and host in LOOPBACK)


def checked_domains(values: Iterable[str]) -> list[str]:
    """Return the domains of e-mail addresses in small letters, each once and sorted.

    Raises:
        InvalidDomain: one is none, or there are too many.
    """
    domains = sorted({value.strip().lower().removeprefix("@") for value in values if value.strip()})
    for domain in domains:
        label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
        if len(domain) > 253 or not re.fullmatch(rf"{label}(\.{label})+", domain):
            raise InvalidDomain(field="email_domains", domain=domain[:200])
    if len(domains) > MOST_DOMAINS:
        raise InvalidDomain(field="email_domains", domain=domains[MOST_DOMAINS])
    return domains


def is_within(email: str, domains: Iterable[str]) -> bool:
    """Tell whether an address belongs to one of the domains; none named means any."""
    allowed = frozenset(domains)
    return not allowed or email.rpartition("@")[2].lower() in allowed
