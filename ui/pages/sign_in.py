"""The sign-in: a plain form, so that password managers and a page without its socket work."""

from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from domain.errors import NotFound, Unavailable, UnisonError
from domain.scope import Scope
from services.auth.attempts import TooManyAttempts
from services.auth.secret_boxes import SecretLost
from services.auth.tokens import NotSignedIn
from services.db.work import read
from services.identity.organizations import OrganizationAddress
from services.identity.provider_sign_ins import MailNotConfirmed, NoAccount, SignInOver
from services.identity.sign_in_providers import ProviderButton, list_buttons
from services.identity.sign_ins import OrganizationSuspended, WrongPassword
from services.ports import ProviderAway, ProviderMisconfigured, ProviderRefused
from ui.kit.addresses import addressed_organization
from ui.kit.brands import brand_of_address
from ui.kit.translate import preferred_language, speak, translator
from ui.theme import gate, gate_brand, wear

PROBLEMS: dict[str, type[UnisonError]] = {
    error.code: error
    for error in (
        WrongPassword, TooManyAttempts, NotSignedIn, OrganizationSuspended, Unavailable, SignInOver, MailNotConfirmed,
        NoAccount, ProviderAway, ProviderMisconfigured, ProviderRefused,
    )
}  # fmt: skip
PROBLEMS |= dict.fromkeys((NotFound.code, SecretLost.code), ProviderMisconfigured)
"""What may stand in the address: whatever else does is no sentence of ours."""


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
        if organization is not None:
            _provider_buttons(organization.slug, await _buttons(organization), next)


async def _buttons(organization: OrganizationAddress) -> tuple[ProviderButton, ...]:
    try:
        async with read(Scope(organization.id)) as work:
            return await list_buttons(work)
    except Unavailable:
        return ()


def _provider_buttons(slug: str, buttons: tuple[ProviderButton, ...], target: str) -> None:
    for button in buttons:
        address = f"/o/{slug}/with/{button.id}?{urlencode({'next': target})}"
        with ui.element("a").classes("u-button u-gate__provider").mark("provider") as link:
            ui.icon("login")
            ui.label(button.label)
        link.props["href"] = address


def _hidden(name: str, value: str) -> None:
    field = ui.element("input").props(f"type=hidden name={name}")
    field.props["value"] = value


def _field(label: str, *, name: str, kind: str, autocomplete: str) -> ui.input:
    field = ui.input(label).props(f"outlined type={kind} name={name} autocomplete={autocomplete} required")
    return field.classes("u-field")
