"""A quarter of production in many organizations, loaded past the use cases because those would take an hour."""

import asyncpg

from domain.scope import Scope
from services.db.work import begin
from tests.bench.installation import Installation
from tests.bench.works import Works
from tests.factories import Make

ROWS = 1_000_000
ORGANIZATIONS = 20
DAYS = 90
OPEN_CALLS = 3

PREPARE = f"""
SELECT app.ensure_months(now() - interval '{DAYS} days', now());
CREATE TABLE public.bench_machines AS
  SELECT machines.org_id, machines.plant_id, machines.id, machine_status.run_id,
         row_number() OVER (PARTITION BY machines.org_id ORDER BY machines.code) AS number,
         (SELECT id FROM reasons WHERE reasons.org_id = machines.org_id AND kind = 'scrap' LIMIT 1) AS reason_id
  FROM machines JOIN machine_status ON machine_status.machine_id = machines.id;
"""
# Reports come more often from some machines than from others, by day more than by night, and one in fifteen is scrap.
REPORTS = f"""
INSERT INTO production_log (id, org_id, plant_id, machine_id, run_id, kind, quantity, reason_id, at, recorded_at,
                            device, actor_kind, client_key)
SELECT gen_random_uuid(), bench_machines.org_id, plant_id, bench_machines.id, run_id, kind, 1 + floor(random() * 50),
       CASE WHEN kind = 'scrap' THEN reason_id END, at, at, 'terminal', 'machine', gen_random_uuid()
FROM (
  SELECT 1 + floor(power(random(), 1.3) * $3)::bigint AS number,
         CASE WHEN random() < 1 / 15.0 THEN 'scrap' ELSE 'good' END AS kind,
         now() - make_interval(days => floor(random() * {DAYS})::integer, secs => power(random(), 1.5) * 86400) AS at
  FROM generate_series(1, $2::bigint)
) AS reports
JOIN bench_machines ON bench_machines.org_id = $1 AND bench_machines.number = reports.number
WHERE at > now() - interval '{DAYS} days'
"""
SUMS = """
INSERT INTO machine_hours (org_id, plant_id, machine_id, hour_at, good, scrap)
  SELECT org_id, plant_id, machine_id, date_trunc('hour', at), coalesce(sum(quantity) FILTER (WHERE kind = 'good'), 0),
         coalesce(sum(quantity) FILTER (WHERE kind = 'scrap'), 0)
  FROM production_log GROUP BY 1, 2, 3, 4;
INSERT INTO run_totals (org_id, plant_id, run_id, good, scrap)
  SELECT org_id, plant_id, run_id, coalesce(sum(quantity) FILTER (WHERE kind = 'good'), 0),
         coalesce(sum(quantity) FILTER (WHERE kind = 'scrap'), 0)
  FROM production_log GROUP BY 1, 2, 3;
UPDATE machine_status SET last_report_at = now(), heard_at = now(), day = current_date,
  good_today = coalesce((SELECT sum(good) FROM machine_hours
                         WHERE machine_hours.org_id = machine_status.org_id AND hour_at >= current_date
                           AND machine_hours.machine_id = machine_status.machine_id), 0);
DROP TABLE bench_machines;
"""


async def fill_logs(place: Installation, works: list[Works]) -> None:
    """Give the organizations logs of different sizes, `ROWS` altogether, and what is summed from them."""
    for one in works:
        async with begin(Scope(one.scope.org_id, request_id="bench")) as work:
            for machine_id in one.machine_ids[:OPEN_CALLS]:
                await Make(password_hash="").call(work, machine_id=machine_id)
    connection = await asyncpg.connect(place.superuser_url)
    try:
        await connection.execute(PREPARE)
        await connection.execute("SET session_replication_role = replica")  # no audit, no checks of references
        shares = [0.5 + number / (len(works) - 1) for number in range(len(works))]
        for one, share in zip(works, shares, strict=True):
            rows = round(ROWS * share / sum(shares))
            await connection.execute(REPORTS, one.scope.org_id, rows, len(one.machine_ids))
        await connection.execute(SUMS)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
