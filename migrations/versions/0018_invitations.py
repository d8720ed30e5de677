"""Invitations: a link with which somebody chooses their first password, or a new one."""

from migrations.policies import APP_ROLE, audit_v1, comment_v1, isolate_v1, run_sql

revision = "0018"
down_revision = "0017"

FUNCTIONS = """
CREATE POLICY sign_in ON user_invitations FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION app.find_invitation(given_digest bytea) RETURNS TABLE (org_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT one.org_id, one.user_id FROM public.user_invitations AS one WHERE one.digest = given_digest LIMIT 1
$$;
COMMENT ON FUNCTION app.find_invitation(bytea) IS
  'The user whom a link invites, before a tenant is known; whether it still counts is asked under row security';

DROP FUNCTION app.organization_facts(uuid[]);
CREATE FUNCTION app.organization_facts(wanted uuid[]) RETURNS TABLE (
  id uuid, slug text, name text, host text, is_active boolean, is_platform boolean, created_at timestamptz,
  version integer, users bigint, plants bigint, machines bigint, is_entered boolean
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
    is_entered :=
      EXISTS (SELECT FROM public.users AS u WHERE u.org_id = organization_facts.id AND u.password_hash IS NOT NULL)
      OR EXISTS (SELECT FROM public.sign_in_sessions AS s WHERE s.org_id = organization_facts.id);
    RETURN NEXT;
  END LOOP;
  PERFORM set_config('app.org_id', caller, true), set_config('app.plant_ids', seen, true);
END $$;
COMMENT ON FUNCTION app.organization_facts(uuid[]) IS
  'What the platform may know of organizations: names, counts, and whether anybody has come in yet';
REVOKE ALL ON FUNCTION app.find_invitation, app.organization_facts FROM PUBLIC;
"""


def upgrade() -> None:
    """Make the table."""
    run_sql("""
    CREATE TABLE user_invitations (
      org_id uuid NOT NULL,
      user_id uuid NOT NULL,
      digest bytea NOT NULL,
      expires_at timestamptz NOT NULL,
      used_at timestamptz,
      CONSTRAINT user_invitations_pk PRIMARY KEY (org_id, user_id),
      CONSTRAINT user_invitations_user_fk FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
    );
    CREATE INDEX user_invitations_digest_ix ON user_invitations (digest);
    """)
    isolate_v1("user_invitations")
    audit_v1("user_invitations", hidden=("digest",))
    comment_v1(
        "user_invitations",
        "The newest link that was made for a user to choose a password with; an older one opens nothing any more",
        digest="SHA-256 of the random word in the link, which is kept nowhere",
        used_at="When it was used; it works once",
    )
    run_sql(FUNCTIONS)
    run_sql(f"GRANT EXECUTE ON FUNCTION app.find_invitation, app.organization_facts TO {APP_ROLE}")
