"""What is taken as a picture, and what is said where one is not; apart from what draws, which is loaded when needed."""

from dataclasses import dataclass
from typing import ClassVar

from domain.branding.brands import AssetKind, AssetRefused
from domain.errors import marked

MOST_BYTES = {AssetKind.LOGO: 2_000_000, AssetKind.LOGO_DARK: 2_000_000, AssetKind.FAVICON: 500_000}
MOST_BYTES_OF_A_PHOTO = 8_000_000
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/svg+xml": "svg"}


class UnknownPicture(AssetRefused):
    """A file that is no picture of a kind that browsers show."""

    code: ClassVar[str] = "unknown_picture"
    sentence: ClassVar[str] = marked(
        "This file is no picture that can be used. Choose a PNG, JPEG, WebP, SVG or ICO file."
    )


class PictureTooLarge(AssetRefused):
    """A picture of more pixels than can be unpacked."""

    code: ClassVar[str] = "picture_too_large"
    sentence: ClassVar[str] = marked(
        "This picture has more than {most} million pixels, or would when it is unpacked. Save it smaller."
    )


class PictureTooSmall(AssetRefused):
    """A picture that nobody could see."""

    code: ClassVar[str] = "picture_too_small"
    sentence: ClassVar[str] = marked("This picture is smaller than {least} pixels. Choose a larger one.")


@dataclass(frozen=True)
class Picture:
    """A picture as it is kept."""

    content: bytes
    media_type: str

    @property
    def suffix(self) -> str:
        """Return how the name of its file ends."""
        return SUFFIXES[self.media_type]


def most_bytes(kind: AssetKind) -> int:
    """Return the largest file that is taken for a picture."""
    return MOST_BYTES.get(kind, MOST_BYTES_OF_A_PHOTO)


class SvgRefused(AssetRefused):
    """A vector picture that holds what a picture does not need."""

    code: ClassVar[str] = "svg_refused"
    sentence: ClassVar[str] = marked(
        "This SVG holds “{part}”, which runs, fetches or embeds something. Save it as a plain SVG or as PNG."
    )


class SvgUnreadable(AssetRefused):
    """Something that is no SVG, or an endless one."""

    code: ClassVar[str] = "svg_unreadable"
    sentence: ClassVar[str] = marked("This SVG cannot be read. Save it again as a plain SVG, or as PNG.")
