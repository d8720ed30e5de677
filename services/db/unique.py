"""Writing what may collide with what others wrote."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncpg import UniqueViolationError
from sqlalchemy.exc import IntegrityError

from domain.errors import UnisonError
from services.db.work import Work


@asynccontextmanager
async def unique_or(work: Work, refusal: UnisonError) -> AsyncIterator[None]:
    """Write what the block adds; when it repeats a unique key, undo the block alone and raise `refusal` instead.

    Two transactions that write the same key at once wait for each other: one writes, the other is refused.
    """
    try:
        async with work.session.begin_nested():
            yield
            await work.session.flush()
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != UniqueViolationError.sqlstate:
            raise
        raise refusal from error
