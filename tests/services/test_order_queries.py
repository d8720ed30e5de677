"""What can be read of orders, operations, routings and materials: by whom, and never of another organization."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import pytest

from domain.errors import Forbidden, NotFound
from domain.identity.roles import Role
from domain.production.operations import ObstacleKind, OperationState
from domain.production.orders import OrderAction, OrderState
from domain.scope import Scope
from services.db.keys import new_id
from services.db.tables import Machine
from services.db.work import Work, begin, read
from services.production.dispatching import load_dispatch_list
from services.production.operation_queries import get_operation, list_operations, load_operations
from services.production.operations import pause_operation
from services.production.order_boards import load_order_board
from services.production.order_queries import get_order, list_orders, load_order
from services.production.production_logs import Pieces, report_production
from services.production.reversals import reverse_report
from services.production.routing_queries import get_material, get_routing, list_materials, list_routings
from services.production.work_orders import hold_order
from tests.factories import Floor, Make


@dataclass(frozen=True)
class Known:
    """What one order consists of."""

    plant_id: UUID
    lane_id: UUID
    machine_id: UUID
    order_id: UUID
    number: str
    operation_id: UUID
    material_id: UUID
    routing_id: UUID

    @property
    def secrets(self) -> list[str]:
        return [
            self.number,
            *(str(one) for one in (self.order_id, self.operation_id, self.material_id, self.routing_id)),
        ]


Reading = Callable[[Work, Known], Awaitable[object]]
READINGS: dict[str, Reading] = {
    "list_orders": lambda work, _: list_orders(work),
    "list_orders of a lane": lambda work, known: list_orders(work, lane_id=known.lane_id, search=known.number),
    "get_order": lambda work, known: get_order(work, order_id=known.order_id),
    "load_order": lambda work, known: load_order(work, order_id=known.order_id),
    "list_operations": lambda work, _: list_operations(work),
    "list_operations of an order": lambda work, known: list_operations(work, order_id=known.order_id),
    "load_operations": lambda work, known: load_operations(work, order_id=known.order_id),
    "get_operation": lambda work, known: get_operation(work, operation_id=known.operation_id),
    "load_dispatch_list": lambda work, known: load_dispatch_list(work, machine_id=known.machine_id),
    "load_order_board": lambda work, known: load_order_board(work, plant_id=known.plant_id),
    "list_routings": lambda work, _: list_routings(work),
    "get_routing": lambda work, known: get_routing(work, routing_id=known.routing_id),
    "list_materials": lambda work, _: list_materials(work),
    "get_material": lambda work, known: get_material(work, material_id=known.material_id),
}
OF_EVERY_PLANT = {"list_materials", "get_material"}


@pytest.fixture(params=READINGS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def known(floor: Floor, make: Make) -> Known:
    async with begin(floor.scope) as work:
        machine = await work.session.get_one(Machine, floor.machine_id)
        order = await make.order(work, machine=machine)
        operation = (await make.operations(work, order))[0]
        assert order.routing_id is not None
        return Known(
            floor.plant_id, floor.lane_id, machine.id, order.id, order.number, operation.id, order.material_id,
            order.routing_id,
        )  # fmt: skip


class TestEveryReading:
    async def test_shows_a_viewer_what_there_is(self, floor: Floor, known: Known, name: str) -> None:
        async with read(floor.acting_as(Role.VIEWER)) as work:
            seen = repr(await READINGS[name](work, known))

        assert any(secret in seen for secret in known.secrets)

    async def test_needs_a_right(self, floor: Floor, known: Known, name: str) -> None:
        nobody = Scope(floor.scope.org_id, actor_kind="user", user_id=floor.user_ids[Role.VIEWER])

        async with read(nobody) as work:
            with pytest.raises(Forbidden):
                await READINGS[name](work, known)

    async def test_shows_another_organization_nothing(
        self, floor: Floor, other: Floor, known: Known, name: str
    ) -> None:
        async with read(other.acting_as(Role.ADMIN)) as work:
            seen = await seen_of(work, known, name)

        assert not [secret for secret in known.secrets if secret in seen]

    async def test_shows_users_of_other_plants_nothing(self, floor: Floor, make: Make, known: Known, name: str) -> None:
        async with begin(floor.scope) as work:
            elsewhere = (await make.plant(work)).id

        async with read(floor.acting_as(Role.ADMIN, plant_ids=frozenset({elsewhere}))) as work:
            seen = await seen_of(work, known, name)

        assert name in OF_EVERY_PLANT or not [secret for secret in known.secrets if secret in seen]


async def seen_of(work: Work, known: Known, name: str) -> str:
    """Return what can be read; nothing where it is not found."""
    try:
        return repr(await READINGS[name](work, known))
    except NotFound:
        return ""


class TestWhatDoesNotExist:
    @pytest.mark.parametrize(
        ("reading", "what"),
        [
            (lambda work, one: get_order(work, order_id=one), "order"),
            (lambda work, one: load_order(work, order_id=one), "order"),
            (lambda work, one: get_operation(work, operation_id=one), "operation"),
            (lambda work, one: get_routing(work, routing_id=one), "routing"),
            (lambda work, one: get_material(work, material_id=one), "material"),
            (lambda work, one: load_order_board(work, plant_id=one), "plant"),
        ],
    )
    async def test_is_not_found(
        self, work: Work, reading: Callable[[Work, UUID], Awaitable[object]], what: str
    ) -> None:
        with pytest.raises(NotFound, match=what):
            await reading(work, new_id())


class TestLoadOrder:
    async def test_tells_what_was_reported_and_what_became_of_it(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            operation = await make.running_operation(work, machine=machine)
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            pieces = Pieces(Decimal(8), Decimal(2), floor.scrap_reason_id)
            booked = await report_production(work, machine_id=machine.id, pieces=pieces, client_key=new_id())
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            await report_production(work, machine_id=machine.id, pieces=Pieces(good=Decimal(5)), client_key=new_id())
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await reverse_report(work, client_key=booked.client_key, reversal_key=new_id())
            await hold_order(work, order_id=operation.work_order_id, reason="Crack")

        async with read(floor.acting_as(Role.VIEWER)) as work:
            view = await load_order(work, order_id=operation.work_order_id)

        assert (view.order.state, view.order.hold_reason) == (OrderState.ON_HOLD, "Crack")
        assert [view.order.good, view.order.scrap, view.order.remaining] == [5, 0, 95]
        assert view.order.actions == (OrderAction.RESUME, OrderAction.CANCEL)
        shown = sorted(
            (entry.kind, int(entry.quantity), entry.is_reversal, entry.is_reversed) for entry in view.entries
        )
        assert shown == [
            ("good", -8, True, False), ("good", 5, False, False), ("good", 8, False, True), ("scrap", -2, True, False),
            ("scrap", 2, False, True),
        ]  # fmt: skip
        assert {entry.operator for entry in view.entries} == {"The operator", "The supervisor"}


class TestListOperations:
    async def test_are_those_that_the_filters_leave_page_by_page(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        running = await make.running_operation(work, machine=machine)
        waiting = (await make.operations(work, await make.order(work, machine=machine)))[0]
        elsewhere = (await make.operations(work, await make.order(work)))[0]

        for expected, filters in (
            ([elsewhere, waiting, running], {}),
            ([waiting, running], {"plant_id": machine.plant_id}),
            ([waiting, running], {"lane_id": machine.lane_id}),
            ([waiting, running], {"machine_id": machine.id}),
            ([running], {"state": OperationState.RUNNING}),
            ([elsewhere], {"order_id": elsewhere.work_order_id}),
            ([], {"order_id": new_id()}),
        ):
            page = await list_operations(work, **filters)
            assert [one.id for one in page.items] == [one.id for one in expected], filters
        first = await list_operations(work, limit=2)
        rest = await list_operations(work, limit=2, before=first.items[-1].id)
        assert (first.has_more, [one.id for one in rest.items], rest.has_more) == (True, [running.id], False)

    async def test_say_at_which_machine_they_could_start(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        running = await make.running_operation(work, machine=machine)
        waiting = (await make.operations(work, await make.order(work, machine=machine)))[0]

        there = await get_operation(work, operation_id=waiting.id)
        await pause_operation(work, operation_id=running.id)
        free = await get_operation(work, operation_id=waiting.id, machine_id=machine.id)

        assert [one.kind for one in there.obstacles] == [ObstacleKind.MACHINE_BUSY]
        assert free.obstacles == ()
        with pytest.raises(NotFound, match="machine"):
            await get_operation(work, operation_id=waiting.id, machine_id=new_id())
