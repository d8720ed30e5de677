"""A Postgres of our own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil  # type: ignore[import-untyped]
import pytest

from services.config import WrongSetting
from services.db.embedded import APP_ROLE, OWNER_ROLE, EmbeddedPostgres, embedded_postgres, make_database
from tests.architecture.sources import ROOT
from tests.factories import Connection

pytestmark = pytest.mark.xdist_group("embedded")

JOIN = """
import sys
from pathlib import Path
from services.db.embedded import embedded_postgres
with embedded_postgres(Path(sys.argv[1])) as cluster:
    print("new" if cluster.is_new else "joined", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that nobody else may enter, as `mktemp -d` makes it; its name leaves room for a socket's."""
    folder = Path(tempfile.mkdtemp(prefix="unison-own-"))
    yield folder / "data"
    if (folder / "data" / "postgres" / "postmaster.pid").exists():
        with embedded_postgres(folder / "data"):
            pass
    shutil.rmtree(folder)


async def ask(cluster: EmbeddedPostgres, question: str, role: str = "postgres", database: str = "unison") -> object:
    connection = await asyncpg.connect(cluster.url(role, database))
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def postmaster_of(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that is over but that nobody buried yet does not."""
    return bool(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def kill(postmaster: int) -> None:
    """Kill a server and everything it started, as a power cut would."""
    family = [psutil.Process(postmaster), *psutil.Process(postmaster).children(recursive=True)]
    for process in family:
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)


def join(data_dir: Path) -> "subprocess.Popen[str]":
    """Start another process that uses the cluster until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", JOIN, str(data_dir)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


class TestStart:
    async def test_makes_a_cluster_once_and_keeps_its_data(self, data_dir: Path) -> None:
        with embedded_postgres(data_dir) as first:
            await make_database(first)
            await make_database(first)
            await ask(first, "CREATE TABLE kept AS SELECT 42 AS answer", OWNER_ROLE)
        began = time.monotonic()
        with embedded_postgres(data_dir) as second:
            answer = await ask(second, "SELECT answer FROM kept", OWNER_ROLE)

        assert (first.is_new, second.is_new, answer) == (True, False, 42)
        assert time.monotonic() - began < 15

    async def test_begins_anew_where_the_first_one_was_killed_half_way(self, data_dir: Path) -> None:
        half_made = data_dir / "postgres.making"
        half_made.mkdir(parents=True)
        (half_made / "PG_VERSION").write_text("18\n")
        (half_made / "base").mkdir()

        with embedded_postgres(data_dir) as cluster:
            assert await ask(cluster, "SELECT 1", database="postgres") == 1

        assert not half_made.exists()

    async def test_recovers_what_was_committed_before_a_kill(self, data_dir: Path) -> None:
        with embedded_postgres(data_dir) as cluster:
            await make_database(cluster)
            await ask(cluster, "CREATE TABLE kept AS SELECT 42 AS answer", OWNER_ROLE)
            kill(postmaster_of(data_dir))

        with embedded_postgres(data_dir) as again:
            assert await ask(again, "SELECT answer FROM kept", OWNER_ROLE) == 42

    def test_that_fails_says_where_to_look(self, data_dir: Path) -> None:
        broken = data_dir / "postgres"
        broken.mkdir(parents=True)
        (broken / "PG_VERSION").write_text("18\n")
        (broken / "postgresql.conf").write_text("shared_buffers = nonsense\n")

        told = r"UNISON_DATA_DIR .* does not start: .* see .*server\.log"
        with pytest.raises(WrongSetting, match=told), embedded_postgres(data_dir):
            pass


class TestSocket:
    async def test_opens_to_its_own_user_only(
        self, cluster: EmbeddedPostgres, superuser_connection: Connection
    ) -> None:
        sockets = [path for path in cluster.socket_dir.iterdir() if path.is_socket()]

        assert {path.stat().st_mode & 0o777 for path in sockets} == {0o700}
        assert await superuser_connection.fetchval("SHOW listen_addresses") == ""

    async def test_lies_beside_data_that_nobody_else_can_read(self, superuser_connection: Connection) -> None:
        assert await superuser_connection.fetchval("SHOW data_directory_mode") == "0700"

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
    async def test_belongs_to_a_user_and_group_without_powers(self, superuser_connection: Connection) -> None:
        backend = psutil.Process(await superuser_connection.fetchval("SELECT pg_backend_pid()"))
        groups = backend.as_dict(["uids", "gids"])

        assert 0 not in {*groups["uids"], *groups["gids"]}


class TestRoles:
    async def test_are_made_without_powers(self, cluster: EmbeddedPostgres, superuser_connection: Connection) -> None:
        rows = await superuser_connection.fetch(
            "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = ANY ($1)", [APP_ROLE, OWNER_ROLE]
        )

        assert {tuple(row.values()) for row in rows} == {(APP_ROLE, False, False), (OWNER_ROLE, False, False)}

    async def test_find_the_search_extension(self, superuser_connection: Connection) -> None:
        assert await superuser_connection.fetchval(
            "SELECT true FROM pg_available_extensions WHERE name = 'pg_textsearch'"
        )


class TestSeveralProcesses:
    def test_share_one_cluster_and_the_last_one_stops_it(self, data_dir: Path) -> None:
        first, second = join(data_dir), join(data_dir)
        said = sorted(process.stdout.readline().strip() for process in (first, second) if process.stdout)
        postmaster = postmaster_of(data_dir)
        first.communicate(timeout=30)
        is_running_after_one = is_running(postmaster)
        second.communicate(timeout=30)

        assert said == ["joined", "new"]
        assert (first.returncode, second.returncode) == (0, 0)
        assert is_running_after_one
        assert not is_running(postmaster)

    def test_that_were_killed_leave_it_running_for_the_next(self, data_dir: Path) -> None:
        killed, postmaster = join(data_dir), 0
        if killed.stdout:
            killed.stdout.readline()
            postmaster = postmaster_of(data_dir)
        killed.kill()
        killed.communicate()

        with embedded_postgres(data_dir):
            assert postmaster_of(data_dir) == postmaster
        assert not is_running(postmaster)
