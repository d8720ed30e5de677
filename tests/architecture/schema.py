"""The migrated database, as its own catalogues describe it."""

from dataclasses import dataclass

from tests.factories import Connection

APP_ROLE = "unison_app"
OWNER_ROLE = "unison_owner"

GLOBAL_TABLES = {
    "public.alembic_version": "says which revision the installation is at",
    "app.monthly_tables": "names tables, not rows of an organization",
    "app.server_processes": "server processes serve every organization",
    "app.schedules": "recurring jobs of the system itself",
    "app.deletions": "what is left of organizations that are gone; the runtime role has functions only",
    "app.webhook_users": "tells whether events are to be kept for webhooks at all",
    "app.workers": "workers serve every organization",
    "app.sign_in_attempts": "who fails to sign in may belong to no organization",
    "app.audit_marks": "how far the audit of all organizations is linked",
}
"""Tables that belong to no organization, each with the reason."""

TABLES = """
SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.relrowsecurity AS is_secured,
       c.relforcerowsecurity AS is_forced, c.relispartition AS is_partition, pg_get_userbyid(c.relowner) AS owner,
       obj_description(c.oid, 'pg_class') AS about,
       ARRAY(SELECT p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
             WHERE has_table_privilege($1, c.oid, p)) AS grants,
       ARRAY(SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END
             FROM aclexplode(c.relacl) a) AS grantees,
       ARRAY(SELECT t.tgname::text FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) AS triggers
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'app') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY 1, 2
"""
COLUMNS = """
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS is_nullable,
       a.attidentity <> '' OR a.attgenerated <> '' AS is_generated
FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
POLICIES = """
SELECT polname AS name, polpermissive AS is_permissive, polcmd::text AS command,
       pg_get_expr(polqual, polrelid) AS using, pg_get_expr(polwithcheck, polrelid) AS check,
       ARRAY(SELECT CASE WHEN r = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r) END FROM unnest(polroles) r) AS roles
FROM pg_policy WHERE polrelid = $1::regclass
"""
UNIQUES = """
SELECT i.relname AS name, x.indisprimary AS is_primary, pg_get_expr(x.indpred, x.indrelid) AS predicate,
       ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int[]) WITH ORDINALITY k (num, place)
             JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.num ORDER BY k.place) AS columns
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = $1::regclass AND x.indisunique ORDER BY 1
"""
FOREIGN_KEYS = """
SELECT k.conname AS name, r.relname AS target,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY c (num, place)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.num ORDER BY c.place) AS columns,
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY c (num, place)
             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = c.num ORDER BY c.place) AS target_columns
FROM pg_constraint k JOIN pg_class r ON r.oid = k.confrelid
WHERE k.conrelid = $1::regclass AND k.contype = 'f' AND k.conparentid = 0 ORDER BY 1
"""


@dataclass(frozen=True)
class Column:
    """A column as Postgres names its type."""

    type: str
    is_nullable: bool
    is_generated: bool


@dataclass(frozen=True)
class Policy:
    """A row security policy; the expressions as Postgres writes them back."""

    name: str
    is_permissive: bool
    command: str
    using: str | None
    check: str | None
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Unique:
    """A unique index, whether or not a constraint made it."""

    name: str
    is_primary: bool
    columns: tuple[str, ...]
    predicate: str | None


@dataclass(frozen=True)
class ForeignKey:
    """A reference to another table."""

    name: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table, view or partition of ours."""

    schema: str
    name: str
    kind: str
    """As in pg_class: r table, p partitioned table, v view, m materialized view, f foreign table."""
    is_secured: bool
    is_forced: bool
    is_partition: bool
    owner: str
    about: str | None
    grants: frozenset[str]
    """What the runtime role may do."""
    grantees: frozenset[str]
    triggers: frozenset[str]
    columns: dict[str, Column]
    policies: tuple[Policy, ...]
    uniques: tuple[Unique, ...]
    foreign_keys: tuple[ForeignKey, ...]

    @property
    def full_name(self) -> str:
        """Return the name with its schema."""
        return f"{self.schema}.{self.name}"

    @property
    def org_column(self) -> str:
        """Return the column that says to which organization a row belongs."""
        return "id" if self.name == "organizations" else "org_id"

    @property
    def plant_column(self) -> str | None:
        """Return the column that says to which plant a row belongs, if rows do."""
        if self.name == "plants":
            return "id"
        return "plant_id" if "plant_id" in self.columns else None

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Return the columns of the primary key."""
        return next(unique.columns for unique in self.uniques if unique.is_primary)


async def read_tables(connection: Connection) -> list[Table]:
    """Return everything in our schemas that holds rows or shows them, PGMQ's own schema apart."""
    return [
        Table(
            schema=row["schema"],
            name=row["name"],
            kind=row["kind"],
            is_secured=row["is_secured"],
            is_forced=row["is_forced"],
            is_partition=row["is_partition"],
            owner=row["owner"],
            about=row["about"],
            grants=frozenset(row["grants"]),
            grantees=frozenset(row["grantees"]),
            triggers=frozenset(row["triggers"]),
            columns={
                column["name"]: Column(column["type"], column["is_nullable"], column["is_generated"])
                for column in await connection.fetch(COLUMNS, f"{row['schema']}.{row['name']}")
            },
            policies=tuple(
                Policy(
                    policy["name"],
                    policy["is_permissive"],
                    policy["command"],
                    policy["using"],
                    policy["check"],
                    tuple(policy["roles"]),
                )
                for policy in await connection.fetch(POLICIES, f"{row['schema']}.{row['name']}")
            ),
            uniques=tuple(
                Unique(unique["name"], unique["is_primary"], tuple(unique["columns"]), unique["predicate"])
                for unique in await connection.fetch(UNIQUES, f"{row['schema']}.{row['name']}")
            ),
            foreign_keys=tuple(
                ForeignKey(key["name"], tuple(key["columns"]), key["target"], tuple(key["target_columns"]))
                for key in await connection.fetch(FOREIGN_KEYS, f"{row['schema']}.{row['name']}")
            ),
        )
        for row in await connection.fetch(TABLES, APP_ROLE)
    ]


def tenant_tables(tables: list[Table]) -> list[Table]:
    """Return what holds rows of organizations: every table of `public` that is not listed as global."""
    return [
        table
        for table in tables
        if table.schema == "public" and not table.is_partition and table.full_name not in GLOBAL_TABLES
    ]
