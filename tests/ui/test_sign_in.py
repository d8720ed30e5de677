"""Signing in: what people type, mistype and paste, and where they come out."""

import pytest
from nicegui.testing import User

from domain.identity.roles import Role
from tests.factories import PASSWORD, Floor
from tests.ui.conftest import SignIn, browser
from ui.kit.process import Process

WRONG = "E-mail address or password are wrong."


async def submit(user: User, *, email: str, password: str, target: str = "/") -> str:
    """Send the form and return where it leads."""
    answer = await user.http_client.post("/sign-in", data={"email": email, "password": password, "next": target})
    assert answer.status_code == 303
    return str(answer.headers["location"])


class TestSignIn:
    async def test_leads_to_where_the_person_wanted_to_go(self, visitor: User, floor: Floor) -> None:
        target = await submit(visitor, email=floor.emails[Role.OPERATOR], password=PASSWORD, target="/terminal")

        assert target == "/terminal"
        await visitor.open(target)
        await visitor.should_see("The operator")

    async def test_takes_the_address_as_people_type_it(self, visitor: User, floor: Floor) -> None:
        target = await submit(visitor, email=f"  {floor.emails[Role.OPERATOR].upper()} ", password=PASSWORD)

        assert target == "/"

    @pytest.mark.parametrize(
        ("email", "password"),
        [
            ("nobody@test.example", PASSWORD),
            ("", ""),
            ("\x00@\x1b[31m", "\x00"),
            ("' OR 1=1 --@x", "x"),
            ("a" * 5000 + "@test.example", PASSWORD),
            ("ünïcode@test.example", "🔑" * 500),
        ],
        ids=["unknown", "empty", "control_characters", "sql", "long", "unicode"],
    )
    async def test_refuses_with_a_sentence(self, visitor: User, email: str, password: str) -> None:
        target = await submit(visitor, email=email, password=password, target="/terminal")
        await visitor.open(target)

        await visitor.should_see(WRONG)
        assert "next=%2Fterminal" in target

    async def test_does_not_say_which_of_the_two_was_wrong(self, visitor: User, floor: Floor) -> None:
        known = await submit(visitor, email=floor.emails[Role.ADMIN], password="wrong")
        unknown = await submit(visitor, email="nobody-at-all@test.example", password="wrong")

        assert known == unknown

    @pytest.mark.parametrize("problem", ["nonsense", "<script>alert(1)</script>", "\x00", "wrong_password" * 500])
    async def test_says_only_sentences_of_ours(self, visitor: User, problem: str) -> None:
        answer = await visitor.http_client.get("/sign-in", params={"problem": problem})

        assert answer.status_code == 200
        assert "Something went wrong." in answer.text
        assert "<script>alert(1)" not in answer.text

    async def test_keeps_what_follows_harmless(self, visitor: User) -> None:
        answer = await visitor.http_client.get("/sign-in", params={"next": '"><script>alert(1)</script>'})

        assert "<script>alert(1)" not in answer.text

    @pytest.mark.parametrize(
        ("accepted", "word", "language"),
        [("de-CH, en;q=0.5", "Anmelden", "de"), ("en-GB", "Sign in", "en-US"), ("fr", "Sign in", "en-US")],
    )
    async def test_speaks_the_browsers_language(
        self, accepted: str, word: str, language: str, process: Process
    ) -> None:
        user = User(browser(**{"accept-language": accepted}))

        await user.open("/sign-in")

        await user.should_see(word)
        assert user.client is not None
        assert user.client.page.resolve_language() == language


class TestSignOut:
    async def test_leads_to_the_sign_in_and_ends_the_session(self, floor: Floor, sign_in: SignIn) -> None:
        user = await sign_in(floor, Role.OPERATOR)
        await user.open("/terminal")

        answer = await user.http_client.post("/sign-out")

        assert answer.headers["location"] == "/sign-in"
        assert (await user.http_client.get("/terminal")).status_code == 303
