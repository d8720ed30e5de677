"""Whoever may see a thing reads what was changed of it, in their language."""

from nicegui import ui
from nicegui.testing import User

from domain.identity.roles import Role
from services.audit.changes import LEFT_OUT
from services.audit.recorded import OTHERS, RECORDED
from services.db.tables import Machine
from services.db.work import begin
from services.plant.machines import edit_machine
from services.plant.plant_models import edit_plant
from services.production.work_orders import hold_order
from tests.factories import Connection, Floor, Make
from tests.ui.conftest import SignIn, sees, until
from ui.pages.field_names import FIELD_NAMES


def texts(user: User) -> str:
    return " ".join(label.text for label in user.find(kind=ui.label).elements)


async def renamed(floor: Floor, *, name: str = "Press 4") -> None:
    async with begin(floor.acting_as(Role.ADMIN)) as work:
        machine = await work.session.get_one(Machine, floor.machine_id)
        await edit_machine(work, machine_id=machine.id, version=machine.version, name=name, allows_parallel=True)


class TestHistory:
    async def test_opens_over_the_form_of_a_machine(self, floor: Floor, sign_in: SignIn) -> None:
        await renamed(floor)
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/machines")
        await admin.should_see(marker="edit-machine", retries=60)
        admin.find(marker="edit-machine").click()
        await admin.should_see(marker="show-history", retries=60)

        admin.find(marker="show-history").click()

        await sees(admin, f"Machine {floor.machine_code} changed")
        await sees(admin, f"Machine {floor.machine_code} added")
        for words in ("Several operations at once", "Press 4", "Yes", "The admin"):
            assert words in texts(admin)

    async def test_stands_on_the_page_of_an_order_and_follows_it(
        self, floor: Floor, make: Make, supervisor: User
    ) -> None:
        async with begin(floor.scope) as work:
            machine = await work.session.get_one(Machine, floor.machine_id)
            operation = await make.running_operation(work, machine=machine)
        await supervisor.open(f"/orders/{operation.work_order_id}")
        await supervisor.should_see(marker="change", retries=60)
        shown = len(supervisor.find(marker="change").elements)

        async with begin(floor.acting_as(Role.SUPERVISOR)) as work:
            await hold_order(work, order_id=operation.work_order_id, reason="Crack")

        await until(lambda: len(supervisor.find(marker="change").elements) == shown + 1)
        assert "State before the hold" in texts(supervisor)
        assert "The supervisor" in texts(supervisor)

    async def test_shows_older_changes_when_asked(self, floor: Floor, sign_in: SignIn) -> None:
        for number in range(30):
            async with begin(floor.acting_as(Role.ADMIN)) as work:
                await edit_plant(work, plant_id=floor.plant_id, version=number + 1, name=f"Plant {number}")
        admin = await sign_in(floor, Role.ADMIN)
        await admin.open("/admin/plants")
        await admin.should_see(marker="edit-plant", retries=60)
        admin.find(marker="edit-plant").click()
        await admin.should_see(marker="show-history", retries=60)
        admin.find(marker="show-history").click()
        await admin.should_see(marker="change", retries=60)
        assert len(admin.find(marker="change").elements) == 25

        admin.find(marker="older-changes").click()

        await until(lambda: len(admin.find(marker="change").elements) == 31)
        await admin.should_not_see(marker="older-changes")

    async def test_speaks_german(self, floor: Floor, sign_in: SignIn) -> None:
        await renamed(floor)
        admin = await sign_in(floor, Role.ADMIN)
        admin.http_client.headers["accept-language"] = "de"
        await admin.open("/admin/machines")
        await admin.should_see(marker="edit-machine", retries=60)
        admin.find(marker="edit-machine").click()
        await admin.should_see(marker="show-history", retries=60)

        admin.find(marker="show-history").click()

        await sees(admin, f"Maschine {floor.machine_code} geändert")
        assert "Ja" in texts(admin)


class TestFieldNames:
    async def test_every_field_of_what_has_a_history_has_a_name(self, superuser_connection: Connection) -> None:
        tables = {*RECORDED, *OTHERS, *(part.table for one in RECORDED.values() for part in one.parts)}
        rows = await superuser_connection.fetch(
            "SELECT DISTINCT attname AS name FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
            " WHERE relname = ANY ($1) AND relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped",
            sorted(tables),
        )
        hidden = {"custom", "digest", "password_hash", "client_secret", "secret", "old_secret"}

        assert {row["name"] for row in rows} - LEFT_OUT - hidden <= set(FIELD_NAMES)

    async def test_every_audited_table_has_a_name(self, superuser_connection: Connection) -> None:
        rows = await superuser_connection.fetch(
            "SELECT DISTINCT tgrelid::regclass::text AS name FROM pg_trigger"
            " JOIN pg_class ON pg_class.oid = tgrelid WHERE tgname = 'audit' AND NOT relispartition"
        )

        assert {row["name"] for row in rows} <= {*RECORDED, *OTHERS}
