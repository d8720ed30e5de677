"""A one-tap report: fifty terminals at once, beside the same SQL statements sent raw by asyncpg.

`paced` is a floor at its busiest: every terminal taps once a second. `rush` is all terminals as fast as they can, where
the rates are compared: the product's use case, and the very statements that it sends, on bare connections.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from statistics import median
from uuid import UUID

import asyncpg
from sqlalchemy import text

from services.db.engine import SESSION_SETTINGS, current_database, driver_of
from services.db.keys import new_id
from services.db.work import begin, read
from services.production.bookings import BOOK
from services.production.production_logs import Pieces, report_production
from tests.bench.installation import installation
from tests.bench.results import Result, reported
from tests.bench.rls import listening
from tests.bench.works import Works, make_works
from ui.garbage import collect_rarely

TERMINALS = 50
CONNECTIONS = 50
PACED_S = 20.0
EVERY_S = 1.0
RUSH_S = 5.0
ROUNDS = 4
WARM_UP_S = 3.0

RUNS = "SELECT machine_id, run_id FROM machine_status"

Statement = tuple[str, tuple[object, ...]]
Report = Callable[[UUID], Awaitable[None]]


async def measure() -> list[Result]:
    """Measure the paced floor, then the rush both ways in turns."""
    async with installation(connections=CONNECTIONS) as place:
        works = await make_works(machines=TERMINALS)
        collect_rarely()
        statements = await _statements_of_a_report(works)
        report = one_tap(works)
        await rush(works, report, seconds=WARM_UP_S)
        times_ms = await paced(works, report, is_over=lambda after_s: after_s >= PACED_S)
        rates: dict[str, list[float]] = {"ours": [], "raw": []}
        async with asyncpg.create_pool(
            place.app_url, min_size=CONNECTIONS, max_size=CONNECTIONS, server_settings=SESSION_SETTINGS, reset=_leave
        ) as pool:
            raw = await _raw(pool, works, statements)
            for number in range(ROUNDS):
                turns = [("ours", report), ("raw", raw)]
                for name, way in turns if number % 2 else reversed(turns):
                    rates[name].append(await rush(works, way, seconds=RUSH_S))
                    print(f"  {name}: {rates[name][-1]:.0f} reports/s", flush=True)
    ours, raw_rate = median(rates["ours"]), median(rates["raw"])
    return [
        Result("report_p95_ms", times_ms[int(len(times_ms) * 0.95)], "<= 30"),
        reported("report_p50_ms", median(times_ms)),
        reported("report_p99_ms", times_ms[int(len(times_ms) * 0.99)]),
        reported("reports", len(times_ms)),
        Result("report_rate_of_raw_percent", 100 * ours / raw_rate, ">= 50"),
        reported("reports_per_s", ours),
        reported("raw_reports_per_s", raw_rate),
    ]


async def _leave(_: object) -> None:
    """Give a connection back as it is: SQLAlchemy's pool sends nothing then either."""


def one_tap(works: Works) -> Report:
    """Return what reports one good piece of a machine, as a tap at its terminal does."""
    pieces = Pieces(good=Decimal(1))

    async def report(machine_id: UUID) -> None:
        async with begin(works.scope) as work:
            await report_production(work, machine_id=machine_id, pieces=pieces, client_key=new_id())

    return report


async def paced(works: Works, report: Report, *, is_over: Callable[[float], bool]) -> list[float]:
    """Let every terminal tap once a second, each at its own moment; returns sorted times from tap to commit, in ms.

    `is_over` is asked before each tap, with the seconds since the first.
    """
    times_ms: list[float] = []
    began = time.monotonic()

    async def tap(number: int) -> None:
        machine_id = works.machine_ids[number]
        due = began + EVERY_S * number / TERMINALS
        while not is_over(due - began):
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            at = time.perf_counter()
            await report(machine_id)
            times_ms.append(1000 * (time.perf_counter() - at))
            due += EVERY_S

    await asyncio.gather(*(tap(number) for number in range(TERMINALS)))
    return sorted(times_ms)


async def rush(works: Works, report: Report, *, seconds: float) -> float:
    """Let every terminal report again and again; returns committed reports a second."""
    done = 0
    began = time.monotonic()

    async def tap(machine_id: UUID) -> None:
        nonlocal done
        while time.monotonic() < began + seconds:
            await report(machine_id)
            done += 1

    await asyncio.gather(*(tap(machine_id) for machine_id in works.machine_ids))
    return done / (time.monotonic() - began)


async def _statements_of_a_report(works: Works) -> list[Statement]:
    """Report once and return what the use case sent between BEGIN and COMMIT, with the first machine's values."""
    sent: list[Statement] = []

    def keep(query: asyncpg.connection.LoggedQuery) -> None:
        sent.append((query.query, tuple(query.args)))

    async with current_database().engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        driver = driver_of(connection)
    driver.add_query_logger(keep)  # the pool's only connection so far, so the next work takes it
    with listening(current_database(), sent):
        await one_tap(works)(works.machine_ids[0])
    driver.remove_query_logger(keep)
    between = [statement for statement in sent if not statement[0].startswith("BEGIN")]
    return between[: next(number for number, (sql, _) in enumerate(between) if sql.startswith("COMMIT"))]


async def _raw(pool: "asyncpg.Pool[asyncpg.Record]", works: Works, statements: list[Statement]) -> Report:
    first = works.machine_ids[0]
    booking = next(values for sql, values in statements if sql == BOOK)
    old_key, old_ids = booking[3], booking[6]
    async with read(works.scope) as work:
        runs = {row["machine_id"]: row["run_id"] for row in await work.fetch(RUNS)}

    async def report(machine_id: UUID) -> None:
        key, ids = new_id(), [new_id()]
        news = {str(first): machine_id, str(runs[first]): runs[machine_id], str(old_key): key, str(old_ids): ids}
        async with pool.acquire() as connection, connection.transaction():
            for sql, values in statements:
                await connection.fetch(sql, *(news.get(str(value), value) for value in values))

    return report
