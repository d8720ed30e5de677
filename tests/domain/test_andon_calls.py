"""The life of an Andon call."""

import pytest

from domain.andon.calls import NEXT, CallMovedOn, CallState, follow

LIFE = {
    ("raised", "acknowledged"),
    ("raised", "resolved"),
    ("acknowledged", "resolved"),
    ("resolved", "closed"),
}


class TestFollow:
    @pytest.mark.parametrize("now", CallState)
    @pytest.mark.parametrize("then", CallState)
    def test_lets_a_call_go_on_and_never_back(self, now: CallState, then: CallState) -> None:
        if (now.value, then.value) in LIFE:
            assert follow(now, then) is then
            return

        with pytest.raises(CallMovedOn, match=f"already {now.value}"):
            follow(now, then)

    def test_knows_what_follows_every_state(self) -> None:
        assert set(NEXT) == set(CallState)
