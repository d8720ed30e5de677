"""Every minute of a shift has exactly one cause, and the KPIs follow from the causes."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.plant.losses import PieceLoss, loss_waterfall, pareto
from domain.plant.machine_states import MachineState
from domain.plant.periods import Period
from domain.plant.reasons import LossCategory
from domain.plant.shift_accounts import (
    ExplainedTime,
    InvalidThreshold,
    TimeCause,
    accounts_together,
    explain_shift,
    explained_within,
    seconds_by_reason,
    time_account,
    work_unit_repairs,
    work_unit_times,
)
from domain.plant.shifts import ShiftOccurrence
from domain.plant.timelines import StateChange, StopReason
from domain.production.kpis import WorkUnitOutput, work_unit_kpis

REASONS = {category: StopReason(UUID(int=number), category) for number, category in enumerate(LossCategory)}


def minute(number: int) -> datetime:
    return datetime(2026, 6, 3, 6, tzinfo=UTC) + timedelta(minutes=number)


def period(start: int, end: int) -> Period:
    return Period(minute(start), minute(end))


SHIFT = ShiftOccurrence(
    UUID(int=1), None, date(2026, 6, 3), "early", "crew", period(0, 480), (period(120, 135), period(240, 270))
)
OVER = minute(10_000)

CHANGES = st.lists(
    st.builds(
        StateChange,
        at=st.integers(-100, 600).map(minute),
        state=st.sampled_from(MachineState),
        reason=st.none() | st.sampled_from(list(REASONS.values())),
    ),
    max_size=25,
)
PIECES = st.decimals(min_value=0, max_value=5000, places=0)


def change(start: int, state: MachineState, category: LossCategory | None = None) -> StateChange:
    return StateChange(minute(start), state, None if category is None else REASONS[category])


def explained(*changes: StateChange, until: datetime = OVER, threshold_s: int = 120) -> tuple[ExplainedTime, ...]:
    return explain_shift(SHIFT, changes, until=until, micro_stop_s=Decimal(threshold_s))


def minutes(*changes: StateChange, until: datetime = OVER) -> dict[TimeCause, Decimal]:
    spent = time_account(explained(*changes, until=until)).by_cause_s
    return {cause: lost_s / 60 for cause, lost_s in spent.items() if lost_s}


class TestExplainShift:
    def test_gives_every_state_its_cause(self) -> None:
        spent = minutes(
            change(0, MachineState.SETUP), change(20, MachineState.RUNNING), change(60, MachineState.UNPLANNED_STOP),
            change(61, MachineState.RUNNING), change(80, MachineState.UNPLANNED_STOP),
            change(100, MachineState.BLOCKED), change(105, MachineState.STARVED), change(115, MachineState.RUNNING),
            change(300, MachineState.MAINTENANCE), change(310, MachineState.PLANNED_STOP),
            change(320, MachineState.IDLE), change(360, MachineState.NO_DATA), change(400, MachineState.RUNNING),
        )  # fmt: skip

        assert spent == {
            TimeCause.CHANGEOVER: 20, TimeCause.RUNNING: 40 + 19 + 185 + 80, TimeCause.MINOR: 1,
            TimeCause.UNEXPLAINED: 20, TimeCause.BLOCKED: 5, TimeCause.STARVED: 10, TimeCause.BREAKDOWN: 10,
            TimeCause.PLANNED: 10, TimeCause.IDLE: 40, TimeCause.NO_DATA: 40,
        }  # fmt: skip

    @pytest.mark.parametrize("category", LossCategory)
    def test_lets_a_reason_decide_over_the_state(self, category: LossCategory) -> None:
        spent = minutes(change(0, MachineState.UNPLANNED_STOP, category), change(1, MachineState.RUNNING))

        assert spent == {TimeCause(category.value): 1, TimeCause.RUNNING: 479}

    @pytest.mark.parametrize("state", [MachineState.BLOCKED, MachineState.STARVED, MachineState.NO_DATA])
    def test_keeps_what_is_told_apart_apart_whatever_the_reason(self, state: MachineState) -> None:
        spent = minutes(change(0, state, LossCategory.BREAKDOWN), change(60, MachineState.RUNNING))

        assert spent == {TimeCause(state.value): 60, TimeCause.RUNNING: 420}

    @pytest.mark.parametrize("state", sorted(set(MachineState) - {MachineState.RUNNING, MachineState.SETUP}))
    def test_takes_breaks_out_of_everything_that_is_not_work(self, state: MachineState) -> None:
        spent = minutes(change(-5, state, LossCategory.BREAKDOWN))

        assert spent[TimeCause.BREAK] == 45
        assert sum(spent.values()) == 480

    def test_counts_a_worked_break_as_worked(self) -> None:
        account = time_account(explained(change(0, MachineState.RUNNING)))

        assert minutes(change(0, MachineState.RUNNING)) == {TimeCause.RUNNING: 480}
        assert work_unit_times(account).planned_busy_s == work_unit_times(account).production_s == 480 * 60

    def test_counts_a_break_in_which_the_machine_was_set_up_as_changeover(self) -> None:
        spent = minutes(
            change(0, MachineState.RUNNING), change(110, MachineState.SETUP), change(140, MachineState.RUNNING)
        )

        assert spent == {TimeCause.RUNNING: 450, TimeCause.CHANGEOVER: 30}

    def test_tells_a_micro_stop_by_its_whole_length_across_the_start_of_the_shift(self) -> None:
        spent = minutes(change(-10, MachineState.UNPLANNED_STOP), change(1, MachineState.RUNNING))

        assert spent == {TimeCause.UNEXPLAINED: 1, TimeCause.RUNNING: 479}

    def test_ends_at_now_while_the_shift_goes_on(self) -> None:
        assert minutes(change(0, MachineState.RUNNING), until=minute(100)) == {TimeCause.RUNNING: 100}
        assert minutes(change(0, MachineState.RUNNING), until=minute(-100)) == {}

    def test_refuses_a_threshold_below_zero(self) -> None:
        with pytest.raises(InvalidThreshold):
            explained(threshold_s=-1)

    @given(CHANGES, st.integers(0, 900))
    def test_explains_every_minute_exactly_once(self, changes: list[StateChange], threshold_s: int) -> None:
        parts = explained(*changes, threshold_s=threshold_s)

        account = time_account(parts)
        assert account.total_s == SHIFT.length_s
        assert sum(account.by_state_s.values()) == SHIFT.length_s
        assert parts[0].period.starts_at == SHIFT.period.starts_at
        assert all(one.period.ends_at == two.period.starts_at for one, two in pairwise(parts))

    @given(CHANGES)
    def test_of_all_hours_is_that_of_the_shift(self, changes: list[StateChange]) -> None:
        parts = explained(*changes)

        hours = [time_account(explained_within(parts, period(60 * hour, 60 * hour + 60))) for hour in range(8)]

        assert accounts_together(hours) == time_account(parts)


class TestWorkUnitTimes:
    def test_follow_the_rules(self) -> None:
        account = time_account(
            explained(
                change(0, MachineState.SETUP), change(20, MachineState.RUNNING),
                change(60, MachineState.UNPLANNED_STOP, LossCategory.MATERIAL), change(100, MachineState.IDLE),
                change(120, MachineState.IDLE), change(150, MachineState.BLOCKED), change(160, MachineState.RUNNING),
                change(240, MachineState.NO_DATA), change(300, MachineState.PLANNED_STOP),
                change(330, MachineState.RUNNING),
            )
        )  # fmt: skip

        times = work_unit_times(account, calendar_s=Decimal(86400))

        assert times.planned_operation_s == 480 * 60
        assert times.planned_busy_s == (480 - 15 - 30 - 30 - 30) * 60
        assert times.production_s == (40 + 80 + 150) * 60
        assert times.setup_s == 20 * 60
        assert times.down_s == 40 * 60
        assert times.unit_busy_s == (270 + 20 + 40) * 60

    @given(CHANGES)
    def test_never_spend_more_than_was_planned(self, changes: list[StateChange]) -> None:
        account = time_account(explained(*changes))

        times = work_unit_times(account)

        waiting = (TimeCause.IDLE, TimeCause.BLOCKED, TimeCause.STARVED)
        assert times.planned_busy_s == times.unit_busy_s + sum(account.by_cause_s[cause] for cause in waiting)
        assert 0 <= times.production_s <= times.planned_busy_s <= SHIFT.length_s

    @given(CHANGES)
    def test_are_the_same_whether_nobody_knows_or_no_shift_was_planned(self, changes: list[StateChange]) -> None:
        known = [one for one in changes if one.state is not MachineState.NO_DATA]
        blind = [change(-200, MachineState.NO_DATA), *known]
        planned = [change(-200, MachineState.PLANNED_STOP), *known]

        assert work_unit_times(time_account(explained(*blind))) == work_unit_times(time_account(explained(*planned)))


class TestWorkUnitRepairs:
    def test_count_a_breakdown_its_maintenance_and_the_break_between_as_one_failure(self) -> None:
        repairs = work_unit_repairs(
            explained(
                change(0, MachineState.RUNNING), change(100, MachineState.UNPLANNED_STOP, LossCategory.BREAKDOWN),
                change(110, MachineState.MAINTENANCE), change(150, MachineState.RUNNING),
                change(300, MachineState.MAINTENANCE, LossCategory.PLANNED), change(330, MachineState.RUNNING),
                change(400, MachineState.UNPLANNED_STOP, LossCategory.BREAKDOWN), change(410, MachineState.RUNNING),
            )
        )  # fmt: skip

        assert repairs.failures == 2
        assert repairs.repair_s == (20 + 15 + 10) * 60
        assert repairs.operating_s == (100 + 150 + 70 + 70) * 60
        assert [repairs.corrective_s, repairs.preventive_s] == [(10 + 15) * 60, 30 * 60]

    def test_leave_a_failure_to_the_shift_in_which_it_began(self) -> None:
        repairs = work_unit_repairs(explained(change(-10, MachineState.MAINTENANCE), change(10, MachineState.RUNNING)))

        assert (repairs.failures, repairs.repair_s) == (0, Decimal(600))

    def test_of_no_time_are_none(self) -> None:
        assert work_unit_repairs(()).failures == 0


class TestSecondsByReason:
    def test_collect_what_each_reason_cost_and_what_nobody_explained(self) -> None:
        lost = seconds_by_reason(
            explained(
                change(0, MachineState.UNPLANNED_STOP), change(10, MachineState.UNPLANNED_STOP, LossCategory.MATERIAL),
                change(30, MachineState.PLANNED_STOP, LossCategory.PLANNED), change(40, MachineState.RUNNING),
            )
        )  # fmt: skip

        assert lost == {None: 600, REASONS[LossCategory.MATERIAL].id: 1200}


class TestLossWaterfall:
    @given(CHANGES, PIECES, PIECES, st.decimals(min_value=0, max_value=50_000, places=1))
    def test_ends_at_the_time_that_oee_calls_valuable(
        self, changes: list[StateChange], good: Decimal, scrap: Decimal, planned_run_s: Decimal
    ) -> None:
        account = time_account(explained(*changes))
        output = WorkUnitOutput(good, scrap, planned_run_s=planned_run_s)
        times = work_unit_times(account)

        steps = loss_waterfall(account, output)

        left = {step.cause: step.left_s for step in steps}
        assert left[TimeCause.NO_DATA] == times.planned_busy_s
        assert left[TimeCause.STARVED] == times.production_s
        oee = work_unit_kpis(times, output).oee
        assert oee is None or abs(steps[-1].left_s - oee * times.planned_busy_s) < Decimal("1e-15")

    @given(CHANGES)
    def test_steps_down_from_the_length_of_the_shift(self, changes: list[StateChange]) -> None:
        steps = loss_waterfall(time_account(explained(*changes)), WorkUnitOutput(Decimal(1)))

        assert steps[0].left_s + steps[0].lost_s == SHIFT.length_s
        assert all(before.left_s - step.lost_s == step.left_s for before, step in pairwise(steps))
        assert not {step.cause for step in steps} & set(PieceLoss)


class TestPareto:
    def test_goes_from_the_longest_to_the_shortest_with_shares(self) -> None:
        bars = pareto({"jam": Decimal(10), "none": Decimal(0), "meeting": Decimal(30), "tool": Decimal(10)})

        assert [bar.key for bar in bars] == ["meeting", "jam", "tool"]
        assert [bar.share for bar in bars] == [Decimal("0.6"), Decimal("0.2"), Decimal("0.2")]
        assert [bar.cumulative_share for bar in bars] == [Decimal("0.6"), Decimal("0.8"), 1]

    def test_of_nothing_is_empty(self) -> None:
        assert pareto({}) == pareto({"jam": Decimal(0)}) == ()

    @given(st.dictionaries(st.integers(), st.decimals(min_value=0, max_value=10_000, places=2)))
    def test_always_adds_up(self, losses: dict[int, Decimal]) -> None:
        bars = pareto(losses)

        assert sum(bar.lost_s for bar in bars) == sum(losses.values())
        assert not bars or bars[-1].cumulative_share == 1
        assert all(one.lost_s >= two.lost_s for one, two in pairwise(bars))
