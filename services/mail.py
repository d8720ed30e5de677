"""The way in which this installation sends mail, if it can; chosen by the composition root."""

from typing import ClassVar

from domain.errors import Invalid, marked
from services.ports import Mailer


class NoMailer(Invalid):
    """Mail is wanted, and nothing is configured that could send it."""

    code: ClassVar[str] = "no_mailer"
    sentence: ClassVar[str] = marked(
        "This installation cannot send mail. Choose another way to tell people, or have UNISON_SMTP_URL set."
    )


class _Current:
    mailer: Mailer | None = None


def use_mailer(mailer: Mailer | None) -> None:
    """Send mail through `mailer` from now on; None sends none."""
    _Current.mailer = mailer


def current_mailer() -> Mailer:
    """Return what sends mail.

    Raises:
        NoMailer: nothing is configured.
    """
    if _Current.mailer is None:
        raise NoMailer(field="channels")
    return _Current.mailer


def can_send_mail() -> bool:
    """Tell whether mail can be sent at all."""
    return _Current.mailer is not None


def refuse_without_mailer() -> None:
    """Refuse to promise mail that could never be sent.

    Raises:
        NoMailer: nothing is configured.
    """
    current_mailer()
