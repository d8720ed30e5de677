"""In which order the rows of an organization can go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.operations.deletions import Reference, deletion_order

names = st.sampled_from("abcdef")


class TestDeletionOrder:
    @given(st.lists(st.tuples(names, names, st.booleans()), max_size=15))
    def test_puts_each_table_before_all_that_it_still_refers_to(self, drawn: list[tuple[str, str, bool]]) -> None:
        references = [Reference(f"r{place}", *one) for place, one in enumerate(drawn)]
        try:
            order = deletion_order(set("abcdef"), references)
        except ValueError:
            hard = [one for one in references if not one.may_be_empty]
            with pytest.raises(ValueError, match="circle"):
                deletion_order(set("abcdef"), hard)
            return

        assert sorted(order.tables) == sorted("abcdef")
        for one in references:
            if one.name in order.emptied:
                assert one.may_be_empty
            else:
                assert order.tables.index(one.child) < order.tables.index(one.parent)

    def test_empties_only_what_lies_in_a_circle(self) -> None:
        references = [
            Reference("operations_run", "operations", "runs", may_be_empty=True),
            Reference("runs_operation", "runs", "operations", may_be_empty=False),
            Reference("orders_split", "orders", "orders", may_be_empty=True),
            Reference("operations_order", "operations", "orders", may_be_empty=True),
        ]

        order = deletion_order({"operations", "orders", "runs"}, references)

        assert sorted(order.emptied) == ["operations_run", "orders_split"]
        assert order.tables == ("runs", "operations", "orders")
