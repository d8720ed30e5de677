"""From a scope to a transaction."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from domain.errors import Forbidden, Unavailable
from domain.identity.roles import Permission, Role
from domain.scope import Scope
from services.config import WrongSetting
from services.db.embedded import OWNER_ROLE, EmbeddedPostgres
from services.db.engine import (
    Database,
    current_database,
    refuse_powerful_role,
    use_database,
    without_tenant,
)
from services.db.tables import Department, Plant
from services.db.work import NotInYourPlants, begin, read
from services.plant.plant_models import add_department, add_plant
from tests.factories import Connection, Floor, Make, found


class TestBegin:
    async def test_keeps_what_was_written(self, scope: Scope) -> None:
        async with begin(scope) as work:
            await add_plant(work, code="A", name="A", time_zone="UTC")

        async with read(scope) as work:
            assert (await work.session.execute(select(Plant.code))).scalars().all() == ["A"]

    async def test_keeps_nothing_of_what_failed(self, scope: Scope) -> None:
        async def fail() -> None:
            async with begin(scope) as work:
                await add_plant(work, code="A", name="A", time_zone="UTC")
                raise LookupError("something else went wrong")

        with pytest.raises(LookupError, match="something else"):
            await fail()

        async with read(scope) as work:
            assert (await work.session.execute(select(Plant))).first() is None

    async def test_keeps_nothing_of_what_was_cancelled(self, scope: Scope) -> None:
        written = asyncio.Event()

        async def write_slowly() -> None:
            async with begin(scope) as work:
                await add_plant(work, code="A", name="A", time_zone="UTC")
                written.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(write_slowly())
        await written.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        async with read(scope) as work:
            assert (await work.session.execute(select(Plant))).first() is None

    async def test_reads_the_time_once_from_the_database(self, scope: Scope) -> None:
        async with begin(scope) as work:
            await asyncio.sleep(0.01)
            again = await work.session.scalar(text("SELECT now()"))

            assert work.now == again
            assert work.now.tzinfo is not None
            assert abs(datetime.now(UTC) - work.now) < timedelta(seconds=30)

    async def test_leaves_no_scope_behind_on_the_connection(self, floor: Floor) -> None:
        async with begin(floor.scope) as work:
            await work.session.execute(select(Plant))

        for _ in range(current_database().engine.pool.size()):  # type: ignore[attr-defined]
            async with without_tenant() as connection:
                with pytest.raises(DBAPIError, match="no organization is set"):
                    await connection.execute(text("SELECT * FROM plants"))

    async def test_scopes_at_once_never_mix(self, database: Database) -> None:
        scopes = [await found() for _ in range(8)]

        async def add_and_look(scope: Scope) -> set[object]:
            async with begin(scope) as work:
                await add_plant(work, code="P", name="P", time_zone="UTC")
            async with read(scope) as work:
                return set((await work.session.execute(select(Plant.org_id))).scalars())

        seen = await asyncio.gather(*(add_and_look(scope) for scope in scopes * 3), return_exceptions=True)

        assert [found_in for found_in in seen if isinstance(found_in, set) and len(found_in) > 1] == []
        assert {org for found_in in seen if isinstance(found_in, set) for org in found_in} == {
            scope.org_id for scope in scopes
        }


class TestRead:
    async def test_refuses_to_write(self, scope: Scope) -> None:
        async with read(scope) as work:
            with pytest.raises(DBAPIError, match="read-only"):
                await add_plant(work, code="A", name="A", time_zone="UTC")

    async def test_of_a_snapshot_sees_one_instant(self, scope: Scope) -> None:
        async with read(scope, snapshot=True) as work:
            before = (await work.session.execute(select(Plant.code))).all()
            async with begin(scope) as other_work:
                await add_plant(other_work, code="NEW", name="New", time_zone="UTC")

            assert (await work.session.execute(select(Plant.code))).all() == before == []

    async def test_does_not_make_later_transactions_on_the_connection_read_only(self, scope: Scope) -> None:
        for _ in range(3):
            async with read(scope, snapshot=True):
                pass

        async with begin(scope) as work:
            await add_plant(work, code="A", name="A", time_zone="UTC")

    async def test_is_limited_to_the_scopes_plants(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            await make.plant(work)

        async with read(floor.acting_as(Role.VIEWER, plant_ids=frozenset({floor.plant_id}))) as work:
            assert (await work.session.execute(select(Plant.id))).scalars().all() == [floor.plant_id]
        async with read(floor.acting_as(Role.VIEWER, plant_ids=frozenset())) as work:
            assert (await work.session.execute(select(Plant.id))).scalars().all() == []


class TestUnavailable:
    async def test_is_a_server_that_is_not_there(self, scope: Scope) -> None:
        used = current_database()
        absent = Database("postgresql://unison_app@/unison?host=/nonexistent")
        use_database(absent)
        try:
            with pytest.raises(Unavailable):
                async with begin(scope):
                    pass
            with pytest.raises(Unavailable):
                async with without_tenant():
                    pass
        finally:
            use_database(used)
            await absent.close()

    async def test_is_a_connection_that_dies_in_the_middle_and_the_next_one_works(
        self, scope: Scope, superuser_connection: Connection
    ) -> None:
        async def lose_it() -> None:
            async with begin(scope) as work:
                pid = await work.session.scalar(text("SELECT pg_backend_pid()"))
                await superuser_connection.execute("SELECT pg_terminate_backend($1)", pid)
                await add_plant(work, code="A", name="A", time_zone="UTC")

        with pytest.raises(Unavailable):
            await lose_it()

        async with begin(scope) as work:
            await add_plant(work, code="A", name="A", time_zone="UTC")

    async def test_lasts_for_one_transaction_when_every_idle_connection_died(
        self, scope: Scope, superuser_connection: Connection
    ) -> None:
        async def work() -> str:
            try:
                async with begin(scope) as work:
                    await work.session.execute(text("SELECT pg_sleep(0.01)"))
            except Unavailable:
                return "gone"
            return "back"

        await asyncio.gather(*(work() for _ in range(8)))
        await superuser_connection.execute(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
            " WHERE application_name = 'unison' AND datname = current_database()"
        )

        answers = [await work() for _ in range(9)]

        assert answers == ["gone"] + ["back"] * 8

    async def test_is_waiting_too_long_for_somebody_else(self, floor: Floor) -> None:
        lock = text("SELECT * FROM machine_status WHERE machine_id = :id FOR UPDATE")

        async def wait() -> None:
            async with begin(floor.scope) as work:
                await work.session.execute(text("SET LOCAL lock_timeout = 50"))
                await work.session.execute(lock, {"id": floor.machine_id})

        async with begin(floor.scope) as holder:
            await holder.session.execute(lock, {"id": floor.machine_id})

            with pytest.raises(Unavailable):
                await wait()

    async def test_is_not_a_statement_that_is_wrong(self, scope: Scope) -> None:
        async def ask_nonsense() -> None:
            async with begin(scope) as work:
                await work.session.execute(text("SELECT nonsense"))

        with pytest.raises(DBAPIError):
            await ask_nonsense()


class TestUseDatabase:
    async def test_must_come_before_any_work(self, database: Database) -> None:
        use_database(None)
        try:
            with pytest.raises(RuntimeError, match="use_database"):
                current_database()
        finally:
            use_database(database)


class TestRefusePowerfulRole:
    @pytest.mark.parametrize("role", [OWNER_ROLE, "postgres"])
    async def test_refuses_roles_that_row_security_does_not_hold(
        self, cluster: EmbeddedPostgres, database_name: str, role: str
    ) -> None:
        powerful = Database(cluster.url(role, database_name))
        try:
            with pytest.raises(WrongSetting, match=f"UNISON_DATABASE_URL signs in as “{role}”"):
                await refuse_powerful_role(powerful)
        finally:
            await powerful.close()


class TestScope:
    async def test_of_a_user_reaches_the_database_as_it_is(self, floor: Floor) -> None:
        scope = replace(floor.acting_as(Role.OPERATOR, plant_ids=frozenset({floor.plant_id})), request_id="r-1")
        names = ("org_id", "plant_ids", "actor_kind", "user_id", "request_id")

        async with read(scope) as work:
            told = [await work.session.scalar(text(f"SELECT current_setting('app.{name}')")) for name in names]

        assert told == [str(scope.org_id), f"{{{floor.plant_id}}}", "user", str(scope.user_id), "r-1"]


class TestPermit:
    async def test_narrows_the_transaction_to_the_plants_in_which_the_permission_holds(
        self, floor: Floor, make: Make
    ) -> None:
        async with begin(floor.scope) as work:
            far = await make.plant(work)
        user = limited(floor, edits_in=floor.plant_id)

        async with begin(user) as work:
            await work.permit(Permission.READ_PLANT)
            assert set((await work.session.execute(select(Plant.id))).scalars()) == {floor.plant_id, far.id}

            await work.permit(Permission.EDIT_PLANT)
            assert set((await work.session.execute(select(Plant.id))).scalars()) == {floor.plant_id}

            await work.permit(Permission.READ_PLANT)
            assert set((await work.session.execute(select(Plant.id))).scalars()) == {floor.plant_id}

    async def test_says_that_it_is_the_plant_where_something_may_be_done_elsewhere(
        self, floor: Floor, make: Make
    ) -> None:
        async with begin(floor.scope) as work:
            far = await make.plant(work)
        user = limited(floor, edits_in=floor.plant_id)

        with pytest.raises(NotInYourPlants, match="some plants only"):
            async with begin(user) as work:
                await add_department(work, plant_id=far.id, code="D", name="D")

        async with begin(user) as work:
            await add_department(work, plant_id=floor.plant_id, code="D", name="D")

    async def test_says_so_where_row_security_refuses_what_is_written(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            far = await make.plant(work)

        async def write_blindly() -> None:
            async with begin(limited(floor, edits_in=floor.plant_id)) as work:
                await work.permit(Permission.EDIT_PLANT)
                work.session.add(Department(org_id=floor.scope.org_id, plant_id=far.id, code="D", name="D"))

        with pytest.raises(NotInYourPlants):
            await write_blindly()

    async def test_is_never_undone_by_a_savepoint_taken_back(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            await make.plant(work)

        async with begin(limited(floor, edits_in=floor.plant_id)) as work:
            savepoint = await work.session.begin_nested()
            await work.permit(Permission.EDIT_PLANT)
            await savepoint.rollback()
            await work.permit(Permission.EDIT_PLANT)

            assert set((await work.session.execute(select(Plant.id))).scalars()) == {floor.plant_id}

    async def test_lets_pass_who_holds_any_of_the_permissions(self, floor: Floor) -> None:
        async with begin(limited(floor, edits_in=floor.plant_id)) as work:
            await work.permit(Permission.CORRECT_PRODUCTION, Permission.EDIT_PLANT)

            with pytest.raises(Forbidden) as refused:
                await work.permit(Permission.CORRECT_PRODUCTION, Permission.REVERSE_PRODUCTION)

        assert refused.value.fields == {"permission": "production.log.correct"}


def limited(floor: Floor, *, edits_in: UUID) -> Scope:
    """Return the scope of somebody who reads everywhere and edits one plant."""
    return replace(
        floor.acting_as(Role.VIEWER),
        permissions=frozenset({Permission.READ_PLANT, Permission.EDIT_PLANT}),
        plant_limits={Permission.EDIT_PLANT: frozenset({edits_in})},
    )
