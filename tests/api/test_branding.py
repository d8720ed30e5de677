"""The look of an organization over the API: changed by who may, refused with a sentence otherwise."""

import io
from collections.abc import AsyncIterator

import httpx
import pytest
from PIL import Image

from domain.identity.roles import Role
from services.db.keys import new_id
from tests.api.doors import V1, Door, refused
from tests.factories import Floor

HERE = f"{V1}/branding/"
LOGO = f"{V1}/branding/assets/logo"
TEXT = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n'
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 2">{}</svg>'


def png(color: str = "green") -> bytes:
    """Return a picture."""
    target = io.BytesIO()
    Image.new("RGB", (120, 60), color).save(target, "PNG")
    return target.getvalue()


async def put(client: httpx.AsyncClient, content: bytes, *, version: object = 1, where: str = LOGO) -> httpx.Response:
    """Upload a picture."""
    return await client.put(where, files={"file": ("logo.png", content, "image/png")}, data={"version": str(version)})


class TestBranding:
    async def test_is_ours_until_somebody_chooses(self, admin: httpx.AsyncClient) -> None:
        content = (await admin.get(HERE)).json()

        assert (content["name"], content["colors"], content["pictures"], content["version"]) == ("", {}, [], 1)

    async def test_changes_what_is_given(self, admin: httpx.AsyncClient) -> None:
        await admin.patch(HERE, json={"version": 1, "name": "Acme", "colors": {"light": {"accent": "#006400"}}})

        changed = await admin.patch(HERE, json={"version": 2, "wall_text": "Hall 2"})

        content = changed.json()
        assert (content["name"], content["wall_text"], content["version"]) == ("Acme", "Hall 2", 3)
        assert content["colors"] == {"light": {"accent": "#006400"}}

    async def test_refuses_colours_that_cannot_be_read_with_one_that_can(self, admin: httpx.AsyncClient) -> None:
        answer = await admin.patch(HERE, json={"version": 1, "colors": {"light": {"accent": "#ffd100"}}})

        assert refused(answer, 422, "unreadable_color")
        assert answer.json()["fields"]["proposal"] in answer.json()["detail"]

    @pytest.mark.parametrize(
        "body",
        [
            {"version": 1, "colors": {"light": {"accent": "red"}}},
            {"version": 1, "colors": {"night": {"accent": "#000000"}}},
            {"version": 1, "colors": {"light": {"state": "#000000"}}},
            {"version": 1, "name": "x" * 81},
            {"version": 1, "name": "a\u0000b"},
            {"version": 0},
            {"version": 1, "logo": "x"},
        ],
    )
    async def test_refuses_what_cannot_be_kept(self, body: dict[str, object], admin: httpx.AsyncClient) -> None:
        assert (await admin.patch(HERE, json=body)).status_code == 422

    async def test_refuses_an_old_version(self, admin: httpx.AsyncClient) -> None:
        await admin.patch(HERE, json={"version": 1, "name": "One"})

        assert refused(await admin.patch(HERE, json={"version": 1, "name": "Two"}), 409, "conflict")

    async def test_belongs_to_who_may_edit_it(self, door: Door, floor: Floor) -> None:
        supervisor = await door.caller(floor, Role.SUPERVISOR)

        assert refused(await supervisor.get(HERE), 403, "forbidden")
        assert refused(await supervisor.patch(HERE, json={"version": 1}), 403, "forbidden")
        assert refused(await put(supervisor, png()), 403, "forbidden")

    async def test_of_one_organization_is_not_that_of_another(
        self, admin: httpx.AsyncClient, stranger: httpx.AsyncClient
    ) -> None:
        mine = (await put(admin, png())).json()

        assert (await stranger.get(HERE)).json()["pictures"] == []
        assert refused(await stranger.get(f"{V1}/files/{mine['pictures'][0]['file_id']}"), 404, "not_found")
        assert refused(await stranger.get(f"{V1}/files/{mine['pictures'][0]['file_id']}/content"), 404, "not_found")


class TestPictures:
    async def test_are_kept_and_served(self, admin: httpx.AsyncClient, door: Door) -> None:
        answer = await put(admin, png())

        (picture,) = answer.json()["pictures"]
        assert picture["kind"] == "logo"
        served = await door.client().get(picture["url"])
        assert Image.open(io.BytesIO(served.content)).size == (120, 60)

    async def test_are_removed(self, admin: httpx.AsyncClient) -> None:
        await put(admin, png())

        answer = await admin.post(f"{LOGO}/remove", json={"version": 2})

        assert answer.json()["pictures"] == []
        assert refused(await admin.post(f"{LOGO}/remove", json={"version": 3}), 404, "not_found")

    async def test_are_answered_again_under_their_key(self, admin: httpx.AsyncClient) -> None:
        key = {"Idempotency-Key": new_id().hex}
        request = admin.build_request("PUT", LOGO, files={"file": ("a.png", png())}, data={"version": "1"}, headers=key)
        body, headers = request.read(), dict(request.headers)

        first = await admin.put(LOGO, content=body, headers=headers)
        again = await admin.put(LOGO, content=body, headers=headers)

        assert first.json() == again.json()
        assert again.headers["idempotency-replayed"] == "true"

    async def test_with_a_script_are_refused_with_a_sentence(self, admin: httpx.AsyncClient) -> None:
        answer = await put(admin, SVG.format("<script>alert(1)</script>").encode())

        assert refused(answer, 422, "svg_refused")
        assert "“<script>”" in answer.json()["detail"]

    async def test_of_50_megabytes_are_refused_before_they_are_read(self, admin: httpx.AsyncClient) -> None:
        taken = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal taken
            for _ in range(50):
                taken += 1_000_000
                yield bytes(1_000_000)

        announced = await put(admin, bytes(50_000_000))
        unannounced = await admin.put(
            LOGO, content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"}
        )

        assert refused(announced, 413, "body_too_large")
        assert refused(unannounced, 413, "body_too_large")
        assert taken < 15_000_000

    async def test_larger_than_their_kind_may_be_are_refused(self, admin: httpx.AsyncClient) -> None:
        answer = await put(admin, bytes(3_000_000))

        assert refused(answer, 422, "file_too_large")
        assert "2 MB" in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (b"{}", "application/json"),
            (b"", "multipart/form-data; boundary=x"),
            (b"nonsense", "multipart/form-data; boundary=x"),
            (b"nonsense", "multipart/form-data"),
            (
                b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n',
                "multipart/form-data; boundary=x",
            ),
            (b"", "text/plain"),
        ],
    )
    async def test_that_are_missing_are_asked_for(
        self, body: bytes, content_type: str, admin: httpx.AsyncClient
    ) -> None:
        answer = await admin.put(LOGO, content=body, headers={"Content-Type": content_type})

        assert refused(answer, 422, "no_file")

    @pytest.mark.parametrize("version", ["", "x", "-1", "1e9", "9" * 40, "²"])
    async def test_without_a_version_are_refused(self, version: str, admin: httpx.AsyncClient) -> None:
        assert refused(await put(admin, png(), version=version), 422, "invalid")

    async def test_of_unknown_kinds_are_refused(self, admin: httpx.AsyncClient) -> None:
        answer = await put(admin, png(), where=f"{V1}/branding/assets/poster")

        assert answer.status_code == 422


class TestFiles:
    async def test_are_added_listed_and_read(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)
        added = [
            (await operator.post(f"{V1}/files/", files={"file": (name, name.encode(), "text/plain")})).json()
            for name in ("a.txt", "b.txt", "c.txt")
        ]

        first = (await operator.get(f"{V1}/files/", params={"limit": 2})).json()
        second = (await operator.get(f"{V1}/files/", params={"limit": 2, "cursor": first["next_cursor"]})).json()

        assert [file["name"] for file in first["items"] + second["items"]] == ["c.txt", "b.txt", "a.txt"]
        assert (await operator.get(f"{V1}/files/{added[0]['id']}")).json() == added[0]
        assert (await operator.get(f"{V1}/files/{added[0]['id']}/content")).content == b"a.txt"

    async def test_of_exports_are_not_for_everybody(self, door: Door, floor: Floor) -> None:
        operator = await door.caller(floor, Role.OPERATOR)

        assert refused(await operator.get(f"{V1}/files/", params={"purpose": "export"}), 403, "forbidden")
