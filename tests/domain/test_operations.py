"""The life of an operation, and why it cannot start."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.plant.machine_states import MachineState
from domain.production.operations import (
    NEXT,
    SENTENCES,
    MoreThanBefore,
    ObstacleKind,
    OperationAction,
    OperationMovedOn,
    OperationNotOpen,
    OperationState,
    Predecessor,
    Requirement,
    StartFacts,
    StartRefused,
    Transfer,
    check_handed_on,
    check_reportable,
    check_start,
    follow_operation,
    handed_on,
    is_ready,
    operation_actions,
    why_not_start,
)
from domain.production.orders import OrderState

LIFE = {
    ("waiting", "make_ready", "ready"),
    ("waiting", "cancel", "cancelled"),
    ("ready", "start", "running"),
    ("ready", "cancel", "cancelled"),
    ("running", "pause", "paused"),
    ("running", "finish", "done"),
    ("paused", "start", "running"),
    ("paused", "finish", "done"),
    ("paused", "cancel", "cancelled"),
}

FREE = StartFacts(OperationState.READY, OrderState.RELEASED, machine_state=MachineState.IDLE)


def before(
    good: int = 0,
    state: OperationState = OperationState.RUNNING,
    transfer: Transfer = Transfer.FINISH_TO_START,
    name: str = "10 Sawing",
) -> Predecessor:
    return Predecessor(name, state, Decimal(good), transfer)


def kinds(facts: StartFacts) -> list[ObstacleKind]:
    return [obstacle.kind for obstacle in why_not_start(facts)]


class TestFollowOperation:
    @pytest.mark.parametrize("state", OperationState)
    @pytest.mark.parametrize("action", OperationAction)
    def test_lets_an_operation_live_as_designed(self, state: OperationState, action: OperationAction) -> None:
        then = {after for now, by, after in LIFE if (now, by) == (state.value, action.value)}

        if then:
            assert {follow_operation(state, action).value} == then
            return
        with pytest.raises(OperationMovedOn, match=f"already {state.value}"):
            follow_operation(state, action)

    def test_knows_what_follows_every_state(self) -> None:
        assert set(NEXT) == set(OperationState)
        assert operation_actions(OperationState.RUNNING) == (OperationAction.PAUSE, OperationAction.FINISH)


class TestWhyNotStart:
    def test_is_empty_where_nothing_stands_in_the_way(self) -> None:
        assert why_not_start(FREE) == ()
        check_start(FREE)

    def test_gives_every_reason_at_once_and_in_order(self) -> None:
        facts = StartFacts(
            OperationState.WAITING,
            OrderState.ON_HOLD,
            predecessors=(before(), before(transfer=Transfer.PARTIAL, name="20 Turning")),
            holds=("Wrong alloy",),
            machine_state=MachineState.MAINTENANCE,
            running_on_machine=("WO-7 / 30",),
            missing=(
                (Requirement.DOCUMENT, "Drawing 4"),
                (Requirement.MATERIAL, "Bar 20"),
                (Requirement.SKILL, "Welding"),
                (Requirement.GAUGE, "Calliper 3"),
                (Requirement.TOOL, "Jig 9"),
            ),
        )

        assert [str(obstacle) for obstacle in why_not_start(facts)] == [
            "The order is on hold.",
            "There is a hold: Wrong alloy.",
            "“10 Sawing” must be done first.",
            "“20 Turning” has not handed on enough pieces yet.",
            "The machine is under maintenance.",
            "“WO-7 / 30” is running on this machine. Pause or finish it first.",
            "Material is missing: Bar 20.",
            "A tool is missing: Jig 9.",
            "A gauge is missing or overdue: Calliper 3.",
            "You need the skill “Welding”.",
            "A document is missing: Drawing 4.",
        ]

    def test_is_what_the_refusal_carries(self) -> None:
        facts = replace(FREE, order_state=OrderState.ON_HOLD, machine_state=MachineState.UNPLANNED_STOP)

        with pytest.raises(StartRefused, match=r"yet: The order is on hold. The machine is down\.$") as refused:
            check_start(facts)

        assert refused.value.obstacles == why_not_start(facts)

    @pytest.mark.parametrize(
        ("state", "obstacles"),
        [
            (OrderState.DRAFT, [ObstacleKind.ORDER_NOT_RELEASED]),
            (OrderState.RELEASED, []),
            (OrderState.IN_PROGRESS, []),
            (OrderState.ON_HOLD, [ObstacleKind.ORDER_ON_HOLD]),
            (OrderState.COMPLETED, [ObstacleKind.ORDER_LOCKED]),
            (OrderState.CLOSED, [ObstacleKind.ORDER_LOCKED]),
            (OrderState.CANCELLED, [ObstacleKind.ORDER_LOCKED]),
        ],
    )
    def test_asks_for_a_released_order(self, state: OrderState, obstacles: list[ObstacleKind]) -> None:
        assert kinds(replace(FREE, order_state=state)) == obstacles

    @pytest.mark.parametrize("state", OperationState)
    def test_starts_nothing_that_runs_or_is_over(self, state: OperationState) -> None:
        is_over = state in {OperationState.RUNNING, OperationState.DONE, OperationState.CANCELLED}

        assert kinds(replace(FREE, operation_state=state)) == [ObstacleKind.OPERATION_NOT_STARTABLE] * is_over

    @pytest.mark.parametrize("state", MachineState)
    def test_asks_for_a_machine_that_is_neither_down_nor_in_maintenance(self, state: MachineState) -> None:
        down = {
            MachineState.UNPLANNED_STOP: [ObstacleKind.MACHINE_DOWN],
            MachineState.MAINTENANCE: [ObstacleKind.MACHINE_UNDER_MAINTENANCE],
        }

        assert kinds(replace(FREE, machine_state=state)) == down.get(state, [])

    def test_lets_one_operation_run_unless_the_machine_runs_several(self) -> None:
        busy = replace(FREE, running_on_machine=("WO-7 / 30", "WO-8 / 10"))

        assert kinds(busy) == [ObstacleKind.MACHINE_BUSY] * 2
        assert kinds(replace(busy, allows_parallel=True)) == []

    @pytest.mark.parametrize("state", OperationState)
    def test_waits_for_the_operation_before_to_finish(self, state: OperationState) -> None:
        is_over = state in {OperationState.DONE, OperationState.CANCELLED}

        facts = replace(FREE, predecessors=(before(50, state),))

        assert kinds(facts) == [ObstacleKind.PREDECESSOR_NOT_DONE] * (not is_over)
        assert is_ready(facts.predecessors) is is_over

    @pytest.mark.parametrize(
        ("handed_on", "own", "may_start"), [(0, 0, False), (1, 0, True), (5, 5, False), (6, 5, True)]
    )
    def test_starts_on_a_part_of_the_pieces_where_partial_transfer_is_allowed(
        self, handed_on: int, own: int, may_start: bool
    ) -> None:
        facts = replace(FREE, good=Decimal(own), predecessors=(before(handed_on, transfer=Transfer.PARTIAL),))

        assert (kinds(facts) == []) is may_start

    def test_has_a_sentence_for_every_obstacle(self) -> None:
        assert set(SENTENCES) == set(ObstacleKind)
        assert {f"missing_{kind.value}" for kind in Requirement} <= set(ObstacleKind)

    @given(
        st.builds(
            StartFacts,
            operation_state=st.sampled_from(OperationState),
            order_state=st.sampled_from(OrderState),
            good=st.decimals(min_value=0, max_value=10, places=0),
            predecessors=st.lists(
                st.builds(
                    Predecessor,
                    name=st.just("before"),
                    state=st.sampled_from(OperationState),
                    good=st.decimals(min_value=0, max_value=10, places=0),
                    transfer=st.sampled_from(Transfer),
                ),
                max_size=3,
            ).map(tuple),
            holds=st.lists(st.just("hold"), max_size=2).map(tuple),
            machine_state=st.sampled_from(MachineState),
            running_on_machine=st.lists(st.just("other"), max_size=2).map(tuple),
            allows_parallel=st.booleans(),
            missing=st.lists(st.tuples(st.sampled_from(Requirement), st.just("it")), max_size=3).map(tuple),
        )
    )
    def test_keeps_the_order_of_kinds_and_every_sentence_whole(self, facts: StartFacts) -> None:
        obstacles = why_not_start(facts)

        order = list(ObstacleKind)
        assert [one.kind for one in obstacles] == sorted((one.kind for one in obstacles), key=order.index)
        assert all("{" not in str(one) for one in obstacles)


class TestCheckHandedOn:
    def test_takes_as_many_good_pieces_as_were_handed_on(self) -> None:
        check_handed_on(Decimal(10), [before(10), before(12)])

    def test_refuses_one_more_and_names_the_operation(self) -> None:
        with pytest.raises(MoreThanBefore, match="“10 Sawing” has handed on 10"):
            check_handed_on(Decimal(11), [before(12, name="5"), before(10)])

    def test_is_not_held_back_by_a_cancelled_operation(self) -> None:
        check_handed_on(Decimal(11), [before(0, OperationState.CANCELLED)])


class TestHandedOn:
    def test_is_what_the_slowest_operation_before_has_more(self) -> None:
        assert handed_on(Decimal(4), [before(12), before(10), before(0, OperationState.CANCELLED)]) == 6

    def test_is_never_less_than_nothing(self) -> None:
        assert handed_on(Decimal(11), [before(10)]) == 0

    def test_has_no_end_where_nothing_comes_before(self) -> None:
        assert handed_on(Decimal(4), []) is None
        assert handed_on(Decimal(4), [before(0, OperationState.CANCELLED)]) is None


class TestCheckReportable:
    NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

    @pytest.mark.parametrize("state", [OperationState.RUNNING, OperationState.PAUSED])
    def test_takes_reports_on_what_is_under_way(self, state: OperationState) -> None:
        check_reportable(state, made_at=self.NOON, ended_at=None)

    def test_takes_late_reports_of_what_was_made_before_the_end(self) -> None:
        check_reportable(OperationState.DONE, made_at=self.NOON - timedelta(seconds=1), ended_at=self.NOON)

    @pytest.mark.parametrize("late_s", [0, 1])
    def test_refuses_what_cannot_have_been_made_on_it(self, late_s: int) -> None:
        with pytest.raises(OperationNotOpen, match="while it is done"):
            check_reportable(OperationState.DONE, made_at=self.NOON + timedelta(seconds=late_s), ended_at=self.NOON)

    @pytest.mark.parametrize(
        "state", [OperationState.WAITING, OperationState.READY, OperationState.CANCELLED, OperationState.DONE]
    )
    def test_refuses_reports_on_what_nobody_began_or_finished(self, state: OperationState) -> None:
        ended_at = self.NOON + timedelta(hours=1) if state is OperationState.CANCELLED else None

        with pytest.raises(OperationNotOpen, match=state.value):
            check_reportable(state, made_at=self.NOON, ended_at=ended_at)
