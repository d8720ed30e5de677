"""An attack on every table that there is, as a second organization under the runtime role."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from domain.scope import Scope
from services.db.keys import new_id
from services.db.work import begin
from tests.architecture.furnished import furnish
from tests.architecture.schema import Table
from tests.factories import Connection, Floor, Make, enter, found

RowValues = dict[str, object]


@dataclass(frozen=True)
class Attack:
    """Two furnished organizations, and a connection on which the second one acts as the runtime role."""

    connection: Connection
    behind: Connection
    """Sees everything, to look up what is attacked."""
    victim: Floor
    attacker: Floor
    second_plant: UUID
    """A plant of the attacker's own organization; the floor stands in the other one."""

    async def rows_of(self, table: Table, org_id: UUID) -> list[RowValues]:
        """Return an organization's rows as they really are."""
        rows = await self.behind.fetch(f"SELECT * FROM {table.full_name} WHERE {table.org_column} = $1", org_id)
        return [dict(row) for row in rows]

    async def inserting(self, table: Table, values: RowValues) -> str:
        """Insert a row as the runtime role and undo it; returns the SQLSTATE of the refusal, empty when accepted."""
        names = [name for name in values if not table.columns[name].is_generated]
        places = ", ".join(f"${number}" for number in range(1, len(names) + 1))
        statement = f"INSERT INTO {table.full_name} ({', '.join(names)}) VALUES ({places})"
        return await self._refusal_of(statement, *(values[name] for name in names))

    async def referring(self, table: Table, column: str, target: object) -> str:
        """Let one of the attacker's rows refer to `target` and undo it; returns the SQLSTATE of the refusal.

        Changes a row where the runtime role may; adds a copy of one where it may only add.
        """
        if table.columns[column].is_generated:
            column = WRITTEN_AS[column]
        if "UPDATE" in table.grants:
            statement = f"UPDATE {table.full_name} SET {column} = $1 WHERE org_id = $2"
            return await self._refusal_of(statement, target, self.attacker.scope.org_id)
        mine = (await self.rows_of(table, self.attacker.scope.org_id))[0]
        return await self.inserting(table, fresh(table, mine) | {column: target})

    async def _refusal_of(self, statement: str, *values: object) -> str:
        savepoint = self.connection.transaction()
        await savepoint.start()
        try:
            await self.connection.execute(statement, *values)
        except asyncpg.PostgresError as error:
            return error.sqlstate
        finally:
            await savepoint.rollback()
        return ""


REFUSED = asyncpg.InsufficientPrivilegeError.sqlstate
BREAKS_A_RULE = "23514"  # a check that is asked before the reference: a lane or a machine, never both
WRITTEN_AS = {"own_role": "role"}
"""Generated columns that refer to something, each with the column from which Postgres makes them."""
NO_SUCH_ROW = asyncpg.ForeignKeyViolationError.sqlstate


@pytest.fixture
async def attack(
    app_connection: Connection, superuser_connection: Connection, floor: Floor, other: Floor, make: Make
) -> AsyncIterator[Attack]:
    """The second organization's open transaction."""
    await furnish(floor)
    await furnish(other)
    async with begin(other.scope) as work:
        second_plant = (await make.plant(work)).id
    transaction = app_connection.transaction()
    await transaction.start()
    await enter(app_connection, other.scope)
    yield Attack(app_connection, superuser_connection, victim=floor, attacker=other, second_plant=second_plant)
    await transaction.rollback()


class TestFurnishing:
    async def test_leaves_no_table_unattacked(self, attack: Attack, isolated: list[Table]) -> None:
        empty = [table.name for table in isolated if not await attack.rows_of(table, attack.victim.scope.org_id)]

        assert empty == []


class TestReading:
    async def test_shows_no_row_of_the_first_organization(self, attack: Attack, isolated: list[Table]) -> None:
        for table in isolated:
            seen = await attack.connection.fetch(f"SELECT DISTINCT {table.org_column} FROM {table.full_name}")

            assert {row[0] for row in seen} == {attack.attacker.scope.org_id}, table.name

    async def test_without_an_organization_raises_instead_of_showing_nothing(
        self, attack: Attack, isolated: list[Table], app_connection: Connection
    ) -> None:
        await enter(app_connection, replace(attack.attacker.scope, org_id=UUID(int=0)))
        await app_connection.execute("SELECT set_config('app.org_id', '', true)")
        for table in isolated:
            savepoint = app_connection.transaction()
            await savepoint.start()

            with pytest.raises(asyncpg.InvalidTextRepresentationError, match="no organization is set"):
                await app_connection.fetch(f"SELECT * FROM {table.full_name}")

            await savepoint.rollback()

    async def test_without_plants_shows_no_plants_rows(
        self, attack: Attack, isolated: list[Table], app_connection: Connection
    ) -> None:
        await app_connection.execute("SELECT set_config('app.plant_ids', '', true)")
        for table in isolated:
            if table.plant_column is None:
                continue
            seen = await app_connection.fetchval(
                f"SELECT count(*) FROM {table.full_name} WHERE {table.plant_column} IS NOT NULL"
            )

            assert seen == 0, table.name


class TestWriting:
    async def test_changes_no_row_of_the_first_organization(self, attack: Attack, isolated: list[Table]) -> None:
        for table in isolated:
            if "UPDATE" not in table.grants:
                continue
            done = await attack.connection.execute(
                f"UPDATE {table.full_name} SET {table.org_column} = {table.org_column} WHERE {table.org_column} = $1",
                attack.victim.scope.org_id,
            )

            assert done == "UPDATE 0", table.name

    async def test_deletes_no_row_of_the_first_organization(self, attack: Attack, isolated: list[Table]) -> None:
        for table in isolated:
            if "DELETE" not in table.grants:
                continue
            done = await attack.connection.execute(
                f"DELETE FROM {table.full_name} WHERE {table.org_column} = $1", attack.victim.scope.org_id
            )

            assert done == "DELETE 0", table.name

    async def test_adds_no_row_to_the_first_organization(self, attack: Attack, isolated: list[Table]) -> None:
        for table in isolated:
            row = (await attack.rows_of(table, attack.victim.scope.org_id))[0]

            assert await attack.inserting(table, fresh(table, row)) == REFUSED, table.name

    async def test_gives_no_row_away_to_the_first_organization(self, attack: Attack, isolated: list[Table]) -> None:
        for table in isolated:
            if "UPDATE" not in table.grants or table.name == "organizations":
                continue
            savepoint = attack.connection.transaction()
            await savepoint.start()

            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                await attack.connection.execute(f"UPDATE {table.full_name} SET org_id = $1", attack.victim.scope.org_id)

            await savepoint.rollback()


class TestReferences:
    async def test_to_the_first_organizations_rows_look_as_if_nothing_were_there(
        self, attack: Attack, isolated: list[Table]
    ) -> None:
        attacked = 0
        by_name = {table.name: table for table in isolated}
        for table in isolated:
            if "INSERT" not in table.grants:
                continue
            for key in table.foreign_keys:
                column = key.columns[-1]
                if key.target == "organizations":
                    continue
                theirs = await attack.rows_of(by_name[key.target], attack.victim.scope.org_id)
                target = theirs[0][key.target_columns[-1]]
                to_theirs = await attack.referring(table, column, target)
                nothing = new_id() if isinstance(target, UUID) else "nothing"
                to_nothing = await attack.referring(table, column, nothing)

                assert to_theirs == to_nothing, key.name
                assert to_nothing in {NO_SUCH_ROW, BREAKS_A_RULE}, key.name
                attacked += 1
        assert attacked > 15


class TestUniqueKeys:
    async def test_do_not_tell_what_the_first_organization_uses(self, attack: Attack, isolated: list[Table]) -> None:
        probed = set()
        for table in isolated:
            if "INSERT" not in table.grants or table.name == "organizations":
                continue
            mine = await attack.rows_of(table, attack.attacker.scope.org_id)
            theirs = (await attack.rows_of(table, attack.victim.scope.org_id))[0]
            for unique in table.uniques:
                free = [column for column in unique.columns if column not in given(table)]
                if not free or unique.columns in {("id",), ("org_id", "id")}:
                    continue
                row = fresh(table, mine[0]) | {column: theirs[column] for column in free}
                if any(all(row[column] == own[column] for column in unique.columns) for own in mine):
                    continue

                assert await attack.inserting(table, row) == "", (unique.name, row)
                probed.add(unique.name)
        assert {"users_email_uq", "plants_code_uq", "machines_code_uq", "booking_keys_pk"} <= probed


class TestPlants:
    """A user who may see one plant only, in their own organization."""

    async def test_hide_the_rows_of_other_plants(self, attack: Attack, isolated: list[Table]) -> None:
        await enter(attack.connection, seeing(attack, attack.second_plant))
        for table in isolated:
            if table.plant_column is None:
                continue
            seen = await attack.connection.fetch(
                f"SELECT DISTINCT {table.plant_column} FROM {table.full_name} WHERE {table.plant_column} IS NOT NULL"
            )

            assert {row[0] for row in seen} <= {attack.second_plant}, table.name

    async def test_show_the_rows_of_their_own_plant(self, attack: Attack, isolated: list[Table]) -> None:
        await enter(attack.connection, seeing(attack, attack.attacker.plant_id))
        for table in isolated:
            if table.plant_column is None:
                continue
            seen = await attack.connection.fetch(f"SELECT DISTINCT {table.plant_column} FROM {table.full_name}")

            assert attack.attacker.plant_id in {row[0] for row in seen}, table.name

    async def test_refuse_rows_for_other_plants(self, attack: Attack, isolated: list[Table]) -> None:
        rows = {table.name: await attack.rows_of(table, attack.attacker.scope.org_id) for table in isolated}
        await enter(attack.connection, seeing(attack, attack.second_plant))
        for table in isolated:
            if table.plant_column is None or "INSERT" not in table.grants:
                continue
            row = next(row for row in rows[table.name] if row[table.plant_column] == attack.attacker.plant_id)

            assert await attack.inserting(table, fresh(table, row)) == REFUSED, table.name

    async def test_let_nobody_change_or_delete_rows_of_other_plants(
        self, attack: Attack, isolated: list[Table]
    ) -> None:
        await enter(attack.connection, seeing(attack, attack.second_plant))
        for table in isolated:
            if table.plant_column is None:
                continue
            where = f"WHERE {table.plant_column} = $1"
            if "UPDATE" in table.grants:
                statement = f"UPDATE {table.full_name} SET org_id = org_id {where}"
                assert await attack.connection.execute(statement, attack.attacker.plant_id) == "UPDATE 0", table.name
            if "DELETE" in table.grants:
                statement = f"DELETE FROM {table.full_name} {where}"
                assert await attack.connection.execute(statement, attack.attacker.plant_id) == "DELETE 0", table.name


class TestOrganizations:
    async def test_that_do_not_exist_see_nothing(self, attack: Attack, isolated: list[Table]) -> None:
        await enter(attack.connection, Scope(new_id()))
        for table in isolated:
            assert await attack.connection.fetchval(f"SELECT count(*) FROM {table.full_name}") == 0, table.name

    async def test_are_chosen_per_transaction_and_never_stay_on_a_connection(
        self, app_connection: Connection, floor: Floor
    ) -> None:
        async with app_connection.transaction():
            await enter(app_connection, await found())
            await app_connection.fetch("SELECT * FROM users")

        with pytest.raises(asyncpg.InvalidTextRepresentationError, match="no organization is set"):
            await app_connection.fetch("SELECT * FROM users")


def seeing(attack: Attack, plant_id: UUID) -> Scope:
    """Return the attacker's scope, limited to one plant."""
    return replace(attack.attacker.scope, plant_ids=frozenset({plant_id}))


def fresh(table: Table, row: RowValues) -> RowValues:
    """Return a copy of a row that collides with no other: new id, new words in what must be unique."""
    copy = dict(row)
    unique = {column for unique in table.uniques if unique.predicate is None for column in unique.columns}
    for column in unique - given(table):
        match row[column]:
            case UUID():
                copy[column] = new_id()
            case str(word):
                copy[column] = f"x{word[:30]}"
            case datetime() as instant:
                copy[column] = instant + timedelta(seconds=1)
    return copy


def given(table: Table) -> set[str]:
    """Return the columns whose values the rows of other tables decide."""
    return {"org_id", *(column for key in table.foreign_keys for column in key.columns)}
