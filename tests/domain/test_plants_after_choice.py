"""A choice among the plants that its maker sees, and what becomes of those that they do not."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.edits import UNCHANGED
from domain.identity.rights import plants_after_choice

A, B, C = (UUID(int=number) for number in (1, 2, 3))
PLANTS = st.frozensets(st.sampled_from([A, B, C]))


class TestPlantsAfterChoice:
    @pytest.mark.parametrize(
        ("before", "offered", "chosen", "after"),
        [
            ([A], [A, B], [B], [B]),
            ([A], [A, B], [], None),
            (None, [A, B], [A], [A]),
            ([A, C], [A, B], [B], [B, C]),
            ([A, C], [A, B], [], [C]),
            ([C], [], [], UNCHANGED),
            (None, [A, B], [], UNCHANGED),
            ([A, C], [A, B], [A], UNCHANGED),
            ([], [A], [], UNCHANGED),
        ],
    )
    def test_is_what_was_chosen_and_what_was_not_offered(
        self, before: list[UUID] | None, offered: list[UUID], chosen: list[UUID], after: object
    ) -> None:
        assert plants_after_choice(before, offered=offered, chosen=chosen) == after

    @given(before=PLANTS, offered=PLANTS, chosen=PLANTS)
    def test_never_gives_or_takes_a_plant_that_was_not_offered(
        self, before: frozenset[UUID], offered: frozenset[UUID], chosen: frozenset[UUID]
    ) -> None:
        after = plants_after_choice(before, offered=offered, chosen=chosen & offered)

        if before - offered:
            assert after is not None
        if after is not UNCHANGED and after is not None:
            assert set(after) - offered == before - offered
