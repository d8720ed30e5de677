"""The doctor verifies the audit of every organization, those that are suspended as well."""

from migrations.policies import APP_ROLE, run_sql

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Make the function."""
    run_sql(f"""
    CREATE FUNCTION app.audited_organizations() RETURNS TABLE (id uuid, slug text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      SELECT id, slug FROM public.organizations
    $$;
    COMMENT ON FUNCTION app.audited_organizations() IS
      'Every organization, suspended ones too, for the command that verifies all audits';
    REVOKE ALL ON FUNCTION app.audited_organizations() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION app.audited_organizations() TO {APP_ROLE};
    """)
