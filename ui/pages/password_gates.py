"""Before the sign-in: asking for a link, and choosing another password with it. Plain forms, like the sign-in."""

from nicegui import ui
from starlette.requests import Request

from domain.errors import Unavailable, UnisonError
from services.auth.attempts import TooManyAttempts
from services.identity.organizations import organization_of_address
from services.identity.password_resets import PAGE, ResetOver, find_reset
from services.mail import can_send_mail
from ui.kit.addresses import FORGOTTEN_PAGE, addressed_organization, sign_in_address
from ui.kit.brands import brand_of_address
from ui.kit.translate import preferred_language, sentence_of, speak, translator
from ui.pages.gate_forms import PASSWORD_PROBLEMS, gate_field, gate_hidden, problem_words, shortest_password
from ui.theme import gate, gate_brand, wear

ASK_PROBLEMS: dict[str, type[UnisonError]] = {error.code: error for error in (TooManyAttempts, Unavailable)}


@ui.page(FORGOTTEN_PAGE)
async def forgot_password(request: Request, sent: str = "", problem: str = "") -> None:
    """Ask for a link by mail. What is answered is the same whether there is an account or not."""
    organization = await addressed_organization(request)
    language = preferred_language(request.headers.get("accept-language", ""))
    speak(ui.context.client, language)
    _ = translator(language)
    look = wear(await brand_of_address(organization))
    slug = "" if organization is None else organization.slug
    with gate(_("Forgot your password?"), look=look), ui.element("form").classes("u-column") as form:
        form.props["method"], form.props["action"] = "post", FORGOTTEN_PAGE
        gate_brand(look)
        ui.label(_("Forgot your password?")).classes("u-title").props("role=heading aria-level=1")
        if not can_send_mail():
            ui.label(_("This system sends no mail. Ask your admin for a link to choose another password.")).mark(
                "no-mail"
            )
        elif sent:
            ui.label(
                _("If there is an account with this address, a link is on its way. It works once, within an hour.")
            ).props("role=status").mark("sent")
        else:
            ui.label(_("Enter your e-mail address. You get a link to choose another password.")).classes("u-muted")
            if problem:
                words = problem_words(ASK_PROBLEMS, problem, _)
                ui.label(words).classes("u-error").props("role=alert").mark("problem")
            gate_field(_("E-mail address"), name="email", kind="email", autocomplete="username").props("autofocus")
            gate_hidden("organization", slug)
            ui.button(_("Send me a link"), color=None).props("type=submit no-caps").classes(
                "u-button u-button--primary"
            )
        ui.link(_("Back to the sign-in"), sign_in_address(organization=slug)).classes("u-link")


@ui.page(PAGE)
async def reset(request: Request, token: str = "", problem: str = "") -> None:
    """Let somebody choose another password with their link."""
    language = preferred_language(request.headers.get("accept-language", ""))
    speak(ui.context.client, language)
    _ = translator(language)
    try:
        resetting = await find_reset(token)
        organization = await organization_of_address(slug=resetting.slug, host="")
        shortest = await shortest_password(None if organization is None else organization.id)
    except (ResetOver, Unavailable) as error:
        with gate(_("New password")):
            ui.label(sentence_of(error, _)).classes("u-error").props("role=alert").mark("problem")
            ui.link(_("Ask for a new link"), FORGOTTEN_PAGE).classes("u-link")
        return
    look = wear(await brand_of_address(organization))
    with gate(_("New password"), look=look), ui.element("form").classes("u-column") as form:
        form.props["method"], form.props["action"] = "post", PAGE
        gate_brand(look)
        ui.label(_("New password")).classes("u-title").props("role=heading aria-level=1")
        ui.label(_("Choose a password for {email}.").format(email=resetting.email)).classes("u-muted")
        if problem:
            words = problem_words(PASSWORD_PROBLEMS, problem, _, shortest=shortest)
            ui.label(words).classes("u-error").props("role=alert").mark("problem")
        gate_field(_("Password"), name="password", kind="password", autocomplete="new-password").props("autofocus")
        gate_field(_("Password again"), name="repeated", kind="password", autocomplete="new-password")
        gate_hidden("token", token)
        ui.button(_("Change the password"), color=None).props("type=submit no-caps").classes(
            "u-button u-button--primary"
        )
