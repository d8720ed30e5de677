"""Webhooks on the admin's desk."""

from datetime import timedelta

from nicegui import ui

from domain.identity.roles import Role
from services.db.work import begin, read
from services.webhooks.courier import deliver_due
from services.webhooks.dispatching import dispatch_events
from services.webhooks.sending import use_webhooks
from services.webhooks.webhooks import add_webhook, list_webhooks, remove_webhook
from tests.factories import Connection, Floor
from tests.services.receivers import TOPIC, door, due_now, happen, listening, made, way_out
from tests.ui.conftest import SignIn, sees


class TestWebhooksPage:
    async def test_adds_a_webhook_and_shows_its_secret_once(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/webhooks")
        await sees(admin, "There are no webhooks yet.")

        admin.find(marker="add-webhook").click()
        admin.find(marker="field-url").type("https://erp.example.com/unison")
        admin.find(marker="save").click()
        await sees(admin, "The webhook's secret")
        admin.find(marker="kept").click()
        await admin.should_see(marker="ping", retries=60)
        admin.find("https://erp.example.com/unison")
        admin.find(marker="ping").click()

        await sees(admin, "integration.webhook.ping")

    async def test_says_at_the_field_what_is_wrong(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/webhooks")

        admin.find(marker="add-webhook").click()
        admin.find(marker="field-url").type("ftp://example.com")
        admin.find(marker="save").click()

        await sees(admin, "A webhook needs an address such as")

    async def test_keeps_topics_that_its_form_does_not_offer(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await add_webhook(work, url="https://erp.example.com", topics=["andon.call.*"])
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/webhooks")

        admin.find(marker="edit-webhook").click()
        admin.find(marker="save").click()
        await sees(admin, "Saved")

        async with read(floor.acting_as(Role.ADMIN)) as work:
            assert [hook.topics for hook in await list_webhooks(work)] == [("andon.call.*",)]


class TestLiveWebhooksPage:
    async def test_shows_what_becomes_of_messages_and_of_the_receiver_while_it_is_open(
        self, floor: Floor, sign_in: SignIn, superuser_connection: Connection
    ) -> None:
        async with way_out(superuser_connection), listening() as receiver:
            receiver.status, receiver.answer = 503, b"busy"
            await made(floor.acting_as(Role.ADMIN), receiver.url)
            admin = await sign_in(floor, Role.ADMIN)
            await admin.open("/admin/webhooks")
            await sees(admin, "Works")
            admin.find(marker="show-log").click()
            await sees(admin, "Nothing was sent yet.")

            await happen(floor)
            await dispatch_events()
            await sees(admin, TOPIC)
            row = next(iter(admin.find(marker="delivery").elements))
            await deliver_due()
            await sees(admin, "503 busy")
            await sees(admin, "Does not answer since")
            receiver.status, receiver.answer = 200, b"thanks"
            await due_now(superuser_connection)
            await deliver_due()

            await sees(admin, "200 thanks")
            await sees(admin, "Works")
            await sees(admin, "Taken")
            assert admin.find(marker="delivery").elements == {row}  # changed in place

    async def test_shows_webhooks_that_somebody_else_makes_and_removes(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/webhooks")
        await sees(admin, "There are no webhooks yet.")

        hook = await made(floor.acting_as(Role.ADMIN), "https://erp.example.com/a")
        await sees(admin, "https://erp.example.com/a")
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await remove_webhook(work, webhook_id=hook.webhook.id, version=1)

        await sees(admin, "There are no webhooks yet.")

    async def test_hears_nothing_of_another_organization(self, floor: Floor, other: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/webhooks")

        await made(other.acting_as(Role.ADMIN), "https://theirs.example.com")
        await made(floor.acting_as(Role.ADMIN), "https://ours.example.com")

        await sees(admin, "https://ours.example.com")
        await admin.should_not_see("https://theirs.example.com")

    async def test_says_in_the_readers_language_why_nothing_was_sent_and_what_to_do(
        self, floor: Floor, sign_in: SignIn, superuser_connection: Connection
    ) -> None:
        async with way_out(superuser_connection), listening() as receiver:
            await made(floor.acting_as(Role.ADMIN), receiver.url)
            await happen(floor)
            await dispatch_events()
            use_webhooks(door("another key of the installation, 40 chars"))
            await deliver_due()
            admin = await sign_in(floor, Role.ADMIN)
            admin.http_client.headers["accept-language"] = "de"
            await admin.open("/admin/webhooks")

            await sees(admin, "Kann nicht signieren")
            admin.find(marker="show-log").click()
            await sees(admin, "Erzeugen Sie ein neues Geheimnis")
            admin.find(marker="rotate").click()
            await sees(admin, "Das alte ist nicht mehr lesbar")
            admin.find(marker="save").click()
            await admin.should_see(marker="shown-once", retries=60)
            await due_now(superuser_connection)
            await deliver_due()

            await sees(admin, "Angenommen")
            assert len(receiver.heard) == 1


class TestNewSecret:
    async def test_is_asked_for_first_and_overlaps_for_a_day_unless_chosen_otherwise(
        self, floor: Floor, sign_in: SignIn
    ) -> None:
        scope = floor.acting_as(Role.ADMIN)
        await made(scope, "https://erp.example.com")
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/webhooks")

        admin.find(marker="rotate").click()
        await sees(admin, "every message carries two signatures")
        async with read(scope) as work:
            (asked,) = await list_webhooks(work)
        admin.find(marker="save").click()
        await sees(admin, "The webhook's secret")
        await sees(admin, "The old secret goes on until")

        async with read(scope) as work:
            (changed,) = await list_webhooks(work)
            assert (asked.version, asked.old_secret_until) == (1, None)
            assert changed.old_secret_until is not None
            assert timedelta(hours=23) < changed.old_secret_until - work.now < timedelta(hours=25)

    async def test_can_end_the_old_one_at_once(self, floor: Floor, sign_in: SignIn) -> None:
        scope = floor.acting_as(Role.ADMIN)
        await made(scope, "https://erp.example.com")
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/webhooks")

        admin.find(marker="rotate").click()
        await sees(admin, "every message carries two signatures")
        (overlap,) = admin.find(kind=ui.select, marker="field-overlap_s").elements
        overlap.set_value(0)
        admin.find(marker="save").click()
        await sees(admin, "The webhook's secret")

        async with read(scope) as work:
            (changed,) = await list_webhooks(work)
        assert (changed.version, changed.old_secret_until) == (2, None)
