"""What row security costs: the product's own queries, as the runtime role and as a role that bypasses it.

The product's functions say which statements they send; each is then prepared and timed on two bare connections in turn.
The bypassing role finds, in front of the tables, views that keep to the organization by a constant, so that both do the
same work on the same rows.
"""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median
from typing import Any

import asyncpg
from sqlalchemy import event

from services.db.engine import SESSION_SETTINGS, Database
from services.db.work import Work, read
from services.production.boards import load_andon_wall, load_plant_board
from services.production.queries import list_log_entries
from tests.bench.installation import OTHER_CORE, SERVER_CORE, Installation, installation, pin
from tests.bench.log_rows import DAYS, ORGANIZATIONS, ROWS, fill_logs
from tests.bench.results import Result, reported
from tests.bench.works import Works, make_works
from tests.factories import Connection, enter

ROUNDS = 400
WARM_UP = 20
MOST_PERCENT = 10
BYPASS = "bench_bypass"

TENANT_TABLES = """
SELECT tablename, EXISTS (SELECT FROM information_schema.columns
                          WHERE table_schema = 'public' AND table_name = tablename
                            AND column_name = 'org_id') AS has_org
FROM pg_policies WHERE schemaname = 'public' AND policyname = 'organization'
"""


@dataclass(frozen=True)
class Query:
    """One statement of the product."""

    name: str
    sql: str
    parameters: tuple[object, ...]


async def measure() -> list[Result]:
    """Time every query both ways in turn."""
    pin(os.getpid(), OTHER_CORE)
    async with installation() as place:
        works = [await make_works(slug=f"works-{number}") for number in range(ORGANIZATIONS)]
        began = time.monotonic()
        await fill_logs(place, works)
        print(f"  {ROWS} rows in {ORGANIZATIONS} organizations, {time.monotonic() - began:.0f} s", flush=True)
        queries = await _queries_of(place.database, works[ORGANIZATIONS // 2])
        return await _compare(place, works[ORGANIZATIONS // 2], queries)


async def _queries_of(database: Database, works: Works) -> list[Query]:
    """Run the product's functions once and keep what they sent."""
    machine_id, month = works.machine_ids[0], timedelta(days=DAYS / 3)

    async def newest(work: Work) -> object:
        return await list_log_entries(work)

    async def of_a_machine(work: Work) -> object:
        return await list_log_entries(work, machine_id=machine_id, since=work.now - timedelta(days=7), until=work.now)

    async def scrap_of_a_lane(work: Work) -> object:
        return await list_log_entries(work, lane_id=works.lane_id, kind="scrap")

    async def a_month_ago(work: Work) -> object:
        return await list_log_entries(work, plant_id=works.plant_id, before=(work.now - month, machine_id))

    async def wall(work: Work) -> object:
        return await load_andon_wall(work, lane_id=works.lane_id)

    async def plant(work: Work) -> object:
        return await load_plant_board(work, plant_id=works.plant_id)

    sent: list[tuple[str, tuple[object, ...]]] = []
    queries: list[Query] = []
    functions: dict[str, Callable[[Work], Awaitable[object]]] = {
        "wall": wall,
        "plant_board": plant,
        "log_newest": newest,
        "log_of_a_machine": of_a_machine,
        "log_scrap_of_a_lane": scrap_of_a_lane,
        "log_a_month_ago": a_month_ago,
    }
    for name, function in functions.items():
        async with read(works.scope) as work:
            with listening(database, sent):
                await function(work)
        queries += [Query(name, sql, parameters) for sql, parameters in sent]
        sent.clear()
    return queries


@contextmanager
def listening(database: Database, sent: list[tuple[str, tuple[object, ...]]]) -> Any:
    """Keep what SQLAlchemy sends during the block."""

    def keep(_connection: object, _cursor: object, sql: str, parameters: tuple[object, ...], *_: object) -> None:
        sent.append((sql, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", keep)
    try:
        yield
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", keep)


async def _compare(place: Installation, works: Works, queries: list[Query]) -> list[Result]:
    results: list[Result] = []
    async with _as_runtime_role(place, works) as held, _as_bypassing_role(place, works) as free:
        for connection in (held, free):  # or whichever shares its core with the bench is slower by a fifth
            pin(await connection.fetchval("SELECT pg_backend_pid()"), SERVER_CORE)
        for query in queries:
            held_statement, free_statement = await held.prepare(query.sql), await free.prepare(query.sql)
            held_ms: list[float] = []
            free_ms: list[float] = []
            for number in range(WARM_UP + ROUNDS):
                turns = [(held_statement, held_ms), (free_statement, free_ms)]
                rows = []
                for statement, times in turns if number % 2 else reversed(turns):
                    began = time.perf_counter()
                    rows.append(await statement.fetch(*query.parameters))
                    times.append(1000 * (time.perf_counter() - began))
                assert rows[0] == rows[1], f"{query.name} found different rows"
            held_median, free_median = median(held_ms[WARM_UP:]), median(free_ms[WARM_UP:])
            percent = 100 * (held_median / free_median - 1)
            results += [
                Result(f"{query.name}_more_percent", percent, f"<= {MOST_PERCENT}"),
                reported(f"{query.name}_ms", held_median),
                reported(f"{query.name}_bypassing_ms", free_median),
            ]
            print(f"  {query.name}: {held_median:.3f} ms, bypassing {free_median:.3f} ms, {percent:+.1f} %", flush=True)
    return results


@asynccontextmanager
async def _as_runtime_role(place: Installation, works: Works) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(place.app_url, server_settings=SESSION_SETTINGS)
    try:
        async with connection.transaction(readonly=True):
            await enter(connection, replace(works.scope, plant_ids=None))
            yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _as_bypassing_role(place: Installation, works: Works) -> AsyncIterator[Connection]:
    superuser = await asyncpg.connect(place.superuser_url)
    try:
        await superuser.execute(f"CREATE ROLE {BYPASS} LOGIN BYPASSRLS; CREATE SCHEMA bypass")
        for table, has_org in await superuser.fetch(TENANT_TABLES):
            column = "org_id" if has_org else "id"
            await superuser.execute(
                f"CREATE VIEW bypass.{table} WITH (security_invoker) AS"
                f" SELECT * FROM public.{table} WHERE {column} = '{works.scope.org_id}'"
            )
        await superuser.execute(
            f"GRANT USAGE ON SCHEMA app, bypass TO {BYPASS}; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO {BYPASS};"
            f" GRANT SELECT ON ALL TABLES IN SCHEMA public, bypass TO {BYPASS}"
        )
    finally:
        await superuser.close()
    connection = await asyncpg.connect(
        place.cluster.url(BYPASS), server_settings={**SESSION_SETTINGS, "search_path": "bypass, public"}
    )
    try:
        async with connection.transaction(readonly=True):
            yield connection
    finally:
        await connection.close()
