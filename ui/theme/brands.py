"""How an organization's look reaches a page: its tokens and pictures in the head, before the first paint."""

import orjson
from nicegui import ui

from domain.branding.brands import AssetKind
from domain.branding.contrasts import luminance
from domain.branding.palettes import ColorRole, Mode, Palette, completed, tokens_of
from services.branding.queries import Brand, BrandAsset
from ui.components.brand_mark import Look, ModeUrls

DARK_BELOW = 0.18
"""Grounds of less luminance take the logo for dark grounds: white words are read better on them than black ones."""


def look_of(brand: Brand) -> Look:
    """Return what a browser needs of a brand."""
    palette = completed(brand.colors)
    is_dark_header = {mode: luminance(palette[mode][ColorRole.HEADER]) < DARK_BELOW for mode in Mode}
    has_own_header = any(ColorRole.HEADER in colors for colors in brand.colors.values())
    logo = brand.assets.get(AssetKind.LOGO)
    return Look(
        version=brand.version,
        name=brand.name,
        css=_css(brand),
        header_logo=_logos(brand, light=is_dark_header[Mode.LIGHT], dark=is_dark_header[Mode.DARK]),
        page_logo=_logos(brand, light=False, dark=True),
        favicon=asset_url(brand, brand.assets.get(AssetKind.FAVICON)),
        sign_in_picture=asset_url(brand, brand.assets.get(AssetKind.SIGN_IN)),
        wall_text=brand.wall_text,
        has_bar=bool(brand.wall_text or logo or has_own_header),
    )


def asset_url(brand: Brand, asset: BrandAsset | None) -> str:
    """Return where a picture is served; its address names its content, so it never changes."""
    return "" if asset is None else f"/brand/{brand.slug}/{asset.sha256}"


def wear(brand: Brand) -> Look:
    """Give the page that is being built the look of a brand; call once, before anything is drawn."""
    look = look_of(brand)
    facts = orjson.dumps(look).decode().replace("<", "\\u003c")
    icon = f'<link id="u-favicon" rel="icon" href="{look["favicon"]}">' if look["favicon"] else ""
    ui.add_head_html(f'<style id="u-brand">{look["css"]}</style>{icon}<script>window.unisonBrand={facts}</script>')
    return look


def declarations(colors: Palette, mode: Mode) -> str:
    """Return the custom properties of an organization's colours in a mode, for CSS."""
    return "".join(f"--u-{name}:{color};" for name, color in tokens_of(colors).get(mode, {}).items())


def _css(brand: Brand) -> str:
    light, dark = (declarations(brand.colors, mode) for mode in (Mode.LIGHT, Mode.DARK))
    # our own dark rule is stronger than `:root`, so light colours alone leave dark pages as they are
    css = f":root,body.body--light{{{light}}}" if light else ""
    return css + (f"html[data-theme=dark],body.body--dark{{{dark}}}" if dark else "")


def _logos(brand: Brand, *, light: bool, dark: bool) -> ModeUrls:
    """Return the logo in each mode, that for dark grounds where the ground is dark and there is one."""
    for_light, for_dark = brand.assets.get(AssetKind.LOGO), brand.assets.get(AssetKind.LOGO_DARK)
    return ModeUrls(
        light=asset_url(brand, (for_dark or for_light) if light else for_light),
        dark=asset_url(brand, (for_dark or for_light) if dark else for_light),
    )
