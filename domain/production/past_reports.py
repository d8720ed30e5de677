"""What a report log of the past says, and the timeline that its reports make of a machine.

Reports on one machine may overlap: a place where several people work at once, or a log that names a group of machines
by one name. A timeline holds one state at a time, so it shows the most productive thing that went on: running before
setup before breakdown, and no data where nobody reported. It does not depend on the order of the reports.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from uuid import UUID, uuid5

from domain.plant.machine_states import MachineState

ZERO = Decimal(0)


class ReportKind(StrEnum):
    """What was done in the time of a report."""

    PRODUCTION = "production"
    SETUP = "setup"
    BREAKDOWN = "breakdown"


STATES: dict[ReportKind, MachineState] = {
    ReportKind.PRODUCTION: MachineState.RUNNING,
    ReportKind.SETUP: MachineState.SETUP,
    ReportKind.BREAKDOWN: MachineState.UNPLANNED_STOP,
}
"""What the timeline shows for each kind; the first one that goes on wins."""


@dataclass(frozen=True)
class PastReport:
    """One row of a log: who did what on an order, from when to when, and what came of it."""

    order: str
    """The order's number."""
    task: str
    """What was done; one operation of the order."""
    machine: str
    """Code or name of the machine that it was done at; the task where the log names no machines."""
    kind: ReportKind
    starts_at: datetime
    """Aware UTC."""
    ends_at: datetime
    """Aware UTC, never before `starts_at`."""
    good: Decimal = ZERO
    scrap: Decimal = ZERO
    rework: Decimal = ZERO
    """Pieces that are neither good nor scrap: they are worked on again, or somebody has yet to decide."""
    is_rework: bool = False
    """Whether the report was about working on pieces again."""
    worker: str = ""
    part: str = ""
    """What was made; empty where the log does not say."""
    ordered: Decimal | None = None
    """The order's quantity; None where the log does not say."""

    @property
    def identity(self) -> str:
        """What makes it the same report when the log is read again; part and quantity of the order do not."""
        pieces = (f"{quantity.normalize():f}" for quantity in (self.good, self.scrap, self.rework))
        times = (self.starts_at.isoformat(), self.ends_at.isoformat())
        told = (self.order, self.task, self.machine, self.worker, self.kind, *times, *pieces, str(self.is_rework))
        return "\x1f".join(told)


@dataclass(frozen=True)
class TimeOfReport:
    """The part of a report that the timeline shows."""

    kind: ReportKind
    starts_at: datetime
    ends_at: datetime


def report_keys(reports: Iterable[PastReport], *, namespace: UUID) -> list[UUID]:
    """Return the client key of each report; equal reports of one log are told apart by how many came before."""
    seen: Counter[str] = Counter()
    keys: list[UUID] = []
    for report in reports:
        seen[report.identity] += 1
        keys.append(uuid5(namespace, f"{report.identity}\x1f{seen[report.identity]}"))
    return keys


def timeline_of(reports: Iterable[TimeOfReport]) -> tuple[tuple[datetime, MachineState], ...]:
    """Return the changes of state that overlapping reports of one machine make, in order; the last one is no data."""
    edges: list[tuple[datetime, ReportKind, int]] = []
    for report in reports:
        edges += [(report.starts_at, report.kind, 1), (report.ends_at, report.kind, -1)]
    going_on: Counter[ReportKind] = Counter()
    changes: list[tuple[datetime, MachineState]] = []
    for at, of_instant in groupby(sorted(edges, key=lambda edge: edge[0]), key=lambda edge: edge[0]):
        for _, kind, step in of_instant:
            going_on[kind] += step
        state = next((STATES[kind] for kind in STATES if going_on[kind]), MachineState.NO_DATA)
        before = changes[-1][1] if changes else MachineState.NO_DATA
        if state is not before:
            changes.append((at, state))
    return tuple(changes)


def machine_code(name: str, *, prefix: str, taken: Iterable[str], longest: int) -> str:
    """Return a free code for a machine that a log names: its name in capitals behind the prefix."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in name.upper()).split()
    whole = "-".join([prefix, *words])
    return _free(whole, frozenset(taken), longest)


def _free(whole: str, taken: frozenset[str], longest: int) -> str:
    candidate, number = whole[:longest], 1
    while candidate in taken:
        number += 1
        candidate = f"{whole[: longest - len(str(number)) - 1]}-{number}"
    return candidate


def span_of(reports: Sequence[PastReport]) -> tuple[datetime, datetime]:
    """Return the first beginning and the last end of reports."""
    return min(report.starts_at for report in reports), max(report.ends_at for report in reports)
