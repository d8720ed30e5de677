"""Where browsers get what is printed: travellers and labels, made when they are asked for."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.auth.tokens import NotSignedIn
from services.db.work import read
from services.identity.sessions import Viewer
from services.printing.labels import print_material_labels, print_order_labels
from services.printing.travellers import print_traveller
from services.printing.typesetting import Printout
from services.production.order_numbers import find_order_id
from ui.api.authentication import scope_of
from ui.api.files import disposition
from ui.kit.translate import complete_language, preferred_language

Copies = Annotated[int, Query()]


def printouts_router() -> APIRouter:
    """Return the routes of printed documents; they stand beside the pages of what they are about."""
    router = APIRouter(include_in_schema=False)

    @router.get("/orders/{number:path}/traveller.pdf")
    async def get_traveller(number: str, request: Request) -> Response:
        """Return the traveller of an order by its number or id."""
        viewer = _viewer(request)
        async with read(scope_of(viewer, request)) as work:
            order_id = await find_order_id(work, key=number)
            printout = await print_traveller(work, order_id=order_id, language=_language(viewer, request))
        return await pdf_response(printout)

    @router.get("/orders/{number:path}/labels.pdf")
    async def get_order_labels(number: str, request: Request, copies: Copies = 1) -> Response:
        """Return labels of an order by its number or id."""
        viewer = _viewer(request)
        async with read(scope_of(viewer, request)) as work:
            order_id = await find_order_id(work, key=number)
            language = _language(viewer, request)
            printout = await print_order_labels(work, order_id=order_id, copies=copies, language=language)
        return await pdf_response(printout)

    @router.get("/materials/{key:path}/labels.pdf")
    async def get_material_labels(key: str, request: Request, copies: Copies = 1) -> Response:
        """Return labels of a material by its number or id."""
        viewer = _viewer(request)
        async with read(scope_of(viewer, request)) as work:
            language = _language(viewer, request)
            printout = await print_material_labels(work, key=key, copies=copies, language=language)
        return await pdf_response(printout)

    return router


def _viewer(request: Request) -> Viewer:
    viewer: Viewer | None = request.scope["state"]["viewer"]
    if viewer is None:
        raise NotSignedIn
    return viewer


def _language(viewer: Viewer, request: Request) -> str:
    return complete_language(viewer.language or preferred_language(request.headers.get("accept-language", "")))


async def pdf_response(printout: Printout) -> Response:
    """Return a document for the browser's own viewer, which a sandbox would keep from showing it."""
    headers = {
        "Content-Disposition": disposition(printout.name, is_shown=True),
        "Content-Security-Policy": "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'",
    }
    return Response(await printout.pdf(), media_type="application/pdf", headers=headers)
