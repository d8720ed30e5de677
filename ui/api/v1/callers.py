"""Who calls a route, and in which scope the call acts."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from domain.scope import Scope
from services.auth.tokens import NotSignedIn
from services.identity.sessions import Viewer
from ui.api.authentication import scope_of
from ui.api.browser_session import ACCESS_COOKIE
from ui.kit.translate import Translate, preferred_language, translator

bearer = HTTPBearer(
    scheme_name="bearer", bearerFormat="JWT", auto_error=False, description="`access_token` of `POST auth/login`."
)
cookie = APIKeyCookie(
    name=ACCESS_COOKIE, scheme_name="cookie", auto_error=False, description="Set by the browser's sign-in."
)


def _viewer(
    request: Request,
    _bearer: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
    _cookie: Annotated[str | None, Security(cookie)],
) -> Viewer:
    """Return who the middleware found; the two schemes are named for the OpenAPI document only.

    Raises:
        NotSignedIn: nobody.
    """
    viewer: Viewer | None = request.scope["state"]["viewer"]
    if viewer is None:
        raise NotSignedIn
    return viewer


SignedIn = Annotated[Viewer, Depends(_viewer)]


def _caller(request: Request, viewer: SignedIn) -> Scope:
    return scope_of(viewer, request)


Caller = Annotated[Scope, Depends(_caller)]
"""The scope of a read: the caller's organization, plants and permissions, under the request's id."""


def _words(request: Request) -> Translate:
    return translator(preferred_language(request.headers.get("accept-language", "")))


Words = Annotated[Translate, Depends(_words)]
"""The caller's language, by Accept-Language."""
