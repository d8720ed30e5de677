"""The end of an organization: planned, taken back, or done, row by row and by nobody but these functions."""

from migrations.policies import APP_ROLE, comment_v1, run_sql

revision = "0029"
down_revision = "0028"

COLUMNS = """
ALTER TABLE organizations
  ADD COLUMN delete_at timestamptz,
  DROP CONSTRAINT organizations_platform_ck,
  ADD CONSTRAINT organizations_platform_ck CHECK (NOT is_platform OR (is_active AND delete_at IS NULL));
CREATE TABLE app.deletions (
  organization uuid CONSTRAINT deletions_pk PRIMARY KEY,
  slug text NOT NULL,
  name text NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT now(),
  asked_by uuid,
  by_platform boolean NOT NULL,
  due_at timestamptz NOT NULL,
  started_at timestamptz,
  ended_at timestamptz,
  done bigint NOT NULL DEFAULT 0,
  total bigint NOT NULL DEFAULT 0
);
"""

# What is true, not what a session claims, decides whether changes leave no trace.
AUDIT = """
CREATE OR REPLACE FUNCTION app.audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  before jsonb; after jsonb; row jsonb;
BEGIN
  IF TG_OP <> 'INSERT' THEN before := to_jsonb(OLD); END IF;
  IF TG_OP <> 'DELETE' THEN after := to_jsonb(NEW); END IF;
  IF TG_OP = 'UPDATE' AND before = after THEN RETURN NULL; END IF;
  row := coalesce(after, before);
  IF current_setting('app.deleting', true) = coalesce(row ->> 'org_id', row ->> 'id') AND EXISTS (
    SELECT FROM app.deletions
    WHERE organization = coalesce(row ->> 'org_id', row ->> 'id')::uuid AND started_at IS NOT NULL AND ended_at IS NULL
  ) THEN
    RETURN NULL;
  END IF;
  IF TG_NARGS > 1 THEN
    before := before - TG_ARGV[1:TG_NARGS];
    after := after - TG_ARGV[1:TG_NARGS];
  END IF;
  INSERT INTO public.audit_log
    (org_id, plant_id, at, actor_kind, user_id, request_id, table_name, row_id, action, before, after)
  VALUES (
    coalesce(row ->> 'org_id', row ->> 'id')::uuid, (row ->> 'plant_id')::uuid, now(),
    coalesce(nullif(current_setting('app.actor_kind', true), ''), 'system'),
    nullif(current_setting('app.user_id', true), '')::uuid,
    coalesce(current_setting('app.request_id', true), ''),
    TG_ARGV[0],
    coalesce(row ->> 'id', row ->> 'machine_id', row ->> 'user_id')::uuid,
    lower(TG_OP), before, after);
  RETURN NULL;
END $$;
"""

GUARD = """
CREATE OR REPLACE FUNCTION app.guard_organization() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'INSERT' AND NOT NEW.is_platform AND NEW.is_active AND NEW.delete_at IS NULL THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.is_platform = OLD.is_platform AND NEW.is_active = OLD.is_active
     AND NEW.delete_at IS NOT DISTINCT FROM OLD.delete_at
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'only the functions of the platform and of deletions decide this'
    USING ERRCODE = 'insufficient_privilege';
END $$;
COMMENT ON FUNCTION app.guard_organization() IS
  'Refuses the runtime role that by itself makes an organization the platform, suspends, resumes or ends one';
"""

PLANS = """
CREATE FUNCTION app.plan_deletion(target uuid, seen_version integer, due timestamptz, asker uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  caller text := current_setting('app.org_id', true); is_own boolean := target = app.current_org(); new_version integer;
BEGIN
  IF NOT is_own THEN PERFORM app.require_platform(); END IF;
  PERFORM set_config('app.org_id', target::text, true);
  UPDATE public.organizations SET delete_at = due, version = version + 1
  WHERE id = target AND NOT is_platform AND delete_at IS NULL AND (is_own OR NOT is_active)
    AND version = coalesce(seen_version, version)
  RETURNING version INTO new_version;
  IF new_version IS NOT NULL THEN
    INSERT INTO app.deletions (organization, slug, name, asked_by, by_platform, due_at)
    SELECT id, slug, name, asker, NOT is_own, due FROM public.organizations WHERE id = target
    ON CONFLICT ON CONSTRAINT deletions_pk DO UPDATE  -- an organization with the id of one that is gone
    SET slug = excluded.slug, name = excluded.name, asked_at = now(), asked_by = asker, by_platform = NOT is_own,
        due_at = due, started_at = NULL, ended_at = NULL, done = 0, total = 0;
  END IF;
  PERFORM set_config('app.org_id', caller, true);
  RETURN new_version;
END $$;
COMMENT ON FUNCTION app.plan_deletion(uuid, integer, timestamptz, uuid) IS
  'Plans the end of the own organization, or, for the platform, of a suspended one; its new version, null where not';

CREATE FUNCTION app.keep_organization(target uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE caller text := current_setting('app.org_id', true); new_version integer;
BEGIN
  IF target <> app.current_org() THEN PERFORM app.require_platform(); END IF;
  DELETE FROM app.deletions WHERE organization = target AND started_at IS NULL;
  IF NOT FOUND THEN RETURN NULL; END IF;
  PERFORM set_config('app.org_id', target::text, true);
  UPDATE public.organizations SET delete_at = NULL, version = version + 1 WHERE id = target
  RETURNING version INTO new_version;
  PERFORM set_config('app.org_id', caller, true);
  RETURN new_version;
END $$;
COMMENT ON FUNCTION app.keep_organization(uuid) IS
  'Takes a planned end back that has not begun; returns the organization''s new version, null where there is none';

CREATE FUNCTION app.deletions_seen() RETURNS SETOF app.deletions
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT one.* FROM app.deletions AS one
  WHERE one.organization = app.current_org()
     OR EXISTS (SELECT FROM public.organizations WHERE id = app.current_org() AND is_platform)
$$;
COMMENT ON FUNCTION app.deletions_seen() IS 'The end of the own organization, or for the platform of every one';

CREATE FUNCTION app.due_deletions() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT organization FROM app.deletions WHERE due_at <= now() AND ended_at IS NULL ORDER BY due_at
$$;
COMMENT ON FUNCTION app.due_deletions() IS 'The organizations whose end is due and not over';

-- An organization that is being deleted cannot be renamed or resumed any more.
CREATE OR REPLACE FUNCTION app.edit_organization(
  organization uuid, seen_version integer, new_slug text, new_name text, new_host text, active boolean
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  caller text := current_setting('app.org_id', true); new_version integer;
BEGIN
  PERFORM app.require_platform();
  PERFORM set_config('app.org_id', organization::text, true);
  UPDATE public.organizations
  SET slug = new_slug, name = new_name, host = new_host, is_active = active, version = version + 1
  WHERE id = organization AND version = seen_version AND NOT EXISTS (
    SELECT FROM app.deletions AS one
    WHERE one.organization = edit_organization.organization AND one.started_at IS NOT NULL AND one.ended_at IS NULL
  ) RETURNING version INTO new_version;
  PERFORM set_config('app.org_id', caller, true);
  RETURN new_version;
END $$;

CREATE OR REPLACE FUNCTION app.audited_organizations() RETURNS TABLE (id uuid, slug text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT one.id, one.slug FROM public.organizations AS one
  WHERE NOT EXISTS (
    SELECT FROM app.deletions WHERE organization = one.id AND started_at IS NOT NULL AND ended_at IS NULL
  )
$$;
COMMENT ON FUNCTION app.audited_organizations() IS
  'Every organization that is not being deleted, suspended ones too, for the command that verifies all audits';
"""

# The table is read by what finds the first of its rows that is left, one partition after the other.
STEPS = """
CREATE FUNCTION app.enter_deletion(target uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM app.deletions WHERE organization = target AND started_at IS NOT NULL AND ended_at IS NULL
  ) THEN
    RAISE EXCEPTION 'the end of organization % has not begun', target USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM set_config('app.org_id', target::text, true), set_config('app.plant_ids', '*', true),
          set_config('app.deleting', target::text, true);
END $$;
COMMENT ON FUNCTION app.enter_deletion(uuid) IS
  'Raises unless an organization is being deleted; else lets the transaction see it whole and leave no audit of it';

CREATE FUNCTION app.begin_deletion(target uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE app.deletions SET started_at = coalesce(started_at, now())
  WHERE organization = target AND due_at <= now() AND ended_at IS NULL;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM app.enter_deletion(target);
  UPDATE public.organizations SET is_active = false, version = version + 1 WHERE id = target AND is_active;
  UPDATE public.tasks SET cancel_requested = true WHERE org_id = target AND state IN ('queued', 'running');
  RETURN true;
END $$;
COMMENT ON FUNCTION app.begin_deletion(uuid) IS
  'Begins the end of an organization that is due, or goes on with it: nobody comes in any more; false where it is not';

CREATE FUNCTION app.delete_rows(target uuid, table_name text, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE leaf oid; places tid[]; gone bigint;
BEGIN
  PERFORM app.enter_deletion(target);
  IF NOT EXISTS (
    SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
    WHERE c.relname = table_name AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
  ) THEN
    RAISE EXCEPTION '% holds no rows of organizations', table_name USING ERRCODE = 'undefined_table';
  END IF;
  EXECUTE format('SELECT tableoid FROM public.%I WHERE org_id = $1 LIMIT 1', table_name) INTO leaf USING target;
  IF leaf IS NULL THEN RETURN 0; END IF;
  EXECUTE format('SELECT ARRAY(SELECT ctid FROM public.%I WHERE org_id = $1 AND tableoid = $2 LIMIT $3)', table_name)
    INTO places USING target, leaf, most;
  EXECUTE format('DELETE FROM public.%I WHERE ctid = ANY ($1) AND tableoid = $2 AND org_id = $3', table_name)
    USING places, leaf, target;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;
COMMENT ON FUNCTION app.delete_rows(uuid, text, integer) IS
  'Deletes some rows of an organization that is being deleted, and returns how many; 0 when none is left';

CREATE FUNCTION app.empty_references(target uuid, constraint_name text, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE child regclass; emptied text; held text; gone bigint;
BEGIN
  PERFORM app.enter_deletion(target);
  SELECT k.conrelid, string_agg(format('%I = NULL', a.attname), ', '),
         string_agg(format('%I IS NOT NULL', a.attname), ' AND ')
  INTO child, emptied, held
  FROM pg_constraint k CROSS JOIN unnest(k.conkey) AS num
  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = num AND NOT a.attnotnull
  WHERE k.contype = 'f' AND k.conname = constraint_name AND k.conparentid = 0
    AND k.connamespace = 'public'::regnamespace
  GROUP BY k.conrelid;
  IF child IS NULL THEN
    RAISE EXCEPTION '% is no reference that may be empty', constraint_name USING ERRCODE = 'undefined_object';
  END IF;
  EXECUTE format(
    'UPDATE %1$s SET %2$s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$s WHERE org_id = $1 AND %3$s LIMIT $2))'
    ' AND org_id = $1 AND %3$s', child, emptied, held)
    USING target, most;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;
COMMENT ON FUNCTION app.empty_references(uuid, text, integer) IS
  'Empties some references of an organization that is being deleted, so that rows which refer to each other can go';

CREATE FUNCTION app.note_deletion(target uuid, rows_done bigint, rows_total bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM app.enter_deletion(target);
  UPDATE app.deletions SET done = rows_done, total = rows_total WHERE organization = target;
END $$;
COMMENT ON FUNCTION app.note_deletion(uuid, bigint, bigint) IS 'Notes how far the end of an organization is';

CREATE FUNCTION app.end_deletion(target uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE queue text; kind text;
BEGIN
  PERFORM app.enter_deletion(target);
  PERFORM app.bind_webhooks();
  FOR queue IN SELECT queue_name FROM pgmq.meta LOOP
    FOREACH kind IN ARRAY ARRAY['q', 'a'] LOOP
      EXECUTE format('DELETE FROM pgmq.%I WHERE message ->> ''org'' = $1', kind || '_' || queue) USING target::text;
    END LOOP;
  END LOOP;
  DELETE FROM public.organizations WHERE id = target;
  DELETE FROM public.audit_log WHERE org_id = target;
  UPDATE app.deletions SET ended_at = now(), done = total WHERE organization = target;
END $$;
COMMENT ON FUNCTION app.end_deletion(uuid) IS
  'Deletes an organization of which no row is left, and its messages; raises where one is left';
"""
NAMES = (
    "plan_deletion", "keep_organization", "deletions_seen", "due_deletions", "begin_deletion", "delete_rows",
    "empty_references", "note_deletion", "end_deletion",
)  # fmt: skip


def upgrade() -> None:
    """Let organizations end."""
    run_sql(COLUMNS)
    run_sql(AUDIT)
    run_sql(GUARD)
    run_sql(PLANS)
    run_sql(STEPS)
    functions = ", ".join(f"app.{name}" for name in NAMES)
    run_sql(f"REVOKE ALL ON FUNCTION {functions}, app.enter_deletion FROM PUBLIC")
    run_sql(f"GRANT EXECUTE ON FUNCTION {functions} TO {APP_ROLE}")
    comment_v1(
        "organizations",
        "Tenants: an organization sees only its own rows, everywhere",
        delete_at="When everything of it is deleted; null where nobody wants that",
    )
    comment_v1(
        "app.deletions",
        "The planned, running and past ends of organizations; written by functions only, and all that is left of one",
        asked_by="The user who wanted it, of the organization itself or of the platform",
        by_platform="Whether the platform wanted it, not the organization itself",
        done="Rows and files that are gone, of total",
    )
