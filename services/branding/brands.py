"""Changing how an organization looks: every open screen of it follows at once."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from domain.branding.brands import LONGEST, AssetKind, checked_brand_text
from domain.branding.palettes import checked_palette
from domain.errors import Conflict, NotFound
from domain.events import BrandingChanged
from domain.files.purposes import FilePurpose
from domain.identity.roles import Permission
from services.branding.picture_rules import Picture
from services.branding.queries import Brand, load_brand
from services.db.keys import new_id
from services.db.tables import Branding
from services.db.work import Work
from services.files.kept_files import forget_file, keep_file

COLUMNS = {
    AssetKind.LOGO: "logo_id",
    AssetKind.LOGO_DARK: "logo_dark_id",
    AssetKind.FAVICON: "favicon_id",
    AssetKind.SIGN_IN: "sign_in_picture_id",
}


async def edit_branding(
    work: Work,
    *,
    version: int,
    texts: Mapping[str, str] | None = None,
    colors: Mapping[str, Mapping[str, str]] | None = None,
) -> Brand:
    """Change an organization's words and colours; what is not given stays, and `colors` replace all colours.

    `texts` go by the names of `domain.branding.brands.LONGEST`, `colors` by mode and role; an empty text or colour
    takes it away.

    Raises:
        Forbidden: the actor may not edit the branding.
        InvalidText, InvalidLanguage, InvalidChoice, InvalidColor: a value cannot be kept.
        UnreadableColor: words in this colour, or on it, could not be read; it names one that could.
        Conflict: somebody changed it since `version`.
    """
    await work.permit(Permission.EDIT_BRANDING)
    checked = {name: checked_brand_text(value, field=name) for name, value in (texts or {}).items()}
    row = await _locked(work, version)
    for name in LONGEST.keys() & checked.keys():
        setattr(row, name, checked[name])
    if colors is not None:
        own = checked_palette(colors)
        row.colors = {mode.value: {role.value: color for role, color in given.items()} for mode, given in own.items()}
    return await _changed(work, row)


async def set_brand_asset(work: Work, *, version: int, kind: AssetKind, name: str, content: bytes) -> Brand:
    """Take a picture in place of the one there was.

    Raises:
        Forbidden: the actor may not edit the branding.
        AssetRefused, FileEmpty, FileTooLarge: the picture cannot be taken, and why.
        FilesUnavailable: the file store does not take it.
        Conflict: somebody changed the branding since `version`.
    """
    await work.permit(Permission.EDIT_BRANDING)
    picture, for_mails = await asyncio.to_thread(_drawn, kind, content)
    row = await _locked(work, version)
    kept = {COLUMNS[kind]: await _keep(work, picture, name=f"{kind.value}.{picture.suffix}")}
    if for_mails is not None:
        kept["mail_logo_id"] = await _keep(work, for_mails, name="mail_logo.png")
    return await _changed(work, row, kept)


async def remove_brand_asset(work: Work, *, version: int, kind: AssetKind) -> Brand:
    """Take a picture away.

    Raises:
        Forbidden: the actor may not edit the branding.
        NotFound: there is none.
        Conflict: somebody changed the branding since `version`.
    """
    await work.permit(Permission.EDIT_BRANDING)
    row = await _locked(work, version)
    if getattr(row, COLUMNS[kind]) is None:
        raise NotFound(what="picture")
    return await _changed(
        work, row, {COLUMNS[kind]: None, **({"mail_logo_id": None} if kind is AssetKind.LOGO else {})}
    )


async def get_branding(work: Work) -> Brand:
    """Return how the organization looks, for whoever edits it.

    Raises:
        Forbidden: the actor may not edit the branding.
    """
    await work.permit(Permission.EDIT_BRANDING)
    return await load_brand(work)


async def branding_id(work: Work) -> UUID | None:
    """Return the id under which the organization's branding is kept; None until it was edited once.

    Raises:
        Forbidden: the actor may not edit the branding.
    """
    await work.permit(Permission.EDIT_BRANDING)
    return await work.session.scalar(select(Branding.id))


async def _locked(work: Work, version: int) -> Branding:
    """Return the organization's row, made where it has none, locked until the transaction ends."""
    row = insert(Branding).values(id=new_id(), org_id=work.scope.org_id, version=1)
    await work.session.execute(row.on_conflict_do_nothing(constraint="branding_once_uq"))
    statement = select(Branding).with_for_update().execution_options(populate_existing=True)
    kept = (await work.session.execute(statement)).scalar_one()
    if kept.version != version:
        raise Conflict
    return kept


async def _keep(work: Work, picture: Picture, *, name: str) -> UUID:
    kept = await keep_file(
        work, purpose=FilePurpose.BRANDING, name=name, media_type=picture.media_type, content=picture.content
    )
    return kept.id


async def _changed(work: Work, row: Branding, pictures: Mapping[str, UUID | None] | None = None) -> Brand:
    """Write a row in one change, with other pictures by column; those that they replace are forgotten."""
    replaced: list[UUID | None] = [getattr(row, column) for column in pictures or {}]
    for column, file_id in (pictures or {}).items():
        setattr(row, column, file_id)
    await work.session.flush()
    for file_id in replaced:
        if file_id is not None:
            await forget_file(work, file_id=file_id)
    work.emit(BrandingChanged(version=row.version))
    return await load_brand(work)


def _drawn(kind: AssetKind, content: bytes) -> tuple[Picture, Picture | None]:
    """Return an uploaded picture as it is kept, and as mails show it where it is a logo."""
    # here, because what draws and cleans pictures costs every process 6 MB that most never do it with
    from services.branding.pictures import picture_for_mails, taken_picture

    picture = taken_picture(kind, content)
    return picture, picture_for_mails(picture) if kind is AssetKind.LOGO else None
