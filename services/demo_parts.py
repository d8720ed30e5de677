"""What the demo's simulated machines make, and how long they should take for one of each."""

from collections.abc import Sequence
from decimal import Decimal

from services.db.tables import Machine
from services.db.work import Work
from services.plant.cycle_times import set_cycle_time
from services.production.materials import add_material

PARTS = (
    ("BRK-2210", "Bracket"),
    ("HSG-0417", "Housing"),
    ("SHF-1182", "Shaft"),
    ("GEA-3305", "Gear wheel"),
    ("CVR-0908", "Cover"),
    ("FLG-5520", "Flange"),
)
"""The parts that the simulator names."""
CYCLE_TIMES_S = (Decimal("2.4"), Decimal("3.1"), Decimal("1.8"), Decimal("4.5"), Decimal("2.9"))
"""Seconds that machines really take for one piece, the first machine the first and so on, again and again."""
PLANNED_SHARE = Decimal("0.92")
"""Of that the plan allows so much: no machine keeps up with its plan altogether."""


def cycle_time_s(number: int) -> Decimal:
    """Return how long the simulated machine with this place among all by code really takes for a piece."""
    return CYCLE_TIMES_S[number % len(CYCLE_TIMES_S)]


async def add_demo_parts(work: Work, *, machines: Sequence[Machine]) -> None:
    """Add the parts and plan how long each of the simulated `machines`, by code, should take for one."""
    for part, description in PARTS:
        material = await add_material(work, number=part, unit="pcs", description=description)
        for number, machine in enumerate(machines):
            await set_cycle_time(
                work, machine_id=machine.id, material_id=material.id,
                cycle_time_s=PLANNED_SHARE * cycle_time_s(number),
            )  # fmt: skip
