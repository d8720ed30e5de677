"""What a newcomer does: start it, stop it, start it again, and get a setting wrong."""

import re
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.demo import DEMO_SIGN_INS
from tests.product.installation import Installation, new_directory, processes_below
from tests.product.visitors import V1, listed, live_screen, signed_in_browser, signed_in_program

pytestmark = pytest.mark.xdist_group("newcomer")
SUPERVISOR = "supervisor@demo.example"


@pytest.fixture(scope="module")
def home() -> Iterator[Installation]:
    """An installation in a directory that was empty; the tests start and stop it."""
    place = Installation(new_directory())
    yield place
    place.put_away()
    shutil.rmtree(place.directory, ignore_errors=True)


@pytest.fixture(scope="module")
def first_words(home: Installation) -> str:
    """What the first start printed; the server runs now."""
    return home.start()


@pytest.fixture(scope="module")
def password(first_words: str) -> str:
    """The password of the demo sign-ins, as the newcomer reads it."""
    return printed_password(first_words)


def printed_password(words: str) -> str:
    match = re.search(r"with the password\s+(.+)", words)
    assert match is not None, words
    return match.group(1)


def is_closed_to_others(path: Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


class TestStart:
    def test_prints_where_it_is_and_who_may_sign_in(self, home: Installation, first_words: str) -> None:
        assert home.base_url in first_words
        assert [line.strip() for line in first_words.splitlines() if "@" in line] == list(DEMO_SIGN_INS)

    def test_opens_every_demo_sign_in_with_the_printed_password(self, home: Installation, password: str) -> None:
        with httpx.Client(base_url=home.base_url) as http:
            answers = [
                http.post(f"{V1}/auth/login", json={"email": email, "password": password}) for email in DEMO_SIGN_INS
            ]

        assert [answer.status_code for answer in answers] == [200] * len(DEMO_SIGN_INS)

    def test_keeps_secrets_socket_and_data_to_itself(self, home: Installation, password: str) -> None:
        door = home.running_postgres().socket_dir / ".s.PGSQL.5432"
        closed = (home.pgdata, door, home.data_dir / "secret_key", home.data_dir / "demo_password")

        assert [path.name for path in closed if not is_closed_to_others(path)] == []

    async def test_lets_machines_produce(self, home: Installation, password: str) -> None:
        async with signed_in_browser(home, SUPERVISOR, password) as http, live_screen(http, "/wall/andon/MILL") as wall:
            await wall.hears("unison:patch", lambda patch: "good_today" in str(patch), within_s=30)

    def test_refuses_a_second_server_on_the_same_port(self, home: Installation, password: str) -> None:
        refused = home.run()

        assert refused.returncode not in {0, None}
        assert refused.stderr.strip() == (
            f"The address 127.0.0.1:{home.settings['port']} is in use by another program, perhaps by this one started "
            "before; choose another with UNISON_PORT."
        )
        assert httpx.get(f"{home.base_url}/readyz").status_code == 200


class TestNextStart:
    async def test_keeps_data_and_password(self, home: Installation, password: str) -> None:
        async with signed_in_program(home, SUPERVISOR, password) as http:
            before = await listed(http, "/production-logs/")
        door = home.running_postgres().socket_dir / ".s.PGSQL.5432"

        exit_code = home.stop()
        left_behind = processes_below(home.directory)
        next_words = home.start()

        assert exit_code == 0
        assert left_behind == []
        assert door.parent == home.running_postgres().socket_dir
        assert printed_password(next_words) == password
        async with signed_in_program(home, SUPERVISOR, password) as http:
            after = {entry["id"] for entry in await listed(http, "/production-logs/")}
        assert {entry["id"] for entry in before} - after == set()

    async def test_opens_the_demo_with_the_password_of_the_setting(self, home: Installation, password: str) -> None:
        home.stop()
        home.settings["demo_password"] = "chosen by the admin"
        words = home.start()

        assert printed_password(words) == "chosen by the admin"
        async with signed_in_program(home, SUPERVISOR, "chosen by the admin") as http:
            assert (await http.get(f"{V1}/auth/me")).json()["email"] == SUPERVISOR
        with pytest.raises(httpx.HTTPStatusError):
            async with signed_in_program(home, SUPERVISOR, password):
                pass


class TestOtherCommands:
    async def test_create_admin_founds_an_organization(self, home: Installation, password: str) -> None:
        made = home.run("create-admin", "acme", "ada@acme.example", "--name", "Ada Admin", typed="a long password\n")

        assert (made.returncode, made.stderr) == (0, "")
        async with signed_in_program(home, "ada@acme.example", "a long password") as http:
            me = (await http.get(f"{V1}/auth/me")).json()
        assert (me["display_name"], me["organization"]["name"], me["roles"]) == ("Ada Admin", "acme", ["admin"])

    async def test_create_admin_adds_an_admin_of_the_platform(self, home: Installation, password: str) -> None:
        made = home.run("create-admin", "ignored", "pia@platform.example", "--platform", typed="a long password\n")

        assert made.stdout.strip() == "pia@platform.example can sign in now and make organizations."
        async with signed_in_program(home, "pia@platform.example", "a long password") as http:
            organizations = (await http.get(f"{V1}/organizations/")).json()["items"]
        assert {"demo", "rival", "platform"} <= {one["slug"] for one in organizations}

    def test_create_admin_refuses_a_short_password(self, home: Installation, password: str) -> None:
        refused = home.run("create-admin", "brief", "bo@brief.example", typed="short\n")

        assert refused.returncode == 1
        assert refused.stderr.strip() == "The password must have at least 10 characters."

    def test_worker_runs_alone_until_it_is_told_to_stop(self, home: Installation, password: str) -> None:
        worker = Installation(home.directory, log="worker.log")
        words = worker.start("worker")

        assert "The worker is running." in words
        assert worker.stop() == 0
        assert worker.log == ""


class TestWrongSetting:
    @pytest.mark.parametrize(
        ("settings", "sentence"),
        [
            ({"port": "abc"}, "The setting UNISON_PORT cannot be used: "),
            (
                {"secret_key": "short"},
                "The setting UNISON_SECRET_KEY cannot be used: must have at least 32 characters.",
            ),
            ({"database_url": "postgresql://unison_app@127.0.0.1:1/unison"}, "UNISON_SECRET_KEY must be set to"),
            ({"host": "300.1.1.1"}, "The address 300.1.1.1:"),
        ],
    )
    def test_stops_the_start_with_a_sentence_that_names_it(self, settings: dict[str, str], sentence: str) -> None:
        place = Installation(new_directory())
        refused = place.run(**settings)
        place.put_away()
        shutil.rmtree(place.directory)

        assert refused.returncode == 1
        assert refused.stderr.startswith(sentence)
        assert refused.stderr.count("\n") == 1
        assert refused.stdout == ""

    def test_says_which_database_does_not_answer(self) -> None:
        place = Installation(new_directory(), secret_key="k" * 40)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            refused = place.run(database_url=f"postgresql://unison_app@127.0.0.1:{nobody.getsockname()[1]}/unison")
        shutil.rmtree(place.directory)

        assert refused.returncode == 1
        assert "UNISON_DATABASE_URL" in refused.stderr
        assert refused.stderr.count("\n") == 1
