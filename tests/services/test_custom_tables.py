"""Tables filtered and sorted by custom fields, whichever way a page is found."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.custom_fields.fields import Choice, FieldDefinition, FieldPlace, FieldType, UnknownField
from domain.custom_fields.filters import (
    CannotSortBy,
    FieldSort,
    UnknownFilter,
    filters_in,
    key_of,
    sort_in,
)
from domain.custom_fields.values import ValueNotAChoice, ValueNotADate, ValueNotANumber, checked_value
from domain.errors import Invalid
from domain.identity.roles import Role
from services.custom_fields import tables
from services.custom_fields.fields import add_field, load_fields
from services.custom_fields.keys import MakeCustomKeys, make_next_keys
from services.db.work import Work, begin, read
from services.production.material_tables import MaterialOrder, list_material_rows
from services.production.materials import add_material
from services.production.order_tables import OrderSort, list_order_rows
from tests.domain.test_custom_fields import VALUES, field
from tests.factories import Floor, Make

SHOWN = frozenset({FieldPlace.FORM, FieldPlace.FILTER, FieldPlace.SEARCH})
COLOUR = FieldDefinition(
    key="colour",
    type=FieldType.CHOICE,
    labels={"en": "Colour"},
    choices=(Choice("red", {"en": "Red", "de": "Rot"}), Choice("blue", {"en": "Blue", "de": "Blau"})),
    shown_in=SHOWN,
)
TAGS = replace(COLOUR, key="tags", type=FieldType.MULTI_CHOICE)
WEIGHT = FieldDefinition(key="weight", type=FieldType.NUMBER, labels={"en": "Weight"}, shown_in=SHOWN)
CHECKED = FieldDefinition(key="checked", type=FieldType.DATE, labels={"en": "Checked"}, shown_in=SHOWN)
REMARK = FieldDefinition(key="remark", type=FieldType.TEXT, labels={"en": "Remark"}, shown_in=SHOWN)
FIELDS = (COLOUR, TAGS, WEIGHT, CHECKED, REMARK)
ROWS: dict[str, dict[str, object]] = {
    "A": {"colour": "red", "weight": 10, "checked": "2026-01-05", "tags": ["red"], "remark": "Left 50 % bent"},
    "B": {"colour": "blue", "weight": 9.5, "checked": "2026-02-01", "tags": ["red", "blue"]},
    "C": {"colour": "red", "weight": -3},
    "D": {"weight": 100, "remark": "beta"},
    "E": {},
}
Asked = Mapping[str, Sequence[str]]


async def stocked(work: Work, *, with_keys: bool) -> None:
    """Add the fields and the rows, with keys for the tables to go by, or as they are before the job has made them."""
    fields = [await add_field(work, entity="material", field=one) for one in FIELDS]
    for number, custom in ROWS.items():
        await add_material(work, number=number, unit="pcs", custom=custom)
    for one in fields if with_keys else ():
        following: MakeCustomKeys | None = MakeCustomKeys(field_id=one.id)
        while following is not None:
            following = await make_next_keys(work, following)
    await work.session.flush()
    work.session.expire_all()


async def numbers(work: Work, asked: Asked | None = None, sort: str = "", **more: object) -> str:
    fields = await load_fields(work, "material")
    plants = await work.fetch("SELECT gen_random_uuid() AS id")
    page = await list_material_rows(
        work,
        plant_id=plants[0]["id"],
        filters=filters_in(fields, asked or {}),
        order=sort_in(fields, sort) or MaterialOrder.NUMBER,
        **more,  # type: ignore[arg-type]
    )
    return "".join(row.number for row in page.rows)


@pytest.mark.parametrize("with_keys", [True, False], ids=["by_keys", "before_keys_stand"])
@pytest.mark.parametrize("most", [10_000, 0], ids=["few", "many"])
class TestTables:
    @pytest.mark.parametrize(
        ("asked", "sort", "found"),
        [
            ({"custom.colour": ["red"]}, "", "AC"),
            ({"custom.colour": ["red", "blue"]}, "", "ABC"),
            ({"custom.colour": ["red"], "custom.weight.min": ["0"]}, "", "A"),
            ({"custom.weight.min": ["9,5"], "custom.weight.max": ["10"]}, "", "AB"),
            ({"custom.weight": ["10.0"]}, "", "A"),
            ({"custom.tags": ["blue"]}, "", "B"),
            ({"custom.tags": ["blue", "red"]}, "", "AB"),
            ({"custom.checked.max": ["2026-01-31"]}, "", "A"),
            ({"custom.remark": ["50 %"]}, "", "A"),
            ({"custom.remark": ["BETA"]}, "", "D"),
            ({"custom.colour.empty": ["yes"]}, "", "DE"),
            ({"custom.colour.empty": ["no"]}, "-custom.weight", "ABC"),
            ({}, "custom.weight", "CBADE"),
            ({}, "-custom.weight", "DABCE"),
            ({"custom.weight.min": ["0"]}, "custom.weight", "BAD"),
            ({}, "custom.remark", "DA"),
            ({"custom.colour": ["red"]}, "custom.weight", "CA"),
        ],
    )
    async def test_show_what_is_asked_in_the_order_that_is_asked(
        self,
        asked: Asked,
        sort: str,
        found: str,
        with_keys: bool,
        most: int,
        work: Work,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(tables, "_most_to_sort", lambda _: most)
        await stocked(work, with_keys=with_keys)

        seen = await numbers(work, asked, sort)

        assert seen[: len(found)] == found
        if sort != "custom.remark":
            assert seen == found

    async def test_come_page_by_page_through_those_that_hold_nothing(
        self, with_keys: bool, most: int, work: Work, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tables, "_most_to_sort", lambda _: most)
        await stocked(work, with_keys=with_keys)

        whole = await numbers(work, sort="custom.checked")
        pages = [await numbers(work, sort="custom.checked", offset=place, limit=1) for place in range(6)]

        assert whole[:2] == "AB"
        assert "".join(pages) == whole


class TestCount:
    async def test_ends_at_ten_thousand_and_says_so(self, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
        await stocked(work, with_keys=True)
        monkeypatch.setattr(tables, "MOST_COUNTED", 3)
        plants = await work.fetch("SELECT gen_random_uuid() AS id")

        page = await list_material_rows(work, plant_id=plants[0]["id"])

        assert (page.total, page.has_more) == (3, True)


class TestSearch:
    @pytest.mark.parametrize(("words", "found"), [("rot", "AB"), ("beta", "D"), ("red 50", "A"), ("B", "ABD")])
    async def test_looks_into_the_fields_for_searches(self, words: str, found: str, work: Work) -> None:
        await stocked(work, with_keys=True)

        assert set(await numbers(work, words=words)) >= set(found)

    async def test_finds_references_by_what_they_lead_to(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            made_on = FieldDefinition(
                key="made_on", type=FieldType.REFERENCE, labels={"en": "On"}, reference="machine", shown_in=SHOWN
            )
            await add_field(work, entity="material", field=made_on)
            await add_material(work, number="A", unit="pcs", custom={"made_on": floor.machine_id})
            await add_material(work, number="B", unit="pcs")

            assert await numbers(work, words=floor.machine_code) == "A"


class TestOrders:
    async def test_are_filtered_and_sorted_by_their_own_fields(self, work: Work, make: Make) -> None:
        machine = await make.machine(work)
        for one in (COLOUR, WEIGHT):
            await add_field(work, entity="work_order", field=one)
        for weight in (5, 30, 7):
            await make.order(work, machine=machine, is_released=False, custom={"weight": weight, "colour": "red"})
        await make.order(work, machine=machine, is_released=False)
        fields = await load_fields(work, "work_order")

        red = await list_order_rows(
            work,
            plant_id=machine.plant_id,
            filters=filters_in(fields, {"custom.colour": ["red"]}),
            order=FieldSort(fields[1], is_descending=True),
        )
        by_number = await list_order_rows(
            work, plant_id=machine.plant_id, order=OrderSort.NUMBER, is_descending=False, limit=2
        )

        assert [row.custom["weight"] for row in red.rows] == [30, 7, 5]
        assert (by_number.total, len(by_number.rows)) == (4, 2)

    async def test_of_another_organization_or_plant_do_not_show(self, floor: Floor, other: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            await add_field(work, entity="work_order", field=COLOUR)
            await make.order(work, is_released=False, custom={"colour": "red"})
        async with begin(other.scope) as work:
            await add_field(work, entity="work_order", field=COLOUR)

        for scope in (other.acting_as(Role.ADMIN), floor.acting_as(Role.ADMIN, plant_ids=frozenset({floor.plant_id}))):
            async with read(scope) as work:
                fields = await load_fields(work, "work_order")
                asked = filters_in(fields, {"custom.colour": ["red"]})
                assert (await list_order_rows(work, filters=asked)).rows == ()


class TestQuestions:
    @pytest.mark.parametrize(
        ("asked", "refusal"),
        [
            ({"custom.unknown": ["1"]}, UnknownField),
            ({"custom.weight": ["heavy"]}, ValueNotANumber),
            ({"custom.weight.about": ["1"]}, UnknownFilter),
            ({"custom.remark.min": ["1"]}, UnknownFilter),
            ({"custom.colour": ["green"]}, ValueNotAChoice),
            ({"custom.checked.min": ["soon"]}, ValueNotADate),
            ({"custom.weight.empty": ["perhaps"]}, Invalid),
        ],
    )
    def test_that_mean_nothing_are_refused(self, asked: Asked, refusal: type[Invalid]) -> None:
        with pytest.raises(refusal):
            filters_in(FIELDS, asked)

    def test_about_other_things_are_left_alone(self) -> None:
        assert filters_in(FIELDS, {"q": ["x"], "custom.weight": [" "]}) == ()
        assert sort_in(FIELDS, "number") is None

    def test_for_an_order_that_nobody_would_see_are_refused(self) -> None:
        with pytest.raises(CannotSortBy):
            sort_in(FIELDS, "custom.tags")


class TestKeys:
    @pytest.mark.parametrize("kind", [kind for kind in FieldType if kind is not FieldType.MULTI_CHOICE])
    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    async def test_are_the_same_here_and_in_the_database(
        self, kind: FieldType, data: st.DataObject, work: Work
    ) -> None:
        one = field(kind)
        value = data.draw(VALUES[kind])
        stored = checked_value(one, str(value).encode("ascii", "ignore").decode() if kind is FieldType.TEXT else value)
        if stored is None:
            return

        made = await work.fetch("SELECT app.custom_keys($1, $2::jsonb) AS keys", kind.value, stored_json(stored))

        assert made[0]["keys"] == [key_of(one, stored)]


def stored_json(stored: object) -> str:
    """Return a value as the driver hands it to the database."""
    return json.dumps(stored)
