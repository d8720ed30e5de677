"""The tables of an organization, as the database's own catalogue describes them.

A table that a later revision adds is exported and deleted without a line here.
"""

from dataclasses import dataclass

import orjson

from domain.operations.deletions import Reference
from services.db.work import Work

TABLES = """
SELECT c.relname::text AS name, coalesce(obj_description(c.oid, 'pg_class'), '') AS about,
       ARRAY(SELECT a.attname::text FROM unnest(coalesce(i.indkey::int[], '{}')) WITH ORDINALITY k (num, place)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num ORDER BY k.place) AS key,
       (SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod),
                                         coalesce(col_description(c.oid, a.attnum), '')) ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)::text AS columns
FROM pg_class c LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND (c.relname = 'organizations'
       OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id'))
ORDER BY c.relname
"""
REFERENCES = """
SELECT k.conname::text AS name, t.relname::text AS child, p.relname::text AS parent,
       (SELECT bool_or(NOT a.attnotnull) FROM unnest(k.conkey) AS num
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = num WHERE a.attname <> 'org_id') AS may_be_empty
FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
WHERE k.contype = 'f' AND k.conparentid = 0 AND t.relnamespace = 'public'::regnamespace
ORDER BY 1
"""
ORGANIZATIONS = "organizations"


@dataclass(frozen=True)
class Column:
    """A column."""

    name: str
    type: str
    """As Postgres names it."""
    about: str
    """What it means, where its name does not say it."""


@dataclass(frozen=True)
class TenantTable:
    """A table whose rows belong to organizations."""

    name: str
    about: str
    key: tuple[str, ...]
    """The columns of its primary key; empty where it has none."""
    columns: tuple[Column, ...]

    @property
    def org_column(self) -> str:
        """The column that names the organization."""
        return "id" if self.name == ORGANIZATIONS else "org_id"


async def tenant_tables(work: Work) -> tuple[TenantTable, ...]:
    """Return every table whose rows belong to organizations, by name; the organizations themselves among them."""
    return tuple(
        TenantTable(row["name"], row["about"], tuple(row["key"]), _columns(row["columns"]))
        for row in await work.fetch(TABLES)
    )


async def references(work: Work) -> tuple[Reference, ...]:
    """Return every foreign key among these tables, by name."""
    return tuple(Reference(**row) for row in await work.fetch(REFERENCES))


def _columns(described: str) -> tuple[Column, ...]:
    return tuple(Column(*each) for each in orjson.loads(described))
