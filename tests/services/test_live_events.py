"""From a committed transaction, through the real queue and a real pump, to whoever listens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import pytest

from domain.events import (
    AndonCallChanged,
    Event,
    MachineStateChanged,
    PlantModelChanged,
    ProductionReported,
    SessionRevoked,
)
from domain.plant.machine_states import MachineState
from domain.scope import Scope
from services.db.keys import new_id
from services.db.work import begin
from services.events import pump as pump_module
from services.events.hub import Hub
from services.events.publish import encode
from services.events.pump import Pump, decode
from services.plant.machine_states import change_machine_state
from tests.factories import Connection, Floor, Make

SOON_S = 3.0
QUIET_S = 0.4


class Ear:
    """Collects what one listener hears; None stands for “load again”."""

    def __init__(self, hub: Hub, org_id: UUID) -> None:
        self.heard: list[Event | None] = []
        self._news = asyncio.Event()
        self.unsubscribe: Callable[[], None] = hub.subscribe(org_id, self._hear)

    def _hear(self, event: Event | None) -> None:
        self.heard.append(event)
        self._news.set()

    async def until(self, is_enough: Callable[[list[Event | None]], bool]) -> None:
        """Wait until enough was heard."""
        async with asyncio.timeout(SOON_S):
            while not is_enough(self.heard):
                self._news.clear()
                await self._news.wait()

    def events(self) -> list[Event]:
        return [event for event in self.heard if event is not None]


@asynccontextmanager
async def running(pump: Pump) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(pump.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def pump(hub: Hub, app_connection: Connection) -> str:
    """The live queue of the hub's pump: the newest one."""
    queue: str = await app_connection.fetchval(
        "SELECT queue FROM app.server_processes ORDER BY started_at DESC LIMIT 1"
    )
    return queue


class TestHeartbeat:
    async def test_tells_how_many_screens_the_process_has(self, app_url: str, app_connection: Connection) -> None:
        pump = Pump(app_url, Hub(), count_screens=lambda: 7)

        async with running(pump), asyncio.timeout(10):
            asked = "SELECT screens FROM app.server_processes WHERE queue = $1"
            while not (screens := await app_connection.fetchval(asked, pump.queue)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # another process would have nothing but the row

        assert screens == 7


class TestCommit:
    async def test_delivers_what_happened(self, floor: Floor, hub: Hub) -> None:
        ear = Ear(hub, floor.scope.org_id)

        async with begin(floor.scope) as work:
            await change_machine_state(work, machine_id=floor.machine_id, state=MachineState.RUNNING)

        await ear.until(bool)
        assert ear.heard == [
            MachineStateChanged(plant_id=floor.plant_id, lane_id=floor.lane_id, machine_id=floor.machine_id)
        ]

    async def test_comes_before_delivery(self, floor: Floor, hub: Hub) -> None:
        ear = Ear(hub, floor.scope.org_id)

        async with begin(floor.scope) as work:
            work.emit(PlantModelChanged(plant_id=floor.plant_id))
            await work.session.flush()
            await asyncio.sleep(QUIET_S)

            assert ear.heard == []
        await ear.until(bool)

    async def test_delivers_equal_events_once(self, floor: Floor, hub: Hub, make: Make) -> None:
        ear = Ear(hub, floor.scope.org_id)

        async with begin(floor.scope) as work:
            for _ in range(3):
                await make.booking(work, machine_id=floor.machine_id)
                await make.call(work, machine_id=floor.machine_id)

        await ear.until(lambda heard: len(heard) >= 2)
        await asyncio.sleep(QUIET_S)
        assert {type(event) for event in ear.heard} == {ProductionReported, AndonCallChanged}
        assert len(ear.heard) == 2

    async def test_of_many_writers_at_once_loses_nothing(self, floor: Floor, hub: Hub) -> None:
        ear = Ear(hub, floor.scope.org_id)
        sessions = [new_id() for _ in range(60)]

        async def revoke(session_id: UUID) -> None:
            async with begin(floor.scope) as work:
                work.emit(SessionRevoked(session_id=session_id))

        await asyncio.gather(*(revoke(session_id) for session_id in sessions))

        await ear.until(lambda heard: len(heard) >= len(sessions))
        assert {event.session_id for event in ear.events() if isinstance(event, SessionRevoked)} == set(sessions)
        assert len(ear.heard) == len(sessions)


class TestRollback:
    async def test_delivers_nothing(self, floor: Floor, hub: Hub) -> None:
        ear = Ear(hub, floor.scope.org_id)

        async def fail() -> None:
            async with begin(floor.scope) as work:
                work.emit(PlantModelChanged(plant_id=floor.plant_id))
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        async with begin(floor.scope) as work:
            work.emit(PlantModelChanged(plant_id=new_id()))

        await ear.until(bool)
        await asyncio.sleep(QUIET_S)
        assert len(ear.heard) == 1


class TestForeignOrganization:
    async def test_never_hears_the_events_of_another(self, floor: Floor, other: Floor, hub: Hub) -> None:
        ours, theirs = Ear(hub, floor.scope.org_id), Ear(hub, other.scope.org_id)

        for owner in (floor, other, floor, other):
            async with begin(owner.scope) as work:
                work.emit(PlantModelChanged(plant_id=owner.plant_id))

        await ours.until(lambda heard: len(heard) >= 2)
        await theirs.until(lambda heard: len(heard) >= 2)
        assert {event.plant_id for event in ours.events() if isinstance(event, PlantModelChanged)} == {floor.plant_id}
        assert {event.plant_id for event in theirs.events() if isinstance(event, PlantModelChanged)} == {other.plant_id}

    async def test_cannot_send_in_the_name_of_another(self, floor: Floor, other: Floor) -> None:
        message = encode(other.scope, PlantModelChanged(plant_id=floor.plant_id))

        assert decode(message)[0] == other.scope.org_id


class TestUnsubscribe:
    async def test_ends_the_hearing_and_may_be_called_again(self, floor: Floor) -> None:
        hub = Hub()
        ear, stays = Ear(hub, floor.scope.org_id), Ear(hub, floor.scope.org_id)

        ear.unsubscribe()
        ear.unsubscribe()
        hub.deliver(floor.scope.org_id, PlantModelChanged(plant_id=floor.plant_id))

        assert (len(ear.heard), len(stays.heard)) == (0, 1)


class TestListenerThatFails:
    async def test_keeps_nobody_else_from_hearing(self, floor: Floor, hub: Hub) -> None:
        def fail(_: Event | None) -> None:
            raise RuntimeError("this screen is broken")

        hub.subscribe(floor.scope.org_id, fail)
        hub.on_any_event(lambda _org, event: fail(event))
        ear = Ear(hub, floor.scope.org_id)
        for _ in range(2):
            async with begin(floor.scope) as work:
                work.emit(PlantModelChanged(plant_id=new_id()))

        await ear.until(lambda heard: len(heard) == 2)
        hub.resync()
        assert ear.heard[-1] is None


class TestUnknownMessages:
    @pytest.mark.parametrize(
        "message",
        [
            '{"org": "%s", "topic": "future.thing.happened", "event": {"id": 1}}',
            '{"org": "%s", "topic": "plant.model.changed", "event": {"plant_id": "%s", "new_field": 1}}',
            '{"org": "%s", "topic": "plant.model.changed", "event": {"plant_id": "no uuid"}}',
            '{"org": "nobody", "topic": "plant.model.changed", "event": {}}',
            '{"event": {}}',
            "[]",
            '"x"',
        ],
    )
    async def test_of_a_newer_version_do_not_stop_the_pump(
        self, floor: Floor, hub: Hub, app_connection: Connection, message: str
    ) -> None:
        org_id = floor.scope.org_id
        ear = Ear(hub, org_id)

        await app_connection.execute(
            "SELECT pgmq.send_topic('plant.model.changed', $1::jsonb)", message.replace("%s", str(org_id))
        )
        async with begin(floor.scope) as work:
            work.emit(PlantModelChanged(plant_id=floor.plant_id))

        await ear.until(lambda heard: PlantModelChanged(plant_id=floor.plant_id) in heard)

    async def test_tell_the_screens_to_load_again(self, floor: Floor, hub: Hub, app_connection: Connection) -> None:
        ear = Ear(hub, floor.scope.org_id)

        await app_connection.execute(
            "SELECT pgmq.send_topic('plant.model.changed', '{\"topic\": \"plant.model.changed\"}'::jsonb)"
        )

        await ear.until(lambda heard: None in heard)


class TestLostConnection:
    async def test_misses_nothing(self, floor: Floor, hub: Hub, superuser_connection: Connection) -> None:
        ear = Ear(hub, floor.scope.org_id)
        source: list[bool] = []
        hub.on_source(source.append)

        await superuser_connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'unison pump'"
            " AND datname = current_database()"
        )
        async with begin(floor.scope) as work:
            work.emit(PlantModelChanged(plant_id=floor.plant_id))

        await ear.until(lambda heard: None in heard)
        async with begin(floor.scope) as work:
            work.emit(PlantModelChanged(plant_id=new_id()))
        await ear.until(lambda heard: heard[-1] is not None)
        assert source == [False, True]
        assert hub.is_live

    async def test_is_made_again_as_often_as_it_takes(
        self, floor: Floor, hub: Hub, superuser_connection: Connection
    ) -> None:
        ear = Ear(hub, floor.scope.org_id)
        for times in range(1, 4):
            await superuser_connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'unison pump'"
                " AND datname = current_database()"
            )
            await ear.until(lambda heard, times=times: heard.count(None) >= times)  # type: ignore[misc]

        async with begin(floor.scope) as work:
            work.emit(PlantModelChanged(plant_id=floor.plant_id))
        await ear.until(lambda heard: heard[-1] is not None)


class TestPumpWithoutADatabase:
    async def test_tries_until_it_is_there(self, app_url: str) -> None:
        hub = Hub()
        absent = Pump("postgresql://unison_app@/unison?host=/nonexistent", hub)

        async with running(absent) as task:
            await asyncio.sleep(0.5)

            assert not task.done()
            assert not hub.is_live


class TestReaping:
    async def test_of_a_queue_whose_process_lives_opens_it_again(
        self, floor: Floor, app_url: str, superuser_connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pump_module, "HEARTBEAT_S", 0.05)
        hub = Hub()
        pump = Pump(app_url, hub)
        ear = Ear(hub, floor.scope.org_id)
        async with running(pump):
            await ear.until(lambda heard: heard.count(None) == 1)

            await superuser_connection.execute("SELECT app.close_live_queue($1)", pump.queue)
            await ear.until(lambda heard: heard.count(None) == 2)
            row = await superuser_connection.fetchrow(
                "SELECT closed_at FROM app.server_processes WHERE queue = $1", pump.queue
            )
            async with begin(floor.scope) as work:
                work.emit(PlantModelChanged(plant_id=floor.plant_id))
            await ear.until(lambda heard: heard[-1] is not None)
            await asyncio.sleep(0.3)

            assert row is not None
            assert row["closed_at"] is None
            assert ear.heard.count(None) == 2

    async def test_of_a_queue_that_was_dropped_opens_it_again(
        self, floor: Floor, hub: Hub, pump: str, superuser_connection: Connection
    ) -> None:
        ear = Ear(hub, floor.scope.org_id)

        async with superuser_connection.transaction():
            await superuser_connection.execute("DELETE FROM app.server_processes WHERE queue = $1", pump)
            await superuser_connection.execute("SELECT pgmq.drop_queue($1)", pump)

        await ear.until(lambda heard: None in heard)
        async with begin(floor.scope) as work:
            work.emit(PlantModelChanged(plant_id=floor.plant_id))
        await ear.until(lambda heard: heard[-1] is not None)

    async def test_of_dead_processes_unbinds_first_and_drops_later(self, app_connection: Connection) -> None:
        queue = f"live_{new_id().hex[-12:]}"
        await app_connection.execute("SELECT app.open_live_queue($1, $2)", queue, ["#"])
        await asyncio.sleep(0.05)

        await app_connection.execute("SELECT app.reap_live_queues('20 milliseconds')")
        bound = await app_connection.fetchval("SELECT count(*) FROM pgmq.topic_bindings WHERE queue_name = $1", queue)
        exists = await app_connection.fetchval("SELECT to_regclass('pgmq.q_' || $1) IS NOT NULL", queue)
        await asyncio.sleep(0.05)
        reaped = await app_connection.fetchval("SELECT app.reap_live_queues('20 milliseconds')")

        gone = await app_connection.fetchval("SELECT to_regclass('pgmq.q_' || $1) IS NULL", queue)
        assert (bound, exists) == (0, True)
        assert (reaped >= 1, gone) == (True, True)

    async def test_leaves_the_jobs_alone(self, app_connection: Connection) -> None:
        await app_connection.execute("SELECT app.close_live_queue('jobs')")
        with pytest.raises(Exception, match="a live queue is named"):
            await app_connection.execute("SELECT app.open_live_queue('jobs', '{#}')")

        assert await app_connection.fetchval("SELECT to_regclass('pgmq.q_jobs') IS NOT NULL")


class TestEndOfAProcess:
    async def test_unbinds_its_queue_so_that_writers_stop_sending(
        self, app_url: str, superuser_connection: Connection
    ) -> None:
        hub = Hub()
        pump = Pump(app_url, hub)
        live = asyncio.Event()
        hub.on_source(lambda is_live: live.set() if is_live else None)
        async with running(pump):
            await asyncio.wait_for(live.wait(), SOON_S)

        bound = await superuser_connection.fetchval(
            "SELECT count(*) FROM pgmq.topic_bindings WHERE queue_name = $1", pump.queue
        )
        assert bound == 0

    async def test_lets_writers_write_while_nobody_listens(self, scope: Scope) -> None:
        async with begin(scope) as work:
            work.emit(PlantModelChanged(plant_id=new_id()))
