"""Custom fields over the API: managed, typed, filtered and sorted by."""

from typing import Any

import pytest

from domain.identity.roles import Role
from services.custom_fields.conversion_tasks import CheckConversion, RunConversion
from tests.api.doors import V1, Door, all_pages, refused
from tests.factories import Floor, as_worker

WEIGHT = {
    "entity": "material", "key": "weight", "type": "number", "labels": {"en": "Weight", "de": "Gewicht"}, "unit": "kg",
    "rules": {"least": 0, "most": "1000.5", "decimals": 2}, "shown_in": ["form", "list", "filter", "api"],
}  # fmt: skip
COLOUR = {
    "entity": "material", "key": "colour", "type": "choice", "labels": {"en": "Colour"},
    "choices": [{"key": "red", "labels": {"en": "Red"}}, {"key": "blue", "labels": {"en": "Blue"}}],
    "shown_in": ["form", "filter", "api"],
}  # fmt: skip


class TestFields:
    async def test_are_added_changed_ordered_and_retired(self, door: Door, floor: Floor) -> None:
        caller = await door.caller(floor)

        added = [(await caller.post(f"{V1}/custom-fields/", json=body)).json() for body in (WEIGHT, COLOUR)]
        ids = [field["id"] for field in added]
        order = {"entity": "material", "field_ids": ids[::-1]}
        ordered = (await caller.post(f"{V1}/custom-fields/order", json=order)).json()
        versions = {field["id"]: field["version"] for field in ordered["items"]}
        change = {"version": versions[ids[0]], "is_active": False, "labels": {"en": "Mass"}}
        retired = (await caller.patch(f"{V1}/custom-fields/{ids[0]}", json=change)).json()
        listed = await all_pages(caller, "custom-fields/", entity="material", limit="1")

        assert added[0]["rules"] == {"least": "0", "most": "1000.5", "decimals": 2}
        assert [field["key"] for field in ordered["items"]] == ["colour", "weight"]
        assert (retired["is_active"], retired["labels"]) == (False, {"en": "Mass"})
        assert [field["key"] for field in listed] == ["colour", "weight"]

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"key": "Weight"}, "invalid_key"),
            ({"rules": {"pattern": "x"}}, "invalid_rule"),
            ({"rules": {"least": 5, "most": 1}}, "range_turned_around"),
            ({"type": "text", "unit": "", "rules": {"pattern": "(a{100}){100}"}}, "invalid_pattern"),
            ({"default": "heavy"}, "value_not_a_number"),
            ({"labels": {"en": " "}}, "label_missing"),
            ({"is_required": True, "shown_in": ["list"]}, "required_out_of_sight"),
            ({"entity": "unicorn"}, "invalid_choice"),
        ],
    )
    async def test_that_cannot_be_are_refused(
        self, change: dict[str, Any], code: str, door: Door, floor: Floor
    ) -> None:
        caller = await door.caller(floor)

        assert refused(await caller.post(f"{V1}/custom-fields/", json={**WEIGHT, **change}), 422, code)

    async def test_are_changed_as_they_were_seen(self, door: Door, floor: Floor) -> None:
        caller = await door.caller(floor)
        field = (await caller.post(f"{V1}/custom-fields/", json=WEIGHT)).json()
        await caller.patch(f"{V1}/custom-fields/{field['id']}", json={"version": 1, "unit": "g"})

        late = await caller.patch(f"{V1}/custom-fields/{field['id']}", json={"version": 1, "unit": "t"})

        assert refused(late, 409, "conflict")

    async def test_change_their_type_after_a_report(self, door: Door, floor: Floor) -> None:
        caller = await door.caller(floor)
        text = {"entity": "material", "key": "size", "type": "text", "labels": {"en": "Size"}}
        field = (await caller.post(f"{V1}/custom-fields/", json=text)).json()
        for number, size in (("A", "2.5"), ("B", "large")):
            body = {"number": number, "unit": "pcs", "custom": {"size": size}}
            await caller.post(f"{V1}/materials/", json=body)

        to = {"version": 1, "type": "number", "unit": "mm"}
        begun = (await caller.post(f"{V1}/custom-fields/{field['id']}/conversions", json=to)).json()
        where = f"{V1}/custom-field-conversions/{begun['id']}"
        await as_worker(floor.scope, CheckConversion(task_id=begun["task_id"], conversion_id=begun["id"]))
        report = (await caller.get(where)).json()
        undecided = await caller.post(f"{where}/run", json={})
        running = await caller.post(f"{where}/run", json={"leftovers": "clear"})
        task_id = running.json()["task_id"]
        await as_worker(floor.scope, RunConversion(task_id=task_id, conversion_id=begun["id"]))
        shown = {item["number"]: item["custom"] for item in (await caller.get(f"{V1}/materials/")).json()["items"]}

        assert (report["state"], report["leftover"], report["samples"][0]["value"]) == ("checked", 1, "large")
        assert refused(undecided, 409, "leftovers_undecided")
        assert running.json()["state"] == "converting"
        assert (await caller.get(where)).json()["state"] == "done"
        assert (await caller.get(f"{V1}/tasks/{task_id}")).json()["state"] == "done"
        assert shown == {"A": {"size": 2.5}, "B": {"size": None}}
        assert refused(await caller.post(f"{where}/drop"), 409, "conversion_moved_on")


class TestLists:
    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ("custom.colour=red", "AC"),
            ("custom.colour=red&custom.colour=blue", "ABC"),
            ("custom.weight.min=2&custom.weight.max=10", "BC"),
            ("custom.colour=red&sort=-custom.weight", "CA"),
            ("sort=custom.weight", "ABCD"),
            ("custom.weight.empty=yes", "D"),
            ("is_active=true&custom.colour=blue", "B"),
        ],
    )
    async def test_are_filtered_and_sorted(self, asked: str, found: str, door: Door, floor: Floor) -> None:
        caller = await door.caller(floor)
        await stocked(caller)

        items = (await caller.get(f"{V1}/materials/?{asked}")).json()["items"]

        assert "".join(item["number"] for item in items) == found

    async def test_come_in_pages_where_they_are_sorted(self, door: Door, floor: Floor) -> None:
        caller = await door.caller(floor)
        await stocked(caller)

        items = await all_pages(caller, "materials/", sort="-custom.weight", limit="1")

        assert [item["number"] for item in items] == ["C", "B", "A", "D"]

    @pytest.mark.parametrize(
        ("asked", "code"),
        [
            ("custom.nothing=1", "unknown_field"),
            ("custom.weight=heavy", "value_not_a_number"),
            ("custom.weight.around=1", "unknown_filter"),
            ("sort=number", "unknown_sort"),
            ("sort=custom.nothing", "unknown_field"),
            ("surprise=1", "invalid_request"),
            ("sort=custom.weight&cursor=nonsense", "invalid_cursor"),
        ],
    )
    async def test_refuse_questions_that_mean_nothing(self, asked: str, code: str, door: Door, floor: Floor) -> None:
        caller = await door.caller(floor)
        await stocked(caller)

        answer = await caller.get(f"{V1}/materials/?{asked}")

        assert answer.status_code == 422, answer.text
        assert answer.json()["code"] in {code, "invalid_input", "invalid"}, answer.text

    async def test_of_orders_are_filtered_and_sorted(self, door: Door, floor: Floor) -> None:
        caller = await door.caller(floor)
        for field in (WEIGHT, COLOUR):
            await caller.post(f"{V1}/custom-fields/", json={**field, "entity": "work_order"})
        material = (await caller.post(f"{V1}/materials/", json={"number": "X", "unit": "pcs"})).json()
        for number, weight in (("A", 5), ("B", 9), ("C", 1)):
            body = {
                "plant_id": str(floor.plant_id), "material_id": material["id"], "quantity": 1, "number": number,
                "custom": {"weight": weight, "colour": "red"},
            }  # fmt: skip
            assert (await caller.post(f"{V1}/work-orders/", json=body)).status_code == 201

        asked = "custom.weight.min=2&custom.colour=red&sort=custom.weight&state=draft&search=x"
        items = (await caller.get(f"{V1}/work-orders/?{asked}")).json()["items"]
        plain = (await caller.get(f"{V1}/work-orders/?custom.weight.max=5")).json()["items"]

        assert [item["number"] for item in items] == ["A", "B"]
        assert {item["number"] for item in plain} == {"A", "C"}


class TestDocument:
    async def test_types_the_fields_of_the_callers_organization(self, door: Door, floor: Floor, other: Floor) -> None:
        caller, stranger = await door.caller(floor), await door.caller(other)
        for field in (WEIGHT, {**COLOUR, "is_required": True}):
            await caller.post(f"{V1}/custom-fields/", json=field)

        own = (await caller.get(f"{V1}/openapi.json?org_schema=true")).json()
        theirs = (await stranger.get(f"{V1}/openapi.json?org_schema=true")).json()

        schemas = own["components"]["schemas"]
        shown = schemas[schemas["Material"]["properties"]["custom"]["$ref"].rpartition("/")[2]]
        new = schemas[schemas["NewMaterial"]["properties"]["custom"]["$ref"].rpartition("/")[2]]
        assert shown["properties"]["weight"] == {
            "title": "Weight", "type": ["number", "null"], "minimum": 0.0, "maximum": 1000.5, "multipleOf": 0.01,
            "description": "Unit: kg",
        }  # fmt: skip
        assert shown["properties"]["colour"]["enum"] == ["red", "blue", None]
        assert new["required"] == ["colour"]
        assert new["additionalProperties"] is False
        names = {parameter["name"] for parameter in own["paths"]["/materials/"]["get"]["parameters"]}
        assert {"custom.weight", "custom.weight.min", "custom.colour"} <= names
        assert own["servers"] == [{"url": "/api/v1"}]
        assert "weight" not in str(theirs["components"]["schemas"]["Material"])

    async def test_is_for_callers_with_a_session(self, door: Door) -> None:
        assert refused(await door.client().get(f"{V1}/openapi.json?org_schema=true"), 401, "not_signed_in")
        assert (await door.client().get(f"{V1}/openapi.json?org_schema=false")).status_code == 200


async def stocked(caller: Any) -> None:
    """Add two fields and four materials."""
    for field in (WEIGHT, COLOUR):
        await caller.post(f"{V1}/custom-fields/", json=field)
    for number, custom in (
        ("A", {"weight": 1, "colour": "red"}), ("B", {"weight": 2, "colour": "blue"}),
        ("C", {"weight": 10, "colour": "red"}), ("D", {}),
    ):  # fmt: skip
        body = {"number": number, "unit": "pcs", "custom": custom}
        assert (await caller.post(f"{V1}/materials/", json=body)).status_code == 201


async def test_fields_are_read_by_everybody_and_edited_by_admins(door: Door, floor: Floor) -> None:
    viewer = await door.caller(floor, Role.VIEWER)

    assert (await viewer.get(f"{V1}/custom-fields/")).status_code == 200
    assert refused(await viewer.post(f"{V1}/custom-fields/", json=WEIGHT), 403, "forbidden")
