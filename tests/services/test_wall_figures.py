"""What an Andon wall says of the running shift."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.errors import NotFound
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from domain.production.machine_reports import StateEntered
from services.db.keys import new_id
from services.db.tables import HourlyFact, ShiftOccurrenceRow
from services.db.work import Work, begin, read
from services.plant.shift_calendar import NO_SHIFT
from services.production.machine_reports import book_machine_report
from services.production.wall_figures import load_wall_figures
from tests.factories import Floor

HOUR = timedelta(hours=1)
HALF = timedelta(minutes=30)


def full_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def ms(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))


async def shift(work: Work, floor: Floor, starts_at: datetime, ends_at: datetime, *breaks: datetime) -> UUID:
    """Give the floor's lane a shift with breaks of half an hour."""
    row = ShiftOccurrenceRow(
        id=new_id(), org_id=floor.scope.org_id, plant_id=floor.plant_id, lane_id=floor.lane_id, day=starts_at.date(),
        name="Early", starts_at=starts_at, ends_at=ends_at, break_starts=list(breaks),
        break_ends=[start + HALF for start in breaks],
    )  # fmt: skip
    work.session.add(row)
    await work.session.flush()
    return row.id


async def fact(work: Work, floor: Floor, shift_id: UUID, day: datetime, hour_at: datetime, **numbers: object) -> None:
    """Write down an hour; times in seconds."""
    work.session.add(
        HourlyFact(
            org_id=floor.scope.org_id, plant_id=floor.plant_id, lane_id=floor.lane_id, machine_id=floor.machine_id,
            shift_id=shift_id, day=day.date(), is_planned=True, hour_at=hour_at, **numbers,
        )
    )  # fmt: skip
    await work.session.flush()


class TestWallFigures:
    async def test_are_those_of_the_running_shift(self, work: Work, floor: Floor) -> None:
        this_hour = full_hour(work.now)
        starts_at = this_hour - 2 * HOUR
        shift_id = await shift(work, floor, starts_at, this_hour + 2 * HOUR, starts_at + HOUR)
        ran: dict[str, object] = {
            "running_s": 2700,
            "unexplained_s": 900,
            "good": 36,
            "scrap": 4,
            "planned_run_s": 2400,
        }
        rested: dict[str, object] = {"running_s": 1800, "break_s": 1800, "good": 30, "planned_run_s": 1800}
        await fact(work, floor, shift_id, starts_at, starts_at, **ran)
        await fact(work, floor, shift_id, starts_at, starts_at + HOUR, **rested)
        await fact(work, floor, new_id(), starts_at, starts_at, good=99, running_s=3600)

        figures: dict[str, Any] = await load_wall_figures(work, lane_id=floor.lane_id)

        # PBT 5400 s, APT 4500 s, planned run time 4200 s, 66 good of 70: 0.833 x 0.933 x 0.943
        assert figures["shift"] == {
            "name": "Early", "starts": int(ms(starts_at)), "ends": int(ms(this_hour + 2 * HOUR)), "oee": "0.73",
            "at": int(ms(this_hour)), "good": "66", "target": "90", "pace": "-24",
        }  # fmt: skip
        assert figures["figures"] == {str(floor.machine_id): {"oee": "0.73", "target": "90", "pace": "-24"}}
        assert figures["targets"] == {
            ms(starts_at): "60", ms(starts_at + HOUR): "30", ms(this_hour): "60",
        }  # fmt: skip

    async def test_ask_for_nothing_in_planned_stops_and_time_without_data(self, work: Work, floor: Floor) -> None:
        this_hour = full_hour(work.now)
        shift_id = await shift(work, floor, this_hour - HOUR, this_hour + HOUR)
        spent: dict[str, object] = {"running_s": 1800, "planned_s": 600, "no_data_s": 1200}
        await fact(
            work, floor, shift_id, this_hour - HOUR, this_hour - HOUR, good=25, planned_run_s=1500, **spent
        )  # fmt: skip

        figures: dict[str, Any] = await load_wall_figures(work, lane_id=floor.lane_id)

        assert (figures["shift"]["target"], figures["shift"]["pace"]) == ("30", "-5")
        assert figures["targets"] == {ms(this_hour - HOUR): "30", ms(this_hour): "60"}

    async def test_have_no_target_without_a_planned_cycle_time(self, work: Work, floor: Floor) -> None:
        this_hour = full_hour(work.now)
        shift_id = await shift(work, floor, this_hour - HOUR, this_hour + HOUR)
        await fact(work, floor, shift_id, this_hour - HOUR, this_hour - HOUR, running_s=3600, good=5)

        figures: dict[str, Any] = await load_wall_figures(work, lane_id=floor.lane_id)

        assert {"oee", "target", "pace"}.isdisjoint(figures["shift"])
        assert figures["shift"]["good"] == "5"
        assert figures["targets"] == {}

    async def test_between_shifts_keep_the_targets_of_the_hours_before(self, work: Work, floor: Floor) -> None:
        this_hour = full_hour(work.now)
        begun = this_hour - 3 * HOUR
        shift_id = await shift(work, floor, begun, begun + HOUR)
        await fact(work, floor, shift_id, begun, begun, running_s=3600, good=50, planned_run_s=3000)

        figures: dict[str, Any] = await load_wall_figures(work, lane_id=floor.lane_id)

        assert figures == {"targets": {ms(begun): "60"}}

    async def test_of_a_replayed_day_are_those_of_its_own_time(self, work: Work, floor: Floor) -> None:
        then = datetime(2025, 2, 3, 12, 30, tzinfo=UTC)
        state = StateEntered("s", then, MachineState.RUNNING)
        await book_machine_report(work, machine_code=floor.machine_code, report=state)
        await fact(
            work, floor, NO_SHIFT, then, full_hour(then) - HOUR, running_s=3600, good=50, planned_run_s=3000
        )  # fmt: skip

        figures: dict[str, Any] = await load_wall_figures(work, lane_id=floor.lane_id)

        assert figures["targets"][ms(full_hour(then))] == "60"
        assert (figures["shift"]["good"], figures["shift"]["target"]) == ("50", "60")
        assert "name" not in figures["shift"]

    async def test_begin_with_nothing_made(self, floor: Floor) -> None:
        async with read(floor.acting_as(Role.VIEWER)) as work:
            figures: dict[str, Any] = await load_wall_figures(work, lane_id=floor.lane_id)

        assert Decimal(figures["shift"]["good"]) == 0

    async def test_of_another_organization_do_not_exist(self, floor: Floor, other: Floor) -> None:
        async with begin(other.scope) as work:
            with pytest.raises(NotFound):
                await load_wall_figures(work, lane_id=floor.lane_id)
