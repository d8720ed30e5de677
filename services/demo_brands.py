"""How the demo's organizations look: a logo drawn here and colours of their own, so that nobody mixes them up."""

from domain.branding.brands import AssetKind
from services.branding.brands import edit_branding, set_brand_asset
from services.db.work import Work

LOGO = """
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 56">
<path d="{sign}" fill="{color}"/>
<text x="62" y="37" font-family="Roboto, Helvetica, Arial, sans-serif" font-size="25" font-weight="700"
 fill="{ink}">{name}</text>
</svg>
"""
HALLS = "M4 48V24l14 10V24l14 10V8h16v40z"
GEAR = "M28 6l5 7 8-2 2 8 8 3-4 7 4 7-8 3-2 8-8-2-5 7-5-7-8 2-2-8-8-3 4-7-4-7 8-3 2-8 8 2z"
DEMO_COLORS = {
    "light": {"accent": "#0b5d7a", "primary": "#0b5d7a"},
    "dark": {"accent": "#73c6e6", "primary": "#1a7696"},
}
RIVAL_COLORS = {
    "light": {"accent": "#8a2d52", "primary": "#8a2d52"},
    "dark": {"accent": "#f0a3c0", "primary": "#a83b67"},
}


async def brand_demo_works(work: Work) -> None:
    """Give the demo works their look."""
    await _brand(work, "Demo Works", HALLS, color="#e08a00", colors=DEMO_COLORS, width=230)


async def brand_rival_works(work: Work) -> None:
    """Give their rival another one."""
    await _brand(work, "Rival Industries", GEAR, color="#b8447a", colors=RIVAL_COLORS, width=300)


async def _brand(
    work: Work, name: str, sign: str, *, color: str, colors: dict[str, dict[str, str]], width: int
) -> None:
    texts = {"mail_text": f"{name}, a demo of Unison MES", "pdf_text": f"{name}\nUnison MES"}
    brand = await edit_branding(work, version=1, texts=texts, colors=colors)
    for kind, ink in ((AssetKind.LOGO, "#1d2b33"), (AssetKind.LOGO_DARK, "#f2f6f8")):
        drawn = LOGO.strip().format(width=width, sign=sign, color=color, ink=ink, name=name)
        brand = await set_brand_asset(
            work, version=brand.version, kind=kind, name=f"{kind}.svg", content=drawn.encode()
        )
