"""Materials, routings, work orders and their operations; runs and log entries that belong to an operation."""

from migrations.policies import audit_v1, comment_v1, isolate_v1, limit_to_plants_v1, run_sql, seeing_all_rows_v1

revision = "0006"
down_revision = "0005"

TRANSFERS = "'finish_to_start', 'partial'"
WORK_CENTRE = """
      lane_id uuid,
      machine_id uuid"""


def upgrade() -> None:
    """Make the schema."""
    _series()
    _materials()
    _routings()
    _work_orders()
    _operations()
    _bookings()


def _series() -> None:
    run_sql("""
    CREATE TABLE number_series (
      org_id uuid NOT NULL CONSTRAINT number_series_organization_fk REFERENCES organizations (id),
      series text NOT NULL,
      year integer NOT NULL,
      last_number bigint NOT NULL,
      CONSTRAINT number_series_pk PRIMARY KEY (org_id, series, year)
    )
    """)
    isolate_v1("number_series", grants="SELECT, INSERT, UPDATE")
    comment_v1(
        "number_series",
        "The last number given in each series and year, such as WO-2026-000123",
        series="What stands before the year",
        year="In the time zone of the plant that the number is for",
    )


def _materials() -> None:
    run_sql("""
    CREATE TABLE materials (
      id uuid CONSTRAINT materials_pk PRIMARY KEY,
      org_id uuid NOT NULL CONSTRAINT materials_organization_fk REFERENCES organizations (id),
      number text NOT NULL,
      description text NOT NULL DEFAULT '',
      unit text NOT NULL,
      is_active boolean NOT NULL DEFAULT true,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT materials_org_uq UNIQUE (org_id, id),
      CONSTRAINT materials_number_uq UNIQUE (org_id, number)
    )
    """)
    isolate_v1("materials")
    audit_v1("materials")
    comment_v1("materials", "What is made and what it is made of", unit="Unit of measure of its quantities")


def _routings() -> None:
    run_sql("""
    CREATE TABLE routings (
      id uuid CONSTRAINT routings_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      material_id uuid NOT NULL,
      revision integer NOT NULL CONSTRAINT routings_revision_ck CHECK (revision > 0),
      state text NOT NULL DEFAULT 'draft' CONSTRAINT routings_state_ck CHECK (state IN ('draft', 'active', 'retired')),
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT routings_org_uq UNIQUE (org_id, id),
      CONSTRAINT routings_revision_uq UNIQUE (org_id, plant_id, material_id, revision),
      CONSTRAINT routings_plant_fk FOREIGN KEY (org_id, plant_id) REFERENCES plants (org_id, id),
      CONSTRAINT routings_material_fk FOREIGN KEY (org_id, material_id) REFERENCES materials (org_id, id)
    )
    """)
    run_sql("CREATE UNIQUE INDEX routings_active_uq ON routings (org_id, plant_id, material_id) WHERE state = 'active'")
    isolate_v1("routings")
    limit_to_plants_v1("routings")
    audit_v1("routings")
    comment_v1(
        "routings",
        "How a plant makes a material, in revisions; at most one is active",
        state="draft -> active -> retired",
    )
    run_sql(f"""
    CREATE TABLE routing_operations (
      id uuid CONSTRAINT routing_operations_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      routing_id uuid NOT NULL,
      sequence integer NOT NULL CONSTRAINT routing_operations_sequence_ck CHECK (sequence > 0),
      name text NOT NULL,{WORK_CENTRE},
      setup_time_s numeric(18,6) NOT NULL DEFAULT 0 CONSTRAINT routing_operations_setup_ck CHECK (setup_time_s >= 0),
      run_time_s numeric(18,6) CONSTRAINT routing_operations_run_ck CHECK (run_time_s > 0),
      predecessors integer[] NOT NULL DEFAULT '{{}}',
      transfer text NOT NULL DEFAULT 'finish_to_start'
        CONSTRAINT routing_operations_transfer_ck CHECK (transfer IN ({TRANSFERS})),
      instructions text NOT NULL DEFAULT '',
      required_reports text[] NOT NULL DEFAULT '{{}}',
      CONSTRAINT routing_operations_org_uq UNIQUE (org_id, id),
      CONSTRAINT routing_operations_sequence_uq UNIQUE (org_id, routing_id, sequence),
      CONSTRAINT routing_operations_place_ck CHECK ((lane_id IS NULL) <> (machine_id IS NULL)),
      CONSTRAINT routing_operations_routing_fk FOREIGN KEY (org_id, routing_id) REFERENCES routings (org_id, id)
        ON DELETE CASCADE,
      CONSTRAINT routing_operations_lane_fk FOREIGN KEY (org_id, lane_id) REFERENCES lanes (org_id, id),
      CONSTRAINT routing_operations_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id)
    )
    """)
    isolate_v1("routing_operations")
    limit_to_plants_v1("routing_operations")
    audit_v1("routing_operations")
    comment_v1(
        "routing_operations",
        "The steps of a routing, in the order of their sequence",
        lane_id="The work centre, where any machine of a lane will do; else machine_id",
        run_time_s="Planned run time per piece (PRI); null when nobody planned one",
        predecessors="Sequences of the operations that this one waits for",
        transfer="finish_to_start: the next one waits until this is done; partial: it takes pieces as they come",
        required_reports="What must have been reported before the operation is finished: setup, quantity",
    )


def _work_orders() -> None:
    run_sql("""
    CREATE TABLE work_orders (
      id uuid CONSTRAINT work_orders_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      number text NOT NULL,
      material_id uuid NOT NULL,
      routing_id uuid,
      quantity numeric(18,6) NOT NULL CONSTRAINT work_orders_quantity_ck CHECK (quantity > 0),
      unit text NOT NULL,
      overproduction_allowance numeric(18,6) NOT NULL DEFAULT 0
        CONSTRAINT work_orders_allowance_ck CHECK (overproduction_allowance >= 0),
      good numeric(18,6) NOT NULL DEFAULT 0,
      scrap numeric(18,6) NOT NULL DEFAULT 0,
      deadline_kind text NOT NULL DEFAULT 'soft'
        CONSTRAINT work_orders_deadline_ck CHECK (deadline_kind IN ('asap', 'hard', 'soft', 'none')),
      due_at timestamptz,
      priority integer NOT NULL DEFAULT 500 CONSTRAINT work_orders_priority_ck CHECK (priority BETWEEN 1 AND 999),
      state text NOT NULL DEFAULT 'draft' CONSTRAINT work_orders_state_ck CHECK
        (state IN ('draft', 'released', 'in_progress', 'on_hold', 'completed', 'closed', 'cancelled')),
      held_from text CONSTRAINT work_orders_held_from_ck CHECK (held_from IN ('released', 'in_progress')),
      hold_reason text NOT NULL DEFAULT '',
      note text NOT NULL DEFAULT '',
      source text NOT NULL DEFAULT 'manual' CONSTRAINT work_orders_source_ck
        CHECK (source IN ('manual', 'erp', 'import')),
      source_key text,
      split_from_id uuid,
      created_at timestamptz NOT NULL DEFAULT now(),
      released_at timestamptz,
      started_at timestamptz,
      ended_at timestamptz,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT work_orders_org_uq UNIQUE (org_id, id),
      CONSTRAINT work_orders_number_uq UNIQUE (org_id, number),
      CONSTRAINT work_orders_source_uq UNIQUE (org_id, source, source_key),
      CONSTRAINT work_orders_due_ck CHECK (deadline_kind NOT IN ('hard', 'soft') OR due_at IS NOT NULL),
      CONSTRAINT work_orders_held_ck CHECK ((held_from IS NOT NULL) = (state = 'on_hold')),
      CONSTRAINT work_orders_plant_fk FOREIGN KEY (org_id, plant_id) REFERENCES plants (org_id, id),
      CONSTRAINT work_orders_material_fk FOREIGN KEY (org_id, material_id) REFERENCES materials (org_id, id),
      CONSTRAINT work_orders_routing_fk FOREIGN KEY (org_id, routing_id) REFERENCES routings (org_id, id),
      CONSTRAINT work_orders_split_fk FOREIGN KEY (org_id, split_from_id) REFERENCES work_orders (org_id, id)
    )
    """)
    run_sql(
        "CREATE INDEX work_orders_open_ix ON work_orders (org_id, plant_id, priority, due_at)"
        " WHERE state IN ('draft', 'released', 'in_progress', 'on_hold')"
    )
    run_sql("CREATE INDEX work_orders_created_ix ON work_orders (org_id, created_at DESC, id DESC)")
    isolate_v1("work_orders")
    limit_to_plants_v1("work_orders")
    audit_v1("work_orders")
    comment_v1(
        "work_orders",
        "Orders to make a quantity of a material in a plant",
        state="draft -> released -> in_progress <-> on_hold -> completed -> closed; cancelled from draft, released,"
        " on_hold",
        held_from="The state that a hold came from and goes back to",
        routing_id="The routing that was copied at release; null before",
        good="Good pieces of the last operation, kept in the transactions that write the log",
        scrap="Scrap of all operations",
        overproduction_allowance="Share of the quantity that may be made on top of it",
        priority="1 is first, 999 last",
        source_key="The order's name where it came from",
        ended_at="When it was completed or cancelled",
    )


def _operations() -> None:
    run_sql(f"""
    CREATE TABLE operations (
      id uuid CONSTRAINT operations_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      work_order_id uuid NOT NULL,
      sequence integer NOT NULL CONSTRAINT operations_sequence_ck CHECK (sequence > 0),
      name text NOT NULL,{WORK_CENTRE},
      setup_time_s numeric(18,6) NOT NULL DEFAULT 0 CONSTRAINT operations_setup_ck CHECK (setup_time_s >= 0),
      run_time_s numeric(18,6) CONSTRAINT operations_run_ck CHECK (run_time_s > 0),
      predecessors integer[] NOT NULL DEFAULT '{{}}',
      transfer text NOT NULL DEFAULT 'finish_to_start'
        CONSTRAINT operations_transfer_ck CHECK (transfer IN ({TRANSFERS})),
      instructions text NOT NULL DEFAULT '',
      required_reports text[] NOT NULL DEFAULT '{{}}',
      quantity numeric(18,6) NOT NULL CONSTRAINT operations_quantity_ck CHECK (quantity > 0),
      is_last boolean NOT NULL,
      state text NOT NULL DEFAULT 'waiting' CONSTRAINT operations_state_ck
        CHECK (state IN ('waiting', 'ready', 'running', 'paused', 'done', 'cancelled')),
      in_setup boolean NOT NULL DEFAULT false,
      had_setup boolean NOT NULL DEFAULT false,
      good numeric(18,6) NOT NULL DEFAULT 0,
      scrap numeric(18,6) NOT NULL DEFAULT 0,
      rework numeric(18,6) NOT NULL DEFAULT 0,
      worked_machine_id uuid,
      run_id uuid,
      started_at timestamptz,
      ended_at timestamptz,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT operations_org_uq UNIQUE (org_id, id),
      CONSTRAINT operations_sequence_uq UNIQUE (org_id, work_order_id, sequence),
      CONSTRAINT operations_place_ck CHECK ((lane_id IS NULL) <> (machine_id IS NULL)),
      CONSTRAINT operations_running_ck CHECK (state <> 'running' OR worked_machine_id IS NOT NULL),
      CONSTRAINT operations_in_setup_ck CHECK (NOT in_setup OR state = 'running'),
      CONSTRAINT operations_order_fk FOREIGN KEY (org_id, work_order_id) REFERENCES work_orders (org_id, id),
      CONSTRAINT operations_lane_fk FOREIGN KEY (org_id, lane_id) REFERENCES lanes (org_id, id),
      CONSTRAINT operations_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id),
      CONSTRAINT operations_worked_machine_fk FOREIGN KEY (org_id, worked_machine_id) REFERENCES machines (org_id, id),
      CONSTRAINT operations_run_fk FOREIGN KEY (org_id, run_id) REFERENCES production_runs (org_id, id)
    )
    """)
    run_sql(
        "CREATE INDEX operations_lane_ix ON operations (org_id, lane_id)"
        " WHERE state IN ('waiting', 'ready', 'running', 'paused')"
    )
    run_sql(
        "CREATE INDEX operations_machine_ix ON operations (org_id, machine_id)"
        " WHERE state IN ('waiting', 'ready', 'running', 'paused')"
    )
    run_sql("CREATE INDEX operations_worked_ix ON operations (org_id, worked_machine_id) WHERE state = 'running'")
    isolate_v1("operations")
    limit_to_plants_v1("operations")
    audit_v1("operations")
    comment_v1(
        "operations",
        "The steps of a released work order, copied from its routing and never changed by it afterwards",
        state="waiting -> ready -> running <-> paused -> done; cancelled from waiting, ready, paused",
        in_setup="Whether the running operation is being set up",
        had_setup="Whether a setup was reported",
        is_last="Its good pieces are the order's",
        worked_machine_id="The machine that works on it, or did last",
        run_id="Its newest production run",
        quantity="Pieces asked for, in the order's unit",
    )


def _bookings() -> None:
    with seeing_all_rows_v1("production_runs", "production_log", "operations", "machine_status"):
        run_sql("""
    ALTER TABLE machine_status ADD COLUMN operation_id uuid,
      ADD CONSTRAINT machine_status_operation_fk FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id);
    ALTER TABLE production_runs ADD COLUMN operation_id uuid,
      ADD CONSTRAINT production_runs_operation_fk FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id);
    CREATE INDEX production_runs_operation_ix ON production_runs (org_id, operation_id) WHERE operation_id IS NOT NULL;
    ALTER TABLE production_log
      ADD COLUMN operation_id uuid,
      ADD COLUMN reverses_id uuid,
      ADD COLUMN is_correction boolean NOT NULL DEFAULT false,
      DROP CONSTRAINT production_log_quantity_ck,
      ADD CONSTRAINT production_log_quantity_ck
        CHECK (CASE WHEN reverses_id IS NULL THEN quantity > 0 ELSE quantity < 0 END),
      ADD CONSTRAINT production_log_correction_ck CHECK (reverses_id IS NULL OR is_correction),
      ADD CONSTRAINT production_log_operation_fk FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id);
    CREATE INDEX production_log_operation_ix ON production_log (org_id, operation_id, at)
      WHERE operation_id IS NOT NULL;
        """)
    comment_v1(
        "machine_status",
        "The newest point of each machine's timeline and log, kept in the transactions that write those",
        operation_id="The operation that the present run belongs to",
    )
    comment_v1(
        "production_runs",
        "One run of an order on a machine, from its start to its end",
        operation_id="The operation that was worked on; null where a machine names orders of its own",
    )
    comment_v1(
        "production_log",
        "What was made, append-only: one entry per kind and report, and one more per kind for what a machine made "
        "beyond what its operation takes; a correction is a reversal and, if needed, another",
        operation_id="The operation that the pieces belong to; null for what a machine made beyond what it takes",
        reverses_id="The entry that this one takes back, with the negative of its quantity and at the same instant",
        is_correction="A reversal, or an entry in place of a reversed one: not part of what was first reported",
    )
    run_sql("""
    CREATE TABLE reversals (
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      reversed_id uuid NOT NULL,
      reversal_id uuid NOT NULL,
      at timestamptz NOT NULL,
      CONSTRAINT reversals_pk PRIMARY KEY (org_id, reversed_id),
      CONSTRAINT reversals_reversal_uq UNIQUE (org_id, reversal_id)
    )
    """)
    isolate_v1("reversals", grants="SELECT, INSERT")
    limit_to_plants_v1("reversals")
    comment_v1(
        "reversals",
        "Which log entries were taken back, each at most once",
        at="When the pieces were made, to find both entries in the log",
    )
