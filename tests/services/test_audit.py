"""Every change, written down by a trigger that no use case can forget."""

import asyncio
import time
from dataclasses import replace

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from domain.identity.roles import Role
from domain.scope import Scope
from services.db.keys import new_id
from services.db.tables import AuditEntry, Machine, Plant, User
from services.db.work import Work, begin, read
from services.plant.plant_models import add_plant
from tests.factories import Connection, Floor, Make, undone


async def trail(work: Work, **where: object) -> list[AuditEntry]:
    statement = select(AuditEntry).filter_by(**where).order_by(AuditEntry.seq)
    return list((await work.session.execute(statement)).scalars())


class TestAudit:
    async def test_keeps_what_was_before_and_after(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            (await work.session.get_one(Machine, floor.machine_id)).name = "Press 4"
        async with begin(floor.scope) as work:
            entries = await trail(work, row_id=floor.machine_id)

        made, renamed = entries
        assert (made.action, made.before, made.table_name) == ("insert", None, "machines")
        assert (renamed.action, renamed.plant_id) == ("update", floor.plant_id)
        assert isinstance(renamed.before, dict)
        assert isinstance(renamed.after, dict)
        changed = {name for name in renamed.before if renamed.before[name] != renamed.after[name]}
        assert changed == {"name", "version"}
        assert renamed.after["name"] == "Press 4"

    async def test_keeps_who_did_it_when_and_in_which_request(self, floor: Floor, make: Make) -> None:
        scope = replace(floor.acting_as(Role.ADMIN), request_id="req-7")
        async with begin(scope) as work:
            plant, now = await make.plant(work), work.now

        async with read(floor.scope) as work:
            entry = (await trail(work, row_id=plant.id))[0]
        assert (entry.actor_kind, entry.user_id, entry.request_id, entry.at) == (
            "user", floor.user_ids[Role.ADMIN], "req-7", now,
        )  # fmt: skip

    async def test_never_keeps_a_password_hash(self, floor: Floor, password_hash: str) -> None:
        async with begin(floor.scope) as work:
            user = await work.session.get_one(User, floor.user_ids[Role.ADMIN])
            user.password_hash, user.display_name = "another hash", "Another name"

        async with read(floor.scope) as work:
            entries = await trail(work, table_name="users")
        kept = [values for entry in entries for values in (entry.before, entry.after) if isinstance(values, dict)]
        assert len(kept) == len(Role) + 2
        assert not any("password_hash" in values for values in kept)

    async def test_keeps_nothing_of_what_was_undone(self, floor: Floor) -> None:
        plant_id = new_id()

        async def fail() -> None:
            async with begin(floor.scope) as work:
                work.session.add(Plant(id=plant_id, org_id=floor.scope.org_id, code="X", name="X", time_zone="UTC"))
                await work.session.flush()
                raise LookupError

        with pytest.raises(LookupError):
            await fail()

        async with read(floor.scope) as work:
            assert await trail(work, row_id=plant_id) == []

    async def test_keeps_nothing_of_an_update_that_changes_nothing(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await work.session.execute(update(Plant).values(name=Plant.name))
            assert [entry.action for entry in await trail(work, row_id=floor.plant_id)] == ["insert"]

    async def test_cannot_be_written_changed_or_deleted_by_the_runtime_role(self, floor: Floor) -> None:
        for statement in (
            "UPDATE audit_log SET action = 'delete'",
            "DELETE FROM audit_log",
            "INSERT INTO audit_log (org_id, at, actor_kind, request_id, table_name, action)"
            " SELECT org_id, at, actor_kind, request_id, table_name, action FROM audit_log",
        ):
            async with undone(floor.scope) as work:
                with pytest.raises(DBAPIError, match="permission denied"):
                    await work.session.execute(text(statement))

    async def test_shows_an_organization_its_own_trail_only(self, floor: Floor, other: Floor) -> None:
        async with read(floor.scope) as work:
            entries = await trail(work)

        assert {entry.org_id for entry in entries} == {floor.scope.org_id}
        assert other.machine_id not in {entry.row_id for entry in entries}

    async def test_shows_a_user_their_own_plants_trail_only(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            elsewhere = (await make.machine(work)).plant_id

        async with read(floor.acting_as(Role.ADMIN, plant_ids=frozenset({floor.plant_id}))) as work:
            plants = {entry.plant_id for entry in await trail(work)}
        assert floor.plant_id in plants
        assert elsewhere not in plants

    async def test_watches_the_partitions_too(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            await make.booking(work, machine_id=floor.machine_id)

            assert [entry.action for entry in await trail(work, table_name="production_log")] == ["insert"]

    async def test_does_not_make_writers_of_one_organization_wait_for_each_other(
        self, scope: Scope, superuser_connection: Connection
    ) -> None:
        async with begin(scope) as first, begin(scope) as second:
            began = time.monotonic()
            await add_plant(first, code="A", name="A", time_zone="UTC")
            await asyncio.wait_for(add_plant(second, code="B", name="B", time_zone="UTC"), 2)
            waiting = await superuser_connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")

            assert (waiting, time.monotonic() - began < 2) == (0, True)
