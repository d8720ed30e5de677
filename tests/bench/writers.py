"""Thirty-two terminals report at once: how much do live screens slow them down?

On: a server with a hundred screens on the wall that everybody reports to. Off: no server, so no live queue is bound.
Both take turns in one run, because a machine's speed drifts; the result is the median of the rounds.
"""

import asyncio
import time
from decimal import Decimal
from statistics import median
from uuid import UUID

from services.db.keys import new_id
from services.db.work import begin
from services.production.production_logs import Pieces, report_production
from tests.bench.audience import watching
from tests.bench.installation import CpuMeter, Installation, installation, serving
from tests.bench.results import Result, reported
from tests.bench.works import Works, make_works

WRITERS = 32
SCREENS = 100
ROUNDS = 4
WARM_UP_S = 1.5
SECONDS = 6.0
HOT = 1
"""Machines that all report to, where they get into each other's way."""


async def measure() -> list[Result]:
    """Alternate between on and off, each with reports on many machines and on one."""
    rates: dict[str, list[float]] = {"spread_on": [], "spread_off": [], "hot_on": [], "hot_off": []}
    server_percents: list[float] = []
    lost = 0
    async with installation() as place:
        works = await make_works()
        for number in range(ROUNDS):
            order = (_round_on, _round_off) if number % 2 else (_round_off, _round_on)
            for one in order:
                switch = "on" if one is _round_on else "off"
                spread, hot, server_percent, gaps = await one(place, works)
                rates[f"spread_{switch}"].append(spread)
                rates[f"hot_{switch}"].append(hot)
                lost += gaps
                if switch == "on":
                    server_percents.append(server_percent)
                print(f"  screens {switch}: {spread:.0f} reports/s, on one machine {hot:.0f}", flush=True)
    medians = {name: median(values) for name, values in rates.items()}
    return [
        Result("reports_on_of_off_percent", 100 * medians["spread_on"] / medians["spread_off"], ">= 80"),
        Result("hot_machine_on_of_off_percent", 100 * medians["hot_on"] / medians["hot_off"], ">= 80"),
        Result("frames_lost", lost, "<= 0"),
        *(reported(f"{name}_reports_per_s", rate) for name, rate in medians.items()),
        reported("server_core_percent_on", median(server_percents)),
    ]


async def _round_off(place: Installation, works: Works) -> tuple[float, float, float, int]:
    return await _report(works, works.machine_ids), await _report(works, works.machine_ids[:HOT]), 0.0, 0


async def _round_on(place: Installation, works: Works) -> tuple[float, float, float, int]:
    path = f"/wall/andon/{works.lane_code}"
    async with serving(place) as server, watching(server, path, works.email) as audience:
        await audience.open(SCREENS)
        await audience.listen()
        cpu = CpuMeter([server.process])
        spread = await _report(works, works.machine_ids)
        hot = await _report(works, works.machine_ids[:HOT])
        server_percent = cpu.percent
        await asyncio.sleep(1)
        heard = await audience.report()
        assert heard.patches, "the screens heard nothing"
        return spread, hot, server_percent, heard.gaps + heard.lost_sockets


async def _report(works: Works, machine_ids: tuple[UUID, ...]) -> float:
    """Let all writers report as fast as they can; returns committed reports per second."""
    committed = 0
    until = time.monotonic() + WARM_UP_S + SECONDS

    async def write(writer: int) -> None:
        nonlocal committed
        turn = writer
        while time.monotonic() < until:
            async with begin(works.scope) as work:
                machine_id = machine_ids[turn % len(machine_ids)]
                pieces = Pieces(good=Decimal(1))
                await report_production(work, machine_id=machine_id, pieces=pieces, client_key=new_id())
            committed += 1
            turn += WRITERS

    writing = asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    await asyncio.sleep(WARM_UP_S)
    before, began = committed, time.monotonic()
    await asyncio.sleep(SECONDS)
    rate = (committed - before) / (time.monotonic() - began)
    await writing
    return rate
