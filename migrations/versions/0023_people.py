"""People: links to reset a password, when a session was used last, and how a person reads times and numbers."""

from migrations.policies import APP_ROLE, audit_v1, comment_v1, isolate_v1, run_sql, seeing_all_rows_v1

revision = "0023"
down_revision = "0022"

COLUMNS = """
ALTER TABLE users
  ADD COLUMN time_zone text,
  ADD COLUMN number_format text NOT NULL DEFAULT ''
    CONSTRAINT users_number_format_ck CHECK (number_format IN ('', 'point', 'comma', 'space'));
CREATE INDEX users_name_ix ON users (org_id, display_name, id);

ALTER TABLE sign_in_sessions ADD COLUMN last_used_at timestamptz;
ALTER TABLE sign_in_sessions DROP CONSTRAINT sign_in_sessions_because_ck;
ALTER TABLE sign_in_sessions ADD CONSTRAINT sign_in_sessions_because_ck
  CHECK (revoked_because IN ('signed_out', 'token_reused', 'revoked', 'deactivated', 'password_changed'));

CREATE TABLE password_resets (
  org_id uuid NOT NULL,
  user_id uuid NOT NULL,
  digest bytea NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  CONSTRAINT password_resets_pk PRIMARY KEY (org_id, user_id),
  CONSTRAINT password_resets_user_fk FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE INDEX password_resets_digest_ix ON password_resets (digest);
"""
FUNCTIONS = """
CREATE POLICY sign_in ON password_resets FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION app.find_password_reset(given_digest bytea) RETURNS TABLE (org_id uuid, user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT one.org_id, one.user_id FROM public.password_resets AS one WHERE one.digest = given_digest LIMIT 1
$$;
COMMENT ON FUNCTION app.find_password_reset(bytea) IS
  'The user whose password a link resets, before a tenant is known; row security asks whether it still counts';
REVOKE ALL ON FUNCTION app.find_password_reset FROM PUBLIC;
"""


def upgrade() -> None:
    """Add the columns and the table."""
    with seeing_all_rows_v1("users", "sign_in_sessions"):
        run_sql(COLUMNS)
    isolate_v1("password_resets")
    audit_v1("password_resets", hidden=("digest",))
    comment_v1(
        "password_resets",
        "The newest link that was made for a user to choose another password with; it works once, for an hour",
        digest="SHA-256 of the random word in the link, which is kept nowhere",
        used_at="When it was used",
    )
    comment_v1(
        "users",
        "People and programs that sign in",
        time_zone="IANA zone in which they read times; null means that of the plant they look at",
        number_format="How they read numbers: 1,234.5 (point), 1.234,5 (comma), 1 234,5 (space), or as they speak",
    )
    run_sql(
        "COMMENT ON COLUMN sign_in_sessions.last_used_at IS"
        " 'When its tokens were exchanged last, which open pages do every ten minutes; null for never'"
    )
    run_sql(FUNCTIONS)
    run_sql(f"GRANT EXECUTE ON FUNCTION app.find_password_reset TO {APP_ROLE}")
