"""Materials and how they are made."""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter

from domain.production.operations import Transfer
from domain.production.routings import LARGEST_SEQUENCE, LONGEST_INSTRUCTIONS, MOST_STEPS, RequiredReport, RoutingStep
from services.db.work import Work, read
from services.production import routing_queries as queries
from services.production.materials import add_material, edit_material
from services.production.routings import activate_routing, draft_routing, edit_routing, revise_routing
from ui.api.v1.callers import Caller
from ui.api.v1.custom_filters import AskedOfFields, CustomPaging, listed_at, offset_in
from ui.api.v1.custom_values import CustomAnswer, GivenCustom, given_custom, list_with_custom, with_custom
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, Quantity, RequestBody, ShownQuantity, Version
from ui.api.v1.lists import CodeText, Cursors, Listed, Paging
from ui.api.v1.writes import Done, Write

router = APIRouter(tags=["orders"], route_class=ExactJsonRoute)

MATERIALS = Cursors("materials", TypeAdapter(CodeText))
ROUTINGS = Cursors("routings", TypeAdapter(UUID))
Number = Annotated[str, StringConstraints(min_length=1, max_length=60)]
Unit = Annotated[str, StringConstraints(min_length=1, max_length=20)]
Description = Annotated[str, StringConstraints(max_length=200)]
Sequence = Annotated[int, Field(strict=True, ge=1, le=LARGEST_SEQUENCE)]


class Material(CustomAnswer):
    """Something that is made, or that things are made of."""

    id: UUID
    number: str
    description: str
    unit: str
    is_active: bool
    version: int


class NewMaterial(RequestBody):
    """A material."""

    number: Number
    unit: Unit
    description: Description = ""
    custom: GivenCustom = {}


class MaterialChange(RequestBody):
    """What changes of a material; what is missing stays."""

    version: Version
    number: Number | None = None
    unit: Unit | None = None
    description: Description | None = None
    is_active: bool | None = None
    custom: GivenCustom | None = None


class MaterialFilter(CustomPaging):
    """Filters of materials."""

    search: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")] = ""
    is_active: bool | None = None


class RoutingOperation(Answer):
    """An operation of a routing."""

    sequence: int
    name: str
    lane_id: UUID | None
    machine_id: UUID | None
    setup_time_s: ShownQuantity
    run_time_s: ShownQuantity | None
    predecessors: list[int]
    transfer: Transfer
    instructions: str
    required_reports: list[RequiredReport]


class Routing(Answer):
    """A revision of how a plant makes a material."""

    id: UUID
    plant_id: UUID
    material_id: UUID
    revision: int
    state: Literal["draft", "active", "retired"]
    version: int
    operations: list[RoutingOperation]


class NewRoutingOperation(RequestBody):
    """An operation of a routing, at a lane or at a machine."""

    sequence: Sequence
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    lane_id: UUID | None = None
    machine_id: UUID | None = None
    setup_time_s: Quantity = Decimal(0)
    run_time_s: Quantity | None = Field(default=None, description="Planned per piece.")
    predecessors: Annotated[list[Sequence], Field(max_length=MOST_STEPS)] | None = Field(
        default=None, description="Sequences that it waits for; the operation before it where missing."
    )
    transfer: Transfer = Transfer.FINISH_TO_START
    instructions: Annotated[str, StringConstraints(max_length=LONGEST_INSTRUCTIONS)] = ""
    required_reports: Annotated[list[RequiredReport], Field(max_length=len(RequiredReport))] = []

    def step(self) -> RoutingStep:
        """Return the operation as the rules know it."""
        return RoutingStep(
            sequence=self.sequence,
            name=self.name,
            lane_id=self.lane_id,
            machine_id=self.machine_id,
            setup_time_s=self.setup_time_s,
            run_time_s=self.run_time_s,
            predecessors=None if self.predecessors is None else tuple(self.predecessors),
            transfer=self.transfer,
            instructions=self.instructions,
            required_reports=frozenset(self.required_reports),
        )


Operations = Annotated[list[NewRoutingOperation], Field(min_length=1, max_length=MOST_STEPS)]


class NewRouting(RequestBody):
    """The next revision of how a plant makes a material."""

    plant_id: UUID
    material_id: UUID
    operations: Operations


class RoutingChange(RequestBody):
    """The operations of a draft, all of them."""

    version: Version
    operations: Operations


class RoutingFilter(Paging):
    """Filters of routings."""

    plant_id: UUID | None = None
    material_id: UUID | None = None
    state: Literal["draft", "active", "retired"] | None = None


@router.get("/materials/", operation_id="listMaterials", summary="Materials by number", responses=READING)
async def list_materials(
    caller: Caller, asked: Annotated[MaterialFilter, Query()], custom: AskedOfFields
) -> Listed[Material]:
    """Return the materials that have every word of `search` in number, description or a field for searches.

    Custom fields filter by `custom.key=value` (repeated for one of several; of a text, a part of it), `custom.key.min`,
    `custom.key.max` and `custom.key.empty=yes`.
    """
    async with read(caller) as work:
        filters, sort = await custom.read(work, "material", asked.sort)
        if sort is not None:
            offset = offset_in(asked.cursor, "materials")
            sorted_page = await queries.list_sorted_materials(
                work, sort=sort, search=asked.search, is_active=asked.is_active, filters=filters, offset=offset,
                limit=asked.limit,
            )  # fmt: skip
            return await list_with_custom(work, "material", listed_at(sorted_page, Material, "materials", offset))
        page = await queries.list_materials(
            work,
            search=asked.search,
            is_active=asked.is_active,
            filters=filters,
            after=MATERIALS.read(asked.cursor),
            limit=asked.limit,
        )
        listed = MATERIALS.listed(page, Material, lambda material: material.number)
        return await list_with_custom(work, "material", listed)


@router.get("/materials/{material_id}", operation_id="getMaterial", summary="A material", responses=READING)
async def get_material(caller: Caller, material_id: UUID) -> Material:
    """Return one material."""
    async with read(caller) as work:
        material = Material.model_validate(await queries.get_material(work, material_id=material_id))
        return await with_custom(work, "material", material)


@router.post(
    "/materials/",
    operation_id="addMaterial",
    summary="Add a material",
    status_code=201,
    response_model=Material,
    responses=WRITING,
)
async def post_material(body: NewMaterial, write: Write) -> Response:
    """Add a material under a number that no other has."""

    async def add(work: Work) -> Done:
        material = await add_material(
            work,
            number=body.number,
            unit=body.unit,
            description=body.description,
            custom=await given_custom(work, "material", body.custom),
        )
        return Done(await with_custom(work, "material", Material.model_validate(material)), 201)

    return await write.once(add)


@router.patch(
    "/materials/{material_id}",
    operation_id="editMaterial",
    summary="Edit a material",
    response_model=Material,
    responses=WRITING,
)
async def patch_material(material_id: UUID, body: MaterialChange, write: Write) -> Response:
    """Change what is given; refused when somebody changed the material since `version`."""

    async def edit(work: Work) -> Done:
        material = await edit_material(
            work,
            material_id=material_id,
            version=body.version,
            number=body.number,
            unit=body.unit,
            description=body.description,
            is_active=body.is_active,
            custom=await given_custom(work, "material", body.custom),
        )
        return Done(await with_custom(work, "material", Material.model_validate(material)))

    return await write.once(edit)


@router.get("/routings/", operation_id="listRoutings", summary="Routings, newest first", responses=READING)
async def list_routings(caller: Caller, asked: Annotated[RoutingFilter, Query()]) -> Listed[Routing]:
    """Return the revisions of routings with their operations."""
    async with read(caller) as work:
        page = await queries.list_routings(
            work,
            plant_id=asked.plant_id,
            material_id=asked.material_id,
            state=asked.state,
            before=ROUTINGS.read(asked.cursor),
            limit=asked.limit,
        )
    return ROUTINGS.listed(page, Routing, lambda routing: routing.id)


@router.get("/routings/{routing_id}", operation_id="getRouting", summary="A routing", responses=READING)
async def get_routing(caller: Caller, routing_id: UUID) -> Routing:
    """Return one revision of a routing with its operations."""
    async with read(caller) as work:
        return Routing.model_validate(await queries.get_routing(work, routing_id=routing_id))


@router.post(
    "/routings/",
    operation_id="draftRouting",
    summary="Draft a routing",
    status_code=201,
    response_model=Routing,
    responses=WRITING,
)
async def post_routing(body: NewRouting, write: Write) -> Response:
    """Write the next revision of how a plant makes a material. Orders copy it at their release once it is active."""

    async def draft(work: Work) -> Done:
        routing = await draft_routing(
            work,
            plant_id=body.plant_id,
            material_id=body.material_id,
            operations=[operation.step() for operation in body.operations],
        )
        return Done(Routing.model_validate(await queries.get_routing(work, routing_id=routing.id)), 201)

    return await write.once(draft)


@router.patch(
    "/routings/{routing_id}",
    operation_id="editRouting",
    summary="Edit a draft",
    response_model=Routing,
    responses=WRITING,
)
async def patch_routing(routing_id: UUID, body: RoutingChange, write: Write) -> Response:
    """Write all operations of a draft anew."""

    async def edit(work: Work) -> Done:
        steps = [operation.step() for operation in body.operations]
        await edit_routing(work, routing_id=routing_id, version=body.version, operations=steps)
        return Done(Routing.model_validate(await queries.get_routing(work, routing_id=routing_id)))

    return await write.once(edit)


@router.post(
    "/routings/{routing_id}/activate",
    operation_id="activateRouting",
    summary="Activate a routing",
    response_model=Routing,
    responses=WRITING,
)
async def post_activation(routing_id: UUID, write: Write) -> Response:
    """Let a draft be the way in which orders are made from now on; the former one retires."""

    async def activate(work: Work) -> Done:
        await activate_routing(work, routing_id=routing_id)
        return Done(Routing.model_validate(await queries.get_routing(work, routing_id=routing_id)))

    return await write.once(activate)


@router.post(
    "/routings/{routing_id}/revise",
    operation_id="reviseRouting",
    summary="Revise a routing",
    status_code=201,
    response_model=Routing,
    responses=WRITING,
)
async def post_revision(routing_id: UUID, write: Write) -> Response:
    """Make a draft with the operations of another revision."""

    async def revise(work: Work) -> Done:
        routing = await revise_routing(work, routing_id=routing_id)
        return Done(Routing.model_validate(await queries.get_routing(work, routing_id=routing.id)), 201)

    return await write.once(revise)
