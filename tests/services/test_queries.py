"""What can be read: by whom, in which order, page by page, and never of another organization."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from domain.andon.calls import CallCategory, CallState
from domain.errors import Forbidden, NotFound
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from domain.scope import Scope
from services.andon.calls import acknowledge_call
from services.andon.open_calls import load_waiting_calls
from services.andon.queries import list_calls
from services.db.keys import new_id
from services.db.work import Work, begin, read
from services.identity.organizations import any_organization, find_organization
from services.identity.queries import own_organization
from services.plant import places, queries
from services.plant.machine_states import change_machine_state
from services.plant.reasons import add_reason
from services.production.queries import LogEntry, list_log_entries
from services.production.terminals import list_reason_choices, load_terminal
from tests.architecture.furnished import furnish, make_pieces
from tests.factories import Floor, Make

Reading = Callable[[Work, Floor], Awaitable[object]]

READINGS: dict[str, Reading] = {
    "own_organization": lambda work, _: own_organization(work),
    "list_plants": lambda work, _: queries.list_plants(work),
    "list_departments": lambda work, _: queries.list_departments(work),
    "list_lanes": lambda work, _: queries.list_lanes(work),
    "list_machines": lambda work, _: queries.list_machines(work),
    "list_reasons": lambda work, _: queries.list_reasons(work),
    "list_log_entries": lambda work, _: list_log_entries(work),
    "list_calls": lambda work, _: list_calls(work),
    "get_machine": lambda work, floor: queries.get_machine(work, floor.machine_id),
    "list_machine_states": lambda work, floor: queries.list_machine_states(work, machine_id=floor.machine_id),
    "load_terminal": lambda work, floor: load_terminal(work, machine_id=floor.machine_id),
    "list_reason_choices": lambda work, _: list_reason_choices(work),
    "places.list_plants": lambda work, _: places.list_plants(work),
    "places.list_lanes": lambda work, _: places.list_lanes(work),
    "places.list_machine_places": lambda work, _: places.list_machine_places(work),
    "places.find_lane": lambda work, floor: places.find_lane(work, str(floor.lane_id)),
    "places.find_machine": lambda work, floor: places.find_machine(work, floor.machine_code),
}


@pytest.fixture(params=READINGS)
def reading(request: pytest.FixtureRequest) -> Reading:
    return READINGS[request.param]


class TestEveryReading:
    async def test_shows_a_viewer_what_there_is(self, floor: Floor, reading: Reading) -> None:
        await furnish(floor)

        async with read(floor.acting_as(Role.VIEWER)) as work:
            seen = await reading(work, floor)

        assert str(floor.scope.org_id) in repr(seen) or "UUID" in repr(seen) or floor.machine_code in repr(seen)

    async def test_needs_a_right(self, floor: Floor, reading: Reading) -> None:
        nobody = Scope(floor.scope.org_id, actor_kind="user", user_id=floor.user_ids[Role.VIEWER])

        async with read(nobody) as work:
            with pytest.raises(Forbidden):
                await reading(work, floor)

    async def test_shows_another_organization_nothing_of_it(self, floor: Floor, other: Floor, reading: Reading) -> None:
        await furnish(floor)
        ids = {floor.scope.org_id, floor.plant_id, floor.lane_id, floor.machine_id, floor.stop_reason_id}

        async with read(other.acting_as(Role.ADMIN)) as work:
            try:
                seen = repr(await reading(work, floor))
            except NotFound:
                return

        assert not any(str(hidden) in seen for hidden in ids)
        assert floor.machine_code not in seen.split("'")

    async def test_shows_a_user_of_another_plant_nothing_of_it(
        self, floor: Floor, make: Make, reading: Reading
    ) -> None:
        await furnish(floor)
        async with begin(floor.scope) as work:
            elsewhere = (await make.plant(work)).id

        async with read(floor.acting_as(Role.ADMIN, plant_ids=frozenset({elsewhere}))) as work:
            try:
                seen = repr(await reading(work, floor))
            except NotFound:
                return

        assert not any(str(hidden) in seen for hidden in (floor.plant_id, floor.lane_id, floor.machine_id))
        assert floor.machine_code not in seen.split("'")


class TestPages:
    async def test_of_machines_follow_each_other_without_gap_or_repetition(self, work: Work, make: Make) -> None:
        lane = await make.lane(work)
        codes = sorted([(await make.machine(work, lane=lane, code=f"M{number:02}")).code for number in range(7)])

        pages, after = [], None
        while True:
            page = await queries.list_machines(work, lane_id=lane.id, after=after, limit=3)
            pages.append([machine.code for machine in page.items])
            if not page.has_more:
                break
            after = page.items[-1].code

        assert [len(page) for page in pages] == [3, 3, 1]
        assert [code for page in pages for code in page] == codes

    async def test_of_the_log_follow_each_other_newest_first(self, floor: Floor) -> None:
        for _ in range(2):
            async with begin(floor.acting_as(Role.ADMIN)) as work:
                await make_pieces(work, floor)

        async with read(floor.scope) as work:
            whole = (await list_log_entries(work)).items
            first = await list_log_entries(work, limit=4)
            second = await list_log_entries(work, limit=4, before=(first.items[-1].at, first.items[-1].id))
        assert whole == first.items + second.items
        assert (first.has_more, second.has_more) == (True, False)
        assert [entry.at for entry in whole] == sorted((entry.at for entry in whole), reverse=True)

    async def test_of_reasons_follow_each_other_by_kind_and_code(self, work: Work, make: Make) -> None:
        for kind in ("stop", "scrap"):
            for code in ("a", "b"):
                await make.reason(work, kind=kind, code=code)

        first = await queries.list_reasons(work, limit=3)
        rest = await queries.list_reasons(work, after=(first.items[-1].kind, first.items[-1].code))

        assert [(reason.kind, reason.code) for reason in (*first.items, *rest.items)] == [
            ("scrap", "a"), ("scrap", "b"), ("stop", "a"), ("stop", "b"),
        ]  # fmt: skip
        assert {reason.kind for reason in (await queries.list_reasons(work, kind="stop")).items} == {"stop"}

    async def test_of_calls_follow_each_other_newest_first(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        for category in CallCategory:
            await make.call(work, machine_id=machine.id, category=category)

        first = await list_calls(work, limit=3)
        rest = await list_calls(work, before=(first.items[-1].raised_at, first.items[-1].id))

        assert len({call.id for call in (*first.items, *rest.items)}) == len(CallCategory)


class TestFilters:
    async def test_of_the_log_leave_what_was_asked_for(self, floor: Floor, make: Make) -> None:
        await furnish(floor)
        async with begin(floor.scope) as work:
            second = await make.machine(work)
            await make.booking(work, machine_id=second.id)

        async def count(**filters: object) -> int:
            async with read(floor.scope) as work:
                return len((await list_log_entries(work, **filters)).items)  # type: ignore[arg-type]

        now = (await first_entry(floor)).at
        assert await count() == 4
        assert await count(kind="scrap") == 1
        assert await count(machine_id=second.id) == 1
        assert await count(lane_id=floor.lane_id) == 3
        assert await count(plant_id=second.plant_id) == 1
        assert await count(until=now) + await count(since=now) == 4
        assert await count(since=now + timedelta(hours=1)) == 0
        assert await count(machine_id=new_id()) == 0

    async def test_of_calls_leave_what_was_asked_for(self, work: Work, make: Make) -> None:
        machine, second = await make.machine(work), await make.machine(work)
        call = await make.call(work, machine_id=machine.id)
        await make.call(work, machine_id=second.id)
        await acknowledge_call(work, call_id=call.id)

        assert [found.id for found in (await list_calls(work, state=CallState.ACKNOWLEDGED)).items] == [call.id]
        assert [found.machine_id for found in (await list_calls(work, machine_id=second.id)).items] == [second.id]

    async def test_of_places_leave_what_was_asked_for(self, work: Work, make: Make) -> None:
        lane, elsewhere = await make.lane(work), await make.lane(work)
        for at in (lane, elsewhere):
            await make.machine(work, lane=at)

        departments = await queries.list_departments(work, plant_id=lane.plant_id)
        lanes = await queries.list_lanes(work, department_id=lane.department_id)
        machines = await queries.list_machines(work, plant_id=lane.plant_id)

        assert [department.id for department in departments.items] == [lane.department_id]
        assert [found.id for found in lanes.items] == [lane.id]
        assert {machine.lane_id for machine in machines.items} == {lane.id}


class TestTimeline:
    async def test_ends_each_state_where_the_next_begins(self, work: Work, make: Make) -> None:
        machine_id = await self._lived(work, make)

        states = (await queries.list_machine_states(work, machine_id=machine_id)).items

        assert [(state.state, minutes_ago(work, state.started_at)) for state in states] == [
            ("running", 10), ("idle", 20), ("setup", 30),
        ]  # fmt: skip
        assert [state.ended_at and minutes_ago(work, state.ended_at) for state in states] == [None, 10, 20]

    async def test_of_a_period_begins_with_the_state_that_lasted_when_it_began(self, work: Work, make: Make) -> None:
        machine_id = await self._lived(work, make)

        states = await queries.list_machine_states(
            work,
            machine_id=machine_id,
            since=work.now - timedelta(minutes=25),
            until=work.now - timedelta(minutes=15),
        )

        assert [state.state for state in states.items] == ["idle", "setup"]

    async def test_continues_below_what_was_seen(self, work: Work, make: Make) -> None:
        machine_id = await self._lived(work, make)

        first = await queries.list_machine_states(work, machine_id=machine_id, limit=1)
        rest = await queries.list_machine_states(work, machine_id=machine_id, before=first.items[-1].started_at)

        assert [state.state for state in (*first.items, *rest.items)] == ["running", "idle", "setup"]
        assert first.has_more

    async def _lived(self, work: Work, make: Make) -> UUID:
        machine = await make.machine(work)
        for minutes, state in ((30, MachineState.SETUP), (20, MachineState.IDLE), (10, MachineState.RUNNING)):
            await change_machine_state(
                work, machine_id=machine.id, state=state, started_at=work.now - timedelta(minutes=minutes)
            )
        return machine.id


class TestPlaces:
    async def test_are_found_by_code_and_by_id(self, floor: Floor) -> None:
        async with read(floor.scope) as work:
            by_code = await places.find_machine(work, floor.machine_code)
            by_id = await places.find_machine(work, str(floor.machine_id))
            lane = await places.find_lane(work, by_code.name and str(floor.lane_id))

        assert by_code == by_id
        assert (lane.id, lane.lane_id, lane.plant_id) == (floor.lane_id, floor.lane_id, floor.plant_id)

    @pytest.mark.parametrize("key", ["", "nowhere", "a\x00b", "\ud800", "x" * 10_000, "' OR true --"])
    async def test_that_do_not_exist_are_not_found(self, work: Work, key: str) -> None:
        with pytest.raises(NotFound, match="lane"):
            await places.find_lane(work, key)
        with pytest.raises(NotFound, match="machine"):
            await places.find_machine(work, key)

    async def test_are_told_apart_when_one_is_named_like_anothers_id(self, work: Work, make: Make) -> None:
        first = await make.machine(work)
        second = await make.machine(work, code=str(first.id))

        assert (await places.find_machine(work, str(first.id))).id == second.id
        assert (await places.find_machine(work, first.code)).id == first.id

    async def test_know_the_time_zone_of_a_machine(self, floor: Floor) -> None:
        assert str(await places.find_machine_zone(floor.scope, floor.machine_code)) == "Europe/Berlin"


class TestTerminal:
    async def test_shows_the_run_the_state_the_day_and_who_waits(self, floor: Floor) -> None:
        await furnish(floor)

        async with read(floor.acting_as(Role.OPERATOR)) as work:
            view = await load_terminal(work, machine_id=floor.machine_id)
            calls = await load_waiting_calls(work, machine_id=floor.machine_id)

        assert (view.state, view.reason, view.order_number) == (MachineState.UNPLANNED_STOP, "Reason", "WO-1")
        assert [view.target, view.good, view.scrap, view.good_today, view.scrap_today] == [100, 8, 2, 8, 2]
        assert [(int(report.good), int(report.not_good), report.operator) for report in view.recent] == [
            (8, 3, "The admin")
        ]
        assert [call.category for call in calls] == ["material"]

    async def test_of_a_machine_that_never_reported_is_empty(self, work: Work, make: Make) -> None:
        view = await load_terminal(work, machine_id=(await make.machine(work)).id)

        assert (view.state, view.since, view.order_number, view.recent) == (MachineState.NO_DATA, None, None, ())


class TestReasonChoices:
    async def test_come_as_a_tree_each_before_its_finer_ones(self, work: Work, make: Make) -> None:
        jam = await add_reason(work, kind="stop", code="jam", label="Jam", loss_category="minor", position=1)
        broken = await add_reason(work, kind="stop", code="tool", label="Tool", loss_category="breakdown", position=0)
        await add_reason(work, kind="stop", code="feeder", label="Feeder jam", position=0, parent_id=jam.id)
        await add_reason(work, kind="stop", code="drill", label="Drill", position=0, parent_id=broken.id)

        choices = await list_reason_choices(work)

        assert [choice.label for choice in choices] == ["Tool", "Drill", "Jam", "Feeder jam"]


class TestOrganizations:
    async def test_are_found_by_their_slug(self, floor: Floor) -> None:
        assert await find_organization(floor.slug) == floor.scope.org_id
        assert await any_organization()

    async def test_that_do_not_exist_are_not_found(self, database: object) -> None:
        for slug in ("no-such", "a\x00b", "\ud800"):
            with pytest.raises(NotFound, match="organization"):
                await find_organization(slug)

    async def test_see_themselves_only(self, floor: Floor, other: Floor) -> None:
        async with read(floor.scope) as work:
            assert (await own_organization(work)).slug == floor.slug

    async def test_that_were_never_founded_are_nobody(self, database: object) -> None:
        async with read(Scope(new_id())) as work:
            with pytest.raises(NotFound, match="organization"):
                await own_organization(work)


async def first_entry(floor: Floor) -> LogEntry:
    async with read(floor.scope) as work:
        return (await list_log_entries(work)).items[0]


def minutes_ago(work: Work, at: datetime) -> int:
    return round((work.now - at).total_seconds() / 60)
