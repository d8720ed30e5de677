"""Who is signed in where: people see and end their own sessions, admins those of others."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text, update

from domain.errors import NotFound
from domain.events import SessionRevoked
from domain.identity.roles import Permission
from services.audit.notes import note_read
from services.db.paging import Page, PageQuery, page_of
from services.db.tables import SignInSession, User
from services.db.work import Work
from services.identity.sign_ins import end_session

OPEN = """
SELECT one.id, one.user_id, one.created_at, coalesce(one.last_used_at, one.created_at) AS last_used_at, one.expires_at,
       one.address, one.device
FROM sign_in_sessions AS one
"""
ONE = text("SELECT user_id FROM sign_in_sessions WHERE id = :session_id")


@dataclass(frozen=True)
class SessionInfo:
    """One sign-in that is still open."""

    id: UUID
    user_id: UUID
    created_at: datetime
    """When they signed in; aware UTC."""
    last_used_at: datetime
    """When it was kept open last, which pages do every ten minutes; aware UTC."""
    expires_at: datetime
    """When it ends unless it is kept open; aware UTC."""
    address: str
    """IP address of the sign-in."""
    device: str
    """User-Agent of the sign-in."""
    is_this: bool
    """Whether it is the session that asks."""


async def list_sessions(
    work: Work, *, user_id: UUID, after: tuple[datetime, UUID] | None = None, limit: int = 100
) -> Page[SessionInfo]:
    """Return the open sessions of somebody, the newest first; `after` is when the last one began, and its id.

    Raises:
        Forbidden: they are somebody else's, and the actor may not read users.
        NotFound: there is no such user.
    """
    await _permit(work, user_id, Permission.READ_USERS)
    if await work.session.get(User, user_id) is None:
        raise NotFound(what="user")
    if user_id != work.scope.user_id:
        note_read(work.scope, what="identity.sessions", row_id=user_id)
    began_at, session_id = after or (None, None)
    rows = await (
        PageQuery(OPEN)
        .where("one.user_id = {} AND one.revoked_at IS NULL AND one.expires_at > now()", user_id)
        .where("(one.created_at, one.id) < ({}, {})", began_at, session_id)
        .fetch(work, order="one.created_at DESC, one.id DESC", limit=limit)
    )
    return page_of([SessionInfo(**row, is_this=row["id"] == work.scope.session_id) for row in rows], limit)


async def revoke_session(work: Work, *, session_id: UUID) -> UUID:
    """End a session: its screens close everywhere within a second. Return whose it was; ending it again changes
    nothing.

    Raises:
        Forbidden: it is somebody else's, and the actor may not edit users.
        NotFound: there is no such session.
    """
    user_id: UUID | None = await work.session.scalar(ONE, {"session_id": session_id})
    if user_id is None:
        await _permit(work, None, Permission.EDIT_USERS)
        raise NotFound(what="session")
    await _permit(work, user_id, Permission.EDIT_USERS)
    await end_session(work, session_id=session_id, because="revoked")
    return user_id


async def revoke_sessions(work: Work, *, user_id: UUID) -> int:
    """End every session of somebody but the one that asks; return how many there were.

    Raises:
        Forbidden: they are somebody else's, and the actor may not edit users.
        NotFound: there is no such user.
    """
    await _permit(work, user_id, Permission.EDIT_USERS)
    if await work.session.get(User, user_id) is None:
        raise NotFound(what="user")
    return await end_sessions_of(work, user_id=user_id, because="revoked", but=work.scope.session_id)


async def end_sessions_of(work: Work, *, user_id: UUID, because: str, but: UUID | None = None) -> int:
    """End every session of a user, all but one where given, and return how many there were."""
    statement = (
        update(SignInSession)
        .where(SignInSession.user_id == user_id, SignInSession.revoked_at.is_(None))
        .values(revoked_at=work.now, revoked_because=because)
        .returning(SignInSession.id)
    )
    if but is not None:
        statement = statement.where(SignInSession.id != but)
    ended = (await work.session.execute(statement)).scalars().all()
    for session_id in ended:
        work.emit(SessionRevoked(session_id=session_id))
    return len(ended)


async def is_own_sign_in(work: Work) -> bool:
    """Tell whether the actor signed in themself: no key acts for them, and no badge or PIN at a device of others."""
    scope = work.scope
    if scope.actor_kind != "user" or scope.api_key_id is not None or scope.session_id is None:
        return False
    owner: UUID | None = await work.session.scalar(ONE, {"session_id": scope.session_id})
    return owner is not None and owner == scope.user_id


async def _permit(work: Work, user_id: UUID | None, permission: Permission) -> None:
    """Let everybody see and end their own sessions, and everybody else with the permission alone."""
    if user_id is None or user_id != work.scope.user_id or not await is_own_sign_in(work):
        await work.permit(permission)
