"""Stops that ask for a reason, and people who give it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.errors import Forbidden, NotFound
from domain.events import MachineStateChanged
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from domain.plant.reasons import LossCategory
from domain.plant.timelines import NotAStop, PartsDoNotFit, SeenStop, StopChanged
from services.db.keys import new_id
from services.db.tables import MachineStateChange, MachineStatus, Reason
from services.db.work import Work, begin, read
from services.plant.machine_states import change_machine_state
from services.plant.stops import (
    MachineStop,
    classify,
    list_stop_choices,
    list_stops,
    list_unexplained_stops,
)
from tests.factories import Floor

MINUTE = timedelta(minutes=1)
RUN, STOP = MachineState.RUNNING, MachineState.UNPLANNED_STOP


async def stood_still(floor: Floor, *, ended: bool = True, at: Sequence[int] = (90, 60, 30)) -> MachineStop:
    """Let the floor's machine run, stop, and perhaps run again, `at` minutes ago; returns the stop as it is seen."""
    async with begin(floor.scope) as work:
        for state, minutes in zip((RUN, STOP, RUN) if ended else (RUN, STOP), at, strict=False):
            started_at = work.now - minutes * MINUTE
            await change_machine_state(work, machine_id=floor.machine_id, state=state, started_at=started_at)
    return await the_stop(floor)


async def the_stop(floor: Floor) -> MachineStop:
    """Return the newest stop as people see it."""
    async with read(floor.scope) as work:
        return (await list_stops(work, machine_id=floor.machine_id)).items[0]


async def timeline(work: Work, floor: Floor) -> list[tuple[datetime, str, UUID | None]]:
    """Return the machine's changes in order."""
    columns = select(MachineStateChange.started_at, MachineStateChange.state, MachineStateChange.reason_id)
    ordered = columns.where(MachineStateChange.machine_id == floor.machine_id).order_by(MachineStateChange.started_at)
    rows = await work.session.execute(ordered)
    return [(row.started_at, row.state, row.reason_id) for row in rows]


class TestListUnexplainedStops:
    async def test_leaves_out_micro_stops_and_what_has_a_reason(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            for state, minutes, reason_id in (
                (STOP, 60, None), (RUN, 50, None), (STOP, 40, None), (RUN, 39, None), (STOP, 30, floor.stop_reason_id),
                (RUN, 20, None), (STOP, 10, None),
            ):  # fmt: skip
                await change_machine_state(
                    work, machine_id=floor.machine_id, state=state, reason_id=reason_id,
                    started_at=work.now - minutes * MINUTE,
                )  # fmt: skip
            now = work.now

            by_lane = await list_unexplained_stops(work, lane_id=floor.lane_id, since=now - 120 * MINUTE)
            by_plant = await list_unexplained_stops(work, plant_id=floor.plant_id, since=now - 55 * MINUTE)

        assert [((now - stop.starts_at) / MINUTE, stop.ends_at is None) for stop in by_lane] == [
            (10, True),
            (60, False),
        ]
        assert by_plant == by_lane

    async def test_shows_nothing_of_another_organization(self, floor: Floor, other: Floor) -> None:
        stop = await stood_still(floor)

        async with read(other.scope) as work:
            assert await list_unexplained_stops(work, lane_id=floor.lane_id, since=stop.starts_at) == ()
            with pytest.raises(NotFound, match="machine"):
                await list_stops(work, machine_id=floor.machine_id)


class TestListStops:
    async def test_turns_pages_from_the_newest(self, floor: Floor) -> None:
        await stood_still(floor, at=(90, 60, 30))
        await stood_still(floor, at=(20, 15, 5))

        async with read(floor.scope) as work:
            first = await list_stops(work, machine_id=floor.machine_id, limit=1)
            second = await list_stops(work, machine_id=floor.machine_id, limit=1, before=first.items[0].starts_at)
            early = await list_stops(work, machine_id=floor.machine_id, until=work.now - 40 * MINUTE)

        assert (first.has_more, second.has_more) == (True, False)
        assert second.items == early.items


class TestListStopChoices:
    async def test_lets_a_reason_inherit_the_category_above_it(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            (await work.session.get_one(Reason, floor.stop_reason_id)).loss_category = "material"
            child = Reason(
                org_id=floor.scope.org_id, kind="stop", code="C", label="No coil", parent_id=floor.stop_reason_id
            )
            work.session.add(child)
            await work.session.flush()

            choices = {choice.id: choice.category for choice in await list_stop_choices(work)}

        assert choices == {floor.stop_reason_id: LossCategory.MATERIAL, child.id: LossCategory.MATERIAL}


class TestClassify:
    async def test_gives_a_stop_its_reason_and_says_so(self, floor: Floor) -> None:
        stop = await stood_still(floor)

        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            parts = [(stop.starts_at, floor.stop_reason_id)]
            await classify(work, machine_id=floor.machine_id, seen=stop.seen, parts=parts)

            assert work.events == [
                MachineStateChanged(plant_id=floor.plant_id, lane_id=floor.lane_id, machine_id=floor.machine_id)
            ]
        assert (await the_stop(floor)).reason_id == floor.stop_reason_id

    async def test_splits_a_stop_and_leaves_a_part_unexplained(self, floor: Floor) -> None:
        stop = await stood_still(floor)
        middle = stop.starts_at + 10 * MINUTE

        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            parts = [(stop.starts_at, floor.stop_reason_id), (middle, None)]
            await classify(work, machine_id=floor.machine_id, seen=stop.seen, parts=parts)

            assert (await timeline(work, floor))[1:3] == [
                (stop.starts_at, "unplanned_stop", floor.stop_reason_id), (middle, "unplanned_stop", None),
            ]  # fmt: skip
            rest = await list_unexplained_stops(work, lane_id=floor.lane_id, since=stop.starts_at)
            assert [each.starts_at for each in rest] == [middle]

    async def test_keeps_the_present_state_in_step(self, floor: Floor) -> None:
        stop = await stood_still(floor, ended=False)
        middle = stop.starts_at + 10 * MINUTE

        async with begin(floor.scope) as work:
            parts = [(stop.starts_at, None), (middle, floor.stop_reason_id)]
            await classify(work, machine_id=floor.machine_id, seen=stop.seen, parts=parts)

        async with begin(floor.scope) as work:
            status = (
                await work.session.execute(select(MachineStatus).where(MachineStatus.machine_id == floor.machine_id))
            ).scalar_one()
            assert (status.state, status.since, status.reason_id) == ("unplanned_stop", middle, floor.stop_reason_id)

    async def test_holds_for_all_of_a_stop_that_ended_while_the_reason_was_chosen(self, floor: Floor) -> None:
        seen = (await stood_still(floor, ended=False)).seen
        async with begin(floor.scope) as work:
            await change_machine_state(work, machine_id=floor.machine_id, state=RUN)

        async with begin(floor.scope) as work:
            parts = [(seen.starts_at, floor.stop_reason_id)]
            await classify(work, machine_id=floor.machine_id, seen=seen, parts=parts)

            assert [reason for _, _, reason in await timeline(work, floor)] == [None, floor.stop_reason_id, None]

    async def test_takes_along_what_was_written_within_a_part(self, floor: Floor) -> None:
        stop = await stood_still(floor)
        async with begin(floor.scope) as work:
            await change_machine_state(
                work, machine_id=floor.machine_id, state=STOP, detail="a second alarm",
                started_at=stop.starts_at + MINUTE,
            )  # fmt: skip

        async with begin(floor.scope) as work:
            parts = [(stop.starts_at, floor.stop_reason_id)]
            await classify(work, machine_id=floor.machine_id, seen=stop.seen, parts=parts)

            assert [reason for _, _, reason in await timeline(work, floor)][1:3] == [floor.stop_reason_id] * 2

    async def test_at_once_by_two_people_is_won_by_one(self, floor: Floor) -> None:
        stop = await stood_still(floor)

        async def decide() -> None:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                parts = [(stop.starts_at, floor.stop_reason_id)]
                await classify(work, machine_id=floor.machine_id, seen=stop.seen, parts=parts)

        results = await asyncio.gather(*(decide() for _ in range(4)), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["NoneType"] + ["StopChanged"] * 3

    async def test_refuses_a_stop_that_is_not_there(self, floor: Floor) -> None:
        stop = await stood_still(floor)
        seen = SeenStop(stop.starts_at + MINUTE, stop.ends_at, STOP, None)

        async with begin(floor.scope) as work:
            with pytest.raises(StopChanged):
                await classify(work, machine_id=floor.machine_id, seen=seen, parts=[(seen.starts_at, None)])

    async def test_refuses_running_time_and_parts_outside(self, floor: Floor) -> None:
        stop = await stood_still(floor)
        running = SeenStop(stop.starts_at - 30 * MINUTE, stop.starts_at, RUN, None)

        async with begin(floor.scope) as work:
            with pytest.raises(NotAStop):
                await classify(work, machine_id=floor.machine_id, seen=running, parts=[(running.starts_at, None)])
            with pytest.raises(PartsDoNotFit):
                await classify(work, machine_id=floor.machine_id, seen=stop.seen, parts=[])
            parts = [(stop.starts_at, None), (stop.starts_at + 40 * MINUTE, None)]
            with pytest.raises(PartsDoNotFit):
                await classify(work, machine_id=floor.machine_id, seen=stop.seen, parts=parts)

    async def test_refuses_reasons_that_are_not_for_stops_or_not_active(self, floor: Floor) -> None:
        stop = await stood_still(floor)
        async with begin(floor.scope) as work:
            (await work.session.get_one(Reason, floor.stop_reason_id)).is_active = False

        for reason_id in (floor.scrap_reason_id, floor.stop_reason_id, new_id()):
            async with begin(floor.scope) as work:
                parts = [(stop.starts_at, reason_id)]
                with pytest.raises(NotFound, match="reason"):
                    await classify(work, machine_id=floor.machine_id, seen=stop.seen, parts=parts)

    async def test_is_not_for_viewers(self, floor: Floor) -> None:
        stop = await stood_still(floor)

        async with begin(floor.acting_as(Role.VIEWER)) as work:
            with pytest.raises(Forbidden):
                await classify(work, machine_id=floor.machine_id, seen=stop.seen, parts=[(stop.starts_at, None)])

    async def test_of_a_machine_of_another_organization_is_refused(self, floor: Floor, other: Floor) -> None:
        stop = await stood_still(floor)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound, match="machine"):
                await classify(work, machine_id=floor.machine_id, seen=stop.seen, parts=[(stop.starts_at, None)])
