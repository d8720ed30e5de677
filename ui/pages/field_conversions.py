"""Changing the type of a custom field: what it shall hold, the report of what would be left over, and how far it is."""

from decimal import Decimal
from uuid import UUID

from nicegui import background_tasks, ui

from domain.custom_fields.conversions import ConversionState, Leftovers
from domain.custom_fields.fields import FieldDefinition
from domain.errors import UnisonError
from domain.events import CustomFieldConverted, Event, TaskMoved
from services.custom_fields.conversions import (
    ConversionInfo,
    check_conversion,
    drop_conversion,
    get_conversion,
    run_conversion,
    stop_conversion,
)
from services.db.work import Work, read
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.errors import show_error
from ui.kit.formats import number
from ui.kit.forms import FormDialog
from ui.kit.process import this_process
from ui.kit.translate import Translate
from ui.pages.field_forms import FieldForm
from ui.pages.setup_words import type_words

MOST_SHOWN = 100


def state_words(_: Translate) -> dict[str, str]:
    """Translate how far a change of type is."""
    return {
        ConversionState.CHECKING.value: _("values are being looked at"),
        ConversionState.CHECKED.value: _("waits for your decision"),
        ConversionState.CONVERTING.value: _("values are being changed"),
        ConversionState.DONE.value: _("done"),
        ConversionState.DROPPED.value: _("given up"),
    }


def ask_conversion(seat: Seat, entity: str, field: FieldDefinition, *, place: ui.element) -> None:
    """Ask what a field shall hold instead; then the values are looked at, and nothing changes yet.

    `place` holds the dialog that follows.
    """
    _ = seat.translate
    with FormDialog(seat, _("Change the type of “{field}”").format(field=field.label(seat.lang))) as form:
        hint = _("First every value is looked at. Nothing changes before you have seen what would be left over.")
        ui.label(hint).classes("u-form__wide u-muted")
        inputs = FieldForm(seat, form, entity, field, converts=True)

    async def begin_it(work: Work) -> ConversionInfo:
        assert field.id is not None  # noqa: S101 - fields of a page are kept
        return await check_conversion(work, field_id=field.id, version=field.version, to=inputs.definition())

    async def follow(begun: ConversionInfo) -> None:
        with place:
            follow_conversion(seat, begun.id)

    form.call_save(_("Look at the values"))
    form.open_with(begin_it, saved=_("The values are being looked at"), then=follow)


def follow_conversion(seat: Seat, conversion_id: UUID) -> None:
    """Show how far a change of type is, its report, and what can be decided."""
    _ConversionDialog(seat, conversion_id)


class _ConversionDialog:
    """Follows one change of type; can be closed and opened again meanwhile."""

    def __init__(self, seat: Seat, conversion_id: UUID) -> None:
        self._seat, self._id = seat, conversion_id
        self._task_id: UUID | None = None
        self._shown = (-1, -1)
        _ = seat.translate
        with ui.dialog().props("persistent") as self._dialog, ui.card().classes("u-dialog u-form u-conversion"):
            ui.label(_("Change of type")).classes("u-title").props("role=heading aria-level=2")
            self._progress = ui.linear_progress(value=0, show_value=False).classes("u-conversion__progress")
            self._words = ui.label().classes("u-muted").props("role=status").mark("conversion-state")
            self._report = ui.element("div").classes("u-column").mark("conversion-report")
            self._choice = ui.radio({Leftovers.ARCHIVE.value: "", Leftovers.CLEAR.value: ""}, value=None)
            self._choice.classes("u-conversion__choice").mark("leftovers")
            self._choice.on_value_change(self._allow)
            with ui.element("div").classes("u-dialog__actions"):
                self._drop = ui.button(_("Give it up"), color=None, on_click=self._give_up)
                self._drop.classes("u-button u-button--flat").mark("drop-conversion")
                self._stop = ui.button(_("Stop"), color=None, on_click=self._halt)
                self._stop.classes("u-button u-button--flat").mark("stop-conversion")
                close = ui.button(_("Close"), color=None, on_click=self._dialog.close)
                close.classes("u-button").mark("close-conversion")
                self._run = ui.button(_("Change it"), color=None, on_click=self._go)
                self._run.classes("u-button u-button--primary").mark("run-conversion")
        unsubscribe = this_process().hub.subscribe(seat.viewer.scope.org_id, self._hear)
        seat.client.on_delete(unsubscribe)
        self._dialog.on("hide", unsubscribe)
        self._dialog.on("hide", self._dialog.delete)
        self._dialog.open()
        self._follow()

    def _hear(self, event: Event | None) -> None:
        match event:
            case CustomFieldConverted(conversion_id=self._id) | TaskMoved(task_id=self._task_id) | None:
                self._follow()

    def _follow(self) -> None:
        if not self._dialog.is_deleted:
            background_tasks.create(self._load(), name="follow a change of type", context=self._dialog)

    async def _load(self) -> None:
        try:
            async with read(self._seat.scope()) as work:
                conversion = await get_conversion(work, conversion_id=self._id)
        except UnisonError as error:
            show_error(error, self._seat.translate)
            return
        newest = (conversion.version, conversion.seen)
        if not self._dialog.is_deleted and newest > self._shown:
            self._shown, self._task_id = newest, conversion.task_id
            self._show(conversion)

    def _show(self, now: ConversionInfo) -> None:
        _, numbers = self._seat.translate, self._seat.number_locale
        words = type_words(_)
        types = f"{words[now.from_type]} → {words[now.to_type]}"
        counted = _("{seen} of {total} values").format(
            seen=number_of(now.seen, numbers), total=number_of(now.total, numbers)
        )
        self._words.text = f"{types}: {state_words(_)[now.state]} · {counted}"
        is_running = now.state in {ConversionState.CHECKING, ConversionState.CONVERTING}
        self._progress.visible = is_running
        self._progress.value = now.seen / now.total if now.total else 0
        waits = now.state == ConversionState.CHECKED
        self._choice.visible = waits and now.leftover > 0
        self._choice.set_options(
            {
                Leftovers.ARCHIVE.value: _("Keep them as they are, in a field of their own that is out of use"),
                Leftovers.CLEAR.value: _("Take them away"),
            }
        )
        self._run.visible, self._drop.visible = waits, waits or now.state == ConversionState.CHECKING
        self._stop.visible = now.state == ConversionState.CONVERTING
        self._allow()
        self._report.clear()
        with self._report:
            self._draw_report(now)

    def _draw_report(self, now: ConversionInfo) -> None:
        _, numbers = self._seat.translate, self._seat.number_locale
        fits = number_of(now.total - now.leftover, numbers)
        match now.state:
            case ConversionState.CHECKED if not now.leftover:
                _note(_("All {count} values can be converted.").format(count=fits), is_good=True)
            case ConversionState.CHECKED:
                sentence = _("{fits} values can be converted, {leftover} cannot. What becomes of those?")
                _note(sentence.format(fits=fits, leftover=number_of(now.leftover, numbers)), is_good=False)
                self._draw_samples(now)
            case ConversionState.DONE:
                sentence = _("Done. {fits} values were converted.").format(fits=fits)
                left = {
                    Leftovers.ARCHIVE.value: _("{leftover} are kept in a field that is out of use."),
                    Leftovers.CLEAR.value: _("{leftover} were taken away."),
                }.get(now.leftovers or "", "")
                if now.leftover:
                    sentence += " " + left.format(leftover=number_of(now.leftover, numbers))
                _note(sentence, is_good=True)
            case ConversionState.DROPPED:
                _note(_("Given up. Nothing was changed."), is_good=False)
            case _:
                pass

    def _draw_samples(self, now: ConversionInfo) -> None:
        _ = self._seat.translate
        with ui.element("div").classes("u-table-scroll"), ui.element("table").classes("u-table"):
            with ui.element("thead"), ui.element("tr"):
                for words in (_("Thing"), _("Value"), _("Why it cannot be converted")):
                    with ui.element("th"):
                        ui.label(words)
            with ui.element("tbody"):
                for sample in now.samples[:MOST_SHOWN]:
                    fields = sample.get("fields")
                    named = {**fields, "field": _("Value")} if isinstance(fields, dict) else {}
                    why = _(str(sample["why"])).format_map(named)
                    with ui.element("tr"):
                        for cell in (str(sample["thing"]), str(sample["value"]), why):
                            with ui.element("td"):
                                ui.label(cell)

    def _allow(self) -> None:
        self._run.set_enabled(not self._choice.visible or self._choice.value is not None)

    async def _go(self) -> None:
        leftovers = Leftovers(self._choice.value) if self._choice.visible and self._choice.value else None
        await act(
            self._seat, lambda work: run_conversion(work, conversion_id=self._id, leftovers=leftovers),
            saved=self._seat.translate("The values are being changed"),
        )  # fmt: skip

    async def _halt(self) -> None:
        await act(
            self._seat, lambda work: stop_conversion(work, conversion_id=self._id),
            saved=self._seat.translate("It stops at its next step, and changes nothing"),
        )  # fmt: skip

    async def _give_up(self) -> None:
        await act(self._seat, lambda work: drop_conversion(work, conversion_id=self._id))


def number_of(count: int, language: str) -> str:
    """Write a count as the reader's language writes it."""
    return number(Decimal(count), language)


def _note(sentence: str, *, is_good: bool) -> None:
    with ui.element("div").classes("u-note u-note--good" if is_good else "u-note"):
        ui.icon("check_circle" if is_good else "error_outline")
        ui.label(sentence).classes("u-note__text")
