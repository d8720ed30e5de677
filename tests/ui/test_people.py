"""An admin looks after people, and people after their own accounts, click by click."""

import pyotp
from nicegui import ui
from nicegui.testing import User

from domain.identity.rights import Assignment
from domain.identity.roles import Role
from domain.identity.sign_in_policies import SecondFactorRule, SignInPolicy
from services.audit.notes import NOTES
from services.db.work import begin, read
from services.identity.assignments import assign_roles
from services.identity.invitations import find_invited
from services.identity.password_resets import find_reset, reset_password
from services.identity.people import edit_user
from services.identity.roles import add_role
from services.identity.user_queries import UserFilter, UserInfo, UserState, get_user, list_users
from tests.factories import PASSWORD, Connection, Floor
from tests.services.test_audit import trail
from tests.services.test_second_factors import enrolled
from tests.services.test_sign_in_policies import set_to
from tests.ui.conftest import SignIn, browser, sees, until
from tests.ui.test_admin import error_at, saved, typed
from ui.api.browser_session import ACCESS_COOKIE
from ui.kit.process import Process


async def found(floor: Floor, words: str) -> list[UserInfo]:
    async with read(floor.acting_as(Role.ADMIN)) as work:
        return list((await list_users(work, wanted=UserFilter(words=words))).items)


async def user_of(floor: Floor, role: Role) -> UserInfo:
    async with read(floor.acting_as(Role.ADMIN)) as work:
        return await get_user(work, floor.user_ids[role])


def shown_once(user: User) -> str:
    """Return the secret that a dialog shows."""
    (field,) = user.find(marker="shown-once").elements
    assert isinstance(field, ui.input)
    return str(field.value)


def people_on(user: User) -> list[object]:
    """Return the rows of the table of people."""
    (table,) = user.find(kind=ui.table).elements
    return list(table.rows)


class TestUsersPage:
    async def test_invites_somebody_with_a_link(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/users")
        await sees(admin, "Search users")

        admin.find(marker="invite").click()
        typed(admin, email="ada@test.example", display_name="Ada")
        await saved(admin)
        await sees(admin, "Hand this link over")

        link = shown_once(admin)
        assert (await find_invited(link.partition("token=")[2])).display_name == "Ada"
        assert [one.state for one in await found(floor, "ada@test")] == [UserState.INVITED]

    async def test_notes_once_that_somebody_opened_it(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)

        await admin.open("/admin/users")
        await until(lambda: len(people_on(admin)) > 1)
        (search,) = admin.find(marker="user-search").elements
        assert isinstance(search, ui.input)
        search.set_value("The operator")
        await until(lambda: len(people_on(admin)) == 1)
        await NOTES.written()

        async with read(floor.scope) as work:
            entries = await trail(work, action="read")
        assert [entry.table_name for entry in entries] == ["identity.users"]

    async def test_exports_what_it_shows(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/users?role=operator")
        await sees(admin, "Search users")

        admin.find(marker="export-users").click()

        answer = await admin.download.next()
        assert floor.emails[Role.OPERATOR] in answer.text
        assert floor.emails[Role.VIEWER] not in answer.text


class TestUserPage:
    async def test_deactivates_and_closes_the_screens(self, floor: Floor, sign_in: SignIn) -> None:
        operator = await sign_in(floor, Role.OPERATOR)
        await operator.open("/orders")
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(f"/admin/users/{floor.user_ids[Role.OPERATOR]}")
        await sees(admin, floor.emails[Role.OPERATOR])

        admin.find(marker="deactivate").click()
        await saved(admin)

        await sees(admin, "Reactivate")
        assert (await user_of(floor, Role.OPERATOR)).state is UserState.DEACTIVATED
        await until(lambda: operator.client is None or operator.client.is_deleted)

    async def test_makes_a_link_for_another_password(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(f"/admin/users/{floor.user_ids[Role.OPERATOR]}")
        await sees(admin, "Reset password")

        admin.find(marker="reset-password").click()
        await saved(admin)
        await sees(admin, "Hand this link over")

        word = shown_once(admin).partition("token=")[2]
        assert (await find_reset(word)).email == floor.emails[Role.OPERATOR]

    async def test_edits_the_name(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(f"/admin/users/{floor.user_ids[Role.OPERATOR]}")
        await sees(admin, "Reset password")

        admin.find(marker="edit-user").click()
        typed(admin, display_name="Ada Lovelace")
        await saved(admin)

        await sees(admin, "Ada Lovelace")
        assert (await user_of(floor, Role.OPERATOR)).display_name == "Ada Lovelace"

    async def test_leaves_the_plants_alone_that_its_editor_does_not_see(self, floor: Floor, sign_in: SignIn) -> None:
        async with begin(floor.scope) as work:
            await add_role(work, key="clerk", name="C", grants=["identity.user.read"])
            await add_role(work, key="people", name="P", grants=["identity.user.read", "identity.user.edit"])
            for role, key in ((Role.OPERATOR, "people"), (Role.VIEWER, "clerk")):
                user = await get_user(work, floor.user_ids[role])
                await assign_roles(work, user_id=user.id, version=user.version, assignments=[Assignment(key)])
            viewer = await get_user(work, floor.user_ids[Role.VIEWER])
            await edit_user(work, user_id=viewer.id, version=viewer.version, plant_ids=[floor.plant_id])
        editor = await sign_in(floor, Role.OPERATOR)
        await editor.open(f"/admin/users/{floor.user_ids[Role.VIEWER]}")
        await editor.should_see(marker="edit-user", retries=60)

        editor.find(marker="edit-user").click()
        typed(editor, display_name="Ada Lovelace")
        await saved(editor)

        after = await user_of(floor, Role.VIEWER)
        assert (after.display_name, after.plant_ids) == ("Ada Lovelace", (floor.plant_id,))

    async def test_ends_a_session(self, floor: Floor, sign_in: SignIn) -> None:
        operator = await sign_in(floor, Role.OPERATOR)
        await operator.open("/orders")
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(f"/admin/users/{floor.user_ids[Role.OPERATOR]}")
        await admin.should_see(marker="end-session", retries=60)

        admin.find(marker="end-session").click()

        await sees(admin, "Signed in nowhere.")
        await until(lambda: operator.client is None or operator.client.is_deleted)


class TestOwnAccount:
    async def test_speaks_german_at_once(self, floor: Floor, sign_in: SignIn) -> None:
        operator = await sign_in(floor, Role.OPERATOR)
        await operator.open("/me")
        await sees(operator, "How you read")

        (field,) = operator.find(marker="field-language").elements
        assert isinstance(field, ui.select)
        field.set_value("de")
        operator.find(marker="save-preferences").click()
        client = operator.client

        await until(lambda: client is None or client.is_deleted)
        elsewhere = await sign_in(floor, Role.OPERATOR)
        await elsewhere.open("/me")
        await sees(elsewhere, "Ihr Konto")

    async def test_changes_the_password(self, floor: Floor, sign_in: SignIn) -> None:
        operator = await sign_in(floor, Role.OPERATOR)
        await operator.open("/me")
        operator.find(marker="change-password").click()

        typed(operator, present="wrong", password="another long password")
        operator.find(marker="save").click()
        await until(lambda: error_at(operator, "present") == "This is not your present password.")
        typed(operator, present=PASSWORD)
        await saved(operator)

        await sees(operator, "Your password is changed")


class TestForgottenPassword:
    async def test_is_answered_alike_for_everybody(self, floor: Floor, visitor: User) -> None:
        answers = [
            await visitor.http_client.post("/forgot-password", data={"email": email})
            for email in (floor.emails[Role.OPERATOR], "nobody@test.example")
        ]

        assert len({(answer.status_code, answer.headers["location"]) for answer in answers}) == 1

    async def test_is_said_to_need_an_admin_without_mail(self, visitor: User) -> None:
        await visitor.open("/forgot-password")

        await visitor.should_see("This system sends no mail.")

    async def test_ends_with_another_password(self, floor: Floor, visitor: User) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            link = await reset_password(work, user_id=floor.user_ids[Role.OPERATOR], base_url="http://mes.test")
        word = str(link).partition("token=")[2]
        await visitor.open(f"/reset?token={word}")
        await visitor.should_see(floor.emails[Role.OPERATOR])

        differ = await browser().post("/reset", data={"token": word, "password": "a" * 12, "repeated": "b" * 12})
        done = await browser().post("/reset", data={"token": word, "password": "a" * 12, "repeated": "a" * 12})

        assert "passwords_differ" in differ.headers["location"]
        assert done.headers["location"] == f"/sign-in?org={floor.slug}&changed=1"
        await visitor.open(f"/reset?token={word}")
        await visitor.should_see("This link is over")


class TestSecondFactor:
    async def test_is_set_up_at_the_sign_in_where_it_is_asked_for(self, floor: Floor, process: Process) -> None:
        await set_to(floor, SignInPolicy(second_factor=SecondFactorRule.EVERYBODY))
        someone = User(browser())
        form = {"email": floor.emails[Role.OPERATOR], "password": PASSWORD, "next": "/orders"}

        asked = await someone.http_client.post("/sign-in", data=form)
        await someone.open(asked.headers["location"])
        (label,) = someone.find(marker="totp-secret").elements
        assert isinstance(label, ui.label)
        code = pyotp.TOTP(label.text.replace(" ", "")).now()
        wrong = await someone.http_client.post("/second-factor", data={"code": "nothing", "next": "/orders"})
        done = await someone.http_client.post("/second-factor", data={"code": code, "next": "/orders"})

        assert "problem=wrong_code" in wrong.headers["location"]
        assert done.headers["location"] == "/recovery-codes?next=%2Forders"
        assert ACCESS_COOKIE in someone.http_client.cookies
        await someone.open(done.headers["location"])
        shown = [element.text for element in someone.find(marker="recovery-code").elements]  # type: ignore[attr-defined]
        (on,) = someone.find(marker="kept").elements
        again = await someone.http_client.get(done.headers["location"])
        await someone.open("/me")
        await sees(someone, "Recovery codes left: 10")

        assert len(set(shown)) == 10
        assert on.props["href"] == "/orders"
        assert (again.status_code, again.headers["location"]) == (303, "/orders")

    async def test_shows_no_codes_to_who_set_the_app_up_long_ago(
        self, floor: Floor, sign_in: SignIn, superuser_connection: Connection
    ) -> None:
        operator = await sign_in(floor, Role.OPERATOR)
        await enrolled(floor, Role.OPERATOR)
        async with superuser_connection.transaction():
            await superuser_connection.execute("SET LOCAL session_replication_role = replica")
            await superuser_connection.execute("DELETE FROM recovery_codes WHERE org_id = $1", floor.scope.org_id)
            await superuser_connection.execute(
                "UPDATE second_factors SET confirmed_at = now() - interval '1 hour' WHERE org_id = $1",
                floor.scope.org_id,
            )

        answer = await operator.http_client.get("/recovery-codes?next=//evil.example")

        assert (answer.status_code, answer.headers["location"]) == (303, "/")

    async def test_is_asked_for_again_when_it_took_too_long(self, visitor: User) -> None:
        await visitor.open("/second-factor")

        await visitor.should_see("This took too long. Sign in again.")

    async def test_is_set_up_on_ones_own_account(self, floor: Floor, sign_in: SignIn) -> None:
        operator = await sign_in(floor, Role.OPERATOR)
        await operator.open("/me")
        await operator.should_see(marker="add-factor", retries=60)

        operator.find(marker="add-factor").click()
        await operator.should_see(marker="totp-secret", retries=60)
        (label,) = operator.find(marker="totp-secret").elements
        assert isinstance(label, ui.label)
        typed(operator, code=pyotp.TOTP(label.text.replace(" ", "")).now())
        await saved(operator)

        await sees(operator, "Keep these recovery codes")
        assert len(shown_once(operator).split()) == 10
