"""Whether anybody altered the audit: the newest link to note down, and verifying the whole chain while one watches."""

from contextlib import suppress
from datetime import UTC, datetime

from nicegui import background_tasks, ui

from domain.audit.chains import Anchor, AnchorState, BrokenBecause
from domain.errors import UnisonError
from services.audit.chain import BrokenEntry, ChainReport, SealingTooSlow, newest_anchor, seal_now, verify_chain
from services.audit.recorded import words_of
from services.db.work import read
from ui.kit.enter import Seat
from ui.kit.errors import show_error
from ui.kit.formats import number
from ui.kit.forms import Form


class ChainCard:
    """The newest link, and a button that computes all of them again."""

    def __init__(self, seat: Seat) -> None:
        self._seat, self._is_running = seat, False
        _ = seat.translate
        with ui.element("section").classes("u-card u-column"):
            ui.label(_("Chain of hashes")).classes("u-subtitle").props("role=heading aria-level=2")
            ui.label(
                _("Every entry carries the hash of the one before. Note the newest link down outside this system: "
                  "verified against it later, even a chain that was written anew shows.")
            ).classes("u-muted")  # fmt: skip
            with ui.element("div").classes("u-audit__anchor"):
                ui.label(_("Newest link")).classes("u-muted")
                self._anchor = ui.label("–").classes("u-mono u-audit__fact").mark("anchor")
            self._form = Form(seat)
            with ui.element("div").classes("u-row"):
                earlier = self._form.text("anchor", _("Link that was noted down (optional)"), hint="17:ab12…")
                earlier.classes("u-audit__earlier")
                self._button = ui.button(_("Verify the chain"), icon="verified_user", color=None, on_click=self._verify)
                self._button.classes("u-button u-button--primary").mark("verify-chain")
            self._progress = ui.linear_progress(value=0, show_value=False).classes("u-conversion__progress")
            self._progress.visible = False
            with ui.element("div").classes("u-note").props("role=status").mark("verified") as self._result:
                self._icon = ui.icon("verified_user")
                self._words = ui.label().classes("u-note__text")
            self._result.visible = False

    async def load(self) -> None:
        """Show the newest link."""
        async with read(self._seat.scope()) as work:
            anchor = await newest_anchor(work)
        self._anchor.set_text("–" if anchor is None else str(anchor))

    def _verify(self) -> None:
        """Verify beside the page, which stays usable; leaving it ends the verification."""
        if self._is_running:
            return
        try:
            typed = self._form.text_of("anchor").strip()
            earlier = Anchor.parse(typed, field="anchor") if typed else None
        except UnisonError as error:
            self._form.refuse(error, self._seat.translate)
            return
        self._is_running = True
        running = background_tasks.create(self._run(earlier), name="verify the audit", context=self._seat.client)
        self._seat.client.on_delete(lambda: running.cancel())

    async def _run(self, earlier: Anchor | None) -> None:
        _ = self._seat.translate
        self._button.disable()
        self._result.visible = False
        self._progress.value, self._progress.visible = 0, True
        try:
            with suppress(SealingTooSlow):  # the result says how many are not sealed
                await seal_now(self._seat.scope())
            report = await verify_chain(self._seat.scope(), earlier=earlier, on_progress=self._show_progress)
            self._show(report)
        except UnisonError as error:
            show_error(error, _)
        finally:
            self._is_running = False
            self._button.enable()
            self._progress.visible = False

    async def _show_progress(self, done: int, of: int) -> None:
        self._progress.value = done / of if of else 0

    def _show(self, report: ChainReport) -> None:
        _, numbers = self._seat.translate, self._seat.number_locale
        count = number(report.checked, numbers)
        if report.anchor is not None:
            self._anchor.set_text(str(report.anchor))
        if report.broken is not None:
            words = _("Altered: {count} entries fit, then the chain is broken. {entry}").format(
                count=count, entry=self._broken(report.broken)
            )
        elif report.given is AnchorState.GONE:
            words = _("Altered: the link that was noted down does not stand in the chain any more.")
        elif report.waiting:
            words = _("{count} entries fit; {waiting} are not sealed yet.").format(
                count=count, waiting=number(report.waiting, numbers)
            )
        else:
            words = _("Nothing was altered: all {count} entries fit.").format(count=count)
        self._icon.set_name("verified_user" if report.holds else "gpp_bad")
        self._words.set_text(words)
        good, bad = "u-note--good", "u-note--bad"
        self._result.classes(good if report.holds else bad, remove=bad if report.holds else good)
        self._result.visible = True

    def _broken(self, broken: BrokenEntry) -> str:
        _ = self._seat.translate
        why = {
            BrokenBecause.ENTRY_CHANGED: _("The entry was changed."),
            BrokenBecause.ENTRY_MISSING: _("The entry is gone."),
            BrokenBecause.ENTRY_ADDED: _("The entry was put there afterwards."),
            BrokenBecause.LINK_MISSING: _("The link before it is gone."),
            BrokenBecause.ORDER: _("It stands in another order."),
        }[broken.because]
        place = "–" if broken.position is None else str(broken.position)
        first = _("First at position {position}, entry {seq}.").format(position=place, seq=broken.seq or "–")
        thing = "" if broken.at is None else f"{_(words_of(broken.thing))} {broken.row_id or ''}, {_utc(broken.at)}. "
        return f"{first} {thing}{why}"


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(" ", "seconds")
