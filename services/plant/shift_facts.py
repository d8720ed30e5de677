"""Shift facts: the hourly facts of a machine and a shift added up once more, so that a month reads days, not hours.

They are written in the transaction that writes the hours, whoever that is.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from domain.plant.shift_accounts import TimeCause
from services.db.work import Work

CAUSES = {cause: f"{cause.value}_s" for cause in TimeCause}
TARGETS = ("planned_run_s", "planned_run_reported_s")
SUMS = (
    *CAUSES.values(), "good", "scrap", "rework", "good_reported", "scrap_reported", "rework_reported", "failures",
    "corrective_s", "preventive_s",
)  # fmt: skip
NUMBERS = (*SUMS, *TARGETS)
"""What both kinds of facts count."""
AROUND = timedelta(days=3)
"""Two hours of a day are less far apart: a shift begins on its day and lasts no longer than one and a clock change."""

KEYS = ("org_id", "plant_id", "lane_id", "machine_id", "shift_id", "day", "is_planned")
COLUMNS = (*KEYS, "hour_at", *NUMBERS)
# A target that one hour does not know, nobody knows for the sum of them.
ADD_UP = f"""
WITH fresh AS MATERIALIZED (
  SELECT {", ".join(KEYS)}, min(hour_at) AS hour_at, {", ".join(f"sum({name}) AS {name}" for name in SUMS)},
         {", ".join(f"CASE WHEN count({name}) = count(*) THEN sum({name}) END AS {name}" for name in TARGETS)}
  FROM hourly_facts
  WHERE machine_id = $1 AND hour_at > $3 AND hour_at < $4 AND day = ANY ($2::date[])
  GROUP BY {", ".join(KEYS)}
), gone AS (
  DELETE FROM shift_facts AS facts WHERE facts.machine_id = $1 AND facts.day = ANY ($2::date[])
    AND NOT EXISTS (SELECT FROM fresh WHERE fresh.day = facts.day AND fresh.shift_id = facts.shift_id
                                        AND fresh.lane_id = facts.lane_id AND fresh.is_planned = facts.is_planned)
)
INSERT INTO shift_facts ({", ".join(COLUMNS)}) SELECT {", ".join(COLUMNS)} FROM fresh
ON CONFLICT ON CONSTRAINT shift_facts_pk DO UPDATE SET
  plant_id = excluded.plant_id, hour_at = excluded.hour_at,
  {", ".join(f"{name} = excluded.{name}" for name in NUMBERS)}
"""


async def add_up_shifts(work: Work, *, machine_id: UUID, days: Sequence[date], hours: Sequence[datetime]) -> None:
    """Add up the shifts of a machine's `days` again after its `hours` were; the caller holds the machine's hours."""
    if days:
        await work.fetch(ADD_UP, machine_id, days, min(hours) - AROUND, max(hours) + AROUND)
