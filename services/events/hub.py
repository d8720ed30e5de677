"""Inside one process: from the pump to whoever shows or remembers what an event is about."""

from collections import defaultdict
from collections.abc import Callable
from uuid import UUID

import structlog

from domain.events import Event

log = structlog.get_logger(__name__)

Listener = Callable[[Event | None], None]
"""Called with an event of the listener's organization, or with None: something may have been missed, load again."""
ProcessListener = Callable[[UUID | None, Event | None], None]
"""Called with every organization's events, or with None twice: something may have been missed. For the process's own
memory only, never for a screen."""
SourceListener = Callable[[bool], None]
"""Called with whether the source of live data can be reached."""


class Hub:
    """Delivers each event to the listeners of its organization, and of no other."""

    def __init__(self) -> None:
        self._listeners: defaultdict[UUID, set[Listener]] = defaultdict(set)
        self._process_listeners: set[ProcessListener] = set()
        self._source_listeners: set[SourceListener] = set()
        self.is_live = False
        """Whether events are arriving; False from the moment the database is lost until it is back."""

    def subscribe(self, org_id: UUID, listener: Listener) -> Callable[[], None]:
        """Hear the events of one organization; returns what ends the subscription."""
        self._listeners[org_id].add(listener)

        def unsubscribe() -> None:
            self._listeners[org_id].discard(listener)
            if not self._listeners[org_id]:
                del self._listeners[org_id]

        return unsubscribe

    def on_any_event(self, listener: ProcessListener) -> None:
        """Hear all events of all organizations, to keep the process's own memory fresh."""
        self._process_listeners.add(listener)

    def on_source(self, listener: SourceListener) -> None:
        """Hear when the database is lost and when it is back."""
        self._source_listeners.add(listener)

    def deliver(self, org_id: UUID, event: Event) -> None:
        """Hand an event to its listeners."""
        for process_listener in tuple(self._process_listeners):
            _tell(process_listener, org_id, event)
        for listener in tuple(self._listeners.get(org_id, ())):
            _tell(listener, event)

    def resync(self) -> None:
        """Tell every listener that events may have been missed."""
        for process_listener in tuple(self._process_listeners):
            _tell(process_listener, None, None)
        for listeners in tuple(self._listeners.values()):
            for listener in tuple(listeners):
                _tell(listener, None)

    def set_live(self, is_live: bool) -> None:
        """Say whether the source of events can be reached; tells the listeners when that changes."""
        if is_live == self.is_live:
            return
        self.is_live = is_live
        for listener in tuple(self._source_listeners):
            _tell(listener, is_live)


def _tell(listener: Callable[..., None], *news: object) -> None:
    try:
        listener(*news)
    except Exception:
        log.exception("a listener of live events failed; the others hear them all the same", listener=repr(listener))
