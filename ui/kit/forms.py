"""Forms: what is typed stays until it is saved, and a refusal stands at the field that it is about."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Self, TypeVar

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from domain.errors import Invalid, UnisonError, marked
from services.db.work import Work
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.errors import icon_of, show_error
from ui.kit.formats import number
from ui.kit.search_select import search_select
from ui.kit.translate import Translate, sentence_of

T = TypeVar("T")
F = TypeVar("F", bound=ValidationElement[Any])


class NotANumber(Invalid):
    """Something typed that is no number."""

    code: ClassVar[str] = "not_a_number"
    sentence: ClassVar[str] = marked("“{field}” must be a number.")


class NotATime(Invalid):
    """Something typed that is no time of day."""

    code: ClassVar[str] = "not_a_time"
    sentence: ClassVar[str] = marked("“{field}” must be a time such as 06:00.")


class NotADate(Invalid):
    """Something typed that is no date."""

    code: ClassVar[str] = "not_a_date"
    sentence: ClassVar[str] = marked("“{field}” must be a date.")


class Form:
    """Fields by name, and the sentence of a refusal at the field that the error names, else below them all.

    Add fields inside the element that shall hold them; the methods return NiceGUI's own elements. Read what was typed
    with `text_of` and its siblings inside the use case that `save` runs, so that what cannot be read is refused like
    everything else.
    """

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._labels: dict[str, str] = {}
        self._fields: dict[str, ValidationElement[Any]] = {}
        self._refusal: ui.element | None = None
        self._on_closed: list[Callable[[], object]] = []

    def text(
        self, name: str, label: str, *, value: str = "", hint: str = "", suggestions: Sequence[str] = ()
    ) -> ui.input:
        """Add a line of text; `suggestions` complete what is typed."""
        field = ui.input(label, value=value, autocomplete=list(suggestions) or None)
        if hint:
            field.props["hint"] = hint
        return self._added(name, label, field)

    def secret(self, name: str, label: str, *, hint: str = "") -> ui.input:
        """Add a line of text that is shown as dots until the eye beside it is pressed."""
        field = ui.input(label, password=True, password_toggle_button=True).props("autocomplete=new-password")
        if hint:
            field.props["hint"] = hint
        return self._added(name, label, field)

    def long_text(self, name: str, label: str, *, value: str = "") -> ui.textarea:
        """Add several lines of text."""
        return self._added(name, label, ui.textarea(label, value=value).props("autogrow"))

    def number(
        self, name: str, label: str, *, value: Decimal | int | None = None, unit: str = "", hint: str = ""
    ) -> ui.input:
        """Add a number, written as the reader's language writes it; empty for None."""
        shown = "" if value is None else number(Decimal(value), self._seat.number_locale)
        field = ui.input(label, value=shown).props("inputmode=decimal")
        if unit:
            field.props["suffix"] = unit
        if hint:
            field.props["hint"] = hint
        return self._added(name, label, field)

    def time_of_day(self, name: str, label: str, *, value: time | None = None) -> ui.input:
        """Add a time of day; the browser brings its own picker."""
        field = ui.input(label, value="" if value is None else value.isoformat("minutes"))
        return self._added(name, label, field.props("type=time stack-label"))

    def day(self, name: str, label: str, *, value: date | None = None) -> ui.input:
        """Add a day; the browser brings its own calendar."""
        field = ui.input(label, value="" if value is None else value.isoformat())
        return self._added(name, label, field.props("type=date stack-label"))

    def choice(
        self,
        name: str,
        label: str,
        options: Mapping[T, str],
        *,
        value: T | None = None,
        can_search: bool = False,
        can_clear: bool = False,
    ) -> ui.select:
        """Add a choice of one of `options`, which give each value its words; `can_clear` lets it be none."""
        field = ui.select(dict(options), label=label, value=value, with_input=can_search, clearable=can_clear)
        return self._added(name, label, field)

    def choices(self, name: str, label: str, options: Mapping[T, str], *, value: Sequence[T] = ()) -> ui.select:
        """Add a choice of any number of `options`."""
        field = ui.select(dict(options), label=label, value=list(value), multiple=True).props("use-chips")
        return self._added(name, label, field)

    def moment(self, name: str, label: str, *, value: datetime | None = None, hint: str = "") -> ui.input:
        """Add a day with a time of day; the browser brings its own picker. `hint` says by which clock."""
        shown = "" if value is None else value.replace(tzinfo=None).isoformat(timespec="minutes")
        field = ui.input(label, value=shown).props("type=datetime-local stack-label")
        if hint:
            field.props["hint"] = hint
        return self._added(name, label, field)

    def search(
        self,
        name: str,
        label: str,
        known: Mapping[str, str],
        *,
        find: Callable[[str], Awaitable[dict[str, str]]],
        value: str | None = None,
    ) -> ui.select:
        """Add a choice of one of more things than can be listed: `find` returns those that fit what is typed."""
        field = search_select(label, known, find=find, value=value)
        return self._added(name, label, field)

    def switch(self, name: str, label: str, *, value: bool = False) -> ui.switch:
        """Add a yes or no."""
        return ui.switch(label, value=value).classes("u-switch").mark(f"field-{name}")

    def add(self, name: str, label: str, field: F) -> F:
        """Add a field that somebody else made."""
        return self._added(name, label, field)

    def forget(self, *names: str) -> None:
        """Know fields no longer that are taken off the screen."""
        for name in names:
            self._fields.pop(name, None)
            self._labels.pop(name, None)

    def on_closed(self, do: Callable[[], object]) -> None:
        """Run something when nobody can fill in the form any more."""
        self._on_closed.append(do)

    def on_typing(self, do: Callable[[], object]) -> None:
        """Run something whenever a field of the form changes that was added so far."""
        for field in self._fields.values():
            field.on_value_change(do)

    def has(self, name: str) -> bool:
        """Tell whether the form has a field."""
        return name in self._fields

    def value_of(self, name: str) -> object:
        """Return what a field holds, as its element does."""
        return self._fields[name].value

    def text_of(self, name: str) -> str:
        """Return a text as it was typed; empty where nothing was."""
        value = self._fields[name].value
        return "" if value is None else str(value)

    def chosen_of(self, name: str) -> list[str]:
        """Return what was chosen among texts, none where nothing was."""
        return [str(chosen) for chosen in self._fields[name].value or ()]

    def number_of(self, name: str) -> Decimal | None:
        """Return a number; None where nothing was typed. A comma and a point both stand before the decimals.

        Raises:
            NotANumber: it is none.
        """
        typed = self.text_of(name).strip()
        for space in (" ", "\u00a0", "\u202f"):
            typed = typed.replace(space, "")
        has_comma = self._seat.number_locale in ("de", "fr")
        if "," in typed:
            typed = typed.replace(".", "").replace(",", ".") if has_comma else typed.replace(",", "")
        elif self._seat.number_locale == "de" and typed.count(".") == 1 and len(typed.partition(".")[2]) == 3:
            typed = typed.replace(".", "")  # 12.000 is twelve thousand, as this form writes it
        if not typed:
            return None
        try:
            return Decimal(typed)
        except InvalidOperation as error:
            raise NotANumber(field=name) from error

    def whole_number_of(self, name: str) -> int:
        """Return a whole number.

        Raises:
            NotANumber: it is none, or nothing was typed.
        """
        value = self.number_of(name)
        if value is None or not value.is_finite() or value != value.to_integral_value() or abs(value) >= 2**31:
            raise NotANumber(field=name)
        return int(value)

    def time_of(self, name: str) -> time:
        """Return a time of day.

        Raises:
            NotATime: it is none, or nothing was typed.
        """
        try:
            return time.fromisoformat(self.text_of(name))
        except ValueError as error:
            raise NotATime(field=name) from error

    def day_of(self, name: str) -> date:
        """Return a day.

        Raises:
            NotADate: it is none, or nothing was typed.
        """
        try:
            return date.fromisoformat(self.text_of(name))
        except ValueError as error:
            raise NotADate(field=name) from error

    def moment_of(self, name: str) -> datetime:
        """Return a day with its time of day, by whichever clock the form says.

        Raises:
            NotATime: it is none, or nothing was typed.
        """
        try:
            return datetime.fromisoformat(self.text_of(name)).replace(tzinfo=None)
        except ValueError as error:
            raise NotATime(field=name) from error

    async def save(self, do: Callable[[Work], Awaitable[T]], *, saved: str = "") -> T | None:
        """Run a use case as `act` does; return its result, or None after a refusal was shown."""
        self._clear()
        return await act(self._seat, do, saved=saved or self._seat.translate("Saved"), refuse=self.refuse)

    def refuse(self, error: UnisonError, translate: Translate) -> None:
        """Show a refusal at the field that the error names, by the name that the field has on the screen."""
        name = str(error.fields.get("field", ""))
        field = self._fields.get(name)
        sentence = sentence_of(error, translate, field=self._labels.get(name))
        if field is not None:
            field.error = sentence
            field.run_method("focus")
        elif self._refusal is not None:
            self._refusal.clear()
            with self._refusal:
                ui.icon(icon_of(error))
                ui.label(sentence)
            self._refusal.visible = True
        else:
            show_error(error, translate)

    def place_for_refusals(self) -> None:
        """Show here what no field is to blame for."""
        self._refusal = ui.element("div").classes("u-note").props("role=alert").mark("refusal")
        self._refusal.visible = False

    def _added(self, name: str, label: str, field: F) -> F:
        field.classes("u-field").props("outlined").mark(f"field-{name}")
        self._labels[name], self._fields[name] = label, field
        return field

    def _clear(self) -> None:
        for field in self._fields.values():
            field.error = None
        if self._refusal is not None:
            self._refusal.visible = False


class FormDialog(Form):
    """A form in a dialog: enter its block to add the fields, then `open_with` what saving does.

    It closes when it was saved or given up by button or Escape, and stays with everything typed when it was refused or
    somebody touched beside it.
    """

    def __init__(self, seat: Seat, title: str, *, action: str = "") -> None:
        """Show `title`; `action` is what the button does where saving is not the word for it."""
        super().__init__(seat)
        self.title = title
        _ = seat.translate
        self._on_enter: list[ui.input] = []
        self._dialog = ui.dialog().props("no-backdrop-dismiss")
        self._dialog.on("hide", self._forget)
        with self._dialog, ui.card().classes("u-dialog u-form"):
            ui.label(title).classes("u-title").props("role=heading aria-level=2")
            self._body = ui.element("div").classes("u-form__fields")
            self.place_for_refusals()
            with ui.element("div").classes("u-dialog__actions"):
                self._left = ui.element("div").classes("u-form__left")
                cancel = ui.button(_("Cancel"), color=None, on_click=self._dialog.close)
                cancel.classes("u-button u-button--flat").mark("cancel")
                self._save = (
                    ui.button(action or _("Save"), color=None).classes("u-button u-button--primary").mark("save")
                )

    def __enter__(self) -> Self:
        self._body.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._body.__exit__(*error)

    def open_with(
        self,
        do: Callable[[Work], Awaitable[T]],
        *,
        saved: str = "",
        then: Callable[[T], Awaitable[None]] | None = None,
    ) -> None:
        """Show the dialog; saving runs `do` and, when that is committed, `then`."""

        async def save() -> None:
            self._save.props["loading"] = True
            result = await self.save(do, saved=saved)
            self._save.props["loading"] = False
            if result is None:
                return
            self._dialog.close()
            if then is not None:
                await then(result)
            self._forget()

        self._save.on_click(save)
        for field in self._on_enter:
            field.on("keydown.enter", save)
        self._dialog.open()

    def call_save(self, label: str) -> None:
        """Give the button another name, where it saves nothing."""
        self._save.text = label

    def save_on_enter(self, field: ui.input) -> None:
        """Let Enter in a field save as the button does: scanners end with it. To be called before `open_with`."""
        self._on_enter.append(field)

    def beside_saving(self) -> ui.element:
        """Return the place for further buttons, left of those that save and give up."""
        return self._left

    def offer_removal(
        self,
        label: str,
        do: Callable[[Work], Awaitable[T]],
        *,
        saved: str,
        then: Callable[[object], Awaitable[None]] | None = None,
    ) -> None:
        """Add a button that removes what the form is about, pressed twice, since it cannot be taken back; `then` runs
        when that is committed."""
        sure = self._seat.translate("Really?")
        pressed = False

        async def remove() -> None:
            nonlocal pressed
            if not pressed:
                pressed = True
                button.set_text(sure)
                button.classes("u-button--danger", remove="u-button--flat")
                return
            if await self.save(lambda work: _done(do, work), saved=saved):
                self._dialog.close()
                if then is not None:
                    await then(True)
                self._forget()

        with self._left:
            button = ui.button(label, icon="delete", color=None, on_click=remove).classes("u-button u-button--flat")
            button.mark("remove")

    def _forget(self) -> None:
        while self._on_closed:
            self._on_closed.pop()()
        if not self._dialog.is_deleted:
            self._dialog.delete()


async def _done(do: Callable[[Work], Awaitable[T]], work: Work) -> bool:
    await do(work)
    return True
