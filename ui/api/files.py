"""Where browsers get files: what people keep, for who may read it, and what organizations look like, for everybody."""

import re
from collections.abc import AsyncIterator
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from domain.errors import NotFound
from domain.files.purposes import FilePurpose
from domain.scope import Scope
from services.auth.tokens import NotSignedIn
from services.branding.queries import load_brand
from services.db.work import read
from services.file_store import current_file_store
from services.files.kept_files import StoredFile, content_key, find_file, stream_file
from services.identity.organizations import find_organization
from services.identity.sessions import Viewer
from ui.api.authentication import scope_of

HARMLESS = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "text/plain"})
"""What a browser may show by itself; everything else is downloaded."""
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""A picture that is opened as a page runs nothing and fetches nothing."""
FOR_A_YEAR = "public, max-age=31536000, immutable"
FOR_ITS_READER = "private, max-age=31536000, immutable"


def files_router() -> APIRouter:
    """Return the routes of files and of the pictures of brands."""
    router = APIRouter(include_in_schema=False)

    @router.get("/files/{file_id}")
    async def get_file(file_id: UUID, request: Request) -> Response:
        """Return a file to somebody who may read it; its content never changes."""
        viewer: Viewer | None = request.scope["state"]["viewer"]
        if viewer is None:
            raise NotSignedIn
        scope = scope_of(viewer, request)
        async with read(scope) as work:
            file = await find_file(work, file_id)
        return file_response(scope.org_id, file, request)

    @router.get("/brand/{slug}/{digest}")
    async def get_brand_asset(slug: str, digest: str, request: Request) -> Response:
        """Return a picture of an organization to whoever knows its address, such as the sign-in page."""
        try:
            org_id = await find_organization(slug)
        except NotFound as error:
            raise NotFound(what="picture") from error
        async with read(Scope(org_id, request_id="brand")) as work:
            brand = await load_brand(work)
        pictures = (*brand.assets.values(), *([brand.mail_logo] if brand.mail_logo else []))
        asset = next((asset for asset in pictures if asset.sha256 == digest), None)
        if asset is None:
            raise NotFound(what="picture")
        if _is_known(request, digest):
            return Response(status_code=304, headers=_caching(digest, FOR_A_YEAR))
        content = await current_file_store().get(content_key(org_id, digest))
        headers = _caching(digest, FOR_A_YEAR) | {"Content-Security-Policy": SANDBOX, "Content-Disposition": "inline"}
        return Response(content, media_type=asset.media_type, headers=headers)

    return router


def file_response(org_id: UUID, file: StoredFile, request: Request) -> Response:
    """Return the answer that streams a file, or says that the browser has it already; nobody keeps an export."""
    how_long = "no-store" if file.purpose is FilePurpose.EXPORT else FOR_ITS_READER
    if _is_known(request, file.sha256):
        return Response(status_code=304, headers=_caching(file.sha256, how_long))
    headers = _caching(file.sha256, how_long) | {
        "Content-Security-Policy": SANDBOX,
        "Content-Disposition": disposition(file.name, is_shown=file.media_type in HARMLESS),
        "Content-Length": str(file.size),
    }
    return StreamingResponse(_pieces(org_id, file), media_type=file.media_type, headers=headers)


def disposition(name: str, *, is_shown: bool) -> str:
    """Return how a browser treats a file: its name in the encoding of RFC 6266, and whether it may show it."""
    kind = "inline" if is_shown else "attachment"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def _pieces(org_id: UUID, file: StoredFile) -> AsyncIterator[bytes]:
    async for piece in stream_file(org_id, file):
        yield piece


def _is_known(request: Request, digest: str) -> bool:
    return f'"{digest}"' in request.headers.get("if-none-match", "")


def _caching(digest: str, how_long: str) -> dict[str, str]:
    return {"ETag": f'"{digest}"', "Cache-Control": how_long}
