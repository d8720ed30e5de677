"""Forgotten passwords: a link with which somebody chooses another one. It works once, for an hour.

Whoever asks for a link is told the same, and costs the same, whether there is an account or not: the request only
queues a job, and the job looks the address up.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.checks import storable
from domain.errors import Forbidden, marked
from domain.identity.accounts import LONGEST_EMAIL
from domain.scope import Scope
from services.auth.attempts import SignInAttempts
from services.branding.mails import MailLink, compose_mail, language_of_mail
from services.db.engine import without_tenant
from services.db.tables import PasswordReset
from services.db.work import Work, begin
from services.identity.one_time_links import OneTimeLinks, hash_of_strong, recipient_of, refuse_to_open
from services.identity.session_lists import end_sessions_of
from services.identity.sign_ins import CANDIDATES
from services.jobs.registry import Job, does, does_for_system, enqueue, enqueue_for_system
from services.mail import can_send_mail, current_mailer
from services.translations import translator

LASTS = timedelta(hours=1)
PAGE = "/reset"


class ResetOver(Forbidden):
    """A link that was used, replaced or is too old, or that nobody ever made: the four look the same."""

    code: ClassVar[str] = "reset_over"
    sentence: ClassVar[str] = marked("This link is over or was used already. Ask for a new one.")


@dataclass(frozen=True)
class Resetting:
    """Whose password a link changes."""

    email: str
    display_name: str
    slug: str
    """Short name of the organization, for the look of its pages."""


LINKS = OneTimeLinks(
    PasswordReset, text("SELECT org_id, user_id FROM app.find_password_reset(:digest)"), PAGE, LASTS, ResetOver
)


class FindForgetful(Job):
    """Look up who asked for a link, by what they typed."""

    name = "identity.password_reset.find"
    email: str
    organization: str | None
    base_url: str


class SendReset(Job):
    """Send somebody a link with which they choose another password; the link is made when it is sent, so that no queue
    holds it."""

    name = "identity.password_reset.send"
    user_id: UUID
    base_url: str


async def ask_for_reset(
    attempts: SignInAttempts, *, email: str, organization: str | None, address: str, base_url: str
) -> None:
    """Have a link sent to whoever has accounts under an address, of one organization where its short name is given.

    Returns alike, and after the same work, whether there is an account or not.

    Raises:
        TooManyAttempts: too many links were asked for, for this address or from there.
        NoMailer: this installation sends no mail.
        Unavailable: Postgres does not answer.
    """
    current_mailer()
    typed = storable(email.strip().lower(), longest=LONGEST_EMAIL)
    slug = storable(organization, longest=40) if organization else None
    await attempts.count(account=f"reset {typed}", address=address)
    await attempts.count_failure(address=address)
    async with without_tenant() as connection:
        await enqueue_for_system(connection, FindForgetful(email=typed, organization=slug, base_url=base_url))


@does_for_system(FindForgetful)
async def find_forgetful(connection: AsyncConnection, job: FindForgetful) -> None:
    """Queue a mail for each account of the address that has a password, and for no other.

    Raises:
        Unavailable: Postgres does not answer.
    """
    found = await connection.execute(CANDIDATES, {"email": job.email, "slug": job.organization})
    for row in found.all():
        if row.password_hash is not None:
            async with begin(Scope(row.org_id, request_id="reset")) as work:
                await enqueue(work, SendReset(user_id=row.user_id, base_url=job.base_url))


async def reset_password(work: Work, *, user_id: UUID, base_url: str) -> str | None:
    """Let somebody choose another password: by mail where the installation sends any, else the link is returned, to be
    handed over. Their old password works until they have chosen.

    Raises:
        Forbidden: the actor may not edit users.
        NotFound: there is no such user, or they are not active.
        RightsLacked: the actor lacks rights of the user, whom they could become with the link.
    """
    await refuse_to_open(work, user_id=user_id)
    if not can_send_mail():
        return await LINKS.renewed(work, user_id=user_id, base_url=base_url)
    await enqueue(work, SendReset(user_id=user_id, base_url=base_url))
    return None


async def find_reset(token: str) -> Resetting:
    """Return whose password a link changes.

    Raises:
        ResetOver: it changes nobody's any more.
        Unavailable: Postgres does not answer.
    """
    link = await LINKS.opened(token)
    return Resetting(email=link.email, display_name=link.display_name, slug=link.slug)


async def choose_password(*, token: str, password: str, request_id: str = "") -> str:
    """Keep the password that somebody chose with their link and end their sessions; return the organization's short
    name. They sign in with it afterwards, so that nothing else which a sign-in asks for is passed by.

    Raises:
        ResetOver: the link changes nobody's password any more.
        InvalidPassword, ShortPassword, PasswordLacksKind, BreachedPassword: the password cannot be kept.
        Unavailable: Postgres does not answer.
    """
    link = await LINKS.opened(token)  # before a hash costs a quarter of a second
    password_hash = await hash_of_strong(link, password)
    acting = Scope(link.org_id, actor_kind="user", user_id=link.user_id, request_id=request_id)
    async with begin(acting) as work:
        await LINKS.use(work, link, password_hash=password_hash)
        await end_sessions_of(work, user_id=link.user_id, because="password_changed")
    return link.slug


@does(SendReset)
async def send_reset(work: Work, job: SendReset) -> None:
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
        key=f"reset-{job.user_id}-{work.scope.request_id}",
        to=row.email,
        to_name=row.display_name,
        subject=_("Your password at {organization}").format(organization=row.organization),
        paragraphs=[
            _("Hello {name}, somebody asked for a new password for your account at {organization}.").format(
                name=row.display_name, organization=row.organization
            ),
            _("The link works once, within an hour. If it was not you, do nothing: your password stays."),
        ],
        link=MailLink(_("Choose a password"), link),
        language=language,
    )
    await current_mailer().send(mail)
