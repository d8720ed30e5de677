"""Websockets that a crowd's messages are written to directly.

Every screen of a room gets the same bytes, so the frame is made once and handed to the connections. On the way through
the queues, tasks and applications between, the same message costs five times as much for each of a thousand screens.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

KEY = "screen_socket"
"""Where the `state` of a connection's ASGI scope holds its socket."""
MOST_WAITING = 200
"""Frames kept for a socket that takes none, beside the 64 kB that its transport buffers. It gets no more after that;
what it misses makes its page ask for a snapshot when it is back."""


class ScreenSocket(WebSocketsSansIOProtocol):
    """uvicorn's websocket, and a way to write to it from outside its application. It must not compress."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*args, **kwargs)
        self.waiting: deque[bytes] = deque()

    def handle_connect(self, event: Request) -> None:
        """Begin the application as uvicorn does, and let it know its socket."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["state"][KEY] = self

    def tell(self, frame: bytes) -> None:
        """Write a frame after those told before; it waits while the other side takes nothing."""
        if not self.handshake_complete or self.close_sent or self.transport.is_closing():
            return
        if self.writable.is_set() and not self.waiting:
            self.transport.write(frame)
        elif len(self.waiting) < MOST_WAITING:
            self.waiting.append(frame)

    def resume_writing(self) -> None:
        """Write what waited, now that the other side takes it."""
        super().resume_writing()
        while self.waiting and self.writable.is_set() and not self.transport.is_closing():
            self.transport.write(self.waiting.popleft())

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what nobody will take."""
        self.waiting.clear()
        super().connection_lost(exc)


def socket_of(environ: Mapping[str, Any]) -> ScreenSocket | None:
    """Return the socket that a socket.io connection began on; None where it began with polling."""
    socket = environ["asgi.scope"].get("state", {}).get(KEY)
    return socket if isinstance(socket, ScreenSocket) else None


def text_frame(text: str) -> bytes:
    """Return the websocket frame of a message from server to browser."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
