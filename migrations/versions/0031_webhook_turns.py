"""Webhooks in turns: deliveries are taken fairly, tell their reasons by code, and may be signed with two secrets."""

from migrations.policies import APP_ROLE, audit_v1, comment_v1, run_sql

revision = "0031"
down_revision = "0030"

# Whoever has the fewest on their way comes next: organizations among each other, and webhooks within each of them. A
# webhook whose last message was not taken gets one at a time. The last places are for organizations with none under
# way, so that receivers which hang fill everything but those. Takers come one after the other, so that the limits hold
# for all processes together.
TAKE = """
CREATE FUNCTION app.take_deliveries(
  most integer, reserved integer, per_organization integer, per_webhook integer, held_for interval
) RETURNS TABLE (organization uuid, delivery uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE taken record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('app.take_deliveries', 0));
  FOR taken IN
    WITH under_way AS MATERIALIZED (
      SELECT org_id, webhook_id, count(*) AS number FROM public.webhook_deliveries
      WHERE held_until IS NOT NULL AND held_until > now() GROUP BY org_id, webhook_id
    ), by_webhook AS (
      SELECT hook.org_id, due.id, due.next_at,
             coalesce(busy.number, 0) + row_number() OVER (PARTITION BY hook.id ORDER BY due.next_at, due.id) AS place
      FROM public.webhooks hook
      JOIN public.organizations owner ON owner.id = hook.org_id AND owner.is_active
      LEFT JOIN under_way busy ON busy.org_id = hook.org_id AND busy.webhook_id = hook.id
      CROSS JOIN LATERAL (
        SELECT waiting.id, waiting.next_at FROM public.webhook_deliveries waiting
        WHERE waiting.org_id = hook.org_id AND waiting.webhook_id = hook.id AND waiting.state = 'waiting'
          AND waiting.next_at <= now() AND (waiting.held_until IS NULL OR waiting.held_until <= now())
        ORDER BY waiting.next_at
        LIMIT greatest(0, CASE WHEN hook.failing_since IS NULL THEN per_webhook ELSE 1 END - coalesce(busy.number, 0))
      ) due
    ), by_organization AS (
      SELECT org_id, id, next_at,
             coalesce(busy.number, 0) + row_number() OVER (PARTITION BY org_id ORDER BY place, next_at, id) AS place
      FROM by_webhook
      LEFT JOIN (SELECT org_id, sum(number) AS number FROM under_way GROUP BY org_id) busy USING (org_id)
    ), turns AS (
      SELECT org_id, id, place, row_number() OVER (ORDER BY place, next_at, id) AS turn FROM by_organization
      WHERE place <= per_organization
    )
    SELECT org_id, array_agg(id) AS ids FROM turns
    WHERE turn <= most AND (place = 1 OR turn <= most - reserved) GROUP BY org_id
  LOOP
    PERFORM set_config('app.org_id', taken.org_id::text, true);
    RETURN QUERY
      UPDATE public.webhook_deliveries SET held_until = now() + held_for
      WHERE org_id = taken.org_id AND id = ANY (taken.ids) AND state = 'waiting'
        AND (held_until IS NULL OR held_until <= now())
      RETURNING org_id, id;
  END LOOP;
  PERFORM set_config('app.org_id', '', true);
END $$;
COMMENT ON FUNCTION app.take_deliveries(integer, integer, integer, integer, interval) IS
  'Holds messages whose time has come for whoever calls, in fair turns of organizations and webhooks; held_for is how'
  ' long they belong to the caller, who may have died';
REVOKE ALL ON FUNCTION app.take_deliveries FROM PUBLIC;
"""


def upgrade() -> None:
    """Add the columns, and take deliveries out of the queue of jobs."""
    run_sql("""
    ALTER TABLE webhooks
      ADD COLUMN old_secret bytea,
      ADD COLUMN old_secret_until timestamptz,
      ADD CONSTRAINT webhooks_old_secret_ck CHECK ((old_secret IS NULL) = (old_secret_until IS NULL));
    ALTER TABLE webhook_deliveries
      ADD COLUMN held_until timestamptz,
      ADD COLUMN reason text,
      ADD COLUMN reason_values jsonb NOT NULL DEFAULT '{}';
    CREATE INDEX webhook_deliveries_due_ix ON webhook_deliveries (org_id, webhook_id, next_at)
      WHERE state = 'waiting';
    CREATE INDEX webhook_deliveries_held_ix ON webhook_deliveries (org_id, webhook_id, held_until)
      WHERE held_until IS NOT NULL;
    CREATE POLICY turns ON webhooks FOR SELECT TO CURRENT_USER USING (true);
    CREATE POLICY turns ON webhook_deliveries FOR SELECT TO CURRENT_USER USING (true);
    DROP TRIGGER audit ON webhooks;
    """)
    audit_v1("webhooks", hidden=("secret", "old_secret"))
    comment_v1(
        "webhooks",
        "Addresses that are told of an organization's events",
        old_secret="The secret before, encrypted, while messages are signed with both",  # noqa: S106
        old_secret_until="Until when messages are signed with both secrets",  # noqa: S106
    )
    comment_v1(
        "webhook_deliveries",
        "Messages to webhooks and what became of them",
        answer="The beginning of the last answer",
        held_until="Until when whoever sends it may take; others leave it alone",
        reason="Why the last attempt brought no answer, or none that can be shown; a code",
        reason_values="What the sentence of the reason names",
    )
    run_sql(TAKE)
    run_sql(f"""
    GRANT EXECUTE ON FUNCTION app.take_deliveries TO {APP_ROLE};
    DELETE FROM app.schedules WHERE name = 'integration.event.dispatch';
    DELETE FROM pgmq.q_jobs WHERE message ->> 'job' IN ('integration.event.dispatch', 'integration.webhook.deliver');
    DELETE FROM pgmq.a_jobs WHERE message ->> 'job' IN ('integration.event.dispatch', 'integration.webhook.deliver');
    """)
