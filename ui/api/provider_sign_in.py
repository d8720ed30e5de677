"""Signing in through an organization's own provider: from the button to the provider, and back."""

from http.cookies import SimpleCookie
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from domain.errors import NotFound, UnisonError
from domain.scope import Scope
from services.auth.attempts import SignInAttempts
from services.auth.tokens import TokenIssuer
from services.config import Settings
from services.db.work import read
from services.identity.organizations import organization_of_address
from services.identity.provider_sign_ins import LASTS_S, Departure, ProviderDoor, SignInOver, come_back, depart
from services.identity.queries import slug_of
from ui.api.browser_session import BrowserSessions
from ui.api.problems import request_id_of
from ui.api.sign_in_forms import device_of, local_target
from ui.kit.addresses import sign_in_address

CALLBACK = "/sign-in/callback"
COOKIE = "unison_departure"
"""Kept while its person is at the provider; sent to the callback only."""


def provider_sign_in_router(
    *,
    settings: Settings,
    issuer: TokenIssuer,
    attempts: SignInAttempts,
    browser_sessions: BrowserSessions,
    door: ProviderDoor,
) -> APIRouter:
    """Return the two routes of signing in through a provider."""
    router = APIRouter(include_in_schema=False)

    @router.get("/o/{slug}/with/{provider}")
    async def leave(slug: str, provider: str, request: Request, next: str = "/") -> Response:  # noqa: A002 - the query's own name
        """Send a person to the provider."""
        target = local_target(next)
        try:
            organization = await organization_of_address(slug=slug, host="")
            if organization is None:
                raise NotFound(what="organization")
            address, departure = await depart(
                door,
                org_id=organization.id,
                provider_id=_id(provider),
                returns_to=callback_address(request, public_url=settings.public_url),
                target=target,
            )
        except UnisonError as error:
            return _back(error, organization=slug, target=target)
        response = RedirectResponse(address, status_code=303)
        _keep(response, departure.sealed(door.departures), is_secure=departure.errand.returns_to.startswith("https:"))
        return response

    @router.get(CALLBACK)
    async def arrive(request: Request) -> Response:
        """Let in whom the provider vouches for; what goes wrong is told on the sign-in page."""
        departure: Departure | None = None
        try:
            departure = Departure.opened(door.departures, request.cookies.get(COOKIE, ""))
            tokens = await come_back(
                door,
                issuer,
                attempts,
                departure=departure,
                answer=dict(request.query_params),
                device=device_of(request),
                request_id=request_id_of(request),
            )
        except UnisonError as error:
            if departure is None:
                return _back(error, organization="", target="/")
            slug = await _slug(departure.org_id)
            response = _back(error, organization=slug, target=departure.target)
            if not isinstance(error, SignInOver):  # another tab may still be on its way
                _keep(response, "", is_secure=departure.errand.returns_to.startswith("https:"))
            return response
        response = RedirectResponse(local_target(departure.target), status_code=303)
        _keep(response, "", is_secure=departure.errand.returns_to.startswith("https:"))
        browser_sessions.set_cookies(response.headers, tokens, request)
        response.headers["Cache-Control"] = "no-store"
        return response

    return router


def callback_address(request: Request, *, public_url: str | None) -> str:
    """Return the address to which providers send people back, as it has to be registered with them: on the host that
    the person uses, with the scheme that the outside sees."""
    seen = request.base_url
    if public_url is None:
        return f"{seen.scheme}://{seen.netloc}{CALLBACK}"
    public = urlsplit(public_url)
    host = seen.netloc if seen.hostname not in LOCAL else public.netloc
    return f"{public.scheme}://{host}{CALLBACK}"


LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
"""What a proxy on this computer calls us, where it does not pass the host on."""


def _id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError as error:
        raise NotFound(what="sign-in provider") from error


async def _slug(org_id: UUID) -> str:
    try:
        async with read(Scope(org_id)) as work:
            return await slug_of(work)
    except UnisonError:
        return ""


def _back(error: UnisonError, *, organization: str, target: str) -> Response:
    return RedirectResponse(
        sign_in_address(problem=error.code, target=target, organization=organization), status_code=303
    )


def _keep(response: Response, sealed: str, *, is_secure: bool) -> None:
    """Give a browser what it keeps for the way back, `Lax` so that it comes along from the provider; empty takes it."""
    cookie: SimpleCookie = SimpleCookie({COOKIE: sealed})
    morsel = cookie[COOKIE]
    morsel["path"] = CALLBACK
    morsel["max-age"] = str(LASTS_S if sealed else 0)
    morsel["httponly"] = True
    morsel["samesite"] = "Lax"
    morsel["secure"] = is_secure
    response.headers.append("Set-Cookie", morsel.OutputString())
