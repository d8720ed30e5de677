"""The web server, stopped by a signal without dying of it, so that everything around it can be put away."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from services.config import Settings
from ui.garbage import collect_rarely
from ui.sockets import ScreenSocket

SECOND_SIGNAL_S = 1.0
"""A signal that comes this long after the first one means: at once."""
GRACE_S = 2
"""How long open requests may take to end after the signal."""
LARGEST_MESSAGE_BYTES = 1_000_000
"""Largest message that a page may send over its live connection; uploads do not come that way."""


class WebServer(uvicorn.Server):
    """Serves one application in this process."""

    def __init__(self, app: FastAPI, settings: Settings, *, on_started: Callable[[], None]) -> None:
        """Serve `app` where the settings say; `on_started` is called once it can be reached."""
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                ws=ScreenSocket,
                ws_max_size=LARGEST_MESSAGE_BYTES,
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=GRACE_S,
                log_config=None,
                access_log=False,
                server_header=False,
            )
        )
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then say so."""
        await super().startup(sockets)
        if self.started:
            collect_rarely()
            self._on_started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM; unlike uvicorn's own, do not raise the signal again afterwards."""

        first_at = 0.0

        def stop(_number: int, _frame: FrameType | None) -> None:
            nonlocal first_at
            # A launcher passes Ctrl-C on although the terminal has sent it to us as well: that is one wish, not two.
            self.force_exit = self.should_exit and time.monotonic() - first_at > SECOND_SIGNAL_S
            first_at = first_at or time.monotonic()
            self.should_exit = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
