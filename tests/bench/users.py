"""The table of people of an organization of 10,000: searched, filtered and sorted, page by page."""

import os
import time
from uuid import UUID

import asyncpg

from domain.identity.roles import Role
from domain.scope import Scope
from services.audit.notes import NOTES
from services.db.work import begin, read
from services.identity.user_queries import UserFilter, UserSort, UserState, export_user_rows, list_user_rows
from tests.bench.installation import OTHER_CORE, Installation, installation, pin
from tests.bench.results import Result, percentile, reported
from tests.factories import Make, as_role, found

PEOPLE = 10_000
OTHERS = 5_000
"""People of each of two other organizations in the same tables."""
ROUNDS = 60
WARM_UP = 5
LAST_PAGE = 9_950
FILL = """
INSERT INTO users (id, org_id, email, display_name, plant_ids, is_active, password_hash, created_at)
SELECT gen_random_uuid(), $1, 'person-' || n || '@bench.example',
       (ARRAY['Ada', 'Bea', 'Cem', 'Dora', 'Egon', 'Finn', 'Gül', 'Hans'])[1 + n * 7919 % 8] || ' ' || md5(n::text),
       CASE WHEN n % 3 = 0 THEN ARRAY[$2::uuid] END, n % 20 <> 0, CASE WHEN n % 10 <> 0 THEN 'x' END,
       now() - make_interval(mins => n * 37)
FROM generate_series(1, $3::integer) AS n
"""
ROLES = """
INSERT INTO user_roles (org_id, user_id, role)
SELECT org_id, id, (ARRAY['admin', 'supervisor', 'operator', 'viewer'])[1 + abs(hashtext(email)) % 4]
FROM users WHERE org_id = $1 AND email LIKE 'person-%'
"""
INVITATIONS = """
INSERT INTO user_invitations (org_id, user_id, digest, expires_at)
SELECT org_id, id, sha256(id::text::bytea), now() + interval '3 days' FROM users
WHERE org_id = $1 AND password_hash IS NULL AND is_active
"""
SESSIONS = """
INSERT INTO sign_in_sessions (id, org_id, user_id, expires_at, created_at)
SELECT gen_random_uuid(), org_id, id, now() + interval '7 days', now() - make_interval(hours => day)
FROM users, generate_series(1, 3) AS day WHERE org_id = $1 AND email LIKE 'person-%' AND is_active
"""


async def measure() -> list[Result]:
    """Ask every question again and again, under the runtime role, as an admin."""
    pin(os.getpid(), OTHER_CORE)
    async with installation() as place:
        for _ in range(2):
            await _fill(place, await found(), OTHERS)
        scope = await found(slug="bench")
        plant_id = await _fill(place, scope, PEOPLE)
        admin = as_role(scope, Role.ADMIN, user_id=None)
        questions: dict[str, tuple[UserFilter, UserSort, int]] = {
            "all_by_name": (UserFilter(), UserSort.NAME, 0),
            "all_by_state": (UserFilter(), UserSort.STATE, 0),
            "last_page_by_name": (UserFilter(), UserSort.NAME, LAST_PAGE),
            "operators_by_mail": (UserFilter(role="operator"), UserSort.EMAIL, 0),
            "invited_by_day": (UserFilter(state=UserState.INVITED), UserSort.CREATED, 0),
            "words_by_name": (UserFilter(words="ada"), UserSort.NAME, 0),
            "rare_words_by_state": (UserFilter(words="person-77@"), UserSort.STATE, 0),
            "operators_of_a_plant_by_state": (
                UserFilter(words="an", state=UserState.ACTIVE, role="operator", plant_id=plant_id), UserSort.STATE, 0,
            ),
        }  # fmt: skip
        times = {name: await _ask(admin, *question) for name, question in questions.items()}
        exported_ms = await _export(admin)
    return [
        Result("user_table_worst_p95_ms", max(percentile(values, 95) for values in times.values()), "<= 50"),
        *(reported(f"user_table_{name}_p95_ms", percentile(values, 95)) for name, values in times.items()),
        reported("everybody_exported_ms", exported_ms),
    ]


async def _fill(place: Installation, scope: Scope, people: int) -> UUID:
    async with begin(scope) as work:
        plant = await Make("").plant(work)
    connection = await asyncpg.connect(place.superuser_url)
    try:
        await connection.execute("SET session_replication_role = replica")  # no audit of what nobody did
        await connection.execute(FILL, scope.org_id, plant.id, people)
        for statement in (ROLES, INVITATIONS, SESSIONS):
            await connection.execute(statement, scope.org_id)
        await connection.execute("VACUUM ANALYZE users, user_roles, user_invitations, sign_in_sessions")
    finally:
        await connection.close()
    return plant.id


async def _ask(scope: Scope, wanted: UserFilter, order: UserSort, offset: int) -> list[float]:
    took: list[float] = []
    for number in range(ROUNDS + WARM_UP):
        began = time.perf_counter()
        async with read(scope) as work:
            page = await list_user_rows(work, wanted=wanted, order=order, offset=offset)
        if number >= WARM_UP:
            took.append((time.perf_counter() - began) * 1000)
    assert page.rows
    return took


async def _export(scope: Scope) -> float:
    began = time.perf_counter()
    async with read(scope) as work:
        people = await export_user_rows(work, wanted=UserFilter())
    took_ms = (time.perf_counter() - began) * 1000
    assert len(people) >= PEOPLE
    await NOTES.written()
    return took_ms
