"""Your data: an export that is followed and fetched, and an end that is planned and taken back."""

import zipfile
from io import BytesIO

import pytest
from nicegui.testing import User

from domain.identity.roles import Role
from services.db.work import read
from services.jobs.worker import work_once
from services.organizations.deletions import find_deletion
from services.organizations.exports import list_exports
from tests.factories import PASSWORD, Connection, Floor
from tests.ui.conftest import SignIn, sees, until

PAGE = "/admin/data"


@pytest.fixture(autouse=True)
async def empty_queue(superuser_connection: Connection) -> None:
    """No job of another test."""
    await superuser_connection.execute("DELETE FROM pgmq.q_jobs")


async def sees_marked(user: User, marker: str) -> None:
    """Wait until something with this mark is on the page."""
    await user.should_see(marker=marker, retries=60)


class TestExport:
    async def test_is_started_followed_and_fetched(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(PAGE)

        admin.find(marker="start-export").click()
        await sees(admin, "Waits for a worker")
        await work_once()
        await sees_marked(admin, "fetch-export")
        async with read(floor.acting_as(Role.ADMIN)) as work:
            (export,) = await list_exports(work)
        answer = await admin.http_client.get(f"/files/{export.file_id}")

        await sees(admin, export.name)
        assert answer.headers["content-disposition"].startswith("attachment")
        assert "tables/machines.jsonl" in zipfile.ZipFile(BytesIO(answer.content)).namelist()

    async def test_is_cancelled_and_deleted(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(PAGE)

        admin.find(marker="start-export").click()
        await sees_marked(admin, "cancel-export")
        admin.find(marker="cancel-export").click()
        await admin.should_not_see(marker="cancel-export", retries=60)
        admin.find(marker="start-export").click()
        await sees_marked(admin, "cancel-export")
        await work_once()
        await sees_marked(admin, "discard-export")
        admin.find(marker="discard-export").click()

        await sees(admin, "Deleted")
        await admin.should_not_see(marker="fetch-export", retries=60)


class TestDeletion:
    async def test_is_planned_shown_to_everybody_and_taken_back(self, floor: Floor, sign_in: SignIn) -> None:
        admin, viewer = await sign_in(floor, Role.ADMIN), await sign_in(floor, Role.VIEWER)
        await admin.open(PAGE)

        admin.find(marker="delete-organization").click()
        admin.find(marker="field-slug").type("another")
        admin.find(marker="field-password").type(PASSWORD)
        admin.find(marker="save").click()
        await sees(admin, f"Type the short name of the organization, “{floor.slug}”, to confirm.")
        admin.find(marker="field-slug").clear().type(floor.slug)
        admin.find(marker="save").click()
        await sees(admin, "The admin asked for it.")
        await viewer.open("/plant")
        await sees_marked(viewer, "organization-ends")

        await admin.open(PAGE)
        await sees_marked(admin, "organization-ends")
        admin.find(marker="keep-organization").click()
        admin.find(marker="save").click()
        await sees_marked(admin, "delete-organization")
        async with read(floor.acting_as(Role.ADMIN)) as work:
            assert await find_deletion(work, floor.scope.org_id) is None

    async def test_at_once_signs_everybody_out(self, floor: Floor, sign_in: SignIn) -> None:
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open(PAGE)
        client = admin.client
        assert client is not None

        admin.find(marker="delete-organization").click()
        for element in admin.find(marker="field-after_days").elements:
            element.set_value(0)  # type: ignore[attr-defined]
        admin.find(marker="field-slug").type(floor.slug)
        admin.find(marker="field-password").type(PASSWORD)
        admin.find(marker="save").click()
        await sees(admin, "It will be deleted")
        await work_once()

        await until(lambda: client.is_deleted)
        assert (await admin.http_client.get(PAGE)).headers["location"].startswith("/sign-in")
