"""The platform: one organization that makes, suspends and renames the others, and reads nothing of them."""

from migrations.policies import APP_ROLE, comment_v1, run_sql

revision = "0015"
down_revision = "0014"

COLUMNS = """
ALTER TABLE organizations
  ADD COLUMN is_platform boolean NOT NULL DEFAULT false,
  ADD COLUMN is_active boolean NOT NULL DEFAULT true,
  ADD COLUMN host text
    CONSTRAINT organizations_host_uq UNIQUE
    CONSTRAINT organizations_host_ck CHECK (host ~ '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$'),
  ADD CONSTRAINT organizations_platform_ck CHECK (is_active OR NOT is_platform);
CREATE UNIQUE INDEX organizations_platform_uq ON organizations (is_platform) WHERE is_platform;
ALTER TABLE user_roles DROP CONSTRAINT user_roles_role_ck, ADD CONSTRAINT user_roles_role_ck
  CHECK (role IN ('admin', 'supervisor', 'operator', 'viewer', 'terminal', 'platform'));
"""

GUARDS = """
CREATE FUNCTION app.guard_organization() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'INSERT' AND NOT (NEW.is_platform OR NOT NEW.is_active) THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.is_platform = OLD.is_platform AND NEW.is_active = OLD.is_active THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'only app.edit_organization() and app.found_platform() decide this'
    USING ERRCODE = 'insufficient_privilege';
END $$;
COMMENT ON FUNCTION app.guard_organization() IS
  'Refuses the runtime role that makes an organization the platform, or suspends or resumes one, by itself';
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON organizations
  FOR EACH ROW EXECUTE FUNCTION app.guard_organization();

CREATE FUNCTION app.guard_platform_role() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM public.organizations WHERE id = NEW.org_id AND is_platform) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'only people of the platform''s own organization have the role platform'
    USING ERRCODE = 'insufficient_privilege';
END $$;
COMMENT ON FUNCTION app.guard_platform_role() IS 'Refuses the role platform outside the platform''s own organization';
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON user_roles
  FOR EACH ROW WHEN (NEW.role = 'platform') EXECUTE FUNCTION app.guard_platform_role();
"""

FUNCTIONS = """
CREATE FUNCTION app.require_platform() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM public.organizations WHERE id = app.current_org() AND is_platform) THEN
    RAISE EXCEPTION 'only the platform''s own organization may do this' USING ERRCODE = 'insufficient_privilege';
  END IF;
END $$;
COMMENT ON FUNCTION app.require_platform() IS
  'Raises unless the transaction belongs to the platform''s own organization';

CREATE FUNCTION app.organization_ids(after_slug text, most integer) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM app.require_platform();
  RETURN QUERY SELECT id FROM public.organizations WHERE slug > after_slug ORDER BY slug LIMIT most;
END $$;
COMMENT ON FUNCTION app.organization_ids(text, integer) IS
  'The organizations behind a slug, in the order of their slugs; for the platform only';

CREATE FUNCTION app.organization_facts(wanted uuid[]) RETURNS TABLE (
  id uuid, slug text, name text, host text, is_active boolean, is_platform boolean, created_at timestamptz,
  version integer, users bigint, plants bigint, machines bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  caller text := current_setting('app.org_id', true);
  seen text := coalesce(current_setting('app.plant_ids', true), '');
BEGIN
  PERFORM app.require_platform();
  PERFORM set_config('app.plant_ids', '*', true);
  FOR id, slug, name, host, is_active, is_platform, created_at, version IN
    SELECT one.id, one.slug, one.name, one.host, one.is_active, one.is_platform, one.created_at, one.version
    FROM public.organizations AS one WHERE one.id = ANY (wanted) ORDER BY one.slug
  LOOP
    PERFORM set_config('app.org_id', id::text, true);
    users := (SELECT count(*) FROM public.users AS u WHERE u.org_id = organization_facts.id AND u.is_active);
    plants := (SELECT count(*) FROM public.plants AS p WHERE p.org_id = organization_facts.id);
    machines := (SELECT count(*) FROM public.machines AS m WHERE m.org_id = organization_facts.id);
    RETURN NEXT;
  END LOOP;
  PERFORM set_config('app.org_id', caller, true), set_config('app.plant_ids', seen, true);
END $$;
COMMENT ON FUNCTION app.organization_facts(uuid[]) IS
  'What the platform may know of organizations: their names, and how many users, plants and machines they have';

CREATE FUNCTION app.edit_organization(
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
  WHERE id = organization AND version = seen_version RETURNING version INTO new_version;
  PERFORM set_config('app.org_id', caller, true);
  RETURN new_version;
END $$;
COMMENT ON FUNCTION app.edit_organization(uuid, integer, text, text, text, boolean) IS
  'Renames, suspends or resumes an organization for the platform; returns its new version, null where it has changed';

CREATE FUNCTION app.found_platform(organization uuid, new_slug text, new_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE caller text := coalesce(current_setting('app.org_id', true), '');
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('app.found_platform'));
  IF EXISTS (SELECT FROM public.organizations WHERE is_platform) THEN
    RETURN false;
  END IF;
  PERFORM set_config('app.org_id', organization::text, true);
  INSERT INTO public.organizations (id, slug, name, is_platform) VALUES (organization, new_slug, new_name, true);
  PERFORM set_config('app.org_id', caller, true);
  RETURN true;
END $$;
COMMENT ON FUNCTION app.found_platform(uuid, text, text) IS
  'Makes the platform''s own organization where the installation has none; returns whether it did';

CREATE FUNCTION app.platform() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT id FROM public.organizations WHERE is_platform
$$;
COMMENT ON FUNCTION app.platform() IS 'The platform''s own organization, for commands; null where there is none';

CREATE FUNCTION app.organization_of_address(given_slug text, given_host text)
RETURNS TABLE (id uuid, slug text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT one.id, one.slug, one.name FROM public.organizations AS one
  WHERE one.is_active AND (one.host = given_host OR one.slug = given_slug)
  ORDER BY (one.host IS NOT DISTINCT FROM given_host) DESC LIMIT 1
$$;
COMMENT ON FUNCTION app.organization_of_address(text, text) IS
  'What everybody may know of the organization whose sign-in page this is: by its own host, else by the slug';

-- An account of an organization that is suspended comes last: the others of the same person open first.
CREATE OR REPLACE FUNCTION app.sign_in_candidates(given_email text, given_slug text)
RETURNS TABLE (user_id uuid, org_id uuid, password_hash text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT users.id, users.org_id, users.password_hash
  FROM public.users JOIN public.organizations ON organizations.id = users.org_id
  WHERE users.email = given_email AND users.is_active AND (given_slug IS NULL OR organizations.slug = given_slug)
  ORDER BY organizations.is_active DESC, users.org_id LIMIT 5
$$;

CREATE OR REPLACE FUNCTION app.organizations() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT id FROM public.organizations WHERE is_active ORDER BY id
$$;
COMMENT ON FUNCTION app.organizations() IS
  'Every organization that is not suspended, for jobs of the system that do something for each';
"""
NAMES = (
    "guard_organization", "guard_platform_role", "require_platform", "organization_ids", "organization_facts",
    "edit_organization", "found_platform", "platform", "organization_of_address",
)  # fmt: skip


def upgrade() -> None:
    """Let organizations be suspended, have a host of their own, and one of them be the platform."""
    run_sql(COLUMNS)
    run_sql(GUARDS)
    run_sql(FUNCTIONS)
    functions = ", ".join(f"app.{name}" for name in NAMES)
    run_sql(f"REVOKE ALL ON FUNCTION {functions} FROM PUBLIC")
    run_sql(f"GRANT EXECUTE ON FUNCTION {functions} TO {APP_ROLE}")
    comment_v1(
        "organizations",
        "Tenants: an organization sees only its own rows, everywhere",
        is_platform="The one organization whose people make and suspend the others",
        is_active="Whether its people and programs may come in; while it is suspended its jobs wait",
        host="Host name under which its people reach the system, beside the common one",
    )
