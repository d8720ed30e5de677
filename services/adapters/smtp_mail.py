"""Mail through an SMTP server, and its twin that keeps mails as files for looking at."""

import asyncio
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiosmtplib

from services.config import Settings
from services.ports import Mail, Mailer, MailNotSent

TIMEOUT_S = 20
FOLDER = "mail"


class SmtpMailer:
    """Hands mails to the SMTP server of a URL, encrypted wherever the server can."""

    def __init__(self, url: str, *, sender: str) -> None:
        """Send as `sender` through `smtp://` (STARTTLS where offered) or `smtps://` (TLS from the start)."""
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "localhost", parts.port
        self._tls = parts.scheme == "smtps"
        self._user = None if parts.username is None else unquote(parts.username)
        self._password = None if parts.password is None else unquote(parts.password)
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """Hand a message over for delivery.

        Raises:
            MailNotSent: the server cannot be reached, or does not take the message.
        """
        try:
            await aiosmtplib.send(
                letter(mail, self._sender),
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                use_tls=self._tls,
                timeout=TIMEOUT_S,
            )
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailNotSent(f"{self._host}: {error}") from error


class MailFolder:
    """Keeps mails as files that every mail program opens, instead of sending them."""

    def __init__(self, folder: Path, *, sender: str) -> None:
        """Write into `folder`, which is made when the first mail comes."""
        self._folder, self._sender = folder, sender

    async def send(self, mail: Mail) -> None:
        """Write a message; the same key again overwrites it, as a receiver shows the same message once.

        Raises:
            MailNotSent: the folder cannot be written.
        """
        try:
            await asyncio.to_thread(self._write, mail)
        except OSError as error:
            raise MailNotSent(str(error)) from error

    def _write(self, mail: Mail) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = sha256(mail.key.encode()).hexdigest()[:16]
        (self._folder / f"{name}.eml").write_bytes(bytes(letter(mail, self._sender)))


def mailer_of(settings: Settings) -> Mailer | None:
    """Return what the settings say mail goes through; None when they say nothing."""
    if settings.smtp_url is None:
        return None
    url = settings.smtp_url.get_secret_value()
    if url == "folder:":
        return MailFolder(settings.data_dir / FOLDER, sender=settings.mail_from)
    return SmtpMailer(url, sender=settings.mail_from)


def letter(mail: Mail, sender: str) -> EmailMessage:
    """Return a mail as it goes over the wire; by its Message-ID, made of its key, receivers know a repetition."""
    message = EmailMessage()
    domain = parseaddr(sender)[1].rpartition("@")[2]
    message["From"] = sender
    message["To"] = Address(mail.to_name, addr_spec=mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{sha256(mail.key.encode()).hexdigest()[:32]}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
        for picture in mail.pictures:
            shown = message.get_body(("html",))
            if shown is not None:
                shown.add_related(picture.content, "image", "png", cid=f"<{picture.name}>", disposition="inline")
    return message
