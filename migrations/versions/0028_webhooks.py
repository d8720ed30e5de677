"""Webhooks: where organizations want to be told of what happens, and what became of each message."""

from migrations.policies import APP_ROLE, audit_v1, comment_v1, isolate_v1, run_sql

revision = "0028"
down_revision = "0027"

# Events are written into this queue only while somebody has an active webhook; else writers pay nothing for it.
FUNCTIONS = """
CREATE FUNCTION app.bind_webhooks() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pgmq, pg_temp AS $$
DECLARE is_bound boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('app.bind_webhooks', 0));
  IF EXISTS (SELECT FROM public.webhooks WHERE org_id = app.current_org() AND is_active) THEN
    INSERT INTO app.webhook_users (organization) VALUES (app.current_org()) ON CONFLICT DO NOTHING;
  ELSE
    DELETE FROM app.webhook_users WHERE organization = app.current_org();
  END IF;
  is_bound := EXISTS (SELECT FROM app.webhook_users);
  IF is_bound AND NOT EXISTS (SELECT FROM pgmq.topic_bindings WHERE queue_name = 'webhook_events') THEN
    PERFORM pgmq.bind_topic('#', 'webhook_events');
  ELSIF NOT is_bound THEN
    DELETE FROM pgmq.topic_bindings WHERE queue_name = 'webhook_events';
  END IF;
  RETURN is_bound;
END $$;
COMMENT ON FUNCTION app.bind_webhooks() IS
  'Counts whether this organization has an active webhook, and has events kept for the worker while any has one';
"""


def upgrade() -> None:
    """Make the tables and the queue."""
    run_sql("""
    CREATE TABLE webhooks (
      id uuid CONSTRAINT webhooks_pk PRIMARY KEY,
      org_id uuid NOT NULL CONSTRAINT webhooks_organization_fk REFERENCES organizations (id),
      url text NOT NULL,
      topics text[] NOT NULL CONSTRAINT webhooks_topics_ck CHECK (cardinality(topics) > 0),
      secret bytea NOT NULL,
      is_active boolean NOT NULL DEFAULT true,
      failing_since timestamptz,
      gave_up_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      version integer NOT NULL DEFAULT 1,
      CONSTRAINT webhooks_org_uq UNIQUE (org_id, id)
    );
    CREATE TABLE webhook_deliveries (
      id uuid CONSTRAINT webhook_deliveries_pk PRIMARY KEY,
      org_id uuid NOT NULL,
      webhook_id uuid NOT NULL,
      event_key text NOT NULL,
      topic text NOT NULL,
      body text NOT NULL,
      state text NOT NULL DEFAULT 'waiting'
        CONSTRAINT webhook_deliveries_state_ck CHECK (state IN ('waiting', 'delivered', 'failed')),
      attempts integer NOT NULL DEFAULT 0,
      status integer,
      answer text NOT NULL DEFAULT '',
      took_ms integer,
      created_at timestamptz NOT NULL DEFAULT now(),
      next_at timestamptz,
      ended_at timestamptz,
      CONSTRAINT webhook_deliveries_org_uq UNIQUE (org_id, id),
      CONSTRAINT webhook_deliveries_event_uq UNIQUE (org_id, webhook_id, event_key),
      CONSTRAINT webhook_deliveries_webhook_fk FOREIGN KEY (org_id, webhook_id)
        REFERENCES webhooks (org_id, id) ON DELETE CASCADE
    );
    CREATE INDEX webhook_deliveries_newest_ix ON webhook_deliveries (org_id, webhook_id, created_at DESC);
    CREATE TABLE app.webhook_users (
      organization uuid CONSTRAINT webhook_users_pk PRIMARY KEY
    );
    """)
    isolate_v1("webhooks")
    audit_v1("webhooks", hidden=("secret",))
    comment_v1(
        "webhooks",
        "Addresses that are told of an organization's events",
        topics="Patterns of topics (area.noun.verb, * for any part)",
        secret="With which messages are signed; encrypted under the installation's key",  # noqa: S106
        failing_since="Since when every attempt has failed",
        gave_up_at="When it was switched off because it failed for too long",
    )
    isolate_v1("webhook_deliveries")
    comment_v1(
        "webhook_deliveries",
        "Messages to webhooks and what became of them",
        event_key="The event: the same one makes one message per webhook, however often it is read",
        body="As it is signed and sent",
        status="HTTP status of the last answer",
        answer="The beginning of the last answer, or why there was none",
    )
    comment_v1("app.webhook_users", "Organizations with an active webhook")
    run_sql(FUNCTIONS)
    run_sql("SELECT pgmq.create('webhook_events')")
    run_sql(f"""
    REVOKE ALL ON FUNCTION app.bind_webhooks FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION app.bind_webhooks TO {APP_ROLE};
    GRANT SELECT ON app.webhook_users TO {APP_ROLE};
    GRANT SELECT, INSERT, UPDATE, DELETE ON pgmq.q_webhook_events TO {APP_ROLE};
    """)
