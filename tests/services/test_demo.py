"""The demo: two organizations that never see each other."""

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import func, select

from domain.identity.roles import PLATFORM, Role
from domain.scope import Scope
from services.adapters.simulator import PARTS
from services.auth.attempts import SignInAttempts
from services.auth.tokens import TokenIssuer
from services.db.tables import CycleTime, Lane, Machine, Material, User
from services.db.work import begin, read
from services.demo import (
    DEMO_ORG,
    DEMO_SIGN_INS,
    KOMAX_MACHINE,
    NAMES,
    PLATFORM_ORG,
    RIVAL_ORG,
    STATIONS,
    open_demo_with,
    past_of_simulation,
    seed_demo,
    simulated_machines,
)
from services.demo_parts import PLANNED_SHARE
from services.demo_shifts import DEMO_PAST
from services.identity.badges import BadgeKey
from services.identity.policies import PolicyMemory
from services.identity.sessions import look_up
from services.identity.sign_ins import Device, Tokens, WrongPassword, sign_in
from services.plant.shift_queries import list_shifts
from tests.factories import Make

ISSUER = TokenIssuer("k" * 40, access_lifetime=timedelta(minutes=30), refresh_lifetime=timedelta(days=7))

BADGE_KEY = BadgeKey.of("k" * 40)


async def signed_in(email: str, password: str) -> Tokens:
    return await sign_in(ISSUER, SignInAttempts(10), email=email, password=password, device=Device("192.0.2.1"))


@pytest.mark.usefixtures("database")
@pytest.mark.xdist_group("demo")
class TestDemo:
    async def test_opens_every_sign_in_with_one_password_and_its_role(self) -> None:
        await seed_demo("the demo's password", BADGE_KEY)

        for email in DEMO_SIGN_INS:
            claims = (await signed_in(email, "the demo's password")).access_claims
            viewer = await look_up(
                policies=PolicyMemory(), org_id=claims.org_id, user_id=claims.user_id, session_id=claims.session_id
            )
            role, _, host = email.partition("@")
            roles = {PLATFORM, Role.ADMIN.value} if role == PLATFORM else {role}
            assert viewer.roles == roles
            assert claims.org_id == {"rival.example": RIVAL_ORG, "unison.example": PLATFORM_ORG}.get(host, DEMO_ORG)

    async def test_is_seeded_once_and_keeps_what_was_changed(self) -> None:
        await seed_demo("the demo's password", BADGE_KEY)
        await seed_demo("another password", BADGE_KEY)

        async with read(Scope(DEMO_ORG)) as work:
            assert await work.session.scalar(select(func.count()).select_from(User)) == len(NAMES)
        assert await signed_in(DEMO_SIGN_INS[0], "the demo's password")

    async def test_can_be_opened_with_another_password(self) -> None:
        await seed_demo("the demo's password", BADGE_KEY)

        await open_demo_with("another password")

        assert await signed_in("admin@rival.example", "another password")
        with pytest.raises(WrongPassword):
            await signed_in("admin@demo.example", "the demo's password")
        await open_demo_with("the demo's password")

    async def test_has_simulated_machines_and_one_for_the_real_log(self) -> None:
        await seed_demo("the demo's password", BADGE_KEY)

        simulated = await simulated_machines()

        async with read(Scope(DEMO_ORG)) as work:
            codes = set((await work.session.execute(select(Machine.code))).scalars())
        assert len(simulated) >= 10
        assert codes - set(simulated) == {KOMAX_MACHINE, *(code for code, _ in STATIONS)}

    async def test_plans_how_long_every_part_takes_on_every_simulated_machine(self) -> None:
        await seed_demo("the demo's password", BADGE_KEY)

        simulated = await simulated_machines()

        async with read(Scope(DEMO_ORG)) as work:
            planned = await work.session.execute(
                select(Machine.code, Material.number, CycleTime.cycle_time_s)
                .join(CycleTime, CycleTime.machine_id == Machine.id)
                .join(Material, Material.id == CycleTime.material_id)
            )
            found = {(code, number): cycle_time_s for code, number, cycle_time_s in planned}
        assert found.keys() == {(code, part) for code in simulated for part in PARTS}
        assert all(planned_s == simulated[code] * PLANNED_SHARE for (code, _), planned_s in found.items())

    async def test_has_been_working_for_a_while_until_its_machines_report(self, make: Make) -> None:
        await seed_demo("the demo's password", BADGE_KEY)

        assert await past_of_simulation() == DEMO_PAST

        async with begin(Scope(DEMO_ORG, actor_kind="machine")) as work:
            machine = (await work.session.execute(select(Machine).where(Machine.is_simulated).limit(1))).scalar_one()
            await make.run(work, machine=machine)
        assert await past_of_simulation() == timedelta()

    async def test_works_in_shifts_at_every_hour(self) -> None:
        await seed_demo("the demo's password", BADGE_KEY)

        async with read(Scope(DEMO_ORG)) as work:
            lanes = (await work.session.execute(select(Lane.id))).scalars().all()
            shifts = {lane: (await list_shifts(work, lane_id=lane, limit=500)).items for lane in lanes}
            now = work.now

        for of_lane in shifts.values():
            assert of_lane[0].starts_at <= now
            assert all(one.ends_at == later.starts_at for one, later in pairwise(of_lane))
            assert {crew for one in of_lane if (crew := one.crew)} == {"Red", "Blue", "Green"}
            assert all(one.breaks for one in of_lane)
