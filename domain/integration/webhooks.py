"""Webhooks: what an organization may register, how a message is signed, and when it is tried again."""

import hmac
import re
from collections.abc import Mapping, Sequence
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
OVERLAPS_S = (0, 3_600, 86_400)
"""For how many seconds messages may be signed with the secret before as well, once there is a new one."""
PING = "integration.webhook.ping"
"""The topic of a message that only tells that the webhook works."""


class DeliveryState(StrEnum):
    """Where a message to a webhook is."""

    WAITING = "waiting"  # for its first attempt or the next one; -> delivered, failed
    DELIVERED = "delivered"
    FAILED = "failed"  # no attempt is left, a replay makes a new delivery; where the secret was lost, -> waiting


class DeliveryReason(StrEnum):
    """Why the last attempt brought nothing, or nothing that can be shown, where no status says it."""

    SWITCHED_OFF = "switched_off"
    FEATURE_OFF = "feature_off"
    SECRET_LOST = "secret_lost"  # noqa: S105 - a reason
    HOST_UNKNOWN = "host_unknown"
    ADDRESS_REFUSED = "address_refused"
    NOT_CONNECTED = "not_connected"
    CERTIFICATE_OVER = "certificate_over"
    CERTIFICATE_OF_ANOTHER = "certificate_of_another"
    CERTIFICATE_NOT_TRUSTED = "certificate_not_trusted"
    NO_ANSWER_IN_TIME = "no_answer_in_time"
    NO_ANSWER = "no_answer"
    ANSWER_ENCODED = "answer_encoded"
    FAULT = "fault"


REASON_SENTENCES: Mapping[DeliveryReason, str] = {
    DeliveryReason.SWITCHED_OFF: marked("The webhook was switched off."),
    DeliveryReason.FEATURE_OFF: marked("Webhooks were switched off for the organization."),
    DeliveryReason.SECRET_LOST: marked(
        "Nothing can be signed: the webhook's secret can no longer be read, since the installation's key changed. Make"
        " a new secret, and this is sent."
    ),
    DeliveryReason.HOST_UNKNOWN: marked("The name {host} is not known."),
    DeliveryReason.ADDRESS_REFUSED: marked("{host} has no address that may be reached from here."),
    DeliveryReason.NOT_CONNECTED: marked("{host} accepts no connection."),
    DeliveryReason.CERTIFICATE_OVER: marked("The certificate of {host} has expired."),
    DeliveryReason.CERTIFICATE_OF_ANOTHER: marked("The certificate of {host} was made out to another name."),
    DeliveryReason.CERTIFICATE_NOT_TRUSTED: marked("Nobody trusted here vouches for the certificate of {host}."),
    DeliveryReason.NO_ANSWER_IN_TIME: marked("{host} did not answer within {seconds} s."),
    DeliveryReason.NO_ANSWER: marked("The connection to {host} ended before there was an answer."),
    DeliveryReason.ANSWER_ENCODED: marked("The answer is compressed ({encoding}) and not shown."),
    DeliveryReason.FAULT: marked("This could not be sent through a fault of ours; the server's log says more."),
}
"""What people read for each; programs branch on the code."""


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


class InvalidOverlap(Invalid):
    """A time for which two secrets cannot stand side by side."""

    code: ClassVar[str] = "invalid_overlap"
    sentence: ClassVar[str] = marked("The old secret can go on for 0, 3600 or 86400 seconds.")


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


def checked_overlap(overlap_s: int) -> int:
    """Return for how many seconds the secret before goes on.

    Raises:
        InvalidOverlap: it is none of `OVERLAPS_S`.
    """
    if overlap_s not in OVERLAPS_S:
        raise InvalidOverlap(field="overlap_s")
    return overlap_s


def signature(secrets: Sequence[str], *, at: int, body: bytes) -> str:
    """Return the header of a message: the time of sending in Unix seconds, and HMAC-SHA-256 over time and body with
    each of the secrets."""
    signed = f"{at}.".encode() + body
    digests = (hmac.new(secret.encode(), signed, "sha256").hexdigest() for secret in secrets)
    return ",".join([f"t={at}", *(f"v1={digest}" for digest in digests)])


def reason_sentence(reason: DeliveryReason, values: Mapping[str, str]) -> str:
    """Return the English sentence of a reason."""
    return REASON_SENTENCES[reason].format_map(values)


def pause_after(attempts: int) -> int | None:
    """Return the seconds to wait after so many failed attempts; None when no attempt is left."""
    return PAUSES_S[attempts - 1] if attempts <= len(PAUSES_S) else None
