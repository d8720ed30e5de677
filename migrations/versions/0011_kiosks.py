"""Badges and PINs, with which people say who they are at a terminal that is signed in as a device."""

from migrations.policies import audit_v1, comment_v1, isolate_v1, run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the schema, and let accounts be terminals."""
    run_sql("""
    ALTER TABLE user_roles DROP CONSTRAINT user_roles_role_ck, ADD CONSTRAINT user_roles_role_ck
      CHECK (role IN ('admin', 'supervisor', 'operator', 'viewer', 'terminal'));
    """)
    run_sql("""
    CREATE TABLE user_badges (
      org_id uuid NOT NULL,
      user_id uuid NOT NULL,
      kind text NOT NULL CONSTRAINT user_badges_kind_ck CHECK (kind IN ('badge', 'pin')),
      digest bytea NOT NULL,
      CONSTRAINT user_badges_pk PRIMARY KEY (org_id, user_id, kind),
      CONSTRAINT user_badges_digest_uq UNIQUE (org_id, kind, digest),
      CONSTRAINT user_badges_user_fk FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
    )
    """)
    isolate_v1("user_badges")
    audit_v1("user_badges", hidden=("digest",))
    comment_v1(
        "user_badges",
        "What people identify themselves with at a kiosk: a badge number or a PIN, one of each",
        digest="HMAC-SHA-256 of the value under the installation's key; unique, so that the value names the person",
    )
