"""Who is told when nobody answers a call."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.andon.ladders import (
    AnswerTargets,
    Channel,
    InvalidLadder,
    InvalidShelving,
    LadderStep,
    Recipient,
    checked_ladder,
    checked_shelving,
    due_steps,
    next_due_at,
    resolution_time,
    response_time,
)
from domain.plant.periods import Period

RAISED = datetime(2026, 6, 3, 6, tzinfo=UTC)


def minute(number: float) -> datetime:
    return RAISED + timedelta(minutes=number)


def step(minutes: int, whom: str = "supervisor") -> LadderStep:
    return LadderStep(timedelta(minutes=minutes), Recipient.ROLE, whom, frozenset({Channel.SCREEN}))


LADDER = (step(0), step(5), step(15))


class TestDueSteps:
    @pytest.mark.parametrize(("now", "numbers"), [(0, [0]), (4.9, [0]), (5, [0, 1]), (60, [0, 1, 2])])
    def test_fire_by_their_delay_from_the_raising(self, now: float, numbers: list[int]) -> None:
        assert [due.number for due in due_steps(LADDER, raised_at=RAISED, now=minute(now))] == numbers

    def test_fire_once(self) -> None:
        assert [due.number for due in due_steps(LADDER, raised_at=RAISED, now=minute(6), fired={0})] == [1]
        assert due_steps(LADDER, raised_at=RAISED, now=minute(6), fired={0, 1}) == ()

    def test_say_so_when_they_come_late(self) -> None:
        (late,) = due_steps(LADDER, raised_at=RAISED, now=minute(9), fired={0})
        (in_time,) = due_steps(LADDER, raised_at=RAISED, now=minute(5.5), fired={0})

        assert (late.due_at, late.is_late, in_time.is_late) == (minute(5), True, False)

    def test_stop_when_somebody_acknowledges_even_those_that_are_overdue(self) -> None:
        assert due_steps(LADDER, raised_at=RAISED, now=minute(60), acknowledged_at=minute(50)) == ()

    def test_wait_while_the_call_lies_on_the_shelf(self) -> None:
        shelved = Period(minute(2), minute(20))

        assert due_steps(LADDER, raised_at=RAISED, now=minute(19), fired={0}, shelved=shelved) == ()
        after = due_steps(LADDER, raised_at=RAISED, now=minute(20), fired={0}, shelved=shelved)
        assert [(due.number, due.due_at, due.is_late) for due in after] == [
            (1, minute(20), False),
            (2, minute(20), False),
        ]

    def test_come_at_their_own_time_after_the_shelf(self) -> None:
        shelved = Period(minute(2), minute(10))

        due = due_steps(LADDER, raised_at=RAISED, now=minute(30), fired={0, 1}, shelved=shelved)

        assert [one.due_at for one in due] == [minute(15)]

    @given(st.lists(st.integers(0, 100), max_size=6, unique=True), st.lists(st.integers(0, 120), max_size=20))
    def test_fire_exactly_once_each_however_often_anybody_looks(self, delays: list[int], looks: list[int]) -> None:
        ladder = checked_ladder([step(delay) for delay in sorted(delays)])
        fired: list[int] = []

        for now in [*sorted(looks), 120]:
            fired += [due.number for due in due_steps(ladder, raised_at=RAISED, now=minute(now), fired=fired)]

        assert fired == list(range(len(ladder)))


class TestNextDueAt:
    def test_is_the_time_of_the_next_step(self) -> None:
        assert next_due_at(LADDER, raised_at=RAISED, fired={0}) == minute(5)
        assert next_due_at(LADDER, raised_at=RAISED, fired={0, 1, 2}) is None
        assert next_due_at(LADDER, raised_at=RAISED, acknowledged_at=minute(1)) is None

    def test_is_the_end_of_the_shelf_where_the_step_has_to_wait(self) -> None:
        shelved = Period(minute(2), minute(10))

        assert next_due_at(LADDER, raised_at=RAISED, fired={0}, shelved=shelved) == minute(10)

    @given(
        st.sets(st.integers(0, 2)), st.integers(0, 30), st.none() | st.tuples(st.integers(0, 20), st.integers(1, 20))
    )
    def test_agrees_with_what_is_due(self, fired: set[int], now: int, shelf: tuple[int, int] | None) -> None:
        shelved = None if shelf is None else Period(minute(shelf[0]), minute(sum(shelf)))

        next_at = next_due_at(LADDER, raised_at=RAISED, fired=fired, shelved=shelved)
        due = due_steps(LADDER, raised_at=RAISED, now=minute(now), fired=fired, shelved=shelved)

        assert (next_at is not None and next_at <= minute(now)) == bool(due)


class TestCheckedLadder:
    def test_passes_steps_that_follow_each_other(self) -> None:
        assert checked_ladder(list(LADDER)) == LADDER
        assert checked_ladder([]) == ()

    @pytest.mark.parametrize(
        "steps",
        [
            [step(5), step(5)],
            [step(5), step(1)],
            [step(-1)],
            [step(1, whom="")],
            [LadderStep(timedelta(), Recipient.ON_CALL, "maintenance", frozenset())],
        ],
    )
    def test_refuses_steps_that_tell_nobody_or_nothing_new(self, steps: list[LadderStep]) -> None:
        with pytest.raises(InvalidLadder):
            checked_ladder(steps)


class TestCheckedShelving:
    def test_lasts_from_now_until_its_end(self) -> None:
        shelved = checked_shelving(minute(30), now=minute(10), longest=timedelta(minutes=20))

        assert shelved == Period(minute(10), minute(30))
        assert not shelved.contains(minute(30))

    @pytest.mark.parametrize("until", [9, 10, 31])
    def test_refuses_an_end_in_the_past_or_too_far_away(self, until: int) -> None:
        with pytest.raises(InvalidShelving, match="up to 20 minutes"):
            checked_shelving(minute(until), now=minute(10), longest=timedelta(minutes=20))


class TestAnswerTimes:
    TARGETS = AnswerTargets(response=timedelta(minutes=5), resolution=timedelta(minutes=30))

    def test_run_from_the_raising_until_the_answer(self) -> None:
        response = response_time(
            raised_at=RAISED, acknowledged_at=minute(4), resolved_at=minute(31), now=minute(60), targets=self.TARGETS
        )
        resolution = resolution_time(raised_at=RAISED, resolved_at=minute(31), now=minute(60), targets=self.TARGETS)

        assert (response.elapsed_s, response.is_over, response.missed) == (Decimal(240), True, False)
        assert (resolution.elapsed_s, resolution.is_over, resolution.missed) == (Decimal(1860), True, True)

    def test_run_on_until_somebody_answers(self) -> None:
        response = response_time(
            raised_at=RAISED, acknowledged_at=None, resolved_at=None, now=minute(6), targets=self.TARGETS
        )

        assert (response.elapsed_s, response.is_over, response.missed) == (Decimal(360), False, True)

    def test_take_a_resolution_for_the_response_where_nobody_acknowledged(self) -> None:
        response = response_time(
            raised_at=RAISED, acknowledged_at=None, resolved_at=minute(3), now=minute(60), targets=self.TARGETS
        )

        assert (response.elapsed_s, response.is_over) == (Decimal(180), True)

    def test_miss_nothing_without_a_target(self) -> None:
        resolution = resolution_time(raised_at=RAISED, resolved_at=None, now=minute(600), targets=AnswerTargets())

        assert (resolution.target_s, resolution.missed) == (None, None)
