"""Machines that exist nowhere: they make pieces, stop, wait and get going again, so that a newcomer sees a factory."""

import asyncio
import heapq
import itertools
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.plant.machine_states import MachineState
from domain.production.machine_reports import MachineReport, PiecesMade, RunEnded, RunStarted, StateEntered
from services.ports import ReportedBy

PARTS = ("BRK-2210", "HSG-0417", "SHF-1182", "GEA-3305", "CVR-0908", "FLG-5520")
STOPS: tuple[tuple[str | None, str], ...] = (
    (None, ""),
    (None, "Axis 3 following error"),
    ("tool_broken", "Tool breakage detected"),
    ("jam", "Part not ejected"),
    ("adjustment", ""),
)
EXPLAINED_STOPS = STOPS[2:]
SCRAP_REASONS = ("burr", "dimension", "surface", "start_up")
BATCH_EVERY_S = (4.0, 12.0)
STOP_EVERY_S = 240.0
PAST_BATCH_EVERY_S = (180.0, 480.0)
PAST_STOP_EVERY_S = 2400.0
"""What has been is told in larger steps, and people have given most stops their reasons."""


@dataclass(frozen=True)
class SimulatedMachine:
    """One imaginary machine."""

    code: str
    cycle_time_s: float
    """Seconds per piece while it runs."""


class Simulator:
    """A source of reports in real time; the same `seed` and start give the same factory."""

    name = "simulator"

    def __init__(
        self, machines: Sequence[SimulatedMachine], *, seed: int, pace: float = 1.0, past: timedelta = timedelta()
    ) -> None:
        """Simulate `machines`, `pace` times as fast as real ones, which have been working for `past` already."""
        self._machines = machines
        self._past = past
        self._seed = seed
        self._pace = pace

    async def reports(self) -> AsyncIterator[ReportedBy]:
        """Yield what the machines report, forever: at once what has been, then each report when it happens."""
        started = datetime.now(UTC) - self._past
        past_s = self._past.total_seconds()
        loop = asyncio.get_running_loop()
        began = loop.time() - past_s
        for at_s, machine_code, report in lives(
            self._machines, seed=self._seed, started=started, pace=self._pace, past_s=past_s
        ):
            pause = began + at_s - loop.time()
            if pause > 0:
                await asyncio.sleep(pause)
            yield ReportedBy(machine_code, report)


def lives(
    machines: Sequence[SimulatedMachine], *, seed: int, started: datetime, pace: float = 1.0, past_s: float = 0.0
) -> Iterator[tuple[float, str, MachineReport]]:
    """Yield (seconds since `started`, machine code, report) of all machines in time order, without end.

    The first `past_s` seconds are told in larger steps.
    """
    queue: list[tuple[float, int, str, MachineReport, Iterator[tuple[float, MachineReport]]]] = []
    for number, machine in enumerate(machines):
        chance = random.Random(f"{seed}-{machine.code}")  # noqa: S311 - a game, no secret
        life = _life(machine, chance, started, pace, past_s)
        at_s, report = next(life)
        heapq.heappush(queue, (at_s, number, machine.code, report, life))
    while queue:
        at_s, number, code, report, life = heapq.heappop(queue)
        yield at_s, code, report
        next_s, next_report = next(life)
        heapq.heappush(queue, (next_s, number, code, next_report, life))


def _life(
    machine: SimulatedMachine, chance: random.Random, started: datetime, pace: float, past_s: float
) -> Iterator[tuple[float, MachineReport]]:
    now_s = chance.uniform(0, 2)
    made_debt = 0.0
    for run_number in itertools.count(1):
        order = f"SIM-{chance.randrange(10_000, 99_999)}"
        part = chance.choice(PARTS)
        target = chance.choice((120, 200, 250, 400, 600)) * (1 if now_s >= past_s else 10)
        run_key = f"sim@{started:%Y%m%dT%H%M%S}-{run_number}"
        now_s += chance.uniform(0.1, 0.6)
        yield now_s, RunStarted(
            key=f"{run_key}-start", at=_at(started, now_s), run_key=run_key, order_number=order, part_number=part,
            target=Decimal(target),
        )  # fmt: skip
        if run_number > 1:
            now_s += 0.1
            yield now_s, _state(run_key, started, now_s, MachineState.SETUP)
            now_s += chance.uniform(30, 120) / pace
        good = 0
        yield now_s, _state(run_key, started, now_s, MachineState.RUNNING)
        next_stop_s = now_s + chance.expovariate(1 / (STOP_EVERY_S if now_s >= past_s else PAST_STOP_EVERY_S)) / pace
        while good < target:
            is_past = now_s < past_s
            step_s = chance.uniform(*(PAST_BATCH_EVERY_S if is_past else BATCH_EVERY_S))
            now_s += step_s / pace
            made_debt += step_s / machine.cycle_time_s
            made, made_debt = int(made_debt), made_debt % 1
            scrap = sum(chance.random() < 0.03 for _ in range(1 + made // 20)) if made else 0
            made = min(made - scrap, target - good)
            if made or scrap:
                good += made
                reason = chance.choice(SCRAP_REASONS) if scrap else None
                yield now_s, _pieces(run_key, started, now_s, made, scrap, reason)
            if now_s > next_stop_s and good < target:
                is_explained = is_past and chance.random() < 0.95
                yield from _stop(run_key, started, now_s, chance, EXPLAINED_STOPS if is_explained else STOPS)
                now_s += chance.choice((15, 40, 90, 200)) * chance.uniform(0.6, 1.4) / pace * (3 if is_past else 1)
                yield now_s, _state(run_key, started, now_s, MachineState.RUNNING)
                next_stop_s = now_s + chance.expovariate(1 / (PAST_STOP_EVERY_S if is_past else STOP_EVERY_S)) / pace
        now_s += 0.5
        yield now_s, RunEnded(
            key=f"{run_key}-end", at=_at(started, now_s), run_key=run_key, order_number=order, part_number=part,
            outcome="completed", good=Decimal(0), target=Decimal(target),
        )  # fmt: skip
        now_s += 0.1
        yield now_s, _state(run_key, started, now_s, MachineState.IDLE)
        now_s += chance.uniform(10, 40) / pace


def _stop(
    run_key: str, started: datetime, now_s: float, chance: random.Random, stops: Sequence[tuple[str | None, str]]
) -> Iterator[tuple[float, MachineReport]]:
    kind = chance.choices(
        (MachineState.UNPLANNED_STOP, MachineState.STARVED, MachineState.BLOCKED, MachineState.PLANNED_STOP),
        weights=(6, 2, 1, 1),
    )[0]
    reason, detail = None, ""
    if kind is MachineState.UNPLANNED_STOP:
        reason, detail = chance.choice(stops)
    if kind is MachineState.PLANNED_STOP:
        reason = "cleaning"
    yield (
        now_s,
        StateEntered(
            key=f"{run_key}-{kind}-{now_s:.3f}", at=_at(started, now_s), state=kind, reason=reason, detail=detail
        ),
    )


def _state(run_key: str, started: datetime, now_s: float, state: MachineState) -> StateEntered:
    return StateEntered(key=f"{run_key}-{state}-{now_s:.3f}", at=_at(started, now_s), state=state)


def _pieces(
    run_key: str, started: datetime, now_s: float, good: int, scrap: int, scrap_reason: str | None
) -> PiecesMade:
    return PiecesMade(
        key=f"{run_key}-{now_s:.3f}", at=_at(started, now_s), run_key=run_key, good=Decimal(good),
        scrap=Decimal(scrap), scrap_reason=scrap_reason,
    )  # fmt: skip


def _at(started: datetime, now_s: float) -> datetime:
    return started + timedelta(seconds=now_s)
