"""The server dies between the report and the answer: whoever asks again with the same key books once."""

import asyncio
from contextlib import suppress
from decimal import Decimal

import orjson
import pytest
from starlette.types import Message

from domain.identity.roles import Role
from services.db.keys import new_id
from services.db.tables import Machine, Operation
from services.db.work import begin, read
from tests.api.doors import V1, Door, make_door, report
from tests.factories import Floor, Make

LOGS = f"{V1}/production-logs/"


class Died(OSError):
    """What a server that dies writes: nothing."""


async def unanswered(door: Door, bearer: str, body: dict[str, object], headers: dict[str, str]) -> None:
    """Send a report to a server that dies before the first byte of its answer."""
    given = {"authorization": f"Bearer {bearer}", "content-type": "application/json", "host": "mes.test", **headers}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": LOGS, "raw_path": LOGS.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("mes.test", 80), "state": {},
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
    }  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": orjson.dumps(body), "more_body": False}

    async def send(message: Message) -> None:
        raise Died

    with suppress(Died):
        await door.app(scope, receive, send)


async def running(floor: Floor, make: Make, *, target: int) -> Operation:
    async with begin(floor.scope) as work:
        machine = await work.session.get_one(Machine, floor.machine_id)
        return await make.running_operation(work, machine=machine, target=target)


async def good_of(floor: Floor, operation: Operation) -> Decimal:
    async with read(floor.scope) as work:
        return (await work.session.get_one(Operation, operation.id)).good


class TestAnswerLost:
    @pytest.mark.parametrize("key", ["client key", "idempotency key"])
    async def test_the_retry_books_once_though_the_order_is_full_then(
        self, door: Door, floor: Floor, make: Make, key: str
    ) -> None:
        operation = await running(floor, make, target=8)
        access = (await door.tokens(floor, Role.OPERATOR)).access
        body, headers = report(floor, operation_id=str(operation.id)), {}
        if key == "idempotency key":
            del body["client_key"]
            headers = {"Idempotency-Key": new_id().hex}

        await unanswered(door, access, body, headers)
        booked = await good_of(floor, operation)
        retries = [make_door().client(bearer=access).post(LOGS, json=body, headers=headers) for _ in range(3)]
        answers = await asyncio.gather(*retries)

        assert booked == 8
        assert {answer.json()["good"] for answer in answers} == {8}
        assert len({tuple(answer.json()["entry_ids"]) for answer in answers}) == 1
        assert await good_of(floor, operation) == 8
