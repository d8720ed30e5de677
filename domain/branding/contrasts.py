"""Contrast of colours (WCAG 2.2, 1.4.3), and the nearest colour that can be read.

A colour is moved in OKLCH (B. Ottosson, 2020): its hue stays, its lightness changes, its chroma gives way only where
the screen cannot show it. Lightness is what contrast depends on, so that is the smallest change a person sees.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from domain.errors import Invalid, marked

READABLE = 4.5
"""Least contrast of text, WCAG AA."""
HEX = re.compile(r"#[0-9a-f]{6}")
STEP = 1 / 512
"""How finely lightness is tried: less than one of the 256 steps of a screen."""

Rgb = tuple[float, float, float]


class InvalidColor(Invalid):
    """Something that is no colour."""

    code: ClassVar[str] = "invalid_color"
    sentence: ClassVar[str] = marked("“{field}” must be a colour such as #1c5fc4.")


def checked_color(value: str, *, field: str) -> str:
    """Return a colour as `#rrggbb` in small letters; `#rgb` is taken too.

    Raises:
        InvalidColor: it is none.
    """
    color = value.strip().lower()
    if re.fullmatch(r"#[0-9a-f]{3}", color):
        color = "#" + "".join(2 * digit for digit in color[1:])
    if not HEX.fullmatch(color):
        raise InvalidColor(field=field)
    return color


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2), 0 for black and 1 for white."""
    red, green, blue = _linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def can_be_read(color: str, against: Sequence[str], *, least: float = READABLE) -> bool:
    """Tell whether a colour has enough contrast with each of the others."""
    return all(contrast(color, other) >= least for other in against)


def nearest_readable(color: str, against: Sequence[str], *, least: float = READABLE) -> str:
    """Return the colour of the same hue, nearest in lightness, that has enough contrast with each of the others.

    It is the colour itself where that can be read. Where no lightness can, since the others lie too far apart, it is
    black or white, whichever is read better.
    """
    if can_be_read(color, against, least=least):
        return color
    for candidate in _by_distance(color):
        if can_be_read(candidate, against, least=least):
            return candidate
    return max(("#000000", "#ffffff"), key=lambda end: min(contrast(end, other) for other in against))


def lightness(color: str) -> float:
    """Return the lightness of a colour in OKLCH, 0 for black and 1 for white."""
    return _oklch(color)[0]


def mixed(color: str, ground: str, share: float) -> str:
    """Return a colour let through onto a ground, as CSS mixes in sRGB; a share of 1 is the colour itself."""
    channels = zip(_channels(color), _channels(ground), strict=True)
    return _written(tuple(share * one + (1 - share) * other for one, other in channels))


def with_lightness(color: str, light: float) -> str:
    """Return the colour of the same hue with another lightness, and as much of its chroma as a screen can show."""
    _, chroma, hue = _oklch(color)
    light = min(max(light, 0.0), 1.0)
    rgb = _from_oklch(light, chroma, hue)
    if not _is_shown(rgb):
        least, most = 0.0, chroma
        for _ in range(14):
            middle = (least + most) / 2
            if _is_shown(_from_oklch(light, middle, hue)):
                least = middle
            else:
                most = middle
        rgb = _from_oklch(light, least, hue)
    return _written(tuple(_encoded(channel) for channel in rgb))


def _by_distance(color: str) -> Iterator[str]:
    """Yield the colours of a hue by the distance of their lightness, nearest first."""
    start = lightness(color)
    for step in range(1, round(1 / STEP) + 1):
        for light in (start - step * STEP, start + step * STEP):
            if -STEP < light < 1 + STEP:
                yield with_lightness(color, light)


def _is_shown(rgb: Rgb) -> bool:
    return all(-1e-4 <= channel <= 1 + 1e-4 for channel in rgb)


def _oklch(color: str) -> tuple[float, float, float]:
    red, green, blue = _linear(color)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    light = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return light, math.hypot(a, b), math.atan2(b, a)


def _from_oklch(light: float, chroma: float, hue: float) -> Rgb:
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _channels(color: str) -> Rgb:
    return int(color[1:3], 16) / 255, int(color[3:5], 16) / 255, int(color[5:7], 16) / 255


def _linear(color: str) -> Rgb:
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in _channels(color)
    )
    return red, green, blue


def _encoded(channel: float) -> float:
    """Return a linear channel as sRGB writes it."""
    channel = min(max(channel, 0.0), 1.0)
    return 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055


def _written(channels: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * min(max(channel, 0.0), 1.0)):02x}" for channel in channels)
