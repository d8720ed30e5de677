"""A machine's timeline: machines say which state they are in, people say why."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.checks import InvalidInstant, InvalidText
from domain.errors import Forbidden, NotFound
from domain.events import MachineStateChanged
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from services.db.keys import new_id
from services.db.tables import MachineStateChange, MachineStatus, Reason
from services.db.work import Work, begin, read
from services.plant.machine_states import ReasonDoesNotFit, StaleState, StateNow, change_machine_state
from tests.factories import Floor, Make

RUNNING, IDLE, STOP, SETUP = (
    MachineState.RUNNING,
    MachineState.IDLE,
    MachineState.UNPLANNED_STOP,
    MachineState.SETUP,
)


async def timeline(work: Work, machine_id: UUID) -> list[tuple[datetime, str, UUID | None]]:
    statement = (
        select(MachineStateChange.started_at, MachineStateChange.state, MachineStateChange.reason_id)
        .where(MachineStateChange.machine_id == machine_id)
        .order_by(MachineStateChange.started_at)
    )
    return [(row.started_at, row.state, row.reason_id) for row in await work.session.execute(statement)]


async def status(work: Work, machine_id: UUID) -> MachineStatus:
    return await work.session.get_one(MachineStatus, (work.scope.org_id, machine_id), populate_existing=True)


class TestChangeMachineState:
    async def test_enters_the_state_now_and_says_so(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        work.events.clear()

        now = await change_machine_state(work, machine_id=machine.id, state=RUNNING)

        assert (now.state, now.started_at, now.changed) == (RUNNING, work.now, True)
        assert await timeline(work, machine.id) == [(work.now, "running", None)]
        assert work.events == [
            MachineStateChanged(plant_id=machine.plant_id, lane_id=machine.lane_id, machine_id=machine.id)
        ]

    async def test_says_and_writes_nothing_when_nothing_changes(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        await change_machine_state(
            work, machine_id=machine.id, state=RUNNING, started_at=work.now - timedelta(minutes=5)
        )
        work.events.clear()

        now = await change_machine_state(work, machine_id=machine.id, state=RUNNING)

        assert (now.changed, now.started_at) == (False, work.now - timedelta(minutes=5))
        assert len(await timeline(work, machine.id)) == 1
        assert work.events == []

    async def test_classifies_the_stop_that_the_machine_is_in(self, work: Work, make: Make) -> None:
        machine, reason = await make.machine(work), await make.reason(work, kind="stop")
        began = work.now - timedelta(minutes=5)
        await change_machine_state(work, machine_id=machine.id, state=STOP, detail="E7", started_at=began)

        now = await change_machine_state(work, machine_id=machine.id, state=STOP, reason_id=reason.id)

        assert now == StateNow(machine.id, STOP, began, reason.id, "E7", changed=True)
        assert await timeline(work, machine.id) == [(began, "unplanned_stop", reason.id)]
        assert (await status(work, machine.id)).reason_id == reason.id

    async def test_keeps_what_a_person_explained_when_the_machine_repeats_itself(self, work: Work, make: Make) -> None:
        machine, reason = await make.machine(work), await make.reason(work, kind="stop")
        await change_machine_state(work, machine_id=machine.id, state=STOP)
        await change_machine_state(work, machine_id=machine.id, state=STOP, reason_id=reason.id)

        await change_machine_state(work, machine_id=machine.id, state=STOP, started_at=work.now)

        assert await timeline(work, machine.id) == [(work.now, "unplanned_stop", reason.id)]
        assert (await status(work, machine.id)).reason_id == reason.id

    async def test_keeps_the_explanation_when_the_machine_says_the_same_later(self, work: Work, make: Make) -> None:
        machine, reason = await make.machine(work), await make.reason(work, kind="stop")
        began = work.now - timedelta(minutes=5)
        await change_machine_state(
            work, machine_id=machine.id, state=STOP, reason_id=reason.id, detail="E7", started_at=began
        )

        now = await change_machine_state(work, machine_id=machine.id, state=STOP)

        assert now == StateNow(machine.id, STOP, began, reason.id, "E7", changed=False)
        assert await timeline(work, machine.id) == [(began, "unplanned_stop", reason.id)]

    async def test_enters_another_state_at_the_same_instant_with_its_reason(self, work: Work, make: Make) -> None:
        machine, reason = await make.machine(work), await make.reason(work, kind="stop")
        await change_machine_state(work, machine_id=machine.id, state=RUNNING)

        now = await change_machine_state(work, machine_id=machine.id, state=STOP, reason_id=reason.id)

        assert now.changed
        assert await timeline(work, machine.id) == [(work.now, "unplanned_stop", reason.id)]
        assert (await status(work, machine.id)).reason_id == reason.id

    async def test_writes_into_the_past_without_moving_the_present(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        await change_machine_state(work, machine_id=machine.id, state=RUNNING)

        await change_machine_state(
            work, machine_id=machine.id, state=SETUP, started_at=work.now - timedelta(minutes=10)
        )

        assert [state for _, state, _ in await timeline(work, machine.id)] == ["setup", "running"]
        assert ((await status(work, machine.id)).state, (await status(work, machine.id)).since) == (
            "running", work.now,
        )  # fmt: skip

    async def test_reaches_years_back_where_no_month_was_prepared(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        old = datetime(2012, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)

        await change_machine_state(work, machine_id=machine.id, state=RUNNING, started_at=old)

        assert await timeline(work, machine.id) == [(old, "running", None)]

    async def test_refuses_a_decision_about_a_state_that_is_over(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        seen = work.now - timedelta(minutes=5)
        await change_machine_state(work, machine_id=machine.id, state=STOP, started_at=seen)
        await change_machine_state(work, machine_id=machine.id, state=RUNNING)

        with pytest.raises(StaleState):
            await change_machine_state(work, machine_id=machine.id, state=IDLE, seen_since=seen)

        assert (await status(work, machine.id)).state == "running"

    async def test_accepts_a_decision_about_the_state_that_was_seen(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        seen = work.now - timedelta(minutes=5)
        await change_machine_state(work, machine_id=machine.id, state=STOP, started_at=seen)

        assert (await change_machine_state(work, machine_id=machine.id, state=IDLE, seen_since=seen)).changed

    @pytest.mark.parametrize("state", [state for state in MachineState if not state.endswith("_stop")])
    async def test_refuses_a_reason_for_what_is_no_stop(self, work: Work, make: Make, state: MachineState) -> None:
        machine, reason = await make.machine(work), await make.reason(work, kind="stop")

        with pytest.raises(ReasonDoesNotFit):
            await change_machine_state(work, machine_id=machine.id, state=state, reason_id=reason.id)

    async def test_refuses_reasons_that_are_not_for_stops_or_not_used_any_more(self, work: Work, make: Make) -> None:
        machine, scrap = await make.machine(work), await make.reason(work, kind="scrap")
        retired = await make.reason(work, kind="stop")
        (await work.session.get_one(Reason, retired.id)).is_active = False

        for reason_id in (scrap.id, retired.id, new_id()):
            with pytest.raises(NotFound, match="reason"):
                await change_machine_state(work, machine_id=machine.id, state=STOP, reason_id=reason_id)

    @pytest.mark.parametrize("detail", ["x" * 501, "a\x00b", "\ud800"])
    async def test_refuses_a_detail_that_cannot_be_kept(self, work: Work, make: Make, detail: str) -> None:
        machine = await make.machine(work)

        with pytest.raises(InvalidText):
            await change_machine_state(work, machine_id=machine.id, state=STOP, detail=detail)

    async def test_refuses_the_future(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)

        with pytest.raises(InvalidInstant):
            await change_machine_state(
                work, machine_id=machine.id, state=STOP, started_at=work.now + timedelta(hours=1)
            )

    async def test_remembers_who_changed_it(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            await change_machine_state(work, machine_id=floor.machine_id, state=STOP)

        async with read(floor.scope) as work:
            change = (await work.session.execute(select(MachineStateChange))).scalar_one()
        assert (change.actor_kind, change.user_id) == ("user", floor.user_ids[Role.OPERATOR])


class TestPermission:
    async def test_to_change_states_is_the_operators_and_not_the_viewers(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            await change_machine_state(work, machine_id=floor.machine_id, state=RUNNING)

        async with begin(floor.acting_as(Role.VIEWER)) as work:
            with pytest.raises(Forbidden):
                await change_machine_state(work, machine_id=floor.machine_id, state=RUNNING)


class TestForeignOrganization:
    async def test_cannot_reach_a_machine(self, floor: Floor, other: Floor) -> None:
        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound, match="machine"):
                await change_machine_state(work, machine_id=floor.machine_id, state=RUNNING)

    async def test_cannot_lend_its_reasons(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.scope) as work:
            with pytest.raises(NotFound, match="reason"):
                await change_machine_state(
                    work, machine_id=floor.machine_id, state=STOP, reason_id=other.stop_reason_id
                )

    async def test_nor_can_a_user_of_another_plant(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            elsewhere = await make.plant(work)

        async with begin(floor.acting_as(Role.OPERATOR, plant_ids=frozenset({elsewhere.id}))) as work:
            with pytest.raises(NotFound, match="machine"):
                await change_machine_state(work, machine_id=floor.machine_id, state=RUNNING)


class TestAtOnce:
    async def test_two_terminals_extend_one_timeline(self, floor: Floor) -> None:
        async def change(state: MachineState) -> StateNow:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                return await change_machine_state(work, machine_id=floor.machine_id, state=state)

        await asyncio.gather(*(change(state) for state in MachineState if state is not MachineState.NO_DATA))

        async with read(floor.scope) as work:
            line = await timeline(work, floor.machine_id)
            now = await status(work, floor.machine_id)
        assert len(line) == len(MachineState) - 1
        assert (now.since, now.state) == line[-1][:2]

    async def test_the_second_of_two_decisions_about_one_stop_is_refused(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await change_machine_state(work, machine_id=floor.machine_id, state=STOP)
            seen = work.now

        async def decide(state: MachineState) -> StateNow:
            async with begin(floor.acting_as(Role.OPERATOR)) as work:
                return await change_machine_state(work, machine_id=floor.machine_id, state=state, seen_since=seen)

        results = await asyncio.gather(decide(RUNNING), decide(IDLE), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["StaleState", "StateNow"]
