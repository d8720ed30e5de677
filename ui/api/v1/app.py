"""The REST API, version 1."""

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from services.auth.attempts import SignInAttempts
from services.auth.tokens import TokenIssuer
from services.config import Settings
from services.identity.badges import BadgeKey
from services.identity.second_factors import second_factor_box
from services.identity.sessions import Sessions
from ui.api.problems import HTTP_CODES, answer_errors_as_problems, problem_response
from ui.api.v1 import (
    andon,
    andon_ladders,
    api_keys,
    audit,
    branding,
    crews,
    custom_fields,
    cycle_times,
    files,
    materials,
    metrics,
    operations,
    orders,
    plant,
    plant_models,
    printouts,
    production,
    reasons,
    roles,
    shifts,
    sign_in_policies,
    stops,
    webhooks,
)
from ui.api.v1.auth import auth_router
from ui.api.v1.badges import badges_router
from ui.api.v1.documents import describe_problems
from ui.api.v1.infrastructure import infrastructure_router
from ui.api.v1.org_schema import OrgSchema, org_schema_router
from ui.api.v1.organization_data import organization_data_router
from ui.api.v1.organizations import organizations_router
from ui.api.v1.preconditions import describe_preconditions
from ui.api.v1.second_factors import second_factors_router
from ui.api.v1.users import users_router

DESCRIPTION = """
Everything belongs to the organization of the signed-in user; what belongs to another one does not exist (404).

* **Sign in** with `POST auth/login` and send `Authorization: Bearer` with the access token.
* **Programs** send an API key instead, `Authorization: Bearer unison_...`: it acts in the name of who made it, and may
  what its scopes and its owner's rights both allow.
* **At a kiosk**, whose own sign-in may only look, an `Operator-Token` of its page names the person who acts.
* **Refusals** are problem details (RFC 9457); programs branch on `code`, people read `detail` in their
  `Accept-Language`.
* **Lists** come in pages: follow `next_cursor` until it is null.
* **Writes** take an `Idempotency-Key`: repeated within a day, the same request gets the first answer again.
* **Custom fields** stand in `custom`, by key. `openapi.json?org_schema=true`, asked with your session, types those of
  your organization.
* **Versions**: what people edit comes with an `ETag`. Send it back as `If-Match` with a change (or its number as
  `version` in the body): the change is refused when somebody else was faster. `If-None-Match` spares reading the same
  again.
* **Times** are ISO 8601 with a zone, periods are half-open `[since, until)`.
* **Quantities** go in as JSON numbers or decimal strings with at most six digits behind the point, read exactly, and
  come out as JSON numbers.
"""


def api_v1(
    *, issuer: TokenIssuer, sessions: Sessions, attempts: SignInAttempts, badge_key: BadgeKey, settings: Settings
) -> ASGIApp:
    """Return the application that answers under `/api/v1`."""
    app = FastAPI(
        title="Unison MES",
        version="1",
        summary="What people and machines do on the shop floor, for programs.",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    answer_errors_as_problems(app)
    second_factors = second_factor_box(settings.signing_key)
    routers = (
        auth_router(issuer=issuer, sessions=sessions, attempts=attempts, second_factors=second_factors),
        organization_data_router(attempts),
        organizations_router(settings.public_url),
        plant.router,
        plant_models.router,
        reasons.router,
        cycle_times.router,
        shifts.router,
        crews.router,
        users_router(attempts=attempts, badge_key=badge_key, public_url=settings.public_url),
        second_factors_router(attempts=attempts, badge_key=badge_key, second_factors=second_factors),
        sign_in_policies.router,
        badges_router(badge_key),
        roles.router,
        api_keys.router,
        production.router,
        andon.router,
        stops.router,
        metrics.router,
        andon_ladders.router,
        materials.router,
        orders.router,
        operations.router,
        branding.router,
        files.router,
        printouts.router,
        custom_fields.router,
        infrastructure_router(settings),
        audit.router,
        webhooks.router,
    )
    for router in routers:
        app.include_router(router)
    app.include_router(org_schema_router(app))
    describe_problems(app)
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    describe_preconditions(app, routes)
    return EitherSlash(
        OrgSchema(app), collections=frozenset(route.path for route in routes if route.path.endswith("/"))
    )


class EitherSlash:
    """ASGI application that finds a route with and without a slash at its end, without sending clients around."""

    def __init__(self, app: ASGIApp, *, collections: frozenset[str]) -> None:
        self._app = app
        self._collections = collections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on under the path that the routes know."""
        path: str = scope["path"]
        within = path.removeprefix(scope.get("root_path", ""))
        if f"{within}/" in self._collections:
            scope["path"] = f"{path}/"
        elif within.endswith("/") and within not in self._collections:
            scope["path"] = path.rstrip("/")
        await self._app(scope, receive, send)


class NothingHere:
    """ASGI application that answers that there is no such version of the API."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer any request."""
        code, detail = HTTP_CODES[404]
        await problem_response(HTTPConnection(scope), status=404, code=code, detail=detail)(scope, receive, send)
