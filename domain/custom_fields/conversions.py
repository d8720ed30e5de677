"""A field that becomes one of another type: what becomes of each value, and which cannot come along."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

from domain.custom_fields.fields import FieldDefinition, FieldPlace, FieldType, in_language
from domain.custom_fields.values import cell_of, checked_value, value_in_cell
from domain.errors import Conflict, Invalid, marked


class ConversionState(StrEnum):
    """How far a change of type is."""

    CHECKING = "checking"  # a job looks at every value
    CHECKED = "checked"  # the report stands; nothing has changed
    CONVERTING = "converting"  # a job changes the values
    DONE = "done"  # the field has its new type
    DROPPED = "dropped"  # given up, or overtaken by another change of the field


class Leftovers(StrEnum):
    """What becomes of values that cannot be converted."""

    ARCHIVE = "archive"  # they stay as they are, in a field of their own that is out of use
    CLEAR = "clear"  # they are taken away; the audit log still has them


class SameType(Invalid):
    """A change of type that changes none."""

    code: ClassVar[str] = "same_type"
    sentence: ClassVar[str] = marked("The field has this type already.")


class ConversionMovedOn(Conflict):
    """A change of type that is not at the point that somebody saw."""

    code: ClassVar[str] = "conversion_moved_on"
    sentence: ClassVar[str] = marked("This change of type is not waiting for you any more. Look again.")


class LeftoversUndecided(Conflict):
    """Values that cannot be converted, and nobody has said what becomes of them."""

    code: ClassVar[str] = "leftovers_undecided"
    sentence: ClassVar[str] = marked("Values of {count} things cannot be converted. Say what becomes of them first.")


class ConversionUnderWay(Conflict):
    """Two changes of type of one field at once."""

    code: ClassVar[str] = "conversion_under_way"
    sentence: ClassVar[str] = marked("The type of this field is being changed already.")


@dataclass(frozen=True)
class Names:
    """How references of the old type are called, and which things the new type finds by a name."""

    code_of: Callable[[str], str]
    """The code of a thing or name of a file by its id; empty for what does not exist."""
    id_of: Callable[[str], str | None]
    """The id of a thing by its code; None for what does not exist."""


def converted(before: FieldDefinition, after: FieldDefinition, stored: object, names: Names) -> object:
    """Return what a stored value becomes, as it is stored.

    Raises:
        Invalid: it cannot become one of the new type.
    """
    text = _text(before, stored, names)
    if after.type is FieldType.REFERENCE:
        return checked_value(after, names.id_of(text) or text)
    if after.type is FieldType.DATE and before.type is FieldType.DATETIME:
        text = text[:10]
    if after.type is FieldType.DATETIME and before.type is FieldType.DATE:
        text = f"{text}T00:00:00Z"
    return checked_value(after, value_in_cell(after, text))


def after_conversion(before: FieldDefinition, after: FieldDefinition) -> FieldDefinition:
    """Return the definition that a field has after the change: all that its new type allows stays as it was.

    Raises:
        SameType: the type stays.
    """
    if after.type is before.type and after.reference == before.reference:
        raise SameType(field="type")
    shown_in = before.shown_in
    if after.type is FieldType.FILE:
        shown_in = shown_in - {FieldPlace.FILTER, FieldPlace.SEARCH}
    return replace(
        before,
        type=after.type,
        unit=after.unit if after.type is FieldType.NUMBER else "",
        rules=after.rules,
        choices=after.choices,
        reference=after.reference,
        default=None,
        shown_in=shown_in,
    )


def _text(one: FieldDefinition, stored: object, names: Names) -> str:
    match one.type:
        case FieldType.REFERENCE | FieldType.FILE:
            return names.code_of(str(stored))
        case FieldType.CHOICE:
            return _choice_text(one, str(stored))
        case FieldType.MULTI_CHOICE if isinstance(stored, list):
            return " | ".join(_choice_text(one, str(key)) for key in stored)
        case _:
            return cell_of(one, stored)


def _choice_text(one: FieldDefinition, key: str) -> str:
    labels = next((choice.labels for choice in one.choices if choice.key == key), {})
    return in_language(labels, "en") or key
