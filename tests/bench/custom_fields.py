"""A table of a hundred thousand materials, filtered and sorted by two custom fields, as the page asks for it."""

import os
import time
from collections.abc import Mapping, Sequence

import asyncpg

from domain.custom_fields.fields import Choice, FieldDefinition, FieldPlace, FieldRules, FieldType
from domain.custom_fields.filters import filters_in, sort_in
from domain.identity.roles import Role
from domain.scope import Scope
from services.auth.passwords import hash_password
from services.custom_fields.conversion_tasks import CheckConversion, RunConversion
from services.custom_fields.conversions import check_conversion, run_conversion
from services.custom_fields.fields import add_field, load_fields
from services.custom_fields.keys import MakeCustomKeys, make_next_keys
from services.db.work import begin, read
from services.production.material_tables import MaterialOrder, list_material_rows
from tests.bench.installation import OTHER_CORE, Installation, installation, pin
from tests.bench.results import Result, percentile, reported
from tests.factories import PASSWORD, Make, as_role, as_worker, found

ROWS = 100_000
ROUNDS = 60
WARM_UP = 5
SHOWN = frozenset({FieldPlace.FORM, FieldPlace.LIST, FieldPlace.FILTER, FieldPlace.API})
COLOURS = tuple(f"c{number}" for number in range(20))
FIELDS = (
    FieldDefinition(
        key="colour",
        type=FieldType.CHOICE,
        labels={"en": "Colour"},
        choices=tuple(Choice(key, {"en": key}) for key in COLOURS),
        shown_in=SHOWN,
    ),
    FieldDefinition(
        key="weight", type=FieldType.NUMBER, labels={"en": "Weight"}, rules=FieldRules(decimals=3), shown_in=SHOWN
    ),
    FieldDefinition(key="checked", type=FieldType.DATE, labels={"en": "Checked"}, shown_in=SHOWN),
    FieldDefinition(key="remark", type=FieldType.TEXT, labels={"en": "Remark"}),
)
FILL = """
INSERT INTO materials (id, org_id, number, description, unit, custom)
SELECT gen_random_uuid(), $1, 'M-' || lpad(number::text, 6, '0'), 'Part ' || number, 'pcs', jsonb_build_object(
  'colour', 'c' || (number::bigint * 7919 % 20), 'weight', (number::bigint * 104729 % 1000000) / 1000.0,
  'checked', (date '2020-01-01' + number % 2000)::text, 'remark', repeat('x', number % 40 + 1)
) FROM generate_series(1, $2::integer) AS number
"""
QUESTIONS: Mapping[str, tuple[Mapping[str, Sequence[str]], str]] = {
    "choice_by_number": ({"custom.colour": ["c3"]}, "-custom.weight"),
    "choice_and_range_by_number": ({"custom.colour": ["c3"], "custom.weight.min": ["100"]}, "custom.weight"),
    "choice_and_narrow_range": (
        {"custom.colour": ["c3"], "custom.weight.min": ["100"], "custom.weight.max": ["101"]}, "custom.checked",
    ),
    "wide_range_and_date_by_choice": (
        {"custom.weight.min": ["10"], "custom.checked.min": ["2021-01-01"]}, "custom.colour",
    ),
    "range_by_date": ({"custom.weight.max": ["500"]}, "-custom.checked"),
    "two_rare_choices_by_date": ({"custom.colour": ["c3", "c4"], "custom.weight.max": ["3"]}, "custom.checked"),
    "nothing_by_number": ({}, "custom.weight"),
}  # fmt: skip
"""Filters and a sort, as they stand in the address of the page."""


async def measure() -> list[Result]:
    """Ask every question again and again, under the runtime role, as a supervisor who may see one plant."""
    pin(os.getpid(), OTHER_CORE)
    async with installation() as place:
        scope, plant_scope = await _fill(place)
        times: dict[str, list[float]] = {}
        for name, (asked, sort) in QUESTIONS.items():
            times[name] = await _ask(plant_scope, asked, sort)
        pages = [await _ask(plant_scope, *QUESTIONS["choice_by_number"], offset=4_500)]
        plain = await _ask(plant_scope, {}, "")
        wrote_ms = await _write(scope)
        checked_s, converted_s = await _convert(scope)
    worst = max(percentile(values, 95) for values in times.values())
    return [
        Result("custom_table_worst_p95_ms", worst, "<= 50"),
        *(reported(f"custom_table_{name}_p95_ms", percentile(values, 95)) for name, values in times.items()),
        *(reported(f"custom_table_{name}_p50_ms", percentile(values, 50)) for name, values in times.items()),
        reported("custom_table_page_91_p95_ms", percentile(pages[0], 95)),
        reported("material_table_by_number_p95_ms", percentile(plain, 95)),
        reported("material_with_three_keys_added_ms", wrote_ms),
        reported("type_of_100000_values_checked_s", checked_s),
        reported("type_of_100000_values_changed_s", converted_s),
    ]


async def _fill(place: Installation) -> tuple[Scope, Scope]:
    make = Make(await hash_password(PASSWORD))
    scope = await found(slug="bench")
    for other in range(3):
        await _fill_one(place, await found(slug=f"other-{other}"), ROWS // 5)
    await _fill_one(place, scope, ROWS)
    async with begin(scope) as work:
        plant = await make.plant(work)
        user = await make.user(work, role=Role.SUPERVISOR)
    seeing = as_role(scope, Role.SUPERVISOR, user_id=user.id, plant_ids=frozenset({plant.id}))
    return scope, seeing


async def _fill_one(place: Installation, scope: Scope, rows: int) -> None:
    connection = await asyncpg.connect(place.superuser_url)
    try:
        await connection.execute("SET session_replication_role = replica")  # no audit of what nobody did
        await connection.execute(FILL, scope.org_id, rows)
    finally:
        await connection.close()
    began = time.monotonic()
    async with begin(scope) as work:
        fields = [await add_field(work, entity="material", field=field) for field in FIELDS]
    for field in fields:
        if FieldPlace.FILTER.value in field.shown_in:
            await _make_keys(scope, MakeCustomKeys(field_id=field.id))
    print(f"  {rows} materials; their keys took {time.monotonic() - began:.1f} s", flush=True)
    connection = await asyncpg.connect(place.superuser_url)
    try:
        await connection.execute("VACUUM ANALYZE materials, custom_keys, custom_fields")
    finally:
        await connection.close()


async def _make_keys(scope: Scope, job: MakeCustomKeys) -> None:
    """Do what the worker does with the job and those that follow it."""
    following: MakeCustomKeys | None = job
    while following is not None:
        async with begin(scope) as work:
            following = await make_next_keys(work, following)


async def _ask(scope: Scope, asked: Mapping[str, Sequence[str]], sort: str, *, offset: int = 0) -> list[float]:
    took: list[float] = []
    for number in range(ROUNDS + WARM_UP):
        began = time.perf_counter()
        async with read(scope) as work:
            fields = await load_fields(work, "material")
            page = await list_material_rows(
                work,
                plant_id=next(iter(scope.plant_ids or ())),
                filters=filters_in(fields, asked),
                order=sort_in(fields, sort) or MaterialOrder.NUMBER,
                offset=offset,
            )
        if number >= WARM_UP:
            took.append((time.perf_counter() - began) * 1000)
    assert page.rows
    return took


async def _write(scope: Scope) -> float:
    make = Make("")
    took: list[float] = []
    for _ in range(50):
        async with begin(scope) as work:
            began = time.perf_counter()
            await make.material(work)
            await work.session.flush()
            took.append((time.perf_counter() - began) * 1000)
    return percentile(took, 50)


async def _convert(scope: Scope) -> tuple[float, float]:
    """Let the weights become texts, and return how long the report and the change take."""
    async with begin(scope) as work:
        field = next(one for one in await load_fields(work, "material") if one.key == "weight")
        to = FieldDefinition(key="to", type=FieldType.TEXT, labels={})
        assert field.id is not None
        conversion = await check_conversion(work, field_id=field.id, version=field.version, to=to)
    began = time.monotonic()
    assert conversion.task_id is not None
    await as_worker(scope, CheckConversion(task_id=conversion.task_id, conversion_id=conversion.id))
    checked = time.monotonic()
    async with begin(scope) as work:
        conversion = await run_conversion(work, conversion_id=conversion.id)
    assert conversion.task_id is not None
    await as_worker(scope, RunConversion(task_id=conversion.task_id, conversion_id=conversion.id))
    return checked - began, time.monotonic() - checked
