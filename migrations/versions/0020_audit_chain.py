"""The audit closes into a chain of hashes, names the device, and takes notes of refusals and of sensitive reads."""

from migrations.policies import APP_ROLE, comment_v1, isolate_v1, run_sql

revision = "0020"
down_revision = "0019"

# What an entry is hashed over: every column, in an order that never changes. JSON as jsonb writes it is always the same
# text for the same value.
DIGEST = """
CREATE FUNCTION app.audit_digest(previous bytea, entry public.audit_log) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  SELECT sha256(previous || convert_to(jsonb_build_array(
    entry.seq, entry.org_id, entry.plant_id, extract(epoch FROM entry.at), entry.actor_kind, entry.user_id,
    entry.api_key_id, entry.device, entry.request_id, entry.table_name, entry.row_id, entry.action, entry.before,
    entry.after)::text, 'UTF8'))
$$;
COMMENT ON FUNCTION app.audit_digest(bytea, public.audit_log) IS
  'SHA-256 of the hash of the entry before and of every column of an audit entry';
"""

# Two steps, so that an entry whose transaction commits late is never passed by. First the newest number that was given
# out is noted, with a transaction id that is newer than every transaction which can hold such a number. Only when all
# transactions up to that id are over, all numbers up to the noted one are either there or will never be.
SEAL = """
CREATE FUNCTION app.seal_audit() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  mark app.audit_marks; newest bigint; organization uuid; sealed bigint := 0; here bigint;
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
    END LOOP;
    mark.sealed_seq := mark.noted_seq;
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
COMMENT ON FUNCTION app.seal_audit() IS
  'Links the audit entries that no running transaction can still add to, and returns how many it linked';

CREATE FUNCTION app.seal_audit_of(organization uuid, up_to bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  entry public.audit_log; here bigint; newest bigint; linked bigint := 0; digest bytea;
  org_before text := current_setting('app.org_id', true); plants_before text := current_setting('app.plant_ids', true);
BEGIN
  PERFORM set_config('app.org_id', organization::text, true), set_config('app.plant_ids', '*', true);
  SELECT position, entry_seq, hash INTO here, newest, digest
  FROM public.audit_chain WHERE org_id = organization ORDER BY position DESC LIMIT 1;
  IF here IS NULL THEN
    here := 0; newest := 0; digest := sha256(convert_to(organization::text, 'UTF8'));
  END IF;
  FOR entry IN
    SELECT * FROM public.audit_log WHERE org_id = organization AND seq > newest AND seq <= up_to ORDER BY seq
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
COMMENT ON FUNCTION app.seal_audit_of(uuid, bigint) IS
  'Links the audit entries of one organization up to a number; only app.seal_audit() knows up to which it may';
"""

VERIFY = """
CREATE FUNCTION app.verify_audit(
  after_position bigint, after_seq bigint, after_hash bytea, most integer,
  OUT checked bigint, OUT last_position bigint, OUT last_seq bigint, OUT last_hash bytea, OUT broken_position bigint,
  OUT broken_seq bigint, OUT broken_because text
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  organization uuid := app.current_org(); plants_before text := current_setting('app.plant_ids', true); found bigint;
BEGIN
  PERFORM set_config('app.plant_ids', '*', true);
  WITH links AS MATERIALIZED (
    SELECT chain.position, chain.entry_at, chain.entry_seq, chain.hash
    FROM public.audit_chain AS chain
    WHERE chain.org_id = organization AND chain.position > after_position
    ORDER BY chain.position LIMIT most
  ), compared AS (
    SELECT links.*, row_number() OVER line AS place,
           lag(links.entry_seq, 1, after_seq) OVER line AS seq_before,
           entry.org_id IS NULL AS is_missing,
           app.audit_digest(lag(links.hash, 1, after_hash) OVER line, entry) AS digest
    FROM links
    LEFT JOIN public.audit_log AS entry
      ON entry.org_id = organization AND entry.at = links.entry_at AND entry.seq = links.entry_seq
    WINDOW line AS (ORDER BY links.position)
  ), judged AS (
    SELECT compared.position, compared.entry_seq, compared.hash,
           CASE WHEN compared.position <> after_position + compared.place THEN 'link_missing'
                WHEN compared.entry_seq <= compared.seq_before THEN 'order'
                WHEN compared.is_missing THEN 'entry_missing'
                WHEN compared.digest <> compared.hash THEN 'entry_changed' END AS because
    FROM compared
  ), first_wrong AS (
    SELECT * FROM judged WHERE because IS NOT NULL ORDER BY position LIMIT 1
  ), last_link AS (
    SELECT * FROM judged ORDER BY position DESC LIMIT 1
  )
  SELECT (SELECT count(*) FROM judged), last_link.position, last_link.entry_seq, last_link.hash,
         first_wrong.position, first_wrong.entry_seq, first_wrong.because
  INTO checked, last_position, last_seq, last_hash, broken_position, broken_seq, broken_because
  FROM last_link LEFT JOIN first_wrong ON true;
  checked := coalesce(checked, 0);
  IF checked > 0 AND broken_because IS NULL THEN
    -- An entry between two linked ones that no link knows was put there afterwards.
    SELECT count(*) INTO found FROM public.audit_log
    WHERE org_id = organization AND seq > after_seq AND seq <= last_seq;
    IF found <> checked THEN
      SELECT entry.seq INTO broken_seq FROM public.audit_log AS entry
      WHERE entry.org_id = organization AND entry.seq > after_seq AND entry.seq <= last_seq AND NOT EXISTS (
        SELECT FROM public.audit_chain AS chain WHERE chain.org_id = organization AND chain.entry_seq = entry.seq)
      ORDER BY entry.seq LIMIT 1;
      broken_because := 'entry_added';
    END IF;
  END IF;
  PERFORM set_config('app.plant_ids', coalesce(plants_before, ''), true);
END $$;
COMMENT ON FUNCTION app.verify_audit(bigint, bigint, bytea, integer) IS
  'Computes the next links of this organization''s chain again and names the first one that does not fit';
"""

NOTE = """
CREATE FUNCTION app.note_audit(kind text, what text, subject uuid, details jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  organization uuid := app.current_org(); actor uuid := nullif(current_setting('app.user_id', true), '')::uuid;
BEGIN
  IF kind NOT IN ('read', 'refused') THEN
    RAISE EXCEPTION 'notes are of what was read or refused' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF EXISTS (
    SELECT FROM public.audit_log AS entry
    WHERE entry.org_id = organization AND entry.action IN ('read', 'refused') AND entry.action = kind
      AND entry.at > now() - interval '1 minute' AND entry.user_id IS NOT DISTINCT FROM actor
      AND entry.table_name = what AND entry.row_id IS NOT DISTINCT FROM subject AND entry.after = details
  ) THEN
    RETURN false;
  END IF;
  INSERT INTO public.audit_log (org_id, at, actor_kind, user_id, request_id, table_name, row_id, action, after)
  VALUES (organization, now(), coalesce(nullif(current_setting('app.actor_kind', true), ''), 'system'), actor,
          coalesce(current_setting('app.request_id', true), ''), what, subject, kind, details);
  RETURN true;
END $$;
COMMENT ON FUNCTION app.note_audit(text, text, uuid, jsonb) IS
  'Notes that something sensitive was read or something was refused; the same once a minute at most';
"""


def upgrade() -> None:
    """Make the chain; entries that are there already are linked by the first job."""
    run_sql("""
    ALTER TABLE audit_log
      ADD COLUMN device text NOT NULL DEFAULT coalesce(current_setting('app.device', true), ''),
      DROP CONSTRAINT audit_log_action_ck,
      ADD CONSTRAINT audit_log_action_ck CHECK (action IN ('insert', 'update', 'delete', 'read', 'refused'));
    CREATE INDEX audit_log_seq_ix ON audit_log (org_id, seq);
    CREATE INDEX audit_log_notes_ix ON audit_log (org_id, at) WHERE action IN ('read', 'refused');
    """)
    comment_v1(
        "audit_log",
        "Every change of every audited row, every refusal and every sensitive read; insert-only for everyone",
        device="Address and device of the sign-in that the actor came with",
        action="insert, update, delete; read and refused are notes, whose table_name says of what",
    )
    run_sql("""
    CREATE TABLE audit_chain (
      org_id uuid NOT NULL CONSTRAINT audit_chain_organization_fk REFERENCES organizations (id),
      position bigint NOT NULL CONSTRAINT audit_chain_position_ck CHECK (position > 0),
      entry_at timestamptz NOT NULL,
      entry_seq bigint NOT NULL,
      hash bytea NOT NULL,
      sealed_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT audit_chain_pk PRIMARY KEY (org_id, position),
      CONSTRAINT audit_chain_entry_uq UNIQUE (org_id, entry_seq)
    );
    CREATE TABLE app.audit_marks (
      is_one boolean NOT NULL DEFAULT true CONSTRAINT audit_marks_pk PRIMARY KEY
        CONSTRAINT audit_marks_one_ck CHECK (is_one),
      sealed_seq bigint NOT NULL DEFAULT 0,
      noted_seq bigint NOT NULL DEFAULT 0,
      noted_xid xid8 NOT NULL DEFAULT '0'
    );
    INSERT INTO app.audit_marks DEFAULT VALUES;
    """)
    isolate_v1("audit_chain", grants="SELECT")
    comment_v1(
        "audit_chain",
        "The links of each organization's audit: one per entry, in the order of the entries; written by the owner only",
        position="Counts the entries of the organization from 1, without a gap",
        hash="SHA-256 of the link before and the entry; the first one follows the hash of the organization's id",
    )
    comment_v1(
        "app.audit_marks",
        "How far the audit is linked, and what is linked next",
        noted_seq="Entries up to this one are linked when every transaction up to noted_xid is over",
    )
    run_sql(DIGEST + SEAL + VERIFY + NOTE)
    run_sql(f"""
    REVOKE ALL ON FUNCTION app.audit_digest, app.seal_audit, app.seal_audit_of, app.verify_audit, app.note_audit
      FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION app.audit_digest, app.seal_audit, app.verify_audit, app.note_audit TO {APP_ROLE};
    GRANT SELECT ON app.audit_marks TO {APP_ROLE};
    """)
