"""The shift explained, and the KPIs, click by click."""

from datetime import timedelta
from decimal import Decimal

import orjson
import pytest
from nicegui import ui
from nicegui.testing import User

from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from services.db.tables import Machine
from services.db.work import begin, read
from services.plant.machine_states import change_machine_state
from services.plant.places import list_plants
from services.plant.reasons import edit_reason
from services.plant.stops import list_stops
from tests.factories import Floor, Make
from tests.services.test_hourly_facts import refresh_all
from tests.services.test_kpi_queries import morning
from tests.ui.conftest import SignIn, sees
from ui.components.plant_clock import PlantClock
from ui.components.shift_timeline import ShiftTimeline


async def stood_still(floor: Floor) -> None:
    """Let the floor's machine run an hour ago and stop half an hour ago."""
    async with begin(floor.scope) as work:
        for state, minutes in ((MachineState.RUNNING, 60), (MachineState.UNPLANNED_STOP, 30)):
            await change_machine_state(
                work, machine_id=floor.machine_id, state=state, started_at=work.now - timedelta(minutes=minutes)
            )


async def reason_of_the_stop(floor: Floor) -> object:
    """Return the reason of the newest stop."""
    async with read(floor.scope) as work:
        return (await list_stops(work, machine_id=floor.machine_id)).items[0].reason_id


class TestShift:
    async def test_asks_for_a_reason_and_takes_it_with_one_tap(self, floor: Floor, operator: User) -> None:
        await stood_still(floor)
        await operator.open(f"/shift/{floor.lane_id}")
        await sees(operator, "Other reason")

        operator.find(marker="one-tap").click()

        await sees(operator, "Every stop has a reason.")
        assert await reason_of_the_stop(floor) == floor.stop_reason_id

    async def test_opens_the_reasons_of_a_stop_that_was_tapped(self, floor: Floor, operator: User) -> None:
        await stood_still(floor)
        await operator.open(f"/shift/{floor.lane_id}")
        await sees(operator, "Other reason")

        operator.find(marker="other-reason").click()
        await sees(operator, "The reason holds for all of it.")
        operator.find(marker="shift-reason").click()

        await sees(operator, "Every stop has a reason.")
        assert await reason_of_the_stop(floor) == floor.stop_reason_id

    async def test_follows_what_happens(self, floor: Floor, supervisor: User) -> None:
        await supervisor.open(f"/shift/{floor.lane_id}")
        await sees(supervisor, "Every stop has a reason.")

        await stood_still(floor)

        await sees(supervisor, "Other reason")

    async def test_asks_as_soon_as_a_stop_is_too_long_for_a_micro_stop(self, floor: Floor, supervisor: User) -> None:
        async with begin(floor.scope) as work:
            (await work.session.get_one(Machine, floor.machine_id)).micro_stop_s = Decimal(2)
            await change_machine_state(work, machine_id=floor.machine_id, state=MachineState.UNPLANNED_STOP)
        await supervisor.open(f"/shift/{floor.lane_id}")
        await sees(supervisor, "Every stop has a reason.")

        await sees(supervisor, "Other reason")

    async def test_lets_viewers_look_only(self, floor: Floor, sign_in: SignIn) -> None:
        await stood_still(floor)
        viewer = await sign_in(floor, Role.VIEWER)

        await viewer.open(f"/shift/{floor.lane_id}")

        await sees(viewer, "Stops that ask for a reason")
        await viewer.should_not_see("Other reason")
        (timeline,) = viewer.find(kind=ShiftTimeline).elements
        assert timeline.props["canExplain"] is False

    async def test_opens_a_number_to_its_formula(self, floor: Floor, supervisor: User) -> None:
        await stood_still(floor)
        await supervisor.open(f"/shift/{floor.lane_id}")

        supervisor.find(marker="kpi-AVAILABILITY").click()

        await sees(supervisor, "Availability = APT / PBT")

    async def test_is_reached_from_the_list_of_lanes(self, floor: Floor, supervisor: User) -> None:
        await supervisor.open("/shift")

        await sees(supervisor, "Around the clock")

    async def test_is_chosen_beside_the_clock_of_the_plant(self, floor: Floor, supervisor: User) -> None:
        await supervisor.open("/shift")

        (clock,) = supervisor.find(kind=PlantClock).elements
        async with read(floor.scope) as work:
            (plant,) = await list_plants(work)
        assert clock.props["zone"] == plant.time_zone

    async def test_says_so_when_no_losses_are_known(self, floor: Floor, supervisor: User) -> None:
        await supervisor.open(f"/shift/{floor.lane_id}")

        figures = [orjson.dumps(chart.figure).decode() for chart in supervisor.find(kind=ui.plotly).elements]
        assert any("No losses are known." in figure for figure in figures)

    async def test_names_a_retired_reason(self, floor: Floor, operator: User) -> None:
        async with begin(floor.scope) as work:
            await change_machine_state(
                work, machine_id=floor.machine_id, state=MachineState.UNPLANNED_STOP, reason_id=floor.stop_reason_id,
                started_at=work.now - timedelta(minutes=30),
            )  # fmt: skip
            await edit_reason(work, reason_id=floor.stop_reason_id, version=1, label="Fog", is_active=False)

        await operator.open(f"/shift/{floor.lane_id}")

        (timeline,) = operator.find(kind=ShiftTimeline).elements
        assert "Fog" in orjson.dumps(timeline.props["shift"]).decode()


class TestMetrics:
    @pytest.mark.parametrize("by", ["none", "machine", "lane", "hour", "shift", "day", "month", "crew"])
    async def test_show_the_shift_of_a_hand_calculation(
        self, floor: Floor, make: Make, supervisor: User, by: str
    ) -> None:
        async with begin(floor.scope) as work:
            await morning(work, floor, make)
            await refresh_all(work)

        await supervisor.open(f"/kpis?since=2026-03-02&until=2026-03-02&by={by}")

        await sees(supervisor, "75.0")

    async def test_open_to_their_formula_and_shifts(self, floor: Floor, make: Make, supervisor: User) -> None:
        async with begin(floor.scope) as work:
            await morning(work, floor, make)
            await refresh_all(work)
        await supervisor.open("/kpis?since=2026-03-02&until=2026-03-02&by=none")

        supervisor.find(marker="metric-QUALITY_RATIO").click()

        await sees(supervisor, "Quality ratio = GQ / PQ")
        await sees(supervisor, "Mar 2, 2026 · Early")

    async def test_by_the_hour_show_the_time_of_the_plant(self, floor: Floor, make: Make, supervisor: User) -> None:
        async with begin(floor.scope) as work:
            await morning(work, floor, make)
            await refresh_all(work)

        await supervisor.open("/kpis?since=2026-03-02&until=2026-03-02&by=hour")

        await sees(supervisor, "Mar 2, 2026 6:00\u202fAM")

    async def test_tell_why_one_is_not_defined(self, floor: Floor, make: Make, supervisor: User) -> None:
        async with begin(floor.scope) as work:
            await morning(work, floor, make)
            await refresh_all(work)
        await supervisor.open("/kpis?since=2026-03-02&until=2026-03-02&by=hour")

        supervisor.find(content="–", marker="metric-EFFECTIVENESS").click()

        await sees(supervisor, "Nothing was made.")

    async def test_say_so_where_nothing_was_added_up(self, floor: Floor, supervisor: User) -> None:
        await supervisor.open("/kpis?since=2019-03-02&until=2019-03-02")

        await sees(supervisor, "Nothing was added up for these days")

    @pytest.mark.parametrize(
        "days",
        [
            "until=9999-12-31",
            "since=9999-12-31&until=0001-01-01",
            "since=0001-01-01&until=9999-12-31",
            "until=0001-01-01",
        ],
    )
    async def test_show_the_last_week_where_days_are_beyond_the_calendar(self, days: str, supervisor: User) -> None:
        await supervisor.open(f"/kpis?{days}")

        await sees(supervisor, "Nothing was added up for these days")
