"""Fields that organizations add to their things: what they are, their values, and sorted keys of those to filter by."""

from migrations.policies import APP_ROLE, audit_v1, comment_v1, isolate_v1, limit_to_plants_v1, run_sql

revision = "0011"
down_revision = "0010"

ENTITIES = {
    "plants": "plant",
    "departments": "department",
    "lanes": "lane",
    "machines": "machine",
    "reasons": "reason",
    "materials": "material",
    "work_orders": "work_order",
    "users": "user",
}
"""The tables whose rows have custom fields, and what each is called."""
TYPES = "'text', 'number', 'boolean', 'date', 'datetime', 'choice', 'multi_choice', 'reference', 'file'"
PLACES = "'form', 'list', 'filter', 'search', 'export', 'api', 'label', 'report'"


def upgrade() -> None:
    """Make the schema, and give every thing its values: none."""
    _fields()
    _keys()
    for table, entity in ENTITIES.items():
        run_sql(f"""
        ALTER TABLE {table} ADD COLUMN custom jsonb NOT NULL DEFAULT '{{}}'
          CONSTRAINT {table}_custom_ck CHECK (jsonb_typeof(custom) = 'object');
        COMMENT ON COLUMN {table}.custom IS 'Values of custom fields by key, as they are sent in JSON';
        CREATE TRIGGER custom_added AFTER INSERT ON {table}
          FOR EACH ROW EXECUTE FUNCTION app.key_custom_values('{entity}');
        CREATE TRIGGER custom_changed AFTER UPDATE OF custom ON {table}
          FOR EACH ROW WHEN (OLD.custom IS DISTINCT FROM NEW.custom)
          EXECUTE FUNCTION app.key_custom_values('{entity}');
        CREATE TRIGGER custom_removed AFTER DELETE ON {table}
          FOR EACH ROW EXECUTE FUNCTION app.key_custom_values('{entity}');
        """)


def _fields() -> None:
    run_sql(f"""
    CREATE TABLE custom_fields (
      id uuid CONSTRAINT custom_fields_pk PRIMARY KEY,
      org_id uuid NOT NULL CONSTRAINT custom_fields_organization_fk REFERENCES organizations (id),
      entity text NOT NULL CONSTRAINT custom_fields_entity_ck CHECK (entity ~ '^[a-z][a-z_]{{0,39}}$'),
      key text NOT NULL CONSTRAINT custom_fields_key_ck CHECK (key ~ '^[a-z][a-z0-9_]{{0,39}}$'),
      type text NOT NULL CONSTRAINT custom_fields_type_ck CHECK (type IN ({TYPES})),
      labels jsonb NOT NULL,
      unit text NOT NULL DEFAULT '',
      is_required boolean NOT NULL DEFAULT false,
      default_value jsonb,
      rules jsonb NOT NULL DEFAULT '{{}}',
      choices jsonb NOT NULL DEFAULT '[]',
      reference text,
      section jsonb NOT NULL DEFAULT '{{}}',
      position integer NOT NULL DEFAULT 0,
      shown_in text[] NOT NULL CONSTRAINT custom_fields_shown_ck CHECK (shown_in <@ ARRAY[{PLACES}]),
      is_active boolean NOT NULL DEFAULT true,
      has_keys boolean NOT NULL DEFAULT false,
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT custom_fields_org_uq UNIQUE (org_id, id),
      CONSTRAINT custom_fields_key_uq UNIQUE (org_id, entity, key)
    )
    """)
    isolate_v1("custom_fields")
    audit_v1("custom_fields")
    comment_v1(
        "custom_fields",
        "Fields that an organization added to a kind of its things; deactivated, never deleted",
        entity="What has the field, as in the registry of entities",
        key="Names the field for programs, for ever",
        labels="What people read, by language",
        default_value="What new things begin with, as it is stored",
        rules="What a value must be like: least, most, decimals, shortest, longest, pattern",
        choices="Key, labels and use of each value to choose from, in order",
        reference="The entity that a reference leads to",
        section="The heading that the field stands below, by language",
        shown_in="Where the field is shown; with filter its values have keys",
        has_keys="Whether every row has its key, so that tables may be filtered and sorted by keys",
    )


def _keys() -> None:
    run_sql("""
    CREATE TABLE custom_keys (
      org_id uuid NOT NULL,
      field_id uuid NOT NULL,
      row_id uuid NOT NULL,
      place integer NOT NULL,
      plant_id uuid,
      key text COLLATE "C",
      CONSTRAINT custom_keys_pk PRIMARY KEY (org_id, field_id, row_id, place),
      CONSTRAINT custom_keys_field_fk FOREIGN KEY (org_id, field_id) REFERENCES custom_fields (org_id, id)
        ON DELETE CASCADE
    );
    CREATE INDEX custom_keys_key_ix ON custom_keys (org_id, field_id, key, row_id) INCLUDE (plant_id);
    """)
    isolate_v1("custom_keys")
    limit_to_plants_v1("custom_keys", also_without_plant=True)
    comment_v1(
        "custom_keys",
        "Values of the fields to filter by, as texts that sort as the values do; kept by the trigger of each table",
        row_id="The thing that has the value, of whichever table the field's entity lies in",
        place="0, and on for each further choice of a field with several",
        key="Null where the thing has no value",
    )
    run_sql("""
    -- Numbers lie between -10^12 and 10^12 with at most six decimals: a trillion more makes them sort as texts.
    CREATE FUNCTION app.custom_keys(type text, value jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
      WHEN value IS NULL OR value IN ('null', '[]') THEN ARRAY[NULL::text]
      WHEN type = 'number'
        THEN ARRAY[to_char((value #>> '{}')::numeric + 1000000000000, 'FM0000000000000.000000')]
      WHEN type = 'text' THEN ARRAY[lower(left(value #>> '{}', 100))]
      WHEN type = 'multi_choice' THEN ARRAY(SELECT jsonb_array_elements_text(value))
      ELSE ARRAY[value #>> '{}']
    END;
    COMMENT ON FUNCTION app.custom_keys(text, jsonb) IS
      'The keys of a stored value of a custom field: texts that sort as the values do, null for no value';

    CREATE FUNCTION app.key_custom_values() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF TG_OP <> 'INSERT' THEN
        DELETE FROM public.custom_keys AS kept USING public.custom_fields AS field
        WHERE field.org_id = OLD.org_id AND field.entity = TG_ARGV[0] AND 'filter' = ANY (field.shown_in)
          AND kept.org_id = field.org_id AND kept.field_id = field.id AND kept.row_id = OLD.id;
      END IF;
      IF TG_OP <> 'DELETE' THEN
        INSERT INTO public.custom_keys (org_id, field_id, row_id, place, plant_id, key)
        SELECT NEW.org_id, field.id, NEW.id, keys.place - 1,
               CASE TG_ARGV[0] WHEN 'plant' THEN NEW.id ELSE (to_jsonb(NEW) ->> 'plant_id')::uuid END, keys.key
        FROM public.custom_fields AS field
        CROSS JOIN LATERAL unnest(app.custom_keys(field.type, NEW.custom -> field.key))
          WITH ORDINALITY AS keys (key, place)
        WHERE field.org_id = NEW.org_id AND field.entity = TG_ARGV[0] AND 'filter' = ANY (field.shown_in);
      END IF;
      RETURN NULL;
    END $$;
    COMMENT ON FUNCTION app.key_custom_values() IS
      'Keeps the keys of a changed row; the argument names the entity. Acts with the rights of whoever changes the row';
    """)
    run_sql(f"""
    REVOKE ALL ON FUNCTION app.custom_keys(text, jsonb), app.key_custom_values() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION app.custom_keys(text, jsonb), app.key_custom_values() TO {APP_ROLE};
    """)
