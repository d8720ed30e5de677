"""Counters are differences, never totals."""

from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.plant.counters import CounterOutOfRange, CounterWentBack, made_between, made_over

PIECES = st.decimals(min_value=0, max_value=9999, places=0)


class TestMadeBetween:
    def test_is_the_difference_of_two_readings(self) -> None:
        assert made_between(Decimal(1200), Decimal(1300)) == 100

    def test_goes_on_over_zero_where_the_counter_rolls_over(self) -> None:
        assert made_between(Decimal(9990), Decimal(5), rolls_over_at=Decimal(10000)) == 15

    def test_counts_from_zero_after_a_reset_even_when_the_reading_is_higher(self) -> None:
        assert made_between(Decimal(40), Decimal(7), was_reset=True) == 7
        assert made_between(Decimal(40), Decimal(60), was_reset=True) == 60

    def test_refuses_a_counter_that_went_back_and_asks_for_the_reset(self) -> None:
        with pytest.raises(CounterWentBack, match="from 40 to 7") as refused:
            made_between(Decimal(40), Decimal(7))

        assert refused.value.fields == {"before": Decimal(40), "after": Decimal(7)}

    @pytest.mark.parametrize("reading", [Decimal(-1), Decimal("NaN"), Decimal("Infinity"), Decimal(10001)])
    def test_refuses_what_the_counter_cannot_show(self, reading: Decimal) -> None:
        with pytest.raises(CounterOutOfRange):
            made_between(Decimal(0), reading, rolls_over_at=Decimal(10000))


class TestMadeOver:
    def test_is_nothing_for_fewer_than_two_readings(self) -> None:
        assert made_over([]) == made_over([Decimal(500)]) == 0

    def test_takes_a_smaller_reading_for_a_reset_where_the_counter_resets_itself(self) -> None:
        readings = [Decimal(90), Decimal(100), Decimal(4), Decimal(9)]

        assert made_over(readings, resets_itself=True) == 10 + 4 + 5
        assert made_over(readings, rolls_over_at=Decimal(1000), resets_itself=True) == 10 + 4 + 5

    @given(st.lists(PIECES, max_size=20), PIECES)
    def test_finds_what_was_made_however_often_the_counter_rolled_over(
        self, made: list[Decimal], first: Decimal
    ) -> None:
        shown = [total % 10000 for total in accumulate(made, initial=first)]

        assert made_over(shown, rolls_over_at=Decimal(10000)) == sum(made)

    @given(st.lists(PIECES, min_size=1, max_size=20))
    def test_never_depends_on_what_the_counter_showed_before(self, made: list[Decimal]) -> None:
        early = list(accumulate(made, initial=Decimal(0)))
        late = list(accumulate(made, initial=Decimal(123456)))

        assert made_over(early) == made_over(late) == early[-1]
