"""What is printed, for programs that have printers: travellers and labels as PDF, in the caller's language."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.db.work import read
from services.printing.labels import MOST_COPIES, print_material_labels, print_order_labels
from services.printing.travellers import print_traveller
from ui.api.printouts import pdf_response
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.kit.translate import preferred_language

router = APIRouter(tags=["printing"], route_class=ExactJsonRoute)
PDF = {**READING, 200: {"description": "The document.", "content": {"application/pdf": {}}}}
Copies = Annotated[int, Query(ge=1, le=MOST_COPIES, description="Pages, one label each.")]


@router.get(
    "/work-orders/{order_id}/traveller", operation_id="printTraveller", summary="The traveller of an order",
    response_class=Response, responses=PDF,
)  # fmt: skip
async def get_traveller(order_id: UUID, caller: Caller, request: Request) -> Response:
    """Return the paper that goes with an order through the plant, with the custom fields that are shown on reports."""
    async with read(caller) as work:
        printout = await print_traveller(work, order_id=order_id, language=_language(request))
    return await pdf_response(printout)


@router.get(
    "/work-orders/{order_id}/labels", operation_id="printOrderLabels", summary="Labels of an order",
    response_class=Response, responses=PDF,
)  # fmt: skip
async def get_order_labels(order_id: UUID, caller: Caller, request: Request, copies: Copies = 1) -> Response:
    """Return labels of 100 by 60 millimetres, with the custom fields that are shown on labels."""
    async with read(caller) as work:
        printout = await print_order_labels(work, order_id=order_id, copies=copies, language=_language(request))
    return await pdf_response(printout)


@router.get(
    "/materials/{material_id}/labels", operation_id="printMaterialLabels", summary="Labels of a material",
    response_class=Response, responses=PDF,
)  # fmt: skip
async def get_material_labels(material_id: UUID, caller: Caller, request: Request, copies: Copies = 1) -> Response:
    """Return labels of 100 by 60 millimetres, with the custom fields that are shown on labels."""
    async with read(caller) as work:
        language = _language(request)
        printout = await print_material_labels(work, key=str(material_id), copies=copies, language=language)
    return await pdf_response(printout)


def _language(request: Request) -> str:
    return preferred_language(request.headers.get("accept-language", ""))
