"""Bringing the database to today's shape."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from domain.errors import Unavailable
from services.config import WrongSetting
from services.db import migrate as migrate_module
from services.db.embedded import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from services.db.engine import Database
from services.db.migrate import ADVISORY_LOCK, known_revisions, migrate, missing_revisions


@pytest.fixture
async def empty(cluster: EmbeddedPostgres, database_name: str) -> AsyncIterator[str]:
    """The name of an empty database that belongs to the owner."""
    name = f"{database_name}_empty"
    connection = await asyncpg.connect(cluster.url("postgres", "postgres"))
    await connection.execute(f"CREATE DATABASE {name} OWNER {OWNER_ROLE}")
    yield name
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


class TestMigrate:
    async def test_by_two_servers_at_once_applies_each_revision_once(
        self, cluster: EmbeddedPostgres, empty: str
    ) -> None:
        owner = cluster.url(OWNER_ROLE, empty)

        applied = await asyncio.gather(migrate(owner), migrate(owner))

        assert sorted(applied) == [[], known_revisions()]
        assert await migrate(owner) == []

    async def test_waits_for_another_server_longer_than_for_any_other_lock(
        self, cluster: EmbeddedPostgres, empty: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(migrate_module, "LOCK_TIMEOUT_MS", 200)
        owner = cluster.url(OWNER_ROLE, empty)
        other_server = await asyncpg.connect(owner)
        await other_server.execute("SELECT pg_advisory_lock($1)", ADVISORY_LOCK)

        migrating = asyncio.create_task(migrate(owner))
        await asyncio.sleep(0.6)
        assert not migrating.done()
        await other_server.execute("SELECT pg_advisory_unlock($1)", ADVISORY_LOCK)
        await other_server.close()

        assert await migrating == known_revisions()

    async def test_takes_both_spellings_of_an_address(self, cluster: EmbeddedPostgres, empty: str) -> None:
        await migrate(cluster.url(OWNER_ROLE, empty).replace("postgresql://", "postgres://"))

    async def test_of_a_database_made_by_newer_software_is_refused(self, cluster: EmbeddedPostgres, empty: str) -> None:
        owner = cluster.url(OWNER_ROLE, empty)
        await migrate(owner)
        connection = await asyncpg.connect(owner)
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        await connection.close()

        with pytest.raises(WrongSetting, match="newer version"):
            await migrate(owner)

    async def test_says_when_nobody_answers(self) -> None:
        with pytest.raises(Unavailable):
            await migrate("postgresql://unison_owner@/unison?host=/nonexistent")


class TestMissingRevisions:
    async def test_are_all_of_an_empty_database_and_none_of_a_migrated_one(
        self, cluster: EmbeddedPostgres, empty: str, database: Database
    ) -> None:
        fresh = Database(cluster.url(APP_ROLE, empty))
        try:
            assert await missing_revisions(fresh) == known_revisions()
        finally:
            await fresh.close()
        assert await missing_revisions(database) == []


class TestKnownRevisions:
    def test_follow_each_other_without_a_gap(self) -> None:
        assert known_revisions() == [f"{number:04}" for number in range(1, len(known_revisions()) + 1)]
