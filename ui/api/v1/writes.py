"""The one way in which a route writes: one unit of work, and one answer per Idempotency-Key."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

import orjson
from fastapi import Depends, Header, Request, Response

from domain.scope import Scope
from services.db.work import Work, begin
from services.identity import idempotency
from ui.api.v1.callers import Caller
from ui.api.v1.fields import Answer

REPLAYED = "Idempotency-Replayed"


@dataclass(frozen=True)
class Done:
    """What a write is answered."""

    body: Answer
    status: int = 200
    kept: Answer | None = None
    """What a repetition gets instead, where the body holds a secret that is shown once."""


@dataclass(frozen=True)
class Writer:
    """Runs the write of one request."""

    scope: Scope
    key: str | None
    fingerprint: bytes

    async def once(self, write: Callable[[Work], Awaitable[Done]]) -> Response:
        """Run a use case in a unit of work of its own and return its answer.

        With an Idempotency-Key, the answer is kept in the same transaction; a repetition gets it again and runs
        nothing. A refusal keeps nothing: after it, the key is free.

        Raises:
            IdempotencyKeyReused: the key stands for another request.
            Unavailable: Postgres does not answer.
            And whatever the use case raises.
        """
        async with begin(self.scope) as work:
            if self.key is not None:
                stored = await idempotency.claim(work, key=self.key, fingerprint=self.fingerprint)
                if stored is not None:
                    return _json(stored.body, stored.status, {REPLAYED: "true"})
            done = await write(work)
            body = done.body.model_dump(mode="json")
            if self.key is not None:
                kept = body if done.kept is None else done.kept.model_dump(mode="json")
                await idempotency.keep_answer(work, key=self.key, status=done.status, body=kept)
        return _json(body, done.status, {})


async def _writer(
    request: Request,
    scope: Caller,
    idempotency_key: Annotated[
        str | None,
        Header(description="Names this write: repeated within a day, it gets the first answer and changes nothing."),
    ] = None,
) -> Writer:
    """Return the writer of a request.

    Raises:
        InvalidIdempotencyKey: the header cannot be kept.
    """
    key = None if idempotency_key is None else idempotency.checked_key(idempotency_key)
    asked = [request.method.encode(), request.url.path.encode(), await request.body()]
    if scope.api_key_id is not None:  # a key that may less must not be told what its owner was answered
        asked.append(scope.api_key_id.bytes)
    if (seen := request.headers.get("if-match")) is not None:
        asked.append(b"If-Match:" + seen.encode())
    return Writer(scope=scope, key=key, fingerprint=sha256(b"\n".join(asked)).digest())


Write = Annotated[Writer, Depends(_writer)]


def _json(body: object, status: int, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(body), status_code=status, headers=headers, media_type="application/json")
