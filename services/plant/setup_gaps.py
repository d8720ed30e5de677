"""What is still missing before a factory can be worked with."""

from dataclasses import dataclass

from domain.identity.roles import Permission
from services.db.work import Work

GAPS = """
WITH RECURSIVE sorted AS (
  SELECT id, app.spoken(label, translations) AS label, loss_category
  FROM reasons WHERE kind = 'stop' AND is_active AND parent_id IS NULL
  UNION ALL
  SELECT reasons.id, app.spoken(reasons.label, reasons.translations),
         coalesce(reasons.loss_category, sorted.loss_category)
  FROM reasons JOIN sorted ON reasons.parent_id = sorted.id WHERE reasons.is_active
)
SELECT
  (SELECT count(*) FROM plants) AS plants,
  (SELECT count(*) FROM lanes) AS lanes,
  (SELECT count(*) FROM machines WHERE is_active) AS machines,
  (SELECT count(*) FROM reasons WHERE kind = 'stop' AND is_active) AS stop_reasons,
  (SELECT count(*) FROM reasons WHERE kind = 'scrap' AND is_active) AS scrap_reasons,
  (SELECT count(*) FROM crews) AS crews,
  ARRAY(SELECT name FROM lanes WHERE NOT EXISTS (
    SELECT FROM machines WHERE machines.lane_id = lanes.id AND machines.is_active) ORDER BY position, code)
    AS lanes_without_machines,
  ARRAY(SELECT name FROM lanes WHERE NOT EXISTS (
    SELECT FROM shift_templates WHERE shift_templates.lane_id = lanes.id) ORDER BY position, code)
    AS lanes_without_shifts,
  ARRAY(SELECT label FROM sorted WHERE loss_category IS NULL ORDER BY label) AS unsorted_reasons,
  ARRAY(SELECT crews.name FROM crews WHERE NOT EXISTS (
    SELECT FROM crew_members WHERE crew_members.org_id = crews.org_id AND crew_members.crew_id = crews.id)
    ORDER BY name) AS empty_crews
"""


@dataclass(frozen=True)
class SetupGaps:
    """How far the set-up is; lists hold the names of what is not finished."""

    plants: int
    lanes: int
    machines: int
    stop_reasons: int
    scrap_reasons: int
    crews: int
    lanes_without_machines: tuple[str, ...]
    lanes_without_shifts: tuple[str, ...]
    """These work around the clock."""
    unsorted_reasons: tuple[str, ...]
    """Stop reasons without a loss category, own or inherited."""
    empty_crews: tuple[str, ...]


async def load_setup_gaps(work: Work) -> SetupGaps:
    """Return how far the set-up of the visible plants is.

    Raises:
        Forbidden: the actor may not edit shifts, which whoever sets anything up may.
    """
    await work.permit(Permission.EDIT_SHIFTS)
    row = (await work.fetch(GAPS))[0]
    names = ("lanes_without_machines", "lanes_without_shifts", "unsorted_reasons", "empty_crews")
    without_machines, without_shifts, unsorted, empty = (tuple(row[name]) for name in names)
    return SetupGaps(
        row["plants"], row["lanes"], row["machines"], row["stop_reasons"], row["scrap_reasons"], row["crews"],
        without_machines, without_shifts, unsorted, empty,
    )  # fmt: skip
