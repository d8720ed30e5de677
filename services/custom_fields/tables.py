"""Large tables filtered and sorted by custom fields: which rows stand on a page, and how many there are.

A page is found from one side only: from the rows of the rarest filter where they are few, else along the keys of the
field to sort by, else along the table itself. All else is looked at row by row, so that no plan depends on a value.
How many rows there are is counted up to ten thousand, and no page lies farther.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isqrt
from uuid import UUID

from sqlalchemy import ColumnElement, and_, text

from domain.custom_fields.fields import FieldDefinition, FieldType
from domain.custom_fields.filters import FieldFilter, FieldSort, in_python, key_of
from services.custom_fields.entities import Entity
from services.db.work import Work

MOST_COUNTED = 10_000
USUAL_ROWS = 100_000
"""How large a table is taken to be when one way to a page is weighed against the other."""
ESCAPED = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


@dataclass(frozen=True)
class Condition:
    """A condition of a statement; `{}` stands for each value."""

    sql: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True)
class TableQuestion:
    """Which rows of a table are wanted, in which order."""

    entity: Entity
    filters: Sequence[FieldFilter] = ()
    conditions: Sequence[Condition] = ()
    """On the columns of `entity.table` and of what `joins` adds."""
    joins: str = ""
    """What `order` or `conditions` need beside the table, one row at most for each of its own."""
    sort: Sequence[FieldSort] = ()
    order: str = "id"
    """SQL that sorts where no field does, and among rows that are the same to it."""
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True)
class TablePage:
    """The rows of a page."""

    ids: tuple[UUID, ...]
    """In order."""
    total: int
    """How many rows there are, at most `MOST_COUNTED`."""
    has_more: bool
    """Whether there are more than were counted."""


@dataclass
class _Statement:
    """A statement that is put together with its values."""

    values: list[object] = field(default_factory=list)

    def add(self, condition: Condition) -> str:
        first = len(self.values) + 1
        self.values += condition.values
        return condition.sql.format(*(f"${number}" for number in range(first, first + len(condition.values))))

    def all_of(self, conditions: Sequence[Condition]) -> str:
        return " AND ".join(self.add(condition) for condition in conditions) or "true"


async def find_rows(work: Work, asked: TableQuestion) -> TablePage:
    """Return the rows of a page and how many there are."""
    most = _most_to_sort(asked)
    rarest, count = await _rarest(work, asked.filters, most)
    if rarest is not None and count <= most:
        ids = await _among_few(work, asked, rarest, most)
        page = ids[asked.offset : asked.offset + asked.limit]
        return TablePage(tuple(page), min(len(ids), MOST_COUNTED), has_more=len(ids) > MOST_COUNTED)
    total = await _count(work, asked, rarest)
    if asked.sort and asked.sort[0].field.has_keys:
        found = await _along_keys(work, asked)
    else:
        found = await _along_the_table(work, asked)
    return TablePage(tuple(found), min(total, MOST_COUNTED), has_more=total > MOST_COUNTED)


def conditions_of(filters: Sequence[FieldFilter], table: str) -> list[Condition]:
    """Return what filters ask of each row of a table."""
    return [condition for one in filters for condition in _of_row(one, table)]


def _most_to_sort(asked: TableQuestion) -> int:
    """Return up to how many rows it takes less to fetch and sort them all than to walk along keys to the page.

    With n rows that pass of N, the way to row r along keys leads over r * N / n of them.
    """
    return min(MOST_COUNTED, isqrt((asked.offset + asked.limit) * USUAL_ROWS))


def clause_of(condition: Condition, number: int) -> ColumnElement[bool]:
    """Return a condition for a statement that is made of columns; `number` tells those of one statement apart."""
    names = [f"custom_{number}_{place}" for place in range(len(condition.values))]
    clause = text(condition.sql.format(*(f"(:{name})" for name in names)))
    return and_(clause.bindparams(**dict(zip(names, condition.values, strict=True))))


async def _rarest(work: Work, filters: Sequence[FieldFilter], most: int) -> tuple[FieldFilter | None, int]:
    """Return the filter with keys that the fewest rows pass, and how many do, counted up to one more than `most`."""
    usable = [one for one in filters if one.field.has_keys and _of_key(one)]
    if not usable:
        return None, 0
    statement = _Statement()
    counts = ", ".join(
        f"(SELECT count(*) FROM (SELECT FROM custom_keys AS k WHERE {_keys(statement, one)} LIMIT {most + 1}) AS few)"
        for one in usable
    )
    rows = await work.fetch(f"SELECT {counts}", *statement.values)
    few, place = min((int(count), place) for place, count in enumerate(rows[0]))
    return usable[place], few


async def _among_few(work: Work, asked: TableQuestion, rarest: FieldFilter, most: int) -> list[UUID]:
    statement = _Statement()
    few = f"SELECT DISTINCT k.row_id FROM custom_keys AS k WHERE {_keys(statement, rarest)} LIMIT {most}"
    conditions = statement.all_of([*conditions_of(asked.filters, "thing"), *asked.conditions])
    sql = (
        f"WITH few AS MATERIALIZED ({few}) SELECT thing.id FROM few"
        f" CROSS JOIN LATERAL ({_thing(asked, 'few.row_id')}) AS thing {asked.joins}"
        f" WHERE {conditions} ORDER BY {_order(asked, 'thing')}"
    )
    return [row["id"] for row in await work.fetch(sql, *statement.values)]


async def _count(work: Work, asked: TableQuestion, driver: FieldFilter | None) -> int:
    statement = _Statement()
    others = [one for one in asked.filters if one is not driver]
    if driver is None:
        found = (
            f"SELECT FROM {asked.entity.table} AS thing {asked.joins}"
            f" WHERE {statement.all_of([*conditions_of(others, 'thing'), *asked.conditions])}"
        )
    elif not others and not asked.conditions:
        found = f"SELECT DISTINCT k.row_id FROM custom_keys AS k WHERE {_keys(statement, driver)}"
        if driver.field.type is not FieldType.MULTI_CHOICE:
            found = found.replace("DISTINCT k.row_id ", "")
    else:
        keys = _keys(statement, driver)
        found = (
            f"SELECT FROM custom_keys AS k CROSS JOIN LATERAL ({_thing(asked, 'k.row_id')}) AS thing {asked.joins}"
            f" WHERE {keys} AND {statement.all_of([*conditions_of(asked.filters, 'thing'), *asked.conditions])}"
        )
    rows = await work.fetch(f"SELECT count(*) FROM ({found} LIMIT {MOST_COUNTED + 1}) AS found", *statement.values)
    return int(rows[0][0])


async def _along_keys(work: Work, asked: TableQuestion) -> list[UUID]:
    """Return a page along the keys of the field to sort by: first the rows that hold something, then the others."""
    sort = asked.sort[0]
    found = await _segment(work, asked, "k.key IS NOT NULL", asked.offset, asked.limit)
    if len(found) == asked.limit or any(one.field.key == sort.field.key for one in asked.filters):
        return found
    holding = asked.offset + len(found)
    if not found and asked.offset:
        holding = await _count_segment(work, asked)
    missing = asked.limit - len(found)
    return found + await _segment(work, asked, "k.key IS NULL", max(0, asked.offset - holding), missing)


async def _segment(work: Work, asked: TableQuestion, which: str, offset: int, limit: int) -> list[UUID]:
    statement = _Statement()
    source = _keyed(statement, asked, which)
    direction = "DESC" if asked.sort[0].is_descending else "ASC"
    further = "".join(f"{_sorted_by(one, 'thing')}, " for one in asked.sort[1:])
    sql = (
        f"SELECT k.row_id AS id {source} ORDER BY k.key {direction}, {further}k.row_id {direction}"
        f" LIMIT {limit} OFFSET {offset}"
    )
    return [row["id"] for row in await work.fetch(sql, *statement.values)]


async def _count_segment(work: Work, asked: TableQuestion) -> int:
    statement = _Statement()
    source = _keyed(statement, asked, "k.key IS NOT NULL")
    rows = await work.fetch(f"SELECT count(*) FROM (SELECT {source}) AS found", *statement.values)
    return int(rows[0][0])


def _keyed(statement: _Statement, asked: TableQuestion, which: str) -> str:
    sort = asked.sort[0]
    own = next((one for one in asked.filters if one.field.key == sort.field.key and _of_key(one)), None)
    keys = _keys(statement, own) if own is not None else statement.add(Condition("k.field_id = {}", (sort.field.id,)))
    conditions = statement.all_of([*conditions_of(asked.filters, "thing"), *asked.conditions])
    return (
        f"FROM custom_keys AS k CROSS JOIN LATERAL ({_thing(asked, 'k.row_id')}) AS thing {asked.joins}"
        f" WHERE {keys} AND {which} AND {conditions}"
    )


async def _along_the_table(work: Work, asked: TableQuestion) -> list[UUID]:
    statement = _Statement()
    conditions = statement.all_of([*conditions_of(asked.filters, "thing"), *asked.conditions])
    sql = (
        f"SELECT thing.id FROM {asked.entity.table} AS thing {asked.joins} WHERE {conditions}"
        f" ORDER BY {_order(asked, 'thing')} LIMIT {asked.limit} OFFSET {asked.offset}"
    )
    return [row["id"] for row in await work.fetch(sql, *statement.values)]


def _thing(asked: TableQuestion, row_id: str) -> str:
    """Return the one row that a key belongs to; OFFSET keeps it a look-up, whatever the plan's guesses are."""
    return f"SELECT * FROM {asked.entity.table} AS one WHERE one.id = {row_id} OFFSET 0"


def _order(asked: TableQuestion, table: str) -> str:
    return ", ".join([*(_sorted_by(one, table) for one in asked.sort), asked.order])


def _sorted_by(sort: FieldSort, table: str) -> str:
    direction = "DESC" if sort.is_descending else "ASC"
    return f"{_comparable(sort.field, table)} {direction} NULLS LAST"


def _comparable(one: FieldDefinition, table: str) -> str:
    value = f"({table}.custom ->> '{one.key}')"
    match one.type:
        case FieldType.NUMBER:
            return f"{value}::numeric"
        case FieldType.TEXT:
            return f'lower(left({value}, 100)) COLLATE "C"'
        case _:
            return f'{value} COLLATE "C"'


def _keys(statement: _Statement, one: FieldFilter) -> str:
    return statement.all_of([Condition("k.field_id = {}", (one.field.id,)), *_of_key(one)])


def _of_key(one: FieldFilter) -> list[Condition]:
    """Return what a filter asks of the keys of its field; nothing where keys cannot answer."""
    conditions: list[Condition] = []
    if one.one_of:
        conditions.append(Condition("k.key = ANY ({}::text[])", ([key_of(one.field, value) for value in one.one_of],)))
    if one.least is not None:
        conditions.append(Condition("k.key >= {}", (key_of(one.field, one.least),)))
    if one.most is not None:
        conditions.append(Condition("k.key <= {}", (key_of(one.field, one.most),)))
    if one.is_empty is not None:
        conditions.append(Condition("k.key IS NULL" if one.is_empty else "k.key IS NOT NULL"))
    return conditions


def _of_row(one: FieldFilter, table: str) -> list[Condition]:
    value, held = f"({table}.custom ->> '{one.field.key}')", f"({table}.custom -> '{one.field.key}')"
    conditions: list[Condition] = []
    if one.one_of:
        conditions.append(_is_one_of(one, value, held))
    if one.words:
        conditions.append(Condition(f"{value} ILIKE {{}}", (f"%{one.words.translate(ESCAPED)}%",)))
    for bound, operator in ((one.least, ">="), (one.most, "<=")):
        if bound is not None:
            kind = "numeric" if one.field.type is FieldType.NUMBER else "text"
            comparable = _comparable(one.field, table)
            conditions.append(Condition(f"{comparable} {operator} {{}}::{kind}", (in_python(bound),)))
    if one.is_empty is not None:
        conditions.append(Condition(f"{held} IS NULL" if one.is_empty else f"{held} IS NOT NULL"))
    return conditions


def _is_one_of(one: FieldFilter, value: str, held: str) -> Condition:
    if one.field.type is FieldType.NUMBER:
        return Condition(f"{value}::numeric = ANY ({{}}::numeric[])", ([in_python(each) for each in one.one_of],))
    texts = [key_of(one.field, each) for each in one.one_of]
    if one.field.type is FieldType.MULTI_CHOICE:
        return Condition(f"{held} ?| {{}}::text[]", (texts,))
    return Condition(f"{value} = ANY ({{}}::text[])", (texts,))
