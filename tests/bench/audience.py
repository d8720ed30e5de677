"""A process full of screens, driven from a bench."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from tests.bench.installation import OTHER_CORE, ROOT, Server, pin

LONGEST_LINE = 200_000_000
ANSWER_S = 240.0


@dataclass(frozen=True)
class Report:
    """What the screens heard."""

    screens: int
    gaps: int
    """Frames that a screen should have got and did not."""
    lost_sockets: int
    snapshots: int
    patches: list[dict[str, int]]
    """Each distinct patch: good pieces of today by machine, or the priority by order."""
    arrivals: list[tuple[int, int, float]]
    """Screen, patch, epoch seconds."""
    used_s: float
    """Processor time of the screens' process."""


class Audience:
    """Screens that watch one page of a server."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def open(self, count: int) -> float:
        """Open more screens; returns the seconds that it took."""
        return float((await self._do({"do": "open", "count": count}))["opened_s"])

    async def listen(self) -> None:
        """Let the screens forget what they heard."""
        await self._do({"do": "listen"})

    async def report(self) -> Report:
        """Return what the screens heard since `listen`."""
        return Report(**await self._do({"do": "report"}))

    async def _do(self, command: dict[str, object]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(command) + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), ANSWER_S)
        if not line:
            raise RuntimeError("the process of the screens ended")
        answer: dict[str, Any] = orjson.loads(line)
        return answer


@asynccontextmanager
async def watching(server: Server, path: str, email: str) -> AsyncIterator[Audience]:
    """Run a process of screens for the time of the block, on the core that the server leaves free."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.screens", server.base_url, path, email,
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=LONGEST_LINE,
    )  # fmt: skip
    try:
        pin(process.pid, OTHER_CORE)
        yield Audience(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
