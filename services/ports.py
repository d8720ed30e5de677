"""The outside world, as the use cases see it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from domain.errors import Forbidden, Invalid, NotFound, Unavailable, marked
from domain.integration.webhooks import DeliveryReason, reason_sentence
from domain.production.machine_reports import MachineReport


@dataclass(frozen=True)
class ReportedBy:
    """A report and the machine that made it."""

    machine_code: str
    """The machine's code within the organization."""
    report: MachineReport


class MachineSource(Protocol):
    """Something that tells what machines do: a simulator, a log file, a field bus."""

    name: str
    """Names the source in logs and in the keys of what it reports."""

    def reports(self) -> AsyncIterator[ReportedBy]:
        """Yield what the machines report, in the order in which it happened for each machine."""
        ...


@dataclass(frozen=True)
class MailPicture:
    """A picture inside a message, so that nothing has to be fetched to show it."""

    name: str
    """The HTML part shows it as `cid:` and this name."""
    content: bytes
    """A PNG file."""


@dataclass(frozen=True)
class Mail:
    """One message to one person."""

    key: str
    """Names the message; the same key is the same message, sent again after a failure."""
    to: str
    """E-mail address."""
    to_name: str
    subject: str
    text: str
    """Plain text."""
    html: str = ""
    """The same for programs that show HTML; empty for none."""
    pictures: tuple[MailPicture, ...] = ()
    """What the HTML part shows."""


class MailNotSent(Exception):
    """The mail server cannot be reached or does not take the message."""


class Mailer(Protocol):
    """Something that delivers mail."""

    async def send(self, mail: Mail) -> None:
        """Hand a message over for delivery.

        Raises:
            MailNotSent: the mail server did not take it; another attempt may succeed.
        """
        ...


class FilesUnavailable(Unavailable):
    """The file store cannot be reached, or cannot write."""

    code: ClassVar[str] = "files_unavailable"
    sentence: ClassVar[str] = marked("Files cannot be reached right now. Nothing was saved; try again in a moment.")


class ContentMissing(NotFound):
    """A file store holds nothing under a key."""

    code: ClassVar[str] = "content_missing"
    sentence: ClassVar[str] = marked("The content of this file is gone. Upload it again.")


@dataclass(frozen=True)
class StoreRoom:
    """What a file store is, and how much still goes into it."""

    backend: str
    """`folder` or `s3`."""
    free_bytes: int | None
    """None where nothing limits it but a bill."""


class FileStore(Protocol):
    """Something that keeps the bytes of files under keys, such as `organization/sha256`."""

    async def put(self, key: str, content: bytes) -> None:
        """Keep content under a key, in place of what stood there; readers see the old or the new, never a part.

        Raises:
            FilesUnavailable: it cannot be kept right now.
        """
        ...

    async def put_file(self, key: str, path: Path) -> None:
        """Keep a copy of a local file, as `put` does, without holding it in memory.

        Raises:
            FilesUnavailable: it cannot be kept right now.
        """
        ...

    async def get(self, key: str) -> bytes:
        """Return the content under a key.

        Raises:
            ContentMissing: there is none.
            FilesUnavailable: it cannot be read right now.
        """
        ...

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield the content under a key in pieces.

        Raises:
            ContentMissing: there is none.
            FilesUnavailable: it cannot be read right now.
        """
        ...

    async def delete(self, key: str) -> None:
        """Forget what stands under a key; nothing happens where nothing does.

        Raises:
            FilesUnavailable: it cannot be deleted right now.
        """
        ...

    def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that begin with a prefix, in order.

        Raises:
            FilesUnavailable: they cannot be read right now.
        """
        ...

    async def room(self) -> StoreRoom:
        """Return what it is, and how much still goes into it.

        Raises:
            FilesUnavailable: it cannot be asked right now.
        """
        ...


class ProviderAway(Unavailable):
    """A sign-in provider does not answer."""

    code: ClassVar[str] = "provider_away"
    sentence: ClassVar[str] = marked(
        "The sign-in provider cannot be reached right now. Try again in a moment, or sign in with your password."
    )


class ProviderMisconfigured(Invalid):
    """A sign-in provider is not where, or not what, the organization says."""

    code: ClassVar[str] = "provider_misconfigured"
    sentence: ClassVar[str] = marked("The sign-in provider is not set up correctly. Tell your administrator.")


class ProviderRefused(Forbidden):
    """A sign-in provider vouched for nobody, or in a way that cannot be believed."""

    code: ClassVar[str] = "provider_refused"
    sentence: ClassVar[str] = marked("The sign-in provider did not confirm who you are. Begin again.")


@dataclass(frozen=True)
class ProviderAccess:
    """By what this installation is known to a sign-in provider."""

    issuer: str
    client_id: str
    client_secret: str | None
    """None for a public client."""


@dataclass(frozen=True)
class Errand:
    """One person's way to a sign-in provider and back; it stays with their browser meanwhile."""

    state: str
    """Comes back with the person."""
    nonce: str
    """Comes back inside the token."""
    verifier: str
    """Proves to the provider that the code comes from where the person came from (PKCE)."""
    returns_to: str
    """The address here to which the provider sends people back."""


@dataclass(frozen=True)
class VouchedPerson:
    """Whom a sign-in provider vouched for."""

    subject: str
    """The provider's own name for the person."""
    email: str
    """Empty where the provider tells none."""
    is_email_confirmed: bool
    name: str
    """Empty where the provider tells none."""


class SignInProviders(Protocol):
    """Sign-in providers on the network, which speak OpenID Connect."""

    async def way_to(self, access: ProviderAccess, errand: Errand) -> str:
        """Return the address to which a person's browser goes to prove who they are.

        Raises:
            ProviderAway: the provider does not answer.
            ProviderMisconfigured: it is not where, or not what, `access` says.
        """
        ...

    async def person_behind(self, access: ProviderAccess, errand: Errand, *, code: str) -> VouchedPerson:
        """Exchange the code with which a person came back for what the provider says about them.

        Raises:
            ProviderAway: the provider does not answer.
            ProviderMisconfigured: it is not where, or not what, `access` says.
            ProviderRefused: the code is not valid, or the token is not the provider's, not for us, not for this
                errand, or over.
        """
        ...


@dataclass(frozen=True)
class WebhookAnswer:
    """What a webhook's address answered."""

    status: int
    """HTTP status."""
    beginning: str
    """The beginning of the body, for the log of deliveries; empty where it is encoded."""
    encoding: str = ""
    """How the body is encoded (RFC 9110, 8.4); nobody unpacks it."""


class WebhookNotReached(Exception):
    """The address may not be reached from here, or does not answer."""

    def __init__(self, reason: DeliveryReason, **values: str) -> None:
        self.reason, self.values = reason, values
        super().__init__(reason_sentence(reason, values))


class WebhookSender(Protocol):
    """Something that sends messages to the addresses of webhooks."""

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        """Send a message.

        Raises:
            WebhookNotReached: there was no answer.
        """
        ...
