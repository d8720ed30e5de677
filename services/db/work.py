"""From a scope to a transaction: the unit of work that every use case takes first."""

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import Forbidden, NotFound, marked
from domain.events import Event
from domain.scope import Scope
from services.db.engine import answered, current_database, driver_of
from services.events.publish import flush

ENTER_SCOPE = text(
    "SELECT set_config('app.org_id', :org_id, true),"
    " set_config('app.plant_ids', :plant_ids, true),"
    " set_config('app.actor_kind', :actor_kind, true),"
    " set_config('app.user_id', :user_id, true),"
    " set_config('app.request_id', :request_id, true),"
    " set_config('app.api_key_id', :api_key_id, true),"
    " set_config('app.device', :device, true),"
    " set_config('app.language', :language, true),"
    " now()"
)
# By the database's own setting, which savepoints undo; what was narrowed is never widened.
NARROW = text("""
SELECT set_config('app.plant_ids', CASE app.visible_plants() IS NULL WHEN true THEN :plant_ids ELSE ARRAY(
  SELECT unnest(app.visible_plants()) INTERSECT SELECT unnest(CAST(CAST(:plant_ids AS text) AS uuid[]))
)::text END, true)
""")
ALL_PLANTS = "*"
REFUSED_BY_POLICY = "42501"


class NotInYourPlants(Forbidden):
    """Something that the actor may do in other plants only."""

    code: ClassVar[str] = "not_in_your_plants"
    sentence: ClassVar[str] = marked(
        "You may do this in some plants only, and this is in none of them. Ask your admin for the right in this plant."
    )


class NotInEveryPlant(Forbidden):
    """Everything is wanted by somebody who may not see all of it."""

    code: ClassVar[str] = "not_in_every_plant"
    sentence: ClassVar[str] = marked("This concerns every plant, and you may do it in some of them only.")


@dataclass
class Narrowed:
    """How far a transaction sees, where a permission holds in fewer plants than its scope."""

    to: frozenset[UUID] | None = None
    """What no savepoint can undo any more; None for all that the scope sees."""
    ever: bool = False


@dataclass(frozen=True)
class Work:
    """One open transaction of one organization: what every use case takes first."""

    scope: Scope
    """Who acts, where."""
    session: AsyncSession
    """The session of the open transaction."""
    now: datetime
    """The transaction's time, aware UTC, read once from the database's clock."""
    _driver: "asyncpg.Connection[asyncpg.Record]"
    """The driver's connection under the session."""
    events: list[Event] = field(default_factory=list)
    """Facts that are sent when, and only when, this transaction commits."""
    narrowed: Narrowed = field(default_factory=Narrowed)
    """How far row security was narrowed by what was permitted."""

    async def permit(self, *permissions: str) -> None:
        """Refuse the actor who holds none of the permissions, and narrow the transaction to the plants they hold in.

        Where they hold in every plant that the scope sees, this is a look-up in a set. Where not, row security hides
        and refuses the other plants from here to the end of the transaction, so that no use case asks about plants.

        Raises:
            Forbidden: the actor is a user who holds none of them in any plant.
        """
        self.scope.require(next(filter(self.scope.may, permissions), permissions[0]))
        if self.scope.actor_kind != "user" or not self.scope.plant_limits:
            return
        plants = self.scope.plants_of(*permissions)
        if plants is None or plants == self.scope.plant_ids:
            return
        if self.narrowed.to is not None and self.narrowed.to <= plants:
            return
        await self.narrow(plants)

    async def permit_everywhere(self, permission: str) -> None:
        """Refuse the actor who does not hold a permission in every plant, for what concerns the whole organization.

        Raises:
            Forbidden: the actor is a user who does not hold it in any plant.
            NotInEveryPlant: they hold it in some plants only.
        """
        await self.permit(permission)
        if self.scope.lacks_somewhere(permission):
            raise NotInEveryPlant(permission=permission)

    async def narrow(self, plants: frozenset[UUID]) -> None:
        """Let row security hide and refuse every other plant from here to the end of the transaction."""
        await self.session.execute(NARROW, {"plant_ids": array_of(plants)})
        self.narrowed.ever = True
        if not self.session.in_nested_transaction():
            self.narrowed.to = plants if self.narrowed.to is None else plants & self.narrowed.to

    def emit(self, event: Event) -> None:
        """Queue a fact; it is sent if, and only if, this transaction commits."""
        self.events.append(event)

    async def fetch(self, sql: str, *values: object) -> "list[asyncpg.Record]":
        """Run a statement of a hot path straight on the driver, in this transaction, and return its rows.

        `values` stand for `$1`, `$2` and so on. Costs a third of what the session takes for the same statement, and
        like there, what the session still holds is written first.
        """
        if self.session.new or self.session.dirty or self.session.deleted:
            await self.session.flush()
        return await self._driver.fetch(sql, *values)

    async def stream(self, sql: str, *values: object, at_once: int = 1_000) -> "AsyncIterator[list[asyncpg.Record]]":
        """Yield the rows of a statement in parts of `at_once`, so that any number of them needs little memory."""
        cursor = await self._driver.cursor(sql, *values)
        while rows := await cursor.fetch(at_once):
            yield rows


@asynccontextmanager
async def begin(scope: Scope) -> AsyncIterator[Work]:
    """Open a transaction in which `scope` reads and writes; commits at the end, or rolls back on any error.

    Raises:
        NotInYourPlants: what was to be changed does not exist in the plants in which the actor may change it.
        Unavailable: Postgres does not answer.
    """
    database = current_database()
    async with answered(), database.sessions() as session, session.begin():
        work = await _enter(session, scope)
        with _told_of_plants(work):
            yield work
            await session.flush()
        await flush(work.fetch, scope, work.events)
    if work.events:
        await database.doorbell.ring(database.engine)


@asynccontextmanager
async def read(scope: Scope, *, snapshot: bool = False) -> AsyncIterator[Work]:
    """Open a read-only transaction; with `snapshot`, all its queries see the same instant.

    Raises:
        Unavailable: Postgres does not answer.
    """
    level: Literal["REPEATABLE READ", "READ COMMITTED"] = "REPEATABLE READ" if snapshot else "READ COMMITTED"
    async with answered(), current_database().sessions() as session, session.begin():
        await session.connection(execution_options={"postgresql_readonly": True, "isolation_level": level})
        yield await _enter(session, scope)


@asynccontextmanager
async def beside(work: Work, scope: Scope) -> AsyncIterator[Work]:
    """Act in another scope for the time of the block, in the transaction of `work`: both are kept, or neither.

    For what founds an organization; its events go out with the block, and the bell rings for those of `work`.
    """
    async with work.session.begin_nested():  # undone with it on any error, the scope as well
        yield (inner := await _enter(work.session, scope))
        await work.session.flush()
        await flush(inner.fetch, scope, inner.events)
    await _enter(work.session, work.scope)
    if work.narrowed.to is not None:
        await work.narrow(work.narrowed.to)


def plants_setting(scope: Scope) -> str:
    """Return what row security reads of a scope's plants: all of them, or an array of ids as Postgres writes it."""
    return ALL_PLANTS if scope.plant_ids is None else array_of(scope.plant_ids)


def array_of(ids: Collection[UUID]) -> str:
    """Return ids as Postgres writes an array of them."""
    return f"{{{','.join(sorted(map(str, ids)))}}}"


@contextmanager
def _told_of_plants(work: Work) -> Iterator[None]:
    """Say that something belongs to another plant where row security hid or refused it for that alone."""
    try:
        yield
    except NotFound as error:
        if not work.narrowed.ever:
            raise
        raise NotInYourPlants from error
    except DBAPIError as error:
        if not work.narrowed.ever or getattr(error.orig, "sqlstate", None) != REFUSED_BY_POLICY:
            raise
        raise NotInYourPlants from error
    except asyncpg.InsufficientPrivilegeError as error:
        if not work.narrowed.ever:
            raise
        raise NotInYourPlants from error


async def _enter(session: AsyncSession, scope: Scope) -> Work:
    connection = await session.connection()
    row = await connection.execute(
        ENTER_SCOPE,
        {
            "org_id": str(scope.org_id),
            "plant_ids": plants_setting(scope),
            "actor_kind": scope.actor_kind,
            "user_id": str(scope.user_id or ""),
            "request_id": scope.request_id,
            "api_key_id": str(scope.api_key_id or ""),
            "device": scope.device,
            "language": scope.language,
        },
    )
    return Work(scope=scope, session=session, now=row.one()[8], _driver=driver_of(connection))
