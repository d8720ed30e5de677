"""The audit is sealed some entries at a time, so that a long past is sealed within the time that a statement has."""

from migrations.policies import run_sql

revision = "0027"
down_revision = "0026"

AT_ONCE = 20_000


def upgrade() -> None:
    """Let each call link a bounded number of entries; the next one goes on behind the last link."""
    run_sql(f"""
    CREATE OR REPLACE FUNCTION app.seal_audit() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      mark app.audit_marks; newest bigint; organization uuid; sealed bigint := 0; here bigint; is_done boolean := true;
    BEGIN
      SELECT last_value INTO newest FROM public.audit_log_seq_seq;
      SELECT * INTO mark FROM app.audit_marks;
      IF mark.noted_seq = newest AND mark.sealed_seq = newest THEN RETURN 0; END IF;
      IF NOT pg_try_advisory_xact_lock(hashtextextended('app.seal_audit', 0)) THEN RETURN 0; END IF;
      SELECT * INTO mark FROM app.audit_marks FOR UPDATE;
      IF mark.sealed_seq < mark.noted_seq AND mark.noted_xid < pg_snapshot_xmin(pg_current_snapshot()) THEN
        FOR organization IN SELECT id FROM public.organizations LOOP
          SELECT app.seal_audit_of(organization, mark.noted_seq) INTO here;
          sealed := sealed + here;
          IF sealed >= {AT_ONCE} THEN is_done := false; EXIT; END IF;
        END LOOP;
        IF is_done THEN mark.sealed_seq := mark.noted_seq; END IF;
      END IF;
      -- A number of another cluster, whose transactions were counted from elsewhere, is noted anew.
      IF mark.sealed_seq >= mark.noted_seq OR mark.noted_xid > pg_current_xact_id() THEN
        mark.noted_seq := newest;
        mark.noted_xid := pg_current_xact_id();
      END IF;
      UPDATE app.audit_marks
      SET sealed_seq = mark.sealed_seq, noted_seq = mark.noted_seq, noted_xid = mark.noted_xid;
      RETURN sealed;
    END $$;

    CREATE OR REPLACE FUNCTION app.seal_audit_of(organization uuid, up_to bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      entry public.audit_log; here bigint; newest bigint; linked bigint := 0; digest bytea;
      org_before text := current_setting('app.org_id', true);
      plants_before text := current_setting('app.plant_ids', true);
    BEGIN
      PERFORM set_config('app.org_id', organization::text, true), set_config('app.plant_ids', '*', true);
      SELECT position, entry_seq, hash INTO here, newest, digest
      FROM public.audit_chain WHERE org_id = organization ORDER BY position DESC LIMIT 1;
      IF here IS NULL THEN
        here := 0; newest := 0; digest := sha256(convert_to(organization::text, 'UTF8'));
      END IF;
      FOR entry IN
        SELECT * FROM public.audit_log WHERE org_id = organization AND seq > newest AND seq <= up_to
        ORDER BY seq LIMIT {AT_ONCE}
      LOOP
        here := here + 1;
        digest := app.audit_digest(digest, entry);
        INSERT INTO public.audit_chain (org_id, position, entry_at, entry_seq, hash)
        VALUES (organization, here, entry.at, entry.seq, digest);
        linked := linked + 1;
      END LOOP;
      PERFORM set_config('app.org_id', coalesce(org_before, ''), true),
              set_config('app.plant_ids', coalesce(plants_before, ''), true);
      RETURN linked;
    END $$;
    """)
