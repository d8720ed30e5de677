"""Versions as HTTP knows them: ETag, If-Match, If-None-Match."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.doors import V1, Door, refused
from tests.api.test_openapi import document, operations
from tests.factories import Floor

__all__ = ["document"]


@pytest.fixture
async def material(admin: httpx.AsyncClient) -> dict[str, Any]:
    """A material that nobody has changed yet."""
    answer = await admin.post(f"{V1}/materials/", json={"number": "SH-1", "unit": "pcs", "description": "Shaft"})
    assert answer.status_code == 201
    made: dict[str, Any] = answer.json()
    return made


def address(material: dict[str, Any]) -> str:
    """Return where a material is."""
    return f"{V1}/materials/{material['id']}"


class TestETag:
    async def test_is_the_version_on_reads_and_on_writes(
        self, admin: httpx.AsyncClient, material: dict[str, Any]
    ) -> None:
        read = await admin.get(address(material))
        changed = await admin.patch(address(material), json={"version": 1, "description": "Axle"})

        assert read.headers["etag"] == '"1"'
        assert changed.headers["etag"] == '"2"'

    async def test_does_not_stand_on_lists(self, admin: httpx.AsyncClient, material: dict[str, Any]) -> None:
        assert "etag" not in (await admin.get(f"{V1}/materials/")).headers

    @pytest.mark.parametrize("known", ['"1"', 'W/"1"', '"7", "1"'])
    async def test_spares_reading_again_what_is_known(
        self, known: str, admin: httpx.AsyncClient, material: dict[str, Any]
    ) -> None:
        answer = await admin.get(address(material), headers={"If-None-Match": known})

        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1"')

    @pytest.mark.parametrize("known", ['"2"', "1", "nonsense", '"7", 1'])
    async def test_does_not_spare_what_is_not_known(
        self, known: str, admin: httpx.AsyncClient, material: dict[str, Any]
    ) -> None:
        assert (await admin.get(address(material), headers={"If-None-Match": known})).status_code == 200


class TestIfMatch:
    async def test_stands_for_the_version_in_the_body(self, admin: httpx.AsyncClient, material: dict[str, Any]) -> None:
        answer = await admin.patch(address(material), json={"description": "Axle"}, headers={"If-Match": '"1"'})

        assert (answer.status_code, answer.json()["description"]) == (200, "Axle")

    async def test_refuses_a_change_of_what_has_changed_since(
        self, admin: httpx.AsyncClient, material: dict[str, Any]
    ) -> None:
        await admin.patch(address(material), json={"version": 1, "description": "Axle"})

        answer = await admin.patch(address(material), json={"description": "Spindle"}, headers={"If-Match": '"1"'})

        assert refused(answer, 412, "precondition_failed")
        assert (await admin.get(address(material))).json()["description"] == "Axle"

    async def test_lets_one_of_two_at_once_through(self, admin: httpx.AsyncClient, material: dict[str, Any]) -> None:
        both = [
            admin.patch(address(material), json={"description": words}, headers={"If-Match": '"1"'})
            for words in ("Axle", "Spindle")
        ]

        assert sorted(answer.status_code for answer in await asyncio.gather(*both)) == [200, 412]

    async def test_must_agree_with_the_body(self, admin: httpx.AsyncClient, material: dict[str, Any]) -> None:
        answer = await admin.patch(address(material), json={"version": 2}, headers={"If-Match": '"1"'})

        assert refused(answer, 412, "precondition_failed")

    @pytest.mark.parametrize("given", ["*", "1", 'W/"1"', '"0"', '"1", "2"', '"99999999999"', '"2147483648"'])
    async def test_is_one_etag_of_ours(self, given: str, admin: httpx.AsyncClient, material: dict[str, Any]) -> None:
        answer = await admin.patch(address(material), json={"description": "Axle"}, headers={"If-Match": given})

        assert refused(answer, 422, "invalid_if_match")

    async def test_is_refused_where_there_is_no_version(self, admin: httpx.AsyncClient) -> None:
        answer = await admin.post(
            f"{V1}/materials/", json={"number": "SH-2", "unit": "pcs"}, headers={"If-Match": '"1"'}
        )

        assert refused(answer, 422, "no_version_here")

    async def test_does_not_hide_that_a_body_is_no_json(
        self, admin: httpx.AsyncClient, material: dict[str, Any]
    ) -> None:
        answer = await admin.patch(
            address(material), content=b"{", headers={"If-Match": '"1"', "Content-Type": "application/json"}
        )

        assert refused(answer, 400, "malformed_request")

    async def test_is_part_of_what_an_idempotency_key_stands_for(
        self, admin: httpx.AsyncClient, material: dict[str, Any]
    ) -> None:
        async def change(seen: str) -> httpx.Response:
            headers = {"If-Match": seen, "Idempotency-Key": "one"}
            return await admin.patch(address(material), json={"description": "Axle"}, headers=headers)

        assert [(await change('"1"')).status_code for _ in range(2)] == [200, 200]
        assert refused(await change('"2"'), 422, "idempotency_key_reused")

    async def test_says_nothing_about_another_organizations_things(
        self, stranger: httpx.AsyncClient, material: dict[str, Any]
    ) -> None:
        for seen in ('"1"', '"2"'):
            answer = await stranger.patch(address(material), json={"description": "X"}, headers={"If-Match": seen})

            assert refused(answer, 404, "not_found")


class TestDocument:
    async def test_offers_if_match_wherever_a_version_is_asked_for(self, document: dict[str, Any]) -> None:
        schemas = document["components"]["schemas"]
        for method, path, operation in operations(document):
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            fields = schemas.get(body.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            assert ("If-Match" in names) is bool({"version", "seen_version"} & set(fields)), (method, path)

    async def test_can_be_asked_for_again_and_stays_the_same(self, door: Door, floor: Floor) -> None:
        first, second = [(await door.client().get(f"{V1}/openapi.json")).json() for _ in range(2)]

        assert first == second
