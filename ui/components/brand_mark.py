"""The organization's logo and name, which follow its look while the page is open."""

from html import escape
from typing import TypedDict

from nicegui.element import Element


class ModeUrls(TypedDict):
    """A picture in each mode; empty where there is none."""

    light: str
    dark: str


class Look(TypedDict):
    """What a browser needs of a brand; sent with each page, and to open ones when it changes."""

    version: int
    name: str
    css: str
    """The tokens that replace ours."""
    header_logo: ModeUrls
    """On the rail and on the bar above walls, whose ground is the header's colour."""
    page_logo: ModeUrls
    """On pages and cards."""
    favicon: str
    sign_in_picture: str
    wall_text: str
    has_bar: bool
    """Whether walls have a bar above them."""


class BrandMark(Element, component="brand_mark.js", dependencies=["brand.js", "live_board.js"]):
    """The mark at the head of the rail; not shown, it only lets a page without a rail follow its organization."""

    def __init__(self, look: Look, *, shown: bool) -> None:
        """Draw the mark of the look that the page wears."""
        super().__init__()
        self._look = look
        self.props["shown"] = shown

    def picture(self) -> str:
        """Return the mark as plain markup."""
        logo, name = self._look["header_logo"], escape(self._look["name"])
        if not logo["light"]:
            icon = '<i class="q-icon material-icons notranslate">hub</i>'
            return f'<a class="u-rail__brand" href="/">{icon}<span>{name}</span></a>'
        pictures = "".join(
            f'<img class="u-brand-logo u-brand-logo--{mode}" src="{url}" alt="{name}">'
            for mode, url in (("light", logo["light"]), ("dark", logo["dark"]))
        )
        return f'<a class="u-rail__brand" href="/">{pictures}</a>'
