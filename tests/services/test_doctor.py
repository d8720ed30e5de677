"""What the doctor finds: an installation that is well, and what is wrong with one that is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.audit.chains import Anchor
from domain.errors import NotFound
from services import doctor
from services.adapters.local_files import LocalFiles
from services.audit.chain import newest_anchor, seal_now
from services.db.work import read
from services.doctor import Finding, examine
from services.file_store import current_file_store, use_file_store
from tests.factories import Connection, Floor


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> Iterator[Path]:
    """Keep files in a folder of the test's own."""
    of_all = current_file_store()
    use_file_store(LocalFiles(tmp_path))
    yield tmp_path
    use_file_store(of_all)


async def findings(floor: Floor, *, anchor: Anchor | None = None) -> dict[str, Finding]:
    return {one.check: one async for one in examine(organization=floor.slug, anchor=anchor)}


class TestExamine:
    async def test_finds_that_all_is_well(self, floor: Floor) -> None:
        found = await findings(floor)

        assert [one.words for one in found.values() if not one.is_well] == []
        assert set(found) == {
            "database", "migrations", "extensions", "runtime role", "row security", "clock", "files", "jobs",
            f"audit of {floor.slug}",
        }  # fmt: skip

    async def test_verifies_every_organization_unless_one_is_named(self, floor: Floor, other: Floor) -> None:
        checks = {one.check async for one in examine()}

        assert {f"audit of {floor.slug}", f"audit of {other.slug}"} <= checks

    async def test_names_the_first_entry_that_was_altered(self, floor: Floor, superuser_connection: Connection) -> None:
        await seal_now(floor.scope)
        seq = await superuser_connection.fetchval(
            "UPDATE audit_log SET after = after || '{\"name\": \"Forged\"}'"
            " WHERE org_id = $1 AND table_name = 'machines' AND row_id = $2 RETURNING seq",
            floor.scope.org_id, floor.machine_id,
        )  # fmt: skip

        found = (await findings(floor))[f"audit of {floor.slug}"]

        assert not found.is_well
        for words in (f"entry {seq} of", f"machines {floor.machine_id}", "entry_changed", "position"):
            assert words in found.words

    async def test_holds_a_chain_against_what_was_noted_down(self, floor: Floor) -> None:
        await seal_now(floor.scope)
        async with read(floor.scope) as work:
            anchor = await newest_anchor(work)
        assert anchor is not None
        forged = Anchor(anchor.position, "0" * 64)

        assert (await findings(floor, anchor=anchor))[f"audit of {floor.slug}"].is_well
        assert not (await findings(floor, anchor=forged))[f"audit of {floor.slug}"].is_well

    async def test_tells_that_files_cannot_be_kept(self, floor: Floor, files: Path) -> None:
        (files / doctor.PROBE_FOLDER).write_text("in the way")

        assert not (await findings(floor))["files"].is_well

    async def test_tells_of_a_table_whose_row_security_is_off(
        self, floor: Floor, superuser_connection: Connection
    ) -> None:
        await superuser_connection.execute("ALTER TABLE crews NO FORCE ROW LEVEL SECURITY")
        try:
            found = (await findings(floor))["row security"]
        finally:
            await superuser_connection.execute("ALTER TABLE crews FORCE ROW LEVEL SECURITY")

        assert (found.is_well, found.words) == (False, "not forced on: crews")

    async def test_knows_no_organization_that_is_not_there(self, floor: Floor) -> None:
        with pytest.raises(NotFound):
            assert [one async for one in examine(organization="nobody")]
