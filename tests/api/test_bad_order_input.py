"""Whatever is sent to the writes of orders, operations, routings and materials, the answer is a clear refusal."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from services.db.keys import new_id
from services.db.tables import Machine
from services.db.work import begin, read
from services.production.operation_queries import list_operations
from services.production.order_queries import list_orders
from services.production.queries import list_log_entries
from services.production.routing_queries import list_materials, list_routings
from services.production.routings import revise_routing
from tests.api.doors import V1, Door, refused
from tests.api.test_bad_input import BROKEN, IDS, INSTANTS, JSON, NUMBERS, TEXTS, is_a_clear_refusal
from tests.factories import Floor, Make

Body = dict[str, Any]
Place = dict[str, str]
"""The ids in an address, by name."""

STEP: Body = {"sequence": 10, "name": "Saw"}


def steps(floor: Floor, **fields: object) -> list[Body]:
    return [{**STEP, "machine_id": str(floor.machine_id), **fields}]


def of_plant(floor: Floor, place: Place) -> Body:
    return {"plant_id": str(floor.plant_id), "material_id": place["material_id"]}


WRITES: dict[str, tuple[str, str, Callable[[Floor, Place], Body]]] = {
    "material": ("POST", "/materials/", lambda *_: {"number": "NEW", "unit": "pcs"}),
    "material change": ("PATCH", "/materials/{material_id}", lambda *_: {"version": 1}),
    "routing": ("POST", "/routings/", lambda floor, place: {**of_plant(floor, place), "operations": steps(floor)}),
    "routing change": ("PATCH", "/routings/{draft_id}", lambda floor, _: {"version": 1, "operations": steps(floor)}),
    "order": ("POST", "/work-orders/", lambda floor, place: {**of_plant(floor, place), "quantity": 5}),
    "order change": ("PATCH", "/work-orders/{order_id}", lambda _, place: {"version": int(place["version"])}),
    "hold": ("POST", "/work-orders/{order_id}/hold", lambda *_: {"reason": "crack"}),
    "split": ("POST", "/work-orders/{order_id}/split", lambda *_: {"quantity": 1}),
    "start": ("POST", "/operations/{operation_id}/start", lambda *_: {}),
    "reversal": ("POST", "/production-logs/{entry_id}/reversal", lambda *_: {}),
    "correction": ("POST", "/production-logs/reports/{report_key}/correction", lambda *_: {"good": 1}),
}
OPTIONAL_BODY = {"start", "reversal"}
WITHOUT_BODY = [
    "/routings/{draft_id}/activate", "/routings/{draft_id}/revise", "/work-orders/{order_id}/release",
    "/work-orders/{order_id}/resume", "/work-orders/{order_id}/complete", "/work-orders/{order_id}/close",
    "/work-orders/{order_id}/cancel", "/operations/{operation_id}/finish-setup", "/operations/{operation_id}/pause",
    "/operations/{operation_id}/finish",
]  # fmt: skip

ADDRESSED: list[tuple[str, str, Callable[[Floor, Place], Body | None]]] = [
    *WRITES.values(),
    *(("POST", path, lambda *_: None) for path in WITHOUT_BODY),
]


def but(values: list[object], *kept: object) -> list[object]:
    """Return the values without those that this field takes."""
    return [one for one in values if not any(one is kept_one or one == kept_one for kept_one in kept)]


SOME_IDS = but(IDS, None)
NUMBER_TEXTS = [*but(TEXTS, None), "", "x" * 61]
NOTES = [*but(TEXTS, None, "x" * 501), "x" * 2001]
VERSIONS: list[object] = ["1_000", "2", 0, -1, 7, 2**31, 10**30, "1", 1.5, True, None, [], "x"]
PIECES = [*NUMBERS, 0]
WHOLE = [*but(NUMBERS, True), 0, 1000, 1.5]
CHOICES: list[object] = ["", "x", 1, [], {}, "\x00", "\ud800", True]
FIELDS: list[tuple[str, str, list[object]]] = [
    ("material", "number", [*NUMBER_TEXTS, None]),
    ("material", "unit", [*NUMBER_TEXTS, None, "x" * 21]),
    ("material", "description", [*but(TEXTS, "x" * 501), "x" * 201]),
    ("material", "org_id", ["x"]),
    ("material change", "version", VERSIONS),
    ("material change", "number", NUMBER_TEXTS),
    ("material change", "unit", NUMBER_TEXTS),
    ("material change", "is_active", ["x", 7, [], "\x00"]),
    ("routing", "plant_id", [*IDS, str(new_id())]),
    ("routing", "material_id", [*IDS, str(new_id())]),
    ("routing", "operations", [None, [], {}, "x", [1], [None], [{}], [STEP], [STEP] * 201]),
    ("routing change", "version", VERSIONS),
    ("routing change", "operations", [None, [], {}, "x", [1], [None], [{}], [STEP]]),
    ("order", "plant_id", [*IDS, str(new_id())]),
    ("order", "material_id", [*IDS, str(new_id())]),
    ("order", "quantity", PIECES),
    ("order", "number", NUMBER_TEXTS),
    ("order", "due_at", INSTANTS),
    ("order", "deadline_kind", [*CHOICES, "hard"]),
    ("order", "priority", [*WHOLE, None]),
    ("order", "overproduction_allowance", NUMBERS),
    ("order", "note", [*NOTES, None]),
    ("order", "source", [*CHOICES, None]),
    ("order", "source_key", [*but(TEXTS, None), "", "x" * 201]),
    ("order change", "version", VERSIONS),
    ("order change", "quantity", but(PIECES, None)),
    ("order change", "due_at", INSTANTS),
    ("order change", "deadline_kind", [*CHOICES, "soft"]),
    ("order change", "priority", but(WHOLE, None)),
    ("order change", "overproduction_allowance", but(NUMBERS, None)),
    ("order change", "note", NOTES),
    ("hold", "reason", [*TEXTS, "", " "]),
    ("split", "quantity", [*PIECES, 100, 101]),
    ("split", "number", NUMBER_TEXTS),
    ("start", "machine_id", [*SOME_IDS, str(new_id())]),
    ("start", "setup", ["x", 7, [], None, "\x00"]),
    ("start", "detail", TEXTS),
    ("reversal", "client_key", SOME_IDS),
    ("correction", "client_key", SOME_IDS),
    ("correction", "good", [*NUMBERS, 0, 101]),
    ("correction", "scrap", but(NUMBERS, None)),
    ("correction", "scrap_reason_id", SOME_IDS),
]
STEP_FIELDS: list[tuple[str, list[object]]] = [
    ("sequence", [*but(NUMBERS, True), 0, 10_000, 1.5, None]),
    ("name", [*TEXTS, "", " "]),
    ("machine_id", [*IDS, str(new_id())]),
    ("lane_id", [*SOME_IDS, str(new_id())]),
    ("setup_time_s", [*NUMBERS]),
    ("run_time_s", but(NUMBERS, None)),
    ("predecessors", [1, "x", [10], [20], [0], [-1], ["x"], [None], [10**30], {}, [1.5]]),
    ("transfer", [*CHOICES, None]),
    ("instructions", [*but(TEXTS, "x" * 501), "x" * 10_001]),
    ("required_reports", ["x", 1, None, ["x"], [None], ["setup"] * 3]),
]


@pytest.fixture
async def place(floor: Floor, make: Make) -> Place:
    """A released order, a report on a running one, and a draft of a routing."""
    return await furnished(floor, make)


async def furnished(floor: Floor, make: Make) -> Place:
    async with begin(floor.scope) as work:
        machine = await work.session.get_one(Machine, floor.machine_id)
        await make.running_operation(work, machine=machine)
        booked = await make.booking(work, machine_id=machine.id, good=8)
        order = await make.order(work, machine=machine)
        operation = (await make.operations(work, order))[0]
        assert order.routing_id is not None
        draft = await revise_routing(work, routing_id=order.routing_id)
        return {
            "material_id": str(order.material_id), "draft_id": str(draft.id), "order_id": str(order.id),
            "operation_id": str(operation.id), "entry_id": str(booked.entry_ids[0]),
            "report_key": str(booked.client_key), "version": str(order.version),
        }  # fmt: skip


async def standing(floor: Floor, place: Place) -> list[str]:
    """Return everything that a write could have changed."""
    async with read(floor.scope) as work:
        return [
            repr(await list_orders(work)),
            repr(await list_operations(work)),
            repr(await list_materials(work)),
            repr(await list_routings(work)),
            repr(await list_log_entries(work)),
        ]


class TestBadInput:
    @pytest.mark.parametrize("name", list(WRITES))
    async def test_broken_bodies(self, door: Door, floor: Floor, place: Place, name: str) -> None:
        admin, (method, path, _) = await door.caller(floor), WRITES[name]
        before = await standing(floor, place)

        for body in BROKEN:
            if name in OPTIONAL_BODY and body in {b"", b"null"}:
                continue
            answer = await admin.request(method, V1 + path.format(**place), content=body, headers=JSON)
            assert is_a_clear_refusal(answer, body)

        assert await standing(floor, place) == before

    @pytest.mark.parametrize(("name", "field", "values"), FIELDS, ids=[f"{name}-{field}" for name, field, _ in FIELDS])
    async def test_wrong_values(
        self, door: Door, floor: Floor, place: Place, name: str, field: str, values: list[object]
    ) -> None:
        admin, (method, path, body_of) = await door.caller(floor), WRITES[name]
        good = body_of(floor, place)
        if field == "scrap":
            good["scrap_reason_id"] = str(floor.scrap_reason_id)
        if field == "scrap_reason_id":
            good["scrap"] = 1
        before = await standing(floor, place)

        for value in values:
            body = json.dumps({**good, field: value}).encode()
            answer = await admin.request(method, V1 + path.format(**place), content=body, headers=JSON)
            assert is_a_clear_refusal(answer, value)

        assert await standing(floor, place) == before

    @pytest.mark.parametrize(("field", "values"), STEP_FIELDS, ids=[field for field, _ in STEP_FIELDS])
    @pytest.mark.parametrize("name", ["routing", "routing change"])
    async def test_wrong_values_of_a_step(
        self, door: Door, floor: Floor, place: Place, name: str, field: str, values: list[object]
    ) -> None:
        admin, (method, path, body_of) = await door.caller(floor), WRITES[name]
        before = await standing(floor, place)

        for value in values:
            body = json.dumps({**body_of(floor, place), "operations": steps(floor, **{field: value})}).encode()
            answer = await admin.request(method, V1 + path.format(**place), content=body, headers=JSON)
            assert is_a_clear_refusal(answer, value)

        assert await standing(floor, place) == before

    @pytest.mark.parametrize("given", ["x", "%00", "1", "..", "%ed%a0%80", "a" * 3000, "0" * 32 + "z"])
    async def test_wrong_ids_in_the_path(self, door: Door, floor: Floor, place: Place, given: str) -> None:
        admin = await door.caller(floor)
        wrong = dict.fromkeys(place, given)

        for method, path, body_of in ADDRESSED:
            if "{" in path:
                answer = await admin.request(method, V1 + path.format(**wrong), json=body_of(floor, place))
                assert is_a_clear_refusal(answer, path)

    @pytest.mark.parametrize("whose", ["nobody's", "another organization's"])
    async def test_ids_of_what_is_not_there(
        self, door: Door, floor: Floor, other: Floor, make: Make, place: Place, whose: str
    ) -> None:
        admin = await door.caller(floor)
        away = await furnished(other, make) if whose != "nobody's" else {name: str(new_id()) for name in place}

        for method, path, body_of in ADDRESSED:
            if "{" in path:
                answer = await admin.request(method, V1 + path.format(**away), json=body_of(floor, place))
                assert refused(answer, 404, "not_found"), path

    @pytest.mark.parametrize("field", ["plant_id", "material_id", "machine_id", "lane_id"])
    async def test_ids_of_another_organization_in_the_body(
        self, door: Door, floor: Floor, other: Floor, make: Make, place: Place, field: str
    ) -> None:
        admin, away = await door.caller(floor), await furnished(other, make)
        foreign = {"material_id": away["material_id"]}.get(field) or str(getattr(other, field, ""))
        step = {"machine_id": None, field: foreign} if field in {"machine_id", "lane_id"} else {}
        head = {} if step else {field: foreign}

        routing = {**of_plant(floor, place), **head, "operations": steps(floor, **step)}
        assert is_a_clear_refusal(await admin.post(f"{V1}/routings/", json=routing), field)
        if head:
            order = {**of_plant(floor, place), **head, "quantity": 5}
            assert refused(await admin.post(f"{V1}/work-orders/", json=order), 404, "not_found")
        if field == "machine_id":
            start = f"{V1}/operations/{place['operation_id']}/start"
            assert refused(await admin.post(start, json={field: foreign}), 404, "not_found")
