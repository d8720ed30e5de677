"""The past, counted again when its rules change."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from domain.plant.machine_states import MachineState
from services.db.tables import HourlyFact, Machine, MachineStateChange, Reason
from services.db.work import Work, begin
from services.jobs.worker import work_once
from services.plant.hourly_facts import refresh_next_machine
from services.plant.machines import edit_machine
from services.plant.reasons import add_reason, edit_reason
from tests.factories import Connection, Floor

JANUARY = datetime(2026, 1, 12, 10, tzinfo=UTC)
MARCH = datetime(2026, 3, 16, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
async def _no_jobs(superuser_connection: Connection) -> None:
    await superuser_connection.execute("DELETE FROM pgmq.q_jobs; DELETE FROM pgmq.a_jobs")


async def stop(floor: Floor, at: datetime, minutes: float, *, reason_id: object = None) -> None:
    """Let the machine stand still once, and add up what got dirty."""
    async with begin(floor.scope) as work:
        await work.session.execute(text("SELECT app.ensure_months(:at, :at)"), {"at": at})
        for started_at, state, reason in (
            (at - 20 * MINUTE, MachineState.RUNNING, None),
            (at, MachineState.UNPLANNED_STOP, reason_id),
            (at + minutes * MINUTE, MachineState.RUNNING, None),
            (at + (minutes + 10) * MINUTE, MachineState.NO_DATA, None),
        ):
            work.session.add(
                MachineStateChange(
                    org_id=floor.scope.org_id, plant_id=floor.plant_id, machine_id=floor.machine_id,
                    actor_kind="system", started_at=started_at, state=state.value, reason_id=reason,
                )
            )  # fmt: skip
            await work.session.flush()
    await add_up(floor)


async def add_up(floor: Floor) -> None:
    async with begin(floor.scope) as work:
        await work.session.execute(text("UPDATE dirty_hours SET marked_at = marked_at - interval '1 minute'"))
        while await refresh_next_machine(work):
            pass


async def work_off(floor: Floor) -> int:
    """Do every job there is and add up what they marked; return how many hours that was."""
    while await work_once():
        pass
    async with begin(floor.scope) as work:
        marked = (await work.session.execute(text("SELECT count(*) FROM dirty_hours"))).scalar_one()
    await add_up(floor)
    return int(marked)


async def seconds(floor: Floor, at: datetime) -> tuple[int, int, int]:
    """Return minor, unexplained and breakdown seconds of an hour."""
    async with begin(floor.scope) as work:
        statement = select(HourlyFact).where(HourlyFact.machine_id == floor.machine_id, HourlyFact.hour_at == at)
        fact = (await work.session.execute(statement)).scalar_one()
        return int(fact.minor_s), int(fact.unexplained_s), int(fact.breakdown_s)


async def reason_of(work: Work, **fields: object) -> Reason:
    reason = await add_reason(work, kind="stop", code=f"r{len(str(fields))}", label="Reason", **fields)  # type: ignore[arg-type]
    await work.session.flush()
    return reason


class TestMicroStopThreshold:
    async def test_counts_past_stops_again_when_it_changes(self, floor: Floor) -> None:
        await stop(floor, JANUARY, 3)
        await stop(floor, MARCH, 30)
        assert await seconds(floor, JANUARY) == (0, 180, 0)

        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            await edit_machine(work, machine_id=machine.id, version=machine.version, micro_stop_s=Decimal(300))

        assert await work_off(floor) == 2
        assert await seconds(floor, JANUARY) == (180, 0, 0)
        assert await seconds(floor, MARCH) == (0, 1800, 0)

    async def test_leaves_the_past_alone_when_it_stays(self, floor: Floor) -> None:
        await stop(floor, JANUARY, 3)

        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            threshold_s = machine.micro_stop_s
            await edit_machine(work, machine_id=machine.id, version=machine.version, micro_stop_s=threshold_s, name="X")

        assert await work_off(floor) == 0


class TestLossCategory:
    async def test_counts_past_stops_again_month_by_month(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            reason_id = (await reason_of(work, loss_category="material")).id
        for at in (JANUARY, MARCH):
            await stop(floor, at, 15, reason_id=reason_id)

        async with begin(floor.scope) as work:
            await edit_reason(work, reason_id=reason_id, version=1, loss_category="breakdown")

        assert await work_off(floor) == 2
        assert [await seconds(floor, at) for at in (JANUARY, MARCH)] == [(0, 0, 900)] * 2

    async def test_of_a_reason_above_counts_those_that_take_it_and_no_others(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            above = await reason_of(work, loss_category="material")
            heir = await reason_of(work, parent_id=above.id)
            own = await add_reason(
                work, kind="stop", code="own", label="Own", parent_id=above.id, loss_category="organization"
            )
            ids = above.id, heir.id, own.id
        await stop(floor, JANUARY, 15, reason_id=ids[1])
        await stop(floor, MARCH, 15, reason_id=ids[2])

        async with begin(floor.scope) as work:
            await edit_reason(work, reason_id=ids[0], version=1, loss_category="breakdown")

        assert await work_off(floor) == 1
        assert await seconds(floor, JANUARY) == (0, 0, 900)
        assert await seconds(floor, MARCH) == (0, 0, 0)

    async def test_leaves_the_past_alone_when_only_the_words_change(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            reason_id = (await reason_of(work, loss_category="material")).id
        await stop(floor, JANUARY, 15, reason_id=reason_id)

        async with begin(floor.scope) as work:
            await edit_reason(work, reason_id=reason_id, version=1, label="No parts", loss_category="material")

        assert await work_off(floor) == 0

    async def test_counts_nothing_of_another_organization(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.scope) as work:
            reason_id = (await reason_of(work, loss_category="material")).id
        await stop(floor, JANUARY, 15, reason_id=reason_id)
        await stop(other, JANUARY, 15, reason_id=other.stop_reason_id)
        async with begin(floor.scope) as work:
            await edit_reason(work, reason_id=reason_id, version=1, loss_category="breakdown")

        while await work_once():
            pass

        async with begin(other.scope) as work:
            assert (await work.session.execute(text("SELECT count(*) FROM dirty_hours"))).scalar_one() == 0
