"""Invitations: a link with which somebody chooses a password, by mail or from hand to hand. It works once."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert

from domain.checks import InvalidText, checked_text
from domain.errors import Forbidden, Invalid, NotFound, marked
from domain.events import UserChanged
from domain.identity.roles import Permission
from domain.scope import Scope
from services.auth.passwords import hash_password
from services.auth.tokens import TokenIssuer
from services.branding.mails import compose_mail, language_of_mail
from services.db.engine import without_tenant
from services.db.tables import User, UserInvitation
from services.db.work import Work, begin, read
from services.identity.assignments import refuse_stronger
from services.identity.sign_in_policies import refuse_weak_password
from services.identity.sign_ins import Device, Tokens, open_unless_challenged, passed
from services.jobs.registry import Job, does, enqueue
from services.mail import can_send_mail, current_mailer
from services.translations import translator

LASTS = timedelta(days=7)
PAGE = "/invitation"

FIND = text("SELECT org_id, user_id FROM app.find_invitation(:digest)")
OPEN = text("""
SELECT users.email, users.display_name, organizations.name AS organization, organizations.slug
FROM user_invitations AS invited
JOIN users ON users.org_id = invited.org_id AND users.id = invited.user_id
JOIN organizations ON organizations.id = invited.org_id
WHERE invited.digest = :digest AND invited.used_at IS NULL AND invited.expires_at > now() AND users.is_active
  AND organizations.is_active
""")
USE = text("""
UPDATE user_invitations SET used_at = now()
WHERE digest = :digest AND used_at IS NULL AND expires_at > now() RETURNING user_id
""")
RECIPIENT = text("""
SELECT users.email, users.display_name, users.language, organizations.name AS organization
FROM users JOIN organizations ON organizations.id = users.org_id WHERE users.id = :user_id AND users.is_active
""")


class InvitationOver(Forbidden):
    """A link that was used, replaced or is too old, or that nobody ever made: the four look the same."""

    code: ClassVar[str] = "invitation_over"
    sentence: ClassVar[str] = marked("This invitation is over or was used already. Ask for a new one.")


class NameUnreadable(Invalid):
    """A name of somebody that cannot be kept or read."""

    code: ClassVar[str] = "name_unreadable"
    sentence: ClassVar[str] = marked("Enter your name, in 1 to 200 readable characters.")


class PasswordsDiffer(Invalid):
    """A new password that was typed in two ways."""

    code: ClassVar[str] = "passwords_differ"
    sentence: ClassVar[str] = marked("The two passwords are not the same. Enter the password twice.")


@dataclass(frozen=True)
class Invited:
    """Who is invited, and to what."""

    email: str
    display_name: str
    organization: str
    slug: str
    """Short name of the organization, for the look of its pages."""


class SendInvitation(Job):
    """Send somebody a link with which they choose a password; the link is made when it is sent, so that no queue holds
    it."""

    name = "identity.invitation.send"
    user_id: UUID
    base_url: str


async def invite_user(work: Work, *, user_id: UUID, base_url: str) -> str | None:
    """Invite somebody to choose a password: by mail where the installation sends any, else the link is returned, to be
    handed over. Links of before open nothing any more.

    `base_url` is the address under which people reach the system.

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
    link = await _renewed(work, user_id=user_id, base_url=base_url)
    if not can_send_mail():
        return link
    await enqueue(work, SendInvitation(user_id=user_id, base_url=base_url))
    return None


async def find_invited(token: str) -> Invited:
    """Return who a link invites.

    Raises:
        InvitationOver: it invites nobody any more.
        Unavailable: Postgres does not answer.
    """
    digest = _digest(token)
    org_id, _user_id = await _found(digest)
    async with read(Scope(org_id)) as work:
        row = (await work.session.execute(OPEN, {"digest": digest})).one_or_none()
    if row is None:
        raise InvitationOver(permission="")
    return Invited(email=row.email, display_name=row.display_name, organization=row.organization, slug=row.slug)


async def accept_invitation(
    issuer: TokenIssuer,
    *,
    token: str,
    password: str,
    device: Device,
    display_name: str | None = None,
    request_id: str = "",
) -> Tokens:
    """Give the invited user the password that they chose, and sign them in; `display_name` is how they write their
    name, None for as they were invited.

    Raises:
        InvitationOver: the link invites nobody any more.
        NameUnreadable: the name is empty, too long, or holds what nobody can read.
        InvalidPassword, ShortPassword, PasswordLacksKind, BreachedPassword: the password cannot be kept.
        OrganizationSuspended: nobody of the organization comes in for now.
        SecondFactorRequired: the password is kept, and a code is asked for as well.
        Unavailable: Postgres does not answer.
    """
    invited = await find_invited(token)  # before a hash costs a quarter of a second
    try:
        name = invited.display_name if display_name is None else checked_text(display_name, field="display_name")
    except InvalidText as error:
        raise NameUnreadable(field="display_name") from error
    digest = _digest(token)
    org_id, user_id = await _found(digest)
    async with read(Scope(org_id)) as work:
        await refuse_weak_password(work, password)
    password_hash = await hash_password(password)
    async with begin(Scope(org_id, actor_kind="user", user_id=user_id, request_id=request_id)) as work:
        if (await work.session.execute(USE, {"digest": digest})).first() is None:
            raise InvitationOver(permission="")
        changed = await work.session.execute(
            update(User)
            .where(User.id == user_id, User.is_active)
            .values(password_hash=password_hash, display_name=name, version=User.version + 1)
            .returning(User.id)
        )
        if changed.first() is None:
            raise InvitationOver(permission="")
        work.emit(UserChanged(user_id=user_id))
        tokens = await open_unless_challenged(work, issuer, user_id=user_id, device=device)
    return passed(tokens)


@does(SendInvitation)
async def send_invitation(work: Work, job: SendInvitation) -> None:
    """Make a fresh link and mail it.

    Raises:
        NotFound: the user is gone or not active any more.
        NoMailer: mail is no longer configured.
        MailNotSent: the mail server did not take it.
    """
    row = (await work.session.execute(RECIPIENT, {"user_id": job.user_id})).one_or_none()
    if row is None:
        raise NotFound(what="user")
    link = await _renewed(work, user_id=job.user_id, base_url=job.base_url)
    language = await language_of_mail(work, row.language)
    _ = translator(language)
    mail = await compose_mail(
        work,
        key=f"invitation-{job.user_id}-{work.scope.request_id}",
        to=row.email,
        to_name=row.display_name,
        subject=_("Your account at {organization}").format(organization=row.organization),
        paragraphs=[
            _("Hello {name}, you are invited to {organization}.").format(
                name=row.display_name, organization=row.organization
            ),
            _("Choose a password here: {link}").format(link=link),
            _("The link works once, within {days} days.").format(days=LASTS.days),
        ],
        language=language,
    )
    await current_mailer().send(mail)


async def _renewed(work: Work, *, user_id: UUID, base_url: str) -> str:
    token = secrets.token_urlsafe(32)
    values = {"digest": _digest(token), "expires_at": work.now + LASTS, "used_at": None}
    row = insert(UserInvitation).values(org_id=work.scope.org_id, user_id=user_id, **values)
    await work.session.execute(row.on_conflict_do_update(constraint="user_invitations_pk", set_=values))
    return f"{base_url.rstrip('/')}{PAGE}?token={token}"


async def _found(digest: bytes) -> tuple[UUID, UUID]:
    async with without_tenant() as connection:
        row = (await connection.execute(FIND, {"digest": digest})).one_or_none()
    if row is None:
        raise InvitationOver(permission="")
    return row.org_id, row.user_id


def _digest(token: str) -> bytes:
    return sha256(token.encode(errors="ignore")).digest()
