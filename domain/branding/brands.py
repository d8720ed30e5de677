"""What an organization's look is made of, beside its colours."""

from enum import StrEnum
from typing import ClassVar

from domain.checks import checked_text
from domain.errors import Invalid, marked
from domain.identity.preferences import checked_language

LONGEST = {
    "name": 80,
    "wall_text": 80,
    "sign_in_text": 400,
    "mail_text": 200,
    "mail_language": 12,
    "pdf_text": 300,
}
"""The longest text of each field; all may be empty."""


class AssetKind(StrEnum):
    """A picture of an organization."""

    LOGO = "logo"  # the rail, walls, the sign-in, mails and PDF
    LOGO_DARK = "logo_dark"  # the same on dark grounds
    FAVICON = "favicon"  # the browser's tab
    SIGN_IN = "sign_in"  # fills the sign-in page's side


class AssetRefused(Invalid):
    """A picture that cannot be taken, with the reason."""

    code: ClassVar[str] = "asset_refused"
    sentence: ClassVar[str] = marked("This picture cannot be used.")


def checked_brand_text(value: str, *, field: str) -> str:
    """Return a text of an organization's look; it may be empty.

    Raises:
        InvalidText: too long, or nobody can read it.
        InvalidLanguage: mails are not written in it.
    """
    if field == "mail_language":
        return checked_language(value, field=field)
    return checked_text(value, field=field, longest=LONGEST[field], may_be_empty=True)
