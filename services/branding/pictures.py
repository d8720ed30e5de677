"""Pictures that people upload: known by their content, measured before they are decoded, and written anew.

Writing anew leaves out what a picture does not need: metadata, a second file behind the first, colour profiles that are
larger than the picture.
"""

import io
import struct
import zlib

from PIL import Image, ImageOps, UnidentifiedImageError

from domain.branding.brands import AssetKind
from domain.files.contents import checked_size
from services.branding.picture_rules import Picture, PictureTooLarge, PictureTooSmall, UnknownPicture, most_bytes
from services.branding.svg_pictures import cleaned_svg
from services.printing.typesetting import NotSet, typeset

MOST_PIXELS = 24_000_000
Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # Pillow refuses twice as many, also inside icons and before decoding
RASTER = ("PNG", "JPEG", "WEBP", "ICO")
MOST_SIZE = {AssetKind.LOGO: (1200, 600), AssetKind.LOGO_DARK: (1200, 600), AssetKind.FAVICON: (256, 256)}
MOST_SIZE_OF_A_PHOTO = (2400, 2400)
LEAST_SIDE = 8
DRAW_SVG = '#set page(width: auto, height: auto, margin: 0pt, fill: none)\n#image("picture.svg", height: 48pt)'
MAIL_PPI = 144
MAIL_SIZE = (480, 96)
"""Twice the pixels that a mail shows."""
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
CORRUPT = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, struct.error, zlib.error, OverflowError)
"""What Pillow raises at files that are broken on purpose."""


def taken_picture(kind: AssetKind, content: bytes) -> Picture:
    """Return an uploaded picture, written anew from what can be seen of it. Takes long: for a thread.

    Raises:
        FileEmpty, FileTooLarge: its size.
        UnknownPicture: its content is no picture, whatever its name says.
        PictureTooLarge, PictureTooSmall: how many pixels it has; measured before any is unpacked.
        SvgRefused, SvgUnreadable: a vector picture that does more than show something.
    """
    checked_size(len(content), most=most_bytes(kind), field="file")
    if _looks_like_xml(content):
        return Picture(cleaned_svg(content), "image/svg+xml")
    image = _decoded(content)
    image = ImageOps.exif_transpose(image)
    image.thumbnail(MOST_SIZE.get(kind, MOST_SIZE_OF_A_PHOTO), Image.Resampling.LANCZOS)
    return _written(image, as_photo=kind is AssetKind.SIGN_IN and not _has_alpha(image))


def picture_for_mails(picture: Picture) -> Picture:
    """Return a logo as a PNG of the size in which mails show it: mail programs draw no SVG and no WebP.

    Raises:
        UnknownPicture: the vector picture cannot be drawn.
    """
    content = picture.content
    if picture.media_type == "image/svg+xml":
        content = drawn_svg(content)
    image = _decoded(content)
    image.thumbnail(MAIL_SIZE, Image.Resampling.LANCZOS)
    return _written(image, as_photo=False)


def drawn_svg(content: bytes) -> bytes:
    """Return a vector picture as PNG.

    Raises:
        UnknownPicture: it cannot be drawn.
    """
    try:
        return typeset(DRAW_SVG, files={"picture.svg": content}, form="png", ppi=MAIL_PPI)
    except NotSet as error:
        raise UnknownPicture from error


def _looks_like_xml(content: bytes) -> bool:
    start = content[:256].removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"<") or content[:2] in {b"\xff\xfe", b"\xfe\xff"}


def _decoded(content: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content), formats=RASTER) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise PictureTooLarge(most=MOST_PIXELS // 1_000_000)
            if min(width, height) < LEAST_SIDE:
                raise PictureTooSmall(least=LEAST_SIDE)
            image.load()
            return image.copy()
    except Image.DecompressionBombError as error:
        raise PictureTooLarge(most=MOST_PIXELS // 1_000_000) from error
    except UnidentifiedImageError as error:
        raise UnknownPicture from error
    except CORRUPT as error:
        raise UnknownPicture from error


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info


def _written(image: Image.Image, *, as_photo: bool) -> Picture:
    target = io.BytesIO()
    if as_photo:
        image.convert("RGB").save(target, "JPEG", quality=86, optimize=True, progressive=True)
        return Picture(target.getvalue(), MEDIA_TYPES["JPEG"])
    clean = image.convert("RGBA" if _has_alpha(image) else "RGB")
    clean.info.clear()
    clean.save(target, "PNG", optimize=True)
    return Picture(target.getvalue(), MEDIA_TYPES["PNG"])
