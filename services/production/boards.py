"""What live boards show: each board is one query that builds its whole snapshot.

A snapshot holds codes and numbers, no words, so that screens of every language share it. Instants are epoch
milliseconds, quantities decimal strings, and what is unknown is absent.
"""

from typing import TypeAlias
from uuid import UUID

from sqlalchemy import text

from domain.errors import NotFound
from services.db.work import Work

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Snapshot: TypeAlias = dict[str, Json]

# A machine whose newest report spoke of an instant this long before the server heard it lives in another time: its log
# is being replayed.
OTHER_TIME = "interval '10 minutes'"

# `place` is the lane or plant with its time zone, in one row. Joined to every machine instead, its table would be
# looked into for each of them, and row security with it.
MACHINES = f"""
SELECT machines.id, machines.lane_id, machines.code, machines.name, machines.position, status.state, status.detail,
       app.spoken(reasons.label, reasons.translations) AS reason,
       (extract(epoch FROM status.since) * 1000)::bigint AS since,
       CASE WHEN status.last_report_at < status.heard_at - {OTHER_TIME}
            THEN (extract(epoch FROM status.last_report_at) * 1000)::bigint END AS as_of,
       CASE WHEN is_today THEN trim_scale(status.good_today) ELSE 0 END AS good_today,
       CASE WHEN is_today THEN trim_scale(status.scrap_today) ELSE 0 END AS scrap_today,
       status.last_report_at,
       CASE WHEN status.state = 'unplanned_stop' AND status.reason_id IS NULL
            THEN (1000 * (extract(epoch FROM status.since) + machines.micro_stop_s))::bigint END AS asks_at{{columns}}
FROM machines
JOIN machine_status AS status ON status.org_id = machines.org_id AND status.machine_id = machines.id
LEFT JOIN reasons ON reasons.org_id = status.org_id AND reasons.id = status.reason_id
{{joins}}CROSS JOIN LATERAL (
  SELECT status.day = (CASE WHEN status.last_report_at < status.heard_at - {OTHER_TIME} THEN status.last_report_at
                       ELSE now() END AT TIME ZONE (SELECT time_zone FROM place))::date AS is_today
) AS today
WHERE {{scope}} AND machines.is_active
"""
RUN = """,
       CASE WHEN runs.id IS NOT NULL THEN jsonb_strip_nulls(jsonb_build_object(
         'order', runs.order_number, 'part', runs.part_number,
         'good', trim_scale(coalesce(totals.good, 0))::text, 'scrap', trim_scale(coalesce(totals.scrap, 0))::text,
         'target', trim_scale(runs.target)::text,
         'paused', nullif(runs.state = 'paused', false), 'test', nullif(runs.is_test, false))) END AS run"""
RUN_TABLES = """\
LEFT JOIN production_runs AS runs ON runs.org_id = status.org_id AND runs.id = status.run_id
LEFT JOIN run_totals AS totals ON totals.org_id = runs.org_id AND totals.run_id = runs.id
"""
CALLS = """
SELECT jsonb_object_agg(calls.id, jsonb_build_object(
  'machine', calls.machine_id, 'lane', floor.lane_id, 'category', calls.category, 'severity', calls.severity,
  'state', calls.state, 'raised_at', (extract(epoch FROM calls.raised_at) * 1000)::bigint,
  'by', users.display_name, 'note', nullif(calls.note, '')))
FROM andon_calls AS calls
JOIN floor ON floor.id = calls.machine_id
LEFT JOIN users ON users.org_id = calls.org_id AND users.id = calls.raised_by
WHERE calls.state IN ('raised', 'acknowledged')
  AND (calls.shelved_until IS NULL OR calls.shelved_until <= now())
"""
WALL = text(f"""
WITH place AS MATERIALIZED (
  SELECT lanes.name, lanes.code, plants.name AS plant, plants.time_zone
  FROM lanes JOIN plants ON plants.org_id = lanes.org_id AND plants.id = lanes.plant_id
  WHERE lanes.id = :lane_id
), floor AS MATERIALIZED ({MACHINES.format(columns=RUN, joins=RUN_TABLES, scope="machines.lane_id = :lane_id")})
SELECT jsonb_strip_nulls(jsonb_build_object(
  'lane', jsonb_build_object('name', place.name, 'code', place.code, 'plant', place.plant),
  'machines', coalesce((SELECT jsonb_object_agg(floor.id, jsonb_build_object(
      'order', floor.position, 'code', floor.code, 'name', floor.name, 'state', floor.state, 'since', floor.since,
      'reason', floor.reason, 'asks_at', floor.asks_at, 'detail', nullif(floor.detail, ''), 'run', floor.run,
      'as_of', floor.as_of,
      'good_today', floor.good_today::text, 'scrap_today', floor.scrap_today::text)) FROM floor), '{{}}'),
  'calls', coalesce(({CALLS}), '{{}}'),
  'hours', coalesce((
    SELECT jsonb_object_agg(hour, jsonb_build_object('good', trim_scale(good)::text, 'scrap', trim_scale(scrap)::text))
    FROM (SELECT (extract(epoch FROM hours.hour_at) * 1000)::bigint AS hour, sum(hours.good) AS good,
                 sum(hours.scrap) AS scrap
          FROM machine_hours AS hours
          WHERE hours.machine_id IN (SELECT id FROM floor)
            AND hours.hour_at > (SELECT max(last_report_at) FROM floor) - interval '12 hours'
          GROUP BY hours.hour_at) AS made), '{{}}')
))
FROM place
""")
PLANT = text(f"""
WITH place AS MATERIALIZED (SELECT name, code, time_zone FROM plants WHERE plants.id = :plant_id),
floor AS MATERIALIZED ({MACHINES.format(columns="", joins="", scope="machines.plant_id = :plant_id")})
SELECT jsonb_strip_nulls(jsonb_build_object(
  'plant', jsonb_build_object('name', place.name, 'code', place.code),
  'lanes', coalesce((SELECT jsonb_object_agg(lanes.id, jsonb_build_object(
      'order', lanes.position, 'code', lanes.code, 'name', lanes.name,
      'good_today', (SELECT coalesce(sum(good_today), 0)::text FROM floor WHERE floor.lane_id = lanes.id),
      'scrap_today', (SELECT coalesce(sum(scrap_today), 0)::text FROM floor WHERE floor.lane_id = lanes.id),
      'machines', coalesce((SELECT jsonb_object_agg(floor.id, jsonb_build_object(
          'order', floor.position, 'code', floor.code, 'name', floor.name, 'state', floor.state,
          'since', floor.since, 'reason', floor.reason, 'asks_at', floor.asks_at, 'as_of', floor.as_of))
        FROM floor WHERE floor.lane_id = lanes.id), '{{}}')))
    FROM lanes WHERE lanes.plant_id = :plant_id), '{{}}'),
  'calls', coalesce(({CALLS}), '{{}}')
))
FROM place
""")


async def load_andon_wall(work: Work, *, lane_id: UUID) -> Snapshot:
    """Return the snapshot of a lane's Andon wall: its machines, open calls, and the pieces of its last twelve hours.

    Raises:
        NotFound: there is no such lane in this scope.
    """
    snapshot: Snapshot | None = (await work.session.execute(WALL, {"lane_id": lane_id})).scalar_one_or_none()
    if snapshot is None:
        raise NotFound(what="lane")
    return snapshot


async def load_plant_board(work: Work, *, plant_id: UUID) -> Snapshot:
    """Return the snapshot of a plant's overview: its lanes with their machines, and open calls.

    Raises:
        NotFound: there is no such plant in this scope.
    """
    snapshot: Snapshot | None = (await work.session.execute(PLANT, {"plant_id": plant_id})).scalar_one_or_none()
    if snapshot is None:
        raise NotFound(what="plant")
    return snapshot
