"""When a lane works: its shifts in real time, as the calendar has them."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.plant.periods import Period
from domain.plant.shifts import ShiftOccurrence
from domain.plant.wall_clocks import instant_of
from services.db.work import Work

NO_SHIFT = UUID(int=0)
"""The shift id of time outside shifts, and of the days of a lane that works around the clock."""
MIDNIGHT = time(0)
DAY = timedelta(days=1)
DAY_KEY = re.compile(r"(19[7-9]|20\d|21\d)\d-\d\d-\d\d", re.ASCII)
LOOK_AROUND = timedelta(days=8)
"""How far the shift before and the shift after are looked for: over a week of holidays."""
# No shift lasts longer than a day and the hour of a clock change, so that older ones need not be looked at.
SHIFTS = """
WITH lane AS MATERIALIZED (
  SELECT lanes.id, plants.time_zone,
         EXISTS (SELECT FROM shift_templates WHERE shift_templates.lane_id = lanes.id)
         OR EXISTS (SELECT FROM shift_occurrences WHERE shift_occurrences.lane_id = lanes.id) AS has_shifts
  FROM lanes JOIN plants ON plants.org_id = lanes.org_id AND plants.id = lanes.plant_id
  WHERE lanes.id = $1
)
SELECT lane.time_zone, lane.has_shifts, shifts.id, shifts.template_id, shifts.day, shifts.name,
       coalesce(crews.name, '') AS crew, shifts.starts_at, shifts.ends_at, shifts.break_starts, shifts.break_ends
FROM lane
LEFT JOIN shift_occurrences AS shifts
  ON shifts.lane_id = lane.id AND shifts.starts_at < $3 AND shifts.ends_at > $2
     AND shifts.starts_at > $2::timestamptz - interval '2 days'
LEFT JOIN crews ON crews.org_id = shifts.org_id AND crews.id = shifts.crew_id
ORDER BY shifts.starts_at
"""
STARTS = "SELECT starts_at FROM shift_occurrences WHERE id = $1 AND lane_id = $2"
ZONE = """
SELECT plants.time_zone FROM lanes JOIN plants ON plants.org_id = lanes.org_id AND plants.id = lanes.plant_id
WHERE lanes.id = $1
"""

PRESENT = """
SELECT lanes.code, lanes.name, plants.name AS plant, plants.time_zone, shifts.name AS shift, shifts.starts_at,
       shifts.ends_at, EXISTS (SELECT FROM shift_templates WHERE shift_templates.lane_id = lanes.id)
         OR EXISTS (SELECT FROM shift_occurrences AS any_shift WHERE any_shift.lane_id = lanes.id) AS has_shifts
FROM lanes
JOIN plants ON plants.org_id = lanes.org_id AND plants.id = lanes.plant_id
LEFT JOIN shift_occurrences AS shifts
  ON shifts.lane_id = lanes.id AND shifts.starts_at <= now() AND shifts.ends_at > now()
     AND shifts.starts_at > now() - interval '2 days'
ORDER BY plants.code, lanes.position, lanes.code
"""


@dataclass(frozen=True)
class PresentShift:
    """A lane and the shift that works on it now."""

    lane_code: str
    lane_name: str
    plant: str
    zone: str
    """IANA name."""
    shift: str
    """Empty between shifts, and around the clock."""
    starts_at: datetime | None
    ends_at: datetime | None
    has_shifts: bool
    """False where the lane works around the clock."""


@dataclass(frozen=True)
class LaneShift:
    """A shift of a lane as the calendar has it."""

    id: UUID
    """All zeros where the lane works around the clock and every day is a shift."""
    occurrence: ShiftOccurrence

    @property
    def key(self) -> str:
        """Return what names it in an address: its id, or the day around the clock."""
        return self.occurrence.day.isoformat() if self.id == NO_SHIFT else str(self.id)


@dataclass(frozen=True)
class ShiftInSequence:
    """A shift, and the ones before and after it."""

    shift: LaneShift
    before: LaneShift | None
    after: LaneShift | None
    zone: ZoneInfo
    """The plant's time zone."""


async def shifts_of_lane(work: Work, *, lane_id: UUID, period: Period) -> tuple[LaneShift, ...]:
    """Return the shifts of a lane that touch a period, in order.

    A lane that has neither templates nor occurrences works around the clock: each calendar day of the plant's zone is
    a shift, 23 or 25 hours long when the clock is changed.

    Raises:
        NotFound: there is no such lane in this scope.
    """
    rows = await work.fetch(SHIFTS, lane_id, period.starts_at, period.ends_at)
    if not rows:
        raise NotFound(what="lane")
    if not rows[0]["has_shifts"]:
        return _days(lane_id, period, ZoneInfo(rows[0]["time_zone"]))
    return tuple(_shift(lane_id, row) for row in rows if row["id"] is not None)


async def list_present_shifts(work: Work) -> tuple[PresentShift, ...]:
    """Return the visible lanes with their present shifts, by plant and position.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    return tuple(
        PresentShift(
            row["code"], row["name"], row["plant"], row["time_zone"], row["shift"] or "", row["starts_at"],
            row["ends_at"], row["has_shifts"],
        )
        for row in await work.fetch(PRESENT)
    )  # fmt: skip


async def find_shift(work: Work, *, lane_id: UUID, key: str = "") -> ShiftInSequence:
    """Return the shift of a lane that `LaneShift.key` names; without a key the present one, else the newest begun.

    Raises:
        Forbidden: the actor may not read the plant model.
        NotFound: there is no such lane or shift in this scope.
    """
    await work.permit(Permission.READ_PLANT)
    zones = await work.fetch(ZONE, lane_id)
    if not zones:
        raise NotFound(what="lane")
    zone = ZoneInfo(zones[0]["time_zone"])
    at = await _instant_of_key(work, lane_id, key, zone) if key else work.now
    around = await shifts_of_lane(work, lane_id=lane_id, period=Period(at - LOOK_AROUND, at + LOOK_AROUND))
    if key:
        found = next((number for number, shift in enumerate(around) if shift.key == key), None)
    else:
        begun = [number for number, shift in enumerate(around) if shift.occurrence.period.starts_at <= at]
        found = begun[-1] if begun else (0 if around else None)
    if found is None:
        raise NotFound(what="shift")
    before = around[found - 1] if found else None
    after = around[found + 1] if found + 1 < len(around) else None
    return ShiftInSequence(around[found], before, after, zone)


async def _instant_of_key(work: Work, lane_id: UUID, key: str, zone: ZoneInfo) -> datetime:
    if DAY_KEY.fullmatch(key):
        try:
            return instant_of(date.fromisoformat(key), MIDNIGHT, zone)
        except ValueError as error:  # the thirteenth month
            raise NotFound(what="shift") from error
    try:
        shift_id = UUID(key)
    except ValueError as error:
        raise NotFound(what="shift") from error
    rows = await work.fetch(STARTS, shift_id, lane_id)
    if not rows:
        raise NotFound(what="shift")
    starts_at: datetime = rows[0]["starts_at"]
    return starts_at


def _days(lane_id: UUID, period: Period, zone: ZoneInfo) -> tuple[LaneShift, ...]:
    day = period.starts_at.astimezone(zone).date()
    shifts: list[LaneShift] = []
    while (starts_at := instant_of(day, MIDNIGHT, zone)) < period.ends_at:
        whole = Period(starts_at, instant_of(day + DAY, MIDNIGHT, zone))
        shifts.append(LaneShift(NO_SHIFT, ShiftOccurrence(lane_id, None, day, "", "", whole)))
        day += DAY
    return tuple(shifts)


def _shift(lane_id: UUID, row: "asyncpg.Record") -> LaneShift:
    period = Period(row["starts_at"], row["ends_at"])
    breaks = tuple(
        Period(starts_at, ends_at) for starts_at, ends_at in zip(row["break_starts"], row["break_ends"], strict=True)
    )
    occurrence = ShiftOccurrence(lane_id, row["template_id"], row["day"], row["name"], row["crew"], period, breaks)
    return LaneShift(row["id"], occurrence)
