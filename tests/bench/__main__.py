"""`python -m tests.bench NAME`: measure, and print one line of JSON per bench; `all` runs every bench."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop

from tests.bench import (
    audit,
    custom_fields,
    history,
    live,
    orders,
    permissions,
    queue,
    report,
    rls,
    users,
    webhooks,
    whole_organization,
    writers,
)
from tests.bench.results import Result, line_of

BENCHES: dict[str, Callable[[], Awaitable[list[Result]]]] = {
    "live": live.measure,
    "queue": queue.measure,
    "writers": writers.measure,
    "rls": rls.measure,
    "report": report.measure,
    "orders": orders.measure,
    "history": history.measure,
    "custom_fields": custom_fields.measure,
    "audit": audit.measure,
    "permissions": permissions.measure,
    "webhooks": webhooks.measure,
    "whole_organization": whole_organization.measure,
    "users": users.measure,
}
LONGEST_S = 600.0
LONGEST_BY_BENCH_S = {"history": 1800.0}
"""A bench that takes longer is broken; a year of production takes minutes to load."""


async def run(names: list[str]) -> dict[str, list[Result]]:
    """Run benches one after the other; SIGTERM ends them with everything that they started."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    found: dict[str, list[Result]] = {}
    for name in names:
        print(f"{name}:", flush=True)
        async with asyncio.timeout(LONGEST_BY_BENCH_S.get(name, LONGEST_S)):
            found[name] = await BENCHES[name]()
        print(line_of(name, found[name]), flush=True)
    return found


def main() -> None:
    """Run what the command line names."""
    if len(sys.argv) != 2 or sys.argv[1] not in {*BENCHES, "all"}:
        sys.exit(f"usage: python -m tests.bench {{{'|'.join(BENCHES)}|all}}")
    wanted = sys.argv[1]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(run(list(BENCHES) if wanted == "all" else [wanted]))
    if wanted == "all":
        print(line_of("all", [result for results in found.values() for result in results]))


if __name__ == "__main__":
    main()
