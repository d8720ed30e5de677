"""The design tokens: every colour and size a screen may use, in light and in dark.

`unison.css` sees them as custom properties (`--u-text-muted`), Python as the dictionaries below, and
`tests/ui/test_tokens.py` holds every text and its background to WCAG AA.
"""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["light", "dark"]

COLORS: dict[Mode, dict[str, str]] = {
    "light": {
        "page": "#f3f5f7",
        "surface": "#ffffff",
        "raised": "#ffffff",
        "sunken": "#e9edf1",
        "border": "#d3dae1",
        "border-strong": "#7a8794",
        "text": "#151a1f",
        "text-muted": "#525d68",
        "accent": "#1c5fc4",
        "primary": "#1c5fc4",
        "on-primary": "#ffffff",
        "header": "#ffffff",
        "on-header": "#151a1f",
        "header-muted": "#525d68",
        "header-chosen": "#e9edf1",
        "header-mark": "#1c5fc4",
        "header-border": "#d3dae1",
        "focus": "#1c5fc4",
        "good": "#1b6e3c",
        "done": "#1b6e3c",
        "on-done": "#ffffff",
        "banner": "#ffe3a3",
        "on-banner": "#3d2a00",
        "bar": "#74818e",
        "bar-now": "#1c5fc4",
    },
    "dark": {
        "page": "#0e1114",
        "surface": "#181c21",
        "raised": "#20262c",
        "sunken": "#0a0c0f",
        "border": "#2d353d",
        "border-strong": "#74818e",
        "text": "#e9edf1",
        "text-muted": "#a4afba",
        "accent": "#7fb0ff",
        "primary": "#3a70d4",
        "on-primary": "#ffffff",
        "header": "#181c21",
        "on-header": "#e9edf1",
        "header-muted": "#a4afba",
        "header-chosen": "#0a0c0f",
        "header-mark": "#7fb0ff",
        "header-border": "#2d353d",
        "focus": "#9cc2ff",
        "good": "#63c78a",
        "done": "#1b6e3c",
        "on-done": "#ffffff",
        "banner": "#4a3a10",
        "on-banner": "#ffe9b8",
        "bar": "#77848f",
        "bar-now": "#7fb0ff",
    },
}


@dataclass(frozen=True)
class StatusLook:
    """How one status looks: calm grey when all is well, colour only for what needs someone (ISA-101)."""

    icon: str
    """Name in the Material Icons font, so that the status never rests on colour alone."""
    fill: dict[Mode, str]
    """Background of a tile or chip in this status."""
    on_fill: dict[Mode, str]
    """Text on `fill`."""
    ink: dict[Mode, str]
    """Coloured text or icon on `surface` and `page`."""


_CALM_INK: dict[Mode, str] = {"light": "#525d68", "dark": "#a4afba"}
_RED: dict[Mode, str] = {"light": "#c3231f", "dark": "#c62f2a"}
_ON_RED: dict[Mode, str] = {"light": "#ffffff", "dark": "#ffffff"}
_RED_INK: dict[Mode, str] = {"light": "#b3201c", "dark": "#ff8f87"}
_AMBER: dict[Mode, str] = {"light": "#f5b429", "dark": "#eaa91f"}
_ON_AMBER: dict[Mode, str] = {"light": "#231700", "dark": "#1d1300"}
_AMBER_INK: dict[Mode, str] = {"light": "#7a5200", "dark": "#f4c052"}

MACHINE_STATES: dict[str, StatusLook] = {
    "running": StatusLook(
        "play_arrow",
        {"light": "#ffffff", "dark": "#181c21"},
        {"light": "#151a1f", "dark": "#e9edf1"},
        _CALM_INK,
    ),
    "idle": StatusLook(
        "radio_button_unchecked",
        {"light": "#e9edf1", "dark": "#12161a"},
        {"light": "#4c5762", "dark": "#a4afba"},
        _CALM_INK,
    ),
    "setup": StatusLook(
        "tune",
        {"light": "#dce9fb", "dark": "#162a45"},
        {"light": "#123c78", "dark": "#cfe2ff"},
        {"light": "#1c5fc4", "dark": "#7fb0ff"},
    ),
    "planned_stop": StatusLook(
        "pause",
        {"light": "#e1e6eb", "dark": "#262d34"},
        {"light": "#39434d", "dark": "#c3ccd5"},
        _CALM_INK,
    ),
    "unplanned_stop": StatusLook("dangerous", _RED, _ON_RED, _RED_INK),
    "blocked": StatusLook("block", _AMBER, _ON_AMBER, _AMBER_INK),
    "starved": StatusLook("hourglass_empty", _AMBER, _ON_AMBER, _AMBER_INK),
    "maintenance": StatusLook(
        "build",
        {"light": "#e9e1fb", "dark": "#31264d"},
        {"light": "#432386", "dark": "#e2d8ff"},
        {"light": "#6134b8", "dark": "#bba3ff"},
    ),
    "no_data": StatusLook(
        "sensors_off",
        {"light": "#f3f5f7", "dark": "#0e1114"},
        {"light": "#4c5762", "dark": "#a4afba"},
        _CALM_INK,
    ),
}

SEVERITIES: dict[str, StatusLook] = {
    "minor": StatusLook(
        "info",
        {"light": "#dce9fb", "dark": "#162a45"},
        {"light": "#123c78", "dark": "#cfe2ff"},
        {"light": "#1c5fc4", "dark": "#7fb0ff"},
    ),
    "major": StatusLook("warning", _AMBER, _ON_AMBER, _AMBER_INK),
    "critical": StatusLook("report", _RED, _ON_RED, _RED_INK),
}

_LIGHT_AMBER: dict[Mode, str] = {"light": "#ffe3a3", "dark": "#4a3a10"}
_ON_LIGHT_AMBER: dict[Mode, str] = {"light": "#3d2a00", "dark": "#ffe9b8"}

TIME_CAUSES: dict[str, StatusLook] = {
    "running": StatusLook(
        "play_arrow",
        {"light": "#b9dcc6", "dark": "#24523a"},
        {"light": "#0f3a20", "dark": "#d9f3e3"},
        {"light": "#1b6e3c", "dark": "#63c78a"},
    ),
    "break": MACHINE_STATES["idle"],
    "planned": MACHINE_STATES["planned_stop"],
    "no_data": MACHINE_STATES["no_data"],
    "breakdown": StatusLook("build_circle", _RED, _ON_RED, _RED_INK),
    "changeover": MACHINE_STATES["setup"],
    "minor": StatusLook("bolt", _LIGHT_AMBER, _ON_LIGHT_AMBER, _AMBER_INK),
    "material": StatusLook("inventory_2", _AMBER, _ON_AMBER, _AMBER_INK),
    "organization": StatusLook(
        "groups",
        {"light": "#e9e1fb", "dark": "#31264d"},
        {"light": "#432386", "dark": "#e2d8ff"},
        {"light": "#6134b8", "dark": "#bba3ff"},
    ),
    "quality": StatusLook(
        "fact_check",
        {"light": "#f9d3e4", "dark": "#55203a"},
        {"light": "#6b1039", "dark": "#ffd9e8"},
        {"light": "#9a1b55", "dark": "#ff9cc4"},
    ),
    "unexplained": StatusLook("help", _RED, _ON_RED, _RED_INK),
    "idle": MACHINE_STATES["idle"],
    "blocked": MACHINE_STATES["blocked"],
    "starved": MACHINE_STATES["starved"],
}
"""What a piece of a shift's time was (`domain.plant.shift_accounts.TimeCause`)."""

CHART_BAR = "#77848f"
CHART_LINES = ("#3a70d4", "#b8860b", "#2e8b57", "#9b59b6")
"""Colours of charts, which cannot read custom properties: each can be told from the ground in light and in dark."""

CALL_CATEGORY_ICONS: dict[str, str] = {
    "quality": "fact_check",
    "material": "inventory_2",
    "machine": "precision_manufacturing",
    "safety": "health_and_safety",
    "help": "pan_tool",
}

BOARD_ICONS: dict[str, dict[str, str]] = {
    "states": {state: look.icon for state, look in MACHINE_STATES.items()},
    "severities": {severity: look.icon for severity, look in SEVERITIES.items()},
    "categories": CALL_CATEGORY_ICONS,
}
"""What a board component needs to draw a status: icon names by machine state, severity and call category."""

SIZES: dict[str, str] = {
    "target": "48px",
    "target-primary": "64px",
    "radius": "10px",
    "radius-small": "6px",
    "rail": "216px",
    "top": "56px",
}


def stylesheet() -> str:
    """Write the tokens as CSS: light by default, dark where the page or Quasar says dark."""
    sizes = _declarations(SIZES)
    light = _declarations(_colors("light"))
    dark = _declarations(_colors("dark"))
    return (
        f":root,body.body--light{{color-scheme:light;{sizes}{light}}}"
        f"html[data-theme=dark],body.body--dark{{color-scheme:dark;{dark}}}"
    )


def declarations_of(mode: Mode) -> str:
    """Write the colours of one mode as CSS declarations, for a part of a page that shows it whatever the rest does."""
    return f"color-scheme:{mode};{_declarations(_colors(mode))}"


def _colors(mode: Mode) -> dict[str, str]:
    colors = dict(COLORS[mode])
    for group, looks in (("state", MACHINE_STATES), ("severity", SEVERITIES), ("cause", TIME_CAUSES)):
        for name, look in looks.items():
            prefix = f"{group}-{name.replace('_', '-')}"
            colors[prefix] = look.fill[mode]
            colors[f"on-{prefix}"] = look.on_fill[mode]
            colors[f"{prefix}-ink"] = look.ink[mode]
    return colors


def _declarations(values: dict[str, str]) -> str:
    return "".join(f"--u-{name}:{value};" for name, value in values.items())
