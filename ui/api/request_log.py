"""The outermost layer: every request has an id, every answer carries it, every fault is logged once under it."""

import re
import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.db.keys import new_id
from ui.api.metrics import REQUEST_SECONDS, REQUESTS
from ui.api.problems import unexpected_problem

log = structlog.get_logger("unison.access")

HEADER = "X-Request-ID"
ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
QUIET = ("/_nicegui/", "/_nicegui_ws/", "/healthz", "/readyz", "/metrics", "/assets/")
"""Asked for all the time; their paths may hold a page's client id, which is as good as a token."""
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestLog:
    """ASGI middleware: request id, access log, request metrics, and the answer to what nobody expected."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request or websocket under its id."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = _request_id(HTTPConnection(scope))
        scope.setdefault("state", {})["request_id"] = request_id
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._answer(scope, receive, send, request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        began = time.perf_counter()
        path = scope["path"]
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("a request failed", method=scope["method"], path=_logged_path(scope))
            if status == 0:
                await unexpected_problem(HTTPConnection(scope))(scope, receive, send_with_id)
        finally:
            _count(scope, status, time.perf_counter() - began)
            write = log.debug if path.startswith(QUIET) else log.info
            write(
                "request",
                method=scope["method"],
                path=_logged_path(scope),
                status=status,
                ms=round((time.perf_counter() - began) * 1000, 1),
            )


def _request_id(connection: HTTPConnection) -> str:
    given = connection.headers.get(HEADER, "")
    return given if ACCEPTED_ID.fullmatch(given) else new_id().hex


def _logged_path(scope: Scope) -> str:
    """Return the path as it came, still percent-encoded, so that nobody writes lines of their own into the log."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode("ascii", "backslashreplace")
    return raw.split(b"?")[0].decode("ascii", "backslashreplace")[:500]


def _count(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in KNOWN_METHODS else "other"
    route = _template(scope)
    REQUESTS.labels(method=method, route=route, status=str(status)).inc()
    REQUEST_SECONDS.labels(method=method, route=route).observe(seconds)


def _template(scope: Scope) -> str:
    """Return the template of the route that answered, so that ids in paths do not multiply the metrics."""
    path = getattr(scope.get("route"), "path", None)
    return "other" if path is None else f"{scope.get('root_path', '')}{path}"
