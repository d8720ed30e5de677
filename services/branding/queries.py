"""What an organization looks like, as every screen, mail and document reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text

from domain.branding.brands import AssetKind
from domain.branding.palettes import ColorRole, Mode, Palette
from domain.errors import NotFound
from services.db.work import Work

BRAND = text("""
SELECT organizations.slug, organizations.name AS organization, branding.name AS own_name, branding.colors,
       branding.wall_text, branding.sign_in_text, branding.mail_text, branding.mail_language, branding.pdf_text,
       coalesce(branding.version, 1) AS version,
       ARRAY(
         SELECT jsonb_build_object('kind', kept.kind, 'id', files.id, 'sha256', encode(files.sha256, 'hex'),
                                   'media_type', files.media_type)
         FROM (VALUES ('logo', branding.logo_id), ('logo_dark', branding.logo_dark_id),
                      ('favicon', branding.favicon_id), ('sign_in', branding.sign_in_picture_id),
                      ('mail_logo', branding.mail_logo_id)) AS kept (kind, file_id)
         JOIN files ON files.org_id = organizations.id AND files.id = kept.file_id
       ) AS assets
FROM organizations LEFT JOIN branding ON branding.org_id = organizations.id
""")
MAIL_LOGO = "mail_logo"


@dataclass(frozen=True)
class BrandAsset:
    """A picture of an organization, as it is kept."""

    file_id: UUID
    sha256: str
    """Of its content, in hexadecimal digits: its name in addresses, under which it never changes."""
    media_type: str


@dataclass(frozen=True)
class Brand:
    """How an organization looks."""

    org_id: UUID | None
    """None is nobody's: Unison's own look."""
    slug: str
    """Short name in addresses."""
    organization: str
    """Its name."""
    own_name: str = ""
    """How it calls itself on screens, where that differs."""
    colors: Palette = field(default_factory=dict)
    """The colours that replace ours."""
    wall_text: str = ""
    sign_in_text: str = ""
    mail_text: str = ""
    mail_language: str = ""
    """Of mails to people who have chosen no language; empty for ours."""
    pdf_text: str = ""
    assets: Mapping[AssetKind, BrandAsset] = field(default_factory=dict)
    mail_logo: BrandAsset | None = None
    """The logo as mails show it."""
    version: int = 1

    @property
    def name(self) -> str:
        """How the organization is called on screens."""
        return self.own_name or self.organization


NOBODYS = Brand(org_id=None, slug="", organization="Unison MES")
"""What a page shows that belongs to no organization yet."""


async def load_brand(work: Work) -> Brand:
    """Return how the work's organization looks.

    Everybody may know: it stands on the sign-in page.

    Raises:
        NotFound: there is no such organization.
    """
    row = (await work.session.execute(BRAND)).one_or_none()
    if row is None:
        raise NotFound(what="organization")
    assets = {
        asset["kind"]: BrandAsset(UUID(asset["id"]), asset["sha256"], asset["media_type"]) for asset in row.assets
    }
    mail_logo = assets.pop(MAIL_LOGO, None)
    return Brand(
        org_id=work.scope.org_id,
        slug=row.slug,
        organization=row.organization,
        own_name=row.own_name or "",
        colors=palette_of(row.colors or {}),
        wall_text=row.wall_text or "",
        sign_in_text=row.sign_in_text or "",
        mail_text=row.mail_text or "",
        mail_language=row.mail_language or "",
        pdf_text=row.pdf_text or "",
        assets={AssetKind(kind): asset for kind, asset in assets.items()},
        mail_logo=mail_logo,
        version=row.version,
    )


def palette_of(colors: Mapping[str, Mapping[str, str]]) -> Palette:
    """Return kept colours by mode and role; a role that is known no longer is left out."""
    return {
        Mode(mode): {ColorRole(role): color for role, color in given.items() if role in set(ColorRole)}
        for mode, given in colors.items()
        if mode in set(Mode)
    }
