"""The one way to Postgres: an engine per process, under the runtime role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from domain.errors import Unavailable
from services.config import WrongSetting
from services.events.doorbell import Doorbell

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 5_000
SESSION_SETTINGS = {
    "application_name": "unison",
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "lock_timeout": str(LOCK_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": str(2 * STATEMENT_TIMEOUT_MS),
    # Row security makes planning dear, and its plans do not depend on parameters: the organization is none. Planned
    # once per connection, a board costs what it costs without row security; see docs/decisions/011.
    "plan_cache_mode": "force_generic_plan",
}
"""What every connection of the runtime role begins with."""
GONE = frozenset({"57P01", "57P02", "57P03", "53300", "08000", "08001", "08003", "08004", "08006"})
"""SQLSTATE codes of a server that shuts down, starts up, or takes no more connections."""
CROWDED = frozenset({"55P03", "57014", "40P01", "40001", "25P03"})
"""SQLSTATE codes of transactions that waited too long for each other; asking again helps."""

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that died between two messages
)


class Database:
    """The engine and what makes sessions on it. Made once by the composition root."""

    def __init__(self, url: str, *, pool_size: int = 10, throttle_ms: int = 20) -> None:
        self.url = url
        self.doorbell = Doorbell(throttle_ms)
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=CONNECT_TIMEOUT_S,
            async_creator=self._connect,
        )
        self.sessions = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False, autoflush=True)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Let asyncpg read the URL, which knows what libpq knows: sslmode, several hosts, Unix sockets."""
        return await asyncpg.connect(
            self.url,
            timeout=CONNECT_TIMEOUT_S,
            server_settings=SESSION_SETTINGS,
        )


class _Current:
    database: Database | None = None


def use_database(database: Database | None) -> None:
    """Make `database` the one that units of work open their transactions on."""
    _Current.database = database


def current_database() -> Database:
    """Return the database in use.

    Raises:
        RuntimeError: the composition root chose none yet.
    """
    if _Current.database is None:
        raise RuntimeError("no database is in use; the composition root must call use_database() first")
    return _Current.database


def driver_of(connection: AsyncConnection) -> "asyncpg.Connection[asyncpg.Record]":
    """Return asyncpg's own connection under one of the engine's, which has executed something already: SQLAlchemy
    begins the transaction with the first statement."""
    below = connection.sync_connection
    driver: asyncpg.Connection[asyncpg.Record] | None = None if below is None else below.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    return driver


@asynccontextmanager
async def answered() -> AsyncIterator[None]:
    """Turn every way in which Postgres can fail to answer into `Unavailable`.

    Raises:
        Unavailable: the server is down, restarting, out of connections or out of time, or others were in the way too
            long.
    """
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "sqlstate", None) in GONE | CROWDED:
            raise Unavailable from error
        raise
    except LOST as error:
        raise Unavailable from error
    except asyncpg.PostgresError as error:
        if error.sqlstate in GONE | CROWDED:
            raise Unavailable from error
        raise
    except (PoolTimeoutError, TimeoutError, OSError) as error:
        raise Unavailable from error


@asynccontextmanager
async def without_tenant() -> AsyncIterator[AsyncConnection]:
    """Open a transaction that belongs to no organization: sign-in look-ups, partitions, queues, health.

    Row-level security raises on the first row of any organization's table that it touches.
    """
    async with answered(), current_database().engine.begin() as connection:
        yield connection


async def refuse_powerful_role(database: Database) -> None:
    """Refuse a runtime role that row-level security does not hold.

    Raises:
        WrongSetting: the role of UNISON_DATABASE_URL is a superuser, bypasses row security, or owns the tables.
    """
    async with answered(), database.engine.connect() as connection:
        row = (
            await connection.execute(
                text(
                    "SELECT current_user AS name, rolsuper, rolbypassrls, EXISTS ("
                    " SELECT FROM pg_class WHERE relname = 'machines' AND pg_has_role(current_user, relowner, 'MEMBER')"
                    ") AS owns FROM pg_roles WHERE rolname = current_user"
                )
            )
        ).one()
    if row.rolsuper or row.rolbypassrls or row.owns:
        raise WrongSetting(
            f"The setting UNISON_DATABASE_URL signs in as “{row.name}”, which row-level security does not hold; "
            "sign in as unison_app, which is neither owner nor superuser and has no BYPASSRLS."
        )
