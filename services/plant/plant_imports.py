"""Importing the plant model, reasons, shifts, materials and orders from tables, all or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from domain.errors import Invalid, UnisonError, marked
from services.custom_fields.columns import CustomColumns
from services.db.work import Work
from services.plant.import_rows import FORMATS, Write, load_known
from services.plant.plant_exports import COLUMNS, ENTITIES_OF, PERMISSIONS, TableKind
from services.plant.plant_tables import Lines, TableRow, csv_lines, rows_in


class RowRepeated(Invalid):
    """Two rows about one thing."""

    code: ClassVar[str] = "row_repeated"
    sentence: ClassVar[str] = marked("Row {row} is about the same.")


@dataclass(frozen=True)
class RowProblem:
    """Why a row cannot be imported."""

    row: int
    """Its line in the file; the header is 1."""
    column: str
    """Empty where the whole row is at fault."""
    error: UnisonError


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would do."""

    kind: TableKind
    added: int
    updated: int
    problems: tuple[RowProblem, ...]
    """By row. With any, nothing was imported."""
    is_applied: bool


async def import_table(work: Work, *, kind: TableKind, table: str | Lines, dry_run: bool) -> ImportReport:
    """Add what a table has new and change what it has otherwise; with a problem in any row, nothing.

    The table is CSV, or the lines of a spreadsheet. Rows may come in any order. With `dry_run` everything is tried and
    nothing kept.

    Raises:
        Forbidden: the actor may not edit this.
        UnreadableTable, TableTooLong, WrongColumns: the table as a whole cannot be read.
    """
    form = FORMATS[kind]
    await work.permit(PERMISSIONS[kind])
    custom = await CustomColumns.of(work, ENTITIES_OF.get(kind))
    lines = csv_lines(table) if isinstance(table, str) else table
    rows, misshapen = rows_in(lines, columns=(*COLUMNS[kind], *custom.names), required=form.required)
    await custom.learn(work, rows)
    problems = [RowProblem(number, "", error) for number, error in misshapen]
    rows, repeated = _once(rows, form.key)
    problems += repeated
    events = len(work.events)
    savepoint = await work.session.begin_nested()
    added, updated, refused = await _import_rows(work, form.write, rows, custom)
    problems = sorted([*problems, *refused], key=lambda problem: problem.row)
    is_applied = not problems and not dry_run
    if is_applied:
        await savepoint.commit()
    else:
        await savepoint.rollback()
        del work.events[events:]
    return ImportReport(kind, added, updated, tuple(problems), is_applied)


def _once(rows: Sequence[TableRow], key: Sequence[str]) -> tuple[list[TableRow], list[RowProblem]]:
    first: dict[tuple[str, ...], TableRow] = {}
    problems: list[RowProblem] = []
    for row in rows:
        name = tuple(row.text(column) for column in key)
        if name in first:
            problems.append(RowProblem(row.number, key[-1], RowRepeated(row=first[name].number)))
        else:
            first[name] = row
    return list(first.values()), problems


async def _import_rows(
    work: Work, write: Write, rows: list[TableRow], custom: CustomColumns
) -> tuple[int, int, list[RowProblem]]:
    """Import rows, those that are refused again after the others: what they wait for may stand below them."""
    known = await load_known(work, custom)
    added = updated = 0
    waiting = rows
    while waiting:
        refused: list[tuple[TableRow, UnisonError]] = []
        for row in waiting:
            try:
                async with work.session.begin_nested():
                    is_new = await write(work, known, row)
                    await work.session.flush()
            except UnisonError as error:
                refused.append((row, error))
            else:
                added, updated = added + is_new, updated + (not is_new)
        if len(refused) == len(waiting):
            return added, updated, [_problem(row, error) for row, error in refused]
        waiting = [row for row, _ in refused]
    return added, updated, []


def _problem(row: TableRow, error: UnisonError) -> RowProblem:
    column = str(error.fields.get("field", "")).removesuffix("_id")
    return RowProblem(row.number, column if column in row.cells else "", error)
