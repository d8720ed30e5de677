"""Who may open which page, and what everybody else reads there."""

from collections.abc import Iterable
from decimal import Decimal

import pytest
from nicegui import Client
from nicegui.testing import User

from domain.identity.roles import Role
from services.db.engine import STATEMENT_TIMEOUT_MS
from services.db.keys import new_id
from services.db.work import begin, read
from services.identity.roles import add_role
from services.identity.users import add_user
from services.plant.places import list_plants
from services.production.materials import add_material
from services.production.work_orders import plan_order
from tests.api.doors import Door
from tests.factories import Floor
from tests.ui.conftest import SignIn, before_a_browser
from ui.components.plant_clock import PlantClock

EVERYBODY = frozenset(Role)
REPORTERS = frozenset({Role.ADMIN, Role.SUPERVISOR, Role.OPERATOR})
PLANNERS = frozenset({Role.ADMIN, Role.SUPERVISOR})
PAGES: dict[str, frozenset[Role]] = {
    "/": EVERYBODY,
    "/plant": EVERYBODY,
    "/plant/{plant:path}": EVERYBODY,
    "/andon": EVERYBODY,
    "/andon/statistics": EVERYBODY,
    "/admin": PLANNERS,
    "/admin/plants": frozenset({Role.ADMIN}),
    "/admin/machines": frozenset({Role.ADMIN}),
    "/admin/reasons": frozenset({Role.ADMIN}),
    "/admin/shifts": PLANNERS,
    "/admin/crews": PLANNERS,
    "/me": EVERYBODY,
    "/recovery-codes": EVERYBODY,
    "/admin/users": PLANNERS,
    "/admin/users/{user_id}": PLANNERS,
    "/admin/sign-in": PLANNERS,
    "/admin/badges": frozenset({Role.ADMIN}),
    "/admin/api-keys": PLANNERS,
    "/admin/roles": PLANNERS,
    "/admin/users/{user_id}/rights": PLANNERS,
    "/admin/sign-in-providers": PLANNERS,
    "/platform/organizations": frozenset(),
    "/admin/andon": frozenset({Role.ADMIN}),
    "/admin/features": frozenset({Role.ADMIN}),
    "/admin/webhooks": PLANNERS,
    "/admin/health": frozenset({Role.ADMIN}),
    "/admin/jobs": frozenset({Role.ADMIN}),
    "/admin/data": frozenset({Role.ADMIN}),
    "/admin/audit": frozenset({Role.ADMIN}),
    "/admin/branding": frozenset({Role.ADMIN}),
    "/admin/fields": frozenset({Role.ADMIN}),
    "/admin/fields/{entity}": frozenset({Role.ADMIN}),
    "/orders": EVERYBODY,
    "/orders/{number:path}": EVERYBODY,
    "/materials": EVERYBODY,
    "/materials/{key}": EVERYBODY,
    "/shift": EVERYBODY,
    "/shift/{lane:path}": EVERYBODY,
    "/kpis": EVERYBODY,
    "/wall": EVERYBODY,
    "/wall/andon/{lane:path}": EVERYBODY,
    "/terminal": REPORTERS | {Role.TERMINAL},
    "/terminal/{machine:path}": REPORTERS | {Role.TERMINAL},
    "/terminal/lane/{lane:path}": REPORTERS | {Role.TERMINAL},
}
"""Every page of signed-in people, and the roles that may open it."""
BEFORE_SIGN_IN = {"/sign-in", "/invitation", "/forgot-password", "/reset", "/second-factor"}
OF_ONE_THING = tuple(path for path in PAGES if "{" in path and path != "/admin/fields/{entity}")
ERROR_PAGE = "error-page"


async def address(path: str, floor: Floor) -> str:
    """Return the address of a page about the floor's own things, which are made where it needs them."""
    if "{key" in path or "{number" in path:
        await make_things(floor)
    return await written(path, floor)


async def make_things(floor: Floor) -> None:
    """Make the material and the order that pages are about."""
    async with begin(floor.scope) as work:
        material = await add_material(work, number="KS-100", unit="pcs")
        await plan_order(work, plant_id=floor.plant_id, material_id=material.id, quantity=Decimal(10), number="WO-100")


async def written(path: str, floor: Floor) -> str:
    """Return the address of a page about the floor's own things."""
    async with read(floor.scope) as work:
        plant = (await list_plants(work))[0]
    return path.replace(":path}", "}").format(
        plant=plant.code,
        lane=floor.lane_id,
        user_id=floor.user_ids[Role.OPERATOR],
        machine=floor.machine_code,
        key="KS-100",
        number="WO-100",
        entity="material",
    )


async def opened_by(user: User, paths: Iterable[str], floor: Floor) -> list[str]:
    """Return the pages about a floor, of these, that open for somebody."""
    await make_things(floor)
    opened = []
    for path in paths:
        await user.open(await written(path, floor))
        assert user.client is not None
        if not any(ERROR_PAGE in element._markers for element in user.client.elements.values()):
            opened.append(path)
    return opened


class TestPages:
    def test_are_all_listed_here(self, visitor: User) -> None:
        registered = {path for path in Client.page_routes.values() if path not in BEFORE_SIGN_IN}

        assert registered == set(PAGES)

    async def test_may_take_longer_than_a_statement(self, supervisor: User) -> None:
        await supervisor.open("/andon")

        assert supervisor.client is not None
        assert supervisor.client.page.response_timeout * 1000 > STATEMENT_TIMEOUT_MS

    @pytest.mark.parametrize("path", PAGES)
    @pytest.mark.parametrize("role", Role)
    async def test_open_for_the_roles_that_may(self, path: str, role: Role, floor: Floor, sign_in: SignIn) -> None:
        user = await sign_in(floor, role)

        await user.open(await address(path, floor))

        if role in PAGES[path]:
            await user.should_not_see(marker=ERROR_PAGE)
        else:
            await user.should_see(marker=ERROR_PAGE)
            await user.should_see("You may not do this. It needs the right")

    @pytest.mark.parametrize("path", PAGES)
    async def test_lead_to_the_sign_in_and_back(self, path: str, floor: Floor, visitor: User) -> None:
        target = await address(path, floor)

        answer = await visitor.http_client.get(target)

        assert answer.status_code == 303
        assert answer.headers["location"] == f"/sign-in?next={target}"

    @pytest.mark.parametrize("path", OF_ONE_THING)
    async def test_tell_another_organization_that_there_is_nothing(
        self, path: str, floor: Floor, other: Floor, sign_in: SignIn
    ) -> None:
        stranger = await sign_in(other, Role.ADMIN)

        await stranger.open(await address(path, floor))

        await stranger.should_see(marker=ERROR_PAGE)
        await stranger.should_see("with this id.")

    async def test_are_closed_to_a_role_that_grants_nothing(
        self, floor: Floor, door: Door, visitor: User, password_hash: str
    ) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await add_role(work, key="nothing", name="Nothing")
            nobody = await add_user(
                work, email=f"{new_id().hex}@test.example", display_name="Nobody", roles={"nothing"},
                password_hash=password_hash,
            )  # fmt: skip
        user = before_a_browser(await door.tokens_of(floor.scope.org_id, nobody.id))

        assert await opened_by(user, PAGES, floor) == ["/me"]

    async def test_about_an_organization_are_closed_to_the_platform(self, floor: Floor, pat: User) -> None:
        assert await opened_by(pat, OF_ONE_THING, floor) == []

    @pytest.mark.parametrize(
        "path",
        [
            "/wall/andon/nowhere",
            "/wall/andon/01a20482-0000-7000-8000-000000000000",
            "/terminal/nowhere",
            "/plant/%00",
            "/wall/andon/%F0%9F%A6%84",
        ],
    )
    async def test_say_so_when_there_is_no_such_thing(self, path: str, supervisor: User) -> None:
        await supervisor.open(path)

        await supervisor.should_see(marker=ERROR_PAGE)
        await supervisor.should_see("with this id.")
        await supervisor.should_see("Start page")

    @pytest.mark.parametrize(("language", "sentence"), [("en", "no page at this address"), ("de", "keine Seite")])
    async def test_say_so_when_there_is_nothing_at_an_address(
        self, language: str, sentence: str, visitor: User
    ) -> None:
        answer = await visitor.http_client.get("/nowhere", headers={"accept-language": language})

        assert answer.status_code == 404
        assert sentence in answer.text
        assert f'lang="{language}' in answer.text

    async def test_are_for_browsers_only_where_nothing_is(self, visitor: User) -> None:
        answer = await visitor.http_client.get("/nowhere.png", headers={"accept": "image/png"})

        assert (answer.status_code, answer.text) == (404, "Not Found")


class TestStartPage:
    @pytest.mark.parametrize(
        ("role", "target"), [(Role.OPERATOR, "/terminal"), (Role.SUPERVISOR, "/plant"), (Role.VIEWER, "/plant")]
    )
    async def test_leads_to_where_the_work_is(self, role: Role, target: str, floor: Floor, sign_in: SignIn) -> None:
        user = await sign_in(floor, role)

        answer = await user.http_client.get("/")

        assert answer.headers["location"] == target


class TestFrame:
    async def test_shows_only_the_areas_of_the_role(self, floor: Floor, sign_in: SignIn) -> None:
        viewer = await sign_in(floor, Role.VIEWER)

        await viewer.open("/plant")

        await viewer.should_see("Walls")
        await viewer.should_not_see("Terminals")

    @pytest.mark.parametrize("path", ["/wall", "/terminal"])
    async def test_shows_the_time_of_the_plant_on_lists(self, path: str, supervisor: User) -> None:
        await supervisor.open(path)

        clocks = [element.props["zone"] for element in supervisor.find(kind=PlantClock).elements]
        assert clocks == ["Europe/Berlin"]
