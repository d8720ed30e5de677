"""Webhooks: signed, sent at least once, tried again, and never where they must not go."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest
from aiohttp import web
from sqlalchemy import select, update

from domain.errors import Conflict, Forbidden, NotFound
from domain.events import PlantModelChanged
from domain.identity.roles import Role
from domain.integration.webhooks import (
    GIVE_UP_AFTER_S,
    PAUSES_S,
    DeliveryState,
    InvalidTopics,
    InvalidWebhookUrl,
    WebhookIsOff,
    checked_url,
    pause_after,
)
from domain.scope import Scope
from services.adapters.guarded_http import may_be_reached
from services.adapters.webhook_posts import WebhookPosts
from services.db.engine import without_tenant
from services.db.tables import Webhook, WebhookDelivery
from services.db.work import begin, read
from services.jobs.registry import enqueue_for_system
from services.jobs.worker import work_once
from services.operations.features import switch_feature
from services.webhooks.deliveries import DispatchEvents, dispatch_events
from services.webhooks.sending import WebhookDoor, use_webhooks
from services.webhooks.webhooks import (
    DeliveryInfo,
    MadeWebhook,
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
from tests.api.doors import KEY
from tests.factories import Connection, Floor

TOPIC = "plant.model.changed"
NOBODY = """
DELETE FROM pgmq.q_jobs; DELETE FROM pgmq.a_jobs; DELETE FROM pgmq.q_webhook_events; DELETE FROM app.webhook_users;
DELETE FROM pgmq.topic_bindings WHERE queue_name = 'webhook_events';
"""
"""What earlier tests have left: their organizations would hear of events too."""


@dataclass
class Receiver:
    """A real HTTP server on this computer, and what it was told."""

    url: str = ""
    status: int = 200
    answer: bytes = b"ok"
    location: str = ""
    wait: "asyncio.Event | None" = None
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append((dict(request.headers), await request.read()))
        if self.wait is not None:
            await self.wait.wait()
        headers = {"Location": self.location} if self.location else None
        return web.Response(status=self.status, body=self.answer, headers=headers)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """The receiver, listening."""
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/{path:.*}", receiver.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server: Any = site._server
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/unison"
    yield receiver
    if receiver.wait is not None:
        receiver.wait.set()
    await runner.cleanup()


@pytest.fixture(autouse=True)
async def _door(superuser_connection: Connection) -> AsyncIterator[None]:
    """A way out that may reach this computer, and empty queues."""
    await superuser_connection.execute(NOBODY)
    use_webhooks(WebhookDoor.of("s" * 40, WebhookPosts(may_be_private=True), may_be_private=True))
    yield
    use_webhooks(WebhookDoor.of(KEY, WebhookPosts(may_be_private=False), may_be_private=False))
    await superuser_connection.execute(NOBODY)


async def made(scope: Scope, url: str, *topics: str) -> MadeWebhook:
    """Register a webhook."""
    async with begin(scope) as work:
        return await add_webhook(work, url=url, topics=topics or ("*.*.*",))


async def happen(floor: Floor) -> None:
    """Commit an event of the floor's organization."""
    async with begin(floor.scope) as work:
        work.emit(PlantModelChanged(plant_id=floor.plant_id))


async def dispatch() -> None:
    """Turn what happened into deliveries."""
    async with without_tenant() as connection:
        await dispatch_events(connection, DispatchEvents())


async def log_of(scope: Scope, hook: MadeWebhook) -> tuple[DeliveryInfo, ...]:
    """Return the log of a webhook."""
    async with read(scope) as work:
        return (await list_deliveries(work, webhook_id=hook.webhook.id)).items


async def due_now(connection: Connection) -> None:
    """Let the time of every next attempt come."""
    await connection.execute("UPDATE pgmq.q_jobs SET vt = now() - interval '1 second'")


class TestSending:
    async def test_tells_a_receiver_in_a_message_that_it_can_verify(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url, "plant.*.*")

        await happen(floor)
        await dispatch()
        await work_once()

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

    async def test_is_done_by_the_worker_and_leaves_nothing_in_its_queues(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        await made(floor.acting_as(Role.ADMIN), receiver.url)
        await happen(floor)
        async with without_tenant() as connection:
            await enqueue_for_system(connection, DispatchEvents())

        assert [await work_once(), await work_once(), await work_once()] == [1, 1, 0]

        assert len(receiver.heard) == 1
        for queue in ("q_jobs", "a_jobs", "q_webhook_events"):
            assert await superuser_connection.fetchval(f"SELECT count(*) FROM pgmq.{queue}") == 0, queue

    async def test_goes_on_for_others_where_one_organization_fails(
        self, floor: Floor, other: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        await made(floor.acting_as(Role.ADMIN), receiver.url)
        hook = await made(other.acting_as(Role.ADMIN), receiver.url)
        await happen(floor)
        await superuser_connection.execute('UPDATE pgmq.q_webhook_events SET message = message || \'{"topic": "x"}\'')
        await happen(other)

        with pytest.raises(ValueError, match="zip"):
            await dispatch()

        assert len(await log_of(other.acting_as(Role.ADMIN), hook)) == 1

    async def test_waits_while_the_organization_is_suspended(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        await happen(floor)
        await dispatch()
        suspend = "SELECT set_config('app.org_id', $1, false), set_config('app.plant_ids', '*', false)"
        await superuser_connection.execute("ALTER TABLE organizations DISABLE TRIGGER USER")
        await superuser_connection.fetch(suspend, str(floor.scope.org_id))
        await superuser_connection.execute(
            "UPDATE organizations SET is_active = false WHERE id = $1", floor.scope.org_id
        )
        await superuser_connection.execute("ALTER TABLE organizations ENABLE TRIGGER USER")

        await work_once()

        assert receiver.heard == []
        assert [one.attempts for one in await log_of(admin, hook)] == [0]

    async def test_leaves_the_version_alone_that_people_edit(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        receiver.status = 500
        await happen(floor)
        await dispatch()
        await work_once()

        async with read(admin) as work:
            shown = await get_webhook(work, hook.webhook.id)
        assert (shown.version, shown.failing_since is not None) == (1, True)

    async def test_tells_only_of_topics_that_are_wanted(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url, "andon.*.*")

        await happen(floor)
        await dispatch()

        assert await log_of(admin, hook) == ()

    async def test_tells_nobody_while_the_feature_is_off(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        await happen(floor)
        await dispatch()

        async with begin(admin) as work:
            await switch_feature(work, feature="webhooks", is_on=False, version=0)
        await happen(floor)
        await dispatch()
        await work_once()

        assert receiver.heard == []
        assert [(one.state, one.answer) for one in await log_of(admin, hook)] == [
            (DeliveryState.FAILED, "switched off")
        ]
        async with read(floor.scope) as work:
            assert (await work.session.scalars(select(Webhook.failing_since))).all() == [None]

    async def test_keeps_no_events_while_nobody_has_a_webhook(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        count = "SELECT count(*) FROM pgmq.q_webhook_events"
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
        await dispatch()

        await work_once()
        waiting = (await log_of(admin, hook))[0]
        assert await work_once() == 0  # not before its pause is over
        await due_now(superuser_connection)
        receiver.status = 200
        await work_once()
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
        await dispatch()

        for _ in range(len(PAUSES_S) + 3):
            await due_now(superuser_connection)
            await work_once()

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
        await dispatch()
        await work_once()

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

        await asyncio.gather(dispatch(), dispatch(), dispatch())

        assert len(await log_of(admin, hook)) == 5
        assert await superuser_connection.fetchval("SELECT count(*) FROM pgmq.q_webhook_events") == 0

    async def test_sends_again_what_a_killed_worker_was_sending(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        receiver.wait = asyncio.Event()
        await happen(floor)
        await dispatch()
        killed = asyncio.create_task(work_once())
        async with asyncio.timeout(10):
            while not receiver.heard:  # noqa: ASYNC110 - the receiver announces nothing
                await asyncio.sleep(0.02)
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
        receiver.wait.set()
        receiver.wait = None

        await due_now(superuser_connection)
        await work_once()

        assert len(receiver.heard) == 2
        assert receiver.heard[0][1] == receiver.heard[1][1]
        assert [one.state for one in await log_of(admin, hook)] == [DeliveryState.DELIVERED]

    async def test_goes_where_it_is_sent_and_not_where_it_is_led(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        receiver.status, receiver.location = 302, f"{receiver.url}/elsewhere"
        await happen(floor)
        await dispatch()

        await work_once()

        delivery = (await log_of(admin, hook))[0]
        assert (delivery.state, delivery.status, len(receiver.heard)) == (DeliveryState.WAITING, 302, 1)

    async def test_reads_the_beginning_of_a_huge_answer_only(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        receiver.answer = b"\x00" + b"x" * 20_000_000
        await happen(floor)
        await dispatch()

        await work_once()

        delivery = (await log_of(admin, hook))[0]
        assert (delivery.state, len(delivery.answer)) == (DeliveryState.DELIVERED, 500)

    async def test_says_why_a_receiver_was_not_reached(self, floor: Floor, receiver: Receiver) -> None:
        use_webhooks(WebhookDoor.of("s" * 40, WebhookPosts(may_be_private=False), may_be_private=True))
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url.replace("127.0.0.1", "localhost"))
        await happen(floor)
        await dispatch()

        await work_once()

        delivery = (await log_of(admin, hook))[0]
        assert (delivery.status, receiver.heard) == (None, [])
        assert "no address that may be reached" in delivery.answer


class TestReplay:
    async def test_sends_the_same_event_again_under_a_number_of_its_own(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        await happen(floor)
        await dispatch()
        await work_once()
        first = (await log_of(admin, hook))[0]

        async with begin(admin) as work:
            again = await replay_delivery(work, delivery_id=first.id)
        await work_once()

        assert again != first.id
        assert receiver.heard[0][1] == receiver.heard[1][1]

    async def test_ping_tells_that_it_works(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url, "andon.*.*")

        async with begin(admin) as work:
            await ping_webhook(work, webhook_id=hook.webhook.id)
        await work_once()

        assert receiver.heard[0][0]["Unison-Event"] == "integration.webhook.ping"


class TestSecrets:
    async def test_are_shown_once_and_kept_sealed(self, floor: Floor, receiver: Receiver) -> None:
        hook = await made(floor.acting_as(Role.ADMIN), receiver.url)

        async with read(floor.scope) as work:
            row = (await work.session.scalars(select(Webhook))).one()
            audit = await work.fetch("SELECT after::text AS after FROM audit_log WHERE table_name = 'webhooks'")
        assert hook.secret.encode() not in row.secret
        assert all("secret" not in entry["after"] for entry in audit)

    async def test_change_for_the_next_attempt(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        await happen(floor)
        await dispatch()

        async with begin(admin) as work:
            new = await rotate_secret(work, webhook_id=hook.webhook.id, version=1)
        await work_once()

        headers, body = receiver.heard[0]
        at = headers["Unison-Signature"].partition(",")[0].partition("=")[2]
        wanted = hmac.new(new.secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        assert headers["Unison-Signature"].endswith(wanted)


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "::1",
            "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fc00::1", "ff02::1", "224.0.0.1",
            "::127.0.0.1", "::10.0.0.1", "::ffff:0:127.0.0.1", "fec0::1", "192.0.0.192", "168.63.129.16",
            "fd00:ec2::254", "64:ff9b::7f00:1", "2002:7f00:1::", "255.255.255.255",
        ],
    )  # fmt: skip
    def test_of_the_inside_are_not_reached(self, address: str) -> None:
        assert not may_be_reached(address, may_be_private=False)

    @pytest.mark.parametrize("address", ["192.0.0.192", "169.254.169.254", "fd00:ec2::254", "::10.0.0.1"])
    def test_of_machines_secrets_never_are(self, address: str) -> None:
        assert not may_be_reached(address, may_be_private=True)

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "fd12::1"])
    def test_of_the_inside_are_where_the_installation_allows_it(self, address: str) -> None:
        assert may_be_reached(address, may_be_private=True)

    @pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
    def test_of_the_outside_are(self, address: str) -> None:
        assert may_be_reached(address, may_be_private=False)

    @pytest.mark.parametrize(
        "url",
        [
            "", "x", "ftp://example.com", "http://example.com", "https://", "https://user:pw@example.com",
            "https://example.com/#x", "https://example.com:99999", "https://exa mple.com", "https://[::1",
            "javascript:alert(1)", "https://example.com/" + "x" * 3000, "https://example.com/\x00",
        ],
    )  # fmt: skip
    def test_must_be_addresses_that_can_be_sent_to(self, url: str) -> None:
        with pytest.raises(InvalidWebhookUrl):
            checked_url(url, may_be_plain=False)


class TestWebhooks:
    @pytest.mark.parametrize("topics", [[], ["x"], ["plant"], ["nothing.at.all"], ["*.*.*"] * 1 + ["a.b"]])
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
        await dispatch()
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
        await dispatch()

        async with begin(admin) as work:
            await remove_webhook(work, webhook_id=hook.webhook.id, version=1)
        await work_once()

        async with read(admin) as work:
            assert (await work.session.scalars(select(WebhookDelivery))).all() == []
        assert receiver.heard == []
