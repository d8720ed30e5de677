"""What a custom field may be, what it may hold, and that no value changes on its way."""

import json
import time
from datetime import UTC, date, timedelta, timezone
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.checks import InvalidText
from domain.custom_fields.fields import (
    Choice,
    ChoiceRepeated,
    ChoicesMissing,
    FieldDefinition,
    FieldPlace,
    FieldRules,
    FieldType,
    InvalidKey,
    InvalidRule,
    LabelMissing,
    RangeTurnedAround,
    ReferenceMissing,
    UnknownField,
    check_definition,
    checked_key,
    checked_labels,
)
from domain.custom_fields.patterns import InvalidPattern, checked_pattern, fits
from domain.custom_fields.values import (
    ValueMissing,
    ValueNotAChoice,
    ValueNotADate,
    ValueNotAnInstant,
    ValueNotANumber,
    ValueNotThere,
    ValueNotYesOrNo,
    ValueTooLarge,
    ValueTooShort,
    ValueTooSmall,
    ValueUnlikePattern,
    cell_of,
    checked_value,
    checked_values,
    number_of,
    value_in_cell,
    with_defaults,
)
from domain.errors import Invalid

COLOURS = (
    Choice("red", {"en": "Red", "de": "Rot"}),
    Choice("blue", {"en": "Blue", "de": "Blau"}),
    Choice("old", {"en": "Old"}, is_active=False),
)


def field(kind: FieldType, **more: object) -> FieldDefinition:
    choices = COLOURS if kind in {FieldType.CHOICE, FieldType.MULTI_CHOICE} else ()
    reference = "machine" if kind is FieldType.REFERENCE else None
    given: dict[str, object] = {"choices": choices, "reference": reference, **more}
    return FieldDefinition(key="one", type=kind, labels={"en": "One"}, **given)  # type: ignore[arg-type]


numbers = st.one_of(
    st.integers(-(10**12) + 1, 10**12 - 1).map(Decimal),
    st.decimals(-(10**8), 10**8, places=6, allow_nan=False, allow_infinity=False),
)
texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=60)
instants = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5.5))])).filter(
    lambda at: 1900 < at.year < 3000
)
VALUES: dict[FieldType, st.SearchStrategy[object]] = {
    FieldType.TEXT: texts,
    FieldType.NUMBER: numbers,
    FieldType.BOOLEAN: st.booleans(),
    FieldType.DATE: st.dates(),
    FieldType.DATETIME: instants,
    FieldType.CHOICE: st.sampled_from(["red", "blue"]),
    FieldType.MULTI_CHOICE: st.lists(st.sampled_from(["red", "blue"])),
    FieldType.REFERENCE: st.uuids(),
    FieldType.FILE: st.uuids(),
}


class TestValue:
    @pytest.mark.parametrize("kind", FieldType)
    @given(data=st.data())
    def test_is_the_same_after_json_and_after_a_table(self, kind: FieldType, data: st.DataObject) -> None:
        one = field(kind)

        stored = checked_value(one, data.draw(VALUES[kind]))

        assert checked_value(one, json.loads(json.dumps(stored))) == stored
        assert checked_value(one, value_in_cell(one, cell_of(one, stored))) == stored

    @given(numbers)
    def test_of_a_number_is_exact(self, number: Decimal) -> None:
        stored = checked_value(field(FieldType.NUMBER), number)

        assert number_of(json.loads(json.dumps(stored))) == number

    @pytest.mark.parametrize("kind", FieldType)
    @given(st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.decimals()),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ))  # fmt: skip
    def test_of_any_json_is_kept_or_refused_with_its_field(self, kind: FieldType, value: object) -> None:
        refused: str | None = None
        stored: object = None
        try:
            stored = checked_value(field(kind), value)
        except Invalid as error:
            refused = str(error.fields["field"])

        assert refused in {None, "custom.one"}
        assert checked_value(field(kind), stored) == stored

    @pytest.mark.parametrize(
        ("one", "value", "refusal"),
        [
            (field(FieldType.TEXT, rules=FieldRules(longest=3)), "abcd", InvalidText),
            (field(FieldType.TEXT, rules=FieldRules(shortest=3)), "ab", ValueTooShort),
            (field(FieldType.TEXT, rules=FieldRules(pattern="[A-Z]{2}")), "ABC", ValueUnlikePattern),
            (field(FieldType.TEXT), 5, InvalidText),
            (field(FieldType.NUMBER, rules=FieldRules(decimals=2)), "1.234", ValueNotANumber),
            (field(FieldType.NUMBER, rules=FieldRules(least=Decimal(1))), 0, ValueTooSmall),
            (field(FieldType.NUMBER, rules=FieldRules(most=Decimal(1))), "1.5", ValueTooLarge),
            (field(FieldType.NUMBER), "NaN", ValueNotANumber),
            (field(FieldType.NUMBER), True, ValueNotANumber),
            (field(FieldType.NUMBER), "1e13", ValueNotANumber),
            (field(FieldType.NUMBER), "12345678901.12345", ValueNotANumber),
            (field(FieldType.BOOLEAN), "yes", ValueNotYesOrNo),
            (field(FieldType.DATE), "2026-02-30", ValueNotADate),
            (field(FieldType.DATE), "20260301", ValueNotADate),
            (field(FieldType.DATETIME), "2026-03-01T06:00", ValueNotAnInstant),
            (field(FieldType.DATETIME), "0001-01-01T00:00+05:00", ValueNotAnInstant),
            (field(FieldType.CHOICE), "green", ValueNotAChoice),
            (field(FieldType.CHOICE), "old", ValueNotAChoice),
            (field(FieldType.MULTI_CHOICE), ["red", "green"], ValueNotAChoice),
            (field(FieldType.REFERENCE), "machine 1", ValueNotThere),
        ],
    )  # fmt: skip
    def test_is_refused_when_it_breaks_a_rule(
        self, one: FieldDefinition, value: object, refusal: type[Invalid]
    ) -> None:
        with pytest.raises(refusal):
            checked_value(one, value)

    def test_keeps_a_choice_that_is_out_of_use_where_it_is(self) -> None:
        assert checked_value(field(FieldType.CHOICE), "old", kept="old") == "old"

    def test_of_several_choices_stands_in_their_order(self) -> None:
        assert checked_value(field(FieldType.MULTI_CHOICE), ["blue", "red", "blue"]) == ["red", "blue"]

    @pytest.mark.parametrize(
        ("kind", "cell", "value"),
        [
            (FieldType.NUMBER, "12,5", "12.5"),
            (FieldType.BOOLEAN, "Ja", True),
            (FieldType.BOOLEAN, "no", False),
            (FieldType.CHOICE, "Rot", "red"),
            (FieldType.MULTI_CHOICE, "Blau|red", ["blue", "red"]),
            (FieldType.TEXT, "  ", None),
        ],
    )
    def test_is_read_as_people_write_it(self, kind: FieldType, cell: str, value: object) -> None:
        assert value_in_cell(field(kind), cell) == value


class TestValues:
    def test_replace_what_is_given_and_keep_the_rest(self) -> None:
        fields = [
            FieldDefinition(key="a", type=FieldType.TEXT, labels={"en": "A"}),
            FieldDefinition(key="b", type=FieldType.NUMBER, labels={"en": "B"}),
        ]

        values = checked_values(fields, {"a": None, "b": 2}, {"a": "x", "gone": "kept"})

        assert values == {"b": 2, "gone": "kept"}

    def test_refuse_keys_that_name_no_field_in_use(self) -> None:
        off = FieldDefinition(key="a", type=FieldType.TEXT, labels={"en": "A"}, is_active=False)

        for key in ("a", "b"):
            with pytest.raises(UnknownField, match=key):
                checked_values([off], {key: "x"}, {})

    def test_refuse_a_required_field_without_a_value_at_that_field(self) -> None:
        with pytest.raises(ValueMissing) as refusal:
            checked_values([field(FieldType.TEXT, is_required=True)], {"one": " "}, {})

        assert refusal.value.fields["field"] == "custom.one"

    def test_of_new_things_begin_with_defaults(self) -> None:
        one = field(FieldType.NUMBER, default=5)

        assert with_defaults([one], {}) == {"one": 5}
        assert with_defaults([one], {"one": None}) == {"one": None}


class TestDefinition:
    @pytest.mark.parametrize(
        ("one", "refusal"),
        [
            (field(FieldType.CHOICE, choices=()), ChoicesMissing),
            (field(FieldType.CHOICE, choices=(COLOURS[2],)), ChoicesMissing),
            (field(FieldType.CHOICE, choices=(COLOURS[0], COLOURS[0])), ChoiceRepeated),
            (field(FieldType.TEXT, choices=COLOURS), InvalidRule),
            (field(FieldType.REFERENCE, reference=None), ReferenceMissing),
            (field(FieldType.TEXT, reference="machine"), ReferenceMissing),
            (field(FieldType.NUMBER, rules=FieldRules(least=Decimal(2), most=Decimal(1))), RangeTurnedAround),
            (field(FieldType.TEXT, rules=FieldRules(shortest=9, longest=3)), RangeTurnedAround),
            (field(FieldType.NUMBER, rules=FieldRules(longest=3)), InvalidRule),
            (field(FieldType.TEXT, rules=FieldRules(least=Decimal(3))), InvalidRule),
            (field(FieldType.NUMBER, rules=FieldRules(decimals=7)), InvalidRule),
            (field(FieldType.TEXT, unit="kg"), InvalidRule),
            (field(FieldType.TEXT, rules=FieldRules(pattern="(")), InvalidPattern),
            (field(FieldType.FILE, shown_in=frozenset({FieldPlace.FILTER})), Invalid),
        ],
    )  # fmt: skip
    def test_is_refused_when_no_value_could_follow_it(self, one: FieldDefinition, refusal: type[Invalid]) -> None:
        with pytest.raises(refusal):
            check_definition(one)

    @pytest.mark.parametrize("key", ["", "1a", "A", "a-b", "a b", "ä", "a" * 41])
    def test_has_a_key_that_can_stand_anywhere(self, key: str) -> None:
        with pytest.raises(InvalidKey):
            checked_key(key)

    def test_is_read_in_the_readers_language_or_another(self) -> None:
        one = field(FieldType.CHOICE)

        assert one.choice_label("red", "de") == "Rot"
        assert one.choice_label("old", "de") == "Old"
        assert one.choice_label("gone", "de") == "gone"
        with pytest.raises(LabelMissing):
            checked_labels({"en": " "}, name="labels")


class TestPattern:
    @pytest.mark.parametrize("pattern", ["", "(", "a" * 201, "(?=a)b", r"(a)\1", "(a{100}){100}", r"\p{Nope}"])
    def test_is_refused_when_it_could_keep_the_server_busy_or_is_none(self, pattern: str) -> None:
        with pytest.raises(InvalidPattern):
            checked_pattern(pattern)

    @pytest.mark.parametrize("pattern", ["(a+)+", "(a|aa)+", "(.*)*b", "([a-z]+)*[0-9]", "(x+x+)+y", "(a?){100}a{10}"])
    def test_answers_at_once_whatever_the_text_is(self, pattern: str) -> None:
        checked_pattern(pattern)
        began = time.perf_counter()

        assert not fits("a" * 1999 + "!", pattern)

        assert time.perf_counter() - began < 0.2

    def test_is_about_the_whole_text(self) -> None:
        assert fits("AB12", "[A-Z]+[0-9]+")
        assert not fits("AB12\n", "[A-Z]+[0-9]+")
        assert not fits("xAB12", "A|[A-Z]+[0-9]+")


def test_ids_are_kept_as_texts() -> None:
    one = uuid4()

    assert checked_value(field(FieldType.REFERENCE), UUID(str(one))) == str(one)
    assert checked_value(field(FieldType.DATE), date(2026, 3, 1)) == "2026-03-01"
