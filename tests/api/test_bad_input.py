"""Whatever is sent, the answer is a problem of the caller's, never a fault of ours."""

import json
from collections.abc import Callable

import httpx
import pytest

from domain.identity.roles import Role
from services.db.keys import new_id
from tests.api.doors import V1, Door, report
from tests.factories import PASSWORD, Floor

JSON = {"Content-Type": "application/json"}

Body = dict[str, object]
WRITES: dict[str, tuple[str, Callable[[Floor], Body]]] = {
    "log": ("/production-logs/", report),
    "state": ("/machines/{machine}/states", lambda _: {"state": "unplanned_stop"}),
    "call": ("/andon-calls/", lambda floor: {"machine_id": str(floor.machine_id), "category": "help"}),
    "ladder": (
        "/andon-ladders/",
        lambda floor: {
            "plant_id": str(floor.plant_id),
            "category": "help",
            "steps": [{"after_s": 60, "recipient": "role", "whom": "supervisor", "channels": ["screen"]}],
        },
    ),
    "rule": (
        "/andon-rules/",
        lambda floor: {
            "plant_id": str(floor.plant_id),
            "state": "unplanned_stop",
            "after_s": 60,
            "category": "machine",
        },
    ),
    "badge": ("/users/{operator}/badges", lambda _: {"kind": "badge", "value": "UM-10442"}),
    "pin": ("/users/{operator}/badges", lambda _: {"kind": "pin", "value": "2580"}),
    "login": ("/auth/login", lambda floor: {"email": floor.emails[Role.VIEWER], "password": PASSWORD}),
    "refresh": ("/auth/refresh", lambda _: {"refresh_token": "x"}),
}
BROKEN: list[bytes] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"[{}]",
    b'"text"',
    b"1",
    b"\x00",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": 1e99999999999999999999}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"state": "idle", "state": "running"}',
    b'{"machine_id": 1, "machine_id": 2}',
    b'{"\\ud800": "\\udfff"}',
    b'{"' + b"k" * 100_000 + b'": 1}',
    b'{"<script>": 1}',
]
TEXTS: list[object] = [
    "\x00",
    "a\x00b",
    "\x1b[31m",
    "\ud800",
    "a\u0085b",
    "x" * 501,
    "x" * 100_000,
    1,
    1.5,
    None,
    [],
    {},
]
IDS: list[object] = ["", "x", 1, None, True, [], "\x00", "\ud800", "0" * 33, "é" * 36]
NUMBERS: list[object] = [
    -1, "-0.1", "NaN", "sNaN", "Infinity", "-Infinity", 10**30, "1e30", 1e30, 10**4000, "1e-7", "0.0000001", "", " ",
    "x", "1,5", "0x10", "1_000", "١", "9" * 1000, True, None, [], {}, "\x00", "\ud800", "1000000000.000001",
]  # fmt: skip
INSTANTS: list[object] = [
    "", "x", 1, 1e300, 10**30, True, [], "2025-02-30T00:00:00Z", "2025-01-01", "2025-01-01T00:00:00", "\x00", "\ud800",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1738540800", "25:00",
]  # fmt: skip
FIELDS: list[tuple[str, str, list[object]]] = [
    ("log", "machine_id", IDS),
    ("log", "client_key", [one for one in IDS if one is not None]),
    ("log", "good", NUMBERS),
    ("log", "scrap", NUMBERS),
    ("log", "rework", NUMBERS),
    ("log", "scrap_reason_id", [one for one in IDS if one is not None]),
    ("log", "device", TEXTS),
    ("log", "device_at", INSTANTS),
    ("log", "org_id", ["x", None]),
    ("state", "state", ["", "RUNNING", "x", 1, None, [], "\x00", "\ud800"]),
    ("state", "reason_id", [one for one in IDS if one is not None]),
    ("state", "detail", TEXTS),
    ("state", "started_at", INSTANTS),
    ("state", "seen_since", INSTANTS),
    ("call", "machine_id", IDS),
    ("call", "category", ["", "x", 1, None, "\ud800"]),
    ("call", "severity", ["", "x", 1, None]),
    ("call", "note", TEXTS),
    ("ladder", "plant_id", IDS),
    ("ladder", "category", ["", "x", 1, None, "\ud800"]),
    ("ladder", "steps", [None, 1, "x", [1], [{}], [{"after_s": -1}], {}]),
    ("ladder", "response_target_s", [0, -1, 10**10, "60", 1.5, True, []]),
    ("ladder", "holds_operation_from", ["", "x", 1]),
    ("ladder", "seen_version", [0, 10**30, "1", 1.5, True, 7]),
    ("rule", "plant_id", IDS),
    ("rule", "lane_id", [one for one in IDS if one is not None]),
    ("rule", "state", ["", "x", 1, None, "\ud800"]),
    ("rule", "after_s", [-1, 10**10, "60", 1.5, True, None, []]),
    ("rule", "severity", ["", "x", 1, None]),
    ("badge", "kind", ["", "x", 1, None, [], "\ud800", "BADGE"]),
    ("badge", "value", [*TEXTS, "", "abc", "x" * 65, "a b c d", "Straße-1", "١٢٣٤٥"]),
    ("badge", "org_id", ["x", None]),
    ("pin", "value", [*TEXTS, "", "258", "123456789", "1234", "8765", "1111", "1212", "25 80", "٢٥٨٠", "2580x", 2580]),
    ("login", "email", ["", "\ud800", 1, None, [], "\x00", "x" * 321]),
    ("login", "password", ["", "\ud800", 1, None, [], "\x00", "p" * 73, "x" * 1025]),
    ("login", "organization", ["", "\ud800", "\x00", "A", "x" * 41, "x' OR true --", 1]),
    ("refresh", "refresh_token", ["", "\ud800", "\x00", "é", 1, None, "a.b.c", "x" * 4001]),
]


def is_a_clear_refusal(answer: httpx.Response, sent: object) -> bool:
    """Tell whether an answer is a problem of the caller's, in valid UTF-8; shows what was sent otherwise."""
    content = json.loads(answer.content.decode())
    assert 400 <= answer.status_code < 500, (repr(sent)[:200], answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json"
    assert content["status"] == answer.status_code
    assert len(answer.content) < 5000
    return True


def address(floor: Floor, name: str) -> str:
    """Return where a write goes."""
    return V1 + WRITES[name][0].format(machine=floor.machine_id, operator=floor.user_ids[Role.OPERATOR])


class TestBadInput:
    @pytest.mark.parametrize("name", list(WRITES))
    async def test_broken_bodies(self, door: Door, floor: Floor, name: str) -> None:
        admin = await door.caller(floor)

        for body in BROKEN:
            answer = await admin.post(address(floor, name), content=body, headers=JSON)
            assert is_a_clear_refusal(answer, body)

    @pytest.mark.parametrize("name", list(WRITES))
    @pytest.mark.parametrize(
        "content_type", [None, "text/plain", "application/xml", "multipart/form-data", "application/json; charset=x"]
    )
    async def test_other_kinds_of_bodies(self, door: Door, floor: Floor, name: str, content_type: str | None) -> None:
        admin = await door.caller(floor)
        headers = {} if content_type is None else {"Content-Type": content_type}
        body = b"<a/>" if content_type != "application/json; charset=x" else "ü".encode("utf-16")

        assert is_a_clear_refusal(await admin.post(address(floor, name), content=body, headers=headers), content_type)

    @pytest.mark.parametrize(("name", "field", "values"), FIELDS, ids=[f"{name}-{field}" for name, field, _ in FIELDS])
    async def test_wrong_values(self, door: Door, floor: Floor, name: str, field: str, values: list[object]) -> None:
        admin = await door.caller(floor)
        good = WRITES[name][1](floor)
        if field in {"scrap", "rework"}:
            good[f"{field}_reason_id"] = str(getattr(floor, f"{field}_reason_id"))
        if field == "scrap_reason_id":
            good["scrap"] = 1

        for value in values:
            body = json.dumps({**good, field: value}).encode()
            assert is_a_clear_refusal(await admin.post(address(floor, name), content=body, headers=JSON), value)

        assert (await admin.get(f"{V1}/production-logs/")).json()["items"] == []
        assert (await admin.get(f"{V1}/andon-calls/")).json()["items"] == []
        people = (await admin.get(f"{V1}/badges/")).json()["items"]
        assert not [one for one in people if one["has_badge"] or one["has_pin"]]
        assert (await admin.get(f"{V1}/machines/{floor.machine_id}/states")).json()["items"] == []

    @pytest.mark.parametrize("given", ["x", "%00", "1", "..", "%ed%a0%80", "a" * 3000])
    async def test_wrong_ids_in_the_path(self, door: Door, floor: Floor, given: str) -> None:
        admin = await door.caller(floor)

        for path in (f"/machines/{given}/states", f"/andon-calls/{given}/close", f"/users/{given}/badges/x/remove"):
            assert is_a_clear_refusal(await admin.post(V1 + path, json={"state": "idle"}), path)

    async def test_says_where_and_repeats_nothing(self, door: Door, floor: Floor) -> None:
        admin = await door.caller(floor)
        asked = {**report(floor), "good": "<script>alert(1)</script>", "password": "a secret"}

        content = (await admin.post(f"{V1}/production-logs/", json=asked)).json()

        assert {error["pointer"] for error in content["errors"]} == {"/body/good", "/body/password"}
        assert "script" not in json.dumps(content)
        assert "a secret" not in json.dumps(content)

    async def test_strange_headers_do_no_harm(self, door: Door, floor: Floor) -> None:
        admin = await door.caller(floor)
        strange: list[dict[bytes, bytes]] = [
            {b"Cookie": b"unison_access=\xff; =; a"},
            {b"User-Agent": b"\xff" * 5000},
            {b"Accept-Language": b"\xed\xa0\x80"},
            {b"Content-Length": b"0"},
            {b"X-Request-ID": b"\xff"},
            {b"Origin": b"\xff"},
        ]

        for headers in strange:
            answer = await admin.get(f"{V1}/plants/", headers=headers)
            assert answer.status_code == 200, headers
        signed_in = await door.client().post(
            f"{V1}/auth/login", json=WRITES["login"][1](floor), headers={b"User-Agent": b"\xff\x01" * 3000}
        )
        assert signed_in.status_code == 200

    async def test_a_password_beyond_bcrypt_is_only_wrong(self, door: Door, floor: Floor) -> None:
        for password in ("p" * 200, "a\x00b", "ü" * 100):
            body = {"email": floor.emails[Role.VIEWER], "password": password, "organization": f"x-{new_id().hex[:8]}"}
            assert is_a_clear_refusal(await door.client().post(f"{V1}/auth/login", json=body), password)
