"""A new look reaches the open screens of its organization through the real queue, and no other screen."""

import pytest

from tests.product.installation import Installation
from tests.product.visitors import V1, live_screen, signed_in_browser, signed_in_program

pytestmark = pytest.mark.xdist_group("product")
ADMIN, RIVAL = "admin@demo.example", "admin@rival.example"
WALL = "/wall/andon/MILL"


class TestBranding:
    async def test_changes_open_walls_and_pages_of_its_organization_only(self, product: Installation) -> None:
        async with (
            signed_in_program(product, ADMIN) as program,
            signed_in_browser(product, ADMIN) as ours,
            signed_in_browser(product, RIVAL) as theirs,
            live_screen(ours, WALL) as our_wall,
            live_screen(ours, "/plant") as our_plant,
            live_screen(theirs, WALL) as their_wall,
        ):
            await our_wall.hears("unison:patch")
            await their_wall.hears_of_its_board()
            version = (await program.get(f"{V1}/branding/")).json()["version"]
            body = {"version": version, "colors": {"dark": {"header": "#123456", "on_header": "#ffffff"}}}
            changed = await program.patch(f"{V1}/branding/", json={**body, "wall_text": "Hall 7"})
            assert changed.status_code == 200, changed.text

            heard = [await screen.hears("unison:brand") for screen in (our_wall, our_plant)]
            await their_wall.hears_of_its_board()

            for look in heard:
                assert "--u-header:#123456" in look["css"]
                assert (look["wall_text"], look["version"]) == ("Hall 7", version + 1)
            assert "unison:brand" not in {name for name, _ in their_wall.heard()}

    async def test_is_worn_by_pages_from_their_first_paint(self, product: Installation) -> None:
        async with signed_in_program(product, ADMIN) as program, signed_in_browser(product, RIVAL) as theirs:
            version = (await program.get(f"{V1}/branding/")).json()["version"]
            body = {"version": version, "name": "Nord & <b>", "sign_in_text": "Welcome to Nord"}
            await program.patch(f"{V1}/branding/", json=body)

            own = await theirs.get("/sign-in?org=demo")
            foreign = await theirs.get("/sign-in?org=rival")
            nobodys = await theirs.get("/sign-in?org=nobody-at-all")

        assert "Welcome to Nord" in own.text
        assert "Nord & <b>" not in own.text
        for page in (foreign, nobodys):
            assert page.status_code == 200
            assert "Nord" not in page.text
