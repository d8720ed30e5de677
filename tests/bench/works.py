"""The factory that benches measure in, made through the use cases."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from domain.production.machine_reports import RunStarted, StateEntered
from domain.scope import Scope
from services.auth.passwords import hash_password
from services.db.work import begin
from services.plant.reasons import add_reason
from services.production.machine_reports import book_machine_report
from tests.factories import PASSWORD, Make, found

MACHINES = 40
TARGET = Decimal(100_000)


@dataclass(frozen=True)
class Works:
    """One organization whose machines stand in one lane and all run."""

    scope: Scope
    """A machine of the organization."""
    email: str
    """Who looks at the wall; the password is `PASSWORD`."""
    lane_id: UUID
    lane_code: str
    plant_id: UUID
    machine_ids: tuple[UUID, ...]


async def make_works(*, slug: str = "bench", machines: int = MACHINES) -> Works:
    """Commit an organization with a lane of running machines and somebody who looks at it."""
    scope = await found(slug=slug)
    make = Make(await hash_password(PASSWORD))
    email = f"viewer@{slug}.example"
    async with begin(scope) as work:
        await make.user(work, role=Role.VIEWER, email=email)
        await add_reason(work, kind="stop", code="jam", label="Jam", loss_category="minor")
        await add_reason(work, kind="scrap", code="burr", label="Burr")
        lane = await make.lane(work)
        placed = [await make.machine(work, lane=lane) for _ in range(machines)]
        for number, machine in enumerate(placed):
            name = f"{slug}-{number}"
            started = RunStarted(
                key=f"start-{name}", at=work.now, run_key=name, order_number=f"WO-2026-{number:06}",
                part_number=f"P-{number}", target=TARGET,
            )  # fmt: skip
            await book_machine_report(work, machine_code=machine.code, report=started)
            running = StateEntered(key=f"state-{name}", at=work.now, state=MachineState.RUNNING)
            await book_machine_report(work, machine_code=machine.code, report=running)
    machine_scope = Scope(scope.org_id, actor_kind="machine", request_id="bench")
    return Works(machine_scope, email, lane.id, lane.code, lane.plant_id, tuple(machine.id for machine in placed))
