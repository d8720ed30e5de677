"""What every request passes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import WebSocket

from domain.errors import Unavailable
from domain.identity.roles import Role
from tests.api.doors import BASE, V1, Door, make_door, refused, report
from tests.factories import Floor
from ui.api.browser_session import ACCESS_COOKIE

PLANTS = f"{V1}/plants/"
LOGS = f"{V1}/production-logs/"


class TestRequestId:
    async def test_is_kept_when_it_can_be(self, door: Door) -> None:
        answer = await door.client().get("/healthz", headers={"X-Request-ID": "abc-1.2_3"})

        assert answer.headers["x-request-id"] == "abc-1.2_3"

    @pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\tb", "<b>"])
    async def test_is_made_when_it_cannot(self, door: Door, given: str) -> None:
        answer = await door.client().get(f"{V1}/nowhere", headers={"X-Request-ID": given})

        assert answer.headers["x-request-id"] not in {given, ""}
        assert refused(answer, 404, "unknown_address")

    async def test_stands_in_the_audit_log(self, door: Door, floor: Floor, superuser_connection: Any) -> None:
        operator = await door.caller(floor, Role.OPERATOR)

        await operator.post(LOGS, json=report(floor), headers={"X-Request-ID": f"audit-{floor.scope.org_id.hex}"})

        found = await superuser_connection.fetch(
            "SELECT user_id, actor_kind FROM audit_log WHERE request_id = $1 AND table_name = 'production_log'",
            f"audit-{floor.scope.org_id.hex}",
        )
        assert [tuple(row) for row in found] == [(floor.user_ids[Role.OPERATOR], "user")]


class TestUnknownAddress:
    @pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v2/plants/", f"{V1}/x", f"{V1}/plants/x/y"])
    async def test_is_a_problem(self, door: Door, path: str) -> None:
        assert refused(await door.client().get(path), 404, "unknown_address")

    async def test_method_is_a_problem(self, door: Door) -> None:
        answer = await door.client().delete(PLANTS)

        assert refused(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "GET"


class TestUnexpectedFault:
    async def test_shows_a_number_and_no_trace(self, caplog: pytest.LogCaptureFixture) -> None:
        door = make_door()

        @door.app.get("/broken")
        async def broken() -> None:
            raise RuntimeError("the secret of the trace")

        answer = await door.client().get("/broken")

        assert refused(answer, 500, "unexpected")
        assert "secret" not in answer.text

    async def test_of_the_database_is_unavailable(
        self, door: Door, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = (await door.tokens(floor, Role.VIEWER)).access

        async def away(_: object) -> None:
            raise Unavailable

        monkeypatch.setattr(door.sessions, "viewer", away)

        program = await door.client(bearer=token).get(PLANTS)
        browser = await door.client(Accept="text/html", Cookie=f"{ACCESS_COOKIE}={token}").get("/wall")

        assert refused(program, 503, "unavailable")
        assert program.headers["retry-after"] == "1"
        assert browser.status_code == 503
        assert "tries again by itself" in browser.text


class TestBodyLimit:
    async def test_refuses_what_is_announced(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)

        answer = await operator.post(LOGS, content=b"x" * 10_000_000)

        assert refused(answer, 413, "body_too_large")

    async def test_refuses_what_is_streamed(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)

        async def stream() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"[" * 100_000

        api = await operator.post(LOGS, content=stream(), headers={"Content-Type": "application/json"})

        assert refused(api, 413, "body_too_large")


class TestRateLimit:
    async def test_counts_each_session_alone(self, floor: Floor) -> None:
        door = make_door(requests_per_minute=10)
        busy, calm = await door.caller(floor), await door.caller(floor)

        answers = [await busy.get(PLANTS) for _ in range(11)]

        assert [answer.status_code for answer in answers[:10]] == [200] * 10
        assert refused(answers[10], 429, "too_many_requests")
        assert 1 <= int(answers[10].headers["retry-after"]) <= 60
        assert (await calm.get(PLANTS)).status_code == 200

    async def test_counts_addresses_without_a_session(self, database: object) -> None:
        door = make_door(requests_per_minute=10)

        answers = [await door.client(bearer="x", address="10.0.0.1").get(PLANTS) for _ in range(11)]

        assert refused(answers[9], 401, "not_signed_in")
        assert refused(answers[10], 429, "too_many_requests")
        assert refused(await door.client(address="10.0.0.2").get(PLANTS), 401, "not_signed_in")
        assert (await door.client(address="10.0.0.1").get("/healthz")).status_code == 200


class TestCors:
    async def test_lets_allowed_origins_in(self) -> None:
        door = make_door(allowed_origins=("https://erp.example",))
        client = door.client(Origin="https://erp.example")

        preflight = await client.options(
            PLANTS,
            headers={
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization, idempotency-key",
            },
        )
        answer = await client.get(PLANTS)

        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "https://erp.example"
        assert answer.headers["access-control-allow-origin"] == "https://erp.example"
        assert "access-control-allow-credentials" not in answer.headers

    async def test_lets_nobody_else_in(self) -> None:
        door = make_door(allowed_origins=("https://erp.example",))
        client = door.client(Origin="https://evil.example")

        preflight = await client.options(PLANTS, headers={"Access-Control-Request-Method": "GET"})

        assert preflight.status_code == 400
        assert "access-control-allow-origin" not in (await client.get(PLANTS)).headers


class TestForgedRequests:
    @pytest.mark.parametrize(
        ("headers", "is_ours"),
        [
            ({"Origin": BASE}, True),
            ({"Sec-Fetch-Site": "same-origin"}, True),
            ({"Sec-Fetch-Site": "none"}, True),
            ({"Origin": "https://public.example"}, True),
            ({}, False),
            ({"Origin": "http://evil.test"}, False),
            ({"Origin": "null"}, False),
            ({"Origin": "http://mes.test.evil.test"}, False),
            ({"Origin": "http://["}, False),
            ({"Sec-Fetch-Site": "cross-site"}, False),
            ({"Sec-Fetch-Site": "same-site", "Origin": BASE}, False),
        ],
    )
    async def test_with_a_cookie_are_refused(self, floor: Floor, headers: dict[str, str], is_ours: bool) -> None:
        door = make_door(public_url="https://public.example")
        token = (await door.tokens(floor, Role.OPERATOR)).access
        client = door.client(Cookie=f"{ACCESS_COOKIE}={token}")

        answer = await client.post(LOGS, json=report(floor), headers=headers)

        assert answer.status_code == 201 if is_ours else refused(answer, 403, "foreign_site")

    async def test_are_no_matter_for_bearer_tokens(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)

        answer = await operator.post(LOGS, json=report(floor), headers={"Origin": "http://evil.test"})

        assert answer.status_code == 201


class TestSockets:
    @pytest.mark.parametrize(("origin", "is_open"), [(BASE, True), ("http://evil.test", False), (None, True)])
    async def test_open_for_our_own_pages_only(self, floor: Floor, origin: str | None, is_open: bool) -> None:
        door = make_door()
        seen: list[object] = []

        @door.app.websocket("/_nicegui_ws/socket.io/")
        async def socket(websocket: WebSocket) -> None:
            seen.append(websocket.scope["state"]["viewer"])

        token = (await door.tokens(floor, Role.VIEWER)).access
        headers = [(b"host", b"mes.test"), (b"cookie", f"{ACCESS_COOKIE}={token}".encode())]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        sent: list[dict[str, Any]] = []
        scope = {"type": "websocket", "path": "/_nicegui_ws/socket.io/", "headers": headers, "query_string": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return await asyncio.sleep(0, {"type": "websocket.connect"})

        await door.app(scope, receive, send)

        assert bool(seen) is is_open
        if is_open:
            assert seen[0].user_id == floor.user_ids[Role.VIEWER]  # type: ignore[attr-defined]
        else:
            assert sent == [{"type": "websocket.close", "code": 1008}]


class TestSecurityHeaders:
    async def test_stand_on_pages_and_answers(self) -> None:
        door = make_door(public_url="https://mes.example")

        page, answer = await door.client().get("/healthz"), await door.client().get(PLANTS)

        assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        for response in (page, answer):
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["cache-control"] == "no-store"
            assert "strict-transport-security" in response.headers
