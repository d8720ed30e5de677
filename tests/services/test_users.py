"""Organizations and the people in them."""

import asyncio

import pytest
from sqlalchemy import select

from domain.checks import InvalidText
from domain.errors import Forbidden, NotFound
from domain.events import UserChanged
from domain.identity.accounts import InvalidEmail, InvalidPassword, InvalidSlug
from domain.identity.roles import Role
from domain.scope import Scope
from services.db.keys import new_id
from services.db.tables import Organization, UserRole
from services.db.work import Work, begin, read
from services.identity.users import EmailTaken, SlugTaken, add_user, found_organization
from tests.factories import Floor, Make, found


async def add(work: Work, **changes: object) -> object:
    wish = {"email": "new@test.example", "display_name": "New", "roles": frozenset({Role.VIEWER})} | changes
    return await add_user(work, **wish)  # type: ignore[arg-type]


@pytest.mark.usefixtures("database")
class TestFoundOrganization:
    async def test_makes_the_organization_of_the_scope(self) -> None:
        scope = await found(slug=f"acme-{new_id().hex[-8:]}")

        async with read(scope) as work:
            assert [row.id for row in (await work.session.execute(select(Organization))).scalars()] == [scope.org_id]

    async def test_does_nothing_when_it_exists(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await found_organization(work, slug=floor.slug, name="Another name")

        async with read(floor.scope) as work:
            assert (await work.session.execute(select(Organization.name))).scalar_one() == "Test works"

    async def test_refuses_a_slug_of_another_organization(self, floor: Floor) -> None:
        with pytest.raises(SlugTaken, match=floor.slug):
            await found(slug=floor.slug)

    @pytest.mark.parametrize("slug", ["", "a", "Acme", "a b", "-acme", "ä-werk", "x" * 41, "a\x00b", "../x"])
    async def test_refuses_a_slug_that_cannot_stand_in_an_address(self, slug: str) -> None:
        with pytest.raises(InvalidSlug):
            async with begin(Scope(new_id())) as work:
                await found_organization(work, slug=slug, name="Acme")


class TestAddUser:
    async def test_adds_a_user_with_roles_and_says_so(self, work: Work) -> None:
        user = await add_user(
            work, email=" Ada@Test.Example ", display_name="Ada", roles=frozenset({Role.ADMIN, Role.OPERATOR})
        )

        roles = (await work.session.execute(select(UserRole.role).where(UserRole.user_id == user.id))).scalars().all()
        assert (user.email, user.password_hash, sorted(roles)) == ("ada@test.example", None, ["admin", "operator"])
        assert work.events == [UserChanged(user_id=user.id)]

    async def test_hashes_the_password(self, work: Work) -> None:
        user = await add_user(
            work, email="a@test.example", display_name="A", roles=frozenset(), password="a long enough one"
        )

        assert (user.password_hash or "").startswith("$argon2id$")

    async def test_refuses_an_address_that_is_in_use_and_goes_on(self, work: Work) -> None:
        await add(work)

        with pytest.raises(EmailTaken, match="address new@"):
            await add(work, email="NEW@test.example")

        await add(work, email="another@test.example")

    @pytest.mark.parametrize("email", ["ada", "@test.example", "ada@", "a b@test.example", "a@b@c.example"])
    async def test_refuses_what_is_no_address(self, work: Work, email: str) -> None:
        with pytest.raises(InvalidEmail):
            await add(work, email=email)

    @pytest.mark.parametrize("email", ["", "a\x00@test.example", "x" * 320 + "@test.example"])
    async def test_refuses_an_address_that_cannot_be_kept(self, work: Work, email: str) -> None:
        with pytest.raises(InvalidText):
            await add(work, email=email)

    @pytest.mark.parametrize("password", ["", "\ud800\ud800\ud800", "x" * 1025])
    async def test_refuses_a_password_that_could_never_be_typed(self, work: Work, password: str) -> None:
        with pytest.raises(InvalidPassword):
            await add(work, password=password)

    async def test_refuses_plants_that_do_not_exist_here(self, work: Work, other: Floor) -> None:
        with pytest.raises(NotFound, match="plant"):
            await add(work, plant_ids=[other.plant_id])

    async def test_limits_a_user_to_plants(self, work: Work, make: Make) -> None:
        plant = await make.plant(work)

        user = await make.user(work, plant_ids=[plant.id])

        assert user.plant_ids == [plant.id]

    async def test_lets_another_organization_have_the_same_address(self, work: Work, other: Floor) -> None:
        await add(work, email=other.emails[Role.ADMIN])

    async def test_lets_one_of_two_at_once_have_the_address(self, floor: Floor) -> None:
        async def adding() -> None:
            async with begin(floor.scope) as work:
                await add(work)
                await asyncio.sleep(0.02)

        results = await asyncio.gather(adding(), adding(), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["EmailTaken", "NoneType"]

    async def test_needs_the_permission_to_edit_users(self, floor: Floor) -> None:
        for role in (Role.SUPERVISOR, Role.OPERATOR, Role.VIEWER):
            async with begin(floor.acting_as(role)) as work:
                with pytest.raises(Forbidden):
                    await add(work)
