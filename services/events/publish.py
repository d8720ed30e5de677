"""The outbox: a work's events go into the live queues as the last statements of its own transaction."""

from collections.abc import Awaitable, Callable, Sequence

import orjson

from domain.events import Event
from domain.scope import Scope

SEND = "SELECT count(*) FROM pgmq.send_batch_topic($1::text, $2::text[]::jsonb[])"
# What stays inside goes into the queues of server processes, whatever else is bound to its topic.
SEND_INSIDE = """
SELECT count(*) FROM (
  SELECT DISTINCT queue_name FROM pgmq.topic_bindings
  WHERE queue_name LIKE 'live\\_%' AND $1::text ~ compiled_regex ORDER BY queue_name
) AS bound CROSS JOIN LATERAL pgmq.send_batch(bound.queue_name, $2::text[]::jsonb[])
"""


async def flush(fetch: Callable[..., Awaitable[object]], scope: Scope, events: Sequence[Event]) -> None:
    """Send the events of a work to every live queue that wants them, equal events once.

    Events of one topic go in one statement. Screens load again whatever an event names, so the order between
    topics carries no meaning.
    """
    by_topic: dict[tuple[str, str], dict[str, None]] = {}
    for event in events:
        way = SEND_INSIDE if event.stays_inside else SEND
        by_topic.setdefault((way, event.topic), {})[encode(scope, event)] = None
    for (way, topic), messages in by_topic.items():
        await fetch(way, topic, list(messages))


def encode(scope: Scope, event: Event) -> str:
    """Return the message of an event: its organization, topic and fields, as JSON."""
    return orjson.dumps({"org": scope.org_id, "topic": event.topic, "event": vars(event)}, default=str).decode()
