"""The part of a form in which an organization's own fields are filled in, whatever happens to them meanwhile."""

from dataclasses import replace

from nicegui import background_tasks, ui

from domain.custom_fields.fields import FieldDefinition, FieldPlace, FieldType
from domain.custom_fields.values import Values
from domain.errors import UnisonError
from domain.events import CustomFieldsChanged, Event
from services.custom_fields.fields import load_fields
from services.custom_fields.references import names_of
from services.custom_fields.shown import text_of
from services.db.work import Work, read
from ui.kit.enter import Seat
from ui.kit.errors import show_error
from ui.kit.field_inputs import FieldInputs
from ui.kit.forms import Form
from ui.kit.process import this_process

Typed = dict[str, object]
"""What stands in the inputs, by key, as their elements hold it."""


class CustomInputs:
    """The custom fields of one thing in a form.

    They come a moment after the form. A field that is changed, added or taken out of use while the form is open does
    so here as well: what was typed stays, and where its field is gone it stands in a note from which it can be copied.
    Give `values` of the thing to the use case; those that nobody can see here stay as they are.
    """

    def __init__(self, seat: Seat, form: Form, entity: str, *, values: Values | None = None, zone: str = "UTC") -> None:
        self._seat, self._form, self._entity, self._zone = seat, form, entity, zone
        self._is_new = values is None
        self._values: Values = values or {}
        self._drawn: tuple[FieldDefinition, ...] | None = None
        self._inputs = FieldInputs(seat, form, entity, zone=zone)
        self._began_with: Typed = {}
        with ui.element("div").classes("u-form__wide u-custom") as self._root:
            self._notes = ui.element("div").classes("u-column")
            self._fields = ui.element("div").classes("u-form__fields")
        self._root.mark("custom-fields")
        self._root.visible = False
        unsubscribe = this_process().hub.subscribe(seat.viewer.scope.org_id, self._hear)
        form.on_closed(unsubscribe)
        seat.client.on_delete(unsubscribe)
        self._follow()

    async def values(self, work: Work) -> dict[str, object]:
        """Return what was typed in the fields that exist now, for the use case that saves it.

        Raises:
            NotANumber, NotADate, NotATime: something that was typed cannot be read.
        """
        fields = await self._loaded(work)
        with self._root:
            await self._show(work, fields)
        return {one.key: self._inputs.typed(one) for one in fields}

    def _hear(self, event: Event | None) -> None:
        if event is None or (isinstance(event, CustomFieldsChanged) and event.entity == self._entity):
            self._follow()

    def _follow(self) -> None:
        background_tasks.create(self._load(), name="load custom fields", context=self._root)

    async def _load(self) -> None:
        try:
            async with read(self._seat.scope()) as work:
                await self._show(work, await self._loaded(work))
        except UnisonError as error:
            show_error(error, self._seat.translate)

    async def _loaded(self, work: Work) -> tuple[FieldDefinition, ...]:
        return await load_fields(work, self._entity, place=FieldPlace.FORM)

    async def _show(self, work: Work, fields: tuple[FieldDefinition, ...]) -> None:
        """Draw the fields, unless they stand there as they are."""
        if self._drawn is not None and [_drawn_of(one) for one in fields] == [_drawn_of(one) for one in self._drawn]:
            return
        names = await names_of(work, fields, [self._values])
        self._inputs.names.update({key: names.text(key) for key in names.codes})
        if self._root.is_deleted:
            return
        before = {one.key: one for one in self._drawn or ()}
        typed = self._inputs.holding
        now = {one.key: one for one in fields}
        for key, one in before.items():
            if key not in now or now[key].type is not one.type:
                self._note_loss(one, typed.pop(key))
        self._inputs.forget()
        self._fields.clear()
        self._drawn = fields
        defaults = {one.key: one.default for one in fields}
        with self._fields:
            self._inputs.draw(fields, defaults if self._is_new else self._values)
        for key, held in self._inputs.holding.items():
            self._began_with.setdefault(key, held)
        self._inputs.put(typed)
        self._root.visible = bool(fields) or bool(self._notes.default_slot.children)

    def _note_loss(self, one: FieldDefinition, typed: object) -> None:
        """Say that a field is gone, with what was typed into it."""
        _, lang = self._seat.translate, self._seat.lang
        if typed in (None, "", []) or (not self._is_new and typed == self._began_with.get(one.key)):
            text = ""
        elif one.type in {FieldType.TEXT, FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME}:
            text = str(typed)
        elif isinstance(typed, tuple):
            text = str(typed[1])
        elif one.type is FieldType.REFERENCE:
            text = self._inputs.names.get(str(typed), str(typed))
        else:
            text = text_of(one, typed, lang, zone=self._zone)
        with self._notes, ui.element("div").classes("u-note u-note--lost").props("role=status").mark("lost-field"):
            ui.icon("info")
            with ui.element("div").classes("u-note__text"):
                gone = _("“{field}” was taken out of use while this form was open. Saving goes on without it.")
                ui.label(gone.format(field=one.label(lang)))
                if text:
                    ui.label(_("What you typed:")).classes("u-note__small")
                    ui.label(text).classes("u-note__typed")
            if text:
                _copy_button(text, _("Copy"), _("Copied"))


def _copy_button(text: str, label: str, done: str) -> None:
    def copy() -> None:
        ui.clipboard.write(text)
        ui.notify(done, type="positive", position="top", timeout=2_000, classes="u-notify")

    button = ui.button(label, icon="content_copy", color=None, on_click=copy).classes("u-button").mark("copy-lost")
    button.props["data-text"] = text


def _drawn_of(one: FieldDefinition) -> FieldDefinition:
    """Return what of a field is to be seen in a form."""
    return replace(one, version=0, has_keys=False, shown_in=frozenset())
