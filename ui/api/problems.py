"""Errors as programs meet them: problem details (RFC 9457) with stable codes, never a trace."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from domain.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable, UnisonError
from domain.production.operations import StartRefused
from services.audit.notes import note_refusal
from services.auth.attempts import WINDOW_MINUTES, TooManyAttempts
from services.auth.tokens import NotSignedIn
from services.identity.kiosks import NotRecognized
from services.identity.sessions import Viewer
from services.identity.sign_ins import SecondFactorRequired, WrongPassword
from ui.api.rate_limit import TooManyRequests
from ui.api.v1.preconditions import PreconditionFailed
from ui.kit.translate import obstacle_sentence, preferred_language, sentence_of, translator, why_sentence

MEDIA_TYPE = "application/problem+json"
LONGEST_POINTER = 200

STATUS: dict[type[UnisonError], int] = {
    PreconditionFailed: 412,
    NotFound: 404,
    Forbidden: 403,
    Conflict: 409,
    Invalid: 422,
    Unavailable: 503,
    NotSignedIn: 401,
    WrongPassword: 401,
    SecondFactorRequired: 401,
    NotRecognized: 401,
    TooManyAttempts: 429,
    TooManyRequests: 429,
}
"""The HTTP status of each kind of error."""
HEADERS: dict[type[UnisonError], dict[str, str]] = {
    NotSignedIn: {"WWW-Authenticate": 'Bearer realm="unison"'},
    WrongPassword: {"WWW-Authenticate": 'Bearer realm="unison"'},
    SecondFactorRequired: {"WWW-Authenticate": 'Bearer realm="unison"'},
    Unavailable: {"Retry-After": "1"},
    TooManyAttempts: {"Retry-After": str(WINDOW_MINUTES * 60)},
}
HTTP_CODES = {
    400: ("malformed_request", "The request cannot be read."),
    403: ("forbidden", "You may not do this."),
    404: ("unknown_address", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not answer this method."),
    413: ("body_too_large", "The request body is larger than this server reads."),
}
UNEXPECTED = ("unexpected", "Something went wrong on the server. Ask for help with the request id.")


def status_of(error: UnisonError) -> int:
    """Return the HTTP status of an error, by its kind."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)


def problem(error: UnisonError, request: HTTPConnection) -> Response:
    """Return the answer that tells a program why it was refused; its sentence is in the language that was asked for."""
    translate = translator(preferred_language(request.headers.get("accept-language", "")))
    headers = next((headers for kind, headers in HEADERS.items() if isinstance(error, kind)), {})
    if isinstance(seconds := error.fields.get("retry_after_s"), int):
        headers = {"Retry-After": str(seconds)}
    fields = {name: str(value) for name, value in error.fields.items()}
    obstacles = error.obstacles if isinstance(error, StartRefused) else ()
    if isinstance(error, StartRefused):
        fields["why"] = why_sentence(error, translate)
    return problem_response(
        request, status=status_of(error), code=error.code, detail=sentence_of(error, translate), headers=headers,
        fields=fields, obstacles=[
            {"kind": one.kind.value, "detail": obstacle_sentence(one, translate), "fields": dict(one.fields)}
            for one in obstacles
        ],
    )  # fmt: skip


def problem_response(
    request: HTTPConnection,
    *,
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
    obstacles: Sequence[Mapping[str, object]] = (),
) -> Response:
    """Return problem details; whatever came from outside is made valid UTF-8 first."""
    content: dict[str, object] = {
        "type": f"urn:unison:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.scope.get("raw_path", b"").decode("ascii", "replace"),
        "code": code,
        "request_id": request_id_of(request),
        "fields": fields or {},
    }
    if errors:
        content["errors"] = errors
    if obstacles:
        content["obstacles"] = obstacles
    body = orjson.dumps(_readable(content))
    return Response(body, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def request_id_of(request: HTTPConnection) -> str:
    """Return the id under which this request stands in the log and in the audit log."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def unexpected_problem(request: HTTPConnection) -> Response:
    """Return the answer to a request that met a fault of ours; the log has the rest under the request id."""
    code, detail = UNEXPECTED
    return problem_response(request, status=500, code=code, detail=detail)


def answer_errors_as_problems(app: FastAPI) -> None:
    """Have an application answer every refusal with problem details."""
    app.add_exception_handler(UnisonError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, UnisonError)  # noqa: S101 - registered for this class only
    viewer: Viewer | None = request.scope.get("state", {}).get("viewer")
    if viewer is not None:
        route = getattr(request.scope.get("route"), "path", request.url.path)
        scope = replace(viewer.scope, request_id=request_id_of(request))
        note_refusal(scope, error, where=f"{request.method} {route}")
    return problem(error, request)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        code, detail = HTTP_CODES[400]
        return problem_response(request, status=400, code=code, detail=detail, errors=_listed(found))
    return problem_response(
        request, status=422, code="invalid_request", detail="The request does not fit.", errors=_listed(found)
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    code, detail = HTTP_CODES.get(error.status_code, ("http_error", HTTPStatus(error.status_code).phrase))
    return problem_response(request, status=error.status_code, code=code, detail=detail, headers=error.headers)


async def _unexpected(request: Request, _: Exception) -> Response:
    """Answer only: Starlette raises the error again, and the request log writes it down."""
    return unexpected_problem(request)


def _listed(found: Sequence[Any]) -> list[dict[str, str]]:
    """Return where each error lies and what is wanted there; what was given is not repeated."""
    return [{"pointer": _pointer(one["loc"]), "detail": str(one["msg"])} for one in found]


def _pointer(location: Sequence[object]) -> str:
    """Return a JSON pointer (RFC 6901) below the part of the request, such as `/body/good`."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return "".join(f"/{part}" for part in parts)[:LONGEST_POINTER]


def _readable(value: object) -> object:
    """Return the value with lone surrogates, which no UTF-8 can carry, replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_readable(key): _readable(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_readable(item) for item in value]
    return value
