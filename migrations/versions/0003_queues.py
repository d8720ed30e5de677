"""Live queues of server processes, the job queue, schedules."""

from migrations.policies import APP_ROLE, comment_v1, run_sql

revision = "0003"
down_revision = "0002"

FUNCTIONS = """
CREATE FUNCTION app.open_live_queue(queue text, patterns text[], throttle_ms integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pgmq, pg_temp AS $$
DECLARE pattern text;
BEGIN
  IF queue !~ '^live_[0-9a-f]{12}$' THEN
    RAISE EXCEPTION 'a live queue is named live_ and twelve hexadecimal digits'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM pgmq.create_unlogged(queue);
  PERFORM pgmq.enable_notify_insert(queue, throttle_ms);
  FOREACH pattern IN ARRAY patterns LOOP PERFORM pgmq.bind_topic(pattern, queue); END LOOP;
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON pgmq.%I TO unison_app', 'q_' || queue);
  INSERT INTO app.server_processes (queue) VALUES (queue)
    ON CONFLICT ON CONSTRAINT server_processes_pk DO UPDATE SET seen_at = now(), closed_at = NULL;
END $$;
COMMENT ON FUNCTION app.open_live_queue(text, text[], integer) IS
  'Makes the unlogged queue of one server process, bound to topic patterns, ringing at most once per throttle';

CREATE FUNCTION app.close_live_queue(queue text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pgmq, pg_temp AS $$
BEGIN
  DELETE FROM pgmq.topic_bindings WHERE topic_bindings.queue_name = queue AND queue LIKE 'live\\_%';
  UPDATE app.server_processes SET closed_at = now() WHERE server_processes.queue = close_live_queue.queue;
END $$;
COMMENT ON FUNCTION app.close_live_queue(text) IS
  'Stops sending to a live queue; a later reap drops it, when no running transaction can still write to it';

CREATE FUNCTION app.reap_live_queues(silent_for interval) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pgmq, pg_temp AS $$
DECLARE dead text; reaped integer := 0;
BEGIN
  FOR dead IN SELECT queue FROM app.server_processes WHERE closed_at < now() - silent_for FOR UPDATE SKIP LOCKED LOOP
    PERFORM pgmq.drop_queue(dead);
    DELETE FROM app.server_processes WHERE queue = dead;
    reaped := reaped + 1;
  END LOOP;
  FOR dead IN SELECT queue FROM app.server_processes
              WHERE closed_at IS NULL AND seen_at < now() - silent_for FOR UPDATE SKIP LOCKED LOOP
    PERFORM app.close_live_queue(dead);
  END LOOP;
  RETURN reaped;
END $$;
COMMENT ON FUNCTION app.reap_live_queues(interval) IS
  'Unbinds the queues of processes that fell silent, drops those unbound as long; returns how many it dropped';
"""


def upgrade() -> None:
    """Make the queues."""
    run_sql("""
    CREATE TABLE app.server_processes (
      queue text CONSTRAINT server_processes_pk PRIMARY KEY,
      started_at timestamptz NOT NULL DEFAULT now(),
      seen_at timestamptz NOT NULL DEFAULT now(),
      closed_at timestamptz
    )
    """)
    comment_v1(
        "app.server_processes",
        "Server processes by their live queue",
        seen_at="Heartbeat of the process",
        closed_at="When its queue was unbound; it is dropped some time later",
    )
    run_sql("""
    CREATE TABLE app.schedules (
      name text CONSTRAINT schedules_pk PRIMARY KEY,
      due_at timestamptz NOT NULL DEFAULT now()
    )
    """)
    comment_v1("app.schedules", "When each recurring job is due; whoever takes it moves it on")
    run_sql(FUNCTIONS)
    run_sql("SELECT pgmq.create('jobs')")
    run_sql("SELECT pgmq.enable_notify_insert('jobs', 100)")
    run_sql("REVOKE ALL ON FUNCTION app.open_live_queue, app.close_live_queue, app.reap_live_queues FROM PUBLIC")
    run_sql(f"""
    GRANT EXECUTE ON FUNCTION app.open_live_queue, app.close_live_queue, app.reap_live_queues TO {APP_ROLE};
    GRANT SELECT, UPDATE ON app.server_processes TO {APP_ROLE};
    GRANT SELECT, INSERT, UPDATE ON app.schedules TO {APP_ROLE};
    GRANT USAGE ON SCHEMA pgmq TO {APP_ROLE};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgmq TO {APP_ROLE};
    GRANT SELECT ON pgmq.meta, pgmq.topic_bindings TO {APP_ROLE};
    GRANT SELECT, UPDATE ON pgmq.notify_insert_throttle TO {APP_ROLE};
    GRANT SELECT, INSERT, UPDATE, DELETE ON pgmq.q_jobs TO {APP_ROLE};
    GRANT SELECT, INSERT, DELETE ON pgmq.a_jobs TO {APP_ROLE};
    """)
    run_sql("SELECT app.ensure_months(now() - interval '1 month', now() + interval '3 months')")
