"""A year of production of one plant, loaded past the use cases because those would take days.

Fifty machines in five lanes work three shifts a day. Pieces come every few minutes, states change a hundred times a day
and machine. Hourly facts hold the very pieces of the log; their seconds come from the states that began in the hour.
"""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import asyncpg

from domain.identity.roles import Role
from domain.production.routings import RoutingStep
from domain.scope import Scope
from services.db.work import begin
from services.plant.reasons import add_reason
from services.plant.shift_facts import KEYS, NUMBERS
from tests.bench.installation import Installation
from tests.factories import Connection, Make, found

DAYS = 365
MACHINES = 50
LANES = 5
LOG_ROWS = 10_000_000
STATE_CHANGES = 2_000_000
CYCLE_S = 6

MONTHS = f"SELECT app.ensure_months(now() - interval '{DAYS + 1} days', now() + interval '1 month')"
UNINDEXED = ("production_log", "machine_state_changes")
INDEXES = """
SELECT i.relname AS name, pg_get_indexdef(i.oid) AS definition, c.conname AS constraint_name,
       pg_get_constraintdef(c.oid) AS constraint_definition
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_constraint c ON c.conindid = i.oid
WHERE x.indrelid = $1::regclass
"""
MACHINE_LIST = """
CREATE TABLE public.bench_machines AS
  SELECT machines.org_id, machines.plant_id, machines.lane_id, machines.id,
         row_number() OVER (ORDER BY machines.code) AS number, runs.id AS run_id, runs.operation_id
  FROM machines JOIN production_runs AS runs ON runs.machine_id = machines.id
"""
LOG = f"""
INSERT INTO production_log (id, org_id, plant_id, machine_id, run_id, operation_id, kind, quantity, reason_id, at,
                            recorded_at, device, actor_kind, client_key)
SELECT gen_random_uuid(), org_id, plant_id, bench_machines.id, run_id, operation_id, kind, 1 + floor(random() * 20),
       CASE WHEN kind = 'scrap' THEN $3::uuid END, at, at, 'terminal', 'machine', gen_random_uuid()
FROM bench_machines,
     LATERAL (SELECT CASE WHEN random() < 0.06 THEN 'scrap' ELSE 'good' END AS kind,
                     slot + random() * interval '{DAYS * 86400 * MACHINES / LOG_ROWS} seconds' AS at
              FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 second',
                                   interval '{DAYS * 86400 * MACHINES / LOG_ROWS} seconds') AS slot
              WHERE bench_machines.number > 0) AS made
WHERE made.at < $2
"""
CHANGES = f"""
INSERT INTO machine_state_changes (org_id, plant_id, machine_id, started_at, state, reason_id, actor_kind, recorded_at)
SELECT org_id, plant_id, bench_machines.id, at, state,
       CASE WHEN state = 'unplanned_stop' AND random() < 0.8 THEN $3::uuid END, 'machine', at
FROM bench_machines,
     LATERAL (SELECT slot + random() * interval '{DAYS * 86400 * MACHINES / STATE_CHANGES / 2} seconds' AS at,
                     CASE WHEN number % 2 = 0 THEN 'running'
                          ELSE (ARRAY['unplanned_stop', 'unplanned_stop', 'setup', 'idle', 'starved'])
                               [1 + floor(random() * 5)] END AS state
              FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 second',
                                   interval '{DAYS * 86400 * MACHINES / STATE_CHANGES} seconds')
                   WITH ORDINALITY AS slots (slot, number)
              WHERE bench_machines.number > 0) AS changes
"""
SHIFTS = f"""
INSERT INTO shift_occurrences (id, org_id, plant_id, lane_id, day, name, starts_at, ends_at, break_starts, break_ends)
SELECT gen_random_uuid(), org_id, plant_id, id, (starts_at AT TIME ZONE 'Europe/Berlin')::date,
       CASE extract(hour FROM starts_at AT TIME ZONE 'UTC') WHEN 5 THEN 'Early' WHEN 13 THEN 'Late' ELSE 'Night' END,
       starts_at, starts_at + interval '8 hours', ARRAY[starts_at + interval '4 hours'],
       ARRAY[starts_at + interval '4 hours 30 minutes']
FROM lanes, generate_series(date_trunc('day', now() - interval '{DAYS} days', 'UTC') + interval '5 hours',
                            now() + interval '1 day', interval '8 hours') AS starts_at
"""
FACTS = f"""
WITH pieces AS (
  SELECT machine_id, date_trunc('hour', at, 'UTC') AS hour_at, sum(quantity) FILTER (WHERE kind = 'good') AS good,
         sum(quantity) FILTER (WHERE kind = 'scrap') AS scrap
  FROM production_log GROUP BY 1, 2
), changes AS (
  SELECT machine_id, state, reason_id, date_trunc('hour', started_at, 'UTC') AS hour_at,
         least(3600, extract(epoch FROM lead(started_at) OVER (PARTITION BY machine_id ORDER BY started_at)
                                        - started_at)) AS seconds
  FROM machine_state_changes
), times AS (
  SELECT machine_id, hour_at, sum(seconds) FILTER (WHERE state = 'running') AS running,
         sum(seconds) FILTER (WHERE state = 'setup') AS setup, sum(seconds) FILTER (WHERE state = 'idle') AS idle,
         sum(seconds) FILTER (WHERE state = 'starved') AS starved,
         sum(seconds) FILTER (WHERE state = 'unplanned_stop' AND reason_id IS NOT NULL) AS breakdown,
         sum(seconds) FILTER (WHERE state = 'unplanned_stop' AND reason_id IS NULL) AS unexplained
  FROM changes GROUP BY 1, 2
)
INSERT INTO hourly_facts (org_id, plant_id, lane_id, machine_id, hour_at, shift_id, day, is_planned, running_s,
                          changeover_s, idle_s, starved_s, breakdown_s, unexplained_s, good, scrap, good_reported,
                          scrap_reported, planned_run_s, planned_run_reported_s)
SELECT machines.org_id, machines.plant_id, machines.lane_id, machines.id, pieces.hour_at, shifts.id, shifts.day, true,
       coalesce(running, 0), coalesce(setup, 0), coalesce(idle, 0), coalesce(starved, 0), coalesce(breakdown, 0),
       coalesce(unexplained, 0), coalesce(good, 0), coalesce(scrap, 0), coalesce(good, 0), coalesce(scrap, 0),
       {CYCLE_S} * (coalesce(good, 0) + coalesce(scrap, 0)), {CYCLE_S} * (coalesce(good, 0) + coalesce(scrap, 0))
FROM pieces
JOIN machines ON machines.id = pieces.machine_id
JOIN shift_occurrences AS shifts ON shifts.lane_id = machines.lane_id AND shifts.starts_at <= pieces.hour_at
     AND shifts.ends_at > pieces.hour_at
LEFT JOIN times ON times.machine_id = pieces.machine_id AND times.hour_at = pieces.hour_at;
INSERT INTO machine_hours (org_id, plant_id, machine_id, hour_at, good, scrap)
  SELECT org_id, plant_id, machine_id, hour_at, good, scrap FROM hourly_facts;
"""
ADDED_UP = ", ".join("min(hour_at)" if name == "hour_at" else f"sum({name})" for name in ("hour_at", *NUMBERS))
SHIFT_FACTS = f"""
INSERT INTO shift_facts ({", ".join((*KEYS, "hour_at", *NUMBERS))})
  SELECT {", ".join(KEYS)}, {ADDED_UP} FROM hourly_facts GROUP BY {", ".join(KEYS)}
"""
STATUS = """
UPDATE machine_status SET state = newest.state, since = newest.started_at, heard_at = now()
FROM (SELECT DISTINCT ON (machine_id) machine_id, state, started_at FROM machine_state_changes
      ORDER BY machine_id, started_at DESC) AS newest
WHERE newest.machine_id = machine_status.machine_id;
DROP TABLE bench_machines;
"""


@dataclass(frozen=True)
class History:
    """The plant whose year was loaded."""

    scope: Scope
    """The system, in the plant's organization."""
    email: str
    """A supervisor."""
    plant_id: UUID
    lane_id: UUID
    lane_code: str
    machine_ids: tuple[UUID, ...]
    """All of the plant; those of the lane are every fifth."""


async def make_history(place: Installation, *, password_hash: str) -> History:
    """Make the plant through the use cases, and load its year."""
    scope = await found(slug="history")
    make = Make(password_hash)
    async with begin(scope) as work:
        user = await make.user(work, role=Role.SUPERVISOR)
        stop = await add_reason(work, kind="stop", code="broken", label="Tool broken", loss_category="breakdown")
        scrap = await add_reason(work, kind="scrap", code="burr", label="Burr")
        plant = await make.plant(work)
        department = await make.department(work, plant=plant)
        lanes = [await make.lane(work, department=department) for _ in range(LANES)]
        machines = [await make.machine(work, lane=lanes[number % LANES]) for number in range(MACHINES)]
        for machine in machines:
            step = RoutingStep(sequence=10, name="Mill", machine_id=machine.id, run_time_s=Decimal(CYCLE_S))
            await make.running_operation(work, machine=machine, target=10 * LOG_ROWS, steps=(step,))
    connection = await asyncpg.connect(place.superuser_url)
    try:
        await _load(connection, stop_reason_id=stop.id, scrap_reason_id=scrap.id)
    finally:
        await connection.close()
    return History(scope, user.email, plant.id, lanes[0].id, lanes[0].code, tuple(each.id for each in machines))


async def _load(connection: Connection, *, stop_reason_id: UUID, scrap_reason_id: UUID) -> None:
    await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
    await connection.execute("SET maintenance_work_mem = '1GB'; SET work_mem = '256MB'")
    await connection.execute(MONTHS)
    await connection.execute(MACHINE_LIST)
    indexes = {table: await connection.fetch(INDEXES, table) for table in UNINDEXED}
    for table, found_indexes in indexes.items():
        for index in found_indexes:
            name = index["constraint_name"]
            drop = f"DROP INDEX {index['name']}" if name is None else f"ALTER TABLE {table} DROP CONSTRAINT {name}"
            await connection.execute(drop)
    until = await connection.fetchval("SELECT now()")
    since = await connection.fetchval(f"SELECT now() - interval '{DAYS} days'")
    await connection.execute(LOG, since, until, scrap_reason_id)
    await connection.execute(CHANGES, since, until, stop_reason_id)
    for table, found_indexes in indexes.items():
        for index in found_indexes:
            name = index["constraint_name"]
            definition = f"ALTER TABLE {table} ADD CONSTRAINT {name} {index['constraint_definition']}"
            await connection.execute(index["definition"].replace(" ON ONLY ", " ON ") if name is None else definition)
    await connection.execute(SHIFTS)
    await connection.execute(FACTS)
    await connection.execute(SHIFT_FACTS)
    await connection.execute(STATUS)
    await connection.execute("VACUUM ANALYZE")
