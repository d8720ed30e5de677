"""Keys of programs: what they may do, by whom they were made, when they were last used, and what they changed."""

from migrations.policies import APP_ROLE, audit_v1, comment_v1, isolate_v1, run_sql

revision = "0013"
down_revision = "0012"

FUNCTIONS = """
CREATE POLICY sign_in ON api_keys FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION app.find_api_key(given_digest bytea) RETURNS TABLE (api_key_id uuid, org_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT id, api_keys.org_id FROM public.api_keys WHERE digest = given_digest ORDER BY created_at LIMIT 1
$$;
COMMENT ON FUNCTION app.find_api_key(bytea) IS
  'The API key that has this digest and its organization, before a tenant is known; whether it opens anything is asked '
  'under that organization''s row security';
REVOKE ALL ON FUNCTION app.find_api_key FROM PUBLIC;
"""


def upgrade() -> None:
    """Make the tables, and let the audit name the key that a change came with."""
    run_sql("""
    CREATE TABLE api_keys (
      id uuid CONSTRAINT api_keys_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      user_id uuid NOT NULL,
      name text NOT NULL,
      prefix text NOT NULL,
      digest bytea NOT NULL,
      scopes text[] NOT NULL CONSTRAINT api_keys_scopes_ck CHECK (cardinality(scopes) > 0),
      plant_ids uuid[],
      requests_per_minute integer CONSTRAINT api_keys_requests_ck CHECK (requests_per_minute > 0),
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT api_keys_org_uq UNIQUE (org_id, id),
      CONSTRAINT api_keys_digest_uq UNIQUE (org_id, digest),
      CONSTRAINT api_keys_user_fk FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
    );
    CREATE INDEX api_keys_digest_ix ON api_keys (digest);
    CREATE INDEX api_keys_user_ix ON api_keys (org_id, user_id);
    """)
    isolate_v1("api_keys")
    audit_v1("api_keys", hidden=("digest",))
    comment_v1(
        "api_keys",
        "Keys with which programs call the API in the name of the user who made them",
        user_id="Whose rights bound the key: it never may more than they may now",
        prefix="How the key begins, to tell keys apart; opens nothing",
        digest="SHA-256 of the whole key, which is random and long; the key itself is shown once and kept nowhere",
        scopes="Permission patterns (area.noun.verb, * for any part); the key may what they match and its owner may",
        plant_ids="Plants it may see, among those of its owner; null means all of those",
        requests_per_minute="Its own limit; null means that of the installation",
        revoked_at="Since when it opens nothing any more",
    )
    run_sql("""
    CREATE TABLE api_key_uses (
      org_id uuid NOT NULL,
      api_key_id uuid NOT NULL,
      last_used_at timestamptz NOT NULL,
      last_address text NOT NULL DEFAULT '',
      CONSTRAINT api_key_uses_pk PRIMARY KEY (org_id, api_key_id),
      CONSTRAINT api_key_uses_key_fk FOREIGN KEY (org_id, api_key_id) REFERENCES api_keys (org_id, id) ON DELETE CASCADE
    )
    """)
    isolate_v1("api_key_uses")
    comment_v1(
        "api_key_uses",
        "When and from where each API key was used last; written at most once a minute, and not audited",
    )
    run_sql(FUNCTIONS)
    run_sql(f"GRANT EXECUTE ON FUNCTION app.find_api_key TO {APP_ROLE}")
    # A default, so that whatever writes an entry names the key without being told of it.
    run_sql("""
    ALTER TABLE audit_log ADD COLUMN api_key_id uuid
      DEFAULT nullif(current_setting('app.api_key_id', true), '')::uuid;
    """)
    comment_v1(
        "audit_log",
        "Every change of every audited row; written by the trigger app.audit() only, insert-only for everyone",
        api_key_id="The API key that the change came with; null for people at screens and for jobs",
    )
