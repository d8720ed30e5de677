"""Secrets of webhooks: shown once, kept sealed, changed without losing a message."""

import hashlib
import hmac
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from domain.identity.roles import Role
from domain.integration.webhooks import DeliveryReason, DeliveryState, InvalidOverlap
from domain.scope import Scope
from services.db.tables import Webhook
from services.db.work import begin, read
from services.webhooks.courier import deliver_due
from services.webhooks.dispatching import dispatch_events
from services.webhooks.sending import use_webhooks
from services.webhooks.webhooks import MadeWebhook, get_webhook, rotate_secret
from tests.factories import Connection, Floor
from tests.services.receivers import Receiver, door, due_now, happen, log_of, made

DAY_S = 86_400


async def rotated(scope: Scope, hook: MadeWebhook, *, overlap_s: int = 0) -> MadeWebhook:
    """Make a new secret."""
    async with begin(scope) as work:
        return await rotate_secret(work, webhook_id=hook.webhook.id, version=hook.webhook.version, overlap_s=overlap_s)


def signatures(receiver: Receiver, *, message: int = -1) -> tuple[list[str], bytes]:
    """Return the signatures of a message and what was signed."""
    headers, body = receiver.heard[message]
    at, *given = (part.partition("=")[2] for part in headers["Unison-Signature"].split(","))
    return given, f"{at}.".encode() + body


def signed(secret: str, what: bytes) -> str:
    """Sign as a receiver does to compare."""
    return hmac.new(secret.encode(), what, hashlib.sha256).hexdigest()


class TestSecrets:
    async def test_are_shown_once_and_kept_sealed(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        await rotated(admin, hook, overlap_s=DAY_S)

        async with read(floor.scope) as work:
            row = (await work.session.scalars(select(Webhook))).one()
            audit = await work.fetch("SELECT after FROM audit_log WHERE table_name = 'webhooks'")
        assert hook.secret.encode() not in row.secret + (row.old_secret or b"")
        assert len(audit) == 2
        assert all(set(entry["after"]) & {"secret", "old_secret"} == set() for entry in audit)

    async def test_change_for_the_next_attempt(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        await happen(floor)
        await dispatch_events()

        new = await rotated(admin, hook)
        await deliver_due()

        given, what = signatures(receiver)
        assert given == [signed(new.secret, what)]

    async def test_stand_side_by_side_for_as_long_as_was_chosen(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)

        new = await rotated(admin, hook, overlap_s=DAY_S)
        await happen(floor)
        await dispatch_events()
        await deliver_due()
        both, what = signatures(receiver)
        async with read(admin) as work:
            meanwhile, began = await get_webhook(work, hook.webhook.id), work.now
        async with begin(floor.scope) as work:
            await work.session.execute(update(Webhook).values(old_secret_until=work.now))
        await happen(floor)
        await dispatch_events()
        await deliver_due()
        afterwards, later = signatures(receiver)

        assert both == [signed(new.secret, what), signed(hook.secret, what)]
        assert meanwhile.old_secret_until is not None
        assert timedelta(hours=23) < meanwhile.old_secret_until - began <= timedelta(hours=24)
        assert afterwards == [signed(new.secret, later)]
        async with read(floor.scope) as work:
            assert (await work.session.scalars(select(Webhook.old_secret))).all() == [None]

    async def test_changed_again_let_only_the_one_before_go_on(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        first = await made(admin, receiver.url)
        second = await rotated(admin, first, overlap_s=3_600)
        third = await rotated(admin, second, overlap_s=3_600)
        last = await rotated(admin, third)

        await happen(floor)
        await dispatch_events()
        await deliver_due()

        given, what = signatures(receiver)
        assert given == [signed(last.secret, what)]
        assert last.webhook.old_secret_until is None

    @pytest.mark.parametrize("overlap_s", [-1, 1, 10**12])
    async def test_go_on_for_times_that_are_offered(self, overlap_s: int, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)

        with pytest.raises(InvalidOverlap):
            await rotated(admin, hook, overlap_s=overlap_s)


class TestChangeOfTheInstallationsKey:
    async def test_fails_messages_until_there_is_a_new_secret_and_sends_them_then(
        self, floor: Floor, receiver: Receiver, superuser_connection: Connection
    ) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        await happen(floor)
        await dispatch_events()
        use_webhooks(door("another key of the installation, 40 chars"))

        await deliver_due()
        failed = (await log_of(admin, hook))[0]
        async with read(admin) as work:
            lost = await get_webhook(work, hook.webhook.id)
        new = await rotated(admin, hook, overlap_s=DAY_S)
        waiting = (await log_of(admin, hook))[0]
        await due_now(superuser_connection)
        await deliver_due()

        assert (failed.state, failed.reason, failed.next_at) == (DeliveryState.FAILED, DeliveryReason.SECRET_LOST, None)
        assert (lost.can_sign, lost.failing_since) == (False, None)
        assert (waiting.state, waiting.reason, waiting.ended_at) == (DeliveryState.WAITING, None, None)
        assert (new.webhook.can_sign, new.webhook.old_secret_until) == (True, None)
        given, what = signatures(receiver)
        assert given == [signed(new.secret, what)]
        assert [one.state for one in await log_of(admin, hook)] == [DeliveryState.DELIVERED]
