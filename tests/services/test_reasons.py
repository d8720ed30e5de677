"""The reasons as a tree."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from domain.errors import Conflict, Forbidden, Invalid, NotFound
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from domain.plant.reasons import LossCategoryMissing, ReasonCycle, ReasonOfAnotherKind
from services.db.tables import Reason
from services.db.work import Work, begin, read
from services.plant.machine_states import change_machine_state
from services.plant.reasons import add_reason, edit_reason, order_reasons
from services.production.boards import load_andon_wall
from services.production.terminals import list_reason_choices
from tests.factories import Floor


async def stop(work: Work, code: str, *, above: Reason | None = None, loss: str | None = None) -> Reason:
    return await add_reason(
        work, kind="stop", code=code, label=code, loss_category=loss, parent_id=None if above is None else above.id
    )


class TestTree:
    async def test_lets_a_reason_take_the_category_of_the_one_above(self, work: Work) -> None:
        tool = await stop(work, "tool", loss="breakdown")
        broken = await stop(work, "broken", above=tool)

        assert (await stop(work, "chipped", above=broken)).loss_category is None

    async def test_refuses_a_stop_that_nobody_could_sort(self, work: Work) -> None:
        with pytest.raises(LossCategoryMissing):
            await stop(work, "mystery")

    async def test_refuses_to_take_the_category_from_those_below(self, work: Work) -> None:
        tool = await stop(work, "tool", loss="breakdown")
        await stop(work, "broken", above=tool)

        with pytest.raises(LossCategoryMissing):
            await edit_reason(work, reason_id=tool.id, version=1, loss_category=None)

    async def test_refuses_a_cycle(self, work: Work) -> None:
        tool = await stop(work, "tool", loss="breakdown")
        broken = await stop(work, "broken", above=tool)
        chipped = await stop(work, "chipped", above=broken)

        for below in (tool, broken, chipped):
            with pytest.raises(ReasonCycle):
                await edit_reason(work, reason_id=tool.id, version=1, parent_id=below.id)
            await work.session.refresh(tool)

    async def test_refuses_a_reason_of_another_kind_above(self, work: Work) -> None:
        tool = await stop(work, "tool", loss="breakdown")

        with pytest.raises(ReasonOfAnotherKind):
            await add_reason(work, kind="scrap", code="burr", label="Burr", parent_id=tool.id)

    async def test_lets_no_two_people_make_a_cycle_at_once(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            one, two = await stop(work, "one", loss="minor"), await stop(work, "two", loss="minor")

        async def hang(reason: Reason, above: Reason) -> None:
            async with begin(floor.scope) as work:
                await edit_reason(work, reason_id=reason.id, version=1, parent_id=above.id)
                await asyncio.sleep(0.02)

        results = await asyncio.gather(hang(one, two), hang(two, one), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["NoneType", "ReasonCycle"]


class TestEditReason:
    async def test_changes_what_is_given(self, work: Work) -> None:
        tool = await stop(work, "tool", loss="breakdown")

        await edit_reason(work, reason_id=tool.id, version=1, label="Tooling", is_active=False, loss_category="minor")

        assert (tool.label, tool.is_active, tool.loss_category) == ("Tooling", False, "minor")

    async def test_refuses_whoever_saw_something_older(self, work: Work) -> None:
        tool = await stop(work, "tool", loss="breakdown")
        await edit_reason(work, reason_id=tool.id, version=1, label="Tooling")

        with pytest.raises(Conflict, match="someone else"):
            await edit_reason(work, reason_id=tool.id, version=1, label="Tools")


class TestOrderReasons:
    async def test_puts_them_into_the_order_given(self, work: Work) -> None:
        reasons = [await stop(work, code, loss="minor") for code in "abc"]

        await order_reasons(work, reason_ids=[reason.id for reason in reversed(reasons)])

        statement = select(Reason.code).where(Reason.kind == "stop").order_by(Reason.position)
        assert (await work.session.execute(statement)).scalars().all() == ["c", "b", "a"]


class TestAccess:
    async def test_needs_the_right_to_edit_the_plant_model(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            with pytest.raises(Forbidden):
                await edit_reason(work, reason_id=floor.stop_reason_id, version=1)
            with pytest.raises(Forbidden):
                await order_reasons(work, reason_ids=[floor.stop_reason_id])

    async def test_finds_nothing_of_another_organization(self, work: Work, other: Floor) -> None:
        tool = await stop(work, "tool", loss="breakdown")

        with pytest.raises(NotFound, match="reason"):
            await edit_reason(work, reason_id=other.stop_reason_id, version=1)
        with pytest.raises(NotFound, match="reason"):
            await edit_reason(work, reason_id=tool.id, version=1, parent_id=other.stop_reason_id)
        with pytest.raises(NotFound, match="reason"):
            await order_reasons(work, reason_ids=[tool.id, other.stop_reason_id])


class TestWords:
    async def test_are_read_in_the_language_of_the_reader_else_as_first_written(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            jam = await add_reason(
                work,
                kind="stop",
                code="jam",
                label="Jam",
                loss_category="minor",
                translations={"de": "Stau", "fr": " "},
            )
            await change_machine_state(
                work, machine_id=floor.machine_id, state=MachineState.UNPLANNED_STOP, reason_id=jam.id
            )

        async def on_the_wall(language: str) -> object:
            async with read(replace(floor.scope, language=language)) as work:
                wall = await load_andon_wall(work, lane_id=floor.lane_id)
            machines = wall["machines"]
            assert isinstance(machines, dict)
            machine = machines[str(floor.machine_id)]
            assert isinstance(machine, dict)
            return machine["reason"]

        assert jam.translations == {"de": "Stau"}
        assert [await on_the_wall(language) for language in ("de", "en", "fr", "")] == ["Stau", "Jam", "Jam", "Jam"]

    async def test_are_offered_at_terminals_in_the_language_of_the_reader(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await add_reason(work, kind="scrap", code="burr", label="Burr", translations={"de": "Grat"})

        async with read(replace(floor.scope, language="de")) as work:
            labels = {one.label for one in await list_reason_choices(work)}

        assert "Grat" in labels
        assert "Burr" not in labels

    async def test_change_with_the_version(self, work: Work) -> None:
        reason = await stop(work, "jam", loss="minor")

        edited = await edit_reason(work, reason_id=reason.id, version=1, translations={"de": "Stau"})
        kept = await edit_reason(work, reason_id=reason.id, version=2, label="Jammed")

        assert (edited.translations, kept.translations) == ({"de": "Stau"}, {"de": "Stau"})

    @pytest.mark.parametrize("translations", [{"not a tag": "x"}, {"de": "x" * 300}, {"de": "\x00"}])
    async def test_must_be_readable_and_of_a_language(self, translations: dict[str, str], work: Work) -> None:
        with pytest.raises(Invalid):
            await add_reason(work, kind="scrap", code="X", label="X", translations=translations)
