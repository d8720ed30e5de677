"""JSON bodies, read without guessing: numbers stay exact, names are unique, NaN does not exist."""

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


class ExactJsonRoute(APIRoute):
    """A route whose JSON body is read exactly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler that hands the route our kind of request."""
        handle = super().get_route_handler()

        async def handle_exactly(request: Request) -> Response:
            return await handle(_ExactJsonRequest(request.scope, request.receive))

        return handle_exactly


class _ExactJsonRequest(Request):
    async def json(self) -> object:
        body = await self.body()
        return parse_exactly(body)


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
