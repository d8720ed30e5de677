"""Where the sign-in page sends its forms, and what keeps a browser signed in."""

from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from domain.errors import UnisonError
from domain.events import SessionRevoked
from domain.identity.accounts import is_slug
from domain.scope import Scope
from services.auth.attempts import SignInAttempts
from services.auth.tokens import NotSignedIn, TokenIssuer
from services.config import Settings
from services.db.work import begin
from services.identity.invitations import PAGE, PasswordsDiffer, accept_invitation
from services.identity.password_resets import PAGE as RESET_PAGE
from services.identity.password_resets import ask_for_reset, choose_password
from services.identity.second_factors import pass_second_factor, second_factor_box
from services.identity.sessions import Sessions, Viewer
from services.identity.sign_ins import Device, SecondFactorRequired, Tokens, end_session, sign_in
from ui.api.authentication import scope_of
from ui.api.browser_session import REFRESH_COOKIE, BrowserSessions
from ui.api.origins import ForeignSite, is_same_origin
from ui.api.problems import request_id_of
from ui.kit.addresses import (
    CHALLENGE_COOKIE,
    FORGOTTEN_PAGE,
    RECOVERY_CODES_PAGE,
    SECOND_FACTOR_PAGE,
    SIGN_IN_PAGE,
    base_url_of,
    forgotten_address,
    sign_in_address,
)

LONGEST_TARGET = 2000
LONGEST_NAME = 200


def sign_in_router(
    *,
    settings: Settings,
    issuer: TokenIssuer,
    sessions: Sessions,
    attempts: SignInAttempts,
    browser_sessions: BrowserSessions,
) -> APIRouter:
    """Return the routes that the browser's sign-in is made of."""
    router = APIRouter(include_in_schema=False)

    @router.post(SIGN_IN_PAGE)
    async def open_session(request: Request) -> Response:
        """Sign in, and go where the person wanted to go."""
        form = await request.form()
        target = local_target(_text(form, "next"))
        try:
            if not is_same_origin(request, public_url=settings.public_url):
                raise ForeignSite
            tokens = await _sign_in(request, form)
        except SecondFactorRequired as error:
            return _challenged(request, error, target=target, organization=_text(form, "organization"))
        except UnisonError as error:
            address = sign_in_address(problem=error.code, target=target, organization=_text(form, "organization"))
            return RedirectResponse(address, status_code=303)
        return _signed_in(request, RedirectResponse(target, status_code=303), tokens)

    @router.post(PAGE)
    async def accept(request: Request) -> Response:
        """Keep the password that an invited person chose, and let them in."""
        form = await request.form()
        token = _text(form, "token")
        try:
            if not is_same_origin(request, public_url=settings.public_url):
                raise ForeignSite
            if _text(form, "password") != _text(form, "repeated"):
                raise PasswordsDiffer(field="repeated")
            tokens = await accept_invitation(
                issuer,
                token=token,
                display_name=_text(form, "display_name"),
                password=_text(form, "password"),
                device=device_of(request),
                request_id=request_id_of(request),
            )
        except SecondFactorRequired as error:
            return _challenged(request, error, target="/", organization="")
        except UnisonError as error:
            query = {"token": token[:200], "problem": error.code, "name": _text(form, "display_name")[:LONGEST_NAME]}
            return RedirectResponse(f"{PAGE}?{urlencode(query)}", status_code=303)
        return _signed_in(request, RedirectResponse("/", status_code=303), tokens)

    @router.post(SECOND_FACTOR_PAGE)
    async def second_step(request: Request) -> Response:
        """Let in who answers a right password's challenge with a code."""
        form = await request.form()
        target, organization = local_target(_text(form, "next")), _text(form, "organization")
        challenge = request.cookies.get(CHALLENGE_COOKIE, "")
        try:
            if not is_same_origin(request, public_url=settings.public_url):
                raise ForeignSite
            tokens = await pass_second_factor(
                issuer,
                attempts,
                second_factor_box(settings.signing_key),
                challenge=challenge,
                code=_text(form, "code"),
                device=device_of(request),
                request_id=request_id_of(request),
            )
        except UnisonError as error:
            query = {"next": target, "org": organization if is_slug(organization) else "", "problem": error.code}
            return RedirectResponse(f"{SECOND_FACTOR_PAGE}?{urlencode(query)}", status_code=303)
        codes = f"{RECOVERY_CODES_PAGE}?{urlencode({'next': target})}"
        response = _signed_in(
            request, RedirectResponse(codes if tokens.has_new_app else target, status_code=303), tokens
        )
        browser_sessions.set_challenge(response.headers, "", request)
        return response

    @router.post(FORGOTTEN_PAGE)
    async def ask(request: Request) -> Response:
        """Have a link sent to whoever has an account, and answer the same to everybody."""
        form = await request.form()
        organization = _text(form, "organization")
        try:
            if not is_same_origin(request, public_url=settings.public_url):
                raise ForeignSite
            await ask_for_reset(
                attempts,
                email=_text(form, "email"),
                organization=organization or None,
                address=device_of(request).address,
                base_url=base_url_of(request, public_url=settings.public_url),
            )
        except UnisonError as error:
            address = forgotten_address(organization=organization, problem=error.code)
            return RedirectResponse(address, status_code=303)
        return RedirectResponse(forgotten_address(organization=organization, sent="1"), status_code=303)

    @router.post(RESET_PAGE)
    async def reset(request: Request) -> Response:
        """Keep the password that somebody chose with a link, and lead them to the sign-in."""
        form = await request.form()
        token = _text(form, "token")
        try:
            if not is_same_origin(request, public_url=settings.public_url):
                raise ForeignSite
            if _text(form, "password") != _text(form, "repeated"):
                raise PasswordsDiffer(field="repeated")
            slug = await choose_password(
                token=token, password=_text(form, "password"), request_id=request_id_of(request)
            )
        except UnisonError as error:
            query = urlencode({"token": token[:200], "problem": error.code})
            return RedirectResponse(f"{RESET_PAGE}?{query}", status_code=303)
        response = RedirectResponse(f"{SIGN_IN_PAGE}?{urlencode({'org': slug, 'changed': '1'})}", status_code=303)
        browser_sessions.clear_cookies(response.headers, request)
        return response

    @router.get("/o/{slug}")
    async def open_organization(slug: str) -> Response:
        """Lead to an organization's own sign-in page; to everybody's where there is no such organization."""
        return RedirectResponse(sign_in_address(organization=slug), status_code=303)

    @router.post("/sign-out")
    async def close_session(request: Request) -> Response:
        """Sign out: the session ends everywhere, its screens close."""
        if not is_same_origin(request, public_url=settings.public_url):
            raise ForeignSite
        if (scope := _session_of(request)) is not None:
            await sign_out(scope, sessions)
        response = RedirectResponse(SIGN_IN_PAGE, status_code=303)
        browser_sessions.clear_cookies(response.headers, request)
        return response

    @router.post("/session/keep")
    async def keep_session(request: Request) -> Response:
        """Exchange the refresh cookie, so that a wall stays signed in for weeks."""
        if not is_same_origin(request, public_url=settings.public_url):
            raise ForeignSite
        token = request.cookies.get(REFRESH_COOKIE)
        if token is None:
            raise NotSignedIn
        tokens = await browser_sessions.exchange(token, request_id=request_id_of(request))
        return _signed_in(request, Response(status_code=204), tokens)

    def _session_of(request: Request) -> Scope | None:
        """Return the session to end; the refresh cookie names it where the access cookie is over."""
        viewer: Viewer | None = request.scope["state"]["viewer"]
        if viewer is not None:
            return scope_of(viewer, request)
        try:
            claims = issuer.read(request.cookies.get(REFRESH_COOKIE, ""), "refresh")
        except NotSignedIn:
            return None
        return Scope(
            claims.org_id,
            actor_kind="user",
            user_id=claims.user_id,
            session_id=claims.session_id,
            request_id=request_id_of(request),
        )

    async def _sign_in(request: Request, form: FormData) -> Tokens:
        return await sign_in(
            issuer,
            attempts,
            email=_text(form, "email"),
            password=_text(form, "password"),
            organization=_text(form, "organization").strip() or None,
            device=device_of(request),
            request_id=request_id_of(request),
        )

    def _challenged(request: Request, asked: SecondFactorRequired, *, target: str, organization: str) -> Response:
        query = {"next": target, "org": organization if is_slug(organization) else ""}
        response = RedirectResponse(f"{SECOND_FACTOR_PAGE}?{urlencode(query)}", status_code=303)
        browser_sessions.set_challenge(response.headers, str(asked.fields["challenge"]), request)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _signed_in(request: Request, response: Response, tokens: Tokens) -> Response:
        browser_sessions.set_cookies(response.headers, tokens, request)
        response.headers["Cache-Control"] = "no-store"
        return response

    return router


async def sign_out(scope: Scope, sessions: Sessions) -> None:
    """End the session of a scope; this process forgets it at once, the others when they hear of it.

    Raises:
        NotSignedIn: nobody's session stands behind the scope.
        Unavailable: Postgres does not answer.
    """
    if scope.session_id is None:
        raise NotSignedIn
    async with begin(scope) as work:
        await end_session(work, session_id=scope.session_id)
    sessions.hear(scope.org_id, SessionRevoked(session_id=scope.session_id))


def device_of(request: Request) -> Device:
    """Return where a request comes from."""
    address = request.client.host if request.client is not None else ""
    return Device(address=address, name=request.headers.get("user-agent", ""))


def local_target(target: str) -> str:
    """Return a path of ours to go to; the start page instead of anything that leads elsewhere.

    Browsers read `\\` as `/` and skip control characters, so that `/\\evil.example` would leave this site.
    """
    is_path = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    if not is_path or len(target) > LONGEST_TARGET or urlsplit(target).path == SIGN_IN_PAGE:
        return "/"
    return target


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""
