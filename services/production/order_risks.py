"""Which orders of a plant will not be ready when they are due, as its overview shows them."""

from uuid import UUID

from services.db.work import Work
from services.production.boards import Snapshot

MOST_SHOWN = 12
"""The most urgent ones; the overview tells how many there are."""
SOON = "interval '24 hours'"
"""An order that rests is at risk when it is due within this time."""

# What is left of an order takes the planned times of its open operations one after the other: more than it needs where
# pieces move on before the operation is done, so that a warning comes rather early than late.
RISKS = f"""
SELECT orders.id, orders.number, materials.number AS material, orders.unit, orders.state,
       (extract(epoch FROM orders.due_at) * 1000)::bigint AS due,
       trim_scale(greatest(orders.quantity - orders.good, 0))::text AS remaining,
       CASE WHEN orders.due_at < now() THEN 'late'
            WHEN orders.state = 'on_hold' THEN 'on_hold'
            WHEN orders.state = 'draft' THEN 'draft'
            ELSE 'short' END AS why,
       count(*) OVER () AS of_all
FROM work_orders AS orders
JOIN materials ON materials.org_id = orders.org_id AND materials.id = orders.material_id
CROSS JOIN LATERAL (
  SELECT coalesce(sum(CASE WHEN operations.had_setup THEN 0 ELSE operations.setup_time_s END
                      + greatest(operations.quantity - operations.good, 0) * coalesce(operations.run_time_s, 0)), 0)
         AS seconds
  FROM operations
  WHERE operations.work_order_id = orders.id AND operations.state NOT IN ('done', 'cancelled')
) AS still
WHERE orders.plant_id = $1 AND orders.state IN ('draft', 'released', 'in_progress', 'on_hold')
  AND orders.deadline_kind <> 'none' AND orders.due_at IS NOT NULL
  AND (orders.due_at < now() + make_interval(secs => still.seconds::double precision)
       OR orders.state IN ('draft', 'on_hold') AND orders.due_at < now() + {SOON})
ORDER BY orders.due_at, orders.number
LIMIT {MOST_SHOWN}
"""


async def load_orders_at_risk(work: Work, *, plant_id: UUID) -> Snapshot:
    """Return the open orders of a plant that are late or will be, most urgent first, and how many there are."""
    rows = await work.fetch(RISKS, plant_id)
    return {
        "risks": {
            str(row["id"]): {
                "number": row["number"], "material": row["material"], "unit": row["unit"], "state": row["state"],
                "due": row["due"], "remaining": row["remaining"], "why": row["why"],
            }
            for row in rows
        },
        "risk_count": rows[0]["of_all"] if rows else 0,
    }  # fmt: skip
