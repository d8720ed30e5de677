"""Exports of a whole organization: everything of it, nothing of another, no secrets, and as of one instant."""

import asyncio
import zipfile
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from sqlalchemy import func, select, text

from domain.errors import Forbidden, NotFound
from domain.files.purposes import FilePurpose
from domain.identity.roles import Permission, Role
from domain.operations.exports import KEPT_FOR, NoRoomForExport
from domain.operations.tasks import TaskState, TaskUnderWay
from domain.scope import Scope
from services.audit.notes import NOTES
from services.db.tables import AuditEntry, Material
from services.db.work import NotInEveryPlant, begin, read
from services.file_store import current_file_store
from services.files.kept_files import content_key, find_file, keep_file, open_file
from services.files.purges import PurgeContents, purge_contents
from services.jobs.worker import work_once
from services.organizations.exports import (
    ExpireExports,
    Export,
    ExportOrganization,
    discard_export,
    expire_exports,
    export_organization,
    list_exports,
    start_export,
)
from services.organizations.left_out import SECRET_COLUMNS, TABLES_LEFT_OUT
from services.organizations.packing import pack
from services.tasks.tasks import RunningTask, TaskCancelled, TaskInfo, cancel_task, get_task
from tests.architecture.furnished import furnish
from tests.architecture.schema import read_tables
from tests.factories import PASSWORD, Connection, Floor, enter


@pytest.fixture(autouse=True)
async def empty_queue(superuser_connection: Connection) -> None:
    """No job of another test."""
    await superuser_connection.execute("DELETE FROM pgmq.q_jobs; DELETE FROM pgmq.a_jobs")


@pytest.fixture
async def furnished(floor: Floor) -> Floor:
    """An organization with a row in every table."""
    await furnish(floor)
    return floor


async def started(scope: Scope) -> TaskInfo:
    """Start an export."""
    async with begin(scope) as work:
        return await start_export(work)


async def seen(scope: Scope, task_id: UUID) -> TaskInfo:
    """Return the task as it is."""
    async with read(scope) as work:
        return await get_task(work, task_id)


async def exports_of(scope: Scope) -> tuple[Export, ...]:
    """Return what can be fetched."""
    async with read(scope) as work:
        return await list_exports(work)


async def exported(scope: Scope) -> Export:
    """Export the organization as its admin does, and return the newest export."""
    task = await started(scope)
    await work_once()
    assert (await seen(scope, task.id)).state is TaskState.DONE, (await seen(scope, task.id)).error
    return (await exports_of(scope))[0]


async def opened(scope: Scope, export: Export, path: Path) -> zipfile.ZipFile:
    """Fetch an export and open it."""
    async with read(scope) as work:
        content = await open_file(work, export.file_id)
    path = path / "fetched.zip"
    path.write_bytes(content)
    return zipfile.ZipFile(path)


def lines_of(archive: zipfile.ZipFile, table: str) -> list[dict[str, object]]:
    """Return the rows of a table."""
    return [orjson.loads(line) for line in archive.read(f"tables/{table}.jsonl").splitlines()]


def names_in(folder: Path) -> list[str]:
    """Return what lies in a folder."""
    return [path.name for path in folder.iterdir()]


async def ignored(done: int, total: int) -> None:
    """Hear of progress, and want nothing."""


class TestExport:
    async def test_holds_every_row_of_every_table(
        self, furnished: Floor, tmp_path: Path, superuser_connection: Connection
    ) -> None:
        admin = furnished.acting_as(Role.ADMIN)
        archive = await opened(admin, await exported(admin), tmp_path)
        manifest = orjson.loads(archive.read("manifest.json"))
        tables = {table["name"]: table for table in manifest["tables"]}
        known = [table for table in await read_tables(superuser_connection) if not table.is_partition]
        tenants = {table.name for table in known if table.schema == "public" and table.org_column in table.columns}

        assert set(tables) == tenants - set(TABLES_LEFT_OUT)
        assert {name for name, table in tables.items() if not table["rows"]} == set()
        for name, table in tables.items():
            content = archive.read(f"tables/{name}.jsonl")
            assert sha256(content).hexdigest() == table["sha256"]
            assert len(content.splitlines()) == table["rows"]
            column = "id" if name == "organizations" else "org_id"
            assert {row[column] for row in lines_of(archive, name)} == {str(furnished.scope.org_id)}
            assert not {one["name"] for one in table["columns"]} & set(SECRET_COLUMNS.get(name, ()))
        assert manifest["organization"]["slug"] == furnished.slug
        assert archive.testzip() is None
        assert furnished.slug in archive.read("README.txt").decode()

    async def test_holds_the_same_values_as_the_tables(self, floor: Floor, tmp_path: Path) -> None:
        admin = floor.acting_as(Role.ADMIN)
        wanted = {"größe": '1 "Zoll"\n\\n', "price": 0.1}
        async with begin(floor.scope) as work:
            work.session.add(
                Material(org_id=floor.scope.org_id, number="M-1", description="Ω", unit="kg", custom=wanted)
            )
        archive = await opened(admin, await exported(admin), tmp_path)
        (row,) = lines_of(archive, "materials")

        assert (row["number"], row["description"], row["custom"]) == ("M-1", "Ω", wanted)

    async def test_holds_no_secret_anywhere(
        self, furnished: Floor, tmp_path: Path, superuser_connection: Connection
    ) -> None:
        admin = furnished.acting_as(Role.ADMIN)
        archive = await opened(admin, await exported(admin), tmp_path)
        everything = b"".join(archive.read(name) for name in archive.namelist())

        assert b"pbkdf2" not in everything
        assert b"$scrypt" not in everything
        assert b"$argon2" not in everything
        assert PASSWORD.encode() not in everything
        for table, columns in SECRET_COLUMNS.items():
            for column in columns:
                held = await superuser_connection.fetch(
                    f"SELECT {column} AS secret FROM {table} WHERE org_id = $1 AND {column} IS NOT NULL",
                    furnished.scope.org_id,
                )
                for secret in {row["secret"] for row in held if isinstance(row["secret"], str | bytes)}:
                    written = secret.hex() if isinstance(secret, bytes) else secret
                    assert written.encode() not in everything, (table, column)

    async def test_holds_the_files_and_names_those_that_are_gone(self, floor: Floor, tmp_path: Path) -> None:
        admin = floor.acting_as(Role.ADMIN)
        async with begin(floor.scope) as work:
            for name, content in (("a.png", b"picture"), ("b.png", b"lost"), ("c.png", b"picture")):
                await keep_file(work, purpose=FilePurpose.BRANDING, name=name, media_type="image/png", content=content)
        kept, lost = sha256(b"picture").hexdigest(), sha256(b"lost").hexdigest()
        await current_file_store().delete(content_key(floor.scope.org_id, lost))
        task = await started(admin)
        await work_once()
        archive = await opened(admin, (await exports_of(admin))[0], tmp_path)

        assert archive.read(f"files/{kept}") == b"picture"
        assert orjson.loads(archive.read("manifest.json"))["files"] == {"count": 1, "missing": [lost]}
        assert {row["name"] for row in lines_of(archive, "files")} == {"a.png", "b.png", "c.png"}
        assert (await seen(admin, task.id)).result["missing"] == [lost]

    async def test_holds_none_of_the_exports_before(self, floor: Floor, tmp_path: Path) -> None:
        admin = floor.acting_as(Role.ADMIN)
        await exported(admin)
        archive = await opened(admin, await exported(admin), tmp_path)

        assert [name for name in archive.namelist() if name.startswith("files/")] == []
        assert lines_of(archive, "files") == []

    async def test_is_of_one_instant_while_others_write(self, floor: Floor, tmp_path: Path) -> None:
        reported: list[int] = []

        async def write_meanwhile(done: int, total: int) -> None:
            if not reported:
                async with begin(floor.scope) as work:
                    work.session.add(Material(org_id=floor.scope.org_id, number="LATE", description="", unit="pcs"))
            reported.append(total)

        await pack(floor.scope, tmp_path / "one.zip", report=write_meanwhile)
        with zipfile.ZipFile(tmp_path / "one.zip") as archive:
            manifest = orjson.loads(archive.read("manifest.json"))

            assert lines_of(archive, "materials") == []
            assert sum(table["rows"] for table in manifest["tables"]) + manifest["files"]["count"] == reported[-1]

    async def test_says_that_the_disk_is_full(self, floor: Floor) -> None:
        with pytest.raises(NoRoomForExport):
            await pack(floor.scope, Path("/dev/full"), report=ignored)


class TestStartExport:
    @pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
    async def test_refuses_every_role_but_admins(self, role: Role, floor: Floor) -> None:
        with pytest.raises(Forbidden):
            await started(floor.acting_as(role))

    async def test_refuses_who_may_in_some_plants_only(self, floor: Floor) -> None:
        admin = floor.acting_as(Role.ADMIN)
        limited = replace(admin, plant_limits={Permission.OPEN_EXPORTS: frozenset({floor.plant_id})})
        for scope in (limited, replace(admin, plant_ids=frozenset({floor.plant_id}))):
            with pytest.raises(NotInEveryPlant):
                await started(scope)

    async def test_starts_one_at_a_time(self, floor: Floor) -> None:
        admin = floor.acting_as(Role.ADMIN)
        both = await asyncio.gather(started(admin), started(admin), return_exceptions=True)

        assert [type(one) for one in both if isinstance(one, Exception)] == [TaskUnderWay]

    async def test_can_be_cancelled_while_it_runs_and_leaves_nothing(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        admin = floor.acting_as(Role.ADMIN)
        task = await started(admin)
        running = RunningTask(task.id, ExportOrganization.name, floor.scope)
        async with begin(admin) as work:
            await work.session.execute(text("UPDATE tasks SET state = 'running'"))
            await cancel_task(work, task_id=task.id)
        with pytest.raises(TaskCancelled):
            await export_organization(running, ExportOrganization(task_id=task.id))

        assert names_in(tmp_path) == []
        assert await exports_of(admin) == ()

    async def test_goes_on_after_a_worker_died(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Once in the middle, whose remains lie about; once behind the file, before it could say so."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        admin = floor.acting_as(Role.ADMIN)
        task = await started(admin)
        job, running = ExportOrganization(task_id=task.id), RunningTask(task.id, ExportOrganization.name, floor.scope)
        remains = tmp_path / f"unison-export-{task.id}"
        remains.mkdir()
        (remains / "export.zip").write_bytes(b"half")
        first = await export_organization(running, job)
        second = await export_organization(running, job)

        assert first == second
        assert [str(export.file_id) for export in await exports_of(admin)] == [first["file_id"]]
        assert names_in(tmp_path) == []


class TestListExports:
    async def test_says_who_made_it_and_how_long_it_stays(self, floor: Floor) -> None:
        admin = floor.acting_as(Role.ADMIN)
        export = await exported(admin)

        assert export.created_by == "The admin"
        assert export.expires_at - export.created_at == KEPT_FOR
        assert export.name.startswith(floor.slug)

    async def test_of_another_organization_cannot_be_found_opened_or_discarded(
        self, floor: Floor, other: Floor
    ) -> None:
        export = await exported(floor.acting_as(Role.ADMIN))
        stranger = other.acting_as(Role.ADMIN)

        assert await exports_of(stranger) == ()
        async with begin(stranger) as work:
            with pytest.raises(NotFound):
                await find_file(work, export.file_id)
            with pytest.raises(NotFound):
                await discard_export(work, file_id=export.file_id)
        assert len(await exports_of(floor.acting_as(Role.ADMIN))) == 1

    async def test_that_is_opened_is_noted(self, floor: Floor) -> None:
        admin = floor.acting_as(Role.ADMIN)
        export = await exported(admin)
        async with read(admin) as work:
            await find_file(work, export.file_id)
        await NOTES.written()

        async with read(floor.scope) as work:
            noted = await work.session.scalar(
                select(func.count()).where(AuditEntry.table_name == "system.export", AuditEntry.action == "read")
            )
        assert noted == 1


class TestForgetExports:
    @pytest.fixture
    async def export(self, floor: Floor) -> Export:
        """One export."""
        return await exported(floor.acting_as(Role.ADMIN))

    async def test_takes_the_content_with_it(self, floor: Floor, export: Export) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            await discard_export(work, file_id=export.file_id)
        await work_once()

        assert await exports_of(floor.acting_as(Role.ADMIN)) == ()
        assert [key async for key in current_file_store().keys(f"{floor.scope.org_id}/")] == []

    async def test_happens_by_itself_after_a_week(
        self, floor: Floor, export: Export, superuser_connection: Connection
    ) -> None:
        async def expire() -> None:
            async with begin(floor.scope) as work:
                await expire_exports(work, ExpireExports())
            async with begin(floor.scope) as work:
                await purge_contents(work, PurgeContents())

        await expire()
        assert len(await exports_of(floor.acting_as(Role.ADMIN))) == 1

        older = KEPT_FOR + timedelta(seconds=1)
        async with superuser_connection.transaction():
            await enter(superuser_connection, floor.scope)
            await superuser_connection.execute(
                "UPDATE files SET created_at = created_at - $2::interval WHERE id = $1", export.file_id, older
            )
        await expire()
        assert await exports_of(floor.acting_as(Role.ADMIN)) == ()
        assert [key async for key in current_file_store().keys(f"{floor.scope.org_id}/")] == []

    async def test_touches_no_other_file(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            logo = await keep_file(
                work, purpose=FilePurpose.BRANDING, name="logo.png", media_type="image/png", content=b"logo"
            )
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            with pytest.raises(NotFound):
                await discard_export(work, file_id=logo.id)
