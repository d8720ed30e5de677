"""The part of a form in which an organization's own fields are filled in, whatever happens to them meanwhile."""

from dataclasses import replace
from datetime import UTC, date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import background_tasks, ui
from nicegui.elements.mixins.validation_element import ValidationElement

from domain.custom_fields.fields import FieldDefinition, FieldPlace, FieldType, in_language
from domain.custom_fields.values import Values, instant_of, number_of
from domain.errors import UnisonError
from domain.events import CustomFieldsChanged, Event
from services.custom_fields.fields import load_fields
from services.custom_fields.references import find_references, names_of
from services.custom_fields.shown import text_of
from services.db.work import Work, read
from ui.kit.enter import Seat
from ui.kit.errors import show_error
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
        self._inputs: dict[str, ValidationElement[Any]] = {}
        self._names: dict[str, str] = {}
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
        return {one.key: self._typed(one) for one in fields}

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
        fields = await load_fields(work, self._entity, place=FieldPlace.FORM)
        return tuple(one for one in fields if one.type is not FieldType.FILE)

    async def _show(self, work: Work, fields: tuple[FieldDefinition, ...]) -> None:
        """Draw the fields, unless they stand there as they are."""
        if self._drawn is not None and [_drawn_of(one) for one in fields] == [_drawn_of(one) for one in self._drawn]:
            return
        names = await names_of(work, fields, [self._values])
        self._names.update({key: names.text(key) for key in names.codes})
        if self._root.is_deleted:
            return
        before = {one.key: one for one in self._drawn or ()}
        typed = {key: element.value for key, element in self._inputs.items()}
        now = {one.key: one for one in fields}
        for key, one in before.items():
            if key not in now or now[key].type is not one.type:
                self._note_loss(one, typed.pop(key))
        self._form.forget(*(one.name for one in before.values()))
        self._fields.clear()
        self._inputs.clear()
        self._drawn = fields
        with self._fields:
            self._draw(fields, typed)
        self._root.visible = bool(fields) or bool(self._notes.default_slot.children)

    def _draw(self, fields: tuple[FieldDefinition, ...], typed: Typed) -> None:
        lang, section = self._seat.lang, ""
        for one in fields:
            heading = in_language(one.section, lang)
            if heading and heading != section:
                ui.label(heading).classes("u-subtitle u-form__wide").props("role=heading aria-level=3")
            section = heading
            element = self._input(one, one.default if self._is_new else self._values.get(one.key))
            self._inputs[one.key] = element
            self._began_with.setdefault(one.key, element.value)
            if one.key in typed:
                element.value = typed[one.key]

    def _input(self, one: FieldDefinition, stored: object) -> ValidationElement[Any]:
        form, lang, _ = self._form, self._seat.lang, self._seat.translate
        label = one.label(lang) + (" *" if one.is_required else "")
        match one.type:
            case FieldType.NUMBER:
                number: Decimal | None = None if stored is None else number_of(stored)
                return form.number(one.name, label, value=number, unit=one.unit)
            case FieldType.BOOLEAN:
                words = {True: _("Yes"), False: _("No")}
                value = stored if isinstance(stored, bool) else None
                return form.choice(one.name, label, words, value=value, can_clear=not one.is_required)
            case FieldType.DATE:
                return form.day(one.name, label, value=None if stored is None else date.fromisoformat(str(stored)))
            case FieldType.DATETIME:
                at = None if stored is None else instant_of(stored).astimezone(ZoneInfo(self._zone))
                return form.moment(one.name, label, value=at, hint=self._zone)
            case FieldType.CHOICE | FieldType.MULTI_CHOICE:
                return self._choice(one, label, stored)
            case FieldType.REFERENCE:
                return self._reference(one, label, stored)
            case _:
                text = str(stored or "")
                if (one.rules.longest or 2000) > 200 and "\n" in text:
                    return form.long_text(one.name, label, value=text).classes("u-form__wide")
                return form.text(one.name, label, value=text, hint=one.rules.pattern or "")

    def _choice(self, one: FieldDefinition, label: str, stored: object) -> ValidationElement[Any]:
        lang = self._seat.lang
        held = stored if isinstance(stored, list) else [stored]
        words = {choice.key: in_language(choice.labels, lang) for choice in one.choices if choice.is_active}
        words |= {str(key): one.choice_label(str(key), lang) for key in held if key is not None}
        if one.type is FieldType.MULTI_CHOICE:
            return self._form.choices(one.name, label, words, value=[str(key) for key in held if key is not None])
        value = None if stored is None else str(stored)
        return self._form.choice(one.name, label, words, value=value, can_clear=True, can_search=len(words) > 12)

    def _reference(self, one: FieldDefinition, label: str, stored: object) -> ValidationElement[Any]:
        value = None if stored is None else str(stored)
        known = {} if value is None else {value: self._names.get(value, "…")}

        async def find(words: str) -> dict[str, str]:
            async with read(self._seat.scope()) as work:
                return await find_references(work, entity=one.reference or "", words=words)

        return self._form.search(one.name, label, known, find=find, value=value)

    def _typed(self, one: FieldDefinition) -> object:
        form, element = self._form, self._inputs[one.key]
        match one.type:
            case FieldType.NUMBER:
                return form.number_of(one.name)
            case FieldType.DATE:
                return form.day_of(one.name) if element.value else None
            case FieldType.DATETIME:
                at = form.moment_of(one.name) if element.value else None
                return None if at is None else at.replace(tzinfo=ZoneInfo(self._zone)).astimezone(UTC)
            case _:
                return element.value

    def _note_loss(self, one: FieldDefinition, typed: object) -> None:
        """Say that a field is gone, with what was typed into it."""
        _, lang = self._seat.translate, self._seat.lang
        if typed in (None, "", []) or (not self._is_new and typed == self._began_with.get(one.key)):
            text = ""
        elif one.type in {FieldType.TEXT, FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME}:
            text = str(typed)
        elif one.type in {FieldType.REFERENCE, FieldType.FILE}:
            text = self._names.get(str(typed), str(typed))
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
