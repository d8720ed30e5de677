"""Tables as Excel workbooks: written with real numbers, dates and yes or no, read back as the same cells."""

import asyncio
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import ClassVar
from xml.etree.ElementTree import ParseError

from domain.errors import Invalid, marked
from services.plant.plant_tables import MOST_ROWS, Lines, UnreadableTable, cell_text

LARGEST_WORKBOOK = 10_000_000
"""Bytes of the file."""
LARGEST_UNPACKED = 200_000_000
"""Bytes of what is packed in it."""
MOST_COLUMNS = 500
LONGEST_NAME = 31
START = b"PK\x03\x04"


class UnreadableWorkbook(Invalid):
    """A file that is no workbook."""

    code: ClassVar[str] = "unreadable_workbook"
    sentence: ClassVar[str] = marked("This file is no Excel workbook (.xlsx) that can be read.")


def is_workbook(content: bytes) -> bool:
    """Tell whether a file begins as workbooks do."""
    return content.startswith(START)


async def write_workbook(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a workbook with one sheet; no cell is a formula."""
    return await asyncio.to_thread(_write, name, columns, list(rows))


async def read_workbook(content: bytes) -> Lines:
    """Return the cells of the first sheet of a workbook, line by line, as `rows_in` takes them.

    Raises:
        UnreadableWorkbook: it is none, or more is packed in it than anybody would type.
    """
    return await asyncio.to_thread(_read, content)


def _write(name: str, columns: Sequence[str], rows: list[Sequence[object]]) -> bytes:
    import xlsxwriter  # here, as openpyxl below: together they cost every process 6 MB

    content = BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "remove_timezone": True}) as workbook:
        sheet = workbook.add_worksheet(name[:LONGEST_NAME])
        head = workbook.add_format({"bold": True})
        day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column, head)
        for number, row in enumerate(rows, start=1):
            for place, value in enumerate(row):
                match value:
                    case None | "":
                        continue
                    case bool():
                        sheet.write_boolean(number, place, value)
                    case int() | Decimal():
                        sheet.write_number(number, place, float(value))
                    case date() if not isinstance(value, datetime):
                        sheet.write_datetime(number, place, datetime.combine(value, time()), day)
                    case _:
                        sheet.write_string(number, place, cell_text(value))
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(rows), max(0, len(columns) - 1))
        sheet.autofit()
    return content.getvalue()


def _read(content: bytes) -> Lines:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(BytesIO(content)) as packed:
            if len(content) > LARGEST_WORKBOOK or sum(part.file_size for part in packed.infolist()) > LARGEST_UNPACKED:
                raise UnreadableWorkbook
        workbook = openpyxl.load_workbook(BytesIO(content), read_only=True, data_only=True)
        try:
            sheet = workbook.worksheets[0]
            sheet.reset_dimensions()
            rows = sheet.iter_rows(max_row=MOST_ROWS + 2, max_col=MOST_COLUMNS, values_only=True)
            lines = [[_cell(value) for value in row] for row in rows]
        finally:
            workbook.close()
    except (
        zipfile.BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, IndexError, AttributeError,
        TypeError, EOFError, OSError, NotImplementedError,
    ) as error:  # fmt: skip
        raise UnreadableWorkbook from error  # the library says in many ways that a file is broken
    while lines and not any(lines[-1]):
        lines.pop()
    if not lines:
        raise UnreadableTable
    width = max(len(line) for line in lines)
    return [[*line, *[""] * (width - len(line))] for line in lines]


def _cell(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return format(Decimal(repr(value)).normalize(), "f")
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case time():
            return value.isoformat("minutes")
        case datetime() | date():
            return value.isoformat()
        case _:
            return cell_text(value).strip()
