"""What every table of an organization gets: isolation, grants, audit, months.

Helpers carry a version and are never edited once released: a revision must do tomorrow what it does today. A better
way is a new helper with the next number.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from alembic import op

APP_ROLE = "unison_app"

FUNCTIONS_V1 = """
CREATE SCHEMA app;
COMMENT ON SCHEMA app IS 'Who acts, row security, audit, partitions and queues';

-- Every table of every statement asks both of these, so they hold nothing but what Postgres itself calls without a
-- lookup: their bodies become part of the statement. They are parsed once, here, so that no search path can give a name
-- another meaning. What is no organization ends as a uuid that cannot be read, and says why. See the bench `rls`.
CREATE FUNCTION app.current_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('app.org_id', true), ''), 'no organization is set in this transaction')::uuid;
COMMENT ON FUNCTION app.current_org() IS 'The organization of this transaction; raises when none is set';

CREATE FUNCTION app.visible_plants() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(coalesce(nullif(current_setting('app.plant_ids', true), ''), '{}'), '*')::uuid[];
COMMENT ON FUNCTION app.visible_plants() IS
  'The plants that this transaction sees, none when nobody has set any, or NULL when it sees every plant';

CREATE TABLE app.monthly_tables (
  table_name text CONSTRAINT monthly_tables_pk PRIMARY KEY
);
COMMENT ON TABLE app.monthly_tables IS 'Tables that are range-partitioned by month (UTC)';

CREATE FUNCTION app.ensure_months(since timestamptz, until timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  parent text; part text; made integer := 0;
  month timestamp := date_trunc('month', since AT TIME ZONE 'UTC');
  last timestamp := date_trunc('month', until AT TIME ZONE 'UTC');
BEGIN
  IF month < '2000-01-01' OR last > (now() AT TIME ZONE 'UTC') + interval '24 months'
     OR last > month + interval '600 months'
  THEN
    RAISE EXCEPTION 'months from % to % are out of range', since, until USING ERRCODE = 'datetime_field_overflow';
  END IF;
  WHILE month <= last LOOP
    FOR parent IN SELECT table_name FROM app.monthly_tables ORDER BY table_name LOOP
      part := parent || '_' || to_char(month, 'YYYY_MM');
      IF NOT EXISTS (SELECT FROM pg_class WHERE relname = part AND relnamespace = 'public'::regnamespace) THEN
        PERFORM pg_advisory_xact_lock(hashtext('app.ensure_months'));
        -- Asked of the catalogue again: to_regclass would answer from what this session remembers.
        IF NOT EXISTS (SELECT FROM pg_class WHERE relname = part AND relnamespace = 'public'::regnamespace) THEN
          EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                         part, parent);
          EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', part);
          EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', part);
          EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', parent, part,
                         month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
          made := made + 1;
        END IF;
      END IF;
    END LOOP;
    month := month + interval '1 month';
  END LOOP;
  RETURN made;
END $$;
COMMENT ON FUNCTION app.ensure_months(timestamptz, timestamptz) IS
  'Makes the missing monthly partitions of every monthly table between two instants and returns how many it made';
"""

AUDIT_FUNCTION_V1 = """
CREATE FUNCTION app.audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  before jsonb; after jsonb; row jsonb;
BEGIN
  IF TG_OP <> 'INSERT' THEN before := to_jsonb(OLD); END IF;
  IF TG_OP <> 'DELETE' THEN after := to_jsonb(NEW); END IF;
  IF TG_OP = 'UPDATE' AND before = after THEN RETURN NULL; END IF;
  row := coalesce(after, before);
  IF TG_NARGS > 1 THEN
    before := before - TG_ARGV[1:TG_NARGS];
    after := after - TG_ARGV[1:TG_NARGS];
  END IF;
  INSERT INTO public.audit_log
    (org_id, plant_id, at, actor_kind, user_id, request_id, table_name, row_id, action, before, after)
  VALUES (
    coalesce(row ->> 'org_id', row ->> 'id')::uuid, (row ->> 'plant_id')::uuid, now(),
    coalesce(nullif(current_setting('app.actor_kind', true), ''), 'system'),
    nullif(current_setting('app.user_id', true), '')::uuid,
    coalesce(current_setting('app.request_id', true), ''),
    TG_ARGV[0],
    coalesce(row ->> 'id', row ->> 'machine_id', row ->> 'user_id')::uuid,
    lower(TG_OP), before, after);
  RETURN NULL;
END $$;
COMMENT ON FUNCTION app.audit() IS
  'Writes one audit entry for a changed row; arguments: the table, then columns whose values must not be kept';
"""


def run_sql(script: str) -> None:
    """Run a script of any number of SQL statements in the migration's transaction."""
    connection = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda driver: driver.execute(script))  # type: ignore[union-attr]


def isolate_v1(table: str, *, grants: str = "SELECT, INSERT, UPDATE, DELETE", org_column: str = "org_id") -> None:
    """Enable and force row security on a table of an organization, and grant the runtime role what it needs.

    `grants` without UPDATE and DELETE makes the table insert-only.
    """
    run_sql(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    run_sql(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    run_sql(
        f"CREATE POLICY organization ON {table}"
        f" USING ({org_column} = (SELECT app.current_org())) WITH CHECK ({org_column} = (SELECT app.current_org()))"
    )
    run_sql(f"GRANT {grants} ON {table} TO {APP_ROLE}")


def limit_to_plants_v1(table: str, *, plant_column: str = "plant_id", also_without_plant: bool = False) -> None:
    """Add the restrictive policy that hides and refuses rows of plants outside the scope."""
    seen = f"coalesce({plant_column} = ANY ((SELECT app.visible_plants())::uuid[]), {plant_column} IS NOT NULL)"
    if also_without_plant:
        seen = f"{plant_column} IS NULL OR {seen}"
    run_sql(f"CREATE POLICY plants ON {table} AS RESTRICTIVE USING ({seen}) WITH CHECK ({seen})")


@contextmanager
def seeing_all_rows_v1(*tables: str) -> Iterator[None]:
    """Let the block see every organization's rows of existing tables, as checking new references and filling new
    columns need; the migration's transaction keeps everybody else out until it commits."""
    for table in tables:
        run_sql(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    for table in tables:
        run_sql(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def audit_v1(table: str, *, hidden: Sequence[str] = ()) -> None:
    """Have every change of the table's rows written to the audit log; values of `hidden` columns are left out."""
    arguments = ", ".join(f"'{name}'" for name in (table, *hidden))
    run_sql(
        f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION app.audit({arguments})"
    )


def partition_monthly_v1(table: str) -> None:
    """Register a table that is `PARTITION BY RANGE` of a time: its months are made by `app.ensure_months`."""
    run_sql(f"INSERT INTO app.monthly_tables (table_name) VALUES ('{table}')")


def comment_v1(table: str, about: str, **columns: str) -> None:
    """Write the SQL comments of a table and its columns."""
    run_sql(f"COMMENT ON TABLE {table} IS $comment${about}$comment$")
    for column, text in columns.items():
        run_sql(f"COMMENT ON COLUMN {table}.{column} IS $comment${text}$comment$")
