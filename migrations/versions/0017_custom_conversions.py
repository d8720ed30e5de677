"""Changes of the type of custom fields: what they would leave over, and how far they are."""

from migrations.policies import audit_v1, comment_v1, isolate_v1, run_sql

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the schema."""
    run_sql("""
    CREATE TABLE custom_conversions (
      id uuid CONSTRAINT custom_conversions_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      field_id uuid NOT NULL,
      field_version integer NOT NULL,
      from_type text NOT NULL,
      to_type text NOT NULL,
      definition jsonb NOT NULL,
      state text NOT NULL CONSTRAINT custom_conversions_state_ck
        CHECK (state IN ('checking', 'checked', 'converting', 'done', 'dropped')),
      total integer NOT NULL DEFAULT 0,
      seen integer NOT NULL DEFAULT 0,
      leftover integer NOT NULL DEFAULT 0,
      leftovers text CONSTRAINT custom_conversions_leftovers_ck CHECK (leftovers IN ('archive', 'clear')),
      samples jsonb NOT NULL DEFAULT '[]',
      started_at timestamptz NOT NULL,
      ended_at timestamptz,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT custom_conversions_org_uq UNIQUE (org_id, id),
      CONSTRAINT custom_conversions_field_fk FOREIGN KEY (org_id, field_id) REFERENCES custom_fields (org_id, id)
        ON DELETE CASCADE
    );
    CREATE UNIQUE INDEX custom_conversions_open_uq ON custom_conversions (org_id, field_id)
      WHERE state IN ('checking', 'checked', 'converting');
    """)
    isolate_v1("custom_conversions")
    audit_v1("custom_conversions")
    comment_v1(
        "custom_conversions",
        "Changes of the type of a custom field; one at a time, with a report before anything changes",
        field_version="The version of the field that was looked at; another one drops the change",
        definition="What the field becomes: type, unit, rules, choices, reference",
        seen="How many values the job under way has looked at, of total",
        leftover="How many values cannot be converted",
        leftovers="What becomes of those: archive keeps them in a field out of use, clear takes them away",
        samples="The first of those: the thing, its value and why",
    )
