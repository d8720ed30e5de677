"""Isolation, audit, identity and the plant model."""

from migrations.policies import (
    APP_ROLE,
    AUDIT_FUNCTION_V1,
    FUNCTIONS_V1,
    audit_v1,
    comment_v1,
    isolate_v1,
    limit_to_plants_v1,
    partition_monthly_v1,
    run_sql,
)

revision = "0001"
down_revision = None

APPEND = "SELECT, INSERT"
KEEP = "SELECT, INSERT, UPDATE"


def upgrade() -> None:
    """Make the schema."""
    run_sql(FUNCTIONS_V1)
    run_sql(f"GRANT USAGE ON SCHEMA app TO {APP_ROLE}")
    run_sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    _audit()
    _organizations()
    _identity()
    _plant_model()
    run_sql("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA app FROM PUBLIC")
    run_sql(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO {APP_ROLE}")
    run_sql("REVOKE EXECUTE ON FUNCTION app.audit() FROM unison_app")


def _audit() -> None:
    run_sql("""
    CREATE TABLE audit_log (
      seq bigint GENERATED ALWAYS AS IDENTITY,
      org_id uuid NOT NULL,
      plant_id uuid,
      at timestamptz NOT NULL,
      actor_kind text NOT NULL,
      user_id uuid,
      request_id text NOT NULL,
      table_name text NOT NULL,
      row_id uuid,
      action text NOT NULL CONSTRAINT audit_log_action_ck CHECK (action IN ('insert', 'update', 'delete')),
      before jsonb,
      after jsonb,
      CONSTRAINT audit_log_pk PRIMARY KEY (org_id, at, seq)
    ) PARTITION BY RANGE (at)
    """)
    run_sql("CREATE INDEX audit_log_row_ix ON audit_log (org_id, row_id, at)")
    isolate_v1("audit_log", grants="SELECT")
    limit_to_plants_v1("audit_log", also_without_plant=True)
    partition_monthly_v1("audit_log")
    comment_v1(
        "audit_log",
        "Every change of every audited row; written by the trigger app.audit() only, insert-only for everyone",
        seq="Order of writing; gaps are rolled-back transactions",
        at="Start of the changing transaction",
        actor_kind="user, machine or system",
        request_id="Request, click or job that made the change, as in the server's log",
        before="The row before, null for an insert",
        after="The row after, null for a delete",
    )
    run_sql(AUDIT_FUNCTION_V1)


def _organizations() -> None:
    run_sql("""
    CREATE TABLE organizations (
      id uuid CONSTRAINT organizations_pk PRIMARY KEY,
      slug text NOT NULL CONSTRAINT organizations_slug_uq UNIQUE
        CONSTRAINT organizations_slug_ck CHECK (slug ~ '^[a-z0-9][a-z0-9-]{1,39}$'),
      name text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      version integer NOT NULL DEFAULT 1
    )
    """)
    isolate_v1("organizations", org_column="id", grants=KEEP)
    audit_v1("organizations")
    comment_v1(
        "organizations", "Tenants: an organization sees only its own rows, everywhere", slug="Short name in addresses"
    )


def _identity() -> None:
    run_sql("""
    CREATE TABLE users (
      id uuid CONSTRAINT users_pk PRIMARY KEY,
      org_id uuid NOT NULL CONSTRAINT users_organization_fk REFERENCES organizations (id),
      email text NOT NULL CONSTRAINT users_email_ck CHECK (email = lower(email) AND email LIKE '%_@_%'),
      display_name text NOT NULL,
      password_hash text,
      language text NOT NULL DEFAULT '',
      is_active boolean NOT NULL DEFAULT true,
      plant_ids uuid[],
      created_at timestamptz NOT NULL DEFAULT now(),
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT users_org_uq UNIQUE (org_id, id),
      CONSTRAINT users_email_uq UNIQUE (org_id, email)
    )
    """)
    run_sql("CREATE INDEX users_email_ix ON users (email)")
    isolate_v1("users")
    audit_v1("users", hidden=("password_hash",))
    comment_v1(
        "users",
        "People and programs that sign in",
        language="BCP 47 tag of what they chose to read; empty means whatever their browser asks for",
        plant_ids="Plants they may see; null means all",
        password_hash="argon2id; null means that no password opens this account",  # noqa: S106 - a comment on the column
    )
    run_sql("""
    CREATE TABLE user_roles (
      org_id uuid NOT NULL,
      user_id uuid NOT NULL,
      role text NOT NULL CONSTRAINT user_roles_role_ck CHECK (role IN ('admin', 'supervisor', 'operator', 'viewer')),
      CONSTRAINT user_roles_pk PRIMARY KEY (org_id, user_id, role),
      CONSTRAINT user_roles_user_fk FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
    )
    """)
    isolate_v1("user_roles")
    audit_v1("user_roles")
    comment_v1("user_roles", "Which roles a user holds")
    run_sql("""
    CREATE TABLE sign_in_sessions (
      id uuid CONSTRAINT sign_in_sessions_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      user_id uuid NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz,
      revoked_because text CONSTRAINT sign_in_sessions_because_ck
        CHECK (revoked_because IN ('signed_out', 'token_reused', 'revoked')),
      address text NOT NULL DEFAULT '',
      device text NOT NULL DEFAULT '',
      CONSTRAINT sign_in_sessions_org_uq UNIQUE (org_id, id),
      CONSTRAINT sign_in_sessions_user_fk FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
    )
    """)
    run_sql("CREATE INDEX sign_in_sessions_user_ix ON sign_in_sessions (org_id, user_id)")
    isolate_v1("sign_in_sessions")
    audit_v1("sign_in_sessions")
    comment_v1(
        "sign_in_sessions",
        "One sign-in and all tokens that descend from it (the token family)",
        expires_at="When the newest refresh token ends",
    )
    run_sql("""
    CREATE TABLE refresh_tokens (
      id uuid CONSTRAINT refresh_tokens_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      session_id uuid NOT NULL,
      issued_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      used_at timestamptz,
      CONSTRAINT refresh_tokens_session_fk FOREIGN KEY (org_id, session_id)
        REFERENCES sign_in_sessions (org_id, id) ON DELETE CASCADE
    )
    """)
    run_sql("CREATE INDEX refresh_tokens_session_ix ON refresh_tokens (org_id, session_id)")
    isolate_v1("refresh_tokens")
    comment_v1(
        "refresh_tokens",
        "Refresh tokens by their jti; a second use of one revokes its session",
        used_at="When it was exchanged for the next one",
    )
    run_sql("""
    CREATE TABLE idempotency_keys (
      org_id uuid NOT NULL,
      user_id uuid NOT NULL,
      key text NOT NULL CONSTRAINT idempotency_keys_key_ck CHECK (length(key) BETWEEN 1 AND 200),
      fingerprint bytea NOT NULL,
      status integer,
      body jsonb,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT idempotency_keys_pk PRIMARY KEY (org_id, user_id, key),
      CONSTRAINT idempotency_keys_user_fk FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
    )
    """)
    run_sql("CREATE INDEX idempotency_keys_created_ix ON idempotency_keys (created_at)")
    isolate_v1("idempotency_keys")
    comment_v1(
        "idempotency_keys",
        "Answers of writes that came with an Idempotency-Key, kept for a day",
        fingerprint="SHA-256 of method, path and body; the same key with another request is refused",
        status="HTTP status of the answer; null while the first request runs",
    )
    run_sql("""
    CREATE POLICY sign_in ON users FOR SELECT TO CURRENT_USER USING (true);
    CREATE POLICY sign_in ON organizations FOR SELECT TO CURRENT_USER USING (true);
    CREATE FUNCTION app.sign_in_candidates(given_email text, given_slug text)
    RETURNS TABLE (user_id uuid, org_id uuid, password_hash text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      SELECT users.id, users.org_id, users.password_hash
      FROM public.users JOIN public.organizations ON organizations.id = users.org_id
      WHERE users.email = given_email AND users.is_active AND (given_slug IS NULL OR organizations.slug = given_slug)
      ORDER BY users.org_id LIMIT 5
    $$;
    COMMENT ON FUNCTION app.sign_in_candidates(text, text) IS
      'The active accounts of an e-mail address, before a tenant is known';

    CREATE FUNCTION app.find_organization(given_slug text) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      SELECT id FROM public.organizations WHERE slug = given_slug
    $$;
    COMMENT ON FUNCTION app.find_organization(text) IS
      'The organization behind a slug, for commands and addresses that name one; null when there is none';

    CREATE FUNCTION app.has_organizations() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      SELECT EXISTS (SELECT FROM public.organizations)
    $$;
    COMMENT ON FUNCTION app.has_organizations() IS 'Whether the installation holds anything yet';
    """)


def _plant_model() -> None:
    run_sql("""
    CREATE TABLE plants (
      id uuid CONSTRAINT plants_pk PRIMARY KEY,
      org_id uuid NOT NULL CONSTRAINT plants_organization_fk REFERENCES organizations (id),
      code text NOT NULL,
      name text NOT NULL,
      time_zone text NOT NULL,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT plants_org_uq UNIQUE (org_id, id),
      CONSTRAINT plants_code_uq UNIQUE (org_id, code)
    )
    """)
    isolate_v1("plants")
    limit_to_plants_v1("plants", plant_column="id")
    audit_v1("plants")
    comment_v1("plants", "Sites (ISA-95) of an organization", time_zone="IANA name, for example Europe/Berlin")
    run_sql("""
    CREATE TABLE departments (
      id uuid CONSTRAINT departments_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      code text NOT NULL,
      name text NOT NULL,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT departments_org_uq UNIQUE (org_id, id),
      CONSTRAINT departments_code_uq UNIQUE (org_id, code),
      CONSTRAINT departments_plant_fk FOREIGN KEY (org_id, plant_id) REFERENCES plants (org_id, id)
    )
    """)
    run_sql("""
    CREATE TABLE lanes (
      id uuid CONSTRAINT lanes_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      department_id uuid NOT NULL,
      code text NOT NULL,
      name text NOT NULL,
      position integer NOT NULL DEFAULT 0,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT lanes_org_uq UNIQUE (org_id, id),
      CONSTRAINT lanes_code_uq UNIQUE (org_id, code),
      CONSTRAINT lanes_plant_fk FOREIGN KEY (org_id, plant_id) REFERENCES plants (org_id, id),
      CONSTRAINT lanes_department_fk FOREIGN KEY (org_id, department_id) REFERENCES departments (org_id, id)
    )
    """)
    run_sql("""
    CREATE TABLE machines (
      id uuid CONSTRAINT machines_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      lane_id uuid NOT NULL,
      code text NOT NULL,
      name text NOT NULL,
      position integer NOT NULL DEFAULT 0,
      is_simulated boolean NOT NULL DEFAULT false,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT machines_org_uq UNIQUE (org_id, id),
      CONSTRAINT machines_code_uq UNIQUE (org_id, code),
      CONSTRAINT machines_plant_fk FOREIGN KEY (org_id, plant_id) REFERENCES plants (org_id, id),
      CONSTRAINT machines_lane_fk FOREIGN KEY (org_id, lane_id) REFERENCES lanes (org_id, id)
    )
    """)
    run_sql("CREATE INDEX machines_lane_ix ON machines (org_id, lane_id)")
    for table, about in (
        ("departments", "Areas (ISA-95) of a plant"),
        ("lanes", "Production lines (ISA-95) of a department"),
        ("machines", "Work units (ISA-95) of a lane"),
    ):
        isolate_v1(table)
        limit_to_plants_v1(table)
        audit_v1(table)
        comment_v1(table, about)
    comment_v1(
        "machines",
        "Work units (ISA-95) of a lane",
        code="Unique in the organization; stands in addresses and reports",
        is_simulated="Whether the built-in simulator drives it",
    )
    run_sql("""
    CREATE TABLE reasons (
      id uuid CONSTRAINT reasons_pk PRIMARY KEY,
      org_id uuid NOT NULL CONSTRAINT reasons_organization_fk REFERENCES organizations (id),
      kind text NOT NULL CONSTRAINT reasons_kind_ck CHECK (kind IN ('stop', 'scrap', 'rework')),
      code text NOT NULL,
      label text NOT NULL,
      loss_category text CONSTRAINT reasons_loss_ck
        CHECK (loss_category IN ('planned', 'breakdown', 'changeover', 'minor', 'material', 'organization', 'quality')),
      position integer NOT NULL DEFAULT 0,
      is_active boolean NOT NULL DEFAULT true,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT reasons_org_uq UNIQUE (org_id, id),
      CONSTRAINT reasons_code_uq UNIQUE (org_id, kind, code)
    )
    """)
    isolate_v1("reasons")
    audit_v1("reasons")
    comment_v1(
        "reasons",
        "Why a machine stood still or a piece was not good",
        loss_category="The bucket of lost time or pieces",
    )
