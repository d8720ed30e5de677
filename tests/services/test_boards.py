"""What live boards show, each from one query."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from domain.errors import NotFound
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from domain.production.machine_reports import PiecesMade, StateEntered
from services.db.engine import current_database
from services.db.keys import new_id
from services.db.work import Work, begin, read
from services.plant.machine_states import change_machine_state
from services.production.boards import load_andon_wall, load_plant_board
from services.production.machine_reports import book_machine_report
from tests.architecture.furnished import furnish
from tests.factories import Floor, Make


async def wall(work: Work, floor: Floor) -> dict[str, Any]:
    return await load_andon_wall(work, lane_id=floor.lane_id)


async def plant(work: Work, floor: Floor) -> dict[str, Any]:
    return await load_plant_board(work, plant_id=floor.plant_id)


class TestAndonWall:
    async def test_shows_machines_runs_calls_and_hours(self, floor: Floor) -> None:
        await furnish(floor)

        async with read(floor.acting_as(Role.VIEWER)) as work:
            shown = await wall(work, floor)

        machine = shown["machines"][str(floor.machine_id)]
        assert (machine["code"], machine["state"], machine["reason"]) == (
            floor.machine_code, "unplanned_stop", "Reason",
        )  # fmt: skip
        assert machine["run"] == {"order": "WO-1", "part": "P-1", "good": "8", "scrap": "2", "target": "100"}
        assert (machine["good_today"], machine["scrap_today"]) == ("8", "2")
        assert [call["category"] for call in shown["calls"].values()] == ["material"]
        assert list(shown["hours"].values()) == [{"good": "8", "scrap": "2"}]

    async def test_of_a_lane_without_machines_is_empty_and_not_missing(self, work: Work, make: Make) -> None:
        lane = await make.lane(work)

        shown = await load_andon_wall(work, lane_id=lane.id)

        assert (shown["machines"], shown["calls"], shown["hours"]) == ({}, {}, {})

    async def test_says_when_a_machine_lives_in_another_time(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        then = datetime(2025, 2, 3, 12, 30, tzinfo=UTC)
        pieces = PiecesMade("k", then, None, Decimal(7))
        await book_machine_report(work, machine_code=machine.code, report=pieces)
        await book_machine_report(work, machine_code=machine.code, report=StateEntered("s", then, MachineState.RUNNING))

        shown: dict[str, Any] = await load_andon_wall(work, lane_id=machine.lane_id)

        tile = shown["machines"][str(machine.id)]
        assert (tile["as_of"], tile["since"]) == (then.timestamp() * 1000, then.timestamp() * 1000)
        assert tile["good_today"] == "7"
        assert shown["hours"] == {str(int(then.replace(minute=0).timestamp() * 1000)): {"good": "7", "scrap": "0"}}

    async def test_says_from_when_on_a_stop_asks_for_its_reason(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        reason = await make.reason(work)
        stopped_at = work.now.replace(microsecond=0) - timedelta(seconds=10)
        await change_machine_state(
            work, machine_id=machine.id, state=MachineState.UNPLANNED_STOP, started_at=stopped_at
        )
        boards: dict[str, Any] = await load_andon_wall(work, lane_id=machine.lane_id)
        asks_at = boards["machines"][str(machine.id)]["asks_at"]

        await change_machine_state(
            work, machine_id=machine.id, state=MachineState.UNPLANNED_STOP, reason_id=reason.id, seen_since=stopped_at
        )

        explained: dict[str, Any] = await load_plant_board(work, plant_id=machine.plant_id)
        assert asks_at == int(1000 * (stopped_at.timestamp() + float(machine.micro_stop_s)))
        assert "asks_at" not in explained["lanes"][str(machine.lane_id)]["machines"][str(machine.id)]

    async def test_does_not_call_yesterdays_pieces_todays(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        old = PiecesMade("k", work.now - timedelta(days=2), None, Decimal(7))
        await book_machine_report(work, machine_code=machine.code, report=old)
        await book_machine_report(
            work, machine_code=machine.code, report=StateEntered("s", work.now, MachineState.IDLE)
        )

        shown: dict[str, Any] = await load_andon_wall(work, lane_id=machine.lane_id)

        assert shown["machines"][str(machine.id)]["good_today"] == "0"


class TestPlantBoard:
    async def test_shows_every_lane_with_its_machines_and_sums(self, floor: Floor) -> None:
        await furnish(floor)

        async with read(floor.acting_as(Role.VIEWER)) as work:
            shown = await plant(work, floor)

        lane = shown["lanes"][str(floor.lane_id)]
        assert [Decimal(lane["good_today"]), Decimal(lane["scrap_today"])] == [8, 2]
        assert [machine["state"] for machine in lane["machines"].values()] == ["unplanned_stop"]
        assert len(shown["calls"]) == 1


@pytest.mark.parametrize("load", [wall, plant])
class TestEveryBoard:
    async def test_asks_the_database_once(self, floor: Floor, load: Any) -> None:
        asked: list[str] = []

        def count(*arguments: Any) -> None:
            asked.append(arguments[2])

        engine = current_database().engine.sync_engine
        async with read(floor.scope) as work:
            event.listen(engine, "before_cursor_execute", count)
            await load(work, floor)
            event.remove(engine, "before_cursor_execute", count)

        assert len(asked) == 1

    async def test_shows_another_organization_nothing(self, floor: Floor, other: Floor, load: Any) -> None:
        async with read(other.scope) as work:
            with pytest.raises(NotFound):
                await load(work, floor)

    async def test_shows_a_user_of_another_plant_nothing(self, floor: Floor, make: Make, load: Any) -> None:
        async with begin(floor.scope) as work:
            elsewhere = (await make.plant(work)).id

        async with read(floor.acting_as(Role.ADMIN, plant_ids=frozenset({elsewhere}))) as work:
            with pytest.raises(NotFound):
                await load(work, floor)

    async def test_of_what_does_not_exist_is_not_found(self, work: Work, floor: Floor, load: Any) -> None:
        with pytest.raises(NotFound):
            await load_plant_board(work, plant_id=new_id())
        with pytest.raises(NotFound):
            await load_andon_wall(work, lane_id=new_id())
