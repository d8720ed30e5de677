"""The colours that an organization chooses: four roles in light and in dark, and what must be readable on what.

Everything else stays ours, above all the colours of states: red means the same on every wall.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeAlias

from domain.branding.contrasts import READABLE, can_be_read, checked_color, contrast, mixed, nearest_readable
from domain.checks import InvalidChoice
from domain.errors import Invalid, marked


class Mode(StrEnum):
    """How a screen is lit."""

    LIGHT = "light"
    DARK = "dark"


class ColorRole(StrEnum):
    """What an organization's colour is for."""

    ACCENT = "accent"  # links, what is chosen, what has the focus
    PRIMARY = "primary"  # the ground of the one main button
    ON_PRIMARY = "on_primary"  # its words
    HEADER = "header"  # the ground of the rail and of the bar above walls
    ON_HEADER = "on_header"  # their words


Palette: TypeAlias = Mapping[Mode, Mapping[ColorRole, str]]
"""Every role's colour in each mode, as `#rrggbb`."""

GROUNDS: dict[Mode, tuple[str, ...]] = {
    Mode.LIGHT: ("#f3f5f7", "#ffffff", "#e9edf1"),
    Mode.DARK: ("#0e1114", "#181c21", "#20262c", "#0a0c0f"),
}
"""What stands behind an accent: pages, surfaces, what is raised or sunken (`ui/theme/tokens.py`)."""

OURS: dict[Mode, dict[ColorRole, str]] = {
    Mode.LIGHT: {
        ColorRole.ACCENT: "#1c5fc4",
        ColorRole.PRIMARY: "#1c5fc4",
        ColorRole.ON_PRIMARY: "#ffffff",
        ColorRole.HEADER: "#ffffff",
        ColorRole.ON_HEADER: "#151a1f",
    },
    Mode.DARK: {
        ColorRole.ACCENT: "#7fb0ff",
        ColorRole.PRIMARY: "#3a70d4",
        ColorRole.ON_PRIMARY: "#ffffff",
        ColorRole.HEADER: "#181c21",
        ColorRole.ON_HEADER: "#e9edf1",
    },
}
"""What an organization has that chose nothing."""

WORDS_ON: dict[ColorRole, ColorRole] = {
    ColorRole.PRIMARY: ColorRole.ON_PRIMARY,
    ColorRole.HEADER: ColorRole.ON_HEADER,
}
"""The words that stand on each ground of an organization's own."""
MUTED_SHARES = (0.76, 0.82, 0.88, 0.94, 1.0)
CHOSEN_SHARES = (0.12, 0.08, 0.04, 0.0)


@dataclass(frozen=True)
class Unreadable:
    """A colour that cannot be read where it stands, and the nearest that can."""

    mode: Mode
    role: ColorRole
    color: str
    ratio: float
    """Its least contrast with what stands behind or on it."""
    proposal: str
    """The nearest colour of the same hue that passes."""


class UnreadableColor(Invalid):
    """A colour whose words nobody with weak eyes could read."""

    code: ClassVar[str] = "unreadable_color"
    sentence: ClassVar[str] = marked(
        "The colour {color} ({field}) has a contrast of {ratio}, and 4.5 is needed to read it. {proposal} would do."
    )


def checked_palette(given: Mapping[str, Mapping[str, str]]) -> dict[Mode, dict[ColorRole, str]]:
    """Return the colours that an organization gives in place of ours; empty words take a colour away.

    Raises:
        InvalidChoice, InvalidColor: a mode, role or colour is none.
        UnreadableColor: the first of `unreadable`.
    """
    own: dict[Mode, dict[ColorRole, str]] = {}
    for mode, colors in given.items():
        if mode not in set(Mode):
            raise InvalidChoice(field="colors", choices=", ".join(Mode))
        for role, color in colors.items():
            if role not in set(ColorRole):
                raise InvalidChoice(field=f"colors.{mode}", choices=", ".join(ColorRole))
            if color.strip():
                checked = checked_color(color, field=f"{mode}.{role}")
                own.setdefault(Mode(mode), {})[ColorRole(role)] = checked
    wrong = unreadable(completed(own))
    if wrong:
        first = wrong[0]
        raise UnreadableColor(
            field=f"{first.mode}.{first.role}", color=first.color, ratio=f"{first.ratio:.2f}", proposal=first.proposal
        )
    return own


def completed(own: Palette) -> dict[Mode, dict[ColorRole, str]]:
    """Return an organization's colours, ours where it has none."""
    return {mode: {**OURS[mode], **own.get(mode, {})} for mode in Mode}


def unreadable(palette: Palette) -> list[Unreadable]:
    """Return the colours that cannot be read, each with the nearest that can.

    Of a ground and the words on it, both are named: either may give way.
    """
    found = []
    for mode, colors in palette.items():
        pairs = {ColorRole.ACCENT: GROUNDS[mode]}
        for ground, words in WORDS_ON.items():
            pairs |= {words: (colors[ground],), ground: (colors[words],)}
        for role, against in pairs.items():
            color = colors[role]
            if not can_be_read(color, against):
                # two digits are shown: what does not pass must not look as if it did
                ratio = min(min(contrast(color, other) for other in against), READABLE - 0.01)
                found.append(Unreadable(mode, role, color, ratio, nearest_readable(color, against)))
    return found


def tokens_of(own: Palette) -> dict[Mode, dict[str, str]]:
    """Return the custom properties that an organization's colours replace, without their prefix; none without any.

    What depends on a colour goes with it: the focus and the present bar with the accent, the quieter words and the
    chosen place with the header, as quiet as can still be read. Colours that cannot be read, which nobody can save, go
    as they are: a preview shows them while they are typed.
    """
    tokens: dict[Mode, dict[str, str]] = {}
    for mode, colors in completed(own).items():
        given = own.get(mode, {})
        replaced: dict[str, str] = {}
        if ColorRole.ACCENT in given:
            accent = colors[ColorRole.ACCENT]
            replaced |= {"accent": accent, "focus": accent, "bar-now": accent}
        if given.keys() & {ColorRole.PRIMARY, ColorRole.ON_PRIMARY}:
            replaced |= {"primary": colors[ColorRole.PRIMARY], "on-primary": colors[ColorRole.ON_PRIMARY]}
        if given.keys() & {ColorRole.HEADER, ColorRole.ON_HEADER}:
            replaced |= _header(colors[ColorRole.HEADER], colors[ColorRole.ON_HEADER])
        if replaced:
            tokens[mode] = replaced
    return tokens


def _header(ground: str, words: str) -> dict[str, str]:
    quieter = (mixed(words, ground, share) for share in MUTED_SHARES)
    muted = next((one for one in quieter if can_be_read(one, (ground,))), words)
    marked = (mixed(words, ground, share) for share in CHOSEN_SHARES)
    chosen = next((one for one in marked if can_be_read(words, (one,))), ground)
    return {
        "header": ground,
        "on-header": words,
        "header-muted": muted,
        "header-chosen": chosen,
        "header-mark": words,
        "header-border": mixed(words, ground, 0.2),
    }
