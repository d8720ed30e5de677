"""Sign-in providers: through whose accounts an organization's people come in (OpenID Connect)."""

from uuid import UUID

from nicegui import ui

from domain.edits import UNCHANGED
from domain.errors import UnisonError
from domain.identity.roles import PLATFORM, Permission, Role
from services.db.work import Work, read
from services.identity.provider_sign_ins import check_provider
from services.identity.role_queries import role_names
from services.identity.sign_in_providers import (
    ProviderInfo,
    add_provider,
    edit_provider,
    list_providers,
    remove_provider,
)
from services.plant.places import list_plants
from ui.api.provider_sign_in import callback_address
from ui.kit.enter import Seat, screen
from ui.kit.errors import show_error
from ui.kit.forms import FormDialog
from ui.kit.process import this_process
from ui.kit.translate import Translate
from ui.pages.admin_parts import add_button, heading, setup_page
from ui.pages.histories import offer_history

NOBODY = ""
NIL = UUID(int=0)


@screen("/admin/sign-in-providers", permission=Permission.READ_SIGN_IN_PROVIDERS)
async def admin_sign_in_providers(seat: Seat) -> None:
    """Set up the providers."""
    _ = seat.translate
    async with read(seat.scope()) as work:
        plants = await list_plants(work)
    with setup_page(seat, _("Sign-in providers"), "/admin/sign-in-providers", plants=plants):
        page = _Page(seat)
    await page.load()


class _Page:
    """The providers by their labels; drawn again after each edit here."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._may_edit = seat.viewer.scope.may(Permission.EDIT_SIGN_IN_PROVIDERS)
        self._names: dict[str, str] = {}
        self._returns_to = callback_address(seat.client.request, public_url=this_process().settings.public_url)
        _ = seat.translate
        with ui.element("div").classes("u-row"):
            heading(_("Sign in with the account of the works"))
            ui.space()
            if self._may_edit:
                add_button(_("Add a provider"), lambda: self._ask(None), mark="add-provider")
        ui.label(_("Any provider that speaks OpenID Connect: Keycloak, Microsoft Entra, Google and others.")).classes(
            "u-muted"
        )
        ui.label(_("Register this address with the provider as the one to which it sends people back:"))
        ui.label(self._returns_to).classes("u-mono u-break").mark("returns-to")
        self._list = ui.element("div").classes("u-grid")

    async def load(self, _edited: object = None) -> None:
        """Show the providers of now."""
        async with read(self._seat.scope()) as work:
            providers = await list_providers(work)
            self._names = await role_names(work)
        _ = self._seat.translate
        self._list.clear()
        with self._list:
            if not providers:
                words = _("There is no provider yet: people sign in with their passwords.")
                ui.label(words).classes("u-muted u-wide")
            for provider in providers:
                self._card(provider)

    def _card(self, provider: ProviderInfo) -> None:
        _ = self._seat.translate
        with ui.element("div").classes("u-card u-column").mark("provider"):
            with ui.element("div").classes("u-row"):
                ui.icon("login")
                ui.label(provider.label).classes("u-subtitle")
                ui.space()
                with ui.element("span").classes("u-held") as state:
                    ui.icon("check_circle" if provider.is_active else "pause_circle")
                    ui.label(_("Active") if provider.is_active else _("Off"))
                state.props["data-held"] = "true" if provider.is_active else "false"
            ui.label(provider.issuer).classes("u-mono u-break")
            ui.label(self._whom(provider)).classes("u-muted")
            if self._may_edit:
                with ui.element("div").classes("u-row"):
                    check = ui.button(_("Check"), icon="network_check", color=None)
                    check.classes("u-button u-button--flat").mark("check-provider")
                    check.on_click(lambda: self._check(provider))
                    edit = ui.button(_("Edit"), icon="edit", color=None, on_click=lambda: self._ask(provider))
                    edit.classes("u-button u-button--flat").mark("edit-provider")

    def _whom(self, provider: ProviderInfo) -> str:
        _ = self._seat.translate
        domains = ", ".join(provider.email_domains)
        if provider.new_user_role is None:
            whom = _("Lets in people who are users already")
        else:
            role = self._role(provider.new_user_role)
            whom = _("Newcomers become users with the role {role}").format(role=role)
        return f"{whom} ({domains})" if domains else whom

    def _role(self, key: str) -> str:
        """Return the name of a role; those of built-in ones are translated."""
        return self._seat.translate(self._names.get(key, key))

    async def _check(self, provider: ProviderInfo) -> None:
        """Ask the provider to describe itself, as a sign-in would."""
        _ = self._seat.translate
        try:
            await check_provider(this_process().provider_door, self._seat.scope(), provider_id=provider.id)
        except UnisonError as error:
            show_error(error, _)
            return
        ui.notify(_("The provider answers."), type="positive", position="top", timeout=3_000, classes="u-notify")

    def _ask(self, provider: ProviderInfo | None) -> None:
        _, door = self._seat.translate, this_process().provider_door
        may_be_local = this_process().settings.private_providers
        offered = {key: self._role(key) for key in self._names if key not in {PLATFORM, Role.TERMINAL}}
        roles = {NOBODY: _("Nobody: only people who are users already"), **offered}
        with FormDialog(self._seat, _("New provider") if provider is None else provider.label) as form:
            _fields(form, provider, roles, _)
            switch = None if provider is None else form.switch(
                "is_active", _("Shown on the sign-in page"), value=provider.is_active
            )  # fmt: skip
            offer_history(form, self._seat, "sign_in_providers", provider)

        async def keep(work: Work) -> bool:
            secret = form.text_of("client_secret")
            domains = form.text_of("email_domains").replace(";", ",").split(",")
            role = form.text_of("new_user_role") or None
            if provider is None:
                await add_provider(
                    work, box=door.secrets, label=form.text_of("label"), issuer=form.text_of("issuer"),
                    client_id=form.text_of("client_id"), client_secret=secret, email_domains=domains,
                    new_user_role=role, may_be_local=may_be_local,
                )  # fmt: skip
            else:
                await edit_provider(
                    work, box=door.secrets, provider_id=provider.id, version=provider.version,
                    label=form.text_of("label"), issuer=form.text_of("issuer"), client_id=form.text_of("client_id"),
                    client_secret=secret or UNCHANGED, email_domains=domains, new_user_role=role,
                    is_active=switch is None or bool(switch.value), may_be_local=may_be_local,
                )  # fmt: skip
            return True

        if provider is not None:
            form.offer_removal(
                _("Remove"), lambda work: remove_provider(work, provider_id=provider.id), saved=_("Removed"),
                then=self.load,
            )  # fmt: skip
        form.open_with(keep, then=self.load)


def _fields(form: FormDialog, provider: ProviderInfo | None, roles: dict[str, str], _: Translate) -> None:
    seen = provider or ProviderInfo(
        id=NIL, label="", issuer="", client_id="", has_secret=False, email_domains=(), new_user_role=None,
        is_active=True, version=0,
    )  # fmt: skip
    kept = _("Kept; empty leaves it as it is.") if seen.has_secret else _("Kept encrypted; nobody can read it later.")
    label = form.text("label", _("What the button says"), value=seen.label, hint=_("For example: Sign in with Acme"))
    label.props("autofocus")
    example = _("Begins with https://")
    form.text("issuer", _("Address of the provider (issuer)"), value=seen.issuer, hint=example)
    form.text("client_id", _("Client id"), value=seen.client_id)
    form.secret("client_secret", _("Client secret"), hint=kept)
    domains, hint = ", ".join(seen.email_domains), _("For example acme.example; empty: any")
    form.text("email_domains", _("Only addresses in these domains"), value=domains, hint=hint)
    form.choice("new_user_role", _("Newcomers get the role"), roles, value=seen.new_user_role or NOBODY)
