"""How the organization looks: words, colours, pictures. Changes reach its open screens at once."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from domain.branding.brands import LONGEST, AssetKind
from domain.branding.palettes import ColorRole, Mode
from domain.identity.roles import Permission
from services.branding.brands import edit_branding, get_branding, remove_brand_asset, set_brand_asset
from services.branding.queries import Brand
from services.db.work import Work, read
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody, Version
from ui.api.v1.uploads import read_upload, upload_body
from ui.api.v1.writes import Done, Write
from ui.theme import asset_url

router = APIRouter(tags=["branding"], route_class=ExactJsonRoute)

Color = Annotated[str, StringConstraints(max_length=20)]
Words = Annotated[str, StringConstraints(max_length=2 * max(LONGEST.values()))]
Colors = dict[Mode, dict[ColorRole, Color]]


class BrandPicture(Answer):
    """A picture of the organization."""

    kind: AssetKind
    file_id: UUID
    media_type: str
    sha256: str = Field(description="Of its content, hexadecimal.")
    url: str = Field(description="Where everybody gets it; the address changes with the content.")


class Branding(Answer):
    """How the organization looks."""

    name: str = Field(description="How it calls itself; empty for the organization's name.")
    wall_text: str
    sign_in_text: str
    mail_text: str
    mail_language: str = Field(description="Of mails to people who have chosen no language; empty for English.")
    pdf_text: str
    colors: Colors = Field(description="The colours that replace ours, by mode and role, as `#rrggbb`.")
    pictures: list[BrandPicture]
    version: int


class BrandingChange(RequestBody):
    """What changes of the look; what is missing stays."""

    version: Version
    name: Words | None = None
    wall_text: Words | None = None
    sign_in_text: Words | None = None
    mail_text: Words | None = None
    mail_language: Words | None = None
    pdf_text: Words | None = None
    colors: Colors | None = Field(
        default=None,
        description="Replaces all colours. Words must have a contrast of 4.5 with what stands behind them.",
    )


@router.get("/branding/", operation_id="getBranding", summary="How the organization looks", responses=READING)
async def read_branding(caller: Caller) -> Branding:
    """Return words, colours and pictures of the organization."""
    async with read(caller) as work:
        return _shown(await get_branding(work))


@router.patch(
    "/branding/", operation_id="editBranding", summary="Change words and colours", response_model=Branding,
    responses=WRITING,
)  # fmt: skip
async def patch_branding(body: BrandingChange, write: Write) -> Response:
    """Change what is given. Colours that could not be read are refused together with the nearest that could."""
    given = body.model_dump(include=set(LONGEST), exclude_none=True)
    colors = (
        None
        if body.colors is None
        else {mode.value: {role.value: color for role, color in roles.items()} for mode, roles in body.colors.items()}
    )

    async def edit(work: Work) -> Done:
        return Done(_shown(await edit_branding(work, version=body.version, texts=given, colors=colors)))

    return await write.once(edit)


@router.put(
    "/branding/assets/{picture}", operation_id="setBrandAsset", summary="Upload a picture", response_model=Branding,
    responses=WRITING, openapi_extra=upload_body(version="Of the branding that was seen."),
)  # fmt: skip
async def put_asset(picture: AssetKind, request: Request, write: Write) -> Response:
    """Take a PNG, JPEG, WebP, SVG or ICO file in place of the picture there was. It is known by its content and
    written anew; an SVG with scripts, event handlers, animations or references to the outside is refused."""
    write.scope.require(Permission.EDIT_BRANDING)
    upload = await read_upload(request)
    version = upload.whole_number("version")

    async def take(work: Work) -> Done:
        brand = await set_brand_asset(work, version=version, kind=picture, name=upload.name, content=upload.content)
        return Done(_shown(brand))

    return await write.once(take)


class BrandingVersion(RequestBody):
    """Which branding was seen."""

    version: Version


@router.post(
    "/branding/assets/{picture}/remove", operation_id="removeBrandAsset", summary="Remove a picture",
    response_model=Branding, responses=WRITING,
)  # fmt: skip
async def post_removal(picture: AssetKind, body: BrandingVersion, write: Write) -> Response:
    """Take a picture away."""

    async def take(work: Work) -> Done:
        return Done(_shown(await remove_brand_asset(work, version=body.version, kind=picture)))

    return await write.once(take)


def _shown(brand: Brand) -> Branding:
    pictures = [
        BrandPicture(
            kind=kind,
            file_id=asset.file_id,
            media_type=asset.media_type,
            sha256=asset.sha256,
            url=asset_url(brand, asset),
        )
        for kind, asset in brand.assets.items()
    ]
    return Branding(
        name=brand.own_name,
        wall_text=brand.wall_text,
        sign_in_text=brand.sign_in_text,
        mail_text=brand.mail_text,
        mail_language=brand.mail_language,
        pdf_text=brand.pdf_text,
        colors={mode: dict(colors) for mode, colors in brand.colors.items()},
        pictures=pictures,
        version=brand.version,
    )
