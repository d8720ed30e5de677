"""Webhooks: signed, sent at least once, tried again, and kept apart."""

import asyncio
import hashlib
import hmac
import time
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select, update

from domain.errors import Conflict, Forbidden, NotFound
from domain.identity.roles import Role
from domain.integration.webhooks import (
    GIVE_UP_AFTER_S,
    PAUSES_S,
    DeliveryReason,
    DeliveryState,
    InvalidTopics,
    WebhookIsOff,
    pause_after,
)
from services.db.tables import Webhook, WebhookDelivery
from services.db.work import begin, read
from services.operations.features import switch_feature
from services.webhooks.courier import deliver_due
from services.webhooks.dispatching import dispatch_events
from services.webhooks.webhooks import (
    add_webhook,
    edit_webhook,
    get_webhook,
    list_deliveries,
    list_webhooks,
    ping_webhook,
    remove_webhook,
    replay_delivery,
    rotate_secret,
)
from tests.factories import Connection, Floor
from tests.services.receivers import TOPIC, Receiver, due_now, happen, log_of, made


class TestSending:
    async def test_tells_a_receiver_in_a_message_that_it_can_verify(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url, "plant.*.*")

        await happen(floor)
        await dispatch_events()
        await deliver_due()

        headers, body = receiver.heard[0]
        at, given = (part.partition("=")[2] for part in headers["Unison-Signature"].split(","))
        wanted = hmac.new(hook.secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        content = orjson.loads(body)
        assert hmac.compare_digest(wanted, given)
        assert abs(time.time() - int(at)) < 60
        assert (headers["Unison-Event"], headers["Content-Type"]) == (TOPIC, "application/json")
        assert (content["topic"], content["organization_id"]) == (TOPIC, str(floor.scope.org_id))
        assert content["event"] == {"plant_id": str(floor.plant_id)}
        delivery = (await log_of(admin, hook))[0]
        assert (delivery.state, delivery.attempts, delivery.status, delivery.answer) == (
            DeliveryState.DELIVERED, 1, 200, "ok",
        )  # fmt: skip
        assert headers["Unison-Delivery"] == str(delivery.id)

    async def test_leaves_nothing_in_the_queues(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        await made(floor.acting_as(Role.ADMIN), receiver.url)
        await happen(floor)
        await dispatch_events()

        assert [await deliver_due(), await deliver_due()] == [1, 0]

        assert (await dispatch_events(), await deliver_due(), len(receiver.heard)) == (0, 0, 1)  # pages alone hear more
        for queue in ("q_jobs", "a_jobs", "q_webhook_events"):
            assert await superuser_connection.fetchval(f"SELECT count(*) FROM pgmq.{queue}") == 0, queue

    async def test_goes_on_for_others_where_one_organization_fails(
        self, floor: Floor, other: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        await made(floor.acting_as(Role.ADMIN), receiver.url)
        hook = await made(other.acting_as(Role.ADMIN), receiver.url)
        await happen(floor)
        await superuser_connection.execute(
            'UPDATE pgmq.q_webhook_events SET message = message || \'{"topic": "x"}\''
            " WHERE message ->> 'org' = $1 AND message ->> 'topic' = $2",
            str(floor.scope.org_id), TOPIC,
        )  # fmt: skip
        await happen(other)

        with pytest.raises(ValueError, match="zip"):
            await dispatch_events()

        assert len(await log_of(other.acting_as(Role.ADMIN), hook)) == 1

    async def test_waits_while_the_organization_is_suspended(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        await happen(floor)
        await dispatch_events()
        suspend = "SELECT set_config('app.org_id', $1, false), set_config('app.plant_ids', '*', false)"
        await superuser_connection.execute("ALTER TABLE organizations DISABLE TRIGGER USER")
        await superuser_connection.fetch(suspend, str(floor.scope.org_id))
        await superuser_connection.execute(
            "UPDATE organizations SET is_active = false WHERE id = $1", floor.scope.org_id
        )
        await superuser_connection.execute("ALTER TABLE organizations ENABLE TRIGGER USER")

        await deliver_due()

        assert receiver.heard == []
        assert [one.attempts for one in await log_of(admin, hook)] == [0]

    async def test_leaves_the_version_alone_that_people_edit(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        receiver.status = 500
        await happen(floor)
        await dispatch_events()
        await deliver_due()

        async with read(admin) as work:
            shown = await get_webhook(work, hook.webhook.id)
        assert (shown.version, shown.failing_since is not None) == (1, True)

    async def test_tells_only_of_topics_that_are_wanted(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url, "andon.*.*")

        await happen(floor)
        await dispatch_events()

        assert await log_of(admin, hook) == ()

    async def test_tells_nobody_while_the_feature_is_off(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        await happen(floor)
        await dispatch_events()

        async with begin(admin) as work:
            await switch_feature(work, feature="webhooks", is_on=False, version=0)
        await happen(floor)
        await dispatch_events()
        await deliver_due()

        assert receiver.heard == []
        assert [(one.state, one.reason) for one in await log_of(admin, hook)] == [
            (DeliveryState.FAILED, DeliveryReason.FEATURE_OFF)
        ]
        async with read(floor.scope) as work:
            assert (await work.session.scalars(select(Webhook.failing_since))).all() == [None]

    async def test_keeps_no_events_while_nobody_has_a_webhook(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        count = f"SELECT count(*) FROM pgmq.q_webhook_events WHERE message ->> 'topic' = '{TOPIC}'"
        await happen(floor)
        without = await superuser_connection.fetchval(count)
        hook = await made(floor.acting_as(Role.ADMIN), receiver.url)
        await happen(floor)
        with_one = await superuser_connection.fetchval(count)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await edit_webhook(work, webhook_id=hook.webhook.id, version=1, is_active=False)
        await happen(floor)

        assert (without, with_one, await superuser_connection.fetchval(count)) == (0, 1, 1)

    async def test_tries_again_until_the_receiver_takes_it(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        receiver.status, receiver.answer = 503, b"busy"
        await happen(floor)
        await dispatch_events()

        await deliver_due()
        waiting = (await log_of(admin, hook))[0]
        assert await deliver_due() == 0  # not before its pause is over
        await due_now(superuser_connection)
        receiver.status = 200
        await deliver_due()
        done = (await log_of(admin, hook))[0]

        assert (waiting.state, waiting.attempts, waiting.status, waiting.answer) == (
            DeliveryState.WAITING, 1, 503, "busy",
        )  # fmt: skip
        assert waiting.next_at is not None
        assert (done.state, done.attempts, len(receiver.heard)) == (DeliveryState.DELIVERED, 2, 2)
        async with read(admin) as work:
            assert (await get_webhook(work, hook.webhook.id)).failing_since is None

    async def test_gives_a_message_up_after_its_last_attempt(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        receiver.status = 500
        await happen(floor)
        await dispatch_events()

        for _ in range(len(PAUSES_S) + 3):
            await due_now(superuser_connection)
            await deliver_due()

        delivery = (await log_of(admin, hook))[0]
        assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, len(PAUSES_S) + 1)
        assert 24 * 3600 < sum(PAUSES_S) < 30 * 3600
        assert pause_after(len(PAUSES_S) + 1) is None

    async def test_switches_a_webhook_off_that_fails_for_days(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        receiver.status = 500
        async with begin(floor.scope) as work:
            long_ago = work.now - timedelta(seconds=GIVE_UP_AFTER_S + 60)
            await work.session.execute(update(Webhook).values(failing_since=long_ago))

        await happen(floor)
        await dispatch_events()
        await deliver_due()

        async with begin(admin) as work:
            shown = await get_webhook(work, hook.webhook.id)
            assert (shown.is_active, shown.gave_up_at is not None) == (False, True)
            with pytest.raises(WebhookIsOff):
                await ping_webhook(work, webhook_id=shown.id)
            again = await edit_webhook(work, webhook_id=shown.id, version=shown.version, is_active=True)
        assert (again.is_active, again.failing_since, again.gave_up_at) == (True, None, None)

    async def test_makes_one_delivery_of_an_event_that_two_workers_take(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        for _ in range(5):
            await happen(floor)

        await asyncio.gather(dispatch_events(), dispatch_events(), dispatch_events())

        assert len(await log_of(admin, hook)) == 5
        left = "SELECT count(*) FROM pgmq.q_webhook_events WHERE message ->> 'topic' = $1"
        assert await superuser_connection.fetchval(left, TOPIC) == 0

    async def test_sends_again_what_a_killed_worker_was_sending(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        receiver.wait = asyncio.Event()
        await happen(floor)
        await dispatch_events()
        killed = asyncio.create_task(deliver_due())
        await receiver.has_heard(1)
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
        receiver.wait.set()
        receiver.wait = None

        await due_now(superuser_connection)
        await deliver_due()

        assert len(receiver.heard) == 2
        assert receiver.heard[0][1] == receiver.heard[1][1]
        assert [one.state for one in await log_of(admin, hook)] == [DeliveryState.DELIVERED]

    async def test_goes_where_it_is_sent_and_not_where_it_is_led(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        receiver.status, receiver.headers = 302, {"Location": f"{receiver.url}/elsewhere"}
        await happen(floor)
        await dispatch_events()

        await deliver_due()

        delivery = (await log_of(admin, hook))[0]
        assert (delivery.state, delivery.status, len(receiver.heard)) == (DeliveryState.WAITING, 302, 1)


class TestReplay:
    async def test_sends_the_same_event_again_under_a_number_of_its_own(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        await happen(floor)
        await dispatch_events()
        await deliver_due()
        first = (await log_of(admin, hook))[0]

        async with begin(admin) as work:
            again = await replay_delivery(work, delivery_id=first.id)
        await deliver_due()

        assert again != first.id
        assert receiver.heard[0][1] == receiver.heard[1][1]

    async def test_ping_tells_that_it_works(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url, "andon.*.*")

        async with begin(admin) as work:
            await ping_webhook(work, webhook_id=hook.webhook.id)
        await deliver_due()

        assert receiver.heard[0][0]["Unison-Event"] == "integration.webhook.ping"


class TestWebhooks:
    @pytest.mark.parametrize(
        "topics", [[], ["x"], ["plant"], ["nothing.at.all"], ["*.*.*"] * 1 + ["a.b"], ["integration.webhook.*"]]
    )
    async def test_want_topics_that_exist(self, topics: list[str], floor: Floor, receiver: Receiver) -> None:
        with pytest.raises(InvalidTopics):
            async with begin(floor.acting_as(Role.ADMIN)) as work:
                await add_webhook(work, url=receiver.url, topics=topics)

    async def test_are_for_admins(self, floor: Floor, receiver: Receiver) -> None:
        hook = await made(floor.acting_as(Role.ADMIN), receiver.url)

        for role in (Role.OPERATOR, Role.VIEWER, Role.TERMINAL):
            async with begin(floor.acting_as(role)) as work:
                with pytest.raises(Forbidden):
                    await list_webhooks(work)
                with pytest.raises(Forbidden):
                    await ping_webhook(work, webhook_id=hook.webhook.id)

    async def test_are_changed_by_one_of_two_at_once(self, floor: Floor, receiver: Receiver) -> None:
        hook = await made(floor.acting_as(Role.ADMIN), receiver.url)

        async def change(topic: str) -> None:
            async with begin(floor.acting_as(Role.ADMIN)) as work:
                await edit_webhook(work, webhook_id=hook.webhook.id, version=1, topics=[topic])

        both = await asyncio.gather(change("plant.*.*"), change("andon.*.*"), return_exceptions=True)

        assert sorted(type(one).__name__ for one in both) == ["Conflict", "NoneType"]
        assert any(isinstance(one, Conflict) for one in both)

    async def test_of_another_organization_do_not_exist_and_hear_nothing(
        self, floor: Floor, other: Floor, receiver: Receiver
    ) -> None:
        stranger = other.acting_as(Role.ADMIN)
        theirs = await made(stranger, receiver.url)
        mine = await made(floor.acting_as(Role.ADMIN), receiver.url)
        await happen(floor)
        await dispatch_events()
        delivery = (await log_of(floor.acting_as(Role.ADMIN), mine))[0]

        assert await log_of(stranger, theirs) == ()
        async with begin(stranger) as work:
            assert [one.id for one in await list_webhooks(work)] == [theirs.webhook.id]
            for attack in (
                get_webhook(work, mine.webhook.id),
                edit_webhook(work, webhook_id=mine.webhook.id, version=1, is_active=False),
                rotate_secret(work, webhook_id=mine.webhook.id, version=1),
                remove_webhook(work, webhook_id=mine.webhook.id, version=1),
                ping_webhook(work, webhook_id=mine.webhook.id),
                replay_delivery(work, delivery_id=delivery.id),
                list_deliveries(work, webhook_id=mine.webhook.id),
            ):
                with pytest.raises(NotFound):
                    await attack

    async def test_go_with_their_log(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        await happen(floor)
        await dispatch_events()

        async with begin(admin) as work:
            await remove_webhook(work, webhook_id=hook.webhook.id, version=1)
        await deliver_due()

        async with read(admin) as work:
            assert (await work.session.scalars(select(WebhookDelivery))).all() == []
        assert receiver.heard == []
