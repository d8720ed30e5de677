"""Every text can be read on its background, in light and in dark (WCAG 2.2, 1.4.3 and 1.4.11)."""

import pytest

from ui.theme.tokens import (
    BOARD_ICONS,
    CHART_BAR,
    CHART_LINES,
    COLORS,
    MACHINE_STATES,
    SEVERITIES,
    TIME_CAUSES,
    Mode,
    StatusLook,
    stylesheet,
)

MODES: tuple[Mode, ...] = ("light", "dark")
BACKGROUNDS = ("page", "surface", "raised", "sunken")
LOOKS = {**MACHINE_STATES, **SEVERITIES, **{f"cause {name}": look for name, look in TIME_CAUSES.items()}}


class TestTokens:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("background", BACKGROUNDS)
    @pytest.mark.parametrize("text", ["text", "text-muted", "accent"])
    def test_text_can_be_read_on_every_background(self, mode: Mode, background: str, text: str) -> None:
        assert contrast(COLORS[mode][text], COLORS[mode][background]) >= 4.5

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("pair", [("on-primary", "primary"), ("on-banner", "banner"), ("on-done", "done")])
    def test_text_can_be_read_on_its_own_fill(self, mode: Mode, pair: tuple[str, str]) -> None:
        text, fill = pair

        assert contrast(COLORS[mode][text], COLORS[mode][fill]) >= 4.5

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("background", BACKGROUNDS)
    @pytest.mark.parametrize("graphic", ["primary", "focus", "good", "border-strong", "bar", "bar-now"])
    def test_graphics_can_be_told_from_every_background(self, mode: Mode, background: str, graphic: str) -> None:
        assert contrast(COLORS[mode][graphic], COLORS[mode][background]) >= 3

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("line", [CHART_BAR, *CHART_LINES])
    def test_charts_can_be_told_from_their_ground(self, mode: Mode, line: str) -> None:
        assert contrast(line, COLORS[mode]["surface"]) >= 3

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
    def test_status_can_be_read_on_its_fill(self, mode: Mode, look: StatusLook) -> None:
        assert contrast(look.on_fill[mode], look.fill[mode]) >= 4.5

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("background", ["page", "surface"])
    @pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
    def test_status_ink_can_be_read_on_pages(self, mode: Mode, background: str, look: StatusLook) -> None:
        assert contrast(look.ink[mode], COLORS[mode][background]) >= 4.5

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("state", ["running", "setup", "maintenance"])
    def test_coloured_icon_can_be_told_from_its_tile(self, mode: Mode, state: str) -> None:
        look = MACHINE_STATES[state]

        assert contrast(look.ink[mode], look.fill[mode]) >= 3

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("state", ["unplanned_stop", "blocked", "starved"])
    def test_a_loss_stands_out_from_a_running_machine(self, mode: Mode, state: str) -> None:
        fill, calm = MACHINE_STATES[state].fill[mode], MACHINE_STATES["running"].fill[mode]

        assert chroma(fill) - chroma(calm) > 100

    def test_both_modes_name_the_same_colors(self) -> None:
        assert COLORS["light"].keys() == COLORS["dark"].keys()

    def test_losses_of_one_color_differ_by_icon(self) -> None:
        icons = BOARD_ICONS["states"]

        assert len(set(icons.values())) == len(icons)

    def test_stylesheet_switches_with_the_page_and_with_quasar(self) -> None:
        css = stylesheet()

        assert "html[data-theme=dark],body.body--dark{" in css
        assert css.count("--u-on-state-unplanned-stop:") == 2


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    red, green, blue = (linear(channel / 255) for channel in channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def chroma(color: str) -> int:
    return max(channels(color)) - min(channels(color))


def channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
