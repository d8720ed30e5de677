"""On a Postgres that the user brings: migrate as the owner, serve as the runtime role."""

import shutil
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.db.embedded import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from tests.product.installation import Installation, new_directory
from tests.product.visitors import V1, signed_in_program

pytestmark = pytest.mark.xdist_group("newcomer")
DATABASE = "given"
TYPED = "a long password"


@pytest.fixture(scope="module")
async def given(cluster: EmbeddedPostgres, database_name: str) -> AsyncIterator[Installation]:
    """An installation on an empty database of a server that it did not start."""
    superuser = await asyncpg.connect(cluster.url("postgres", "postgres"))
    await superuser.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
    await superuser.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}")
    place = Installation(
        new_directory(),
        database_url=f"{cluster.url(APP_ROLE, DATABASE)}&sslmode=prefer",
        database_owner_url=f"{cluster.url(OWNER_ROLE, DATABASE)}&sslmode=prefer",
        secret_key="k" * 40,
    )
    yield place
    place.put_away()
    shutil.rmtree(place.directory, ignore_errors=True)
    await superuser.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
    await superuser.close()


class TestGivenServer:
    async def test_is_migrated_first_and_served_afterwards(self, given: Installation) -> None:
        too_early = given.run()
        migrated = given.run("migrate")
        again = given.run("migrate")
        founded = given.run("create-admin", "acme", "ada@acme.example", typed=f"{TYPED}\n")
        words = given.start()

        assert (too_early.returncode, too_early.stderr.strip()) == (
            1,
            "The database of UNISON_DATABASE_URL is not up to date: run “main.py migrate” with "
            "UNISON_DATABASE_OWNER_URL set.",
        )
        assert migrated.stdout.startswith("Applied: 0001, ")
        assert again.stdout == "The database is up to date.\n"
        assert (founded.returncode, founded.stderr) == (0, "")
        assert "@demo.example" not in words
        async with signed_in_program(given, "ada@acme.example", TYPED) as http:
            assert (await http.get(f"{V1}/auth/me")).json()["organization"]["name"] == "acme"
        assert given.stop() == 0
        assert sorted(path.name for path in given.directory.iterdir()) == ["server.log"]

    @pytest.mark.parametrize("role", ["postgres", OWNER_ROLE])
    def test_is_not_served_as_a_role_that_row_security_does_not_hold(
        self, given: Installation, cluster: EmbeddedPostgres, role: str
    ) -> None:
        refused = given.run(database_url=cluster.url(role, DATABASE))

        assert refused.returncode == 1
        assert refused.stderr.startswith(f"The setting UNISON_DATABASE_URL signs in as “{role}”, which ")
        assert refused.stderr.count("\n") == 1

    @pytest.mark.parametrize(("role", "database"), [("nobody", DATABASE), (APP_ROLE, "nowhere")])
    def test_says_which_setting_lets_nobody_in(
        self, given: Installation, cluster: EmbeddedPostgres, role: str, database: str
    ) -> None:
        refused = given.run(database_url=cluster.url(role, database))

        assert refused.returncode == 1
        assert refused.stderr.startswith("The database of UNISON_DATABASE_URL lets nobody in: ")
        assert refused.stderr.count("\n") == 1

    def test_needs_the_owner_to_migrate(self, given: Installation) -> None:
        settings = {name: value for name, value in given.settings.items() if name != "database_owner_url"}
        without_owner = Installation(given.directory, **settings)

        refused = without_owner.run("migrate")

        assert refused.returncode == 1
        assert "UNISON_DATABASE_OWNER_URL" in refused.stderr
        assert refused.stderr.count("\n") == 1
