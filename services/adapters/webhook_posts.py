"""Sends to webhooks over HTTP: to addresses that may be reached, without following anybody anywhere else."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress

import httpx2

from domain.integration.webhooks import DeliveryReason
from services.adapters.guarded_http import AddressRefused, GuardedTransport, HostUnknown, Resolve, resolved
from services.ports import WebhookAnswer, WebhookNotReached

CONNECT_S = 5.0
WHOLE_S = 15.0
BEGINNING = 2_000
"""How many bytes of an answer are read, as they come over the wire."""
BEGINNING_S = 2.0
"""How long the beginning of an answer may take once its status is there."""
LONGEST_ENCODING = 40
OVER = {10}
OF_ANOTHER = {62, 64}
"""What OpenSSL's X509_V_ERR_* say of a certificate: has expired; hostname mismatch, IP address mismatch."""


class WebhookPosts:
    """POSTs messages; a redirect is an answer like any other that is no success."""

    def __init__(self, *, may_be_private: bool, resolve: Resolve = resolved) -> None:
        self._may_be_private, self._resolve = may_be_private, resolve

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        """Send a message and return the answer's status and beginning, which nobody unpacks: a receiver cannot make us
        hold more than it sends.

        Raises:
            WebhookNotReached: the address may not be reached, or did not answer in time.
        """
        host = ""
        own = {"User-Agent": "Unison-MES", "Accept-Encoding": "identity"}
        transport = GuardedTransport(may_be_private=self._may_be_private, resolve=self._resolve)
        client = httpx2.AsyncClient(
            transport=transport, follow_redirects=False, timeout=httpx2.Timeout(WHOLE_S, connect=CONNECT_S)
        )
        try:
            async with client:
                request = client.build_request("POST", url, headers={**headers, **own}, content=body)
                host = request.url.host
                async with asyncio.timeout(WHOLE_S):
                    answer = await client.send(request, stream=True)
                try:
                    return await _seen(answer)
                finally:
                    await answer.aclose()
        except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout) as error:
            raise WebhookNotReached(DeliveryReason.NO_ANSWER_IN_TIME, host=host, seconds=f"{WHOLE_S:.0f}") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise WebhookNotReached(_reason_of(error), host=host) from error


async def _seen(answer: httpx2.Response) -> WebhookAnswer:
    """Return what there is to see of an answer; its status counts, whatever becomes of the rest."""
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        return WebhookAnswer(answer.status_code, "", _printable(encoding)[:LONGEST_ENCODING])
    beginning = b""
    with suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(BEGINNING_S):
            async for part in answer.aiter_raw():
                beginning += part[:BEGINNING]
                if len(beginning) >= BEGINNING:
                    break
    return WebhookAnswer(answer.status_code, _printable(beginning[:BEGINNING].decode(errors="replace")))


def _printable(text: str) -> str:
    return text.replace("\x00", "")


def _reason_of(error: Exception) -> DeliveryReason:
    match error:
        case HostUnknown():
            return DeliveryReason.HOST_UNKNOWN
        case AddressRefused():
            return DeliveryReason.ADDRESS_REFUSED
        case httpx2.ConnectError() | httpx2.ConnectTimeout():
            return _reason_of_certificate(error) or DeliveryReason.NOT_CONNECTED
    return DeliveryReason.NO_ANSWER


def _reason_of_certificate(error: BaseException | None) -> DeliveryReason | None:
    """Return what is wrong with a certificate; None where the connection failed for something else."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    if error is None:
        return None
    if error.verify_code in OVER:
        return DeliveryReason.CERTIFICATE_OVER
    return (
        DeliveryReason.CERTIFICATE_OF_ANOTHER
        if error.verify_code in OF_ANOTHER
        else (DeliveryReason.CERTIFICATE_NOT_TRUSTED)
    )
