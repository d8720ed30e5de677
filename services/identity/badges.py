"""Badges and PINs: given and taken by who edits users. Only their digests are kept."""

import hmac
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sqlalchemy import and_, delete, select
from sqlalchemy.dialects.postgresql import insert

from domain.errors import Conflict, NotFound, marked
from domain.events import UserChanged
from domain.identity.badges import BadgeKind, checked_badge
from domain.identity.roles import Permission
from services.db.tables import User, UserBadge
from services.db.unique import unique_or
from services.db.work import Work

PURPOSE = b"unison-mes:badges:v1"


class BadgeTaken(Conflict):
    """Somebody else of the organization has this badge."""

    code: ClassVar[str] = "badge_taken"
    sentence: ClassVar[str] = marked("This badge belongs to {name}. Take it from them first, or give another one.")


class PinTaken(Conflict):
    """Somebody else of the organization has this PIN; whose it is stays unsaid, since it would be no secret then."""

    code: ClassVar[str] = "pin_taken"
    sentence: ClassVar[str] = marked("This PIN cannot be given. Choose another one.")


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

    def seal(self, fingerprint: bytes) -> bytes:
        """Return a fingerprint of a request that holds a PIN, so that nobody can find the PIN by trying them all."""
        return hmac.digest(self.key, b"request\0" + fingerprint, "sha256")


async def set_badge(work: Work, *, key: BadgeKey, user_id: UUID, kind: BadgeKind, value: str) -> None:
    """Give somebody a badge or PIN, in place of the one they had.

    Raises:
        Forbidden: the actor may not edit users.
        InvalidBadge, InvalidPin, WeakPin: it cannot be one.
        NotFound: there is no such user.
        BadgeTaken, PinTaken: somebody else has it.
    """
    await work.permit(Permission.EDIT_USERS)
    digest = key.digest(work.scope.org_id, kind, checked_badge(kind, value))
    if await work.session.get(User, user_id) is None:
        raise NotFound(what="user")
    row = insert(UserBadge).values(org_id=work.scope.org_id, user_id=user_id, kind=kind.value, digest=digest)
    try:
        async with unique_or(work, PinTaken(field="pin")):
            await work.session.execute(
                row.on_conflict_do_update(constraint="user_badges_pk", set_={"digest": row.excluded.digest})
            )
    except PinTaken:
        if kind is BadgeKind.PIN:
            raise
        raise BadgeTaken(field="badge", name=await _holder(work, digest)) from None
    work.emit(UserChanged(user_id=user_id))


async def remove_badge(work: Work, *, user_id: UUID, kind: BadgeKind) -> None:
    """Take somebody's badge or PIN away; taking it again changes nothing.

    Whoever has neither any more leaves the kiosk at which they stand.

    Raises:
        Forbidden: the actor may not edit users.
        NotFound: there is no such user.
    """
    await work.permit(Permission.EDIT_USERS)
    if await work.session.get(User, user_id) is None:
        raise NotFound(what="user")
    await work.session.execute(delete(UserBadge).where(UserBadge.user_id == user_id, UserBadge.kind == kind.value))
    work.emit(UserChanged(user_id=user_id))


async def _holder(work: Work, digest: bytes) -> str:
    statement = (
        select(User.display_name)
        .join(UserBadge, and_(UserBadge.org_id == User.org_id, UserBadge.user_id == User.id))
        .where(UserBadge.digest == digest)
    )
    return (await work.session.execute(statement)).scalar_one_or_none() or ""
