"""Webhooks: what an organization may register, how a message is signed, and when it is tried again."""

import hmac
import re
from enum import StrEnum
from typing import ClassVar
from urllib.parse import urlsplit

from domain.errors import Conflict, Invalid, marked
from domain.events import EVENTS

LONGEST_URL = 2000
MOST_TOPICS = 50
TOLD_TOPICS = tuple(sorted(topic for topic, event in EVENTS.items() if not event.stays_inside))
"""What webhooks can ask for."""
PATTERN = re.compile(r"([a-z_]+|\*)\.([a-z_]+|\*)\.([a-z_]+|\*)")
PAUSES_S = (10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 21_600, 21_600)
"""Seconds between attempts: about 27 hours together."""
GIVE_UP_AFTER_S = 3 * 24 * 3_600
"""A webhook whose deliveries have all failed for this long is switched off."""
REPLAY_WINDOW_S = 300
"""A receiver should refuse a signature that is older than this."""
PING = "integration.webhook.ping"
"""The topic of a message that only tells that the webhook works."""


class DeliveryState(StrEnum):
    """Where a message to a webhook is."""

    WAITING = "waiting"  # for its first attempt or the next one; -> delivered, failed
    DELIVERED = "delivered"
    FAILED = "failed"  # no attempt is left; a replay makes a new delivery


class InvalidWebhookUrl(Invalid):
    """An address that no message can be sent to."""

    code: ClassVar[str] = "invalid_webhook_url"
    sentence: ClassVar[str] = marked(
        "A webhook needs an address such as https://example.com/unison, without a password."
    )


class InvalidTopics(Invalid):
    """Patterns that match nothing that happens."""

    code: ClassVar[str] = "invalid_topics"
    sentence: ClassVar[str] = marked("“{topic}” matches no event. Write area.noun.verb, with * for any part.")


class WebhookIsOff(Conflict):
    """A webhook that is switched off gets nothing."""

    code: ClassVar[str] = "webhook_is_off"
    sentence: ClassVar[str] = marked("This webhook is switched off. Switch it on first.")


def checked_url(url: str, *, may_be_plain: bool) -> str:
    """Return the address when messages can be sent there; `may_be_plain` allows http.

    Raises:
        InvalidWebhookUrl: it is too long, no http address, not https, or holds a password.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidWebhookUrl(field="url") from error
    schemes = {"https", "http"} if may_be_plain else {"https"}
    is_clean = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST_URL
    if (
        not is_clean
        or parts.scheme not in schemes
        or not parts.hostname
        or parts.username
        or parts.fragment
        or port == 0
    ):
        raise InvalidWebhookUrl(field="url")
    return url


def checked_topics(patterns: list[str]) -> list[str]:
    """Return the patterns, each once, when each matches something that happens.

    Raises:
        InvalidTopics: one is none, or there are none or too many.
    """
    kept = list(dict.fromkeys(pattern.strip() for pattern in patterns))
    if not 1 <= len(kept) <= MOST_TOPICS:
        raise InvalidTopics(field="topics", topic="")
    for pattern in kept:
        if not PATTERN.fullmatch(pattern) or not any(is_matched(pattern, topic) for topic in TOLD_TOPICS):
            raise InvalidTopics(field="topics", topic=pattern)
    return kept


def is_matched(pattern: str, topic: str) -> bool:
    """Tell whether a pattern such as `production.*.*` matches a topic."""
    return all(want in {"*", part} for want, part in zip(pattern.split("."), topic.split("."), strict=True))


def signature(secret: str, *, at: int, body: bytes) -> str:
    """Return the header of a message: the time of sending in Unix seconds, and HMAC-SHA-256 over time and body."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
    return f"t={at},v1={digest}"


def pause_after(attempts: int) -> int | None:
    """Return the seconds to wait after so many failed attempts; None when no attempt is left."""
    return PAUSES_S[attempts - 1] if attempts <= len(PAUSES_S) else None
