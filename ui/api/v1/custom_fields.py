"""The fields that an organization adds to its things, and changes of their type."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, JsonValue, StringConstraints, TypeAdapter

from domain.custom_fields.conversions import ConversionState, Leftovers
from domain.custom_fields.fields import (
    LONGEST_KEY,
    LONGEST_LABEL,
    LONGEST_TEXT,
    LONGEST_UNIT,
    MOST_CHOICES,
    MOST_DECIMALS,
    USUAL_PLACES,
    Choice,
    FieldDefinition,
    FieldPlace,
    FieldRules,
    FieldType,
)
from domain.custom_fields.patterns import LONGEST_PATTERN
from services.custom_fields import conversions
from services.custom_fields.entities import entity_of
from services.custom_fields.fields import FieldChanges, add_field, edit_field, get_field, list_fields, order_fields
from services.db.paging import page_of
from services.db.tables import CustomField as FieldRow
from services.db.work import Work, read
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody, Version
from ui.api.v1.lists import CodeText, Cursors, Listed, Paging
from ui.api.v1.plant_models import given
from ui.api.v1.writes import Done, Write

router = APIRouter(tags=["custom fields"], route_class=ExactJsonRoute)

FIELDS = Cursors("custom-fields", TypeAdapter(tuple[CodeText, int, CodeText]))
Key = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_KEY)]
Language = Annotated[str, StringConstraints(min_length=2, max_length=12)]
Words = Annotated[str, StringConstraints(max_length=LONGEST_LABEL)]
Labels = Annotated[dict[Language, Words], Field(max_length=50, description="What people read, by language.")]
Unit = Annotated[str, StringConstraints(max_length=LONGEST_UNIT)]
Places = Annotated[list[FieldPlace], Field(max_length=len(FieldPlace), description="Where it is shown.")]
Limit = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=18, decimal_places=MOST_DECIMALS)]
Length = Annotated[int, Field(strict=True, ge=1, le=LONGEST_TEXT)]


class FieldChoice(RequestBody):
    """One of the values of a field to choose from."""

    key: Key
    labels: Labels
    is_active: bool = Field(default=True, description="False keeps it on what has it, and offers it nowhere.")

    def choice(self) -> Choice:
        """Return it as the rules know it."""
        return Choice(self.key, self.labels, is_active=self.is_active)


class Rules(RequestBody):
    """What a value must be like; null leaves it open."""

    least: Limit | None = Field(default=None, description="Of a number.")
    most: Limit | None = None
    decimals: Annotated[int, Field(strict=True, ge=0, le=MOST_DECIMALS)] | None = None
    shortest: Length | None = Field(default=None, description="Fewest characters of a text.")
    longest: Length | None = None
    pattern: Annotated[str, StringConstraints(max_length=LONGEST_PATTERN)] | None = Field(
        default=None, description="What the whole of a text must match; no look-around and no back references."
    )

    def rules(self) -> FieldRules:
        """Return them as the rules know them."""
        return FieldRules(**self.model_dump())


class CustomField(Answer):
    """A field that an organization added to a kind of its things."""

    id: UUID
    entity: str
    key: str = Field(description="Names it for programs, for ever.")
    type: FieldType
    labels: dict[str, str]
    unit: str
    is_required: bool
    default: JsonValue = Field(validation_alias="default_value", description="What new things begin with.")
    rules: dict[str, JsonValue]
    choices: list[dict[str, JsonValue]]
    reference: str | None = Field(description="The entity that a reference leads to.")
    section: dict[str, str]
    position: int
    shown_in: list[FieldPlace]
    is_active: bool
    has_keys: bool = Field(description="Whether tables can be filtered and sorted by it at full speed.")
    version: int


class NewCustomField(RequestBody):
    """A field."""

    entity: Key
    key: Key
    type: FieldType
    labels: Labels
    unit: Unit = ""
    is_required: bool = False
    default: object = None
    rules: Rules = Rules()
    choices: Annotated[list[FieldChoice], Field(max_length=MOST_CHOICES)] = []
    reference: Key | None = None
    section: Labels = {}
    shown_in: Places = list(USUAL_PLACES)

    def definition(self) -> FieldDefinition:
        """Return it as the rules know it."""
        return FieldDefinition(
            key=self.key,
            type=self.type,
            labels=self.labels,
            unit=self.unit,
            is_required=self.is_required,
            default=self.default,
            rules=self.rules.rules(),
            choices=tuple(one.choice() for one in self.choices),
            reference=self.reference,
            section=self.section,
            shown_in=frozenset(self.shown_in),
        )


class CustomFieldChange(RequestBody):
    """What changes of a field; what is missing stays. Its type changes by a conversion."""

    version: Version
    labels: Labels | None = None
    unit: Unit | None = None
    is_required: bool | None = None
    default: object = Field(default=None, description="Null takes it away.")
    rules: Rules | None = None
    choices: Annotated[list[FieldChoice], Field(max_length=MOST_CHOICES)] | None = None
    section: Labels | None = None
    shown_in: Places | None = None
    is_active: bool | None = Field(default=None, description="False takes it out of use; things keep their values.")


class FieldOrder(RequestBody):
    """Fields of one entity in the order in which they shall stand."""

    entity: Key
    field_ids: Annotated[list[UUID], Field(max_length=1000)]


class OrderedFields(Answer):
    """All fields of an entity in order."""

    items: list[CustomField]


class NewConversion(RequestBody):
    """The type that a field shall have, and what belongs to it."""

    version: Version
    type: FieldType
    unit: Unit = ""
    rules: Rules = Rules()
    choices: Annotated[list[FieldChoice], Field(max_length=MOST_CHOICES)] = []
    reference: Key | None = None


class Conversion(Answer):
    """A change of a field's type: first only a report."""

    id: UUID
    field_id: UUID
    from_type: FieldType
    to_type: FieldType
    state: ConversionState
    task_id: UUID | None = Field(description="The task that looks at values or changes them: to follow and to cancel.")
    total: int
    seen: int = Field(description="How many values it has looked at.")
    leftover: int = Field(description="How many values cannot be converted.")
    leftovers: Leftovers | None
    samples: list[dict[str, JsonValue]] = Field(description="The first of those: the thing, its value and why.")
    started_at: datetime
    ended_at: datetime | None
    version: int


class ConversionDecision(RequestBody):
    """What becomes of values that cannot be converted."""

    leftovers: Leftovers | None = Field(
        default=None, description="archive keeps them in a field out of use, clear takes them away."
    )


class FieldFilter(Paging):
    """Filters of fields."""

    entity: Key | None = None
    is_active: bool | None = None


@router.get("/custom-fields/", operation_id="listCustomFields", summary="Custom fields", responses=READING)
async def list_custom_fields(caller: Caller, asked: Annotated[FieldFilter, Query()]) -> Listed[CustomField]:
    """Return the fields by entity and place, of one entity where given; those out of use too."""
    if asked.entity is not None:
        entity_of(asked.entity)
    after = FIELDS.read(asked.cursor)
    async with read(caller) as work:
        rows = [
            row
            for row in await list_fields(work, entity=asked.entity)
            if asked.is_active in {None, row.is_active} and (after is None or _place(row) > after)
        ]
    return FIELDS.listed(page_of(rows[: asked.limit + 1], asked.limit), CustomField, _place)


@router.get("/custom-fields/{field_id}", operation_id="getCustomField", summary="A custom field", responses=READING)
async def get_custom_field(caller: Caller, field_id: UUID) -> CustomField:
    """Return one field."""
    async with read(caller) as work:
        return CustomField.model_validate(await get_field(work, field_id=field_id))


@router.post(
    "/custom-fields/",
    operation_id="addCustomField",
    summary="Add a custom field",
    status_code=201,
    response_model=CustomField,
    responses=WRITING,
)
async def post_custom_field(body: NewCustomField, write: Write) -> Response:
    """Add a field to a kind of things; forms, tables and the API have it at once."""

    async def add(work: Work) -> Done:
        row = await add_field(work, entity=body.entity, field=body.definition())
        return Done(CustomField.model_validate(row), 201)

    return await write.once(add)


@router.post(
    "/custom-fields/order",
    operation_id="orderCustomFields",
    summary="Order custom fields",
    response_model=OrderedFields,
    responses=WRITING,
)
async def post_order(body: FieldOrder, write: Write) -> Response:
    """Put fields of one entity into an order, and return all of them."""

    async def order(work: Work) -> Done:
        await order_fields(work, entity=body.entity, field_ids=body.field_ids)
        work.session.expire_all()
        rows = await list_fields(work, entity=body.entity)
        return Done(OrderedFields(items=[CustomField.model_validate(row) for row in rows]))

    return await write.once(order)


@router.patch(
    "/custom-fields/{field_id}",
    operation_id="editCustomField",
    summary="Change a custom field",
    response_model=CustomField,
    responses=WRITING,
)
async def patch_custom_field(field_id: UUID, body: CustomFieldChange, write: Write) -> Response:
    """Change what is given; out of use, a field shows nowhere, and what things hold in it stays."""

    async def edit(work: Work) -> Done:
        changes = FieldChanges(
            labels=body.labels,
            unit=body.unit,
            is_required=body.is_required,
            default=given(body, "default", body.default),
            rules=None if body.rules is None else body.rules.rules(),
            choices=None if body.choices is None else [one.choice() for one in body.choices],
            section=body.section,
            shown_in=None if body.shown_in is None else frozenset(body.shown_in),
            is_active=body.is_active,
        )
        row = await edit_field(work, field_id=field_id, version=body.version, changes=changes)
        return Done(CustomField.model_validate(row))

    return await write.once(edit)


@router.post(
    "/custom-fields/{field_id}/conversions",
    operation_id="checkCustomFieldConversion",
    summary="Try a change of type",
    status_code=201,
    response_model=Conversion,
    responses=WRITING,
)
async def post_conversion(field_id: UUID, body: NewConversion, write: Write) -> Response:
    """Let a job report which values could not be converted. Nothing changes before the conversion is run."""

    async def check(work: Work) -> Done:
        to = FieldDefinition(
            key="to",
            type=body.type,
            labels={},
            unit=body.unit,
            rules=body.rules.rules(),
            choices=tuple(one.choice() for one in body.choices),
            reference=body.reference,
        )
        begun = await conversions.check_conversion(work, field_id=field_id, version=body.version, to=to)
        return Done(Conversion.model_validate(begun), 201)

    return await write.once(check)


@router.get(
    "/custom-field-conversions/{conversion_id}",
    operation_id="getCustomFieldConversion",
    summary="A change of type",
    responses=READING,
)
async def get_conversion(caller: Caller, conversion_id: UUID) -> Conversion:
    """Return how far a change of type is, and what it would leave over."""
    async with read(caller) as work:
        return Conversion.model_validate(await conversions.get_conversion(work, conversion_id=conversion_id))


@router.post(
    "/custom-field-conversions/{conversion_id}/run",
    operation_id="runCustomFieldConversion",
    summary="Run a change of type",
    response_model=Conversion,
    responses=WRITING,
)
async def post_run(conversion_id: UUID, body: ConversionDecision, write: Write) -> Response:
    """Let a job change every value, or none: what cannot be converted needs a decision."""

    async def run(work: Work) -> Done:
        running = await conversions.run_conversion(work, conversion_id=conversion_id, leftovers=body.leftovers)
        return Done(Conversion.model_validate(running))

    return await write.once(run)


@router.post(
    "/custom-field-conversions/{conversion_id}/drop",
    operation_id="dropCustomFieldConversion",
    summary="Give a change of type up",
    response_model=Conversion,
    responses=WRITING,
)
async def post_drop(conversion_id: UUID, write: Write) -> Response:
    """Give a change of type up that has not begun to change values."""

    async def drop(work: Work) -> Done:
        return Done(Conversion.model_validate(await conversions.drop_conversion(work, conversion_id=conversion_id)))

    return await write.once(drop)


def _place(row: FieldRow) -> tuple[str, int, str]:
    return (row.entity, row.position, row.key)
