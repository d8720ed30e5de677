"""Which Postgres this installation uses: its own, or the one it was given."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import asyncpg
from sqlalchemy.exc import DBAPIError

from domain.errors import Unavailable
from services.config import Settings, WrongSetting
from services.db.embedded import APP_ROLE, OWNER_ROLE, embedded_postgres, make_database
from services.db.engine import Database, refuse_powerful_role, use_database
from services.db.migrate import migrate, missing_revisions

LOCKED_OUT = frozenset({"28000", "28P01", "3D000", "42501"})
"""SQLSTATE codes of a server that knows neither role nor password, or has no such database."""


@dataclass(frozen=True)
class Server:
    """A reachable Postgres."""

    app_url: str
    """Signs in as the runtime role."""
    owner_url: str | None
    """Signs in as the owner; None when only the runtime role was given."""


@asynccontextmanager
async def postgres_of(settings: Settings) -> AsyncIterator[Server]:
    """Start or join the embedded Postgres, or name the given one, for the time of the block.

    Raises:
        WrongSetting: the embedded Postgres does not start.
    """
    if settings.database_url is not None:
        owner_url = settings.database_owner_url
        yield Server(
            settings.database_url.get_secret_value(), None if owner_url is None else owner_url.get_secret_value()
        )
        return
    with embedded_postgres(settings.data_dir) as cluster:
        await make_database(cluster)
        yield Server(cluster.url(APP_ROLE), cluster.url(OWNER_ROLE))


@asynccontextmanager
async def database_of(settings: Settings) -> AsyncIterator[Server]:
    """Make the installation's database the one in use: migrated when it is our own, checked when it was given.

    Raises:
        WrongSetting: the database cannot be used or does not answer; the sentence names the setting.
    """
    async with postgres_of(settings) as server:
        database = Database(
            server.app_url, pool_size=settings.database_pool_size, throttle_ms=settings.notify_throttle_ms
        )
        try:
            with reached_by("UNISON_DATA_DIR" if settings.embedded else "UNISON_DATABASE_URL"):
                await refuse_powerful_role(database)
                is_behind = bool(await missing_revisions(database))
            if is_behind and settings.embedded and server.owner_url is not None:
                await migrate(server.owner_url)
            elif is_behind:
                raise WrongSetting(
                    "The database of UNISON_DATABASE_URL is not up to date: run “main.py migrate” with "
                    "UNISON_DATABASE_OWNER_URL set."
                )
            use_database(database)
            yield server
        finally:
            use_database(None)
            await database.close()


@contextmanager
def reached_by(setting: str) -> Iterator[None]:
    """Turn every way in which the database that a setting names cannot be reached into a sentence.

    Raises:
        WrongSetting: it does not answer, or lets nobody in.
    """
    try:
        yield
    except Unavailable as error:
        raise WrongSetting(f"The database of {setting} does not answer: {error.__cause__}.") from error
    except (DBAPIError, asyncpg.PostgresError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        if getattr(reason, "sqlstate", None) not in LOCKED_OUT:
            raise
        raise WrongSetting(f"The database of {setting} lets nobody in: {reason}.") from error
