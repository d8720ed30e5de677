"""How organizations look: changed by who may, seen by everybody of theirs, and by nobody else."""

import asyncio
import io

import pytest
from PIL import Image

from domain.branding.brands import AssetKind, AssetRefused
from domain.branding.palettes import ColorRole, Mode, UnreadableColor
from domain.checks import InvalidText
from domain.errors import Conflict, Forbidden, NotFound
from domain.events import BrandingChanged
from domain.identity.roles import Role
from domain.scope import Scope
from services.branding.brands import edit_branding, get_branding, remove_brand_asset, set_brand_asset
from services.branding.queries import Brand, load_brand
from services.db.work import Work, begin, read
from services.files.kept_files import open_file
from services.files.purges import PurgeContents, purge_contents
from tests.factories import Floor

GREEN = {"light": {"accent": "#006400"}, "dark": {"accent": "#7fe08f"}}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 2"><rect width="4" height="2" fill="#064"/></svg>'


def png(color: str = "green") -> bytes:
    """Return a picture."""
    target = io.BytesIO()
    Image.new("RGB", (120, 60), color).save(target, "PNG")
    return target.getvalue()


async def brand_of(scope: Scope) -> Brand:
    """Return how an organization looks by now."""
    async with read(scope) as work:
        return await load_brand(work)


class TestEditBranding:
    async def test_changes_what_is_given_and_leaves_the_rest(self, work: Work) -> None:
        await edit_branding(work, version=1, texts={"name": " Acme ", "wall_text": "Hall 2"}, colors=GREEN)

        brand = await edit_branding(work, version=2, texts={"wall_text": ""})

        assert (brand.name, brand.wall_text, brand.version) == ("Acme", "", 3)
        assert brand.colors == {Mode.LIGHT: {ColorRole.ACCENT: "#006400"}, Mode.DARK: {ColorRole.ACCENT: "#7fe08f"}}
        assert work.events == [BrandingChanged(version=2), BrandingChanged(version=3)]

    async def test_calls_an_organization_by_its_name_until_it_chose_another(self, work: Work) -> None:
        assert (await load_brand(work)).name == "Test works"

    async def test_refuses_colours_that_cannot_be_read_and_keeps_the_old_ones(self, work: Work) -> None:
        await edit_branding(work, version=1, colors=GREEN)

        with pytest.raises(UnreadableColor, match="would do"):
            await edit_branding(work, version=2, colors={"light": {"accent": "#ffd100"}})

    async def test_refuses_texts_that_are_too_long(self, work: Work) -> None:
        with pytest.raises(InvalidText):
            await edit_branding(work, version=1, texts={"wall_text": "x" * 81})

    async def test_needs_the_right_to(self, floor: Floor) -> None:
        for role in set(Role) - {Role.ADMIN}:
            async with read(floor.acting_as(role)) as work:
                with pytest.raises(Forbidden):
                    await edit_branding(work, version=1, texts={"name": "Mine"})
                with pytest.raises(Forbidden):
                    await set_brand_asset(work, version=1, kind=AssetKind.LOGO, name="x.png", content=png())
                with pytest.raises(Forbidden):
                    await remove_brand_asset(work, version=1, kind=AssetKind.LOGO)
                with pytest.raises(Forbidden):
                    await get_branding(work)

    async def test_takes_one_of_two_admins_who_save_at_once(self, scope: Scope) -> None:
        async def save(name: str) -> None:
            async with begin(scope) as work:
                await edit_branding(work, version=1, texts={"name": name})

        results = await asyncio.gather(*(save(name) for name in ("One", "Two", "Three")), return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["Conflict", "Conflict", "NoneType"]
        assert (await brand_of(scope)).version == 2

    async def test_changes_nothing_of_another_organization(self, scope: Scope, other: Floor) -> None:
        async with begin(scope) as work:
            await edit_branding(work, version=1, texts={"name": "Ours"}, colors=GREEN)
            await set_brand_asset(work, version=2, kind=AssetKind.LOGO, name="x.png", content=png())

        theirs = await brand_of(other.scope)

        assert (theirs.name, theirs.colors, theirs.assets, theirs.version) == ("Test works", {}, {}, 1)


class TestSetBrandAsset:
    @pytest.mark.parametrize("kind", AssetKind)
    async def test_keeps_the_picture_and_says_where(self, kind: AssetKind, work: Work) -> None:
        brand = await set_brand_asset(work, version=1, kind=kind, name="logo.png", content=png())

        asset = brand.assets[kind]
        content = await open_file(work, asset.file_id)
        assert Image.open(io.BytesIO(content)).size == (120, 60)
        assert set(brand.assets) == {kind}

    async def test_draws_a_vector_logo_for_mails(self, work: Work) -> None:
        brand = await set_brand_asset(work, version=1, kind=AssetKind.LOGO, name="logo.svg", content=SVG)

        assert brand.assets[AssetKind.LOGO].media_type == "image/svg+xml"
        assert brand.mail_logo is not None
        assert brand.mail_logo.media_type == "image/png"

    async def test_forgets_the_picture_before(self, scope: Scope) -> None:
        async with begin(scope) as work:
            first = await set_brand_asset(work, version=1, kind=AssetKind.FAVICON, name="x", content=png("red"))
        async with begin(scope) as work:
            second = await set_brand_asset(work, version=2, kind=AssetKind.FAVICON, name="x", content=png("blue"))
        async with begin(scope) as work:
            await purge_contents(work, PurgeContents())

        async with read(scope) as work:
            assert await open_file(work, second.assets[AssetKind.FAVICON].file_id)
        assert first.assets[AssetKind.FAVICON].file_id != second.assets[AssetKind.FAVICON].file_id

    async def test_keeps_nothing_of_a_picture_that_is_refused(self, scope: Scope) -> None:
        async with begin(scope) as work:
            with pytest.raises(AssetRefused):
                await set_brand_asset(work, version=1, kind=AssetKind.LOGO, name="x.svg", content=SVG[:-9])

        assert (await brand_of(scope)).version == 1

    async def test_takes_one_of_two_pictures_at_once(self, scope: Scope) -> None:
        async def save(color: str) -> None:
            async with begin(scope) as work:
                await set_brand_asset(work, version=1, kind=AssetKind.LOGO, name="x", content=png(color))

        results = await asyncio.gather(save("red"), save("blue"), return_exceptions=True)

        assert sorted(isinstance(result, Conflict) for result in results) == [False, True]


class TestRemoveBrandAsset:
    async def test_takes_the_picture_away_and_that_of_mails_with_it(self, work: Work) -> None:
        await set_brand_asset(work, version=1, kind=AssetKind.LOGO, name="x", content=png())

        brand = await remove_brand_asset(work, version=2, kind=AssetKind.LOGO)

        assert brand.assets == {}
        assert brand.mail_logo is None

    async def test_says_so_when_there_is_none(self, work: Work) -> None:
        with pytest.raises(NotFound):
            await remove_brand_asset(work, version=1, kind=AssetKind.LOGO)
