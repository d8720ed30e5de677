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
from services.identity.invitations import PAGE, InvitationOver, NameUnreadable, find_invited
from services.identity.organizations import OrganizationAddress, organization_of_address
from services.identity.provider_sign_ins import MailNotConfirmed, NoAccount, SignInOver
from services.identity.sign_in_providers import ProviderButton, list_buttons
from services.identity.sign_ins import OrganizationSuspended, WrongPassword
from services.ports import ProviderAway, ProviderMisconfigured, ProviderRefused
from ui.kit.addresses import addressed_organization, forgotten_address
from ui.kit.brands import brand_of_address
from ui.kit.translate import preferred_language, sentence_of, speak, translator
from ui.pages.gate_forms import PASSWORD_PROBLEMS, gate_field, gate_hidden, problem_words, shortest_password
from ui.theme import gate, gate_brand, wear

PROBLEMS: dict[str, type[UnisonError]] = {
    error.code: error
    for error in (
        WrongPassword, TooManyAttempts, NotSignedIn, OrganizationSuspended, Unavailable, SignInOver, MailNotConfirmed,
        NoAccount, ProviderAway, ProviderMisconfigured, ProviderRefused,
    )
}  # fmt: skip
INVITATION_PROBLEMS = {**PASSWORD_PROBLEMS, OrganizationSuspended.code: OrganizationSuspended}
INVITATION_PROBLEMS[NameUnreadable.code] = NameUnreadable
PROBLEMS |= dict.fromkeys((NotFound.code, SecretLost.code), ProviderMisconfigured)
"""What may stand in the address: whatever else does is no sentence of ours."""


@ui.page("/sign-in")
async def sign_in(request: Request, next: str = "/", problem: str = "", changed: str = "") -> None:  # noqa: A002 - the query's own name
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
        if changed:
            ui.label(_("Your password is changed. Sign in with it.")).props("role=status").mark("changed")
        if problem:
            ui.label(problem_words(PROBLEMS, problem, _)).classes("u-error").props("role=alert").mark("problem")
        gate_field(_("E-mail address"), name="email", kind="email", autocomplete="username").props("autofocus")
        gate_field(_("Password"), name="password", kind="password", autocomplete="current-password")
        gate_hidden("next", next)
        if organization is not None:
            gate_hidden("organization", organization.slug)
        ui.button(_("Sign in"), color=None).props("type=submit no-caps").classes("u-button u-button--primary")
        slug = "" if organization is None else organization.slug
        ui.link(_("Forgot your password?"), forgotten_address(organization=slug)).classes("u-link").mark("forgotten")
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
async def invitation(request: Request, token: str = "", problem: str = "", name: str = "") -> None:
    """Let an invited person write their name and choose a password; `name` is what they wrote before."""
    language = preferred_language(request.headers.get("accept-language", ""))
    speak(ui.context.client, language)
    _ = translator(language)
    try:
        invited = await find_invited(token)
        organization = await organization_of_address(slug=invited.slug, host="")
        shortest = await shortest_password(None if organization is None else organization.id)
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
            ui.label(problem_words(INVITATION_PROBLEMS, problem, _, shortest=shortest)).classes("u-error").props(
                "role=alert"
            ).mark("problem")
        field = gate_field(_("Your name"), name="display_name", kind="text", autocomplete="name")
        field.value = name or invited.display_name
        gate_field(_("Password"), name="password", kind="password", autocomplete="new-password").props("autofocus")
        gate_field(_("Password again"), name="repeated", kind="password", autocomplete="new-password")
        gate_hidden("token", token)
        ui.button(_("Choose and sign in"), color=None).props("type=submit no-caps").classes(
            "u-button u-button--primary"
        )
