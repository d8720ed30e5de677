"""Health: what lies in every queue, what workers do and did, and how much the files of all organizations take."""

from migrations.policies import APP_ROLE, comment_v1, isolate_v1, run_sql, seeing_all_rows_v1

revision = "0030"
down_revision = "0029"

# The queues are infrastructure: these tell how many messages there are and how old, and nothing that is in them.
FUNCTIONS = """
CREATE FUNCTION app.queues() RETURNS TABLE (
  name text, depth bigint, oldest_at timestamptz, due_since timestamptz, archived bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE queue text;
BEGIN
  FOR queue IN SELECT queue_name FROM pgmq.meta ORDER BY queue_name LOOP
    BEGIN
      RETURN QUERY EXECUTE format(
        'SELECT %L::text, count(*), min(enqueued_at), min(vt) FILTER (WHERE vt <= clock_timestamp()),'
        ' (SELECT count(*) FROM pgmq.%I) FROM pgmq.%I', queue, 'a_' || queue, 'q_' || queue);
    EXCEPTION WHEN undefined_table THEN NULL; -- the queue of a server process that was reaped meanwhile
    END;
  END LOOP;
END $$;
COMMENT ON FUNCTION app.queues() IS
  'Every queue: its messages, since when the oldest lies there, since when the first is due, and what it archived';

CREATE FUNCTION app.kept_files() RETURNS TABLE (files bigint, bytes bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  organization uuid; part record;
  org_before text := current_setting('app.org_id', true);
BEGIN
  files := 0; bytes := 0;
  FOR organization IN SELECT id FROM public.organizations LOOP
    PERFORM set_config('app.org_id', organization::text, true);
    SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes INTO part FROM public.files;
    files := files + part.files; bytes := bytes + part.bytes;
  END LOOP;
  PERFORM set_config('app.org_id', coalesce(org_before, ''), true);
  RETURN NEXT;
END $$;
COMMENT ON FUNCTION app.kept_files() IS 'How many files all organizations keep, and how many bytes they have';

CREATE FUNCTION app.purge_job_runs(older_than interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE organization uuid; gone bigint; purged bigint := 0;
BEGIN
  IF older_than < interval '1 hour' THEN
    RAISE EXCEPTION 'what jobs did is kept for an hour at least' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOR organization IN SELECT id FROM public.organizations LOOP
    PERFORM set_config('app.org_id', organization::text, true);
    DELETE FROM public.job_runs WHERE ended_at < now() - older_than;
    GET DIAGNOSTICS gone = ROW_COUNT;
    purged := purged + gone;
  END LOOP;
  PERFORM set_config('app.org_id', '', true);
  RETURN purged;
END $$;
COMMENT ON FUNCTION app.purge_job_runs(interval) IS
  'Forgets jobs that ended longer ago than given, one organization after the other under its row security';
"""

# A change of type is done by a task now. Of those under way nothing was changed: who was looking at values begins
# again, who was changing them has the report, and says once more what shall become of it.
CONVERSIONS = """
ALTER TABLE custom_conversions DROP COLUMN seen, ADD COLUMN task_id uuid,
  ADD CONSTRAINT custom_conversions_task_fk FOREIGN KEY (org_id, task_id) REFERENCES tasks (org_id, id);
ALTER TABLE custom_conversions DISABLE TRIGGER audit;
UPDATE custom_conversions SET
  state = CASE state WHEN 'checking' THEN 'dropped' ELSE 'checked' END,
  ended_at = CASE state WHEN 'checking' THEN now() END,
  version = version + 1
WHERE state IN ('checking', 'converting');
ALTER TABLE custom_conversions ENABLE TRIGGER audit;
CREATE INDEX custom_conversions_task_ix ON custom_conversions (org_id, task_id);
DELETE FROM pgmq.q_jobs WHERE message ->> 'job' IN ('custom.conversion.check', 'custom.conversion.run');
"""


def upgrade() -> None:
    """Make the functions; let workers say what they do, and server processes how many screens they have; let jobs leave
    what became of them, changes of type be tasks, and organizations choose the language of their mails."""
    run_sql("""
    ALTER TABLE app.workers DROP COLUMN running, ADD COLUMN jobs jsonb NOT NULL DEFAULT '[]';
    ALTER TABLE app.server_processes ADD COLUMN screens integer NOT NULL DEFAULT 0;
    """)
    comment_v1(
        "app.server_processes",
        "Server processes by their live queue",
        screens="How many pages people had open there at its last heartbeat",
    )
    comment_v1(
        "app.workers",
        "Background workers by their heartbeat",
        jobs="What it was doing then: the name of each job, and since when",
    )
    run_sql("""
    CREATE TABLE job_runs (
      id uuid CONSTRAINT job_runs_pk PRIMARY KEY,
      org_id uuid NOT NULL CONSTRAINT job_runs_organization_fk REFERENCES organizations (id),
      job_id bigint NOT NULL,
      name text NOT NULL,
      outcome text NOT NULL CONSTRAINT job_runs_outcome_ck CHECK (outcome IN ('done', 'failed')),
      attempts integer NOT NULL,
      started_at timestamptz NOT NULL,
      ended_at timestamptz NOT NULL,
      error text NOT NULL DEFAULT '',
      CONSTRAINT job_runs_org_uq UNIQUE (org_id, id),
      CONSTRAINT job_runs_times_ck CHECK (ended_at >= started_at)
    );
    CREATE INDEX job_runs_ended_ix ON job_runs (org_id, ended_at DESC);
    """)
    isolate_v1("job_runs", grants="SELECT, INSERT")
    comment_v1(
        "job_runs",
        "Jobs that ended within a day, and how",
        job_id="Its number in the queue",
        outcome="done, or failed for good: then it lies among the dead letters as well",
        started_at="When its last attempt began",
        error="What went wrong, of one that failed",
    )
    with seeing_all_rows_v1("custom_conversions", "tasks"):
        run_sql(CONVERSIONS)
    comment_v1(
        "custom_conversions",
        "Changes of the type of a custom field; one at a time, with a report before anything changes",
        task_id="The newest task of it, which tells how far it is; null where an older version began it",
        total="How many values there are",
    )
    run_sql("ALTER TABLE branding ADD COLUMN mail_language text NOT NULL DEFAULT ''")
    run_sql(
        "COMMENT ON COLUMN branding.mail_language IS"
        " 'BCP 47 tag of mails to people who have chosen no language; empty for English'"
    )
    run_sql(FUNCTIONS)
    run_sql(f"""
    REVOKE ALL ON FUNCTION app.queues, app.kept_files, app.purge_job_runs FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION app.queues, app.kept_files, app.purge_job_runs TO {APP_ROLE};
    """)
