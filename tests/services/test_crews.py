"""Crews and their people."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.errors import Conflict, Forbidden, NotFound
from domain.identity.roles import Role
from domain.plant.shifts import Weekday
from services.db.keys import new_id
from services.db.tables import Crew, Lane, ShiftOccurrenceRow
from services.db.work import Work, begin
from services.plant.crews import CrewInUse, CrewNameTaken, Member, add_crew, edit_crew, list_crews, remove_crew
from services.plant.shift_templates import add_template
from tests.factories import Floor, Make
from tests.services.test_shift_planning import EARLY


class TestCrews:
    async def test_hold_people_and_their_duties(self, work: Work, make: Make) -> None:
        plant, one, two = await make.plant(work), await make.user(work), await make.user(work)

        crew = await add_crew(
            work, plant_id=plant.id, name="Red", members=[Member(one.id, ("maintenance", "quality")), Member(two.id)]
        )

        (shown,) = (await list_crews(work, plant_id=plant.id)).items
        assert (shown.id, shown.name) == (crew.id, "Red")
        assert {member.user_id: member.duties for member in shown.members} == {
            one.id: ("maintenance", "quality"),
            two.id: (),
        }

    async def test_change_their_people_at_once(self, work: Work, make: Make) -> None:
        plant, one, two = await make.plant(work), await make.user(work), await make.user(work)
        crew = await add_crew(work, plant_id=plant.id, name="Red", members=[Member(one.id)])

        await edit_crew(work, crew_id=crew.id, version=1, members=[Member(two.id, ("safety",))])

        (shown,) = (await list_crews(work)).items
        assert [(member.user_id, member.duties) for member in shown.members] == [(two.id, ("safety",))]
        assert (shown.name, shown.version) == ("Red", 2)
        with pytest.raises(Conflict, match="someone else"):
            await edit_crew(work, crew_id=crew.id, version=1, name="Blue")

    async def test_have_names_of_their_own(self, work: Work, make: Make) -> None:
        plant = await make.plant(work)
        await add_crew(work, plant_id=plant.id, name="Red")

        with pytest.raises(CrewNameTaken):
            await add_crew(work, plant_id=plant.id, name="Red")

        await add_crew(work, plant_id=(await make.plant(work)).id, name="Red")

    async def test_come_in_pages(self, work: Work, make: Make) -> None:
        plant = await make.plant(work)
        for name in ("C", "A", "B"):
            await add_crew(work, plant_id=plant.id, name=name)

        first = await list_crews(work, limit=2)
        rest = await list_crews(work, after=(first.items[-1].name, first.items[-1].id), limit=2)

        assert [crew.name for crew in (*first.items, *rest.items)] == ["A", "B", "C"]
        assert (first.has_more, rest.has_more) == (True, False)

    async def test_work_the_shifts_of_their_templates(self, work: Work, make: Make) -> None:
        lane = await make.lane(work)
        crew = await add_crew(work, plant_id=lane.plant_id, name="Red")

        await add_template(work, lane_id=lane.id, name="Early", weekdays=tuple(Weekday), hours=EARLY, crew_id=crew.id)

        assert set((await work.session.execute(select(ShiftOccurrenceRow.crew_id))).scalars()) == {crew.id}
        with pytest.raises(CrewInUse):
            await remove_crew(work, crew_id=crew.id, version=1)

    async def test_go_when_no_shift_names_them(self, work: Work, make: Make) -> None:
        user = await make.user(work)
        crew = await add_crew(work, plant_id=(await make.plant(work)).id, name="Red", members=[Member(user.id)])

        await remove_crew(work, crew_id=crew.id, version=1)

        assert (await list_crews(work)).items == ()

    async def test_that_have_worked_stay_with_their_shifts_and_are_offered_no_more(
        self, work: Work, make: Make
    ) -> None:
        lane = await make.lane(work)
        crew = await add_crew(work, plant_id=lane.plant_id, name="Red")
        await _has_worked(work, lane, crew)

        await remove_crew(work, crew_id=crew.id, version=1)

        assert (await list_crews(work)).items == ()
        assert set((await work.session.execute(select(ShiftOccurrenceRow.crew_id))).scalars()) == {crew.id}
        with pytest.raises(NotFound, match="crew"):
            await edit_crew(work, crew_id=crew.id, version=2)
        with pytest.raises(NotFound, match="crew"):
            await add_template(
                work, lane_id=lane.id, name="Early", weekdays=[Weekday.MONDAY], hours=EARLY, crew_id=crew.id
            )

    async def test_leave_their_name_to_a_new_one(self, work: Work, make: Make) -> None:
        lane = await make.lane(work)
        crew = await add_crew(work, plant_id=lane.plant_id, name="Red")
        await _has_worked(work, lane, crew)
        await remove_crew(work, crew_id=crew.id, version=1)

        again = await add_crew(work, plant_id=lane.plant_id, name="Red")

        assert [one.id for one in (await list_crews(work)).items] == [again.id]

    async def test_work_in_their_own_plant_only(self, work: Work, make: Make) -> None:
        crew = await add_crew(work, plant_id=(await make.plant(work)).id, name="Red")

        with pytest.raises(NotFound, match="crew"):
            await add_template(
                work, lane_id=(await make.lane(work)).id, name="Early", weekdays=[Weekday.MONDAY], hours=EARLY,
                crew_id=crew.id,
            )  # fmt: skip


async def _has_worked(work: Work, lane: Lane, crew: Crew) -> None:
    """Let the crew have worked a shift that is over."""
    over = work.now - timedelta(hours=1)
    work.session.add(
        ShiftOccurrenceRow(
            id=new_id(), org_id=lane.org_id, plant_id=lane.plant_id, lane_id=lane.id, day=over.date(), name="Early",
            crew_id=crew.id, starts_at=over - timedelta(hours=8), ends_at=over, break_starts=[], break_ends=[],
        )
    )  # fmt: skip
    await work.session.flush()


class TestAccess:
    async def test_needs_the_right_to_edit_shifts(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            with pytest.raises(Forbidden):
                await add_crew(work, plant_id=floor.plant_id, name="Red")
            with pytest.raises(Forbidden):
                await edit_crew(work, crew_id=new_id(), version=1)
            with pytest.raises(Forbidden):
                await remove_crew(work, crew_id=new_id(), version=1)

    async def test_finds_nothing_of_another_organization(self, work: Work, make: Make, other: Floor) -> None:
        async with begin(other.scope) as theirs:
            foreign = await add_crew(theirs, plant_id=other.plant_id, name="Red")
        plant = await make.plant(work)

        with pytest.raises(NotFound, match="plant"):
            await add_crew(work, plant_id=other.plant_id, name="Red")
        with pytest.raises(NotFound, match="user"):
            await add_crew(work, plant_id=plant.id, name="Blue", members=[Member(other.user_ids[Role.ADMIN])])
        with pytest.raises(NotFound, match="crew"):
            await edit_crew(work, crew_id=foreign.id, version=1)
        with pytest.raises(NotFound, match="crew"):
            await remove_crew(work, crew_id=foreign.id, version=1)
        assert foreign.id not in {crew.id for crew in (await list_crews(work)).items}
