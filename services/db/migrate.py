"""Bring the database to today's shape, as its owner and one process at a time."""

from pathlib import Path

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from services.config import WrongSetting
from services.db.engine import CONNECT_TIMEOUT_S, Database, answered

MIGRATIONS = Path(__file__).parents[2] / "migrations"
ADVISORY_LOCK = 7_201_955_001
LOCK_TIMEOUT_MS = 10_000


async def migrate(owner_url: str) -> list[str]:
    """Apply every missing revision and return their ids, oldest first.

    Runs under an advisory lock, so that several servers may start at once.

    Raises:
        Unavailable: Postgres does not answer.
        WrongSetting: a newer version of the software made the database.
    """
    async with answered():
        await _install_queue(owner_url)
        engine = create_async_engine(
            "postgresql+asyncpg://",
            poolclass=NullPool,
            async_creator=lambda: asyncpg.connect(owner_url, timeout=CONNECT_TIMEOUT_S),
        )
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            await connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
            before = await _applied(connection)
            await connection.run_sync(_upgrade)
            await connection.execute(text("GRANT SELECT ON alembic_version TO unison_app"))
        await engine.dispose()
    return [revision for revision in known_revisions() if revision not in before]


def known_revisions() -> list[str]:
    """Return the ids of all revisions in this version of the software, oldest first."""
    return sorted(path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


async def missing_revisions(database: Database) -> list[str]:
    """Return the ids of the revisions that the database lacks, as seen by the runtime role.

    Raises:
        Unavailable: Postgres does not answer.
    """
    async with answered(), database.engine.connect() as connection:
        applied = await _applied(connection)
    return [revision for revision in known_revisions() if revision not in applied]


async def _applied(connection: AsyncConnection) -> set[str]:
    exists = await connection.scalar(text("SELECT to_regclass('public.alembic_version') IS NOT NULL"))
    if not exists:
        return set()
    head = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    known = known_revisions()
    if head not in known:
        raise WrongSetting(f"A newer version of Unison MES made the database (revision {head}); update this one.")
    return set(known[: known.index(head) + 1])


def _upgrade(connection: Connection) -> None:
    # Alembic takes a third of a second to import, and most starts have nothing to migrate.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def _install_queue(owner_url: str) -> None:
    """Install PGMQ: the server's extension where it has one, else the SQL that the client's wheel carries."""
    connection = await asyncpg.connect(owner_url, timeout=CONNECT_TIMEOUT_S)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", ADVISORY_LOCK)
            if await connection.fetchval("SELECT to_regnamespace('pgmq') IS NOT NULL"):
                return
            if await connection.fetchval("SELECT true FROM pg_available_extensions WHERE name = 'pgmq'"):
                await connection.execute("CREATE EXTENSION pgmq")
                return
            from pgmq.install import get_embedded_install_sql  # imports another driver, needed this once only

            await connection.execute(get_embedded_install_sql())
    finally:
        await connection.close()
