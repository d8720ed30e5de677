"""The log files of a Komax wire-cutting machine, as blocks and alarms with real instants.

A day's directory holds up to four files: `Job.sdc`, `Producti.sdc` and `User.sdc` are blocks of `Key=value` lines
below a `[Section]`, `Error.ldc` is a tab-separated table with quoted, multi-line texts. The machine appends to all
of them while they are read. This module knows their writing; what the blocks mean stands in `komax.py`.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from domain.errors import Invalid, marked

JOB_SECTIONS = frozenset({"JobStarted", "JobPaused", "JobInterrupted", "JobRestarted", "JobTerminated", "JobAborted"})
PRODUCTION_SECTIONS = frozenset(
    {
        "ProductionStarted",
        "ProductionRestarted",
        "ProductionInterrupted",
        "ProductionTerminated",
        "SampleStarted",
        "SampleTerminated",
        "LearnStarted",
        "LearnTerminated",
    }
)
USER_SECTIONS = frozenset({"LoggedIn", "LoggedOut"})

_FILES = (("Job.sdc", JOB_SECTIONS), ("Producti.sdc", PRODUCTION_SECTIONS), ("User.sdc", USER_SECTIONS))
"""The order decides between blocks of one second: a job begins before its production, a user leaves last."""
_ALARM_FILE = "Error.ldc"
_ALARM_TEXT_COLUMN = 5


class KomaxLogMissing(Invalid):
    """The directory holds no log file of a Komax machine."""

    code = "komax_log_missing"
    sentence = marked("“{directory}” holds no log file of a Komax machine. Choose the directory of one day.")


class KomaxLogMalformed(Invalid):
    """A block or row of a log file cannot be understood; `file`, `line` and `field` say where."""

    code = "komax_log_malformed"
    sentence = marked("“{field}” in line {line} of {file} is missing or cannot be read. Copy this day's files again.")


@dataclass(frozen=True)
class LogBlock:
    """One event that the machine wrote."""

    file: str
    line: int
    """Line of the section's name, counted from 1."""
    section: str
    at: datetime
    """Aware UTC, exact to the second."""
    values: dict[str, str]

    def text(self, key: str) -> str:
        """Give a value that must be there.

        Raises: KomaxLogMalformed.
        """
        value = self.values.get(key, "")
        if not value:
            raise KomaxLogMalformed(file=self.file, line=self.line, field=key)
        return value

    def pieces(self, key: str) -> Decimal | None:
        """Give a count of pieces, None when the machine wrote none.

        Raises: KomaxLogMalformed.
        """
        value = self.values.get(key, "")
        if not value:
            return None
        if not value.removeprefix("-").isdecimal():
            raise KomaxLogMalformed(file=self.file, line=self.line, field=key)
        return Decimal(value)


@dataclass(frozen=True)
class Alarm:
    """What the machine complained of, as one line of text."""

    at: datetime
    text: str


@dataclass(frozen=True)
class LogDay:
    """What one directory tells."""

    machine_name: str | None
    """The name that the machine gives itself; None when no user block carries one."""
    blocks: tuple[LogBlock, ...]
    """In time order; within a second job, production, user blocks, each in the order of its file."""
    alarms: tuple[Alarm, ...]
    """In time order."""


def read_day(directory: Path, zone: ZoneInfo) -> LogDay:
    """Read what the machine wrote into a directory; `zone` is where the clock on its wall hangs.

    Any file may be missing, but not all of them. File names match in any case.

    Raises: KomaxLogMissing, KomaxLogMalformed.
    """
    files = {path.name.casefold(): path for path in directory.iterdir()} if directory.is_dir() else {}
    known = [name for name in (*(name for name, _ in _FILES), _ALARM_FILE) if name.casefold() in files]
    if not known:
        raise KomaxLogMissing(directory=directory.name)

    contents = {name: _complete_lines(files[name.casefold()].read_bytes()) for name in known}
    blocks = [block for name, sections in _FILES for block in _blocks(name, contents.get(name, []), sections, zone)]
    alarms = _alarms(_ALARM_FILE, contents.get(_ALARM_FILE, []), zone)
    names = (block.values.get("MachineName", "") for block in blocks if block.section in USER_SECTIONS)
    return LogDay(
        machine_name=next(filter(None, names), None),
        blocks=tuple(sorted(blocks, key=lambda block: block.at)),
        alarms=tuple(sorted(alarms, key=lambda alarm: alarm.at)),
    )


def _complete_lines(content: bytes) -> list[str]:
    """Decode line by line: one odd byte must not change how the lines before it were read the last time.

    What follows the last line end is still being written and left out.
    """
    return [_decoded(line) for line in content.removeprefix(codecs.BOM_UTF8).split(b"\n")[:-1]]


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _blocks(file: str, lines: list[str], sections: frozenset[str], zone: ZoneInfo) -> Iterator[LogBlock]:
    clock = _WallClock(zone)
    for line, section, values in _written_blocks(file, lines, sections):
        at = clock.instant(values.get("DateTimeStamp", ""))
        if at is None:
            raise KomaxLogMalformed(file=file, line=line, field="DateTimeStamp")
        yield LogBlock(file=file, line=line, section=section, at=at, values=values)


def _written_blocks(file: str, lines: list[str], sections: frozenset[str]) -> Iterator[tuple[int, str, dict[str, str]]]:
    """Yield line, section and values of the wanted blocks; other sections pass unread.

    The last block counts only when a blank line follows it: without one the machine is still writing it.
    """
    line, section, values = 0, "", dict[str, str]()
    closed = True
    for number, written in enumerate(lines, start=1):
        text = written.strip()
        closed = not text
        if text.startswith("[") and text.endswith("]"):
            if section in sections:
                yield line, section, values
            line, section, values = number, text[1:-1], {}
        elif text and (section in sections or not section):
            key, equals, value = text.partition("=")
            if not (equals and section):
                raise KomaxLogMalformed(file=file, line=number, field=text)
            values[key.strip()] = value.strip()
    if section in sections and closed:
        yield line, section, values


def _alarms(file: str, lines: list[str], zone: ZoneInfo) -> Iterator[Alarm]:
    """Yield the rows of the alarm table; a last row that ends within its text is still being written."""
    text = "".join(f"{line}\n" for line in lines)
    table = csv.reader(io.StringIO(text, newline=""), delimiter="\t")
    clock = _WallClock(zone)
    line = 1
    try:
        for row in table:
            if len(row) <= _ALARM_TEXT_COLUMN + 1 and table.line_num >= len(lines):
                return
            if any(cell.strip() for cell in row):
                yield _alarm(file, line, row, clock)
            line = table.line_num + 1
    except csv.Error as error:
        raise KomaxLogMalformed(file=file, line=line, field=str(error)) from error


def _alarm(file: str, line: int, row: list[str], clock: "_WallClock") -> Alarm:
    at = clock.instant(",".join(row[:2]))
    if at is None:
        raise KomaxLogMalformed(file=file, line=line, field="DateTimeStamp")
    if len(row) <= _ALARM_TEXT_COLUMN + 1:
        raise KomaxLogMalformed(file=file, line=line, field="text")
    return Alarm(at=at, text=" ".join(row[_ALARM_TEXT_COLUMN].split()))


class _WallClock:
    """Turns the wall-clock times of one file into instants.

    The file is written forward in time. In the hour that the clock shows twice, a time therefore means its first
    pass unless that would lie before the block above it; then it means the second.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._last = datetime.min.replace(tzinfo=UTC)

    def instant(self, written: str) -> datetime | None:
        """Give the instant of `dd/mm/yyyy,HH:MM:SS`, None when this is no such time."""
        try:
            wall = datetime.strptime("".join(written.split()), "%d/%m/%Y,%H:%M:%S").replace(tzinfo=self._zone)
        except ValueError:
            return None
        first, second = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
        self._last = second if first < self._last and first < second else first
        return self._last
