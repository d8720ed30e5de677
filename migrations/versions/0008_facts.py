"""Hourly facts of machines, and the hours that have to be added up again."""

from migrations.policies import APP_ROLE, comment_v1, isolate_v1, limit_to_plants_v1, run_sql

revision = "0008"
down_revision = "0007"

CAUSES = (
    "running", "break", "planned", "no_data", "breakdown", "changeover", "minor", "material", "organization",
    "quality", "unexplained", "idle", "blocked", "starved",
)  # fmt: skip
OUTSIDE_SHIFTS = "00000000-0000-0000-0000-000000000000"

COMMENTS = {
    "shift_id": "The shift occurrence, all zeros outside shifts and where the lane works around the clock",
    "day": "The day that the shift belongs to, in the plant's zone",
    "is_planned": "Whether the time lies in a shift; only such rows enter KPIs",
    "good_reported": "As reported: without corrections",
    "planned_run_s": "Sum of planned run time per item x pieces; null when an item has none",
    "planned_run_reported_s": "The same of the pieces as reported",
}

DIRTY = """
CREATE TABLE dirty_hours (
  org_id uuid NOT NULL,
  machine_id uuid NOT NULL,
  hour_at timestamptz NOT NULL,
  marked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT dirty_hours_pk PRIMARY KEY (org_id, machine_id, hour_at),
  CONSTRAINT dirty_hours_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id)
);
CREATE INDEX dirty_hours_marked_ix ON dirty_hours (marked_at);
"""

FUNCTIONS = """
CREATE FUNCTION app.mark_dirty_hours(machine uuid, since timestamptz, until timestamptz) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO public.dirty_hours (org_id, machine_id, hour_at)
  SELECT machines.org_id, machines.id, hour_at
  FROM public.machines,
       generate_series(date_trunc('hour', since, 'UTC'), date_trunc('hour', greatest(until, since), 'UTC'),
                       interval '1 hour') AS hour_at
  WHERE machines.id = machine
  ON CONFLICT ON CONSTRAINT dirty_hours_pk DO NOTHING
$$;
COMMENT ON FUNCTION app.mark_dirty_hours(uuid, timestamptz, timestamptz) IS
  'Marks every hour of a machine that touches a period, ends included, to be added up again';

CREATE FUNCTION app.mark_changed_time() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE before_at timestamptz; after_at timestamptz;
BEGIN
  -- A change ends the state before it, which may turn a stop into a micro-stop, and lasts until the next.
  SELECT max(started_at) INTO before_at FROM public.machine_state_changes
    WHERE machine_id = NEW.machine_id AND started_at < NEW.started_at
      AND started_at > NEW.started_at - interval '4 hours';
  SELECT min(started_at) INTO after_at FROM public.machine_state_changes
    WHERE machine_id = NEW.machine_id AND started_at > NEW.started_at;
  -- Hours that end later are marked when they end; the limit is for a log that ended years ago.
  PERFORM app.mark_dirty_hours(NEW.machine_id, coalesce(before_at, NEW.started_at),
                               least(coalesce(after_at, now()), NEW.started_at + interval '35 days'));
  RETURN NULL;
END $$;
COMMENT ON FUNCTION app.mark_changed_time() IS 'Marks the hours whose time a state change tells otherwise';
CREATE TRIGGER mark_dirty AFTER INSERT OR UPDATE ON machine_state_changes
  FOR EACH ROW EXECUTE FUNCTION app.mark_changed_time();

CREATE FUNCTION app.mark_reported_hour() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.dirty_hours (org_id, machine_id, hour_at)
  SELECT DISTINCT org_id, machine_id, date_trunc('hour', at, 'UTC') FROM entries
  ON CONFLICT ON CONSTRAINT dirty_hours_pk DO NOTHING;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION app.mark_reported_hour() IS 'Marks the hours in which pieces were made or taken back';
CREATE TRIGGER mark_dirty AFTER INSERT ON production_log
  REFERENCING NEW TABLE AS entries FOR EACH STATEMENT EXECUTE FUNCTION app.mark_reported_hour();

CREATE FUNCTION app.organizations_with_dirty_hours() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT DISTINCT org_id FROM public.dirty_hours
$$;
COMMENT ON FUNCTION app.organizations_with_dirty_hours() IS 'Where there is something to add up';

CREATE FUNCTION app.organizations() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT id FROM public.organizations ORDER BY id
$$;
COMMENT ON FUNCTION app.organizations() IS 'Every organization, for jobs of the system that do something for each';
"""


def upgrade() -> None:
    """Make the schema."""
    _facts("hourly_facts", key="hour_at, shift_id, day")
    comment_v1(
        "hourly_facts",
        "What a machine's time went into and what it made, per hour and shift; derived, and added up again when an hour"
        " is dirty",
        hour_at="Start of the hour, UTC",
        **COMMENTS,
    )
    _facts("shift_facts", key="day, shift_id, lane_id, is_planned")
    comment_v1(
        "shift_facts",
        "The hourly facts of a machine and a shift added up, written with them",
        hour_at="Start of the first hour, UTC",
        **COMMENTS,
    )
    run_sql(DIRTY)
    isolate_v1("dirty_hours")
    comment_v1("dirty_hours", "Hours of machines whose facts are to be added up again")
    run_sql(FUNCTIONS)
    run_sql("CREATE POLICY upkeep ON dirty_hours FOR SELECT TO CURRENT_USER USING (true)")
    for name in (
        "mark_dirty_hours", "mark_changed_time", "mark_reported_hour",
        "organizations_with_dirty_hours", "organizations",
    ):  # fmt: skip
        run_sql(f"REVOKE ALL ON FUNCTION app.{name} FROM PUBLIC")
        run_sql(f"GRANT EXECUTE ON FUNCTION app.{name} TO {APP_ROLE}")


def _facts(table: str, *, key: str) -> None:
    seconds = ",\n      ".join(f"{cause}_s numeric(18,6) NOT NULL DEFAULT 0" for cause in CAUSES)
    run_sql(f"""
    CREATE TABLE {table} (
      org_id uuid NOT NULL,
      plant_id uuid NOT NULL,
      lane_id uuid NOT NULL,
      machine_id uuid NOT NULL,
      hour_at timestamptz NOT NULL,
      shift_id uuid NOT NULL DEFAULT '{OUTSIDE_SHIFTS}',
      day date NOT NULL,
      is_planned boolean NOT NULL,
      {seconds},
      good numeric(18,6) NOT NULL DEFAULT 0,
      scrap numeric(18,6) NOT NULL DEFAULT 0,
      rework numeric(18,6) NOT NULL DEFAULT 0,
      good_reported numeric(18,6) NOT NULL DEFAULT 0,
      scrap_reported numeric(18,6) NOT NULL DEFAULT 0,
      rework_reported numeric(18,6) NOT NULL DEFAULT 0,
      planned_run_s numeric(18,6),
      planned_run_reported_s numeric(18,6),
      failures integer NOT NULL DEFAULT 0,
      corrective_s numeric(18,6) NOT NULL DEFAULT 0,
      preventive_s numeric(18,6) NOT NULL DEFAULT 0,
      CONSTRAINT {table}_pk PRIMARY KEY (org_id, machine_id, {key}),
      CONSTRAINT {table}_machine_fk FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id),
      CONSTRAINT {table}_lane_fk FOREIGN KEY (org_id, lane_id) REFERENCES lanes (org_id, id)
    );
    CREATE INDEX {table}_plant_ix ON {table} (org_id, plant_id, day);
    CREATE INDEX {table}_lane_ix ON {table} (org_id, lane_id, day);
    """)
    isolate_v1(table)
    limit_to_plants_v1(table)
