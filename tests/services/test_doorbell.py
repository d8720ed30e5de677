"""When the doorbell of the live queues rings, and for whom nobody waits."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest

from domain.events import PlantModelChanged
from domain.scope import Scope
from services.db.engine import Database
from services.db.keys import new_id
from services.db.work import begin
from services.events.doorbell import CHANNEL, Doorbell
from services.events.hub import Hub
from services.events.publish import flush
from tests.factories import Connection

SOON_S = 2.0
THROTTLE_MS = 300


class Rings:
    """Counts what a listener's connection hears."""

    def __init__(self) -> None:
        self.count = 0
        self._news = asyncio.Event()

    def hear(self, *_: object) -> None:
        """Count one ring."""
        self.count += 1
        self._news.set()

    async def one(self) -> None:
        """Wait for a ring."""
        await asyncio.wait_for(self._news.wait(), SOON_S)
        self._news.clear()


@pytest.fixture
async def rings(app_connection: Connection) -> AsyncIterator[Rings]:
    """What a connection that listens hears from now on."""
    rings = Rings()
    listener: Callable[..., None] = rings.hear
    await app_connection.add_listener(CHANNEL, listener)
    yield rings
    await app_connection.remove_listener(CHANNEL, listener)


@pytest.fixture
def doorbell(database: Database, monkeypatch: pytest.MonkeyPatch) -> Doorbell:
    """A doorbell of the database that has not rung yet and has a long throttle."""
    doorbell = Doorbell(THROTTLE_MS)
    monkeypatch.setattr(database, "doorbell", doorbell)
    return doorbell


async def emit(scope: Scope) -> None:
    """Commit an event."""
    async with begin(scope) as work:
        work.emit(PlantModelChanged(plant_id=new_id()))


@pytest.mark.usefixtures("doorbell")
class TestDoorbell:
    async def test_rings_when_a_work_with_events_has_committed(self, scope: Scope, rings: Rings) -> None:
        await emit(scope)

        await rings.one()

    async def test_is_silent_when_nothing_was_emitted_or_kept(self, scope: Scope, rings: Rings) -> None:
        async with begin(scope):
            pass
        with suppress(ZeroDivisionError):
            async with begin(scope) as work:
                work.emit(PlantModelChanged(plant_id=new_id()))
                raise ZeroDivisionError

        await emit(scope)

        await rings.one()
        assert rings.count == 1

    async def test_rings_once_within_its_throttle_and_again_after_it(self, scope: Scope, rings: Rings) -> None:
        for _ in range(5):
            await emit(scope)
        await rings.one()
        await asyncio.sleep(1.1 * THROTTLE_MS / 1000)
        assert rings.count == 1

        await emit(scope)

        await rings.one()
        assert rings.count == 2

    async def test_that_cannot_ring_does_not_fail_whoever_has_committed(self) -> None:
        nowhere = Database("postgresql://unison_app@127.0.0.1:1/nowhere")

        await nowhere.doorbell.ring(nowhere.engine)

        await nowhere.close()


class TestWriters:
    async def test_never_wait_for_each_other_to_ring(self, scope: Scope, hub: Hub) -> None:
        assert hub.is_live
        async with begin(scope) as slow:
            await flush(slow.fetch, scope, [PlantModelChanged(plant_id=new_id())])

            async with asyncio.timeout(SOON_S):
                await emit(scope)
