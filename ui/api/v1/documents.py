"""What the OpenAPI document says about refusals."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from ui.api.problems import MEDIA_TYPE

REFUSALS = {
    400: "The body is not JSON (RFC 8259), or names a field twice.",
    401: "Not signed in, or the session has ended.",
    403: "The user's roles do not allow this.",
    404: "It does not exist, or belongs to another organization.",
    409: "It does not fit the present state.",
    413: "The body is too large.",
    422: "A value cannot be used; `errors` or `fields` say which.",
    429: "Too many requests; `Retry-After` says when to go on.",
    503: "The database does not answer right now; nothing was saved.",
}


class ProblemPlace(BaseModel):
    """Where a request is wrong."""

    pointer: str = Field(description="JSON pointer below the part of the request, such as `/body/good`.")
    detail: str


class ProblemObstacle(BaseModel):
    """One reason why an operation cannot start."""

    kind: str = Field(description="Stable; programs branch on it.")
    detail: str = Field(description="A sentence for people.")
    fields: dict[str, str] = Field(description="The values that the sentence names.")


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="`urn:unison:error:` and the code.")
    title: str
    status: int
    detail: str = Field(description="A sentence for people.")
    instance: str = Field(description="The path of the request.")
    code: str = Field(description="Stable; programs branch on it.")
    request_id: str = Field(description="Names the request in the server's log and in the audit log.")
    fields: dict[str, str] = Field(description="The values that the sentence names.")
    errors: list[ProblemPlace] = Field(default=[], description="Every place where the request is wrong.")
    obstacles: list[ProblemObstacle] = Field(
        default=[], description="Every reason at once why an operation cannot start, with the code `start_refused`."
    )


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of the refusals that a route can answer."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": REFUSALS[status], "content": content} for status in statuses}


READING = refusals(401, 403, 404, 422, 429, 503)
"""What every reading route can answer besides its result."""
WRITING = refusals(400, 401, 403, 404, 409, 413, 422, 429, 503)
"""What every writing route can answer besides its result."""


def describe_problems(app: FastAPI) -> None:
    """Add the schema that `refusals` refers to; FastAPI itself only knows schemas of JSON answers."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        document = describe()
        template = "#/components/schemas/{model}"
        schema = Problem.model_json_schema(ref_template=template)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update({**schema.pop("$defs"), "Problem": schema})
        return document

    app.openapi = described  # type: ignore[method-assign]
