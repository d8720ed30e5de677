"""What a Komax wire-cutting machine says about itself, from its own log files. The rules stand in `docs/komax.md`.

A run is one start of a sub-job: `<job>/<sub>/<article>@<start>`. When the start lies in an earlier day's files, the
run is named `open:<job>/<sub>/<article>`, and whoever books it looks for the machine's newest run without an end whose
key begins with `<job>/<sub>/<article>@`. The sub number is no part of the order's number: the sub-jobs of a job are
the pieces of one order that the machine cuts in turn.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.errors import Invalid, marked
from domain.plant.machine_states import MachineState
from domain.production.machine_reports import (
    MachineReport,
    RunEnded,
    RunOutcome,
    RunPaused,
    RunResumed,
    RunStarted,
    StateEntered,
)
from services.adapters.komax_log import JOB_SECTIONS, Alarm, KomaxLogMalformed, LogBlock, LogDay, read_day
from services.ports import ReportedBy

_OUTCOMES: dict[str, RunOutcome] = {"JobTerminated": "completed", "JobAborted": "aborted"}
_ALARM_BEFORE = timedelta(seconds=3)
_ALARM_AFTER = timedelta(seconds=1)  # the machine writes some alarms a second after the stop that they caused


class KomaxMachineUnnamed(Invalid):
    """The files do not say which machine wrote them, and nobody else did."""

    code = "komax_machine_unnamed"
    sentence = marked("The log in “{directory}” names no machine. Say which machine wrote it.")


class KomaxLog:
    """A day's directory of one machine as a source of reports; each call of `reports` reads it anew.

    `zone` is the plant's time zone, in which the machine writes. `machine_code` is used only when the files name no
    machine.
    """

    name: str = "komax"

    def __init__(self, path: Path, zone: ZoneInfo, machine_code: str | None = None) -> None:
        self._path = path
        self._zone = zone
        self._machine_code = machine_code

    async def reports(self) -> AsyncIterator[ReportedBy]:
        """Yield what the machine wrote, in time order.

        Raises: KomaxLogMissing, KomaxLogMalformed, KomaxMachineUnnamed.
        """
        day = await asyncio.to_thread(read_day, self._path, self._zone)
        machine_code = day.machine_name or self._machine_code
        if machine_code is None:
            raise KomaxMachineUnnamed(directory=self._path.name)
        for report in await asyncio.to_thread(read_reports, day):
            yield ReportedBy(machine_code=machine_code, report=report)


def read_reports(day: LogDay) -> list[MachineReport]:
    """Tell a day as runs and states, in time order; within a second runs as written, then the state that remains.

    What a block yields depends only on blocks before it, so a file that has grown repeats its reports and adds to
    them.

    Raises: KomaxLogMalformed.
    """
    runs = _Runs()
    timeline = _Timeline(day.alarms)
    reports: list[MachineReport] = []
    for at, blocks in groupby(day.blocks, key=lambda block: block.at):
        for block in blocks:
            if block.section in JOB_SECTIONS:
                reports.extend(runs.reports(block))
            timeline.follow(block)
        reports.extend(timeline.change(at))
    return reports


class _Job(NamedTuple):
    """A sub-job of a part, as the machine names it."""

    number: str
    sub: str
    article: str

    @classmethod
    def of(cls, block: LogBlock) -> "_Job":
        """Read `Job=<number>, <sub>`; the number may hold commas itself."""
        number, comma, sub = (part.strip() for part in block.text("Job").rpartition(","))
        if not (comma and sub.isdecimal()):
            number, sub = block.text("Job"), ""
        return cls(number=number, sub=sub, article=block.text("ArticleKey"))

    def __str__(self) -> str:
        return f"{self.number}/{self.sub}/{self.article}"

    @property
    def identity(self) -> str:
        """Names the same job however its article was typed."""
        return str(self).casefold()

    @property
    def is_test(self) -> bool:
        """A job that was made at the machine and belongs to no order."""
        return self.number.casefold().startswith("local(")


class _Runs:
    """Which runs are open, as far as the blocks read so far tell."""

    def __init__(self) -> None:
        self._open: dict[str, str] = {}
        self._latest: dict[str, LogBlock] = {}
        self._told: Counter[str] = Counter()

    def reports(self, block: LogBlock) -> Iterator[MachineReport]:
        """Yield what a job block says about runs; a block written twice in a row says it once."""
        job = _Job.of(block)
        latest = self._latest.get(job.identity)
        self._latest[job.identity] = block
        if latest and (latest.section, latest.at, latest.values) == (block.section, block.at, block.values):
            return
        if block.section == "JobStarted":
            yield from self._start(block, job)
        elif block.section in _OUTCOMES:
            yield self._end(block, job)
        else:
            moved = RunResumed if block.section == "JobRestarted" else RunPaused
            yield moved(key=self._key(block.section, block, job), at=block.at, run_key=self._run_key(job))

    def _start(self, block: LogBlock, job: _Job) -> Iterator[MachineReport]:
        left_open = self._open.pop(job.identity, None)
        if left_open:
            yield RunEnded(
                key=self._key("JobSuperseded", block, job),
                at=block.at,
                run_key=left_open,
                order_number=job.number,
                part_number=job.article,
                outcome="aborted",
                good=Decimal(0),
                is_test=job.is_test,
                note="Started again without an end",
            )
        key = self._key(block.section, block, job)
        run_key = key.removeprefix(f"{KomaxLog.name}/{block.section}/")
        self._open[job.identity] = run_key
        yield RunStarted(
            key=key,
            at=block.at,
            run_key=run_key,
            order_number=job.number,
            part_number=job.article,
            target=_target(block),
            is_test=job.is_test,
        )

    def _end(self, block: LogBlock, job: _Job) -> RunEnded:
        good = block.pieces("TotalGoodPieces")
        if good is None or good < 0:
            raise KomaxLogMalformed(file=block.file, line=block.line, field="TotalGoodPieces")
        run_key = self._run_key(job)
        self._open.pop(job.identity, None)
        reason = block.values.get("Reason", "")
        return RunEnded(
            key=self._key(block.section, block, job),
            at=block.at,
            run_key=run_key,
            order_number=job.number,
            part_number=job.article,
            outcome=_OUTCOMES[block.section],
            good=good,
            target=_target(block),
            is_test=job.is_test,
            note=f"Reason {reason}" if reason else "",
        )

    def _run_key(self, job: _Job) -> str:
        return self._open.get(job.identity, f"open:{job}")

    def _key(self, fact: str, block: LogBlock, job: _Job) -> str:
        """Name a fact by what and when; the second of the same name in the same second gets a number."""
        key = f"{KomaxLog.name}/{fact}/{job}@{_stamp(block.at)}"
        self._told[key] += 1
        return key if self._told[key] == 1 else f"{key}#{self._told[key]}"


class _Timeline:
    """What the machine does. Production blocks say whether it runs; job and user blocks count while it does not."""

    def __init__(self, alarms: tuple[Alarm, ...]) -> None:
        self._alarms = alarms
        self._state: MachineState | None = None
        self._detail = ""
        self._ran_at: datetime | None = None
        self._paused: dict[str, bool] = {}
        self._deserted = False
        self._told: tuple[MachineState, str] | None = None

    def follow(self, block: LogBlock) -> None:
        """Take in one block."""
        running = self._state is MachineState.RUNNING
        if block.section in {"LoggedIn", "LoggedOut"}:
            self._deserted = not running and not (block.section == "LoggedIn" and block.values.get("UserName"))
            if self._state is None:
                self._state = MachineState.IDLE
            return
        self._deserted = False
        if block.section in {"ProductionStarted", "ProductionRestarted"}:
            self._enter(MachineState.RUNNING)
            self._ran_at = block.at
        elif block.section == "ProductionInterrupted":
            self._stop(block.at)
        elif block.section == "ProductionTerminated":
            self._stand(block.at)
        elif block.section in JOB_SECTIONS:
            self._follow_job(block, running=running)
        else:
            self._enter(MachineState.SETUP)

    def change(self, at: datetime) -> Iterator[StateEntered]:
        """Yield the state that remains at the end of a second, when it is another than before."""
        if self._state is None:
            return
        state, detail = (MachineState.NO_DATA, "") if self._deserted else (self._state, self._detail)
        if (state, detail) != self._told:
            self._told = (state, detail)
            key = f"{KomaxLog.name}/state/{state}@{_stamp(at)}"
            yield StateEntered(key=key, at=at, state=state, detail=detail)

    def _follow_job(self, block: LogBlock, *, running: bool) -> None:
        job = _Job.of(block).identity
        if block.section in _OUTCOMES:
            self._paused.pop(job, None)
        else:
            self._paused[job] = block.section in {"JobPaused", "JobInterrupted"}
        if block.section == "JobPaused":
            self._stop(block.at)
        elif not running:
            self._stand(block.at)

    def _stand(self, at: datetime) -> None:
        """Enter what the open jobs make of a machine that makes no pieces."""
        if not all(self._paused.values()):
            self._enter(MachineState.SETUP)
        elif self._paused:
            self._stop(at)
        else:
            self._enter(MachineState.IDLE)

    def _stop(self, at: datetime) -> None:
        """Stop against the plan, for the alarm around this instant; without a new one an earlier reason stands."""
        standing = self._detail if self._state is MachineState.UNPLANNED_STOP else ""
        self._enter(MachineState.UNPLANNED_STOP, self._alarm(at) or standing)

    def _enter(self, state: MachineState, detail: str = "") -> None:
        self._state, self._detail = state, detail

    def _alarm(self, at: datetime) -> str:
        """Find the latest alarm up to the stop, else the first after it; one from before the last start is over."""
        since = max(at - _ALARM_BEFORE, self._ran_at or at - _ALARM_BEFORE)
        first = bisect_left(self._alarms, since, key=_alarm_at)
        near = self._alarms[first : bisect_right(self._alarms, at + _ALARM_AFTER, key=_alarm_at)]
        before = [alarm.text for alarm in near if alarm.at <= at]
        after = [alarm.text for alarm in near if alarm.at > at]
        return (before[-1:] or after[:1] or [""])[0]


def _target(block: LogBlock) -> Decimal | None:
    """Add what the user asked for at the machine to what the job asked for."""
    requested = block.pieces("JobRequestedPieces")
    return None if requested is None else requested + (block.pieces("UserRequestedPieces") or Decimal(0))


def _alarm_at(alarm: Alarm) -> datetime:
    return alarm.at


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
