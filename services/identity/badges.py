"""Badges and PINs: given and taken by who edits users. Only their digests are kept."""

import hmac
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from domain.errors import Conflict, NotFound, marked
from domain.events import UserChanged
from domain.identity.badges import BadgeKind, checked_badge
from domain.identity.roles import Permission
from services.db.tables import User, UserBadge
from services.db.unique import unique_or
from services.db.work import Work

PURPOSE = b"unison-mes:badges:v1"
WORDS = {BadgeKind.BADGE: marked("badge"), BadgeKind.PIN: marked("PIN")}


class BadgeTaken(Conflict):
    """Somebody of the organization has this badge or PIN."""

    code: ClassVar[str] = "badge_taken"
    sentence: ClassVar[str] = marked("This {what} cannot be given. Choose another one.")


@dataclass(frozen=True)
class BadgeKey:
    """The installation's key under which badges and PINs are digested: without it, stolen digests name nobody."""

    key: bytes

    @classmethod
    def of(cls, secret: str) -> "BadgeKey":
        """Derive the key from the installation's secret."""
        return cls(hmac.digest(secret.encode(), PURPOSE, "sha256"))

    def digest(self, org_id: UUID, kind: BadgeKind, value: str) -> bytes:
        """Return what is kept of a badge or PIN; the same PIN looks different in another organization."""
        return hmac.digest(self.key, b"\0".join((org_id.bytes, kind.encode(), value.encode())), "sha256")


async def set_badge(work: Work, *, key: BadgeKey, user_id: UUID, kind: BadgeKind, value: str) -> None:
    """Give somebody a badge or PIN, in place of the one they had.

    Raises:
        Forbidden: the actor may not edit users.
        InvalidBadge, InvalidPin, WeakPin: it cannot be one.
        NotFound: there is no such user.
        BadgeTaken: somebody else has it.
    """
    work.scope.require(Permission.EDIT_USERS)
    digest = key.digest(work.scope.org_id, kind, checked_badge(kind, value))
    if await work.session.get(User, user_id) is None:
        raise NotFound(what="user")
    row = insert(UserBadge).values(org_id=work.scope.org_id, user_id=user_id, kind=kind.value, digest=digest)
    async with unique_or(work, BadgeTaken(what=WORDS[kind])):
        await work.session.execute(
            row.on_conflict_do_update(constraint="user_badges_pk", set_={"digest": row.excluded.digest})
        )
    work.emit(UserChanged(user_id=user_id))


async def remove_badge(work: Work, *, user_id: UUID, kind: BadgeKind) -> None:
    """Take somebody's badge or PIN away; taking it again changes nothing.

    Whoever has neither any more leaves the kiosk at which they stand.

    Raises:
        Forbidden: the actor may not edit users.
        NotFound: there is no such user.
    """
    work.scope.require(Permission.EDIT_USERS)
    if await work.session.get(User, user_id) is None:
        raise NotFound(what="user")
    await work.session.execute(delete(UserBadge).where(UserBadge.user_id == user_id, UserBadge.kind == kind.value))
    work.emit(UserChanged(user_id=user_id))
