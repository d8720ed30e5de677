"""Dashboard metrics and stops, for programs."""

from datetime import timedelta

import httpx
import pytest

from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from services.db.work import begin
from services.plant.machine_states import change_machine_state
from tests.api.doors import V1, Door, refused
from tests.factories import Floor, Make
from tests.services.test_hourly_facts import DAY, refresh_all
from tests.services.test_kpi_queries import morning

DAYS = {"since_day": DAY.isoformat(), "before_day": (DAY + timedelta(days=1)).isoformat()}
METRICS = f"{V1}/metrics/"


@pytest.fixture
async def worked(floor: Floor, make: Make) -> Floor:
    """The floor after a shift that adds up to 67.5 % OEE at 90 % quality."""
    async with begin(floor.scope) as work:
        await morning(work, floor, make)
        await refresh_all(work)
    return floor


@pytest.fixture
async def viewer(door: Door, floor: Floor) -> httpx.AsyncClient:
    """A program that may only read."""
    return await door.caller(floor, Role.VIEWER)


class TestMetrics:
    async def test_of_every_kind_of_place_say_the_same_here(self, worked: Floor, viewer: httpx.AsyncClient) -> None:
        for place in ("machine", "lane", "department", "plant"):
            asked = {f"{place}_id": str(getattr(worked, f"{place}_id")), **DAYS}

            (item,) = (await viewer.get(METRICS, params=asked)).json()["items"]

            assert (item["kpis"]["availability"], item["kpis"]["quality_ratio"]) == (0.75, 0.9)
            assert (item["times"]["planned_busy_s"], item["output"]["good"]) == (28800, 450)
            assert item["kpis"]["first_pass_yield"] is None

    async def test_by_the_hour_name_each_hour(self, worked: Floor, viewer: httpx.AsyncClient) -> None:
        asked = {"lane_id": str(worked.lane_id), "by": "hour", **DAYS}

        items = (await viewer.get(METRICS, params=asked)).json()["items"]

        assert [item["key"] for item in items][:2] == ["2026-03-02T05:00:00Z", "2026-03-02T06:00:00Z"]

    async def test_open_to_their_formula(self, worked: Floor, viewer: httpx.AsyncClient) -> None:
        asked = {"lane_id": str(worked.lane_id), "kpi": "availability", **DAYS}

        opened = (await viewer.get(f"{METRICS}explanation", params=asked)).json()

        assert (opened["formula"], opened["value"]) == ("APT / PBT", 0.75)
        assert [each["value"] for each in opened["inputs"]] == [21600, 28800]
        assert len(opened["shifts"]) == 1

    async def test_show_losses_from_the_largest(self, worked: Floor, viewer: httpx.AsyncClient) -> None:
        losses = (await viewer.get(f"{METRICS}losses", params={"plant_id": str(worked.plant_id), **DAYS})).json()

        assert {bar["cause"]: bar["lost_s"] for bar in losses["pareto"]} == {"changeover": 3600, "unexplained": 3600}
        assert losses["waterfall"][-1] == {"cause": "rejects", "lost_s": 1800, "left_s": 16200}

    async def test_of_a_shift_are_exact(self, worked: Floor, viewer: httpx.AsyncClient) -> None:
        asked = {"lane_id": str(worked.lane_id), "by": "shift", **DAYS}
        key = (await viewer.get(METRICS, params=asked)).json()["items"][0]["key"]

        of_shift = await viewer.get(f"{METRICS}shift", params={"machine_id": str(worked.machine_id), "shift": key})

        assert (of_shift.json()["kpis"]["availability"], of_shift.json()["name"]) == (0.75, "Early")
        assert [machine["id"] for machine in of_shift.json()["machines"]] == [str(worked.machine_id)]

    async def test_say_what_is_wrong_with_the_question(self, worked: Floor, viewer: httpx.AsyncClient) -> None:
        plant = {"plant_id": str(worked.plant_id)}

        assert refused(await viewer.get(METRICS, params=DAYS), 422, "one_place_wanted")
        both = {**plant, "lane_id": str(worked.lane_id), **DAYS}
        assert refused(await viewer.get(METRICS, params=both), 422, "one_place_wanted")
        backwards = {**plant, "since_day": DAYS["before_day"], "before_day": DAYS["since_day"]}
        assert refused(await viewer.get(METRICS, params=backwards), 422, "invalid_days")
        assert refused(await viewer.get(f"{METRICS}shift"), 422, "one_place_wanted")

    async def test_of_another_organization_do_not_exist(self, worked: Floor, stranger: httpx.AsyncClient) -> None:
        for place in ("machine", "lane", "department", "plant"):
            asked = {f"{place}_id": str(getattr(worked, f"{place}_id")), **DAYS}

            assert refused(await stranger.get(METRICS, params=asked), 404, "not_found")

        of_shift = await stranger.get(f"{METRICS}shift", params={"lane_id": str(worked.lane_id)})
        assert refused(of_shift, 404, "not_found")


class TestStops:
    async def test_are_listed_and_given_a_reason_once(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        stops = f"{V1}/machines/{floor.machine_id}/stops"
        async with begin(floor.scope) as work:
            for state, minutes in ((MachineState.UNPLANNED_STOP, 30), (MachineState.RUNNING, 10)):
                await change_machine_state(
                    work, machine_id=floor.machine_id, state=state, started_at=work.now - timedelta(minutes=minutes)
                )
        (stop,) = (await operator.get(stops)).json()["items"]
        assert (stop["asks_for_reason"], stop["length_s"]) == (True, 1200)
        seen = {name: stop[name] for name in ("starts_at", "ends_at", "state", "reason_id")}
        asked = {"seen": seen, "parts": [{"starts_at": stop["starts_at"], "reason_id": str(floor.stop_reason_id)}]}

        first, second = [await operator.post(f"{stops}/classification", json=asked) for _ in range(2)]

        assert (first.status_code, first.json()["parts"][0]["reason_id"]) == (200, str(floor.stop_reason_id))
        assert refused(second, 409, "stop_changed")
        assert (await operator.get(stops)).json()["items"][0]["asks_for_reason"] is False

    async def test_are_not_explained_by_viewers(self, floor: Floor, viewer: httpx.AsyncClient) -> None:
        instant = "2026-03-02T05:00:00Z"
        asked = {"seen": {"starts_at": instant, "state": "unplanned_stop"}, "parts": [{"starts_at": instant}]}

        answer = await viewer.post(f"{V1}/machines/{floor.machine_id}/stops/classification", json=asked)

        assert refused(answer, 403, "forbidden")
