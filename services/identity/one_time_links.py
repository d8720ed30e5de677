"""Links that let somebody choose a password, once: what invitations and forgotten passwords have in common."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from hashlib import sha256
from uuid import UUID

from sqlalchemy import TextClause, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from domain.errors import Forbidden, NotFound
from domain.events import UserChanged
from domain.identity.roles import Permission
from domain.scope import Scope
from services.auth.passwords import hash_password
from services.db.engine import without_tenant
from services.db.tables import PasswordReset, User, UserInvitation
from services.db.work import Work, read
from services.identity.assignments import refuse_stronger
from services.identity.sign_in_policies import refuse_weak_password

RECIPIENT = text("""
SELECT users.email, users.display_name, users.language, organizations.name AS organization
FROM users JOIN organizations ON organizations.id = users.org_id WHERE users.id = :user_id AND users.is_active
""")


@dataclass(frozen=True)
class OpenLink:
    """A link that opens somebody's account, and whose that is."""

    digest: bytes
    org_id: UUID
    user_id: UUID
    email: str
    display_name: str
    organization: str
    slug: str
    """Short name of the organization, for the look of its pages."""


@dataclass(frozen=True)
class OneTimeLinks:
    """Links of one kind."""

    kept_in: type[UserInvitation] | type[PasswordReset]
    """The row that there is one of for each user."""
    find: TextClause
    """Looks a digest up before an organization is known."""
    page: str
    lasts: timedelta
    over: type[Forbidden]
    """What is said of a link that opens nothing."""

    @cached_property
    def _open(self) -> TextClause:
        return text(f"""
        SELECT users.email, users.display_name, organizations.name AS organization, organizations.slug
        FROM {self.kept_in.__tablename__} AS link
        JOIN users ON users.org_id = link.org_id AND users.id = link.user_id
        JOIN organizations ON organizations.id = link.org_id
        WHERE link.digest = :digest AND link.used_at IS NULL AND link.expires_at > now() AND users.is_active
          AND organizations.is_active
        """)

    async def renewed(self, work: Work, *, user_id: UUID, base_url: str) -> str:
        """Return a fresh link for a user; the one of before opens nothing any more."""
        token = secrets.token_urlsafe(32)
        values = {"digest": _digest(token), "expires_at": work.now + self.lasts, "used_at": None}
        row = insert(self.kept_in).values(org_id=work.scope.org_id, user_id=user_id, **values)
        constraint = f"{self.kept_in.__tablename__}_pk"
        await work.session.execute(row.on_conflict_do_update(constraint=constraint, set_=values))
        return f"{base_url.rstrip('/')}{self.page}?token={token}"

    async def opened(self, token: str) -> OpenLink:
        """Return whose account a link opens.

        Raises:
            As `over`: it opens nothing any more.
            Unavailable: Postgres does not answer.
        """
        digest = _digest(token)
        async with without_tenant() as connection:
            found = (await connection.execute(self.find, {"digest": digest})).one_or_none()
        if found is None:
            raise self.over(permission="")
        async with read(Scope(found.org_id)) as work:
            row = (await work.session.execute(self._open, {"digest": digest})).one_or_none()
        if row is None:
            raise self.over(permission="")
        return OpenLink(digest, found.org_id, found.user_id, *row)

    async def use(self, work: Work, link: OpenLink, *, password_hash: str, **also: object) -> None:
        """Keep the password that somebody chose with a link, and what else of the user is given; it is used up.

        Raises:
            As `over`: it opens nothing any more.
        """
        table = self.kept_in
        used = await work.session.execute(
            update(table)
            .where(table.digest == link.digest, table.used_at.is_(None), table.expires_at > work.now)
            .values(used_at=work.now)
            .returning(table.user_id)
        )
        if used.first() is None:
            raise self.over(permission="")
        changed = await work.session.execute(
            update(User)
            .where(User.id == link.user_id, User.is_active)
            .values(password_hash=password_hash, version=User.version + 1, **also)
            .returning(User.id)
        )
        if changed.first() is None:
            raise self.over(permission="")
        work.emit(UserChanged(user_id=link.user_id))


async def hash_of_strong(link: OpenLink, password: str) -> str:
    """Return the hash of a password that the organization of a link takes.

    Raises:
        InvalidPassword, ShortPassword, PasswordLacksKind, BreachedPassword: it cannot be kept.
        Unavailable: Postgres does not answer.
    """
    async with read(Scope(link.org_id)) as work:
        await refuse_weak_password(work, password)
    return await hash_password(password)


async def refuse_to_open(work: Work, *, user_id: UUID) -> None:
    """Refuse a link for somebody whom the actor may not become.

    Raises:
        Forbidden: the actor may not edit users.
        NotFound: there is no such user, or they are not active.
        RightsLacked: the actor lacks rights of the user, whom they could become with the link.
    """
    await work.permit(Permission.EDIT_USERS)
    user = await work.session.get(User, user_id)
    if user is None or not user.is_active:
        raise NotFound(what="user")
    await refuse_stronger(work, user_id=user_id)


async def recipient_of(work: Work, user_id: UUID) -> "Row[tuple[str, str, str, str]]":
    """Return the e-mail address, name, language and organization of somebody to whom a link is mailed.

    Raises:
        NotFound: the user is gone or not active any more.
    """
    row = (await work.session.execute(RECIPIENT, {"user_id": user_id})).one_or_none()
    if row is None:
        raise NotFound(what="user")
    return row


def _digest(token: str) -> bytes:
    return sha256(token.encode(errors="ignore")).digest()
