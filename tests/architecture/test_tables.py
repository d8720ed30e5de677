"""What every table has: names, comments, audit, references that stay inside the organization, a row class."""

import re

from sqlalchemy.dialects import postgresql

from services.db.tables import Row
from tests.architecture.schema import GLOBAL_TABLES, Table
from tests.factories import Connection

NOT_AUDITED = {
    "audit_log": "is the audit",
    "webhook_deliveries": "is a log",
    "job_runs": "is a log, kept for a day",
    "audit_chain": "follows from the audit",
    "run_totals": "sums of the production log, which is audited",
    "machine_hours": "sums of the production log, which is audited",
    "machine_status": "newest point of the timeline and the log, which are audited",
    "booking_keys": "an index over the production log, which is audited",
    "api_key_uses": "when a key was used last changes all the time; the keys are audited",
    "used_sign_ins": "kept for minutes, so that nothing is used twice; the sessions they opened are audited",
    "refresh_tokens": "secrets of a sign-in session, which is audited",
    "idempotency_keys": "answers kept for a day; what they changed is audited",
    "number_series": "the last numbers of rows that are audited",
    "reversals": "an index over the production log, which is audited",
    "machine_places": "earlier values of machines.lane_id, which is audited",
    "hourly_facts": "sums of the timeline and the log, which are audited",
    "shift_facts": "sums of the hourly facts",
    "dirty_hours": "a list of sums to do again",
    "counter_readings": "insert-only: what people read off stands there for good",
    "custom_keys": "derived from the values of things, which are audited",
    "andon_notifications": "insert-only: what was told to whom stands there for good",
}
"""Tables without the audit trigger, each with the reason."""

UNIQUE_EVERYWHERE = {
    "organizations_slug_uq": "the slug stands in addresses, before an organization is known",
    "organizations_host_uq": "the host stands in addresses, before an organization is known",
    "organizations_platform_uq": "an installation has one platform",
}
"""Unique keys without org_id, each with the reason. A primary key of id alone is a random UUIDv7 and needs none."""

WITHOUT_FOREIGN_KEY = {
    ("*", "plant_id"): "copied from the machine or lane, which is referenced, so that policies need no join",
    ("job_runs", "job_id"): "a message of the queue, which is gone when the row is written",
    ("audit_log", "org_id"): "the audit outlives what it speaks of",
    ("audit_log", "user_id"): "the audit outlives what it speaks of",
    ("audit_log", "row_id"): "the audit outlives what it speaks of",
    ("audit_log", "api_key_id"): "the audit outlives what it speaks of",
    ("sign_in_providers", "client_id"): "the provider's name for this installation",
    ("audit_log", "request_id"): "names a request, not a row",
    ("machine_state_changes", "user_id"): "who acted; kept without a look-up for every change",
    ("production_log", "user_id"): "who reported; kept without a look-up for every entry",
    ("production_log", "shift_id"): "found by its time when the entry is written; shifts that began are never deleted",
    ("production_log", "reverses_id"): "an entry of the same month, locked by its row in reversals",
    ("reversals", "org_id"): "written with the log entries, which reference the machine",
    ("reversals", "reversed_id"): "written with the log entry that it names",
    ("reversals", "reversal_id"): "written with the log entry that it names",
    ("hourly_facts", "shift_id"): "all zeros outside shifts; derived from shifts that began, which are never deleted",
    ("shift_facts", "shift_id"): "as in hourly_facts, whose sums they are",
    ("booking_keys", "org_id"): "written with the log entries, which reference the machine",
    ("custom_keys", "row_id"): "a thing of whichever table has the field; its trigger writes and removes the key",
    ("booking_keys", "machine_id"): "written with the log entries, which reference the machine",
}
"""Columns named like a reference that have no foreign key, each with the reason; * stands for any table."""

CONSTRAINTS = """
SELECT c.relname AS table_name, k.conname AS name, k.contype::text AS kind
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'app') AND NOT c.relispartition AND k.contype <> 'n' AND c.relname <> 'alembic_version'
"""
INDEXES = """
SELECT c.relname AS table_name, i.relname AS name
FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'app') AND NOT c.relispartition AND c.relname <> 'alembic_version'
"""
KINDS = {"p": "pk", "u": "uq", "f": "fk", "c": "ck", "x": "ex"}


class TestReferences:
    def test_stay_inside_the_organization(self, isolated: list[Table]) -> None:
        names = {table.name for table in isolated}
        loose = [
            (table.name, key.name)
            for table in isolated
            for key in table.foreign_keys
            if key.target in names - {"organizations"}
            and (key.columns[0], key.target_columns[0]) != ("org_id", "org_id")
        ]

        assert loose == []

    def test_lead_every_row_to_its_organization(self, isolated: list[Table]) -> None:
        reached = {"organizations", "audit_log"}
        while more := {
            table.name
            for table in isolated
            if table.name not in reached
            and any(key.target in reached and "org_id" in key.columns for key in table.foreign_keys)
        }:
            reached |= more

        assert {table.name for table in isolated} - reached == {"booking_keys", "reversals"}

    def test_are_checked_wherever_a_column_is_named_like_one(self, isolated: list[Table]) -> None:
        unchecked = {
            (table.name, column)
            for table in isolated
            for column in table.columns
            if column.endswith("_id")
            and not any(column in key.columns for key in table.foreign_keys)
            and (table.name, column) not in WITHOUT_FOREIGN_KEY
            and ("*", column) not in WITHOUT_FOREIGN_KEY
        }

        assert unchecked == set()

    def test_can_be_made_because_rows_are_unique_with_their_organization(self, isolated: list[Table]) -> None:
        wrong = [
            table.name
            for table in isolated
            if "id" in table.columns
            and table.primary_key == ("id",)
            and table.name not in {"organizations", "refresh_tokens"}
            and not any(unique.columns == ("org_id", "id") for unique in table.uniques)
        ]

        assert wrong == []


class TestUniqueKeys:
    def test_include_the_organization_so_that_nobody_learns_of_other_rows(self, isolated: list[Table]) -> None:
        everywhere = {
            unique.name
            for table in isolated
            for unique in table.uniques
            if "org_id" not in unique.columns and not (unique.is_primary and unique.columns == ("id",))
        }

        assert everywhere == set(UNIQUE_EVERYWHERE)

    def test_begin_with_the_organization_so_that_one_index_serves_the_policy(self, isolated: list[Table]) -> None:
        wrong = [
            unique.name
            for table in isolated
            for unique in table.uniques
            if "org_id" in unique.columns and unique.columns[0] != "org_id"
        ]

        assert wrong == []


class TestAudit:
    def test_watches_every_table_that_is_not_excused(self, isolated: list[Table]) -> None:
        assert {table.name for table in isolated if "audit" not in table.triggers} == set(NOT_AUDITED)

    async def test_is_told_the_name_of_its_table_and_keeps_no_secret(self, superuser_connection: Connection) -> None:
        rows = await superuser_connection.fetch(
            "SELECT relname, encode(tgargs, 'escape') AS arguments, tgtype FROM pg_trigger"
            " JOIN pg_class ON pg_class.oid = tgrelid WHERE tgname = 'audit' AND NOT relispartition"
        )

        told = {row["relname"]: row["arguments"].rstrip("\\0").split("\\000") for row in rows}
        assert {table for table, arguments in told.items() if arguments[0] != table} == set()
        assert "password_hash" in told["users"]
        row_level_after_insert_update_delete = 1 | 4 | 8 | 16
        assert {row["tgtype"] for row in rows} == {row_level_after_insert_update_delete}


class TestNames:
    async def test_of_constraints_say_table_and_kind(self, superuser_connection: Connection) -> None:
        rows = await superuser_connection.fetch(CONSTRAINTS)

        wrong = [
            row["name"]
            for row in rows
            if not re.fullmatch(rf"{row['table_name']}(_\w+)?_{KINDS[row['kind']]}", row["name"])
        ]
        assert wrong == []

    async def test_of_indexes_say_table_and_kind(self, superuser_connection: Connection) -> None:
        rows = await superuser_connection.fetch(INDEXES)

        wrong = [
            row["name"] for row in rows if not re.fullmatch(rf"{row['table_name']}(_\w+)?_(ix|uq|pk|ex)", row["name"])
        ]
        assert wrong == []


class TestComments:
    def test_say_what_every_table_holds(self, tables: list[Table]) -> None:
        silent = [
            table.full_name
            for table in tables
            if not table.is_partition and not table.about and table.full_name != "public.alembic_version"
        ]

        assert silent == []


class TestRows:
    def test_have_a_class_for_every_table_of_an_organization(self, isolated: list[Table]) -> None:
        assert set(Row.metadata.tables) == {table.name for table in isolated}

    def test_have_the_columns_that_the_database_has(self, isolated: list[Table]) -> None:
        in_database = {
            table.name: {name: (column.type, column.is_nullable) for name, column in table.columns.items()}
            for table in isolated
        }

        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        in_classes = {
            name: {
                column.name: (
                    column.type.compile(dialect=dialect).lower().replace(", ", ","),
                    bool(column.nullable),
                )
                for column in table.columns
            }
            for name, table in Row.metadata.tables.items()
        }
        assert in_classes == in_database

    def test_have_the_primary_key_that_the_database_has(self, isolated: list[Table]) -> None:
        in_database = {table.name: set(table.primary_key) for table in isolated}

        in_classes = {
            name: {column.name for column in table.primary_key.columns} for name, table in Row.metadata.tables.items()
        }
        assert in_classes == in_database

    def test_leave_the_global_tables_alone(self) -> None:
        assert not {f"public.{name}" for name in Row.metadata.tables} & set(GLOBAL_TABLES)
