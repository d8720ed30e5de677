"""Which Postgres an installation uses, and whether it answers."""

from collections.abc import Iterator

import pytest

from services.config import Settings, WrongSetting
from services.db.embedded import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from services.db.engine import Database, current_database, use_database, without_tenant
from services.db.health import database_answers, job_queue
from services.db.server import database_of
from services.jobs.registry import Job, enqueue_for_system
from tests.factories import Connection


class Nothing(Job):
    """Do nothing."""

    name = "test.nothing.do"


@pytest.fixture(autouse=True)
def _keep_the_database(database: Database) -> Iterator[None]:
    """Whatever a test puts in use, the next one finds the run's own database."""
    yield
    use_database(database)


def given(url: str, owner_url: str | None = None) -> Settings:
    return Settings(database_url=url, database_owner_url=owner_url, secret_key="s" * 32)


class TestDatabaseOf:
    async def test_uses_the_given_server_for_the_time_of_the_block(self, app_url: str) -> None:
        use_database(None)

        async with database_of(given(app_url)) as server:
            assert (server.app_url, server.owner_url) == (app_url, None)
            assert await database_answers()

        with pytest.raises(RuntimeError):
            current_database()

    @pytest.mark.parametrize("role", [OWNER_ROLE, "postgres"])
    async def test_refuses_a_role_with_powers(self, cluster: EmbeddedPostgres, database_name: str, role: str) -> None:
        with pytest.raises(WrongSetting, match=f"UNISON_DATABASE_URL signs in as “{role}”"):
            async with database_of(given(cluster.url(role, database_name))):
                pass

    async def test_refuses_a_database_that_is_not_up_to_date(self, cluster: EmbeddedPostgres) -> None:
        with pytest.raises(WrongSetting, match="not up to date"):
            async with database_of(given(cluster.url(APP_ROLE, "postgres"))):
                pass

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://unison_app@/unison?host=/nonexistent",
            "postgresql://unison_app@127.0.0.1:1/unison",
            "postgresql://unison_app@no-such-host.invalid/unison",
        ],
    )
    async def test_says_in_one_sentence_that_nobody_answers(self, url: str) -> None:
        with pytest.raises(WrongSetting, match="The database of UNISON_DATABASE_URL") as refused:
            async with database_of(given(url)):
                pass

        assert "\n" not in str(refused.value)

    @pytest.mark.parametrize(("role", "name"), [("nobody_there", "postgres"), (APP_ROLE, "no_such_database")])
    async def test_says_in_one_sentence_that_nobody_is_let_in(
        self, cluster: EmbeddedPostgres, role: str, name: str
    ) -> None:
        with pytest.raises(WrongSetting, match="The database of UNISON_DATABASE_URL") as refused:
            async with database_of(given(cluster.url(role, name))):
                pass

        assert "\n" not in str(refused.value)


class TestHealth:
    async def test_is_bad_when_nobody_answers(self) -> None:
        absent = Database("postgresql://unison_app@/unison?host=/nonexistent")
        use_database(absent)

        assert not await database_answers()

        await absent.close()

    async def test_is_bad_when_the_answer_takes_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("services.db.health.PATIENCE_S", 0.0)

        assert not await database_answers()

    async def test_counts_the_jobs(self, superuser_connection: Connection) -> None:
        await superuser_connection.execute("DELETE FROM pgmq.q_jobs; DELETE FROM pgmq.a_jobs")
        empty = await job_queue()
        async with without_tenant() as connection:
            await enqueue_for_system(connection, Nothing())

        waiting = await job_queue()

        await superuser_connection.execute("DELETE FROM pgmq.q_jobs")
        assert (empty.waiting, empty.archived, empty.oldest_s) == (0, 0, 0.0)
        assert (waiting.waiting, waiting.oldest_s >= 0) == (1, True)


class TestConnections:
    async def test_are_named_and_limited_in_time(self, app_url: str, superuser_connection: Connection) -> None:
        async with without_tenant():
            names = await superuser_connection.fetch(
                "SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = 'unison_app'"
            )

        assert "unison" in {row["application_name"] for row in names}
