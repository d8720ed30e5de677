"""The sign-in: a plain form, so that password managers and a page without its socket work."""

from nicegui import ui
from starlette.requests import Request

from domain.errors import Unavailable, UnisonError
from services.auth.attempts import TooManyAttempts
from services.auth.tokens import NotSignedIn
from services.identity.sign_ins import OrganizationSuspended, WrongPassword
from ui.kit.addresses import addressed_organization
from ui.kit.brands import brand_of_address
from ui.kit.translate import preferred_language, speak, translator
from ui.theme import gate, gate_brand, wear

PROBLEMS: dict[str, type[UnisonError]] = {
    error.code: error for error in (WrongPassword, TooManyAttempts, NotSignedIn, OrganizationSuspended, Unavailable)
}


@ui.page("/sign-in")
async def sign_in(request: Request, next: str = "/", problem: str = "") -> None:  # noqa: A002 - the query's own name
    """Ask who is there, in the look of the organization that `org` in the query, or the host, names."""
    organization = await addressed_organization(request)
    language = preferred_language(request.headers.get("accept-language", ""))
    speak(ui.context.client, language)
    _ = translator(language)
    brand = await brand_of_address(organization)
    look = wear(brand)
    with gate(_("Sign in"), look=look), ui.element("form").props("method=post action=/sign-in").classes("u-column"):
        gate_brand(look)
        ui.label(_("Sign in")).classes("u-title").props("role=heading aria-level=1")
        if brand.sign_in_text:
            ui.label(brand.sign_in_text).classes("u-muted u-gate__text").mark("sign-in-text")
        if problem:
            sentence = PROBLEMS.get(problem, UnisonError).sentence
            ui.label(_(sentence)).classes("u-error").props("role=alert").mark("problem")
        _field(_("E-mail address"), name="email", kind="email", autocomplete="username").props("autofocus")
        _field(_("Password"), name="password", kind="password", autocomplete="current-password")
        _hidden("next", next)
        if organization is not None:
            _hidden("organization", organization.slug)
        ui.button(_("Sign in"), color=None).props("type=submit no-caps").classes("u-button u-button--primary")


def _hidden(name: str, value: str) -> None:
    field = ui.element("input").props(f"type=hidden name={name}")
    field.props["value"] = value


def _field(label: str, *, name: str, kind: str, autocomplete: str) -> ui.input:
    field = ui.input(label).props(f"outlined type={kind} name={name} autocomplete={autocomplete} required")
    return field.classes("u-field")
