"""Versions of things as HTTP knows them: an ETag on what is shown, If-Match and If-None-Match on what is asked.

A thing that people edit has a `version`. Its ETag is that number, so `If-Match: "3"` says the same as `"version": 3` in
the body: either will do, and both together must agree (RFC 9110, 13.1.1).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.responses import Response

from domain.errors import Conflict, Invalid, marked

SEEN_FIELDS = ("version", "seen_version")
"""How bodies call the version that their writer saw."""
ONE_ETAG = re.compile(r'"([1-9][0-9]{0,9})"')
ANY_ETAG = re.compile(r'\s*(W/)?"[^"\x00-\x1f]*"\s*(,\s*(W/)?"[^"\x00-\x1f]*"\s*)*')


class PreconditionFailed(Conflict):
    """The thing has another version than the caller saw."""

    code: ClassVar[str] = "precondition_failed"
    sentence: ClassVar[str] = marked(
        "This was changed by someone else in the meantime: If-Match names another version than it has now. Read it"
        " again, then repeat what you want."
    )


class InvalidIfMatch(Invalid):
    """An If-Match that names no version of ours."""

    code: ClassVar[str] = "invalid_if_match"
    sentence: ClassVar[str] = marked('If-Match must be one ETag as it was read here, such as "3".')


class NoVersionHere(Invalid):
    """An If-Match on a write that knows no version."""

    code: ClassVar[str] = "no_version_here"
    sentence: ClassVar[str] = marked("This write knows no version, so that If-Match cannot hold. Send it without.")


@dataclass(frozen=True)
class Preconditions:
    """What a route has to do with versions."""

    seen_field: str | None
    """The field of its body that holds the version which the caller saw."""
    shows_version: bool
    """Whether its answer is one thing with a version."""

    @classmethod
    def of(cls, route: APIRoute) -> "Preconditions":
        """Read them from a route's body and answer."""
        body = None if route.body_field is None else route.body_field.field_info.annotation
        fields = body.model_fields if isinstance(body, type) and issubclass(body, BaseModel) else {}
        shown = route.response_model
        return cls(
            seen_field=next((name for name in SEEN_FIELDS if name in fields), None),
            shows_version=isinstance(shown, type) and issubclass(shown, BaseModel) and "version" in shown.model_fields,
        )

    def seen_version(self, headers: Headers) -> int | None:
        """Return the version that If-Match names; None without the header.

        Raises:
            NoVersionHere: the route knows none.
            InvalidIfMatch: it is not one strong ETag of ours.
        """
        given = headers.get("if-match")
        if given is None:
            return None
        if self.seen_field is None:
            raise NoVersionHere(field="If-Match")
        found = ONE_ETAG.fullmatch(given.strip())
        if found is None or int(found[1]) >= 2**31:
            raise InvalidIfMatch(field="If-Match")
        return int(found[1])

    def with_seen(self, body: object, version: int) -> object:
        """Return a body that holds the version which If-Match named.

        Raises:
            PreconditionFailed: the body says that another version was seen.
        """
        if not isinstance(body, dict) or self.seen_field is None:
            return body
        if body.setdefault(self.seen_field, version) != version:
            raise PreconditionFailed
        return body

    def tagged(self, response: Response, headers: Headers) -> Response:
        """Return an answer with its ETag, or that nothing has changed where If-None-Match names it already."""
        if not self.shows_version or not 200 <= response.status_code < 300:
            return response
        etag = f'"{orjson.loads(response.body)["version"]}"'
        response.headers["ETag"] = etag
        known = headers.get("if-none-match", "")
        if ANY_ETAG.fullmatch(known) and etag in (one.strip().removeprefix("W/") for one in known.split(",")):
            return Response(status_code=304, headers={"ETag": etag})
        return response


def describe_preconditions(app: FastAPI, routes: Sequence[APIRoute]) -> None:
    """Tell in the OpenAPI document of these routes where ETag, If-Match and If-None-Match count."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        document = describe()
        for route in routes:
            if route.include_in_schema:
                for method in sorted(route.methods or ()):
                    _describe(document, document["paths"][route.path_format][method.lower()], route, method)
        return document

    app.openapi = described  # type: ignore[method-assign]


def _describe(document: dict[str, Any], operation: dict[str, Any], route: APIRoute, method: str) -> None:
    conditions = Preconditions.of(route)
    if conditions.shows_version:
        done = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        done["headers"] = {"ETag": {"description": "The version, in quotes.", "schema": {"type": "string"}}}
        if method == "GET":
            _add_header(operation, "If-None-Match", "ETags that are known already; 304 where one is still true.")
            operation["responses"]["304"] = {"description": "Nothing has changed since that ETag."}
    if conditions.seen_field is not None:
        name = conditions.seen_field
        _add_header(operation, "If-Match", f"The ETag that was seen; stands for `{name}`, which may be left out then.")
        operation["responses"]["412"] = {
            **operation["responses"]["409"],
            "description": "It has another version than If-Match names.",
        }
        for reference in _bodies(operation):
            schema = document["components"]["schemas"][reference.rpartition("/")[2]]
            schema["required"] = [field for field in schema.get("required", ()) if field != name]


def _add_header(operation: dict[str, Any], name: str, description: str) -> None:
    parameters = operation.setdefault("parameters", [])
    if all(parameter["name"] != name for parameter in parameters):
        header = {"name": name, "in": "header", "required": False, "description": description}
        parameters.append({**header, "schema": {"type": "string"}})


def _bodies(operation: dict[str, Any]) -> list[str]:
    contents = operation.get("requestBody", {}).get("content", {}).values()
    return [content["schema"]["$ref"] for content in contents if "$ref" in content["schema"]]
