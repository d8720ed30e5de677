"""Whether a browser's request comes from our own pages."""

from typing import ClassVar
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from domain.errors import Forbidden, marked

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class ForeignSite(Forbidden):
    """Another site made the browser send this."""

    code: ClassVar[str] = "foreign_site"
    sentence: ClassVar[str] = marked("This was not sent by a page of this system. Open the page again, then repeat it.")


def is_same_origin(request: HTTPConnection, *, public_url: str | None) -> bool:
    """Tell whether a request that may change something was made by a page of ours.

    `Sec-Fetch-Site` decides where the browser sends it, else `Origin`; no script can set either. A request with
    neither is refused: every browser sends one of them with a request that changes something.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    return origin_fits(request, public_url=public_url)


def origin_fits(request: HTTPConnection, *, public_url: str | None) -> bool:
    """Tell whether the `Origin` header names this server, as the browser or `public_url` calls it.

    Only host and port are compared: a proxy may speak TLS where we do not.
    """
    origin = request.headers.get("origin")
    return origin is not None and names_us(origin, host=request.headers.get("host", ""), public_url=public_url)


def names_us(origin: str, *, host: str, public_url: str | None) -> bool:
    """Tell whether an origin is the host that was asked, under which an organization may be known, or `public_url`."""
    ours = {host.lower()}
    if public_url is not None:
        ours.add(urlsplit(public_url).netloc.lower())
    try:
        netloc = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    return netloc != "" and netloc in ours
