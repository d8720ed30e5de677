"""Running the installation: long tasks, what workers do, an organization's jobs, and what it has switched off."""

from migrations.policies import APP_ROLE, audit_v1, comment_v1, isolate_v1, run_sql

revision = "0021"
down_revision = "0020"

# The queue is infrastructure without row security: whatever shows jobs to people reads them through these two, which
# know one organization only.
FUNCTIONS = """
CREATE FUNCTION app.organization_jobs() RETURNS TABLE (
  id bigint, attempts integer, enqueued_at timestamptz, due_at timestamptz, message jsonb, error text,
  is_running boolean
) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT msg_id, read_ct, enqueued_at, vt, message, headers ->> 'error',
         vt > clock_timestamp() AND read_ct > 0 AND coalesce((headers ->> 'runs')::boolean, headers IS NULL)
  FROM pgmq.q_jobs WHERE message ->> 'org' = app.current_org()::text
$$;
COMMENT ON FUNCTION app.organization_jobs() IS 'The jobs of this organization that wait, run, or will be tried again';

CREATE FUNCTION app.organization_dead_letters() RETURNS TABLE (
  id bigint, attempts integer, enqueued_at timestamptz, archived_at timestamptz, message jsonb, error text
) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT msg_id, read_ct, enqueued_at, archived_at, message, headers ->> 'error'
  FROM pgmq.a_jobs WHERE message ->> 'org' = app.current_org()::text
$$;
COMMENT ON FUNCTION app.organization_dead_letters() IS 'The jobs of this organization that failed for good';

CREATE FUNCTION app.forget_silent_workers(silent_for interval) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (DELETE FROM app.workers WHERE seen_at < now() - silent_for RETURNING 1) SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION app.forget_silent_workers(interval) IS 'Forgets workers without a heartbeat for that long';
"""


def upgrade() -> None:
    """Make the tables and functions."""
    run_sql("""
    CREATE TABLE tasks (
      id uuid CONSTRAINT tasks_pk PRIMARY KEY,
      org_id uuid NOT NULL CONSTRAINT tasks_organization_fk REFERENCES organizations (id),
      kind text NOT NULL,
      state text NOT NULL DEFAULT 'queued'
        CONSTRAINT tasks_state_ck CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
      done bigint NOT NULL DEFAULT 0,
      total bigint,
      result jsonb NOT NULL DEFAULT '{}',
      error text NOT NULL DEFAULT '',
      cancel_requested boolean NOT NULL DEFAULT false,
      requested_by uuid,
      requested_at timestamptz NOT NULL,
      started_at timestamptz,
      ended_at timestamptz,
      CONSTRAINT tasks_org_uq UNIQUE (org_id, id),
      CONSTRAINT tasks_requested_by_fk FOREIGN KEY (org_id, requested_by) REFERENCES users (org_id, id)
    );
    CREATE INDEX tasks_requested_ix ON tasks (org_id, requested_at DESC);
    """)
    isolate_v1("tasks")
    # Progress is no change that anybody answers for.
    run_sql("""
    CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF state, cancel_requested ON tasks
      FOR EACH ROW EXECUTE FUNCTION app.audit('tasks')
    """)
    comment_v1(
        "tasks",
        "Long work that somebody started: it can be left, found again and cancelled",
        done="How much is done, of total; what is counted depends on the kind",
        result="What it brought, by kind",
        error="Why it failed, for people",
        cancel_requested="Whether it shall stop at its next step",
    )
    run_sql("""
    CREATE TABLE organization_features (
      org_id uuid NOT NULL CONSTRAINT organization_features_organization_fk REFERENCES organizations (id),
      feature text NOT NULL,
      is_on boolean NOT NULL,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT organization_features_pk PRIMARY KEY (org_id, feature)
    );
    """)
    isolate_v1("organization_features", grants="SELECT, INSERT, UPDATE")
    audit_v1("organization_features")
    comment_v1("organization_features", "What an organization switched on or off; what is not here is as by default")
    run_sql("""
    CREATE TABLE app.workers (
      id uuid CONSTRAINT workers_pk PRIMARY KEY,
      host text NOT NULL,
      pid integer NOT NULL,
      started_at timestamptz NOT NULL DEFAULT now(),
      seen_at timestamptz NOT NULL DEFAULT now(),
      running integer NOT NULL DEFAULT 0
    );
    """)
    comment_v1(
        "app.workers",
        "Background workers by their heartbeat",
        seen_at="Heartbeat",
        running="How many jobs it was doing then",
    )
    run_sql(FUNCTIONS)
    run_sql(f"""
    REVOKE ALL ON FUNCTION app.organization_jobs, app.organization_dead_letters, app.forget_silent_workers FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION app.organization_jobs, app.organization_dead_letters, app.forget_silent_workers
      TO {APP_ROLE};
    GRANT SELECT, INSERT, UPDATE, DELETE ON app.workers TO {APP_ROLE};
    """)
