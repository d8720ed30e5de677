"""Which orders of a plant will not be ready in time."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from domain.production.routings import RoutingStep
from services.db.tables import Machine
from services.db.work import Work, begin, read
from services.production.order_risks import MOST_SHOWN, load_orders_at_risk
from services.production.work_orders import hold_order
from tests.factories import Floor, Make

HOUR = timedelta(hours=1)


async def risks(work: Work, machine: Machine) -> dict[str, str]:
    """Return why each order is at risk, by its number."""
    await work.session.flush()
    shown: dict[str, Any] = await load_orders_at_risk(work, plant_id=machine.plant_id)
    return {order["number"]: order["why"] for order in shown["risks"].values()}


def milled(machine: Machine, run_time_s: int) -> tuple[RoutingStep, ...]:
    return (RoutingStep(sequence=10, name="Mill", machine_id=machine.id, run_time_s=Decimal(run_time_s)),)


class TestOrdersAtRisk:
    async def test_are_late_or_have_too_little_time_left(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        steps = milled(machine, 60)
        late = await make.order(work, machine=machine, steps=steps, due_at=work.now - HOUR)
        short = await make.order(work, machine=machine, steps=steps, quantity=100, due_at=work.now + HOUR)
        await make.order(work, machine=machine, steps=steps, quantity=100, due_at=work.now + 2 * HOUR)

        assert await risks(work, machine) == {late.number: "late", short.number: "short"}

    async def test_are_those_that_rest_although_they_are_due_soon(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        soon, later = work.now + 20 * HOUR, work.now + 30 * HOUR
        draft = await make.order(work, machine=machine, is_released=False, due_at=soon)
        await make.order(work, machine=machine, is_released=False, due_at=later)
        held = await make.order(work, machine=machine, due_at=soon)
        await hold_order(work, order_id=held.id, reason="Drawing")
        await make.order(work, machine=machine, due_at=soon)

        assert await risks(work, machine) == {draft.number: "draft", held.number: "on_hold"}

    async def test_are_counted_beyond_those_that_are_shown(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        for number in range(MOST_SHOWN + 2):
            await make.order(work, machine=machine, due_at=work.now - (number + 1) * HOUR)

        shown: dict[str, Any] = await load_orders_at_risk(work, plant_id=machine.plant_id)

        assert (len(shown["risks"]), shown["risk_count"]) == (MOST_SHOWN, MOST_SHOWN + 2)

    async def test_of_another_organization_are_none(self, floor: Floor, other: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            await make.order(
                work, machine=await work.session.get_one(Machine, floor.machine_id), due_at=work.now - HOUR
            )

        async with read(other.scope) as work:
            assert await load_orders_at_risk(work, plant_id=floor.plant_id) == {"risks": {}, "risk_count": 0}
