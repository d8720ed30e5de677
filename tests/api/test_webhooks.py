"""Webhooks over REST: secrets that overlap, and reasons by code."""

import httpx
import pytest

from domain.identity.roles import Role
from services.webhooks.courier import deliver_due
from services.webhooks.dispatching import dispatch_events
from services.webhooks.sending import use_webhooks
from tests.api.doors import V1, refused
from tests.factories import Connection, Floor
from tests.services.receivers import door as way_of
from tests.services.receivers import happen, listening, made, way_out

HOOKS = f"{V1}/webhooks/"


class TestNewSecret:
    @pytest.mark.parametrize("overlap_s", [0, 3_600, 86_400])
    async def test_lets_the_old_one_go_on_for_as_long_as_is_asked(
        self, overlap_s: int, admin: httpx.AsyncClient
    ) -> None:
        hook = (await admin.post(HOOKS, json={"url": "https://example.com", "topics": ["*.*.*"]})).json()
        asked = {"version": 1, "overlap_s": overlap_s} if overlap_s else {"version": 1}

        answer = (await admin.post(f"{HOOKS}{hook['webhook']['id']}/secret", json=asked)).json()

        assert answer["secret"] != hook["secret"]
        assert (answer["webhook"]["old_secret_until"] is not None) == bool(overlap_s)
        assert answer["webhook"]["can_sign"] is True

    async def test_refuses_other_times(self, admin: httpx.AsyncClient) -> None:
        hook = (await admin.post(HOOKS, json={"url": "https://example.com", "topics": ["*.*.*"]})).json()["webhook"]

        answer = await admin.post(f"{HOOKS}{hook['id']}/secret", json={"version": 1, "overlap_s": 5})

        assert refused(answer, 422, "invalid_request")


class TestDeliveries:
    async def test_tell_their_reason_as_code_values_and_english_sentence(
        self, admin: httpx.AsyncClient, floor: Floor, superuser_connection: Connection
    ) -> None:
        admin.headers["accept-language"] = "de"
        async with way_out(superuser_connection), listening() as receiver:
            hook = await made(floor.acting_as(Role.ADMIN), receiver.url)
            await happen(floor)
            await dispatch_events()
            use_webhooks(way_of("another key of the installation, 40 chars"))
            await deliver_due()

            shown = (await admin.get(f"{HOOKS}{hook.webhook.id}")).json()
            (delivery,) = (await admin.get(f"{HOOKS}{hook.webhook.id}/deliveries")).json()["items"]

        assert shown["can_sign"] is False
        assert (delivery["state"], delivery["reason"], delivery["reason_values"]) == ("failed", "secret_lost", {})
        assert delivery["reason_text"].endswith("Make a new secret, and this is sent.")
