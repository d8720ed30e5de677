"""What the organization asks of passwords and sign-ins."""

from nicegui import ui

from domain.identity.roles import Permission
from domain.identity.sign_in_policies import CharacterKind, SecondFactorRule, SignInPolicy
from services.auth.breached import has_breached_passwords
from services.db.work import Work, read
from services.identity.role_queries import role_names
from services.identity.sign_in_policies import read_sign_in_policy, set_sign_in_policy
from ui.kit.enter import Seat, screen
from ui.kit.forms import Form
from ui.pages.admin_parts import heading, setup_page
from ui.pages.role_words import plants_to_name, role_name


@screen("/admin/sign-in", permission=Permission.READ_SIGN_IN_POLICY)
async def admin_sign_in(seat: Seat) -> None:
    """Show what is asked, and let who may change it."""
    async with read(seat.scope()) as work:
        policy = await read_sign_in_policy(work)
        names = await role_names(work)
        plants = await plants_to_name(work)
    roles = {key: role_name(seat.translate, key, name) for key, name in names.items()}
    with setup_page(seat, seat.translate("Sign-in rules"), "/admin/sign-in", plants=plants):
        _Page(seat, policy, roles)


class _Page:
    """One form in three parts."""

    def __init__(self, seat: Seat, policy: SignInPolicy, roles: dict[str, str]) -> None:
        self._seat, self._version = seat, policy.version
        _ = seat.translate
        self._form = form = Form(seat)
        with ui.element("section").classes("u-card u-column u-form"):
            heading(_("Passwords"))
            with ui.element("div").classes("u-form__fields"):
                form.number("shortest_password", _("At least"), value=policy.shortest_password, unit=_("characters"))
                kinds = {
                    CharacterKind.LOWER.value: _("Small letters"),
                    CharacterKind.UPPER.value: _("Capital letters"),
                    CharacterKind.DIGIT.value: _("Digits"),
                    CharacterKind.SIGN.value: _("Other characters"),
                }
                form.choices("kinds", _("Must have"), kinds, value=sorted(policy.kinds))
                self._breached = form.switch(
                    "refuses_breached", _("Refuse passwords known from breaches"), value=policy.refuses_breached
                )
            if not has_breached_passwords():
                ui.label(_("This installation has no list of breached passwords (UNISON_BREACHED_PASSWORDS).")).classes(
                    "u-muted"
                )
        with ui.element("section").classes("u-card u-column u-form"):
            heading(_("Locks and sessions"))
            with ui.element("div").classes("u-form__fields"):
                form.number("attempts", _("Lock an account after"), value=policy.attempts, unit=_("failed attempts"))
                form.number("lock_minutes", _("Lock it for"), value=policy.lock_minutes, unit="min")
                form.number(
                    "idle_minutes", _("A session ends without use after"), value=policy.idle_minutes, unit="min",
                    hint=_("Empty: as the installation says. An open page counts as use."),
                )  # fmt: skip
                form.number(
                    "most_hours", _("A session ends in any case after"), value=policy.most_hours, unit="h",
                    hint=_("Empty: no limit"),
                )  # fmt: skip
        with ui.element("section").classes("u-card u-column u-form"):
            heading(_("Second factor"))
            ui.label(
                _("A code from an app, asked for after the password. Who needs one sets it up at the next sign-in.")
            ).classes("u-muted")
            with ui.element("div").classes("u-form__fields"):
                rules = {
                    SecondFactorRule.OPTIONAL.value: _("Who wants one"),
                    SecondFactorRule.ROLES.value: _("These roles"),
                    SecondFactorRule.EVERYBODY.value: _("Everybody"),
                }
                form.choice("second_factor", _("Needed by"), rules, value=policy.second_factor.value)
                chosen = [role for role in sorted(policy.second_factor_roles) if role in roles]
                form.choices("second_factor_roles", _("Roles"), roles, value=chosen)
        form.place_for_refusals()
        if seat.viewer.scope.may(Permission.EDIT_SIGN_IN_POLICY):
            with ui.element("div").classes("u-dialog__actions"):
                save = ui.button(_("Save"), color=None, on_click=self._save)
                save.classes("u-button u-button--primary").mark("save-policy")

    async def _save(self) -> None:
        kept = await self._form.save(self._keep)
        if kept is not None:
            self._version = kept.version

    async def _keep(self, work: Work) -> SignInPolicy:
        form = self._form
        wish = SignInPolicy(
            shortest_password=form.whole_number_of("shortest_password"),
            kinds=frozenset(map(CharacterKind, form.chosen_of("kinds"))),
            refuses_breached=bool(self._breached.value),
            attempts=form.whole_number_of("attempts"),
            lock_minutes=form.whole_number_of("lock_minutes"),
            idle_minutes=self._optional("idle_minutes"),
            most_hours=self._optional("most_hours"),
            second_factor=SecondFactorRule(form.text_of("second_factor")),
            second_factor_roles=frozenset(form.chosen_of("second_factor_roles")),
            version=self._version,
        )
        return await set_sign_in_policy(work, policy=wish)

    def _optional(self, name: str) -> int | None:
        return self._form.whole_number_of(name) if self._form.text_of(name).strip() else None
