"""Whose sign-in page it is: an organization is known by its host, or by its short name in the address."""

from urllib.parse import urlencode

from starlette.requests import HTTPConnection

from domain.errors import Unavailable
from domain.identity.accounts import is_slug
from services.identity.organizations import OrganizationAddress, organization_of_address

SIGN_IN_PAGE = "/sign-in"
SECOND_FACTOR_PAGE = "/second-factor"
RECOVERY_CODES_PAGE = "/recovery-codes"
CHALLENGE_COOKIE = "unison_challenge"
FORGOTTEN_PAGE = "/forgot-password"


async def addressed_organization(request: HTTPConnection, *, slug: str | None = None) -> OrganizationAddress | None:
    """Return the organization that a request is addressed to; None where it names none, or none that there is.

    The sign-in page shows itself without a database: then nobody's.
    """
    given = slug if slug is not None else request.query_params.get("org", "")
    try:
        return await organization_of_address(slug=given, host=request.url.hostname or "")
    except Unavailable:
        return None


def sign_in_address(*, problem: str = "", target: str = "", organization: str = "") -> str:
    """Return the address of the sign-in page, with what it shall say, where it leads and whose it is."""
    query = {"problem": problem, "next": target, "org": organization if is_slug(organization) else ""}
    given = {name: value for name, value in query.items() if value}
    return f"{SIGN_IN_PAGE}?{urlencode(given)}" if given else SIGN_IN_PAGE


def forgotten_address(*, organization: str = "", **said: str) -> str:
    """Return the address at which people ask for a link to choose another password; `said` is what it shall say."""
    query = {**said, "org": organization if is_slug(organization) else ""}
    given = {name: value for name, value in query.items() if value}
    return f"{FORGOTTEN_PAGE}?{urlencode(given)}" if given else FORGOTTEN_PAGE


def base_url_of(request: HTTPConnection, *, public_url: str | None) -> str:
    """Return the address under which people reach the system, for links in mails and from hand to hand."""
    return public_url or f"{request.base_url.scheme}://{request.base_url.netloc}"
