"""The order board of a plant with two thousand open orders: its first paint, and a change on two hundred boards."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import UUID

from domain.identity.roles import Role
from domain.production.routings import RoutingStep
from domain.scope import Scope
from services.auth.passwords import hash_password
from services.db.work import begin
from services.production.work_orders import plan_order, release_order, set_priority
from tests.bench.audience import watching
from tests.bench.installation import OTHER_CORE, CpuMeter, installation, pin, serving
from tests.bench.live import Changes, followed
from tests.bench.paint import browsing, first_paint_ms
from tests.bench.results import Result, percentile, reported
from tests.factories import PASSWORD, Make, found

ORDERS = 2_000
MACHINES = 40
MATERIALS = 50
BOARDS = 200
BATCH = 100
SECONDS = 20.0
EMAIL = "planner@bench.example"


async def measure() -> list[Result]:
    """Plan and release the orders through the use cases, then look at the board and change it."""
    pin(os.getpid(), OTHER_CORE)
    async with installation() as place:
        scope = await found(slug="bench")
        order_ids = await _plan(scope)
        changes = Changes(place.database, order_ids[:20], _set_priority(scope), first=1)
        async with serving(place) as server:
            async with browsing(server, EMAIL) as context:
                painted_ms = await first_paint_ms(context, "/orders", ".u-order")
                usable_ms = await first_paint_ms(context, "/orders", "#app .u-order")
            async with watching(server, "/orders", EMAIL) as audience:
                opened_s = await audience.open(BOARDS)
                await changes.make(3.0)
                await asyncio.sleep(1.0)
                await audience.listen()
                changes.committed.clear()
                cpu = CpuMeter([server.process])
                await changes.make(SECONDS)
                server_percent, memory_mb = cpu.percent, server.memory_mb
                await asyncio.sleep(2.0)
                seen = followed(changes, await audience.report())
    return [
        Result("order_board_first_paint_ms", painted_ms, "<= 500"),
        reported("order_board_usable_ms", usable_ms),
        Result("order_boards_p95_ms", percentile(seen.latencies_ms, 95), "<= 100"),
        reported("order_boards_p50_ms", percentile(seen.latencies_ms, 50)),
        reported("order_boards_p99_ms", percentile(seen.latencies_ms, 99)),
        Result("order_boards_frames_lost", seen.report.gaps + seen.report.lost_sockets, "<= 0"),
        Result("order_boards_with_every_change", seen.complete_screens, f">= {BOARDS}"),
        reported("order_boards_opened_s", opened_s),
        reported("order_boards_server_core_percent", server_percent),
        reported("order_boards_server_memory_mb", memory_mb),
    ]


async def _plan(scope: Scope) -> tuple[UUID, ...]:
    make = Make(await hash_password(PASSWORD))
    async with begin(scope) as work:
        await make.user(work, role=Role.SUPERVISOR, email=EMAIL)
        lane = await make.lane(work)
        machines = [await make.machine(work, lane=lane) for _ in range(MACHINES)]
        materials = [await make.material(work) for _ in range(MATERIALS)]
        for number, material in enumerate(materials):
            steps = [
                RoutingStep(sequence=10 * step, name=name, machine_id=machines[(number + step) % MACHINES].id)
                for step, name in enumerate(("Saw", "Mill", "Wash"), start=1)
            ]
            await make.routing(work, *steps, plant_id=lane.plant_id, material=material)
    order_ids: list[UUID] = []
    for begun in range(0, ORDERS, BATCH):
        async with begin(scope) as work:
            for number in range(begun, begun + BATCH):
                order = await plan_order(
                    work, plant_id=lane.plant_id, material_id=materials[number % MATERIALS].id, quantity=Decimal(100),
                    priority=1,
                )  # fmt: skip
                await release_order(work, order_id=order.id)
                order_ids.append(order.id)
    return tuple(order_ids)


def _set_priority(scope: Scope) -> Callable[[UUID, int], Awaitable[None]]:
    async def change(order_id: UUID, count: int) -> None:
        async with begin(scope) as work:
            await set_priority(work, order_id=order_id, priority=count)

    return change
