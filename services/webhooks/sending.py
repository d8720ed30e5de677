"""The way in which this installation sends to webhooks; chosen by the composition root."""

from dataclasses import dataclass

from services.auth.secret_boxes import SecretBox
from services.ports import WebhookSender


@dataclass(frozen=True)
class WebhookDoor:
    """What it takes to send."""

    sender: WebhookSender
    box: SecretBox
    """Seals the secrets of webhooks."""
    may_be_private: bool
    """Whether messages may go to addresses inside the own network, and over http."""

    @classmethod
    def of(cls, secret: str, sender: WebhookSender, *, may_be_private: bool) -> "WebhookDoor":
        """Derive the box from the installation's secret."""
        return cls(sender, SecretBox.of(secret, purpose="webhooks"), may_be_private)


class _Current:
    door: WebhookDoor | None = None


def use_webhooks(door: WebhookDoor | None) -> None:
    """Send through `door` from now on."""
    _Current.door = door


def current_webhooks() -> WebhookDoor:
    """Return what sends.

    Raises:
        RuntimeError: the composition root chose nothing.
    """
    if _Current.door is None:
        raise RuntimeError("nothing sends to webhooks; the composition root must call use_webhooks() first")
    return _Current.door
