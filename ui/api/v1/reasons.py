"""Writing the reasons of stops, scrap and rework."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from domain.plant.reasons import LossCategory, ReasonKind
from services.db.work import Work
from services.plant import reasons
from ui.api.v1.custom_values import GivenCustom, given_custom, with_custom
from ui.api.v1.documents import WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import RequestBody, Version
from ui.api.v1.plant import Reason
from ui.api.v1.plant_models import Code, Name, Position, given
from ui.api.v1.writes import Done, Write

router = APIRouter(tags=["plant"], route_class=ExactJsonRoute)

Tag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Translations = Annotated[
    dict[Tag, Annotated[str, StringConstraints(max_length=200)]],
    Field(max_length=50, description="The label in other languages, by BCP 47 tag."),
]


class NewReason(RequestBody):
    """A reason."""

    kind: ReasonKind
    code: Code
    label: Name
    translations: Translations | None = None
    loss_category: LossCategory | None = Field(default=None, description="That of the reason above where missing.")
    parent_id: UUID | None = None
    position: Position = 0
    custom: GivenCustom = {}


class ReasonChange(RequestBody):
    """What changes of a reason; what is missing stays."""

    version: Version
    label: Name | None = None
    translations: Translations | None = None
    loss_category: LossCategory | None = Field(default=None, description="Null takes that of the reason above.")
    parent_id: UUID | None = Field(default=None, description="Null puts it at the top.")
    position: Position | None = None
    is_active: bool | None = None
    custom: GivenCustom | None = None


@router.post(
    "/reasons/",
    operation_id="addReason",
    summary="Add a reason",
    status_code=201,
    response_model=Reason,
    responses=WRITING,
)
async def post_reason(body: NewReason, write: Write) -> Response:
    """Add a reason for stops, scrap or rework. A reason for stops has a loss category, or stands below one that has."""

    async def add(work: Work) -> Done:
        row = await reasons.add_reason(
            work,
            kind=body.kind,
            code=body.code,
            label=body.label,
            translations=body.translations,
            loss_category=body.loss_category,
            parent_id=body.parent_id,
            position=body.position,
            custom=await given_custom(work, "reason", body.custom),
        )
        return Done(await with_custom(work, "reason", Reason.model_validate(row)), 201)

    return await write.once(add)


@router.patch(
    "/reasons/{reason_id}",
    operation_id="editReason",
    summary="Change a reason",
    response_model=Reason,
    responses=WRITING,
)
async def patch_reason(reason_id: UUID, body: ReasonChange, write: Write) -> Response:
    """Change what is given; a reason that is not active stays on what it explained already."""

    async def edit(work: Work) -> Done:
        row = await reasons.edit_reason(
            work,
            reason_id=reason_id,
            version=body.version,
            label=body.label,
            translations=body.translations,
            loss_category=given(body, "loss_category", body.loss_category),
            parent_id=given(body, "parent_id", body.parent_id),
            position=body.position,
            is_active=body.is_active,
            custom=await given_custom(work, "reason", body.custom),
        )
        return Done(await with_custom(work, "reason", Reason.model_validate(row)))

    return await write.once(edit)
