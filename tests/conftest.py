"""One embedded Postgres per run, one database per worker, one organization per test.

Tests sign in as the runtime role, so row-level security holds them as it holds the server. Nothing is truncated: a
test sees its own organization and no other's.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import fasteners
import pytest
import structlog
from hypothesis import settings

from domain.scope import Scope
from services.adapters.local_files import LocalFiles
from services.audit import chain
from services.auth.passwords import hash_password
from services.db.embedded import OWNER_ROLE, EmbeddedPostgres, embedded_postgres, make_database
from services.db.engine import Database, use_database
from services.db.migrate import migrate
from services.db.work import Work
from services.events.hub import Hub
from services.file_store import use_file_store
from tests.factories import PASSWORD, Connection, Floor, Make, Platform, found, pumping, undone

RUN_DIR = "UNISON_TEST_RUN_DIR"
"""Tells the workers of a run where its Postgres lies."""
FASTER = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")
"""A test's database need not survive a power cut."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose the run's directory, once for all workers, and keep the logs plain: pretty traces take seconds."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
        ]
    )
    if not hasattr(config, "workerinput"):
        os.environ[RUN_DIR] = tempfile.mkdtemp(prefix="unison-tests-")


settings.register_profile("unison", deadline=None)
settings.load_profile("unison")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind, not even when a worker died."""
    if hasattr(config, "workerinput"):
        return
    run_dir = Path(os.environ[RUN_DIR])
    if (run_dir / "postgres" / "postmaster.pid").exists():
        with embedded_postgres(run_dir):
            pass
    shutil.rmtree(run_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[EmbeddedPostgres]:
    """The run's Postgres: the first worker starts it, the last one stops it."""
    with embedded_postgres(Path(os.environ[RUN_DIR])) as running:
        yield running


@pytest.fixture(scope="session")
async def database_name(cluster: EmbeddedPostgres, worker_id: str) -> str:
    """This worker's own database, copied from the one that was migrated once."""
    name = f"w_{worker_id}"
    run_dir = Path(os.environ[RUN_DIR])
    with fasteners.InterProcessLock(str(run_dir / "template")):
        if not (run_dir / "migrated").exists():
            await make_database(cluster)
            await migrate(cluster.url(OWNER_ROLE))
            (run_dir / "migrated").touch()
        connection = await asyncpg.connect(cluster.url("postgres", "postgres"))
        try:
            for setting in FASTER:
                await connection.execute(f"ALTER SYSTEM SET {setting}")
            await connection.execute("SELECT pg_reload_conf()")
            await connection.execute(f"DROP DATABASE IF EXISTS {name}")
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE unison OWNER {OWNER_ROLE}")
        finally:
            await connection.close()
    return name


@pytest.fixture(scope="session")
def app_url(cluster: EmbeddedPostgres, database_name: str) -> str:
    """The URL of this worker's database as the runtime role."""
    return cluster.url("unison_app", database_name)


@pytest.fixture(scope="session")
async def database(app_url: str) -> AsyncIterator[Database]:
    """The engine that units of work open their transactions on."""
    database = Database(app_url)
    use_database(database)
    use_file_store(LocalFiles(Path(os.environ[RUN_DIR]) / "files"))
    yield database
    use_database(None)
    await database.close()


@pytest.fixture(scope="session")
async def password_hash() -> str:
    """The hash of `PASSWORD`, made once: a hash costs a quarter of a second."""
    return await hash_password(PASSWORD)


@pytest.fixture
async def scope(database: Database) -> Scope:
    """The system, acting in a fresh organization."""
    return await found()


@pytest.fixture
async def work(scope: Scope) -> AsyncIterator[Work]:
    """An open transaction of the fresh organization; undone at the end. What others must see, `begin` commits."""
    async with undone(scope) as work:
        yield work


@pytest.fixture
def make(password_hash: str) -> Make:
    """Makes what a test needs, through the use cases, in whichever organization the given work belongs to."""
    return Make(password_hash)


@pytest.fixture
async def floor(scope: Scope, make: Make) -> Floor:
    """A small factory of the fresh organization, committed."""
    return await make.floor(scope)


@pytest.fixture
async def other(database: Database, make: Make) -> Floor:
    """A second organization with the same things, committed."""
    return await make.floor(await found())


@pytest.fixture
async def platform(database: Database, password_hash: str) -> Platform:
    """The platform's own organization, and a fresh admin of it, committed."""
    return await Platform.with_admin(password_hash)


@pytest.fixture
async def hub(database: Database, app_url: str) -> AsyncIterator[Hub]:
    """A hub that a real pump feeds from the real queue."""
    async with pumping(app_url) as hub:
        yield hub


@pytest.fixture
async def app_connection(app_url: str, database: Database) -> AsyncIterator[Connection]:
    """A bare connection as the runtime role, outside every unit of work."""
    connection = await asyncpg.connect(app_url)
    yield connection
    await connection.close()


@pytest.fixture
async def owner_connection(cluster: EmbeddedPostgres, database_name: str) -> AsyncIterator[Connection]:
    """A bare connection as the owner of the tables, whom forced row security holds as well."""
    connection = await asyncpg.connect(cluster.url(OWNER_ROLE, database_name))
    yield connection
    await connection.close()


@pytest.fixture
async def superuser_connection(cluster: EmbeddedPostgres, database_name: str) -> AsyncIterator[Connection]:
    """A bare connection that sees everything, to look behind row security."""
    connection = await asyncpg.connect(cluster.url("postgres", database_name))
    yield connection
    await connection.close()


@pytest.fixture(autouse=True)
def patient_sealer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sealing wait for what other workers of the run write on the same server, such as migrations."""
    monkeypatch.setattr(chain, "PATIENCE_S", 60.0)
