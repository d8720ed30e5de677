"""The page on which an invited person chooses a password."""

from nicegui import ui
from nicegui.testing import User

from domain.identity.roles import Role
from services.db.work import begin, read
from services.identity.invitations import invite_user
from services.identity.user_queries import get_user
from tests.factories import Floor


async def link_of(floor: Floor) -> str:
    """Commit an invitation of the operator and return its address here."""
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        link = await invite_user(work, user_id=floor.user_ids[Role.OPERATOR], base_url="")
    assert link is not None
    return link


class TestInvitation:
    async def test_lets_the_person_choose_a_password_and_in(self, visitor: User, floor: Floor) -> None:
        link = await link_of(floor)
        await visitor.open(link)
        await visitor.should_see("Welcome, The operator")
        await visitor.should_see("Test works")
        (name,) = visitor.find("Your name").elements
        assert isinstance(name, ui.input)
        assert name.value == "The operator"
        form = {
            "token": link.partition("token=")[2], "password": "a long password", "repeated": "a long password",
            "display_name": "Olga",
        }  # fmt: skip

        wrong = await visitor.http_client.post("/invitation", data={**form, "repeated": "another"})
        await visitor.open(wrong.headers["location"])
        await visitor.should_see("The two passwords are not the same.")
        short = await visitor.http_client.post("/invitation", data={**form, "password": "x", "repeated": "x"})
        await visitor.open(short.headers["location"])
        await visitor.should_see("A password has at least 10 characters.")
        nameless = await visitor.http_client.post("/invitation", data={**form, "display_name": " "})
        await visitor.open(nameless.headers["location"])
        await visitor.should_see("Enter your name, in 1 to 200 readable characters.")
        answer = await visitor.http_client.post("/invitation", data={**form, "display_name": "Olga O. Perator"})

        async with read(floor.acting_as(Role.ADMIN)) as work:
            assert (await get_user(work, floor.user_ids[Role.OPERATOR])).display_name == "Olga O. Perator"
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await visitor.http_client.get("/")).headers["location"] == "/terminal"
        await visitor.open(link)
        await visitor.should_see("This invitation is over or was used already.")

    async def test_says_the_same_of_every_link_that_opens_nothing(self, visitor: User) -> None:
        for address in ("/invitation", "/invitation?token=x", "/invitation?token=%00", "/invitation?token=x&problem=y"):
            await visitor.open(address)

            await visitor.should_see("This invitation is over or was used already.")

    async def test_takes_no_password_from_another_site(self, visitor: User, floor: Floor) -> None:
        token = (await link_of(floor)).partition("token=")[2]
        form = {"token": token, "password": "a long password", "repeated": "a long password"}

        answer = await visitor.http_client.post("/invitation", data=form, headers={"origin": "https://evil.example"})

        assert "problem=foreign_site" in answer.headers["location"]
