"""The dialog in which a custom field is added or changed, with a picture of it that follows what is typed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nicegui import ui

from domain.custom_fields.fields import (
    USUAL_PLACES,
    WITH_CHOICES,
    Choice,
    FieldDefinition,
    FieldPlace,
    FieldRules,
    FieldType,
    Labels,
)
from domain.custom_fields.values import cell_of, value_in_cell
from domain.errors import UnisonError
from services.custom_fields.entities import ENTITIES
from services.custom_fields.fields import FieldChanges, add_field, edit_field
from services.db.work import Work
from ui.kit.enter import Seat
from ui.kit.field_inputs import FieldInputs
from ui.kit.forms import Form, FormDialog
from ui.kit.translate import LANGUAGES, Translate
from ui.pages.histories import offer_history
from ui.pages.setup_words import place_words, type_words


def language_words(_: Translate) -> dict[str, str]:
    """Translate the languages that people read."""
    return {"en": _("English"), "de": _("German")}


def ask_field(seat: Seat, entity: str, field: FieldDefinition | None, others: Sequence[FieldDefinition]) -> None:
    """Ask for a field, a new one or what changes of one; `others` are those of the same things."""
    _ = seat.translate
    title = _("New field") if field is None else _("Field “{key}”").format(key=field.key)
    with FormDialog(seat, title) as form:
        inputs = FieldForm(seat, form, entity, field, others)
        offer_history(form, seat, "custom_fields", field)

    async def save(work: Work) -> object:
        wanted = inputs.definition()
        if field is None or field.id is None:
            return await add_field(work, entity=entity, field=wanted)
        changes = FieldChanges(
            labels=wanted.labels,
            unit=wanted.unit,
            is_required=wanted.is_required,
            default=wanted.default,
            rules=wanted.rules,
            choices=wanted.choices,
            section=wanted.section,
            shown_in=wanted.shown_in,
        )
        return await edit_field(work, field_id=field.id, version=field.version, changes=changes)

    form.open_with(save)


@dataclass
class _ChoiceRow:
    """The inputs of one choice."""

    key: ui.input
    labels: dict[str, ui.input]
    active: ui.switch
    row: ui.element


class FieldForm:
    """The inputs of a definition; those that its type does not know are out of sight.

    With `converts` only the type and what belongs to it is asked for, of a field that there is.
    """

    def __init__(
        self,
        seat: Seat,
        form: Form,
        entity: str,
        field: FieldDefinition | None,
        others: Sequence[FieldDefinition] = (),
        *,
        converts: bool = False,
    ) -> None:
        self._converts = converts
        self._seat, self._form, self._entity, self._field = seat, form, entity, field
        self._choices: list[_ChoiceRow] = []
        _ = seat.translate
        rules = FieldRules() if field is None else field.rules
        self._type: ui.select | None = None
        self._required: ui.switch | None = None
        self._picture: ui.element | None = None
        if converts and field is not None:
            self._type = form.choice("type", _("What it shall hold"), type_words(_), value=field.type)
        if field is None:
            self._type = form.choice("type", _("What it holds"), type_words(_), value=FieldType.TEXT)
            form.text("key", _("Key"), hint=_("For programs and for ever, such as net_weight"))
        for language in () if converts else LANGUAGES:
            words = "" if field is None else field.labels.get(language, "")
            label = _("Name in {language}").format(language=language_words(_)[language])
            form.text(f"label_{language}", label, value=words)
        self._of_type: dict[str, tuple[frozenset[FieldType], ui.element]] = {}
        number, text = frozenset({FieldType.NUMBER}), frozenset({FieldType.TEXT})
        self._part("unit", number, form.text("unit", _("Unit"), value="" if field is None else field.unit))
        self._part("least", number, form.number("least", _("Least value"), value=rules.least))
        self._part("most", number, form.number("most", _("Largest value"), value=rules.most))
        self._part("decimals", number, form.number("decimals", _("Digits behind the point"), value=rules.decimals))
        self._part("shortest", text, form.number("shortest", _("Fewest characters"), value=rules.shortest))
        self._part("longest", text, form.number("longest", _("Most characters"), value=rules.longest))
        pattern = form.text(
            "pattern", _("Pattern"), value=rules.pattern or "", hint=_("The whole text, such as [A-Z]+-[0-9]+")
        )
        self._part("pattern", text, pattern)
        things = {kind.key: _(kind.words) for kind in ENTITIES.values()}
        if self._type is not None:
            reference = form.choice("reference", _("Refers to"), things)
            self._part("reference", frozenset({FieldType.REFERENCE}), reference)
        with ui.element("div").classes("u-form__wide u-column") as choices:
            ui.label(_("Choices")).classes("u-subtitle").props("role=heading aria-level=3")
            self._rows = ui.column(wrap=False).classes("u-choice-rows").mark("choices")
            self._rows.make_sortable({"delay": 150, "delayOnTouchOnly": True}, handle=".u-reason__handle",
                                     on_end=lambda event: self._moved(event.old_index, event.new_index))  # fmt: skip
            more = ui.button(_("Add a choice"), icon="add", color=None, on_click=lambda: self._add_choice(None))
            more.classes("u-button").mark("add-choice")
            self._choices_refusal = form.text("choices", "").props("readonly borderless")
            self._choices_refusal.classes("u-choices-refusal")
        self._part("choices_part", WITH_CHOICES, choices)
        for choice in () if field is None else field.choices:
            self._add_choice(choice)
        if not converts:
            self._rest(field, others)
        if self._type is not None:
            self._type.on_value_change(self._fit_type)
        self._fit_type()

    def _rest(self, field: FieldDefinition | None, others: Sequence[FieldDefinition]) -> None:
        form, _ = self._form, self._seat.translate
        default = "" if field is None else cell_of(field, field.default)
        begins = form.text(
            "default", _("Begins with"), value=default, hint=_("What new things hold; empty for nothing")
        )
        begins.classes("u-form__wide")
        sections = {language: [one.section.get(language, "") for one in others] for language in LANGUAGES}
        for language in LANGUAGES:
            label = _("Section in {language}").format(language=language_words(_)[language])
            words = "" if field is None else field.section.get(language, "")
            known = sorted({words for words in sections[language] if words})
            form.text(f"section_{language}", label, value=words, suggestions=known)
        shown = USUAL_PLACES if field is None else [place for place in FieldPlace if place in field.shown_in]
        form.choices("shown_in", _("Shown in"), place_words(_), value=shown).classes("u-form__wide")
        is_required = field is not None and field.is_required
        self._required = form.switch("is_required", _("Must be filled in"), value=is_required)
        self._required.on_value_change(self._draw)
        with ui.element("div").classes("u-form__wide u-column u-field-picture"):
            ui.label(_("Preview")).classes("u-muted")
            self._picture = ui.element("div").classes("u-form__fields").mark("field-picture")
        form.on_typing(self._draw)

    @property
    def _kind(self) -> FieldType:
        if self._type is not None:
            return FieldType(self._type.value)
        return FieldType.TEXT if self._field is None else self._field.type

    def _part(self, name: str, types: frozenset[FieldType], element: ui.element) -> None:
        self._of_type[name] = (types, element)

    def _fit_type(self) -> None:
        for types, element in self._of_type.values():
            element.visible = self._kind in types
        if self._kind in WITH_CHOICES and not self._choices:
            self._add_choice(None)
        self._draw()

    def _add_choice(self, choice: Choice | None) -> None:
        _ = self._seat.translate
        with self._rows, ui.element("div").classes("u-choice-row").mark("choice-row") as row:
            ui.icon("drag_indicator").classes("u-reason__handle").props["aria-hidden"] = "true"
            key = ui.input(_("Key"), value="" if choice is None else choice.key, on_change=self._draw)
            key.classes("u-field").props("outlined").mark("choice-key")
            if choice is not None:
                key.props("readonly")
            labels: dict[str, ui.input] = {}
            for language in LANGUAGES:
                words = "" if choice is None else choice.labels.get(language, "")
                field = ui.input(language_words(_)[language], value=words, on_change=self._draw)
                labels[language] = field.classes("u-field").props("outlined").mark(f"choice-{language}")
            active = ui.switch(_("In use"), value=choice is None or choice.is_active, on_change=self._draw)
            active.classes("u-switch")
        self._choices.append(_ChoiceRow(key, labels, active, row))

    def _moved(self, old: int, new: int) -> None:
        self._choices.insert(new, self._choices.pop(old))
        self._draw()

    def _labels(self, prefix: str) -> Labels:
        typed = {language: self._form.text_of(f"{prefix}_{language}") for language in LANGUAGES}
        kept = {} if self._field is None else (self._field.labels if prefix == "label" else self._field.section)
        return {**{key: words for key, words in kept.items() if key not in LANGUAGES}, **typed}

    def _typed_choices(self) -> tuple[Choice, ...]:
        rows = ((row, {lang: field.value or "" for lang, field in row.labels.items()}) for row in self._choices)
        return tuple(
            Choice((row.key.value or "").strip() or _key_from(labels), labels, is_active=bool(row.active.value))
            for row, labels in rows
            if (row.key.value or "").strip() or any(words.strip() for words in labels.values())
        )

    def definition(self) -> FieldDefinition:
        """Return the definition that was typed.

        Raises:
            NotANumber: a rule is no number.
        """
        form, kind = self._form, self._kind
        labels = self._field.labels if self._field is not None and self._converts else self._labels("label")
        is_number, is_text = kind is FieldType.NUMBER, kind is FieldType.TEXT
        whole = {
            name: form.whole_number_of(name) if form.text_of(name).strip() else None
            for name in ("decimals", "shortest", "longest")
        }
        rules = FieldRules(
            least=form.number_of("least") if is_number else None,
            most=form.number_of("most") if is_number else None,
            decimals=whole["decimals"] if is_number else None,
            shortest=whole["shortest"] if is_text else None,
            longest=whole["longest"] if is_text else None,
            pattern=(form.text_of("pattern").strip() or None) if is_text else None,
        )
        wanted = FieldDefinition(
            key=form.text_of("key").strip() or _key_from(labels) if self._field is None else self._field.key,
            type=kind,
            labels=labels,
            unit=form.text_of("unit") if is_number else "",
            rules=rules,
            choices=self._typed_choices() if kind in WITH_CHOICES else (),
            reference=self._reference(),
        )
        if self._required is None:
            return wanted
        places = form.value_of("shown_in")
        return replace(
            wanted,
            is_required=bool(self._required.value),
            default=value_in_cell(wanted, form.text_of("default")),
            section=self._labels("section"),
            shown_in=frozenset(FieldPlace(place) for place in places) if isinstance(places, list) else frozenset(),
        )

    def _reference(self) -> str | None:
        if self._kind is not FieldType.REFERENCE:
            return None
        if self._type is not None:
            return self._form.text_of("reference") or None
        return None if self._field is None else self._field.reference

    def _draw(self) -> None:
        """Draw the field as its form will, as far as it can be drawn already."""
        if self._picture is None:
            return
        try:
            wanted = self.definition()
        except UnisonError:
            return
        self._picture.clear()
        with self._picture:
            for language in LANGUAGES:
                one = replace(wanted, key=f"{wanted.key or 'new'}_{language}", default=None)
                FieldInputs(self._seat, Form(self._seat), self._entity, zone="UTC", language=language).draw([one], {})


def _key_from(labels: Labels) -> str:
    """Return a key made of the English words, else of any."""
    words = labels.get("en") or next((one for one in labels.values() if one.strip()), "")
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in words.strip().lower())
    return "_".join(part for part in plain.split("_") if part)[:40]
