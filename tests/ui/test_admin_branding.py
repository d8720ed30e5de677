"""The branding page: colours with their contrast, what it will look like, pictures, and other admins meanwhile."""

import io

import pytest
from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement
from nicegui.testing import User
from PIL import Image

from domain.branding.brands import AssetKind
from domain.branding.palettes import ColorRole, Mode
from domain.identity.roles import Role
from services.branding.brands import edit_branding, set_brand_asset
from services.branding.queries import Brand, load_brand
from services.db.work import begin, read
from tests.factories import Floor
from tests.ui.conftest import SignIn, sees, until
from ui.kit.process import Process

PAGE = "/admin/branding"


@pytest.fixture
async def admin(sign_in: SignIn, floor: Floor) -> User:
    """The admin in front of the branding page."""
    user = await sign_in(floor, Role.ADMIN)
    await user.open(PAGE)
    return user


async def brand_of(floor: Floor) -> Brand:
    """Return how the floor's organization looks by now."""
    async with read(floor.scope) as work:
        return await load_brand(work)


def fill(user: User, marker: str, value: str) -> None:
    """Type into a field."""
    for element in user.find(marker=marker).elements:
        assert isinstance(element, ValueElement)
        element.set_value(value)


def png() -> bytes:
    """Return a picture."""
    target = io.BytesIO()
    Image.new("RGB", (120, 60), "green").save(target, "PNG")
    return target.getvalue()


class TestColours:
    async def test_that_cannot_be_read_come_with_one_that_can_and_one_tap_takes_it(
        self, admin: User, floor: Floor
    ) -> None:
        fill(admin, "field-light-accent", "#ffd100")
        await admin.should_see("is too weak, 4.5 : 1 is needed")

        admin.find(marker="save").click()
        await admin.should_see("and 4.5 is needed to read it")
        admin.find(marker="take-light-accent").click()
        await admin.should_not_see("is too weak")
        admin.find(marker="save").click()
        await admin.should_see("Saved")

        accent = (await brand_of(floor)).colors[Mode.LIGHT][ColorRole.ACCENT]
        assert accent != "#ffd100"

    async def test_that_are_none_are_said_to_be(self, admin: User) -> None:
        fill(admin, "field-dark-header", "nonsense")

        await admin.should_see("This is no colour such as #1c5fc4.")

    async def test_are_shown_before_they_are_saved(self, admin: User, floor: Floor) -> None:
        fill(admin, "field-light-primary", "#004d40")

        (scene,) = admin.find(marker="preview-light", kind=ui.element).elements
        assert scene.style["--u-primary"] == "#004d40"
        assert (await brand_of(floor)).colors == {}


class TestWords:
    async def test_are_shown_and_saved(self, admin: User, floor: Floor) -> None:
        fill(admin, "field-wall_text", "Hall 2")
        await admin.should_see("Hall 2")

        admin.find(marker="save").click()
        await admin.should_see("Saved")

        assert (await brand_of(floor)).wall_text == "Hall 2"


class TestOtherAdmins:
    async def test_are_followed_as_long_as_nothing_is_typed(self, admin: User, floor: Floor, process: Process) -> None:
        async with begin(floor.scope) as work:
            await edit_branding(work, version=1, texts={"wall_text": "Theirs"})

        await sees(admin, "Theirs")
        await admin.should_not_see("Somebody else has changed the branding meanwhile.")

    async def test_do_not_lose_their_change_nor_what_is_typed_here(
        self, admin: User, floor: Floor, process: Process
    ) -> None:
        fill(admin, "field-wall_text", "Mine")
        async with begin(floor.scope) as work:
            await edit_branding(work, version=1, texts={"wall_text": "Theirs"})
        await sees(admin, "Somebody else has changed the branding meanwhile.")

        admin.find(marker="save").click()
        await admin.should_see("This was changed by someone else in the meantime.")
        assert (await brand_of(floor)).wall_text == "Theirs"
        admin.find(marker="show-saved").click()

        await admin.should_see("Theirs")
        await admin.should_not_see("Somebody else has changed the branding meanwhile.")


class TestPictures:
    async def test_are_shown_and_removed(self, sign_in: SignIn, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await set_brand_asset(work, version=1, kind=AssetKind.LOGO, name="x.png", content=png())
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(PAGE)

        admin.find(marker="remove-logo").click()
        await admin.should_see("Saved")

        assert (await brand_of(floor)).assets == {}

    async def test_that_are_refused_leave_the_page_as_it_is(self, admin: User, floor: Floor) -> None:
        assert admin.client is not None
        (upload,) = admin.find(marker="upload-logo", kind=ui.upload).elements
        files = {"file": ("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "image/svg+xml")}

        await admin.http_client.post(str(upload.props["url"]), files=files)

        await sees(admin, "This SVG holds “<script>”")
        assert (await brand_of(floor)).version == 1

    async def test_of_50_megabytes_are_refused_by_the_server(self, admin: User) -> None:
        (upload,) = admin.find(marker="upload-logo", kind=ui.upload).elements

        answer = await admin.http_client.post(str(upload.props["url"]), files={"file": ("x.png", bytes(50_000_000))})

        assert answer.status_code == 413

    async def test_that_are_taken_stand_there_at_once(self, admin: User, floor: Floor) -> None:
        (upload,) = admin.find(marker="upload-favicon", kind=ui.upload).elements

        await admin.http_client.post(str(upload.props["url"]), files={"file": ("x.png", png(), "image/png")})

        await sees(admin, "Saved")
        await until(lambda: bool(admin.find(marker="remove-favicon").elements))
        assert AssetKind.FAVICON in (await brand_of(floor)).assets
