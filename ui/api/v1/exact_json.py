"""JSON bodies, read without guessing: numbers stay exact, names are unique, NaN does not exist."""

import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from decimal import Decimal
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from domain.errors import Conflict
from ui.api.origins import SAFE_METHODS
from ui.api.v1.preconditions import PreconditionFailed, Preconditions


class ExactJsonRoute(APIRoute):
    """A route whose JSON body is read exactly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler that hands the route our kind of request."""
        handle, conditions = super().get_route_handler(), Preconditions.of(self)

        async def handle_exactly(request: Request) -> Response:
            exact = _ExactJsonRequest(request.scope, request.receive)
            seen = None if request.method in SAFE_METHODS else conditions.seen_version(request.headers)
            if seen is None:
                return conditions.tagged(await handle(exact), request.headers)
            await exact.see(conditions, seen)
            try:
                return conditions.tagged(await handle(exact), request.headers)
            except Conflict as error:
                if error.code == Conflict.code:
                    raise PreconditionFailed from error
                raise

        return handle_exactly


class _ExactJsonRequest(Request):
    _seen: object = None

    async def see(self, conditions: Preconditions, version: int) -> None:
        """Let the body hold the version that a header names; what is no JSON stays what it is.

        Raises:
            PreconditionFailed: the body names another version.
        """
        with suppress(json.JSONDecodeError):
            self._seen = conditions.with_seen(parse_exactly(await self.body()), version)

    async def json(self) -> object:
        return parse_exactly(await self.body()) if self._seen is None else self._seen


def parse_exactly(body: bytes) -> object:
    """Return the JSON value of a body; numbers with a point or an exponent become Decimal.

    Raises:
        json.JSONDecodeError: it is not JSON (RFC 8259), names a field twice, nests too deeply, or has a number that
            nothing can hold.
    """
    try:
        text = body.decode()
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_unique)
    except json.JSONDecodeError:
        raise
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise json.JSONDecodeError("not acceptable", "", 0) from error


def _refuse(name: str) -> object:
    raise ValueError(f"JSON has no {name}")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is named twice")
    return fields
