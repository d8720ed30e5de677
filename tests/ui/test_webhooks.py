"""Webhooks on the admin's desk."""

from domain.identity.roles import Role
from services.db.work import begin, read
from services.webhooks.webhooks import add_webhook, list_webhooks
from tests.factories import Floor
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
        await sees(admin, "https://erp.example.com/unison")
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
