"""A year of a plant with ten million log entries: what a shift, a month and a page of it take, and whether age matters.

Every measurement is taken of the newest days and of days eleven months back in turns, each time of another machine,
shift or hour, as the runtime role.
"""

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from domain.scope import Scope
from services.auth.passwords import hash_password
from services.db.work import Work, begin, read
from services.plant.hourly_facts import recompute_hours
from services.plant.shift_queries import ShiftInfo, list_shifts
from services.production.kpi_queries import KpiGrouping, KpiScope, load_kpis, load_shift_kpis
from tests.bench.history_rows import LANES, MACHINES, History, make_history
from tests.bench.installation import OTHER_CORE, Server, installation, pin, serving
from tests.bench.paint import browsing, paint_times_ms
from tests.bench.results import Result, percentile, reported
from tests.factories import PASSWORD

AGO = timedelta(days=334)
TREND_DAYS = 30
TIMES = 40
WARM_UP = 5
SHIFTS = 20
NO_SLOWER = "<= 1.25"
"""Old days may take a quarter longer: less is within what two runs of the same query differ by."""

Query = Callable[[Work, int], Awaitable[object]]


@dataclass(frozen=True)
class _Age:
    """The days that are looked at."""

    now: datetime
    shifts: tuple[ShiftInfo, ...]
    """Shifts of the lane that ended, newest first."""


async def measure() -> list[Result]:
    """Load the year, ask for parts of it, and look at it in a browser."""
    pin(os.getpid(), OTHER_CORE)
    async with installation() as place:
        history = await make_history(place, password_hash=await hash_password(PASSWORD))
        return await measured(history, serving(place))


async def _ages(history: History) -> tuple[_Age, _Age]:
    async with read(history.scope) as work:
        return await _age(work, history, work.now), await _age(work, history, work.now - AGO)


async def _age(work: Work, history: History, now: datetime) -> _Age:
    page = await list_shifts(work, lane_id=history.lane_id, since=now - timedelta(days=10), until=now, limit=100)
    ended = [shift for shift in page.items if shift.ends_at <= now]
    return _Age(now, tuple(reversed(ended))[:SHIFTS])


def _shift_oee(history: History, age: _Age) -> Query:
    async def ask(work: Work, number: int) -> object:
        shift = age.shifts[number % len(age.shifts)]
        report = await load_shift_kpis(
            work, machine_id=history.machine_ids[number * LANES % MACHINES], key=str(shift.id)
        )
        return report.figures.kpis.oee

    return ask


def _trend(history: History, age: _Age) -> Query:
    async def ask(work: Work, number: int) -> object:
        before = age.now.date() + timedelta(days=1 - number % 2)
        groups = await load_kpis(
            work, scope=KpiScope.PLANT, place_id=history.plant_id, since_day=before - timedelta(days=TREND_DAYS),
            before_day=before, by=KpiGrouping.DAY,
        )  # fmt: skip
        return [group.kpis.oee for group in groups]

    return ask


def _dirty_hour(history: History, age: _Age) -> Query:
    async def ask(work: Work, number: int) -> object:
        machine_id = history.machine_ids[number % len(history.machine_ids)]
        hour = age.now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=2 + number)
        await recompute_hours(work, machine_id=machine_id, hours=[hour])
        return None

    return ask


async def measured(history: History, server: AbstractAsyncContextManager[Server]) -> list[Result]:
    """Measure on a history that is loaded; `server` serves it while it is open."""
    ages = await _ages(history)
    results = [
        *await _in_turns("shift_oee", "<= 15", history, read, [_shift_oee(history, age) for age in ages]),
        *await _in_turns("trend_30_days", "<= 50", history, read, [_trend(history, age) for age in ages]),
        *await _in_turns("dirty_hour", "<= 20", history, begin, [_dirty_hour(history, age) for age in ages]),
    ]
    async with server as running, browsing(running, history.email) as context:
        address = f"/shift/{history.lane_code}"
        painted = [
            await paint_times_ms(context, path, ".u-time__part")
            for path in (address, *(f"{address}?shift={age.shifts[0].id}" for age in ages))
        ]
        standing = await paint_times_ms(context, address, "#app .u-time__part")
    present, *past = painted
    return [
        *results,
        Result("present_shift_first_paint_ms", median(present), "<= 300"),
        reported("present_shift_first_paint_p95_ms", percentile(present, 95)),
        reported("present_shift_elements_stand_ms", median(standing)),
        *_compared("past_shift_first_paint", "<= 300", past),
    ]


async def _in_turns(
    name: str, goal: str, history: History, opened: Callable[[Scope], AbstractAsyncContextManager[Work]],
    asked: Sequence[Query],
) -> list[Result]:  # fmt: skip
    """Ask for new and old in turns, each in a transaction of its own that is part of what is measured."""
    times_ms: list[list[float]] = [[] for _ in asked]
    for number in range(WARM_UP + TIMES):
        for query, taken_ms in zip(asked, times_ms, strict=True):
            began = time.perf_counter()
            async with opened(history.scope) as work:
                await query(work, number)
            if number >= WARM_UP:
                taken_ms.append(1000 * (time.perf_counter() - began))
    found = _compared(name, goal, times_ms)
    print("  " + ", ".join(f"{result.name} {result.value:.2f}" for result in found), flush=True)
    return found


def _compared(name: str, goal: str, times_ms: Sequence[Sequence[float]]) -> list[Result]:
    new, old = (median(each) for each in times_ms)
    return [
        Result(f"{name}_ms", new, goal),
        Result(f"{name}_11_months_ago_ms", old, goal),
        *(
            reported(f"{name}{age}_p95_ms", percentile(list(each), 95))
            for age, each in zip(("", "_11_months_ago"), times_ms, strict=True)
        ),
        Result(f"{name}_old_to_new_ratio", old / new, NO_SLOWER),
    ]
