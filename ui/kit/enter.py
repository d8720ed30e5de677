"""Who is here: every page of a signed-in person begins with `screen`."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import quote

import structlog
from nicegui import Client, ui
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from domain.errors import UnisonError
from domain.identity.preferences import number_locale_of
from domain.identity.roles import Permission
from domain.scope import Scope
from services.audit.notes import note_refusal
from services.branding.queries import Brand
from services.db.keys import new_id
from services.identity.sessions import Viewer
from ui.api.problems import request_id_of
from ui.kit.errors import error_page, fault_page
from ui.kit.process import this_process
from ui.kit.translate import Translate, complete_language, preferred_language, speak, translator
from ui.theme import gate, wear

log = structlog.get_logger(__name__)

P = ParamSpec("P")

# Exchanges the refresh cookie every ten minutes, so that a wall stays signed in for weeks.
KEEP_SIGNED_IN = (
    '<script>setInterval(() => fetch("/session/keep", {method: "POST"}).catch(() => null), 600000)</script>'
)


@dataclass(frozen=True)
class Seat:
    """A signed-in person in front of one page."""

    viewer: Viewer
    client: Client
    """The page."""
    asked_for: str
    """The language that the browser likes best among ours."""
    brand: Brand
    """How the person's organization looked when the page was built; the page follows it."""

    @property
    def lang(self) -> str:
        """BCP 47 tag of the person's language, else of their browser's; ours where theirs is not complete."""
        return complete_language(self.viewer.language or self.asked_for)

    @property
    def number_locale(self) -> str:
        """The locale that writes numbers as the person reads them."""
        return number_locale_of(self.viewer.number_format, self.lang)

    def zone_of(self, plant_zone: str) -> str:
        """Return the zone in which the person reads times of a plant: their own, else the plant's."""
        return self.viewer.time_zone or plant_zone

    @property
    def translate(self) -> Translate:
        """The function that pages call `_`."""
        return translator(self.lang)

    def scope(self) -> Scope:
        """Return the person's scope for one read, with a request id of its own."""
        return replace(self.viewer.scope, request_id=new_id().hex, language=self.lang)


LONGEST_BUILD_S = 45.0
"""Longer than a statement may take: a busy server answers late, and not with the framework's own error page."""

Page = Callable[Concatenate[Seat, P], Awaitable[Response | None]]


def screen(path: str, *, permission: Permission | None = None) -> Callable[[Page[P]], Page[P]]:
    """Register a page at `path` for signed-in people who hold `permission`.

    Everybody else is led to the sign-in, or told what is missing; a refusal while the page is built fills the page.
    """

    def register(page: Page[P]) -> Page[P]:
        @wraps(page)
        async def enter(request: Request, *args: P.args, **kwargs: P.kwargs) -> Response | None:
            viewer: Viewer | None = request.scope.get("state", {}).get("viewer")
            if viewer is None:
                target = quote(request.url.path, safe="/")
                return RedirectResponse(f"/sign-in?next={target}", status_code=303)
            client = ui.context.client
            asked_for = preferred_language(request.headers.get("accept-language", ""))
            brand = await this_process().brands.of_page(viewer.scope.org_id, viewer.organization)
            seat = Seat(viewer, client, asked_for, brand)
            speak(client, seat.lang)
            ui.add_head_html(KEEP_SIGNED_IN)
            wear(brand)
            this_process().screens.add(viewer, client)
            this_process().brands.follow(client, brand)
            try:
                if permission is not None:
                    viewer.scope.require(permission)
                return await page(seat, *args, **kwargs)
            except UnisonError as error:
                refused = replace(viewer.scope, request_id=request_id_of(request))
                note_refusal(refused, error, where=path)
                with _instead(seat):
                    error_page(error, seat.translate)
            except Exception:
                log.exception("a page failed", path=request.url.path)
                client.status_code = 500
                with _instead(seat):
                    fault_page(request_id_of(request), seat.translate)
            return None

        parameters = list(inspect.signature(page).parameters.values())[1:]
        request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
        enter.__signature__ = inspect.Signature([request, *parameters])  # type: ignore[attr-defined]
        ui.page(path, response_timeout=LONGEST_BUILD_S)(enter)
        return page

    return register


@contextmanager
def _instead(seat: Seat) -> Iterator[None]:
    """Let the block fill the page in place of what was built before the refusal; nothing has been sent yet."""
    seat.client.content.clear()
    with seat.client.content, gate(seat.brand.name):
        yield
