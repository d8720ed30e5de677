"""What is printed, as browsers get it."""

import httpx
import pytest

from domain.identity.roles import Role
from services.db.tables import Machine, WorkOrder
from services.db.work import begin
from tests.api.doors import V1, Door, refused
from tests.api.test_files import browser
from tests.factories import Floor, Make


@pytest.fixture
async def order(floor: Floor, make: Make) -> WorkOrder:
    """A released order, committed."""
    async with begin(floor.scope) as work:
        machine = await work.session.get_one(Machine, floor.machine_id)
        return await make.order(work, machine=machine, number="WO/7 ä")


def is_pdf(answer: httpx.Response) -> bool:
    """Tell whether an answer is a document that a browser shows."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("inline")
    return answer.content.startswith(b"%PDF-1.")


class TestPrintouts:
    async def test_are_found_by_number_and_by_id(self, door: Door, floor: Floor, order: WorkOrder) -> None:
        operator = await browser(door, floor, Role.OPERATOR)

        assert is_pdf(await operator.get(f"/orders/{order.number}/traveller.pdf"))
        assert is_pdf(await operator.get(f"/orders/{order.id}/labels.pdf", params={"copies": 2}))
        assert is_pdf(await operator.get(f"/materials/{order.material_id}/labels.pdf"))

    async def test_are_not_for_strangers(self, door: Door, floor: Floor, other: Floor, order: WorkOrder) -> None:
        foreign = await browser(door, other, Role.ADMIN)
        for path in (
            f"/orders/{order.id}/traveller.pdf",
            f"/orders/{order.id}/labels.pdf",
            f"/materials/{order.material_id}/labels.pdf",
        ):
            assert refused(await door.client().get(path), 401, "not_signed_in")
            assert refused(await foreign.get(path), 404, "not_found")

    async def test_are_there_for_programs_too(self, door: Door, floor: Floor, other: Floor, order: WorkOrder) -> None:
        program, foreign = await door.caller(floor, Role.VIEWER), await door.caller(other)
        for path in (
            f"{V1}/work-orders/{order.id}/traveller",
            f"{V1}/work-orders/{order.id}/labels?copies=2",
            f"{V1}/materials/{order.material_id}/labels",
        ):
            assert is_pdf(await program.get(path))
            assert refused(await foreign.get(path), 404, "not_found")

    @pytest.mark.parametrize("copies", ["0", "201", "x", "1e3", "", "9" * 30])
    async def test_are_a_reasonable_number(self, copies: str, door: Door, floor: Floor, order: WorkOrder) -> None:
        operator = await browser(door, floor, Role.OPERATOR)

        answer = await operator.get(f"/orders/{order.id}/labels.pdf", params={"copies": copies})

        assert answer.status_code == 422
