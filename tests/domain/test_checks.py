"""Checks of single values that people and programs type in."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.checks import (
    InvalidInstant,
    InvalidQuantity,
    InvalidText,
    checked_instant,
    checked_quantity,
    checked_text,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestCheckedQuantity:
    @pytest.mark.parametrize(
        "value", ["0", "1", "0.000001", "999999999.999999", "1000000000", "1E+3", "-0", "1.500000"]
    )
    def test_passes_what_can_be_booked(self, value: str) -> None:
        assert checked_quantity(Decimal(value), field="good") == Decimal(value)

    @pytest.mark.parametrize(
        "value",
        ["NaN", "sNaN", "Infinity", "-Infinity", "-1", "-0.000001", "1E+30", "1000000000.000001", "0.0000001",
         "1.1234567", "1E-400000", "9" * 60],
    )  # fmt: skip
    def test_refuses_what_cannot(self, value: str) -> None:
        with pytest.raises(InvalidQuantity) as refused:
            checked_quantity(Decimal(value), field="scrap")

        assert refused.value.fields == {"field": "scrap"}

    @given(st.decimals())
    def test_never_fails_in_any_other_way(self, value: Decimal) -> None:
        try:
            passed = checked_quantity(value, field="good")
        except InvalidQuantity:
            return

        assert 0 <= passed <= Decimal(10) ** 9
        assert passed == passed.quantize(Decimal("0.000001"))


class TestCheckedText:
    def test_drops_surrounding_white_space(self) -> None:
        assert checked_text("  Presse 4\n", field="name") == "Presse 4"

    def test_composes_letters_so_that_equal_words_are_equal(self) -> None:
        assert checked_text("Mu\u0308hle", field="name") == "Mühle"

    @pytest.mark.parametrize("value", ["Größe", "プレス", "🏭", "line one\nline two", "a\tb", "O'Neill; DROP TABLE--"])
    def test_passes_what_people_write(self, value: str) -> None:
        assert checked_text(value, field="name") == value

    @pytest.mark.parametrize("value", ["a\x00b", "\x1b[31mred", "bell\x07", "a\rb", "\ud800", "tail\udfff", "\x7f"])
    def test_refuses_control_characters_and_lone_surrogates(self, value: str) -> None:
        with pytest.raises(InvalidText):
            checked_text(value, field="note")

    @pytest.mark.parametrize("value", ["", "   ", "\n"])
    def test_refuses_emptiness_unless_it_is_allowed(self, value: str) -> None:
        with pytest.raises(InvalidText):
            checked_text(value, field="name")

        assert checked_text(value, field="note", may_be_empty=True) == ""

    def test_refuses_what_is_too_long_and_says_how_long_it_may_be(self) -> None:
        with pytest.raises(InvalidText, match="1 to 40"):
            checked_text("x" * 41, field="code", longest=40)

    @given(st.text(st.characters(), max_size=50))
    def test_passes_only_what_postgres_can_keep(self, value: str) -> None:
        try:
            passed = checked_text(value, field="name", may_be_empty=True)
        except InvalidText:
            return

        assert b"\x00" not in passed.encode()


class TestCheckedInstant:
    def test_passes_the_past_in_utc(self) -> None:
        tokyo = datetime(2026, 3, 1, 20, tzinfo=timezone(timedelta(hours=9)))

        assert checked_instant(tokyo, field="at", now=NOW) == datetime(2026, 3, 1, 11, tzinfo=UTC)

    def test_takes_a_clock_that_is_a_little_fast_for_now(self) -> None:
        assert checked_instant(NOW + timedelta(minutes=2), field="at", now=NOW) == NOW

    @pytest.mark.parametrize(
        "value",
        [
            NOW + timedelta(minutes=2, seconds=1),
            datetime(1999, 12, 31, 23, 59, tzinfo=UTC),
            datetime(2026, 3, 1, 11),  # noqa: DTZ001 - the naive time is what is refused
            datetime.max.replace(tzinfo=UTC),
            datetime.min.replace(tzinfo=UTC),
        ],
    )
    def test_refuses_the_future_prehistory_and_times_of_nowhere(self, value: datetime) -> None:
        with pytest.raises(InvalidInstant):
            checked_instant(value, field="at", now=NOW)

    @given(st.datetimes(timezones=st.timezones() | st.none()))
    def test_never_fails_in_any_other_way(self, value: datetime) -> None:
        try:
            passed = checked_instant(value, field="at", now=NOW)
        except InvalidInstant:
            return

        assert passed.tzinfo is UTC
        assert passed <= NOW
