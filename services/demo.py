"""The demo: two organizations that never see each other, a factory that produces, and the platform above them."""

from datetime import timedelta
from decimal import Decimal
from uuid import NAMESPACE_DNS, UUID, uuid5

from sqlalchemy import select, text, update

from domain.identity.badges import BadgeKind
from domain.identity.roles import PLATFORM, Role
from domain.scope import Scope
from services.auth.passwords import hash_password
from services.db.tables import Lane, Machine, MachineStatus, User
from services.db.work import Work, begin, read
from services.demo_brands import brand_demo_works, brand_rival_works
from services.demo_orders import add_demo_orders
from services.demo_parts import add_demo_parts, cycle_time_s
from services.demo_shifts import DEMO_PAST, add_demo_shifts
from services.identity.badges import BadgeKey, set_badge
from services.identity.platform import found_platform
from services.identity.users import add_user, found_organization
from services.plant.plant_models import add_department, add_lane, add_machine, add_plant
from services.plant.reasons import add_reason

DEMO_ORG = uuid5(NAMESPACE_DNS, "demo.example")
RIVAL_ORG = uuid5(NAMESPACE_DNS, "rival.example")
PLATFORM_ORG = uuid5(NAMESPACE_DNS, "unison.example")
KNOWN = text("SELECT EXISTS (SELECT FROM organizations) OR EXISTS (SELECT FROM app.deletions_seen())")
PLATFORM_SIGN_IN = "platform@unison.example"
DEMO_SIGN_INS = (
    "admin@demo.example",
    "supervisor@demo.example",
    "operator@demo.example",
    "viewer@demo.example",
    "admin@rival.example",
    "terminal@demo.example",
    PLATFORM_SIGN_IN,
)
PINS = {Role.SUPERVISOR: "7391", Role.OPERATOR: "2580"}
"""What people type at the demo's kiosk."""
BADGES = {Role.SUPERVISOR: "UM-10007", Role.OPERATOR: "UM-10042"}
"""What a scanner reads from their badges."""
KOMAX_MACHINE = "A565-0026"
"""The code of the machine whose real log the replay command reads."""

NAMES = {
    Role.ADMIN: "Alex Admin",
    Role.SUPERVISOR: "Sam Supervisor",
    Role.OPERATOR: "Olga Operator",
    Role.VIEWER: "Vic Viewer",
    Role.TERMINAL: "Tablet 1",
}
STOP_REASONS = (
    ("tool_broken", "Tool broken", "breakdown"),
    ("jam", "Jam", "minor"),
    ("adjustment", "Adjustment", "minor"),
    ("no_material", "No material", "material"),
    ("no_operator", "No operator", "organization"),
    ("quality_check", "Quality check", "quality"),
    ("changeover", "Changeover", "changeover"),
    ("cleaning", "Cleaning", "planned"),
    ("break", "Break", "planned"),
)
FINER_STOP_REASONS = {
    "tool_broken": (("drill_broken", "Drill broken"), ("insert_worn", "Insert worn out")),
    "no_material": (("no_raw_parts", "No raw parts"), ("no_packaging", "No packaging")),
}
"""What stands below some of them and takes their loss category."""
SCRAP_REASONS = (
    ("burr", "Burr"),
    ("dimension", "Out of tolerance"),
    ("surface", "Surface"),
    ("start_up", "Start-up part"),
)
REWORK_REASONS = (("deburr", "Deburr"), ("clean", "Clean again"))
STATIONS = (("H-01", "Assembly bench"), ("H-02", "Leak tester"), ("H-03", "Packing table"))
LANES = (
    ("MILL", "Milling", (("M-01", "DMU 50"), ("M-02", "DMU 50"), ("M-03", "Hermle C32"), ("M-04", "Hermle C32"))),
    ("TURN", "Turning", (("T-01", "CTX beta"), ("T-02", "CTX beta"), ("T-03", "Index G200"))),
    ("ASM", "Assembly", (("A-01", "Press cell"), ("A-02", "Screw cell"), ("A-03", "Leak test"),
                         ("A-04", "Laser marking"), ("A-05", "Packing"))),
)  # fmt: skip


async def seed_demo(password: str, badge_key: BadgeKey) -> None:
    """Make the demo organizations with their plants, machines, reasons and sign-ins, and let `password` open them.

    `badge_key` is what the people's badges and PINs are kept under.

    An organization that exists is left alone, and one that was deleted stays so.
    """
    password_hash = await hash_password(password)
    await _seed_demo_works(password_hash, badge_key)
    await _seed_rival_works(password_hash)
    await _seed_platform(password_hash)


async def seed_platform(password: str) -> None:
    """Make the organization whose admin makes the others, for a demo that was seeded without one."""
    await _seed_platform(await hash_password(password))


async def open_demo_with(password: str) -> None:
    """Let `password` open the demo sign-ins that another one opened before."""
    password_hash = await hash_password(password)
    for org_id in (DEMO_ORG, RIVAL_ORG, PLATFORM_ORG):
        async with begin(Scope(org_id, request_id="seed-demo")) as work:
            await work.session.execute(
                update(User).where(User.email.in_(DEMO_SIGN_INS)).values(password_hash=password_hash)
            )


async def simulated_machines() -> dict[str, Decimal]:
    """Return the codes of the demo's simulated machines, none where there is no demo, and the seconds that each takes
    for a piece."""
    async with read(Scope(DEMO_ORG)) as work:
        return {machine.code: cycle_time_s(number) for number, machine in enumerate(await _simulated(work))}


async def past_of_simulation() -> timedelta:
    """Return for how long the simulated machines have been working: none once one of them has reported anything."""
    async with read(Scope(DEMO_ORG)) as work:
        statement = (
            select(Machine.id)
            .join(MachineStatus, MachineStatus.machine_id == Machine.id)
            .where(Machine.is_simulated, MachineStatus.last_report_at.is_not(None))
        )
        has_reported = (await work.session.execute(statement.limit(1))).first() is not None
        return timedelta() if has_reported else DEMO_PAST


async def _seed_demo_works(password_hash: str, badge_key: BadgeKey) -> None:
    async with begin(Scope(DEMO_ORG, request_id="seed-demo")) as work:
        if await _founded(work, slug="demo", name="Demo Works"):
            return
        people: dict[str, UUID] = {}
        for role, name in NAMES.items():
            user = await add_user(work, email=f"{role}@demo.example", display_name=name, roles=frozenset({role}),
                                  password_hash=password_hash)  # fmt: skip
            people[role.value] = user.id
            if role in PINS:
                await set_badge(work, key=badge_key, user_id=user.id, kind=BadgeKind.PIN, value=PINS[role])
                await set_badge(work, key=badge_key, user_id=user.id, kind=BadgeKind.BADGE, value=BADGES[role])
        await _add_reasons(work)
        plant = await add_plant(work, code="HAM", name="Hamburg", time_zone="Europe/Berlin")
        machining = await add_department(work, plant_id=plant.id, code="MACH", name="Machining")
        harness = await add_department(work, plant_id=plant.id, code="WIRE", name="Wire harness")
        for position, (code, name, machines) in enumerate(LANES, start=1):
            await _add_lane(work, machining.id, code, name, position, machines)
        await add_demo_parts(work, machines=await _simulated(work))
        assembly = await add_department(work, plant_id=plant.id, code="HAND", name="Hand assembly")
        await _add_stations(work, plant.id, assembly.id)
        lane = await add_lane(work, department_id=harness.id, code="CUT", name="Wire cutting", position=9)
        await add_machine(work, lane_id=lane.id, code=KOMAX_MACHINE, name="Komax Alpha 565", position=1)
        lanes = (await work.session.execute(select(Lane.id).order_by(Lane.code))).scalars()
        await add_demo_shifts(work, plant_id=plant.id, lane_ids=tuple(lanes), people=people)
        await brand_demo_works(work)


async def _add_stations(work: Work, plant_id: UUID, department_id: UUID) -> None:
    """Add the line that people work by hand, and what they have to make."""
    lane = await add_lane(work, department_id=department_id, code="BENCH", name="Hand assembly", position=8)
    stations = [
        await add_machine(work, lane_id=lane.id, code=code, name=name, position=number)
        for number, (code, name) in enumerate(STATIONS, start=1)
    ]
    await add_demo_orders(work, plant_id=plant_id, stations=tuple(stations))


async def _seed_rival_works(password_hash: str) -> None:
    async with begin(Scope(RIVAL_ORG, request_id="seed-demo")) as work:
        if await _founded(work, slug="rival", name="Rival Industries"):
            return
        await add_user(work, email="admin@rival.example", display_name="Robin Rival", roles=frozenset({Role.ADMIN}),
                       password_hash=password_hash)  # fmt: skip
        await _add_reasons(work)
        plant = await add_plant(work, code="LYO", name="Lyon", time_zone="Europe/Paris")
        department = await add_department(work, plant_id=plant.id, code="MACH", name="Machining")
        await _add_lane(work, department.id, "MILL", "Fraisage", 1, (("R-01", "Mazak"), ("R-02", "Mazak")))
        await brand_rival_works(work)


async def _seed_platform(password_hash: str) -> None:
    """Make the platform's own organization and its admin, unless the installation has another one."""
    async with begin(Scope(PLATFORM_ORG, request_id="seed-demo")) as work:
        await found_platform(work, slug="platform", name="Unison platform")
        is_there = await work.session.scalar(text("SELECT true FROM organizations"))
        has_admin = await work.session.scalar(select(User.id).where(User.email == PLATFORM_SIGN_IN))
        if is_there and not has_admin:
            await add_user(work, email=PLATFORM_SIGN_IN, display_name="Pat Platform", roles={Role.ADMIN, PLATFORM},
                           password_hash=password_hash)  # fmt: skip


async def _simulated(work: Work) -> list[Machine]:
    machines = await work.session.execute(select(Machine).where(Machine.is_simulated).order_by(Machine.code))
    return list(machines.scalars())


async def _founded(work: Work, *, slug: str, name: str) -> bool:
    """Make an organization, and return whether it was there already, or was deleted by somebody who did not want it."""
    existed = await work.session.scalar(KNOWN)
    if not existed:
        await found_organization(work, slug=slug, name=name)
    return bool(existed)


async def _add_reasons(work: Work) -> None:
    for position, (code, label, loss) in enumerate(STOP_REASONS):
        reason = await add_reason(work, kind="stop", code=code, label=label, loss_category=loss, position=position)
        for number, (finer_code, finer) in enumerate(FINER_STOP_REASONS.get(code, ())):
            await add_reason(work, kind="stop", code=finer_code, label=finer, position=number, parent_id=reason.id)
    for kind, reasons in (("scrap", SCRAP_REASONS), ("rework", REWORK_REASONS)):
        for position, (code, label) in enumerate(reasons):
            await add_reason(work, kind=kind, code=code, label=label, loss_category="quality", position=position)


async def _add_lane(
    work: Work, department_id: UUID, code: str, name: str, position: int, machines: tuple[tuple[str, str], ...]
) -> None:
    lane = await add_lane(work, department_id=department_id, code=code, name=name, position=position)
    for number, (machine_code, machine_name) in enumerate(machines, start=1):
        await add_machine(
            work, lane_id=lane.id, code=machine_code, name=machine_name, position=number, is_simulated=True
        )
