"""What a page of the order board is sent with."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.components.order_board import SHOWN_AT_FIRST, glance

STATES = ("draft", "released", "in_progress", "on_hold", "completed")


def board(*orders: dict[str, Any]) -> dict[str, Any]:
    centre = {"code": "M-1", "name": "Mill", "order": 1}
    return {"orders": {str(number): order for number, order in enumerate(orders)}, "centres": {"m": centre}}


def order(state: str = "released", *, priority: int = 500, **fields: Any) -> dict[str, Any]:
    return {"number": "A", "state": state, "priority": priority, **fields}


class TestGlance:
    def test_shows_the_most_urgent_of_each_state(self) -> None:
        many = [order(priority=100 - number) for number in range(SHOWN_AT_FIRST + 5)]

        shown = glance(board(*many, order("draft", priority=900)))

        assert set(shown["orders"]) == {str(number) for number in range(5, SHOWN_AT_FIRST + 6)}  # type: ignore[arg-type]
        assert shown["counts"] == {"released": SHOWN_AT_FIRST + 5, "draft": 1}

    def test_puts_what_is_due_before_what_is_not(self) -> None:
        equals = [order() for _ in range(SHOWN_AT_FIRST)]

        shown = glance(board(*equals, order(due=2), order(due=1)))

        assert list(shown["orders"])[:2] == [str(SHOWN_AT_FIRST + 1), str(SHOWN_AT_FIRST)]  # type: ignore[arg-type]

    @pytest.mark.parametrize("count", [0, 1, SHOWN_AT_FIRST])
    def test_of_a_small_board_is_all_of_it(self, count: int) -> None:
        whole = board(*(order(state) for state in STATES for _ in range(count)))

        shown = glance(whole)

        assert shown["orders"] == whole["orders"]
        assert shown["centres"] == whole["centres"]

    @given(st.lists(st.builds(order, st.sampled_from(STATES), priority=st.integers(1, 999)), max_size=80))
    def test_leaves_the_board_as_it_is_and_counts_every_order(self, orders: list[dict[str, Any]]) -> None:
        whole = board(*orders)

        shown: dict[str, Any] = glance(whole)

        assert whole == board(*orders)
        assert sum(shown["counts"].values()) == len(orders)
        for key, card in shown["orders"].items():
            assert card == whole["orders"][key]
        for state in STATES:
            kept = [card["priority"] for card in shown["orders"].values() if card["state"] == state]
            left = [card["priority"] for key, card in whole["orders"].items()
                    if card["state"] == state and key not in shown["orders"]]  # fmt: skip
            assert len(kept) == min(SHOWN_AT_FIRST, len(kept) + len(left))
            assert max(kept, default=0) <= min(left, default=1000)
