"""Contrast as WCAG defines it, and the nearest colour that can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.branding.contrasts import (
    STEP,
    InvalidColor,
    can_be_read,
    checked_color,
    contrast,
    lightness,
    mixed,
    nearest_readable,
    with_lightness,
)

colors = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


class TestContrast:
    @pytest.mark.parametrize(
        ("one", "other", "ratio"),
        [
            ("#000000", "#ffffff", 21.0),
            ("#ffffff", "#ffffff", 1.0),
            ("#777777", "#ffffff", 4.48),
            ("#767676", "#ffffff", 4.54),
            ("#ff0000", "#ffffff", 4.0),
            ("#0000ff", "#ffffff", 8.59),
            ("#00ff00", "#ffffff", 1.37),
            ("#ffff00", "#000000", 19.56),
            ("#949494", "#ffffff", 3.03),
        ],
    )
    def test_is_what_others_publish(self, one: str, other: str, ratio: float) -> None:
        assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
        assert contrast(other, one) == contrast(one, other)

    @given(colors, colors)
    def test_lies_between_1_and_21(self, one: str, other: str) -> None:
        assert 1 <= contrast(one, other) <= 21


class TestNearestReadable:
    @given(colors, colors)
    def test_always_passes_against_one_colour(self, color: str, ground: str) -> None:
        assert can_be_read(nearest_readable(color, [ground]), [ground])

    @given(colors)
    def test_leaves_alone_what_can_be_read(self, color: str) -> None:
        ground = "#ffffff" if contrast(color, "#ffffff") >= 4.5 else "#000000"

        assert nearest_readable(color, [ground]) == color

    @given(colors, colors)
    def test_is_the_smallest_change_of_lightness(self, color: str, ground: str) -> None:
        proposal = nearest_readable(color, [ground])

        assert can_be_read(color, [ground]) == (proposal == color)
        for step in range(1 + round(1 / STEP)):
            nearest = {with_lightness(color, lightness(color) + way * step * STEP) for way in (1, -1)}
            if proposal in nearest:
                break
            assert not any(can_be_read(nearer, [ground]) for nearer in nearest)
        else:
            raise AssertionError("the proposal has another hue")

    @given(st.integers(0, 255), st.integers(0, 255))
    def test_is_the_very_next_grey_for_greys(self, color: int, ground: int) -> None:
        given_grey, other = (f"#{value:02x}{value:02x}{value:02x}" for value in (color, ground))

        proposal = nearest_readable(given_grey, [other])

        passing = [grey for grey in greys() if can_be_read(grey, [other])]
        least = min(abs(lightness(grey) - lightness(given_grey)) for grey in passing)
        assert abs(lightness(proposal) - lightness(given_grey)) <= least + STEP

    def test_keeps_the_hue(self) -> None:
        assert nearest_readable("#ffd100", ["#ffffff"]) == "#8f7400"

    def test_passes_against_several_grounds(self) -> None:
        grounds = ["#0e1114", "#181c21", "#20262c"]

        assert can_be_read(nearest_readable("#1c5fc4", grounds), grounds)

    def test_takes_the_better_end_where_nothing_passes(self) -> None:
        assert nearest_readable("#888888", ["#000000", "#ffffff"], least=7) in {"#000000", "#ffffff"}


class TestColor:
    @pytest.mark.parametrize(("given_as", "kept"), [("#1C5FC4", "#1c5fc4"), (" #abc ", "#aabbcc")])
    def test_is_kept_in_one_way(self, given_as: str, kept: str) -> None:
        assert checked_color(given_as, field="color") == kept

    @pytest.mark.parametrize("wrong", ["", "red", "#12345", "#1234567", "#ggg", "url(x)", "#fff;}body{", "١٢٣"])
    def test_is_nothing_else(self, wrong: str) -> None:
        with pytest.raises(InvalidColor):
            checked_color(wrong, field="color")

    def test_mixes_as_a_browser_does(self) -> None:
        assert mixed("#ffffff", "#000000", 0.5) == "#808080"
        assert mixed("#123456", "#abcdef", 1) == "#123456"


def greys() -> list[str]:
    return [f"#{value:02x}{value:02x}{value:02x}" for value in range(256)]
