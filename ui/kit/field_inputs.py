"""The inputs of custom fields, by type: drawn in a form, and read from it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import events, ui
from nicegui.elements.mixins.validation_element import ValidationElement

from domain.custom_fields.fields import FieldDefinition, FieldType, in_language
from domain.custom_fields.values import Values, instant_of, number_of
from services.custom_fields.attachments import attach_file
from services.custom_fields.references import find_references
from services.db.work import Work, read
from services.files.kept_files import StoredFile
from services.translations import translator
from ui.components.file_input import FileInput
from ui.kit.act import act
from ui.kit.enter import Seat
from ui.kit.forms import Form

LONG_TEXT = 200
"""A text that may be longer is asked for in several lines."""


class FieldInputs:
    """The inputs of some fields in a form; `names` says what references and files are called, by id."""

    def __init__(self, seat: Seat, form: Form, entity: str, *, zone: str, language: str = "") -> None:
        self._seat, self._form, self._entity, self._zone = seat, form, entity, zone
        self._lang = language or seat.lang
        self._inputs: dict[str, ValidationElement[Any]] = {}
        self.names: dict[str, str] = {}

    @property
    def holding(self) -> dict[str, object]:
        """What stands in the inputs, by key, as `put` takes it back."""
        return {
            key: (element.file_id, element.value) if isinstance(element, FileInput) else element.value
            for key, element in self._inputs.items()
        }

    def forget(self) -> None:
        """Know the inputs no longer, which are taken off the screen."""
        self._form.forget(*(f"custom.{key}" for key in self._inputs))
        self._inputs.clear()

    def draw(self, fields: Sequence[FieldDefinition], values: Values) -> None:
        """Draw the inputs, those without a section first, then each section in the order in which it comes up."""
        sections: dict[str, list[FieldDefinition]] = {"": []}
        for one in fields:
            sections.setdefault(in_language(one.section, self._lang), []).append(one)
        for heading, together in sections.items():
            if heading:
                ui.label(heading).classes("u-subtitle u-form__wide").props("role=heading aria-level=3")
            for one in together:
                self._inputs[one.key] = self._input(one, values.get(one.key))

    def put(self, holding: Mapping[str, object]) -> None:
        """Let inputs hold again what they held before they were drawn anew."""
        for key, held in holding.items():
            element = self._inputs.get(key)
            if isinstance(element, FileInput) and isinstance(held, tuple):
                element.hold(*held)
            elif element is not None:
                element.value = held

    def typed(self, one: FieldDefinition) -> object:
        """Return what was typed into a field.

        Raises:
            NotANumber, NotADate, NotATime: it cannot be read.
        """
        form, element = self._form, self._inputs[one.key]
        match one.type:
            case FieldType.NUMBER:
                return form.number_of(one.name)
            case FieldType.DATE:
                return form.day_of(one.name) if element.value else None
            case FieldType.DATETIME:
                at = form.moment_of(one.name) if element.value else None
                return None if at is None else at.replace(tzinfo=ZoneInfo(self._zone)).astimezone(UTC)
            case FieldType.FILE if isinstance(element, FileInput):
                return element.file_id
            case _:
                return element.value

    def _input(self, one: FieldDefinition, stored: object) -> ValidationElement[Any]:
        form, lang, _ = self._form, self._lang, translator(self._lang)
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
            case FieldType.FILE:
                return self._file(one, label, stored)
            case _:
                text = str(stored or "")
                if one.rules.pattern is None and (one.rules.longest is None or one.rules.longest > LONG_TEXT):
                    return form.long_text(one.name, label, value=text)
                return form.text(one.name, label, value=text, hint=one.rules.pattern or "")

    def _choice(self, one: FieldDefinition, label: str, stored: object) -> ValidationElement[Any]:
        lang = self._lang
        held = stored if isinstance(stored, list) else [stored]
        words = {choice.key: in_language(choice.labels, lang) for choice in one.choices if choice.is_active}
        words |= {str(key): one.choice_label(str(key), lang) for key in held if key is not None}
        if one.type is FieldType.MULTI_CHOICE:
            return self._form.choices(one.name, label, words, value=[str(key) for key in held if key is not None])
        value = None if stored is None else str(stored)
        return self._form.choice(one.name, label, words, value=value, can_clear=True, can_search=len(words) > 12)

    def _reference(self, one: FieldDefinition, label: str, stored: object) -> ValidationElement[Any]:
        value = None if stored is None else str(stored)
        known = {} if value is None else {value: self.names.get(value, "…")}

        async def find(words: str) -> dict[str, str]:
            async with read(self._seat.scope()) as work:
                return await find_references(work, entity=one.reference or "", words=words)

        return self._form.search(one.name, label, known, find=find, value=value)

    def _file(self, one: FieldDefinition, label: str, stored: object) -> FileInput:
        _ = translator(self._lang)
        file_id = None if stored is None else str(stored)
        words = {"choose": _("Choose a file"), "clear": _("Take it away")}
        field = FileInput(label, file_id=file_id, file_name=self.names.get(file_id or "", ""), words=words)

        async def take(event: events.UploadEventArguments) -> None:
            content = await event.file.read()

            async def keep(work: Work) -> StoredFile:
                return await attach_file(
                    work, entity=self._entity, name=event.file.name, media_type=event.file.content_type, content=content
                )

            kept = await act(self._seat, keep, refuse=self._form.refuse)
            if kept is not None:
                field.hold(str(kept.id), kept.name)

        field.on_upload(take)
        return self._form.add(one.name, label, field)
