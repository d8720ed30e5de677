"""Keeping files: once per organization, never across, and gone when nobody names them."""

import asyncio
from dataclasses import replace
from hashlib import sha256

import pytest

from domain.custom_fields.fields import FieldDefinition, FieldType
from domain.errors import Forbidden, NotFound
from domain.files.contents import FileEmpty
from domain.files.purposes import FilePurpose
from domain.identity.roles import Permission, Role
from domain.scope import Scope
from services.custom_fields.fields import add_field
from services.db.tables import Machine
from services.db.work import Work, begin, read
from services.file_store import current_file_store
from services.files.kept_files import StoredFile, content_key, find_file, forget_file, keep_file, list_files, open_file
from services.files.purges import PurgeContents, purge_contents
from tests.factories import Floor, Make


async def keep(work: Work, content: bytes = b"a logo", purpose: FilePurpose = FilePurpose.BRANDING) -> StoredFile:
    """Keep a file as a use case does."""
    return await keep_file(
        work, purpose=purpose, name="C:\\pictures\\logo.png", media_type="image/PNG", content=content
    )


async def purge(scope: Scope) -> None:
    """Do the job of one organization."""
    async with begin(scope) as work:
        await purge_contents(work, PurgeContents())


async def contents_of(scope: Scope) -> list[str]:
    """Return what the file store holds of an organization."""
    return [key async for key in current_file_store().keys(f"{scope.org_id}/")]


class TestKeepFile:
    async def test_says_what_it_kept_and_gives_it_back(self, work: Work) -> None:
        file = await keep(work)

        assert (file.name, file.media_type, file.size) == ("logo.png", "image/png", 6)
        assert file.sha256 == sha256(b"a logo").hexdigest()
        assert await find_file(work, file.id) == file
        assert await open_file(work, file.id) == b"a logo"

    async def test_keeps_the_same_content_once(self, scope: Scope) -> None:
        async with begin(scope) as work:
            first, second = await keep(work), await keep(work)

        assert first.id != second.id
        assert await contents_of(scope) == [content_key(scope.org_id, first.sha256)]

    async def test_refuses_an_empty_file(self, work: Work) -> None:
        with pytest.raises(FileEmpty):
            await keep(work, b"")

    async def test_survives_two_who_keep_the_same_at_once(self, scope: Scope) -> None:
        async def keep_and_commit() -> StoredFile:
            async with begin(scope) as work:
                return await keep(work, b"the same")

        files = await asyncio.gather(*(keep_and_commit() for _ in range(4)))

        assert len({file.id for file in files}) == 4
        assert len(await contents_of(scope)) == 1


class TestOpenFile:
    async def test_shows_nothing_to_another_organization(self, floor: Floor, other: Floor) -> None:
        async with begin(floor.scope) as work:
            file = await keep(work)

        async with read(other.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await open_file(work, file.id)

    async def test_needs_the_right_of_the_files_purpose(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            logo, export = await keep(work), await keep(work, purpose=FilePurpose.EXPORT)

        async with read(floor.acting_as(Role.VIEWER)) as work:
            assert await open_file(work, logo.id) == b"a logo"
            with pytest.raises(Forbidden):
                await open_file(work, export.id)
        async with read(floor.acting_as(Role.ADMIN)) as work:
            assert await open_file(work, export.id) == b"a logo"


class TestAttachments:
    """Files that are values of custom fields."""

    async def test_are_seen_by_who_sees_the_thing_that_holds_them(self, floor: Floor, make: Make) -> None:
        definition = FieldDefinition(key="drawing", type=FieldType.FILE, labels={"en": "Drawing"})
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            held, loose = [await keep(work, purpose=FilePurpose.CUSTOM_FIELD) for _ in range(2)]
            await add_field(work, entity="work_order", field=definition)
            machine = await work.session.get_one(Machine, floor.machine_id)
            await make.order(work, machine=machine, custom={"drawing": str(held.id)})
            elsewhere = (await make.plant(work)).id

        async with read(floor.acting_as(Role.VIEWER)) as work:
            assert await open_file(work, held.id) == b"a logo"
            with pytest.raises(NotFound):
                await open_file(work, loose.id)
        for limited in (
            floor.acting_as(Role.VIEWER, plant_ids=frozenset({elsewhere})),
            replace(floor.acting_as(Role.VIEWER), plant_limits={Permission.READ_ORDERS.value: frozenset({elsewhere})}),
        ):
            async with read(limited) as work:
                with pytest.raises(NotFound):
                    await open_file(work, held.id)

    async def test_are_listed_for_who_brought_them(self, floor: Floor) -> None:
        for role in (Role.ADMIN, Role.OPERATOR):
            async with begin(floor.acting_as(role)) as work:
                await keep(work, purpose=FilePurpose.CUSTOM_FIELD)

        counts = {}
        for role in (Role.ADMIN, Role.OPERATOR, Role.VIEWER):
            async with read(floor.acting_as(role)) as work:
                counts[role] = len((await list_files(work, purpose=FilePurpose.CUSTOM_FIELD)).items)

        assert counts == {Role.ADMIN: 2, Role.OPERATOR: 1, Role.VIEWER: 0}


class TestPurgeContents:
    async def test_forgets_what_no_file_names_and_nothing_else(self, scope: Scope) -> None:
        async with begin(scope) as work:
            stays, goes, shared = await keep(work, b"stays"), await keep(work, b"goes"), await keep(work, b"stays")
        async with begin(scope) as work:
            await forget_file(work, file_id=goes.id)
            await forget_file(work, file_id=shared.id)

        await purge(scope)

        assert await contents_of(scope) == [content_key(scope.org_id, stays.sha256)]

    async def test_forgets_what_a_refused_write_left_behind(self, scope: Scope) -> None:
        async def refuse_after_keeping() -> None:
            async with begin(scope) as work:
                await keep(work)
                raise NotFound(what="anything")

        with pytest.raises(NotFound):
            await refuse_after_keeping()

        assert len(await contents_of(scope)) == 1
        await purge(scope)
        assert await contents_of(scope) == []

    async def test_leaves_other_organizations_alone(self, scope: Scope, other: Floor) -> None:
        async with begin(other.scope) as work:
            file = await keep(work, b"theirs")

        await purge(scope)

        assert await contents_of(other.scope) == [content_key(other.scope.org_id, file.sha256)]

    async def test_waits_for_whoever_is_keeping_the_same_content(self, scope: Scope) -> None:
        async with begin(scope) as work:
            file = await keep(work)
        async with begin(scope) as work:
            await forget_file(work, file_id=file.id)
        async with begin(scope) as work:
            again = await keep(work)
            purging = asyncio.create_task(purge(scope))
            await asyncio.sleep(0.2)
            assert not purging.done()
        await purging

        async with read(scope) as work:
            assert await open_file(work, again.id) == b"a logo"
