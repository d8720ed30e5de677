"""The calls that wait, and how those of a period were answered."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import update

from domain.andon.calls import CallCategory, CallSeverity
from domain.andon.ladders import Channel, LadderStep, Recipient
from domain.errors import Forbidden, NotFound
from domain.identity.roles import Role
from domain.plant.periods import InvalidPeriod
from services.andon.calls import acknowledge_call, raise_call
from services.andon.escalations import EscalateCall, escalate_call
from services.andon.ladders import set_ladder
from services.andon.open_calls import load_my_alerts, load_waiting_calls
from services.andon.shelves import shelve_call
from services.andon.statistics import CallStatistics, load_call_statistics
from services.db.tables import AndonCall, AndonNotification, Machine
from services.db.work import Work, begin, read
from services.production.boards import load_andon_wall
from tests.factories import Floor, Make

MINUTE = timedelta(minutes=1)


async def answered(
    work: Work,
    machine_id: UUID,
    *,
    minutes_ago: float = 60,
    response: float | None = None,
    resolution: float | None = None,
    category: CallCategory = CallCategory.QUALITY,
    target_s: int | None = 300,
) -> AndonCall:
    """Write a call as it stands after it was answered, minutes after it was raised."""
    raised_at = work.now - minutes_ago * MINUTE
    machine = await work.session.get_one(Machine, machine_id)
    state = "raised" if response is None and resolution is None else "acknowledged"
    call = AndonCall(
        org_id=work.scope.org_id, plant_id=machine.plant_id, machine_id=machine.id,
        category=category.value, severity="major",
        state="resolved" if resolution is not None else state, raised_at=raised_at,
        acknowledged_at=None if response is None else raised_at + response * MINUTE,
        resolved_at=None if resolution is None else raised_at + resolution * MINUTE,
        response_target_s=target_s, resolution_target_s=None,
    )  # fmt: skip
    work.session.add(call)
    await work.session.flush()
    return call


async def statistics(work: Work, plant_id: UUID) -> CallStatistics:
    return await load_call_statistics(
        work, plant_id=plant_id, since=work.now - timedelta(days=1), until=work.now + MINUTE
    )


class TestStatistics:
    async def test_are_those_of_a_hand_calculation(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        for response, resolution in ((1, 10), (3, 20), (8, 30)):
            await answered(work, machine.id, response=response, resolution=resolution)
        await answered(work, machine.id, response=4, resolution=40, category=CallCategory.SAFETY, target_s=None)

        found = await statistics(work, machine.plant_id)

        quality, safety = found.by_category
        assert (quality.category, quality.count, safety.count) == ("quality", 3, 1)
        assert (quality.response_median_s, quality.response_p90_s) == (Decimal(180), Decimal(420))
        assert (quality.resolution_median_s, quality.resolution_p90_s) == (Decimal(1200), Decimal(1680))
        assert quality.responded_in_time is not None
        assert float(quality.responded_in_time) == pytest.approx(2 / 3)
        assert (safety.responded_in_time, quality.resolved_in_time) == (None, None)
        (of_machine,) = found.by_machine
        assert (of_machine.machine_code, of_machine.count, of_machine.response_median_s) == (
            machine.code,
            4,
            Decimal(210),
        )
        assert found.total is not None
        assert found.total.count == 4

    async def test_take_a_call_that_was_resolved_at_once_as_answered_then(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        await answered(work, machine.id, resolution=2)

        found = await statistics(work, machine.plant_id)

        assert found.total is not None
        assert (found.total.response_median_s, found.total.responded_in_time) == (Decimal(120), Decimal(1))

    async def test_count_a_call_that_waits_as_missed_when_its_target_is_over(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        await answered(work, machine.id)

        found = await statistics(work, machine.plant_id)

        assert found.total is not None
        assert (found.total.count, found.total.response_median_s, found.total.responded_in_time) == (
            1,
            None,
            Decimal(0),
        )

    async def test_tell_how_many_were_escalated_and_when_calls_come(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        for number in range(2):
            call = await answered(work, machine.id, response=20, resolution=30)
            work.session.add(
                AndonNotification(
                    org_id=call.org_id, plant_id=call.plant_id, call_id=call.id, step=number, due_at=work.now,
                    fired_at=work.now, is_late=False, recipient="role", whom="admin", channels=["screen"], user_ids=[],
                )
            )  # fmt: skip
        await work.session.flush()

        found = await statistics(work, machine.plant_id)

        assert found.total is not None
        assert float(found.total.escalated) == 0.5
        assert sorted(found.by_hour, reverse=True)[:2] == [2, 0]

    async def test_are_empty_without_calls(self, work: Work, make: Make) -> None:
        found = await statistics(work, (await make.plant(work)).id)

        assert (found.total, found.by_category, found.by_machine, sum(found.by_hour)) == (None, (), (), 0)

    async def test_refuse_a_period_that_ends_before_it_begins(self, work: Work, make: Make) -> None:
        plant = await make.plant(work)

        with pytest.raises(InvalidPeriod):
            await load_call_statistics(work, plant_id=plant.id, since=work.now, until=work.now - MINUTE)

    async def test_are_of_one_organization(self, floor: Floor, other: Floor) -> None:
        async with read(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound, match="plant"):
                await statistics(work, floor.plant_id)


async def escalated(floor: Floor, *, severity: CallSeverity = CallSeverity.MAJOR) -> UUID:
    """Call for help with a ladder that tells the supervisor at once, and let its step fire."""
    step = LadderStep(timedelta(), Recipient.ROLE, Role.SUPERVISOR.value, frozenset({Channel.SCREEN, Channel.SOUND}))
    async with begin(floor.scope) as work:
        await set_ladder(
            work, plant_id=floor.plant_id, category=CallCategory.QUALITY, steps=[step], response_target_s=60
        )
        call = await raise_call(
            work, machine_id=floor.machine_id, category=CallCategory.QUALITY, severity=severity, note="burr"
        )
    async with begin(floor.scope) as work:
        await escalate_call(work, EscalateCall(call_id=call.id, step=0))
    return call.id


class TestWaitingCalls:
    async def test_say_who_was_told_and_who_is_coming(self, floor: Floor) -> None:
        call_id = await escalated(floor)
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await acknowledge_call(work, call_id=call_id)

        async with read(floor.acting_as(Role.OPERATOR)) as work:
            (call,) = await load_waiting_calls(work, machine_id=floor.machine_id)

        assert (call.id, call.told, call.acknowledged_by) == (call_id, ("The supervisor",), "The supervisor")
        assert (call.is_for_me, call.missed_response, call.missed_resolution) == (False, False, False)

    async def test_miss_their_target_while_nobody_comes(self, floor: Floor) -> None:
        call_id = await escalated(floor)
        async with begin(floor.scope) as work:
            await work.session.execute(
                update(AndonCall).where(AndonCall.id == call_id).values(raised_at=work.now - 2 * MINUTE)
            )

        async with read(floor.acting_as(Role.SUPERVISOR)) as work:
            (call,) = await load_waiting_calls(work, plant_id=floor.plant_id, lane_id=floor.lane_id)

        assert (call.missed_response, call.is_for_me) == (True, True)

    async def test_come_by_severity_and_then_by_age(self, work: Work, make: Make) -> None:
        severities = (CallSeverity.MINOR, CallSeverity.CRITICAL, CallSeverity.MAJOR)
        for severity in severities:
            await make.call(work, machine_id=(await make.machine(work)).id, severity=severity)

        calls = await load_waiting_calls(work)

        assert [call.severity for call in calls] == ["critical", "major", "minor"]

    async def test_lie_on_the_shelf_out_of_sight_of_walls(self, floor: Floor) -> None:
        call_id = await escalated(floor)
        async with read(floor.scope) as work:
            assert (await load_andon_wall(work, lane_id=floor.lane_id))["calls"]
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await shelve_call(work, call_id=call_id, until=work.now + 30 * MINUTE, reason="no spare part")

        async with read(floor.acting_as(Role.SUPERVISOR)) as work:
            (call,) = await load_waiting_calls(work)
            assert (await load_andon_wall(work, lane_id=floor.lane_id))["calls"] == {}
            assert await load_my_alerts(work) == ()
        assert (call.shelved_by, call.shelve_reason) == ("The supervisor", "no spare part")

    async def test_are_of_one_organization(self, floor: Floor, other: Floor) -> None:
        await escalated(floor)

        async with read(other.acting_as(Role.ADMIN)) as work:
            assert await load_waiting_calls(work, plant_id=floor.plant_id) == ()


class TestAlerts:
    async def test_wait_for_those_whom_a_step_told_until_somebody_answers(self, floor: Floor) -> None:
        call_id = await escalated(floor)
        async with read(floor.acting_as(Role.SUPERVISOR)) as work:
            (alert,) = await load_my_alerts(work)
        assert (alert.id, alert.step, alert.has_sound, alert.note) == (call_id, 0, True, "burr")
        async with read(floor.acting_as(Role.OPERATOR)) as work:
            assert await load_my_alerts(work) == ()

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await acknowledge_call(work, call_id=call_id)

        async with read(floor.acting_as(Role.SUPERVISOR)) as work:
            assert await load_my_alerts(work) == ()


class TestPermission:
    async def test_is_asked_for_every_read(self, floor: Floor) -> None:
        async with read(replace(floor.acting_as(Role.VIEWER), permissions=frozenset())) as work:
            for load in (load_waiting_calls(work), load_my_alerts(work), statistics(work, floor.plant_id)):
                with pytest.raises(Forbidden):
                    await load
