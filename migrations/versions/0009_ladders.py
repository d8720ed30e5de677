"""Escalation of Andon calls: ladders, rules of machines, who was told when, and shelving."""

from migrations.policies import audit_v1, comment_v1, isolate_v1, limit_to_plants_v1, run_sql, seeing_all_rows_v1

revision = "0009"
down_revision = "0008"

CATEGORIES = "'quality', 'material', 'machine', 'safety', 'help'"
STATES = "'running', 'idle', 'setup', 'planned_stop', 'unplanned_stop', 'blocked', 'starved', 'maintenance', 'no_data'"
TABLES = ("andon_ladders", "andon_ladder_steps", "andon_rules", "andon_notifications")


def upgrade() -> None:
    """Make the schema."""
    run_sql(f"""
    CREATE TABLE andon_ladders (
      id uuid CONSTRAINT andon_ladders_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      category text NOT NULL CONSTRAINT andon_ladders_category_ck CHECK (category IN ({CATEGORIES})),
      response_target_s integer CONSTRAINT andon_ladders_response_ck CHECK (response_target_s > 0),
      resolution_target_s integer CONSTRAINT andon_ladders_resolution_ck CHECK (resolution_target_s > 0),
      holds_operation_from text CONSTRAINT andon_ladders_holds_ck
        CHECK (holds_operation_from IN ('minor', 'major', 'critical')),
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT andon_ladders_org_uq UNIQUE (org_id, id),
      CONSTRAINT andon_ladders_category_uq UNIQUE (org_id, plant_id, category),
      CONSTRAINT andon_ladders_plant_fk FOREIGN KEY (org_id, plant_id) REFERENCES plants (org_id, id)
    );
    CREATE TABLE andon_ladder_steps (
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      ladder_id uuid NOT NULL,
      number integer NOT NULL CONSTRAINT andon_ladder_steps_number_ck CHECK (number >= 0),
      after_s integer NOT NULL CONSTRAINT andon_ladder_steps_after_ck CHECK (after_s >= 0),
      recipient text NOT NULL CONSTRAINT andon_ladder_steps_recipient_ck CHECK (recipient IN ('role', 'on_call')),
      whom text NOT NULL,
      channels text[] NOT NULL CONSTRAINT andon_ladder_steps_channels_ck
        CHECK (cardinality(channels) > 0 AND channels <@ ARRAY['screen', 'sound', 'mail']),
      CONSTRAINT andon_ladder_steps_pk PRIMARY KEY (org_id, ladder_id, number),
      CONSTRAINT andon_ladder_steps_ladder_fk FOREIGN KEY (org_id, ladder_id) REFERENCES andon_ladders (org_id, id)
        ON DELETE CASCADE
    );
    CREATE TABLE andon_rules (
      id uuid CONSTRAINT andon_rules_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      lane_id uuid,
      machine_id uuid,
      state text NOT NULL CONSTRAINT andon_rules_state_ck CHECK (state IN ({STATES})),
      after_s integer NOT NULL CONSTRAINT andon_rules_after_ck CHECK (after_s >= 0),
      category text NOT NULL CONSTRAINT andon_rules_category_ck CHECK (category IN ({CATEGORIES})),
      severity text NOT NULL CONSTRAINT andon_rules_severity_ck CHECK (severity IN ('minor', 'major', 'critical')),
      is_active boolean NOT NULL DEFAULT true,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT andon_rules_org_uq UNIQUE (org_id, id),
      CONSTRAINT andon_rules_place_ck CHECK (lane_id IS NULL OR machine_id IS NULL),
      CONSTRAINT andon_rules_plant_fk FOREIGN KEY (org_id, plant_id) REFERENCES plants (org_id, id),
      CONSTRAINT andon_rules_lane_fk FOREIGN KEY (org_id, lane_id) REFERENCES lanes (org_id, id),
      CONSTRAINT andon_rules_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id)
    );
    CREATE INDEX andon_rules_state_ix ON andon_rules (org_id, plant_id, state) WHERE is_active;
    CREATE TABLE andon_notifications (
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      call_id uuid NOT NULL,
      step integer NOT NULL,
      due_at timestamptz NOT NULL,
      fired_at timestamptz NOT NULL,
      is_late boolean NOT NULL,
      recipient text NOT NULL,
      whom text NOT NULL,
      channels text[] NOT NULL,
      user_ids uuid[] NOT NULL,
      fell_back boolean NOT NULL DEFAULT false,
      CONSTRAINT andon_notifications_pk PRIMARY KEY (org_id, call_id, step),
      CONSTRAINT andon_notifications_call_fk FOREIGN KEY (org_id, call_id) REFERENCES andon_calls (org_id, id)
    );
    CREATE INDEX andon_notifications_fired_ix ON andon_notifications (org_id, fired_at DESC);
    """)
    with seeing_all_rows_v1("andon_calls"):
        run_sql("""
    ALTER TABLE andon_calls
      ADD COLUMN resolution text NOT NULL DEFAULT '',
      ADD COLUMN rule_id uuid,
      ADD COLUMN rule_since timestamptz,
      ADD COLUMN rule_ended_at timestamptz,
      ADD COLUMN shelved_at timestamptz,
      ADD COLUMN shelved_until timestamptz,
      ADD COLUMN shelved_by uuid,
      ADD COLUMN shelve_reason text NOT NULL DEFAULT '',
      ADD COLUMN response_target_s integer,
      ADD COLUMN resolution_target_s integer,
      ADD COLUMN held_operation_id uuid,
      ADD CONSTRAINT andon_calls_rule_fk FOREIGN KEY (org_id, rule_id) REFERENCES andon_rules (org_id, id)
        ON DELETE SET NULL (rule_id),
      ADD CONSTRAINT andon_calls_shelved_by_fk FOREIGN KEY (org_id, shelved_by) REFERENCES users (org_id, id),
      ADD CONSTRAINT andon_calls_shelved_ck CHECK (shelved_until >= shelved_at),
      ADD CONSTRAINT andon_calls_held_fk FOREIGN KEY (org_id, held_operation_id) REFERENCES operations (org_id, id);
    CREATE INDEX andon_calls_raised_ix ON andon_calls (org_id, raised_at DESC, id DESC);
        """)
    for table in TABLES:
        if table == "andon_notifications":
            isolate_v1(table, grants="SELECT, INSERT")
        else:
            isolate_v1(table)
        limit_to_plants_v1(table)
    for table in ("andon_ladders", "andon_rules"):
        audit_v1(table)
    comment_v1(
        "andon_ladders",
        "Who is told when nobody answers a call, per category and plant",
        response_target_s="From raised to acknowledged",
        resolution_target_s="From raised to resolved",
        holds_operation_from="Calls at least this severe pause the running operation; null: none do",
    )
    comment_v1(
        "andon_ladder_steps",
        "The steps of a ladder, by number from 0",
        after_s="Delay from the raising of the call",
        recipient="role: everybody who holds it; on_call: whoever of the working crew has this duty",
        whom="The role, or the duty",
    )
    comment_v1(
        "andon_rules",
        "States of machines that raise a call by themselves",
        machine_id="The rule's machine, else all of lane_id, else all of the plant",
        after_s="How long the state lasts before it calls",
    )
    comment_v1(
        "andon_notifications",
        "Which step of which call fired; each at most once",
        is_late="Fired well after its time, because nobody was there to fire it",
        user_ids="Who was told",
        fell_back="Nobody was on call for the duty, so the supervisors were told",
    )
    comment_v1(
        "andon_calls",
        "Calls for help at a machine; at most one open call per machine and category",
        resolution="What the trouble was, in the words of whoever ended it",
        rule_since="When the machine entered the state that raised it",
        rule_ended_at="When the machine left that state again",
        shelved_until="Until then the call is out of sight and its ladder waits; its clocks run on",
        response_target_s="The target when it was raised",
        held_operation_id="The operation that it paused",
    )
