"""Files as browsers get them, and who does not."""

import io

import httpx
import pytest
from PIL import Image

from domain.branding.brands import AssetKind
from domain.files.purposes import FilePurpose
from domain.identity.roles import Role
from services.branding.brands import set_brand_asset
from services.branding.queries import Brand
from services.db.keys import new_id
from services.db.work import begin
from services.files.kept_files import StoredFile, keep_file
from tests.api.doors import Door, refused
from tests.factories import Floor
from ui.api.browser_session import ACCESS_COOKIE


def png(color: str = "green") -> bytes:
    """Return a picture."""
    target = io.BytesIO()
    Image.new("RGB", (120, 60), color).save(target, "PNG")
    return target.getvalue()


async def browser(door: Door, floor: Floor, role: Role = Role.VIEWER) -> httpx.AsyncClient:
    """Return the browser of a signed-in person."""
    client = door.client()
    client.cookies.set(ACCESS_COOKIE, (await door.tokens(floor, role)).access)
    return client


async def kept(floor: Floor, *, name: str, media_type: str, purpose: FilePurpose) -> StoredFile:
    """Return a file of the floor's organization, committed."""
    async with begin(floor.acting_as(Role.VIEWER)) as work:
        return await keep_file(work, purpose=purpose, name=name, media_type=media_type, content=b"<script>x</script>")


async def logo_of(floor: Floor) -> Brand:
    """Return the brand of an organization that has a logo."""
    async with begin(floor.scope) as work:
        return await set_brand_asset(work, version=1, kind=AssetKind.LOGO, name="x.png", content=png())


class TestGetFile:
    async def test_streams_a_file_that_runs_nothing_wherever_it_is_opened(self, door: Door, floor: Floor) -> None:
        file = await kept(floor, name="Prüf “a”.html", media_type="text/html", purpose=FilePurpose.CUSTOM_FIELD)
        client = await browser(door, floor)

        answer = await client.get(f"/files/{file.id}")

        assert answer.status_code == 200
        assert answer.content == b"<script>x</script>"
        assert answer.headers["content-disposition"].startswith('attachment; filename="Pr_f__a_.html"; filename*=UTF-8')
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"

    async def test_is_asked_once_and_kept_by_the_browser(self, door: Door, floor: Floor) -> None:
        file = await kept(floor, name="a.txt", media_type="text/plain", purpose=FilePurpose.CUSTOM_FIELD)
        client = await browser(door, floor)
        first = await client.get(f"/files/{file.id}")

        again = await client.get(f"/files/{file.id}", headers={"If-None-Match": first.headers["etag"]})

        assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert (again.status_code, again.content) == (304, b"")

    async def test_shows_nothing_to_strangers(self, door: Door, floor: Floor, other: Floor) -> None:
        file = await kept(floor, name="a.txt", media_type="text/plain", purpose=FilePurpose.CUSTOM_FIELD)

        assert refused(await door.client().get(f"/files/{file.id}"), 401, "not_signed_in")
        foreign = await browser(door, other, Role.ADMIN)
        assert refused(await foreign.get(f"/files/{file.id}"), 404, "not_found")
        assert refused(await foreign.get(f"/files/{new_id()}"), 404, "not_found")

    async def test_asks_for_the_right_of_its_purpose(self, door: Door, floor: Floor) -> None:
        file = await kept(floor, name="all.zip", media_type="application/zip", purpose=FilePurpose.EXPORT)

        assert refused(await (await browser(door, floor)).get(f"/files/{file.id}"), 403, "forbidden")
        assert (await (await browser(door, floor, Role.ADMIN)).get(f"/files/{file.id}")).status_code == 200


class TestGetBrandAsset:
    async def test_is_open_to_everybody_and_kept_for_good(self, door: Door, floor: Floor) -> None:
        brand = await logo_of(floor)
        address = f"/brand/{floor.slug}/{brand.assets[AssetKind.LOGO].sha256}"

        answer = await door.client().get(address)

        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert Image.open(io.BytesIO(answer.content)).size == (120, 60)
        again = await door.client().get(address, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304

    async def test_belongs_to_one_organization(self, door: Door, floor: Floor, other: Floor) -> None:
        brand = await logo_of(floor)
        digest = brand.assets[AssetKind.LOGO].sha256

        assert refused(await door.client().get(f"/brand/{other.slug}/{digest}"), 404, "not_found")
        assert refused(await door.client().get(f"/brand/nobody-is-called-so/{digest}"), 404, "not_found")
        assert refused(await door.client().get(f"/brand/{floor.slug}/{'0' * 64}"), 404, "not_found")

    async def test_is_a_picture_of_the_brand_and_no_other_file(self, door: Door, floor: Floor) -> None:
        file = await kept(floor, name="a.txt", media_type="text/plain", purpose=FilePurpose.CUSTOM_FIELD)

        assert refused(await door.client().get(f"/brand/{floor.slug}/{file.sha256}"), 404, "not_found")

    @pytest.mark.parametrize("slug", ["%00", "..%2f..", "x" * 300, "'; DROP TABLE files; --"])
    async def test_finds_nothing_at_addresses_that_are_none(self, slug: str, door: Door) -> None:
        answer = await door.client().get(f"/brand/{slug}/{'0' * 64}")

        assert answer.status_code == 404
