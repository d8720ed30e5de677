"""Invitations: a link with which somebody chooses a password, by mail or from hand to hand. It works once."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from domain.checks import InvalidText, checked_text
from domain.errors import Forbidden, Invalid, marked
from domain.scope import Scope
from services.auth.tokens import TokenIssuer
from services.branding.mails import compose_mail, language_of_mail
from services.db.tables import UserInvitation
from services.db.work import Work, begin
from services.identity.one_time_links import OneTimeLinks, hash_of_strong, recipient_of, refuse_to_open
from services.identity.sign_ins import Device, Tokens, open_unless_challenged, passed
from services.jobs.registry import Job, does, enqueue
from services.mail import can_send_mail, current_mailer
from services.translations import translator

LASTS = timedelta(days=7)
PAGE = "/invitation"


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


LINKS = OneTimeLinks(
    UserInvitation, text("SELECT org_id, user_id FROM app.find_invitation(:digest)"), PAGE, LASTS, InvitationOver
)


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
    await refuse_to_open(work, user_id=user_id)
    link = await LINKS.renewed(work, user_id=user_id, base_url=base_url)
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
    link = await LINKS.opened(token)
    return Invited(email=link.email, display_name=link.display_name, organization=link.organization, slug=link.slug)


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
    link = await LINKS.opened(token)  # before a hash costs a quarter of a second
    try:
        name = link.display_name if display_name is None else checked_text(display_name, field="display_name")
    except InvalidText as error:
        raise NameUnreadable(field="display_name") from error
    password_hash = await hash_of_strong(link, password)
    acting = Scope(link.org_id, actor_kind="user", user_id=link.user_id, request_id=request_id)
    async with begin(acting) as work:
        await LINKS.use(work, link, password_hash=password_hash, display_name=name)
        tokens = await open_unless_challenged(work, issuer, user_id=link.user_id, device=device)
    return passed(tokens)


@does(SendInvitation)
async def send_invitation(work: Work, job: SendInvitation) -> None:
    """Make a fresh link and mail it.

    Raises:
        NotFound: the user is gone or not active any more.
        NoMailer: mail is no longer configured.
        MailNotSent: the mail server did not take it.
    """
    row = await recipient_of(work, job.user_id)
    link = await LINKS.renewed(work, user_id=job.user_id, base_url=job.base_url)
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
