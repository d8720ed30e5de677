"""The colours of an organization: readable, or refused with what would do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.branding.contrasts import InvalidColor, can_be_read, contrast
from domain.branding.palettes import (
    GROUNDS,
    OURS,
    ColorRole,
    Mode,
    UnreadableColor,
    checked_palette,
    completed,
    tokens_of,
    unreadable,
)
from domain.checks import InvalidChoice
from ui.theme.tokens import COLORS

colors = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


class TestOurs:
    def test_can_be_read(self) -> None:
        assert unreadable(OURS) == []

    def test_are_those_of_the_theme(self) -> None:
        for mode in Mode:
            tokens = COLORS[mode.value]
            assert {tokens[ground] for ground in ("page", "surface", "raised", "sunken")} == set(GROUNDS[mode])
            assert {role: tokens[role.value.replace("_", "-")] for role in ColorRole} == OURS[mode]


class TestCheckedPalette:
    def test_takes_what_can_be_read_and_forgets_what_is_empty(self) -> None:
        own = checked_palette({"light": {"accent": "#006400", "primary": ""}, "dark": {}})

        assert own == {Mode.LIGHT: {ColorRole.ACCENT: "#006400"}}

    def test_refuses_what_cannot_be_read_and_says_what_would_do(self) -> None:
        with pytest.raises(UnreadableColor) as refused:
            checked_palette({"light": {"header": "#ffd100", "on_header": "#ffffff"}})

        fields = refused.value.fields
        assert fields["field"] == "light.on_header"
        assert fields["ratio"] == "1.46"
        assert contrast(str(fields["proposal"]), "#ffd100") >= 4.5

    def test_checks_a_new_ground_against_our_words(self) -> None:
        with pytest.raises(UnreadableColor):
            checked_palette({"dark": {"primary": "#ffff00"}})

    @pytest.mark.parametrize(
        ("wrong", "kind"),
        [
            ({"night": {"accent": "#000000"}}, InvalidChoice),
            ({"light": {"status": "#000000"}}, InvalidChoice),
            ({"light": {"accent": "expression(alert(1))"}}, InvalidColor),
        ],
    )
    def test_refuses_what_is_no_palette(self, wrong: dict[str, dict[str, str]], kind: type[Exception]) -> None:
        with pytest.raises(kind):
            checked_palette(wrong)

    def test_never_shows_a_contrast_that_looks_like_enough(self) -> None:
        palette = completed({Mode.LIGHT: {ColorRole.PRIMARY: "#767777", ColorRole.ON_PRIMARY: "#ffffff"}})

        assert all(f"{wrong.ratio:.2f}" < "4.50" for wrong in unreadable(palette))


class TestProposals:
    @given(colors, colors, colors)
    def test_lead_to_a_palette_that_can_be_read(self, accent: str, ground: str, words: str) -> None:
        palette = completed(
            {mode: {ColorRole.ACCENT: accent, ColorRole.HEADER: ground, ColorRole.ON_HEADER: words} for mode in Mode}
        )

        for wrong in unreadable(palette):
            if wrong.role in {ColorRole.ACCENT, ColorRole.ON_HEADER}:
                palette[wrong.mode][wrong.role] = wrong.proposal

        assert unreadable(palette) == []


class TestTokens:
    def test_are_none_where_nothing_was_chosen(self) -> None:
        assert tokens_of({}) == {}

    def test_take_the_focus_and_the_present_bar_along_with_the_accent(self) -> None:
        assert tokens_of({Mode.DARK: {ColorRole.ACCENT: "#ffffff"}}) == {
            Mode.DARK: {"accent": "#ffffff", "focus": "#ffffff", "bar-now": "#ffffff"}
        }

    @given(colors, colors)
    def test_are_there_for_a_preview_of_what_nobody_can_read(self, ground: str, words: str) -> None:
        tokens = tokens_of({Mode.LIGHT: {ColorRole.HEADER: ground, ColorRole.ON_HEADER: words}})[Mode.LIGHT]

        assert (tokens["header"], tokens["on-header"]) == (ground, words)

    @given(colors)
    def test_keep_the_quieter_words_of_a_header_readable(self, ground: str) -> None:
        words = max(("#000000", "#ffffff"), key=lambda end: contrast(end, ground))
        tokens = tokens_of({Mode.LIGHT: {ColorRole.HEADER: ground, ColorRole.ON_HEADER: words}})[Mode.LIGHT]

        assert can_be_read(tokens["header-muted"], [ground])
        assert can_be_read(words, [tokens["header-chosen"]])
