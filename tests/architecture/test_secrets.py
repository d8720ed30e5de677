"""No secret leaves the database: neither in an export nor in the audit."""

import re

from services.organizations.left_out import ROWS_LEFT_OUT, SECRET_COLUMNS, TABLES_LEFT_OUT
from tests.architecture.schema import Table
from tests.factories import Connection

LOOKS_SECRET = re.compile(r"secret|password|digest|token|hash|cipher|fingerprint|private")
NO_SECRETS = {
    ("files", "sha256"): "the sum of a content that is exported itself",
    ("audit_chain", "hash"): "links the audit, and can be computed from it",
    ("webhooks", "old_secret_until"): "a time",
    ("sign_in_policies", "shortest_password"): "a length",
}
"""Columns that look like a secret and hold none, each with the reason."""

HIDDEN_FROM_AUDIT = """
SELECT c.relname::text AS name, encode(t.tgargs, 'escape') AS arguments
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgname = 'audit' AND t.tgparentid = 0
"""


class TestSecrets:
    def test_are_left_out_of_exports(self, isolated: list[Table]) -> None:
        suspects = {
            (table.name, name)
            for table in isolated
            if table.name not in TABLES_LEFT_OUT
            for name, column in table.columns.items()
            if column.type == "bytea" or LOOKS_SECRET.search(name)
        }
        left_out = {(table, name) for table, columns in SECRET_COLUMNS.items() for name in columns}

        assert suspects - left_out - set(NO_SECRETS) == set()
        assert set(NO_SECRETS) <= suspects

    def test_that_are_left_out_exist(self, isolated: list[Table]) -> None:
        by_name = {table.name: table for table in isolated}

        assert {*TABLES_LEFT_OUT, *SECRET_COLUMNS, *ROWS_LEFT_OUT} <= set(by_name)
        assert not set(TABLES_LEFT_OUT) & set(SECRET_COLUMNS)
        for table, columns in SECRET_COLUMNS.items():
            assert set(columns) <= set(by_name[table].columns)

    async def test_are_hidden_from_the_audit(self, app_connection: Connection) -> None:
        triggers = {row["name"]: row["arguments"] for row in await app_connection.fetch(HIDDEN_FROM_AUDIT)}
        written = [
            (table, column)
            for table, columns in SECRET_COLUMNS.items()
            if table in triggers
            for column in columns
            if column not in triggers[table].split("\\000")
        ]

        assert written == []
