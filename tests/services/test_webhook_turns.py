"""Receivers that hang hold up nobody else: neither other organizations, nor other receivers, nor jobs."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from domain.identity.roles import Role
from services.db.engine import without_tenant
from services.db.work import Work, begin
from services.jobs.registry import REGISTRY, Job, does, enqueue
from services.jobs.worker import work_forever
from services.webhooks.courier import deliver_due, tell_webhooks_forever
from services.webhooks.deliveries import PER_ORGANIZATION, PER_WEBHOOK, RESERVED, SLOTS, take_deliveries
from services.webhooks.dispatching import dispatch_events
from tests.factories import Connection, Floor
from tests.services.receivers import Receiver, due_now, happen, listening, made

MESSAGES = 30
SOON_S = 2.0
"""Another organization's message arrives within this time of its commit, whatever hangs; 0.3 s on two busy cores."""


class Ring(Job):
    """Ring a bell."""

    name = "tests.bell.ring"


@pytest.fixture
async def bell() -> AsyncIterator[asyncio.Event]:
    """Rings when the job is done."""
    rung = asyncio.Event()

    @does(Ring)
    async def ring(work: Work, job: Ring) -> None:
        rung.set()

    yield rung
    del REGISTRY[Ring.name]


@asynccontextmanager
async def working() -> AsyncIterator[None]:
    """Run what a worker runs."""
    running = [asyncio.create_task(work_forever()), asyncio.create_task(tell_webhooks_forever())]
    yield
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def happen_often(floor: Floor, messages: int = MESSAGES) -> None:
    """Commit many events."""
    for _ in range(messages):
        await happen(floor)


class TestReceiversThatHang:
    async def test_delay_neither_another_organizations_messages_nor_jobs(
        self, floor: Floor, other: Floor, receiver: Receiver, bell: asyncio.Event, superuser_connection: Connection
    ) -> None:
        await superuser_connection.execute("DELETE FROM pgmq.q_jobs")  # what other tests left would come first
        async with listening() as slow:
            slow.wait = asyncio.Event()
            for _ in range(5):
                await made(floor.acting_as(Role.ADMIN), slow.url)
            await made(other.acting_as(Role.ADMIN), receiver.url)
            async with working():
                await happen_often(floor)
                await slow.has_heard(PER_ORGANIZATION)

                began = time.monotonic()
                await happen(other)
                await receiver.has_heard(1)
                took_s = time.monotonic() - began
                async with begin(floor.scope) as work:
                    await enqueue(work, Ring())
                async with asyncio.timeout(5):
                    await bell.wait()

                assert took_s < SOON_S
                assert len(slow.heard) == PER_ORGANIZATION  # it hangs still, and got no more than its share

    async def test_leave_places_to_the_other_receivers_of_their_organization(
        self, floor: Floor, receiver: Receiver
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        async with listening() as slow:
            slow.wait = asyncio.Event()
            await made(admin, slow.url)
            await made(admin, receiver.url)
            async with working():
                await happen_often(floor)

                await receiver.has_heard(MESSAGES)

                assert len(slow.heard) == PER_WEBHOOK

    async def test_get_one_message_at_a_time_after_they_failed(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        await made(floor.acting_as(Role.ADMIN), receiver.url)
        receiver.status = 503
        await happen(floor)
        await dispatch_events()
        await deliver_due()
        await happen_often(floor)
        await dispatch_events()

        failing = len(await take_deliveries())
        await due_now(superuser_connection)
        receiver.status = 200
        await deliver_due()
        mended = len(await take_deliveries())

        assert (failing, mended) == (1, PER_WEBHOOK)


class TestTurns:
    async def test_are_shared_between_organizations_however_much_each_has_waiting(
        self, floor: Floor, other: Floor, receiver: Receiver
    ) -> None:
        for place, hooks, events in ((floor, 6, 40), (other, 1, 2)):
            for _ in range(hooks):
                await made(place.acting_as(Role.ADMIN), receiver.url)
            await happen_often(place, events)
        await dispatch_events()

        first = Counter(one.scope.org_id for one in await take_deliveries(RESERVED + 4))
        second = Counter(one.scope.org_id for one in await take_deliveries(SLOTS))

        assert first == {floor.scope.org_id: 2, other.scope.org_id: 2}
        assert second == {floor.scope.org_id: PER_ORGANIZATION - 2}

    async def test_keep_the_last_places_for_who_has_none(self, floor: Floor, other: Floor, receiver: Receiver) -> None:
        for place in (floor, other):
            for _ in range(2):
                await made(place.acting_as(Role.ADMIN), receiver.url)
        await happen_often(floor)
        await dispatch_events()
        await take_deliveries(RESERVED + 1)
        await happen_often(other)
        await dispatch_events()

        taken = await take_deliveries(RESERVED)

        assert [one.scope.org_id for one in taken] == [other.scope.org_id]

    async def test_are_taken_once_by_many_at_once(self, floor: Floor, other: Floor, receiver: Receiver) -> None:
        for place in (floor, other):
            await made(place.acting_as(Role.ADMIN), receiver.url)
            await happen_often(place)
        await dispatch_events()

        both = await asyncio.gather(*(take_deliveries() for _ in range(6)))

        taken = [one.delivery_id for some in both for one in some]
        assert (len(taken), len(set(taken))) == (2 * PER_WEBHOOK, 2 * PER_WEBHOOK)

    async def test_come_back_when_whoever_took_them_is_gone(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        await made(floor.acting_as(Role.ADMIN), receiver.url)
        await happen(floor)
        await dispatch_events()
        first = await take_deliveries()

        meanwhile = await take_deliveries()
        await superuser_connection.execute("UPDATE webhook_deliveries SET held_until = now() - interval '1 second'")

        assert (meanwhile, await take_deliveries()) == ([], first)

    async def test_leave_no_organization_behind_in_the_transaction(self, floor: Floor, receiver: Receiver) -> None:
        await made(floor.acting_as(Role.ADMIN), receiver.url)
        await happen(floor)
        await dispatch_events()

        async with without_tenant() as connection:
            await connection.execute(text("SELECT * FROM app.take_deliveries(9, 0, 9, 9, interval '1 minute')"))
            left = await connection.scalar(text("SELECT current_setting('app.org_id')"))

        assert left == ""
