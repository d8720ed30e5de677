"""An installation of its own for every bench: a Postgres in a temporary directory, and servers as users start them."""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil  # type: ignore[import-untyped]

from services.db.embedded import APP_ROLE, OWNER_ROLE, EmbeddedPostgres, embedded_postgres, make_database
from services.db.engine import Database, use_database
from services.db.migrate import migrate

ROOT = Path(__file__).parents[2]
START_S = 60.0
"""The longest that a server may take to start on a busy machine."""
STOP_S = 15.0
SERVER_CORE = 0
OTHER_CORE = 1
"""Where the screens and whoever makes changes run, so that they take nothing from the server. Postgres runs where the
system puts it."""


@dataclass(frozen=True)
class Installation:
    """A migrated, empty database that the bench itself reaches as the runtime role."""

    data_dir: Path
    cluster: EmbeddedPostgres
    database: Database

    @property
    def app_url(self) -> str:
        """The URL of the runtime role."""
        return self.cluster.url(APP_ROLE)

    @property
    def superuser_url(self) -> str:
        """The URL of whoever loads data and looks behind row security."""
        return self.cluster.url("postgres")


@dataclass(frozen=True)
class Server:
    """A server process of the installation."""

    process: psutil.Process
    base_url: str

    @property
    def memory_mb(self) -> float:
        """Resident memory of the process and its children, in megabytes; Postgres is none of them."""
        tree = [self.process, *self.process.children(recursive=True)]
        return float(sum(process.memory_info().rss for process in tree)) / 1e6


@asynccontextmanager
async def installation(*, connections: int = 40) -> AsyncIterator[Installation]:
    """Make an installation for the time of the block, and remove it."""
    data_dir = Path(tempfile.mkdtemp(prefix="unison-bench-"))
    try:
        with embedded_postgres(data_dir) as cluster:
            await make_database(cluster)
            await migrate(cluster.url(OWNER_ROLE))
            database = Database(cluster.url(APP_ROLE), pool_size=connections)
            use_database(database)
            try:
                yield Installation(data_dir, cluster, database)
            finally:
                use_database(None)
                await database.close()
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


@asynccontextmanager
async def serving(place: Installation) -> AsyncIterator[Server]:
    """Run `main.py` on the installation for the time of the block, alone on its core."""
    port = free_port()
    settings = {
        "UNISON_DATA_DIR": str(place.data_dir),
        "UNISON_PORT": str(port),
        "UNISON_DEMO": "false",
        "UNISON_SECRET_KEY": secrets.token_urlsafe(48),
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UNISON_")}
    log_path = place.data_dir / f"server-{port}.log"
    process = _started(log_path, environment | settings)
    try:
        pin(process.pid, SERVER_CORE)
        server = Server(psutil.Process(process.pid), f"http://127.0.0.1:{port}")
        await _ready(server, process, log_path)
        yield server
    finally:
        stop(process)


def _started(log_path: Path, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    with log_path.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "main.py"], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )


async def _ready(server: Server, process: "subprocess.Popen[bytes]", log_path: Path) -> None:
    until = time.monotonic() + START_S
    async with aiohttp.ClientSession() as http:
        while time.monotonic() < until:
            if process.poll() is not None:
                break
            try:
                async with http.get(f"{server.base_url}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError(_last_words(log_path))


def _last_words(log_path: Path) -> str:
    return f"the server did not become ready:\n{log_path.read_text()}"


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process as a user does, and by force when it does not go."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def pin(pid: int, core: int) -> None:
    """Keep a process on one core where the system can."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(pid, {core})


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def postgres_of(place: Installation) -> list[psutil.Process]:
    """Return the processes of the installation's Postgres."""
    pid = int((place.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
    postmaster = psutil.Process(pid)
    return [postmaster, *postmaster.children(recursive=True)]


class CpuMeter:
    """Measures how much of one core some processes use from now on."""

    def __init__(self, processes: Iterable[psutil.Process]) -> None:
        self._processes = list(processes)
        self._began = time.monotonic()
        self._before = self._used_s()

    @property
    def percent(self) -> float:
        """Percent of one core since the beginning."""
        return 100 * (self._used_s() - self._before) / (time.monotonic() - self._began)

    def _used_s(self) -> float:
        total = 0.0
        for process in self._processes:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return total
