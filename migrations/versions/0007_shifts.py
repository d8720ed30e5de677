"""How machines are planned, when lanes work, and who works then."""

from migrations.policies import audit_v1, comment_v1, isolate_v1, limit_to_plants_v1, run_sql, seeing_all_rows_v1

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the schema."""
    _settings()
    _crews()
    _shifts()
    run_sql("ALTER TABLE production_log ADD COLUMN shift_id uuid")
    comment_v1(
        "production_log",
        "What was made, append-only: one entry per kind and report; a correction is a reversal and, if needed, another",
        shift_id="The shift occurrence in which the pieces were made; null outside shifts",
    )


def _settings() -> None:
    with seeing_all_rows_v1("reasons"):
        run_sql("""
    ALTER TABLE plants
      ADD COLUMN undo_within_s integer NOT NULL DEFAULT 300
        CONSTRAINT plants_undo_ck CHECK (undo_within_s BETWEEN 0 AND 86400),
      ADD COLUMN idle_sign_out_s integer NOT NULL DEFAULT 120
        CONSTRAINT plants_idle_ck CHECK (idle_sign_out_s BETWEEN 10 AND 86400);
    ALTER TABLE machines
      ADD COLUMN micro_stop_s numeric(18,6) NOT NULL DEFAULT 120
        CONSTRAINT machines_micro_stop_ck CHECK (micro_stop_s >= 0),
      ADD COLUMN counting_source text NOT NULL DEFAULT 'operator'
        CONSTRAINT machines_counting_ck CHECK (counting_source IN ('operator', 'counter', 'machine')),
      ADD COLUMN counter_modulus numeric(18,6) CONSTRAINT machines_modulus_ck CHECK (counter_modulus > 0),
      ADD COLUMN allows_parallel boolean NOT NULL DEFAULT false,
      ADD COLUMN is_active boolean NOT NULL DEFAULT true;
    ALTER TABLE reasons
      ADD COLUMN parent_id uuid,
      ADD CONSTRAINT reasons_parent_ck CHECK (parent_id <> id),
      ADD CONSTRAINT reasons_parent_fk FOREIGN KEY (org_id, parent_id) REFERENCES reasons (org_id, id);
        """)
    comment_v1(
        "plants",
        "Sites (ISA-95) of an organization",
        undo_within_s="How long operators may take their own reports back at the terminal",
        idle_sign_out_s="How long a kiosk stays with an operator who does nothing",
    )
    comment_v1(
        "machines",
        "Work units (ISA-95) of a lane",
        micro_stop_s="Stops shorter than this are micro-stops, which nobody is asked about",
        counting_source="operator: people enter pieces; counter: people enter readings; machine: it reports by itself",
        counter_modulus="The reading at which the counter starts again from zero; null when it never does",
        allows_parallel="Whether several operations may run at once",
    )
    comment_v1("reasons", "Why a machine stood still or a piece was not good", parent_id="The reason above in the tree")
    run_sql("""
    CREATE TABLE cycle_times (
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      machine_id uuid NOT NULL,
      material_id uuid NOT NULL,
      cycle_time_s numeric(18,6) NOT NULL CONSTRAINT cycle_times_positive_ck CHECK (cycle_time_s > 0),
      CONSTRAINT cycle_times_pk PRIMARY KEY (org_id, machine_id, material_id),
      CONSTRAINT cycle_times_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id),
      CONSTRAINT cycle_times_material_fk FOREIGN KEY (org_id, material_id) REFERENCES materials (org_id, id)
    )
    """)
    isolate_v1("cycle_times")
    limit_to_plants_v1("cycle_times")
    audit_v1("cycle_times")
    comment_v1("cycle_times", "Planned run time per item (PRI) of a material on a machine, before the operation's own")
    run_sql("""
    CREATE TABLE machine_places (
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      machine_id uuid NOT NULL,
      lane_id uuid NOT NULL,
      since timestamptz NOT NULL,
      CONSTRAINT machine_places_pk PRIMARY KEY (org_id, machine_id, since),
      CONSTRAINT machine_places_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id),
      CONSTRAINT machine_places_lane_fk FOREIGN KEY (org_id, lane_id) REFERENCES lanes (org_id, id)
    );
    """)
    with seeing_all_rows_v1("machines"):
        run_sql("""
        INSERT INTO machine_places (org_id, plant_id, machine_id, lane_id, since)
          SELECT org_id, plant_id, id, lane_id, '2000-01-01T00:00:00Z' FROM machines
        """)
    isolate_v1("machine_places", grants="SELECT, INSERT")
    limit_to_plants_v1("machine_places")
    comment_v1("machine_places", "Which lane a machine stood in since when, until its next place")


def _crews() -> None:
    run_sql("""
    CREATE TABLE crews (
      id uuid CONSTRAINT crews_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      name text NOT NULL,
      is_active boolean NOT NULL DEFAULT true,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT crews_org_uq UNIQUE (org_id, id),
      CONSTRAINT crews_plant_fk FOREIGN KEY (org_id, plant_id) REFERENCES plants (org_id, id)
    );
    CREATE TABLE crew_members (
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      crew_id uuid NOT NULL,
      user_id uuid NOT NULL,
      duties text[] NOT NULL DEFAULT '{}',
      CONSTRAINT crew_members_pk PRIMARY KEY (org_id, crew_id, user_id),
      CONSTRAINT crew_members_crew_fk FOREIGN KEY (org_id, crew_id) REFERENCES crews (org_id, id) ON DELETE CASCADE,
      CONSTRAINT crew_members_user_fk FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
    );
    """)
    run_sql("CREATE UNIQUE INDEX crews_name_uq ON crews (org_id, plant_id, name) WHERE is_active")
    comment_v1(
        "crews", "Who works a shift together",
        is_active="False after its removal, where shifts that it worked keep it",
    )  # fmt: skip
    comment_v1("crew_members", "The people of a crew", duties="What they are on call for while their crew works")
    for table in ("crews", "crew_members"):
        isolate_v1(table)
        limit_to_plants_v1(table)
        audit_v1(table)


def _shifts() -> None:
    run_sql("CREATE SCHEMA IF NOT EXISTS extensions; CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA extensions")
    run_sql("""
    CREATE TABLE shift_templates (
      id uuid CONSTRAINT shift_templates_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      lane_id uuid NOT NULL,
      name text NOT NULL,
      crew_id uuid,
      weekdays integer[] NOT NULL CONSTRAINT shift_templates_weekdays_ck
        CHECK (cardinality(weekdays) > 0 AND weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6]),
      starts time NOT NULL,
      ends time NOT NULL,
      break_starts time[] NOT NULL DEFAULT '{}',
      break_ends time[] NOT NULL DEFAULT '{}',
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT shift_templates_org_uq UNIQUE (org_id, id),
      CONSTRAINT shift_templates_name_uq UNIQUE (org_id, lane_id, name),
      CONSTRAINT shift_templates_breaks_ck CHECK (cardinality(break_starts) = cardinality(break_ends)),
      CONSTRAINT shift_templates_lane_fk FOREIGN KEY (org_id, lane_id) REFERENCES lanes (org_id, id),
      CONSTRAINT shift_templates_crew_fk FOREIGN KEY (org_id, crew_id) REFERENCES crews (org_id, id)
    );
    CREATE TABLE shift_exceptions (
      id uuid CONSTRAINT shift_exceptions_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      lane_id uuid NOT NULL,
      day date NOT NULL,
      template_id uuid,
      name text NOT NULL DEFAULT '',
      crew_id uuid,
      starts time,
      ends time,
      break_starts time[] NOT NULL DEFAULT '{}',
      break_ends time[] NOT NULL DEFAULT '{}',
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT shift_exceptions_org_uq UNIQUE (org_id, id),
      CONSTRAINT shift_exceptions_hours_ck CHECK ((starts IS NULL) = (ends IS NULL)),
      CONSTRAINT shift_exceptions_breaks_ck CHECK (cardinality(break_starts) = cardinality(break_ends)),
      CONSTRAINT shift_exceptions_lane_fk FOREIGN KEY (org_id, lane_id) REFERENCES lanes (org_id, id),
      CONSTRAINT shift_exceptions_template_fk FOREIGN KEY (org_id, template_id)
        REFERENCES shift_templates (org_id, id) ON DELETE CASCADE,
      CONSTRAINT shift_exceptions_crew_fk FOREIGN KEY (org_id, crew_id) REFERENCES crews (org_id, id)
    );
    CREATE UNIQUE INDEX shift_exceptions_template_uq ON shift_exceptions (org_id, template_id, day)
      WHERE template_id IS NOT NULL;
    CREATE TABLE shift_occurrences (
      id uuid CONSTRAINT shift_occurrences_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      lane_id uuid NOT NULL,
      template_id uuid,
      day date NOT NULL,
      name text NOT NULL,
      crew_id uuid,
      starts_at timestamptz NOT NULL,
      ends_at timestamptz NOT NULL,
      break_starts timestamptz[] NOT NULL DEFAULT '{}',
      break_ends timestamptz[] NOT NULL DEFAULT '{}',
      CONSTRAINT shift_occurrences_org_uq UNIQUE (org_id, id),
      CONSTRAINT shift_occurrences_order_ck CHECK (starts_at < ends_at),
      CONSTRAINT shift_occurrences_breaks_ck CHECK (cardinality(break_starts) = cardinality(break_ends)),
      CONSTRAINT shift_occurrences_apart_ex
        EXCLUDE USING gist (org_id WITH =, lane_id WITH =, tstzrange(starts_at, ends_at) WITH &&),
      CONSTRAINT shift_occurrences_lane_fk FOREIGN KEY (org_id, lane_id) REFERENCES lanes (org_id, id),
      CONSTRAINT shift_occurrences_template_fk FOREIGN KEY (org_id, template_id)
        REFERENCES shift_templates (org_id, id) ON DELETE SET NULL (template_id),
      CONSTRAINT shift_occurrences_crew_fk FOREIGN KEY (org_id, crew_id) REFERENCES crews (org_id, id)
    );
    CREATE INDEX shift_occurrences_lane_ix ON shift_occurrences (org_id, lane_id, starts_at DESC);
    """)
    for table in ("shift_templates", "shift_exceptions", "shift_occurrences"):
        isolate_v1(table)
        limit_to_plants_v1(table)
        audit_v1(table)
    comment_v1(
        "shift_templates",
        "Shifts that a lane works again and again, in wall-clock time of the plant",
        weekdays="The days on which it starts: 0 is Monday",
        ends="On the next day when it is not later than starts",
        break_starts="When the planned breaks begin; break_ends tells when each ends",
    )
    comment_v1(
        "shift_exceptions",
        "What a day has instead of its shift",
        template_id="The shift that is replaced; null without hours cancels all shifts of the day, with hours adds one",
        starts="The hours instead; null cancels",
    )
    comment_v1(
        "shift_occurrences",
        "One shift of one day in real time; a lane without any template works around the clock",
        day="The day, in the plant's zone, on which it starts and to which all of it belongs",
        template_id="Null for a shift that only this day has, and for one whose template is gone",
    )
