"""Changing the type of a field: first a report, then every value or none."""

import asyncio
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest
from sqlalchemy import select, update

from domain.custom_fields.conversions import (
    ConversionMovedOn,
    ConversionUnderWay,
    Leftovers,
    LeftoversUndecided,
    SameType,
)
from domain.custom_fields.fields import Choice, FieldDefinition, FieldPlace, FieldRules, FieldType
from domain.errors import Forbidden, NotFound
from domain.events import CustomFieldsChanged
from domain.identity.roles import Role
from domain.operations.tasks import TaskState
from services.custom_fields.conversion_tasks import CheckConversion, RunConversion, convert_values
from services.custom_fields.conversions import (
    ConversionInfo,
    check_conversion,
    drop_conversion,
    get_conversion,
    open_conversions,
    run_conversion,
    stop_conversion,
)
from services.custom_fields.fields import FieldChanges, add_field, edit_field, get_field, list_fields
from services.db.tables import CustomKey, Material, Task
from services.db.work import begin, read
from services.events.hub import Hub
from services.jobs.worker import work_once
from services.production.materials import add_material, edit_material
from services.tasks.tasks import RunningTask, TaskCancelled, TaskInfo, cancel_task, list_tasks
from tests.factories import Connection, Floor, as_worker

SIZE = FieldDefinition(
    key="size",
    type=FieldType.TEXT,
    labels={"en": "Size", "de": "Größe"},
    shown_in=frozenset({FieldPlace.FORM, FieldPlace.API, FieldPlace.FILTER}),
)
NUMBER = replace(SIZE, type=FieldType.NUMBER, unit="mm", rules=FieldRules(decimals=1))
VALUES = {"A": "12", "B": "7,5", "C": "large", "D": "3"}


async def stocked(floor: Floor, of: FieldDefinition = SIZE, values: dict[str, object] | None = None) -> UUID:
    async with begin(floor.scope) as work:
        row = await add_field(work, entity="material", field=of)
        for number, value in (VALUES if values is None else values).items():
            await add_material(work, number=number, unit="pcs", custom={of.key: value})
        await add_material(work, number="Z", unit="pcs")
    return row.id


async def checked(floor: Floor, field_id: UUID, to: FieldDefinition = NUMBER) -> ConversionInfo:
    """Begin a change of type and do the task that looks at the values."""
    async with begin(floor.scope) as work:
        begun = await check_conversion(work, field_id=field_id, version=1, to=to)
    await as_worker(floor.scope, CheckConversion(task_id=task_of(begun), conversion_id=begun.id))
    return await seen(floor, begun)


async def confirmed(floor: Floor, conversion: ConversionInfo, leftovers: Leftovers | None = None) -> RunConversion:
    """Confirm a change of type and return the task that changes the values."""
    async with begin(floor.scope) as work:
        running = await run_conversion(work, conversion_id=conversion.id, leftovers=leftovers)
    return RunConversion(task_id=task_of(running), conversion_id=running.id)


async def ran(floor: Floor, conversion: ConversionInfo, leftovers: Leftovers | None = None) -> ConversionInfo:
    """Confirm a change of type and do the task that changes the values."""
    await as_worker(floor.scope, await confirmed(floor, conversion, leftovers))
    return await seen(floor, conversion)


async def seen(floor: Floor, conversion: ConversionInfo) -> ConversionInfo:
    """Return a change of type as it stands now."""
    async with read(floor.scope) as work:
        return await get_conversion(work, conversion_id=conversion.id)


async def task(floor: Floor, task_id: UUID) -> TaskInfo:
    """Return a task as the page of jobs lists it."""
    async with read(floor.acting_as(Role.ADMIN)) as work:
        return next(one for one in await list_tasks(work) if one.id == task_id)


def task_of(conversion: ConversionInfo) -> UUID:
    """Return the task of a change of type."""
    assert conversion.task_id is not None
    return conversion.task_id


@dataclass(frozen=True)
class HeldTask(RunningTask):
    """A task that waits after a step, for the test to do something meanwhile."""

    after: int = 1
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def report(self, done: int, total: int | None = None) -> None:
        if done == self.after:
            self.entered.set()
            await self.may_go_on.wait()
        await super().report(done, total)


def held_task(floor: Floor, job: RunConversion, *, after: int) -> HeldTask:
    """Return the task as a worker has it, which waits when so many values are changed."""
    return HeldTask(job.task_id, job.name, floor.scope, after=after)


async def held(floor: Floor) -> dict[str, dict[str, object]]:
    async with read(floor.scope) as work:
        rows = (await work.session.execute(select(Material).execution_options(populate_existing=True))).scalars()
        return {row.number: row.custom for row in rows}


class TestCheck:
    async def test_reports_what_cannot_be_converted_and_changes_nothing(self, floor: Floor) -> None:
        field_id = await stocked(floor)

        report = await checked(floor, field_id)

        assert (report.state, report.total, report.seen, report.leftover) == ("checked", 4, 4, 1)
        assert [(one["thing"], one["value"], one["code"]) for one in report.samples] == [
            ("C", "large", "value_not_a_number")
        ]
        assert (await held(floor))["A"] == {"size": "12"}
        async with read(floor.scope) as work:
            assert (await get_field(work, field_id=field_id)).type == "text"

    async def test_refuses_a_second_change_of_the_same_field(self, floor: Floor) -> None:
        field_id = await stocked(floor)
        await checked(floor, field_id)

        async with begin(floor.scope) as work:
            with pytest.raises(ConversionUnderWay):
                await check_conversion(work, field_id=field_id, version=1, to=NUMBER)
            (open_one,) = await open_conversions(work, entity="material")
            await drop_conversion(work, conversion_id=open_one.id)
            assert await open_conversions(work, entity="material") == ()

    async def test_refuses_the_type_that_the_field_has(self, floor: Floor) -> None:
        field_id = await stocked(floor)

        async with begin(floor.scope) as work:
            with pytest.raises(SameType):
                await check_conversion(work, field_id=field_id, version=1, to=SIZE)

    async def test_is_for_those_who_edit_fields_of_their_own_organization(self, floor: Floor, other: Floor) -> None:
        field_id = await stocked(floor)
        begun = await checked(floor, field_id)

        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            with pytest.raises(Forbidden):
                await check_conversion(work, field_id=field_id, version=1, to=NUMBER)
        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await check_conversion(work, field_id=field_id, version=1, to=NUMBER)
            for do in (get_conversion, run_conversion, drop_conversion):
                with pytest.raises(NotFound):
                    await do(work, conversion_id=begun.id)


class TestRun:
    async def test_needs_a_decision_about_what_cannot_be_converted(self, floor: Floor) -> None:
        report = await checked(floor, await stocked(floor))

        async with begin(floor.scope) as work:
            with pytest.raises(LeftoversUndecided, match="1"):
                await run_conversion(work, conversion_id=report.id)

        assert (await held(floor))["A"] == {"size": "12"}

    async def test_changes_every_value_and_clears_the_rest_where_told_to(self, floor: Floor) -> None:
        field_id = await stocked(floor)
        report = await checked(floor, field_id)

        done = await ran(floor, report, Leftovers.CLEAR)

        assert (done.state, done.seen, done.leftover) == ("done", 4, 1)
        assert await held(floor) == {"A": {"size": 12}, "B": {"size": 7.5}, "C": {}, "D": {"size": 3}, "Z": {}}
        async with read(floor.scope) as work:
            field = await get_field(work, field_id=field_id)
            keys = (await work.session.execute(select(CustomKey.key).order_by(CustomKey.key))).scalars().all()
        assert (field.type, field.unit, field.version) == ("number", "mm", 2)
        assert keys[:3] == ["1000000000003.000000", "1000000000007.500000", "1000000000012.000000"]

    async def test_keeps_the_rest_in_a_field_out_of_use_where_told_to(self, floor: Floor) -> None:
        report = await checked(floor, await stocked(floor))

        await ran(floor, report, Leftovers.ARCHIVE)

        assert (await held(floor))["C"] == {"size_before_1": "large"}
        async with read(floor.scope) as work:
            archive = next(row for row in await list_fields(work, entity="material") if row.key == "size_before_1")
        assert (archive.type, archive.is_active, archive.labels["en"]) == ("text", False, "Size (before)")

    async def test_changes_nothing_when_something_else_came_in_that_cannot_be_converted(self, floor: Floor) -> None:
        field_id = await stocked(floor, values={"A": "1"})
        report = await checked(floor, field_id)
        async with begin(floor.scope) as work:
            await add_material(work, number="B", unit="pcs", custom={"size": "huge"})

        again = await ran(floor, report)

        assert (again.state, again.leftover) == ("checked", 1)
        assert (await held(floor))["A"] == {"size": "1"}

    async def test_is_dropped_when_the_field_was_changed_meanwhile(self, floor: Floor) -> None:
        field_id = await stocked(floor)
        report = await checked(floor, field_id)
        async with begin(floor.scope) as work:
            await edit_field(work, field_id=field_id, version=1, changes=FieldChanges(labels={"en": "Width"}))

        done = await ran(floor, report, Leftovers.CLEAR)

        assert done.state == "dropped"
        assert (await held(floor))["A"] == {"size": "12"}

    async def test_tells_everybody(self, floor: Floor, hub: Hub) -> None:
        report = await checked(floor, await stocked(floor))
        heard = asyncio.Event()
        hub.subscribe(
            floor.scope.org_id,
            lambda event: heard.set() if event == CustomFieldsChanged(entity="material") else None,
        )

        await ran(floor, report, Leftovers.CLEAR)

        await asyncio.wait_for(heard.wait(), 10)

    async def test_happens_once_even_when_its_job_runs_twice(self, floor: Floor) -> None:
        report = await checked(floor, await stocked(floor))
        job = await confirmed(floor, report, Leftovers.CLEAR)
        await convert_values(RunningTask(job.task_id, job.name, floor.scope), job)  # and its worker dies here

        await as_worker(floor.scope, job)

        assert (await task(floor, job.task_id)).state is TaskState.DONE
        assert (await held(floor))["A"] == {"size": 12}
        async with begin(floor.scope) as work:
            with pytest.raises(ConversionMovedOn):
                await run_conversion(work, conversion_id=report.id, leftovers=Leftovers.CLEAR)

    async def test_lets_nobody_write_a_value_of_the_old_type_meanwhile(self, floor: Floor) -> None:
        field_id = await stocked(floor, values={"A": "1"})
        job = await confirmed(floor, await checked(floor, field_id))
        async with read(floor.scope) as work:
            material = (await work.session.execute(select(Material).where(Material.number == "Z"))).scalar_one()

        async def write() -> str:
            async with begin(floor.scope) as work:
                await edit_material(work, material_id=material.id, version=1, custom={"size": "wide"})
            return "written"

        running = held_task(floor, job, after=1)
        converting = asyncio.ensure_future(convert_values(running, job))
        await asyncio.wait_for(running.entered.wait(), 10)
        writing = asyncio.create_task(write())
        done, _ = await asyncio.wait({writing}, timeout=0.2)
        running.may_go_on.set()
        wrote, _ = await asyncio.gather(writing, converting, return_exceptions=True)

        assert done == set()
        assert wrote != "written"
        assert (await held(floor))["A"] == {"size": 1}
        assert (await held(floor))["Z"] == {}


class TestTask:
    async def test_is_listed_with_how_far_it_is_and_what_it_brought(self, floor: Floor) -> None:
        field_id = await stocked(floor)
        async with begin(floor.scope) as work:
            begun = await check_conversion(work, field_id=field_id, version=1, to=NUMBER)
        waiting = await task(floor, task_of(begun))
        await as_worker(floor.scope, CheckConversion(task_id=task_of(begun), conversion_id=begun.id))
        checking = await task(floor, task_of(begun))
        job = await confirmed(floor, begun, Leftovers.CLEAR)
        running = held_task(floor, job, after=4)
        converting = asyncio.ensure_future(convert_values(running, job))
        await asyncio.wait_for(running.entered.wait(), 10)
        half = (await task(floor, job.task_id), await seen(floor, begun))
        running.may_go_on.set()
        await converting

        assert (waiting.kind, waiting.state) == ("custom.conversion.check", TaskState.QUEUED)
        assert (checking.state, checking.done, checking.total) == (TaskState.DONE, 4, 4)
        assert checking.result == {"values": 4, "leftover": 1}
        assert (half[0].done, half[0].total) == (0, 4)
        assert (half[1].state, half[1].seen, half[1].total) == ("converting", 0, 4)

    async def test_that_looks_at_values_drops_the_change_when_it_is_cancelled(self, floor: Floor) -> None:
        field_id = await stocked(floor)
        async with begin(floor.scope) as work:
            begun = await check_conversion(work, field_id=field_id, version=1, to=NUMBER)

        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await cancel_task(work, task_id=task_of(begun))

        assert (await seen(floor, begun)).state == "dropped"
        assert (await checked(floor, field_id)).state == "checked"

    async def test_ends_when_the_change_is_given_up(self, floor: Floor) -> None:
        field_id = await stocked(floor)
        async with begin(floor.scope) as work:
            begun = await check_conversion(work, field_id=field_id, version=1, to=NUMBER)

        async with begin(floor.scope) as work:
            dropped = await drop_conversion(work, conversion_id=begun.id)

        assert dropped.state == "dropped"
        assert (await task(floor, task_of(begun))).state is TaskState.CANCELLED

    async def test_that_changes_values_undoes_them_all_when_it_is_cancelled(self, floor: Floor) -> None:
        report = await checked(floor, await stocked(floor))
        job = await confirmed(floor, report, Leftovers.CLEAR)
        running = held_task(floor, job, after=4)
        converting = asyncio.ensure_future(convert_values(running, job))
        await asyncio.wait_for(running.entered.wait(), 10)

        async with begin(floor.scope) as work:
            await work.session.execute(update(Task).where(Task.id == job.task_id).values(state="running"))
            await stop_conversion(work, conversion_id=report.id)
        running.may_go_on.set()
        with pytest.raises(TaskCancelled):
            await converting
        await as_worker(floor.scope, job)  # what the worker does with a task that was cancelled

        assert (await held(floor))["A"] == {"size": "12"}
        assert (await task(floor, job.task_id)).state is TaskState.CANCELLED
        again = await seen(floor, report)
        assert (again.state, again.leftover) == ("checked", 1)
        assert (await ran(floor, again, Leftovers.CLEAR)).state == "done"

    async def test_begins_again_where_its_worker_was_killed(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        await superuser_connection.execute("DELETE FROM pgmq.q_jobs")
        report = await checked(floor, await stocked(floor))
        job = await confirmed(floor, report, Leftovers.CLEAR)
        running = held_task(floor, job, after=4)
        killed = asyncio.ensure_future(convert_values(running, job))
        await asyncio.wait_for(running.entered.wait(), 10)
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
        between = await held(floor)

        while await work_once():
            pass

        assert between["A"] == {"size": "12"}
        assert (await seen(floor, report)).state == "done"
        assert (await held(floor))["A"] == {"size": 12}

    async def test_is_stopped_by_nobody_else(self, floor: Floor, other: Floor) -> None:
        report = await checked(floor, await stocked(floor))
        await confirmed(floor, report, Leftovers.CLEAR)

        async with begin(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await stop_conversion(work, conversion_id=report.id)
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            with pytest.raises(Forbidden):
                await stop_conversion(work, conversion_id=report.id)


class TestTypes:
    @pytest.mark.parametrize(
        ("before", "value", "after", "becomes"),
        [
            (FieldType.NUMBER, 1.5, FieldType.TEXT, "1.5"),
            (FieldType.BOOLEAN, True, FieldType.TEXT, "yes"),
            (FieldType.TEXT, "Ja", FieldType.BOOLEAN, True),
            (FieldType.TEXT, "2026-03-01", FieldType.DATE, "2026-03-01"),
            (FieldType.DATE, "2026-03-01", FieldType.DATETIME, "2026-03-01T00:00:00Z"),
            (FieldType.DATETIME, "2026-03-01T22:00:00Z", FieldType.DATE, "2026-03-01"),
            (FieldType.TEXT, "Rot", FieldType.CHOICE, "red"),
            (FieldType.CHOICE, "red", FieldType.MULTI_CHOICE, ["red"]),
            (FieldType.MULTI_CHOICE, ["red"], FieldType.CHOICE, "red"),
            (FieldType.CHOICE, "red", FieldType.TEXT, "Red"),
        ],
    )
    async def test_become_each_other(
        self, before: FieldType, value: object, after: FieldType, becomes: object, floor: Floor
    ) -> None:
        def of(kind: FieldType) -> FieldDefinition:
            with_choices = kind in {FieldType.CHOICE, FieldType.MULTI_CHOICE}
            choices = (Choice("red", {"en": "Red", "de": "Rot"}),) if with_choices else ()
            return FieldDefinition(key="one", type=kind, labels={"en": "One"}, choices=choices)

        field_id = await stocked(floor, of(before), {"A": value})

        await ran(floor, await checked(floor, field_id, of(after)))

        assert (await held(floor))["A"] == {"one": becomes}

    async def test_find_things_by_their_code(self, floor: Floor) -> None:
        field_id = await stocked(floor, values={"A": floor.machine_code, "B": "nowhere"})
        to = replace(SIZE, type=FieldType.REFERENCE, reference="machine")

        report = await checked(floor, field_id, to)
        await ran(floor, report, Leftovers.CLEAR)

        assert report.leftover == 1
        assert (await held(floor))["A"] == {"size": str(floor.machine_id)}


async def test_a_report_counts_more_than_it_shows(floor: Floor) -> None:
    many = {f"M{number}": f"not {number}" for number in range(120)}
    report = await checked(floor, await stocked(floor, values=dict(many)))

    assert (report.leftover, len(report.samples)) == (120, 100)
