"""The demo's shifts: three a day from Monday to Friday, two long ones at weekends, and the crews that work them."""

from datetime import time, timedelta
from uuid import UUID

from domain.plant.shifts import ShiftHours, WallInterval, Weekday
from services.db.work import Work
from services.plant.crews import Member, add_crew
from services.plant.shift_planning import plan_occurrences
from services.plant.shift_templates import add_template

DEMO_PAST = timedelta(hours=20)
"""How long the demo's machines have been working when somebody looks for the first time."""
WORKDAYS = tuple(Weekday)[:5]
WEEKEND = tuple(Weekday)[5:]


def _hours(starts: int, ends: int, *rests: int) -> ShiftHours:
    """Return a shift of whole hours with a break of half an hour at the beginning of each of `rests`."""
    return ShiftHours(time(starts), time(ends), tuple(WallInterval(time(rest), time(rest, 30)) for rest in rests))


SHIFTS = (
    ("Early", "Red", WORKDAYS, _hours(6, 14, 10)),
    ("Late", "Blue", WORKDAYS, _hours(14, 22, 18)),
    ("Night", "Green", WORKDAYS, _hours(22, 6, 2)),
    ("Weekend day", "Red", WEEKEND, _hours(6, 18, 10, 14)),
    ("Weekend night", "Green", WEEKEND, _hours(18, 6, 22, 2)),
)
"""Without a gap, so that whoever looks in sees a shift: on Saturday the night before ends when the day begins."""


async def add_demo_shifts(work: Work, *, plant_id: UUID, lane_ids: tuple[UUID, ...], people: dict[str, UUID]) -> None:
    """Let crews work around the clock on lanes, since yesterday; `people` are their supervisor and operator."""
    supervisor, operator = people["supervisor"], people["operator"]
    members = {
        "Red": (Member(supervisor, ("safety", "quality")), Member(operator, ("machine", "material"))),
        "Blue": (Member(supervisor, ("safety", "quality", "machine")), Member(operator, ("material",))),
        "Green": (Member(supervisor, ("safety", "quality", "machine", "material")),),
    }
    crews = {
        name: (await add_crew(work, plant_id=plant_id, name=name, members=people)).id
        for name, people in members.items()
    }
    for lane_id in lane_ids:
        for name, crew, weekdays, hours in SHIFTS:
            await add_template(work, lane_id=lane_id, name=name, weekdays=weekdays, hours=hours, crew_id=crews[crew])
        await plan_occurrences(work, lane_id=lane_id, since_day=(work.now - DEMO_PAST).date())
