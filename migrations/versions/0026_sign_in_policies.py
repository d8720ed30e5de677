"""What an organization asks of a sign-in: passwords, locks, lengths of sessions and a second factor."""

from migrations.policies import APP_ROLE, audit_v1, comment_v1, isolate_v1, run_sql, seeing_all_rows_v1

revision = "0026"
down_revision = "0025"

TABLES = """
CREATE TABLE sign_in_policies (
  org_id uuid NOT NULL CONSTRAINT sign_in_policies_organization_fk REFERENCES organizations (id),
  shortest_password integer NOT NULL
    CONSTRAINT sign_in_policies_shortest_ck CHECK (shortest_password BETWEEN 8 AND 128),
  kinds text[] NOT NULL
    CONSTRAINT sign_in_policies_kinds_ck CHECK (kinds <@ ARRAY['lower', 'upper', 'digit', 'sign']),
  refuses_breached boolean NOT NULL,
  attempts integer NOT NULL CONSTRAINT sign_in_policies_attempts_ck CHECK (attempts BETWEEN 3 AND 100),
  lock_minutes integer NOT NULL CONSTRAINT sign_in_policies_lock_ck CHECK (lock_minutes BETWEEN 1 AND 1440),
  idle_minutes integer CONSTRAINT sign_in_policies_idle_ck CHECK (idle_minutes BETWEEN 15 AND 525600),
  most_hours integer CONSTRAINT sign_in_policies_most_ck CHECK (most_hours BETWEEN 1 AND 8760),
  second_factor text NOT NULL
    CONSTRAINT sign_in_policies_factor_ck CHECK (second_factor IN ('optional', 'roles', 'everybody')),
  second_factor_roles text[] NOT NULL,
  version integer NOT NULL DEFAULT 1,
  CONSTRAINT sign_in_policies_pk PRIMARY KEY (org_id)
);
CREATE TABLE second_factors (
  org_id uuid NOT NULL,
  user_id uuid NOT NULL,
  secret bytea NOT NULL,
  confirmed_at timestamptz,
  last_step bigint NOT NULL DEFAULT 0,
  CONSTRAINT second_factors_pk PRIMARY KEY (org_id, user_id),
  CONSTRAINT second_factors_user_fk FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE TABLE recovery_codes (
  org_id uuid NOT NULL,
  user_id uuid NOT NULL,
  digest bytea NOT NULL,
  used_at timestamptz,
  CONSTRAINT recovery_codes_pk PRIMARY KEY (org_id, user_id, digest),
  CONSTRAINT recovery_codes_factor_fk FOREIGN KEY (org_id, user_id) REFERENCES second_factors (org_id, user_id)
    ON DELETE CASCADE
);
CREATE TABLE app.sign_in_attempts (
  key bytea CONSTRAINT sign_in_attempts_pk PRIMARY KEY,
  failures integer NOT NULL,
  since timestamptz NOT NULL
);
CREATE INDEX sign_in_attempts_since_ix ON app.sign_in_attempts (since);
COMMENT ON TABLE app.sign_in_attempts IS
  'Failed sign-ins lately, shared by all server processes; whether an account exists makes no difference';
ALTER TABLE sign_in_sessions ADD COLUMN ends_at timestamptz;
COMMENT ON COLUMN sign_in_sessions.ends_at IS
  'When it ends however much it is used, by the policy at the sign-in; null for never';
"""
# Where nobody has said whose page it is, the strictest lock of all counts, so that the lock tells nothing of accounts.
FUNCTIONS = """
CREATE POLICY sign_in ON sign_in_policies FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION app.lock_of_sign_in(given_slug text) RETURNS TABLE (attempts integer, lock_minutes integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT min(one.attempts), max(one.lock_minutes)
  FROM public.sign_in_policies AS one JOIN public.organizations ON organizations.id = one.org_id
  WHERE organizations.is_active AND (given_slug IS NULL OR organizations.slug = given_slug)
$$;
COMMENT ON FUNCTION app.lock_of_sign_in(text) IS
  'After how many failures, and for how long, sign-ins are locked; before a tenant is known';
CREATE FUNCTION app.purge_sign_in_attempts() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM app.sign_in_attempts WHERE since < now() - interval '2 days'
$$;
COMMENT ON FUNCTION app.purge_sign_in_attempts() IS 'Forgets failed sign-ins that lock nobody any more';
REVOKE ALL ON FUNCTION app.lock_of_sign_in, app.purge_sign_in_attempts FROM PUBLIC;
"""


def upgrade() -> None:
    """Make the tables."""
    with seeing_all_rows_v1("users", "organizations", "sign_in_sessions"):
        run_sql(TABLES)
    for table, hidden in (
        ("sign_in_policies", ()),
        ("second_factors", ("secret", "last_step")),
        ("recovery_codes", ("digest",)),
    ):
        isolate_v1(table)
        audit_v1(table, hidden=hidden)
    comment_v1(
        "sign_in_policies",
        "What an organization asks of a sign-in; without a row, what the installation asks",
        kinds="Kinds of characters that a password must have",
        refuses_breached="Whether passwords of the installation's list of breached ones are refused",
        idle_minutes="How long a session lasts without use; null and longer ones: as the installation says",
        most_hours="How long a session lasts however much it is used; null for no limit",
        second_factor_roles="Keys of the roles whose people need a second factor, where it is for roles",
    )
    comment_v1(
        "second_factors",
        "The secret that a person's app makes codes from (TOTP, RFC 6238)",
        secret="Encrypted under a key that is derived from the installation's",  # noqa: S106 - a comment
        confirmed_at="When they proved that their app has it; null while they have not",
        last_step="The newest 30-second step whose code was used: each works once",
    )
    comment_v1(
        "recovery_codes",
        "Codes that stand for a lost app, each once",
        digest="SHA-256 of the code, which is random and long",
    )
    run_sql(FUNCTIONS)
    run_sql(f"""
    GRANT SELECT, INSERT, UPDATE, DELETE ON app.sign_in_attempts TO {APP_ROLE};
    GRANT EXECUTE ON FUNCTION app.lock_of_sign_in, app.purge_sign_in_attempts TO {APP_ROLE};
    """)
