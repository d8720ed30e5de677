"""KPIs read from hourly facts, and of one shift or order exact now."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from domain.errors import Forbidden, NotFound
from domain.identity.roles import Role
from domain.plant.machine_states import MachineState
from domain.plant.shift_accounts import TimeCause
from domain.production.kpi_formulas import Kpi
from services.db.keys import new_id
from services.db.tables import Crew, CycleTime, Machine, Operation, ProductionLogEntry, ProductionRun, WorkOrder
from services.db.work import Work, begin
from services.plant.cycle_times import set_cycle_time
from services.plant.shift_reports import load_machine_shift, load_shift_report
from services.production.kpi_queries import (
    InvalidDays,
    KpiGrouping,
    KpiScope,
    explain_kpi,
    load_kpis,
    load_shift_kpis,
)
from services.production.order_kpis import load_order_kpis
from tests.factories import Floor, Make, undone
from tests.services.test_hourly_facts import DAY, HOUR, SIX, Told, refresh_all, shift_row, tell

RUN, STOP, SETUP = MachineState.RUNNING, MachineState.UNPLANNED_STOP, MachineState.SETUP
NEXT_DAY = DAY + timedelta(days=1)
MORNING = (
    Told(SIX, SETUP), Told(SIX + HOUR, RUN), Told(SIX + 3 * HOUR, STOP), Told(SIX + 4 * HOUR, RUN),
    Told(SIX + 8 * HOUR, MachineState.IDLE),
)  # fmt: skip


async def operation(work: Work, floor: Floor, make: Make, *, run_time_s: int | None = 36) -> Operation:
    """Add an order with one operation on the floor's machine."""
    material = await make.material(work)
    of_plant = {"org_id": floor.scope.org_id, "plant_id": floor.plant_id}
    order = WorkOrder(
        **of_plant,
        number=f"WO-{new_id().hex}",
        material_id=material.id,
        quantity=Decimal(1000),
        unit="pcs",
        deadline_kind="none",
    )
    work.session.add(order)
    await work.session.flush()
    row = Operation(
        **of_plant, work_order_id=order.id, sequence=10, name="Mill", machine_id=floor.machine_id,
        quantity=Decimal(1000), is_last=True, run_time_s=None if run_time_s is None else Decimal(run_time_s),
    )  # fmt: skip
    work.session.add(row)
    await work.session.flush()
    return row


async def made(
    work: Work,
    floor: Floor,
    at: datetime,
    *,
    good: int = 0,
    scrap: int = 0,
    of: Operation | None = None,
    **fields: object,
) -> None:
    """Write log entries as they came."""
    for kind, quantity in (("good", good), ("scrap", scrap)):
        if quantity:
            work.session.add(
                ProductionLogEntry(
                    org_id=floor.scope.org_id, plant_id=floor.plant_id, machine_id=floor.machine_id, at=at, kind=kind,
                    quantity=Decimal(quantity), reason_id=floor.scrap_reason_id if kind == "scrap" else None,
                    actor_kind="system", client_key=new_id(), operation_id=None if of is None else of.id, **fields,
                )
            )  # fmt: skip
    await work.session.flush()


async def morning(work: Work, floor: Floor, make: Make) -> Operation:
    """Let the floor work a shift: an hour of setup, six of running, one of a stop; 450 good of 500, at 36 s each."""
    work.session.add(shift_row(floor, SIX, 8))
    await tell(work, floor, MORNING)
    each = await operation(work, floor, make)
    await made(work, floor, SIX + 2 * HOUR, good=400, of=each)
    await made(work, floor, SIX + 5 * HOUR, good=50, scrap=50, of=each)
    await refresh_all(work)
    return each


class TestLoadKpis:
    async def test_equal_the_hand_calculation(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            await morning(work, floor, make)

            (whole,) = await load_kpis(
                work, scope=KpiScope.MACHINE, place_id=floor.machine_id, since_day=DAY, before_day=NEXT_DAY
            )

            kpis = whole.kpis
            assert kpis.availability == Decimal(6) / 8
            assert kpis.effectiveness == Decimal(500 * 36) / (6 * 3600)
            assert kpis.quality_ratio == Decimal("0.9")
            assert kpis.oee == Decimal(6) / 8 * (Decimal(500 * 36) / (6 * 3600)) * Decimal("0.9")
            assert kpis.setup_rate == Decimal(1) / 7
            assert kpis.scrap_ratio == Decimal("0.1")

    async def test_plan_the_part_that_a_machine_names_by_its_own_cycle_time(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            work.session.add(shift_row(floor, SIX, 8))
            await tell(work, floor, MORNING)
            machine = await work.session.get_one(Machine, floor.machine_id)
            material = await make.material(work, number="P-1")
            await set_cycle_time(work, machine_id=floor.machine_id, material_id=material.id, cycle_time_s=Decimal(36))
            await make.run(work, machine=machine, at=SIX + HOUR)
            run_id = (await work.session.execute(select(ProductionRun.id))).scalar_one()
            await made(work, floor, SIX + 2 * HOUR, good=500, run_id=run_id)
            await refresh_all(work)

            (whole,) = await load_kpis(
                work, scope=KpiScope.MACHINE, place_id=floor.machine_id, since_day=DAY, before_day=NEXT_DAY
            )

            assert whole.kpis.effectiveness == Decimal(500 * 36) / (6 * 3600)

    async def test_plan_what_a_run_made_beyond_its_operation_as_the_operation(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            each = await morning(work, floor, make)
            await make.run(work, machine=await work.session.get_one(Machine, floor.machine_id), at=SIX + HOUR)
            run = (await work.session.execute(select(ProductionRun))).scalar_one()
            run.operation_id = each.id
            await made(work, floor, SIX + 5 * HOUR, good=100, run_id=run.id)
            await refresh_all(work)

            (whole,) = await load_kpis(
                work, scope=KpiScope.MACHINE, place_id=floor.machine_id, since_day=DAY, before_day=NEXT_DAY
            )

            assert whole.output.planned_run_s == 600 * 36

    async def test_of_a_lane_divide_sums_and_never_average(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            await morning(work, floor, make)
            idle = Machine(
                org_id=floor.scope.org_id, plant_id=floor.plant_id, lane_id=floor.lane_id, code="IDLE", name="Idle"
            )
            work.session.add(idle)
            await work.session.flush()
            await work.fetch("SELECT app.mark_dirty_hours($1, $2, $3)", idle.id, SIX, SIX + 7 * HOUR)
            await work.fetch(
                "INSERT INTO machine_state_changes (org_id, plant_id, machine_id, started_at, state, actor_kind)"
                " VALUES ($1, $2, $3, $4, 'idle', 'system')",
                floor.scope.org_id, floor.plant_id, idle.id, SIX,
            )  # fmt: skip
            await refresh_all(work)

            for scope, place_id in (
                (KpiScope.LANE, floor.lane_id), (KpiScope.DEPARTMENT, floor.department_id),
                (KpiScope.PLANT, floor.plant_id),
            ):  # fmt: skip
                (whole,) = await load_kpis(work, scope=scope, place_id=place_id, since_day=DAY, before_day=NEXT_DAY)
                assert whole.kpis.availability == Decimal(6) / 16

    @pytest.mark.parametrize(
        ("by", "groups"),
        [
            (KpiGrouping.MACHINE, 1), (KpiGrouping.LANE, 1), (KpiGrouping.HOUR, 8), (KpiGrouping.SHIFT, 1),
            (KpiGrouping.DAY, 1), (KpiGrouping.MONTH, 1), (KpiGrouping.CREW, 1),
        ],
    )  # fmt: skip
    async def test_grouped_add_up_to_the_whole(self, floor: Floor, make: Make, by: KpiGrouping, groups: int) -> None:
        async with undone(floor.scope) as work:
            await morning(work, floor, make)

            found = await load_kpis(
                work, scope=KpiScope.PLANT, place_id=floor.plant_id, since_day=DAY, before_day=NEXT_DAY, by=by
            )

            assert len(found) == groups
            assert sum(group.output.good for group in found) == 450
            assert sum(group.times.planned_busy_s for group in found) == 8 * 3600

    async def test_name_the_crew_and_the_shift(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            crew = Crew(org_id=floor.scope.org_id, plant_id=floor.plant_id, name="Red")
            work.session.add(crew)
            await work.session.flush()
            shift = shift_row(floor, SIX, 8)
            shift.crew_id = crew.id
            work.session.add(shift)
            await tell(work, floor, MORNING)
            await refresh_all(work)
            asked = {"scope": KpiScope.LANE, "place_id": floor.lane_id, "since_day": DAY, "before_day": NEXT_DAY}

            by_crew = await load_kpis(work, **asked, by=KpiGrouping.CREW)  # type: ignore[arg-type]
            by_shift = await load_kpis(work, **asked, by=KpiGrouping.SHIFT)  # type: ignore[arg-type]

            assert [(group.key, group.label) for group in by_crew] == [(str(crew.id), "Red")]
            assert [(group.key, group.label, group.day) for group in by_shift] == [(str(shift.id), "Early", DAY)]

    async def test_stand_as_reported_and_as_corrected(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            each = await morning(work, floor, make)
            await made(work, floor, SIX + 5 * HOUR, scrap=-50, of=each, is_correction=True, reverses_id=new_id())
            await refresh_all(work)
            asked = {"scope": KpiScope.LANE, "place_id": floor.lane_id, "since_day": DAY, "before_day": NEXT_DAY}

            (corrected,) = await load_kpis(work, **asked)  # type: ignore[arg-type]
            (reported,) = await load_kpis(work, **asked, corrected=False)  # type: ignore[arg-type]

            assert corrected.kpis.quality_ratio == 1
            assert reported.kpis.quality_ratio == Decimal("0.9")
            assert corrected.output.planned_run_s == 450 * 36
            assert reported.output.planned_run_s == 500 * 36

    async def test_without_a_cycle_time_have_no_effectiveness(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            work.session.add(shift_row(floor, SIX, 8))
            await tell(work, floor, MORNING)
            await made(work, floor, SIX + HOUR, good=1)
            await refresh_all(work)

            (whole,) = await load_kpis(
                work, scope=KpiScope.LANE, place_id=floor.lane_id, since_day=DAY, before_day=NEXT_DAY
            )

            assert (whole.kpis.effectiveness, whole.kpis.oee) == (None, None)
            assert whole.kpis.quality_ratio == 1

    async def test_take_the_cycle_time_of_the_material_on_the_machine_first(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            each = await operation(work, floor, make)
            order = await work.session.get_one(WorkOrder, each.work_order_id)
            work.session.add(
                CycleTime(
                    org_id=floor.scope.org_id, plant_id=floor.plant_id, machine_id=floor.machine_id,
                    material_id=order.material_id, cycle_time_s=Decimal(30),
                )
            )  # fmt: skip
            work.session.add(shift_row(floor, SIX, 8))
            await tell(work, floor, MORNING)
            await made(work, floor, SIX + HOUR, good=10, of=each)
            await refresh_all(work)

            (whole,) = await load_kpis(
                work, scope=KpiScope.LANE, place_id=floor.lane_id, since_day=DAY, before_day=NEXT_DAY
            )

            assert whole.output.planned_run_s == 300

    async def test_of_days_without_facts_are_none(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            assert (
                await load_kpis(work, scope=KpiScope.LANE, place_id=floor.lane_id, since_day=DAY, before_day=NEXT_DAY)
                == ()
            )

    async def test_refuse_days_out_of_order(self, floor: Floor) -> None:
        async with undone(floor.scope) as work:
            with pytest.raises(InvalidDays):
                await load_kpis(work, scope=KpiScope.LANE, place_id=floor.lane_id, since_day=DAY, before_day=DAY)

    @pytest.mark.parametrize("kind", list(KpiScope))
    async def test_of_another_organization_do_not_exist(self, floor: Floor, other: Floor, kind: KpiScope) -> None:
        place_id = getattr(floor, f"{kind}_id")
        async with undone(other.scope) as work:
            with pytest.raises(NotFound, match=kind):
                await load_kpis(work, scope=kind, place_id=place_id, since_day=DAY, before_day=NEXT_DAY)

    async def test_are_not_for_those_without_the_right(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            nobody = Work(type(work.scope)(floor.scope.org_id, actor_kind="user"), work.session, work.now, work._driver)
            for asking in (
                load_kpis(nobody, scope=KpiScope.LANE, place_id=floor.lane_id, since_day=DAY, before_day=NEXT_DAY),
                load_shift_kpis(nobody, lane_id=floor.lane_id),
                load_shift_kpis(nobody, machine_id=floor.machine_id),
                load_order_kpis(nobody, work_order_id=new_id()),
            ):
                with pytest.raises(Forbidden):
                    await asking


class TestLoadShiftKpis:
    async def test_equal_the_facts_before_those_are_added_up(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            await morning(work, floor, make)
            (from_facts,) = await load_kpis(
                work, scope=KpiScope.LANE, place_id=floor.lane_id, since_day=DAY, before_day=NEXT_DAY,
                by=KpiGrouping.SHIFT,
            )  # fmt: skip

            of_lane = await load_shift_kpis(work, lane_id=floor.lane_id, key=from_facts.key)
            of_machine = await load_shift_kpis(work, machine_id=floor.machine_id, key=from_facts.key)

            assert of_lane.figures.kpis.oee == from_facts.kpis.oee == of_machine.figures.kpis.oee
            assert of_lane.figures.account.by_cause_s == from_facts.account.by_cause_s
            assert of_lane.figures.waterfall[-1].left_s == 450 * 36

    async def test_tell_each_hour_its_target_and_its_pieces(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            await morning(work, floor, make)

            report = await load_machine_shift(
                work,
                machine_id=floor.machine_id,
                key=str((await load_shift_report(work, lane_id=floor.lane_id, key=await key_of(work, floor))).shift.id),
            )

            hours = report.machines[0].hours
            assert [hour.target for hour in hours] == [100] * 8
            assert [(hour.good, hour.not_good) for hour in hours if hour.good] == [
                (Decimal(400), Decimal(0)),
                (Decimal(50), Decimal(50)),
            ]

    async def test_of_another_organization_do_not_exist(self, floor: Floor, other: Floor) -> None:
        async with undone(other.scope) as work:
            with pytest.raises(NotFound, match="lane"):
                await load_shift_kpis(work, lane_id=floor.lane_id)
            with pytest.raises(NotFound, match="machine"):
                await load_shift_kpis(work, machine_id=floor.machine_id)


class TestLoadOrderKpis:
    async def test_equal_the_hand_calculation(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            await tell(work, floor, MORNING)
            each = await operation(work, floor, make)
            run = ProductionRun(
                org_id=floor.scope.org_id, plant_id=floor.plant_id, machine_id=floor.machine_id, run_key="R",
                order_number="WO", part_number="P", state="completed", started_at=SIX, ended_at=SIX + 8 * HOUR,
                operation_id=each.id,
            )  # fmt: skip
            work.session.add(run)
            await work.session.flush()
            await made(work, floor, SIX + 2 * HOUR, good=450, scrap=50, of=each, run_id=run.id)

            order = await load_order_kpis(work, work_order_id=each.work_order_id)

            kpis = order.kpis
            assert (kpis.throughput_rate, kpis.scrap_ratio) == (Decimal(500) / (8 * 3600), Decimal("0.1"))
            assert (kpis.setup_rate, kpis.effectiveness) == (Decimal(1) / 7, Decimal(500 * 36) / (6 * 3600))
            assert (kpis.fall_off_ratio, order.ended_at) == (Decimal("0.1"), SIX + 8 * HOUR)

    async def test_of_another_organization_do_not_exist(self, floor: Floor, other: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            order_id = (await operation(work, floor, make)).work_order_id
        async with undone(other.scope) as work:
            with pytest.raises(NotFound, match="order"):
                await load_order_kpis(work, work_order_id=order_id)


class TestExplainKpi:
    async def test_opens_to_formula_inputs_and_shifts(self, floor: Floor, make: Make) -> None:
        async with undone(floor.scope) as work:
            await morning(work, floor, make)

            evidence = await explain_kpi(
                work, kpi=Kpi.AVAILABILITY, scope=KpiScope.LANE, place_id=floor.lane_id, since_day=DAY,
                before_day=NEXT_DAY,
            )  # fmt: skip

            assert evidence.explanation.formula == "APT / PBT"
            assert [each.value for each in evidence.explanation.inputs] == [6 * 3600, 8 * 3600]
            assert [shift.account.by_cause_s[TimeCause.UNEXPLAINED] for shift in evidence.shifts] == [3600]


async def key_of(work: Work, floor: Floor) -> str:
    """Return the key of the floor's one shift."""
    rows = await work.fetch("SELECT id FROM shift_occurrences WHERE lane_id = $1", floor.lane_id)
    return str(rows[0]["id"])
