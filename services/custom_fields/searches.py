"""Searching for words: in a thing's own columns, and in what it holds in the fields that are shown in searches."""

from collections.abc import Iterable

from domain.checks import storable
from domain.custom_fields.fields import WITH_CHOICES, FieldDefinition, FieldPlace, FieldType
from services.custom_fields.entities import ENTITIES
from services.custom_fields.tables import ESCAPED, Condition

LONGEST_SEARCH = 200
MOST_WORDS = 10


def words_of(typed: str) -> list[str]:
    """Return the words that somebody typed, as many as a search looks for."""
    return storable(typed, longest=LONGEST_SEARCH).split()[:MOST_WORDS]


def holding(words: Iterable[str], fields: Iterable[FieldDefinition], *, columns: str, table: str) -> list[Condition]:
    """Return the conditions that every word stands in `columns`, SQL for a text, or in a field of the row of `table`.

    Choices are found by what people read, in every language, and references by the code and title of their thing.
    """
    searched = [one for one in fields if one.is_active and FieldPlace.SEARCH in one.shown_in]
    return [_holding(word, searched, columns, table) for word in words]


def _holding(word: str, fields: list[FieldDefinition], columns: str, table: str) -> Condition:
    pattern = f"%{word.translate(ESCAPED)}%"
    parts, values = [f"{columns} ILIKE {{}}"], [pattern]
    chosen: list[object] = []
    for one in fields:
        value = f"{table}.custom ->> '{one.key}'"
        if one.type in WITH_CHOICES:
            keys = [
                choice.key
                for choice in one.choices
                if any(word.casefold() in label.casefold() for label in choice.labels.values())
            ]
            if keys:
                held = f"{table}.custom -> '{one.key}'"
                parts.append(f"{held} ?| {{}}::text[]")
                chosen.append(keys)
            continue
        if one.type is FieldType.REFERENCE and one.reference is not None:
            kind = ENTITIES[one.reference]
            named = f"({kind.code} || ' ' || {kind.title}) ILIKE {{}}"
            parts.append(f"({value})::uuid IN (SELECT id FROM {kind.table} WHERE {named})")
        else:
            parts.append(f"{value} ILIKE {{}}")
        chosen.append(pattern)
    return Condition(f"({' OR '.join(parts)})", (*values, *chosen))
