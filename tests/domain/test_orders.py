"""The life of a work order, and what may be booked on it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.production.orders import (
    BOOKABLE,
    LOCKED,
    NEXT,
    WORDS,
    InvalidAllowance,
    InvalidOrderQuantity,
    MoreThanOrdered,
    OrderAction,
    OrderLocked,
    OrderMovedOn,
    OrderNotOpen,
    OrderQuantities,
    OrderState,
    OrderStatus,
    QuantityBelowGood,
    check_editable,
    check_open,
    fitting,
    follow_order,
    order_actions,
    split_off,
    with_quantity,
    with_report,
)

LIFE = {
    ("draft", "release", "released"),
    ("draft", "cancel", "cancelled"),
    ("released", "start", "in_progress"),
    ("released", "hold", "on_hold"),
    ("released", "cancel", "cancelled"),
    ("in_progress", "hold", "on_hold"),
    ("in_progress", "complete", "completed"),
    ("on_hold", "resume", "released"),
    ("on_hold", "cancel", "cancelled"),
    ("completed", "close", "closed"),
}

PIECES = st.decimals(min_value=0, max_value=1000, places=2)


def order(quantity: int, good: int = 0, scrap: int = 0, allowance: str = "0") -> OrderQuantities:
    return OrderQuantities(Decimal(quantity), Decimal(good), Decimal(scrap), Decimal(allowance))


class TestFollowOrder:
    @pytest.mark.parametrize("state", OrderState)
    @pytest.mark.parametrize("action", OrderAction)
    def test_lets_an_order_live_as_designed(self, state: OrderState, action: OrderAction) -> None:
        then = {after for before, by, after in LIFE if (before, by) == (state.value, action.value)}

        if then:
            assert {follow_order(OrderStatus(state), action).state.value} == then
            return
        with pytest.raises(OrderMovedOn, match=WORDS[state]):
            follow_order(OrderStatus(state), action)

    @pytest.mark.parametrize("state", [OrderState.RELEASED, OrderState.IN_PROGRESS])
    def test_returns_from_a_hold_to_where_it_was(self, state: OrderState) -> None:
        held = follow_order(OrderStatus(state), OrderAction.HOLD)

        assert held == OrderStatus(OrderState.ON_HOLD, held_from=state)
        assert follow_order(held, OrderAction.RESUME) == OrderStatus(state)

    def test_forgets_the_hold_of_a_cancelled_order(self) -> None:
        held = follow_order(OrderStatus(OrderState.RELEASED), OrderAction.HOLD)

        assert follow_order(held, OrderAction.CANCEL) == OrderStatus(OrderState.CANCELLED)

    def test_knows_what_follows_every_state(self) -> None:
        assert set(NEXT) == set(OrderState) == set(WORDS)
        assert order_actions(OrderStatus(OrderState.IN_PROGRESS)) == (OrderAction.HOLD, OrderAction.COMPLETE)

    @given(st.lists(st.sampled_from(OrderAction), max_size=30))
    def test_never_leaves_a_lock_but_to_close(self, actions: list[OrderAction]) -> None:
        status = OrderStatus()
        for action in actions:
            before = status
            if action in order_actions(status):
                status = follow_order(status, action)
            assert before.state not in LOCKED or status.state in {before.state, OrderState.CLOSED}
            assert (status.held_from is None) == (status.state is not OrderState.ON_HOLD)


class TestCheckEditable:
    @pytest.mark.parametrize("state", OrderState)
    def test_refuses_what_is_over(self, state: OrderState) -> None:
        if state not in LOCKED:
            check_editable(OrderStatus(state))
            return
        with pytest.raises(OrderLocked, match=state.value):
            check_editable(OrderStatus(state))


class TestCheckOpen:
    @pytest.mark.parametrize("state", OrderState)
    def test_lets_reports_on_released_and_running_orders_pass(self, state: OrderState) -> None:
        if state in BOOKABLE:
            check_open(OrderStatus(state))
            return
        with pytest.raises(OrderLocked if state in LOCKED else OrderNotOpen):
            check_open(OrderStatus(state))


class TestWithReport:
    def test_adds_good_and_scrap_and_counts_only_good_toward_the_target(self) -> None:
        after = with_report(order(100), good=Decimal(8), scrap=Decimal(2))

        assert [after.good, after.scrap, after.remaining, after.bookable] == [8, 2, 92, 90]

    def test_refuses_more_than_the_order_allows_and_says_how_much_it_takes(self) -> None:
        with pytest.raises(MoreThanOrdered, match="takes 10 more") as refused:
            with_report(order(100, good=80, scrap=10), good=Decimal(9), scrap=Decimal(2))

        assert refused.value.fields == {"bookable": Decimal(10), "reported": Decimal(11)}

    def test_takes_the_allowance_to_its_last_piece(self) -> None:
        full = with_report(order(100, good=90, scrap=10, allowance="0.05"), good=Decimal(5), scrap=Decimal(0))

        assert full.bookable == 0
        with pytest.raises(MoreThanOrdered):
            with_report(full, good=Decimal("0.000001"), scrap=Decimal(0))

    def test_takes_a_reversal_back_even_where_the_order_was_reduced(self) -> None:
        reduced = with_quantity(order(100, good=50, scrap=20), Decimal(50))

        after = with_report(reduced, good=Decimal(0), scrap=Decimal(-5))

        assert [after.scrap, after.bookable] == [15, -15]

    @given(PIECES.filter(bool), st.decimals(min_value=0, max_value=1, places=3), st.lists(st.tuples(PIECES, PIECES)))
    def test_never_books_past_the_allowance(
        self, quantity: Decimal, allowance: Decimal, reports: list[tuple[Decimal, Decimal]]
    ) -> None:
        now = OrderQuantities(quantity, overproduction_allowance=allowance)
        for good, scrap in reports:
            try:
                now = with_report(now, good=good, scrap=scrap)
            except MoreThanOrdered:
                assert now.good + now.scrap + good + scrap > quantity * (1 + allowance)

        assert now.good + now.scrap <= quantity * (1 + allowance)
        assert now.remaining == quantity - now.good


class TestFitting:
    def test_takes_good_pieces_first_and_leaves_the_surplus(self) -> None:
        assert fitting(order(10, good=6), good=Decimal(3), scrap=Decimal(2)) == (Decimal(3), Decimal(1))
        assert fitting(order(10, good=6), good=Decimal(5), scrap=Decimal(2)) == (Decimal(4), Decimal(0))

    def test_takes_nothing_where_more_is_booked_than_the_order_allows(self) -> None:
        assert fitting(order(10, good=6, scrap=9), good=Decimal(1), scrap=Decimal(1)) == (Decimal(0), Decimal(0))

    @given(PIECES.filter(bool), st.decimals(min_value=0, max_value=1, places=3), PIECES, PIECES)
    def test_is_what_a_report_may_say_and_not_a_piece_less(
        self, quantity: Decimal, allowance: Decimal, good: Decimal, scrap: Decimal
    ) -> None:
        now = OrderQuantities(quantity, overproduction_allowance=allowance)

        taken_good, taken_scrap = fitting(now, good=good, scrap=scrap)

        after = with_report(now, good=taken_good, scrap=taken_scrap)
        assert after.bookable == 0 or (taken_good, taken_scrap) == (good, scrap)


class TestWithQuantity:
    def test_refuses_less_than_is_good_and_takes_exactly_that(self) -> None:
        made = order(100, good=60, scrap=5)

        assert with_quantity(made, Decimal(60)).remaining == 0
        with pytest.raises(QuantityBelowGood, match="60 are good"):
            with_quantity(made, Decimal("59.999999"))

    @pytest.mark.parametrize("quantity", [0, -1])
    def test_refuses_an_order_of_nothing(self, quantity: int) -> None:
        with pytest.raises(InvalidOrderQuantity):
            with_quantity(order(100), Decimal(quantity))

    def test_refuses_an_allowance_below_zero(self) -> None:
        with pytest.raises(InvalidAllowance):
            order(100, allowance="-0.1")


class TestSplitOff:
    def test_leaves_what_was_booked_with_the_first(self) -> None:
        first, second = split_off(order(100, good=30, scrap=5, allowance="0.1"), Decimal(70))

        assert first == order(30, good=30, scrap=5, allowance="0.1")
        assert second == order(70, allowance="0.1")

    def test_refuses_to_take_what_is_good_already(self) -> None:
        with pytest.raises(QuantityBelowGood):
            split_off(order(100, good=30), Decimal(71))

    @pytest.mark.parametrize("quantity", [0, 100])
    def test_refuses_to_leave_or_make_an_order_of_nothing(self, quantity: int) -> None:
        with pytest.raises(InvalidOrderQuantity):
            split_off(order(100), Decimal(quantity))
