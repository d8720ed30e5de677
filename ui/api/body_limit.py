"""No request body is read beyond the size that the settings allow."""

import re

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.api.problems import HTTP_CODES, problem_response

UPLOADS = re.compile(r"/api/v1/(files|branding/assets)(/|$)|/_nicegui/client/[^/]+/upload/")
"""Where files arrive; who takes them says how large each may be."""


class BodyTooLarge(HTTPException):
    """The body turned out larger while it was read; what reads it passes this on."""

    def __init__(self) -> None:
        super().__init__(413)


class BodyLimit:
    """ASGI middleware that refuses large bodies, announced or not."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, max_upload_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_upload_bytes = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on as long as its body stays within the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        most = self._max_upload_bytes if UPLOADS.match(scope["path"]) else self._max_bytes
        announced = connection.headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced[:20]) > most:
            await _refuse(connection, scope, receive, send)
            return
        read = 0
        has_started = False

        async def receive_within_limit() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise BodyTooLarge
            return message

        async def send_and_note(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive_within_limit, send_and_note)
        except BodyTooLarge:
            if has_started:
                raise
            await _refuse(connection, scope, receive, send)


async def _refuse(connection: HTTPConnection, scope: Scope, receive: Receive, send: Send) -> None:
    code, detail = HTTP_CODES[413]
    await problem_response(connection, status=413, code=code, detail=detail)(scope, receive, send)
