"""Custom fields as columns of tables that people export, edit and import: `custom.key`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol
from uuid import UUID

from domain.custom_fields.fields import FieldDefinition, FieldPlace, FieldType
from domain.custom_fields.values import Values, cell_of, checked_value, number_of, value_in_cell
from services.custom_fields.fields import load_fields
from services.custom_fields.references import ids_by_code, names_of
from services.db.work import Work


class CellsByColumn(Protocol):
    """A row of an imported table."""

    @property
    def cells(self) -> Mapping[str, str]:
        """The cells by column; those that are not in the file are missing."""


@dataclass
class CustomColumns:
    """The columns of the fields that are shown in exports."""

    fields: tuple[FieldDefinition, ...] = ()
    _ids: dict[str, dict[str, UUID]] = field(default_factory=dict)
    """Things by their code, per entity."""

    @classmethod
    async def of(cls, work: Work, entity: str | None) -> "CustomColumns":
        """Return the columns of an entity; none where the table is about something else."""
        return cls(() if entity is None else await load_fields(work, entity, place=FieldPlace.EXPORT))

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called."""
        return tuple(one.name for one in self.fields)

    async def cells(self, work: Work, rows: Sequence[Values]) -> list[tuple[object, ...]]:
        """Return the cells of some things, values as they are; references by their code, files by their id."""
        names = await names_of(work, [one for one in self.fields if one.type is FieldType.REFERENCE], rows)
        return [tuple(_cell(one, values.get(one.key), names.codes) for one in self.fields) for values in rows]

    async def learn(self, work: Work, rows: Iterable[CellsByColumn]) -> None:
        """Look up the things that the rows of a table name by their code."""
        held = list(rows)
        for one in self.fields:
            if one.reference is None:
                continue
            codes = {row.cells[one.name].strip() for row in held if row.cells.get(one.name, "").strip()}
            known = self._ids.setdefault(one.reference, {})
            known.update(await ids_by_code(work, entity=one.reference, codes=codes))

    def given(self, row: CellsByColumn, *, is_new: bool) -> dict[str, object] | None:
        """Return what a row says of custom fields, for the use case that writes it.

        None where the table has none of their columns and changes something; new things are asked for all of them.
        """
        columns = [one for one in self.fields if one.name in row.cells]
        if not columns and not is_new:
            return None
        return {one.key: self._value(one, row.cells[one.name]) for one in columns}

    def is_unchanged(self, row: CellsByColumn, values: Values) -> bool:
        """Tell whether a row says of custom fields what a thing holds already."""
        given = self.given(row, is_new=True) or {}
        return all(
            checked_value(one, given[one.key], kept=values.get(one.key)) == values.get(one.key)
            for one in self.fields
            if one.key in given
        )

    def _value(self, one: FieldDefinition, cell: str) -> object:
        code = cell.strip()
        if one.reference is not None and code:
            found = self._ids.get(one.reference, {}).get(code)
            return code if found is None else found
        return value_in_cell(one, cell)


def _cell(one: FieldDefinition, stored: object, codes: Mapping[str, str]) -> object:
    if stored is None:
        return None
    match one.type:
        case FieldType.NUMBER:
            return number_of(stored)
        case FieldType.BOOLEAN:
            return stored
        case FieldType.DATE:
            return date.fromisoformat(str(stored))
        case FieldType.REFERENCE:
            return codes.get(str(stored), str(stored))
        case _:
            return cell_of(one, stored)
