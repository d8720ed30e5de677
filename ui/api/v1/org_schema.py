"""The OpenAPI document as one organization's: its custom fields with their types, choices and descriptions."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.custom_fields.fields import PREFIX, UNSORTED, FieldDefinition, FieldPlace, FieldType, in_language
from domain.custom_fields.filters import RANGED
from services.custom_fields.entities import ENTITIES
from services.custom_fields.fields import load_fields
from services.db.work import read
from ui.api.v1.callers import Caller, Words
from ui.kit.translate import preferred_language

PATH = "/openapi.json"
OF_ORGANIZATION = "/openapi-of-organization.json"
ENTITY_OF: Mapping[str, str] = {
    "Material": "material",
    "WorkOrder": "work_order",
    "Machine": "machine",
    "Lane": "lane",
    "Department": "department",
    "Plant": "plant",
    "Reason": "reason",
    "User": "user",
}
"""What the schemas of answers about things with custom fields are called, and their entity."""
LISTS = {"listMaterials": "material", "listWorkOrders": "work_order"}
"""Lists that custom fields filter."""


class OrgSchema:
    """ASGI application that answers `openapi.json?org_schema=true` with the document of the caller's organization."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead that one question to its own route."""
        if scope["type"] == "http" and scope["path"].removeprefix(scope.get("root_path", "")) == PATH:
            asked = parse_qs(scope.get("query_string", b"").decode("latin-1"))
            if asked.get("org_schema", ["false"])[-1].lower() in {"true", "1", "yes"}:
                scope["path"] = f"{scope.get('root_path', '')}{OF_ORGANIZATION}"
        await self._app(scope, receive, send)


def org_schema_router(app: FastAPI) -> APIRouter:
    """Return the route that types the document of `app` for the caller's organization."""
    router = APIRouter(include_in_schema=False)

    @router.get(OF_ORGANIZATION)
    async def document(request: Request, caller: Caller, _words: Words) -> Response:
        language = preferred_language(request.headers.get("accept-language", ""))
        async with read(caller) as work:
            fields = {entity: await load_fields(work, entity, place=FieldPlace.API) for entity in ENTITIES}
        typed = typed_document(app.openapi(), fields, language)
        typed["servers"] = [{"url": request.scope.get("root_path", "")}]
        return JSONResponse(typed)

    return router


def typed_document(
    document: Mapping[str, Any], fields: Mapping[str, tuple[FieldDefinition, ...]], language: str
) -> dict[str, Any]:
    """Return a document in which every `custom` has the type of an organization's fields."""
    typed: dict[str, Any] = deepcopy(dict(document))
    schemas: dict[str, Any] = typed["components"]["schemas"]
    for name, schema in list(schemas.items()):
        properties = schema.get("properties", {})
        entity = ENTITY_OF.get(name.removeprefix("New").removesuffix("Change").removesuffix("WithOperations"))
        if "custom" not in properties or entity is None:
            continue
        is_new, is_change = name.startswith("New"), name.endswith("Change")
        kind = "Given" if is_new or is_change else "Shown"
        custom = f"{''.join(part.title() for part in entity.split('_'))}Custom{kind}{'New' if is_new else ''}"
        schemas[custom] = _object_of(fields[entity], language, is_given=is_new or is_change, is_new=is_new)
        properties["custom"] = {"$ref": f"#/components/schemas/{custom}"}
    for item in typed["paths"].values():
        for operation in item.values():
            entity = LISTS.get(operation.get("operationId", "")) if isinstance(operation, dict) else None
            if entity is not None:
                operation["parameters"] += [
                    parameter for one in fields[entity] for parameter in _parameters_of(one, language)
                ]
                _offer_sorts(operation["parameters"], fields[entity])
    return typed


def _object_of(fields: tuple[FieldDefinition, ...], language: str, *, is_given: bool, is_new: bool) -> dict[str, Any]:
    properties = {one.key: schema_of(one, language, is_given=is_given) for one in fields}
    described = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [one.key for one in fields if (one.is_required and one.default is None) or not is_given]
    return {**described, "required": required} if required and (is_new or not is_given) else described


def schema_of(one: FieldDefinition, language: str, *, is_given: bool) -> dict[str, Any]:
    """Return the JSON schema of a field's values; null stands for nothing."""
    schema: dict[str, Any] = {"title": one.label(language)}
    about = [in_language(one.section, language), f"Unit: {one.unit}" if one.unit else ""]
    match one.type:
        case FieldType.NUMBER:
            schema["type"] = ["number", "string", "null"] if is_given else ["number", "null"]
            bounds = {"minimum": one.rules.least, "maximum": one.rules.most}
            schema |= {name: float(bound) for name, bound in bounds.items() if bound is not None}
            if one.rules.decimals is not None:
                schema["multipleOf"] = float(f"1e-{one.rules.decimals}")
        case FieldType.BOOLEAN:
            schema["type"] = ["boolean", "null"]
        case FieldType.MULTI_CHOICE:
            schema |= {"type": ["array", "null"], "items": {"type": "string", "enum": _keys(one)}, "uniqueItems": True}
            about.append(_choices(one, language))
        case FieldType.CHOICE:
            schema |= {"type": ["string", "null"], "enum": [*_keys(one), None]}
            about.append(_choices(one, language))
        case FieldType.TEXT:
            schema["type"] = ["string", "null"]
            lengths = {"minLength": one.rules.shortest, "maxLength": one.rules.longest}
            schema |= {name: length for name, length in lengths.items() if length is not None}
            if one.rules.pattern is not None:
                schema["pattern"] = f"^(?:{one.rules.pattern})$"
        case FieldType.DATE | FieldType.DATETIME:
            schema |= {"type": ["string", "null"], "format": "date" if one.type is FieldType.DATE else "date-time"}
        case _:
            schema |= {"type": ["string", "null"], "format": "uuid"}
            about.append("The id of a file" if one.reference is None else f"The id of a {one.reference}")
    if one.default is not None and is_given:
        schema["default"] = one.default
    description = ". ".join(part for part in about if part)
    return {**schema, "description": description} if description else schema


def _keys(one: FieldDefinition) -> list[str]:
    return [choice.key for choice in one.choices]


def _choices(one: FieldDefinition, language: str) -> str:
    return "; ".join(f"`{choice.key}`: {in_language(choice.labels, language)}" for choice in one.choices)


def _parameters_of(one: FieldDefinition, language: str) -> list[dict[str, Any]]:
    plain: dict[str, Any] = {"type": "string"}
    if one.type in {FieldType.CHOICE, FieldType.MULTI_CHOICE}:
        plain = {"type": "array", "items": {"type": "string", "enum": _keys(one)}}
    parts: dict[str, dict[str, Any]] = {} if one.type is FieldType.FILE else {"": plain}
    if one.type in RANGED:
        parts |= {".min": {"type": "string"}, ".max": {"type": "string"}}
    parts[".empty"] = {"type": "string", "enum": ["yes", "no"]}
    return [
        {"name": f"{PREFIX}{one.key}{part}", "in": "query", "required": False, "schema": schema,
         "description": one.label(language)}
        for part, schema in parts.items()
    ]  # fmt: skip


def _offer_sorts(parameters: list[dict[str, Any]], fields: tuple[FieldDefinition, ...]) -> None:
    names = [f"{sign}{one.name}" for one in fields if one.type not in UNSORTED for sign in ("", "-")]
    for parameter in parameters:
        if parameter["name"] == "sort":
            parameter["schema"] = {"type": "string", "enum": ["", *names]}
