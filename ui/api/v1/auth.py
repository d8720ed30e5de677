"""Signing in and out, for programs."""

import time
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from services.auth.attempts import SignInAttempts
from services.auth.secret_boxes import SecretBox
from services.auth.tokens import TokenIssuer
from services.identity.second_factors import pass_second_factor
from services.identity.sessions import Sessions
from services.identity.sign_ins import Tokens, sign_in
from ui.api.browser_session import exchange_once
from ui.api.problems import request_id_of
from ui.api.sign_in_forms import device_of, sign_out
from ui.api.v1.callers import Caller, SignedIn
from ui.api.v1.documents import refusals
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody


class SignInRequest(RequestBody):
    """Who signs in."""

    email: Annotated[str, StringConstraints(min_length=1, max_length=320)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    organization: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,39}$")] | None = Field(
        default=None, description="Short name of the organization, where the address has accounts in several."
    )


class SecondFactorRequest(RequestBody):
    """What follows a right password."""

    challenge: Annotated[str, StringConstraints(min_length=1, max_length=4000)] = Field(
        description="`fields.challenge` of the refusal `second_factor_required`; lasts ten minutes."
    )
    code: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class RefreshRequest(RequestBody):
    """What keeps a session going."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class TokenPair(Answer):
    """Tokens of one session. A refresh token works once; using it twice ends the session."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a scheme, no secret
    expires_in: int = Field(description="Lifetime of the access token in seconds.")
    refresh_expires_in: int = Field(description="Lifetime of the refresh token in seconds.")


class OwnOrganization(Answer):
    """The organization of the signed-in user."""

    id: UUID
    name: str


class OwnKey(Answer):
    """The API key with which a program came."""

    name: str
    prefix: str


class Me(Answer):
    """The signed-in user."""

    id: UUID
    email: str
    display_name: str
    language: str = Field(description="BCP 47 tag; empty means whatever the browser asks for.")
    organization: OwnOrganization
    roles: list[str]
    permissions: list[str]
    plant_ids: list[UUID] | None = Field(description="Plants that can be seen; null means all.")
    session_id: UUID = Field(description="The session; with an API key, the key's own id.")
    session_expires_at: datetime
    api_key: OwnKey | None = Field(description="The key that the request came with; null with an access token.")


def auth_router(
    *, issuer: TokenIssuer, sessions: Sessions, attempts: SignInAttempts, second_factors: SecretBox
) -> APIRouter:
    """Return the routes of signing in and out."""
    router = APIRouter(prefix="/auth", tags=["auth"], route_class=ExactJsonRoute)

    @router.post("/login", operation_id="signIn", summary="Sign in", responses=refusals(400, 401, 422, 429, 503))
    async def log_in(body: SignInRequest, request: Request) -> TokenPair:
        """Open a session. Ten failed attempts (by default) close an account to guessing for 15 minutes; an
        organization can say otherwise. Where a second factor is asked for, the refusal `second_factor_required` has a
        `challenge` for `POST auth/second-factor` in its fields."""
        tokens = await sign_in(
            issuer,
            attempts,
            email=body.email,
            password=body.password,
            organization=body.organization,
            device=device_of(request),
            request_id=request_id_of(request),
        )
        return _pair(tokens)

    @router.post(
        "/second-factor", operation_id="passSecondFactor", summary="Sign in, second step",
        responses=refusals(400, 401, 403, 409, 422, 429, 503),
    )  # fmt: skip
    async def second_step(body: SecondFactorRequest, request: Request) -> TokenPair:
        """Open a session with the `challenge` of a sign-in that was answered `second_factor_required`, and a code of
        the app or a recovery code. Each code works once."""
        tokens = await pass_second_factor(
            issuer,
            attempts,
            second_factors,
            challenge=body.challenge,
            code=body.code,
            device=device_of(request),
            request_id=request_id_of(request),
        )
        return _pair(tokens)

    @router.post(
        "/refresh", operation_id="refreshTokens", summary="Get new tokens", responses=refusals(400, 401, 422, 429, 503)
    )
    async def refresh_tokens(body: RefreshRequest, request: Request) -> TokenPair:
        """Exchange a refresh token for a new pair. A token that was exchanged before ends its session: somebody
        else may have it."""
        return _pair(await exchange_once(issuer, sessions, body.refresh_token, request_id_of(request)))

    @router.post(
        "/logout", operation_id="signOut", summary="Sign out", status_code=204, responses=refusals(401, 403, 429, 503)
    )
    async def log_out(caller: Caller) -> Response:
        """End the session: its tokens stop working and its live screens close."""
        await sign_out(caller, sessions)
        return Response(status_code=204)

    @router.get("/me", operation_id="getMe", summary="Who is signed in", responses=refusals(401, 429, 503))
    async def me(viewer: SignedIn) -> Me:
        """Return the user, organization, roles and permissions behind the token."""
        return Me(
            id=viewer.user_id,
            email=viewer.email,
            display_name=viewer.display_name,
            language=viewer.language,
            organization=OwnOrganization(id=viewer.scope.org_id, name=viewer.organization),
            roles=sorted(viewer.roles),
            permissions=sorted(viewer.scope.permissions),
            plant_ids=None if viewer.scope.plant_ids is None else sorted(viewer.scope.plant_ids),
            session_id=viewer.session_id,
            session_expires_at=viewer.session_expires_at,
            api_key=None if viewer.api_key is None else OwnKey.model_validate(viewer.api_key),
        )

    return router


def _pair(tokens: Tokens) -> TokenPair:
    now = time.time()
    return TokenPair(
        access_token=tokens.access,
        refresh_token=tokens.refresh,
        expires_in=max(0, round(tokens.access_claims.expires_at - now)),
        refresh_expires_in=max(0, round(tokens.refresh_expires_at.timestamp() - now)),
    )
