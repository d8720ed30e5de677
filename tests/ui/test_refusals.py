"""Refusals at pages, clicks and routes stand in the audit."""

from domain.identity.roles import Permission, Role
from tests.factories import Floor
from tests.services.test_notes import noted
from tests.ui.conftest import SignIn, sees


class TestRefusals:
    async def test_a_refused_page_is_noted(self, floor: Floor, sign_in: SignIn) -> None:
        operator = await sign_in(floor, Role.OPERATOR)

        await operator.open("/admin/plants")
        await sees(operator, "You may not do this.")

        (entry,) = await noted(floor)
        assert (entry.user_id, entry.table_name) == (floor.user_ids[Role.OPERATOR], Permission.EDIT_PLANT)
        assert isinstance(entry.after, dict)
        assert entry.after["where"] == "/admin/plants"

    async def test_a_refused_request_is_noted_with_its_route(self, floor: Floor, sign_in: SignIn) -> None:
        operator = await sign_in(floor, Role.OPERATOR)

        answer = await operator.http_client.get("/api/v1/api-keys/")

        assert answer.status_code == 403
        (entry,) = await noted(floor)
        assert isinstance(entry.after, dict)
        assert entry.after["where"] == "GET /api-keys/"
