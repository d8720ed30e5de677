"""What may be a badge or a PIN."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identity.badges import BadgeKind, InvalidBadge, InvalidPin, WeakPin, checked_badge, is_weak


class TestPin:
    @pytest.mark.parametrize("pin", ["2580", "19841", "00012345", " 2580\n"])
    def test_has_four_to_eight_digits(self, pin: str) -> None:
        assert checked_badge(BadgeKind.PIN, pin) == pin.strip()

    @pytest.mark.parametrize("pin", ["", "258", "258012580", "25a0", "25 80", "٢٥٨٠", "+258"])
    def test_is_nothing_else(self, pin: str) -> None:
        with pytest.raises(InvalidPin):
            checked_badge(BadgeKind.PIN, pin)

    @pytest.mark.parametrize("pin", ["1111", "000000", "1212", "252525", "1234", "4321", "7890", "2109", "12345678"])
    def test_is_refused_when_anybody_would_try_it(self, pin: str) -> None:
        with pytest.raises(WeakPin):
            checked_badge(BadgeKind.PIN, pin)

    @given(st.from_regex(r"[0-9]{4}", fullmatch=True))
    def test_leaves_most_of_all_pins_to_choose_from(self, pin: str) -> None:
        same, pair = len(set(pin)) == 1, pin[:2] == pin[2:]
        run = pin in "01234567890123" or pin in "32109876543210"

        assert is_weak(pin) == (same or pair or run)


class TestBadge:
    @pytest.mark.parametrize("number", ["UM-10442", "0004711", " 0004711\r\n", "A" * 64])
    def test_is_what_a_scanner_sends(self, number: str) -> None:
        assert checked_badge(BadgeKind.BADGE, number) == number.strip()

    @pytest.mark.parametrize("number", ["", "123", "A" * 65, "UM 10442", "UM\x0010442", "Ümlaut"])
    def test_is_nothing_else(self, number: str) -> None:
        with pytest.raises(InvalidBadge):
            checked_badge(BadgeKind.BADGE, number)
