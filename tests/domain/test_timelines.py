"""A machine's timeline and the reasons that people give it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.plant.machine_states import MachineState
from domain.plant.periods import Period
from domain.plant.reasons import LossCategory
from domain.plant.timelines import (
    WITHOUT_REASON,
    NotAStop,
    PartsDoNotFit,
    SeenStop,
    StateChange,
    StopChanged,
    StopPart,
    StopReason,
    classify_stop,
    is_micro_stop,
    segments,
    stretches,
)

RUNNING, STOPPED, NO_DATA = MachineState.RUNNING, MachineState.UNPLANNED_STOP, MachineState.NO_DATA
JAM = StopReason(UUID(int=1), LossCategory.BREAKDOWN)
MEETING = StopReason(UUID(int=2), LossCategory.ORGANIZATION)


def minute(number: int) -> datetime:
    return datetime(2026, 6, 3, 6, tzinfo=UTC) + timedelta(minutes=number)


def changes_at(*changes: tuple[int, MachineState]) -> list[StateChange]:
    return [StateChange(minute(number), state) for number, state in changes]


CHANGES = st.lists(
    st.builds(
        StateChange,
        at=st.integers(-60, 600).map(minute),
        state=st.sampled_from(MachineState),
        reason=st.none() | st.sampled_from([JAM, MEETING]),
    ),
    max_size=15,
)


class TestStretches:
    def test_last_from_a_change_to_the_next(self) -> None:
        first, second = stretches(changes_at((0, RUNNING), (10, STOPPED)))

        assert (first.starts_at, first.ends_at, first.state) == (minute(0), minute(10), RUNNING)
        assert (second.starts_at, second.ends_at) == (minute(10), None)

    def test_go_on_where_the_machine_repeats_itself(self) -> None:
        assert len(stretches(changes_at((0, RUNNING), (5, RUNNING), (10, RUNNING)))) == 1

    def test_take_the_last_of_several_changes_at_one_instant(self) -> None:
        (only,) = stretches(changes_at((0, STOPPED), (0, RUNNING)))

        assert only.state is RUNNING

    def test_know_the_whole_stay_of_a_split_stop(self) -> None:
        parts = stretches(
            [StateChange(minute(0), STOPPED, JAM), StateChange(minute(4), STOPPED, MEETING), *changes_at((9, RUNNING))]
        )

        assert [(part.stay_starts_at, part.stay_ends_at) for part in parts[:2]] == [(minute(0), minute(9))] * 2
        assert parts[0].stay_s(minute(60)) == 540


class TestSegments:
    def test_know_nothing_before_the_first_change(self) -> None:
        first, second = segments(changes_at((10, RUNNING)), Period(minute(0), minute(60)))

        assert (first.state, first.period) == (NO_DATA, Period(minute(0), minute(10)))
        assert (second.state, second.period) == (RUNNING, Period(minute(10), minute(60)))

    def test_without_changes_are_one_of_no_data(self) -> None:
        (only,) = segments([], Period(minute(0), minute(60)))

        assert (only.state, only.period.length_s) == (NO_DATA, Decimal(3600))

    def test_remember_when_a_state_began_and_ended_outside_the_period(self) -> None:
        (only,) = segments(changes_at((-30, STOPPED), (90, RUNNING)), Period(minute(0), minute(60)))

        assert only.period == Period(minute(0), minute(60))
        assert (only.stretch.starts_at, only.stretch.ends_at) == (minute(-30), minute(90))

    @given(CHANGES, st.integers(0, 500), st.integers(0, 100))
    def test_fill_every_period_exactly(self, changes: list[StateChange], start: int, length: int) -> None:
        period = Period(minute(start), minute(start + length))

        pieces = segments(changes, period)

        edges = [period.starts_at, *(edge for one in pieces for edge in (one.period.starts_at, one.period.ends_at))]
        assert [*edges, period.ends_at] == sorted([*edges, period.ends_at])
        assert sum(one.period.length_s for one in pieces) == period.length_s
        assert all(one.period.ends_at == two.period.starts_at for one, two in pairwise(pieces))


class TestIsMicroStop:
    @pytest.mark.parametrize(("length", "is_micro"), [(1, True), (2, False), (3, False)])
    def test_is_a_stop_shorter_than_the_threshold(self, length: int, is_micro: bool) -> None:
        stop, _ = stretches(changes_at((0, STOPPED), (length, RUNNING)))

        assert is_micro_stop(stop, threshold_s=Decimal(120), until=minute(60)) is is_micro

    def test_grows_out_of_it_while_it_goes_on(self) -> None:
        (stop,) = stretches(changes_at((0, STOPPED)))

        assert is_micro_stop(stop, threshold_s=Decimal(120), until=minute(1))
        assert not is_micro_stop(stop, threshold_s=Decimal(120), until=minute(2))

    def test_looks_at_the_whole_of_a_split_stop(self) -> None:
        first, *_ = stretches([StateChange(minute(0), STOPPED, JAM), StateChange(minute(1), STOPPED)])

        assert not is_micro_stop(first, threshold_s=Decimal(120), until=minute(5))

    def test_is_never_another_state(self) -> None:
        (blocked,) = stretches(changes_at((0, MachineState.BLOCKED)))

        assert not is_micro_stop(blocked, threshold_s=Decimal(120), until=minute(1))


class TestClassifyStop:
    CHANGES = changes_at((0, RUNNING), (10, STOPPED), (30, RUNNING))
    SEEN = SeenStop(minute(10), minute(30), STOPPED, None)

    def test_gives_the_whole_stop_a_reason(self) -> None:
        changed = classify_stop(self.CHANGES, seen=self.SEEN, parts=[StopPart(minute(10), JAM)], now=minute(60))

        assert changed == (StateChange(minute(10), STOPPED, JAM),)

    def test_splits_the_stop_into_parts_that_fill_it(self) -> None:
        parts = [StopPart(minute(10), JAM), StopPart(minute(15), None), StopPart(minute(20), MEETING)]

        changed = classify_stop(self.CHANGES, seen=self.SEEN, parts=parts, now=minute(60))

        after = stretches([*self.CHANGES, *changed])
        assert [(one.starts_at, one.ends_at, one.reason) for one in after[1:4]] == [
            (minute(10), minute(15), JAM),
            (minute(15), minute(20), None),
            (minute(20), minute(30), MEETING),
        ]

    def test_holds_for_a_stop_that_ended_after_it_was_seen(self) -> None:
        seen = SeenStop(minute(10), None, STOPPED, None)

        assert classify_stop(self.CHANGES, seen=seen, parts=[StopPart(minute(10), JAM)], now=minute(60))

    @pytest.mark.parametrize(
        "seen",
        [
            SeenStop(minute(11), minute(30), STOPPED, None),
            SeenStop(minute(10), minute(29), STOPPED, None),
            SeenStop(minute(10), minute(30), MachineState.IDLE, None),
            SeenStop(minute(10), minute(30), STOPPED, JAM.id),
        ],
    )
    def test_refuses_a_decision_about_what_is_no_longer_there(self, seen: SeenStop) -> None:
        with pytest.raises(StopChanged, match="Look again"):
            classify_stop(self.CHANGES, seen=seen, parts=[StopPart(minute(10), MEETING)], now=minute(60))

    def test_refuses_the_second_of_two_who_saw_the_same(self) -> None:
        first = classify_stop(self.CHANGES, seen=self.SEEN, parts=[StopPart(minute(10), JAM)], now=minute(60))

        with pytest.raises(StopChanged):
            classify_stop(
                [*self.CHANGES, *first], seen=self.SEEN, parts=[StopPart(minute(10), MEETING)], now=minute(60)
            )

    @pytest.mark.parametrize("state", sorted(WITHOUT_REASON))
    def test_refuses_a_reason_for_time_that_needs_none(self, state: MachineState) -> None:
        with pytest.raises(NotAStop):
            classify_stop(
                changes_at((0, state)),
                seen=SeenStop(minute(0), None, state, None),
                parts=[StopPart(minute(0), JAM)],
                now=minute(5),
            )

    @pytest.mark.parametrize("starts", [[], [11], [10, 30], [10, 45], [10, 20, 20], [10, 20, 15], [5, 10]])
    def test_refuses_parts_that_do_not_make_up_the_stop(self, starts: list[int]) -> None:
        parts = [StopPart(minute(start), JAM) for start in starts]

        with pytest.raises(PartsDoNotFit):
            classify_stop(self.CHANGES, seen=self.SEEN, parts=parts, now=minute(60))

    def test_refuses_a_part_that_begins_in_the_future(self) -> None:
        seen = SeenStop(minute(10), None, STOPPED, None)
        parts = [StopPart(minute(10), JAM), StopPart(minute(20), MEETING)]

        with pytest.raises(PartsDoNotFit):
            classify_stop(changes_at((10, STOPPED)), seen=seen, parts=parts, now=minute(20))

    @given(st.lists(st.integers(1, 19), max_size=5, unique=True))
    def test_neither_loses_nor_adds_time(self, marks: list[int]) -> None:
        starts = [10, *(10 + mark for mark in sorted(marks))]
        parts = [StopPart(minute(start), (JAM, MEETING)[index % 2]) for index, start in enumerate(starts)]

        changed = classify_stop(self.CHANGES, seen=self.SEEN, parts=parts, now=minute(60))

        after = [one for one in stretches([*self.CHANGES, *changed]) if one.state is STOPPED]
        assert [one.starts_at for one in after] == [minute(start) for start in starts]
        assert after[-1].ends_at == minute(30)
        assert {one.stay_s(minute(60)) for one in after} == {Decimal(1200)}
