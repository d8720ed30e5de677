"""The process's memory of how organizations look."""

import asyncio

from domain.branding.palettes import ColorRole, Mode
from services.branding.brands import edit_branding
from services.db.engine import Database
from services.db.work import begin
from services.events.hub import Hub
from tests.factories import Floor
from tests.ui.conftest import database_away
from ui.kit.brands import Brands
from ui.theme import look_of


class TestBrands:
    async def test_remember_until_they_hear_of_a_change(self, floor: Floor, other: Floor, hub: Hub) -> None:
        brands = Brands(hub)
        before = await brands.of(floor.scope.org_id)
        theirs = await brands.of(other.scope.org_id)
        assert await brands.of(floor.scope.org_id) is before

        heard = asyncio.Event()
        hub.subscribe(floor.scope.org_id, lambda _: heard.set())
        async with begin(floor.scope) as work:
            await edit_branding(work, version=1, texts={"name": "Changed"})
        await asyncio.wait_for(heard.wait(), 10)

        assert (await brands.of(floor.scope.org_id)).name == "Changed"
        assert await brands.of(other.scope.org_id) is theirs

    async def test_forget_everything_when_events_may_have_been_missed(self, floor: Floor) -> None:
        hub = Hub()
        brands = Brands(hub)
        before = await brands.of(floor.scope.org_id)

        hub.resync()

        assert await brands.of(floor.scope.org_id) is not before

    async def test_give_pages_a_bare_name_while_the_database_is_away(self, floor: Floor, database: Database) -> None:
        async with database_away(database):
            brand = await Brands(Hub()).of_page(floor.scope.org_id, "Test works")

        assert (brand.name, brand.colors) == ("Test works", {})


class TestLook:
    async def test_leaves_dark_pages_alone_where_only_light_was_chosen(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            brand = await edit_branding(work, version=1, colors={"light": {"accent": "#006400"}})

        css = look_of(brand)["css"]

        assert "--u-accent:#006400" in css
        assert "data-theme=dark" not in css
        assert brand.colors == {Mode.LIGHT: {ColorRole.ACCENT: "#006400"}}
