"""One's own second factor: set up, recovery codes, removed."""

from nicegui import ui

from services.db.work import Work, read
from services.identity.second_factors import (
    Enrolment,
    OwnFactor,
    begin_enrolment,
    confirm_enrolment,
    own_factor,
    remove_own_factor,
    renew_recovery_codes,
    second_factor_box,
)
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.forms import FormDialog
from ui.kit.process import this_process
from ui.pages.admin_parts import heading
from ui.pages.second_factor import draw_enrolment
from ui.pages.shown_once import show_once


class OwnSecondFactor:
    """The section of one's own account."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._shown: OwnFactor | None = None
        with ui.element("section").classes("u-card u-column").mark("second-factor"):
            heading(seat.translate("Second factor"))
            self._box = ui.element("div").classes("u-column")
        self._beside = ui.element("div")

    async def load(self, _changed: object = None) -> None:
        """Show what there is now."""
        async with read(self._seat.scope()) as work:
            factor = await own_factor(work)
        if factor != self._shown:
            self._shown = factor
            self._box.clear()
            with self._box:
                self._draw(factor)

    def _draw(self, factor: OwnFactor) -> None:
        _ = self._seat.translate
        if not factor.is_confirmed:
            ui.label(_("A code from an app on your phone, asked for after the password, keeps others out.")).classes(
                "u-muted"
            )
            add = ui.button(_("Set up an app"), icon="qr_code", color=None, on_click=self._ask_new)
            add.classes("u-button").mark("add-factor")
            return
        with ui.element("span").classes("u-held") as held:
            ui.icon("check_circle")
            ui.label(_("Set up. Recovery codes left: {count}").format(count=factor.codes_left)).mark("factor-state")
        held.props["data-held"] = "true"
        with ui.element("div").classes("u-row"):
            codes = ui.button(_("New recovery codes"), icon="key", color=None, on_click=self._ask_codes)
            codes.classes("u-button").mark("renew-codes")
            remove = ui.button(_("Remove"), icon="no_encryption", color=None, on_click=self._ask_removal)
            remove.classes("u-button u-button--flat").mark("remove-factor")

    async def _ask_new(self) -> None:
        _, process = self._seat.translate, this_process()
        box = second_factor_box(process.settings.signing_key)
        enrolment: Enrolment | None = await act(self._seat, lambda work: begin_enrolment(work, box))
        if enrolment is None:
            return
        with self._beside, FormDialog(self._seat, _("Set up an app"), action=_("Confirm")) as form:
            with ui.element("div").classes("u-form__wide u-column"):
                draw_enrolment(enrolment, _)
            form.save_on_enter(form.text("code", _("Code of the app")).props("autofocus autocomplete=one-time-code"))

        async def confirm(work: Work) -> tuple[str, ...]:
            return await confirm_enrolment(work, process.attempts, box, code=form.text_of("code"))

        form.open_with(confirm, then=self._show_codes)

    def _ask_codes(self) -> None:
        _ = self._seat.translate
        with self._beside, FormDialog(self._seat, _("New recovery codes"), action=_("Make them")) as form:
            ui.label(_("Those of before open nothing any more.")).classes("u-form__wide")
            form.secret("password", _("Present password")).props("autocomplete=current-password")

        async def renew(work: Work) -> tuple[str, ...]:
            return await renew_recovery_codes(work, this_process().attempts, password=form.text_of("password"))

        form.open_with(renew, then=self._show_codes)

    def _ask_removal(self) -> None:
        _ = self._seat.translate
        with self._beside, FormDialog(self._seat, _("Remove the second factor?"), action=_("Remove")) as form:
            form.secret("password", _("Present password")).props("autocomplete=current-password")

        async def remove(work: Work) -> bool:
            await remove_own_factor(work, this_process().attempts, password=form.text_of("password"))
            return True

        form.open_with(remove, then=self.load)

    async def _show_codes(self, codes: tuple[str, ...]) -> None:
        _ = self._seat.translate
        show_once(
            self._seat,
            self._beside,
            title=_("Keep these recovery codes"),
            explanation=_("Each opens your account once without the app. They are shown this once."),
            label=_("Recovery codes"),
            value=" ".join(codes),
        )
        await self.load()
