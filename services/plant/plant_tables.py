"""Tables in text: CSV as people's spreadsheets write it, read strictly and written without traps."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from io import StringIO
from typing import ClassVar, TypeAlias

from domain.errors import Invalid, marked

Lines: TypeAlias = Sequence[Sequence[str]]
"""The cells of a table, line by line; the first one names the columns."""

MOST_ROWS = 10_000
MOST_CHARACTERS = 5_000_000
DELIMITERS = (";", ",", "\t")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What lets a spreadsheet run a cell instead of showing it."""
DEFUSED = "'"
YES = frozenset({"yes", "true", "1", "ja", "wahr", "x"})
NO = frozenset({"no", "false", "0", "nein", "falsch", ""})


class UnreadableTable(Invalid):
    """A file that is no table in text."""

    code: ClassVar[str] = "unreadable_table"
    sentence: ClassVar[str] = marked("This file is no CSV table that can be read. Save it as “CSV UTF-8”.")


class TableTooLong(Invalid):
    """A file with too many rows."""

    code: ClassVar[str] = "table_too_long"
    sentence: ClassVar[str] = marked("The table has more than {most} rows. Import it in parts.")


class WrongColumns(Invalid):
    """A header that does not fit."""

    code: ClassVar[str] = "wrong_columns"
    sentence: ClassVar[str] = marked(
        "The first row must name the columns {expected}. Missing: {missing}. Unknown: {unknown}."
    )


class WrongCellCount(Invalid):
    """A row with more or fewer cells than the header."""

    code: ClassVar[str] = "wrong_cell_count"
    sentence: ClassVar[str] = marked("The row has {found} cells, the header {expected}.")


class NotYesOrNo(Invalid):
    """A cell that is neither."""

    code: ClassVar[str] = "not_yes_or_no"
    sentence: ClassVar[str] = marked("“{field}” must be yes or no.")


class NotANumberCell(Invalid):
    """A cell that is no number."""

    code: ClassVar[str] = "cell_without_number"
    sentence: ClassVar[str] = marked("“{field}” must be a number.")


@dataclass(frozen=True)
class TableRow:
    """One row by column; cells that are not in the file are missing."""

    number: int
    """Its line in the file as a spreadsheet counts: the header is 1."""
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """Return a cell, empty where the file has none."""
        return self.cells.get(column, "")

    def given(self, column: str) -> str | None:
        """Return a cell that the file has and that is not empty."""
        return self.cells.get(column) or None

    def number_in(self, column: str) -> Decimal | None:
        """Return a number; None for an empty cell.

        Raises:
            NotANumberCell: it is none.
        """
        cell = self.text(column).replace(",", ".")
        try:
            return Decimal(cell) if cell else None
        except InvalidOperation as error:
            raise NotANumberCell(field=column) from error

    def whole_number_in(self, column: str) -> int | None:
        """Return a whole number; None for an empty cell.

        Raises:
            NotANumberCell: it is none.
        """
        value = self.number_in(column)
        if value is not None and (not value.is_finite() or value != value.to_integral_value()):
            raise NotANumberCell(field=column)
        return None if value is None else int(value)

    def yes_in(self, column: str) -> bool | None:
        """Return a yes or no; None where the file does not have the column.

        Raises:
            NotYesOrNo: it is neither.
        """
        if column not in self.cells:
            return None
        word = self.cells[column].casefold()
        if word not in YES | NO:
            raise NotYesOrNo(field=column)
        return word in YES


def decoded(content: bytes) -> str:
    """Return the text of a file: UTF-8 with or without a mark, UTF-16 with one, else as Western Windows writes it.

    Raises:
        UnreadableTable: it is no text.
    """
    is_marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    encodings = ("utf-16",) if is_marked else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise UnreadableTable


def read_table(
    text: str, *, columns: Sequence[str], required: Sequence[str]
) -> tuple[list[TableRow], list[tuple[int, WrongCellCount]]]:
    """Return the rows of a table in CSV as `rows_in` does.

    Raises:
        UnreadableTable, TableTooLong, WrongColumns: as a whole it cannot be read.
    """
    return rows_in(csv_lines(text), columns=columns, required=required)


def csv_lines(text: str) -> Lines:
    """Return the cells of a table in CSV, line by line; commas, semicolons or tabs stand between them.

    Raises:
        UnreadableTable: it is no CSV.
    """
    text = text.removeprefix("\ufeff")
    if not text.strip() or len(text) > MOST_CHARACTERS or "\x00" in text:
        raise UnreadableTable
    first_line = text.lstrip().splitlines()[0]
    delimiter = max(DELIMITERS, key=first_line.count)
    try:
        lines = list(csv.reader(StringIO(text.lstrip(), newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UnreadableTable from error
    return [[_as_meant(cell) for cell in line] for line in lines]


def rows_in(
    lines: Lines, *, columns: Sequence[str], required: Sequence[str]
) -> tuple[list[TableRow], list[tuple[int, WrongCellCount]]]:
    """Return the rows of a table, and those that have too many or too few cells; empty rows are left out.

    Raises:
        TableTooLong: more than `MOST_ROWS` rows.
        WrongColumns: a required column is missing, or one is unknown or there twice.
    """
    header = [name.strip().casefold() for name in lines[0]]
    while header and not header[-1]:
        header.pop()
    missing = [name for name in required if name not in header]
    unknown = [name for number, name in enumerate(header) if name not in columns or name in header[:number]]
    if missing or unknown:
        raise WrongColumns(
            expected=", ".join(columns), missing=", ".join(missing) or "–", unknown=", ".join(unknown) or "–"
        )
    rows: list[TableRow] = []
    misshapen: list[tuple[int, WrongCellCount]] = []
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cells):
            continue
        if len(cells) < len(header) or any(cells[len(header) :]):
            misshapen.append((number, WrongCellCount(found=len(cells), expected=len(header))))
        else:
            rows.append(TableRow(number, dict(zip(header, cells, strict=False))))
    if len(rows) > MOST_ROWS:
        raise TableTooLong(most=MOST_ROWS)
    return rows, misshapen


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table that `read_table` reads back and in which no spreadsheet finds a formula."""
    written = StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(columns)
    writer.writerows([_harmless(cell_text(value)) for value in row] for row in rows)
    return written.getvalue()


def cell_text(value: object) -> str:
    """Return a value as it stands in a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value)


def _harmless(cell: str) -> str:
    return DEFUSED + cell if cell.startswith((*FORMULA_STARTS, DEFUSED)) else cell


def _as_meant(cell: str) -> str:
    stripped = cell.strip()
    is_defused = stripped.startswith(DEFUSED) and stripped[1:].startswith((*FORMULA_STARTS, DEFUSED))
    return stripped[1:] if is_defused else stripped
