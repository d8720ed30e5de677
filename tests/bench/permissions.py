"""What rights cost: a check in process, and the rights of 10,000 people with 200 roles, loaded and added up."""

import random
import time
from statistics import median
from uuid import UUID

from domain.identity.roles import Permission, is_of_platform
from domain.scope import Scope
from services.auth.permissions import reached_by_pattern
from services.db.keys import new_id
from services.db.tables import OwnRole, RoleGrant, User, UserRole
from services.db.work import begin, read
from services.identity.policies import everybodys_rights, load_policies
from tests.bench.installation import installation
from tests.bench.results import Result, percentile, reported
from tests.factories import found

ROLES = 200
GRANTS_PER_ROLE = 10
PEOPLE = 10_000
ROUNDS = 11
CHECKS = 20_000
MOST_CHECK_US = 20
MOST_LOAD_MS = 300


async def measure() -> list[Result]:
    """Fill an organization, then load it in a process that knows nothing, and check."""
    async with installation():
        scope = await found()
        await _fill(scope)
        return [*await _loads(scope), *await _checks(scope)]


async def _fill(scope: Scope) -> None:
    chance = random.Random(4)
    permissions = [one.value for one in Permission if not is_of_platform(one)]
    areas = sorted({one.partition(".")[0] for one in permissions})
    patterns = [*permissions, *(f"{area}.*.read" for area in areas if reached_by_pattern(f"{area}.*.read"))]
    reached_by_pattern.cache_clear()
    async with begin(scope) as work:
        roles = [
            OwnRole(id=new_id(), org_id=scope.org_id, key=f"role-{one}", name=f"Role {one}") for one in range(ROLES)
        ]
        work.session.add_all(roles)
        await work.session.flush()
        work.session.add_all(
            RoleGrant(org_id=scope.org_id, role_id=role.id, pattern=pattern)
            for role in roles
            for pattern in chance.sample(patterns, GRANTS_PER_ROLE)
        )
        people = [
            User(
                id=new_id(), org_id=scope.org_id, email=f"person-{one}@bench.example", display_name=f"Person {one}",
                custom={},
            )
            for one in range(PEOPLE)
        ]  # fmt: skip
        work.session.add_all(people)
        await work.session.flush()
        work.session.add_all(
            UserRole(org_id=scope.org_id, user_id=person.id, role=role.key)
            for person in people
            for role in chance.sample(roles, chance.choice((1, 1, 2)))
        )


async def _loads(scope: Scope) -> list[Result]:
    cold: list[float] = []
    warm: list[float] = []
    policies: list[float] = []
    for _ in range(ROUNDS):
        reached_by_pattern.cache_clear()
        cold.append(await _load_ms(scope))
        warm.append(await _load_ms(scope))
        async with read(scope) as work:
            began = time.perf_counter()
            await load_policies(work)
            policies.append((time.perf_counter() - began) * 1000)
    return [
        Result("rights_of_10000_people_with_200_roles_cold_p50_ms", median(cold), f"<= {MOST_LOAD_MS}"),
        reported("rights_of_10000_people_with_200_roles_cold_worst_ms", max(cold)),
        reported("rights_of_10000_people_with_200_roles_p50_ms", median(warm)),
        reported("policies_of_200_roles_p50_ms", median(policies)),
    ]


async def _load_ms(scope: Scope) -> float:
    began = time.perf_counter()
    async with read(scope) as work:
        rights = await everybodys_rights(work)
    took_ms = (time.perf_counter() - began) * 1000
    if len(rights) != PEOPLE or not all(one.permissions for one in rights.values()):
        raise RuntimeError("somebody's rights were not loaded")
    return took_ms


async def _checks(scope: Scope) -> list[Result]:
    plants = frozenset({UUID(int=1), UUID(int=2)})
    async with read(scope) as work:
        rights = next(iter((await everybodys_rights(work)).values()))
    acting = Scope(
        scope.org_id, actor_kind="user", plant_ids=plants, permissions=rights.permissions,
        plant_limits={one: frozenset({UUID(int=1)}) for one in sorted(rights.permissions)[:2]},
    )  # fmt: skip
    held = sorted(rights.permissions)
    plain: list[float] = []
    in_plant: list[float] = []
    async with read(acting) as work:
        unlimited = [one for one in held if one not in acting.plant_limits] or held[:1]
        for number in range(CHECKS):
            permission = unlimited[number % len(unlimited)]
            began = time.perf_counter_ns()
            await work.permit(permission)
            plain.append((time.perf_counter_ns() - began) / 1000)
            began = time.perf_counter_ns()
            acting.may_in(UUID(int=1), held[number % len(held)])
            in_plant.append((time.perf_counter_ns() - began) / 1000)
    return [
        Result("permission_check_p99_us", percentile(plain, 99), f"<= {MOST_CHECK_US}"),
        reported("permission_check_p50_us", median(plain)),
        Result("permission_check_in_a_plant_p99_us", percentile(in_plant, 99), f"<= {MOST_CHECK_US}"),
    ]
