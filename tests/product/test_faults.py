"""What is acknowledged stays booked, once, whatever dies: the server, its Postgres, its listener, a connection."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from domain.scope import Scope
from services.db.embedded import embedded_postgres
from services.db.keys import new_id
from services.demo import RIVAL_ORG
from tests.factories import enter
from tests.product.installation import Installation
from tests.product.visitors import (
    V1,
    Reporter,
    booked,
    live_screen,
    machine_ids,
    signed_in_browser,
    signed_in_program,
)

pytestmark = pytest.mark.xdist_group("product")
RIVAL = "admin@rival.example"
"""Nobody simulates the machines of this organization: what is booked there, a test booked."""
WALL = "/wall/andon/MILL"

TERMINAL = """
import sys, httpx
url, token, *bodies = sys.argv[1:]
with httpx.Client(headers={"Authorization": "Bearer " + token, "Content-Type": "application/json"}) as http:
    http.get(url)
    print("ready", flush=True)
    sys.stdin.readline()
    for body in bodies:
        print(http.post(url, content=body).status_code, flush=True)
"""


@pytest.fixture
async def gateway(product: Installation) -> AsyncIterator[httpx.AsyncClient]:
    """A program of the organization that nobody simulates."""
    async with signed_in_program(product, RIVAL) as http:
        yield http


@pytest.fixture
async def reporters(gateway: httpx.AsyncClient) -> list[Reporter]:
    """Two gateways at each of two machines."""
    machines = await machine_ids(gateway)
    return [Reporter(gateway, machines[code]) for code in ("R-01", "R-02") for _ in range(2)]


@asynccontextmanager
async def reporting(reporters: list[Reporter]) -> AsyncIterator[None]:
    """Let gateways report for the time of the block, and settle what is open at its end."""
    tasks = [asyncio.create_task(reporter.report_forever()) for reporter in reporters]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [result for result in results if not isinstance(result, asyncio.CancelledError)] == []
    for reporter in reporters:
        if reporter.open_key is not None:
            answer = await reporter.report(reporter.open_key)
            assert answer.status_code in {200, 201}, answer.text
            reporter.acknowledged.append(reporter.open_key)


async def more_acknowledged(reporters: list[Reporter], count: int, *, within_s: float = 15) -> None:
    await asyncio.gather(*(reporter.are_acknowledged(count, within_s=within_s) for reporter in reporters))


async def lost_and_doubled(reporters: list[Reporter]) -> tuple[set[str], list[str]]:
    """Return the acknowledged keys that are not in the log, and the keys of reports that are there twice."""
    machines = {reporter.machine_id for reporter in reporters}
    log = [entry["client_key"] for machine_id in machines for entry in await booked(reporters[0].http, machine_id)]
    acknowledged = {str(key) for reporter in reporters for key in reporter.acknowledged}
    return acknowledged - set(log), [key for key in acknowledged if log.count(key) > 1]


class TestServerKilled:
    async def test_loses_and_doubles_no_report(self, product: Installation, reporters: list[Reporter]) -> None:
        async with reporting(reporters):
            await more_acknowledged(reporters, 20)
            product.kill()
            await asyncio.to_thread(product.start)
            await more_acknowledged(reporters, 5)

        assert await lost_and_doubled(reporters) == (set(), [])


class TestPostgresLost:
    async def test_screens_say_so_and_recover_and_no_report_is_lost_or_doubled(
        self, product: Installation, gateway: httpx.AsyncClient, reporters: list[Reporter]
    ) -> None:
        async with signed_in_browser(product, RIVAL) as http, live_screen(http, WALL) as wall:
            async with reporting(reporters):
                await more_acknowledged(reporters, 20)
                os.kill(postmaster(product), signal.SIGQUIT)  # every connection ends at once
                await wall.hears("unison:beat", lambda beat: beat["source"] == "database_down", within_s=3)
                refused = await reporters[0].report(new_id())
                alive, ready = await gateway.get("/healthz"), await gateway.get("/readyz")

                await asyncio.to_thread(start_postgres, product)
                await asyncio.gather(
                    wall.hears("unison:patch", lambda patch: "good_today" in str(patch), within_s=5),
                    more_acknowledged(reporters, 5, within_s=5),
                )
            await wall.hears("unison:beat", lambda beat: beat["source"] == "live", within_s=5)

        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert (alive.status_code, ready.status_code) == (200, 503)
        assert await lost_and_doubled(reporters) == (set(), [])


class TestListenerLost:
    async def test_no_change_is_missed(self, product: Installation, gateway: httpx.AsyncClient) -> None:
        machine_id = (await machine_ids(gateway))["R-01"]
        reporter = Reporter(gateway, machine_id)
        async with signed_in_browser(product, RIVAL) as http, live_screen(http, WALL) as wall:
            await reporter.report(new_id())
            before = await wall.hears("unison:patch", lambda patch: good_today(patch, machine_id) is not None)
            expected = (good_today(before, machine_id) or 0) + 10

            ended = await end_listener(product)
            for _ in range(10):
                await reporter.report(new_id())
            await wall.hears("unison:patch", lambda patch: good_today(patch, machine_id) == expected, within_s=5)

        assert ended == 1

    async def test_a_session_that_ended_meanwhile_loses_its_screens(self, product: Installation) -> None:
        async with signed_in_browser(product, RIVAL) as http, live_screen(http, WALL) as wall:
            await wall.hears("unison:beat")
            await end_newest_session(product)

            await end_listener(product)

            assert (await wall.hears("open", within_s=5))["path"] == "/sign-in"
            await wall.is_lost(within_s=2)


class TestTwoTerminals:
    async def test_book_one_client_key_once(self, product: Installation, gateway: httpx.AsyncClient) -> None:
        machine_id = (await machine_ids(gateway))["R-02"]
        keys = [str(new_id()) for _ in range(20)]
        bodies = [orjson.dumps({"machine_id": machine_id, "client_key": key, "good": 3}).decode() for key in keys]
        token = gateway.headers["Authorization"].removeprefix("Bearer ")
        command = [sys.executable, "-c", TERMINAL, f"{product.base_url}{V1}/production-logs/", token, *bodies]
        terminals = [await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE) for _ in range(2)]

        for terminal in terminals:
            assert terminal.stdout is not None
            assert await terminal.stdout.readline() == b"ready\n"
        answers = [said.split() for said, _ in await asyncio.gather(*(one.communicate(b"go\n") for one in terminals))]

        assert {tuple(sorted(pair)) for pair in zip(*answers, strict=True)} == {(b"200", b"201")}
        log = [entry["client_key"] for entry in await booked(gateway, machine_id)]
        assert [log.count(key) for key in keys] == [1] * len(keys)


def postmaster(product: Installation) -> int:
    return int((product.pgdata / "postmaster.pid").read_text().split()[0])


def start_postgres(product: Installation) -> None:
    """Start the cluster again and leave; it goes on, for the server uses it."""
    with embedded_postgres(product.data_dir):
        pass


async def end_listener(product: Installation) -> int:
    """End the connection that hears of changes, and return how many there were."""
    superuser = await asyncpg.connect(product.running_postgres().url("postgres"))
    ended = await superuser.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'unison pump'"
    )
    await superuser.close()
    return len(ended)


async def end_newest_session(product: Installation) -> None:
    """End a session as another process would do, without a word to this one."""
    superuser = await asyncpg.connect(product.running_postgres().url("postgres"))
    async with superuser.transaction():
        await enter(superuser, Scope(RIVAL_ORG))
        await superuser.execute(
            "UPDATE sign_in_sessions SET revoked_at = now(), revoked_because = 'revoked' "
            "WHERE id = (SELECT id FROM sign_in_sessions ORDER BY id DESC LIMIT 1)"
        )
    await superuser.close()


def good_today(patch: dict[str, Any], machine_id: str) -> int | None:
    """Return the good pieces of a machine's day as a patch says them."""
    said = patch["patch"].get("machines", {}).get(machine_id, {}).get("good_today")
    return None if said is None else int(said)
