"""Who a request comes from: a bearer token for programs, cookies for browsers.

What follows finds the answer in `scope["state"]["viewer"]`: a Viewer, or None for nobody.
"""

from dataclasses import dataclass, replace
from html import escape
from typing import ClassVar

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain import scope as domain_scope
from domain.checks import storable
from domain.errors import Forbidden, Unavailable, UnisonError, marked
from domain.identity.api_keys import looks_like_key
from domain.identity.roles import Permission
from services.auth.tokens import Claims, NotSignedIn, TokenIssuer
from services.identity.key_holders import KeyHolders
from services.identity.sessions import NotIdentified, Sessions, Viewer
from services.identity.sign_ins import Tokens
from ui.api.browser_session import ACCESS_COOKIE, REFRESH_COOKIE, BrowserSessions
from ui.api.origins import SAFE_METHODS, ForeignSite, is_same_origin, origin_fits
from ui.api.problems import problem, request_id_of
from ui.api.rate_limit import RequestLimits
from ui.kit.translate import preferred_language, translator

API = "/api/"
FOR_PROGRAMS = (API, "/metrics")
"""Where bearer tokens count. Elsewhere the header may belong to a proxy that guards the whole site."""
OPENING = ("/api/v1/auth/login", "/api/v1/auth/second-factor", "/api/v1/auth/refresh")
"""Where a session begins or goes on; what a program still sends of an old one does not matter there."""
OPERATOR_TOKEN = "operator-token"  # noqa: S105 - a header's name
"""The header in which a kiosk says in whose name it sends a request."""
SOCKET = "/_nicegui_ws/"
PUBLIC = ("/_nicegui/", "/assets/", "/brand/", "/healthz", "/readyz")
"""The same for everybody; asking the database who is there would only keep them waiting."""
LONGEST_DEVICE = 300
CLOSED_BY_POLICY = 1008
AWAY_PAGE = """<!doctype html><html lang="{language}"><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>Unison MES</title><body style="font-family: system-ui; display: grid; place-content: center; height: 90vh">
<p>{sentence}</p></body></html>"""


class KeyAtKiosk(Forbidden):
    """A program with an API key that wants to act as somebody at a kiosk."""

    code: ClassVar[str] = "key_at_kiosk"
    sentence: ClassVar[str] = marked("A program with an API key acts in its owner's name only, and at no kiosk.")


def scope_of(viewer: Viewer, request: HTTPConnection) -> domain_scope.Scope:
    """Return the scope in which a request of a signed-in user acts."""
    language = preferred_language(request.headers.get("accept-language", ""))
    return replace(viewer.scope, request_id=request_id_of(request), language=language)


@dataclass(frozen=True)
class Authentication:
    """ASGI middleware that finds out who is asking, counts requests to the API, and refuses forged ones."""

    app: ASGIApp
    issuer: TokenIssuer
    sessions: Sessions
    key_holders: KeyHolders
    browser_sessions: BrowserSessions
    limits: RequestLimits
    public_url: str | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request or websocket as whoever it comes from."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        scope.setdefault("state", {})["viewer"] = None
        if scope["path"].startswith(SOCKET):
            await self._socket(request, receive, send)
        elif scope["path"].startswith(PUBLIC) and scope.get("method") in SAFE_METHODS:
            await self.app(scope, receive, send)
        else:
            await self._request(request, receive, send)

    async def _request(self, request: HTTPConnection, receive: Receive, send: Send) -> None:
        scope = request.scope
        try:
            if scope["path"].startswith(FOR_PROGRAMS):
                await self._identify_program(request)
                tokens = None
            else:
                tokens = await self._identify_browser(request)
        except UnisonError as error:
            await _refusal(error, request)(scope, receive, send)
            return
        await self.app(scope, receive, send if tokens is None else self._with_cookies(request, tokens, send))

    async def _identify_program(self, request: HTTPConnection) -> None:
        """Find out who calls the API. Requests are counted before the database is asked about their token.

        Raises:
            TooManyRequests: the session or the address has used up this minute.
            NotSignedIn: there is a token in the header, and it is not valid.
            NotIdentified, KeyAtKiosk: somebody is named in whose name the caller may not act.
            ForeignSite: another site made the browser send its cookie.
            Unavailable: Postgres does not answer.
        """
        if request.scope["path"].rstrip("/") in OPENING:
            await self.limits.count(_address(request))
            return
        header = request.headers.get("authorization")
        bearer = None if header is None else _bearer(header)
        if bearer is not None and looks_like_key(bearer):
            request.scope["state"]["viewer"] = await self._by_key(request, bearer)
            return
        try:
            claims = self._claims(request, bearer)
        except NotSignedIn:
            await self.limits.count(_address(request))
            if header is not None:
                raise
            return
        await self.limits.count(_address(request) if claims is None else str(claims.session_id))
        if claims is None:
            return
        try:
            viewer = await self.sessions.viewer(claims)
        except NotSignedIn:
            if header is not None:
                raise
            return
        if bearer is None:
            self._refuse_foreign_site(request)
        request.scope["state"]["viewer"] = await self._in_person(request, viewer)

    async def _by_key(self, request: HTTPConnection, key: str) -> Viewer:
        """Return in whose name a program with an API key calls. A key that is not known yet counts for its address.

        Raises:
            TooManyRequests: the key or the address has used up this minute.
            NotSignedIn: the key opens nothing.
            KeyAtKiosk: it names somebody at a kiosk.
            Unavailable: Postgres does not answer.
        """
        viewer = self.key_holders.remembered(key)
        if viewer is None:
            await self.limits.count(_address(request))
            viewer = await self.key_holders.holder(key)
        limit = None if viewer.api_key is None else viewer.api_key.requests_per_minute
        await self.limits.count(str(viewer.session_id), per_minute=limit)
        if OPERATOR_TOKEN in request.headers:
            raise KeyAtKiosk(permission=Permission.USE_KIOSK.value)
        await self.key_holders.note_use(viewer, address=_address(request))
        name = request.headers.get("user-agent", "")[:LONGEST_DEVICE]
        device = storable(f"{_address(request)} {name}".strip(), longest=LONGEST_DEVICE)
        return replace(viewer, scope=replace(viewer.scope, device=device))

    async def _in_person(self, request: HTTPConnection, viewer: Viewer) -> Viewer:
        """Return the person in whose name a kiosk sends a request, where it names one.

        Raises:
            NotIdentified: the token is not ours, is over, or the person or the kiosk no longer may.
            Unavailable: Postgres does not answer.
        """
        token = request.headers.get(OPERATOR_TOKEN)
        if token is None:
            return viewer
        try:
            claims = self.issuer.read(token, "operator")
        except NotSignedIn as error:
            raise NotIdentified(permission=Permission.USE_KIOSK.value) from error
        if claims.org_id != viewer.scope.org_id:
            raise NotIdentified(permission=Permission.USE_KIOSK.value)
        return await self.sessions.at_kiosk(viewer, claims.user_id)

    async def _identify_browser(self, request: HTTPConnection) -> Tokens | None:
        """Find out who looks at a page; returns the new pair where the refresh cookie had to be exchanged.

        Raises:
            ForeignSite: another site made the browser send its cookie.
            Unavailable: Postgres does not answer.
        """
        viewer = await self._by_cookie(request)
        tokens = None
        if viewer is None and _is_navigation(request):
            viewer, tokens = await self._by_refresh_cookie(request)
        if viewer is not None:
            self._refuse_foreign_site(request)
        request.scope["state"]["viewer"] = viewer
        return tokens

    async def _socket(self, request: HTTPConnection, receive: Receive, send: Send) -> None:
        """Open a live connection to our own pages only: browsers let any site open sockets, cookies included."""
        scope = request.scope
        if "origin" in request.headers and not origin_fits(request, public_url=self.public_url):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": CLOSED_BY_POLICY})
            else:
                await problem(ForeignSite(), request)(scope, receive, send)
            return
        try:
            scope["state"]["viewer"] = await self._by_cookie(request)
        except Unavailable:
            scope["state"]["viewer"] = None
        await self.app(scope, receive, send)

    async def _by_cookie(self, request: HTTPConnection) -> Viewer | None:
        try:
            claims = self._claims(request, None)
            return None if claims is None else await self.sessions.viewer(claims)
        except NotSignedIn:
            return None

    async def _by_refresh_cookie(self, request: HTTPConnection) -> tuple[Viewer | None, Tokens | None]:
        token = request.cookies.get(REFRESH_COOKIE)
        if token is None:
            return None, None
        try:
            tokens = await self.browser_sessions.exchange(token, request_id=request_id_of(request))
            return await self.sessions.viewer(tokens.access_claims), tokens
        except NotSignedIn:
            return None, None

    def _claims(self, request: HTTPConnection, bearer: str | None) -> Claims | None:
        if "authorization" in request.headers and request.scope["path"].startswith(FOR_PROGRAMS):
            if bearer is None:
                raise NotSignedIn
            return self.issuer.read(bearer, "access")
        cookie = request.cookies.get(ACCESS_COOKIE)
        return None if cookie is None else self.issuer.read(cookie, "access")

    def _refuse_foreign_site(self, request: HTTPConnection) -> None:
        if request.scope["method"] not in SAFE_METHODS and not is_same_origin(request, public_url=self.public_url):
            raise ForeignSite

    def _with_cookies(self, request: HTTPConnection, tokens: Tokens, send: Send) -> Send:
        async def send_with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.browser_sessions.set_cookies(MutableHeaders(scope=message), tokens, request)
            await send(message)

        return send_with_cookies


def _bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _address(request: HTTPConnection) -> str:
    return request.client.host if request.client is not None else "unknown"


def _is_navigation(request: HTTPConnection) -> bool:
    return request.scope.get("method") == "GET" and "text/html" in request.headers.get("accept", "")


def _refusal(error: UnisonError, request: HTTPConnection) -> Response:
    if isinstance(error, Unavailable) and _is_navigation(request):
        return _away_page(request)
    return problem(error, request)


def _away_page(request: HTTPConnection) -> Response:
    """Return a page without a socket that asks again by itself."""
    language = preferred_language(request.headers.get("accept-language", ""))
    _ = translator(language)
    sentence = _("The system cannot be reached right now. Nothing was lost; this page tries again by itself.")
    content = AWAY_PAGE.format(language=language, sentence=escape(sentence))
    return HTMLResponse(content, status_code=503, headers={"Retry-After": "2"})
