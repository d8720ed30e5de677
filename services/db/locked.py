"""Rows that people edit: locked, and as they were when they were seen."""

from typing import Protocol, TypeVar
from uuid import UUID

from domain.errors import Conflict, NotFound
from services.db.work import Work


class Edited(Protocol):
    """A row whose every change is counted."""

    @property
    def version(self) -> int:
        """How often it was changed, beginning with 1."""


R = TypeVar("R", bound=Edited)


async def locked(work: Work, kind: type[R], row_id: UUID, *, version: int, missing: NotFound) -> R:
    """Lock a row until the transaction ends, and return it when it is as its editor saw it.

    Raises:
        NotFound: `missing`, when there is no such row in this scope.
        Conflict: somebody changed it since `version`.
    """
    row = await work.session.get(kind, row_id, with_for_update={"key_share": True}, populate_existing=True)
    if row is None:
        raise missing
    if row.version != version:
        raise Conflict
    return row
