"""States that somebody watches: a machine that stays in one of them is looked at again when it has stayed too long.

Entering a state queues that look in the very statement that writes the state, so that a state change costs no query
more, whether there are rules or not.
"""

from datetime import datetime
from uuid import UUID

from services.jobs.registry import Job

WATCHED = """
SELECT pgmq.send(
  'jobs',
  jsonb_build_object(
    'job', 'andon.stay.check', 'org', rules.org_id, 'user', NULL, 'request', CAST(:request_id AS text),
    'payload', jsonb_build_object('rule_id', rules.id, 'machine_id', status.machine_id, 'since', status.since)),
  greatest(0, ceil(extract(epoch FROM
    status.since + make_interval(secs => rules.after_s) - clock_timestamp())))::integer) AS message
FROM {status} AS status
JOIN machines ON machines.org_id = status.org_id AND machines.id = status.machine_id
JOIN andon_rules AS rules
  ON rules.plant_id = machines.plant_id AND rules.state = status.state AND rules.is_active
 AND (rules.machine_id = machines.id OR rules.machine_id IS NULL AND (rules.lane_id = machines.lane_id
      OR rules.lane_id IS NULL))
WHERE status.since > CAST(:now AS timestamptz) - interval '1 day'
"""
"""Queues a look for every rule that matches; what the log of another time tells is nothing to call somebody for."""
WATCH_ENTERED_STATE = WATCHED.format(status="entered")
WATCH_STATES_OF_RULE = WATCHED.format(status="machine_status") + " AND rules.id = :rule_id"

ENTER_STATE = f"""
WITH entered AS (
  UPDATE machine_status SET state = :state, since = :at, reason_id = :reason_id, detail = :detail,
         last_report_at = greatest(last_report_at, :at), heard_at = :now
  WHERE machine_id = :machine_id
  RETURNING org_id, machine_id, state, since
), watched AS ({WATCH_ENTERED_STATE}), outlived AS (
  UPDATE andon_calls SET rule_ended_at = :at, version = version + 1
  WHERE machine_id = :machine_id AND state IN ('raised', 'acknowledged') AND rule_since <= :at
    AND rule_ended_at IS NULL
  RETURNING id
)
SELECT (SELECT count(*) FROM watched) AS watched, ARRAY(SELECT id FROM outlived) AS outlived
"""
"""Enters another state, has the rules that watch it look later, and notes in the calls of rules that theirs is over."""


class CheckStay(Job):
    """See whether a machine is still in the state that a rule watches, and call for help if so."""

    name = "andon.stay.check"
    rule_id: UUID
    machine_id: UUID
    since: datetime
    """When the machine entered the state."""
