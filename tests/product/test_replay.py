"""A machine's own day, read into a running product: what the wall shows, what is booked, and only once."""

import asyncio
import re
from decimal import Decimal
from pathlib import Path

import pytest

from services.demo import KOMAX_MACHINE
from tests.product.installation import Installation
from tests.product.visitors import (
    booked,
    live_screen,
    machine_ids,
    pieces,
    signed_in_browser,
    signed_in_program,
)
from tests.services.komax_files import ORDER, block, user, write_day
from tests.shared_data import shared_data

pytestmark = pytest.mark.xdist_group("product")
SUPERVISOR = "supervisor@demo.example"
REPORTS = re.compile(r"(\d+) reports booked, (\d+) known")


async def replay(product: Installation, path: Path, *, speed: int) -> tuple[int, int]:
    """Replay a log to its end; returns how many reports were booked, and how many were known."""
    done = await asyncio.to_thread(product.run, "replay", "--speed", str(speed), str(path))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    match = REPORTS.search(done.stdout.splitlines()[-1])
    assert match is not None, done.stdout
    return int(match[1]), int(match[2])


def good_pieces_of(path: Path) -> Decimal:
    """Count the good pieces of a day as somebody with a text editor would: what each end of a job says, once."""
    ends = re.findall(r"\[(Job(?:Terminated|Aborted))\]\r?\n(.*?)\r?\n\r?\n", (path / "Job.sdc").read_text(), re.DOTALL)
    said = {(section, text): re.search(r"^TotalGoodPieces=(\d+)", text, re.MULTILINE) for section, text in ends}
    return sum((Decimal(match[1]) for match in said.values() if match is not None), Decimal(0))


class TestReplay:
    async def test_books_a_real_day_as_its_files_say_and_only_once(self, product: Installation) -> None:
        day = shared_data("data/komax_2025-02-03")
        async with signed_in_program(product, SUPERVISOR) as http:
            machine_id = (await machine_ids(http))[KOMAX_MACHINE]

            first = await replay(product, day, speed=0)
            log = await booked(http, machine_id)
            second = await replay(product, day, speed=0)
            log_afterwards = await booked(http, machine_id)

        assert pieces(log) == good_pieces_of(day)
        assert {entry["kind"] for entry in log} == {"good"}
        assert (second[0], second[1]) == (0, sum(first))
        assert log_afterwards == log

    async def test_shows_jobs_and_the_time_they_happened_on_the_wall(
        self, product: Installation, tmp_path: Path
    ) -> None:
        day = write_day(
            tmp_path / "day",
            Job=block("JobStarted", "05/02/2025,07:00:00", JobRequestedPieces=50)
            + block("JobTerminated", "05/02/2025,07:04:00", JobRequestedPieces=50, TotalGoodPieces=50),
            Producti=block("ProductionStarted", "05/02/2025,07:01:00"),
            User=user("LoggedIn", "05/02/2025,06:59:00"),
        )
        async with (
            signed_in_browser(product, SUPERVISOR) as browser,
            live_screen(browser, "/wall/andon/CUT") as wall,
        ):
            replaying = asyncio.create_task(replay(product, day, speed=120))
            job = await wall.hears("unison:patch", lambda patch: ORDER in str(patch), within_s=20)
            made = await wall.hears("unison:patch", lambda patch: "'good_today': '50'" in str(patch), within_s=20)
            await replaying

        assert "'as_of': 1738735" in str(job)  # the morning of 5 February 2025
        assert "'as_of': 1738735" in str(made)
