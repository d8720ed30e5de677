"""Calling for help, and answering."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.andon.calls import CallCategory, CallMovedOn, CallSeverity
from domain.checks import InvalidText
from domain.errors import Forbidden, NotFound
from domain.events import AndonCallChanged
from domain.identity.roles import Role
from services.andon.calls import acknowledge_call, close_call, raise_call, resolve_call
from services.db.keys import new_id
from services.db.tables import AndonCall
from services.db.work import Work, begin, read
from tests.factories import Floor, Make

QUALITY, SAFETY = CallCategory.QUALITY, CallCategory.SAFETY
ANSWERS = (acknowledge_call, resolve_call, close_call)


async def raised(floor: Floor, category: CallCategory = QUALITY) -> UUID:
    """Call for help from a terminal of its own."""
    async with begin(floor.acting_as(Role.OPERATOR)) as work:
        return (await raise_call(work, machine_id=floor.machine_id, category=category)).id


class TestRaiseCall:
    async def test_makes_a_call_with_its_clock_running_and_says_so(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            call = await raise_call(
                work, machine_id=floor.machine_id, category=SAFETY, severity=CallSeverity.CRITICAL, note="  Oil leak "
            )

            assert (call.state, call.category, call.severity, call.note) == ("raised", "safety", "critical", "Oil leak")
            assert (call.raised_at, call.raised_by) == (work.now, floor.user_ids[Role.OPERATOR])
            assert work.events == [
                AndonCallChanged(
                    plant_id=floor.plant_id, lane_id=floor.lane_id, machine_id=floor.machine_id, call_id=call.id
                )
            ]

    async def test_joins_the_open_call_of_the_category_and_keeps_its_clock(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        first = await raise_call(
            work, machine_id=machine.id, category=QUALITY, severity=CallSeverity.MAJOR, note="burr"
        )

        again = await raise_call(work, machine_id=machine.id, category=QUALITY, severity=CallSeverity.MINOR)

        assert (again.id, again.joined, again.severity, again.note) == (first.id, 1, "major", "burr")

    async def test_takes_the_greater_severity_and_the_newer_note(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        await raise_call(work, machine_id=machine.id, category=QUALITY, severity=CallSeverity.MINOR, note="burr")

        joined = await raise_call(
            work, machine_id=machine.id, category=QUALITY, severity=CallSeverity.CRITICAL, note="crack"
        )

        assert (joined.severity, joined.note) == ("critical", "crack")

    async def test_joins_a_call_that_somebody_acknowledged(self, work: Work, make: Make) -> None:
        call = await make.call(work, machine_id=(await make.machine(work)).id)
        await acknowledge_call(work, call_id=call.id)

        joined = await make.call(work, machine_id=call.machine_id)

        assert (joined.id, joined.state) == (call.id, "acknowledged")

    async def test_begins_anew_after_the_trouble_was_over(self, work: Work, make: Make) -> None:
        call = await make.call(work, machine_id=(await make.machine(work)).id)
        await resolve_call(work, call_id=call.id)

        assert (await make.call(work, machine_id=call.machine_id)).id != call.id

    async def test_keeps_categories_apart(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)

        calls = {(await make.call(work, machine_id=machine.id, category=category)).id for category in CallCategory}

        assert len(calls) == len(CallCategory)

    async def test_at_once_from_many_terminals_joins_one(self, floor: Floor) -> None:
        calls = await asyncio.gather(*(raised(floor) for _ in range(6)))

        assert len(set(calls)) == 1
        async with read(floor.scope) as work:
            assert (await work.session.get_one(AndonCall, calls[0])).joined == 5

    @pytest.mark.parametrize("note", ["x" * 501, "a\x00b", "\ud800"])
    async def test_refuses_a_note_that_cannot_be_kept(self, work: Work, make: Make, note: str) -> None:
        machine = await make.machine(work)

        with pytest.raises(InvalidText):
            await raise_call(work, machine_id=machine.id, category=QUALITY, note=note)

    async def test_refuses_a_machine_that_does_not_exist(self, work: Work) -> None:
        with pytest.raises(NotFound, match="machine"):
            await raise_call(work, machine_id=new_id(), category=QUALITY)


class TestAnswering:
    async def test_goes_from_raised_to_closed_and_remembers_who_and_when(self, floor: Floor) -> None:
        call_id = await raised(floor)
        instants = []
        for answer in ANSWERS:
            async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
                call = await answer(work, call_id=call_id)
                instants.append(work.now)

                assert [event.topic for event in work.events] == ["andon.call.changed"]

        supervisor = floor.user_ids[Role.SUPERVISOR]
        assert call.state == "closed"
        assert [call.acknowledged_at, call.resolved_at, call.closed_at] == instants
        assert {call.acknowledged_by, call.resolved_by, call.closed_by} == {supervisor}

    async def test_refuses_to_go_back_or_to_skip_the_end(self, work: Work, make: Make) -> None:
        call = await make.call(work, machine_id=(await make.machine(work)).id)

        with pytest.raises(CallMovedOn, match="already raised"):
            await close_call(work, call_id=call.id)
        await resolve_call(work, call_id=call.id)
        with pytest.raises(CallMovedOn, match="already resolved"):
            await acknowledge_call(work, call_id=call.id)

    @pytest.mark.parametrize("answer", ANSWERS[:2])
    async def test_at_once_by_two_people_is_won_by_one(self, floor: Floor, answer: object) -> None:
        call_id = await raised(floor)

        async def answering() -> str:
            async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
                return (await answer(work, call_id=call_id)).state  # type: ignore[operator, no-any-return]

        results = await asyncio.gather(*(answering() for _ in range(4)), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["CallMovedOn"] * 3 + ["str"]

    async def test_of_a_call_that_does_not_exist_is_refused(self, work: Work) -> None:
        for answer in ANSWERS:
            with pytest.raises(NotFound, match="call"):
                await answer(work, call_id=new_id())

    async def test_while_the_call_is_raised_again_loses_nothing(self, floor: Floor) -> None:
        call_id = await raised(floor)

        async def resolve() -> None:
            async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
                await resolve_call(work, call_id=call_id)

        await asyncio.gather(resolve(), raised(floor), raised(floor))

        async with read(floor.scope) as work:
            calls = list((await work.session.execute(select(AndonCall))).scalars())
        resolved = [call for call in calls if call.id == call_id]
        assert [call.state for call in resolved] == ["resolved"]
        assert sum(call.joined + 1 for call in calls) == 3


class TestPermission:
    async def test_to_raise_is_the_operators_and_to_answer_the_supervisors(self, floor: Floor) -> None:
        call_id = await raised(floor)

        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            for answer in ANSWERS:
                with pytest.raises(Forbidden):
                    await answer(work, call_id=call_id)
        async with begin(floor.acting_as(Role.VIEWER)) as work:
            with pytest.raises(Forbidden):
                await raise_call(work, machine_id=floor.machine_id, category=QUALITY)


class TestForeignOrganization:
    async def test_cannot_call_for_help_here(self, floor: Floor, other: Floor) -> None:
        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound, match="machine"):
                await raise_call(work, machine_id=floor.machine_id, category=QUALITY)

    async def test_cannot_answer_a_call(self, floor: Floor, other: Floor) -> None:
        call_id = await raised(floor)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            for answer in ANSWERS:
                with pytest.raises(NotFound, match="call"):
                    await answer(work, call_id=call_id)

    async def test_nor_can_a_user_of_another_plant(self, floor: Floor, make: Make) -> None:
        call_id = await raised(floor)
        async with begin(floor.scope) as work:
            elsewhere = await make.plant(work)

        async with begin(floor.acting_as(Role.SUPERVISOR, plant_ids=frozenset({elsewhere.id}))) as work:
            with pytest.raises(NotFound, match="call"):
                await acknowledge_call(work, call_id=call_id)
