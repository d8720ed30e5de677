"""Screens in a process of their own: each gets the page as a browser does and listens on a real websocket.

Reads commands as lines of JSON (`open`, `listen`, `report`) and answers each with one line. The protocol is spoken by
hand because a thousand screens must cost less than what is measured: all screens get the same bytes, so that each
message is understood once.
"""

import asyncio
import gc
import os
import re
import sys
import time
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import aiohttp
import orjson
import uvloop

from tests.factories import PASSWORD

AT_ONCE = 8
"""Pages loaded at the same time."""
OPEN_S = 20.0
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
EVENT = b"42"


@dataclass
class Heard:
    """What all screens heard since they were told to listen."""

    patches: list[dict[str, int]] = field(default_factory=list)
    """Each distinct patch: what it counts, as `counts_in` reads it."""
    known: dict[bytes, "Message"] = field(default_factory=dict)
    arrivals: list[tuple[int, int, float]] = field(default_factory=list)
    """Screen, patch, epoch seconds."""
    gaps: int = 0
    """Frames that a screen should have got and did not."""
    lost_sockets: int = 0
    snapshots: int = 0

    def understand(self, payload: bytes) -> "Message":
        """Return what a message says, parsed the first time that any screen gets it."""
        message = self.known.get(payload)
        if message is None:
            name, body = orjson.loads(payload[2:])[:2]
            message = self.known[payload] = Message(name, body.get("seq", 0) if isinstance(body, dict) else 0)
            if name == "unison:patch":
                message.patch = len(self.patches)
                self.patches.append(counts_in(body["patch"]))
        return message


COUNTED = {"machines": "good_today", "orders": "priority"}


def counts_in(patch: dict[str, dict[str, dict[str, object]]]) -> dict[str, int]:
    """Return what a patch counts: good pieces of today by machine, or the priority by order."""
    return {
        key: int(str(value[name]))
        for group, name in COUNTED.items()
        for key, value in patch.get(group, {}).items()
        if name in value
    }


@dataclass
class Message:
    """One message that screens get."""

    name: str
    seq: int
    patch: int = -1


class Screen(asyncio.Protocol):
    """The socket of one page, speaking engine.io and socket.io as the browser's client does."""

    def __init__(self, number: int, heard: Heard, request: bytes, client_id: str, seq: int) -> None:
        self.heard = heard
        self.seq = seq
        self.opened = asyncio.get_running_loop().create_future()
        self._number = number
        self._request = request
        self._client_id = client_id
        self._rest = b""
        self._is_upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a websocket."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def connection_lost(self, _: Exception | None) -> None:
        """Count the loss."""
        self.heard.lost_sockets += 1
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("the socket was closed before it was open"))

    def data_received(self, data: bytes) -> None:
        """Take the frames apart."""
        at = time.time()
        data = self._rest + data
        start = 0
        if not self._is_upgraded:
            start = data.find(b"\r\n\r\n") + 4
            if start < 4:
                self._rest = data
                return
            assert data.startswith(b"HTTP/1.1 101"), data[:200]
            self._is_upgraded = True
        size = len(data)
        while size - start >= 2:
            length, body = data[start + 1], start + 2
            if length == 126:
                length, body = int.from_bytes(data[start + 2 : start + 4]), start + 4
            elif length == 127:
                length, body = int.from_bytes(data[start + 2 : start + 10]), start + 10
            if body + length > size:
                break
            self._hear(data[start] & 15, data[body : body + length], at)
            start = body + length
        self._rest = data[start:]

    def _hear(self, opcode: int, payload: bytes, at: float) -> None:
        if opcode == PING:
            self._send(PONG, payload)
        elif opcode == CLOSE:
            self._transport.close()
        elif payload.startswith(EVENT):
            self._hear_event(payload, at)
        elif payload.startswith(b"40"):
            self.opened.set_result(None)
            asyncio.get_running_loop().call_later(3, self._acknowledge)
        elif payload.startswith(b"0"):
            self._send(TEXT, b"40")
        elif payload == b"2":
            self._send(TEXT, b"3")

    def _hear_event(self, payload: bytes, at: float) -> None:
        message = self.heard.understand(payload)
        if message.name == "unison:snapshot":
            self.seq = message.seq
            self.heard.snapshots += 1
        elif message.name == "unison:patch" and message.seq > self.seq:
            self.heard.gaps += message.seq - self.seq - 1
            self.seq = message.seq
            self.heard.arrivals.append((self._number, message.patch, at))
        elif message.name == "unison:beat" and message.seq != self.seq:
            self.heard.gaps += 1
            self.seq = message.seq

    def _acknowledge(self) -> None:
        body = orjson.dumps(["ack", {"client_id": self._client_id, "next_message_id": 0}])
        self._send(TEXT, EVENT + body)

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        head = bytes([128 | opcode, 128 | size]) if size < 126 else bytes([128 | opcode, 254]) + size.to_bytes(2)
        self._transport.write(head + bytes(4) + payload)  # masked with zeros: nothing here is secret


class Crowd:
    """All screens of this process."""

    def __init__(self, base_url: str, path: str) -> None:
        self._base_url = base_url
        self._path = path
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._heard = Heard()
        self._screens: list[Screen] = []

    async def sign_in(self, email: str) -> None:
        """Sign in as a person does: by the form."""
        form = {"email": email, "password": PASSWORD, "next": "/"}
        async with self._http.post(
            f"{self._base_url}/sign-in", data=form, headers={"Origin": self._base_url}, allow_redirects=False
        ) as response:
            assert response.headers["Location"] == "/", response.headers
        self._cookie = "; ".join(f"{cookie.key}={cookie.value}" for cookie in self._http.cookie_jar)

    async def open(self, count: int) -> float:
        """Open more screens; returns the seconds that it took."""
        began = time.monotonic()
        numbers = iter(range(len(self._screens), len(self._screens) + count))
        await asyncio.gather(*(self._open_some(numbers) for _ in range(AT_ONCE)))
        return time.monotonic() - began

    async def _open_some(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            async with self._http.get(f"{self._base_url}{self._path}") as response:
                page = await response.text()
            self._screens.append(await self._connect(number, page))

    async def _connect(self, number: int, page: str) -> Screen:
        query = {
            "client_id": found_in(page, r"query: \{.*?client_id\W+([0-9a-f-]{36})"),
            "next_message_id": found_in(page, r"query: \{.*?next_message_id\W+(\d+)"),
            "implicit_handshake": "true",
            "document_id": str(uuid4()),
            "tab_id": str(uuid4()),
            "EIO": "4",
            "transport": "websocket",
        }
        address = urlsplit(self._base_url)
        request = (
            f"GET /_nicegui_ws/socket.io/?{urlencode(query)} HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nOrigin: {self._base_url}\r\nCookie: {self._cookie}\r\n"
            f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        seq = int(found_in(page, r'"seq":(\d+)'))
        _, screen = await asyncio.get_running_loop().create_connection(
            lambda: Screen(number, self._heard, request.encode(), query["client_id"], seq),
            str(address.hostname),
            address.port or 80,
        )
        await asyncio.wait_for(screen.opened, OPEN_S)
        return screen

    def listen(self) -> None:
        """Forget what was heard."""
        self._heard = Heard()
        for screen in self._screens:
            screen.heard = self._heard

    def report(self) -> dict[str, object]:
        """Return what was heard since `listen`."""
        heard = self._heard
        return {
            "screens": len(self._screens),
            "gaps": heard.gaps,
            "lost_sockets": heard.lost_sockets,
            "snapshots": heard.snapshots,
            "patches": heard.patches,
            "arrivals": heard.arrivals,
            "used_s": time.process_time(),
        }

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()


def found_in(page: str, pattern: str) -> str:
    """Return what a pattern's group matches in a page."""
    match = re.search(pattern, page)
    if match is None:
        raise ValueError(f"the page has no {pattern}: {page[-3000:]}")
    return match.group(1)


async def obey(base_url: str, path: str, email: str) -> None:
    """Do what the lines on stdin say until they end."""
    loop = asyncio.get_running_loop()
    crowd = Crowd(base_url, path)
    await crowd.sign_in(email)
    gc.disable()  # a pause of the collector would count as the server's
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        command = orjson.loads(line)
        answer: dict[str, object] = {}
        match command["do"]:
            case "open":
                answer = {"opened_s": await crowd.open(command["count"])}
            case "listen":
                crowd.listen()
            case "report":
                answer = crowd.report()
        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()
    await crowd.close()


if __name__ == "__main__":
    uvloop.run(obey(*sys.argv[1:4]))
