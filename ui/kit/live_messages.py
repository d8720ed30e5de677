"""What pages may send over their live connection, checked before NiceGUI acts on it.

NiceGUI believes the `client_id` that a message names, and lets anybody open a connection that belongs to no page. Here
a connection belongs to one page from its first moment and speaks for no other.
"""

from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from urllib.parse import parse_qs

import structlog
from nicegui import core
from socketio.exceptions import ConnectionRefusedError as Refused

log = structlog.get_logger(__name__)

NAMESPACE = "/"
FROM_PAGES = ("event", "javascript_response", "ack", "log")
"""What NiceGUI's pages send."""
LONGEST_FAULT = 500
MALFORMED = (KeyError, TypeError, ValueError, AttributeError)
"""What NiceGUI raises on messages that no page of ours sends."""

Handler = Callable[..., Awaitable[object] | object]


def guard_live_messages() -> None:
    """Put the checks before NiceGUI's handlers; call once, before the first connection."""
    handlers: dict[str, Handler] = {**core.sio.handlers[NAMESPACE], "log": _log_fault}
    for name in FROM_PAGES:
        core.sio.on(name, _of_own_page(name, handlers[name]))
    core.sio.on("connect", _of_a_page(handlers["connect"]))
    # Pages introduce themselves while they connect; a second introduction is an attempt to become another page.
    core.sio.on("handshake", _hang_up)


def _of_a_page(connect: Handler) -> Handler:
    async def connect_page(sid: str, environ: Mapping[str, object], auth: object = None) -> None:
        query = parse_qs(str(environ.get("QUERY_STRING", "")))
        if query.get("implicit_handshake") != ["true"]:
            raise Refused("Implicit handshake failed")
        try:
            await _finished(connect(sid, environ, auth))
        except MALFORMED as error:
            raise Refused("Implicit handshake failed") from error

    return connect_page


def _of_own_page(name: str, act: Handler) -> Handler:
    async def hear(sid: str, *said: object) -> None:
        message = said[0] if len(said) == 1 else None
        if not isinstance(message, dict) or message.get("client_id") not in core.sio.rooms(sid):
            await _hang_up(sid)
            return
        try:
            await _finished(act(sid, message))
        except MALFORMED as error:
            log.info("a page sent what no page sends", message=name, error=repr(error)[:200])
            await _hang_up(sid)

    return hear


def _log_fault(_: str, message: Mapping[str, object]) -> None:
    """Log what a page's own scripts complain about, on one line of bounded length whatever it says."""
    log.info("a page reports a fault", fault=repr(message["message"])[:LONGEST_FAULT])


async def _hang_up(sid: str, *_: object) -> None:
    await core.sio.disconnect(sid)


async def _finished(result: Awaitable[object] | object) -> None:
    if isawaitable(result):
        await result
