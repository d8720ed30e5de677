"""Health: what lies in every queue, what every worker does, and how much the files of all organizations take."""

from migrations.policies import APP_ROLE, comment_v1, run_sql

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
"""


def upgrade() -> None:
    """Make the functions; let workers say what they do, and server processes how many screens they have."""
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
    run_sql(FUNCTIONS)
    run_sql(f"""
    REVOKE ALL ON FUNCTION app.queues, app.kept_files FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION app.queues, app.kept_files TO {APP_ROLE};
    """)
