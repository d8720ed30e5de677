"""What was booked last at the machine, and how to take one's own back."""

from itertools import zip_longest
from uuid import UUID

from nicegui import ui

from services.db.keys import new_id
from services.plant.places import Place
from services.production.reversals import reverse_report
from services.production.terminals import RecentReport, TerminalView
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.formats import number, time_of_day

ENTRIES = 8


class RecentPart:
    """The last reports, newest first."""

    def __init__(self, seat: Seat, place: Place) -> None:
        _ = seat.translate
        with ui.element("div").classes("u-card"):
            ui.label(_("Last reports")).classes("u-subtitle")
            self._nothing = ui.label(_("Nothing was booked in the last 24 hours.")).classes("u-muted")
            with ui.element("div").classes("u-entries").mark("entries"):
                self._entries = [_Entry(seat, place) for _number in range(ENTRIES)]

    def show(self, view: TerminalView) -> None:
        """Show the reports of now."""
        self._nothing.visible = not view.recent
        for entry, report in zip_longest(self._entries, view.recent[:ENTRIES]):
            entry.show(report)


class _Entry:
    """One report: when, what, by whom, and whether it was taken back."""

    def __init__(self, seat: Seat, place: Place) -> None:
        self._seat, self._zone = seat, seat.zone_of(place.time_zone)
        self._client_key: UUID | None = None
        self._words = ""
        _ = seat.translate
        with ui.element("div").classes("u-entry") as self._row:
            self._at = ui.label().classes("u-muted")
            self._what = ui.label().classes("u-entry__what")
            self._who = ui.label().classes("u-entry__who")
            self._undo = ui.button(_("Undo"), icon="undo", color=None, on_click=self._ask)
            self._undo.classes("u-button u-entry__undo").mark("undo")
            self._undone = ui.label().classes("u-entry__undone")

    def show(self, report: RecentReport | None) -> None:
        """Show a report, or nothing."""
        self._row.visible = report is not None
        if report is None:
            return
        _, numbers = self._seat.translate, self._seat.number_locale
        good = _("{count} good").format(count=number(report.good, numbers)) if report.good else ""
        rest = f"{number(report.not_good, numbers)} {report.reason}" if report.not_good else ""
        self._client_key, self._words = report.client_key, " · ".join(part for part in (good, rest) if part)
        self._at.set_text(time_of_day(report.at, self._zone, self._seat.lang))
        self._what.set_text(self._words)
        self._who.set_text(report.operator or _("Machine"))
        self._row.props["data-undone"] = "true" if report.is_undone else "false"
        self._undo.visible = report.undo_until is not None
        self._undone.visible = report.is_undone
        self._undone.set_text(_("Undone by {name}").format(name=report.undone_by or _("Machine")))

    async def _ask(self) -> None:
        _, client_key = self._seat.translate, self._client_key
        with ui.dialog() as dialog, ui.card().classes("u-dialog"):
            ui.label(_("Take this report back?")).classes("u-title")
            ui.label(self._words).classes("u-subtitle")
            with ui.element("div").classes("u-dialog__actions"):
                ui.button(_("Cancel"), color=None, on_click=dialog.close).classes("u-button u-button--flat")
                yes = ui.button(_("Take it back"), icon="undo", color=None, on_click=lambda: dialog.submit(True))
                yes.classes("u-button u-button--primary").mark("undo-yes")
        is_wanted = await dialog
        dialog.delete()
        if is_wanted and client_key is not None:
            await act(
                self._seat,
                lambda work: reverse_report(work, client_key=client_key, reversal_key=new_id()),
                saved=_("Taken back"),
            )
