"""Values of custom fields in requests and answers."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.custom_fields.fields import Choice, FieldDefinition, FieldPlace, FieldType
from services.custom_fields.fields import FieldChanges, add_field, edit_field
from services.db.work import begin
from tests.api.doors import V1, Door, refused
from tests.factories import Floor

WEIGHT = FieldDefinition(key="weight", type=FieldType.NUMBER, labels={"en": "Weight"}, unit="kg")
COLOUR = FieldDefinition(
    key="colour", type=FieldType.CHOICE, labels={"en": "Colour"}, choices=(Choice("red", {"en": "Red"}),)
)
SECRET = replace(WEIGHT, key="secret", shown_in=frozenset({FieldPlace.FORM}))


async def give(floor: Floor, entity: str, *fields: FieldDefinition) -> list[UUID]:
    async with begin(floor.scope) as work:
        return [(await add_field(work, entity=entity, field=field)).id for field in fields]


def bodies(floor: Floor) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return how a thing of each entity is added."""
    named = {"code": "X", "name": "X"}
    return {
        "plant": ("plants", {**named, "time_zone": "UTC"}),
        "department": ("departments", {**named, "plant_id": str(floor.plant_id)}),
        "lane": ("lanes", {**named, "department_id": str(floor.department_id)}),
        "machine": ("machines", {**named, "lane_id": str(floor.lane_id)}),
        "reason": ("reasons", {"kind": "scrap", "code": "X", "label": "X"}),
        "material": ("materials", {"number": "X", "unit": "pcs"}),
    }


class TestValues:
    @pytest.mark.parametrize("entity", ["plant", "department", "lane", "machine", "reason", "material"])
    async def test_go_in_and_come_out_of_everything(self, entity: str, door: Door, floor: Floor) -> None:
        await give(floor, entity, WEIGHT, COLOUR, SECRET)
        caller = await door.caller(floor)
        path, body = bodies(floor)[entity]

        added = await caller.post(f"{V1}/{path}/", json={**body, "custom": {"weight": "1.25", "colour": "red"}})
        assert added.status_code == 201, added.text
        thing = added.json()
        edited = await caller.patch(
            f"{V1}/{path}/{thing['id']}", json={"version": thing["version"], "custom": {"colour": None}, "name": "X"}
            if entity == "department" else {"version": thing["version"], "custom": {"colour": None}},
        )  # fmt: skip
        listed = (await caller.get(f"{V1}/{path}/")).json()["items"]

        assert thing["custom"] == {"weight": 1.25, "colour": "red"}
        assert edited.json()["custom"] == {"weight": 1.25, "colour": None}
        assert next(item for item in listed if item["id"] == thing["id"])["custom"] == edited.json()["custom"]

    async def test_of_orders_go_in_and_come_out(self, door: Door, floor: Floor) -> None:
        await give(floor, "work_order", WEIGHT)
        caller = await door.caller(floor)
        material = (await caller.post(f"{V1}/materials/", json={"number": "X", "unit": "pcs"})).json()
        place = {"plant_id": str(floor.plant_id), "material_id": material["id"], "quantity": 1}

        order = (await caller.post(f"{V1}/work-orders/", json={**place, "custom": {"weight": 2}})).json()
        edited = await caller.patch(
            f"{V1}/work-orders/{order['id']}", json={"version": order["version"], "custom": {"weight": 2.5}}
        )

        assert (order["custom"], edited.json()["custom"]) == ({"weight": 2}, {"weight": 2.5})
        assert (await caller.get(f"{V1}/work-orders/{order['id']}")).json()["custom"] == {"weight": 2.5}

    @pytest.mark.parametrize(
        ("custom", "code"),
        [
            ({"weight": "heavy"}, "value_not_a_number"),
            ({"colour": "green"}, "value_not_a_choice"),
            ({"unknown": 1}, "unknown_field"),
            ({"secret": 1}, "unknown_field"),
            ({"weight": {"deep": [1]}}, "value_not_a_number"),
        ],
    )
    async def test_that_cannot_be_kept_are_refused(
        self, custom: dict[str, object], code: str, door: Door, floor: Floor
    ) -> None:
        await give(floor, "material", WEIGHT, COLOUR, SECRET)
        caller = await door.caller(floor)

        answer = await caller.post(f"{V1}/materials/", json={"number": "X", "unit": "pcs", "custom": custom})

        assert refused(answer, 422, code)
        assert answer.json()["fields"]["field"] == f"custom.{next(iter(custom))}"

    async def test_of_a_field_out_of_use_do_not_come_out(self, door: Door, floor: Floor) -> None:
        (field_id,) = await give(floor, "material", WEIGHT)
        caller = await door.caller(floor)
        body = {"number": "X", "unit": "pcs", "custom": {"weight": 1}}
        material = (await caller.post(f"{V1}/materials/", json=body)).json()
        async with begin(floor.scope) as work:
            await edit_field(work, field_id=field_id, version=1, changes=FieldChanges(is_active=False))

        assert (await caller.get(f"{V1}/materials/{material['id']}")).json()["custom"] == {}

    async def test_that_are_required_are_asked_for(self, door: Door, floor: Floor) -> None:
        await give(floor, "material", replace(WEIGHT, is_required=True))
        caller = await door.caller(floor)

        answer = await caller.post(f"{V1}/materials/", json={"number": "X", "unit": "pcs"})

        assert refused(answer, 422, "value_missing")
