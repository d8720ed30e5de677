"""Queues without PGMQ's own notifications: the processes ring after their commits."""

from migrations.policies import APP_ROLE, run_sql

revision = "0005"
down_revision = "0004"

FUNCTION = """
DROP FUNCTION app.open_live_queue(text, text[], integer);
CREATE FUNCTION app.open_live_queue(queue text, patterns text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pgmq, pg_temp AS $$
DECLARE pattern text;
BEGIN
  IF queue !~ '^live_[0-9a-f]{12}$' THEN
    RAISE EXCEPTION 'a live queue is named live_ and twelve hexadecimal digits'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM pgmq.create_unlogged(queue);
  FOREACH pattern IN ARRAY patterns LOOP PERFORM pgmq.bind_topic(pattern, queue); END LOOP;
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON pgmq.%I TO unison_app', 'q_' || queue);
  INSERT INTO app.server_processes (queue) VALUES (queue)
    ON CONFLICT ON CONSTRAINT server_processes_pk DO UPDATE SET seen_at = now(), closed_at = NULL;
END $$;
COMMENT ON FUNCTION app.open_live_queue(text, text[]) IS
  'Makes the unlogged queue of one server process, bound to topic patterns';
"""


def upgrade() -> None:
    """Replace the function, and take the notifications away from the queue of jobs, whose workers poll."""
    run_sql(FUNCTION)
    run_sql("REVOKE ALL ON FUNCTION app.open_live_queue FROM PUBLIC")
    run_sql(f"GRANT EXECUTE ON FUNCTION app.open_live_queue TO {APP_ROLE}")
    run_sql(f"REVOKE ALL ON pgmq.notify_insert_throttle FROM {APP_ROLE}")
    run_sql("SELECT pgmq.disable_notify_insert('jobs')")
