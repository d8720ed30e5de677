"""Machines that call for help by themselves."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.andon.calls import CallCategory, CallSeverity
from domain.andon.ladders import InvalidWait, LadderMovedOn
from domain.errors import Forbidden, NotFound
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from services.andon.calls import raise_call, resolve_call
from services.andon.rules import RulePlace, RuleWish, add_rule, check_stay, edit_rule, list_rules
from services.db.tables import AndonCall, AndonRule
from services.db.work import begin, read
from services.jobs.worker import work_once
from services.plant.machine_states import change_machine_state
from services.plant.watched_states import CheckStay
from tests.factories import Connection, Floor, Make

STOPPED, RUNNING = MachineState.UNPLANNED_STOP, MachineState.RUNNING
MACHINE = CallCategory.MACHINE
IN_FIVE = RuleWish(state=STOPPED, after_s=300, category=MACHINE, severity=CallSeverity.MAJOR)


@pytest.fixture(autouse=True)
async def _empty_queue(superuser_connection: Connection) -> None:
    await superuser_connection.execute("DELETE FROM pgmq.q_jobs; DELETE FROM pgmq.a_jobs")


async def ruled(floor: Floor, wish: RuleWish = IN_FIVE, **place: UUID) -> AndonRule:
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        return await add_rule(work, place=RulePlace(floor.plant_id, **place), wish=wish)


async def enter(floor: Floor, state: MachineState, *, minutes_ago: float = 0, detail: str = "") -> datetime:
    async with begin(floor.scope) as work:
        at = work.now - timedelta(minutes=minutes_ago)
        now = await change_machine_state(work, machine_id=floor.machine_id, state=state, started_at=at, detail=detail)
        return now.started_at


async def look(connection: Connection) -> None:
    """Let every message that waits be visible, and do what it asks."""
    await connection.execute("UPDATE pgmq.q_jobs SET vt = now()")
    while await work_once():
        pass


async def calls(floor: Floor) -> list[AndonCall]:
    async with read(floor.scope) as work:
        return list((await work.session.execute(select(AndonCall).order_by(AndonCall.raised_at))).scalars())


class TestRule:
    async def test_calls_when_the_machine_stayed_long_enough(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        rule = await ruled(floor)
        since = await enter(floor, STOPPED, minutes_ago=6)

        await look(superuser_connection)

        (call,) = await calls(floor)
        assert (call.category, call.severity, call.raised_by) == ("machine", "major", None)
        assert (call.rule_id, call.rule_since, call.rule_ended_at) == (rule.id, since, None)

    async def test_waits_as_long_as_it_says(self, floor: Floor, superuser_connection: Connection) -> None:
        await ruled(floor)
        await enter(floor, STOPPED, minutes_ago=2)

        due = await superuser_connection.fetchval("SELECT extract(epoch FROM vt - now()) FROM pgmq.q_jobs")

        assert float(due) == pytest.approx(180, abs=5)
        await look(superuser_connection)
        assert await calls(floor) == []

    async def test_says_nothing_when_the_machine_left_the_state(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        await ruled(floor)
        await enter(floor, STOPPED, minutes_ago=20)
        await enter(floor, RUNNING, minutes_ago=18)
        await enter(floor, STOPPED, minutes_ago=1)

        await look(superuser_connection)

        assert await calls(floor) == []

    async def test_counts_a_stay_whose_detail_changes_as_one(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        await ruled(floor)
        since = await enter(floor, STOPPED, minutes_ago=6)
        await enter(floor, STOPPED, minutes_ago=1, detail="alarm 7")

        await look(superuser_connection)

        assert [call.rule_since for call in await calls(floor)] == [since]

    async def test_calls_once_per_stay(self, floor: Floor, superuser_connection: Connection) -> None:
        rule = await ruled(floor)
        since = await enter(floor, STOPPED, minutes_ago=6)
        message = CheckStay(rule_id=rule.id, machine_id=floor.machine_id, since=since)

        async def handle() -> None:
            async with begin(floor.scope) as work:
                await check_stay(work, message)

        await asyncio.gather(*(handle() for _ in range(4)))
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await resolve_call(work, call_id=(await calls(floor))[0].id)
        await handle()

        (call,) = await calls(floor)
        assert (call.joined, call.state) == (0, "resolved")

    async def test_calls_again_for_the_next_stay(self, floor: Floor, superuser_connection: Connection) -> None:
        await ruled(floor)
        await enter(floor, STOPPED, minutes_ago=20)
        await look(superuser_connection)
        await enter(floor, RUNNING, minutes_ago=10)
        await enter(floor, STOPPED, minutes_ago=6)

        await look(superuser_connection)

        (call,) = await calls(floor)
        assert (call.joined, call.rule_ended_at) == (1, None)

    async def test_joins_what_a_person_called_for(self, floor: Floor, superuser_connection: Connection) -> None:
        rule = await ruled(floor)
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            await raise_call(work, machine_id=floor.machine_id, category=MACHINE, note="smoke")
        await enter(floor, STOPPED, minutes_ago=6)

        await look(superuser_connection)

        (call,) = await calls(floor)
        assert (call.joined, call.note, call.rule_id) == (1, "smoke", rule.id)

    async def test_leaves_the_call_open_when_the_machine_leaves_the_state_and_notes_it(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        await ruled(floor)
        await enter(floor, STOPPED, minutes_ago=6)
        await look(superuser_connection)

        async with begin(floor.scope) as work:
            await change_machine_state(work, machine_id=floor.machine_id, state=RUNNING)

            assert [event.topic for event in work.events] == ["andon.call.changed", "plant.machine.state_changed"]

        (call,) = await calls(floor)
        assert call.state == "raised"
        assert call.rule_ended_at is not None

    async def test_concerns_machines_that_are_in_the_state_already(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        await enter(floor, STOPPED, minutes_ago=6)
        await ruled(floor)

        await look(superuser_connection)

        assert len(await calls(floor)) == 1

    async def test_concerns_its_own_place_only(
        self, floor: Floor, make: Make, superuser_connection: Connection
    ) -> None:
        async with begin(floor.scope) as work:
            machine = await make.machine(work)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            for place in (RulePlace(machine.plant_id), RulePlace(machine.plant_id, lane_id=machine.lane_id)):
                await add_rule(work, place=place, wish=IN_FIVE)
        await ruled(floor, machine_id=floor.machine_id)
        await ruled(floor, lane_id=floor.lane_id)

        await enter(floor, STOPPED, minutes_ago=6)

        assert await superuser_connection.fetchval("SELECT count(*) FROM pgmq.q_jobs") == 2

    async def test_sends_nothing_for_the_log_of_another_time(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        await ruled(floor)

        await enter(floor, STOPPED, minutes_ago=60 * 30)

        assert await superuser_connection.fetchval("SELECT count(*) FROM pgmq.q_jobs") == 0


class TestEditing:
    async def test_changes_what_is_waited_for(self, floor: Floor, superuser_connection: Connection) -> None:
        rule = await ruled(floor)
        await enter(floor, STOPPED, minutes_ago=6)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            longer = RuleWish(state=STOPPED, after_s=3600, category=MACHINE)
            await edit_rule(work, rule_id=rule.id, wish=longer, seen_version=rule.version)

        await look(superuser_connection)

        assert await calls(floor) == []

    async def test_lets_a_rule_rest(self, floor: Floor, superuser_connection: Connection) -> None:
        rule = await ruled(floor)
        await enter(floor, STOPPED, minutes_ago=6)
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await edit_rule(work, rule_id=rule.id, wish=IN_FIVE, is_active=False, seen_version=rule.version)
            with pytest.raises(LadderMovedOn):
                await edit_rule(work, rule_id=rule.id, wish=IN_FIVE, seen_version=rule.version - 1)

        await look(superuser_connection)

        assert await calls(floor) == []
        async with read(floor.acting_as(Role.VIEWER)) as work:
            assert [(one.is_active, one.place) for one in (await list_rules(work)).items] == [(False, "Plant")]

    @pytest.mark.parametrize("after_s", [-1, 10**9])
    async def test_refuses_times_that_nobody_waits(self, floor: Floor, after_s: int) -> None:
        with pytest.raises(InvalidWait):
            await ruled(floor, RuleWish(state=STOPPED, after_s=after_s, category=MACHINE))

    async def test_is_the_admins(self, floor: Floor) -> None:
        rule = await ruled(floor)

        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            with pytest.raises(Forbidden):
                await add_rule(work, place=RulePlace(floor.plant_id), wish=IN_FIVE)
            with pytest.raises(Forbidden):
                await edit_rule(work, rule_id=rule.id, wish=IN_FIVE, seen_version=1)

    async def test_is_done_inside_one_organization(self, floor: Floor, other: Floor) -> None:
        rule = await ruled(floor)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            assert (await list_rules(work)).items == ()
            for place, what in (
                (RulePlace(floor.plant_id), "plant"),
                (RulePlace(other.plant_id, lane_id=floor.lane_id), "lane"),
                (RulePlace(other.plant_id, machine_id=floor.machine_id), "machine"),
            ):
                with pytest.raises(NotFound, match=what):
                    await add_rule(work, place=place, wish=IN_FIVE)
            with pytest.raises(NotFound, match="rule"):
                await edit_rule(work, rule_id=rule.id, wish=IN_FIVE, seen_version=1)
