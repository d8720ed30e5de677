"""What makes the steps of a routing fit together."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.checks import InvalidQuantity, InvalidText
from domain.production.routings import (
    LARGEST_SEQUENCE,
    LONGEST_INSTRUCTIONS,
    MOST_STEPS,
    InvalidPredecessor,
    InvalidSequence,
    InvalidWorkCentre,
    NoSteps,
    RoutingStep,
    checked_steps,
)

PLACE = UUID(int=1)


def step(sequence: int, *predecessors: int, **fields: Any) -> RoutingStep:
    """Return a step at a machine that waits for the given ones, or for none."""
    return RoutingStep(sequence, f"Step {sequence}", machine_id=PLACE, predecessors=predecessors, **fields)


def after_the_one_before(sequence: int) -> RoutingStep:
    return replace(step(sequence), predecessors=None)


class TestCheckedSteps:
    def test_come_by_sequence_and_each_waits_for_the_one_before(self) -> None:
        steps = checked_steps([after_the_one_before(30), after_the_one_before(10), after_the_one_before(20)])

        assert [(one.sequence, one.predecessors) for one in steps] == [(10, ()), (20, (10,)), (30, (20,))]

    def test_name_every_predecessor_once(self) -> None:
        steps = checked_steps([step(10), step(20), step(30, 20, 10, 20)])

        assert [one.predecessors for one in steps] == [(), (), (10, 20)]

    def test_may_begin_several_at_once(self) -> None:
        assert [one.predecessors for one in checked_steps([step(10), step(20)])] == [(), ()]

    @pytest.mark.parametrize("count", [0, MOST_STEPS + 1])
    def test_are_at_least_one_and_not_too_many(self, count: int) -> None:
        with pytest.raises(NoSteps):
            checked_steps([step(number + 1) for number in range(count)])

    @pytest.mark.parametrize("sequence", [-1, 0, LARGEST_SEQUENCE + 1, 10])
    def test_refuse_a_sequence_out_of_range_or_twice(self, sequence: int) -> None:
        with pytest.raises(InvalidSequence, match=str(sequence)):
            checked_steps([step(10), step(sequence)])

    @pytest.mark.parametrize("predecessor", [5, 20, 30])
    def test_refuse_to_wait_for_what_does_not_come_earlier(self, predecessor: int) -> None:
        with pytest.raises(InvalidPredecessor, match=f"20 cannot wait for {predecessor}"):
            checked_steps([step(10), step(20, predecessor), step(30)])

    @pytest.mark.parametrize("places", [{"machine_id": None}, {"lane_id": PLACE}])
    def test_refuse_no_place_and_two(self, places: dict[str, Any]) -> None:
        with pytest.raises(InvalidWorkCentre):
            checked_steps([replace(step(10), **places)])

    def test_have_no_planned_time_where_zero_is_given(self) -> None:
        none, some = checked_steps([step(10, run_time_s=Decimal(0)), step(20, run_time_s=Decimal("0.5"))])

        assert (none.run_time_s, some.run_time_s) == (None, Decimal("0.5"))

    @pytest.mark.parametrize("field", ["setup_time_s", "run_time_s"])
    @pytest.mark.parametrize("time", ["-1", "NaN", "Infinity", "1e30", "0.0000001"])
    def test_refuse_times_that_cannot_be(self, field: str, time: str) -> None:
        with pytest.raises(InvalidQuantity):
            checked_steps([step(10, **{field: Decimal(time)})])

    @pytest.mark.parametrize(
        ("field", "words"),
        [("name", ""), ("name", "a\x00b"), ("name", "x" * 201), ("instructions", "x" * (LONGEST_INSTRUCTIONS + 1)),
         ("instructions", "\x1b[0m")],
    )  # fmt: skip
    def test_refuse_words_that_nobody_can_read(self, field: str, words: str) -> None:
        wrong: dict[str, Any] = {field: words}

        with pytest.raises(InvalidText):
            checked_steps([replace(step(10), **wrong)])

    @given(
        st.lists(st.integers(1, 60), unique=True, min_size=1, max_size=12).flatmap(
            lambda all_of_them: st.permutations(
                [
                    step(one, *(before for before in all_of_them if before < one and (before + one) % 3))
                    for one in all_of_them
                ]
            )
        )
    )
    def test_never_wait_in_a_circle_whatever_order_they_come_in(self, steps: list[RoutingStep]) -> None:
        done: set[int] = set()
        for one in checked_steps(steps):
            assert set(one.predecessors or ()) <= done
            done.add(one.sequence)

        assert checked_steps(steps) == checked_steps(checked_steps(steps))
