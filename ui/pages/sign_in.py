"""The sign-in: a plain form, so that password managers and a page without its socket work."""

from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from domain.errors import NotFound, Unavailable, UnisonError
from domain.identity.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD, InvalidPassword, ShortPassword
from domain.scope import Scope
from services.auth.attempts import TooManyAttempts
from services.auth.secret_boxes import SecretLost
from services.auth.tokens import NotSignedIn
from services.db.work import read
from services.identity.invitations import PAGE, InvitationOver, PasswordsDiffer, find_invited
from services.identity.organizations import OrganizationAddress, organization_of_address
from services.identity.provider_sign_ins import MailNotConfirmed, NoAccount, SignInOver
from services.identity.sign_in_providers import ProviderButton, list_buttons
from services.identity.sign_ins import OrganizationSuspended, WrongPassword
from services.ports import ProviderAway, ProviderMisconfigured, ProviderRefused
from ui.kit.addresses import addressed_organization
from ui.kit.brands import brand_of_address
from ui.kit.translate import Translate, preferred_language, sentence_of, speak, translator
from ui.theme import gate, gate_brand, wear

PROBLEMS: dict[str, type[UnisonError]] = {
    error.code: error
    for error in (
        WrongPassword, TooManyAttempts, NotSignedIn, OrganizationSuspended, Unavailable, SignInOver, MailNotConfirmed,
        NoAccount, ProviderAway, ProviderMisconfigured, ProviderRefused,
    )
}  # fmt: skip
INVITATION_PROBLEMS: dict[str, type[UnisonError]] = {
    error.code: error for error in (ShortPassword, InvalidPassword, PasswordsDiffer, Unavailable, OrganizationSuspended)
}
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
            ui.label(_problem(PROBLEMS, problem, _)).classes("u-error").props("role=alert").mark("problem")
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


@ui.page(PAGE)
async def invitation(request: Request, token: str = "", problem: str = "") -> None:
    """Let an invited person choose a password."""
    language = preferred_language(request.headers.get("accept-language", ""))
    speak(ui.context.client, language)
    _ = translator(language)
    try:
        invited = await find_invited(token)
        organization = await organization_of_address(slug=invited.slug, host="")
    except (InvitationOver, Unavailable) as error:
        with gate(_("Invitation")):
            ui.label(sentence_of(error, _)).classes("u-error").props("role=alert").mark("problem")
            ui.link(_("Sign in"), "/sign-in").classes("u-link")
        return
    look = wear(await brand_of_address(organization))
    with gate(_("Invitation"), look=look), ui.element("form").classes("u-column") as form:
        form.props["method"], form.props["action"] = "post", PAGE
        gate_brand(look)
        ui.label(_("Welcome, {name}").format(name=invited.display_name)).classes("u-title").props(
            "role=heading aria-level=1"
        )
        ui.label(_("Choose a password for {email}.").format(email=invited.email)).classes("u-muted")
        if problem:
            ui.label(_problem(INVITATION_PROBLEMS, problem, _)).classes("u-error").props("role=alert").mark("problem")
        _field(_("Password"), name="password", kind="password", autocomplete="new-password").props("autofocus")
        _field(_("Password again"), name="repeated", kind="password", autocomplete="new-password")
        _hidden("token", token)
        ui.button(_("Choose and sign in"), color=None).props("type=submit no-caps").classes(
            "u-button u-button--primary"
        )


def _problem(known: dict[str, type[UnisonError]], code: str, _: Translate) -> str:
    """Return the sentence of a code, with what it names where that is always the same."""
    return sentence_of(known.get(code, UnisonError)(shortest=SHORTEST_PASSWORD, longest=LONGEST_PASSWORD), _)


def _hidden(name: str, value: str) -> None:
    field = ui.element("input").props(f"type=hidden name={name}")
    field.props["value"] = value


def _field(label: str, *, name: str, kind: str, autocomplete: str) -> ui.input:
    field = ui.input(label).props(f"outlined type={kind} name={name} autocomplete={autocomplete} required")
    return field.classes("u-field")
