"""Reading a report log: a CSV file with one row per report, and a mapping that says what its columns mean.

The rules stand in docs/production_log.md. Everything that is wrong with a file is told at once.
"""

import csv
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from io import StringIO
from pathlib import Path
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.checks import EARLIEST, checked_quantity, checked_text
from domain.errors import Invalid, UnisonError, marked
from domain.plant.wall_clocks import instant_of
from domain.production.past_reports import PastReport, ReportKind

MOST_SHOWN = 50
LONGEST_SHOWN = 60
DELIMITERS = (",", ";", "\t")
YES = frozenset({"1", "y", "yes", "true", "x"})
NO = frozenset({"", "0", "n", "no", "false"})
LONGEST = {"order": 60, "task": 200, "machine": 200, "worker": 100, "part": 60}

Name = Annotated[str, Field(min_length=1, max_length=200)]


class LogFileUnreadable(Invalid):
    """A file that is not there, or is no text."""

    code: ClassVar[str] = "log_file_unreadable"
    sentence: ClassVar[str] = marked("“{file}” cannot be read as a text file in UTF-8: {why}.")


class LogEmpty(Invalid):
    """A log without any report."""

    code: ClassVar[str] = "log_empty"
    sentence: ClassVar[str] = marked("“{file}” holds no report.")


class LogMappingWrong(Invalid):
    """A mapping file that does not say what it must."""

    code: ClassVar[str] = "log_mapping_wrong"
    sentence: ClassVar[str] = marked("The mapping “{file}” cannot be used: {why}.")


class LogColumnsMissing(Invalid):
    """A header without the columns that the mapping names."""

    code: ClassVar[str] = "log_columns_missing"
    sentence: ClassVar[str] = marked(
        "“{file}” has no column {missing}. Its columns are {found}; a mapping file can name them otherwise."
    )


class LogRowsWrong(Invalid):
    """Rows that cannot be read."""

    code: ClassVar[str] = "log_rows_wrong"
    sentence: ClassVar[str] = marked("{problems}\nNothing was imported: {count} rows of “{file}” are wrong.")


class LogColumns(BaseModel):
    """The names of the columns in the header; what has none is not in the log."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    order: Name
    task: Name
    report_type: Name
    started_at: Name
    completed_at: Name
    good: Name
    machine: Name | None = None
    """Without it each task is a machine."""
    worker: Name | None = None
    part: Name | None = None
    ordered: Name | None = None
    scrap: Name | None = None
    rework: Name | None = None
    is_rework: Name | None = None

    def named(self) -> dict[str, str]:
        """Return the columns that the log has."""
        return {key: name for key in type(self).model_fields if (name := getattr(self, key)) is not None}


class LogMapping(BaseModel):
    """What a log's columns and letters mean, and where its machines stand."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    columns: LogColumns
    report_types: dict[ReportKind, list[str]]
    """The words of the log for each kind of report."""
    plant: Annotated[str, Field(min_length=1, max_length=24)] = "IMPORT"
    """Code of the log's own plant."""
    plant_name: Name = "Imported history"
    time_zone: str | None = None
    """IANA name of the zone of times without an offset, and of the log's own plant."""
    time_format: str | None = None
    """As `strptime` has it; without it times are ISO 8601."""
    unit: Annotated[str, Field(min_length=1, max_length=20)] = "pcs"

    def kind_of(self, word: str) -> ReportKind | None:
        """Return the kind that a word of the log stands for."""
        return next((kind for kind, words in self.report_types.items() if word in words), None)


FOUR_TU = LogMapping(
    columns=LogColumns(
        order="case", task="task", report_type="report_type", started_at="started_at", completed_at="completed_at",
        good="qty_completed", scrap="qty_rejected", rework="qty_for_mrb", is_rework="rework", worker="worker",
    ),
    report_types={ReportKind.PRODUCTION: ["D"], ReportKind.SETUP: ["S"], ReportKind.BREAKDOWN: ["B"]},
    plant="SHOP",
    plant_name="4TU job shop",
    time_zone="Etc/GMT+5",
)  # fmt: skip
"""Fits the log of 4TU.ResearchData, whose times all have the offset -05:00."""


def read_mapping(path: Path) -> LogMapping:
    """Read a mapping file.

    Raises:
        LogFileUnreadable: there is no such text file.
        LogMappingWrong: it is not TOML, or says something else than a mapping.
    """
    try:
        return LogMapping.model_validate(tomllib.loads(_text_of(path)))
    except tomllib.TOMLDecodeError as error:
        raise LogMappingWrong(file=path.name, why=f"{error}") from error
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise LogMappingWrong(file=path.name, why="; ".join(wrong)) from error


def read_production_log(path: Path, *, mapping: LogMapping, zone: ZoneInfo, now: datetime) -> list[PastReport]:
    """Read the reports of a log in the order of its rows; nothing may lie after `now`.

    `zone` is that of times without an offset.

    Raises:
        LogFileUnreadable: there is no such text file.
        LogColumnsMissing: the header lacks columns that the mapping names.
        LogRowsWrong: rows cannot be read; names each with its line and column.
        LogEmpty: there is no report in it.
    """
    text = _text_of(path)
    delimiter = _delimiter_of(text, mapping)
    rows = _Rows(text, delimiter)
    try:
        header = [name.strip() for name in next(rows, (0, []))[1]]
        form = _Form(mapping, _places(path, header, mapping), len(header), zone, now, has_comma=delimiter != ",")
        read = [form.read(line, cells) for line, cells in rows]
    except csv.Error as error:
        raise LogFileUnreadable(file=path.name, why=f"line {rows.line}, {error}") from error
    wrong = [row for row in read if isinstance(row, _WrongRow)]
    if wrong:
        problems = [problem for row in wrong for problem in row.problems]
        shown = problems[:MOST_SHOWN]
        more = [f"... and {len(problems) - len(shown)} more."] if len(problems) > len(shown) else []
        raise LogRowsWrong(file=path.name, count=len(wrong), problems="\n".join(shown + more))
    if not read:
        raise LogEmpty(file=path.name)
    return [row for row in read if isinstance(row, PastReport)]


@dataclass(frozen=True)
class _WrongRow:
    problems: tuple[str, ...]
    """What is wrong, each with line and column."""


class _Rows:
    """The rows that hold anything, each with the line that it begins on."""

    def __init__(self, text: str, delimiter: str) -> None:
        self._reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
        self.line = 0

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        return self

    def __next__(self) -> tuple[int, list[str]]:
        cells: list[str] = []
        while not any(cell.strip() for cell in cells):
            self.line = self._reader.line_num + 1
            cells = next(self._reader)
        return self.line, cells


class _Wrong(Exception):
    """A cell cannot be read."""


@dataclass(frozen=True)
class _Form:
    """Reads one row after the other."""

    mapping: LogMapping
    places: dict[str, int]
    """Where in a row each column stands."""
    width: int
    zone: ZoneInfo
    now: datetime
    has_comma: bool
    """Whether a comma in a number is a decimal point, as in files whose columns are not parted by commas."""

    def read(self, line: int, cells: list[str]) -> "PastReport | _WrongRow":
        """Return the report of a row, or all that is wrong with it."""
        if len(cells) != self.width:
            return _WrongRow((f"line {line}: The row has {len(cells)} cells, the header {self.width}.",))
        problems: list[str] = []
        values: dict[str, object] = {}
        for key, place in self.places.items():
            try:
                values[key] = self._value(key, cells[place].strip())
            except _Wrong as wrong:
                column = self.mapping.columns.named()[key]
                problems.append(f"line {line}, {column}: “{cells[place][:LONGEST_SHOWN]}” {wrong}")
        if not problems and self._is_backwards(values):
            column = self.mapping.columns.completed_at
            problems.append(f"line {line}, {column}: “{cells[self.places['completed_at']]}” is before the start.")
        return _WrongRow(tuple(problems)) if problems else self._report(values)

    def _value(self, key: str, cell: str) -> object:
        if key in LONGEST:
            return self._text(key, cell)
        if key in {"started_at", "completed_at"}:
            return self._instant(cell)
        if key == "report_type":
            return self._kind(cell)
        if key == "is_rework":
            return self._flag(cell)
        quantity = self._quantity(cell)
        if key == "ordered" and not quantity:
            return None
        return quantity

    def _text(self, key: str, cell: str) -> str:
        try:
            return checked_text(cell, field=key, longest=LONGEST[key], may_be_empty=key in {"worker", "part"})
        except UnisonError as error:
            raise _Wrong(f"must have 1 to {LONGEST[key]} readable characters.") from error

    def _kind(self, cell: str) -> ReportKind:
        kind = self.mapping.kind_of(cell)
        if kind is None:
            known = [word for words in self.mapping.report_types.values() for word in words]
            raise _Wrong(f"is none of {', '.join(known)}.")
        return kind

    def _flag(self, cell: str) -> bool:
        word = cell.casefold()
        if word not in YES | NO:
            raise _Wrong("is neither 1 nor 0.")
        return word in YES

    def _quantity(self, cell: str) -> Decimal:
        try:
            return checked_quantity(
                Decimal((cell.replace(",", ".") if self.has_comma else cell) or 0), field="quantity"
            )
        except (InvalidOperation, UnisonError) as error:
            raise _Wrong("is no quantity from 0 to one billion with at most six digits behind the point.") from error

    def _instant(self, cell: str) -> datetime:
        try:
            told = _read_time(cell, self.mapping.time_format)
            at = told.astimezone(UTC) if told.tzinfo else instant_of(told.date(), told.time(), self.zone)
        except (ValueError, OverflowError) as error:
            form = self.mapping.time_format or "such as 2012-01-02T06:30:00-05:00"
            raise _Wrong(f"is no date and time, {form}.") from error
        if not EARLIEST <= at <= self.now:
            raise _Wrong("is before 2000 or in the future.")
        return at

    def _is_backwards(self, values: dict[str, object]) -> bool:
        starts_at, ends_at = values["started_at"], values["completed_at"]
        return isinstance(starts_at, datetime) and isinstance(ends_at, datetime) and ends_at < starts_at

    def _report(self, values: dict[str, object]) -> PastReport:
        report = {**values, "machine": values.get("machine", values["task"])}
        for name, key in (("kind", "report_type"), ("starts_at", "started_at"), ("ends_at", "completed_at")):
            report[name] = report.pop(key)
        return PastReport(**report)  # type: ignore[arg-type]


def _read_time(cell: str, form: str | None) -> datetime:
    if form is None:
        return datetime.fromisoformat(cell)
    return datetime.strptime(cell, form)  # noqa: DTZ007 - the caller gives it its zone


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise LogFileUnreadable(file=path.name, why=error.strerror or "no such file") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise LogFileUnreadable(file=path.name, why=f"line {line} holds other bytes") from error


def _delimiter_of(text: str, mapping: LogMapping) -> str:
    """Return what parts the columns: whatever shows most of the named ones in the header."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    named = _folded(mapping.columns.named().values())
    return max(DELIMITERS, key=lambda mark: len(named & _folded(name.strip(' "') for name in head.split(mark))))


def _places(path: Path, header: list[str], mapping: LogMapping) -> dict[str, int]:
    if not any(header):
        raise LogEmpty(file=path.name)
    at = {name.casefold(): place for place, name in reversed(list(enumerate(header)))}
    named = mapping.columns.named()
    missing = [name for name in named.values() if name.casefold() not in at]
    if missing:
        raise LogColumnsMissing(file=path.name, missing=_quoted(missing), found=_quoted(header))
    return {key: at[name.casefold()] for key, name in named.items()}


def _folded(names: Iterable[str]) -> set[str]:
    return {name.casefold() for name in names}


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"“{name}”" for name in dict.fromkeys(names))
