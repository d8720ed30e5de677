"""What references and files of custom fields are called: to be chosen by people, and to stand in tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from domain.checks import storable
from domain.custom_fields.fields import FieldDefinition, FieldType
from domain.custom_fields.values import Values
from services.custom_fields.entities import ENTITIES
from services.db.work import Work

LONGEST_SEARCH = 100
ESCAPED = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})
CHOICES = """
SELECT id, {code} AS code, {title} AS title FROM {table}
WHERE ({code} || ' ' || {title}) ILIKE ALL ($1::text[]) ORDER BY {code} LIMIT {limit:d}
"""
NAMED = "SELECT id, {code} AS code, {title} AS title FROM {table} WHERE id = ANY ($1::uuid[])"
CODED = "SELECT {code} AS code, id FROM {table} WHERE {code} = ANY ($1::text[])"
FILES = """
SELECT id, name AS code, '' AS title FROM files WHERE id = ANY ($1::uuid[]) AND purpose = 'custom_field'
"""


@dataclass(frozen=True)
class ReferenceNames:
    """What the things are called that some values refer to."""

    codes: Mapping[str, str] = field(default_factory=dict)
    """By id: the code, or a file's name."""
    titles: Mapping[str, str] = field(default_factory=dict)

    def text(self, stored: object) -> str:
        """Return the code and the title of a thing, or dots for one that its reader may not see."""
        code = self.codes.get(str(stored))
        return "…" if code is None else " · ".join(part for part in (code, self.titles.get(str(stored), "")) if part)


async def find_references(work: Work, *, entity: str, words: str = "", limit: int = 50) -> dict[str, str]:
    """Return things that a reference may lead to, by id: those that hold every word, the first ones by code."""
    kind = ENTITIES[entity]
    if not work.scope.may(kind.read):
        return {}
    await work.permit(kind.read)
    patterns = [f"%{word.translate(ESCAPED)}%" for word in storable(words, longest=LONGEST_SEARCH).split()]
    statement = CHOICES.format(code=kind.code, title=kind.title, table=kind.table, limit=limit)
    return {str(row["id"]): _text(row["code"], row["title"]) for row in await work.fetch(statement, patterns)}


async def names_of(work: Work, fields: Iterable[FieldDefinition], rows: Iterable[Values]) -> ReferenceNames:
    """Return what everything is called that the values of some rows refer to, one statement per kind of things."""
    wanted: dict[str | None, set[UUID]] = {}
    held = list(rows)
    for one in fields:
        if one.type in {FieldType.REFERENCE, FieldType.FILE}:
            ids = {UUID(str(values[one.key])) for values in held if one.key in values}
            wanted.setdefault(one.reference, set()).update(ids)
    codes: dict[str, str] = {}
    titles: dict[str, str] = {}
    for entity, ids in wanted.items():
        if not ids or (entity is not None and not work.scope.may(ENTITIES[entity].read)):
            continue
        kind = None if entity is None else ENTITIES[entity]
        statement = FILES if kind is None else NAMED.format(code=kind.code, title=kind.title, table=kind.table)
        for row in await work.fetch(statement, list(ids)):
            codes[str(row["id"])], titles[str(row["id"])] = row["code"], row["title"]
    return ReferenceNames(codes, titles)


async def ids_by_code(work: Work, *, entity: str, codes: Iterable[str]) -> dict[str, UUID]:
    """Return the ids of things by their code; where several share one, as reasons of two kinds may, none of them."""
    kind = ENTITIES[entity]
    rows = await work.fetch(CODED.format(code=kind.code, table=kind.table), list(codes))
    found: dict[str, list[UUID]] = {}
    for row in rows:
        found.setdefault(row["code"], []).append(row["id"])
    return {code: ids[0] for code, ids in found.items() if len(ids) == 1}


def _text(code: str, title: str) -> str:
    return f"{code} · {title}" if title else code
