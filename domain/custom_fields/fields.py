"""What a custom field is: its key, labels, type, rules and where it is shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.checks import checked_text
from domain.custom_fields.patterns import checked_pattern
from domain.errors import Conflict, Invalid, marked

Labels = Mapping[str, str]
"""Words by language, at least one."""

LONGEST_KEY = 40
LONGEST_LABEL = 80
LONGEST_UNIT = 20
LONGEST_TEXT = 2000
MOST_CHOICES = 500
MOST_DECIMALS = 6
PREFIX = "custom."
"""Stands before a field's key wherever it stands among other names: in refusals, columns and addresses."""


class FieldType(StrEnum):
    """What a custom field holds."""

    TEXT = "text"
    NUMBER = "number"  # exact, with a unit
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"  # an instant
    CHOICE = "choice"
    MULTI_CHOICE = "multi_choice"
    REFERENCE = "reference"  # to a thing of the same organization
    FILE = "file"


class FieldPlace(StrEnum):
    """Where a custom field is shown."""

    FORM = "form"
    LIST = "list"
    FILTER = "filter"  # and with an index, so that large tables answer at once
    SEARCH = "search"
    EXPORT = "export"
    API = "api"
    LABEL = "label"
    REPORT = "report"


USUAL_PLACES = (FieldPlace.FORM, FieldPlace.LIST, FieldPlace.EXPORT, FieldPlace.API)
WITH_CHOICES = frozenset({FieldType.CHOICE, FieldType.MULTI_CHOICE})
UNSORTED = frozenset({FieldType.MULTI_CHOICE, FieldType.REFERENCE, FieldType.FILE})
"""Types whose values have no order that a reader would see."""


class InvalidKey(Invalid):
    """A key that cannot name a field or a choice."""

    code: ClassVar[str] = "invalid_key"
    sentence: ClassVar[str] = marked(
        "A key has 1 to 40 small letters, digits and underscores, and begins with a letter."
    )


class KeyTaken(Conflict):
    """The entity has a field with this key."""

    code: ClassVar[str] = "field_key_taken"
    sentence: ClassVar[str] = marked("There is already a field “{key}”, perhaps one that is not in use.")


class LabelMissing(Invalid):
    """A field, section or choice that nobody could read."""

    code: ClassVar[str] = "label_missing"
    sentence: ClassVar[str] = marked("Write what people read, in at least one language.")


class ChoicesMissing(Invalid):
    """A field for choosing among nothing."""

    code: ClassVar[str] = "choices_missing"
    sentence: ClassVar[str] = marked("Add at least one choice that is in use, and no more than 500.")


class ChoiceRepeated(Invalid):
    """Two choices with one key."""

    code: ClassVar[str] = "choice_repeated"
    sentence: ClassVar[str] = marked("The choice “{key}” is there twice.")


class ReferenceMissing(Invalid):
    """A reference to nothing in particular."""

    code: ClassVar[str] = "reference_missing"
    sentence: ClassVar[str] = marked("Choose what the field refers to.")


class RangeTurnedAround(Invalid):
    """A least value above the most."""

    code: ClassVar[str] = "range_turned_around"
    sentence: ClassVar[str] = marked("The least value is above the largest.")


class InvalidRule(Invalid):
    """A rule that its type does not know."""

    code: ClassVar[str] = "invalid_rule"
    sentence: ClassVar[str] = marked("A field of this type cannot have this rule.")


class CannotBeShownThere(Invalid):
    """A place that the type does not suit."""

    code: ClassVar[str] = "cannot_be_shown_there"
    sentence: ClassVar[str] = marked("A field of this type cannot be used for filters or searches.")


class UnknownField(Invalid):
    """A key that names no field in use."""

    code: ClassVar[str] = "unknown_field"
    sentence: ClassVar[str] = marked("There is no custom field “{key}” in use.")


class RequiredOutOfSight(Invalid):
    """A required field that nobody could fill in."""

    code: ClassVar[str] = "required_out_of_sight"
    sentence: ClassVar[str] = marked("A required field must be shown in forms and in the API.")


@dataclass(frozen=True)
class Choice:
    """One of the values of a field to choose from."""

    key: str
    labels: Labels
    is_active: bool = True
    """False keeps it on what has it, and offers it nowhere."""


@dataclass(frozen=True)
class FieldRules:
    """What a value must be like; None leaves it open."""

    least: Decimal | None = None
    """Of a number."""
    most: Decimal | None = None
    decimals: int | None = None
    """Most digits behind the point of a number."""
    shortest: int | None = None
    """Fewest characters of a text."""
    longest: int | None = None
    pattern: str | None = None
    """What the whole of a text must match."""


@dataclass(frozen=True)
class FieldDefinition:
    """A custom field of one kind of things."""

    key: str
    """Names it for programs, for ever."""
    type: FieldType
    labels: Labels
    unit: str = ""
    is_required: bool = False
    default: object = None
    """What new things begin with, as it is stored; None for nothing."""
    rules: FieldRules = FieldRules()
    choices: tuple[Choice, ...] = ()
    reference: str | None = None
    """The entity that a reference leads to."""
    section: Labels = field(default_factory=dict)
    """The heading that it stands below; empty for none."""
    shown_in: frozenset[FieldPlace] = frozenset(USUAL_PLACES)
    is_active: bool = True
    has_keys: bool = False
    """Whether tables can be filtered and sorted by its keys."""
    id: UUID | None = None
    version: int = 1

    @property
    def name(self) -> str:
        """What it is called among other names."""
        return PREFIX + self.key

    def label(self, language: str) -> str:
        """Return what a reader of a language reads."""
        return in_language(self.labels, language)

    def choice_label(self, key: str, language: str) -> str:
        """Return what a reader reads for one of its choices; the key where it was taken out."""
        return next((in_language(one.labels, language) for one in self.choices if one.key == key), key)


def in_language(labels: Labels, language: str) -> str:
    """Return the words in a language, else in English, else in any."""
    return labels.get(language) or labels.get("en") or next(iter(labels.values()), "")


def checked_key(key: str, *, name: str = "key") -> str:
    """Return a key that can stand in addresses, columns and JSON.

    Raises:
        InvalidKey: it cannot.
    """
    if not re.fullmatch(rf"[a-z][a-z0-9_]{{0,{LONGEST_KEY - 1}}}", key):
        raise InvalidKey(field=name)
    return key


def checked_labels(labels: Labels, *, name: str, may_be_empty: bool = False) -> dict[str, str]:
    """Return words by language, without those that are empty.

    Raises:
        LabelMissing: there is none.
        InvalidText: one cannot be kept or read.
    """
    if len(labels) > 50 or not all(re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", language) for language in labels):
        raise LabelMissing(field=name)
    kept = {
        language: checked_text(words, field=name, longest=LONGEST_LABEL)
        for language, words in labels.items()
        if words.strip()
    }
    if not kept and not may_be_empty:
        raise LabelMissing(field=name)
    return kept


def check_definition(one: FieldDefinition) -> None:
    """Refuse a definition that no value could follow; the default is checked as a value elsewhere.

    Raises:
        ChoicesMissing, ChoiceRepeated, ReferenceMissing, RangeTurnedAround, InvalidRule, InvalidPattern, InvalidText,
        CannotBeShownThere: what is wrong with it.
    """
    checked_text(one.unit, field="unit", longest=LONGEST_UNIT, may_be_empty=True)
    _check_choices(one)
    if (one.type is FieldType.REFERENCE) is (one.reference is None):
        raise ReferenceMissing(field="reference")
    _check_rules(one)
    if one.is_required and not {FieldPlace.FORM, FieldPlace.API} <= one.shown_in:
        raise RequiredOutOfSight(field="shown_in")
    if one.type is FieldType.FILE and one.shown_in & {FieldPlace.FILTER, FieldPlace.SEARCH}:
        raise CannotBeShownThere(field="shown_in")


def _check_choices(one: FieldDefinition) -> None:
    if one.type not in WITH_CHOICES:
        if one.choices:
            raise InvalidRule(field="choices")
        return
    if len(one.choices) > MOST_CHOICES or not any(choice.is_active for choice in one.choices):
        raise ChoicesMissing(field="choices")
    seen: set[str] = set()
    for choice in one.choices:
        if choice.key in seen:
            raise ChoiceRepeated(field="choices", key=choice.key)
        seen.add(checked_key(choice.key, name="choices"))


def _check_rules(one: FieldDefinition) -> None:
    rules = one.rules
    of_numbers = (rules.least, rules.most, rules.decimals)
    of_texts = (rules.shortest, rules.longest, rules.pattern)
    _only(one, FieldType.NUMBER, of_numbers, "rules")
    _only(one, FieldType.TEXT, of_texts, "rules")
    if one.unit and one.type is not FieldType.NUMBER:
        raise InvalidRule(field="unit")
    if rules.least is not None and rules.most is not None and rules.least > rules.most:
        raise RangeTurnedAround(field="least")
    if rules.decimals is not None and not 0 <= rules.decimals <= MOST_DECIMALS:
        raise InvalidRule(field="decimals")
    for length in (rules.shortest, rules.longest):
        if length is not None and not 1 <= length <= LONGEST_TEXT:
            raise InvalidRule(field="longest" if length is rules.longest else "shortest")
    if rules.shortest is not None and rules.longest is not None and rules.shortest > rules.longest:
        raise RangeTurnedAround(field="shortest")
    if rules.pattern is not None:
        checked_pattern(rules.pattern)


def _only(one: FieldDefinition, kind: FieldType, rules: Sequence[object], name: str) -> None:
    if one.type is not kind and any(rule is not None for rule in rules):
        raise InvalidRule(field=name)
