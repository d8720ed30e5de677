"""What stands at the head of everything that an organization prints."""

from contextlib import suppress
from dataclasses import dataclass

from domain.branding.brands import AssetKind
from domain.branding.palettes import ColorRole, Mode, completed
from services.branding.picture_rules import SUFFIXES
from services.branding.queries import load_brand
from services.db.work import Work
from services.file_store import current_file_store
from services.files.kept_files import content_key
from services.ports import ContentMissing, FilesUnavailable

LOGO = """
#let logo(path, height, widest) = context {
  let picture = image(path, height: height)
  if measure(picture).width > widest { image(path, width: widest) } else { picture }
}
"""
"""For typst: a picture as high as may be, and not wider."""


@dataclass(frozen=True)
class Letterhead:
    """Name, words, colour and logo of an organization, for typst."""

    data: dict[str, object]
    files: dict[str, bytes]


async def load_letterhead(work: Work) -> Letterhead:
    """Return the head of the organization's documents.

    Where the file store cannot give the logo, the name stands in its place: nobody waits for a picture at a printer.

    Raises:
        NotFound: there is no such organization.
    """
    brand = await load_brand(work)
    colors = completed(brand.colors)[Mode.LIGHT]
    data: dict[str, object] = {
        "name": brand.name,
        "text": brand.pdf_text,
        "color": colors[ColorRole.ACCENT],
        "logo": "",
    }
    files: dict[str, bytes] = {}
    logo = brand.assets.get(AssetKind.LOGO)
    if logo is not None:
        with suppress(ContentMissing, FilesUnavailable):
            content = await current_file_store().get(content_key(work.scope.org_id, logo.sha256))
            data["logo"] = f"logo.{SUFFIXES[logo.media_type]}"
            files[f"logo.{SUFFIXES[logo.media_type]}"] = content
    return Letterhead(data, files)
