"""Boards that many screens show: loaded once per change and process, encoded once, sent to a room of sockets."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import orjson
import structlog
from nicegui import Client, background_tasks, core

from domain.errors import Unavailable, UnisonError
from domain.events import Event
from domain.scope import Scope
from services.db.work import Work, read
from services.events.hub import Hub
from services.production.boards import Json, Snapshot
from ui.kit.rooms import tell_room

log = structlog.get_logger(__name__)

MOST_EVENTS = 200
"""After this many events all of a board is loaded, also where it could load what they name."""
SHORTEST_PAUSE_S = 0.1
"""A board loads at most ten times a second; the first change after a pause loads at once."""
BEAT_S = 1.0
REFRESH_S = 30.0
"""Every so often a board loads without an event: midnight passes, and nothing else would notice a lost one."""
LINGER_S = 30.0
"""A board that nobody watches any more is kept this long."""
ASIDE_PAUSE_S = 10.0
"""What stands aside of a board's own query is loaded after events at most this often."""
ASIDE_EVERY_S = 60.0
"""Without an event it is loaded this often: time passes, and figures of the shift with it."""

STATUS_ROOM = "unison:status"
"""Sockets of pages that are not boards and want to know every second whether their data can be trusted."""

Load = Callable[[Work], Awaitable[Snapshot]]
LoadChanges = Callable[[Work, Snapshot, Sequence[Event]], Awaitable[Snapshot | None]]
"""Returns the snapshot that follows another one after some events; None where all of it has to be loaded again."""
Glance = Callable[[Snapshot], Snapshot]
"""Returns as much of a large snapshot as a page shows at first; the rest follows over the socket."""
Concerns = Callable[[Event], bool]


@dataclass(frozen=True)
class Aside:
    """A part of a board that changes slowly and costs more than a change may: loaded apart from it, under keys of its
    own, after its own events and once a minute."""

    load: Load
    concerns: Concerns


@dataclass(frozen=True)
class BoardKey:
    """Everything that decides what a board shows; two screens with the same key share one room."""

    org_id: UUID
    plant_ids: frozenset[UUID] | None
    """The plants that the watching user may see."""
    board: str
    """Which kind of board."""
    subject: UUID
    """The lane or plant it shows."""
    language: str = ""
    """In which it shows an organization's own words; empty for boards that show none."""

    @property
    def room(self) -> str:
        """The room's name; only the server puts sockets into rooms, so it need not be secret."""
        plants = "*" if self.plant_ids is None else ",".join(sorted(str(plant) for plant in self.plant_ids))
        digest = hashlib.blake2b(
            f"{self.org_id}|{plants}|{self.board}|{self.subject}|{self.language}".encode(), digest_size=12
        )
        return f"board:{digest.hexdigest()}"


@dataclass
class LiveBoardFeed:
    """One board of this process: its newest snapshot, and the screens that follow it."""

    key: BoardKey
    load: Load
    seq: int
    snapshot: Snapshot = field(default_factory=dict)
    at: int = 0
    """When the snapshot was loaded, epoch milliseconds."""
    load_changes: LoadChanges | None = None
    glance: Glance | None = None
    aside: Aside | None = None
    aside_part: Snapshot = field(default_factory=dict)
    """What `aside` loaded last; a part of `snapshot`."""
    aside_dirty: asyncio.Event = field(default_factory=asyncio.Event)
    heard: list[Event] | None = None
    """Events since the last load; None where all of the board has to be loaded."""
    followers: set[str] = field(default_factory=set)
    """Ids of the NiceGUI clients that show it."""
    dirty: asyncio.Event = field(default_factory=asyncio.Event)
    sent_at: float = 0.0
    abandoned_at: float | None = None
    _encoded: orjson.Fragment | None = None
    _encoded_first: orjson.Fragment | None = None

    @property
    def first_seq(self) -> int:
        """The place of what a page is sent with: that before the present one where it is only a glance, so that the
        page gets the whole as soon as it is connected."""
        return self.seq if self.glance is None else self.seq - 1

    @property
    def encoded_first(self) -> orjson.Fragment:
        """What a page is sent with, as JSON, encoded once for all of them."""
        if self.glance is None:
            return self.encoded_snapshot
        if self._encoded_first is None:
            self._encoded_first = orjson.Fragment(orjson.dumps(self.glance(self.snapshot)))
        return self._encoded_first

    @property
    def encoded_snapshot(self) -> orjson.Fragment:
        """The snapshot as JSON, encoded once for all screens that ask for it."""
        if self._encoded is None:
            self._encoded = orjson.Fragment(orjson.dumps(self.snapshot))
        return self._encoded

    def take(self, part: Snapshot, at: int) -> Snapshot:
        """Keep a newer snapshot and return the patch that leads to it; empty when nothing changed.

        `part` is all of it but what stands aside.
        """
        snapshot = {**part, **self.aside_part}
        patch = difference(self.snapshot, snapshot)
        self.snapshot, self.at = snapshot, at
        if patch:
            self.seq += 1
            self._encoded = self._encoded_first = None
        return patch


class LiveBoards:
    """All boards of this process."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._feeds: dict[BoardKey, LiveBoardFeed] = {}
        self._opening: dict[BoardKey, asyncio.Lock] = {}
        hub.on_source(self._tell_source)

    @property
    def screens(self) -> int:
        """How many screens follow a board right now."""
        return sum(len(feed.followers) for feed in self._feeds.values())

    async def open(
        self,
        key: BoardKey,
        *,
        load: Load,
        concerns: Concerns,
        load_changes: LoadChanges | None = None,
        glance: Glance | None = None,
        aside: Aside | None = None,
    ) -> LiveBoardFeed:
        """Return the running feed of a board; the first one to ask starts it, after subscribing and then loading.

        A board so large that loading all of it for every change takes too long gives `load_changes`, and one that
        takes too long to draw gives a `glance`.

        Raises:
            NotFound: what the board shows does not exist in this scope.
            Unavailable: Postgres does not answer.
        """
        async with self._opening.setdefault(key, asyncio.Lock()):
            feed = self._feeds.get(key)
            if feed is not None:
                return feed
            feed = LiveBoardFeed(
                key, load, seq=int(time.time() * 1000), load_changes=load_changes, glance=glance, aside=aside
            )
            unsubscribe = self._hub.subscribe(key.org_id, _marks_dirty(feed, concerns))
            try:
                feed.aside_part = await _loaded_aside(feed)
                part, feed.at = await _loaded(feed)
                feed.snapshot = {**part, **feed.aside_part}
            except UnisonError:
                unsubscribe()
                raise
            self._feeds[key] = feed
            background_tasks.create(self._run(feed, unsubscribe), name=f"feed {key.board}")
            return feed

    def follow(self, feed: LiveBoardFeed, client: Client, shown_seq: int) -> None:
        """Let a page follow a feed until it is gone: its sockets join the room now and after every reconnection."""
        feed.followers.add(client.id)
        feed.abandoned_at = None

        async def join() -> None:
            for sid in sockets_of(client):
                await core.sio.enter_room(sid, feed.key.room)
            if feed.seq != shown_seq:
                await self.send_snapshot(feed, client)

        def leave() -> None:
            feed.followers.discard(client.id)
            if not feed.followers:
                feed.abandoned_at = time.monotonic()

        client.on_connect(join)
        client.on_delete(leave)

    async def send_snapshot(self, feed: LiveBoardFeed, client: Client) -> None:
        """Answer a page that cannot prove that it is current."""
        message = {"room": feed.key.room, "seq": feed.seq, "at": feed.at, "snapshot": feed.encoded_snapshot}
        tell_room(client.id, "unison:snapshot", message)

    async def _run(self, feed: LiveBoardFeed, unsubscribe: Callable[[], None]) -> None:
        beating = background_tasks.create(self._beat(feed), name=f"beat {feed.key.board}")
        beside = background_tasks.create(self._follow_aside(feed), name=f"aside {feed.key.board}")
        try:
            while not _is_abandoned(feed):
                try:
                    await asyncio.wait_for(feed.dirty.wait(), REFRESH_S)
                except TimeoutError:
                    if not self._hub.is_live:
                        continue
                    feed.heard = None
                feed.dirty.clear()
                await self._reload(feed)
                await asyncio.sleep(SHORTEST_PAUSE_S)
        finally:
            unsubscribe()
            beating.cancel()
            beside.cancel()
            self._feeds.pop(feed.key, None)
            self._opening.pop(feed.key, None)

    async def _reload(self, feed: LiveBoardFeed) -> None:
        try:
            snapshot, at = await _loaded(feed)
        except UnisonError as error:
            # The pump says when the database is away and asks to load again when it is back.
            log.info("a live board could not load", board=feed.key.board, error=error.code)
            if isinstance(error, Unavailable) and self._hub.is_live:
                feed.dirty.set()  # only this connection was lost: nobody else would ask again
            return
        self._show(feed, snapshot, at)

    async def _follow_aside(self, feed: LiveBoardFeed) -> None:
        if feed.aside is None:
            return
        while True:
            await asyncio.sleep(ASIDE_PAUSE_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(feed.aside_dirty.wait(), ASIDE_EVERY_S - ASIDE_PAUSE_S)
            feed.aside_dirty.clear()
            try:
                aside_part = await _loaded_aside(feed)
            except UnisonError as error:
                log.info("figures of a live board could not load", board=feed.key.board, error=error.code)
                continue
            part = {key: value for key, value in feed.snapshot.items() if key not in feed.aside_part}
            feed.aside_part = aside_part
            self._show(feed, part, _now_ms())

    def _show(self, feed: LiveBoardFeed, part: Snapshot, at: int) -> None:
        patch = feed.take(part, at)
        if not patch:
            return
        feed.sent_at = time.monotonic()
        message = {"room": feed.key.room, "seq": feed.seq, "at": at, "patch": patch}
        tell_room(feed.key.room, "unison:patch", message)

    async def _beat(self, feed: LiveBoardFeed) -> None:
        while True:
            pause = feed.sent_at + BEAT_S - time.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
                continue
            await self._send_beat(feed)

    async def _send_beat(self, feed: LiveBoardFeed) -> None:
        feed.sent_at = time.monotonic()
        message = {"room": feed.key.room, "seq": feed.seq, "at": _now_ms(), "source": self._source}
        tell_room(feed.key.room, "unison:beat", message)

    def follow_status(self, client: Client) -> None:
        """Let a page without a board hear every second that it is connected and the database can be reached."""

        async def join() -> None:
            for sid in sockets_of(client):
                await core.sio.enter_room(sid, STATUS_ROOM)

        client.on_connect(join)

    async def tell_status_forever(self) -> None:
        """Beat for the pages without a board, until cancelled."""
        while True:
            await self._send_status()
            await asyncio.sleep(BEAT_S)

    async def _send_status(self) -> None:
        message = {"source": self._source, "at": _now_ms()}
        tell_room(STATUS_ROOM, "unison:status", message)

    @property
    def _source(self) -> str:
        return "live" if self._hub.is_live else "database_down"

    def _tell_source(self, _: bool) -> None:
        for feed in tuple(self._feeds.values()):
            background_tasks.create(self._send_beat(feed), name="beat")
        background_tasks.create(self._send_status(), name="status")


def sockets_of(client: Client) -> list[str]:
    """Return the ids of a page's open sockets; NiceGUI puts each into a room named after its page."""
    return [sid for sid, _ in core.sio.manager.get_participants("/", client.id)]


def difference(before: Snapshot, after: Snapshot) -> Snapshot:
    """Return the JSON merge patch (RFC 7396) that leads from one snapshot to the next; snapshots hold no nulls."""
    patch: Snapshot = dict.fromkeys(before.keys() - after.keys())
    for key, value in after.items():
        old: Json = before.get(key)
        if old == value:
            continue
        if isinstance(old, dict) and isinstance(value, dict):
            patch[key] = difference(old, value)
        else:
            patch[key] = value
    return patch


async def _loaded(feed: LiveBoardFeed) -> tuple[Snapshot, int]:
    scope = Scope(
        feed.key.org_id, plant_ids=feed.key.plant_ids, language=feed.key.language, request_id=f"board-{feed.key.board}"
    )
    heard, feed.heard = feed.heard, []  # what is heard from now on is for the next load
    try:
        async with read(scope) as work:
            snapshot = None
            if feed.load_changes is not None and heard is not None:
                snapshot = await feed.load_changes(work, feed.snapshot, heard)
            if snapshot is None:
                snapshot = await feed.load(work)
            return snapshot, int(work.now.timestamp() * 1000)
    except UnisonError:
        feed.heard = None  # what was heard before is lost with this load
        raise


async def _loaded_aside(feed: LiveBoardFeed) -> Snapshot:
    if feed.aside is None:
        return {}
    scope = Scope(feed.key.org_id, plant_ids=feed.key.plant_ids, request_id=f"board-{feed.key.board}-aside")
    async with read(scope) as work:
        return await feed.aside.load(work)


def _marks_dirty(feed: LiveBoardFeed, concerns: Concerns) -> Callable[[Event | None], None]:
    def hear(event: Event | None) -> None:
        if feed.aside is not None and (event is None or feed.aside.concerns(event)):
            feed.aside_dirty.set()
        if event is None or concerns(event):
            crowded = feed.heard is not None and len(feed.heard) >= MOST_EVENTS
            if event is None or crowded:
                feed.heard = None
            elif feed.heard is not None:
                feed.heard.append(event)
            feed.dirty.set()

    return hear


def _is_abandoned(feed: LiveBoardFeed) -> bool:
    return feed.abandoned_at is not None and time.monotonic() - feed.abandoned_at > LINGER_S


def _now_ms() -> int:
    return int(time.time() * 1000)
