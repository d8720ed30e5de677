"""The way in for programs and browsers: what every request passes before a page or a route answers it."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from services.auth.attempts import SignInAttempts
from services.auth.tokens import TokenIssuer
from services.config import Settings
from services.identity.badges import BadgeKey
from services.identity.key_holders import KeyHolders
from services.identity.provider_sign_ins import ProviderDoor
from services.identity.sessions import Sessions
from ui.api.authentication import API, Authentication
from ui.api.body_limit import BodyLimit
from ui.api.browser_session import BrowserSessions
from ui.api.files import files_router
from ui.api.health import Ready, health_router
from ui.api.printouts import printouts_router
from ui.api.problems import answer_errors_as_problems
from ui.api.provider_sign_in import provider_sign_in_router
from ui.api.rate_limit import RequestLimits
from ui.api.request_log import RequestLog
from ui.api.security_headers import SecurityHeaders
from ui.api.sign_in_forms import sign_in_router
from ui.api.v1.app import NothingHere, api_v1

ENVELOPE = 100_000
"""Bytes that an upload may have around its file."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SENT = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-ID")
SHOWN = ("X-Request-ID", "ETag", "Idempotency-Replayed", "Retry-After")


def install(
    app: FastAPI,
    *,
    settings: Settings,
    issuer: TokenIssuer,
    sessions: Sessions,
    key_holders: KeyHolders,
    attempts: SignInAttempts,
    provider_door: ProviderDoor,
    ready: Ready,
) -> None:
    """Give the server's application its middleware, its error answers, the sign-in, the API and the health routes.

    To be called before NiceGUI is mounted at `/`, so that nothing under `/api` ever falls through to a page.
    """
    browser_sessions = BrowserSessions(settings, issuer, sessions)
    answer_errors_as_problems(app)
    app.include_router(health_router(ready))
    app.include_router(
        sign_in_router(
            settings=settings,
            issuer=issuer,
            sessions=sessions,
            attempts=attempts,
            browser_sessions=browser_sessions,
        )
    )
    app.include_router(files_router())
    app.include_router(
        provider_sign_in_router(
            settings=settings,
            issuer=issuer,
            attempts=attempts,
            browser_sessions=browser_sessions,
            door=provider_door,
        )
    )
    app.include_router(printouts_router())
    badge_key = BadgeKey.of(settings.signing_key)
    api = api_v1(issuer=issuer, sessions=sessions, attempts=attempts, badge_key=badge_key, settings=settings)
    app.mount("/api/v1", api)
    app.mount("/api", NothingHere())
    app.router.routes.append(Route("/api", NothingHere()))
    # the last one added is the first one to see a request
    app.add_middleware(
        Authentication,
        issuer=issuer,
        sessions=sessions,
        key_holders=key_holders,
        browser_sessions=browser_sessions,
        limits=RequestLimits(settings.requests_per_minute),
        public_url=settings.public_url,
    )
    app.add_middleware(
        BodyLimit, max_bytes=settings.max_body_bytes, max_upload_bytes=settings.max_upload_bytes + ENVELOPE
    )
    app.add_middleware(ApiCors, allowed_origins=settings.allowed_origins)
    app.add_middleware(SecurityHeaders, is_public_https=(settings.public_url or "").startswith("https://"))
    app.add_middleware(RequestLog)


class ApiCors:
    """ASGI middleware: CORS for the API and nothing else. Without credentials: other sites use bearer tokens."""

    def __init__(self, app: ASGIApp, *, allowed_origins: tuple[str, ...]) -> None:
        self._app = app
        self._with_cors = CORSMiddleware(
            app, allow_origins=allowed_origins, allow_methods=METHODS, allow_headers=SENT, expose_headers=SHOWN
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request, with CORS where it goes to the API."""
        is_api = scope["type"] == "http" and scope["path"].startswith(API)
        await (self._with_cors if is_api else self._app)(scope, receive, send)
