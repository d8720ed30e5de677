"""Who visits a running product: programs that speak REST, and the live screens of browsers."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import socketio

from services.db.keys import new_id
from tests.product.installation import DEMO_PASSWORD, Installation

V1 = "/api/v1"
RETRY_S = 0.05
Message = tuple[str, Any]
"""The name of a live message and what it says."""


@asynccontextmanager
async def signed_in_program(
    product: Installation, email: str, password: str = DEMO_PASSWORD
) -> AsyncIterator[httpx.AsyncClient]:
    """Sign a program in for the time of the block."""
    async with httpx.AsyncClient(base_url=product.base_url, timeout=10) as http:
        answer = await http.post(f"{V1}/auth/login", json={"email": email, "password": password})
        answer.raise_for_status()
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield http


@asynccontextmanager
async def signed_in_browser(
    product: Installation, email: str, password: str = DEMO_PASSWORD
) -> AsyncIterator[httpx.AsyncClient]:
    """Sign a browser in for the time of the block, by the form."""
    headers = {"Origin": product.base_url}
    async with httpx.AsyncClient(base_url=product.base_url, timeout=10, headers=headers) as http:
        answer = await http.post("/sign-in", data={"email": email, "password": password, "next": "/wall"})
        assert answer.headers["Location"] == "/wall", answer.headers
        yield http


async def listed(http: httpx.AsyncClient, path: str, **asked: str) -> list[dict[str, Any]]:
    """Return everything in a list of the API, page by page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await http.get(f"{V1}{path}", params={"limit": "200", **asked, **({"cursor": cursor} if cursor else {})})
        page.raise_for_status()
        items += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return items


async def machine_ids(http: httpx.AsyncClient) -> dict[str, str]:
    """Return the ids of the machines that the program sees, by code."""
    return {machine["code"]: machine["id"] for machine in await listed(http, "/machines/")}


@dataclass
class Reporter:
    """A machine's gateway: reports one piece after the other, and repeats each until the server acknowledges it."""

    http: httpx.AsyncClient
    machine_id: str
    acknowledged: list[UUID] = field(default_factory=list)
    open_key: UUID | None = None
    """The report that nobody has acknowledged yet."""
    _wanted: int = 0
    _enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def report(self, key: UUID) -> httpx.Response:
        """Send one report once."""
        body = {"machine_id": self.machine_id, "client_key": str(key), "good": 1}
        return await self.http.post(f"{V1}/production-logs/", json=body)

    async def report_forever(self) -> None:
        """Report until cancelled, whatever happens to the server."""
        while True:
            self.open_key = self.open_key or new_id()
            try:
                answer = await self.report(self.open_key)
            except httpx.TransportError:
                await asyncio.sleep(RETRY_S)
                continue
            if answer.status_code == 503:
                await asyncio.sleep(RETRY_S)
                continue
            assert answer.status_code in {200, 201}, answer.text
            self.acknowledged.append(self.open_key)
            self.open_key = None
            if len(self.acknowledged) >= self._wanted:
                self._enough.set()

    async def are_acknowledged(self, count: int, *, within_s: float = 15) -> None:
        """Wait until so many more reports are acknowledged."""
        self._wanted = len(self.acknowledged) + count
        self._enough.clear()
        await asyncio.wait_for(self._enough.wait(), within_s)


async def booked(http: httpx.AsyncClient, machine_id: str) -> list[dict[str, Any]]:
    """Return the production log of one machine."""
    return await listed(http, "/production-logs/", machine_id=machine_id)


def pieces(entries: Sequence[dict[str, Any]]) -> Decimal:
    """Return how many pieces some log entries say."""
    return sum((Decimal(str(entry["quantity"])) for entry in entries), Decimal(0))


class LiveScreen:
    """A page's live connection, as a browser has it."""

    def __init__(self, base_url: str, page: str, *, cookies: httpx.Cookies, origin: str | None) -> None:
        self.page = page
        self.client_id = _found(page, r"query: \{.*?client_id\W+([0-9a-f-]{36})")
        self.socket = socketio.AsyncClient()
        self._lost = asyncio.Event()
        self._base_url = base_url
        self._headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        if origin is not None:
            self._headers["Origin"] = origin
        self._heard: asyncio.Queue[Message] = asyncio.Queue()

    async def connect(self) -> None:
        """Open the connection, and introduce it as the page's own.

        Raises:
            socketio.exceptions.ConnectionError: the server refuses it.
        """
        self.socket = socketio.AsyncClient(reconnection=False)
        self.socket.on("*", self._hear)
        self.socket.on("disconnect", lambda *_: self._lost.set())
        query = (
            f"client_id={self.client_id}&implicit_handshake=true&next_message_id=0"
            f"&document_id={uuid4()}&tab_id={uuid4()}"
        )
        await self.socket.connect(
            f"{self._base_url}/?{query}",
            headers=self._headers, socketio_path="/_nicegui_ws/socket.io", transports=["websocket"],
        )  # fmt: skip

    async def hears(self, name: str, fits: Callable[[Any], bool] = bool, *, within_s: float = 10) -> Any:
        """Wait for the first message of this name that fits, and return what it says."""
        async with asyncio.timeout(within_s):
            while True:
                heard, body = await self._heard.get()
                if heard == name and fits(body):
                    return body

    async def hears_of_its_board(self) -> Any:
        """Wait for whatever shows that the board lives: a beat comes only where nothing else did for a second."""
        async with asyncio.timeout(10):
            while True:
                heard, body = await self._heard.get()
                if heard in {"unison:beat", "unison:patch"}:
                    return body

    async def is_lost(self, *, within_s: float) -> None:
        """Wait until the connection is closed."""
        await asyncio.wait_for(self._lost.wait(), within_s)

    def heard(self) -> list[Message]:
        """Return what came since the last time that somebody asked."""
        return [self._heard.get_nowait() for _ in range(self._heard.qsize())]

    async def _hear(self, name: str, body: Any = None) -> None:
        self._heard.put_nowait((name, body))


@asynccontextmanager
async def live_screen(http: httpx.AsyncClient, path: str, *, origin: str | None = "own") -> AsyncIterator[LiveScreen]:
    """Open a page with its live connection for the time of the block."""
    answer = await http.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    base_url = str(http.base_url).rstrip("/")
    screen = LiveScreen(base_url, answer.text, cookies=http.cookies, origin=base_url if origin == "own" else origin)
    try:
        await screen.connect()
        yield screen
    finally:
        await screen.socket.disconnect()


def _found(page: str, pattern: str) -> str:
    match = re.search(pattern, page)
    assert match is not None, page[-3000:]
    return match.group(1)
