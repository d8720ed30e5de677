"""Makes what tests and benches need, through the use cases themselves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
from sqlalchemy import select

from domain.andon.calls import CallCategory, CallSeverity
from domain.identity.roles import PLATFORM, Role
from domain.plant.reasons import LossCategory
from domain.production.machine_reports import RunStarted
from domain.production.routings import RoutingStep
from domain.scope import Scope
from services.andon.calls import raise_call
from services.auth.permissions import permissions_of
from services.db.keys import new_id
from services.db.tables import (
    AndonCall,
    Department,
    Lane,
    Machine,
    Material,
    Operation,
    Plant,
    Reason,
    Routing,
    User,
    WorkOrder,
)
from services.db.work import Work, begin, plants_setting
from services.demo import PLATFORM_ORG
from services.events.hub import Hub
from services.events.pump import Pump
from services.identity.platform import found_platform
from services.identity.users import add_user, found_organization
from services.jobs.registry import REGISTRY, Job
from services.plant.plant_models import add_department, add_lane, add_machine, add_plant
from services.plant.reasons import add_reason
from services.production.machine_reports import book_machine_report
from services.production.materials import add_material
from services.production.operations import start_operation
from services.production.production_logs import Booking, Pieces, report_production
from services.production.routings import activate_routing, draft_routing
from services.production.work_orders import plan_order, release_order

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

PASSWORD = "correct horse battery staple"
"""The password of every user that `Make` adds."""

_numbers = count(1)


async def found(*, slug: str | None = None) -> Scope:
    """Commit a fresh organization and return the system's scope in it."""
    scope = Scope(new_id(), request_id="test")
    async with begin(scope) as work:
        await found_organization(work, slug=slug or f"org-{scope.org_id.hex}", name="Test works")
    return scope


async def founded_platform() -> Scope:
    """Return the system's scope in the platform's own organization, which is made once per database."""
    scope = Scope(PLATFORM_ORG, request_id="test")
    async with begin(scope) as work:
        await found_platform(work, slug="platform", name="Unison platform")
    return scope


@dataclass(frozen=True)
class Platform:
    """The platform's own organization and one of its admins, whose password is `PASSWORD`."""

    scope: Scope
    """The system, in the platform's own organization."""
    user_id: UUID
    email: str

    @classmethod
    async def with_admin(cls, password_hash: str) -> "Platform":
        """Commit a fresh admin of the platform."""
        scope = await founded_platform()
        async with begin(scope) as work:
            email = f"{_fresh('platform')}-{new_id().hex}@test.example".lower()
            user = await add_user(work, email=email, display_name="The platform", roles={Role.ADMIN, PLATFORM},
                                  password_hash=password_hash)  # fmt: skip
        return cls(scope, user.id, email)

    def acting(self) -> Scope:
        """Return the admin's scope."""
        permissions = permissions_of(frozenset({Role.ADMIN, PLATFORM}))
        return replace(self.scope, actor_kind="user", user_id=self.user_id, permissions=permissions)


async def as_worker(scope: Scope, job: Job) -> None:
    """Do a task at once as a worker does, whatever else waits in the queue."""
    handler = REGISTRY[job.name].for_scope
    assert handler is not None
    await handler(scope, job)


def as_role(scope: Scope, role: Role, *, user_id: UUID | None, plant_ids: frozenset[UUID] | None = None) -> Scope:
    """Return the scope of a user who holds one role."""
    return replace(
        scope,
        actor_kind="user",
        user_id=user_id,
        plant_ids=plant_ids,
        permissions=permissions_of(frozenset({role})),
    )


@dataclass(frozen=True)
class Floor:
    """A small factory of one organization: one plant, department, lane and machine, reasons and a user per role."""

    scope: Scope
    """The system, in this organization."""
    slug: str
    plant_id: UUID
    department_id: UUID
    lane_id: UUID
    machine_id: UUID
    machine_code: str
    stop_reason_id: UUID
    scrap_reason_id: UUID
    rework_reason_id: UUID
    emails: dict[Role, str]
    """E-mail address of the user with each role; the password is `PASSWORD`."""
    user_ids: dict[Role, UUID]

    def acting_as(self, role: Role, *, plant_ids: frozenset[UUID] | None = None) -> Scope:
        """Return the scope of the floor's user with a role."""
        return as_role(self.scope, role, user_id=self.user_ids[role], plant_ids=plant_ids)


@dataclass(frozen=True)
class Make:
    """Makes things in the organization of the work it is given. Codes and addresses are fresh unless given."""

    password_hash: str
    """The hash of `PASSWORD`."""

    async def plant(self, work: Work, *, code: str | None = None, time_zone: str = "Europe/Berlin") -> Plant:
        """Add a plant."""
        return await add_plant(work, code=code or _fresh("P"), name="Plant", time_zone=time_zone)

    async def department(self, work: Work, *, plant: Plant | None = None, code: str | None = None) -> Department:
        """Add a department, in a plant of its own unless one is given."""
        plant = plant or await self.plant(work)
        return await add_department(work, plant_id=plant.id, code=code or _fresh("D"), name="Department")

    async def lane(self, work: Work, *, department: Department | None = None, code: str | None = None) -> Lane:
        """Add a lane, in a department of its own unless one is given."""
        department = department or await self.department(work)
        return await add_lane(work, department_id=department.id, code=code or _fresh("L"), name="Lane")

    async def machine(self, work: Work, *, lane: Lane | None = None, code: str | None = None) -> Machine:
        """Add a machine, on a lane of its own unless one is given."""
        lane = lane or await self.lane(work)
        return await add_machine(work, lane_id=lane.id, code=code or _fresh("M"), name="Machine")

    async def reason(self, work: Work, *, kind: str = "stop", code: str | None = None) -> Reason:
        """Add a reason for stops, scrap or rework."""
        loss = LossCategory.ORGANIZATION if kind == "stop" else None
        return await add_reason(work, kind=kind, code=code or _fresh("R"), label="Reason", loss_category=loss)

    async def user(
        self,
        work: Work,
        *,
        role: Role = Role.OPERATOR,
        email: str | None = None,
        plant_ids: list[UUID] | None = None,
    ) -> User:
        """Add a user whose password is `PASSWORD`."""
        return await add_user(
            work,
            email=email or f"{_fresh('user').lower()}-{work.scope.org_id.hex}@test.example",
            display_name=f"The {role.value}",
            roles=frozenset({role}),
            password_hash=self.password_hash,
            plant_ids=plant_ids,
        )

    async def run(
        self, work: Work, *, machine: Machine, target: int | None = 100, at: datetime | None = None
    ) -> RunStarted:
        """Let a machine report that it began a run; returns the report."""
        name = _fresh("RUN")
        report = RunStarted(
            key=name,
            at=at or work.now,
            run_key=name,
            order_number=f"WO-{name}",
            part_number="P-1",
            target=None if target is None else Decimal(target),
        )
        assert await book_machine_report(work, machine_code=machine.code, report=report)
        return report

    async def running_machine(self, work: Work, *, target: int | None = 100) -> Machine:
        """Add a machine and let it begin a run."""
        machine = await self.machine(work)
        await self.run(work, machine=machine, target=target)
        return machine

    async def booking(self, work: Work, *, machine_id: UUID, good: int = 1) -> Booking:
        """Report good pieces."""
        return await report_production(
            work, machine_id=machine_id, pieces=Pieces(good=Decimal(good)), client_key=new_id()
        )

    async def material(self, work: Work, *, number: str | None = None, unit: str = "pcs") -> Material:
        """Add a material."""
        return await add_material(work, number=number or _fresh("MAT"), unit=unit, description="Material")

    async def routing(
        self, work: Work, *steps: RoutingStep, plant_id: UUID, material: Material | None = None
    ) -> Routing:
        """Add a routing and make it the active one, for a material of its own unless one is given."""
        material = material or await self.material(work)
        routing = await draft_routing(work, plant_id=plant_id, material_id=material.id, operations=steps)
        return await activate_routing(work, routing_id=routing.id)

    async def order(
        self,
        work: Work,
        *,
        machine: Machine | None = None,
        steps: tuple[RoutingStep, ...] | None = None,
        quantity: int = 100,
        is_released: bool = True,
        **fields: Any,
    ) -> WorkOrder:
        """Plan an order of one operation at a machine, or of the given steps in the machine's plant, and release it."""
        machine = machine or await self.machine(work)
        steps = steps or (RoutingStep(sequence=10, name="Mill", machine_id=machine.id),)
        routing = await self.routing(work, *steps, plant_id=machine.plant_id)
        order = await plan_order(
            work, plant_id=machine.plant_id, material_id=routing.material_id, quantity=Decimal(quantity), **fields
        )
        return await release_order(work, order_id=order.id) if is_released else order

    async def operations(self, work: Work, order: WorkOrder) -> list[Operation]:
        """Return the operations of an order by sequence, as they are now."""
        statement = select(Operation).where(Operation.work_order_id == order.id).order_by(Operation.sequence)
        return list((await work.session.execute(statement.execution_options(populate_existing=True))).scalars())

    async def running_operation(
        self, work: Work, *, machine: Machine | None = None, target: int = 100, **fields: Any
    ) -> Operation:
        """Release an order of one operation and start that at a machine, of its own unless one is given."""
        order = await self.order(work, machine=machine, quantity=target, **fields)
        return await start_operation(work, operation_id=(await self.operations(work, order))[0].id)

    async def call(
        self,
        work: Work,
        *,
        machine_id: UUID,
        category: CallCategory = CallCategory.QUALITY,
        severity: CallSeverity = CallSeverity.MAJOR,
    ) -> AndonCall:
        """Call for help."""
        return await raise_call(work, machine_id=machine_id, category=category, severity=severity)

    async def floor(self, scope: Scope) -> Floor:
        """Commit a small factory in the scope's organization."""
        async with begin(scope) as work:
            lane = await self.lane(work)
            machine = await self.machine(work, lane=lane)
            reasons = {kind: (await self.reason(work, kind=kind)).id for kind in ("stop", "scrap", "rework")}
            users = {role: await self.user(work, role=role) for role in Role}
            return Floor(
                scope=scope,
                slug=f"org-{scope.org_id.hex}",
                plant_id=lane.plant_id,
                department_id=lane.department_id,
                lane_id=lane.id,
                machine_id=machine.id,
                machine_code=machine.code,
                stop_reason_id=reasons["stop"],
                scrap_reason_id=reasons["scrap"],
                rework_reason_id=reasons["rework"],
                emails={role: user.email for role, user in users.items()},
                user_ids={role: user.id for role, user in users.items()},
            )


@asynccontextmanager
async def undone(scope: Scope) -> AsyncIterator[Work]:
    """Open a transaction that leaves nothing behind."""
    with suppress(_UndoneAtTheEnd):
        async with begin(scope) as work:
            yield work
            raise _UndoneAtTheEnd


class _UndoneAtTheEnd(Exception):
    """No error: how a transaction ends of which nothing shall stay."""


@asynccontextmanager
async def pumping(url: str) -> AsyncIterator[Hub]:
    """Run a real pump on the real queue of the database at `url`, and yield its hub once it is live."""
    hub = Hub()
    live = asyncio.Event()
    hub.on_source(lambda is_live: live.set() if is_live else live.clear())
    task = asyncio.create_task(Pump(url, hub).run())
    try:
        await asyncio.wait_for(live.wait(), 10)
        yield hub
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def enter(connection: Connection, scope: Scope) -> None:
    """Set the scope on a bare connection's open transaction, as a unit of work does."""
    await connection.execute(
        "SELECT set_config('app.org_id', $1, true), set_config('app.plant_ids', $2, true)",
        str(scope.org_id),
        plants_setting(scope),
    )


def _fresh(prefix: str) -> str:
    return f"{prefix}-{next(_numbers)}"
