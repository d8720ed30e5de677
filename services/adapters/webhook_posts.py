"""Sends to webhooks over HTTP: to addresses that may be reached, without following anybody anywhere else."""

import asyncio
from collections.abc import Mapping

import httpx2

from services.adapters.guarded_http import GuardedTransport
from services.ports import WebhookAnswer, WebhookNotReached

CONNECT_S = 5.0
WHOLE_S = 15.0
BEGINNING = 2_000


class WebhookPosts:
    """POSTs messages; a redirect is an answer like any other that is no success."""

    def __init__(self, *, may_be_private: bool) -> None:
        self._may_be_private = may_be_private

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        """Send a message and return the answer's status and beginning.

        Raises:
            WebhookNotReached: the address may not be reached, or did not answer in time.
        """
        transport = GuardedTransport(may_be_private=self._may_be_private)
        client = httpx2.AsyncClient(
            transport=transport, follow_redirects=False, timeout=httpx2.Timeout(WHOLE_S, connect=CONNECT_S)
        )
        try:
            async with (
                asyncio.timeout(WHOLE_S),
                client,
                client.stream("POST", url, headers={**headers, "User-Agent": "Unison-MES"}, content=body) as answer,
            ):
                beginning = b""
                async for part in answer.aiter_bytes():
                    beginning += part
                    if len(beginning) >= BEGINNING:
                        break
                text = beginning[:BEGINNING].decode(errors="replace").replace("\x00", "")
                return WebhookAnswer(answer.status_code, text)
        except TimeoutError as error:
            raise WebhookNotReached(f"no answer within {WHOLE_S:.0f} s") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise WebhookNotReached(str(error) or type(error).__name__) from error
