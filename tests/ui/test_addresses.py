"""Addresses hold whatever a code may hold."""

from urllib.parse import quote

import pytest

from domain.identity.roles import Role
from services.db.tables import Lane, Machine
from services.db.work import begin
from tests.factories import Floor, Make
from tests.ui.conftest import SignIn


@pytest.mark.parametrize("code", ["A/1", "Ä 2 #?%", "lane/B"])
class TestAddresses:
    @pytest.mark.parametrize(
        "page", ["/wall/andon/", "/shift/", "/terminal/", "/terminal/lane/", "/plant/", "/orders/"]
    )
    async def test_lead_to_what_they_name(
        self, floor: Floor, make: Make, sign_in: SignIn, code: str, page: str
    ) -> None:
        if (page, code) == ("/terminal/", "lane/B"):
            pytest.skip("names the terminal of the lane B")
        async with begin(floor.scope) as work:
            lane = await make.lane(work, code=code)
            await make.machine(work, lane=await work.session.get_one(Lane, lane.id), code=code)
            await make.plant(work, code=code)
            machine = await work.session.get_one(Machine, floor.machine_id)
            (await make.order(work, machine=machine)).number = code
        user = await sign_in(floor, Role.OPERATOR)

        for address in (page + quote(code, safe=""), page + quote(code)):
            answer = await user.http_client.get(address)

            assert answer.status_code == 200, address
