"""The catalogues, read once per worker."""

import asyncpg
import pytest

from services.db.embedded import EmbeddedPostgres
from tests.architecture.schema import Table, read_tables, tenant_tables


@pytest.fixture(scope="session")
async def tables(cluster: EmbeddedPostgres, database_name: str) -> list[Table]:
    """Everything in our schemas that holds rows."""
    connection = await asyncpg.connect(cluster.url("postgres", database_name))
    try:
        return await read_tables(connection)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def isolated(tables: list[Table]) -> list[Table]:
    """The tables that hold rows of organizations."""
    return tenant_tables(tables)
