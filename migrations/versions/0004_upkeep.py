"""Forgetting what is over: stored answers of writes, ended sessions and their tokens."""

from migrations.policies import APP_ROLE, run_sql

revision = "0004"
down_revision = "0003"

FUNCTIONS = """
CREATE FUNCTION app.purge_idempotency_keys(older_than interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE organization uuid; gone bigint; purged bigint := 0;
BEGIN
  IF older_than < interval '1 hour' THEN
    RAISE EXCEPTION 'answers are kept for an hour at least' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOR organization IN SELECT id FROM public.organizations LOOP
    PERFORM set_config('app.org_id', organization::text, true);
    DELETE FROM public.idempotency_keys WHERE created_at < now() - older_than;
    GET DIAGNOSTICS gone = ROW_COUNT;
    purged := purged + gone;
  END LOOP;
  PERFORM set_config('app.org_id', '', true);
  RETURN purged;
END $$;
COMMENT ON FUNCTION app.purge_idempotency_keys(interval) IS
  'Deletes stored answers of writes older than given, one organization after the other under its row security';

CREATE FUNCTION app.purge_sign_ins(older_than interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE organization uuid; gone bigint; purged bigint := 0;
BEGIN
  IF older_than < interval '1 hour' THEN
    RAISE EXCEPTION 'sessions are kept for an hour at least' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOR organization IN SELECT id FROM public.organizations LOOP
    PERFORM set_config('app.org_id', organization::text, true);
    DELETE FROM public.refresh_tokens WHERE expires_at < now() - older_than;
    DELETE FROM public.sign_in_sessions WHERE least(expires_at, revoked_at) < now() - older_than;
    GET DIAGNOSTICS gone = ROW_COUNT;
    purged := purged + gone;
  END LOOP;
  PERFORM set_config('app.org_id', '', true);
  RETURN purged;
END $$;
COMMENT ON FUNCTION app.purge_sign_ins(interval) IS
  'Deletes sessions that ended longer ago than given, with their tokens, one organization after the other';
"""


def upgrade() -> None:
    """Make the functions."""
    run_sql(FUNCTIONS)
    run_sql("REVOKE ALL ON FUNCTION app.purge_idempotency_keys, app.purge_sign_ins FROM PUBLIC")
    run_sql(f"GRANT EXECUTE ON FUNCTION app.purge_idempotency_keys, app.purge_sign_ins TO {APP_ROLE}")
