"""HTTP to addresses that somebody typed in: what must not be reached from here is refused, whatever its name says."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import httpx2

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host and port; raises OSError or UnicodeError where there are none."""

LARGEST_ANSWER_BYTES = 1_000_000
TIMEOUT_S = 5.0
THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
"""Addresses that stand for this computer without saying so (RFC 6890)."""
LEADING_ELSEWHERE = tuple(
    map(
        ipaddress.ip_network,
        ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fec0::/10"),
    )
)
"""Addresses in which an IPv4 address is wrapped that may be anything (compatible, translated, NAT64, 6to4, Teredo), and
those of a site (RFC 3879)."""
MOST_LOOK_UPS = 64
_LOOK_UPS = ThreadPoolExecutor(MOST_LOOK_UPS, thread_name_prefix="look up")
METADATA = frozenset(map(ipaddress.ip_address, ("192.0.0.192", "168.63.129.16", "100.100.100.200", "fd00:ec2::254")))
"""Where providers of machines answer with secrets, besides the link-local ones."""


class HostUnknown(httpx2.ConnectError):
    """A name without an address."""


class AddressRefused(httpx2.ConnectError):
    """A host that lies where nobody may be sent from here."""


class AnswerTooLarge(httpx2.ReadError):
    """An answer that nobody asked for in that size."""


async def resolved(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host as this computer knows them; names that hang keep only each other waiting."""
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_LOOK_UPS, look_up)
    return [str(place[4][0]) for place in found]


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Resolves a host once, looks at its addresses, and connects to the one it has looked at, so that a name which
    changes in between leads nowhere else."""

    def __init__(self, *, may_be_private: bool, resolve: Resolve = resolved) -> None:
        self._may_be_private, self._resolve = may_be_private, resolve
        self._inner = httpx2.AsyncHTTPTransport(verify=_trust(), trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request to an address that may be reached.

        Raises:
            HostUnknown: the host has no address.
            AddressRefused: it has none that may be reached.
            httpx2.HTTPError: it does not answer.
        """
        host = request.url.host
        address = await self._address_of(request)
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=address)
        response = await self._inner.handle_async_request(request)
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Limited(response.stream, request)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()

    async def _address_of(self, request: httpx2.Request) -> str:
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            addresses = await self._resolve(url.host, port)
        except (OSError, UnicodeError) as error:
            raise HostUnknown(f"{url.host} is not known", request=request) from error
        # IPv4 first: a host that answers on ::1 only is rare, one that does not answer there is not
        for address in sorted(addresses, key=lambda one: ":" in one):
            if may_be_reached(address, may_be_private=self._may_be_private):
                return address
        raise AddressRefused(f"{url.host} has no address that may be reached", request=request)


@cache
def _trust() -> ssl.SSLContext:
    """Read whom to trust once: it takes longer than a whole request."""
    return httpx2.create_ssl_context(trust_env=False)


def may_be_reached(address: str, *, may_be_private: bool) -> bool:
    """Tell whether requests may go to an IP address; never to those that configure machines or reach many at once."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    is_wrapped = isinstance(ip, ipaddress.IPv6Address) and any(ip in network for network in LEADING_ELSEWHERE)
    if ip in METADATA or (is_wrapped and not ip.is_loopback):
        return False
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in THIS_NETWORK:
        return False
    return ip.is_global or (may_be_private and (ip.is_private or ip.is_loopback))


class _Limited(httpx2.AsyncByteStream):
    """Breaks off an answer that is too large."""

    def __init__(self, stream: httpx2.AsyncByteStream, request: httpx2.Request) -> None:
        self._stream, self._request = stream, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for part in self._stream:
            length += len(part)
            if length > LARGEST_ANSWER_BYTES:
                raise AnswerTooLarge(f"more than {LARGEST_ANSWER_BYTES} bytes", request=self._request)
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
