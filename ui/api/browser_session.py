"""How a browser stays signed in: two cookies, and an exchange of the refresh cookie that survives several tabs.

A refresh token is used once, and using it twice ends the session. Tabs share their cookies and wake up together, so
the same cookie often arrives several times at once: within this process it is exchanged once, and whoever comes with
it within half a minute gets the same new pair. The API's own refresh stays strict.
"""

import asyncio
import time
from dataclasses import dataclass
from http.cookies import SimpleCookie

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection

from domain.events import SessionRevoked
from services.auth.tokens import CHALLENGE_LIFETIME, NotSignedIn, TokenIssuer
from services.config import Settings
from services.identity.sessions import Sessions
from services.identity.sign_ins import Tokens, refresh
from ui.kit.addresses import CHALLENGE_COOKIE

ACCESS_COOKIE = "unison_access"
REFRESH_COOKIE = "unison_refresh"
REMEMBER_S = 30.0
"""How long the new pair of an exchanged cookie is remembered."""


@dataclass(frozen=True)
class _Exchange:
    forget_at: float
    tokens: "asyncio.Task[Tokens]"


class BrowserSessions:
    """Exchanges refresh cookies, each once."""

    def __init__(self, settings: Settings, issuer: TokenIssuer, sessions: Sessions) -> None:
        self._public_url = settings.public_url or ""
        self._issuer = issuer
        self._sessions = sessions
        self._exchanges: dict[str, _Exchange] = {}

    async def exchange(self, refresh_token: str, *, request_id: str) -> Tokens:
        """Return the pair that follows a refresh cookie, the same one to everybody who comes with it now.

        Raises:
            NotSignedIn: the cookie is not ours, is over, was used before, or its session has ended.
            Unavailable: Postgres does not answer.
        """
        self._issuer.read(refresh_token, "refresh")
        self._forget_old()
        known = self._exchanges.get(refresh_token)
        if known is None:
            task = asyncio.create_task(exchange_once(self._issuer, self._sessions, refresh_token, request_id))
            task.add_done_callback(lambda done: self._forget_failed(refresh_token, done))
            known = self._exchanges[refresh_token] = _Exchange(time.monotonic() + REMEMBER_S, task)
        # shielded: a tab that is closed must not take the new pair from the others
        return await asyncio.shield(known.tokens)

    def set_cookies(self, headers: MutableHeaders, tokens: Tokens, request: HTTPConnection) -> None:
        """Give a browser a pair of tokens."""
        access_s = int(self._issuer.access_lifetime.total_seconds())
        refresh_s = int(self._issuer.refresh_lifetime.total_seconds())
        is_secure = self._is_secure(request)
        headers.append("Set-Cookie", _cookie(ACCESS_COOKIE, tokens.access, max_age_s=access_s, is_secure=is_secure))
        headers.append("Set-Cookie", _cookie(REFRESH_COOKIE, tokens.refresh, max_age_s=refresh_s, is_secure=is_secure))

    def clear_cookies(self, headers: MutableHeaders, request: HTTPConnection) -> None:
        """Take a browser's tokens away."""
        for name in (ACCESS_COOKIE, REFRESH_COOKIE):
            headers.append("Set-Cookie", _cookie(name, "", max_age_s=0, is_secure=self._is_secure(request)))

    def set_challenge(self, headers: MutableHeaders, challenge: str, request: HTTPConnection) -> None:
        """Give a browser what stands for a right password until the second factor; empty takes it away."""
        lasts_s = int(CHALLENGE_LIFETIME.total_seconds()) if challenge else 0
        cookie = _cookie(CHALLENGE_COOKIE, challenge, max_age_s=lasts_s, is_secure=self._is_secure(request))
        headers.append("Set-Cookie", cookie)

    def _is_secure(self, request: HTTPConnection) -> bool:
        return request.url.scheme in {"https", "wss"} or self._public_url.startswith("https://")

    def _forget_old(self) -> None:
        now = time.monotonic()
        for token, exchange in tuple(self._exchanges.items()):
            if exchange.forget_at < now and exchange.tokens.done():
                del self._exchanges[token]

    def _forget_failed(self, token: str, done: "asyncio.Task[Tokens]") -> None:
        if done.cancelled() or done.exception() is not None:
            self._exchanges.pop(token, None)


async def exchange_once(issuer: TokenIssuer, sessions: Sessions, refresh_token: str, request_id: str) -> Tokens:
    """Exchange a refresh token; where that is refused, forget its session here at once, for reuse has ended it.

    Raises:
        As `services.identity.sign_ins.refresh`.
    """
    try:
        return await refresh(issuer, refresh_token=refresh_token, request_id=request_id)
    except NotSignedIn:
        claims = issuer.read(refresh_token, "refresh")
        sessions.hear(claims.org_id, SessionRevoked(session_id=claims.session_id))
        raise


def _cookie(name: str, value: str, *, max_age_s: int, is_secure: bool) -> str:
    cookie: SimpleCookie = SimpleCookie({name: value})
    morsel = cookie[name]
    morsel["path"] = "/"
    morsel["max-age"] = str(max_age_s)
    morsel["httponly"] = True
    morsel["samesite"] = "Lax"
    morsel["secure"] = is_secure
    return morsel.OutputString()
