"""The outside world, as the use cases see it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

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
