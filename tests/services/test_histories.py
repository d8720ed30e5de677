"""The history of a thing: what people changed of it and its parts, as they read it."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from domain.custom_fields.fields import FieldDefinition, FieldType
from domain.errors import Forbidden, NotFound
from domain.identity.roles import Role
from services.audit.changes import Change
from services.audit.histories import History, load_history
from services.audit.recorded import RECORDED
from services.custom_fields.fields import add_field
from services.db.keys import new_id
from services.db.tables import Lane, Machine
from services.db.work import begin, read
from services.identity.roles import add_role, set_grants
from services.plant.crews import Member, add_crew, edit_crew, remove_crew
from services.plant.machines import edit_machine
from services.plant.plant_models import edit_plant
from services.production.production_logs import Pieces, report_production
from services.production.work_orders import hold_order
from tests.factories import Connection, Floor, Make


async def history(floor: Floor, table: str, row_id: UUID, *, role: Role = Role.ADMIN, limit: int = 50) -> History:
    async with read(floor.acting_as(role)) as work:
        return await load_history(work, table=table, row_id=row_id, limit=limit)


def told(change: Change) -> dict[str, tuple[object, object]]:
    return {one.name: (one.before, one.after) for one in change.fields}


class TestLoadHistory:
    async def test_tells_who_changed_which_field_from_what_to_what(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            name, version = machine.name, machine.version
            await edit_machine(work, machine_id=machine.id, version=version, name="Press 4", position=7)

        changed, added = (await history(floor, "machines", floor.machine_id)).changes.items

        assert (changed.action, changed.name, changed.actor) == ("update", floor.machine_code, "The admin")
        assert told(changed) == {"name": (name, "Press 4"), "position": (0, 7)}
        assert (added.action, added.actor, added.actor_kind) == ("insert", "", "system")
        assert "org_id" not in told(added)

    async def test_names_what_ids_lead_to(self, floor: Floor) -> None:
        changes = (await history(floor, "machines", floor.machine_id)).changes

        async with read(floor.scope) as work:
            lane = await work.session.get_one(Lane, floor.lane_id)
        assert changes.names[str(floor.lane_id)] == lane.code

    async def test_keeps_the_name_of_what_is_gone(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            crew = await add_crew(work, plant_id=floor.plant_id, name="Early")
            await remove_crew(work, crew_id=crew.id, version=crew.version)

        removed, added = (await history(floor, "crews", crew.id)).changes.items

        assert (removed.action, removed.name, added.name) == ("delete", "Early", "Early")

    async def test_names_custom_fields(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            field = FieldDefinition(key="asset", type=FieldType.TEXT, labels={"en": "Asset number"})
            await add_field(work, entity="plant", field=field)
            await edit_plant(work, plant_id=floor.plant_id, version=1, custom={"asset": "A-7"})

        changed = (await history(floor, "plants", floor.plant_id)).changes.items[0]

        assert told(changed) == {"custom.asset": (None, "A-7")}
        assert changed.fields[0].field is not None
        assert changed.fields[0].field.label("en") == "Asset number"

    async def test_holds_the_parts_of_a_thing_also_those_that_are_gone(self, floor: Floor) -> None:
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            role = await add_role(work, key="planner", name="Planner", grants=["production.order.read"])
            await set_grants(work, key="planner", version=role.version, grants=["plant.model.read"])

        changes = (await history(floor, "roles", role.id)).changes.items

        assert sorted((one.table, one.action) for one in changes) == [
            ("role_grants", "delete"), ("role_grants", "insert"), ("role_grants", "insert"), ("roles", "insert"),
        ]  # fmt: skip
        titles = {one.title.before or one.title.after for one in changes if one.title is not None}
        assert titles == {"production.order.read", "plant.model.read"}

    async def test_tells_who_joined_a_crew(self, floor: Floor) -> None:
        user_id = floor.user_ids[Role.OPERATOR]
        async with begin(floor.acting_as(Role.ADMIN)) as work:
            crew = await add_crew(work, plant_id=floor.plant_id, name="Early")
            await edit_crew(work, crew_id=crew.id, version=crew.version, members=[Member(user_id, ())])

        changes = (await history(floor, "crews", crew.id)).changes

        assert [one.table for one in changes.items if one.action == "insert"] == ["crew_members", "crews"]
        assert changes.names[str(user_id)] == "The operator"

    async def test_leaves_out_the_sums_that_reports_change(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            operation = await make.running_operation(work, machine=machine)
        async with begin(floor.acting_as(Role.OPERATOR)) as work:
            await report_production(work, machine_id=machine.id, pieces=Pieces(Decimal(5)), client_key=new_id())
        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await hold_order(work, order_id=operation.work_order_id, reason="Crack")

        changes = (await history(floor, "work_orders", operation.work_order_id, role=Role.VIEWER)).changes.items

        assert told(changes[0])["state"] == ("in_progress", "on_hold")
        assert not any({"good", "scrap"} & set(told(one)) for one in changes if one.action == "update")

    async def test_comes_page_by_page(self, floor: Floor) -> None:
        for number in range(5):
            async with begin(floor.acting_as(Role.ADMIN)) as work:
                await edit_plant(work, plant_id=floor.plant_id, version=number + 1, name=f"Plant {number}")

        first = await history(floor, "plants", floor.plant_id, limit=4)
        last = first.changes.items[-1]
        async with read(floor.acting_as(Role.ADMIN)) as work:
            rest = await load_history(work, table="plants", row_id=floor.plant_id, before=(last.at, last.seq), limit=4)

        assert (first.has_more, rest.has_more) == (True, False)
        names = [told(one)["name"][1] for one in (*first.changes.items, *rest.changes.items)]
        assert names[:5] == [f"Plant {number}" for number in reversed(range(5))]
        assert len(names) == 6

    async def test_needs_the_right_to_see_the_thing(self, floor: Floor) -> None:
        with pytest.raises(Forbidden):
            await history(floor, "users", floor.user_ids[Role.ADMIN], role=Role.OPERATOR)

    async def test_finds_nothing_of_another_organization(self, floor: Floor, other: Floor) -> None:
        for table, row_id in (("machines", other.machine_id), ("users", other.user_ids[Role.ADMIN])):
            with pytest.raises(NotFound):
                await history(floor, table, row_id)

    async def test_finds_nothing_of_plants_out_of_sight(self, floor: Floor, make: Make) -> None:
        async with begin(floor.scope) as work:
            elsewhere = await make.machine(work)
        scope = floor.acting_as(Role.SUPERVISOR, plant_ids=frozenset({floor.plant_id}))

        async with read(replace(scope)) as work:
            with pytest.raises(NotFound):
                await load_history(work, table="machines", row_id=elsewhere.id)

    async def test_knows_only_things_that_people_know(self, floor: Floor) -> None:
        with pytest.raises(NotFound):
            await history(floor, "sign_in_sessions", new_id())


class TestRecorded:
    async def test_parts_are_found_by_an_index(self, superuser_connection: Connection) -> None:
        rows = await superuser_connection.fetch("SELECT indexdef FROM pg_indexes WHERE tablename = 'audit_log'")
        indexes = [row["indexdef"] for row in rows]

        for one in RECORDED.values():
            for part in one.parts:
                if part.column:
                    assert any(f"'{part.column}'" in index and f"'{part.table}'" in index for index in indexes), part

    async def test_is_of_audited_tables(self, superuser_connection: Connection) -> None:
        rows = await superuser_connection.fetch(
            "SELECT DISTINCT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgname = 'audit'"
        )

        tables = {row["name"] for row in rows}
        assert {one.table for one in RECORDED.values()} <= tables
        assert {part.table for one in RECORDED.values() for part in one.parts} <= tables
