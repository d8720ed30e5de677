"""The demo's orders: made by hand at three stations, in every state that a visitor may want to see."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from domain.production.operations import Transfer
from domain.production.orders import DeadlineKind
from domain.production.routings import RoutingStep
from services.db.tables import Machine, Material, Operation, WorkOrder
from services.db.work import Work
from services.production.materials import add_material
from services.production.operations import start_operation
from services.production.routings import activate_routing, draft_routing
from services.production.work_orders import hold_order, plan_order, release_order

MATERIALS = (
    ("PMP-1400", "Coolant pump"),
    ("VLV-0220", "Proportional valve"),
    ("ACT-3310", "Linear actuator"),
    ("SEN-0815", "Pressure sensor"),
)
STEPS = (
    ("Assemble", 180, 45, Transfer.PARTIAL, "Use torque wrench 12, 8 Nm. Change gloves before the seals go in."),
    ("Leak test", 60, 20, Transfer.PARTIAL, "Test at 6 bar for 15 s. A drop of more than 20 mbar is scrap."),
    ("Pack", 30, 12, Transfer.FINISH_TO_START, "Ten to a box, label to the front."),
)
# Quantity, days until it is due, priority, and how far it has come.
ORDERS = (
    (240, 0.3, 200, "running"),
    (120, 0.6, 300, "released"),
    (500, -0.2, 500, "released"),
    (80, 1.0, 500, "released"),
    (60, 1.5, 500, "held"),
    (300, 2.0, 500, "released"),
    (150, 3.0, 500, "draft"),
    (400, 4.0, 500, "draft"),
    (90, 6.0, 700, "draft"),
)


async def add_demo_orders(work: Work, *, plant_id: UUID, stations: tuple[Machine, ...]) -> None:
    """Add materials, their routings over the stations, and orders; one of them runs at the first station."""
    materials = [await _material(work, number, text, plant_id, stations) for number, text in MATERIALS]
    for index, (quantity, days, priority, progress) in enumerate(ORDERS):
        order = await plan_order(
            work,
            plant_id=plant_id,
            material_id=materials[index % len(materials)].id,
            quantity=Decimal(quantity),
            due_at=_full_hour(work.now + timedelta(days=days)),
            deadline_kind=DeadlineKind.SOFT,
            priority=priority,
            overproduction_allowance=Decimal("0.05"),
        )
        if progress != "draft":
            await _begin(work, order, progress)


async def _begin(work: Work, order: WorkOrder, progress: str) -> None:
    await release_order(work, order_id=order.id)
    if progress == "held":
        await hold_order(work, order_id=order.id, reason="Drawing 4 is missing")
    if progress == "running":
        await start_operation(work, operation_id=await _first_operation(work, order))


async def _first_operation(work: Work, order: WorkOrder) -> UUID:
    first = select(Operation.id).where(Operation.work_order_id == order.id).order_by(Operation.sequence).limit(1)
    return (await work.session.execute(first)).scalar_one()


async def _material(
    work: Work, number: str, description: str, plant_id: UUID, stations: tuple[Machine, ...]
) -> Material:
    material = await add_material(work, number=number, unit="pcs", description=description)
    steps = tuple(
        RoutingStep(
            sequence=10 * place,
            name=name,
            machine_id=station.id,
            setup_time_s=Decimal(setup_s),
            run_time_s=Decimal(run_s),
            transfer=transfer,
            instructions=instructions,
        )
        for place, ((name, setup_s, run_s, transfer, instructions), station) in enumerate(
            zip(STEPS, stations, strict=True), start=1
        )
    )
    routing = await draft_routing(work, plant_id=plant_id, material_id=material.id, operations=steps)
    await activate_routing(work, routing_id=routing.id)
    return material


def _full_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
