"""What a machine that reads the OpenAPI document comes up with: every answer is one that the document announces.

`UNISON_FUZZ_EXAMPLES` says how many requests that fit the document, and how many that do not, every operation gets
from every kind of caller.
"""

import os
from collections import Counter
from typing import Any, TypeAlias

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from domain.identity.roles import Role
from services.db.tables import Machine
from services.db.work import begin
from tests.api.doors import BASE, V1, Door, report
from tests.api.test_openapi import custom_fields, key_body
from tests.factories import Floor, Make, Platform

Operation: TypeAlias = schemathesis.APIOperation[Any, Any, Any, Any]
Case: TypeAlias = schemathesis.Case[Any]
EXAMPLES = int(os.environ.get("UNISON_FUZZ_EXAMPLES", "1"))
SEED = 4
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
HOP = {"content-length", "authorization", "host", "transfer-encoding", "connection"}
"""What the sender sets and not the machine."""


@pytest.fixture
async def known(door: Door, floor: Floor, other: Floor, make: Make) -> dict[str, str]:
    """The ids of things that exist, by the names that paths and bodies give them: else all that answers is 404."""
    admin = await door.caller(floor)
    async with begin(floor.scope) as work:
        machine = await work.session.get_one(Machine, floor.machine_id)
        operation = await make.running_operation(work, machine=machine)
        order = await make.order(work, machine=machine)
        call = await make.call(work, machine_id=machine.id)
    made = (await admin.post(f"{V1}/production-logs/", json=report(floor))).json()
    key = (await admin.post(f"{V1}/api-keys/", json=key_body())).json()
    role = (await admin.post(f"{V1}/roles/", json={"key": "of-the-first", "name": "X"})).json()
    file = (await admin.post(f"{V1}/files/", files={"file": ("a.txt", b"a", "text/plain")})).json()
    found = {
        "machine_id": floor.machine_id, "lane_id": floor.lane_id, "department_id": floor.department_id,
        "plant_id": floor.plant_id, "reason_id": floor.stop_reason_id, "user_id": floor.user_ids[Role.OPERATOR],
        "operation_id": operation.id, "order_id": order.id, "material_id": order.material_id,
        "routing_id": order.routing_id, "call_id": call.id, "entry_id": made["entry_ids"][0],
        "report_key": made["client_key"], "api_key_id": key["id"], "role_key": role["key"], "file_id": file["id"],
        "organization_id": other.scope.org_id, "table": "machines", "row_id": floor.machine_id, "seq": 3,
        **await custom_fields(admin),
    }  # fmt: skip
    return {name: str(value) for name, value in found.items()}


def cases(operation: Operation, mode: GenerationMode, count: int) -> list[Case]:
    """Return requests to an operation that fit its document, or do not; always the same ones."""
    found: list[Case] = []

    @seed(SEED)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found[:count]


def asked(operation: Operation, known: dict[str, str]) -> list[Case]:
    """Return what an operation is asked: about things that exist and about others, in its terms and in wrong ones."""
    fitting = cases(operation, GenerationMode.POSITIVE, EXAMPLES)
    for case in fitting[::2]:
        pointed(case, known)
    if not operation.path_parameters and not operation.body and not operation.query:
        return fitting[:1]
    wrong = cases(operation, GenerationMode.NEGATIVE, EXAMPLES)
    for case in wrong[::2]:
        pointed(case, known)
    return fitting + wrong


def pointed(case: Case, known: dict[str, str]) -> None:
    """Let a request name things that exist."""
    for name in case.path_parameters or {}:
        if name in known:
            case.path_parameters[name] = known[name]
    if isinstance(case.body, dict):
        case.body.update({name: known[name] for name, value in case.body.items() if value and name in known})


async def answer_to(client: httpx.AsyncClient, case: Case) -> httpx.Response:
    """Send a request as it stands."""
    prepared = requests.Request(**_of_requests(case)).prepare()
    headers = [(name, value) for name, value in prepared.headers.items() if name.lower() not in HOP]
    body = prepared.body or b""
    assert isinstance(body, str | bytes)
    return await client.request(case.method, prepared.url or "", headers=_sendable(headers), content=body)


def _of_requests(case: Case) -> dict[str, Any]:
    wanted = case.as_transport_kwargs(base_url=f"{BASE}{V1}")
    return {name: wanted[name] for name in ("method", "url", "headers", "params", "data", "json", "files")
            if wanted.get(name) is not None}  # fmt: skip


def _sendable(headers: list[tuple[str, Any]]) -> list[tuple[bytes, bytes]]:
    """Return headers as bytes; HTTP knows no others."""

    def plain(value: Any) -> bytes:
        return value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")

    return [(plain(name), plain(value)) for name, value in headers]


class TestEveryAnswer:
    async def test_is_one_that_the_document_announces(
        self, door: Door, floor: Floor, platform: Platform, known: dict[str, str]
    ) -> None:
        document = (await door.client().get(f"{V1}/openapi.json")).json()
        schema = schemathesis.openapi.from_dict(document)
        people = (
            (floor.scope.org_id, floor.user_ids[Role.ADMIN]),
            (floor.scope.org_id, floor.user_ids[Role.VIEWER]),
            (platform.scope.org_id, platform.user_id),
        )
        wrong: dict[str, str] = {}
        sent: Counter[int] = Counter()

        for found in schema.get_all_operations():
            operation = found.ok()  # type: ignore[union-attr]
            clients = [door.client(bearer=(await door.tokens_of(*person)).access) for person in people]
            for case in asked(operation, known):
                for client in clients:
                    answer = await answer_to(client, case)
                    sent[answer.status_code] += 1
                    try:
                        case.validate_response(answer, checks=CHECKS)
                    except FailureGroup as failure:
                        wrong.setdefault(f"{operation.label} {answer.status_code}", str(failure))

        print(sent.total(), "requests", dict(sorted(sent.items())))
        assert sent.keys() >= {200, 201, 403, 404, 409, 422}
        assert not wrong, "\n\n".join(f"{where}\n{what}" for where, what in wrong.items())
