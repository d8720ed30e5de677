"""Machine time, runs, the production log, Andon calls."""

from migrations.policies import audit_v1, comment_v1, isolate_v1, limit_to_plants_v1, partition_monthly_v1, run_sql

revision = "0002"
down_revision = "0001"

STATES = "'running', 'idle', 'setup', 'planned_stop', 'unplanned_stop', 'blocked', 'starved', 'maintenance', 'no_data'"
MACHINE = """
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      machine_id uuid NOT NULL"""


def upgrade() -> None:
    """Make the schema."""
    _runs()
    _machine_time()
    _production_log()
    _andon()


def _runs() -> None:
    run_sql(f"""
    CREATE TABLE production_runs (
      id uuid CONSTRAINT production_runs_pk PRIMARY KEY,{MACHINE},
      run_key text NOT NULL CONSTRAINT production_runs_key_ck CHECK (length(run_key) BETWEEN 1 AND 300),
      order_number text NOT NULL,
      part_number text NOT NULL,
      target numeric(18,6) CONSTRAINT production_runs_target_ck CHECK (target >= 0),
      is_test boolean NOT NULL DEFAULT false,
      state text NOT NULL CONSTRAINT production_runs_state_ck
        CHECK (state IN ('running', 'paused', 'completed', 'aborted')),
      started_at timestamptz,
      ended_at timestamptz,
      note text NOT NULL DEFAULT '',
      CONSTRAINT production_runs_org_uq UNIQUE (org_id, id),
      CONSTRAINT production_runs_key_uq UNIQUE (org_id, machine_id, run_key),
      CONSTRAINT production_runs_ended_ck CHECK ((ended_at IS NOT NULL) = (state IN ('completed', 'aborted'))),
      CONSTRAINT production_runs_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id)
    )
    """)
    run_sql(
        "CREATE INDEX production_runs_open_ix ON production_runs (org_id, machine_id, started_at)"
        " WHERE ended_at IS NULL"
    )
    isolate_v1("production_runs")
    limit_to_plants_v1("production_runs")
    audit_v1("production_runs")
    comment_v1(
        "production_runs",
        "One run of an order on a machine, from its start to its end",
        run_key="The source's own name of this run on this machine",
        target="Pieces asked for; null when nobody said",
        is_test="A trial that belongs to no customer order",
        state="running -> paused -> running -> completed | aborted",
        started_at="Null when the start was never reported, as when a log begins in the middle of a run",
    )
    run_sql("""
    CREATE TABLE run_totals (
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      run_id uuid NOT NULL,
      good numeric(18,6) NOT NULL DEFAULT 0,
      scrap numeric(18,6) NOT NULL DEFAULT 0,
      rework numeric(18,6) NOT NULL DEFAULT 0,
      CONSTRAINT run_totals_pk PRIMARY KEY (org_id, run_id),
      CONSTRAINT run_totals_run_fk FOREIGN KEY (org_id, run_id) REFERENCES production_runs (org_id, id)
    )
    """)
    isolate_v1("run_totals")
    limit_to_plants_v1("run_totals")
    comment_v1("run_totals", "Sums of the production log per run, kept in the transaction that writes the log")


def _machine_time() -> None:
    run_sql(f"""
    CREATE TABLE machine_state_changes ({MACHINE},
      started_at timestamptz NOT NULL,
      state text NOT NULL CONSTRAINT machine_state_changes_state_ck CHECK (state IN ({STATES})),
      reason_id uuid,
      detail text NOT NULL DEFAULT '',
      actor_kind text NOT NULL,
      user_id uuid,
      recorded_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT machine_state_changes_pk PRIMARY KEY (org_id, machine_id, started_at),
      CONSTRAINT machine_state_changes_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id),
      CONSTRAINT machine_state_changes_reason_fk FOREIGN KEY (org_id, reason_id) REFERENCES reasons (org_id, id)
    ) PARTITION BY RANGE (started_at)
    """)
    isolate_v1("machine_state_changes", grants="SELECT, INSERT, UPDATE")
    limit_to_plants_v1("machine_state_changes")
    audit_v1("machine_state_changes")
    partition_monthly_v1("machine_state_changes")
    comment_v1(
        "machine_state_changes",
        "A machine's timeline: each state lasts until the next change of the same machine",
        started_at="When the state was entered",
        recorded_at="When the server learned of it",
        detail="The machine's own words, such as an alarm",
    )
    run_sql(f"""
    CREATE TABLE machine_status ({MACHINE},
      state text NOT NULL DEFAULT 'no_data' CONSTRAINT machine_status_state_ck CHECK (state IN ({STATES})),
      since timestamptz,
      reason_id uuid,
      detail text NOT NULL DEFAULT '',
      run_id uuid,
      last_report_at timestamptz,
      heard_at timestamptz,
      day date,
      good_today numeric(18,6) NOT NULL DEFAULT 0,
      scrap_today numeric(18,6) NOT NULL DEFAULT 0,
      CONSTRAINT machine_status_pk PRIMARY KEY (org_id, machine_id),
      CONSTRAINT machine_status_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id)
        ON DELETE CASCADE,
      CONSTRAINT machine_status_reason_fk FOREIGN KEY (org_id, reason_id) REFERENCES reasons (org_id, id),
      CONSTRAINT machine_status_run_fk FOREIGN KEY (org_id, run_id) REFERENCES production_runs (org_id, id)
    ) WITH (fillfactor = 70)
    """)
    isolate_v1("machine_status")
    limit_to_plants_v1("machine_status")
    comment_v1(
        "machine_status",
        "The newest point of each machine's timeline and log, kept in the transactions that write those",
        last_report_at="Newest instant that a report spoke of; the past during a replay",
        heard_at="When the server last heard of the machine",
        day="The plant's calendar day that good_today and scrap_today belong to",
    )
    run_sql(f"""
    CREATE TABLE machine_hours ({MACHINE},
      hour_at timestamptz NOT NULL,
      good numeric(18,6) NOT NULL DEFAULT 0,
      scrap numeric(18,6) NOT NULL DEFAULT 0,
      rework numeric(18,6) NOT NULL DEFAULT 0,
      CONSTRAINT machine_hours_pk PRIMARY KEY (org_id, machine_id, hour_at),
      CONSTRAINT machine_hours_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id)
    ) WITH (fillfactor = 80)
    """)
    isolate_v1("machine_hours")
    limit_to_plants_v1("machine_hours")
    comment_v1(
        "machine_hours",
        "Pieces per machine and hour, kept in the transaction that writes the log",
        hour_at="Start of the hour, UTC",
    )


def _production_log() -> None:
    run_sql(f"""
    CREATE TABLE booking_keys ({MACHINE},
      client_key uuid NOT NULL,
      at timestamptz NOT NULL,
      CONSTRAINT booking_keys_pk PRIMARY KEY (org_id, client_key)
    )
    """)
    isolate_v1("booking_keys", grants="SELECT, INSERT")
    limit_to_plants_v1("booking_keys")
    comment_v1(
        "booking_keys",
        "Client keys of what was booked: the same key never books twice",
        at="When the booked pieces were made, to find the entries",
    )
    run_sql(f"""
    CREATE TABLE production_log (
      id uuid NOT NULL,{MACHINE},
      run_id uuid,
      kind text NOT NULL CONSTRAINT production_log_kind_ck CHECK (kind IN ('good', 'scrap', 'rework')),
      quantity numeric(18,6) NOT NULL CONSTRAINT production_log_quantity_ck CHECK (quantity > 0),
      reason_id uuid,
      at timestamptz NOT NULL,
      recorded_at timestamptz NOT NULL DEFAULT now(),
      device_at timestamptz,
      device text NOT NULL DEFAULT '',
      actor_kind text NOT NULL,
      user_id uuid,
      client_key uuid NOT NULL,
      CONSTRAINT production_log_pk PRIMARY KEY (org_id, at, id),
      CONSTRAINT production_log_reason_ck CHECK (kind = 'good' OR reason_id IS NOT NULL),
      CONSTRAINT production_log_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id),
      CONSTRAINT production_log_run_fk FOREIGN KEY (org_id, run_id) REFERENCES production_runs (org_id, id),
      CONSTRAINT production_log_reason_fk FOREIGN KEY (org_id, reason_id) REFERENCES reasons (org_id, id)
    ) PARTITION BY RANGE (at)
    """)
    run_sql("CREATE INDEX production_log_machine_ix ON production_log (org_id, machine_id, at DESC, id DESC)")
    run_sql("CREATE INDEX production_log_run_ix ON production_log (org_id, run_id)")
    isolate_v1("production_log", grants="SELECT, INSERT")
    limit_to_plants_v1("production_log")
    audit_v1("production_log")
    partition_monthly_v1("production_log")
    comment_v1(
        "production_log",
        "What was made, append-only: one entry per kind and report",
        at="When the pieces were made, by the server's clock or the machine's own log",
        recorded_at="When the server booked them",
        device_at="What the reporting device's clock said",
        client_key="Names the report; one report may make one entry of each kind",
        reason_id="Why; required for scrap and rework",
    )


def _andon() -> None:
    run_sql(f"""
    CREATE TABLE andon_calls (
      id uuid CONSTRAINT andon_calls_pk PRIMARY KEY,{MACHINE},
      category text NOT NULL CONSTRAINT andon_calls_category_ck
        CHECK (category IN ('quality', 'material', 'machine', 'safety', 'help')),
      severity text NOT NULL CONSTRAINT andon_calls_severity_ck CHECK (severity IN ('minor', 'major', 'critical')),
      state text NOT NULL CONSTRAINT andon_calls_state_ck
        CHECK (state IN ('raised', 'acknowledged', 'resolved', 'closed')),
      note text NOT NULL DEFAULT '',
      raised_at timestamptz NOT NULL,
      raised_by uuid,
      acknowledged_at timestamptz,
      acknowledged_by uuid,
      resolved_at timestamptz,
      resolved_by uuid,
      closed_at timestamptz,
      closed_by uuid,
      joined integer NOT NULL DEFAULT 0,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT andon_calls_org_uq UNIQUE (org_id, id),
      CONSTRAINT andon_calls_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id),
      CONSTRAINT andon_calls_raised_by_fk FOREIGN KEY (org_id, raised_by) REFERENCES users (org_id, id),
      CONSTRAINT andon_calls_acknowledged_by_fk FOREIGN KEY (org_id, acknowledged_by) REFERENCES users (org_id, id),
      CONSTRAINT andon_calls_resolved_by_fk FOREIGN KEY (org_id, resolved_by) REFERENCES users (org_id, id),
      CONSTRAINT andon_calls_closed_by_fk FOREIGN KEY (org_id, closed_by) REFERENCES users (org_id, id)
    )
    """)
    run_sql(
        "CREATE UNIQUE INDEX andon_calls_open_uq ON andon_calls (org_id, machine_id, category)"
        " WHERE state IN ('raised', 'acknowledged')"
    )
    isolate_v1("andon_calls")
    limit_to_plants_v1("andon_calls")
    audit_v1("andon_calls")
    comment_v1(
        "andon_calls",
        "Calls for help at a machine; at most one open call per machine and category",
        state="raised -> acknowledged -> resolved -> closed",
        joined="How often the same call was raised again while open",
    )
