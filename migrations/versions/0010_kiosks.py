"""What terminals share: badges and PINs, with which people say who they are at a device, and what counters showed."""

from migrations.policies import audit_v1, comment_v1, isolate_v1, limit_to_plants_v1, run_sql

revision = "0010"
down_revision = "0009"


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
    run_sql("""
    CREATE TABLE counter_readings (
      org_id uuid NOT NULL,
      client_key uuid NOT NULL,
      plant_id uuid NOT NULL,
      machine_id uuid NOT NULL,
      at timestamptz NOT NULL,
      start_reading numeric(18,6) NOT NULL CONSTRAINT counter_readings_start_ck CHECK (start_reading >= 0),
      end_reading numeric(18,6) NOT NULL CONSTRAINT counter_readings_end_ck CHECK (end_reading >= 0),
      was_reset boolean NOT NULL,
      CONSTRAINT counter_readings_pk PRIMARY KEY (org_id, client_key),
      CONSTRAINT counter_readings_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id)
    );
    CREATE INDEX counter_readings_machine_ix ON counter_readings (org_id, machine_id, at DESC);
    """)
    isolate_v1("counter_readings", grants="SELECT, INSERT")
    limit_to_plants_v1("counter_readings")
    comment_v1(
        "counter_readings",
        "What people read off a machine's counter, one row per report: the next report begins where the last one ended",
        client_key="The report that was booked from them",
        at="When the pieces were made, as in the log",
        was_reset="Whether the counter was set to zero in between",
    )
