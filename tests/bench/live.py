"""From a commit to every screen: one wall of forty machines, five changes a second, the whole path."""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from sqlalchemy import event

from services.db.engine import Database
from services.db.keys import new_id
from services.db.work import begin
from services.production.production_logs import Pieces, report_production
from tests.bench.audience import Audience, Report, watching
from tests.bench.installation import (
    OTHER_CORE,
    CpuMeter,
    Installation,
    Server,
    installation,
    pin,
    postgres_of,
    serving,
)
from tests.bench.results import Result, percentile, reported
from tests.bench.works import Works, make_works

CHANGES_PER_S = 5
JITTER = 0.25
"""Changes come this much earlier or later than their turn, so that they never fall into step with a timer."""
WARM_UP_S = 3.0
SETTLE_S = 1.0
CROWDS = (1, 100, 1000)
P95_GOALS_MS = {100: 50, 1000: 120}


@dataclass
class Changes:
    """Changes one thing after the other, each to its next count, and remembers when each commit was sent."""

    database: Database
    subjects: tuple[UUID, ...]
    change: Callable[[UUID, int], Awaitable[None]]
    """Bring a subject to a count, in one commit."""
    first: int = 0
    """The count that every subject begins with."""
    counts: dict[str, int] = field(default_factory=dict)
    """The newest count by subject."""
    committed: dict[tuple[str, int], float] = field(default_factory=dict)
    """Epoch seconds just before COMMIT went to Postgres, by subject and count."""
    _commit_at: float = 0.0
    _next: int = 0

    def __post_init__(self) -> None:
        event.listen(self.database.engine.sync_engine, "commit", self._stamp)

    async def make(self, seconds: float) -> None:
        """Make changes for a while, one subject after the other."""
        began = time.monotonic()
        for turn in range(round(seconds * CHANGES_PER_S)):
            due = began + (turn + random.uniform(-JITTER, JITTER)) / CHANGES_PER_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self._change()

    async def _change(self) -> None:
        subject = self.subjects[self._next % len(self.subjects)]
        self._next += 1
        count = self.counts.get(str(subject), self.first) + 1
        await self.change(subject, count)
        self.counts[str(subject)] = count
        self.committed[str(subject), count] = self._commit_at

    def _stamp(self, _: object) -> None:
        self._commit_at = time.time()


def pieces_of(works: Works, database: Database) -> Changes:
    """Return changes that book one good piece each, as a machine's gateway does."""

    async def book(machine_id: UUID, _: int) -> None:
        async with begin(works.scope) as work:
            await report_production(work, machine_id=machine_id, pieces=Pieces(good=Decimal(1)), client_key=new_id())

    return Changes(database, works.machine_ids, book)


@dataclass(frozen=True)
class Seen:
    """How the screens of one measurement followed the changes."""

    latencies_ms: list[float]
    """One per screen and change."""
    complete_screens: int
    """Screens that got every change."""
    report: Report


async def measure(*, seconds: float = 20.0) -> list[Result]:
    """Measure the crowds one after the other on one server."""
    pin(os.getpid(), OTHER_CORE)
    results: list[Result] = []
    async with installation() as place:
        works = await make_works()
        changes = pieces_of(works, place.database)
        async with (
            serving(place) as server,
            watching(server, f"/wall/andon/{works.lane_code}", works.email) as audience,
        ):
            present = 0
            for crowd in CROWDS:
                opened_s = await audience.open(crowd - present)
                results.append(reported(f"screens_{crowd}_opened_s", opened_s))
                present = crowd
                results += await _measure_crowd(place, server, audience, changes, crowd, seconds)
    return results


async def _measure_crowd(
    place: Installation, server: Server, audience: Audience, changes: Changes, crowd: int, seconds: float
) -> list[Result]:
    await changes.make(WARM_UP_S)
    await asyncio.sleep(SETTLE_S)
    await audience.listen()
    changes.committed.clear()
    idle_report = await audience.report()
    server_cpu, postgres_cpu = CpuMeter([server.process]), CpuMeter(postgres_of(place))
    began = time.monotonic()
    await changes.make(seconds)
    server_percent, postgres_percent = server_cpu.percent, postgres_cpu.percent
    measured_s = time.monotonic() - began
    await asyncio.sleep(SETTLE_S)
    seen = followed(changes, await audience.report())
    p50, p95, p99 = (percentile(seen.latencies_ms, percent) for percent in (50, 95, 99))
    name = f"screens_{crowd}"
    results = [
        Result(f"{name}_p50_ms", p50, "<= 25" if crowd == 1 else "reported"),
        Result(f"{name}_p95_ms", p95, f"<= {P95_GOALS_MS[crowd]}" if crowd in P95_GOALS_MS else "reported"),
        reported(f"{name}_p99_ms", p99),
        reported(f"{name}_max_ms", max(seen.latencies_ms, default=0.0)),
        Result(f"{name}_frames_lost", seen.report.gaps + seen.report.lost_sockets, "<= 0"),
        Result(f"{name}_with_every_change", seen.complete_screens, f">= {crowd}"),
        Result(f"{name}_server_core_percent", server_percent, "<= 75" if crowd == 1000 else "reported"),
        Result(f"{name}_server_memory_mb", server.memory_mb, "<= 300" if crowd == 1000 else "reported"),
        reported(f"{name}_postgres_core_percent", postgres_percent),
        reported(f"{name}_loader_core_percent", 100 * (seen.report.used_s - idle_report.used_s) / measured_s),
        reported(f"{name}_changes", len(changes.committed)),
    ]
    for result in results:
        print(f"  {result.name} = {result.value:.1f} ({result.goal})", flush=True)
    return results


def followed(changes: Changes, report: Report) -> Seen:
    """Compare what the screens heard with what was committed: a patch brings all pieces up to its count."""
    brought: list[list[tuple[str, int]]] = []
    shown: dict[str, int] = {}
    for machine, count in changes.committed:
        shown[machine] = min(shown.get(machine, count - 1), count - 1)
    for patch in report.patches:
        news = []
        for machine, count in patch.items():
            news += [(machine, number) for number in range(shown.get(machine, count) + 1, count + 1)]
            shown[machine] = max(shown.get(machine, count), count)
        brought.append([change for change in news if change in changes.committed])
    latencies_ms: list[float] = []
    got: dict[int, int] = {}
    for screen, patch_number, at in report.arrivals:
        got[screen] = got.get(screen, 0) + len(brought[patch_number])
        latencies_ms += [1000 * (at - changes.committed[change]) for change in brought[patch_number]]
    complete = sum(count == len(changes.committed) for count in got.values())
    return Seen(latencies_ms, complete, report)
