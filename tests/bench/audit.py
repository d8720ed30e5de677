"""What the audit costs: a one-tap report with and without it, and how fast its chain is sealed and verified.

The same reports on the same floor, in turns: with the audit's trigger, and without it, as only the owner of the tables
can switch it off.
"""

import resource
import time
from dataclasses import replace
from statistics import median

import asyncpg

from services.audit.chain import seal_now, verify_chain
from services.db.work import read
from tests.bench.installation import installation
from tests.bench.report import CONNECTIONS, TERMINALS, Report, one_tap, rush
from tests.bench.results import Result, reported
from tests.bench.works import Works, make_works
from ui.garbage import collect_rarely

ROUNDS = 24
ROUND_S = 1.0
WARM_UP_S = 3.0
ENTRIES = 1_000_000

TRIGGERS = """
SELECT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgname = 'audit' AND tgparentid = 0 ORDER BY 1
"""
FILL = """
INSERT INTO audit_log (org_id, plant_id, at, actor_kind, request_id, table_name, row_id, action, before, after, device)
SELECT org_id, plant_id, at + number * interval '1 microsecond', actor_kind, request_id, table_name, row_id, action,
       before, after, device
FROM (SELECT * FROM audit_log WHERE org_id = $1 AND table_name = 'production_log' ORDER BY seq DESC LIMIT 1) AS entry,
     generate_series(1, $2::int) AS number
"""
LINKS = "SELECT count(*) AS links FROM audit_chain"


async def measure() -> list[Result]:
    """Measure reports with and without the audit in turns, then seal and verify a long chain."""
    async with installation(connections=CONNECTIONS) as place:
        works = await make_works(machines=TERMINALS)
        collect_rarely()
        report = one_tap(works)
        await rush(works, report, seconds=WARM_UP_S)
        rates: dict[str, list[float]] = {"with": [], "without": []}
        owner = await asyncpg.connect(place.superuser_url)
        try:
            await _compare(owner, works, report, rates)
            await owner.execute(FILL, works.scope.org_id, ENTRIES)
        finally:
            await owner.close()
        seal_rate = await _seal(works)
        verified = await verify_chain(replace(works.scope, actor_kind="system"))
        if not verified.holds or verified.checked < ENTRIES:
            raise RuntimeError(f"the chain does not hold: {verified}")
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pairs = zip(rates["with"], rates["without"], strict=True)
    costs = [100 * (without / audited - 1) for audited, without in pairs]
    return [
        Result("audit_cost_of_a_report_percent", median(costs), "<= 15"),
        reported("reports_per_s_audited", median(rates["with"])),
        reported("reports_per_s_not_audited", median(rates["without"])),
        reported("entries", verified.checked),
        reported("sealed_per_s", seal_rate),
        reported("verified_per_s", verified.checked / verified.took_s),
        reported("verify_s", verified.took_s),
        reported("peak_of_the_process_mb", peak_mb),
    ]


async def _compare(
    owner: "asyncpg.Connection[asyncpg.Record]", works: Works, report: Report, rates: dict[str, list[float]]
) -> None:
    tables = [row["name"] for row in await owner.fetch(TRIGGERS)]
    for number in range(ROUNDS):
        for name in ("with", "without") if number % 2 else ("without", "with"):
            switch = "ENABLE" if name == "with" else "DISABLE"
            async with owner.transaction():
                for table in tables:
                    await owner.execute(f"ALTER TABLE {table} {switch} TRIGGER audit")
            rates[name].append(await rush(works, report, seconds=ROUND_S))
            print(f"  {name} audit: {rates[name][-1]:.0f} reports/s", flush=True)
    for table in tables:
        await owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER audit")


async def _seal(works: Works) -> float:
    """Seal everything that waits; returns entries a second."""
    began = time.monotonic()
    await seal_now(works.scope)
    took_s = time.monotonic() - began
    async with read(works.scope) as work:
        links: int = (await work.fetch(LINKS))[0]["links"]
    return links / took_s
