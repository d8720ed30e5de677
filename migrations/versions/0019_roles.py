"""Roles of an organization's own, and roles that somebody has in some plants only."""

from migrations.policies import audit_v1, comment_v1, isolate_v1, run_sql, seeing_all_rows_v1

revision = "0019"
down_revision = "0018"

BUILT_IN = "('admin', 'supervisor', 'operator', 'viewer', 'terminal', 'platform')"


def upgrade() -> None:
    """Make the tables, and let people hold the roles in them."""
    run_sql(f"""
    CREATE TABLE roles (
      id uuid CONSTRAINT roles_pk PRIMARY KEY,
      org_id uuid NOT NULL CONSTRAINT roles_org_fk REFERENCES organizations (id),
      key text NOT NULL CONSTRAINT roles_key_ck CHECK (key ~ '^[a-z][a-z0-9_-]{{1,39}}$'),
      name text NOT NULL,
      description text NOT NULL DEFAULT '',
      is_active boolean NOT NULL DEFAULT true,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT roles_org_uq UNIQUE (org_id, id),
      CONSTRAINT roles_key_uq UNIQUE (org_id, key),
      CONSTRAINT roles_reserved_ck CHECK (key NOT IN {BUILT_IN})
    );
    """)
    isolate_v1("roles")
    audit_v1("roles")
    comment_v1(
        "roles",
        "Roles that an organization made; the built-in ones stand in the code, and no row may have their keys",
        key="What user_roles and escalation ladders call it by; never changes",
        is_active="False grants nothing to whoever has the role",
    )
    run_sql(r"""
    CREATE TABLE role_grants (
      id uuid CONSTRAINT role_grants_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      role_id uuid NOT NULL,
      pattern text NOT NULL,
      CONSTRAINT role_grants_org_uq UNIQUE (org_id, id),
      CONSTRAINT role_grants_pattern_uq UNIQUE (org_id, role_id, pattern),
      CONSTRAINT role_grants_pattern_ck CHECK (pattern ~ '^([a-z_]+|\*)\.([a-z_]+|\*)\.([a-z_]+|\*)$'),
      CONSTRAINT role_grants_platform_ck CHECK (split_part(pattern, '.', 1) <> 'platform'),
      CONSTRAINT role_grants_role_fk FOREIGN KEY (org_id, role_id) REFERENCES roles (org_id, id) ON DELETE CASCADE
    );
    """)
    isolate_v1("role_grants")
    audit_v1("role_grants")
    comment_v1(
        "role_grants",
        "What the roles of organizations grant",
        pattern="area.noun.verb, with * for any one part; * never reaches the area of the platform",
    )
    with seeing_all_rows_v1("user_roles", "roles"):
        run_sql(f"""
        ALTER TABLE user_roles DROP CONSTRAINT user_roles_role_ck,
          ADD COLUMN plant_ids uuid[] CONSTRAINT user_roles_plants_ck CHECK (cardinality(plant_ids) > 0),
          ADD COLUMN own_role text GENERATED ALWAYS AS (CASE WHEN role IN {BUILT_IN} THEN NULL ELSE role END) STORED,
          ADD CONSTRAINT user_roles_own_fk FOREIGN KEY (org_id, own_role) REFERENCES roles (org_id, key);
        CREATE INDEX user_roles_role_ix ON user_roles (org_id, role);
        """)
    comment_v1(
        "user_roles",
        "Which roles a user holds, and where",
        role="The key of a built-in role, or of one of the organization's own",
        plant_ids="The plants in which the role holds; null means wherever the user may see",
        own_role="The role where it is no built-in one, so that it cannot be taken away while somebody holds it",
    )
