"""What browsers are told to refuse on our behalf."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = ("/_nicegui/", "/assets/")
# Vue compiles templates in the browser, and NiceGUI's pages start from an inline script
CONTENT_DIRECTIVES = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' ws: wss:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}
CONTENT_POLICY = "; ".join(f"{name} {sources}" for name, sources in CONTENT_DIRECTIVES.items())
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}
A_YEAR_S = 31_536_000


class SecurityHeaders:
    """ASGI middleware that adds the headers to every answer.

    Pages and API answers are never kept by a cache: a page carries the id of its live connection, which is as good
    as a token.
    """

    def __init__(self, app: ASGIApp, *, is_public_https: bool) -> None:
        self._app = app
        self._is_public_https = is_public_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", API_POLICY if _is_api(path) else CONTENT_POLICY)
                if not path.startswith(STATIC):
                    headers.setdefault("Cache-Control", "no-store")
                if self._is_public_https:
                    headers["Strict-Transport-Security"] = f"max-age={A_YEAR_S}"
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _is_api(path: str) -> bool:
    return path.startswith("/api/")
