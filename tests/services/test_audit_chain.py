"""The chain over the audit: complete and unforked under concurrency, and broken by whatever is done to it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
from sqlalchemy import text

from domain.audit.chains import Anchor, AnchorState, BrokenBecause, InvalidAnchor
from domain.errors import Forbidden
from domain.identity.roles import Role
from domain.scope import Scope
from services.audit.chain import ChainReport, SealAudit, seal_audit, seal_now, verify_chain
from services.db.engine import Database, without_tenant
from services.db.work import begin, read
from services.plant.plant_models import add_plant
from tests.factories import Connection, Floor, found

Tamper: TypeAlias = Callable[[str], Awaitable[None]]
OF_CHAIN = """
SELECT audit_log.seq FROM audit_chain JOIN audit_log ON audit_log.seq = audit_chain.entry_seq ORDER BY position
"""


async def change(scope: Scope, *, code: str, rename: int = 0) -> None:
    """Make entries in the audit: a plant, and as many changes of its name."""
    async with begin(scope) as work:
        plant = await add_plant(work, code=code, name="A", time_zone="UTC")
        await work.session.flush()
        for number in range(rename):
            plant.name = f"A {number}"
            await work.session.flush()


async def sealed(scope: Scope) -> ChainReport:
    """Link everything and verify it."""
    await seal_now(scope)
    return await verify_chain(scope)


@pytest.fixture
async def tamper(scope: Scope, superuser_connection: Connection) -> Tamper:
    """Do to the rows of the organization what no role of the product can do."""

    async def run(statement: str) -> None:
        await superuser_connection.execute(statement.replace("$org", f"'{scope.org_id}'"))

    await change(scope, code="P", rename=8)
    await seal_now(scope)
    return run


async def seq_of(connection: Connection, scope: Scope, position: int) -> int:
    """Return the number of the entry at a place of the chain."""
    return int(
        await connection.fetchval(
            "SELECT entry_seq FROM audit_chain WHERE org_id = $1 AND position = $2", scope.org_id, position
        )
    )


class TestSealing:
    async def test_links_every_entry_once_in_order_however_many_write_and_seal_at_once(self, scope: Scope) -> None:
        async def seal_again_and_again() -> None:
            for _ in range(30):
                async with without_tenant() as connection:
                    await seal_audit(connection, SealAudit())

        writers = [change(scope, code=f"P{number}", rename=3) for number in range(12)]
        await asyncio.gather(*writers, seal_again_and_again(), seal_again_and_again())
        report = await sealed(scope)

        async with read(scope) as work:
            linked = [row["seq"] for row in await work.fetch(OF_CHAIN)]
            entries = [row["seq"] for row in await work.fetch("SELECT seq FROM audit_log ORDER BY seq")]
        assert linked == entries
        assert (report.broken, report.checked, report.waiting) == (None, len(entries), 0)

    async def test_waits_for_a_transaction_that_began_before_and_commits_later(self, scope: Scope) -> None:
        async with begin(scope) as late:
            await add_plant(late, code="LATE", name="A", time_zone="UTC")
            await late.session.flush()
            await change(scope, code="SOON")
            for _ in range(3):
                async with without_tenant() as connection:
                    await seal_audit(connection, SealAudit())
            async with read(scope) as work:
                early = await work.fetch("SELECT FROM audit_chain JOIN audit_log ON seq = entry_seq"
                                         " WHERE after ->> 'code' = 'SOON'")  # fmt: skip

        assert early == []
        assert (await sealed(scope)).broken is None
        async with read(scope) as work:
            codes = await work.fetch("SELECT after ->> 'code' AS code FROM audit_chain JOIN audit_log"
                                     " ON seq = entry_seq WHERE table_name = 'plants' ORDER BY position")  # fmt: skip
        assert [row["code"] for row in codes] == ["LATE", "SOON"]

    async def test_gives_each_organization_a_chain_of_its_own(self, scope: Scope, database: Database) -> None:
        other = await found()
        await change(scope, code="A", rename=2)
        await change(other, code="B")

        mine, theirs = await sealed(scope), await sealed(other)

        assert (mine.checked, theirs.checked) == (4, 2)  # the organization, its plant, what was renamed

    async def test_cannot_be_done_out_of_turn_by_the_runtime_role(self, scope: Scope) -> None:
        for statement in (
            f"SELECT app.seal_audit_of('{scope.org_id}', 1000000000)",
            "UPDATE app.audit_marks SET sealed_seq = 1000000000",
            "DELETE FROM audit_chain",
        ):
            with pytest.raises(Exception, match="permission denied"):
                async with begin(scope) as work:
                    await work.session.execute(text(statement))


class TestVerifying:
    async def test_holds_where_nobody_did_anything(self, scope: Scope, tamper: Tamper) -> None:
        report = await verify_chain(scope)

        assert (report.broken, report.checked, report.holds) == (None, 10, True)
        assert report.anchor is not None
        assert report.anchor.position == 10

    @pytest.mark.parametrize(
        "statement",
        [
            'UPDATE audit_log SET after = after || \'{"name": "B"}\' WHERE seq = $seq AND org_id = $org',
            "UPDATE audit_log SET user_id = gen_random_uuid() WHERE seq = $seq AND org_id = $org",
            "UPDATE audit_log SET request_id = 'another' WHERE seq = $seq AND org_id = $org",
            "UPDATE audit_log SET device = 'another' WHERE seq = $seq AND org_id = $org",
            "UPDATE audit_log SET before = NULL WHERE seq = $seq AND org_id = $org",
            "UPDATE audit_chain SET hash = sha256('x') WHERE entry_seq = $seq AND org_id = $org",
        ],
        ids=["after", "actor", "request", "device", "before", "link"],
    )
    async def test_names_the_entry_that_was_changed(
        self, statement: str, scope: Scope, tamper: Tamper, superuser_connection: Connection
    ) -> None:
        seq = await seq_of(superuser_connection, scope, 6)

        await tamper(statement.replace("$seq", str(seq)))
        report = await verify_chain(scope)

        assert report.broken is not None
        assert (report.broken.because, report.broken.position, report.broken.seq, report.broken.thing) == (
            BrokenBecause.ENTRY_CHANGED, 6, seq, "plants",
        )  # fmt: skip
        assert (report.checked, report.holds) == (5, False)

    async def test_names_the_first_of_several(
        self, scope: Scope, tamper: Tamper, superuser_connection: Connection
    ) -> None:
        for position in (8, 4, 6):
            seq = await seq_of(superuser_connection, scope, position)
            await tamper(f"UPDATE audit_log SET device = 'x' WHERE seq = {seq} AND org_id = $org")

        report = await verify_chain(scope)

        assert report.broken is not None
        assert report.broken.position == 4

    async def test_names_the_place_of_an_entry_that_is_gone(
        self, scope: Scope, tamper: Tamper, superuser_connection: Connection
    ) -> None:
        seq = await seq_of(superuser_connection, scope, 5)

        await tamper(f"DELETE FROM audit_log WHERE seq = {seq} AND org_id = $org")
        report = await verify_chain(scope)

        assert report.broken is not None
        assert (report.broken.because, report.broken.position, report.broken.at) == (
            BrokenBecause.ENTRY_MISSING, 5, None,
        )  # fmt: skip

    async def test_sees_that_a_link_went_with_its_entry(
        self, scope: Scope, tamper: Tamper, superuser_connection: Connection
    ) -> None:
        seq = await seq_of(superuser_connection, scope, 5)

        await tamper(f"DELETE FROM audit_log WHERE seq = {seq} AND org_id = $org")
        await tamper("DELETE FROM audit_chain WHERE position = 5 AND org_id = $org")
        report = await verify_chain(scope)

        assert report.broken is not None
        assert (report.broken.because, report.broken.position) == (BrokenBecause.LINK_MISSING, 6)

    async def test_sees_an_entry_that_was_put_between_others(
        self, scope: Scope, tamper: Tamper, superuser_connection: Connection
    ) -> None:
        other = await found()  # its entry takes a number that the organization leaves out
        await change(scope, code="Q")
        await seal_now(scope)
        free = await superuser_connection.fetchval("SELECT max(seq) FROM audit_log WHERE org_id = $1", other.org_id)

        await tamper(
            "INSERT INTO audit_log (seq, org_id, at, actor_kind, request_id, table_name, action)"
            f" OVERRIDING SYSTEM VALUE VALUES ({free}, $org, now(), 'system', '', 'plants', 'delete')"
        )
        report = await verify_chain(scope)

        assert report.broken is not None
        assert (report.broken.because, report.broken.seq) == (BrokenBecause.ENTRY_ADDED, free)

    async def test_sees_that_two_entries_changed_places(
        self, scope: Scope, tamper: Tamper, superuser_connection: Connection
    ) -> None:
        for taken, given in ((4, 99), (5, 4), (99, 5)):
            await tamper(f"UPDATE audit_chain SET position = {given} WHERE position = {taken} AND org_id = $org")

        report = await verify_chain(scope)

        assert report.broken is not None
        assert report.broken.position == 4

    async def test_goes_on_over_more_links_than_it_reads_at_once(
        self, scope: Scope, tamper: Tamper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("services.audit.chain.CHUNK", 3)
        heard: list[tuple[int, int]] = []

        async def hear(checked: int, of: int) -> None:
            heard.append((checked, of))

        report = await verify_chain(scope, on_progress=hear)

        assert (report.checked, report.broken) == (10, None)
        assert heard == [(3, 10), (6, 10), (9, 10), (10, 10)]

    async def test_tells_what_is_not_linked_yet(self, scope: Scope, tamper: Tamper) -> None:
        await change(scope, code="NEW")

        assert (await verify_chain(scope)).waiting in {0, 1}  # another test's server may have linked it already
        assert (await sealed(scope)).waiting == 0

    async def test_is_for_whoever_may_inspect_the_audit(self, floor: Floor) -> None:
        assert (await verify_chain(floor.acting_as(Role.ADMIN))).broken is None
        for role in (Role.SUPERVISOR, Role.OPERATOR, Role.VIEWER, Role.TERMINAL):
            with pytest.raises(Forbidden):
                await verify_chain(floor.acting_as(role))

    async def test_covers_all_plants_whichever_the_inspector_sees(self, floor: Floor) -> None:
        await seal_now(floor.scope)

        limited = await verify_chain(floor.acting_as(Role.ADMIN, plant_ids=frozenset()))

        assert (limited.broken, limited.checked) == (None, (await verify_chain(floor.scope)).checked)

    async def test_says_nothing_about_another_organizations_chain(self, scope: Scope, tamper: Tamper) -> None:
        other = await found()

        await tamper("UPDATE audit_log SET device = 'x' WHERE org_id = $org")

        assert (await sealed(other)).broken is None


class TestAnchors:
    async def test_still_stand_in_a_chain_that_has_grown(self, scope: Scope, tamper: Tamper) -> None:
        earlier = (await verify_chain(scope)).anchor
        await change(scope, code="NEW")
        await seal_now(scope)

        report = await verify_chain(scope, earlier=earlier)

        assert (report.given, report.holds) == (AnchorState.STANDS, True)

    async def test_are_gone_from_a_chain_that_was_written_anew(self, scope: Scope, tamper: Tamper) -> None:
        earlier = (await verify_chain(scope)).anchor
        await tamper("UPDATE audit_log SET device = 'x' WHERE org_id = $org")
        await tamper("DELETE FROM audit_chain WHERE org_id = $org")
        await tamper("SELECT app.seal_audit_of($org, (SELECT max(seq) FROM audit_log))")

        report = await verify_chain(scope, earlier=earlier)

        assert (report.broken, report.given, report.holds) == (None, AnchorState.GONE, False)

    async def test_are_gone_from_a_chain_that_was_cut_off(self, scope: Scope, tamper: Tamper) -> None:
        earlier = (await verify_chain(scope)).anchor
        await tamper("DELETE FROM audit_log WHERE org_id = $org AND seq IN (SELECT entry_seq FROM audit_chain"
                     " WHERE org_id = $org AND position > 8)")  # fmt: skip
        await tamper("DELETE FROM audit_chain WHERE org_id = $org AND position > 8")

        assert (await verify_chain(scope, earlier=earlier)).given is AnchorState.GONE

    def test_are_read_as_they_are_shown(self) -> None:
        anchor = Anchor(17, "ab" * 32)

        assert Anchor.parse(f"  {anchor} ", field="anchor") == anchor

    @pytest.mark.parametrize("typed", ["", "17", "x:" + "ab" * 32, "0:" + "ab" * 32, "1:" + "xy" * 32, "1:ab"])
    def test_are_refused_when_they_are_none(self, typed: str) -> None:
        with pytest.raises(InvalidAnchor):
            Anchor.parse(typed, field="anchor")
