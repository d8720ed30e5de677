"""The second step of the sign-in: a code, after a right password. Who needs an app and has none sets it up here."""

from nicegui import ui
from starlette.requests import Request

from domain.errors import Unavailable, UnisonError
from services.auth.attempts import TooManyAttempts
from services.auth.secret_boxes import SecretLost
from services.auth.tokens import NotSignedIn
from services.identity.second_factors import Enrolment, WrongCode, enrol_by_challenge, second_factor_box
from services.identity.sign_ins import OrganizationSuspended
from services.printing.codes import qr_code
from ui.kit.addresses import CHALLENGE_COOKIE, SECOND_FACTOR_PAGE, addressed_organization, sign_in_address
from ui.kit.brands import brand_of_address
from ui.kit.process import this_process
from ui.kit.translate import Translate, preferred_language, sentence_of, speak, translator
from ui.pages.gate_forms import gate_field, gate_hidden, problem_words
from ui.theme import gate, gate_brand, wear

PROBLEMS: dict[str, type[UnisonError]] = {
    error.code: error for error in (WrongCode, TooManyAttempts, Unavailable, OrganizationSuspended, SecretLost)
}


@ui.page(SECOND_FACTOR_PAGE)
async def second_factor(request: Request, next: str = "/", problem: str = "") -> None:  # noqa: A002 - the query's own name
    """Ask for a code."""
    organization = await addressed_organization(request)
    language = preferred_language(request.headers.get("accept-language", ""))
    speak(ui.context.client, language)
    _ = translator(language)
    look = wear(await brand_of_address(organization))
    slug = "" if organization is None else organization.slug
    process = this_process()
    try:
        enrolment = await enrol_by_challenge(
            process.issuer,
            second_factor_box(process.settings.signing_key),
            challenge=request.cookies.get(CHALLENGE_COOKIE, ""),
        )
    except (NotSignedIn, SecretLost, Unavailable) as error:
        with gate(_("Second factor"), look=look):
            words = _("This took too long. Sign in again.") if isinstance(error, NotSignedIn) else sentence_of(error, _)
            ui.label(words).classes("u-error").props("role=alert").mark("problem")
            ui.link(_("Sign in"), sign_in_address(organization=slug, target=next)).classes("u-link")
        return
    with gate(_("Second factor"), look=look), ui.element("form").classes("u-column") as form:
        form.props["method"], form.props["action"] = "post", SECOND_FACTOR_PAGE
        gate_brand(look)
        ui.label(_("Second factor")).classes("u-title").props("role=heading aria-level=1")
        if enrolment is None:
            ui.label(_("Enter the code that your app shows, or a recovery code.")).classes("u-muted")
        else:
            ui.label(_("Your organization asks for a second factor. Set up an app for codes first.")).classes("u-muted")
            draw_enrolment(enrolment, _)
        if problem:
            ui.label(problem_words(PROBLEMS, problem, _)).classes("u-error").props("role=alert").mark("problem")
        field = gate_field(_("Code of the app"), name="code", kind="text", autocomplete="one-time-code")
        field.props("autofocus inputmode=text autocapitalize=off")
        gate_hidden("next", next)
        gate_hidden("organization", slug)
        ui.button(_("Sign in"), color=None).props("type=submit no-caps").classes("u-button u-button--primary")
        ui.link(_("Back to the sign-in"), sign_in_address(organization=slug, target=next)).classes("u-link")


def draw_enrolment(enrolment: Enrolment, _: Translate) -> None:
    """Draw what an app has to know, to be scanned or typed."""
    ui.label(_("Scan this with an authenticator app, then enter the code that it shows."))
    with ui.element("div").classes("u-qr").mark("qr") as picture:
        ui.html(qr_code(enrolment.uri).decode(), sanitize=False)
    picture.props["role"], picture.props["aria-label"] = "img", _("QR code for the app")
    ui.label(_("Or type this key into the app:")).classes("u-muted")
    ui.label(" ".join(enrolment.secret[at : at + 4] for at in range(0, len(enrolment.secret), 4))).classes(
        "u-mono"
    ).mark("totp-secret")
